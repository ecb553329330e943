"""Fetching HAM10000 from a server that misbehaves: one sentence, no half-made folder, and the next run goes on."""

import errno
import hashlib
import io
import os
import signal
import stat
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import offline
import pytest
from click.testing import Result
from misbehaving_server import Repository
from typer.testing import CliRunner

from dermxai_helpers import __main__, data, files, synth
from dermxai_helpers.data import fetch

METADATA, MASKS, PART_1, PART_2 = fetch.ORIGINALS


def zipped(members: dict[str | zipfile.ZipInfo, bytes], **options) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", **options) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def originals(tmp_path_factory) -> dict[str, bytes]:
    """Twelve drawn lesions packed as HAM10000 is packed."""
    drawn = synth.write_folder(tmp_path_factory.mktemp("payload") / "drawn", 12, seed=0, progress=False)
    pictures = {path.name: path.read_bytes() for path in sorted(drawn.glob("*/*.jpg"))}
    names = list(pictures)
    top = MASKS.removesuffix(".zip")
    masks = {f"{top}/{path.name}": path.read_bytes() for path in drawn.glob(f"{top}/*.png")}
    return {
        METADATA: (drawn / METADATA).read_bytes(),
        MASKS: zipped(masks | {f"__MACOSX/{top}/._{names[0]}": b"a Mac's leftover"}),
        PART_1: zipped({name: pictures[name] for name in names[:6]}),
        PART_2: zipped({name: pictures[name] for name in names[6:]}),
    }


@pytest.fixture
def server(originals, monkeypatch):
    """A healthy repository, and no time lost between attempts."""
    numbers = {name: number.partition("?")[0] for name, (_, number) in fetch.ORIGINALS.items()}
    repository = Repository({numbers[name]: (name, content) for name, content in originals.items()})
    checksums = {name: f"md5:{hashlib.md5(content).hexdigest()}" for name, content in originals.items()}
    known = {name: (checksums[name], number) for name, (_, number) in fetch.ORIGINALS.items()}
    monkeypatch.setattr(fetch, "SERVER", repository.url)
    monkeypatch.setattr(fetch, "ORIGINALS", known)
    monkeypatch.setattr(fetch.pooch.core.time, "sleep", lambda seconds: None)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield repository
    repository.stop()


def run(to: Path) -> Result:
    """The command line, in this process."""
    return CliRunner().invoke(__main__.app, ["fetch", "ham10000", "--to", str(to)])


def finished(to: Path) -> Result:
    """A run that ends well: the folder loads, and nothing hidden is left beside it."""
    done = run(to)
    assert done.exit_code == 0, done.output
    assert len(data.load(to)) == 12 and (data.load(to)["mask_path"] != "").all()
    assert not list(to.parent.glob(".*"))
    return done


def refused(to: Path, *words: str, exists: bool = False) -> None:
    """A run that ends with one sentence that holds these words, and without the folder."""
    done = run(to)
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit), done.output
    sentence = done.stderr.rstrip().splitlines()[-1]
    assert sentence.startswith("Error: ") and done.stderr.count("Error: ") == 1
    for word in words:
        assert word in sentence
    assert to.exists() == exists


def workshop(to: Path) -> Path:
    return to.with_name(f".{to.name}-unfinished")


def asked_for(server: Repository, before: int = 0) -> list[str]:
    return [served.name for served in server.served[before:]]


# --- all is well ---


def test_fetch_makes_a_folder_of_the_originals_that_loads(server, tmp_path, originals):
    to = tmp_path / "ham"
    done = finished(to)
    assert str(to) in done.stdout and done.stderr.count("CC BY-NC 4.0") == 1
    assert asked_for(server) == [METADATA, MASKS, PART_1, PART_2]
    assert sorted(path.name for path in to.iterdir()) == sorted(name.removesuffix(".zip") for name in originals)
    assert (to / METADATA).read_bytes() == originals[METADATA]
    with zipfile.ZipFile(io.BytesIO(originals[PART_2])) as archive:
        for name in archive.namelist():
            assert (to / "HAM10000_images_part_2" / name).read_bytes() == archive.read(name)


def test_fetch_of_what_is_there_asks_nobody(server, tmp_path):
    finished(tmp_path / "ham")
    workshop(tmp_path / "ham").mkdir()  # of a run that was killed in its last moment
    before = len(server.served)
    finished(tmp_path / "ham")
    assert len(server.served) == before


def test_fetch_into_an_empty_folder_and_into_the_cache(server, tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    finished(tmp_path / "empty")
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path / "cache"))
    assert CliRunner().invoke(__main__.app, ["fetch", "ham10000"]).exit_code == 0
    assert len(data.load(tmp_path / "cache" / "ham10000")) == 12


# --- the line ---


