"""Does the report set results beside what the documents state, and need no other file?"""

import json
import re
from html.parser import HTMLParser

import pytest

from dermxai_helpers import course
from dermxai_helpers.course import report
from dermxai_helpers.course.record import UNIT_FILE, VALUES_FILE


def test_documents_name_known_units():
    seeds = report.seed_documents()
    known = {unit.name for unit in course.units("demo")}
    assert {row["unit"] for row in seeds["figures"] + seeds["numbers"]} <= known
    assert {row["document"] for row in seeds["figures"] + seeds["numbers"]} == set(seeds["documents"])
    assert {row["name"] for row in seeds["figures"]} == {f"figure_{name}" for name in "12345b"}


def finished_unit(folder, name, values, figures=(), **more):
    """A unit's results as a run leaves them."""
    place = folder / "results" / name
    place.mkdir(parents=True)
    cost = {"made_with": "a <demo> model", "parameters": {"seed": 0}, "seconds": 3, "peak_mb": 4}
    budget = {"budget": {"seconds": 30, "megabytes": 40}}
    (place / UNIT_FILE).write_text(json.dumps(cost | budget | more))
    entries = {key: {"alt": f"what {key} shows"} for key in figures}
    (place / VALUES_FILE).write_text(json.dumps({"values": values, "figures": entries, "claims": {}}))
    for key in figures:
        (place / f"{key}.png").write_bytes(b"\x89PNG not really")


def test_results_beside_the_documents(tmp_path):
    blank = {"low": None, "high": None, "baseline": None, "paper": None, "note": ""}
    values = {
        "macro_f1": blank | {"value": 0.31, "low": 0.25, "high": 0.37, "baseline": 0.29},
        "own_number": blank | {"value": None, "note": "says <b>nothing</b>"},
    }
    finished_unit(tmp_path, "06_lexicon_experiment", values, ["figure_5"], seconds=61.2, peak_mb=901)
    report.write(tmp_path, "demo")
    page = (tmp_path / "report.html").read_text()
    row = re.search(r"<tr>(?:(?!</tr>).)*Macro-averaged F1.*?</tr>", page, re.DOTALL).group()
    for text in ("0.260", "0.310", "0.250 to 0.370", "0.290", "a &lt;demo&gt; model"):
        assert text in row
    assert 'alt="what figure_5 shows"' in page and page.count("data:image/png;base64,") == 1
    assert "unit 06_lexicon_experiment did not record share_voting_nevus" in page
    assert "unit 01_data has not run to its end" in page
    assert page.count("macro_f1") == 0 and "own_number" in page
    assert "not defined" in page and "says &lt;b&gt;nothing" in page
    assert "took 61 s of 30; took 901 MB of 40" in page
    results = json.loads((tmp_path / "results.json").read_text())
    assert results["units"]["06_lexicon_experiment"]["figures"]["figure_5"]["file"].startswith("results/06")


def test_the_claims_come_first_the_papers_before_the_tutorials(tmp_path):
    rows = {
        "1": ("tutorial", "conclusion", "only the skin", "not judged: drawn lesions", "Half of it."),
        "2": ("paper", "4.4", f"not {EVIL}", "contradicted", "Captions: higher (9 photographs of 8 lesions)."),
    }
    finished_unit(tmp_path, "06_lexicon_experiment", {})
    claims = {
        key: dict(zip(("seed", "section", "quote", "verdict", "shown"), row, strict=True)) for key, row in rows.items()
    }
    told = tmp_path / "results" / "06_lexicon_experiment" / VALUES_FILE
    told.write_text(json.dumps({"values": {}, "figures": {}, "claims": claims}))
    report.write(tmp_path, "ham10000")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    first, second = "not judged: drawn lesions", "<strong>contradicted</strong>"
    assert page.index("<h2>What the two") < page.index(second) < page.index(first) < page.index("<h2>Numbers of")
    assert "The tutorial, conclusion" in page and "9 photographs of 8 lesions" in page and EVIL not in page
    unit = json.loads((tmp_path / "results.json").read_text())["units"]["06_lexicon_experiment"]
    assert unit["claims"] == list(claims.values())


def test_report_needs_nothing_else(tmp_path):
    finished_unit(tmp_path, "06_lexicon_experiment", {}, ["figure_5"])
    report.write(tmp_path, "smoke")
    page = (tmp_path / "report.html").read_text()
    sources = re.findall(r"""(?:src|href)=["']([^"']*)""", page)
    assert sources and all(source.startswith("data:") for source in sources)
    assert not re.search(r"@import|url\(|<script", page) and "Not for clinical use" in page


