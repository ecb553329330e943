"""Do the pages of the appendix say what is so: terms and links of the glossary, computed tables, plain words?"""

import re

import nbformat
import pytest
from offline import REPOSITORY, script

from dermxai_helpers import checks, course

notebooks = script(".ci/notebooks.py")
NOTEBOOKS = REPOSITORY / "notebooks"
SOURCES = NOTEBOOKS / "src" / "appendix"
PAGES = ("ethics", "for_instructors", "glossary")
UNITS = {unit.name: unit for unit in course.units("demo")}
ENTRY = re.compile(r"^- \*\*([^*]+)\*\* – (.+?\.) \[(\w+)\]\(\.\./(\w+)\.ipynb\)$", re.MULTILINE)
every_page = pytest.mark.parametrize("name", PAGES)


def prose(name):
    """The words of a page, each paragraph and each item of a list in one line."""
    cells = [cell.source for cell in notebooks.derive(SOURCES / f"{name}.py").cells if cell.cell_type == "markdown"]
    return re.sub(r"\n +", " ", "\n\n".join(cells))


def committed(name):
    return nbformat.read(NOTEBOOKS / "appendix" / f"{name}.ipynb", as_version=4)


def shown(notebook):
    """What the cells of code show, as text."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert not any(output.output_type == "error" or output.get("name") == "stderr" for output in outputs)
    return "\n".join(output.get("text", "") + "".join(map(str, text_data(output))) for output in outputs)


def text_data(output):
    return [text for kind, text in sorted(output.get("data", {}).items()) if kind.startswith("text/")]


# --- all of them ---


@every_page
def test_links_lead_somewhere(name):
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", prose(name) + shown(committed(name)))
    assert all((NOTEBOOKS / "appendix" / link).exists() for link in links), links


@every_page
def test_quotation_marks_are_kept_for_quotations(name):
    assert not re.search("[“”]", prose(name))


@pytest.mark.parametrize("name", notebooks.EXECUTED)
def test_an_executed_page_shows_what_it_would_show_today(name):
    """Its tables come from units and checks, and so does this comparison."""
    fresh = notebooks.run_here(notebooks.derive(SOURCES / f"{name}.py"))
    assert shown(fresh) == shown(committed(name)), "run `python .ci/notebooks.py appendix`"


# --- the glossary ---

ENTRIES = ENTRY.findall(prose("glossary"))


def test_every_line_is_an_entry_of_one_sentence():
    lines = [line for line in prose("glossary").splitlines() if line.startswith("- ")]
    assert len(lines) == len(ENTRIES) >= 60
    for term, sentence, _, _ in ENTRIES:
        assert 4 <= len(sentence.split()) <= 30 and not re.search(r"[.?!] ", sentence), term


def test_terms_are_in_order_and_stand_once():
    terms = [term.casefold() for term, *_ in ENTRIES]
    assert terms == sorted(set(terms))


@pytest.mark.parametrize(("term", "sentence", "number", "unit"), ENTRIES, ids=[term for term, *_ in ENTRIES])
def test_the_unit_holds_the_term(term, sentence, number, unit):
    assert unit in UNITS and number == unit.split("_")[0]
    text = " ".join(cell.source for cell in notebooks.derive(UNITS[unit].source).cells)
    assert re.search(rf"(?<!\w){re.escape(term)}", re.sub(r"\s+", " ", text), re.IGNORECASE)


# --- for instructors ---


def test_every_misconception_is_told_to_instructors():
    text = shown(committed("for_instructors")).replace(r"\|", "|")
    known = [one for one in vars(checks).values() if isinstance(one, checks.Exercise)]
    assert len(known) >= 40
    missing = [sentence for one in known for sentence in one.mistakes if sentence not in text]
    assert missing == []


def test_every_unit_has_its_goals_and_minutes():
    text = shown(committed("for_instructors"))
    for name, unit in UNITS.items():
        assert text.count(f"(../{name}.ipynb)") == 3, "minutes, goals, misconceptions"
        assert f"{unit.question} | {notebooks.reading_minutes(unit)} |" in text


def test_the_plans_fit_their_time():
    row = r"^\| (an afternoon|a week|six weeks) \| [\w ]+ \| [^|]+ \| (?:more than )?(\d+) \|"
    rows = re.findall(row, shown(committed("for_instructors")), re.MULTILINE)
    assert len(rows) == 12
    limits = {"an afternoon": 180, "a week": 165, "six weeks": 165}
    assert all(int(found) <= limits[plan] for plan, found in rows)


# --- ethics ---


def test_ethics_is_short_and_gives_its_sources():
    text = prose("ethics")
    assert len(text.split()) <= 900
    assert len(set(re.findall(r"\[doi:(10\.\d{4,}/[^\]]+)\]\(https://doi\.org/10", text))) >= 5
    assert text.count("clinical use") == 1
    for words in ("CC BY-NC 4.0", "Vienna", "Queensland", "consent", "EXIF"):
        assert words in text
