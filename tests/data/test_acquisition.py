"""What belongs to the photograph: colours against published values, dark corners against the truth."""

import math

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import data, synth
from dermxai_helpers.data import acquisition


@pytest.fixture(scope="module")
def table(drawn) -> pd.DataFrame:
    return data.load(drawn)


@pytest.fixture(scope="module")
def measured(table) -> pd.DataFrame:
    return acquisition.measured(table)


@pytest.fixture(scope="module")
def truth(drawn, table) -> pd.DataFrame:
    return data.truth(drawn).set_index("image_id").loc[table["image_id"]].reset_index()


# --- colour ---

PUBLISHED = {  # sRGB under D65, e.g. Lindbloom's calculator
    (255, 0, 0): (53.24, 80.09, 67.20),
    (0, 255, 0): (87.73, -86.18, 83.18),
    (0, 0, 255): (32.30, 79.19, -107.86),
    (255, 255, 255): (100, 0, 0),
    (128, 128, 128): (53.59, 0, 0),
    (0, 0, 0): (0, 0, 0),
}


@pytest.mark.parametrize(("colour", "expected"), PUBLISHED.items())
def test_lab(colour, expected):
    assert acquisition.lab(np.array(colour, np.uint8)) == pytest.approx(expected, abs=0.03)


def plain(colour, spot=(60, 30, 20)) -> tuple[np.ndarray, np.ndarray]:
    """A disc of one colour on skin of another, and its mask."""
    rows, columns = np.mgrid[:120, :160]
    mask = np.hypot(rows - 60, columns - 80) < 25
    return np.where(mask[..., None], spot, colour).astype(np.uint8), mask


def test_angle_is_that_of_the_skin_and_not_of_the_spot():
    skin = (224, 172, 138)
    lightness, _, yellowness = acquisition.lab(np.array(skin, np.uint8))
    expected = math.degrees(math.atan((lightness - 50) / yellowness))
    for spot in ((0, 0, 0), (60, 30, 20), (250, 250, 250)):
        assert acquisition.colour_of_skin(*plain(skin, spot)) == pytest.approx(expected)


def test_hair_dark_corners_and_the_rim_do_not_matter():
    image, mask = plain((224, 172, 138))
    expected = acquisition.colour_of_skin(image, mask)
    rows, columns = np.mgrid[:120, :160]
    image[np.hypot(rows - 60, columns - 80) < 28] = (90, 60, 50)  # the border fades beyond the mask
    image[::12] = (30, 20, 20)
    image[np.hypot(rows - 60, columns - 80) > 85] = 5
    assert acquisition.colour_of_skin(image, mask) == pytest.approx(expected)


def test_bluish_light_is_no_skin_colour():
    """The same skin under a bluer lamp goes beyond 90 degrees; arctan alone would call it dark."""
    image, mask = plain((224, 190, 200))
    angle = acquisition.colour_of_skin(image, mask)
    assert angle > 90 and acquisition.angle_band(angle) == acquisition.NO_SKIN
    lightness, _, yellowness = acquisition.lab(image[0, 0])
    assert acquisition.angle_band(math.degrees(math.atan((lightness - 50) / yellowness))) == "dark"


def test_no_skin_no_angle():
    image, mask = plain((224, 172, 138))
    assert math.isnan(acquisition.colour_of_skin(image, np.ones_like(mask)))
    assert math.isnan(acquisition.colour_of_skin(np.zeros_like(image), mask))


@pytest.mark.parametrize(
    ("angle", "name"),
    [(60, "very light"), (55, "light"), (41, "intermediate"), (28, "tan"), (10, "brown"), (-30, "dark"), (-89, "dark"),
     (90, "very light"), (91, acquisition.NO_SKIN), (-90, acquisition.NO_SKIN), (math.nan, "not measured")],
)  # fmt: skip
def test_bands(angle, name):
    assert acquisition.angle_band(angle) == name


def test_drawn_skins_come_out_in_their_order(measured, truth):
    medians = measured.groupby(truth["skin"])["skin_angle"].median()
    assert medians.index.tolist() == sorted(medians.index) and medians.is_monotonic_decreasing
    assert measured["skin_angle"].abs().max() < 90


@pytest.mark.parametrize("absent", ["", None, np.nan])
def test_without_mask_the_skin_is_unknown(table, absent):
    found = acquisition.measured(table.head(3).assign(mask_path=[absent, *table["mask_path"][1:3]]))
    assert found["skin_angle"].isna().tolist() == [True, False, False] and found["dark_corners"].notna().all()


# --- dark corners ---


def test_dark_corners_are_found_exactly_in_drawn_lesions(measured, truth):
    assert ((measured["dark_corners"] >= acquisition.HAS_DARK_CORNERS) == truth["vignette"]).all()
    assert truth["vignette"].any() and not truth["vignette"].all()


@pytest.mark.parametrize("shape", [(100, 100), (90, 160), (200, 60)])
def test_share_of_the_corners(shape):
    image = np.full((*shape, 3), 200, np.uint8)
    assert acquisition.dark_corners(image) == 0
    image[: shape[0] // 2, : shape[1] // 2] = 10
    assert acquisition.dark_corners(image) == pytest.approx(0.25)
    image[:, : shape[1] // 2] = 10
    assert acquisition.dark_corners(image) == pytest.approx(0.5)


def test_black_lesion_in_the_middle_and_dark_skin_are_no_dark_corners():
    image, _ = plain((224, 172, 138), (0, 0, 0))
    assert acquisition.dark_corners(image) == 0
    darkest = synth.draw(3, skin="VI", vignette=False, ink=False, ruler=False, hair=False).image
    assert acquisition.dark_corners(darkest) < 0.05
