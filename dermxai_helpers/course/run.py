"""Running the units, each in a process of its own, and measuring what they take."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import replace
from pathlib import Path

from dermxai_helpers.course import report
from dermxai_helpers.course.record import UNIT_FILE
from dermxai_helpers.course.units import CourseError, Unit, checkout, chosen, units
from dermxai_helpers.files import progress

FOLDER_VARIABLES = ("DERMXAI_CACHE", "TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME")
OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
IMPORTS = "# %%\nimport matplotlib.pyplot, pandas, sklearn, timm, torch, torchvision\n"
COMMAND = [sys.executable, "-m", "dermxai_helpers.course.execution"]
ON_ONE_CORE = 2.5  # times its budget, which is meant for two cores and nobody beside it


def jobs_that_fit(data: Path | None = None) -> int:
    """How many units this machine can run at once: 2 drawn ones with two cores and 5 GB of free memory, else 1."""
    import psutil

    fit = (os.cpu_count() or 1) >= 2 and psutil.virtual_memory().available >= 5e9
    return 2 if fit and data is None else 1  # photographs fill the memory


def run(
    tier: str = "demo", data: str | Path | None = None, names: Sequence[str] = (), seed: int = 0, jobs: int = 1
) -> Path:
    """Execute units, `jobs` at a time, write results.json and report.html; returns their folder, build/TIER.

    data : the HAM10000 folder for the tier "ham10000"     names : only these units ("03"); else the folder is emptied

    Raises CourseError for a unit that fails. Units that have finished keep their results, also after Ctrl-C.
    """
    wanted = chosen(units(tier, data, seed), names)
    if data is not None:
        from dermxai_helpers.data import load

        load(data)
    sources = {unit.name: unit.source for unit in wanted}  # a missing one is reported before hours of work
    folder = checkout().absolute() / "build" / tier
    environment = os.environ | folder_variables(folder.parent) | {"TQDM_DISABLE": "1"}  # no progress bars in notebooks
    if jobs > 1:
        environment["OMP_NUM_THREADS"] = "1"
        wanted = [replace(unit, seconds=ON_ONE_CORE * unit.seconds) for unit in wanted]
        wanted.sort(key=lambda unit: -unit.seconds)  # at the end no long one is left while the other core is idle
    if not names:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    lifeline, held = os.pipe()
    with ThreadPoolExecutor(jobs) as pool:
        shared = (folder, environment, pool.submit(import_megabytes, environment, lifeline), lifeline)
        running = [pool.submit(run_unit, unit, sources[unit.name], *shared) for unit in wanted]
        try:
            for finished in progress(as_completed(running), "running", "unit", total=len(running)):
                finished.result()
        finally:  # after a failure or Ctrl-C the other units end too
            os.close(held)
            pool.shutdown(cancel_futures=True)
            os.close(lifeline)
            report.write(folder, tier, seed)
    return folder


def folder_variables(build: Path) -> dict[str, str]:
    """Where units look for weights and drawings: the folders the user named, as absolute paths, else build/cache."""
    named = {name: os.path.abspath(os.environ[name]) for name in FOLDER_VARIABLES if os.environ.get(name)}
    return {"DERMXAI_CACHE": str(build / "cache")} | named


def import_megabytes(environment: dict[str, str], lifeline: int) -> float:
    """The memory of a kernel that merely imports what a unit with a network imports."""
    with tempfile.TemporaryDirectory() as place:
        source = Path(place, "imports.py")
        source.write_text(IMPORTS)
        return measured([source, f"{place}/executed.ipynb", f"{place}/failed.ipynb", {}, 300], environment, lifeline)[1]


def run_unit(unit: Unit, source: Path, folder: Path, environment: dict, imports: Future, lifeline: int) -> None:
    """Execute one unit and put its measures, recorded values and notebook where the report looks for them."""
    failed, results = folder / f"{unit.name}.failed.ipynb", folder / "results" / unit.name
    if unit.parameters.get("photographs", "demo") == "demo":
        environment = environment | OFFLINE
    with tempfile.TemporaryDirectory(prefix=".", dir=folder) as place:
        executed, told = Path(place, "executed.ipynb"), Path(place, "told")
        told.mkdir()
        order = [source, executed, failed, unit.parameters, unit.cell_seconds]
        try:
            seconds, peak_mb = measured(order, environment | {"DERMXAI_RESULTS": str(told)}, lifeline)
        except CourseError as error:
            raise CourseError(f"unit {unit.name} stopped: {error}") from error
        entry = {"title": unit.title, "made_with": unit.made_with, "parameters": unit.parameters}
        entry |= {"seconds": round(seconds, 1), "peak_mb": round(peak_mb), "import_mb": round(imports.result())}
        entry["budget"] = {"seconds": unit.seconds, "megabytes": unit.megabytes}
        (told / UNIT_FILE).write_text(json.dumps(entry, indent=1))
        shutil.rmtree(results, ignore_errors=True)
        results.parent.mkdir(exist_ok=True)
        executed.replace(folder / f"{unit.name}.ipynb")
        told.rename(results)
        failed.unlink(missing_ok=True)


def measured(order: list, environment: dict[str, str], lifeline: int) -> tuple[float, float]:
    """Execute a notebook, `order` as for `execution.execute`, in a process of its own; returns its seconds and peak MB.

    lifeline : the reading end of a pipe; the process ends when the writing end is closed
    """
    options = {"env": environment, "capture_output": True, "text": True, "start_new_session": True}
    done = subprocess.run([*COMMAND, json.dumps(order, default=str)], stdin=lifeline, **options)
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise CourseError(f"its process ended with {done.returncode}: {reason}")
    answer = json.loads(done.stdout.splitlines()[-1])
    if "problem" in answer:
        raise CourseError(answer["problem"])
    return answer["seconds"], answer["peak_mb"]
