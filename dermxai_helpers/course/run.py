"""Running the units."""

import json
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from dermxai_helpers.course import execution
from dermxai_helpers.course.units import CourseError, Unit, checkout, chosen, units

FOLDER_VARIABLES = ("DERMXAI_CACHE", "TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME")


UNIT_FILE = "unit.json"  # what the run measures


def run(
    tier: str = "demo",
    data: str | Path | None = None,
    names: Sequence[str] = (),
    seed: int = 0,
    build: Path | None = None,
    jobs: int = 1,
) -> Path:
    """Execute units and write results.json and report.html; returns the tier's folder.

    data : the HAM10000 folder for the tier "ham10000"
    names : only these units ("03"); what others left in the folder stays. Without names the folder is emptied first
    build : the folder to build in, by default build/ of the checkout
    jobs : units that run at once, each on one core (see `side_by_side`)

    Raises DataError for an unfit data folder before anything runs, and CourseError for a unit that fails. Units that
    have finished keep their results, after a failure and after Ctrl-C.
    """
    from tqdm import tqdm

    from dermxai_helpers.course import report, side_by_side

    wanted = chosen(units(tier, data, seed), names)
    if data is not None:
        from dermxai_helpers.data import load

        load(data)
    sources = [unit.source for unit in wanted]  # a missing source is reported before hours of work
    folder = (build or checkout() / "build").absolute() / tier
    if not names:
        shutil.rmtree(folder, ignore_errors=True)
    total = sum(unit.seconds for unit in wanted)
    form = "{desc:<24} {percentage:3.0f} % |{bar:30}| {elapsed} passed, about {remaining} left"
    interval = 0.1 if sys.stderr.isatty() else 15  # a log file needs no moving bar
    with tqdm(total=total, bar_format=form, mininterval=interval) as bar:
        try:
            if jobs > 1:
                side_by_side.run(wanted, folder, jobs, bar)
            else:
                for unit, source in zip(wanted, sources, strict=True):
                    run_unit(unit, source, folder, bar)
        finally:
            report.write(folder, tier, seed)
    return folder


def run_unit(unit: Unit, source: Path, folder: Path, bar) -> None:
    """Execute one unit and move what it made into place; `bar` advances by the unit's budget of seconds."""
    bar.set_description_str(unit.name)
    start = bar.n
    unfinished = folder / f".{unit.name}"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    environment = {"DERMXAI_RESULTS": str(unfinished), **folder_variables(folder.parent), **execution.QUIET}
    if unit.parameters.get("photographs", "demo") == "demo":
        environment |= execution.OFFLINE
    try:
        done = execution.execute(
            execution.derive(source),
            unit.parameters,
            failed=folder / f"{unit.name}.failed.ipynb",
            cell_seconds=unit.cell_seconds,
            environment=environment,
            watch=lambda seconds: bar.update(start + min(seconds, unit.seconds) - bar.n),
        )
        keep(unit, done, unfinished, folder)
    except execution.NotebookFailed as error:
        raise CourseError(f"unit {unit.name} stopped: {error}") from error
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    bar.update(start + unit.seconds - bar.n)


def folder_variables(build: Path) -> dict[str, str]:
    """Where the units look for weights, drawn lesions and features: the places the user has named, else build/cache.

    A kernel works in another folder than the user, so that "../weights" would lead it astray: names become absolute.
    """
    named = {name: os.path.abspath(os.environ[name]) for name in FOLDER_VARIABLES if os.environ.get(name)}
    return {"DERMXAI_CACHE": str(build / "cache")} | named


def keep(unit: Unit, done: execution.Execution, unfinished: Path, folder: Path) -> None:
    """Put an executed unit's measures, recorded values and notebook where the report looks for them."""
    if done.seconds < unit.least_seconds:
        raise CourseError(
            f"unit {unit.name} ended after {done.seconds:.1f} s, sooner than its work can be done "
            f"({unit.least_seconds} s): look whether its cells were skipped"
        )
    measured = {
        "title": unit.title,
        "made_with": unit.made_with,
        "parameters": unit.parameters,
        "seconds": round(done.seconds, 1),
        "peak_mb": round(done.peak_mb),
        "budget": {"seconds": unit.seconds, "megabytes": unit.megabytes},
    }
    (unfinished / UNIT_FILE).write_text(json.dumps(measured, indent=1))
    results = folder / "results" / unit.name
    shutil.rmtree(results, ignore_errors=True)
    results.parent.mkdir(exist_ok=True)
    execution.write_notebook(folder / f"{unit.name}.ipynb", done.notebook)
    (folder / f"{unit.name}.failed.ipynb").unlink(missing_ok=True)
    unfinished.rename(results)
