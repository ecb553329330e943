"""Do pyproject.toml, the lock, the two environment files and the Binder folder agree?"""

import os
import re
import subprocess
import sys
import tomllib

import pytest
import yaml
from offline import REPOSITORY, environment, script
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

generator = script(".ci/environment.py")

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
DEPENDENCIES = PROJECT["project"]["dependencies"]
TESTS = PROJECT["project"]["optional-dependencies"]["test"]
PACKAGES = PROJECT["tool"]["dermxai"]["packages"]
LOCK = (REPOSITORY / "requirements.lock").read_text()


def packages(name: str) -> dict[str, str]:
    """Package name -> bounds of one environment file, conda's and pip's together."""
    content = yaml.safe_load((REPOSITORY / name).read_text())
    assert content["channels"] == ["conda-forge"]
    entries = [entry for entry in content["dependencies"] if isinstance(entry, str)]
    (by_pip,) = [entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict)]
    assert "pip" in entries
    return dict(re.match(r"([\w.-]+)(.*)", entry).groups() for entry in entries + by_pip)


def test_files_are_what_pyproject_gives():
    advice = "run `make environment`"
    assert (REPOSITORY / "environment.yml").read_text() == generator.desktop_file(PROJECT), advice
    assert (REPOSITORY / "binder" / "environment.yml").read_text() == generator.binder_file(PROJECT), advice


def test_environment_holds_every_package_with_its_bounds():
    found = packages("environment.yml")
    for requirement in DEPENDENCIES + TESTS:
        name = Requirement(requirement).name
        assert found[PACKAGES[name].get("conda", name)] == requirement.removeprefix(name)
    assert len(found) == len(DEPENDENCIES + TESTS) + 2  # Python and pip


def test_binder_is_part_of_the_environment_with_equal_bounds():
    whole, part = packages("environment.yml"), packages("binder/environment.yml")
    part["pytorch"] = part.pop("pytorch-cpu")
    assert part.pop("python") == "=3.12"
    whole.pop("python")
    assert part.items() <= whole.items()
    assert not {"nbval", "pytest", "papermill", "jupyter-repo2docker"} & set(part)


def test_every_line_says_why():
    for name in ("environment.yml", "binder/environment.yml"):
        lines = (REPOSITORY / name).read_text().splitlines()
        entries = [line for line in lines if re.match(r" +- (?!conda-forge|pip:)", line)]
        assert entries and all(re.search(r"  # \w", entry) for entry in entries)


def test_no_reason_for_packages_that_are_gone():
    assert set(PACKAGES) == {Requirement(text).name for text in DEPENDENCIES + TESTS}


def test_package_without_reason():
    project = {"tool": {"dermxai": {"packages": {}}}}
    with pytest.raises(ValueError, match="needs numpy but gives no reason"):
        generator.environment(project, ["numpy>=2"], "python", binder=False)


def test_lock_pins_what_pyproject_asks_for():
    pins = dict(re.findall(r"^([\w.-]+)==([\w.+]+)", LOCK, re.MULTILINE))
    for requirement in map(Requirement, DEPENDENCIES + TESTS):
        assert pins[requirement.name] in SpecifierSet(str(requirement.specifier)), requirement
    assert "+" not in pins["torch"] + pins["torchvision"], "a local version would bind everybody to one index"


def test_lock_names_no_index_and_no_machine():
    for line in LOCK.splitlines():
        assert re.fullmatch(r"[\w.-]+==[\w.]+( ; [^/]*)?|    # via.*|    #   [\w.-]+.*|#.*", line), line
    assert not re.search(r"https?:|file:|@|--index|--find-links|(?<!\w)/\w", LOCK)


def test_cpu_backend_leaves_the_cuda_packages_out():
    """The Makefile's own filter over the lock: nothing of CUDA stays, nothing else goes."""
    makefile = (REPOSITORY / "Makefile").read_text()
    pattern = re.search(r"grep -vE '([^']+)' requirements.lock", makefile).group(1)
    dropped = {line.split("==")[0] for line in LOCK.splitlines() if re.match(pattern, line)}
    assert dropped and all(name.startswith(("nvidia-", "cuda-")) or name == "triton" for name in dropped)
    assert "torch" not in dropped


@pytest.mark.skipif(sys.platform == "win32", reason="Binder is Linux, and so are its scripts")
def test_binder_scripts():
    for name in ("postBuild", "start"):
        assert os.access(REPOSITORY / "binder" / name, os.X_OK)
    build = (REPOSITORY / "binder" / "postBuild").read_text().splitlines()
    assert build[0] == "#!/bin/bash" and "set -e" in build and build[-1].endswith("--no-deps .")
    command = [REPOSITORY / "binder" / "start", "sh", "-c", "echo $OMP_NUM_THREADS"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == "2\n"


def test_repo2docker_reads_the_binder_folder():
    pytest.importorskip("repo2docker", reason="jupyter-repo2docker is not installed")
    command = [sys.executable, "-m", "repo2docker", "--no-build", "--debug", "."]
    done = subprocess.run(command, cwd=REPOSITORY, env=environment(), capture_output=True, text=True, timeout=120)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "binder/environment.yml" in said and "postBuild" in said
    assert re.search(r"python[ =]*3\.12|py3\.12|-3\.12", said), "Binder must take the Python of binder/environment.yml"


def test_continuous_integration_runs_the_tests():
    script = REPOSITORY / ".ci" / "run"
    assert os.access(script, os.X_OK) and script.read_text().rstrip().endswith("make test")
