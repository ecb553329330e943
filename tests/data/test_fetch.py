"""Fetching HAM10000 from a server that misbehaves: one sentence, no half-made folder, and the next run goes on."""

import errno
import io
import os
import signal
import stat
import subprocess
import sys
import time
import types
import zipfile
from collections import namedtuple
from pathlib import Path

import offline
import pandas as pd
import pytest
from click.testing import Result
from misbehaving_server import LISTING, Repository
from typer.testing import CliRunner

from dermxai_helpers import __main__, data, synth
from dermxai_helpers.data import fetch, unpacking

METADATA, MASKS = "HAM10000_metadata.csv", "HAM10000_segmentations_lesion_tschandl.zip"
PART_1, PART_2 = "HAM10000_images_part_1.zip", "HAM10000_images_part_2.zip"
LABELS, TEST_IMAGES = "ISIC2018_Task3_Test_GroundTruth.csv", "ISIC2018_Task3_Test_Images.zip"
MIRRORED = "ISIC2018_Task3_Training_Input.zip"
Usage = namedtuple("Usage", "total used free")


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def table(rows: pd.DataFrame) -> bytes:
    """As version 4 of the deposit has it: with an eighth column."""
    return rows.assign(dataset="drawn").to_csv(index=False).encode()


@pytest.fixture(scope="session")
def originals(tmp_path_factory) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """Twelve drawn lesions packed as HAM10000 is packed: the Dataverse's files, and the mirror's."""
    drawn = synth.write_folder(tmp_path_factory.mktemp("payload") / "drawn", 12, seed=0, progress=False)
    pictures = {path.name: path.read_bytes() for path in sorted(drawn.glob("*/*.jpg"))}
    names = list(pictures)
    top = MASKS.removesuffix(".zip")
    masks = {f"{top}/{path.name}": path.read_bytes() for path in drawn.glob(f"{top}/*.png")}
    rows = pd.read_csv(drawn / METADATA, dtype=str)
    tests = {f"TEST_{name}": pictures[name] for name in names[:4]}
    labels = rows[rows["image_id"].isin(name.removesuffix(".jpg") for name in names[:4])].copy()
    labels["image_id"] = "TEST_" + labels["image_id"]
    labels.loc[len(rows)] = {"image_id": "ISIC_0035068", "dx": "nv"}  # as in the deposit: no picture, no lesion
    dataverse = {
        METADATA: table(rows),
        MASKS: zipped(masks | {f"__MACOSX/{top}/._{names[0]}": b"leftover"}),
        PART_1: zipped({name: pictures[name] for name in names[:6]}),
        PART_2: zipped({name: pictures[name] for name in names[6:]}),
        LABELS: table(labels),
        TEST_IMAGES: zipped({f"ISIC2018_Task3_Test_Images/{name}": content for name, content in tests.items()}),
    }
    folder = MIRRORED.removesuffix(".zip")
    everything = {f"{folder}/{name}": content for name, content in pictures.items()}
    more_tests = tests | {"ISIC_0035068.jpg": pictures[names[0]]}  # the challenge's archive has this one
    mirror = {MIRRORED: zipped(everything | {f"{folder}/LICENSE.txt": b"CC BY-NC"})}
    return dataverse, mirror | {"ISIC2018_Task3_Test_Input.zip": zipped(more_tests)}


@pytest.fixture
def server(originals, monkeypatch):
    """A healthy repository that is the only source, and no time lost between attempts."""
    repository = Repository(*originals)
    only(monkeypatch, dataverse(repository))
    monkeypatch.setattr(fetch, "WAITS", (0.01, 0.01, 0.01))
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield repository
    repository.stop()


def dataverse(repository: Repository) -> fetch.Source:
    return fetch.Source("Harvard Dataverse", "dataverse", repository.url, fetch.ORIGINALS)


def mirror(repository: Repository) -> fetch.Source:
    return fetch.Source("ISIC archive", "mirror", f"{repository.url}/mirror/", fetch.ISIC)


def kaggle() -> fetch.Source:
    return fetch.Source("Kaggle", "kaggle", "https://www.kaggle.com/datasets/", fetch.KAGGLE)


