"""How do the notebooks that people read come to be?

From `notebooks/src/*.py`: derived, executed at the demo tier, written with their outputs. What the execution cost goes
to `notebooks/measured.json` and from there into the README's table; the road's picture goes to `notebooks/figures`.
"""

import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from dermxai_helpers.course import execution
from dermxai_helpers.course.run import run
from dermxai_helpers.course.units import CourseError, Unit, checkout, chosen, units
from dermxai_helpers.files import write_atomically

TABLE = re.compile(r"(<!-- units: `make notebooks` writes this table -->\n).*?(<!-- end of units -->)", re.DOTALL)
BADGES = re.compile(r"· (\d+) minutes · CPU is enough \((\d+(?:\.\d+)?) GB\)")
ROAD_UNIT, ROAD_FIGURE = "00_start_here", "road"


def refresh(names: Sequence[str] = ()) -> list[Path]:
    """Derive the notebooks and execute them at the demo tier, as the sources stand; returns the written files.

    names : only these units ("03"); without names all of them

    Raises CourseError for a unit that fails, and for one whose outputs name a path of this machine. A notebook is
    replaced only when its unit has run to its end.
    """
    root = checkout()
    folder = run("demo", names=names)
    results = json.loads((folder / "results.json").read_text())
    written = []
    for unit in chosen(units("demo"), names):
        executed = with_outputs(unit.source, folder / f"{unit.name}.ipynb")
        found = execution.machine_paths(executed)
        if found:
            raise CourseError(f"unit {unit.name} shows where it ran: {'; '.join(found)}")
        written.append(root / "notebooks" / f"{unit.name}.ipynb")
        execution.write_notebook(written[-1], executed)
    note_costs(root, results["units"])
    copy_road(root, folder)
    fill_readme(root)
    return written


def with_outputs(source: Path, executed: Path):
    """The derived notebook with the outputs of its execution, without the cell of parameters that papermill adds."""
    import nbformat

    derived = execution.derive(source)
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


def tags(cell) -> list[str]:
    """The tags of a notebook's cell."""
    return cell.metadata.get("tags", [])


def note_costs(root: Path, units: dict) -> None:
    """Write seconds and memory of the units that ran into notebooks/measured.json; the other units keep theirs."""
    path = root / "notebooks" / "measured.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    known |= {name: {"seconds": unit["seconds"], "peak_mb": unit["peak_mb"]} for name, unit in units.items()}
    write_atomically(path, lambda unfinished: unfinished.write_text(json.dumps(known, indent=1) + "\n"))


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
    measured = json.loads((root / "notebooks" / "measured.json").read_text())
    rows = ["| unit | question | reading | running | memory |", "|---|---|---|---|---|"]
    for unit in units("demo"):
        cost = measured.get(unit.name)
        running, memory = (f"{cost['seconds'] / 60:.1f} min", f"{cost['peak_mb'] / 1000:.1f} GB") if cost else ("", "")
        link = f"[{unit.name.split('_')[0]} {unit.title}](notebooks/{unit.name}.ipynb)"
        rows.append(f"| {link} | {unit.question} | {reading_minutes(unit)} min | {running} | {memory} |")
    return "\n".join(rows) + "\n"


def reading_minutes(unit: Unit) -> int:
    """The minutes that the unit's badge line states."""
    badges = BADGES.search(unit.source.read_text(encoding="utf-8"))
    if badges is None:
        raise CourseError(f"{unit.source} has no line of badges ending in '· N minutes · CPU is enough (X GB)'")
    return int(badges.group(1))
