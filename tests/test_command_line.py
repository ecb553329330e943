"""Does the command line do what it says, and answer mistakes with a sentence?"""

import filecmp

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
    for command in ("run", "draw", "fetch", "doctor"):
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


def test_unknown_room():
    import dermxai_helpers

    with pytest.raises(AttributeError, match="no room named 'kitchen'"):
        dermxai_helpers.kitchen  # noqa: B018
    assert "gradcam" in dir(dermxai_helpers)
