"""Scenes of unit 04b: their truth is exact, and one thing can be changed alone."""

import numpy as np
import pytest
from scipy import ndimage

from dermxai_helpers.synth import scenes
from dermxai_helpers.synth.complaints import FIVE, KINDS
from dermxai_helpers.synth.surroundings import BACKGROUNDS, PLACES

SOME = [scenes.draw((3, number), complaint) for number, complaint in enumerate(FIVE)]


def difference(one, other):
    return np.abs(one.image.astype(int) - other.image).max(axis=2)


@pytest.mark.parametrize("complaint", [*FIVE, scenes.HEALTHY])
@pytest.mark.parametrize("place", PLACES)
def test_every_complaint_can_be_drawn_everywhere(complaint, place):
    scene = scenes.draw((1, 2), complaint, place)
    assert scene.image.shape == (224, 224, 3) and scene.image.dtype == np.uint8
    assert not (scene.affected & ~scene.skin).any()
    assert scene.affected.any() == (complaint != scenes.HEALTHY)
    assert 0.1 < scene.skin.mean() < 0.95


def test_there_are_41_kinds_and_each_looks_like_itself():
    """On the same skin in the same light every kind is another picture; the five short names stand for five of them."""
    drawn = {kind: scenes.draw((1, 2), kind, "forearm", "desk") for kind in KINDS}
    assert len(drawn) == 41
    assert len({scene.image.tobytes() for scene in drawn.values()}) == 41
    assert len({scene.affected.tobytes() for scene in drawn.values()}) == 5, "a colour and scales change no place"
    for short, kind in FIVE.items():
        assert difference(scenes.draw((1, 2), short, "forearm", "desk"), drawn[kind]).max() == 0


@pytest.mark.parametrize("kind", ["red bumps", "scaly pale bumps", "bumps"])
def test_bumps_are_drawn_where_there_is_much_skin(kind):
    assert {scenes.draw((4, number), kind).place for number in range(12)} == {"forearm", "shoulder"}


def test_zones_part_the_picture():
    for scene in SOME:
        assert (sum(zone.astype(int) for zone in scene.zones().values()) == 1).all()


def test_same_seed_same_picture():
    np.testing.assert_array_equal(scenes.draw(5).image, scenes.draw(5).image)
    assert difference(scenes.draw(5), scenes.draw(6)).mean() > 5


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_another_background_leaves_the_skin_as_it_was(background):
    scene = scenes.draw((8, 8), "mole", "forearm", "desk")
    changed = difference(scene, scenes.redraw(scene, background=background))
    inside = ndimage.binary_erosion(scene.skin, iterations=4)
    assert not changed[inside].any()
    assert (changed[~scene.skin].mean() > 5) == (background != "desk")


@pytest.mark.parametrize("complaint", ["mole", "ring", "plaque", "patches"])
def test_healthy_skin_differs_only_where_the_complaint_was(complaint):
    scene = scenes.draw((9, 1), complaint, "forearm", "paper")
    healthy = scenes.redraw(scene, complaint=scenes.HEALTHY)
    changed = difference(scene, healthy) > 12
    around = ndimage.binary_dilation(scene.affected, iterations=9)
    assert not changed[~scene.skin].any()
    assert changed[~around].mean() < 0.001
    assert changed[scene.affected].mean() > 0.2  # of a ring the middle stays


def test_the_background_betrays_the_complaint_as_often_as_asked():
    told = dict(zip(FIVE, BACKGROUNDS, strict=True))
    drawn = scenes.draw_set(60, 1, told, share=0.9)
    agreeing = np.mean([told[scene.complaint] == scene.background for scene in drawn])
    assert 0.8 < agreeing <= 1
    honest = np.mean([told[scene.complaint] == scene.background for scene in scenes.draw_set(60, 1)])
    assert honest < 0.45


@pytest.mark.parametrize("what", [{"complaint": "flu"}, {"place": "moon"}, {"background": "sea"}])
def test_unknown_names_are_refused_with_the_known_ones(what):
    with pytest.raises(ValueError, match=rf"there is no {next(iter(what))} '\w+': choose one of"):
        scenes.draw(0, **what)


