"""Do readers get notebooks that were derived from the sources, executed, and tell nothing of one machine?"""

import json
import types

import nbformat
import offline
import pytest
import toys

from dermxai_helpers import course

notebooks = offline.script(".ci/notebooks.py")


def test_derived_ids_follow_the_text(tmp_path):
    source = tmp_path / "unit.py"
    source.write_text('# %%\nx = 1\n\n# %%\nx = 1\n\n# %% tags=["parameters"]\ny = 2\n')
    first, again = notebooks.derive(source), notebooks.derive(source)
    assert [cell.id for cell in first.cells] == [cell.id for cell in again.cells]
    assert len({cell.id for cell in first.cells}) == 3
    assert first.cells[2].metadata.tags == ["parameters"]
    source.write_text("# %%\nnew = 0\n\n" + source.read_text())
    assert {cell.id for cell in first.cells} < {cell.id for cell in notebooks.derive(source).cells}
    nbformat.validate(first)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("saved in /home/ada/dermxai/build", True),
        ("/tmp/ipykernel_12/34.py:1: UserWarning", True),
        ("C:\\Users\\ada", True),
        ("https://doi.org/tmp/10.1", False),
        ("accuracy 3/4, mel/nv/bkl, n/a", False),
    ],
)
def test_machine_paths(text, named):
    cell = nbformat.v4.new_code_cell("x", outputs=[nbformat.v4.new_output("stream", text=text)])
    assert bool(notebooks.machine_paths(nbformat.v4.new_notebook(cells=[cell]))) == named


def test_minutes_are_counted_from_words_code_and_exercises(tmp_path):
    words = "# " + "word " * 300 + r"and $a + b$ [a link](https://example.org/long/path)" + "\n"
    code = "# %%\n# no line of code\n" + "x = 1\n" * 20
    exercise = "# %% [markdown]\n# Difficulty ●○○ · importance ●●● · 15 minutes\n"
    (tmp_path / "unit.py").write_text(f"# %% [markdown]\n{words}\n{code}\n{exercise}", encoding="utf-8")
    unit = types.SimpleNamespace(source=tmp_path / "unit.py")
    assert notebooks.reading_minutes(unit) == 3 + 4 + 15
    assert notebooks.reading_minutes(unit, exercises=False) == 3 + 4


def test_notebooks_for_readers(tmp_path):
    """Derived, executed, with outputs; costs noted; the README's table filled; no path of this machine."""
    toys.write_source(tmp_path, toys.FIRST)
    toys.write_source(tmp_path, toys.SECOND, "print('/home/ada/private')")
    marks = "<!-- units: `make notebooks` writes this table -->\n<!-- end of units -->"
    (tmp_path / "README.md").write_text(f"Before\n{marks}\nAfter")
    patched = toys.stand_in(tmp_path, toys.book())
    try:
        (written,) = notebooks.refresh(tmp_path, ["10"])
        with pytest.raises(course.CourseError, match="shows where it ran: cell 5 prints the path"):
            notebooks.refresh(tmp_path, ["11"])
    finally:
        toys.put_back(patched)
    assert not (tmp_path / "notebooks" / f"{toys.SECOND}.ipynb").exists()
    assert written == tmp_path / "notebooks" / f"{toys.FIRST}.ipynb"
    found = nbformat.read(written, as_version=4)
    derived = notebooks.derive(tmp_path / "notebooks" / "src" / f"{toys.FIRST}.py")
    assert [(cell.id, cell.source) for cell in found.cells] == [(cell.id, cell.source) for cell in derived.cells]
    code = [cell for cell in found.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == [1, 2, 3, 4]
    assert code[2].outputs[0].execution_count == 3 and "images = 60" in code[2].outputs[0].data["text/plain"]
    cost = json.loads((tmp_path / "notebooks" / "measured.json").read_text())[toys.FIRST]
    row = f"| [10 10_First](notebooks/{toys.FIRST}.ipynb) | Why? | 2 min | {cost['seconds'] / 60:.1f} min | "
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("Before") and text.endswith("After") and row in text


def appendix(root, name, code):
    """Write the source of a page."""
    source = root / "notebooks" / "src" / "appendix" / f"{name}.py"
    source.parent.mkdir(parents=True, exist_ok=True)
    source.write_text(f"# %% [markdown]\n# # How\n\n# %%\n{code}\n")


def test_appendix_is_derived_and_not_executed(tmp_path):
    assert notebooks.derive_appendix(tmp_path) == []
    appendix(tmp_path, "how", "raise SystemExit")
    (written,) = notebooks.derive_appendix(tmp_path)
    assert written == tmp_path / "notebooks" / "appendix" / "how.ipynb"
    cells = nbformat.read(written, as_version=4).cells
    assert [cell.cell_type for cell in cells] == ["markdown", "code"] and cells[1].outputs == []


def test_few_pages_of_the_appendix_are_executed(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "EXECUTED", ("short",))
    appendix(tmp_path, "long", "raise SystemExit")
    appendix(tmp_path, "short", "print(6 * 7)")
    long, short = (nbformat.read(path, as_version=4) for path in notebooks.derive_appendix(tmp_path))
    assert long.cells[1].outputs == [] and short.cells[1].outputs[0].text == "42\n"
    assert short.metadata == long.metadata and all(cell.metadata == {} for cell in short.cells), "no times"
    appendix(tmp_path, "short", "print('/home/ada/private')")
    with pytest.raises(course.CourseError, match="shows where it ran: cell 2 prints the path"):
        notebooks.derive_appendix(tmp_path)
    assert "42" in (tmp_path / "notebooks" / "appendix" / "short.ipynb").read_text(), "the page that was there stays"


def test_outputs_stay_where_only_words_changed(tmp_path, monkeypatch):
    monkeypatch.setattr(notebooks, "EXECUTED", ("short",))
    appendix(tmp_path, "long", "raise SystemExit")
    appendix(tmp_path, "short", "print(6 * 7)")
    notebooks.derive_appendix(tmp_path)
    assert notebooks.keep_outputs(tmp_path) == []
    for path in (tmp_path / "notebooks" / "src" / "appendix").glob("*.py"):
        path.write_text(path.read_text().replace("# How", "# Why"))
    long, short = (nbformat.read(path, as_version=4) for path in notebooks.keep_outputs(tmp_path))
    assert short.cells[0].source == "# Why" and short.cells[1].outputs[0].text == "42\n"
    assert long == notebooks.derive(tmp_path / "notebooks" / "src" / "appendix" / "long.py")
    appendix(tmp_path, "short", "print(6 * 8)")
    with pytest.raises(course.CourseError, match="older than the code of its source"):
        notebooks.keep_outputs(tmp_path)
