"""Your own photographs as the table of `data.load`: one folder for each class."""

import hashlib
from collections import defaultdict
from pathlib import Path

import pandas as pd
from PIL import ImageOps

from dermxai_helpers.data.checks import COLUMNS
from dermxai_helpers.data.images import opened
from dermxai_helpers.data.table import CLASSES, existing_folder
from dermxai_helpers.files import DataError, counted, listed, progress


def collect(folder: str | Path) -> tuple[pd.DataFrame, pd.Series]:
    """Make a table of the photographs in a folder and its sub-folders, and say why the other files are left out.

    folder : a photograph's class is the name of the folder that it lies in: mel, nv or bkl

    The table has the columns of `data.load`. Its image_id is the place inside the folder; dx is "" for a photograph in
    another folder, lesion_id its own image_id, and nothing else is known. `data.split` and `training.train` take the
    rows that have a label: table[table["dx"] != ""]. The Series holds the reasons, by file: no photograph, damaged
    (each is decoded once), a copy of another. Where more is known, write the table that `data.load` describes instead.
    Raises DataError for a folder without a usable photograph.
    """
    folder = existing_folder(folder)
    places = sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    places = [place for place in places if not any(part.startswith(".") for part in place.parts)]
    reasons = {place: problem(folder / place) for place in progress(places, "opening files", "file", delay=3)}
    reasons |= copies(folder, [place for place in places if not reasons[place]])
    left_out = pd.Series({str(place): reason for place, reason in reasons.items() if reason}, name="reason", dtype=str)
    usable = [place for place in places if not reasons[place]]
    if not usable:
        raise DataError(folder, [f"no photograph can be used; {counted(len(left_out), 'file')} left out"])
    table = pd.DataFrame("", index=range(len(usable)), columns=[*COLUMNS, "image_path", "mask_path"])
    table["image_id"] = table["lesion_id"] = ["__".join(place.parts) for place in usable]
    table["dx"] = [label(place) for place in usable]
    table["age"] = float("nan")
    table["image_path"] = [str(folder / place) for place in usable]
    return table, left_out


def label(place: Path) -> str:
    return place.parent.name if place.parent.name in CLASSES else ""


def problem(path: Path) -> str:
    """Why a file is no usable photograph, or ""."""
    try:
        with opened(path) as picture:
            picture.draft("RGB", (256, 256))  # decoding small finds every damage for a fraction of the time
            ImageOps.exif_transpose(picture).load()
    except DataError as error:
        return error.problems[0]
    return ""


def copies(folder: Path, places: list[Path]) -> dict[Path, str]:
    """Files whose bytes are those of another, each with the reason to leave it out; all, where the labels differ."""
    alike = defaultdict(list)
    for place in places:
        alike[hashlib.sha256((folder / place).read_bytes()).digest()].append(place)
    found = {}
    for same in alike.values():
        if len({label(place) for place in same}) > 1:
            found |= {place: f"one picture under two labels: {listed(same)}" for place in same}
        else:
            found |= {place: f"a copy, byte for byte, of {same[0]}" for place in same[1:]}
    return found
