"""Is every unit built as the course promises: minutes counted, plain words, one judge, an answer at the end?"""

import re

import pytest
from offline import script

from dermxai_helpers import course

notebooks = script(".ci/notebooks.py")
UNITS = {unit.name: unit for unit in course.units("demo")}
MOST_MINUTES, WITH_EXERCISES = 55, {"00": 40, "07": 90}  # the second for the others: 75
EXERCISES = {"00": 2}  # for the others: 3 to 6
METAPHORS = (
    r"\b(court|courtroom|crime|criminal|jury|jurors?|sins?|guilty|convict\w*|suspects?|culprit|witness(es)?|testif\w+|testimony"
    r"|testify|confess\w*|alibi|drawn by lot|draws? lots|baseline: lot)\b"
)
OWN_VERDICT = r"\blow\b[\"'\]]*\s*>\s*0|\bhigh\b[\"'\]]*\s*<\s*0|>\s*\w*\.high\b|<\s*\w*\.low\b"
every_unit = pytest.mark.parametrize("name", list(UNITS))


def cells(name, kind):
    return [cell.source for cell in notebooks.derive(UNITS[name].source).cells if cell.cell_type == kind]


@every_unit
def test_the_minutes_are_counted(name):
    text = UNITS[name].source.read_text(encoding="utf-8")
    assert int(notebooks.BADGES.search(text).group(1)) == notebooks.reading_minutes(UNITS[name])
    assert notebooks.reading_minutes(UNITS[name], exercises=False) <= MOST_MINUTES
    assert notebooks.reading_minutes(UNITS[name]) <= WITH_EXERCISES.get(name[:2], 75)


@every_unit
def test_no_metaphors_to_decode(name):
    found = [match.group() for text in cells(name, "markdown") for match in re.finditer(METAPHORS, text, re.IGNORECASE)]
    assert found == []


@every_unit
def test_no_verdict_is_given_beside_the_judge(name):
    """Whether something is higher, lower or cannot be told is asked of `scoring.compare` and `scoring.among`."""
    code = "\n".join(cells(name, "code"))
    assert re.findall(OWN_VERDICT, code) == []
    assert "scoring.compare(" in code or "scoring.among(" in code


@every_unit
def test_the_end(name):
    """What we found, then what this does not show, then further reading."""
    headings = [line for text in cells(name, "markdown") for line in text.splitlines() if line.startswith("## ")]
    found = [index for index, line in enumerate(headings) if "What we found" in line]
    limits = [index for index, line in enumerate(headings) if "does *not* show" in line]
    assert len(found) == len(limits) == 1 and found < limits


@every_unit
def test_exercises_are_complete(name):
    """Difficulty, importance, minutes; what to expect; two hints; then the answer and its check."""
    book = notebooks.derive(UNITS[name].source)
    texts = [cell.source for cell in book.cells if cell.source.startswith("### Exercise ")]
    assert len(texts) == EXERCISES.get(name[:2], len(texts)) and (3 <= len(texts) <= 6 or name.startswith("00"))
    for number, text in enumerate(texts, 1):
        assert text.startswith(f"### Exercise {name.split('_')[0].removeprefix('0') or '0'}.{number} – "), text[:40]
        assert re.search(r"^Difficulty [●○]{3} · importance [●○]{3} · \d+ minutes$", text, re.MULTILINE)
        assert "**Expected:**" in text and text.count("<details><summary>Hint") == 2
    answers = [index for index, cell in enumerate(book.cells) if "exercise" in notebooks.tags(cell)]
    assert len(answers) >= len(texts)
    assert all("check" in notebooks.tags(book.cells[index + 1]) for index in answers)
