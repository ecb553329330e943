"""The units of the course: which there are, what each tier asks of them, how they run and what they tell.

Two kinds of callers: the command line runs units with `run`; a notebook calls `record` and `figure` to hand its results
to `results.json` and the report.
"""

import json
import os
import re
import shutil
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dermxai_helpers import execution
from dermxai_helpers.data import load, write_atomically

PACKAGE = Path(__file__).parent
TIERS = ("smoke", "demo", "ham10000")
VALUES_FILE = "values.json"  # what a notebook records
FOLDER_VARIABLES = ("DERMXAI_CACHE", "TORCH_HOME", "HF_HOME", "XDG_CACHE_HOME")
UNIT_FILE = "unit.json"  # what the run measures


class CourseError(RuntimeError):
    """The course cannot go on; the message says what was found and what to do."""


# --- the units ---


@dataclass(frozen=True)
class Unit:
    """One notebook at one tier.

    parameters : what its parameters cell gets
    seconds, megabytes : its budget on two CPU cores
    cell_seconds : a cell that runs longer is stopped
    least_seconds : a unit that ends sooner did not do its work
    made_with : data and models behind its results, in words
    """

    name: str
    title: str
    question: str
    parameters: dict[str, object]
    seconds: float
    megabytes: float
    cell_seconds: int
    least_seconds: float
    made_with: str

    @property
    def source(self) -> Path:
        """The notebook's text source in the checkout."""
        path = checkout() / "notebooks" / "src" / f"{self.name}.py"
        if not path.is_file():
            raise CourseError(f"there is no {path}: course.toml names the unit {self.name}, so its source must exist")
        return path


def checkout() -> Path:
    """The folder that holds notebooks/src: around this package, or the current one when the package is installed."""
    for folder in (PACKAGE.parent, Path.cwd()):
        if (folder / "notebooks" / "src").is_dir():
            return folder
    raise CourseError("there is no notebooks/src here: run this command in a checkout of the course")


def units(tier: str = "demo", data: str | Path | None = None, seed: int = 0) -> list[Unit]:
    """All units of the course as course.toml describes them for one tier.

    tier : "smoke", "demo" or "ham10000"
    data : the HAM10000 folder, for the tier "ham10000" and only for it
    seed : goes to every unit that takes it
    """
    if tier not in TIERS:
        raise CourseError(f"there is no tier {tier!r}; choose one of {', '.join(TIERS)}")
    if (data is not None) != (tier == "ham10000"):
        raise CourseError("the tier ham10000 needs a folder (--data), and the drawn tiers take none")
    book = read_book()
    shared = {**book["tiers"][tier]["parameters"], "seed": seed}
    if data is not None:
        shared["data"] = str(Path(data).expanduser().absolute())
    return [unit_of(entry, tier, book["tiers"][tier], shared) for entry in book["units"]]


def read_book() -> dict:
    """The content of course.toml."""
    return tomllib.loads((PACKAGE / "course.toml").read_text(encoding="utf-8"))


def unit_of(entry: dict, tier: str, defaults: dict, shared: dict[str, object]) -> Unit:
    """One unit from its entry in course.toml; what it does not state itself comes from the tier."""
    own = entry.get(tier, {})
    taken = {name: shared[name] for name in entry["takes"] if name in shared}
    stated = {key: own.get(key, defaults[key]) for key in ("seconds", "megabytes", "cell_seconds", "made_with")}
    return Unit(
        name=entry["name"],
        title=entry["title"],
        question=entry["question"],
        parameters=taken | own.get("parameters", {}),
        least_seconds=entry["least_seconds"],
        **stated,
    )


def chosen(available: list[Unit], names: Sequence[str]) -> list[Unit]:
    """The units whose names start with one of `names` ("03", "03_gradcam_internals"); all when there are no names."""
    unknown = [name for name in names if not any(unit.name.startswith(name) for unit in available)]
    if unknown:
        known = ", ".join(unit.name for unit in available)
        raise CourseError(f"there is no unit {', '.join(unknown)}; there are {known}")
    return [unit for unit in available if not names or unit.name.startswith(tuple(names))]


# --- running them ---


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

    from dermxai_helpers import report, side_by_side

    wanted = chosen(units(tier, data, seed), names)
    if data is not None:
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
    if "data" not in unit.parameters or unit.parameters["data"] == "demo":
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


# --- what a notebook tells ---


@dataclass(frozen=True)
class Record:
    """A result by name, with what it must be judged against."""

    name: str
    value: float | int | str | bool | None
    low: float | None = None
    high: float | None = None
    baseline: float | str | None = None
    paper: float | str | None = None
    note: str = ""

    def __repr__(self) -> str:
        interval = "" if self.low is None else f" (95 % interval {shown(self.low)} to {shown(self.high)})"
        others = [f"{word} {shown(value)}" for word, value in (("baseline", self.baseline), ("paper", self.paper))
                  if value is not None]  # fmt: skip
        note = [self.note] if self.note else []
        return " · ".join([f"{self.name} = {shown(self.value)}{interval}", *others, *note])


def shown(value: object) -> str:
    """A value as a reader wants it: three decimals at most."""
    if value is None:
        return "not defined"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def record(name: str, value, low=None, high=None, baseline=None, paper=None, note: str = "") -> Record:
    """Keep a result for results.json and the report; returns it for display.

    name : lower_snake, unique within the unit (recording again replaces)
    value : number, word or truth value; NaN is kept as "not defined"
    low, high : the ends of its interval, both or neither
    baseline : what a rule without insight gets     paper : what the paper states

    Outside a run (no DERMXAI_RESULTS in the environment) nothing is written.
    """
    if (low is None) != (high is None):
        raise ValueError(f"{name}: give both ends of the interval or neither")
    result = Record(checked(name), *(plain(item) for item in (value, low, high, baseline, paper)), note=note)
    store("values", name, {key: item for key, item in asdict(result).items() if key != "name"})
    return result


def figure(name: str, figure_and_alt) -> None:
    """Show a figure and keep it for the report; name as in `record`, figure_and_alt as in `plots.show`."""
    from dermxai_helpers import plots

    checked(name)
    plots.show(figure_and_alt)
    folder = os.environ.get("DERMXAI_RESULTS")
    if folder:
        picture, alt = figure_and_alt
        (Path(folder) / f"{name}.png").write_bytes(plots.png(picture))
        store("figures", name, {"file": f"{name}.png", "alt": alt})


def checked(name: str) -> str:
    """The name, or ValueError when it is not lower_snake: other programs read results.json by it."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name!r} cannot name a result: use small letters, digits and underscores")
    return name


def plain(value):
    """A numpy or torch scalar as a Python value; NaN as None, which JSON can hold."""
    value = value.item() if hasattr(value, "item") else value
    return None if isinstance(value, float) and value != value else value


def store(kind: str, name: str, entry: dict) -> None:
    """Add an entry to the running unit's values file; does nothing outside a run."""
    folder = os.environ.get("DERMXAI_RESULTS")
    if not folder:
        return
    path = Path(folder) / VALUES_FILE
    known = json.loads(path.read_text()) if path.exists() else {"values": {}, "figures": {}}
    known[kind][name] = entry
    write_atomically(path, lambda unfinished: unfinished.write_text(json.dumps(known, indent=1)))
