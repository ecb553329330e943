"""Does the doctor find what is wrong, name the remedy, and keep quiet when all is well?"""

import importlib.metadata
import os
import re
import resource
import subprocess
import sys
import tomllib
from pathlib import Path

import offline
import pytest

from dermxai_helpers.course import doctor

GIGABYTE = 10**9


def lines(text: str, check: str) -> str:
    """The doctor's line about one check, with the remedy below it."""
    found = re.search(rf"^\w+ +{check} .*(\n +-> .*)?", text, re.MULTILINE)
    assert found, f"nothing about {check} in:\n{text}"
    return found.group()


def finding(check):
    """What the doctor finds about one of the machine's resources."""
    return next(found for found in doctor.resources() if found.check == check)


def test_good_environment():
    done = offline.course("doctor")
    wrong = [line for line in done.stdout.splitlines() if line.startswith("problem")]
    assert done.returncode == 0, f"{wrong} {done.stderr}"
    assert wrong == [] and "Nothing stands in the way." in done.stdout


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
    assert lines(done.stdout, "widgets").startswith("problem")
    assert lines(done.stdout, "torch").startswith("ok")


def test_mismatched_torchvision(tmp_path):
    """A torchvision of another make fails at import with this message; the shim stands in for its compiled part."""
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')\n")
    done = offline.course("doctor", PYTHONPATH=str(tmp_path))
    said = lines(done.stdout, "torch")
    assert done.returncode == 1 and said.startswith("problem"), done.stderr
    assert "torchvision::nms does not exist" in said and "--force-reinstall torch torchvision" in said


def test_one_gigabyte_of_memory():
    """A real limit: the process may use 1 GB of addresses, which is too little to import torch."""
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
    monkeypatch.setattr("os.sysconf", lambda name: {"SC_PAGE_SIZE": 4096}.get(name, 10**6))
    found = finding("memory")
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


def test_missing_models(monkeypatch, tmp_path):
    monkeypatch.setattr(doctor, "ASSETS", tmp_path)
    found = finding("demo models")
    assert found.blocks and found.remedy and "vit_demo.safetensors" in found.found


def test_unwritable_cache(monkeypatch, tmp_path):
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path / "deep" / "down"))
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # the superuser may write anywhere
    found = finding("cache")
    assert found.blocks and "DERMXAI_CACHE" in found.remedy


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
