"""Running the units, each in a process of its own, and measuring what they take."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from dermxai_helpers.course import report
from dermxai_helpers.course.record import UNIT_FILE
from dermxai_helpers.course.units import CourseError, Unit, checkout, chosen, out_of_range, units
from dermxai_helpers.files import DataError, progress

FOLDER_VARIABLES = ("DERMXAI_CACHE", "TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
COMMAND = [sys.executable, "-m", "dermxai_helpers.course.execution"]
UNFINISHED, FAILED_NOTEBOOK = ".unfinished-", ".failed.ipynb"
ON_ONE_CORE = 2.5  # times its budget, which is meant for two cores and nobody beside it


def jobs_that_fit(data: Path | None = None) -> int:
    """How many units this machine can run at once: 2 drawn ones with two cores and 5 GB of free memory, else 1."""
    import psutil

    fit = (os.cpu_count() or 1) >= 2 and psutil.virtual_memory().available >= 5e9
    return 2 if fit and data is None else 1  # photographs fill the memory


def run(
    tier: str = "demo", data: str | Path | None = None, names: Sequence[str] = (), seed: int = 0, jobs: int = 1,
    out: str | Path | None = None,
) -> Path:  # fmt: skip
    """Execute units, `jobs` at a time, write results.json and report.html; returns their folder, OUT/TIER.

    data : the HAM10000 folder for the tier "ham10000"     names : only these units ("03")
    out : the folder for results; else $DERMXAI_BUILD, else `build` in the checkout
    A run that was stopped or failed goes on where it was; after one that had finished, its units are run anew.
    CourseError for a unit that fails, and while another run holds the folder; DataError for a parameter out of range.
    """
    wanted = chosen(units(tier, data, seed), names)
    made_from = origins(wanted, data)
    if problems := [text for unit in wanted for text in out_of_range(unit.ranges, unit.parameters)]:
        raise DataError("parameters of this run", dict.fromkeys(problems))
    folder = Path(out or os.environ.get("DERMXAI_BUILD") or checkout() / "build").expanduser().absolute() / tier
    folder.mkdir(parents=True, exist_ok=True)
    with alone(folder):
        left = [unit for unit in wanted if not report.holds(folder / "results" / unit.name, made_from[unit.name])]
        if 0 < len(left) < len(wanted):
            print(f"Going on: {len(wanted) - len(left)} of {len(wanted)} units have finished already", file=sys.stderr)
        for place in folder.glob(f"{UNFINISHED}*"):  # of a run that was killed
            shutil.rmtree(place, ignore_errors=True)
        for unit in [] if names else left or wanted:
            discard(folder, unit.name)
        try:
            execute_all(left or wanted, made_from, folder, jobs)
        finally:
            report.write(folder, tier)
    return folder


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold a folder of results while this process lives; raises CourseError while another one holds it."""
    import filelock

    try:
        with filelock.FileLock(folder.with_suffix(".lock"), blocking=False):
            yield
    except filelock.Timeout:
        advice = "wait for its end, or name another folder with --out"
        raise CourseError(f"another run is at work in {folder}: {advice}") from None


def origins(wanted: list[Unit], data: str | Path | None) -> dict[str, dict]:
    """What decides each unit's results: parameters; a digest of program, packages and table (DataError if unfit)."""
    package, digest = Path(__file__).parents[1], hashlib.sha256(repr(report.versions()).encode())
    for path in sorted([*package.rglob("*.py"), *package.rglob("*.safetensors")]):
        digest.update(path.read_bytes())
    if data is not None:
        from dermxai_helpers.data import load

        digest.update(load(data).to_csv().encode())
    programs = [hashlib.sha256(digest.digest() + unit.source.read_bytes()).hexdigest()[:16] for unit in wanted]
    pairs = zip(wanted, programs, strict=True)
    return {unit.name: {"parameters": unit.parameters, "program": program} for unit, program in pairs}


