"""The background check of unit 04b: swaps change one thing, and tables of known maps and models say so."""

import numpy as np
import pytest

from dermxai_helpers.synth import scenes
from dermxai_helpers.synth.complaints import COMPLAINTS
from dermxai_helpers.synth.surroundings import BACKGROUNDS
from dermxai_helpers.trial import background

SOME = [scenes.draw((3, number), complaint) for number, complaint in enumerate(COMPLAINTS)]


def test_swaps_change_one_thing_each():
    for swap in background.draw_swaps(8, 0):
        one, behind, complaint = swap.scene, swap.other_background, swap.other_complaint
        assert (one.complaint, one.place) == (behind.complaint, behind.place)
        assert one.background != behind.background
        assert (one.background, one.place) == (complaint.background, complaint.place)
        assert one.complaint != complaint.complaint


def test_relevance_of_a_flat_map_is_the_area_and_of_the_mask_all():
    flat = background.relevance_by_zone(np.ones((len(SOME), 14, 14)), SOME)
    areas = [scene.affected.mean() for scene in SOME]
    np.testing.assert_allclose(flat["affected skin"], areas, atol=1e-6)
    exact = background.relevance_by_zone(np.stack([scene.affected for scene in SOME]).astype(float), SOME)
    np.testing.assert_allclose(exact["affected skin"], 1)
    assert exact["pointing game"].all() and not exact["background"].any()


def test_zone_table_has_means_intervals_and_areas():
    by_scene = {"flat": background.relevance_by_zone(np.ones((len(SOME), 14, 14)), SOME)}
    table = background.zone_table(by_scene, SOME)
    assert list(table.index) == ["flat", "share of the area"]
    for zone in ("affected skin", "healthy skin", "background"):
        np.testing.assert_allclose(table.loc["flat", zone], table.loc["share of the area", zone], atol=1e-6)
        low, value, high = table.loc["flat", zone][["low", "value", "high"]]
        assert low <= value <= high


def test_swap_table_of_models_that_know_one_thing(monkeypatch):
    """One model reads the complaint, one the background; the table says so."""
    swaps = background.draw_swaps(12, 3)
    every = [one for swap in swaps for one in (swap.scene, swap.other_background, swap.other_complaint)]
    by_picture = {scene.image.tobytes(): scene for scene in every}
    classes, grounds = list(COMPLAINTS), list(BACKGROUNDS)

    def predict(model, images):
        drawn = [by_picture[image.tobytes()] for image in images]
        skin = [classes.index(one.complaint) for one in drawn]
        return np.eye(5)[skin if model == "reads skin" else [grounds.index(one.background) for one in drawn]]

    monkeypatch.setattr(background.transformer, "predict", predict)
    names = {name: name for name in ("reads skin", "reads background")}
    value = background.swap_table(names, swaps, classes)["value"]
    assert value["reads skin"].tolist() == [1, 1, 1, 0]
    assert value["reads background", "background swapped: keeps its answer"] == 0
    assert value["reads background", "complaint swapped: keeps its answer"] == 1


def test_names_that_do_not_fit_the_model_get_a_sentence(monkeypatch):
    monkeypatch.setattr(background.transformer, "predict", lambda model, images: np.ones((len(images), 1)))
    with pytest.raises(ValueError, match="the model tells 1 classes apart, but 2 names were given"):
        background.swap_table({"one": None}, background.draw_swaps(1, 0), ["a", "b"])
