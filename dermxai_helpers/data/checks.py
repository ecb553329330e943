"""Is this folder fit to use? Each check answers in sentences; `data.load` puts them all into one DataError."""

import difflib
import os
from collections.abc import Collection, Iterable
from pathlib import Path

import pandas as pd

from dermxai_helpers.data.images import opened
from dermxai_helpers.files import DataError, counted, listed

COLUMNS = ("lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization")
DIAGNOSES = ("akiec", "bcc", "bkl", "df", "mel", "nv", "vasc")
ALSO_KNOWN_AS = {  # names that other releases of the same pictures use
    "image_id": ("isic_id", "image", "image_name"),
    "dx": ("diagnosis", "diagnosis_3", "label", "class"),
    "dx_type": ("diagnosis_confirm_type",),
    "age": ("age_approx",),
    "sex": ("gender",),
    "localization": ("anatom_site_general", "site", "location"),
}
END_MARKERS = {"JPEG": b"\xff\xd9", "MPO": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}
TAIL_BYTES = 1024  # some programs add a few bytes behind the end marker


# --- the table ---


def table_problems(table: pd.DataFrame, classes: Collection[str] | None) -> list[str]:
    """Every problem that the metadata table shows without opening an image.

    table : the metadata as read, all rows
    classes : the diagnoses that will be kept (each must have an image), or None for whatever is there

    A check whose columns are missing is left out: the missing column is the problem to mend first.
    """
    checks = (
        (missing_values, ("lesion_id", "image_id", "dx")),
        (duplicate_images, ("image_id",)),
        (unknown_diagnoses, ("dx",)),
        (lesions_with_two_diagnoses, ("lesion_id", "dx")),
        (ages_that_are_not_numbers, ("age",)),
    )
    found = missing_columns(table)
    if table.empty:
        found.append("the metadata has a header but no rows")
    for check, needs in checks:
        if set(needs) <= set(table.columns):
            found += check(table)
    if classes is not None and "dx" in table.columns:
        found += empty_classes(table, classes)
    return found


def missing_columns(table: pd.DataFrame) -> list[str]:
    """One sentence for each column that is missing, with the column that may be it under another name."""
    spare = {str(name).lower().strip(): str(name) for name in table.columns if name not in COLUMNS}
    found = []
    for column in COLUMNS:
        if column in table.columns:
            continue
        known = [name for name in ALSO_KNOWN_AS.get(column, ()) if name in spare]
        near = known or difflib.get_close_matches(column, spare, n=1, cutoff=0.6)
        advice = (
            f"there is a column '{spare[near[0]]}': rename it"
            if near
            else f"the columns are {listed(table.columns, limit=10)}"
        )
        found.append(f"the metadata has no column '{column}'; {advice}")
    return found


def missing_values(table: pd.DataFrame) -> list[str]:
    """Rows without lesion, image or diagnosis: they can be neither found nor split."""
    found = []
    for column in ("lesion_id", "image_id", "dx"):
        rows = table.index[table[column].isna()]
        if len(rows):
            lines = listed(rows + 2)  # line 1 of the file is the header
            found.append(f"{counted(len(rows), 'row')} without a value in '{column}' (line {lines} of the metadata)")
    return found


def duplicate_images(table: pd.DataFrame) -> list[str]:
    """Images that the metadata lists more than once."""
    repeated = table["image_id"][table["image_id"].duplicated() & table["image_id"].notna()].unique()
    if not len(repeated):
        return []
    return [f"{counted(len(repeated), 'image_id')} listed more than once: {listed(repeated)}; keep one row for each"]


def unknown_diagnoses(table: pd.DataFrame) -> list[str]:
    """Values of dx that are none of HAM10000's seven, with the one that may be meant."""
    found = []
    for value, count in table["dx"].dropna().astype(str).value_counts().items():
        if value in DIAGNOSES:
            continue
        near = difflib.get_close_matches(value.lower().strip(), DIAGNOSES, n=1, cutoff=0.5)
        advice = f"is '{near[0]}' meant?" if near else f"the known ones are {', '.join(DIAGNOSES)}"
        found.append(f"unknown class '{value}' in column 'dx' ({counted(count, 'row')}); {advice}")
    return found


def lesions_with_two_diagnoses(table: pd.DataFrame) -> list[str]:
    """Lesions whose photographs do not agree on what the lesion is."""
    pairs = table[["lesion_id", "dx"]].dropna().drop_duplicates().sort_values("dx")
    torn = pairs[pairs["lesion_id"].duplicated(keep=False)].groupby("lesion_id")["dx"].agg(" and ".join)
    if torn.empty:
        return []
    cases = listed(f"{lesion} ({both})" for lesion, both in torn.items())
    return [f"{counted(len(torn), 'lesion')} with more than one diagnosis: {cases}; one lesion has one"]


def ages_that_are_not_numbers(table: pd.DataFrame) -> list[str]:
    """Ages that are neither empty nor a number of years."""
    years = pd.to_numeric(table["age"], errors="coerce")
    odd = table["age"][table["age"].notna() & ~years.between(0, 120)].unique()
    if not len(odd):
        return []
    return [f"column 'age' must hold years (0 to 120) or nothing; it holds {listed(repr(str(value)) for value in odd)}"]


def empty_classes(table: pd.DataFrame, classes: Collection[str]) -> list[str]:
    """Classes that are asked for and have no image."""
    present = set(table["dx"].dropna())
    return [f"no image of class '{name}': nothing could be learnt or tested" for name in classes if name not in present]


# --- the images ---


def image_problems(image_ids: Iterable[str], paths: dict[str, str]) -> list[str]:
    """Problems of the image files, one sentence a kind; nothing is decoded (see `file_problem`).

    image_ids : the images that are wanted
    paths : where each image that exists is
    """
    from tqdm import tqdm

    cases: dict[str, list[str]] = {}
    for image_id in tqdm(list(image_ids), desc="checking images", unit="image", leave=False, delay=3):
        path = paths.get(image_id)
        problem = file_problem(path) if path else "listed in the metadata, but there is no such file"
        if problem:
            cases.setdefault(problem, []).append(Path(path).name if path else image_id)
    return [f"{counted(len(names), 'image')} – {problem}: {listed(names)}" for problem, names in cases.items()]


def file_problem(path: str | Path) -> str:
    """Why this image file cannot be used, or "" when nothing speaks against it.

    Reads the header and the last kilobyte: the file exists, is not empty, is a JPEG or PNG of a bearable size, and
    ends with its format's end marker. Pixels are not decoded: `data.open_image` does that and says what it meets.
    """
    try:
        with opened(path) as picture:
            cut_off = is_cut_off(path, picture.format)
    except DataError as error:
        return error.problems[0]
    return "cut off: the end marker is missing; fetch the file again" if cut_off else ""


def is_cut_off(path: str | Path, image_format: str) -> bool:
    """Whether the last kilobyte of the file lacks its format's end marker.

    The marker cannot occur inside JPEG's coded pixels (there every byte FF is followed by 00), so a file that was
    cut while it was copied does not have it by chance.
    """
    with open(path, "rb") as file:
        file.seek(-min(os.path.getsize(path), TAIL_BYTES), os.SEEK_END)
        return END_MARKERS[image_format] not in file.read()
