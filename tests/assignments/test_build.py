"""Do assignments hold what students and nbgrader need, and do students get no answer?"""

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import handed_in
import nbformat
import offline
import pytest
from typer.testing import CliRunner

from dermxai_helpers import checks, course
from dermxai_helpers.__main__ import app
from dermxai_helpers.assignments.build import build, letter_of
from dermxai_helpers.course import editions
from dermxai_helpers.trial import mystery


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course") / "course"
    with pytest.MonkeyPatch.context() as patch:
        handed_in.quick_mysteries(patch.setattr)
        build(folder, seed=5)
        yield folder


def notebooks(folder, kind):
    found = {path.stem: nbformat.read(path, as_version=4) for path in sorted((folder / kind).glob("*/*.ipynb"))}
    assert len(found) >= 3
    return found


def test_every_question_has_points_and_a_hidden_test(built):
    keep = json.loads((built / "instructor.json").read_text())
    for assignment in keep["assignments"]:
        book = notebooks(built, "source")[assignment["name"]]
        nbformat.validate(book)
        cells = {cell.id: cell for cell in book.cells}
        assert len(cells) == len(book.cells)
        assert all(cell.metadata.nbgrader.grade_id == name for name, cell in cells.items())
        questions = assignment["questions"]
        assert 6 <= sum("function" in one for one in questions) <= 9 or assignment["name"] == "4_audit"
        for one in questions:
            graded = cells[f"{one['name']}-check" if "function" in one else one["name"]]
            assert graded.metadata.nbgrader.points == one["points"] > 0 and graded.metadata.nbgrader.grade
            if one.get("function") == "audit":
                assert "graded.audit(audit, case, {" in graded.source and 'outcome == "right"' in graded.source
            elif "function" in one:
                assert f", seed={one['seed']})" in graded.source and 'outcome == "right"' in graded.source
            else:
                assert sum(int(step.split(" – ")[0]) for step in one["rubric"]) == one["points"]
        assert cells["import_checks"].source == "from dermxai_helpers import checks"
        assert "checks" not in cells["prelude"].source


def test_students_get_neither_answers_nor_hidden_tests(built):
    for name, book in notebooks(built, "release").items():
        nbformat.validate(book)
        source = notebooks(built, "source")[name]
        assert [cell.metadata for cell in book.cells] == [cell.metadata for cell in source.cells]
        assert not re.search("SOLUTION|HIDDEN|STUB|seed=[0-9]{3,}", json.dumps(book))
    stub = next(cell for cell in handed_in.notebook(built, "release").cells if cell.id == "split_by_lesion").source
    assert "part[drawn]" in stub and stub.endswith("..."), "the faulty function is what is to be mended"
    unit = next(unit for unit in course.units() if unit.name == "01_data").source.read_text(encoding="utf-8")
    faulty = next(cell for cell in editions.exercises(editions.learner(unit)) if "def split_by_lesion" in cell)
    assert stub.removesuffix("...").strip() == faulty.partition("\n")[2].strip()


def test_the_same_seed_gives_the_same_files(built, tmp_path):
    build(tmp_path / "again", seed=5)
    names = [path.relative_to(built) for path in built.rglob("*") if path.is_file()]
    assert filecmp.cmpfiles(built, tmp_path / "again", names, shallow=False)[0] == names
    build(tmp_path / "other")
    keep = json.loads((tmp_path / "other" / "instructor.json").read_text())
    assert keep["seed"] > 10**6, "a seed that nobody guesses"


@pytest.mark.skipif(os.name != "posix", reason="Windows has no such permissions")
def test_what_is_secret_is_the_instructors_alone(built):
    assert (built / "instructor.json").stat().st_mode & 0o077 == 0 and (built / "source").stat().st_mode & 0o077 == 0


def test_nothing_is_overwritten(built):
    done = CliRunner().invoke(app, ["assignments", "build", str(built)])
    assert done.exit_code == 1 and "exists already" in done.output


def test_points_and_rubrics_are_told(built):
    text = (built / "rubric.md").read_text(encoding="utf-8")
    assert "| `expected_leak` | 3 | by its check: right or not |" in text and "Two controls that fit" in text


def test_a_unit_that_is_not_there_is_left_out(built, monkeypatch, tmp_path):
    sources = tmp_path / "notebooks" / "src"
    sources.mkdir(parents=True)
    for name in ("01_data", "02_mobilenetv2_training", "02b_judging_a_classifier"):
        shutil.copy(course.checkout() / "notebooks" / "src" / f"{name}.py", sources)
    monkeypatch.setattr(course, "checkout", lambda: tmp_path)
    left_out = build(tmp_path / "course", seed=1)
    assert left_out == ["2_explanations", "3_captions_and_lexicon", "4_audit"]


def test_each_student_has_a_model(built):
    """The letter of a model follows from the name, its cause from the secret seed."""
    keep = json.loads((built / "instructor.json").read_text())
    assert sorted(keep["causes"].values()) == sorted(mystery.CAUSES) and sorted(keep["causes"]) == list("abcdefg")
    cells = {cell.id: cell.source for cell in handed_in.notebook(built, "release", "4_audit").cells}
    space = {}
    exec(cells["letter"].replace("your name", "Zoë").replace("mystery.load(", "("), space)
    assert space["letter"] == letter_of("Zoë") and (built / "release" / "4_audit" / space["case"]).exists()
    exec(cells["audit"], space)
    assert set(space["audit"]) == {"cause", *handed_in.AUDIT} and "Write the numbers themselves" in cells["audit-text"]
    assert repr(checks.audit(space["audit"] | handed_in.AUDIT | {"cause": "ink"}, None, None)).count("sealed") == 1
    assert len({letter_of(f"student {number}") for number in range(60)}) == 7


def test_nbgrader_makes_the_same_release(built, tmp_path):
    """And in it the stub fails, the solution passes."""
    pytest.importorskip("nbgrader", reason="nbgrader is an extra for instructors: make instructor")
    folder, name = tmp_path / "course", handed_in.ASSIGNMENT
    shutil.copytree(built, folder)
    for student, book in {"solved": handed_in.solved(folder), "stub": handed_in.answered(folder)}.items():
        handed_in.hand_in(folder, student, book, f"{{student}}/{{assignment}}/{name}.ipynb")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # nbgrader looks for alembic there
    for command in (["generate_assignment", "--force"], ["autograde"], ["export"]):
        command = [sys.executable, "-m", "nbgrader", *command, *([name] if command != ["export"] else [])]
        done = subprocess.run(command, cwd=folder, env=offline.environment(PATH=path), capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    made, ours = handed_in.notebook(folder, "release"), handed_in.notebook(built, "release")
    assert [(cell.id, cell.source) for cell in made.cells] == [(cell.id, cell.source) for cell in ours.cells]
    scores = [line.split(",") for line in (folder / "grades.csv").read_text().splitlines()]
    score = scores[0].index("score")
    assert [line[score] for line in scores[1:]] == ["44.0", "0.0"]
