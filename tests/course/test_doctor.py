"""Does the doctor find what is wrong, name the remedy, and keep quiet when all is well?"""

import hashlib
import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import offline
import pytest

from dermxai_helpers.course import doctor

GIGABYTE = 10**9
posix_only = pytest.mark.skipif(sys.platform == "win32", reason="uses what only POSIX systems have")


def lines(text: str, check: str) -> str:
    """The doctor's line about one check, with the remedy below it."""
    found = re.search(rf"^\w+ +{check} .*(\n +-> .*)?", text, re.MULTILINE)
    assert found, f"nothing about {check} in:\n{text}"
    return found.group()


def test_good_environment():
    done = offline.course("doctor")
    wrong = [line for line in done.stdout.splitlines() if line.startswith("problem")]
    assert done.returncode == 0, f"{wrong} {done.stderr}"
    assert wrong == [] and "Nothing stands in the way." in done.stdout


@posix_only
def test_no_ipywidgets(tmp_path):
    """A real environment that lacks the package: all of this one's site-packages but ipywidgets."""
    for packages in (Path(folder) for folder in sys.path if folder.endswith("site-packages")):
        for entry in packages.iterdir():
            if not entry.name.startswith("ipywidgets") and not (tmp_path / entry.name).exists():
                (tmp_path / entry.name).symlink_to(entry)
    code = "import sys; from dermxai_helpers.course import doctor; sys.exit(doctor.main())"
    shim = tmp_path / "python"  # the doctor starts Python itself: that one must not see the packages either
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    shim.chmod(0o755)
    code = f"import sys; sys.executable = {str(shim)!r}; {code}"
    path = os.pathsep.join([str(tmp_path), str(offline.REPOSITORY)])
    done = offline.python("-S", "-c", code, PYTHONPATH=path)
    assert done.returncode == 1, done.stderr
    assert "missing" in lines(done.stdout, "ipywidgets") and "pip install" in lines(done.stdout, "ipywidgets")
    assert [line.split()[1] for line in done.stdout.splitlines() if line.startswith("problem")] == ["ipywidgets"]


NMS = "RuntimeError('operator torchvision::nms does not exist')"  # what a torchvision of another make says


def test_mismatched_torchvision(tmp_path):
    """The shim stands in for its compiled part; what needs it fails with it, and is not blamed."""
    (tmp_path / "torchvision.py").write_text(f"raise {NMS}\n")
    done = offline.course("doctor", PYTHONPATH=str(tmp_path))
    assert done.returncode == 1, done.stderr
    (problem,) = [line for line in done.stdout.splitlines() if line.startswith("problem")]
    assert "torchvision::nms does not exist" in problem
    assert "--force-reinstall torch torchvision" in lines(done.stdout, "torchvision")


@pytest.mark.parametrize(
    ("name", "code", "words"),
    [
        ("timm", "raise ImportError('half of it is gone')", "half of it is gone"),
        ("pandas", "import no_such_module", "no_such_module"),
        ("scipy", "import os; os._exit(9)", "ends Python with status 9"),
    ],
)
def test_a_package_that_cannot_be_imported_is_blamed_alone(monkeypatch, tmp_path, name, code, words):
    """Its metadata are in order, and others that need it fail with it."""
    (tmp_path / f"{name}.py").write_text(f"{code}\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = list(doctor.imports(["numpy", "sacrebleu", "pandas", "scipy", "scikit-learn", "timm"]))
    assert {one.check for one in found} == {name} and words in found[0].found and name in found[0].remedy


@posix_only
def test_one_gigabyte_of_memory():
    """A real limit: the process may use 1 GB of addresses, which is too little to import torch."""
    import resource

    done = subprocess.run(
        [sys.executable, "-m", "dermxai_helpers", "doctor"],
        cwd=offline.REPOSITORY,
        env=offline.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (GIGABYTE, GIGABYTE)),
    )
    assert done.returncode == 1, done.stderr
    assert "1.0 GB" in lines(done.stdout, "memory") and "ulimit" in lines(done.stdout, "memory")


@pytest.mark.parametrize(("stated", "blocks"), [("1000000000", True), ("max", False), ("9223372036854771712", False)])
def test_memory_of_a_container(monkeypatch, tmp_path, stated, blocks):
    (tmp_path / "memory.max").write_text(f"{stated}\n")
    monkeypatch.setattr(doctor, "CONTAINER_LIMITS", (tmp_path / "memory.max", tmp_path / "absent"))
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(total=4 * GIGABYTE))
    found = doctor.memory()
    assert bool(found.remedy) == blocks and (not blocks or "docker run --memory 2g" in found.remedy)


@pytest.mark.parametrize(
    ("requirement", "verdict"),
    [
        ("numpy>=1.0", "ok"),
        ("numpy>=999", "problem"),
        ("numpy<1,>=0.5", "problem"),
        ("no-such-package>=1", "problem"),
        ("papermill>=999", "advice"),
        ("no-such-package>=1; extra == 'test'", "ok"),
    ],
)
def test_package(monkeypatch, requirement, verdict):
    monkeypatch.setattr(importlib.metadata, "requires", lambda name: [requirement])
    *wrong, last = doctor.packages()
    assert last.remedy == "" and doctor.table(wrong or [last]).startswith(verdict)


def test_models_are_those_whose_digests_are_stated():
    """Whoever trains the demo models again states the new digests in doctor.py."""
    for name, digest in doctor.MODELS.items():
        assert hashlib.sha256((doctor.ASSETS / name).read_bytes()).hexdigest() == digest


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 4545536\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "cannot be read"),
        (b"", "not what was published"),
        (POINTER, "only a pointer of git-lfs"),
        (b"some bytes changed", "not what was published"),
    ],
)
def test_damaged_models(monkeypatch, tmp_path, content, words):
    monkeypatch.setattr(doctor, "ASSETS", tmp_path)
    for name in doctor.MODELS:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        if content is not None:
            (tmp_path / name).write_bytes(content)
    *found, last = (one for one in doctor.models() if one.check == "models")
    assert [one.found.partition(" ")[0] for one in found] == [Path(name).name for name in doctor.MODELS]
    assert all(one.blocks and words in one.found and "git lfs pull" in one.remedy for one in found)
    assert last.found.startswith(f"0 of {len(doctor.MODELS)}")


def test_folder_that_cannot_be_written(monkeypatch, tmp_path):
    """Permissions would not stop a test that runs as root; a file where a folder should be does."""
    (tmp_path / "file").write_text("in the way")
    for variable, usual in (("SET", "~"), ("NOT_SET", tmp_path / "file" / "deep")):
        monkeypatch.setenv("SET", str(tmp_path / "file" / "deep"))
        found = doctor.room("cache", variable, usual, 1e9)
        assert found.blocks and variable in found.remedy and found.found.startswith("0.0 GB")
    assert doctor.room("cache", "NOT_SET", tmp_path / "not" / "yet", 1).remedy == ""


def test_course_not_installed(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "requires", absent)
    (found,) = doctor.packages()
    assert found.blocks and "make setup" in found.remedy


def test_tools_that_notebooks_do_without():
    """What the doctor only advises is what the Binder image leaves out."""
    project = tomllib.loads((offline.REPOSITORY / "pyproject.toml").read_text())
    packages = project["tool"]["dermxai"]["packages"]
    assert doctor.ONLY_FOR_RUNS == {name for name, package in packages.items() if package.get("binder") is False}
