"""Figures of units 03, 04 and 04b: the numbers in the alt texts are right."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import plots
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
    shares = pd.DataFrame({"affected skin": [0.3, 0.2], "background": [0.5, 0.6]})
    figure, alt = maps.scenes(some, {"one": heat, "two": heat}, {"one": shares, "two": shares}, "Scenes")
    assert len(figure.axes) == 6 and plots.png(figure).startswith(b"\x89PNG")
    assert alt.count("mole called mole, 30% of the relevance on affected skin; ring called mole, 20%") == 2
    assert figure.axes[2].get_title() == "mole: 30%\nbackground 50%"