@pytest.mark.parametrize("fault", ["drop", "short"])
def test_fetch_goes_on_where_the_connection_broke(server, tmp_path, fault):
    server.misbehave(PART_1, fault)
    finished(tmp_path / "ham")
    first, second = server.answers(PART_1)
    start = int(second.range.removeprefix("bytes=").removesuffix("-"))
    assert 0 < start <= first.bytes_sent and second.bytes_sent == len(server.files["3172585"][1]) - start


def test_fetch_stops_when_the_connection_keeps_breaking_and_goes_on_later(server, tmp_path):
    to, size = tmp_path / "ham", len(server.files["3172585"][1])
    server.misbehave(PART_1, "short", *["503"] * fetch.RETRIES)
    refused(to, PART_1, "the server answered 503", "Kaggle: kmader/", str(workshop(to)), "run the same")
    arrived = (workshop(to) / f"{PART_1}.part").stat().st_size
    before = len(server.served)
    finished(to)
    assert asked_for(server, before) == [PART_1, PART_2], "finished archives were fetched again"
    assert server.served[before].range == f"bytes={arrived}-" and server.served[before].bytes_sent == size - arrived


def test_fetch_from_a_server_that_knows_no_ranges(server, tmp_path):
    server.misbehave(PART_1, "short", "no range")
    finished(tmp_path / "ham")
    assert server.answers(PART_1)[1].bytes_sent == len(server.files["3172585"][1])


@pytest.mark.parametrize("extra", [0, 1])
def test_fetch_lets_the_checksum_judge_a_part_that_is_long_enough(server, tmp_path, extra):
    """Killed just before the file got its name, or a beginning of something else."""
    workshop(tmp_path / "ham").mkdir()
    part = server.files["3172585"][1] if not extra else bytes(len(server.files["3172585"][1]) + extra)
    (workshop(tmp_path / "ham") / f"{PART_1}.part").write_bytes(part)
    finished(tmp_path / "ham")
    assert [served.status for served in server.answers(PART_1)] == [416, 206][: 1 + extra]


def test_fetch_from_a_server_that_states_an_odd_length(server, tmp_path):
    server.misbehave(PART_1, "odd length")
    finished(tmp_path / "ham")
    assert len(server.answers(PART_1)) == 1


def test_fetch_refuses_a_wrong_checksum(server, tmp_path):
    to = tmp_path / "ham"
    server.misbehave(PART_1, *["wrong bytes"] * (fetch.RETRIES + 1))
    refused(to, PART_1, "does not match the known hash")
    assert not list(workshop(to).glob(f"{PART_1}*"))
    finished(to)


def test_fetch_when_nobody_answers(server, tmp_path):
    server.stop()
    refused(tmp_path / "ham", METADATA, "cannot be had from Harvard Dataverse")


def test_fetch_when_the_server_falls_silent(server, tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "TIMEOUT", 1)
    server.misbehave(PART_1, "stall")
    finished(tmp_path / "ham")
    assert server.answers(PART_1)[1].range != "bytes=0-"


# --- archives ---


def linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info


def damaged() -> bytes:
    """An archive in which one byte differs from what its CRC-32 says."""
    content = bytearray(zipped({"a.jpg": bytes(1000)}))
    content[500] ^= 1
    return bytes(content)


def shifted() -> bytes:
    """An archive whose last record claims that ten bytes are missing: Python seeks to before the file's start."""
    content = bytearray(zipped({"a.jpg": b""}))
    end = content.rindex(b"PK\x05\x06")
    content[end + 16] += 10  # where the directory begins
    return bytes(content)


def encrypted() -> bytes:
    content = bytearray(zipped({"a.jpg": b"secret"}))
    for start in (6, content.index(b"PK\x01\x02") + 8):  # the flags of the member, and of its entry in the directory
        content[start] |= 1
    return bytes(content)


UNSAFE = {
    "up": (zipped({"a.jpg": b"", "../evil.jpg": b""}), "leads out of the folder"),
    "up inside": (zipped({"a.jpg": b"", "pictures/../../evil.jpg": b""}), "leads out of the folder"),
    "up on Windows": (zipped({"a.jpg": b"", "..\\evil.jpg": b""}), "leads out of the folder"),
    "absolute": (zipped({"a.jpg": b"", "/etc/evil.jpg": b""}), "leads out of the folder"),
    "drive": (zipped({"a.jpg": b"", "C:evil.jpg": b""}), "leads out of the folder"),
    "link": (zipped({"a.jpg": b"", linked("evil.jpg"): b"/etc/passwd"}), "leads out of the folder"),
    "bomb": (zipped({"a.jpg": bytes(fetch.SMALL + 1)}, compression=zipfile.ZIP_DEFLATED), "it claims to unpack to"),
    "damaged": (damaged(), "damaged, it cannot be unpacked (Bad CRC-32"),
    "no archive": (b"<html>maintenance</html>", "damaged, it cannot be unpacked (File is not a zip file)"),
    "file and folder": (zipped({"x": b"", "x/y": b""}), "cannot be written"),
    "folder and file": (zipped({"x/y": b"", "x": b""}), "cannot be written"),
    "long name": (zipped({"a" * 300 + ".jpg": b""}), "cannot be written"),
    "letters that are none": (zipped({"\u00e4.jpg": b""}).replace(b"\xc3\xa4", b"\xff\xfe"), "damaged, it cannot be"),
    "ten bytes short": (shifted(), "cannot be written"),
    "encrypted": (encrypted(), "damaged, it cannot be unpacked"),
}


