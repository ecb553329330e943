"""Where do HAM10000's originals come from, and did every byte arrive?

pooch compares checksums; this room goes on where a connection broke, knows other sources, and shows no half a folder.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import pooch
import requests
from pooch.downloaders import DataverseRepository
from tqdm import tqdm

from dermxai_helpers import __version__, files
from dermxai_helpers.data import unpacking
from dermxai_helpers.data.unpacking import SourceError, readable, require_room, tell
from dermxai_helpers.files import DataError

DOI = "10.7910/DVN/DBW86T"
LICENCE = """HAM10000 is licensed CC BY-NC 4.0: not for commercial use; whoever uses or passes it on names its authors.
Cite Tschandl, Rosendahl & Kittler (2018), doi:10.1038/sdata.2018.161; for the masks doi:10.1038/s41591-020-0942-0."""
TRAINING = ("metadata", "masks", "images")  # small parts first: what fails, fails early
TEST = ("test labels", "test images")
TEST_FOLDER = "ISIC2018_Task3_Test"

WAITS = (1, 4, 10)  # seconds before the second, third and fourth attempt
TIMEOUT = 30  # seconds without a byte
CHUNK = 1 << 15  # bytes; at most so many are lost when a connection breaks
# Harvard answers 403 to the name that requests gives itself (github.com/IQSS/dataverse.harvard.edu/issues/479);
# what is compressed on its way cannot be taken up in the middle.
HEADERS = {"User-Agent": f"dermxai/{__version__}", "Accept-Encoding": "identity"}
Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Source:
    """A place that holds parts of the data set.

    kind : how it is asked: "dataverse" (`url` is its address), "mirror" (a folder of plain files) or "kaggle"
    files : part -> the files that hold it, by the names they get here
    """

    name: str
    kind: str
    url: str
    files: dict[str, tuple[str, ...]]


# The challenge's archives hold the same photographs, but neither these masks nor age, sex and site.
ISIC = {"images": ("ISIC2018_Task3_Training_Input.zip",), "test images": ("ISIC2018_Task3_Test_Input.zip",)}
ORIGINALS = {
    "metadata": ("HAM10000_metadata.csv",),
    "masks": ("HAM10000_segmentations_lesion_tschandl.zip",),
    "images": ("HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip"),
    "test labels": ("ISIC2018_Task3_Test_GroundTruth.csv",),
    "test images": ("ISIC2018_Task3_Test_Images.zip",),
}
KMADER = ("kmader/skin-cancer-mnist-ham10000",)
KAGGLE = {"metadata": KMADER, "masks": ("tschandl/ham10000-lesion-segmentations",), "images": KMADER}
SOURCES = (  # in the order in which they are asked
    Source("Harvard Dataverse", "dataverse", "https://dataverse.harvard.edu", ORIGINALS),
    Source("ISIC archive", "mirror", "https://isic-archive.s3.amazonaws.com/challenges/2018/", ISIC),
    Source("ISIC challenge data", "mirror", "https://isic-challenge-data.s3.amazonaws.com/2018/", ISIC),
    Source("Kaggle", "kaggle", "https://www.kaggle.com/datasets/", KAGGLE),
)


@dataclass(frozen=True)
class Remote:
    """A file at a source: the name it gets here, its address, and its bytes and checksum if the source tells them."""

    name: str
    url: str
    size: int | None = None
    checksum: str | None = None


def fetch(name: str = "ham10000", to: str | Path | None = None, with_test_set: bool = False) -> Path:
    """Download the data set's originals and return their folder, which appears when it is complete.

    to : the folder to make, or None for `files.cache_folder()` / name
    with_test_set : also make `to`/ISIC2018_Task3_Test, a folder of the same form with the challenge's 1,511 test images

    Everything is prepared in a hidden folder beside the new one and stays there when something fails: the next call
    goes on from it. Raises DataError, in one sentence: what was found, where, and what to do.
    Source: Tschandl, Rosendahl, Kittler (2018), doi:10.1038/sdata.2018.161; files from doi:10.7910/DVN/DBW86T.
    """
    if name != "ham10000":
        raise DataError(name, ["there is no data set of this name to fetch; there is ham10000"])
    to = Path(os.path.abspath(Path(to).expanduser() if to else files.cache_folder() / name))
    pooch.get_logger().setLevel("WARNING")  # its notices name temporary files; ours say what happens
    tell(LICENCE)
    bring(TRAINING, to)
    if with_test_set:
        bring(TEST, to / TEST_FOLDER)
    return to


def bring(parts: tuple[str, ...], target: Path) -> None:
    """Make the folder `target` from its parts, or find it complete; DataError when neither can be."""
    catalogue, workshop = Catalogue(), target.parent / f".{target.name}-unfinished"
    with unpacking.disk_sentences(target):
        if unpacking.is_complete(target):
            shutil.rmtree(workshop, ignore_errors=True)  # of a run that was killed in its last moment
            return tell(f"{target} is complete already: nothing to download")
        for folder in ("archives", "folder"):
            (workshop / folder).mkdir(parents=True, exist_ok=True)
        with unpacking.alone(workshop):
            missing = [part for part in parts if not (workshop / f"{part}.done").exists()]
            first = [next(catalogue.holders(part), (None, [])) for part in missing]
            sizes = {remote.name: remote.size or 0 for _, remotes in first for remote in remotes}
            unpacking.require_room_for(sizes, workshop / "archives")
            for part in missing:
                obtain(part, catalogue, workshop)
            table = unpacking.judged(workshop, is_test=parts == TEST)
            if target.is_dir():
                target.rmdir()  # it is empty, as `is_complete` saw; Windows renames over nothing
            os.replace(workshop / "folder", target)
            shutil.rmtree(workshop)
    tell(f"{target}: data.load finds {unpacking.described(table)}")


def obtain(part: str, catalogue: "Catalogue", workshop: Path) -> None:
    """Bring one part into the workshop's folder, from the first source that gives it whole."""
    for source, remotes in catalogue.holders(part):
        try:
            if source.kind == "kaggle":
                unpacking.copy_from_kaggle(remotes[0].name, part, workshop / "folder")
            else:
                for file in [download(remote, source, workshop / "archives") for remote in remotes]:
                    unpacking.place(file, workshop / "folder")
            return (workshop / f"{part}.done").touch()
        except SourceError as error:
            catalogue.refuse(source, error)
    reasons = "; ".join(catalogue.refusals.values())
    advice = f"what had arrived is kept in {workshop}, so run the same command again to go on from there"
    raise DataError(f"HAM10000, {part}", [f"no source gives all of it ({reasons}); {advice}"])