def only(monkeypatch, *sources: fetch.Source) -> None:
    monkeypatch.setattr(fetch, "SOURCES", sources)


def run(to: Path, *arguments: str) -> Result:
    """The command line, in this process."""
    return CliRunner().invoke(__main__.app, ["fetch", "ham10000", "--to", str(to), *arguments])


def finished(to: Path, *arguments: str) -> Result:
    """A run that ends well: the folder loads, and nothing hidden is left beside it."""
    done = run(to, *arguments)
    assert done.exit_code == 0, done.output
    assert len(data.load(to)) == 12 and (data.load(to)["mask_path"] != "").all()
    assert not list(to.parent.glob(".*"))
    return done


def refused(to: Path, *words: str, exists: bool = False) -> str:
    """A run that ends with one sentence that holds these words, and without the folder; returns the sentence."""
    done = run(to)
    assert done.exit_code == 1, done.output
    assert isinstance(done.exception, SystemExit), "an error that is no sentence"
    sentence = done.stderr.rstrip().splitlines()[-1]
    assert sentence.startswith("Error: ") and done.stderr.count("Error: ") == 1
    for word in words:
        assert word in sentence
    assert to.exists() == exists
    return sentence


def workshop(to: Path) -> Path:
    return to.with_name(f".{to.name}-unfinished")


# --- all is well ---


def test_fetch_makes_a_folder_that_loads(server, tmp_path):
    done = finished(tmp_path / "ham")
    assert "12 images of" in done.stderr and "12 lesion masks" in done.stderr
    assert str(tmp_path / "ham") in done.stdout
    assert sorted(path.name for path in (tmp_path / "ham").iterdir()) == [
        "HAM10000_images_part_1",
        "HAM10000_images_part_2",
        METADATA,
        "HAM10000_segmentations_lesion_tschandl",
    ]
    assert not list((tmp_path / "ham").rglob("._*")), "a Mac's leftovers were unpacked"
    assert [served.name for served in server.served] == [METADATA, MASKS, PART_1, PART_2]


def test_fetch_says_the_licence_once(server, tmp_path):
    done = run(tmp_path / "ham", "--with-test-set")
    assert done.stderr.count("CC BY-NC 4.0") == 1 and done.stderr.count("10.1038/sdata.2018.161") == 1


def test_fetch_gives_the_bytes_of_the_originals(server, tmp_path, originals):
    to = tmp_path / "ham"
    finished(to)
    assert (to / METADATA).read_bytes() == originals[0][METADATA]
    with zipfile.ZipFile(io.BytesIO(originals[0][PART_2])) as archive:
        for name in archive.namelist():
            assert (to / "HAM10000_images_part_2" / name).read_bytes() == archive.read(name)


def test_fetch_with_test_set(server, tmp_path):
    to = tmp_path / "ham"
    finished(to, "--with-test-set")
    test = data.load(to / fetch.TEST_FOLDER, classes=None)
    assert len(test) == 4 and "ISIC_0035068" not in set(test["image_id"])
    assert not list(to.glob(".*"))


def test_fetch_adds_the_test_set_to_a_finished_folder(server, tmp_path):
    to = tmp_path / "ham"
    finished(to)
    before = len(server.served)
    finished(to, "--with-test-set")
    assert [served.name for served in server.served[before:]] == [LABELS, TEST_IMAGES]


def test_fetch_of_what_is_there_asks_nobody(server, tmp_path):
    finished(tmp_path / "ham")
    before = len(server.served)
    done = finished(tmp_path / "ham")
    assert "complete already" in done.stderr and len(server.served) == before


def test_fetch_into_an_empty_folder_and_into_the_cache(server, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    finished(tmp_path / "empty")
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path / "cache"))
    assert CliRunner().invoke(__main__.app, ["fetch", "ham10000"]).exit_code == 0
    assert len(data.load(tmp_path / "cache" / "ham10000")) == 12


def test_fetch_turns_a_tab_separated_table_into_commas(server, tmp_path, originals):
    server.files[METADATA] = originals[0][METADATA].replace(b",", b"\t")
    finished(tmp_path / "ham")
    assert (tmp_path / "ham" / METADATA).read_bytes() == originals[0][METADATA]


