"""Bring the originals of HAM10000 from Harvard Dataverse: complete and checked, or not at all."""

import os
import shutil
import stat
import sys
import zipfile
import zlib
from functools import partial
from pathlib import Path, PureWindowsPath

import pooch
import requests

from dermxai_helpers import __version__
from dermxai_helpers.data.table import load
from dermxai_helpers.files import DataError, cache_folder, progress, unfinished, writing

# doi:10.7910/DVN/DBW86T, version 4: checksum and number of each file; format=original is the table as it was uploaded
SERVER = "https://dataverse.harvard.edu/api/access/datafile/"
ORIGINALS = {
    "HAM10000_metadata.csv": ("md5:8f85fb1aa29d80a2797247e434deb79d", "4338392?format=original"),
    "HAM10000_segmentations_lesion_tschandl.zip": ("md5:6e8d252e09cfdb0189199f15985a5b84", "3838943"),
    "HAM10000_images_part_1.zip": ("md5:4639bfa73ab251610530a97c898e6e46", "3172585"),
    "HAM10000_images_part_2.zip": ("md5:da43d6cc50f6613013be07e8986b384b", "3172584"),
}
KAGGLE = "Kaggle: kmader/skin-cancer-mnist-ham10000, masks in tschandl/ham10000-lesion-segmentations"
LICENCE = """HAM10000 is licensed CC BY-NC 4.0: not for commercial use; whoever uses or passes it on names its authors.
Cite Tschandl, Rosendahl & Kittler (2018), doi:10.1038/sdata.2018.161; for the masks doi:10.1038/s41591-020-0942-0."""
# Harvard refuses the name that requests gives itself; what is compressed on its way cannot be taken up in the middle.
HEADERS = {"User-Agent": f"dermxai/{__version__}", "Accept-Encoding": "identity"}
TIMEOUT = 30  # seconds without a byte
RETRIES = 4
MOST_GROWTH, SMALL = 20, 10_000_000  # photographs hardly grow when unpacked; so many bytes are always fine


def fetch(name: str = "ham10000", to: str | Path | None = None) -> Path:
    """Download HAM10000, 3 GB, into a folder that appears when it is complete, and return it.

    to : the folder to make, or None for one in the course's cache; after a DataError the next call goes on
    Source: Tschandl, Rosendahl, Kittler (2018), doi:10.1038/sdata.2018.161; files from doi:10.7910/DVN/DBW86T.
    """
    if name != "ham10000":
        raise DataError(name, ["there is no data set of this name to fetch; there is ham10000"])
    target = Path(os.path.abspath(Path(to).expanduser() if to else cache_folder() / name))
    workshop = target.parent / f".{target.name}-unfinished"
    print(LICENCE, file=sys.stderr)
    with writing(target, "free some room or name another folder with --to; what had arrived is kept"):
        if target.is_dir() and not any(target.iterdir()):
            target.rmdir()
        if os.path.lexists(target):
            load(target, classes=None)  # it is there already; or something else is, which is left alone
        else:
            workshop.mkdir(parents=True, exist_ok=True)
            try:
                load(folder := from_dataverse(workshop), classes=None)
            except DataError as error:
                again = f"run the same command again, which goes on from {workshop}"
                problem = f"not all of it could be had ({error}); {again}, or name your own folder ({KAGGLE})"
                raise DataError("HAM10000", [problem]) from error
            os.replace(folder, target)
        shutil.rmtree(workshop, ignore_errors=True)
    return target


def from_dataverse(workshop: Path) -> Path:
    """Download and unpack what is still missing; pooch compares checksums and tries again."""
    registry = {name: checksum for name, (checksum, _) in ORIGINALS.items()}
    urls = {name: SERVER + number for name, (_, number) in ORIGINALS.items()}
    shelf = pooch.create(workshop, SERVER, registry=registry, urls=urls, retry_if_failed=RETRIES)
    for name in ORIGINALS:
        place = workshop / "dataverse" / name.removesuffix(".zip")
        if place.exists():
            continue
        try:
            file = Path(shelf.fetch(name, downloader=partial(resume, part=workshop / f"{name}.part")))
        except (requests.RequestException, ValueError) as error:
            raise DataError(name, [f"cannot be had from Harvard Dataverse ({error})"]) from error
        place.parent.mkdir(exist_ok=True)
        if name.endswith(".zip"):
            unpack(file, place)
            file.unlink()
        else:
            os.replace(file, place)
    return workshop / "dataverse"


def resume(url: str, output_file: str, _: pooch.Pooch, *, part: Path) -> None:
    """Download for pooch, and keep what arrives in `part`, from where a next attempt or run goes on."""
    start = part.stat().st_size if part.exists() else 0
    with requests.get(url, headers=HEADERS | {"Range": f"bytes={start}-"}, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == 200:
            start = 0  # this server knows no ranges
        if answer.status_code in (200, 206):
            length = answer.headers.get("Content-Length", "")
            size = start + int(length) if length.isdecimal() else 0  # for the bar only: the checksum judges
            bar = progress(size, part.stem, "B", initial=start, unit_scale=True)
            with bar, open(part, "ab" if start else "wb") as file:
                for chunk in answer.iter_content(1 << 15):
                    bar.update(file.write(chunk))
        elif answer.status_code != 416:  # nothing more is to come: the checksum tells whether this is the file
            raise requests.HTTPError(f"the server answered {answer.status_code} ({answer.reason})")
    os.replace(part, output_file)


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a zip archive into `folder`, which appears when it is complete; DataError for an unsafe or damaged one."""
    try:
        with unfinished(folder) as place, zipfile.ZipFile(archive) as bundle:
            size = sum(member.file_size for member in bundle.infolist())  # these claims bind: Python stops at them
            if size > max(SMALL, MOST_GROWTH * archive.stat().st_size):
                raise DataError(archive.name, [f"refused: it claims to unpack to {size:,} bytes"])
            for member in bundle.infolist():
                path = PureWindowsPath(member.filename)  # knows / and \ and drive letters, on every system
                if path.drive or path.root or ".." in path.parts or stat.S_ISLNK(member.external_attr >> 16):
                    raise DataError(archive.name, [f"refused: its member {member.filename!r} leads out of the folder"])
            for member in progress(bundle.infolist(), f"unpacking {archive.name}", "file"):
                bundle.extract(member, place)
    except DataError:
        raise
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError, LookupError) as error:
        raise DataError(archive.name, [f"damaged, it cannot be unpacked ({error})"]) from error
