"""What a learner has solved, attempted and left open: a small file in the cache folder, no account, no network."""

import contextlib
import json

import pandas as pd

from dermxai_helpers import files

FILE = "progress.json"
STATES = {"right": "solved", "wrong": "tried", "failed": "tried"}  # of an exercise, by its best outcome; else open


def keep(name: str, outcome: str) -> None:
    """Note an outcome of a check. What was solved once stays solved. A cache that cannot be written loses only this."""
    with contextlib.suppress(OSError, files.DataError):
        known = noted()
        if known.get(name) != "right" and known.get(name) != outcome:
            text = json.dumps(known | {name: outcome}, indent=1)
            files.write_atomically(files.cache_folder() / FILE, lambda unfinished: unfinished.write_text(text))


def noted() -> dict[str, str]:
    """{name of an exercise: its best outcome so far}; empty when nothing was kept, or the file is damaged."""
    with contextlib.suppress(OSError, ValueError, files.DataError):
        known = json.loads((files.cache_folder() / FILE).read_text(encoding="utf-8"))
        return known if isinstance(known, dict) else {}
    return {}


def by_unit() -> pd.DataFrame:
    """Which exercises are solved, tried and open: one row a unit, the names in one text."""
    from dermxai_helpers import checks

    outcomes, rows = noted(), {}
    for module, content in vars(checks).items():
        if module.startswith("unit_"):
            names = [name for name, value in vars(content).items() if isinstance(value, checks.Exercise)]
            groups = {"solved": [], "tried": [], "open": []}
            for name in names:
                groups[STATES.get(outcomes.get(name), "open")].append(name)
            rows[module.removeprefix("unit_")] = {"of": len(names)} | {key: ", ".join(it) for key, it in groups.items()}
    return pd.DataFrame.from_dict(rows, orient="index").sort_index()
