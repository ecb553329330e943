"""The ground floor: files complete or not there, faults as sentences, the cache folder, the progress bar."""

import ast
from pathlib import Path

import pytest

from dermxai_helpers import files

PACKAGE = Path(files.__file__).parent


def test_write_atomically_keeps_the_old_file_when_the_writer_fails(tmp_path):
    path = tmp_path / "deep" / "table.csv"
    files.write_atomically(path, lambda unfinished: unfinished.write_text("old"))

    def interrupted(unfinished: Path) -> None:
        assert unfinished.suffix == ".csv" and unfinished.parent.parent == path.parent
        unfinished.write_text("half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        files.write_atomically(path, interrupted)
    assert path.read_text() == "old"
    files.write_atomically(path, lambda unfinished: unfinished.write_text("new"))
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


class FullDisk(Exception):
    """As safetensors reports a full disk: its error is no OSError."""


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), FullDisk("I/O error: (os error 28)")])
def test_a_full_disk_is_a_sentence_and_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "table.csv"
    path.write_text("old")

    def full(unfinished: Path) -> None:
        unfinished.write_text("half")
        raise error

    with pytest.raises(files.DataError, match=r"table.csv: cannot be written \(.*(No space|error 28).*\): free some"):
        files.write_atomically(path, full)
    with pytest.raises(files.DataError, match="cannot be written"):
        files.write_atomically(path / "below" / "a file.csv", lambda unfinished: unfinished.write_text("new"))
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_other_errors_of_a_writer_stay_what_they_are(tmp_path):
    with pytest.raises(TypeError):
        files.write_atomically(tmp_path / "x", lambda unfinished: 1 + "a")


def test_a_folder_is_complete_or_not_there(tmp_path):
    for name in ("x", "y" * 250):
        with files.unfinished(tmp_path / name) as place:
            place.mkdir()
            assert not (tmp_path / name).exists()
        assert (tmp_path / name).is_dir() and not place.exists()
    with pytest.raises(KeyError), files.unfinished(tmp_path / "z") as place:
        (place / "deep").mkdir(parents=True)
        raise KeyError
    assert not place.exists() and not (tmp_path / "z").exists()


def test_names_that_are_not_utf_8_can_be_printed(tmp_path):
    error = files.DataError(tmp_path / "f\udcfcr.jpg", ["is broken"])
    assert str(error).encode().endswith(b"f\\udcfcr.jpg: is broken") and files.listed(["\udcfc"]) == r"\udcfc"


def test_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path / "a" / "b"))
    assert files.cache_folder() == tmp_path / "a" / "b" and files.cache_folder().is_dir()
    (tmp_path / "file").touch()
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path / "file" / "b"))
    with pytest.raises(files.DataError, match="DERMXAI_CACHE"):
        files.cache_folder()


def test_one_problem_is_one_line_and_several_are_a_list():
    assert str(files.DataError("a", ["is broken"])) == "a: is broken"
    assert str(files.DataError("a", ["one", "two"])) == "a has 2 problems:\n  - one\n  - two"
    assert files.counted(1, "image") == "1 image" and files.counted(1113, "image") == "1,113 images"
    assert files.listed("abcdefg") == "a, b, c, d, e and 2 more"


@pytest.mark.parametrize(
    ("shown", "quiet", "seen"), [(True, "", True), (False, "", False), (True, "1", False), (False, "1", False)]
)
def test_progress_is_shown_when_asked_for_and_not_silenced(capsys, monkeypatch, shown, quiet, seen):
    monkeypatch.setenv("TQDM_DISABLE", quiet)
    assert list(files.progress(range(3), "drawing lesions", shown=shown)) == [0, 1, 2]
    with files.progress(2, "training", "epoch", shown, initial=1) as bar:
        bar.update()
    said = capsys.readouterr().err
    assert ("drawing lesions" in said) == ("2/2" in said and "epoch" in said) == seen


POSIX_MODULES = {"resource", "fcntl", "termios", "pwd", "grp", "pty"}
POSIX_NAMES = {"sysconf", "geteuid", "getuid", "fork", "mkfifo", "kill", "killpg", "SIGKILL", "pthread_kill", "chown"}


@pytest.mark.parametrize("room", ["files", "data", "synth", "training", "road"])
def test_the_room_calls_nothing_that_windows_does_not_have(room):
    for path in sorted([*PACKAGE.glob(f"{room}.py"), *PACKAGE.glob(f"{room}/*.py")]):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import) else set()
            names |= {node.attr} if isinstance(node, ast.Attribute) else set()
            assert not names & (POSIX_MODULES | POSIX_NAMES), f"{path.name}, line {node.lineno}"