# --- what comes from outside ---

EVIL = """<img src=x onerror=alert(1)>"'><script>alert(1)</script>javascript:alert(1)"""


class Tags(HTMLParser):
    """The tags of a page, each with its attributes, as a browser sees them."""

    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))


def test_nothing_recorded_becomes_html(tmp_path):
    """Names, words, notes, parameters, alternative texts and errors are text, wherever they come from."""
    blank = {key: EVIL for key in ("value", "low", "high", "baseline", "paper", "note")}
    more = {"made_with": EVIL, "parameters": {EVIL: EVIL, "seed": EVIL}}
    finished_unit(tmp_path, "06_lexicon_experiment", {"macro_f1": blank, EVIL: blank}, ["figure_5"], **more)
    told = tmp_path / "results" / "06_lexicon_experiment" / VALUES_FILE
    told.write_text(told.read_text().replace("what figure_5 shows", json.dumps(EVIL)[1:-1]))
    (tmp_path / f"01_data{report.FAILED}").write_text(EVIL)
    (tmp_path / "results" / "<b>bold").mkdir()
    report.write(tmp_path, "demo")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("&lt;script&gt;") >= 15 and "&lt;b&gt;bold" in page
    tags = Tags(page).found
    assert not {"script", "b", "a", "iframe"} & {tag for tag, _ in tags}
    plain = {"lang", "charset", "name", "content", "class", "src", "alt"}
    assert {name for _, attributes in tags for name in attributes} <= plain
    (picture,) = [attributes for tag, attributes in tags if tag == "img"]
    assert picture["alt"] == EVIL and picture["src"].startswith("data:image/png;base64,")


@pytest.mark.parametrize("name", ["../../secret", "ABSOLUTE", "deep/../secret", "..\\secret", "link", "text", "absent"])
def test_a_figure_is_a_picture_of_its_own_folder(tmp_path, capsys, name):
    """values.json may name any file of the machine; the report shows none but the unit's."""
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"\x89PNG secret")
    finished_unit(tmp_path, "06_lexicon_experiment", {}, ["figure_5"])
    finished_unit(tmp_path, "01_data", {})
    place = tmp_path / "results" / "06_lexicon_experiment"
    (place / "text.png").write_text("secret")
    (place / "link.png").symlink_to(secret)
    name = str(secret.with_suffix("")) if name == "ABSOLUTE" else name
    (place / VALUES_FILE).write_text(json.dumps({"values": {}, "figures": {name: {"alt": "none"}}, "claims": {}}))
    report.write(tmp_path, "demo")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "data:image" not in page and "06_lexicon_experiment: no results of a unit" in page
    assert "06_lexicon_experiment" in capsys.readouterr().err
    assert list(json.loads((tmp_path / "results.json").read_text())["units"]) == ["01_data"]


NO_PARAMETERS = '{"parameters": "x", "seconds": 1, "peak_mb": 1, "budget": {"seconds": 1, "megabytes": 1}}'
NO_UNIT = [NO_PARAMETERS, "[]", "3", '"words"', "{}", "[" * 100_000, '{"seconds": "long"}']


@pytest.mark.parametrize("text", ["", '{"seconds": 3', "\x00", *NO_UNIT])
def test_a_damaged_unit_is_named_and_the_others_stay(tmp_path, text):
    finished_unit(tmp_path, "01_data", {})
    finished_unit(tmp_path, "02_mobilenetv2_training", {})
    (tmp_path / "results" / "01_data" / UNIT_FILE).write_text(text)
    (tmp_path / f"03{report.FAILED}").write_text(text)
    (tmp_path / "results" / ".ipynb_checkpoints").mkdir()
    (tmp_path / "results" / "a file").write_text("of somebody")
    report.write(tmp_path, "demo")
    results = json.loads((tmp_path / "results.json").read_text(), parse_constant=pytest.fail)
    assert list(results["units"]) == ["02_mobilenetv2_training"]
    assert {".ipynb_checkpoints", "01_data", "a file"} <= set(results["unread"])
    assert ".ipynb_checkpoints" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_words_that_are_no_unicode(tmp_path):
    blank = dict.fromkeys(("value", "low", "high", "baseline", "paper"), 1)
    finished_unit(tmp_path, "01_data", {"ratio": blank | {"note": "half a \ud83d pair"}})
    report.write(tmp_path, "demo")
    assert "half a ? pair" in (tmp_path / "report.html").read_text(encoding="utf-8")
