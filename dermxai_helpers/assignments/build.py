"""Makes assignments from the units' sources: notebooks for students, a tree for nbgrader, and what grading needs."""

import copy
import hashlib
import json
import re
import secrets
import tomllib
from collections.abc import Iterable
from pathlib import Path

import jinja2
import jupytext
import nbformat
import numpy as np

from dermxai_helpers import checks, course, files
from dermxai_helpers.course import editions
from dermxai_helpers.course.execution import KERNEL

HERE = Path(__file__).parent
BLANK = "*Write your answer here.*"
HIDDEN = re.compile(r"\n### BEGIN HIDDEN TESTS\n.*?### END HIDDEN TESTS", re.DOTALL)
TEMPLATES = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=lambda name: ".html" in name)


def build(folder: Path, seed: int | None = None) -> list[str]:
    """Write the assignments into a new folder; returns the names of those whose unit is not there: they are left out.

    seed : decides the hidden inputs, and whose mystery is which; without one it is drawn
    """
    seed = secrets.randbits(62) if seed is None else seed
    if folder.exists():
        raise FileExistsError(f"{folder} exists already: name a new folder, so that nothing is overwritten")
    units = course.checkout() / "notebooks" / "src"
    book = tomllib.loads((HERE / "assignments.toml").read_text(encoding="utf-8"))["assignments"]
    there = [one for one in book if all((units / f"{unit}.py").exists() for unit in one["units"])]
    keep = {"README": "Keep this file and the folder source to yourself: they hold the hidden tests.", "seed": seed}
    keep |= {"causes": {}, "assignments": there}
    with files.unfinished(folder) as place:
        for one in there:
            one["questions"] = questions(one, units, seed)
            sources = [place / kind / one["name"] for kind in ("source", "release")]
            for target in sources:
                target.mkdir(parents=True)
            if "audit" in one:
                keep["causes"] = mysteries(sources, seed)
            cells = [cell for question in one["questions"] for cell in cells_of(question, keep)]
            for target, edition in zip(sources, (cells, map(released, cells)), strict=True):
                write(target / f"{one['name']}.ipynb", one, edition)
        (place / "submitted").mkdir()
        texts = {name: TEMPLATES.get_template(f"{name}.j2").render(keep) for name in ("rubric.md", "nbgrader_config.py")}
        for name, text in (texts | {"instructor.json": json.dumps(keep, indent=1)}).items():
            (place / name).write_text(text, encoding="utf-8")
        for name, mode in {"instructor.json": 0o600, "source": 0o700}.items():
            (place / name).chmod(mode)
    return [one["name"] for one in book if one not in there]


def number(seed: int | str, *what: str) -> int:
    """A number from 0 to 2**32 - 1 that follows from the seed and tells nothing of it."""
    return int(hashlib.sha256("/".join([str(seed), *what]).encode()).hexdigest()[:8], 16)


def questions(assignment: dict, units: Path, seed: int) -> list[dict]:
    """The questions of an assignment with their texts, in the order of its units; the written ones last."""
    found = {}
    for unit in assignment["units"]:
        text = "".join(editions.exercises((units / f"{unit}.py").read_text(encoding="utf-8")))
        cells = [cell.source for cell in jupytext.reads(text, fmt="py:percent").cells]
        for told, answer, check in zip(cells, cells[1:], cells[2:], strict=False):
            for name, function in re.findall(r"^checks\.(\w+)\((\w+)", check):
                drawn = function == "audit" or getattr(checks, name).draw  # others need what their unit has computed
                points = assignment.get("questions", {}).get(name, assignment.get("audit" if function == "audit" else "each"))
                if drawn and points:
                    found[name] = {"name": name, "function": function, "answer": answer, "check": check, "points": points,
                                   "told": f"{told}\n\n*Unit {unit}* · **{points} points**",
                                   "seed": number(seed, assignment["name"], name)}  # fmt: skip
    return [*found.values(), *assignment.pop("written")]


def mysteries(folders: list[Path], seed: int) -> dict[str, str]:
    """Train a mystery model for each cause and save them; returns {letter: cause}."""
    from dermxai_helpers.trial import mystery

    causes = dict(zip("abcdefg", np.random.default_rng(seed).permutation(mystery.CAUSES).tolist(), strict=True))
    for letter, cause in causes.items():
        case = mystery.train(number(seed, "mystery", letter), cause)
        for folder in folders:
            case.save(folder / f"mystery_{letter}.safetensors")
    return causes


def letter_of(student: str) -> str:
    """Which mystery is a student's; a cell of the notebook computes the same."""
    return "abcdefg"[number("mystery", student) % 7]


def cells_of(question: dict, keep: dict) -> list:
    """A question's cells as nbgrader wants them: its text, the answer, and for code a check with a hidden test."""
    name, points = question["name"], question["points"]
    if "rubric" in question:
        text = f"### {question['title']}\n{question['question']}\n\n**{points} points**, graded by hand"
        answer = "\n".join(["### BEGIN SOLUTION", *question["rubric"], "### END SOLUTION"])
        return [cell("markdown", f"{name}-text", text), cell("markdown", name, answer, points, solution=True)]
    answer = question["answer"]
    if "### BEGIN STUB" in answer:  # nbgrader knows no stubs: the faulty function stands above the right one
        answer = f"{editions.learner(answer)}\n\n### BEGIN SOLUTION\n{editions.solved(answer)}\n### END SOLUTION"
    test = TEMPLATES.get_template("hidden_test.j2").render(keep | question)
    texts = cell("markdown", f"{name}-text", question["told"]), cell("code", name, answer, solution=True)
    return [*texts, cell("code", f"{name}-check", f"{question['check']}\n{test}", points)]


def cell(kind: str, name: str, source: str, points: int | None = None, solution: bool = False):
    """A cell with the grader's metadata."""
    node = getattr(nbformat.v4, f"new_{kind}_cell")(source.strip(), id=name)
    marks = {"schema_version": 3, "grade_id": name, "grade": bool(points), "solution": solution, "locked": not solution}
    node.metadata["nbgrader"] = marks | {"task": False} | ({"points": points} if points else {})
    return node


def released(cell):
    """A cell as students get it: no answer, no hidden test."""
    cell = copy.deepcopy(cell)
    if cell.metadata.nbgrader.solution:
        cell.source = BLANK if cell.cell_type == "markdown" else editions.learner(f"{cell.source}\n").strip()
    cell.source = HIDDEN.sub("", cell.source)
    return cell


def write(path: Path, assignment: dict, cells: Iterable) -> None:
    """Write an assignment's notebook."""
    prelude, imported = editions.PRELUDE.rstrip().rsplit("\n", 1)
    above = [cell("markdown", "title", TEMPLATES.get_template("title.md.j2").render(assignment))]
    above += [cell("code", "prelude", prelude), cell("code", "import_checks", imported)]
    if "audit" in assignment:
        above.append(nbformat.v4.new_code_cell(TEMPLATES.get_template("letter.j2").render(), id="letter"))
    notebook = nbformat.v4.new_notebook(cells=[*above, *cells])
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, "dermxai": assignment["name"]}
    nbformat.write(nbformat.from_dict(notebook), path)
