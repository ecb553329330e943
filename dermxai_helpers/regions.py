"""From a heat-map to the part of the picture it points at: threshold, connected region, box, crop, dimmed rest."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dermxai_helpers.scoring.metrics import yes_or_no

DIMMED = 0.25  # brightness left outside the region; multiplying darkens and leaves the hue as it is
SMALLEST_SHARE = 1 / 8  # of the picture's side: a narrower box is grown, for a crop of a few pixels shows nothing


@dataclass(frozen=True)
class Region:
    """Where the evidence is."""

    mask: np.ndarray  # bool, (height, width), True inside the region
    box: tuple[int, int, int, int]  # left, top, right, bottom in pixels, the last two exclusive; holds the whole mask
    note: str = ""  # which fallback was used and why


def find(heatmap: np.ndarray, threshold: float = 0.5) -> Region:
    """Find the connected region that holds most of the evidence at or above a threshold.

    heatmap : float, (height, width), raw evidence at the picture's size; only finite, positive values count
    threshold : share of the map's maximum, in (0, 1)

    Regions connect along edges; of two with equal evidence, the first in reading order is taken. No map stops a batch:
    one that says nothing gives the whole picture, a few pixels get a larger box, and `note` says so.

    >>> find(np.array([[0, 0, 0, 0], [0, 0, 4, 3], [3, 0, 2, 2]])).box
    (2, 1, 4, 3)

    Source: Rodriguez, section 3.3, which states neither the threshold nor the rule for ties.
    """
    heatmap = np.asarray(heatmap, dtype=float)
    if not 0 < threshold < 1 or heatmap.ndim != 2:
        expected = "a threshold between 0 and 1 and a map of shape (height, width)"
        raise ValueError(f"expected {expected}, got {threshold!r} and shape {heatmap.shape}")
    evidence, notes = np.where(np.isfinite(heatmap), heatmap, 0).clip(min=0), []
    if evidence.size == 0 or evidence.min() == evidence.max():
        said = "the same evidence everywhere" if evidence.any() else "no positive evidence"
        height, width = evidence.shape
        return Region(np.ones_like(evidence, bool), (0, 0, width, height), f"{said}: the whole picture is used")
    if odd := np.count_nonzero(~np.isfinite(heatmap)):
        notes.append(f"{odd} values of the map are not finite: they count as no evidence")
    parts, count = ndimage.label(evidence >= threshold * evidence.max())
    best = int(np.argmax(ndimage.sum_labels(evidence, parts, index=range(1, count + 1))))
    mask, (rows, columns) = parts == 1 + best, ndimage.find_objects(parts)[best]
    start, end, limit = np.array([(columns.start, rows.start), (columns.stop, rows.stop), mask.shape[::-1]])
    size = np.maximum(end - start, np.rint(SMALLEST_SHARE * limit).astype(int))
    if (size > end - start).any():
        start = ((start + end - size) // 2).clip(0, limit - size)
        notes.append(f"the region has only {np.count_nonzero(mask)} pixels: the box around it is larger")
    return Region(mask, (*start.tolist(), *(start + size).tolist()), "; ".join(notes))


def views(image: np.ndarray, region: Region) -> dict[str, np.ndarray]:
    """Cut the three pictures that unit 05 has described, as uint8 copies.

    image : uint8, (height, width, 3) RGB. Returns "original"; "roi", the box; "focused", its surroundings dimmed.
    """
    if np.shape(image) != (*region.mask.shape, 3) or image.dtype != np.uint8:
        sizes = f"the picture is {getattr(image, 'dtype', type(image))} {np.shape(image)}, the map {region.mask.shape}"
        raise ValueError(f"{sizes}: give uint8, colours last; resize the map with Explanation.resized((height, width))")
    left, top, right, bottom = region.box
    focused = np.rint(image * np.where(region.mask, 1, DIMMED)[..., None]).astype(image.dtype)
    return {"original": image.copy(), "roi": image[top:bottom, left:right].copy(), "focused": focused}


def score(region: Region, lesion: np.ndarray) -> dict[str, float]:
    """Score how well a region holds a lesion, bool (height, width), beside a centred box of equal area.

    Returns "iou", shared area / joint area; "lesion kept", share of the lesion inside (NaN without a lesion); the same
    of the box as "centred box: ..."; "area", the region's share. The box has seen nothing: it is the score to beat.
    """
    lesion = yes_or_no(lesion, "a mask")
    if lesion.shape != region.mask.shape:
        raise ValueError(f"the region's map is {region.mask.shape}, the lesion's mask {lesion.shape}: need the same")
    left, top, right, bottom = centred_box(np.count_nonzero(region.mask), region.mask.shape)
    centred = np.zeros_like(region.mask)
    centred[top:bottom, left:right] = True
    scores, size = {}, np.count_nonzero(lesion)
    for name, found in (("", region.mask), ("centred box: ", centred)):
        shared = np.count_nonzero(found & lesion)
        scores[f"{name}iou"] = shared / np.count_nonzero(found | lesion)
        scores[f"{name}lesion kept"] = shared / size if size else np.nan
    return scores | {"area": float(region.mask.mean())}


def centred_box(area: int, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) of about `area` pixels in the middle of a picture, and of its proportions."""
    height, width = shape
    rows = max(round(height * (area / (height * width)) ** 0.5), 1)
    columns = min(round(area / rows), width)
    left, top = (width - columns) // 2, (height - rows) // 2
    return left, top, left + columns, top + rows
