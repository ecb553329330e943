"""Grades notebooks that were handed in. None of them is run: each answer is, by itself, in a process of its own."""

import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import pairwise, repeat
from multiprocessing import get_context
from pathlib import Path

import pandas as pd
from threadpoolctl import threadpool_limits

from dermxai_helpers import checks, course, files
from dermxai_helpers.assignments.answers import Told, ask
from dermxai_helpers.assignments.build import HIDDEN, TEMPLATES, letter_of

MOST = 20 * 10**6  # bytes of a notebook
UNREADABLE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)
WORDS = {"right": "pass", "failed": "crash"}
COLUMNS = ["student", "assignment", "question", "points", "of", "outcome", "reason"]


@dataclass
class Sheet:
    """A notebook that was handed in. A cell has kind, text, id and marks, which are the grader's metadata."""

    student: str
    assignment: str = ""
    cells: list[dict] = field(default_factory=list)
    problem: str = ""


def grade(folder: Path, jobs: int | None = None, seconds: float = 10) -> Path:
    """Grade folder/submitted; returns the written grades.csv, which stands beside totals.csv and a page for each sheet.

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
        work = [one for sheet in handed_in(folder / "submitted", book) for one in to_do(sheet, folder, book)]
        if not work:
            raise course.CourseError(f"{folder / 'submitted'} holds no notebook: put each at STUDENT/ASSIGNMENT/ANY.ipynb")
        told = pool.map(answered, [task for *_, task in work], repeat(seconds), repeat([str(folder.resolve())]))
        told = files.progress(told, "grading", "answer", total=len(work))
        rows = [row(*one[:-1], became, folder, keep) for one, became in zip(work, told, strict=True)]
    write(folder, pd.DataFrame(rows, columns=[*COLUMNS, "text", "rubric"]).astype({"points": "Int64"}))
    return folder / "grades.csv"


def handed_in(folder: Path, book: dict) -> list[Sheet]:
    """The sheets in a folder: student/assignment/any.ipynb, assignment/student.ipynb, or student.ipynb; of two, the newer."""
    found: dict[tuple[str, str], Sheet] = {}
    for path in sorted(folder.rglob("*"), key=lambda path: (path.stem in book, path.lstat().st_mtime)):
        parts = path.relative_to(folder).with_suffix("").parts
        if ".ipynb_checkpoints" in parts or not (path.suffix == ".ipynb" or path.is_symlink()):
            continue
        sheet, names = Sheet(next((part for part in parts if part not in book), "unnamed")), [*parts]
        try:
            sheet.cells, said = read(path)
            known = {name: sum(bool(cells_for(sheet.cells, one)[0]) for one in book[name]) for name in book}
            names += [said, *sorted(filter(known.get, known), key=known.get, reverse=True)]
        except UNREADABLE as error:
            sheet.problem = f"{path.name} cannot be read as a notebook: {error}"
        sheet.assignment = next(filter(book.__contains__, names), "")
        sheet.student = re.sub(rf"[ _-]*{sheet.assignment}$", "", sheet.student) or sheet.student
        found[sheet.student, sheet.assignment] = sheet
    return [found[key] for key in sorted(found)]


def read(path: Path) -> tuple[list[dict], str]:
    """A notebook's cells and the assignment that it names; one of the errors in UNREADABLE for whatever is none."""
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
    """The cells that may hold an answer, in order, and the trait by which they are known ("": the grader's metadata)."""
    name, function = question["name"], question.get("function")
    cells = [cell for cell in cells if cell["kind"] == ("code" if function else "markdown")]
    traits = {
        "": lambda cell: cell["marks"].get("grade_id") == name,
        "its id": lambda cell: cell["id"] == name,
        f"the name {function}": lambda cell: function and re.search(rf"(?m)^(def |class |){function}\b *[(:=]", cell["text"]),
    }
    for way, trait in traits.items():
        if any(map(trait, cells)):
            return [cell for cell in cells if any(one(cell) for one in traits.values())], way
    return [cell for cell, below in pairwise(cells) if f"checks.{name}(" in below["text"]], "its place above the check"


