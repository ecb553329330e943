"""Random views of a photograph: what may change in it without changing its diagnosis."""

import numpy as np
from PIL import Image

CROP_AREA = (0.8, 1.0)  # share of the picture that a crop keeps
CROP_RATIO = (0.9, 1.1)  # width : height of a crop, relative to the picture's
DEGREES = 15  # largest turn either way; the corners it uncovers are mirrored, not black: black corners mean a lens


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
