"""Every problem of a lesion folder in sentences; `data.load` puts them all into one DataError."""

import filecmp
import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

import pandas as pd
from PIL import Image

from dermxai_helpers.data.images import opened
from dermxai_helpers.files import DataError, counted, listed, progress

COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
DIAGNOSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
END_MARKERS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


def table_problems(table: pd.DataFrame, classes: Collection[str] | None) -> list[str]:
    """List every problem of the metadata as read; `classes`, if given, must each have an image."""
    found = []
    for column in COLUMNS:
        if column not in table.columns:
            found.append(f"the metadata has no column '{column}'; its columns are {listed(table.columns, 10)}")
        elif column in ("lesion_id", "image_id", "dx") and table[column].isna().any():
            rows = table.index[table[column].isna()]
            lines = listed(rows + 2)  # line 1 of the file is the header
            found.append(f"{counted(len(rows), 'row')} without a value in '{column}' (line {lines} of the metadata)")
    if table.empty:
        found.append("the metadata has a header but no rows")
    wanted = classes or () if "dx" in table.columns else ()
    table = table.reindex(columns=COLUMNS)  # of a column that is missing nothing else is said
    images = table["image_id"].dropna()
    repeated = images[images.duplicated()].unique()
    if len(repeated):
        found.append(f"{counted(len(repeated), 'image_id')} listed more than once: {listed(repeated)}; keep one row")
    for value, count in table["dx"].value_counts().items():
        if value not in DIAGNOSES:
            rows = counted(count, "row")
            found.append(f"unknown class '{value}' in column 'dx' ({rows}); the known ones are {', '.join(DIAGNOSES)}")
    pairs = table[["lesion_id", "dx"]].dropna().drop_duplicates().sort_values("dx")
    torn = pairs[pairs["lesion_id"].duplicated(keep=False)].groupby("lesion_id")["dx"].agg(" and ".join)
    if len(torn):
        cases = listed(f"{lesion} ({both})" for lesion, both in torn.items())
        found.append(f"{counted(len(torn), 'lesion')} with more than one diagnosis: {cases}; one lesion has one")
    years = pd.to_numeric(table["age"], errors="coerce")
    odd = table["age"][table["age"].notna() & ~years.between(0, 120)].unique()
    if len(odd):
        found.append(f"column 'age' must hold years (0 to 120) or nothing; it holds {listed(map(repr, odd))}")
    empty = [name for name in wanted if name not in set(table["dx"])]
    return found + [f"no image of class '{name}': nothing could be learnt or tested" for name in empty]


def image_problems(image_ids: Iterable[str], paths: dict[str, list[str]], masks: dict[str, list[str]]) -> list[str]:
    """List the problems of the wanted images and their masks, one sentence a kind; paths, masks : the files of each."""
    cases: dict[str, list[str]] = {}
    for image_id in progress(list(image_ids), "checking images", leave=False, delay=3):
        (path, *copies), (mask, *mask_copies) = paths.get(image_id, [""]), masks.get(image_id, [""])
        name, absent = Path(path).name or image_id, "listed in the metadata, but there is no such file"
        problem = file_problem(path, mask) if path else absent
        for one, other in [] if problem else [(path, copy) for copy in copies] + [(mask, copy) for copy in mask_copies]:
            if not (os.access(other, os.R_OK) and filecmp.cmp(one, other, shallow=False)):
                problem = "two different files of this name: keep one (the mask of A.jpg is called A_segmentation.png)"
                name = f"{image_id} ({one} and {other})"
        if problem:
            cases.setdefault(problem, []).append(name)
    return [f"{counted(len(names), 'image')} – {problem}: {listed(names)}" for problem, names in cases.items()]


def file_problem(path: str | Path, mask: str | Path | None = None) -> str:
    """Say why an image file cannot be used, or "": empty, no JPEG or PNG, too large, cut off, its mask another view."""
    try:
        width, height = upright_size(path)
        across, down = upright_size(mask) if mask else (width, height)
    except DataError as error:
        return error.problems[0] if error.where == str(path) else f"its lesion mask: {error.problems[0]}"
    if abs(width * down - height * across) > max(width, height, across, down):
        return "its lesion mask has other proportions than the photograph"
    return ""


def upright_size(path: str | Path) -> tuple[int, int]:
    """Width and height of an image file as it is shown; DataError for one that cannot be used."""
    with opened(path) as picture, open(path, "rb") as file:
        # the last kilobyte is enough: inside JPEG's coded pixels (FF 00) no end marker can occur by chance
        file.seek(-min(os.path.getsize(path), 1024), os.SEEK_END)  # some programs add bytes behind it
        if END_MARKERS[picture.format] not in file.read():
            raise DataError(path, ["cut off: the end marker is missing; fetch the file again"])
        sideways = False
        with suppress(Exception):  # a damaged EXIF says nothing; and PNG's own method would decode the pixels
            sideways = Image.Image.getexif(picture).get(0x0112, 1) > 4  # its orientation: 5 to 8 are sideways
    return picture.size[::-1] if sideways else picture.size