# --- the line ---


@pytest.mark.parametrize("fault", ["drop", "short", "short length"])
def test_fetch_goes_on_where_the_connection_broke(server, tmp_path, fault):
    server.misbehave(PART_1, fault)
    done = finished(tmp_path / "ham")
    first, second = server.answers(PART_1)
    start = int(second.range.removeprefix("bytes=").removesuffix("-"))
    size = len(server.files[PART_1])
    assert 0 < start <= first.bytes_sent and second.status == 206 and second.bytes_sent == size - start
    assert f"the connection ended after {start:,} of {size:,} bytes; attempt 2 of 4" in done.stderr


@pytest.mark.parametrize("fault", ["drop", "short", "short length"])
def test_fetch_stops_when_the_connection_keeps_breaking(server, tmp_path, fault):
    to, size = tmp_path / "ham", len(server.files[PART_1])
    server.misbehave(PART_1, fault, "503", "503", "503")
    refused(to, PART_1, "the server answered 503", "at attempt 4", str(workshop(to)), "run the same command again")
    arrived = (workshop(to) / "archives" / f"{PART_1}.part").stat().st_size
    before = len(server.served)
    finished(to)
    again = server.served[before:]
    assert [served.name for served in again] == [PART_1, PART_2], "finished archives were fetched again"
    assert again[0].range == f"bytes={arrived}-" and again[0].bytes_sent == size - arrived


def test_fetch_survives_a_500(server, tmp_path):
    server.misbehave(PART_2, "500")
    server.misbehave(LISTING, "500")
    done = finished(tmp_path / "ham")
    assert [served.status for served in server.answers(PART_2)] == [500, 200]
    assert "the list of files: the server answered 500" in done.stderr


def test_fetch_does_not_repeat_a_404(server, tmp_path):
    server.misbehave(PART_1, "404")
    refused(tmp_path / "ham", PART_1, "the server answered 404 (Not Found)")
    assert len(server.answers(PART_1)) == 1
    finished(tmp_path / "ham")


def test_fetch_from_a_server_that_knows_no_ranges(server, tmp_path):
    server.misbehave(PART_1, "short", "no range")
    finished(tmp_path / "ham")
    assert [served.status for served in server.answers(PART_1)] == [200, 200]
    assert server.answers(PART_1)[1].bytes_sent == len(server.files[PART_1])


def test_fetch_throws_away_a_beginning_that_is_too_long(server, tmp_path):
    archives = workshop(tmp_path / "ham") / "archives"
    archives.mkdir(parents=True)
    (archives / f"{PART_1}.part").write_bytes(bytes(len(server.files[PART_1]) + 1))
    finished(tmp_path / "ham")
    assert [served.status for served in server.answers(PART_1)] == [416, 200]


def test_fetch_refuses_a_wrong_checksum(server, tmp_path):
    to = tmp_path / "ham"
    server.misbehave(PART_1, "wrong bytes")
    refused(to, PART_1, "not with the checksum that Harvard Dataverse states", "deleted")
    assert not list((workshop(to) / "archives").glob(f"{PART_1}*"))
    before = len(server.served)
    finished(to)
    assert [served.name for served in server.served[before:]] == [PART_1, PART_2]


@pytest.mark.parametrize("content", [b"<html>maintenance</html>", b'{"status": "OK"}', b"[1, 2]"])
def test_fetch_of_a_list_that_is_none(server, tmp_path, monkeypatch, content):
    with monkeypatch.context() as patch:
        patch.setattr(server, "listing", lambda: content)
        refused(tmp_path / "ham", "the list of files", "the server's answer is no list of files")
    finished(tmp_path / "ham")


def test_fetch_when_a_file_is_gone_from_the_list(server, tmp_path):
    masks = server.files.pop(MASKS)
    refused(tmp_path / "ham", f"'{MASKS}' is not listed there")
    server.files[MASKS] = masks
    finished(tmp_path / "ham")


def test_fetch_when_nobody_answers(server, tmp_path):
    server.stop()
    refused(tmp_path / "ham", "the list of files: no connection to the server")


