"""Does everything name one and the same release, and does one command write the next one?"""

import re
import shutil
import tomllib

import nbformat
import pytest
import yaml
from offline import REPOSITORY, script

import dermxai_helpers

ci_release = script(".ci/release.py")
VERSION = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
FOLDER = REPOSITORY / "notebooks"
READ = [REPOSITORY / "README.md", FOLDER / "src" / "bootstrap.txt", *FOLDER.rglob("*.py"), *FOLDER.rglob("*.ipynb")]
TAG = r"(?:dermxai/dermxai/(?:blob|tree)/|gh/dermxai/dermxai/|dermxai/dermxai@)([^/?\s\")\\]+)"


def test_one_version_everywhere():
    citation = yaml.safe_load((REPOSITORY / "CITATION.cff").read_text())
    assert VERSION == citation["version"] == dermxai_helpers.__version__
    assert f"## {VERSION} " in (REPOSITORY / ".github" / "CHANGELOG.md").read_text(encoding="utf-8")
    for path in READ:
        assert set(re.findall(TAG, path.read_text(encoding="utf-8"))) <= {f"v{VERSION}"}, path
    assert f'"git+https://github.com/dermxai/dermxai@v{VERSION}"' in (FOLDER / "src" / "bootstrap.txt").read_text()


@pytest.mark.parametrize("path", READ, ids=lambda path: path.relative_to(REPOSITORY).as_posix())
def test_nothing_names_a_branch_that_moves(path):
    moving = r"dermxai/(?:blob/|tree/)?(?:main|master|HEAD)\b|dermxai@main|git\+https://github\.com/dermxai/dermxai\\?\""
    assert not re.search(moving, path.read_text(encoding="utf-8"))


@pytest.fixture
def copy(tmp_path):
    """What a release writes to, with two notebooks."""
    for path in ci_release.carriers(REPOSITORY):
        target = tmp_path / path.relative_to(REPOSITORY)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, target)
    for name in ("00_start_here", "solutions/00_start_here"):
        (tmp_path / "notebooks" / name).parent.mkdir(exist_ok=True)
        shutil.copy(FOLDER / f"{name}.ipynb", tmp_path / "notebooks" / f"{name}.ipynb")
    return tmp_path


def outputs(root):
    cells = nbformat.read(root / "notebooks" / "00_start_here.ipynb", as_version=4).cells
    return [(cell.outputs, cell.execution_count) for cell in cells if cell.cell_type == "code"]


def test_one_command_writes_the_next_version(copy):
    kept = outputs(copy)
    names = {path.relative_to(copy).as_posix() for path in ci_release.release(copy, "10.0.1")}
    assert {"pyproject.toml", "CITATION.cff", "README.md", "dermxai_helpers/__init__.py"} < names
    assert {"notebooks/src/bootstrap.txt", "notebooks/src/03_gradcam_internals.py"} < names
    assert "notebooks/00_start_here.ipynb" in names and "notebooks/solutions/00_start_here.ipynb" not in names
    for path in (path for path in copy.rglob("*") if path.is_file()):
        assert f"v{VERSION}" not in path.read_text(encoding="utf-8"), path
    assert set(re.findall(TAG, (copy / "notebooks/src/04b_background_check.py").read_text())) == {"v10.0.1"}
    assert tomllib.loads((copy / "pyproject.toml").read_text())["project"]["version"] == "10.0.1"
    book = nbformat.read(copy / "notebooks/00_start_here.ipynb", as_version=4)
    wanted = ci_release.notebooks.derive(copy / "notebooks/src/00_start_here.py")
    assert [(cell.id, cell.source) for cell in book.cells] == [(cell.id, cell.source) for cell in wanted.cells]
    assert outputs(copy) == kept and any(found for found, _ in kept)
    assert ci_release.release(copy, "10.0.1") == [], "a second time changes nothing"


@pytest.mark.parametrize("version", ["", "1.2", "v0.9.0", "0.9.0rc1", "00.9.0", "0.9.0\n", "main", "0.0.9"])
def test_what_is_no_later_version_is_refused(copy, version):
    with pytest.raises(ci_release.CourseError, match="is no version|is lower than the present version"):
        ci_release.release(copy, version)
    assert (copy / "pyproject.toml").read_text() == (REPOSITORY / "pyproject.toml").read_text()


def test_a_lost_line_is_told_before_anything_is_written(copy):
    (copy / "CITATION.cff").write_text("title: lost\n")
    with pytest.raises(ci_release.CourseError, match="CITATION.cff must state the version in one line, and has 0"):
        ci_release.release(copy, "10.0.0")
    assert VERSION in (copy / "pyproject.toml").read_text()


def test_outputs_are_not_kept_for_other_code(copy):
    source = copy / "notebooks" / "src" / "00_start_here.py"
    source.write_text(source.read_text(encoding="utf-8").replace("threshold=0.5", "threshold=0.6"), encoding="utf-8")
    before = (copy / "notebooks" / "00_start_here.ipynb").read_bytes()
    with pytest.raises(ci_release.CourseError, match="older than the code of its source"):
        ci_release.release(copy, "10.0.0")
    assert (copy / "notebooks" / "00_start_here.ipynb").read_bytes() == before
