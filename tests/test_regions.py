"""Regions of heat-maps with a stated fallback for every odd map."""

import numpy as np
import pytest
import torch

from dermxai_helpers import regions


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
        (np.full((8, 10), np.nan), "no positive evidence"),
        (np.full((8, 10), np.inf), "no positive evidence"),
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
    assert empty.mask.shape == (0, 5) and empty.note


def test_some_values_not_finite_are_noted_and_left_out():
    heatmap = two_blobs()
    heatmap[0, :3] = np.nan, np.inf, -np.inf
    region = regions.find(heatmap)
    assert region.box == (10, 5, 40, 25)
    assert "3 values of the map are not finite" in region.note


def test_no_map_stops_a_batch():
    odd = [np.nan, 0.0, -1.0, np.inf, 7.0]
    batch = np.stack([np.full((16, 16), value) for value in odd] + [np.eye(16), np.pad([[1.0]], (0, 15))])
    found = [regions.find(heatmap) for heatmap in batch]
    assert len(found) == 7
    assert all(region.note for region in found)
    for region in found:
        assert all(view.size for view in regions.views(np.zeros((16, 16, 3), np.uint8), region).values())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        *(
            ((np.eye(4), threshold), f"threshold between 0 and 1 .* got {threshold}")
            for threshold in (0, 1, -0.1, 1.5)
        ),
        ((np.eye(4), float("nan")), "threshold between 0 and 1"),
        ((np.zeros((1, 4, 4)),), r"a map of shape \(height, width\), got .* shape \(1, 4, 4\)"),
        ((np.ones(4),), r"shape \(4,\)"),
    ],
)
def test_settings_outside_their_range_get_a_sentence(arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        regions.find(*arguments)


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


# --- regions against lesions ---


def test_region_scores_worked_out_by_hand():
    lesion = np.zeros((10, 10), bool)
    lesion[0:4, 0:4] = True
    mask = np.zeros((10, 10), bool)
    mask[2:6, 0:4] = True  # half of it on the lesion
    region = regions.Region(mask, (0, 0, 4, 10))
    scores = regions.score(region, lesion)
    assert scores == pytest.approx({
        "iou": 8 / 24, "lesion kept": 0.5, "area": 0.16,
        "centred box: iou": 1 / 31, "centred box: lesion kept": 1 / 16,  # rows and columns 3 to 6
    })  # fmt: skip


def test_region_that_is_the_lesion_scores_one_and_the_whole_picture_its_share():
    lesion = regions.find(two_blobs()).mask
    exact = regions.score(regions.Region(lesion, (10, 5, 40, 25)), lesion)
    assert exact["iou"] == exact["lesion kept"] == 1 and exact["area"] == lesion.mean()
    everything = regions.score(regions.find(np.zeros((40, 60))), lesion)
    assert everything["iou"] == everything["centred box: iou"] == pytest.approx(lesion.mean())
    assert everything["lesion kept"] == everything["centred box: lesion kept"] == 1


def test_no_lesion_has_no_share_to_keep():
    scores = regions.score(regions.find(two_blobs()), np.zeros((40, 60), bool))
    assert scores["iou"] == 0 and np.isnan(scores["lesion kept"])


@pytest.mark.parametrize("shape", [(40, 60), (7, 5), (1, 30), (224, 224)])
def test_centred_box_has_the_area_asked_for(shape):
    pixels = shape[0] * shape[1]
    for area in {1, pixels // 7, pixels // 2, pixels - 1, pixels}:
        left, top, right, bottom = regions.centred_box(area, shape)
        assert 0 <= left <= right <= shape[1] and 0 <= top <= bottom <= shape[0]
        assert abs((right - left) * (bottom - top) - area) <= max(shape) / 2
        assert abs(left - (shape[1] - right)) <= 1 and abs(top - (shape[0] - bottom)) <= 1
    assert regions.centred_box(0, shape)[0] == regions.centred_box(0, shape)[2]


def test_score_refuses_another_shape():
    with pytest.raises(ValueError, match="need the same"):
        regions.score(regions.find(two_blobs()), np.zeros((40, 61), bool))


@pytest.mark.parametrize("kind", [np.float16, np.uint8, list, torch.tensor])
def test_a_map_of_any_kind_gives_the_same_region_without_a_note(kind):
    heatmap = np.zeros((12, 12), int)
    heatmap[2:9, 3:8] = 4
    one = kind(heatmap.tolist()) if kind in (list, torch.tensor) else heatmap.astype(kind)
    assert regions.find(one).box == (3, 2, 8, 9) and not regions.find(one).note


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((3, 40, 60), np.uint8), np.zeros((40, 60), np.uint8), np.zeros((40, 60, 4), np.uint8),
        np.zeros((40, 60, 3)), np.zeros((60, 40, 3), np.uint8), np.zeros((0, 60, 3), np.uint8), [[0]],
    ],
)  # fmt: skip
def test_views_of_what_is_no_picture_of_the_map_get_a_sentence(image):
    with pytest.raises(ValueError, match="give uint8, colours last; resize the map with Explanation.resized"):
        regions.views(image, regions.find(two_blobs()))


@pytest.mark.parametrize("height", [1, 3, 4])
def test_a_strip_keeps_its_colours(height):
    image = np.zeros((height, 9, 3), np.uint8)
    image[..., 0] = 200
    heatmap = np.zeros((height, 9))
    heatmap[:, 4:7] = 1
    seen = regions.views(image, regions.find(heatmap))
    assert seen["roi"].shape == (height, 3, 3) and (seen["roi"] == [200, 0, 0]).all()


def test_a_lesions_mask_may_come_as_it_stands_in_a_file():
    region, lesion = regions.find(two_blobs()), two_blobs() > 0.5
    expected = regions.score(region, lesion)
    assert regions.score(region, lesion.astype(np.uint8) * 255) == expected
    with pytest.raises(ValueError, match="a mask must be True or False"):
        regions.score(region, np.where(lesion, 255, 3))
    assert np.isnan(regions.score(region, lesion & False)["lesion kept"])
