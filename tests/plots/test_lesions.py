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


def test_contact_sheet_shows_each_lesion_once(table):
    figure, alt = lesions.contact_sheet(table)
    shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
    lesions_of = table.groupby("dx")["lesion_id"].nunique().clip(upper=8)
    assert len(shown) == lesions_of.sum() and f"{lesions_of['mel']} of melanoma" in alt
    assert len({np.asarray(picture).tobytes() for picture in shown}) == len(shown)


def test_sisters_are_the_most_photographed_lesions(table):
    figure, alt = lesions.sisters(table, lesions=2)
    most = table["lesion_id"].value_counts()
    assert f"{most.iloc[0]} of 1: " in alt
    assert sum(bool(axes.images) for axes in figure.axes) == most.iloc[:2].sum()


def test_leak_bars_are_the_shares(table):
    reports = {by: data.leak_report(table, data.split(table, by=by)) for by in ("image", "lesion")}
    figure, alt = lesions.leak(reports)
    for axes, report in zip(figure.axes, reports.values(), strict=True):
        assert [bar.get_height() for bar in axes.patches] == report["share"].tolist()
    assert "split by lesion: melanoma 0%" in alt


def test_artefacts_with_their_intervals():
    rows = [(what, dx, share, share - 0.1, share + 0.1)
            for what in ("hair", "ink") for dx, share in zip(data.CLASSES, (0.2, 0.3, 0.4), strict=True)]  # fmt: skip
    figure, alt = lesions.artefacts(pd.DataFrame(rows, columns=["artefact", "dx", "value", "low", "high"]))
    assert "ink 20% to 40% (melanoma 10% to 30%" in alt and len(plots.png(figure)) > 1000
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["hair", "ink"]


def test_label_sources_add_up(table):
    figure, alt = lesions.label_sources(table)
    share = (table["dx_type"][table["dx"] == "nv"] == "histo").mean()
    assert f"histo {share:.0%}" in alt and "melanoma: histo 100%" in alt and len(plots.png(figure)) > 1000


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


@pytest.mark.parametrize("count", [1, 5, 20])
def test_same_spots(table, count):
    first, second = table["image_id"].head(count), table["image_id"].tail(count).to_numpy()
    similarity = np.linspace(0.9, 0.6, count)
    pairs = pd.DataFrame({"image_id_a": first, "image_id_b": second, "similarity": similarity})
    figure, alt = lesions.same_spots(pairs, table)
    shown = min(count, 8)
    assert sum(bool(axes.images) for axes in figure.axes) == 2 * shown
    assert f"{shown} of {count} pairs" in alt and "0.90" in alt and len(plots.png(figure)) > 1000


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
