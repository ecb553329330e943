"""What happens on the disk to files that came from elsewhere: none of them is trusted, and nothing half-done stays."""

import errno
import os
import shutil
import stat
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from types import ModuleType

import pandas as pd
import psutil
from tqdm import tqdm

from dermxai_helpers.data import table as data
from dermxai_helpers.files import DataError, counted, write_atomically

MOST_FILES = 100_000  # HAM10000's largest archive holds 10,016
MOST_GROWTH = 20  # photographs hardly shrink in an archive: HAM10000's grow by less than a tenth when unpacked
SMALL = 10_000_000  # bytes that any archive may unpack to: text may shrink to a hundredth
UNPACKED = 1.05  # bytes on the disk for each byte of an archive: the last block of 20,000 files is half empty
MAC_LEFTOVERS = {"__MACOSX", ".DS_Store"}  # HAM10000's masks were packed on a Mac


class SourceError(DataError):
    """What a source said or gave cannot be used; another source may serve."""


# --- archives ---


def place(file: Path, folder: Path) -> None:
    """Put a file that has arrived where it belongs: an archive as a folder of its name, a table as the metadata.

    An archive that is refused is deleted, so that the next run fetches it anew; SourceError says why (see `unpack`).
    """
    if file.suffix != ".zip":
        return write_with_commas(file, folder / data.METADATA_NAMES[0])
    try:
        unpack(file, folder / file.stem)
    except SourceError:
        file.unlink()
        raise


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip archive into `folder`, which appears when it is complete; an older one is replaced.

    A top folder with the archive's own name is left out, so that `a.zip` gives `a/x.jpg`, never `a/a/x.jpg`.
    All names are judged before the first byte is written, and every file is compared with its CRC-32.

    Raises SourceError for an archive that is damaged, encrypted, names a path outside `folder`, holds a link, or
    claims an absurd size; DataError when the disk has too little room; OSError for what the disk says.
    """
    try:
        with zipfile.ZipFile(archive) as bundle, appearing(folder) as unfinished:
            members = wanted_members(archive, bundle.infolist())
            size = sum(member.file_size for member in members)
            require_room(folder.parent, size, f"unpacking {archive.name} takes {readable(size)}")
            with tqdm(total=size, unit="B", unit_scale=True, desc=f"unpacking {archive.name}") as bar:
                for member in members:
                    path = unfinished / inner_path(member, archive.stem)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with bundle.open(member) as packed, open(path, "wb") as file:
                        shutil.copyfileobj(packed, file)
                    bar.update(member.file_size)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise SourceError(archive.name, [f"damaged, it cannot be unpacked ({error})"]) from error


@contextmanager
def appearing(folder: Path) -> Iterator[Path]:
    """A new, empty folder that gets the name `folder` when the block ends well, and is removed when it does not."""
    unfinished = folder.with_name(f"{folder.name}.unpacking")
    shutil.rmtree(unfinished, ignore_errors=True)  # left by a run that was killed
    try:
        unfinished.mkdir(parents=True)
        yield unfinished
        shutil.rmtree(folder, ignore_errors=True)
        os.replace(unfinished, folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def wanted_members(archive: Path, members: Iterable[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The files to unpack, without folders and a Mac's leftovers; SourceError when one of them must not be."""
    wanted = []
    for member in members:
        refuse_escape(archive, member)
        name = PureWindowsPath(member.filename)
        if not (member.is_dir() or name.name.startswith("._") or MAC_LEFTOVERS & set(name.parts)):
            wanted.append(member)
    refuse_bomb(archive, wanted)
    return wanted


def refuse_escape(archive: Path, member: zipfile.ZipInfo) -> None:
    """Refuse a member that would be written elsewhere, that points elsewhere, or that nobody can read.

    Windows' rules serve on every system: they know / and \\ as separators, and drive letters.
    """
    path = PureWindowsPath(member.filename)
    if path.drive or path.root:
        reason = "has an absolute path"
    elif ".." in path.parts or not path.parts:
        reason = "has a path that leaves the folder"
    elif stat.S_ISLNK(member.external_attr >> 16):
        reason = "is a link to another place"
    elif member.flag_bits & 1:
        reason = "is encrypted"
    else:
        return
    raise SourceError(archive.name, [f"refused, nothing of it was unpacked: its member {member.filename!r} {reason}"])


