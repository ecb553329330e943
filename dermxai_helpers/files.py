"""Files that are complete or not there, faults as sentences, and where the course keeps what it can make again."""

import os
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

POINTER = "only the pointer that Git LFS leaves in place of a large file: fetch the file itself, git lfs pull"


class DataError(ValueError):
    """What is wrong with a folder, a table or a picture (`where`): one sentence for each problem, in one message."""

    def __init__(self, where: str | Path, problems: Collection[str]):
        self.where, self.problems = printable(where), tuple(problems)
        count = len(self.problems)
        above = f"{self.where}: " if count == 1 else f"{self.where} has {count} problems:\n  - "
        super().__init__(above + "\n  - ".join(self.problems))


def printable(name: object) -> str:
    """A file's name as text that can be shown and written: bytes that are not UTF-8 are spelt out."""
    return str(name).encode("utf-8", "backslashreplace").decode()


def listed(names: Iterable, limit: int = 5) -> str:
    """The first few names, and how many more there are."""
    names = [printable(name) for name in names]
    more = f" and {len(names) - limit:,} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more


def counted(count: int, noun: str) -> str:
    """A number with its noun: "1 image", "1,113 images"."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def is_pointer(path: str | Path) -> bool:
    """Whether a file is a POINTER: a clone without Git LFS has such files of a hundred letters."""
    with open(path, "rb") as file:
        return file.read(24) == b"version https://git-lfs."


@contextmanager
def writing(where: str | Path, advice: str = "free some room, or name another place") -> Iterator[None]:
    """A disk that is full, a folder that may not be written to: a DataError with `advice`, instead of an OSError."""
    try:
        yield
    except Exception as error:
        if not isinstance(error, OSError) and "os error" not in str(error):  # safetensors has an error of its own
            raise
        said = [str(part) for part in (getattr(error, "strerror", ""), getattr(error, "filename", "")) if part]
        reason = ": ".join(said) or error  # str(error) would begin with a number
        raise DataError(where, [f"cannot be written ({reason}): {advice}"]) from error


def cache_folder() -> Path:
    """Where the course keeps what it can make again: $DERMXAI_CACHE, or ~/.cache/dermxai. The folder exists."""
    folder = Path(os.environ.get("DERMXAI_CACHE") or "~/.cache/dermxai").expanduser()
    with writing(folder, "set DERMXAI_CACHE to a folder that you may write to"):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def unfinished(path: str | Path) -> Iterator[Path]:
    """A place beside `path` for a file or folder: at the end of the block it becomes `path`, after a fault it is gone.

    Raises DataError where nothing can be written; an older `path` stays as it was.
    """
    path = Path(path)
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        options = {"prefix": ".unfinished-", "dir": path.parent, "ignore_cleanup_errors": True}
        with tempfile.TemporaryDirectory(**options) as place:
            yield Path(place, path.name)
            os.replace(Path(place, path.name), path)


def write_atomically(path: str | Path, writer: Callable[[Path], object]) -> None:
    """Write a file so that it is complete or not there: `writer` gets an `unfinished` path with the same suffix."""
    with unfinished(path) as place:
        writer(place)


def progress(work: Iterable | int, what: str, unit: str = "image", shown: bool = True, **options) -> Any:
    """Show a progress bar (tqdm) round an iterable, or for a number of steps that `bar.update(n)` counts.

    shown : False hides the bar, TQDM_DISABLE=1 in the environment every bar; options : tqdm's own, such as total, delay

    >>> sum(progress([1, 2, 3], "adding", "number", shown=False))
    6
    """
    from tqdm import tqdm  # not tqdm.auto: its notebook bar is a widget, and takes no heed of TQDM_DISABLE

    options |= {"total": work} if isinstance(work, int) else {"iterable": work}
    return tqdm(desc=what, unit=unit, disable=not shown or bool(os.environ.get("TQDM_DISABLE")), **options)
