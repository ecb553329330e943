"""Grades notebooks that were handed in. None of them is run: each answer is, by itself, in a process of its own."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import pairwise, repeat
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from dermxai_helpers import checks, course, files
from dermxai_helpers.assignments.answers import Told, ask
from dermxai_helpers.assignments.build import filled, letter_of
from dermxai_helpers.checks.unit_07 import fresh_effects
from dermxai_helpers.trial import mystery

MOST = 20 * 10**6  # bytes of a notebook
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
WORDS = {"right": "pass", "failed": "crash"}
COLUMNS = ["student", "assignment", "question", "points", "of", "outcome", "reason"]


def grade(folder: Path, jobs: int | None = None, seconds: float = 10) -> Path:
    """Grade folder/submitted; returns the written grades.csv, beside totals.csv and a page for each notebook.

    jobs : answers at once, by default one a core; seconds : what one may take
    """
    if not hasattr(os, "fork"):
        raise course.CourseError("grading needs a system with os.fork: Linux, macOS, or WSL on Windows")
    if not (folder / "instructor.json").is_file():
        raise course.CourseError(f"{folder} holds no instructor.json: name a folder that `assignments build` has made")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    with ProcessPoolExecutor(jobs, get_context("fork"), threadpool_limits, (1,)) as pool:
        pool.submit(os.getpid).result()  # the processes are made before anything is read that answers may not know
        keep = json.loads((folder / "instructor.json").read_text(encoding="utf-8"))
        book = {one["name"]: one["questions"] for one in keep["assignments"]}
        sheets = handed_in(folder / "submitted", book).items()
        work = [(key, *one) for key, sheet in sheets for one in to_do(folder, key[1], book.get(key[1], []), *sheet)]
        if not work:
            raise course.CourseError(f"no notebook: put each at {folder}/submitted/STUDENT/ASSIGNMENT/ANY.ipynb")
        told = pool.map(answered, [task for *_, task in work], repeat(seconds), repeat([str(folder.resolve())]))
        told = [*files.progress(told, "grading", "answer", total=len(work))]
        audits = [key for (key, *_), one in zip(work, told, strict=True) if one.outcome == "seen"]
        sealed = {letter_of(student): folder / "release" / assignment for student, assignment in audits}
        measured = pool.map(measure, sealed, sealed.values(), repeat(keep["seed"]))
        fresh = dict(zip(sealed, files.progress(measured, "measuring", "model", total=len(sealed)), strict=True))
        rows = [row(*one[:-1], became, keep["causes"], fresh) for one, became in zip(work, told, strict=True)]
    write(folder, pd.DataFrame(rows, columns=[*COLUMNS, "text", "rubric"]).astype({"points": "Int64"}))
    return folder / "grades.csv"


def handed_in(folder: Path, book: dict[str, list]) -> dict[tuple[str, str], tuple[list[dict], str]]:
    """What stands in a folder as student/assignment/any.ipynb, assignment/student.ipynb or student.ipynb; newest ones.

    book : {assignment: its questions}; returns {(student, assignment): its cells, and why there are none}
    """
    found = {}
    for path in sorted(folder.rglob("*"), key=lambda path: (path.stem in book, path.lstat().st_mtime)):
        parts, said = path.relative_to(folder).with_suffix("").parts, []
        if ".ipynb_checkpoints" in parts or not (path.suffix == ".ipynb" or path.is_symlink()):
            continue
        try:
            (cells, *said), problem = read(path), ""
        except UNREADABLE as error:
            why = error if isinstance(error, OSError | ValueError) else "its cells are not as Jupyter writes them"
            cells, problem = [], f"{path.name} cannot be read as a notebook: {why}"
        known = {name: sum(bool(cells_for(cells, one)[0]) for one in book[name]) for name in book}
        likely = sorted(filter(known.get, known), key=known.get, reverse=True)
        assignment = next((name for name in [*parts, *said, *likely] if name in book), "")
        student = next((part for part in parts if part not in book), "unnamed")
        found[re.sub(rf"[ _-]*{assignment}$", "", student) or student, assignment] = cells, problem
    return dict(sorted(found.items()))


def read(path: Path) -> tuple[list[dict], str]:
    """A notebook's cells (kind, text, id, marks: the grader's metadata) and the assignment it names; or UNREADABLE."""
    if path.is_symlink() or not path.is_file():
        raise ValueError("it is a link or a folder")
    if path.stat().st_size > MOST:
        raise ValueError(f"it has more than {MOST:,} bytes")
    notebook, cells = json.loads(path.read_bytes()), []
    for cell in notebook["cells"]:
        marks = cell.get("metadata", {}).get("nbgrader")
        cells.append({"kind": cell["cell_type"], "text": "".join(cell["source"]), "id": str(cell.get("id")),
                      "marks": marks if isinstance(marks, dict) else {}})  # fmt: skip
    return cells, str(notebook.get("metadata", {}).get("dermxai"))


def cells_for(cells: list[dict], question: dict) -> tuple[list[dict], str]:
    """The cells that may hold an answer, in order, and the trait that shows it ("": the grader's metadata)."""
    name, function = question["name"], question.get("function")
    cells = [cell for cell in cells if cell["kind"] == ("code" if function else "markdown")]
    defined = re.compile(rf"^(def |class |){function}\b *[(:=]", re.MULTILINE)
    traits = {
        "": lambda cell: cell["marks"].get("grade_id") == name,
        "its id": lambda cell: cell["id"] == name,
        f"the name {function}": lambda cell: function and defined.search(cell["text"]),
    }
    for way, trait in traits.items():
        if any(map(trait, cells)):
            return [cell for cell in cells if any(one(cell) for one in traits.values())], way
    if function:
        above = [one for one, other in pairwise(cells) if f"checks.{name}(" in other["text"]]
        return [one for one in above if not one["marks"].get("grade_id")], "its place above the check"
    heading = f"### {question['title']}\n"
    return [one for other, one in pairwise(cells) if other["text"].startswith(heading)], "its place below the question"


def to_do(folder: Path, assignment: str, questions: list, cells: list[dict], problem: str) -> Iterator[tuple]:
    """For each question of a notebook: the question, the answer's text, what was odd, and what `answered` takes."""
    if not questions:
        yield {"name": "", "points": 0}, "", [], Told("missing", problem or "It holds no known question.")
        return
    original = {cell["id"]: cell for cell in read(folder / "release" / assignment / f"{assignment}.ipynb")[0]}
    for question in questions:
        name, (found, way) = question["name"], cells_for(cells, question)
        own = [cell for cell in found if squeezed(cell) not in ("", squeezed(original[name]))]
        notes = sorted(set(tampered(cells, original, name)))
        if found and way:
            notes.append(f"mended: the grader's metadata was missing; the cell was found by {way}")
        if len(found) > 1:
            notes.append(f"{len(found)} cells answer it; the last that is not as it was handed out counts")
        answer = (own or found or [{"text": ""}])[-1]
        if not found:
            task = Told("missing", problem or "Its cell is not in the notebook.")
        elif "rubric" in question:
            task = Told("by hand" if own else "not attempted")
        else:
            others = [cell["text"] for cell in cells if cell["kind"] == "code" and cell is not answer]
            task = name, question["function"], question["seed"], answer["text"], others
        yield question, answer["text"], notes, task


def squeezed(cell: dict) -> str:
    """A cell's text without hidden tests, and without the space and the dots that make no difference."""
    return "".join(cell["text"].partition("### BEGIN HIDDEN TESTS")[0].split()).removesuffix("...")


def tampered(cells: list[dict], original: dict[str, dict], name: str) -> Iterator[str]:
    """What is not as it was handed out: the check of a question, the grader's metadata of its cells."""
    for cell in cells:
        for own in {name, f"{name}-check"} & {str(cell["marks"].get("grade_id")), cell["id"]} & set(original):
            if own != name and squeezed(cell) != squeezed(original[own]):
                yield "tampered: the check was changed; the original was used"
            if cell["marks"] and not original[own]["marks"].items() <= cell["marks"].items():
                yield f"tampered: the grader's metadata of {own} was changed; the original was used"


def answered(task: Told | tuple, seconds: float, private: list[str]) -> Told:
    """Run an answer and judge what it does; a value is only fetched."""
    if isinstance(task, Told):
        return task
    name, function, seed, cell, others = task
    exercise = None if function == "audit" else getattr(checks, name)
    cases = exercise.drawn(seed) if exercise else []
    told = ask(cell, others, function, exercise, cases, seconds, private)
    if told.outcome == "seen" and exercise:
        verdict = exercise.judged(cases, told.seen)
        told = Told(verdict.outcome, verdict.says, tried=told.tried)
    return told


def measure(letter: str, folder: Path, seed: int) -> Mapping:
    """What each cause does to a mystery model on fresh lesions."""
    return fresh_effects(mystery.load(folder / f"mystery_{letter}.safetensors"), seed)


def row(key: tuple, question: dict, text: str, odd: list[str], told: Told, causes: dict, fresh: dict) -> list:
    """A row of the table of grades, with the answer's text and the rubric. An audit is judged here."""
    if told.outcome == "seen":
        letter = letter_of(key[0])
        verdict = checks.audit.judge(told.seen, causes[letter], fresh[letter])
        told = Told(verdict.outcome, f"Model {letter}: {verdict.says}", tried=told.tried)
    outcome, of = WORDS.get(told.outcome, told.outcome), question["points"]
    if told.tried:
        outcome = "tampered" if outcome == "crash" else outcome
        odd = [*odd, f"it tried what no answer may, and was refused: {files.listed(told.tried)}"]
    points = None if outcome == "by hand" else of * (outcome == "pass")
    reason = "; ".join(filter(None, [told.says, *odd]))
    return [*key, question["name"], points, of, outcome, reason, text, question.get("rubric")]


def write(folder: Path, rows: pd.DataFrame) -> None:
    """Write the two tables, in which nothing is taken for a formula, and the pages."""
    totals = []
    for (student, assignment), own in rows.groupby(["student", "assignment"], sort=False):
        sums = {"points": own["points"].sum(), "by hand": own["of"].where(own["outcome"] == "by hand", 0).sum()}
        totals.append({"student": student, "assignment": assignment, **sums, "of": own["of"].sum()})
        page = filled("feedback.html", {"total": totals[-1], "rows": own.to_dict("records")})
        named = student if student.strip(".") else f"_{student}"  # "..", for one, is no student's folder
        place = folder / "feedback" / named / f"{assignment or 'unknown'}.html"
        files.write_atomically(place, lambda path, page=page: path.write_text(page, "utf-8", "backslashreplace"))
    for name, table in {"grades.csv": rows[COLUMNS], "totals.csv": pd.DataFrame(totals)}.items():
        table = table.map(lambda one: f"'{one}" if isinstance(one, str) and one.startswith(tuple("=+-@")) else one)
        files.write_atomically(folder / name, partial(table.to_csv, index=False, errors="backslashreplace"))
