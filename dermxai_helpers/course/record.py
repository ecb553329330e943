"""What a notebook tells: results by name and figures, kept for `results.json` and the report."""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from dermxai_helpers.files import write_atomically

VALUES_FILE = "values.json"  # what a notebook records


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
