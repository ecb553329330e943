"""Keeps captions on disk, one JSON object a line, so that a killed run goes on where it was."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


def key_of(image: np.ndarray, prompt: str, checkpoint: str) -> str:
    """Hash all that decides a caption: pixels, shape, prompt and checkpoint."""
    digest = hashlib.sha256(repr((image.shape, prompt, checkpoint)).encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()[:32]


def read(path: str | Path) -> dict[str, str]:
    """{key: caption} of a caption file; {} when there is none yet.

    A last line without its line end is what a killed run leaves behind: it is cut off, and its caption made again.
    Raises ValueError naming the line for a complete line that is not a caption.
    """
    path = Path(path)
    if not path.exists():
        return {}
    content = path.read_bytes()
    complete = content[: content.rfind(b"\n") + 1]
    if len(complete) < len(content):
        os.truncate(path, len(complete))
    captions = {}
    for number, line in enumerate(complete.decode().splitlines(), 1):
        try:
            entry = json.loads(line)
            captions[entry["key"]] = entry["caption"]
        except (ValueError, KeyError, TypeError) as reason:
            advice = "Remove the line, or the file, and run again"
            raise ValueError(f"{path}, line {number} is not a caption: {line[:60]!r}. {advice}.") from reason
    return captions


def append(path: str | Path, entries: Sequence[Mapping]) -> None:
    """Add entries to a caption file; they are on disk before this returns, so that a kill costs one batch at most."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write("".join(json.dumps(dict(entry)) + "\n" for entry in entries))
        stream.flush()
        os.fsync(stream.fileno())
