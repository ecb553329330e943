"""Writes the conda environments, with a reason for every package: `make environment`.

They are `environment.yml` (for people) and `binder/environment.yml` (for Binder's 2 GB machines: CPU builds, no tools)
made from `pyproject.toml`, so that the three cannot drift apart.
"""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement

BINDER_PYTHON = "python=3.12"  # Binder's base image takes its Python from this line and is too old without it
HEADER = "# Written by `make environment` from pyproject.toml; change that file, not this one.\n"


def write(root: Path) -> list[Path]:
    """Write both environment files of the checkout at `root`; returns their paths."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    files = {"environment.yml": desktop_file(project), "binder/environment.yml": binder_file(project)}
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    return [root / name for name in files]


def desktop_file(project: dict) -> str:
    """The text of environment.yml: every package of the course and of its tests.

    project : the content of pyproject.toml
    """
    advice = "#   conda env create -f environment.yml && conda activate dermxai && pip install --no-deps -e .\n"
    wanted = project["project"]["dependencies"] + project["project"]["optional-dependencies"]["test"]
    python = f"python{project['project']['requires-python']}"
    return HEADER + advice + environment(project, wanted, python, binder=False)


def binder_file(project: dict) -> str:
    """The text of binder/environment.yml: what a notebook needs to run, with CPU builds.

    project : the content of pyproject.toml
    """
    advice = "# Binder reads this folder only; binder/postBuild adds the course itself.\n"
    return HEADER + advice + environment(project, project["project"]["dependencies"], BINDER_PYTHON, binder=True)


def environment(project: dict, requirements: list[str], python: str, binder: bool) -> str:
    """One conda environment as YAML, a comment on every package saying why it is there."""
    reasons = project["tool"]["dermxai"]["packages"]
    by_conda, by_pip = [], []
    for requirement in sorted(requirements):
        name = Requirement(requirement).name
        if name not in reasons:
            raise ValueError(f"pyproject.toml needs {name} but gives no reason: add it to [tool.dermxai.packages]")
        package = reasons[name]
        if binder and package.get("binder") is False:
            continue
        conda_name = package.get("binder" if binder else "conda") or package.get("conda", name)
        target = by_pip if package.get("pip") else by_conda
        target.append((conda_name + requirement.removeprefix(name), package["why"]))
    conda_lines = [line(python, "the language", 2), *(line(text, why, 2) for text, why in by_conda)]
    pip_lines = [line("pip", "installs what is below, and the course", 2), "  - pip:"]
    pip_lines += [line(text, why, 6) for text, why in by_pip]
    return "\n".join(["name: dermxai", "channels:", "  - conda-forge", "dependencies:", *conda_lines, *pip_lines, ""])


def line(text: str, why: str, indent: int) -> str:
    """One entry of a YAML list with its reason as a comment."""
    return f"{' ' * indent}- {text}".ljust(40) + f"  # {why}"


if __name__ == "__main__":
    for path in write(Path(__file__).parents[1]):
        print(f"wrote {path}")
