"""The units of the course, as course.toml describes them for each tier, and what their parameters may be."""

import ast
import difflib
import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from numbers import Integral
from pathlib import Path

from dermxai_helpers.files import DataError

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


def check_parameters(unit: str, given: Mapping[str, object]) -> None:
    """Refuse what a unit ("06b") was not made for: DataError, a sentence for each. given : a notebook's globals()"""
    ranges = chosen(units(), [f"{unit}_"])[0].ranges
    problems = [f"{name} is not set: run the cell of parameters" for name in ranges if name not in given]
    for name in injected(given):
        if name not in ranges:
            near = difflib.get_close_matches(name, ranges, 1)
            advice = f"did you mean {near[0]}?" if near else f"there are {', '.join(ranges)}"
            problems.append(f"no parameter is named {name}; {advice}")
    problems += out_of_range(ranges, given)
    if problems:
        raise DataError(f"parameters of unit {unit}", problems)


def out_of_range(ranges: Mapping[str, object], given: Mapping[str, object]) -> list[str]:
    """A sentence for each value that its range, as in course.toml, does not hold."""
    wrong = [(name, wanted(ranges[name], given[name])) for name in ranges if name in given]
    return [f"{name} is {given[name]!r:.80}, but must be {words}" for name, words in wrong if words]


def wanted(allowed: list | str, value: object) -> str:
    """The range in words if it does not hold the value; numpy's whole numbers are such, True and 3.0 are not."""
    if isinstance(allowed, str):
        text = str(value) if isinstance(value, str | os.PathLike) else ""
        fits = text == "demo" or bool(text.strip()) and (allowed == "text" or Path(text).expanduser().is_dir())
        words = "a text" if allowed == "text" else '"demo" or a folder that exists'
    elif isinstance(allowed[0], str):
        fits = isinstance(value, str) and value in allowed
        words = " or ".join(f'"{word}"' for word in allowed)
    else:
        least, most = allowed
        fits = isinstance(value, Integral) and not isinstance(value, bool) and least <= value <= most
        words = f"a whole number from {least} to {most}"
    return "" if fits else words


def injected(given: Mapping[str, object]) -> list[str]:
    """The names that papermill set in the cell before the one that asks: the defaults would hide a misspelt name."""
    texts = given.get("In", ())[-2:-1]  # IPython keeps the text of every cell it runs; the last is the one that asks
    cells = [ast.parse(text) for text in texts if text.startswith("# Parameters\n")]
    names = [node for cell in cells for node in ast.walk(cell) if isinstance(node, ast.Name)]
    return [name.id for name in names if isinstance(name.ctx, ast.Store)]
