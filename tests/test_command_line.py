"""Does the command line do what it says, and answer mistakes with a sentence?"""

import ast
import errno
import filecmp
import os
import sys

import offline
import pytest

HEAVY = ("torch", "torchvision", "timm", "transformers", "sklearn", "matplotlib", "papermill", "jupytext", "nbformat")


def refused(done, *words):
    """Exit status 1, one sentence on the error stream, no traceback."""
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr and done.stderr.startswith("Error: ")
    for word in words:
        assert word in done.stderr


def test_help_names_the_commands():
    done = offline.course("--help")
    assert done.returncode == 0
    for command in ("run", "draw", "fetch", "lab", "doctor"):
        assert command in done.stdout


def test_draw(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        done = offline.course("draw", str(folder), "--images", "6", "--seed", "4")
        assert done.returncode == 0, done.stderr
    compared = filecmp.dircmp(first, second)
    assert not compared.diff_files and not compared.left_only and "HAM10000_metadata.csv" in compared.same_files
    assert len(list(first.rglob("DRAWN_*.jpg"))) == 6


def test_draw_overwrites_nothing(tmp_path):
    refused(offline.course("draw", str(tmp_path)), "exists already")


def test_run_with_a_folder_that_is_not_there(tmp_path):
    refused(offline.course("run", "--data", str(tmp_path / "nowhere")), "no such folder")


def test_run_with_an_unfit_folder(tmp_path):
    refused(offline.course("run", "--data", str(tmp_path)), "HAM10000_metadata.csv")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--tier", "huge"], ["huge", "smoke, demo, ham10000"]),
        (["--tier", "ham10000"], ["needs a folder"]),
        (["--unit", "99"], ["no unit 99", "00_start_here"]),
        (["--unit", "01", "--seed", "-1"], ["seed is -1", "from 0 to 2000000000"]),
    ],
)
def test_run_with_wrong_words(arguments, words):
    refused(offline.course("run", *arguments), *words)


def test_run_data_asks_for_the_real_tier(monkeypatch, tmp_path):
    from typer.testing import CliRunner

    from dermxai_helpers import __main__, course

    calls = []
    monkeypatch.setattr(course, "run", lambda *arguments: calls.append(arguments) or tmp_path)
    arguments = ["run", "--data", str(tmp_path), "--unit", "03", "--unit", "04", "--seed", "7"]
    done = CliRunner().invoke(__main__.app, arguments)
    assert done.exit_code == 0 and str(tmp_path / "report.html") in done.output
    assert calls == [("ham10000", tmp_path, ["03", "04"], 7, 1, None)]


def test_interrupted_run_says_so(monkeypatch):
    from typer.testing import CliRunner

    from dermxai_helpers import __main__, course

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(course, "run", interrupted)
    done = CliRunner().invoke(__main__.app, ["run"])
    assert done.exit_code == 130 and "keep their results" in done.output


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "No space left"), (errno.EROFS, "Read-only"), (errno.EACCES, "Permission"), (errno.EIO, "/there")],
)
def test_what_the_system_refuses_is_a_sentence(monkeypatch, number, words):
    from typer.testing import CliRunner

    from dermxai_helpers import __main__, course

    def refusing(*arguments):
        raise OSError(number, os.strerror(number), "/there/demo")

    monkeypatch.setattr(course, "run", refusing)
    done = CliRunner().invoke(__main__.app, ["run"])
    assert done.exit_code == 1 and words in done.output and done.output.startswith("Error: ")
    assert "/there/demo" in done.output and "--out" in done.output and "DERMXAI_BUILD" in done.output


def test_results_where_no_folder_can_be_made(tmp_path):
    (tmp_path / "file").write_text("in the way")
    refused(offline.course("run", "--unit", "01", "--out", str(tmp_path / "file")), str(tmp_path / "file"), "--out")


def test_lab_opens_the_notebooks(monkeypatch):
    from typer.testing import CliRunner

    from dermxai_helpers import __main__

    calls = []
    monkeypatch.setattr(__main__.subprocess, "call", lambda command: calls.append(command) or 3)
    assert CliRunner().invoke(__main__.app, ["lab"]).exit_code == 3
    assert calls == [[sys.executable, "-m", "jupyterlab", offline.REPOSITORY / "notebooks"]]


def test_an_old_python_is_told_what_it_is():
    """It must be able to read the two files that come before the sentence, and to run the first."""
    for name in ("__init__.py", "__main__.py"):
        text = (offline.REPOSITORY / "dermxai_helpers" / name).read_text(encoding="utf-8")
        tree = ast.parse(text, feature_version=(3, 8))
        returned = [node.returns for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        assert name != "__init__.py" or not any(isinstance(node, ast.Subscript) for node in returned), "not before 3.9"
    code = "import runpy, sys; sys.version_info, sys.version = (3, 8, 10), '3.8.10 (default)'; "
    code += "runpy.run_module('dermxai_helpers', run_name='__main__')"
    done = offline.python("-c", code)
    assert done.returncode == 1 and done.stderr.startswith(
        "Error: the course needs Python 3.11 or newer, and this is 3.8.10"
    )


def test_doctor_without_typer(tmp_path):
    """The doctor must come where other things are broken."""
    (tmp_path / "typer.py").write_text("raise ImportError('broken')\n")
    done = offline.course("doctor", PYTHONPATH=str(tmp_path))
    assert "memory" in done.stdout and "Traceback" not in done.stderr


def modules_after(code):
    """The names of all modules that are loaded after this code has run in a fresh Python."""
    done = offline.python("-c", f"{code}; import sys; print(*sys.modules)")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_is_cheap():
    assert "numpy" not in modules_after("import dermxai_helpers")
    rooms = "data, synth, lexicon, scoring, regions, course"
    code = f"from dermxai_helpers import {rooms}; from dermxai_helpers.course import doctor"
    assert not modules_after(code) & set(HEAVY)
    assert "sklearn" not in modules_after("from dermxai_helpers import widgets"), "50 MB that most units do not need"


def test_unknown_room():
    import dermxai_helpers

    with pytest.raises(AttributeError, match="no room named 'kitchen'"):
        dermxai_helpers.kitchen  # noqa: B018
    assert "gradcam" in dir(dermxai_helpers)
