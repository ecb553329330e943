"""What belongs to the photograph, not to the lesion: the colour of the light, dark corners, a spot shown twice."""

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd
from PIL import Image
from scipy import linalg, ndimage

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

THUMBNAIL = 32  # pixels a side
FRAME = 1.25  # side of the square that is compared, in square roots of the lesion's area
DETAIL = (1.5, 3)  # pixels of a thumbnail: what is coarser than the first is light, the second evens out contrast
COMMON = 20  # principal components that all photographs share; a folder of fewer than 100 gives up a fifth
HASH_GRID = 16  # cells a side: a hash has 256 bits
HASH_DISTANCE = 83  # bits; in HAM10000 99 of 100 pairs with a similarity of 0.5 or more differ in no more
SIMILARITY = 0.5  # correlation of the details from which on two photographs show one spot

# Linear sRGB to CIE XYZ (IEC 61966-2-1), and the white of daylight, D65
TO_XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = TO_XYZ.sum(axis=1)


def measured(table: pd.DataFrame) -> pd.DataFrame:
    """Measure the colour of the skin and the dark corners of every photograph: a table with the same index.

    Columns: skin_angle in degrees (`colour_of_skin`), NaN for an image without lesion mask; dark_corners, 0 to 1.
    """
    rows = []
    for path, mask_path in progress(table[["image_path", "mask_path"]].fillna("").to_numpy(), "measuring", delay=3):
        image = _small(path)
        angle = colour_of_skin(image, open_mask(mask_path, image.shape[:2])) if mask_path else math.nan
        rows.append((angle, dark_corners(image)))
    return pd.DataFrame(rows, columns=["skin_angle", "dark_corners"], index=table.index)


def _small(path: str) -> np.ndarray:
    """A photograph as uint8 RGB of READ_SIZE or more (or its own size, if that is less), upright."""
    with opened(path) as picture:
        picture.draft("RGB", READ_SIZE[::-1])
        return np.array(as_rgb(upright(picture)))


