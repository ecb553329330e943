"""What belongs to the photograph: colours against published values, dark corners against the truth, planted copies."""

import math

import numpy as np
import pandas as pd
import pytest
from PIL import Image

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


# --- the same spot twice ---


def planted(table: pd.DataFrame, folder, change, count: int = 8) -> pd.DataFrame:
    """The table with `count` copies under new lesion numbers; change : how a copy is turned (image or mask)."""
    rows = table.sample(count, random_state=0)
    copies = rows.assign(lesion_id="PLANTED_" + rows["lesion_id"], image_id="COPY_" + rows["image_id"])
    copies["image_path"] = [str(folder / f"{name}.jpg") for name in copies["image_id"]]
    copies["mask_path"] = [str(folder / f"{name}.png") for name in copies["image_id"]]
    for row, copy in zip(rows.itertuples(), copies.itertuples(), strict=True):
        brighter = np.clip(change(data.open_image(row.image_path)) * 1.05, 0, 255).astype(np.uint8)
        Image.fromarray(brighter).save(copy.image_path, quality=70)
        Image.fromarray(np.ascontiguousarray(change(data.open_mask(row.mask_path)))).save(copy.mask_path)
    return pd.concat([table, copies], ignore_index=True)


TURNS = {
    "as it is": lambda array: array,
    "mirrored": lambda array: array[:, ::-1],
    "quarter turn": np.rot90,
    "mirrored and turned": lambda array: np.rot90(array[::-1], 3),
    "closer": lambda array: array[12:-12, 12:-12],
}


@pytest.mark.parametrize("turn", TURNS)
def test_planted_copies_are_found_and_nothing_else(table, tmp_path, turn):
    with_copies = planted(table, tmp_path, TURNS[turn])
    pairs = acquisition.near_duplicates(with_copies)
    across = pairs[~pairs["same_lesion"]]
    copied = across["image_id_b"].str.removeprefix("COPY_") == across["image_id_a"]
    assert copied.sum() == 8 and across["same_label"].all()
    rest = across[~copied]  # a sister of the original is the copy's sister too
    lesions = with_copies.set_index("image_id")["lesion_id"].str.removeprefix("PLANTED_")
    assert (lesions[rest["image_id_a"]].to_numpy() == lesions[rest["image_id_b"]].to_numpy()).all()


def test_strangers_are_not_found(table):
    assert acquisition.near_duplicates(table)["same_lesion"].all()


def test_columns_and_order(table, tmp_path):
    pairs = acquisition.near_duplicates(planted(table, tmp_path, TURNS["mirrored"]))
    assert list(pairs.columns) == ["image_id_a", "image_id_b", "similarity", "same_lesion", "same_label"]
    assert pairs["similarity"].is_monotonic_decreasing and pairs["similarity"].between(0.5, 1.001).all()
    assert not pairs.duplicated(["image_id_a", "image_id_b"]).any()
    assert (pairs["image_id_a"] != pairs["image_id_b"]).all()


def test_without_masks_the_middle_is_compared(table, tmp_path):
    with_copies = planted(table, tmp_path, TURNS["mirrored"]).assign(mask_path="")
    pairs = acquisition.near_duplicates(with_copies)
    assert (pairs["image_id_b"] == "COPY_" + pairs["image_id_a"]).sum() == 8


@pytest.mark.parametrize("rows", [1, 3])
def test_tiny_tables(table, rows):
    assert len(acquisition.near_duplicates(table.drop_duplicates("lesion_id").head(rows))) == 0


def test_hash_search_finds_every_near_pair():
    rng = np.random.default_rng(0)
    bits = rng.random((300, 256)) < 0.5
    bits[7] = bits[290] ^ (np.arange(256) < 40)
    bits[100] = bits[101] ^ (np.arange(256) < acquisition.HASH_DISTANCE + 1)
    hashes = np.packbits(bits, axis=1).view(np.uint64)
    found = acquisition._near_hashes(hashes, hashes)
    apart = (bits[:, None] != bits[None]).sum(axis=2)
    expected = np.argwhere(np.triu(apart <= acquisition.HASH_DISTANCE, 1))
    assert sorted(zip(*found, strict=True)) == sorted(map(tuple, expected)) == [(7, 290)]


@pytest.mark.real
def test_real_pairs_share_their_patients(ham10000):
    """Pairs across lesion numbers agree in age, sex and site far more often than strangers do (about 1 in 100)."""
    table = data.load(ham10000).head(2500)
    pairs = acquisition.near_duplicates(table)
    known = pairs["same_lesion"].sum()
    patients = table["age"].map(str) + table["sex"] + table["localization"]
    patient = patients.set_axis(table["image_id"])
    across = pairs[~pairs["same_lesion"]]
    agree = patient[across["image_id_a"]].to_numpy() == patient[across["image_id_b"]].to_numpy()
    assert known >= 100 and len(across) >= 2 and agree.mean() >= 0.5
