"""Are right answers right, wrong ones told why, and hostile ones survived?"""

import json
import re
import sys

import handed_in
import offline
import pandas as pd
import psutil
import pytest
from typer.testing import CliRunner

from dermxai_helpers import checks
from dermxai_helpers.__main__ import app

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="grading needs os.fork")
FULL, POINTS, OTHER = 44, 3, 5  # of the automatic questions; of the two that hostile students answer
OUTCOMES = {
    "endless": "time-out", "stubborn": "time-out", "prints": "time-out", "forks": "tampered", "starts": "tampered",
    "threads": "crash", "eats": "crash", "leaves": "crash", "exits": "crash", "fills": "crash", "speaks": "crash",
    "equal": "wrong", "setattr": "wrong", "marks": "wrong", "writes": "tampered", "deletes": "tampered",
    "calls": "tampered", "reads": "tampered", "kills": "tampered", "native": "tampered",
}  # fmt: skip


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """The folder after a batch of more than forty students."""
    place = tmp_path_factory.mktemp("batch")
    done = offline.python("tests/handed_in.py", str(place), TQDM_DISABLE="1")
    assert done.returncode == 0, done.stderr
    return place / "course"


@pytest.fixture(scope="module")
def grades(graded):
    return pd.read_csv(graded / "grades.csv").set_index(["student", "question"]).sort_index()


@pytest.fixture(scope="module")
def totals(graded):
    return pd.read_csv(graded / "totals.csv").set_index("student")


@pytest.mark.parametrize(
    "student", ["right", "zoe the last", "flat", "told by its metadata", "told by its cells", "helped", "..", "'=1+1"]
)
def test_right_answers_get_all_points(totals, student):
    assert totals["points"][student] == FULL and totals["assignment"][student] == handed_in.ASSIGNMENT


def test_the_stub_gets_none(totals, grades):
    assert totals["points"]["stub"] == 0 and set(grades.loc["stub"]["outcome"]) == {"not attempted"}


def test_wrong_answers_are_told_their_misconception(totals, grades):
    assert 0 < totals["points"]["wrong"] < FULL
    for name in handed_in.WRONG:
        assert grades["outcome"]["wrong", name] == "wrong"
        assert grades["reason"]["wrong", name] in getattr(checks, name).mistakes


@pytest.mark.parametrize("student", handed_in.HOSTILE)
def test_hostile_answers_are_marked_not_obeyed(totals, grades, student):
    """And the other answer of the same notebook is graded."""
    outcome = grades["outcome"][student, "expected_leak"]
    assert outcome == OUTCOMES.get(student, outcome)
    assert grades["points"][student, "expected_leak"] == 0 and totals["points"][student] == OTHER


def test_a_crash_is_told_with_its_line(grades):
    said = grades["reason"]["exits", "expected_leak"]
    assert said == "your function stopped in line 3 of its cell, 'sys.exit(0)'. SystemExit: 0"
    assert "refused: os.fork" in grades["reason"]["forks", "expected_leak"]


def test_nothing_is_left_behind(graded):
    """No process, no folder of an answer, no file changed or made outside."""
    running = [" ".join(process.info["cmdline"] or ()) for process in psutil.process_iter(["cmdline"])]
    assert not [command for command in running if str(graded.parent) in command]
    assert (graded.parent / "outside.txt").read_text() == "not yours"
    assert {path.name for path in graded.parent.iterdir()} == {"course", "outside.txt", "students.json"}
    made = {"feedback", "grades.csv", "totals.csv"}
    found = {path.name for path in graded.iterdir()} - made
    assert found == {"source", "release", "submitted", "instructor.json", "rubric.md", "nbgrader_config.py"}


@pytest.mark.parametrize(
    ("student", "points", "said"),
    [
        ("deleted", FULL - POINTS, "Its cell is not in the notebook"),
        ("alone", FULL - POINTS, "Its cell is not in the notebook"),
        ("twice", FULL, "2 cells answer it"),
        ("stripped", FULL, "mended: the grader's metadata was missing; the cell was found by the name expected_leak"),
        ("renamed", FULL, "the cell was found by its place above the check"),
        ("forged", FULL - POINTS, "tampered: the check was changed; the original was used"),
    ],
)
def test_cells_are_found_again(totals, grades, student, points, said):
    assert totals["points"][student] == points
    assert said in grades["reason"][student, "expected_leak"]


