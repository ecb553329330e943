"""The background check of unit 04b: swaps change one thing, and tables of known maps and models say so."""

import numpy as np
import pytest
from scipy import ndimage

from dermxai_helpers.synth import scenes
from dermxai_helpers.synth.complaints import FIVE
from dermxai_helpers.trial import background

SOME = [scenes.draw((3, number), complaint) for number, complaint in enumerate(FIVE)]


def test_swaps_change_one_thing_each():
    swaps = background.swaps_of(SOME, 0)
    assert [swap.scene for swap in swaps] == SOME
    for swap in swaps:
        one, anew, behind, complaint = swap.scene, swap.painted_anew, swap.other_background, swap.other_complaint
        assert len({(scene.complaint, scene.place) for scene in (one, anew, behind)}) == 1
        assert one.background == anew.background == complaint.background != behind.background
        assert one.place == complaint.place and one.complaint != complaint.complaint


def test_the_control_changes_the_background_alone():
    """A background painted anew is the same kind, differs in many pixels, and leaves the skin as it was."""
    for swap in background.swaps_of(SOME, 0):
        differs = (swap.painted_anew.image != swap.scene.image).any(axis=2)
        assert not differs[ndimage.binary_erosion(swap.scene.skin, iterations=4)].any()
        assert differs[~swap.scene.skin].mean() > 0.3


def test_bumps_are_asked_about_too():
    swaps = background.swaps_of([scenes.draw((5, number), "mole", "forearm") for number in range(12)], 1)
    assert "bumps" in {swap.other_complaint.complaint for swap in swaps}


def test_relevance_of_a_flat_map_is_the_area_and_of_the_mask_all():
    flat = background.relevance_by_zone(np.ones((len(SOME), 14, 14)), SOME)
    areas = [scene.affected.mean() for scene in SOME]
    np.testing.assert_allclose(flat["affected skin"], areas, atol=1e-6)
    exact = background.relevance_by_zone(np.stack([scene.affected for scene in SOME]).astype(float), SOME)
    np.testing.assert_allclose(exact["affected skin"], 1)
    np.testing.assert_allclose(flat["IoU"], areas, atol=1e-6)
    assert (exact["IoU"] > 0.99).all() and not exact["background"].any()


def test_answers_count_only_where_the_model_was_right_at_first(monkeypatch):
    """One model reads the complaint, one the background: the table says so, and knows nothing of wrong answers."""
    swaps = background.swaps_of(SOME, 3)
    every = [getattr(swap, drawn) for swap in swaps for drawn in background.ANSWERS.values()]
    by_picture = {scene.image.tobytes(): scene for scene in every}
    classes, grounds = list(FIVE), [scene.background for scene in SOME]

    def predict(model, images):
        drawn = [by_picture[image.tobytes()] for image in images]
        skin = [classes.index(one.complaint) for one in drawn]
        return np.eye(5)[skin if model == "reads skin" else [grounds.index(one.background) for one in drawn]]

    monkeypatch.setattr(background.transformer, "predict", predict)
    assert background.ask("reads skin", swaps, classes).to_numpy().min() == 1
    answers = background.ask("reads background", swaps, classes)
    right = answers["right at first"] == 1
    assert right.any() and answers.loc[~right].iloc[:, 1:].isna().all(axis=None)
    assert answers.loc[right, "kept, painted anew"].all()
    assert not answers.loc[right, ["kept, other background", "named, other complaint"]].any(axis=None)


def test_names_that_do_not_fit_the_model_get_a_sentence(monkeypatch):
    monkeypatch.setattr(background.transformer, "predict", lambda model, images: np.ones((len(images), 1)))
    with pytest.raises(ValueError, match="the model tells 1 classes apart, but 2 names were given"):
        background.ask(None, background.swaps_of(SOME[:1], 0), ["a", "b"])