# --- what the sources hold ---


class Catalogue:
    """The sources' answers: each is asked when its turn comes, and one that failed is not asked again."""

    def __init__(self) -> None:
        self.answers: dict[str, dict[str, Remote]] = {}
        self.refusals: dict[str, str] = {}

    def holders(self, part: str) -> Iterator[tuple[Source, list[Remote]]]:
        """The sources that hold a part, with its files there."""
        for source in SOURCES:
            if part in source.files and source.name not in self.refusals:
                try:
                    held = self.answers.get(source.name) or listing(source)
                    remotes = [held[name] for name in source.files[part]]
                except SourceError as error:
                    self.refuse(source, error)
                except KeyError as error:
                    self.refuse(source, SourceError(source.url, [f"{error} is not listed there"]))
                else:
                    self.answers[source.name] = held
                    yield source, remotes

    def refuse(self, source: Source, error: SourceError) -> None:
        """Note and say why a source could not give what it was asked for."""
        self.refusals[source.name] = f"{source.name}: {error}"
        tell(self.refusals[source.name])


def listing(source: Source) -> dict[str, Remote]:
    """The files that a source holds, by the names they get here; SourceError when it cannot be asked."""
    names = [name for names in source.files.values() for name in names]
    if source.kind == "dataverse":
        return patiently(partial(dataverse_listing, source, names), "the list of files")
    if source.kind == "kaggle":
        unpacking.kagglehub()
    return {name: Remote(name, source.url + name) for name in names}


def dataverse_listing(source: Source, names: list[str]) -> dict[str, Remote]:
    """Those of the named files that a Dataverse lists; raises requests' exceptions.

    An uploaded table is kept in Dataverse's own form (tab-separated, .tab); `format=original` gives what was uploaded.
    The checksum it states fits neither (github.com/IQSS/dataverse/issues/9501), which is why pooch's own registry
    would not do: a table has no checksum here, and its rows are compared with the images in the end.
    Source: guides.dataverse.org, Native API and Data Access API.
    """
    repository = DataverseRepository(DOI, source.url, headers=HEADERS, timeout=TIMEOUT)
    require_content(repository.api_response)
    found = {}
    try:
        listed = [entry["dataFile"] for entry in repository.api_response.json()["data"]["latestVersion"]["files"]]
        files = {Path(file["filename"]).stem: file for file in listed}
        for name in names:
            if file := files.get(Path(name).stem):
                url = repository.download_url(file["filename"])
                if "originalFileFormat" in file:
                    found[name] = Remote(name, f"{url}?format=original", file.get("originalFileSize"))
                else:
                    checksum = f"{file['checksum']['type'].replace('-', '')}:{file['checksum']['value']}".lower()
                    found[name] = Remote(name, url, file["filesize"], checksum)
    except (KeyError, TypeError) as error:
        raise requests.exceptions.InvalidJSONError(f"{error!r}") from error
    return found


