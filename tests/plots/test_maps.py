"""Figures of units 03, 04 and 04b: the numbers in the alt texts are right."""

import numpy as np
import pandas as pd
import pytest
from described import described
from matplotlib.colors import to_rgba

from dermxai_helpers.explanation import Explanation
from dermxai_helpers.plots import maps
from dermxai_helpers.plots.common import CLASS_COLOURS
from dermxai_helpers.synth import scenes

PICTURE, RIM = np.zeros((1, 32, 32, 3), np.uint8), np.zeros((1, 32, 32), bool)
RIM[:, 8:20, 8:20] = True


def test_the_papers_figure_states_probability_and_place():
    heat, asked = np.zeros((1, 3, 3)), pd.DataFrame([[0.6, 0.3, 0.1]], columns=["mel", "nv", "bkl"])
    heat[0, 0, 2] = 1
    columns = {"evidence": heat, "overlay": PICTURE}
    drawn = maps.map_grid(PICTURE, RIM, columns, ["nv, predicted mel"], "One row", probabilities=asked)
    figure = described(drawn, "nv, predicted mel", "evidence strongest at top right", "mel 0.60, nv 0.30")
    assert [len(axes.collections) for axes in figure.axes[:3]] == [0, 1, 1]  # the rim, on the map and on the overlay
    bars = [bar.get_facecolor() for bar in figure.axes[3].patches]
    assert bars == [to_rgba(CLASS_COLOURS[name]) for name in asked]


def test_numbers_have_one_scale_and_say_what_they_are():
    drawn = {"map 0": np.array([[1.0, -0.25]]), "map 1": np.array([[4.0, 0.0]])}
    figure = described(maps.numbers(drawn, "value of a cell"), "map 0: [[1.0, -0.25]]", "value of a cell")
    limits = {axes.images[0].get_clim() for axes in figure.axes[:2]}
    assert limits == {(-4, 4)} and figure.axes[2].get_ylabel() == "value of a cell"


def test_large_grids_of_numbers_have_colours_only():
    figure = described(maps.numbers({"map": np.linspace(-1, 2, 49).reshape(7, 7)}, "evidence"), "map from -1 to 2")
    assert not figure.axes[0].texts


def test_maps_are_drawn_as_shares_beside_their_picture_with_the_rim():
    heat = {"flat": np.zeros((1, 2, 2)), "one": np.array([[[0.0, 3.0], [-1.0, 0.0]]])}
    figure = described(maps.map_grid(PICTURE, RIM, heat, ["mel"], "Grid", "square"), "flat strongest at nowhere", "one")
    np.testing.assert_array_equal(figure.axes[2].images[0].get_array(), [[0, 1], [0, 0]])
    assert len(figure.axes[1].collections) == 1 and "rim of the square" in figure.axes[-1].get_xlabel()


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
