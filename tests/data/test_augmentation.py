"""Random views: same seed same view, within the stated ranges, no black corners."""

import numpy as np
import pytest

from dermxai_helpers.data import acquisition


@pytest.mark.parametrize("shape", [(224, 224), (150, 200), (450, 600), (31, 17)])
def test_a_view_has_the_photographs_shape_and_depends_on_the_seed_only(shape):
    image = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
    views = [acquisition.augmented(image, seed) for seed in (1, 1, 2)]
    assert views[0].shape == image.shape and views[0].dtype == np.uint8
    assert np.array_equal(views[0], views[1]) and not np.array_equal(views[0], views[2])


@pytest.mark.parametrize("shape", [(150, 200), (224, 224), (200, 150)])
def test_no_view_has_black_corners_that_the_photograph_had_not(shape):
    white = np.full((*shape, 3), 255, np.uint8)
    assert min(acquisition.augmented(white, seed).min() for seed in range(200)) == 255


def test_crops_and_turns_stay_in_their_ranges():
    """A disc keeps its shape when turned, so its area and centre tell of the crop alone."""
    rows, columns = np.mgrid[:200, :200]
    disc = ((rows - 99.5) ** 2 + (columns - 99.5) ** 2 < 40**2).astype(np.uint8) * 255
    areas = [(acquisition.augmented(np.dstack([disc] * 3), seed)[..., 0] > 127).mean() for seed in range(200)]
    enlarged = np.array(areas) / (disc > 127).mean()
    low, high = acquisition.CROP_AREA
    assert 1 / high - 0.02 <= enlarged.min() < 1.03 and 1 / low - 0.03 < enlarged.max() <= 1 / low + 0.05


def test_all_four_mirrorings_occur_equally_often():
    corner = np.zeros((64, 64, 3), np.uint8)
    corner[:20, :20] = 255
    seen = [acquisition.augmented(corner, seed)[..., 0].astype(float) for seed in range(400)]
    where = [(view[:32].sum() > view[32:].sum(), view[:, :32].sum() > view[:, 32:].sum()) for view in seen]
    counts = np.unique(np.array(where), axis=0, return_counts=True)[1]
    assert len(counts) == 4 and counts.min() > 70