def test_fetch_when_the_server_falls_silent(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 1)
    server.misbehave(PART_1, "stall")
    finished(tmp_path / "ham")
    assert server.answers(PART_1)[1].status == 206


def test_fetch_takes_no_path_from_the_list(server, tmp_path, originals):
    """A list that names a file ../../evil.zip can neither write there nor give us that file."""
    server.files = {"../../evil.zip": b"evil", **originals[0]}
    finished(tmp_path / "ham")
    assert not list(tmp_path.rglob("evil*"))


@pytest.mark.parametrize("content", [b"<html>maintenance</html>", None])
def test_fetch_of_metadata_that_were_cut_off(server, tmp_path, originals, content):
    """Tables have no checksum: a page, or a table whose end is missing, is seen by what it lacks."""
    server.files[METADATA] = content or b"\n".join(originals[0][METADATA].splitlines()[:-2])
    refused(tmp_path / "ham", "what arrived is no data set", "run the same command again to fetch the metadata anew")
    server.files[METADATA] = originals[0][METADATA]
    before = len(server.served)
    finished(tmp_path / "ham")
    assert [served.name for served in server.served[before:]] == [METADATA]


# --- archives ---


def linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def bomb() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.jpg", bytes(unpacking.SMALL + 1))
    return buffer.getvalue()


def liar(originals) -> bytes:
    """An archive in which one byte of the first picture differs from what its CRC-32 says."""
    content = bytearray(originals[0][PART_1])
    content[2000] ^= 1
    return bytes(content)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("../evil.jpg", "has a path that leaves the folder"),
        ("pictures/../../evil.jpg", "has a path that leaves the folder"),
        ("..\\evil.jpg", "has a path that leaves the folder"),
        ("/etc/evil.jpg", "has an absolute path"),
        ("C:\\evil.jpg", "has an absolute path"),
        ("C:evil.jpg", "has an absolute path"),
        (linked("evil.jpg"), "is a link to another place"),
    ],
)
def test_fetch_refuses_an_archive_that_leaves_the_folder(server, tmp_path, originals, name, words):
    buffer = io.BytesIO(originals[0][PART_1])
    with zipfile.ZipFile(buffer, "a") as archive:
        archive.writestr(name, b"/etc/passwd")
    server.files[PART_1] = buffer.getvalue()
    to = tmp_path / "inner" / "ham"
    refused(to, PART_1, "refused, nothing of it was unpacked", words)
    assert not list(tmp_path.rglob("*evil*")) and not list(tmp_path.rglob("*.jpg"))
    server.files[PART_1] = originals[0][PART_1]
    before = len(server.served)
    finished(to)
    assert [served.name for served in server.served[before:]] == [PART_1], "part 2 had arrived whole"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda originals: bomb(), "it claims to hold 1 file of 10.0 MB"),
        (liar, "damaged, it cannot be unpacked (Bad CRC-32"),
        (lambda originals: b"<html>maintenance</html>", "damaged, it cannot be unpacked (File is not a zip file)"),
        (lambda originals: zipped({f"{n}.jpg": b"" for n in range(30)}), "the limits are 20 files"),
    ],
)
def test_fetch_refuses_an_archive_that_is_no_good(server, tmp_path, monkeypatch, originals, make, words):
    monkeypatch.setattr(unpacking, "MOST_FILES", 20)
    server.files[PART_2] = make(originals)
    refused(tmp_path / "ham", PART_2, words)
    server.files[PART_2] = originals[0][PART_2]
    finished(tmp_path / "ham")


def test_fetch_refuses_an_encrypted_archive(tmp_path):
    info = zipfile.ZipInfo("a.jpg")
    info.flag_bits = 1
    with pytest.raises(unpacking.SourceError, match="member 'a.jpg' is encrypted"):
        unpacking.refuse_escape(Path("a.zip"), info)


# --- the disk ---


