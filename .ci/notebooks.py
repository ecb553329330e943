"""Writes the notebooks that people read: `make notebooks`, or `python .ci/notebooks.py 03` for one unit.

From `notebooks/src/*.py`: derived, executed at the demo tier, written with their outputs. What the execution cost goes
to `notebooks/measured.json` and from there into the README's table; the road's picture goes to `notebooks/figures`.
The sources in `notebooks/src/appendix` are derived only, because what they train takes long and its weights are kept;
those pages that need seconds are executed. `python .ci/notebooks.py appendix` writes this folder alone.
"""

import hashlib
import json
import re
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

from dermxai_helpers import course
from dermxai_helpers.course import editions
from dermxai_helpers.course.execution import KERNEL, QUIET
from dermxai_helpers.course.units import CourseError, Unit, chosen
from dermxai_helpers.files import write_atomically

TABLE = re.compile(r"(<!-- units: `make notebooks` writes this table -->\n).*?(<!-- end of units -->)", re.DOTALL)
BADGES = re.compile(r"· (\d+) minutes · CPU is enough \((\d+(?:\.\d+)?) GB\)")
FORMULA_OR_LINK = re.compile(r"\$\$.*?\$\$|\$[^$]*\$|\]\([^)]*\)|https?://\S+", re.DOTALL)
WORD = re.compile(r"\w[\w'’-]*")
EXERCISE_MINUTES = re.compile(r"^Difficulty .* (\d+) minutes$", re.MULTILINE)
EXECUTED = ("ethics", "for_instructors")  # of the appendix
ROAD_UNIT, ROAD_FIGURE = "00_start_here", "road"
MACHINE_PATH = re.compile(r"(?<![\w./:-])(?:/(?:home|root|tmp|usr|opt|work|Users|mnt|private|var)/|[A-Z]:\\)[\w.-]+")


def refresh(root: Path, names: Sequence[str] = ()) -> list[Path]:
    """Derive the notebooks and execute them at the demo tier, as the sources stand; returns the written files.

    names : only these units ("03"); without names all of them, and the appendix

    Raises CourseError for a unit that fails, and for one whose outputs name a path of this machine. A notebook is
    replaced only when its unit has run to its end.
    """
    folder = course.run("demo", names=names)
    written = []
    for unit in chosen(course.units("demo"), names):
        executed = with_outputs(unit.source, folder / f"{unit.name}.ipynb")
        found = machine_paths(executed)
        if found:
            raise CourseError(f"unit {unit.name} shows where it ran: {'; '.join(found)}")
        written.append(root / "notebooks" / f"{unit.name}.ipynb")
        write_notebook(written[-1], executed)
    note_costs(root, json.loads((folder / "results.json").read_text(encoding="utf-8"))["units"])
    copy_road(root, folder)
    fill_readme(root)
    written += [path for unit in chosen(course.units("demo"), names) for path in solve(root, unit)]
    return written if names else written + derive_appendix(root)


def solve(root: Path, unit: Unit) -> list[Path]:
    """Write a unit's exercises with their solutions, executed; CourseError where a check does not find one right."""
    if not editions.exercises(unit.source.read_text(encoding="utf-8")):
        return []
    notebook = run_here(derive(unit.source, editions.solutions))
    for cell in notebook.cells:
        if "check" in tags(cell) and not cell.outputs[0].data["text/plain"].startswith("● right"):
            raise CourseError(f"a solution of {unit.name} is not right: {cell.source}")
    path = root / "notebooks" / "solutions" / f"{unit.name}.ipynb"
    write_notebook(path, notebook)
    return [path]


def derive_appendix(root: Path) -> list[Path]:
    """Write the appendix's notebooks, few of them executed; returns the written files."""
    written = []
    for source in sorted((root / "notebooks" / "src" / "appendix").glob("*.py")):
        written.append(root / "notebooks" / "appendix" / f"{source.stem}.ipynb")
        write_notebook(written[-1], run_here(derive(source)) if source.stem in EXECUTED else derive(source))
    return written


def run_here(notebook):
    """Run a short notebook as it is; CourseError where an output names a path of this machine."""
    NotebookClient(notebook, timeout=300, kernel_name=KERNEL["name"], extra_arguments=QUIET).execute()
    notebook.metadata.language_info = {"name": "python"}
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    if found := machine_paths(notebook):
        raise CourseError(f"a notebook shows where it ran: {'; '.join(found)}")
    return notebook


def derive(source: Path, edition: Callable[[str], str] = editions.learner):
    """The notebook of one percent-format source, without outputs. Equal texts give equal notebooks, ids included."""
    notebook = jupytext.reads(edition(source.read_text(encoding="utf-8")), fmt="py:percent")
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        name = hashlib.sha256(f"{cell.cell_type}\n{cell.source}".encode()).hexdigest()[:8]
        seen[name] += 1
        cell.id = name if seen[name] == 1 else f"{name}-{seen[name]}"  # ids from the text: a new cell moves no other id
        cell.metadata = nbformat.from_dict({"tags": tags(cell)} if tags(cell) else {})
    return notebook


def with_outputs(source: Path, executed: Path, edition: Callable[[str], str] = editions.learner):
    """The derived notebook with the outputs of its execution, without the cell of parameters that papermill adds."""
    derived = derive(source, edition)
    ran = [cell for cell in nbformat.read(executed, as_version=4).cells if "injected-parameters" not in tags(cell)]
    count = 0
    for cell, done in zip(derived.cells, ran, strict=True):
        if cell.cell_type == "code":
            count += 1
            cell.outputs, cell.execution_count = done.outputs, count
            for output in cell.outputs:
                if "execution_count" in output:
                    output.execution_count = count
    return derived


