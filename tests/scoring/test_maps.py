"""Maps against masks: the Jaccard index by threshold, and maps that know no network."""

import numpy as np
import pytest

from dermxai_helpers import scoring, synth
from dermxai_helpers.scoring import maps as plausibility

RNG = np.random.default_rng(0)


def by_hand(heatmap: np.ndarray, mask: np.ndarray, threshold: float) -> float:
    marked = (heatmap >= threshold * heatmap.max()) & (heatmap > 0)
    return (marked & mask).sum() / (marked | mask).sum()


@pytest.mark.parametrize("seed", range(3))
def test_jaccard_at_every_threshold_equals_counting(seed):
    rng = np.random.default_rng(seed)
    heatmap, mask = rng.normal(size=(20, 30)).round(1), rng.random((20, 30)) < 0.3
    ours = plausibility.jaccard_by_threshold(heatmap, mask)
    assert ours == pytest.approx([by_hand(heatmap, mask, threshold) for threshold in plausibility.THRESHOLDS])
    assert plausibility.intersection_over_union(heatmap, mask, 0.3) == pytest.approx(ours[2])


def test_jaccard_of_a_map_without_evidence_is_zero():
    mask = np.ones((4, 4), bool)
    for heatmap in (np.zeros((4, 4)), -np.ones((4, 4)), np.full((4, 4), np.nan)):
        assert not plausibility.jaccard_by_threshold(heatmap, mask).any()


def test_the_mask_itself_has_a_jaccard_of_one():
    mask = synth.draw(1).mask
    assert (plausibility.jaccard_by_threshold(mask, mask) == 1).all()


def test_best_jaccard_takes_one_threshold_for_all_images():
    """Each image has its own best threshold; no image may choose it."""
    table = np.array([[0.1, 0.5, 0.2], [0.9, 0.6, 0.1], [np.nan] * 3])
    threshold, values = plausibility.best_jaccard(table, np.array([0.3, 0.5, 0.7]))
    assert threshold == 0.5
    assert values == pytest.approx([0.5, 0.6, np.nan], nan_ok=True)


def test_best_jaccard_without_any_image():
    threshold, values = plausibility.best_jaccard(np.full((2, 9), np.nan))
    assert np.isnan(values).all() and threshold in plausibility.THRESHOLDS


def test_touching_is_easy_and_missing_is_possible():
    mask = np.zeros((10, 10), bool)
    mask[4:7, 4:7] = True
    assert plausibility.touches(plausibility.centre_gaussian((10, 10)), mask) == 1
    corner = np.zeros((10, 10))
    corner[0, 0] = 1
    assert plausibility.touches(corner, mask) == 0


def test_edge_map_is_the_slope_of_the_brightness():
    grey = np.zeros((8, 8, 3), np.uint8)
    grey[:] = (10 * np.arange(8))[None, :, None]  # ten grey levels a pixel to the right
    edges = plausibility.edge_map(grey)
    assert edges[2:-2, 2:-2] == pytest.approx(np.full((4, 4), 10.0))
    grey[:] = 77
    assert not plausibility.edge_map(grey).any()


def test_scoring_still_offers_the_functions_that_moved():
    for name in ("energy_inside", "pointing_game", "intersection_over_union", "centre_gaussian", "random_map"):
        assert getattr(scoring, name) is getattr(plausibility, name)