def test_words_wait_for_a_reader(totals, grades):
    assert totals["by hand"]["wrong"] == totals["by hand"]["stripped"] == 8 and totals["by hand"]["right"] == 0
    assert grades["outcome"]["stripped", "too_good"] == "by hand"
    assert "found by its place below the question" in grades["reason"]["stripped", "too_good"]


def test_forged_points_do_not_count(totals, grades):
    assert totals["of"]["forged"] == totals["of"]["right"]
    assert "metadata of expected_leak-check was changed" in grades["reason"]["forged", "expected_leak"]


@pytest.mark.parametrize(
    ("student", "said"),
    [
        ("text", "Expecting value"), ("deep", "not as Jupyter writes them"), ("list", "not as Jupyter writes them"),
        ("huge", "more than 20,000,000 bytes"), ("link", "a link or a folder"),
    ],
)  # fmt: skip
def test_what_is_no_notebook_gets_a_sentence(totals, grades, student, said):
    assert totals["points"][student] == 0 and set(grades.loc[student]["outcome"]) == {"missing"}
    assert said in grades["reason"][student, "expected_leak"]


def test_pages_escape_names_and_answers(graded):
    pages = {path.parent.name: path.read_text(encoding="utf-8") for path in (graded / "feedback").rglob("*.html")}
    assert len(pages) == len(list((graded / "submitted").rglob("*.ipynb"))) and "_.." in pages
    for page in pages.values():
        assert "<script" not in page and not re.search(r'(src|href)="', page)
    (named,) = [page for name, page in pages.items() if "script" in name]
    assert "&lt;script&gt;alert(&#39;name" in named
    assert "&lt;/pre&gt;&lt;script&gt;" in pages["marks"]
    assert "alert(&#39;words" in pages["wrong"] and "Graded by hand, by this rubric" in pages["wrong"]
    assert "<strong>44 of 58 points</strong>" in pages["right"]


def test_audits_are_judged_by_the_cause_of_the_students_own_model(graded, grades):
    right, wrong, needs_the_notebook, odd, half, stub = json.loads((graded.parent / "students.json").read_text())
    audits = grades.xs("audit", level="question")
    assert audits["points"][right] == audits["of"][right] == 20 and audits["reason"][right].startswith("Model ")
    assert list(audits["outcome"][[wrong, needs_the_notebook, odd, half, stub]]) == [
        "wrong", "crash", "wrong", "wrong", "not attempted"]  # fmt: skip
    assert "NameError: name 'compared' is not defined" in audits["reason"][needs_the_notebook]
    assert "An audit is a dictionary with the names" in audits["reason"][half]


def test_a_folder_that_was_not_built(tmp_path):
    done = CliRunner().invoke(app, ["assignments", "grade", str(tmp_path)])
    assert done.exit_code == 1 and "holds no instructor.json" in done.output


@pytest.mark.skipif(sys.platform != "linux", reason="what Linux refuses by itself")
def test_the_system_refuses_too(tmp_path):
    """Without Python's hook: no process, no network, no file outside."""
    code = """
import ctypes, sys
from dermxai_helpers import checks
from dermxai_helpers.assignments import answers, limits
limits.watch = lambda home, private: []
print(ctypes.CDLL(None).syscall(444, None, 0, 1) > 0)
for does in ("os.fork()", "open(FILE)", "open(FILE, 'w')", "socket.create_connection(('127.0.0.1', 9))",
             "os.execv('/bin/true', ['true'])", "os.kill(os.getppid(), 0)"):
    cell = f"import os, socket\\nFILE = {sys.argv[1]!r}\\ndef f(g): return {does}"
    told = answers.ask(cell, [], "f", checks.map_weights, checks.map_weights.drawn(0), 5, [])
    print(told.outcome, told.says)
"""
    outside = tmp_path / "outside.txt"
    outside.write_text("mine")
    done = offline.python("-c", code, str(outside))
    landlock, *told = done.stdout.splitlines()
    assert len(told) == 6, done.stderr
    assert "BlockingIOError" in told[0] and outside.read_text() == "mine"
    if landlock == "False":
        pytest.skip("this kernel has no Landlock")
    assert all(one.startswith("failed") for one in told)
