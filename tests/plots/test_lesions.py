"""The figures of unit 01, and the unit's own functions against the helpers that later units use."""

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import data, plots
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
    figure, alt = lesions.classes(table)
    for name, images in table["dx"].value_counts().items():
        assert f"{data.CLASS_NAMES[name]} {images} images" in alt
    assert len(figure.axes[0].patches) == 6


def test_patients(table):
    alt = lesions.patients(table)[1]
    assert f"nevus {table['age'][table['dx'] == 'nv'].median():.0f}" in alt


def test_contact_sheet_shows_each_lesion_once(table):
    figure, alt = lesions.contact_sheet(table, columns=5)
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    assert len(shown) == 15 and "5 of melanoma" in alt
    assert len({np.asarray(picture).tobytes() for picture in shown}) == 15


def test_sisters_are_the_most_photographed_lesions(table):
    figure, alt = lesions.sisters(table, lesions=2)
    most = table["lesion_id"].value_counts()
    assert f"{most.iloc[0]} photographs" in alt
    assert sum(bool(axes.images) for axes in figure.axes) == most.iloc[:2].sum()


def test_leak_bars_are_the_shares(table):
    reports = {by: data.leak_report(table, data.split(table, by=by)) for by in ("image", "lesion")}
    figure, alt = lesions.leak(reports)
    for axes, report in zip(figure.axes, reports.values(), strict=True):
        assert [bar.get_height() for bar in axes.patches] == report["share"].tolist()
    assert "split by lesion: melanoma 0%" in alt


def test_scores_and_artefacts_with_their_intervals():
    scores = pd.DataFrame({"value": [0.333, 0.5], "low": [0.333, 0.4], "high": [0.333, 0.6]}, index=["constant", "sex"])
    figure, alt = lesions.without_pixels(scores)
    assert "sex 0.500 (0.400 to 0.600)" in alt and len(plots.png(figure)) > 1000
    rows = [
        ("hair", dx, share, share - 0.1, share + 0.1) for dx, share in zip(data.CLASSES, (0.2, 0.3, 0.4), strict=True)
    ]
    figure, alt = lesions.artefacts(pd.DataFrame(rows, columns=["artefact", "dx", "share", "low", "high"]))
    assert "hair 20% to 40%" in alt and len(plots.png(figure)) > 1000


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
