"""Scenes for unit 04: a drawn lesion on an arm, photographed from too far away, with a desk full of things around."""

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy import ndimage

from dermxai_helpers.synth import Lesion

SIZE = 224
PATCH = 120  # pixels to which the drawn close-up is reduced


@dataclass(frozen=True)
class Scene:
    """image, without_lesion : uint8 (224, 224, 3) RGB; lesion, skin : bool (224, 224), `skin` includes the lesion"""

    image: np.ndarray
    without_lesion: np.ndarray
    lesion: np.ndarray
    skin: np.ndarray


def scene(close_up: Lesion, rng: np.random.Generator) -> Scene:
    """The lesion of a drawn close-up on an arm over a desk, at a place and angle that `rng` decides."""
    centre = SIZE / 2 + rng.uniform(-25, 25, 2)
    across = distance_from_line(centre, angle=rng.uniform(0, np.pi))
    half_width = rng.uniform(52, 66)
    skin = np.abs(across) < half_width
    tone = np.median(close_up.image[~ndimage.binary_dilation(close_up.mask, iterations=8)], axis=0)
    shade = 1 - 0.45 * (across / half_width) ** 2
    grain = ndimage.gaussian_filter(rng.normal(size=(SIZE, SIZE)), 1.2)[..., None] * 6
    arm = tone * shade[..., None] + grain
    edge = np.clip((half_width - np.abs(across)) / 2, 0, 1)[..., None]  # two soft pixels
    plain = desk(rng) * (1 - edge) + arm * edge
    pasted, lesion = placed(close_up, centre)
    cover = np.clip(ndimage.gaussian_filter(ndimage.binary_dilation(lesion, iterations=5).astype(float), 2), 0, 1)
    cover = (cover * edge[..., 0])[..., None]
    with_lesion = plain * (1 - cover) + pasted * np.clip(shade, 0, 1)[..., None] * cover
    return Scene(as_picture(with_lesion), as_picture(plain), lesion & skin, skin)


def placed(close_up: Lesion, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The close-up reduced to PATCH pixels on an empty canvas around `centre`, and its lesion mask there."""
    size = (PATCH, PATCH)
    image, mask = np.zeros((SIZE, SIZE, 3)), np.zeros((SIZE, SIZE), bool)
    top, left = np.clip(np.round(centre - PATCH / 2).astype(int), 0, SIZE - PATCH)
    there = (slice(top, top + PATCH), slice(left, left + PATCH))
    image[there] = Image.fromarray(close_up.image).resize(size, Image.Resampling.BILINEAR)
    mask[there] = Image.fromarray(close_up.mask).resize(size, Image.Resampling.NEAREST)
    return image, mask


def desk(rng: np.random.Generator) -> np.ndarray:
    """Wood, a sheet of paper and a keyboard: float (224, 224, 3), 0 to 255."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    rings = np.sin(rows / rng.uniform(4, 7) + 3 * ndimage.gaussian_filter(rng.normal(size=(SIZE, SIZE)), 18) * 20)
    wood = np.array([150.0, 105.0, 70.0]) + 12 * rings[..., None] * np.array([1.0, 0.8, 0.6])
    paper = (columns > SIZE * rng.uniform(0.5, 0.65)) & (rows < SIZE * rng.uniform(0.45, 0.7))
    lines = paper & (rows % 13 < 2) & (columns % 90 > 12)
    wood[paper], wood[lines] = (236, 234, 228), (96, 98, 120)
    board = (columns < SIZE * rng.uniform(0.4, 0.55)) & (rows > SIZE * rng.uniform(0.35, 0.6))
    keys = board & (rows % 20 > 3) & (columns % 20 > 3)
    wood[board], wood[keys] = (48, 50, 54), (28, 29, 32)
    return wood


def distance_from_line(point: np.ndarray, angle: float) -> np.ndarray:
    """Signed distance (224, 224) in pixels from the line through `point` (row, column) at `angle`."""
    rows, columns = np.mgrid[:SIZE, :SIZE]
    return (rows - point[0]) * np.cos(angle) - (columns - point[1]) * np.sin(angle)


def as_picture(values: np.ndarray) -> np.ndarray:
    """Values near 0 to 255 as uint8."""
    return np.rint(np.clip(values, 0, 255)).astype(np.uint8)
