"""Figures made of pictures: every picture is drawn once, under its title."""

import numpy as np
import pytest
from described import described

from dermxai_helpers import plots

PICTURE = np.zeros((8, 12, 3), np.uint8)


def shown(figure) -> int:
    """How many pictures a figure holds; it can be drawn."""
    assert plots.png(figure).startswith(b"\x89PNG")
    return sum(bool(axes.images) for axes in figure.axes)


def test_row_takes_pictures_maps_and_outlines():
    mask = np.zeros((8, 12), bool)
    mask[2:5, 2:5] = True
    pictures = {"photograph": PICTURE, "signed\nmap": np.array([[-1.0, 2.0]]), "map": np.ones((2, 2))}
    figure, alt = plots.row(pictures, "Three pictures.", outlines=[{"white": mask, plots.REGION: ~mask}])
    assert shown(figure) == 3 and alt == "Three pictures. From left to right: photograph, signed map, map."
    assert len(figure.axes[0].collections) == 2 and figure.axes[2].images[0].get_clim() == (0, 1)
    assert not plots.row({"a": PICTURE}, "One.", [{"white": mask & False}])[0].axes[0].collections, "nothing to outline"


def test_a_map_has_a_bar_that_says_what_its_colours_are():
    pictures = {"photograph": PICTURE, "mask": np.zeros((8, 12), bool), "map": np.ones((2, 2))}
    figure, _ = plots.row(pictures, "About.")
    assert shown(figure) == 3 and len(figure.axes) == 4, "one bar: a photograph and a mask have none"


def test_titles_are_broken_so_that_they_do_not_meet():
    title = "a title that is far longer than its picture is wide"
    figure = described(plots.row({f"{number} {title}": PICTURE for number in range(5)}, "Five pictures."), "far longer")
    figure.canvas.draw()
    boxes = [axes.title.get_window_extent() for axes in figure.axes]
    assert all(left.x1 <= right.x0 for left, right in zip(boxes, boxes[1:], strict=False))
    assert min(box.y0 for box in boxes) > 0 and max(box.y1 for box in boxes) <= figure.bbox.y1


def test_rows_of_photographs_are_narrow_enough_for_a_notebook():
    six, eight = plots.row(dict.fromkeys("abcdef", PICTURE), "Six."), plots.gallery([PICTURE] * 8, ["x"] * 8, "Eight")
    for figure, _ in (six, eight):
        assert figure.get_figwidth() <= plots.SHEET <= 7.5


def test_sheet_labels_its_rows():
    figure, alt = plots.sheet({"benign keratosis": [PICTURE, PICTURE], "nevus": [PICTURE]}, "Photographs")
    assert shown(figure) == 3 and alt == "Photographs: 2 of benign keratosis, 1 of nevus."


@pytest.mark.parametrize(("count", "places"), [(3, 3), (5, 8)])
def test_gallery_has_four_pictures_a_row(count, places):
    figure, alt = plots.gallery([PICTURE] * count, [f"nv, called mel\nwith {n}%" for n in range(count)], "Mistakes")
    assert len(figure.axes) == places and shown(figure) == count
    assert alt.startswith(f"Mistakes: {count} pictures.")


def test_cards_saved_twice_are_the_same_file(recwarn):
    figure, _ = plots.cards([{"nevus": (PICTURE, "A lesion.")}], "demo")
    assert plots.common.png(figure) == plots.common.png(figure)
    assert not recwarn


def test_cards_show_each_picture_over_its_caption():
    figure, alt = plots.cards([{"nevus, roi": (PICTURE, "A lesion."), "nevus, whole": (PICTURE, "B.")}], "demo")
    assert shown(figure) == 2 and "nevus, roi: A lesion. nevus, whole: B." in alt and "(demo)" in alt
    assert [axes.get_xlabel() for axes in figure.axes] == ["A lesion.", "B."]


def test_a_picture_may_be_a_path(tmp_path):
    from PIL import Image

    Image.fromarray(PICTURE + np.uint8(9)).save(tmp_path / "grey.png")
    figure, _ = plots.gallery([str(tmp_path / "grey.png")], ["grey"], "One")
    assert (figure.axes[0].images[0].get_array() == 9).all()