# --- a file, over a line that may break ---


def download(remote: Remote, source: Source, archives: Path) -> Path:
    """The file, complete and with its stated checksum, if there is one; SourceError when it cannot be had."""
    shelf = pooch.create(archives, source.url, registry={remote.name: remote.checksum}, urls={remote.name: remote.url})
    size = remote.size if remote.checksum else None  # a table's size is only good enough to look for room
    resuming = partial(resume, unfinished=archives / f"{remote.name}.part", size=size)
    try:
        return Path(patiently(lambda: shelf.fetch(remote.name, downloader=resuming), remote.name))
    except DataError:
        raise
    except ValueError as error:  # pooch says so, and has deleted the file
        problem = f"all its bytes arrived, but not with the checksum that {source.name} states, so it was deleted"
        raise SourceError(remote.name, [problem]) from error


def resume(url: str, output_file: str, _: pooch.Pooch, *, unfinished: Path, size: int | None) -> None:
    """A downloader for pooch that keeps what arrives in `unfinished`, so that a next attempt or run goes on from there.

    size : bytes of the whole file, or None to believe the server
    """
    arrived = unfinished.stat().st_size if unfinished.exists() else 0
    if arrived != size:
        size = receive(url, unfinished, arrived, size)
        arrived = unfinished.stat().st_size
    if size is not None and arrived != size:
        if arrived > size:
            unfinished.unlink()  # not this file's beginning, or not this file
        raise requests.HTTPError(f"the connection ended after {arrived:,} of {size:,} bytes")
    os.replace(unfinished, output_file)


def receive(url: str, unfinished: Path, start: int, size: int | None) -> int | None:
    """Append what the server sends from byte `start` on (or write all of it anew); the size the file should have."""
    wish = {"Range": f"bytes={start}-"} if start else {}
    with requests.get(url, headers=HEADERS | wish, stream=True, timeout=TIMEOUT) as answer:
        if answer.status_code == 416:  # there is no such byte: the file there is another one now
            unfinished.unlink()
        require_content(answer)
        if not answer.headers.get("Content-Range", "").startswith(f"bytes {start}-"):
            start = 0  # this server knows no ranges
        length = answer.headers.get("Content-Length")
        size = size if size is not None or length is None else start + int(length)
        to_come = (size or 0) - start
        require_room(unfinished.parent, to_come, f"{readable(to_come)} of {unfinished.stem} are to come")
        bar = tqdm(total=size, initial=start, unit="B", unit_scale=True, desc=unfinished.stem)
        with bar, open(unfinished, "ab" if start else "wb") as file:
            try:
                for chunk in answer.iter_content(CHUNK):
                    file.write(chunk)
                    bar.update(len(chunk))
            except requests.RequestException:
                if size is None:
                    raise  # otherwise `resume` sees by the length that the connection broke
    return size


def require_content(answer: requests.Response) -> None:
    """Raise requests.HTTPError unless content comes; 202 is a firewall's riddle for browsers, without content."""
    if answer.status_code not in (200, 206):
        raise requests.HTTPError(f"the server answered {answer.status_code} ({answer.reason})", response=answer)


def patiently(attempt: Callable[[], Answer], what: str) -> Answer:
    """Call until it works, with WAITS between the attempts; SourceError after the last, or for a fault that stays."""
    for number, wait in enumerate((*WAITS, None), start=1):
        try:
            return attempt()
        except requests.RequestException as error:
            problem = in_words(error)
            status = 500 if error.response is None else error.response.status_code
            if wait is None or (status < 500 and status not in (408, 416, 429)):
                raise SourceError(what, [problem if number == 1 else f"{problem}, at attempt {number}"]) from error
        tell(f"{what}: {problem}; attempt {number + 1} of {len(WAITS) + 1} follows in {wait} s")
        time.sleep(wait)


def in_words(error: requests.RequestException) -> str:
    """What a failed request means to the person who waits for it."""
    if isinstance(error, requests.HTTPError):
        return str(error)
    if isinstance(error, requests.exceptions.InvalidJSONError):
        return f"the server's answer is no list of files ({error})"
    if isinstance(error, requests.Timeout):
        return f"no answer came within {TIMEOUT} s"
    return f"no connection to the server ({type(error).__name__})"
