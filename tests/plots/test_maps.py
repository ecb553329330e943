"""Figures of units 03, 04 and 04b: the numbers in the alt texts are right."""

import numpy as np
import pandas as pd
import pytest
from described import described

from dermxai_helpers.explanation import Explanation
from dermxai_helpers.plots import maps
from dermxai_helpers.synth import scenes


def explanation(heat):
    count = len(heat)
    logit, prob = np.zeros(count), np.full(count, 0.6)
    return Explanation(heat, [0] * count, ["mel"] * count, logit, prob, "features", "gradcam")


def test_explained_rows_state_probability_and_place():
    heat = np.zeros((1, 3, 3))
    heat[0, 0, 2] = 1
    pictures = np.zeros((1, 32, 32, 3), np.uint8)
    figure, alt = maps.explained_rows(
        pictures, explanation(heat), np.array([[0.6, 0.3, 0.1]]), ["nv"], ["mel", "nv", "bkl"], title="One row"
    )
    assert "labelled nv, mel with probability 0.60, strongest cell top right" in alt
    assert len(figure.axes) == 4


def test_small_figures_describe_themselves():
    assert "[[1.0, -0.25]]" in maps.numbers({"map 0": np.array([[1.0, -0.25]])})[1]
    grid = maps.map_grid(np.zeros((1, 8, 8, 3), np.uint8), {"flat": np.zeros((1, 2, 2))}, ["mel"], "Grid")
    assert "nowhere" in grid[1]


@pytest.mark.parametrize(
    ("cell", "words"), [((0, 0), "top left"), ((1, 1), "centre"), ((2, 1), "bottom centre"), ((1, 2), "middle right")]
)
def test_place_in_words(cell, words):
    heat = np.zeros((3, 3))
    heat[cell] = 1
    assert maps.where(heat) == words


def test_rows_show_every_scene_for_every_model():
    some = [scenes.draw((3, number), complaint) for number, complaint in enumerate(("mole", "ring"))]
    heat = Explanation(np.ones((2, 14, 14)), [0, 0], ["mole", "mole"], np.zeros(2), np.ones(2), "blocks", "chefer")
    zones = pd.DataFrame({"affected skin": [0.3, 0.2], "IoU": [0.5, 0.6]})
    drawn = maps.scenes(some, {"scene": None, "one": heat, "two": heat}, {"one": zones, "two": zones}, "Scenes")
    figure = described(drawn, "mole called mole, 30% of the relevance on affected skin, IoU 0.50; ring called mole")
    *pictures, bar = figure.axes
    assert len(pictures) == 6 and "relevance" in bar.get_ylabel()
    assert all(axes.collections for axes in pictures), "affected skin is outlined in every picture"
    assert [len(axes.images) for axes in pictures] == [1, 1, 2, 2, 2, 2], "overlays below the scenes"
    assert pictures[2].get_title() == "mole\ninside 30%\nIoU 0.50"


def test_an_overlay_is_clear_where_nothing_is_relevant_and_seen_where_little_is():
    heat = np.zeros((1, 14, 14))
    heat[0, 7, 7], heat[0, 0, 0] = 1, 0.2
    found = Explanation(heat, [0], ["mole"], np.zeros(1), np.ones(1), "blocks", "chefer")
    zones = pd.DataFrame({"affected skin": [0.3], "IoU": [0.5]})
    figure, _ = maps.scenes([scenes.draw(1, "mole")], {"one": found}, {"one": zones}, "Scene")
    clear = figure.axes[0].images[1].get_alpha()
    assert clear[3, 3] == 0 and clear[0, 0] > 0.5