def to_do(sheet: Sheet, folder: Path, book: dict) -> Iterator[tuple[Sheet, dict, str, list[str], Told | tuple]]:
    """For each question of a sheet: the sheet, the question, the answer's text, what was odd, and what `answered` takes."""
    if not sheet.assignment:
        nothing = {"name": "", "points": 0}
        yield sheet, nothing, "", [], Told("missing", sheet.problem or "No question of these assignments was found in it.")
        return
    original = {cell["id"]: cell for cell in read(folder / "release" / sheet.assignment / f"{sheet.assignment}.ipynb")[0]}
    for question in book[sheet.assignment]:
        name, (cells, way) = question["name"], cells_for(sheet.cells, question)
        own = {squeezed(cell["text"]) for cell in cells} - {squeezed(original[name]["text"]), ""}
        done = [cell for cell in cells if squeezed(cell["text"]) in own] or cells
        notes = sorted(set(tampered(sheet.cells, original, name)))
        if done and way:
            notes.append(f"mended: the grader's metadata was missing; the cell was found by {way}")
        if len(cells) > 1:
            notes.append(f"{len(cells)} cells answer it; the last that is not as it was handed out counts")
        text = done[-1]["text"] if done else ""
        others = [cell["text"] for cell in sheet.cells if cell["kind"] == "code" and cell is not done[-1]] if done else []
        if not done:
            task = Told("missing", sheet.problem or "Its cell is not in the notebook.")
        elif "rubric" in question:
            task = Told("by hand" if own else "not attempted")
        else:
            task = name, question["function"], question["seed"], text, others
        yield sheet, question, text, notes, task


def squeezed(text: str) -> str:
    """A text without hidden tests, and without the space and the dots that make no difference."""
    return "".join(HIDDEN.sub("", text).split()).removesuffix("...")


def tampered(cells: list[dict], original: dict[str, dict], name: str) -> Iterator[str]:
    """What is not as it was handed out: the check of a question, the grader's metadata of its cells."""
    for cell in cells:
        for own in {name, f"{name}-check"} & {str(cell["marks"].get("grade_id")), cell["id"]} & set(original):
            if own != name and squeezed(cell["text"]) != squeezed(original[own]["text"]):
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


def audited(told: Told, student: str, seed: int, place: Path, causes: dict[str, str]) -> Told:
    """An audit beside the cause that was planted into this student's model."""
    from dermxai_helpers.trial import mystery

    letter, seen = letter_of(student), told.seen if isinstance(told.seen, dict) else {}
    audit = {name: one if isinstance(one, str) else float(one) for name, one in seen.items() if isinstance(one, str) or one.ndim == 0}
    verdict = mystery.judge(audit, mystery.load(place / f"mystery_{letter}.safetensors"), causes[letter], seed)
    return Told(verdict.outcome, f"Model {letter}: {verdict.says}", tried=told.tried)


def row(sheet: Sheet, question: dict, text: str, notes: list[str], told: Told, folder: Path, keep: dict) -> list:
    """A row of the table of grades, with the answer's text and the rubric."""
    if told.outcome == "seen":
        told = audited(told, sheet.student, question["seed"], folder / "release" / sheet.assignment, keep["causes"])
    outcome, of = WORDS.get(told.outcome, told.outcome), question["points"]
    if told.tried:
        outcome = "tampered" if outcome == "crash" else outcome
        notes = [*notes, f"it tried what no answer may, and was refused: {files.listed(told.tried)}"]
    points = None if outcome == "by hand" else of * (outcome == "pass")
    reason = "; ".join(filter(None, [told.says, *notes]))
    return [sheet.student, sheet.assignment, question["name"], points, of, outcome, reason, text, question.get("rubric")]


def write(folder: Path, rows: pd.DataFrame) -> None:
    """Write the two tables, in which nothing is taken for a formula, and the pages."""
    totals = []
    for (student, assignment), own in rows.groupby(["student", "assignment"], sort=False):
        by_hand = own["of"][own["outcome"] == "by hand"].sum()
        totals.append({"student": student, "assignment": assignment, "points": own["points"].sum(), "by hand": by_hand, "of": own["of"].sum()})
        page = TEMPLATES.get_template("feedback.html.j2").render(total=totals[-1], rows=own.to_dict("records"))
        place = folder / "feedback" / (student if student.strip(".") else f"_{student}") / f"{assignment or 'unknown'}.html"
        files.write_atomically(place, lambda path, page=page: path.write_text(page, "utf-8", "backslashreplace"))
    for name, table in {"grades.csv": rows[COLUMNS], "totals.csv": pd.DataFrame(totals)}.items():
        table = table.map(lambda one: f"'{one}" if isinstance(one, str) and one.startswith(tuple("=+-@")) else one)
        files.write_atomically(folder / name, lambda path, table=table: table.to_csv(path, index=False, errors="backslashreplace"))
