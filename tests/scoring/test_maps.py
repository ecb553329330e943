"""Maps against masks, and maps that know no network."""

import numpy as np
import pytest

from dermxai_helpers.scoring import maps


@pytest.mark.parametrize("seed", range(3))
def test_iou_equals_counting(seed):
    rng = np.random.default_rng(seed)
    heatmap, mask = rng.normal(size=(20, 30)).round(1), rng.random((20, 30)) < 0.3
    marked = (heatmap >= heatmap.max() / 2) & (heatmap > 0)
    assert maps.iou_at_half(heatmap, mask) == pytest.approx((marked & mask).sum() / (marked | mask).sum())


def test_edge_map_is_the_slope_of_the_brightness():
    grey = np.zeros((8, 8, 3), np.uint8)
    grey[:] = (10 * np.arange(8))[None, :, None]  # ten grey levels a pixel to the right
    edges = maps.edge_map(grey)
    assert edges[2:-2, 2:-2] == pytest.approx(np.full((4, 4), 10.0))
    grey[:] = 77
    assert not maps.edge_map(grey).any()


@pytest.fixture
def mask():
    """The left quarter of a picture."""
    mask = np.zeros((8, 8), bool)
    mask[:, :2] = True
    return mask


SCORES = (maps.energy_inside, maps.iou_at_half)


@pytest.mark.parametrize("score", SCORES)
def test_a_flat_map_scores_chance_and_a_perfect_one_one(score, mask):
    assert score(np.full((8, 8), 2.0), mask) == 0.25
    assert score(mask.astype(float), mask) == 1
    assert score((~mask).astype(float), mask) == 0


def test_scores_worked_out_by_hand(mask):
    heatmap = np.zeros((8, 8))
    heatmap[0, 0], heatmap[0, 7], heatmap[1, 7] = 3, 1, -50
    assert maps.energy_inside(heatmap, mask) == 0.75
    assert maps.iou_at_half(heatmap, mask) == pytest.approx(1 / 16)


@pytest.mark.parametrize("heatmap", [np.zeros((8, 8)), -np.ones((8, 8)), np.full((8, 8), np.nan)])
def test_a_map_without_evidence(heatmap, mask):
    assert np.isnan(maps.energy_inside(heatmap, mask))
    assert maps.iou_at_half(heatmap, mask) == 0


def test_shapes_must_agree(mask):
    with pytest.raises(ValueError, match="the mask"):
        maps.energy_inside(np.zeros((7, 7)), mask)


def test_centre_gaussian_is_centred_and_symmetric():
    blob = maps.centre_gaussian((9, 15))
    assert blob[4, 7] == blob.max() == 1
    np.testing.assert_allclose(blob, blob[::-1, ::-1])
    assert blob[4, 11] == pytest.approx(np.exp(-((4 / 15) ** 2) / (2 * 0.25**2)))


@pytest.mark.parametrize("judge", SCORES)
def test_a_mask_may_come_as_it_stands_in_a_file(judge):
    rng = np.random.default_rng(0)
    heatmap, mask = rng.random((9, 7)), rng.random((9, 7)) < 0.4
    for one in (mask.astype(np.uint8) * 255, mask.astype(float), mask.astype(int)):
        np.testing.assert_array_equal(judge(heatmap, one), judge(heatmap, mask))


@pytest.mark.parametrize("judge", SCORES)
@pytest.mark.parametrize(
    ("heatmap", "mask", "sentence"),
    [
        (np.eye(2), np.array([[3, 0], [1, 255]], np.uint8), "a mask must be True or False"),  # a JPEG
        (np.eye(2), np.array([[0.2, 0.9], [0, 1]]), "a mask must be True or False"),
        (np.eye(2), np.array([["False", "False"]] * 2), "a mask must be True or False"),
        (np.eye(2), np.full((2, 2), np.nan), "a mask must be True or False"),
        (np.eye(2), np.ones((4, 4), bool), r"the map has shape \(2, 2\) and the mask \(4, 4\)"),
        (np.ones((2, 2, 3)), np.ones((2, 2, 3), bool), r"both must be \(height, width\)"),
        (np.ones(4), np.ones(4, bool), r"both must be \(height, width\)"),
        (np.ones((0, 4)), np.ones((0, 4), bool), r"both must be \(height, width\)"),
        (np.array([["a", "b"]]), np.ones((1, 2), bool), "could not convert string to float"),
    ],
)
def test_maps_and_masks_that_do_not_fit_get_a_sentence(judge, heatmap, mask, sentence):
    with pytest.raises(ValueError, match=sentence):
        judge(heatmap, mask)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf, -np.inf])
def test_a_map_that_says_nothing_is_no_evidence(value):
    heatmap, mask = np.full((4, 4), value), np.eye(4, dtype=bool)
    assert np.isnan(maps.energy_inside(heatmap, mask))
    assert maps.iou_at_half(heatmap, mask) == 0
