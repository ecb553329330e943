"""Your own photographs as a table: a folder of images, with or without labels, becomes what `data.load` gives.

What cannot be used is left out, and the reason is kept.
"""

import hashlib
import io
import os
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pandas as pd
from PIL import ImageOps

from dermxai_helpers.data import checks as data_checks
from dermxai_helpers.data.images import opened
from dermxai_helpers.data.table import CLASS_NAMES, CLASSES, MASK_ENDING
from dermxai_helpers.files import DataError, counted, listed

ALIASES = {  # small letters, one space between words, no plural "s"; "keratoses" is read as "keratosis"
    "mel": ("malignant melanoma", "melanoma in situ", "lentigo maligna"),
    "nv": ("naevus", "nevi", "naevi", "melanocytic nevus", "melanocytic naevus", "melanocytic nevi", "mole"),
    "bkl": (
        "benign keratosis like lesion",
        "seborrheic keratosis",
        "seborrhoeic keratosis",
        "solar lentigo",
        "lichen planus like keratosis",
    ),
}
LABELS = {word: name for name in CLASSES for word in (name, CLASS_NAMES[name], *ALIASES[name])}
HEADINGS = {  # of a table of labels: the first that is there counts
    "file": ("file", "filename", "image", "image_id", "image_name", "path"),
    "dx": ("label", "dx", *data_checks.ALSO_KNOWN_AS["dx"]),
    "lesion": ("lesion", "lesion_id"), "patient": ("patient", "patient_id"),
} | {column: (column, *data_checks.ALSO_KNOWN_AS.get(column, ())) for column in data_checks.COLUMNS[3:]}  # fmt: skip
IMAGE_ENDINGS = (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".heic", ".heif", ".webp", ".gif", ".bmp", ".tif", ".tiff")
IMAGE_STARTS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
GPS = 0x8825  # the part of EXIF that says where a photograph was taken


@dataclass(frozen=True, eq=False)
class Collection:
    """What a folder of photographs gave.

    table : the columns of `data.load`, index 0..n-1; what is not known is "" (dx, sex ...) or NaN (age)
    left_out : columns file (its name inside the folder) and reason; remarks : what to know before use, in sentences
    """

    table: pd.DataFrame
    left_out: pd.DataFrame
    remarks: tuple[str, ...]

    def summary(self) -> str:
        """The remarks, a line each."""
        return "\n".join(self.remarks)


def collect(folder: str | Path, labels: str | Path | None = None) -> Collection:
    """Every usable photograph of a folder and its sub-folders, as a table.

    labels : None takes them from sub-folders that are called like a class ("melanoma", "nv", "seborrheic keratosis");
        or a CSV file (its path, or its name inside the folder) with the columns "file" and "label", and, where known,
        "lesion", "patient", "age", "sex", "localization"

    A file counts by its content: JPEG and PNG are used whatever they are called, and each is decoded once to see
    whether it can be. X_segmentation.png is the lesion mask of X. Hidden files are passed over. `data.split` and
    `training.train` take the rows that have a label: table[table["dx"] != ""].

    Raises DataError for a folder without a usable photograph, and for an unfit table of labels.
    """
    from tqdm import tqdm

    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DataError(folder, ["there is no such folder; give the one that holds your photographs"])
    names = list(_files(folder))
    looked_at = {name: _examined(folder / name) for name in tqdm(names, desc="opening files", unit="file", delay=3)}
    images = {name: found for name, found in looked_at.items() if found}
    left_out = {name: problem for name, (problem, *_) in images.items() if problem}
    whole = [name for name in images if name not in left_out]
    masks = {name for name in whole if PurePosixPath(name).stem.endswith(MASK_ENDING)}
    left_out |= _copies(folder, [name for name in whole if name not in masks], by_folder=labels is None)
    good = pd.Index([name for name in whole if name not in masks and name not in left_out], dtype=object)
    facts, remarks = _by_folder(good) if labels is None else _by_table(folder, labels, good)
    left_out |= _unknown_labels(facts)
    facts = facts.drop(index=facts.index.intersection(list(left_out)))
    kinds = Counter(re.split(" ?[:(]", reason)[0] for reason in left_out.values())
    kinds["not an image"] += len(names) - len(images)
    lost = "; ".join(f"{count} × {kind}" for kind, count in kinds.most_common() if count)
    if facts.empty:
        raise DataError(folder, [f"no photograph can be used. Left out: {lost or 'nothing, for the folder is empty'}"])
    table = _table(folder, facts, masks)
    remarks = _remarks(table, [images[name] for name in facts.index]) + remarks + [f"Left out: {lost}."] * bool(lost)
    return Collection(table, pd.DataFrame(sorted(left_out.items()), columns=["file", "reason"]), tuple(remarks))


