"""The figures of unit 01 about photographs: they show what they are given and say so in words."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import data, plots
from dermxai_helpers.data import acquisition
from dermxai_helpers.plots import lesions
from dermxai_helpers.plots import photographs as figures
from dermxai_helpers.training.augmentation import augmented


@pytest.fixture(scope="module")
def table(drawn) -> pd.DataFrame:
    return data.load(drawn)


def test_views(table):
    image = data.open_image(table["image_path"][0])
    figure, alt = figures.views({"nevus": [image, *(augmented(image, seed) for seed in range(3))]})
    assert [axes.get_title() for axes in figure.axes] == ["as taken", "view 1", "view 2", "view 3"]
    assert "3 random views" in alt and len(plots.png(figure)) > 1000
    shown = {np.asarray(axes.images[0].get_array()).tobytes() for axes in figure.axes}
    assert len(shown) == 4


def test_skin_colours(table):
    angles = pd.Series(np.linspace(-60, 130, len(table)), table.index, name="skin_angle")
    angles[0] = np.nan
    figure, alt = figures.skin_colours(table.join(angles))
    for name in data.CLASSES:
        own = angles[table["dx"] == name].dropna()
        assert f"{data.CLASS_NAMES[name]} median {own.median():.0f}, {(own > 90).mean():.0%} beyond 90" in alt
    assert sum(bool(axes.images) for axes in figure.axes) == 8 and len(plots.png(figure)) > 1000
    assert "not anyone's skin type" in figure.axes[0].get_xlabel()


def test_a_class_without_a_measured_skin(table):
    alone = table[table["dx"] == "nv"].assign(skin_angle=50.0)
    figure, alt = figures.skin_colours(alone)
    assert "nevus median 50" in alt and len(plots.png(figure)) > 1000


@pytest.mark.parametrize("count", [1, 5, 20])
def test_same_spots(table, count):
    first, second = table["image_id"].head(count), table["image_id"].tail(count).to_numpy()
    similarity = np.linspace(0.9, 0.6, count)
    pairs = pd.DataFrame({"image_id_a": first, "image_id_b": second, "similarity": similarity})
    figure, alt = figures.same_spots(pairs, table)
    shown = min(count, 8)
    assert sum(bool(axes.images) for axes in figure.axes) == 2 * shown
    assert f"{shown} of {count} pairs" in alt and "0.90" in alt and len(plots.png(figure)) > 1000


def test_pairs_of_the_search_can_be_shown(table):
    pairs = acquisition.near_duplicates(table)
    assert "pairs" in figures.same_spots(pairs, table)[1]


def test_label_sources_add_up(table):
    figure, alt = lesions.label_sources(table)
    share = (table["dx_type"][table["dx"] == "nv"] == "histo").mean()
    assert f"histo {share:.0%}" in alt and "melanoma: histo 100%" in alt
    ends = [max(bar.get_x() + bar.get_width() for bar in axes.patches) for axes in figure.axes]
    assert ends == [pytest.approx(1)] and len(plots.png(figure)) > 1000


def test_one_artefact_alone_can_be_shown():
    rows = [("dark corners", name, 0.1, 0.05, 0.2) for name in data.CLASSES]
    figure, alt = lesions.artefacts(pd.DataFrame(rows, columns=["artefact", "dx", "share", "low", "high"]))
    assert "dark corners 10% to 10% (melanoma 5% to 20%" in alt and len(plots.png(figure)) > 1000


def test_a_sheet_takes_arrays_and_paths_of_unlike_shapes(table):
    image = np.full((30, 60, 3), 200, np.uint8)
    figure = lesions.sheet({"a": [table["image_path"][0], image], "b": [image]}, 2)
    shapes = [axes.images[0].get_array().shape for axes in figure.axes if axes.images]
    width = lesions.picture_width(lesions.SHEET, 2)
    assert shapes == [(width, width, 3), (width // 2, width, 3), (width // 2, width, 3)]