@pytest.mark.parametrize(("content", "words"), UNSAFE.values(), ids=UNSAFE)
def test_nothing_of_an_unsafe_archive_is_unpacked(tmp_path, content, words):
    archive = tmp_path / "a.zip"
    archive.write_bytes(content)
    with pytest.raises(files.DataError) as caught:
        fetch.unpack(archive, tmp_path / "inner" / "a")
    assert words in str(caught.value)
    assert not list(tmp_path.rglob("*.jpg")) and not (tmp_path / "inner" / "a").exists()


# --- the disk ---


class FullDisk(io.FileIO):
    """A file on a disk that is full after 40,000 bytes."""

    def write(self, content) -> int:
        if self.tell() + len(content) > 40_000:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), self.name)
        return super().write(content)


def test_fetch_when_the_disk_fills_up(server, tmp_path, monkeypatch):
    to, size = tmp_path / "ham", len(server.files["3172585"][1])
    with monkeypatch.context() as patch:
        patch.setattr(fetch, "open", FullDisk, raising=False)
        refused(to, f"{PART_1}.part", "No space left on device", "what had arrived is kept")
    arrived = (workshop(to) / f"{PART_1}.part").stat().st_size
    assert 0 < arrived < size
    finished(to)
    assert server.answers(PART_1)[-1].range == f"bytes={arrived}-"


# --- stopped from outside ---

COMMAND = """
import sys
from dermxai_helpers import __main__
from dermxai_helpers.data import fetch
fetch.SERVER, fetch.ORIGINALS = sys.argv[1], eval(sys.argv[3])
__main__.app(["fetch", "ham10000", "--to", sys.argv[2]])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals to a process")
@pytest.mark.parametrize("by", ["SIGKILL", "SIGINT"])
def test_fetch_goes_on_after_it_was_stopped(server, tmp_path, by):
    to, size = tmp_path / "ham", len(server.files["3172585"][1])
    part = workshop(to) / f"{PART_1}.part"
    server.misbehave(PART_1, "stall")
    command = [sys.executable, "-c", COMMAND, server.url, str(to), repr(fetch.ORIGINALS)]
    process = subprocess.Popen(
        command, cwd=offline.REPOSITORY, env=offline.environment(), stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # background jobs start deaf to it
    )  # fmt: skip
    assert server.stalled.wait(60)
    deadline = time.monotonic() + 20
    while not (part.exists() and part.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(getattr(signal, by))
    _, said = process.communicate(timeout=30)
    assert not to.exists() and "Traceback" not in said
    if by == "SIGINT":
        assert process.returncode == 130 and "Stopped. What had arrived is kept" in said
    arrived, before = part.stat().st_size, len(server.served)
    assert 0 < arrived < size
    finished(to)
    assert asked_for(server, before) == [PART_1, PART_2]
    assert server.served[before].range == f"bytes={arrived}-"


# --- wrong words ---


def test_fetch_of_an_unknown_data_set(tmp_path):
    done = CliRunner().invoke(__main__.app, ["fetch", "isic2019", "--to", str(tmp_path / "x")])
    assert done.exit_code == 1 and done.stderr == (
        "Error: isic2019: there is no data set of this name to fetch; there is ham10000\n"
    )


def test_fetch_leaves_alone_what_is_there(server, tmp_path):
    (tmp_path / "file").write_text("mine")
    refused(tmp_path / "file", "this is a file", exists=True)
    refused(tmp_path / "file" / "ham", "cannot be written (Not a directory: ", "--to")
    refused(tmp_path, "there is no file HAM10000_metadata.csv", exists=True)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    refused(tmp_path / "link", "there is no such folder")
    refused(Path("/"), "there is no file HAM10000_metadata.csv", exists=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "link"] and not server.served


def test_fetch_below_a_folder_that_may_not_be_written(server, tmp_path, monkeypatch):
    def forbid(path, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(os, "mkdir", forbid)  # chmod would not stop a test that runs as root
    refused(tmp_path / "ham", "cannot be written (Permission denied: ", "name another folder with --to")
