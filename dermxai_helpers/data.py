"""Which images, which labels, which split – and every file opened safely."""

import hashlib
import os
import uuid
from collections.abc import Callable, Collection
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from dermxai_helpers.data_checks import COLUMNS, DataError, image_problems, opened, table_problems

CLASSES = ("mel", "nv", "bkl")
CLASS_NAMES = {"mel": "melanoma", "nv": "nevus", "bkl": "benign keratosis"}
METADATA_NAMES = ("HAM10000_metadata.csv", "HAM10000_metadata")  # Kaggle's name, then Dataverse's
IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png")
MASK_ENDING = "_segmentation"


# --- a folder becomes a table ---


def load(folder: str | Path, classes: Collection[str] | None = CLASSES) -> pd.DataFrame:
    """The table of a HAM10000-shaped folder, one row for each image, index 0..n-1.

    folder : holds HAM10000_metadata.csv (or the same file without ".csv") and the images, in part folders or in one
    classes : the diagnoses (column dx) to keep, or None for all seven

    Columns: HAM10000's own seven, `image_path`, and `mask_path` ("" for an image without lesion mask).

    Raises DataError, once, with every problem found: in the table (missing columns, unknown or empty classes, repeated
    images, lesions with two diagnoses ...) and in the files of the rows that are kept (absent, empty, no image, cut
    off, too large). Files are judged by header and end marker, which costs about 2 s for 10,000; decoding as many
    photographs of 600 x 450 at every load would cost ten times that. What only decoding can find, `open_image` reports.
    Source: Tschandl, Rosendahl, Kittler (2018), doi:10.1038/sdata.2018.161.
    """
    folder = existing_folder(folder)
    table = read_metadata(folder)
    problems = table_problems(table, classes)
    images, masks = find_images(folder)
    if classes is not None and "dx" in table.columns:
        table = table[table["dx"].isin(classes)].reset_index(drop=True)
    if "image_id" in table.columns:
        problems += image_problems(table["image_id"].dropna().unique(), images)
    if problems:
        raise DataError(folder, problems)
    table = table[list(COLUMNS)].assign(age=pd.to_numeric(table["age"]))
    table["image_path"] = table["image_id"].map(images)
    table["mask_path"] = [masks.get(image_id, "") for image_id in table["image_id"]]
    return table


def existing_folder(folder: str | Path) -> Path:
    """The folder as a Path; DataError when there is none."""
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        what = "this is a file" if folder.exists() else "there is no such folder"
        raise DataError(folder, [f"{what}; give the folder that holds {METADATA_NAMES[0]} and the images"])
    return folder


def read_metadata(folder: Path) -> pd.DataFrame:
    """The metadata file as it is, all columns text; DataError when it is absent or no table."""
    path = next((folder / name for name in METADATA_NAMES if (folder / name).is_file()), None)
    if path is None:
        raise DataError(folder, [f"there is no file {' or '.join(METADATA_NAMES)} in this folder"])
    try:
        return pd.read_csv(path, dtype=str, encoding="utf-8-sig")
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise DataError(path, [f"not a table with comma-separated columns ({error})"]) from error


