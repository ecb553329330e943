"""Does the report set results beside what the documents state, and need no other file?"""

import json
import re

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
    cost = {"made_with": "a <demo> model", "seconds": 3, "peak_mb": 4, "import_mb": 2}
    budget = {"budget": {"seconds": 30, "megabytes": 40}}
    (place / UNIT_FILE).write_text(json.dumps(cost | budget | more))
    entries = {key: {"file": f"{key}.png", "alt": f"what {key} shows"} for key in figures}
    (place / VALUES_FILE).write_text(json.dumps({"values": values, "figures": entries}))
    for key in figures:
        (place / f"{key}.png").write_bytes(b"\x89PNG not really")


def test_results_beside_the_documents(tmp_path):
    blank = {"low": None, "high": None, "baseline": None, "paper": None, "note": ""}
    values = {
        "macro_f1": blank | {"value": 0.31, "low": 0.25, "high": 0.37, "baseline": 0.29},
        "own_number": blank | {"value": None, "note": "says <b>nothing</b>"},
    }
    finished_unit(tmp_path, "06_lexicon_experiment", values, ["figure_5"], seconds=61.2, peak_mb=901)
    report.write(tmp_path, "demo", 0)
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


def test_results_of_an_older_version(tmp_path):
    """Without the memory that importing takes."""
    finished_unit(tmp_path, "01_data", {})
    path = tmp_path / "results" / "01_data" / UNIT_FILE
    unit = json.loads(path.read_text())
    del unit["import_mb"]
    path.write_text(json.dumps(unit))
    report.write(tmp_path, "demo", 0)
    assert "<td>4</td>\n <td></td>" in (tmp_path / "report.html").read_text()


def test_report_needs_nothing_else(tmp_path):
    finished_unit(tmp_path, "06_lexicon_experiment", {}, ["figure_5"])
    report.write(tmp_path, "smoke", 0)
    page = (tmp_path / "report.html").read_text()
    sources = re.findall(r"""(?:src|href)=["']([^"']*)""", page)
    assert sources and all(source.startswith("data:") for source in sources)
    assert not re.search(r"@import|url\(|<script", page) and "Not for clinical use" in page