def discard(folder: Path, name: str) -> None:
    """Remove what earlier runs left of a unit."""
    shutil.rmtree(folder / "results" / name, ignore_errors=True)
    for ending in (".ipynb", FAILED_NOTEBOOK, report.FAILED):
        (folder / f"{name}{ending}").unlink(missing_ok=True)


def execute_all(wanted: list[Unit], made_from: dict[str, dict], folder: Path, jobs: int) -> None:
    """Run the units, `jobs` at a time; after a failure, which is noted, and after Ctrl-C the others end too."""
    environment = os.environ | folder_variables(folder.parent) | {"TQDM_DISABLE": "1"}  # no progress bars in notebooks
    if jobs > 1:
        environment["OMP_NUM_THREADS"] = "1"
        wanted = [replace(unit, seconds=ON_ONE_CORE * unit.seconds) for unit in wanted]
        wanted.sort(key=lambda unit: -unit.seconds)  # at the end no long one is left while the other core is idle
    lifeline, held = os.pipe()
    shared = (folder, environment, lifeline)
    with ThreadPoolExecutor(jobs) as pool:
        running = {pool.submit(run_unit, unit, made_from[unit.name], *shared): unit for unit in wanted}
        try:
            for ended in progress(as_completed(running), "running", "unit", total=len(running)):
                if error := ended.exception():
                    unit = running[ended]
                    note = f"{error}; parameters: {json.dumps(unit.parameters)}"
                    (folder / f"{unit.name}{report.FAILED}").write_text(note, encoding="utf-8")
                    raise error
        finally:
            os.close(held)
            pool.shutdown(cancel_futures=True)
            os.close(lifeline)


def folder_variables(build: Path) -> dict[str, str]:
    """Where units look for weights and drawings: the folders the user named, as absolute paths, else build/cache."""
    named = {name: os.path.abspath(os.environ[name]) for name in FOLDER_VARIABLES if os.environ.get(name)}
    return {"DERMXAI_CACHE": str(build / "cache")} | named


def run_unit(unit: Unit, made_from: dict, folder: Path, environment: dict, lifeline: int) -> None:
    """Execute one unit and put its measures, recorded values and notebook where the report looks for them."""
    failed, results = folder / f"{unit.name}{FAILED_NOTEBOOK}", folder / "results" / unit.name
    if unit.parameters.get("photographs", "demo") == "demo":
        environment = environment | OFFLINE
    with tempfile.TemporaryDirectory(prefix=UNFINISHED, dir=folder) as place:
        executed, told = Path(place, "executed.ipynb"), Path(place, "told")
        told.mkdir()
        order = [unit.source, executed, failed, unit.parameters, unit.cell_seconds]
        try:
            seconds, peak_mb = measured(order, environment | {"DERMXAI_RESULTS": str(told)}, lifeline)
        except CourseError as error:
            raise CourseError(f"unit {unit.name} stopped: {error}") from error
        entry = {"title": unit.title, "made_with": unit.made_with, "seconds": round(seconds, 1), "peak_mb": peak_mb}
        entry |= made_from | {"budget": {"seconds": unit.seconds, "megabytes": unit.megabytes}}
        (told / UNIT_FILE).write_text(json.dumps(entry, indent=1, allow_nan=False))
        discard(folder, unit.name)
        results.parent.mkdir(exist_ok=True)
        executed.replace(folder / f"{unit.name}.ipynb")
        told.rename(results)


def measured(order: list, environment: dict[str, str], lifeline: int) -> tuple[float, int | None]:
    """Call `execution.execute(*order)` in a process that ends with the pipe `lifeline`: its seconds, peak MB."""
    options = {"env": environment, "capture_output": True, "text": True, "start_new_session": True}
    done = subprocess.run([*COMMAND, json.dumps(order, default=str)], stdin=lifeline, **options)
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise CourseError(f"its process ended with {done.returncode}: {reason}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if "problem" in answer:
        raise CourseError(answer["problem"])
    return answer["seconds"], answer["peak_mb"]
