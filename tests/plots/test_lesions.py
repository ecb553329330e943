"""The figures of unit 01, and the unit's own functions against the helpers that later units use."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import data, plots
from dermxai_helpers.data import acquisition
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


def test_skin_colours(table):
    angles = pd.Series(np.linspace(-60, 130, len(table)), table.index, name="skin_angle")
    angles[0] = np.nan
    figure, alt = lesions.skin_colours(table.join(angles), acquisition.ANGLE_BANDS)
    for name in data.CLASSES:
        own = angles[table["dx"] == name].dropna()
        assert f"{data.CLASS_NAMES[name]} median {own.median():.0f}, {(own > 90).mean():.0%} beyond 90" in alt
    assert sum(bool(axes.images) for axes in figure.axes) == 8 and len(plots.png(figure)) > 1000
    assert "not anyone's skin type" in figure.axes[0].get_xlabel()


def test_a_class_without_a_measured_skin(table):
    alone = table[table["dx"] == "nv"].assign(skin_angle=50.0)
    figure, alt = lesions.skin_colours(alone, acquisition.ANGLE_BANDS)
    assert "nevus median 50" in alt and len(plots.png(figure)) > 1000


def test_leak_written_in_the_unit_is_the_helpers(table):
    written = defined_in(UNIT)["leaked_share"]
    for seed in range(3):
        report = data.leak_report(table, data.split(table, by="image", seed=seed))
        assert written(table, seed) == pytest.approx(report.loc["all", "share"])


def test_metadata_model_written_in_the_unit_is_the_helpers(table):
    from dermxai_helpers import training

    split = data.split(table)
    train, validation = table[split == "train"], table[split == "val"]
    written = defined_in(UNIT)["metadata_model"](["sex", "localization"]).fit(train, train["dx"]).predict(validation)
    assert (written == training.baseline_predictions(table, split)["metadata"]).all()
