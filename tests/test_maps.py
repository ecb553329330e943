"""Figures and scenes of units 03 and 04: the numbers in the alt texts are right, the scenes are what they claim."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from scipy import ndimage

from dermxai_helpers import gradcam, synth
from dermxai_helpers.plots import maps, scenes


@pytest.fixture(scope="module")
def scene():
    return scenes.scene(synth.draw(3, label="mel"), np.random.default_rng(5))


def explanation(heat):
    count = len(heat)
    logit, prob = np.zeros(count), np.full(count, 0.6)
    return gradcam.Explanation(heat, [0] * count, ["mel"] * count, logit, prob, "features", "gradcam")


def test_scene_differs_from_its_control_only_around_the_lesion(scene):
    changed = (scene.image != scene.without_lesion).any(axis=2)
    around = ndimage.binary_dilation(scene.lesion, iterations=16)
    assert not changed[~around].any()
    assert changed[scene.lesion].mean() > 0.95
    assert not changed[~scene.skin].any()


def test_scene_holds_lesion_skin_and_desk(scene):
    assert (scene.lesion & ~scene.skin).sum() == 0
    assert 0.02 < scene.lesion.mean() < 0.2
    assert 0.2 < scene.skin.mean() < 0.8
    again = scenes.scene(synth.draw(3, label="mel"), np.random.default_rng(5))
    np.testing.assert_array_equal(again.image, scene.image)


def test_zone_shares_of_a_flat_map_are_the_areas(scene):
    shares = maps.zone_shares(np.ones(scene.lesion.shape), scene)
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["lesion"] == pytest.approx(scene.lesion.mean())
    assert maps.zone_shares(scene.lesion.astype(float), scene) == {"lesion": 1, "skin": 0, "desk": 0}


def test_scene_figure_states_the_shares(scene):
    figure, alt = maps.scene_rows([scene, scene], explanation(np.ones((2, 4, 4))), title="Flat maps")
    assert isinstance(figure, Figure)
    area = f"{scene.lesion.mean():.0%}"
    assert alt.count(f"lesion {area} of relevance, {area} of area") == 2


def test_explained_rows_state_probability_and_place():
    heat = np.zeros((1, 3, 3))
    heat[0, 0, 2] = 1
    pictures = np.zeros((1, 32, 32, 3), np.uint8)
    figure, alt = maps.explained_rows(
        pictures, explanation(heat), np.array([[0.6, 0.3, 0.1]]), ["nv"], ["mel", "nv", "bkl"], title="One row"
    )
    assert "labelled nv, mel with probability 0.60, strongest cell top right" in alt
    assert len(figure.axes) == 4


def test_control_chart_states_values_and_intervals():
    table = pd.DataFrame({"value": [0.5, 0.2], "low": [0.4, 0.1], "high": [0.6, 0.3]}, index=["ours", "flat"])
    table["moved"] = [0.55, np.nan]
    alt = maps.control_chart(table, 0.25, "energy", "Maps", also="moved")[1]
    assert "ours 0.50 (0.40 to 0.60)" in alt and "flat 0.20" in alt and "moved: ours 0.55." in alt and "0.25" in alt


def test_small_figures_describe_themselves():
    assert "[[1.0, -0.25]]" in maps.numbers({"map 0": np.array([[1.0, -0.25]])})[1]
    pictures = {"photograph": np.zeros((8, 8, 3), np.uint8), "signed map": np.array([[-1.0, 2.0]])}
    assert maps.steps(pictures, about="Two pictures.")[1].endswith("photograph, signed map.")
    grid = maps.map_grid(np.zeros((1, 8, 8, 3), np.uint8), {"flat": np.zeros((1, 2, 2))}, ["mel"], "Grid")
    assert "nowhere" in grid[1]


@pytest.mark.parametrize(
    ("cell", "words"), [((0, 0), "top left"), ((1, 1), "centre"), ((2, 1), "bottom centre"), ((1, 2), "middle right")]
)
def test_place_in_words(cell, words):
    heat = np.zeros((3, 3))
    heat[cell] = 1
    assert maps.where(heat) == words
