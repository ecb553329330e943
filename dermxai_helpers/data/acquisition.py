"""What belongs to the photograph, not to the lesion: the colour of the light, dark corners, and which view it is."""

import math

import numpy as np
import pandas as pd
from PIL import Image
from scipy import ndimage

from dermxai_helpers.data.images import as_rgb, open_mask, opened, upright
from dermxai_helpers.files import progress

READ_SIZE = (112, 150)  # pixels, at least: a larger JPEG is decoded at a half, a quarter or an eighth of its size

ANGLE_BANDS = {-90: "dark", -30: "brown", 10: "tan", 28: "intermediate", 41: "light", 55: "very light"}  # from
NO_SKIN = "bluish, no skin's colour"  # beyond 90 degrees either way
MARGIN = 0.05  # rim round the lesion that is not yet skin, as a share of the picture's shorter side
LEAST_SKIN = 0.05  # share of the picture; with less, nothing is said about the skin

NEAR_BLACK = 50  # of 255, for the brightest of red, green and blue: darker than skin, even the darkest that is drawn
CORNER = 0.2  # legs of the corner triangles, as a share of half of each side
HAS_DARK_CORNERS = 0.25  # share of near-black pixels in the corners: one corner of four is enough

# Linear sRGB to CIE XYZ (IEC 61966-2-1), and the white of daylight, D65
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ.sum(axis=1)

CROP_AREA = (0.8, 1.0)  # share of the picture that a crop keeps
CROP_RATIO = (0.9, 1.1)  # width : height of a crop, relative to the picture's
DEGREES = 15  # largest turn either way; the corners it uncovers are mirrored, not black: black corners mean a lens


def measured(table: pd.DataFrame) -> pd.DataFrame:
    """Measure the colour of the skin and the dark corners of every photograph: a table with the same index.

    Columns: skin_angle in degrees (`colour_of_skin`), NaN for an image without lesion mask; dark_corners, 0 to 1.
    """
    rows = []
    for path, mask_path in progress(table[["image_path", "mask_path"]].fillna("").to_numpy(), "measuring", delay=3):
        with opened(path) as picture:
            picture.draft("RGB", READ_SIZE[::-1])
            image = np.array(as_rgb(upright(picture)))
        angle = colour_of_skin(image, open_mask(mask_path, image.shape[:2])) if mask_path else math.nan
        rows.append((angle, dark_corners(image)))
    return pd.DataFrame(rows, columns=["skin_angle", "dark_corners"], index=table.index)


def colour_of_skin(image: np.ndarray, mask: np.ndarray) -> float:
    r"""Measure the individual typology angle of the skin round a lesion, in degrees, on its median colour.

    $$ \alpha = \operatorname{atan2}(L^* - 50, b^*) $$

    image : uint8 (height, width, 3) RGB; mask : bool (height, width), True on the lesion

    >>> skin = np.full((9, 9, 3), (224, 172, 138), np.uint8)
    >>> round(colour_of_skin(skin, np.zeros((9, 9), bool)))
    44

    The lesion with a margin and near-black pixels (dark corners) are left out; NaN where hardly any skin is left.
    Lamp and camera can move this colour further than people differ: it is nobody's skin type. An angle beyond 90
    degrees (b* < 0) is the camera's doing; with arctan, as is often written, it would come out as dark skin.
    Source: Chardon, Cretois, Hourseau 1991, doi:10.1111/j.1467-2494.1991.tb00561.x.
    """
    step = max(1, min(mask.shape) // 50)  # a median needs no more pixels than that
    image, mask = image[::step, ::step], mask[::step, ::step]
    rim = max(1, round(MARGIN * min(mask.shape)))
    skin = ~ndimage.binary_dilation(mask, iterations=rim) & (image.max(axis=2) > NEAR_BLACK)
    if skin.mean() < LEAST_SKIN:
        return math.nan
    lightness, _, yellowness = lab(np.median(image[skin], axis=0).astype(np.uint8))
    return math.degrees(math.atan2(lightness - 50, yellowness))


def angle_band(angle: float) -> str:
    """The usual name of an individual typology angle; it describes a colour, not a person."""
    if math.isnan(angle):
        return "not measured"
    if not -90 < angle <= 90:
        return NO_SKIN
    return ANGLE_BANDS[max(limit for limit in ANGLE_BANDS if limit < angle)]


def lab(colour: np.ndarray) -> np.ndarray:
    """An sRGB colour, uint8 (3,), as CIELAB: lightness, green to red, blue to yellow (CIE 15:2004, section 8.2.1)."""
    level = colour / 255
    linear = np.where(level <= 0.04045, level / 12.92, ((level + 0.055) / 1.055) ** 2.4)
    ratio = TO_XYZ @ linear / WHITE
    x, y, z = np.where(ratio > (6 / 29) ** 3, np.cbrt(ratio), ratio * (29 / 6) ** 2 / 3 + 4 / 29)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def dark_corners(image: np.ndarray) -> float:
    """Share of near-black pixels in the four corner triangles of a uint8 RGB picture; a round lens leaves all dark."""
    height, width = image.shape[:2]
    rows, columns = (np.arange(side) * 2 + 1 - side for side in (height, width))
    corners = np.abs(rows)[:, None] / height + np.abs(columns) / width > 2 - CORNER
    return float((image[corners].max(axis=1) < NEAR_BLACK).mean())


def augmented(image: np.ndarray, seed: int) -> np.ndarray:
    """One random view of a photograph, uint8 (height, width, 3) RGB like it; the same seed gives the same view.

    Source: Rodriguez, "Explainable AI for Dermatology", section 3.2, names the three changes.
    """
    rng = np.random.default_rng(seed)  # not torchvision's transforms: threads would share their random numbers
    height, width, _ = image.shape
    rim = int(np.ceil(0.14 * max(height, width)))  # wide enough for the corners of the largest turn
    mirrored = np.pad(image, ((rim, rim), (rim, rim), (0, 0)), mode="reflect")
    turned = Image.fromarray(mirrored).rotate(rng.uniform(-DEGREES, DEGREES), Image.Resampling.BILINEAR)
    area, ratio = rng.uniform(*CROP_AREA), np.exp(rng.uniform(*np.log(CROP_RATIO)))
    crop_width, crop_height = min(width, width * np.sqrt(area * ratio)), min(height, height * np.sqrt(area / ratio))
    left, top = rim + rng.uniform(0, width - crop_width), rim + rng.uniform(0, height - crop_height)
    box = (left, top, left + crop_width, top + crop_height)
    view = np.asarray(turned.resize((width, height), Image.Resampling.BILINEAR, box=box))
    axes = np.flatnonzero(rng.random(2) < 0.5)  # a lesion has no up and down
    return np.ascontiguousarray(np.flip(view, tuple(axes)))
