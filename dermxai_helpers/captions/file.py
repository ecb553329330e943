"""Keeps captions on disk, one JSON object a line, so that a killed run goes on where it was."""

import codecs
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np


def key_of(image: np.ndarray, prompt: str, model: str) -> str:
    """Hash all that decides a caption: pixels, shape, prompt and model (content, number type, adapter, most tokens)."""
    digest = hashlib.sha256(repr((image.shape, prompt, model)).encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()[:32]


def read(path: str | Path) -> dict[str, str]:
    """{key: caption} of a caption file; {} when there is none yet.

    A last line that breaks off is what a killed run leaves behind: it is cut off, and its caption made again. Raises
    ValueError naming the line for any other that is not a caption, {"key": "...", "caption": "..."} in UTF-8.
    """
    path, captions = Path(path), {}
    content = path.read_bytes() if path.exists() else b""
    lines = content.split(b"\n")  # not splitlines: a caption may hold other signs that end a line
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                entry = json.loads(line.removeprefix(codecs.BOM_UTF8).decode(), strict=False)
                captions["" + entry["key"]] = "" + entry["caption"]  # TypeError for what is no text
        except (ValueError, KeyError, TypeError, RecursionError) as reason:
            if number == len(lines) and line.startswith(b"{") and isinstance(reason, json.JSONDecodeError):
                os.truncate(path, len(content) - len(line))
                break
            said = f"{path}, line {number} is not a caption: {line[:60].decode(errors='replace')!r}"
            form = 'A caption is one line {"key": "...", "caption": "..."} in UTF-8'
            raise ValueError(f"{said}. {form}. Remove the line, or the file, and run again.") from reason
    return captions


def append(path: str | Path, entries: Sequence[Mapping]) -> None:
    """Add entries to a caption file; they are on disk before this returns, so that a kill costs one batch at most."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as stream:
        stream.seek(max(0, stream.tell() - 1))
        line_end = b"" if stream.read(1) in (b"", b"\n") else b"\n"  # an editor may have cut the last one off
        stream.write(line_end + "".join(json.dumps(entry) + "\n" for entry in entries).encode())
        stream.flush()
        os.fsync(stream.fileno())