def _files(folder: Path) -> Iterator[str]:
    """The names of all files, relative to the folder and parted by "/", in a fixed order; without hidden ones."""
    for place, subfolders, names in os.walk(folder):
        subfolders[:] = sorted(name for name in subfolders if name != "__MACOSX" and not name.startswith("."))
        inside = PurePosixPath(*Path(place).relative_to(folder).parts)
        yield from (str(inside / name) for name in sorted(names) if not name.startswith("."))


def _examined(path: Path) -> tuple[str, int, int, bool] | None:
    """(problem or "", width, height, has GPS data); None for a file that neither is an image nor is called one."""
    called_image = path.suffix.lower() in IMAGE_ENDINGS
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe would keep us waiting
        return None
    try:
        with open(path, "rb") as file:
            start = file.read(16)
        if not called_image and not start.startswith(IMAGE_STARTS):
            return None
        if start[8:12] in HEIC_BRANDS:
            return "HEIC inside, whatever its name: export it as JPEG", 0, 0, False
        with opened(path) as picture:
            width, height = picture.size
            picture.draft("RGB", (256, 256))  # decoding small finds every damage for a fraction of the time
            ImageOps.exif_transpose(picture).load()
            return "", width, height, bool(picture.getexif().get_ifd(GPS))
    except DataError as error:
        return error.problems[0], 0, 0, False
    except OSError as error:
        return (f"cannot be read ({error.strerror})", 0, 0, False) if called_image else None


def _copies(folder: Path, names: list[str], by_folder: bool) -> dict[str, str]:
    """Files that hold the same bytes as an earlier one, each with the reason to leave it out.

    by_folder : folders give the labels; then copies in folders of different classes are all left out, the first too
    """
    same, found = defaultdict(list), {}
    for name in names:
        with open(folder / name, "rb") as file:
            same[hashlib.file_digest(file, "sha256").digest()].append(name)
    for first, *others in same.values():
        found |= {name: f"copy, byte for byte: of {first}" for name in others}
        if by_folder and len({label_of(_class_folder(name)) for name in (first, *others)} - {""}) > 1:
            found |= {name: f"one picture under two labels: {listed([first, *others])}" for name in (first, *others)}
    return found


def label_of(words: str) -> str:
    """The class that a diagnosis in words means ("Seborrheic_Keratoses" is "bkl"), or "" for an unknown one."""
    words = re.sub(r"[\W_]+", " ", words.casefold()).strip().replace("keratoses", "keratosis")
    return LABELS.get(words) or LABELS.get(words.removesuffix("s"), "")


def _class_folder(name: str) -> str:
    """The innermost folder around a file that is called like a class, or ""."""
    return next((place for place in reversed(PurePosixPath(name).parent.parts) if label_of(place)), "")


def _by_folder(names: pd.Index) -> tuple[pd.DataFrame, list[str]]:
    """Labels (index: names, column dx) from sub-folders, and a remark; the innermost that names a class counts."""
    places = [PurePosixPath(name).parent for name in names]
    words = [_class_folder(name) for name in names]
    facts = pd.DataFrame({"dx": words}, index=names, dtype=object)
    if not any(words):
        return facts, ["There are no labels: no sub-folder is called like a class, and no CSV file is given."]
    nameless = {"/".join(place.parts) or "the folder itself" for place in places if not any(map(label_of, place.parts))}
    rest = [f"There are images without a label in {listed(sorted(nameless))}."] if nameless else []
    return facts, ["The labels are the names of sub-folders.", *rest]


def _by_table(folder: Path, labels: str | Path, names: pd.Index) -> tuple[pd.DataFrame, list[str]]:
    """What a table says about the files (index: names; columns: dx and others of HEADINGS; "" = nothing); remarks."""
    places = [path for path in (folder / labels, Path(labels).expanduser()) if path.is_file()]
    if not places:
        raise DataError(labels, ["there is no such CSV file, here or in the folder of photographs"])
    rows, known = _read(places[0]), _callable(names)
    rows["name"] = [known.get(_spelling(file), "") for file in rows["file"]]
    fitting = rows[rows["name"] != ""].drop(columns="file").drop_duplicates().set_index("name")
    if not fitting.index.is_unique:
        torn = fitting.index[fitting.index.duplicated()].unique()
        raise DataError(places[0], [f"says different things about {listed(torn)}: keep one row for each image"])
    remarks = [f"The labels come from {places[0].name}, which names {len(fitting)} of {counted(len(names), 'image')}."]
    if len(absent := rows["file"][rows["name"] == ""]):
        remarks += [f"{counted(len(absent), 'row')} of it fit no usable image, or several: {listed(absent)}."]
    return fitting.reindex(names).fillna(""), remarks