def test_fetch_looks_for_room_first(server, tmp_path, monkeypatch):
    archives = sum(len(server.files[name]) for name in (METADATA, MASKS, PART_1, PART_2))
    needed = archives + unpacking.UNPACKED * archives
    with monkeypatch.context() as patch:
        patch.setattr(unpacking.shutil, "disk_usage", lambda folder: Usage(0, 0, needed - 1))
        refused(tmp_path / "ham", f"{needed / 1e3:.1f} kB are needed", "name a folder on another disk with --to")
        assert not server.served
        patch.setattr(unpacking.shutil, "disk_usage", lambda folder: Usage(0, 0, needed))
        finished(tmp_path / "ham")


def test_fetch_counts_what_has_arrived(server, tmp_path, monkeypatch):
    server.misbehave(PART_2, "404")
    refused(tmp_path / "ham", PART_2)
    left = len(server.files[PART_2]) + unpacking.UNPACKED * len(server.files[PART_1] + server.files[PART_2])
    monkeypatch.setattr(unpacking.shutil, "disk_usage", lambda folder: Usage(0, 0, left))
    finished(tmp_path / "ham")


def test_fetch_looks_for_room_before_it_unpacks(server, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        room = {"archives": 1e9, "folder": 10}
        patch.setattr(unpacking.shutil, "disk_usage", lambda folder: Usage(0, 0, room[Path(folder).name]))
        refused(tmp_path / "ham", f"unpacking {MASKS} takes", "this disk has 0.0 kB free")
    finished(tmp_path / "ham")


class FullDisk(io.FileIO):
    """A file on a disk that is full after 40,000 bytes."""

    def write(self, content) -> int:
        if self.tell() + len(content) > 40_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.name)
        return super().write(content)


def test_fetch_when_the_disk_fills_up_in_a_download(server, tmp_path, monkeypatch):
    to, size = tmp_path / "ham", len(server.files[PART_1])
    with monkeypatch.context() as patch:
        patch.setattr(fetch, "open", FullDisk, raising=False)
        refused(to, f"{PART_1}.part: the disk is full", "what had arrived is kept")
    arrived = (workshop(to) / "archives" / f"{PART_1}.part").stat().st_size
    assert 0 < arrived < size
    finished(to)
    assert server.answers(PART_1)[-1].range == f"bytes={arrived}-"


def test_fetch_when_the_disk_fills_up_in_an_archive(server, tmp_path, monkeypatch):
    to = tmp_path / "ham"

    def full(source, target):
        target.write(source.read(1000))
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(unpacking.shutil, "copyfileobj", full)
        refused(to, "the disk is full", "run the same command again")
    assert not list((workshop(to) / "folder").rglob("*.png")), "a half-unpacked archive takes the room that is missing"
    before = len(server.served)
    finished(to)
    assert [served.name for served in server.served[before:]] == [PART_1, PART_2], "the masks had arrived"


# --- stopped from outside ---

COMMAND = """
import sys
from dermxai_helpers import __main__
from dermxai_helpers.data import fetch
fetch.SOURCES = (fetch.Source("Harvard Dataverse", "dataverse", sys.argv[1], fetch.ORIGINALS),)
__main__.app(["fetch", "ham10000", "--to", sys.argv[2]])
"""


def stopped(server: Repository, to: Path, by: signal.Signals) -> tuple[int, str, int]:
    """Stop a process in the middle of part 1; its exit status, what it said, and the bytes that had arrived."""
    server.misbehave(PART_1, "stall")
    command = [sys.executable, "-c", COMMAND, server.url, str(to)]
    process = subprocess.Popen(
        command, cwd=offline.REPOSITORY, env=offline.environment(), stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # background jobs start deaf to it
    )  # fmt: skip
    assert server.stalled.wait(60)
    part, deadline = workshop(to) / "archives" / f"{PART_1}.part", time.monotonic() + 20
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(by)
    _, said = process.communicate(timeout=30)
    assert not to.exists() and "Traceback" not in said
    return process.returncode, said, part.stat().st_size


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_fetch_goes_on_after_it_was_stopped(server, tmp_path, by):
    to, size = tmp_path / "ham", len(server.files[PART_1])
    status, said, arrived = stopped(server, to, by)
    if by == signal.SIGINT:
        assert status == 130 and "Stopped. What had arrived is kept" in said
    else:
        assert status == -signal.SIGKILL
    assert 0 < arrived < size
    before = len(server.served)
    finished(to)
    again = server.served[before:]
    assert [served.name for served in again] == [PART_1, PART_2]
    assert again[0].range == f"bytes={arrived}-" and again[0].status == 206 and again[0].bytes_sent == size - arrived


