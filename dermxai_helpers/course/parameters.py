"""What the parameters of a unit may be: course.toml states it once, and every unit asks before it works."""

import ast
import difflib
import os
from collections.abc import Iterable, Mapping
from numbers import Integral
from pathlib import Path

from dermxai_helpers.course.units import chosen, units
from dermxai_helpers.files import DataError


def check_parameters(unit: str, given: Mapping[str, object]) -> None:
    """Refuse parameters that a unit was not made for, before it works; raises DataError with a sentence for each.

    unit : its number, "06b"     given : the notebook's globals()
    """
    ranges = chosen(units(), [f"{unit}_"])[0].ranges
    problems = [f"{name} is not set: run the cell of parameters" for name in ranges if name not in given]
    problems += [unknown(name, ranges) for name in injected(given) if name not in ranges]
    problems += out_of_range(ranges, given)
    if problems:
        raise DataError(f"parameters of unit {unit}", problems)


def out_of_range(ranges: Mapping[str, object], given: Mapping[str, object]) -> list[str]:
    """A sentence for each value that its range, as in course.toml, does not hold."""
    wrong = {name: wanted(ranges[name], given[name]) for name in ranges if name in given}
    return [f"{name} is {given[name]!r:.80}, but must be {words}" for name, words in wrong.items() if words]


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


def unknown(name: str, known: Iterable[str]) -> str:
    """What to say about a name that is no parameter."""
    near = difflib.get_close_matches(name, list(known), 1)
    return f"no parameter is named {name}; " + (f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}")


def injected(given: Mapping[str, object]) -> list[str]:
    """The names that papermill set in the cell before the one that asks: the defaults would hide a misspelt name."""
    texts = given.get("In", ())[-2:-1]  # IPython keeps the text of every cell it runs; the last is the one that asks
    return [name for text in texts if text.startswith("# Parameters\n") for name in assigned(text)]


def assigned(code: str) -> list[str]:
    """The names that a cell of literals assigns, in order."""
    names = [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Name)]
    return [name.id for name in names if isinstance(name.ctx, ast.Store)]
