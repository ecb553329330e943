"""How the demo captioner meets a drawn lesion: whole, cropped to a rough region, or with its background dimmed."""

from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.nn import functional

from dermxai_helpers import regions
from dermxai_helpers.synth import Lesion

VIEWS = ("original", "roi", "focused")
SHARES = (0.5, 0.25, 0.25)  # of the lessons of the captioner's eye


def views_for_training(lesion: Lesion, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], dict[str, dict]]:
    """The three views of a drawn lesion and the facts that hold in each.

    The region comes from an imitation of a heat-map, so that the crops are as rough as Grad-CAM's.
    A ruler that the crop cuts away is no longer a visible ruler.
    """
    region = regions.find(imitated_heatmap(lesion.mask, rng))
    left, top, right, bottom = region.box
    ruler = lesion.artefacts.get("ruler", np.zeros_like(lesion.mask))
    kept = ruler[top:bottom, left:right].sum() / max(ruler.sum(), 1)
    facts = dict(lesion.attributes)
    in_crop = {**facts, "ruler": facts["ruler"] and bool(kept > 0.25)}
    return regions.views(lesion.image, region), {"original": facts, "roi": in_crop, "focused": facts}


def imitated_heatmap(mask: np.ndarray, rng: np.random.Generator, cells: int = 7) -> np.ndarray:
    """A map as coarse and as uneven as Grad-CAM's: the mask's share of each of 7 x 7 cells, times noise, enlarged."""
    share = functional.adaptive_avg_pool2d(torch.from_numpy(mask).float()[None, None], cells)
    uneven = share * torch.from_numpy(rng.uniform(0.3, 1.0, (cells, cells))).float()
    return functional.interpolate(uneven, mask.shape, mode="bilinear", align_corners=False)[0, 0].numpy()


def as_drawn(lesion: Lesion, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
    """The picture, the bool masks of all that is in it, and its attributes."""
    return lesion.image, {"lesion": lesion.mask, **lesion.parts, **lesion.artefacts}, lesion.attributes


def in_a_view(lesion: Lesion, rng: np.random.Generator) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, Any]]:
    """As `as_drawn`, in one of the VIEWS by lot; a crop is enlarged to the size of the picture, and its masks with it.

    A structure that the crop cuts away still counts in the attributes, as it does in the sentence asked for.
    """
    image, masks, attributes = as_drawn(lesion, rng)
    view = rng.choice(VIEWS, p=SHARES)
    if view == "original":
        return image, masks, attributes
    region = regions.find(imitated_heatmap(lesion.mask, rng))
    seen = regions.views(image, region)[view]
    if view == "roi":
        left, top, right, bottom = region.box
        seen = _enlarged(seen, image.shape[:2])
        masks = {name: _enlarged(mask[top:bottom, left:right], mask.shape) for name, mask in masks.items()}
    return seen, masks, attributes


def _enlarged(picture: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """A picture or a bool mask at another size; a mask stays bool."""
    resized = Image.fromarray(picture).resize(shape[::-1], Image.BILINEAR if picture.ndim == 3 else Image.NEAREST)
    return np.asarray(resized)
