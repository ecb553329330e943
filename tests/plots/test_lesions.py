"""The figures of unit 01, and the unit's own functions against the helpers that later units use."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from described import described
from matplotlib.text import Text

from dermxai_helpers import data
from dermxai_helpers.plots import lesions

UNIT = Path(__file__).parents[2] / "notebooks" / "src" / "01_data.py"


def defined_in(source: Path) -> dict:
    """The functions and imports of a notebook's source, without running its other cells."""
    kept = [
        node
        for node in ast.parse(source.read_text()).body
        if isinstance(node, ast.Import | ast.ImportFrom | ast.FunctionDef)
    ]
    space: dict = {}
    exec(compile(ast.Module(kept, type_ignores=[]), source.name, "exec"), space)
    return space


@pytest.fixture(scope="module")
def table(drawn) -> pd.DataFrame:
    return data.load(drawn)


def test_classes(table):
    counts = table.groupby("dx")["lesion_id"].agg(images="size", lesions="nunique")
    figure, alt = lesions.classes(counts)
    for name, images in table["dx"].value_counts().items():
        assert f"{data.CLASS_NAMES[name]} {images} images" in alt
    assert len(figure.axes[0].patches) == 6


def test_patients(table):
    alt = lesions.patients(table)[1]
    assert f"nevus {table['age'][table['dx'] == 'nv'].median():.0f}" in alt


def test_road_can_be_read():
    """Three captions of any length stand below the pictures, in letters that can be read, and inside the figure."""
    picture, views = np.zeros((20, 20, 3), np.uint8), ("original", "roi", "focused")
    sentence = "The lesion is symmetric, with a regular border, multiple colors and no streaks, " * 3
    captions, votes = dict.fromkeys(views, sentence), dict.fromkeys(views, "nv")
    drawn = lesions.road(picture, picture, (2, 3, 9, 9), {"mel": 0.2, "nv": 0.7, "bkl": 0.1}, captions, votes)
    figure = described(drawn, "mel 0.20, nv 0.70, bkl 0.10", "the heat-map for nv", "roi (votes nv): The lesion")
    width, height = figure.canvas.get_width_height()
    for text in figure.findobj(Text):
        box = text.get_window_extent()
        assert not text.get_text() or (box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height), text


def test_leak_written_in_the_unit_is_the_helpers(table):
    written = defined_in(UNIT)["leaked_share"]
    for seed in range(3):
        report = data.leak_report(table, data.split(table, by="image", seed=seed))
        assert written(table, seed) == pytest.approx(report.loc["all", "share"])


def test_every_answer_comes_from_piles_that_do_not_hold_its_lesion():
    from sklearn.dummy import DummyClassifier

    written = defined_in(UNIT)["answers_of"]
    written.__globals__.update(model=DummyClassifier(), piles=[([0, 1], [2, 3]), ([2, 3], [0, 1])])
    assert written(np.zeros((4, 1)), np.array(["mel", "mel", "nv", "nv"])).tolist() == ["nv", "nv", "mel", "mel"]


def test_memory_knows_sisters_and_nothing_else():
    """All right where each lesion asked about has a sister among the remembered rows; a constant elsewhere."""
    labels = np.array(["mel", "mel", "nv", "nv", "bkl", "bkl"])
    table = pd.DataFrame({"lesion_id": list("aabbcc"), "dx": labels})
    written = defined_in(UNIT)["remember"]
    written.__globals__.update(table=table, labels=labels)
    assert written(np.array([True, False] * 3)) == 1
    assert written(np.array([True] * 4 + [False] * 2)) == 0.5, "always nevus, of two classes"
