"""What a learner has solved, attempted and left open: a small file in the cache folder, no account, no network."""

import contextlib
import json

from dermxai_helpers import files

FILE = "progress.json"


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