def find_images(folder: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Where the images and the lesion masks are: {image_id: path} twice, from one walk through the folder.

    Any sub-folder will do (HAM10000_images_part_1, part1, images ...), except truth/, which describes drawn lesions.
    Of two files of one name the first in alphabetical order counts: Kaggle's archive holds every image twice.
    """
    images: dict[str, str] = {}
    masks: dict[str, str] = {}
    for place, subfolders, names in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if name != "truth" and not name.startswith((".", "__")))
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.lower() in IMAGE_SUFFIXES:
                kind = masks if stem.endswith(MASK_ENDING) else images
                kind.setdefault(stem.removesuffix(MASK_ENDING), os.path.join(place, name))
    return images, masks


# --- a file becomes an array ---


def open_image(path: str | Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """An image file as RGB, uint8, (height, width, 3).

    size : (height, width) to resize to (bilinear, antialiased), or None for the image's own size

    Greyscale, palette, CMYK and 16-bit images are converted; transparent pixels are laid on white; a photograph that
    was stored sideways (EXIF orientation) is turned upright. Raises DataError, naming the file, for one that is empty,
    damaged, cut off, neither JPEG nor PNG, or that claims more than 64 million pixels (refused before decoding).
    """
    with opened(path) as picture:
        picture.load()
        picture = as_rgb(ImageOps.exif_transpose(picture))
    return np.array(picture if size is None else picture.resize(size[::-1], Image.Resampling.BILINEAR))


def as_rgb(picture: Image.Image) -> Image.Image:
    """Any mode of a decoded picture as 8-bit RGB."""
    if picture.mode.startswith("I"):  # 16 bits a pixel: Pillow's own conversion would clip everything above 255
        picture = Image.fromarray((np.asarray(picture) // 257).astype(np.uint8))
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        picture = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
    return picture.convert("RGB")


def open_mask(path: str | Path, size: tuple[int, int] | None = None) -> np.ndarray:
    """A lesion mask as bool, (height, width); True on the lesion. size : (height, width) to resize to, or None.

    A pixel is lesion when it is brighter than half of the mask's brightest: files hold 0/1, 0/255 or 0/65535.
    Raises DataError for an image without mask (path "") and for everything that `open_image` refuses.
    """
    if not str(path):
        raise DataError("mask", ["this image has no lesion mask (mask_path is empty)"])
    values = open_image(path)[..., 0].astype(np.float32)
    if size is not None:
        values = np.asarray(Image.fromarray(values).resize(size[::-1], Image.Resampling.BILINEAR))
    return values > values.max() / 2


# --- a table becomes a training and a validation part ---


def split(table: pd.DataFrame, by: str = "lesion", val: float = 0.2, seed: int = 0) -> pd.Series:
    """Which images train and which validate: a Series of "train" and "val" with the table's index.

    by : "lesion" keeps all photographs of a lesion on one side; "image" ignores lesions, as the paper's split did
    val : share of the images to validate on, in (0, 1)

    Both are stratified: each class has about the same share in both parts. "lesion" cuts whole lesions into 1/val
    groups (StratifiedGroupKFold) and validates on the first that holds every class, so that its size may differ by an
    image or two. Raises ValueError for another `by`, a `val` out of range, or a class with too few lesions (images) to
    be on both sides.
    """
    if by not in ("lesion", "image"):
        raise ValueError(f"by must be 'lesion' or 'image', got {by!r}")
    if not 0.01 <= val <= 0.99:
        raise ValueError(f"val must lie between 0.01 and 0.99, got {val}: it is a share of the images")
    rows = _lesion_rows(table, val, seed) if by == "lesion" else _image_rows(table, val, seed)
    parts = np.full(len(table), "train", dtype=object)
    parts[rows] = "val"
    parts = pd.Series(parts, index=table.index, name="split")
    _require_every_class(table, parts)
    return parts


def _image_rows(table: pd.DataFrame, val: float, seed: int) -> np.ndarray:
    """Row numbers of a validation part drawn image by image."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(table))
    return train_test_split(rows, test_size=val, stratify=table["dx"], random_state=seed)[1]


def _lesion_rows(table: pd.DataFrame, val: float, seed: int) -> np.ndarray:
    """Row numbers of a validation part made of whole lesions: so many of so many folds as `val` says."""
    from sklearn.model_selection import StratifiedGroupKFold

    share = Fraction(val).limit_denominator(100)  # 0.2 is 1 of 5 folds, 0.3 is 3 of 10
    folds = StratifiedGroupKFold(share.denominator, shuffle=True, random_state=seed)
    parts = [rows for _, rows in folds.split(table, table["dx"], table["lesion_id"])]
    parts.sort(key=lambda rows: -table["dx"].iloc[rows].nunique())  # a rare class may be absent from some folds
    return np.concatenate(parts[: share.numerator])


def _require_every_class(table: pd.DataFrame, parts: pd.Series) -> None:
    for part in ("train", "val"):
        absent = set(table["dx"]) - set(table["dx"][parts == part])
        if absent:
            raise ValueError(f"no image of class {', '.join(sorted(absent))} is in the '{part}' part: use more images")


def leak_report(table: pd.DataFrame, split: pd.Series) -> pd.DataFrame:
    """How many validation images show a lesion of which training holds another photograph.

    Index: the classes, then "all". Columns: validation_images, sharing_a_lesion (counts), share (0 to 1).
    """
    validation = table[split == "val"]
    shares = validation["lesion_id"].isin(table["lesion_id"][split == "train"])
    report = shares.groupby(validation["dx"]).agg(["size", "sum", "mean"])
    report = report.reindex([name for name in CLASSES if name in report.index] or report.index)
    report.loc["all"] = [len(shares), shares.sum(), shares.mean()]
    report.columns = ["validation_images", "sharing_a_lesion", "share"]
    return report.astype({"validation_images": int, "sharing_a_lesion": int}).rename_axis("class")


# --- folders and files that the course writes ---


def prepare(source: str | Path = "demo", images: int = 1200, seed: int = 0) -> Path:
    """The folder to load: "demo" draws `images` lesion photographs once and keeps them, anything else must exist.

    The drawings are kept in `cache_folder()` under a name made of number, seed and a hash of the program that draws,
    so a changed program draws anew. A folder appears there only when it is complete.
    Raises DataError for a folder that does not exist, ValueError for fewer than 50 images (too few to split).
    """
    if source != "demo":
        return existing_folder(source)
    if images < 50:
        raise ValueError(f"images={images}: draw at least 50, or a class may be missing from one side of a split")
    from dermxai_helpers import synth

    program = sorted(Path(synth.__file__).parent.glob("*.py"))
    version = hashlib.sha256(b"".join(file.read_bytes() for file in program)).hexdigest()[:12]
    folder = cache_folder() / f"drawn-{images}-{seed}-{version}"
    if not folder.is_dir():
        try:
            synth.write_folder(folder, images, seed)  # draws beside it and renames: complete or not there
        except OSError:
            if not folder.is_dir():  # otherwise another notebook drew the same folder meanwhile
                raise
    return folder


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
    """Write a file so that it is either complete or not there; its folder is made when needed.

    writer : called with a temporary path beside `path` (with the same suffix); what it writes is then renamed.
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


# --- what only a drawing can know ---


def truth(folder: str | Path) -> pd.DataFrame | None:
    """The attributes of drawn lesions, one row for each image; None for a folder of real photographs."""
    path = Path(folder) / "truth" / "attributes.csv"
    if not path.is_file():
        return None
    return pd.read_csv(path, keep_default_na=False, na_values=[""])  # "none" and "NA" are words here


def parts(folder: str | Path, image_id: str) -> dict[str, np.ndarray]:
    """The exact masks, bool (height, width), of every structure and artefact in one drawn lesion's photograph.

    Raises DataError for a folder of real photographs: nobody knows the exact masks of those.
    """
    from dermxai_helpers import synth

    if not (Path(folder) / "truth").is_dir():
        raise DataError(folder, ["these lesions were not drawn, so there are no exact masks of their parts"])
    return synth.read_parts(folder, image_id)