def keep_outputs(root: Path) -> list[Path]:
    """Bring notebooks in line with sources of which only words or the bootstrap cell changed; nothing is executed.

    Returns the files that changed. Raises CourseError, before anything is written, where other code has changed.
    """
    folder, renewed = root / "notebooks", {}
    kinds = [("src", folder, editions.learner), ("src", folder / "solutions", editions.solutions),
             ("src/appendix", folder / "appendix", editions.learner)]  # fmt: skip
    for sources, target, edition in kinds:
        for source in sorted((folder / sources).glob("*.py")):
            path = target / f"{source.stem}.ipynb"
            if path.exists():
                found = nbformat.read(path, as_version=4)
                if skeleton(found) != skeleton(derive(source, edition)):
                    raise CourseError(f"{path} is older than the code of its source: run `make notebooks`")
                has_run = any(cell.get("execution_count") for cell in found.cells)
                book = with_outputs(source, path, edition) if has_run else derive(source, edition)
                book.metadata = found.metadata
                if book != found:
                    renewed[path] = book
    for path, book in renewed.items():
        write_notebook(path, book)
    return list(renewed)


def skeleton(notebook) -> list[str]:
    """What decides a notebook's outputs: the code of its cells, in their order among cells of text."""
    return [cell.source if cell.cell_type == "code" and "bootstrap" not in tags(cell) else cell.cell_type
            for cell in notebook.cells]  # fmt: skip


def tags(cell) -> list[str]:
    """The tags of a notebook's cell."""
    return cell.metadata.get("tags", [])


def machine_paths(notebook) -> list[str]:
    """A sentence for each output that names a path of the machine it ran on."""
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            texts = [value for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
            for path in MACHINE_PATH.findall("".join([output.get("text", ""), *texts])):
                found.append(f"cell {number} prints the path {path}")
    return found


def write_notebook(path: Path, notebook) -> None:
    """Write a notebook so that it is either complete or not there."""
    write_atomically(path, lambda unfinished: nbformat.write(notebook, unfinished))


def note_costs(root: Path, units: dict) -> None:
    """Write seconds and memory of the units that ran into notebooks/measured.json; the other units keep theirs."""
    path = root / "notebooks" / "measured.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    for name, unit in units.items():
        known[name] = {key: unit[key] for key in ("seconds", "peak_mb")}
    text = json.dumps(known, indent=1, allow_nan=False) + "\n"
    write_atomically(path, lambda unfinished: unfinished.write_text(text))


def copy_road(root: Path, folder: Path) -> None:
    """Put the picture of the road where the README shows it."""
    picture = folder / "results" / ROAD_UNIT / f"{ROAD_FIGURE}.png"
    if picture.exists():
        target = root / "notebooks" / "figures" / "road.png"
        write_atomically(target, lambda unfinished: shutil.copyfile(picture, unfinished))


def fill_readme(root: Path) -> None:
    """Write the table of units into the README, between its two marks."""
    path = root / "README.md"
    text = path.read_text(encoding="utf-8")
    if not TABLE.search(text):
        raise CourseError(f"{path} has lost the two marks between which the table of units stands")
    filled = TABLE.sub(lambda marks: marks.group(1) + units_table(root) + marks.group(2), text)
    write_atomically(path, lambda unfinished: unfinished.write_text(filled, encoding="utf-8"))


def units_table(root: Path) -> str:
    """The README's table: each unit with its question, minutes to read, and what its execution cost when measured."""
    measured = json.loads((root / "notebooks" / "measured.json").read_text(encoding="utf-8"))
    rows = ["| unit | question | reading, exercises | running | memory |", "|---|---|---|---|---|"]
    for unit in course.units("demo"):
        cost = measured.get(unit.name)
        running, memory = (f"{cost['seconds'] / 60:.1f} min", f"{cost['peak_mb'] / 1000:.1f} GB") if cost else ("", "")
        link = f"[{unit.name.split('_')[0]} {unit.title}](notebooks/{unit.name}.ipynb)"
        rows.append(f"| {link} | {unit.question} | {reading_minutes(unit)} min | {running} | {memory} |")
    return "\n".join(rows) + "\n"


def reading_minutes(unit: Unit, exercises: bool = True) -> int:
    """The minutes that a learner needs: 100 words a minute, a fifth of a minute for a line of code, and exercises.

    Counted are the words of text cells without formulas and links, and lines of code without comments, bootstrap and
    parameters. An exercise counts as the minutes in its line of difficulty, a quiz as its words.
    """
    minutes = 0.0
    for cell in derive(unit.source).cells:
        lines = [line for line in cell.source.splitlines() if line.strip()]
        stated = EXERCISE_MINUTES.findall(cell.source)
        if stated or {"exercise", "check"} & set(tags(cell)):
            minutes += exercises * sum(map(int, stated))
        elif cell.cell_type == "markdown":
            minutes += len(WORD.findall(FORMULA_OR_LINK.sub(" ", cell.source))) / 100
        elif "quiz" in tags(cell):
            minutes += exercises * len(WORD.findall(cell.source)) / 100
        elif not {"bootstrap", "parameters"} & set(tags(cell)):
            minutes += 0.2 * sum(not line.lstrip().startswith("#") for line in lines)
    return round(minutes)


if __name__ == "__main__":
    try:
        root, names = course.checkout(), sys.argv[1:]
        for path in derive_appendix(root) if names == ["appendix"] else refresh(root, names):
            print(f"wrote {path}")
    except CourseError as error:
        sys.exit(f"Error: {error}")
