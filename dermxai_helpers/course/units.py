"""The units of the course: which there are, what each tier asks of them, how they run and what they tell.

Two kinds of callers: the command line runs units with `run`; a notebook calls `record` and `figure` to hand its results
to `results.json` and the report.
"""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
TIERS = ("smoke", "demo", "ham10000")


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
        shared["photographs"] = str(Path(data).expanduser().absolute())
    return [unit_of(entry, tier, book["tiers"][tier], shared) for entry in book["units"]]


def read_book() -> dict:
    """The content of course.toml."""
    return tomllib.loads((Path(__file__).with_name("course.toml")).read_text(encoding="utf-8"))


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


# --- what a notebook tells ---
