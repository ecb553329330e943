"""What a notebook tells: results by name and figures, kept for `results.json` and the report."""

import json
import math
import os
import re
from pathlib import Path

from dermxai_helpers.files import write_atomically

VALUES_FILE = "values.json"  # what a notebook records
UNIT_FILE = "unit.json"  # what its run measures
NAME = re.compile(r"[a-z][a-z0-9_]*")  # of a result or a figure
SEEDS = {"paper": "The paper", "tutorial": "The tutorial"}
GIVEN = ("value", "low", "high", "baseline", "paper")
NOTHING_TOLD = {"values": {}, "figures": {}, "claims": {}}


class Record(str):
    """A recorded result in words; a notebook shows it without quotation marks."""

    __repr__ = str.__str__


def record(name: str, value, low=None, high=None, baseline=None, paper=None, note: str = "") -> Record:
    """Keep a result for results.json and the report (outside a run, nothing is written); returns it for display.

    name : lower_snake; recording again replaces     value : number, word or truth value; NaN is "not defined"
    low, high : the ends of its interval     baseline : what a rule without insight gets     paper : what it states
    """
    if (low is None) != (high is None):
        raise ValueError(f"{name}: give both ends of the interval or neither")
    entry = dict(zip(GIVEN, map(plain, (value, low, high, baseline, paper)), strict=True)) | {"note": note}
    _store("values", name, entry)
    told = {key: shown(number) for key, number in entry.items()}
    ends = f" (95 % interval {told['low']} to {told['high']})" if low is not None else ""
    beside = [f"{key} {told[key]}" for key in ("baseline", "paper") if entry[key] is not None]
    return Record(" · ".join(filter(None, [f"{name} = {told['value']}{ends}", *beside, note])))


def claim(
    seed: str, section: str, quote: str, comparison, shown: str, supports: str = "higher", not_judged: str = ""
) -> Record:
    """Test a sentence of a seed as it is written, keep the verdict for the report, and return it for display.

    seed, section : one of SEEDS, and its number or heading     quote : the exact words, as tests compare them
    comparison : of `scoring.compare` or `scoring.among`; supports : the outcome that speaks for the sentence
    shown : its numbers, from `comparison.sentence`; not_judged : why this run cannot judge it ("drawn lesions")
    """
    if seed not in SEEDS or supports not in ("higher", "lower"):
        raise ValueError(f"a seed is one of {', '.join(SEEDS)}, and a claim is supported by 'higher' or 'lower'")
    verdict = "cannot tell" if comparison.outcome == "cannot tell" else "contradicted"
    verdict = f"not judged: {not_judged}" if not_judged else "supported" if comparison.outcome == supports else verdict
    entry = {"seed": seed, "section": section, "quote": quote, "verdict": verdict, "shown": shown}
    _store("claims", f"{seed} {section}: {quote}", entry)
    return Record(f"{SEEDS[seed]}, {section}: “{quote}”\n{verdict}. {shown}")


def figure(name: str, figure_and_alt) -> None:
    """Show a figure and keep it for the report; name as in `record`, figure_and_alt as in `plots.show`."""
    from dermxai_helpers import plots

    plots.show(figure_and_alt)
    picture, alt = figure_and_alt
    if folder := _store("figures", name, {"alt": alt}):
        (folder / f"{name}.png").write_bytes(plots.png(picture))


def shown(value: object) -> str:
    """A value as a reader wants it: three decimals at most; what would be 0.000 and is not, as 1e-07."""
    if value is None:
        return "not defined"
    small = isinstance(value, float) and 0 < abs(value) < 5e-4
    return f"{value:.0e}" if small else f"{value:.3f}" if isinstance(value, float) else str(value)


def plain(value):
    """A number, word or truth value, also numpy's or torch's, as JSON can hold it: NaN as None, infinity as "inf"."""
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, int | float | str | None):
        raise ValueError(f"a result is one number, word or truth value, not {type(value).__name__}")
    if isinstance(value, float) and not math.isfinite(value):
        return None if math.isnan(value) else str(value)
    return value


def _store(kind: str, name: str, entry: dict) -> Path | None:
    """Add an entry to the running unit's values file and return its folder; None outside a run."""
    if kind != "claims" and not NAME.fullmatch(name):
        raise ValueError(f"{name!r} cannot name a result: use small letters, digits and underscores")
    if not os.environ.get("DERMXAI_RESULTS"):
        return None
    path = Path(os.environ["DERMXAI_RESULTS"], VALUES_FILE)
    known = NOTHING_TOLD | (json.loads(path.read_text(encoding="utf-8")) if path.exists() else {})
    text = json.dumps(known | {kind: known[kind] | {name: entry}}, indent=1, allow_nan=False)
    write_atomically(path, lambda unfinished: unfinished.write_text(text))
    return path.parent
