"""Gives the course a version: `python .ci/release.py 0.2.0`; then commit, and set the tag `v0.2.0`.

Badges, links in the sources and what Colab installs name a tagged release, never a branch that moves. This command
writes the version wherever it stands and brings the notebooks in line; they keep their outputs.
"""

import re
import sys
import tomllib
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import notebooks
from dermxai_helpers.course.units import CourseError
from dermxai_helpers.files import write_atomically

VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
STATED = {  # the one line of a file that states the version
    "pyproject.toml": re.compile(r'^(version = ")[^"]+(")$', re.MULTILINE),
    "CITATION.cff": re.compile(r'^(version: ")[^"]+(")$', re.MULTILINE),
    "dermxai_helpers/__init__.py": re.compile(r'^(__version__ = ")[^"]+(")$', re.MULTILINE),
}
LINKS = re.compile(r"(github(?:\.com)?/dermxai/dermxai/(?:blob|tree)/|mybinder\.org/v2/gh/dermxai/dermxai/)[^/?\s)]+")
INSTALLED = re.compile(r'(git\+https://github\.com/dermxai/dermxai)(?:@[^"]*)?(?=")')


def release(root: Path, version: str) -> list[Path]:
    """Write a version into the checkout at `root`; returns the files that changed.

    Raises CourseError, before anything is written, for what is no X.Y.Z, for a version lower than the present one and
    for a file that has lost its line; and last, for a notebook that is older than the code of its source: write that
    notebook, then give the same command again.
    """
    if not VERSION.fullmatch(version):
        raise CourseError(f"{version!r} is no version: three whole numbers are wanted, such as 0.2.0")
    present = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if numbers(version) < numbers(present):
        raise CourseError(f"{version} is lower than the present version, {present}")
    texts = {path: path.read_text(encoding="utf-8") for path in carriers(root)}
    renewed = {path: stamped(path.relative_to(root).as_posix(), text, version) for path, text in texts.items()}
    changed = [path for path in texts if texts[path] != renewed[path]]
    for path in changed:
        write_atomically(path, lambda unfinished, path=path: unfinished.write_text(renewed[path], encoding="utf-8"))
    return changed + notebooks.keep_outputs(root)


def carriers(root: Path) -> list[Path]:
    """The files that name the version."""
    folder = root / "notebooks" / "src"
    texts = [root / name for name in (*STATED, "README.md")]
    return [*texts, folder / "bootstrap.txt", *sorted(folder.rglob("*.py"))]


def stamped(name: str, text: str, version: str) -> str:
    """A file's text with this version in its links, and in the line that states it."""
    if name in STATED:
        text, count = STATED[name].subn(rf"\g<1>{version}\2", text)
        if count != 1:
            raise CourseError(f"{name} must state the version in one line, and has {count} of them")
    return INSTALLED.sub(rf"\1@v{version}", LINKS.sub(rf"\1v{version}", text))


def numbers(version: str) -> tuple[int, ...]:
    """A version as numbers, which can be compared."""
    return tuple(map(int, version.split(".")))


if __name__ == "__main__":
    try:
        for path in release(Path(__file__).parents[1], " ".join(sys.argv[1:])):
            print(f"wrote {path}")
    except CourseError as error:
        sys.exit(f"Error: {error}")
