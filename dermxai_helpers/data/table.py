"""The table of a lesion folder: HAM10000's own, or one of drawn lesions in the same layout."""

import hashlib
import io
import os
import shutil
import warnings
from collections.abc import Collection
from pathlib import Path

import pandas as pd

from dermxai_helpers.data.checks import COLUMNS, image_problems, table_problems
from dermxai_helpers.files import DataError, cache_folder, counted, listed, writing

CLASSES = ("mel", "nv", "bkl")
CLASS_NAMES = {"mel": "melanoma", "nv": "nevus", "bkl": "benign keratosis"}
METADATA_NAMES = ("HAM10000_metadata.csv", "HAM10000_metadata", "HAM10000_metadata.tab")  # Kaggle's, then Dataverse's
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
MASK_ENDING = "_segmentation"


def load(folder: str | Path, classes: Collection[str] | None = CLASSES) -> pd.DataFrame:
    """Load the table of a HAM10000-shaped folder: one row for each image, index 0..n-1.

    folder : holds HAM10000_metadata.csv (or the same file without ".csv") and the images, in any sub-folders
    classes : the diagnoses (column dx) to keep, or None for all seven
    Columns: HAM10000's own seven, `image_path`, and `mask_path` ("" for an image without lesion mask). Raises one
    DataError with every problem of the table and of the kept rows' files, judged by header and end marker; files of one
    name must be copies, byte for byte. Warns of images in no row. Commas, semicolons or tabs part the values.
    Source: Tschandl, Rosendahl, Kittler (2018), doi:10.1038/sdata.2018.161.
    """
    folder = existing_folder(folder)
    table = read_metadata(folder)
    problems = table_problems(table, classes)
    images, masks = {}, {}  # the files of each image_id
    for path in files_below(folder):
        if path.suffix.lower() in IMAGE_SUFFIXES and "truth" not in path.relative_to(folder).parts[:-1]:
            kind = masks if path.stem.endswith(MASK_ENDING) else images
            kind.setdefault(path.stem.removesuffix(MASK_ENDING), []).append(str(path))
    rows, unlisted = len(table), sorted(set(images) - set(table.get("image_id", images)))
    if classes is not None and "dx" in table.columns:
        table = table[table["dx"].isin(classes)]
    if "image_id" in table.columns:
        problems += image_problems(table["image_id"].dropna().unique(), images, masks)
    if problems:
        raise DataError(folder, problems)
    if unlisted:
        found = f"{counted(rows, 'row')} in the metadata, but {counted(len(images), 'image')} in the folder"
        warnings.warn(f"{folder}: {found}; left out: {listed(unlisted)}. Is the table complete?", stacklevel=2)
    table = table[list(COLUMNS)].assign(age=pd.to_numeric(table["age"])).reset_index(drop=True)
    table["image_path"] = [images[image_id][0] for image_id in table["image_id"]]
    table["mask_path"] = [masks.get(image_id, [""])[0] for image_id in table["image_id"]]
    return table


def existing_folder(folder: str | Path) -> Path:
    """The folder as a Path; DataError when there is none."""
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        what = "this is a file" if folder.exists() else "there is no such folder"
        raise DataError(folder, [f"{what}; give the folder that holds the images"])
    return folder


def read_metadata(folder: Path) -> pd.DataFrame:
    """The metadata file, all columns text, image_id without ".jpg", row 0 in line 2; DataError if it is no table."""
    path = next((folder / name for name in METADATA_NAMES if (folder / name).is_file()), None)
    if path is None:
        raise DataError(folder, [f"there is no file {METADATA_NAMES[0]} in this folder"])
    content = path.read_bytes()
    try:
        text = content.decode("utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
        above = int(text[:5].strip('"').lower().startswith("sep="))  # Excel's own first line
        separator = max(",;\t", key=[*text.split("\n", above + 1), ""][above].count)
        table = pd.read_csv(io.StringIO(text), sep=separator, dtype=str, index_col=False, skiprows=above)
    except ValueError as error:  # pandas' errors and Unicode's are kinds of it
        raise DataError(path, [f"not a table with comma-separated columns in UTF-8 ({error})"]) from error
    table = table.set_index(table.index + above).apply(lambda column: column.str.strip().replace("", None))
    if "image_id" in table.columns:
        table["image_id"] = table["image_id"].str.replace(r"\.(jpe?g|png)$", "", case=False, regex=True)
    return table


def files_below(folder: Path) -> list[Path]:
    """The files in a folder and its sub-folders, sorted, not hidden ones; links are followed, no folder comes twice."""
    found, seen = [], {str(above) for above in folder.resolve().parents}
    for place, subfolders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(place)
        new = real not in seen
        seen.add(real)
        subfolders[:] = sorted(name for name in subfolders if new and not name.startswith("."))
        found += [Path(place, name) for name in names if new and not name.startswith(".")]
    return sorted(found)


def prepare(source: str | Path = "demo", images: int = 1200, seed: int = 0) -> Path:
    """Make the folder to load: "demo" draws `images` lesion photographs once, anything else is a folder that exists.

    Drawings are kept in the course's cache; a changed program or a lost file draws anew. DataError without the folder.
    """
    if source != "demo":
        return existing_folder(source)
    if images < 50:
        raise ValueError(f"images={images}: draw at least 50, or a class may be missing from one side of a split")
    from dermxai_helpers import synth

    program = sorted(Path(synth.__file__).parent.glob("*.py"))
    version = hashlib.sha256(b"".join(file.read_bytes() for file in program)).hexdigest()[:12]
    folder = cache_folder() / f"drawn-{images}-{seed}-{version}"
    if not synth.is_complete(folder, images):  # not drawn yet, or a file has been purged
        try:
            with writing(folder):
                shutil.rmtree(folder, ignore_errors=True)
                synth.write_folder(folder, images, seed)
        except DataError:
            if not synth.is_complete(folder, images):  # otherwise another notebook drew the same folder meanwhile
                raise
    return folder


def truth(folder: str | Path) -> pd.DataFrame | None:
    """The attributes of drawn lesions, one row for each image; None for a folder of real photographs."""
    path = Path(folder) / "truth" / "attributes.csv"
    return pd.read_csv(path, keep_default_na=False, na_values=[""]) if path.is_file() else None  # "NA" is a word here
