"""Is what the course says of the two documents what they say, and is a verdict what its comparison allows?"""

import ast
import json
import os
import re
import tomllib
from pathlib import Path

import numpy as np
import pytest
from offline import REPOSITORY

from dermxai_helpers import course, scoring
from dermxai_helpers.course import report
from dermxai_helpers.course.record import SEEDS, VALUES_FILE

SENTENCES = tomllib.loads(Path(__file__).with_name("quotes.toml").read_text(encoding="utf-8"))["sentence"]
SOURCES = sorted((REPOSITORY / "notebooks" / "src").glob("*.py"))
UP = scoring.compare(np.ones(20), np.zeros(20), np.arange(20))
UNSURE = scoring.compare(np.arange(20) % 2, 0.5, np.arange(20))
FEW = scoring.compare(np.ones(5), np.zeros(5), np.arange(5))


def plain(text):
    """Words without marks of emphasis, on one line."""
    return re.sub(r"\s+", " ", text.replace("*", "")).strip()


def claims(source):
    """The first three arguments of every `course.claim(...)`."""
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "course.claim":
            yield tuple(ast.literal_eval(argument) for argument in node.args[:3])


def curly(source):
    """What stands between “ and ” in the text cells: the course's sign for the words of a document."""
    lines = source.read_text(encoding="utf-8").splitlines()
    text = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
    return [plain(words) for words in re.findall("“([^”]*)”", text)]


def test_the_copied_sentences_stand_in_the_documents():
    if not os.environ.get("DERMXAI_SEEDS"):
        pytest.skip("set DERMXAI_SEEDS to a folder with the texts of the two documents")
    files = Path(os.environ["DERMXAI_SEEDS"]).glob("*.txt")
    texts = plain(" ".join(path.read_text(encoding="utf-8") for path in files))
    assert [one["words"] for one in SENTENCES if plain(one["words"]) not in texts] == []


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_claims_are_quoted_word_for_word(source):
    for seed, section, quote in claims(source):
        known = [plain(one["words"]) for one in SENTENCES if (one["seed"], one["section"]) == (seed, section)]
        assert any(plain(quote) in words for words in known), f"{seed}, {section}: {quote}"


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_what_stands_in_curly_quotes_is_a_quotation(source):
    known = [plain(one["words"]) for one in SENTENCES]
    assert [words for words in curly(source) if not any(words in sentence for sentence in known)] == []


@pytest.mark.parametrize(
    "comparison, supports, not_judged, verdict",
    [
        (UP, "higher", "", "supported"),
        (UP, "lower", "", "contradicted"),
        (UNSURE, "higher", "", "cannot tell"),
        (UNSURE, "lower", "", "cannot tell"),
        (FEW, "higher", "", "cannot tell"),
        (UP, "higher", "drawn lesions", "not judged: drawn lesions"),
        (UNSURE, "lower", "drawn lesions", "not judged: drawn lesions"),
        (scoring.among(1, [0] * 30), "higher", "", "supported"),
        (scoring.among(1, [0] * 30), "lower", "", "contradicted"),
        (scoring.among(0.5, [0, 1] * 15), "higher", "", "cannot tell"),
    ],
)
def test_verdicts(comparison, supports, not_judged, verdict, tmp_path, monkeypatch):
    monkeypatch.setenv("DERMXAI_RESULTS", str(tmp_path))
    said = course.claim("paper", "4.2", "some words", comparison, "The numbers.", supports, not_judged)
    assert repr(said) == f"The paper, 4.2: “some words”\n{verdict}. The numbers."
    (kept,) = json.loads((tmp_path / VALUES_FILE).read_text())["claims"].values()
    quoted = {"seed": "paper", "section": "4.2", "quote": "some words"}
    assert kept == quoted | {"verdict": verdict, "shown": "The numbers."}


@pytest.mark.parametrize("seed, supports", [("blog", "higher"), ("paper", "cannot tell"), ("paper", "maybe")])
def test_unknown_seeds_and_outcomes_are_refused(seed, supports):
    with pytest.raises(ValueError, match="a seed is one of paper, tutorial"):
        course.claim(seed, "1", "words", UP, "numbers", supports)


def test_claims_and_documents_have_the_same_names():
    assert set(SEEDS) == set(report.seed_documents()["documents"]) == {one["seed"] for one in SENTENCES}