def _read(path: Path) -> pd.DataFrame:
    """A table of labels, all text: those columns of HEADINGS that it has."""
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")  # what spreadsheets on Windows write
    comma = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = pd.read_csv(io.StringIO(text), sep=comma, dtype=str, na_filter=False)
    except (pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise DataError(path, [f"not a table with columns parted by comma, semicolon or tab ({error})"]) from error
    own = {str(heading).strip().lower(): rows[heading].str.strip() for heading in rows.columns}
    found = {name: own[word] for name, words in HEADINGS.items() for word in reversed(words) if word in own}
    if missing := [f"no column '{HEADINGS[name][0]}'" for name in ("file", "dx") if name not in found]:
        raise DataError(path, [f"has {' and '.join(missing)}; its columns are {listed(rows.columns, 10)}"])
    return pd.DataFrame(found)


def _callable(names: pd.Index) -> dict[str, str]:
    """How a table may call each file: by path or name, with or without ending, where no other is called the same."""
    called = defaultdict(set)
    for name in names:
        path = PurePosixPath(name)
        for word in (name, path.with_suffix(""), path.name, path.stem):
            called[_spelling(str(word))].add(name)
    return {word: same.pop() for word, same in called.items() if len(same) == 1}


def _spelling(name: str) -> str:
    """Small letters, "/" between folders, and each umlaut one letter: a Mac writes it as two."""
    return unicodedata.normalize("NFC", name.replace("\\", "/").removeprefix("./")).casefold()


def _unknown_labels(facts: pd.DataFrame) -> dict[str, str]:
    """Turn the words in facts["dx"] into classes; files whose word means none of them, each with the reason."""
    words, facts["dx"] = facts["dx"].copy(), facts["dx"].map(label_of)
    unknown = words[(words != "") & (facts["dx"] == "")]
    classes = ", ".join(f"{name} ({CLASS_NAMES[name]})" for name in CLASSES)
    return {name: f"label that is no class here: '{word}' is none of {classes}" for name, word in unknown.items()}


def _table(folder: Path, facts: pd.DataFrame, masks: set[str]) -> pd.DataFrame:
    """The columns of `data.load`, a row for each row of facts."""
    table = facts.reindex(columns=data_checks.COLUMNS[2:], fill_value="")
    table["age"] = pd.to_numeric(table["age"], errors="coerce")
    paths = [PurePosixPath(name) for name in facts.index]
    count = Counter(path.stem for path in paths)
    ids = [path.stem if count[path.stem] == 1 else str(path).replace("/", "__") for path in paths]
    table["image_id"] = [unicodedata.normalize("NFC", image_id) for image_id in ids]
    numbers = zip(*(facts[column] for column in ("patient", "lesion") if column in facts), strict=True)
    table["lesion_id"] = ["-".join(filter(None, parts)) for parts in numbers] or ""
    table["lesion_id"] = table["lesion_id"].where(table["lesion_id"] != "", table["image_id"])
    table["image_path"] = [str(folder / path) for path in paths]
    of_image = {mask.rpartition(MASK_ENDING)[0]: str(folder / mask) for mask in masks}
    table["mask_path"] = [of_image.get(str(path.with_suffix("")), "") for path in paths]
    return table[[*data_checks.COLUMNS, "image_path", "mask_path"]].reset_index(drop=True)


def _remarks(table: pd.DataFrame, images: list[tuple[str, int, int, bool]]) -> list[str]:
    """What the table holds, and what is wrong or delicate about it; images : what `_examined` says of each row."""
    names = CLASS_NAMES | {"": "without a label"}
    words = ", ".join(f"{(table['dx'] == name).sum()} {word}" for name, word in names.items())
    sizes = sorted((width * height, f"{width} × {height}") for _, width, height, _ in images)
    remarks = [f"{counted(len(table), 'photograph')}: {words}.",
               f"The smallest has {sizes[0][1]} pixels, the largest {sizes[-1][1]}."]  # fmt: skip
    if located := sum(place for *_, place in images):
        remarks += [f"{counted(located, 'file')} with the place where it was taken (GPS), for others to read."]
    remarks += [f"{case}." for case in data_checks.lesions_with_two_diagnoses(table.replace({"dx": {"": None}}))]
    if single := (table["lesion_id"] == table["image_id"]).sum():
        remarks += [
            f"{counted(single, 'photograph')} without a lesion number: each counts as a lesion of its own. "
            "If two show the same one, give both one number ('lesion' in a CSV file), or a SPLIT LEAKS."
        ]
    return remarks
