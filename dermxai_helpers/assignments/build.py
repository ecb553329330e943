"""Makes assignments from the units' sources: notebooks for students, a tree for nbgrader, and what grading needs."""

import hashlib
import json
import re
import secrets
import tomllib
from pathlib import Path

import jinja2
import jupytext
import nbformat
import numpy as np

from dermxai_helpers import checks, course, files
from dermxai_helpers.course import editions
from dermxai_helpers.course.execution import KERNEL
from dermxai_helpers.trial import mystery

HERE = Path(__file__).parent
TEMPLATES = jinja2.Environment(loader=jinja2.FileSystemLoader(HERE), autoescape=lambda name: name.endswith(".html.j2"))
LETTERS = "abcdefg"


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
    prelude = editions.PRELUDE.rstrip().rpartition("\n")[0]  # `checks` is imported in a cell of its own
    with files.unfinished(folder) as place:
        (place / "submitted").mkdir(parents=True)
        for one in there:
            one["questions"] = questions(one, units, seed)
            targets = [place / kind / one["name"] for kind in ("source", "release")]
            for target in targets:
                target.mkdir(parents=True)
            if "audit" in one:
                keep["causes"] = mysteries(targets, seed)
            for target in targets:
                text = filled("notebook.py", keep | one | {"prelude": prelude, "kind": target.parent.name})
                write(target / f"{one['name']}.ipynb", editions.learner(text) if target is targets[1] else text)
        texts = {name: filled(name, keep) for name in ("rubric.md", "nbgrader_config.py")}
        for name, text in (texts | {"instructor.json": json.dumps(keep, indent=1)}).items():
            (place / name).write_text(text, encoding="utf-8")
        for name, mode in {"instructor.json": 0o600, "source": 0o700}.items():
            (place / name).chmod(mode)
    return [one["name"] for one in book if one not in there]


def filled(name: str, values: dict) -> str:
    """The template called `name`, filled with values; a page of HTML escapes them."""
    return TEMPLATES.get_template(f"{name}.j2").render(values)


def number(seed: int | str, *what: str) -> int:
    """A number from 0 to 2**32 - 1 that follows from the seed and tells nothing of it."""
    text = "/".join([str(seed), *what]).encode(errors="replace")
    return int(hashlib.sha256(text).hexdigest()[:8], 16)


def questions(assignment: dict, units: Path, seed: int) -> list[dict]:
    """The questions of an assignment with their texts, in the order of its units; the written ones last."""
    found = []
    for unit in assignment["units"]:
        cells = editions.exercises((units / f"{unit}.py").read_text(encoding="utf-8"))
        parts = [cell.partition("\n")[2].strip() for cell in cells if "solution" not in editions.tags(cell)]
        for told, answer, check in zip(parts, parts[1:], parts[2:], strict=False):
            for name, function in re.findall(r"^checks\.(\w+)\((\w+)", check):
                default = assignment.get("audit" if function == "audit" else "each")
                points = assignment.get("questions", {}).get(name, default)
                if "### BEGIN STUB" in answer:  # nbgrader knows none: the faulty function stands above the right one
                    right = "# each model has its own" if function == "audit" else editions.solved(answer)
                    answer = f"{editions.learner(answer)}\n\n\n### BEGIN SOLUTION\n{right}\n### END SOLUTION"
                if points and (function == "audit" or getattr(checks, name).draw):  # others need what the unit computed
                    title = told.partition(" – ")[2].partition("\n")[0]
                    found.append({"name": name, "title": title, "function": function, "unit": unit, "told": told,
                                  "answer": answer, "check": check, "points": points,
                                  "seed": number(seed, assignment["name"], name)})  # fmt: skip
    return found + assignment.pop("written")


def mysteries(folders: list[Path], seed: int) -> dict[str, str]:
    """Train a model for each cause, and save it into folders; returns {letter of a model: its cause}."""
    causes = np.random.default_rng(seed).permutation(list(mystery.CAUSES)).tolist()
    for letter, cause in zip(LETTERS, causes, strict=True):
        case = mystery.train(number(seed, "mystery", letter), cause)
        for folder in folders:
            mystery.save(case, folder / f"mystery_{letter}.safetensors")
    return dict(zip(LETTERS, causes, strict=True))


def letter_of(student: str) -> str:
    """Which model is a student's; a cell of the notebook computes the same."""
    return LETTERS[number("mystery", student) % len(LETTERS)]


def write(path: Path, text: str) -> None:
    """Write a percent-format text as a notebook whose cells are called as the grader calls them."""
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata = {"kernelspec": KERNEL, "language_info": {"name": "python"}, "dermxai": path.stem}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    for cell in notebook.cells:
        cell.metadata = {"nbgrader": cell.metadata["nbgrader"]}
        cell.id = cell.metadata["nbgrader"]["grade_id"]
    nbformat.write(nbformat.from_dict(notebook), path)