def test_fetch_after_it_was_killed_while_unpacking(server, tmp_path):
    """What such a run leaves: archives, a folder that is half unpacked, and the note of a process that is gone."""
    to = tmp_path / "ham"
    server.misbehave(PART_2, "404")
    refused(to, PART_2)
    half = workshop(to) / "folder" / "HAM10000_images_part_1.unpacking"
    half.mkdir()
    (half / "half.jpg").write_bytes(b"half")
    (workshop(to) / "process").write_text("4194305")  # more than Linux' highest process number
    finished(to)
    assert not list(to.rglob("half.jpg"))


def test_fetch_after_it_was_killed_in_its_last_moment(server, tmp_path):
    """The folder has its name, but the archives are still there: they go."""
    to = tmp_path / "ham"
    finished(to)
    (workshop(to) / "archives").mkdir(parents=True)
    finished(to)


def test_fetch_beside_another_fetch(server, tmp_path):
    to = tmp_path / "ham"
    workshop(to).mkdir()
    (workshop(to) / "process").write_text(str(os.getppid()))
    refused(to, f"another fetch (process {os.getppid()}) is at work here", "wait for it or stop it")
    assert not server.served and (workshop(to) / "process").exists()


# --- other sources ---


def test_fetch_takes_the_images_from_the_mirror(server, tmp_path, monkeypatch):
    only(monkeypatch, dataverse(server), mirror(server))
    server.misbehave(PART_2, "404")
    done = finished(tmp_path / "ham")
    assert "Harvard Dataverse: HAM10000_images_part_2.zip: the server answered 404" in done.stderr
    assert (tmp_path / "ham" / "ISIC2018_Task3_Training_Input" / "LICENSE.txt").exists()
    assert not (tmp_path / "ham" / "HAM10000_images_part_1").exists()


def test_fetch_takes_the_test_images_from_the_mirror(server, tmp_path, monkeypatch):
    only(monkeypatch, dataverse(server), mirror(server))
    server.misbehave(TEST_IMAGES, "404")
    finished(tmp_path / "ham", "--with-test-set")
    test = data.load(tmp_path / "ham" / fetch.TEST_FOLDER, classes=None)
    assert len(test) == 4 and "ISIC_0035068" not in set(test["image_id"]), "this image has no lesion_id"


def test_fetch_goes_on_at_the_mirror(server, tmp_path, monkeypatch):
    """A mirror tells no checksum and no size in advance: the length it states is believed."""
    only(monkeypatch, dataverse(server), mirror(server))
    server.misbehave(PART_1, "404")
    server.misbehave(MIRRORED, "short")
    finished(tmp_path / "ham")
    assert [served.status for served in server.answers(MIRRORED)] == [200, 206]


def test_fetch_takes_a_refused_archive_of_a_mirror_anew(server, tmp_path, monkeypatch):
    """Without a checksum nothing else would tell the next run that the archive there is no good."""
    only(monkeypatch, dataverse(server), mirror(server))
    server.misbehave(PART_2, "404", "404")
    server.misbehave(MIRRORED, "page")
    refused(tmp_path / "ham", "ISIC archive: ISIC2018_Task3_Training_Input.zip: damaged, it cannot be unpacked")
    finished(tmp_path / "ham")
    assert len(server.answers(MIRRORED)) == 2


def test_fetch_says_why_each_source_failed(server, tmp_path, monkeypatch):
    only(monkeypatch, dataverse(server), mirror(server), kaggle())
    monkeypatch.setitem(sys.modules, "kagglehub", None)
    server.misbehave(PART_1, "404")
    server.misbehave(MIRRORED, "403")
    refused(tmp_path / "ham", "(Harvard Dataverse: ", " 404 ", "; ISIC archive: ", " 403 ", "; Kaggle: kagglehub: not")


