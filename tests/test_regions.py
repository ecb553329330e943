"""Regions of heat-maps with a stated fallback for every odd map, and scores of maps against masks."""

import numpy as np
import pytest

from dermxai_helpers import regions, scoring


def two_blobs():
    """A weak wide blob, a strong small one, and a cell that touches the wide one only by a corner."""
    heatmap = np.zeros((40, 60))
    heatmap[5:25, 10:40] = 0.6
    heatmap[30:36, 45:53] = 1.0
    heatmap[25, 40] = 0.6
    return heatmap


def test_region_holds_most_evidence_not_the_peak():
    region = regions.find(two_blobs())
    assert region.box == (10, 5, 40, 25)
    assert region.mask.sum() == 20 * 30
    assert region.note == ""


def test_higher_threshold_leaves_the_peak():
    assert regions.find(two_blobs(), threshold=0.7).box == (45, 30, 53, 36)


def test_equal_regions_give_the_first_in_reading_order():
    heatmap = np.zeros((40, 40))
    heatmap[2:12, 25:35] = heatmap[20:30, 2:12] = 1
    assert regions.find(heatmap).box == (25, 2, 35, 12)


def test_negative_evidence_does_not_count():
    heatmap = -5 * np.ones((20, 20))
    heatmap[4:9, 4:9] = 1
    assert regions.find(heatmap).box == (4, 4, 9, 9)


@pytest.mark.parametrize(
    ("heatmap", "note"),
    [
        (np.zeros((8, 10)), "no positive evidence"),
        (-np.ones((8, 10)), "no positive evidence"),
        (np.full((8, 10), 3.0), "the same evidence everywhere"),
        (np.full((8, 10), np.nan), "no value of the map is finite"),
        (np.full((8, 10), np.inf), "no value of the map is finite"),
    ],
)
def test_maps_that_say_nothing_give_the_whole_picture(heatmap, note):
    region = regions.find(heatmap)
    assert region.mask.all() and region.box == (0, 0, 10, 8)
    assert note in region.note and "whole picture" in region.note


def test_one_pixel_gets_a_box_one_can_look_at():
    heatmap = np.zeros((80, 160))
    heatmap[0, 159] = 1
    region = regions.find(heatmap)
    assert region.mask.sum() == 1
    assert region.box == (140, 0, 160, 10)
    assert "only 1 pixels" in region.note


def test_map_of_a_single_pixel_and_empty_map():
    assert regions.find(np.ones((1, 1))).box == (0, 0, 1, 1)
    empty = regions.find(np.zeros((0, 5)))
    assert empty.mask.shape == (0, 5) and "no pixels" in empty.note


def test_some_values_not_finite_are_noted_and_left_out():
    heatmap = two_blobs()
    heatmap[0, :3] = np.nan, np.inf, -np.inf
    region = regions.find(heatmap)
    assert region.box == (10, 5, 40, 25)
    assert "3 values of the map are not finite" in region.note


def test_no_map_stops_a_batch():
    odd = [np.nan, 0.0, -1.0, np.inf, 7.0]
    batch = np.stack([np.full((16, 16), value) for value in odd] + [np.eye(16), np.pad([[1.0]], (0, 15))])
    found = regions.find_all(batch)
    assert len(found) == 7
    assert all(region.note for region in found)
    for region in found:
        assert all(view.size for view in regions.views(np.zeros((16, 16, 3), np.uint8), region).values())


@pytest.mark.parametrize("threshold", [0, 1, -0.1, 1.5, float("nan")])
def test_threshold_must_be_a_share(threshold):
    with pytest.raises(ValueError, match="between 0 and 1"):
        regions.find(np.eye(4), threshold)
    with pytest.raises(ValueError, match="between 0 and 1"):
        regions.find_all([np.eye(4)], threshold)


def test_map_must_be_two_dimensional():
    with pytest.raises(ValueError, match="shape \\(1, 4, 4\\)"):
        regions.find(np.zeros((1, 4, 4)))
    with pytest.raises(ValueError, match="shape \\(4,\\)"):
        regions.find_all(np.eye(4))


def test_views_crop_and_dim_without_changing_hue():
    image = np.full((40, 60, 3), (200, 120, 80), np.uint8)
    region = regions.find(two_blobs())
    seen = regions.views(image, region)
    assert list(seen) == ["original", "roi", "focused"]
    assert seen["roi"].shape == (20, 30, 3)
    np.testing.assert_array_equal(seen["original"], image)
    np.testing.assert_array_equal(seen["focused"][region.mask], image[region.mask])
    np.testing.assert_array_equal(seen["focused"][~region.mask][0], [50, 30, 20])  # a quarter of each: the same hue


def test_views_refuse_a_map_of_another_size():
    with pytest.raises(ValueError, match="resize the map"):
        regions.views(np.zeros((41, 60, 3), np.uint8), regions.find(two_blobs()))


# --- heat-maps against masks ---


@pytest.fixture
def mask():
    """The left quarter of a picture."""
    mask = np.zeros((8, 8), bool)
    mask[:, :2] = True
    return mask


def test_flat_map_scores_chance(mask):
    flat = np.full((8, 8), 2.0)
    assert scoring.energy_inside(flat, mask) == 0.25
    assert scoring.pointing_game(flat, mask) == 0.25
    assert scoring.intersection_over_union(flat, mask) == 0.25


def test_perfect_map_scores_one(mask):
    for score in (scoring.energy_inside, scoring.pointing_game, scoring.intersection_over_union):
        assert score(mask.astype(float), mask) == 1
        assert score((~mask).astype(float), mask) == 0


def test_scores_worked_out_by_hand(mask):
    heatmap = np.zeros((8, 8))
    heatmap[0, 0], heatmap[0, 7], heatmap[1, 7] = 3, 1, -50
    assert scoring.energy_inside(heatmap, mask) == 0.75
    assert scoring.pointing_game(heatmap, mask) == 1
    assert scoring.intersection_over_union(heatmap, mask, threshold=0.2) == pytest.approx(1 / 17)


def test_map_without_evidence(mask):
    for heatmap in (np.zeros((8, 8)), -np.ones((8, 8)), np.full((8, 8), np.nan)):
        assert np.isnan(scoring.energy_inside(heatmap, mask))
        assert scoring.pointing_game(heatmap, mask) == 0.25
        assert scoring.intersection_over_union(heatmap, mask) == 0


def test_shapes_must_agree(mask):
    with pytest.raises(ValueError, match="the mask"):
        scoring.energy_inside(np.zeros((7, 7)), mask)


def test_centre_gaussian_is_centred_and_symmetric():
    blob = scoring.centre_gaussian((9, 15))
    assert blob[4, 7] == blob.max() == 1
    np.testing.assert_allclose(blob, blob[::-1, ::-1])
    assert blob[4, 11] == pytest.approx(np.exp(-((4 / 15) ** 2) / (2 * 0.25**2)))


def test_random_map_follows_its_generator():
    first, again = (scoring.random_map((7, 7), np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert 0 <= first.min() < first.max() < 1
