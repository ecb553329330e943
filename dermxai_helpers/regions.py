"""From a heat-map to the part of the picture it points at: threshold, connected region, box, crop, dimmed rest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

DIMMED = 0.25  # brightness left outside the region; multiplying darkens and leaves the hue as it is
SMALLEST_SHARE = 1 / 8  # of the picture's side: a narrower box is grown, for a crop of a few pixels shows nothing


@dataclass(frozen=True)
class Region:
    """Where the evidence is.

    mask : bool, (height, width), True inside the region
    box : (left, top, right, bottom) in pixels, right and bottom exclusive; holds the whole mask
    note : which fallback was used and why, or ""
    """

    mask: np.ndarray
    box: tuple[int, int, int, int]
    note: str = ""


def find(heatmap: np.ndarray, threshold: float = 0.5) -> Region:
    """The connected region that holds most of the evidence above a share of the map's maximum.

    heatmap : float, (height, width), raw evidence at the picture's size; only finite, positive values count
    threshold : share of the maximum, in (0, 1)

    Regions connect along edges, not corners. Of two with equal evidence, the first in reading order is taken.
    What a map cannot tell has a fallback, and `note` states it: no positive evidence or equal evidence everywhere gives
    the whole picture, a region of a few pixels a larger box around it, a map without pixels an empty region.

    Raises ValueError for a threshold outside (0, 1) or a map that is not two-dimensional.
    Source: Rodriguez, section 3.3 ("thresholding the heatmap and cropping a bounding box around the highest importance
    region"), which states neither the threshold nor the rule for ties.
    """
    check(np.shape(heatmap), threshold)
    heatmap = np.asarray(heatmap, dtype=float)
    if heatmap.size == 0:
        return Region(np.zeros(heatmap.shape, bool), (0, 0, 0, 0), "the map has no pixels: there is no region")
    finite = np.isfinite(heatmap)
    if not finite.any():
        return whole(heatmap.shape, "no value of the map is finite: the whole picture is used")
    evidence = np.where(finite, heatmap, 0).clip(min=0)
    if evidence.max() == 0:
        return whole(heatmap.shape, "no positive evidence: the whole picture is used")
    if evidence.min() == evidence.max():
        return whole(heatmap.shape, "the same evidence everywhere: the whole picture is used")
    mask = strongest_part(evidence, evidence >= threshold * evidence.max())
    box, grown = roomy(box_around(mask), heatmap.shape)
    notes = []
    if not finite.all():
        notes.append(f"{np.count_nonzero(~finite)} values of the map are not finite: they count as no evidence")
    if grown:
        notes.append(f"the region has only {np.count_nonzero(mask)} pixels: the box around it is larger")
    return Region(mask, box, "; ".join(notes))


def find_all(heatmaps: np.ndarray | Sequence[np.ndarray], threshold: float = 0.5) -> list[Region]:
    """One Region per map of (B, height, width). No map stops the batch, whatever it holds: see `find` for fallbacks.

    Raises ValueError, before the first map, for a threshold outside (0, 1) or maps that are not two-dimensional.
    """
    for heatmap in heatmaps:
        check(np.shape(heatmap), threshold)
    return [find(heatmap, threshold) for heatmap in heatmaps]


def views(image: np.ndarray, region: Region) -> dict[str, np.ndarray]:
    """The three pictures that unit 05 has described.

    image : uint8, (height, width, 3) RGB, of the same height and width as the region's mask
    Returns "original"; "roi", the crop to the box; "focused", the surroundings of the region dimmed; all uint8 copies.
    """
    if image.ndim != 3 or image.shape[:2] != region.mask.shape:
        raise ValueError(
            f"the picture is {image.shape} and the region's map {region.mask.shape}: resize the map to the picture "
            "first, with Explanation.resized((height, width))"
        )
    left, top, right, bottom = region.box
    dimmed = np.rint(image * DIMMED).astype(image.dtype)
    return {
        "original": image.copy(),
        "roi": image[top:bottom, left:right].copy(),
        "focused": np.where(region.mask[..., None], image, dimmed),
    }


def whole(shape: tuple[int, int], note: str) -> Region:
    """The region that is the whole picture of `shape` = (height, width)."""
    height, width = shape
    return Region(np.ones(shape, bool), (0, 0, width, height), note)


def strongest_part(evidence: np.ndarray, above: np.ndarray) -> np.ndarray:
    """The connected part (bool, same shape) of the mask `above` that holds most evidence."""
    parts, count = ndimage.label(above)
    mass = ndimage.sum_labels(evidence, parts, index=range(1, count + 1))
    return parts == 1 + int(np.argmax(mass))


def box_around(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The smallest box (left, top, right, bottom) that holds every True of a mask of shape (height, width)."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def roomy(box: tuple[int, int, int, int], shape: tuple[int, int]) -> tuple[tuple[int, int, int, int], bool]:
    """The box, grown inside the picture until no side is below SMALLEST_SHARE of it, and whether it had to grow."""
    height, width = shape
    left, right = _grown(box[0], box[2], width)
    top, bottom = _grown(box[1], box[3], height)
    return (left, top, right, bottom), (left, top, right, bottom) != box


def _grown(start: int, end: int, limit: int) -> tuple[int, int]:
    """An interval of at least SMALLEST_SHARE x limit pixels around [start, end), inside [0, limit)."""
    size = max(end - start, round(SMALLEST_SHARE * limit))
    start = min(max((start + end - size) // 2, 0), limit - size)
    return start, start + size


def check(shape: tuple[int, ...], threshold: float) -> None:
    """ValueError unless the threshold is a share of the maximum and the map's shape is (height, width)."""
    if not 0 < threshold < 1:
        raise ValueError(f"threshold must lie between 0 and 1, got {threshold}: it is a share of the map's maximum")
    if len(shape) != 2:
        raise ValueError(f"expected a map of shape (height, width), got shape {shape}")