def test_fetch_from_kaggle(server, tmp_path, monkeypatch, originals):
    """kagglehub is imitated: it gives a folder in its own cache, with every image twice, as Kaggle's archive has it."""
    cache = tmp_path / "kagglehub"
    for folder in ("HAM10000_images_part_1", "ham10000_images_part_1"):
        with zipfile.ZipFile(io.BytesIO(server.mirror[MIRRORED])) as archive:
            archive.extractall(cache / "skin-cancer-mnist-ham10000" / folder)
    (cache / "skin-cancer-mnist-ham10000" / METADATA).write_bytes(originals[0][METADATA])
    with zipfile.ZipFile(io.BytesIO(originals[0][MASKS])) as archive:
        archive.extractall(cache / "ham10000-lesion-segmentations")
    module = types.SimpleNamespace(dataset_download=lambda handle: str(cache / handle.split("/")[1]))
    monkeypatch.setitem(sys.modules, "kagglehub", module)
    monkeypatch.setenv("KAGGLE_API_TOKEN", "imitated")
    only(monkeypatch, kaggle())
    finished(tmp_path / "ham")
    assert len(list((tmp_path / "ham").rglob("*.jpg"))) == 12 and not server.served


@pytest.mark.parametrize("kept", ["kaggle.json", "access_token", None])
def test_fetch_asks_kaggle_only_with_a_key(tmp_path, monkeypatch, kept):
    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace())
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_USERNAME", "KAGGLE_KEY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    if kept:
        (tmp_path / kept).write_text("{}")
        assert unpacking.kagglehub() is sys.modules["kagglehub"]
    else:
        with pytest.raises(unpacking.SourceError, match="finds no key"):
            unpacking.kagglehub()


def test_fetch_when_kaggle_fails(server, tmp_path, monkeypatch):
    def fail(handle):
        raise RuntimeError("the rules have not been accepted")

    monkeypatch.setitem(sys.modules, "kagglehub", types.SimpleNamespace(dataset_download=fail))
    monkeypatch.setenv("KAGGLE_API_TOKEN", "imitated")
    only(monkeypatch, kaggle())
    refused(tmp_path / "ham", "Kaggle: kmader/", "the rules have not been accepted")


# --- wrong words ---


def test_fetch_of_an_unknown_data_set(tmp_path):
    done = CliRunner().invoke(__main__.app, ["fetch", "isic2019", "--to", str(tmp_path / "x")])
    assert done.exit_code == 1 and done.stderr == (
        "Error: isic2019: there is no data set of this name to fetch; there is ham10000\n"
    )


def test_fetch_to_a_file(server, tmp_path):
    (tmp_path / "ham").write_text("mine")
    refused(tmp_path / "ham", "this is a file", "nothing was touched", exists=True)
    assert (tmp_path / "ham").read_text() == "mine" and not workshop(tmp_path / "ham").exists()


def test_fetch_to_a_folder_below_a_file(server, tmp_path):
    (tmp_path / "file").write_text("mine")
    refused(tmp_path / "file" / "ham", "cannot be written (Not a directory)", "--to")


def test_fetch_to_a_folder_that_holds_something_else(server, tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    refused(tmp_path, "is there and is no complete data set", METADATA, "nothing was touched", exists=True)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"] and not server.served


def test_fetch_to_a_link_that_leads_nowhere(server, tmp_path):
    (tmp_path / "ham").symlink_to(tmp_path / "nowhere")
    refused(tmp_path / "ham", "there is no such folder", "nothing was touched")
    assert not server.served


def test_fetch_to_a_roundabout_path(server, tmp_path):
    assert run(tmp_path / "new" / ".." / "ham").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["ham"]


def test_fetch_to_the_root(server):
    refused(Path("/"), "is there and is no complete data set", exists=True)


def test_fetch_below_a_folder_that_may_not_be_written(server, tmp_path, monkeypatch):
    def forbid(path, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "mkdir", forbid)  # chmod would not stop a test that runs as root
    refused(tmp_path / "ham", "cannot be written (Permission denied)", "name a folder that you may write to with --to")
