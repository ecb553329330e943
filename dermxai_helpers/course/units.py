"""The units of the course, as course.toml describes them for each tier."""

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

TIERS = ("smoke", "demo", "ham10000")


class CourseError(RuntimeError):
    """The course cannot go on; the message says what was found and what to do."""


@dataclass(frozen=True)
class Unit:
    """One notebook at one tier; seconds and megabytes are its budget on two CPU cores."""

    name: str
    title: str
    question: str
    parameters: dict[str, object]
    ranges: dict[str, list | str]  # what each parameter may be, as course.toml says
    seconds: float
    megabytes: float
    cell_seconds: int  # a cell that runs longer is stopped
    least_seconds: float  # a unit that ends sooner did not do its work
    made_with: str  # the data and models behind its results, in words

    @property
    def source(self) -> Path:
        """The notebook's text source in the checkout."""
        path = checkout() / "notebooks" / "src" / f"{self.name}.py"
        if not path.is_file():
            raise CourseError(f"there is no {path}: course.toml names the unit {self.name}, so its source must exist")
        return path


def checkout() -> Path:
    """The folder that holds notebooks/src: around this package, or the current one when the package is installed."""
    for folder in (Path(__file__).parents[2], Path.cwd()):
        if (folder / "notebooks" / "src").is_dir():
            return folder
    raise CourseError("there is no notebooks/src here: run this command in a checkout of the course")


def read_book() -> dict:
    """The content of course.toml."""
    return tomllib.loads(Path(__file__).with_name("course.toml").read_text(encoding="utf-8"))


def units(tier: str = "demo", data: str | Path | None = None, seed: int = 0) -> list[Unit]:
    """All units of the course for one tier; data : the HAM10000 folder, for the tier "ham10000" and only for it."""
    if tier not in TIERS:
        raise CourseError(f"there is no tier {tier!r}; choose one of {', '.join(TIERS)}")
    if (data is not None) != (tier == "ham10000"):
        raise CourseError("the tier ham10000 needs a folder (--data), and the drawn tiers take none")
    given = {"seed": seed} if data is None else {"seed": seed, "photographs": str(Path(data).expanduser().absolute())}
    book, found = read_book(), []
    defaults = book["tiers"][tier]
    shared = defaults["parameters"] | given
    for entry in book["units"]:
        own = entry.get(tier, {})
        stated = defaults | entry | own
        taken = {name: shared[name] for name in entry["takes"] if name in shared}
        stated["parameters"] = taken | own.get("parameters", {})
        stated["ranges"] = {name: book["ranges"][name] for name in entry["takes"]} | entry.get("ranges", {})
        found.append(Unit(**{field.name: stated[field.name] for field in fields(Unit)}))
    return found


def chosen(available: list[Unit], names: Sequence[str]) -> list[Unit]:
    """The units whose names start with one of `names` ("03", "03_gradcam_internals"); all when there are no names."""
    known = ", ".join(unit.name for unit in available)
    unknown = [name for name in names if not name or not any(unit.name.startswith(name) for unit in available)]
    if unknown:
        raise CourseError(f"there is no unit {', '.join(unknown)}; there are {known}")
    return [unit for unit in available if not names or unit.name.startswith(tuple(names))]
