"""Files that are complete or not there, faults as sentences, and where the course keeps what it can make again."""

import os
import uuid
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any


class DataError(ValueError):
    """What is wrong with a folder, a table or a picture (`where`): one sentence for each problem, in one message."""

    def __init__(self, where: str | Path, problems: Collection[str]):
        self.where = str(where)
        self.problems = tuple(problems)
        if len(self.problems) == 1:
            message = f"{where}: {self.problems[0]}"
        else:
            message = "\n  - ".join([f"{where} has {len(self.problems)} problems:", *self.problems])
        super().__init__(message)


def listed(names: Iterable, limit: int = 5) -> str:
    """The first few names, and how many more there are."""
    names = [str(name) for name in names]
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 image", "1,113 images"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def cache_folder() -> Path:
    """Where the course keeps what it can make again: $DERMXAI_CACHE, or ~/.cache/dermxai. The folder exists."""
    folder = Path(os.environ.get("DERMXAI_CACHE") or "~/.cache/dermxai").expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        advice = "set DERMXAI_CACHE to a folder that you may write to"
        raise DataError(folder, [f"cannot be made ({error}); {advice}"]) from error
    return folder


def write_atomically(path: str | Path, writer: Callable[[Path], object]) -> None:
    """Write a file so that it is complete or not there: `writer` gets a temporary path with the same suffix beside it.

    When the writer fails or is interrupted, the temporary file is removed and an older `path` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.stem}-{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        writer(unfinished)
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def progress(work: Iterable | int, what: str, unit: str = "image", shown: bool = True, **options) -> Any:
    """Show a progress bar (tqdm) round an iterable, or for a number of steps that `bar.update(n)` counts.

    shown : False hides the bar; the environment variable TQDM_DISABLE=1 hides every bar
    options : tqdm's own, such as initial, total, delay, unit_scale

    >>> sum(progress([1, 2, 3], "adding", "number", shown=False))
    6
    """
    from tqdm import tqdm  # not tqdm.auto: its notebook bar is a widget, and takes no heed of TQDM_DISABLE

    hidden = not shown or bool(os.environ.get("TQDM_DISABLE"))
    if isinstance(work, int):
        return tqdm(total=work, desc=what, unit=unit, disable=hidden, **options)
    return tqdm(work, desc=what, unit=unit, disable=hidden, **options)
