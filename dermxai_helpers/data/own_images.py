"""Your own photographs as the table of `data.load`: one folder for each class."""

from pathlib import Path

import pandas as pd

from dermxai_helpers.data.checks import COLUMNS, file_problem
from dermxai_helpers.data.images import opened
from dermxai_helpers.data.table import CLASSES, MASK_ENDING, existing_folder, files_below
from dermxai_helpers.files import DataError, counted, printable, progress


def collect(folder: str | Path) -> tuple[pd.DataFrame, pd.Series]:
    """Make a table of the photographs in a folder and its sub-folders, and say why the other files are left out.

    folder : a photograph's class is the name of the folder that it lies in: mel, nv or bkl

    The table has the columns of `data.load`: image_id is the place inside the folder, dx "" for a photograph in another
    folder (`data.split` takes table[table["dx"] != ""]), lesion_id its own image_id, mask_path its a_segmentation.png
    if that lies beside a.jpg, and nothing else is known.
    The Series holds the reasons, by file. Raises DataError for a folder without a photograph.
    """
    folder = existing_folder(folder)
    places = [path.relative_to(folder) for path in files_below(folder) if path.is_file()]
    masks = {place: place.with_name(f"{place.stem}{MASK_ENDING}.png") for place in places}
    masks = {place: str(folder / mask) for place, mask in masks.items() if mask in masks}
    bar = progress(places, "opening files", "file", delay=3)
    found = {place: problem(folder / place, masks.get(place)) for place in bar}
    left_out = pd.Series({printable(place): why for place, why in found.items() if why}, name="reason", dtype=str)
    usable = [place for place in places if not found[place]]
    if not usable:
        raise DataError(folder, [f"no photograph can be used; {counted(len(left_out), 'file')} left out"])
    table = pd.DataFrame("", index=range(len(usable)), columns=[*COLUMNS, "image_path", "mask_path"])
    table["image_id"] = table["lesion_id"] = ["__".join(place.parts) for place in usable]
    table["dx"] = [place.parent.name if place.parent.name in CLASSES else "" for place in usable]
    table["age"] = float("nan")
    table["image_path"] = [str(folder / place) for place in usable]
    table["mask_path"] = [masks.get(place, "") for place in usable]
    return table, left_out


def problem(path: Path, mask: str | None = None) -> str:
    """Why a file is no usable photograph, or its lesion mask does not fit, or ""."""
    if path.stem.endswith(MASK_ENDING):
        return "a lesion mask, not a photograph"
    try:
        with opened(path) as picture:
            picture.draft("RGB", (256, 256))  # decoding small finds every damage for a fraction of the time
            picture.load()
    except DataError as error:
        return error.problems[0]
    return file_problem(path, mask) if mask else ""
