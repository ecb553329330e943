"""Figures of units 03 and 04: the numbers in the alt texts are right."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers.explanation import Explanation
from dermxai_helpers.plots import maps


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


def test_control_chart_states_values_and_intervals():
    table = pd.DataFrame({"value": [0.5, 0.2], "low": [0.4, 0.1], "high": [0.6, 0.3]}, index=["ours", "flat"])
    table["moved"] = [0.55, np.nan]
    alt = maps.control_chart(table, 0.25, "energy", "Maps", also="moved")[1]
    assert "ours 0.50 (0.40 to 0.60)" in alt and "flat 0.20" in alt and "moved: ours 0.55." in alt and "0.25" in alt


def test_relevance_of_one_picture_states_its_share():
    heat, affected = np.zeros((1, 4, 4)), np.zeros((32, 32), bool)
    heat[0, :2] = 1
    affected[:16] = True
    figure, alt = maps.relevance(np.zeros((32, 32, 3), np.uint8), explanation(heat), affected)
    assert "50% of the picture" in alt and "gradcam for mel" in alt
    share = int(alt.split("% of the evidence")[0].split()[-1])
    assert 80 < share <= 100  # the map is interpolated, so a little lies below the border


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