def refuse_bomb(archive: Path, members: list[zipfile.ZipInfo]) -> None:
    """Refuse an archive whose directory claims absurdly many files or bytes.

    The claims bind: Python's reader stops at a member's claimed size, and a wrong claim then fails the CRC-32.
    """
    size, limit = sum(member.file_size for member in members), max(SMALL, MOST_GROWTH * archive.stat().st_size)
    if len(members) > MOST_FILES or size > limit:
        claim = f"it claims to hold {counted(len(members), 'file')} of {readable(size)}"
        limits = f"the limits are {MOST_FILES:,} files and {readable(limit)}"
        raise SourceError(archive.name, [f"refused, nothing of it was unpacked: {claim}; {limits}"])


def inner_path(member: zipfile.ZipInfo, top: str) -> Path:
    """Where a member belongs inside the folder: its own path, without a top folder of the archive's name."""
    parts = PureWindowsPath(member.filename).parts
    return Path(*parts[1:] if len(parts) > 1 and parts[0] == top else parts)


# --- pictures and tables that are no archive ---


def write_with_commas(table: Path, target: Path) -> None:
    """Put a table into its place, comma-separated whatever it was.

    Dataverse keeps tables as tab-separated text, and a mirror may hold either. What is no table is copied as it is:
    `data.load` says what is wrong with it.
    """
    with open(table, encoding="utf-8-sig", errors="replace") as file:
        header = file.readline()
    if "\t" not in header or "," in header:
        return write_atomically(target, lambda path: shutil.copyfile(table, path))
    rows = pd.read_csv(table, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig")
    write_atomically(target, lambda path: rows.to_csv(path, index=False, lineterminator="\n"))


def kagglehub() -> ModuleType:
    """The package kagglehub; SourceError when it or a key is missing, for both are the user's own choice."""
    try:
        import kagglehub as package
    except ImportError:
        raise SourceError("kagglehub", ["not installed (pip install kagglehub makes Kaggle a source, too)"]) from None
    folder = Path(os.environ.get("KAGGLE_CONFIG_DIR") or "~/.kaggle").expanduser()
    kept = any((folder / name).is_file() for name in ("kaggle.json", "access_token"))
    if not (kept or "KAGGLE_API_TOKEN" in os.environ or {"KAGGLE_USERNAME", "KAGGLE_KEY"} <= set(os.environ)):
        raise SourceError("kagglehub", ["finds no key (kaggle.com, Settings, Create New Token gives one)"])
    return package


def copy_from_kaggle(handle: str, part: str, folder: Path) -> None:
    """Copy "metadata", "images" or "masks" out of a Kaggle data set (owner/name); SourceError when it cannot be had."""
    try:
        downloaded = Path(kagglehub().dataset_download(handle))
        if part == "metadata":
            return write_with_commas(downloaded / data.METADATA_NAMES[0], folder / data.METADATA_NAMES[0])
        images, masks = data.find_images(downloaded)  # each once, though Kaggle's archive holds the images twice
        with appearing(folder / f"HAM10000_{part}") as unfinished:
            for path in tqdm((masks if part == "masks" else images).values(), desc=f"copying {part}", unit="image"):
                shutil.copyfile(path, unfinished / Path(path).name)
    except Exception as error:  # kagglehub passes on the errors of several packages
        raise SourceError(handle, [f"cannot be had through kagglehub ({error})"]) from error


# --- the finished folder ---


def judged(workshop: Path, is_test: bool) -> pd.DataFrame:
    """The table of workshop/folder; DataError, with every problem, when `data.load` finds fault with it.

    Only the metadata can be to blame, for archives have checksums: it is forgotten, and the next run fetches it anew.
    """
    folder = workshop / "folder"
    try:
        if is_test:
            leave_out_rows_without_picture(folder)
        table = data.load(folder, classes=None)
        strays = set(data.find_images(folder)[0]) - set(table["image_id"])
        if strays and not is_test:
            raise DataError(folder, [f"{len(strays):,} of the images are not in the metadata, which may be cut off"])
    except DataError as error:
        for pattern in ("metadata.done", "test labels.done", "archives/*.csv"):
            for file in workshop.glob(pattern):
                file.unlink()
        advice = f"run the same command again to fetch the metadata anew; if that does not help, remove {workshop}"
        raise DataError(folder, [f"what arrived is no data set ({'; '.join(error.problems)}): {advice}"]) from error
    return table


def leave_out_rows_without_picture(folder: Path) -> None:
    """Take the rows that have no picture or no lesion out of the test set's metadata.

    There is one, ISIC_0035068: the published archive lacks it, and the challenge's own scoring leaves it out
    (github.com/ImageMarkup/isic-challenge-scoring).
    """
    table = data.read_metadata(folder)
    if {"image_id", "lesion_id"} <= set(table.columns):  # otherwise `data.load` names the column that is missing
        usable = table[table["image_id"].isin(data.find_images(folder)[0]) & table["lesion_id"].notna()]
        write_atomically(folder / data.METADATA_NAMES[0], lambda path: usable.to_csv(path, index=False))


def described(table: pd.DataFrame) -> str:
    """What a loaded table holds: "10,015 images of 7,470 lesions (6,705 nv, ...), 10,015 lesion masks"."""
    counts = ", ".join(f"{count:,} {name}" for name, count in table["dx"].value_counts().items())
    images = f"{len(table):,} images of {table['lesion_id'].nunique():,} lesions ({counts})"
    return f"{images}, {(table['mask_path'] != '').sum():,} lesion masks"


# --- folders, and room on the disk ---


def is_complete(folder: Path) -> bool:
    """Whether a data set is there; DataError when something else is, which is then left alone."""
    if not os.path.lexists(folder) or (folder.is_dir() and not any(folder.iterdir())):
        return False
    try:
        data.load(folder, classes=None)
    except DataError as error:
        advice = "nothing was touched; name a folder with --to that does not exist yet"
        raise DataError(folder, [f"is there and is no complete data set ({error.problems[0]}): {advice}"]) from error
    return True


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Let one process at a time work in a folder; the note of a process that is gone (it was killed) does not count."""
    note = folder / "process"
    number = note.read_text(errors="replace") if note.exists() else ""
    if number.isdigit() and int(number) != os.getpid() and psutil.pid_exists(int(number)):
        advice = f"wait for it or stop it; if that process is something else, remove {note}"
        raise DataError(folder, [f"another fetch (process {number}) is at work here: {advice}"])
    note.write_text(str(os.getpid()))
    try:
        yield
    finally:
        note.unlink(missing_ok=True)


def require_room(folder: Path, needed: float, what: str) -> None:
    """Raise DataError when the disk that holds `folder` has fewer than `needed` bytes free; `what` states the need."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        advice = f"free {readable(needed - free)} more there, or name a folder on another disk with --to"
        raise DataError(folder, [f"{what}, and this disk has {readable(free)} free: {advice}"])


def require_room_for(sizes: dict[str, int], archives: Path) -> None:
    """Raise DataError when there is no room for what these files still lack in `archives`, and for unpacking them all.

    sizes : file name -> bytes, 0 when no source told them (the room is looked at again when the file comes)
    """
    here = {path.name.removesuffix(".part"): path.stat().st_size for path in archives.iterdir()}
    left = sum(max(0, size - here.get(name, 0)) for name, size in sizes.items())
    unpacked = UNPACKED * sum(sizes.values())
    needs = f"{readable(left)} to download and {readable(unpacked)} unpacked"
    require_room(archives, left + unpacked, f"{readable(left + unpacked)} are needed ({needs})")


def tell(text: str) -> None:
    """Tell the user what happens; the standard output is kept for the result."""
    tqdm.write(text, file=sys.stderr)


def readable(size: float) -> str:
    """A number of bytes in words: "0.2 kB", "2.8 GB"."""
    scale, unit = (1e9, "GB") if size >= 1e9 else (1e6, "MB") if size >= 1e6 else (1e3, "kB")
    return f"{size / scale:.1f} {unit}"


@contextmanager
def disk_sentences(folder: Path) -> Iterator[None]:
    """Turn what the operating system says about a disk or a folder into a DataError."""
    try:
        yield
    except OSError as error:
        where = error.filename or folder
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            advice = "free some room there, or name a folder on another disk with --to, and run the same command again"
            raise DataError(where, [f"the disk is full: {advice}; what had arrived is kept"]) from error
        advice = "name a folder that you may write to with --to"
        raise DataError(where, [f"cannot be written ({error.strerror or error}): {advice}"]) from error