def colour_of_skin(image: np.ndarray, mask: np.ndarray) -> float:
    r"""Measure the individual typology angle of the skin round a lesion, in degrees, on its median colour.

    $$ \alpha = \operatorname{atan2}(L^* - 50, b^*) $$

    image : uint8 (height, width, 3) RGB; mask : bool (height, width), True on the lesion

    >>> skin = np.full((9, 9, 3), (224, 172, 138), np.uint8)
    >>> round(colour_of_skin(skin, np.zeros((9, 9), bool)))
    44

    The lesion with a margin and near-black pixels (dark corners) are left out; NaN where hardly any skin is left.
    Lamp, white balance and exposure can move this colour further than people differ: it is nobody's skin type. An angle
    beyond 90 degrees (b* < 0) is the camera's doing; with arctan, as is often written, it would come out as dark skin.
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


def near_duplicates(table: pd.DataFrame) -> pd.DataFrame:
    """Find pairs of photographs that show one spot of skin, whatever their lesion numbers say; the most alike first.

    Thumbnails, cut out round the lesion (from the middle, unless every image has a mask), without light and all that
    spots have in common, are hashed. Pairs whose hashes nearly agree in one of eight turns and flips are compared pixel
    by pixel. Columns: image_id_a, image_id_b, similarity (SIMILARITY or more), same_lesion, same_label.
    Source: a perceptual hash, as in Zauner 2010, "Implementation and benchmarking of perceptual image hash functions".
    """
    details = _without_common_part(_details(table))
    hashes = _hashes(details)
    found = []
    for turned in _turns(details):
        a, b = _near_hashes(hashes, _hashes(turned))
        similarity = np.einsum("nij,nij->n", details[a], turned[b])
        found.append(pd.DataFrame({"a": a, "b": b, "similarity": similarity}))
    pairs = pd.concat(found).query("similarity >= @SIMILARITY")
    pairs = pairs.sort_values(["similarity", "a", "b"], ascending=[False, True, True]).drop_duplicates(["a", "b"])
    rows = table[["image_id", "lesion_id", "dx"]].reset_index(drop=True)
    pairs = pairs.join(rows.add_suffix("_a"), on="a").join(rows.add_suffix("_b"), on="b").reset_index(drop=True)
    pairs["same_lesion"] = pairs["lesion_id_a"] == pairs["lesion_id_b"]
    pairs["same_label"] = pairs["dx_a"] == pairs["dx_b"]
    return pairs[["image_id_a", "image_id_b", "similarity", "same_lesion", "same_label"]]


def _details(table: pd.DataFrame) -> np.ndarray:
    """Fine details of every photograph, float (n, THUMBNAIL, THUMBNAIL): coarse light taken out, contrast evened."""
    cut_out = table["mask_path"].fillna("").all()
    bar = progress(table[["image_path", "mask_path"]].to_numpy(), "looking for the same spot", delay=3)
    thumbnails = np.stack([_thumbnail(_small(path), mask_path if cut_out else "") for path, mask_path in bar])
    coarse, region = DETAIL
    detail = thumbnails - ndimage.gaussian_filter(thumbnails, (0, coarse, coarse))
    contrast = np.sqrt(ndimage.gaussian_filter(detail**2, (0, region, region)))
    detail /= contrast + 3  # of 255: noise in flat skin stays small
    return detail - detail.mean(axis=(1, 2), keepdims=True)


def _thumbnail(image: np.ndarray, mask_path: str) -> np.ndarray:
    """The square round the lesion, or the largest in the middle, in grey: float32 (THUMBNAIL, THUMBNAIL), 0 to 255."""
    height, width = image.shape[:2]
    middle, side = (height / 2, width / 2), min(height, width)
    if mask_path and (mask := open_mask(mask_path, (height, width))).any():
        middle = [float(places.mean()) + 0.5 for places in np.nonzero(mask)]
        side = min(FRAME * math.sqrt(mask.sum()), side)
    top, left = (np.clip(at - side / 2, 0, size - side) for at, size in zip(middle, (height, width), strict=True))
    grey = Image.fromarray(image).convert("L")
    square = grey.resize((THUMBNAIL,) * 2, Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    return np.asarray(square, np.float32)


def _without_common_part(details: np.ndarray) -> np.ndarray:
    """Details without the principal components that all share, for every spot has a rim; each of length 1 (or 0)."""
    n, pixels = len(details), THUMBNAIL**2
    count = min(COMMON, n // 5)  # few pictures: components that belong to one pair must not be taken out
    flat = _of_length_1(details.reshape(n, pixels))
    covariance = flat.T @ flat
    orders = [order.ravel() for order in _turns(np.arange(pixels).reshape(1, THUMBNAIL, THUMBNAIL))]
    covariance = sum(covariance[np.ix_(order, order)] for order in orders)  # as if each lay in all eight ways
    if count:
        _, common = linalg.eigh(covariance, subset_by_index=(pixels - count, pixels - 1))
        flat -= flat @ common @ common.T
    return _of_length_1(flat).reshape(details.shape)


def _of_length_1(rows: np.ndarray) -> np.ndarray:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)


def _turns(details: np.ndarray) -> Iterator[np.ndarray]:
    """The eight ways to lay a square: four quarter turns, each as it is and mirrored."""
    for flipped in (details, details[:, :, ::-1]):
        for quarters in range(4):
            yield np.ascontiguousarray(np.rot90(flipped, quarters, axes=(1, 2)))


def _hashes(details: np.ndarray) -> np.ndarray:
    """Which cells of a grid are brighter than the common picture: uint64 (n, 4)."""
    n, cell = len(details), THUMBNAIL // HASH_GRID
    grid = details.reshape(n, HASH_GRID, cell, HASH_GRID, cell).mean(axis=(2, 4))
    return np.packbits((grid > 0).reshape(n, -1), axis=1).view(np.uint64)


def _near_hashes(hashes: np.ndarray, turned: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Row numbers a < b of hash a and turned hash b that differ in few bits."""
    found = []
    for start in range(0, len(hashes), 256):  # a block of rows against all later ones: some megabytes at a time
        words = zip(hashes[start : start + 256].T, turned[start:].T, strict=True)
        distance = sum(np.bitwise_count(word[:, None] ^ other).astype(np.uint16) for word, other in words)
        found.append(np.argwhere(np.triu(distance <= HASH_DISTANCE, 1)) + start)
    return tuple(np.concatenate(found).T)
