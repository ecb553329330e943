"""What may change in a photograph without changing its diagnosis?

The paper names "random crop, flip, small rotation" and no ranges. Those chosen here: a crop of at least 80 % of the
area with almost the picture's own proportions, both flips (a lesion has no up and down), a turn of at most 15 degrees.
"""

import hashlib

import numpy as np
from PIL import Image

CROP_AREA = (0.8, 1.0)  # share of the picture that a crop keeps
CROP_RATIO = (0.9, 1.1)  # width : height of a crop, relative to the picture's
DEGREES = 15  # largest turn either way; the corners it uncovers are mirrored, not black: black corners mean a lens


def augmented(image: np.ndarray, seed: int) -> np.ndarray:
    """One random view of a photograph, uint8 RGB of the same shape; the same seed gives the same view.

    image : uint8 (height, width, 3) RGB
    Source: Rodriguez, "Explainable AI for Dermatology", section 3.2, names the three changes.
    """
    rng = np.random.default_rng(seed)  # not torchvision's transforms: threads would share their random numbers
    height, width, _ = image.shape
    picture = Image.fromarray(_mirrored(image)).rotate(rng.uniform(-DEGREES, DEGREES), Image.Resampling.BILINEAR)
    left, top = (picture.width - width) / 2, (picture.height - height) / 2
    crop_width, crop_height = _crop_size(width, height, rng)
    left, top = left + rng.uniform(0, width - crop_width), top + rng.uniform(0, height - crop_height)
    box = (left, top, left + crop_width, top + crop_height)
    view = np.asarray(picture.resize((width, height), Image.Resampling.BILINEAR, box=box))
    flips = (slice(None, None, -1) if flip else slice(None) for flip in rng.random(2) < 0.5)
    return np.ascontiguousarray(view[tuple(flips)])


def _crop_size(width: int, height: int, rng: np.random.Generator) -> tuple[float, float]:
    """Width and height of a crop: a random share of the area, nearly its proportions, never larger."""
    area, ratio = rng.uniform(*CROP_AREA), np.exp(rng.uniform(*np.log(CROP_RATIO)))
    return min(width, width * np.sqrt(area * ratio)), min(height, height * np.sqrt(area / ratio))


def version() -> str:
    """A short hash of the ranges, for the names of files that hold what was computed from such views."""
    return hashlib.sha256(repr((CROP_AREA, CROP_RATIO, DEGREES)).encode()).hexdigest()[:8]


def _mirrored(image: np.ndarray) -> np.ndarray:
    """The photograph with a rim of its own mirror image, wide enough for the corners of the largest turn."""
    rim = (int(np.ceil(0.14 * max(image.shape[:2]))),) * 2
    return np.pad(image, (rim, rim, (0, 0)), mode="reflect")
