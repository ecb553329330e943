"""From a heat-map to the part of the picture it points at: threshold, connected region, box, crop, dimmed rest."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

DIMMED = 0.25  # brightness left outside the region; multiplying darkens and leaves the hue as it is
SMALLEST_SHARE = 1 / 8  # of the picture's side: a narrower box is grown, for a crop of a few pixels shows nothing
RULES = ("maximum", "quantile", "otsu")
COMPONENTS = ("heaviest", "largest")


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


def find(
    heatmap: np.ndarray, threshold: float = 0.5, rule: str = "maximum", component: str = "heaviest",
    smallest: float = 0.0, margin: float = 0.0,
) -> Region:  # fmt: skip
    """The connected region that holds most of the evidence above a threshold.

    heatmap : float, (height, width), raw evidence at the picture's size; only finite, positive values count
    threshold : in (0, 1); with the rule "maximum" a share of the map's maximum, with "quantile" the share of the
        picture's pixels that lie below; the rule "otsu" finds its own and uses none
    component : "heaviest" takes the region with most evidence, "largest" the one with most pixels
    smallest : regions below this share of the picture's pixels are passed over
    margin : the box is widened on each side by this share of its own width and height, inside the picture

    Regions connect along edges, not corners. Of two with equal evidence, the first in reading order is taken.
    What a map cannot tell has a fallback, and `note` states it: no positive evidence, equal evidence everywhere or no
    region of the smallest size gives the whole picture, a region of a few pixels a larger box around it, a map without
    pixels an empty region.

    Raises ValueError for a setting outside its range or a map that is not two-dimensional.
    Source: Rodriguez, section 3.3 ("thresholding the heatmap and cropping a bounding box around the highest importance
    region"), which states neither the threshold nor the rule for ties.
    """
    check(np.shape(heatmap), threshold, rule, component, smallest, margin)
    evidence, note = _evidence(np.asarray(heatmap, dtype=float))
    if evidence is None:
        return whole(np.shape(heatmap), note)
    mask = strongest_part(evidence, above(evidence, threshold, rule), component, smallest)
    if mask is None:
        return whole(evidence.shape, f"no region has {smallest:.1%} of the pixels: the whole picture is used")
    box, grown = roomy(widened(box_around(mask), margin, evidence.shape), evidence.shape)
    if grown:
        size = np.count_nonzero(mask)
        note = "; ".join(filter(None, [note, f"the region has only {size} pixels: the box around it is larger"]))
    return Region(mask, box, note)


def find_all(heatmaps: np.ndarray | Sequence[np.ndarray], threshold: float = 0.5, **settings) -> list[Region]:
    """One Region per map of (B, height, width). No map stops the batch, whatever it holds: see `find` for fallbacks.

    settings : the others of `find`
    Raises ValueError, before the first map, for a setting outside its range or maps that are not two-dimensional.
    """
    for heatmap in heatmaps:
        check(np.shape(heatmap), threshold, **settings)
    return [find(heatmap, threshold, **settings) for heatmap in heatmaps]


def views(
    image: np.ndarray, region: Region, dimmed: float = DIMMED, soft_edge: float = 0.0
) -> dict[str, np.ndarray]:
    """The three pictures that unit 05 has described.

    image : uint8, (height, width, 3) RGB, of the same height and width as the region's mask
    dimmed, soft_edge : as in `brightness`
    Returns "original"; "roi", the crop to the box; "focused", the surroundings of the region dimmed; all uint8 copies.
    """
    if image.ndim != 3 or image.shape[:2] != region.mask.shape:
        raise ValueError(
            f"the picture is {image.shape} and the region's map {region.mask.shape}: resize the map to the picture "
            "first, with Explanation.resized((height, width))"
        )
    left, top, right, bottom = region.box
    light = brightness(region.mask, dimmed, soft_edge)[..., None]
    return {
        "original": image.copy(),
        "roi": image[top:bottom, left:right].copy(),
        "focused": np.rint(image * light).astype(image.dtype),
    }


def brightness(mask: np.ndarray, dimmed: float = DIMMED, soft_edge: float = 0.0) -> np.ndarray:
    """What a picture is multiplied with to show a region: float, (height, width), 1 on the mask, `dimmed` far from it.

    dimmed : 0 (black) to 1 (as it was)
    soft_edge : pixels outside the mask over which the light falls; 0 for a hard edge

    Raises ValueError for values outside these ranges.
    """
    if not 0 <= dimmed <= 1 or not 0 <= soft_edge < np.inf:
        raise ValueError(f"dimmed must lie in 0 to 1 and soft_edge be 0 or more pixels, got {dimmed} and {soft_edge}")
    if soft_edge == 0 or not mask.any():
        return np.where(mask, 1.0, dimmed)
    away = ndimage.distance_transform_edt(~mask) / soft_edge
    return 1 - (1 - dimmed) * away.clip(max=1)


def score(region: Region, lesion: np.ndarray, part: str = "mask") -> dict[str, float]:
    """How well a region holds a lesion, and how well a box in the middle of the picture would that has seen nothing.

    lesion : bool, (height, width)
    part : "mask" judges the region itself, "box" the crop around it
    Returns "iou", shared area / joint area; "lesion kept", share of the lesion inside; "area", the region's share of
    the picture; and the first two for the centred box of equal area: "centred box: iou", "centred box: lesion kept".
    All 0 to 1; shares of nothing are NaN. Lesions are photographed in the middle: the box is the score to beat.

    Raises ValueError for another part or a lesion of another shape.
    """
    lesion = np.asarray(lesion, dtype=bool)
    if lesion.shape != region.mask.shape or lesion.size == 0:
        raise ValueError(f"the region's map is {region.mask.shape} and the lesion's mask {lesion.shape}: need the same")
    if part not in ("mask", "box"):
        raise ValueError(f'part must be "mask" or "box", got {part!r}')
    found = region.mask if part == "mask" else filled(region.box, lesion.shape)
    centred = filled(centred_box(np.count_nonzero(found), lesion.shape), lesion.shape)
    scores = _overlap(found, lesion) | {"area": float(found.mean())}
    return scores | {f"centred box: {name}": value for name, value in _overlap(centred, lesion).items()}


def centred_box(area: int, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box (left, top, right, bottom) of about `area` pixels in the middle of a picture, and of its proportions."""
    height, width = shape
    rows = max(round(height * (area / (height * width)) ** 0.5), 1)
    columns = min(round(area / rows), width)
    left, top = (width - columns) // 2, (height - rows) // 2
    return left, top, left + columns, top + rows


def filled(box: tuple[int, int, int, int], shape: tuple[int, int]) -> np.ndarray:
    """The mask, bool of `shape` = (height, width), of a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    mask = np.zeros(shape, bool)
    mask[top:bottom, left:right] = True
    return mask


def whole(shape: tuple[int, int], note: str) -> Region:
    """The region that is the whole picture of `shape` = (height, width)."""
    height, width = shape
    return Region(np.ones(shape, bool), (0, 0, width, height), note)


def above(evidence: np.ndarray, threshold: float, rule: str) -> np.ndarray:
    """The pixels (bool) with evidence at or above a level; `threshold` and `rule` as in `find`, evidence 0 or more."""
    if rule == "otsu":
        level = otsu(evidence)
    elif rule == "quantile":
        level = np.quantile(evidence, threshold)
    else:
        level = threshold * evidence.max()
    return (evidence >= level) & (evidence > 0)


def otsu(values: np.ndarray) -> float:
    """The value that begins the upper of the two groups whose means lie farthest apart, weighted by their sizes.

    values : any shape, at least two different ones
    Exact: every split of the sorted values is tried, without a histogram. None between equal values can win.
    Source: Otsu, "A threshold selection method from gray-level histograms", IEEE Trans. SMC 1979, equation 18.
    """
    values = np.sort(values, axis=None)
    below = np.arange(1, len(values))
    sums = values.cumsum()
    means = sums[:-1] / below, (sums[-1] - sums[:-1]) / (len(values) - below)
    between = below * (len(values) - below) * (means[1] - means[0]) ** 2
    return float(values[1 + between.argmax()])


def strongest_part(
    evidence: np.ndarray, above: np.ndarray, component: str = "heaviest", smallest: float = 0.0
) -> np.ndarray | None:
    """The connected part (bool, same shape) of the mask `above` to choose; None if all are too small. See `find`."""
    parts, count = ndimage.label(above)
    pixels = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    weight = pixels if component == "largest" else ndimage.sum_labels(evidence, parts, index=range(1, count + 1))
    weight = np.where(pixels >= smallest * evidence.size, weight, 0)
    return parts == 1 + int(np.argmax(weight)) if weight.any() else None


def box_around(mask: np.ndarray) -> tuple[int, int, int, int]:
    """The smallest box (left, top, right, bottom) that holds every True of a mask of shape (height, width)."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def widened(box: tuple[int, int, int, int], margin: float, shape: tuple[int, int]) -> tuple[int, int, int, int]:
    """The box with `margin` x its width and height added on each side, inside the picture."""
    left, top, right, bottom = box
    across, down = round(margin * (right - left)), round(margin * (bottom - top))
    return max(left - across, 0), max(top - down, 0), min(right + across, shape[1]), min(bottom + down, shape[0])


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


def _evidence(heatmap: np.ndarray) -> tuple[np.ndarray | None, str]:
    """The finite, positive part of a map and a note; None in its place where the map says nothing."""
    finite = np.isfinite(heatmap)
    if heatmap.size == 0:
        return None, "the map has no pixels: there is no region"
    if not finite.any():
        return None, "no value of the map is finite: the whole picture is used"
    evidence = np.where(finite, heatmap, 0).clip(min=0)
    if evidence.max() == 0:
        return None, "no positive evidence: the whole picture is used"
    if evidence.min() == evidence.max():
        return None, "the same evidence everywhere: the whole picture is used"
    odd = np.count_nonzero(~finite)
    return evidence, f"{odd} values of the map are not finite: they count as no evidence" if odd else ""


def _overlap(found: np.ndarray, lesion: np.ndarray) -> dict[str, float]:
    """Intersection over union and the share of the lesion that is inside; NaN where there is nothing to share."""
    shared, joint, size = (np.count_nonzero(each) for each in (found & lesion, found | lesion, lesion))
    return {"iou": shared / joint if joint else np.nan, "lesion kept": shared / size if size else np.nan}


def check(
    shape: tuple[int, ...], threshold: float, rule: str = "maximum", component: str = "heaviest",
    smallest: float = 0.0, margin: float = 0.0,
) -> None:  # fmt: skip
    """ValueError, as a sentence, unless the settings of `find` lie in their ranges and the map is (height, width)."""
    if not 0 < threshold < 1:
        raise ValueError(f"threshold must lie between 0 and 1, got {threshold}: it is a share")
    if rule not in RULES:
        raise ValueError(f"rule must be one of {', '.join(RULES)}, got {rule!r}")
    if component not in COMPONENTS:
        raise ValueError(f"component must be one of {', '.join(COMPONENTS)}, got {component!r}")
    if not 0 <= smallest < 1 or not 0 <= margin < np.inf:
        raise ValueError(f"smallest must be a share from 0 to below 1, margin 0 or more, got {smallest} and {margin}")
    if len(shape) != 2:
        raise ValueError(f"expected a map of shape (height, width), got shape {shape}")
