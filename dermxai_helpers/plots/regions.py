"""Figures of a region: where it is cut, what is left to see, how it compares with a box in the middle."""

from collections.abc import Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dermxai_helpers import regions
from dermxai_helpers.plots.maps import bare, show_picture

REGION, LESION = "#d55e00", "#0072b2"
GAP = 0.03  # between pictures in a row, as a share of their width


def choice(
    image: np.ndarray, heatmap: np.ndarray, region: regions.Region, lesion: np.ndarray, soft_edge: float = 0.0
) -> tuple[Figure, str]:
    """A heat-map, the region found in it (orange) beside the lesion (blue), the crop, and the dimmed picture.

    image : uint8 RGB (h, w, 3); heatmap : float (h, w); lesion : bool (h, w); soft_edge : as in `regions.brightness`
    """
    scores = regions.score(region, lesion)
    seen = regions.views(image, region, soft_edge=soft_edge)
    strength = np.clip(heatmap, 0, None) / max(float(np.nanmax(heatmap)), 1e-12)
    coloured = (255 * colormaps["viridis"](np.nan_to_num(strength))[..., :3]).astype(np.uint8)
    titles = ("heat-map", "orange: region, blue: lesion", "crop", "dimmed")
    figure = Figure(figsize=(9, 2.75), layout="none")
    axes = figure.add_axes((0.005, 0.1, 0.99, 0.8))  # one field for four pictures: a slider's figure must be quick
    width = _in_a_row(axes, (coloured, image, seen["roi"], seen["focused"]))
    for number, title in enumerate(titles):
        axes.text(number * width * (1 + GAP) + width / 2, -0.03 * width, title, ha="center", va="bottom", fontsize=8.5)
    shift = width * (1 + GAP)
    outline(axes, region.mask, REGION, shift)
    outline(axes, lesion, LESION, shift)
    left, top, right, bottom = region.box
    box = (left + shift, top), right - left, bottom - top
    axes.add_patch(Rectangle(*box, fill=False, edgecolor=REGION, linestyle="--"))
    said = (
        f"IoU with the lesion {scores['iou']:.2f}, a centred box of equal area {scores['centred box: iou']:.2f}; "
        f"lesion kept {scores['lesion kept']:.2f}, centred box {scores['centred box: lesion kept']:.2f}"
    )
    figure.text(0.5, 0.02, said, ha="center", fontsize=8.5)
    note = f" {region.note}." if region.note else ""
    return figure, f"The region found in a heat-map, the crop and the dimmed picture. {said}.{note}"


def _in_a_row(axes: Axes, pictures: Sequence[np.ndarray]) -> int:
    """Draw RGB pictures side by side in one field, all as high as the first; returns the first one's width."""
    height, width = pictures[0].shape[:2]
    for number, picture in enumerate(pictures):
        high, wide = picture.shape[:2]
        scale = min(height / high, width / wide)
        left = number * width * (1 + GAP)
        axes.imshow(picture, extent=(left, left + wide * scale, high * scale, 0), interpolation="nearest")
    axes.set(xlim=(0, len(pictures) * width * (1 + GAP)), ylim=(height, 0))
    axes.set_axis_off()
    return width


def strip(
    image: np.ndarray, heatmap: np.ndarray, thresholds: Sequence[float], lesion: np.ndarray, rule: str = "maximum"
) -> tuple[Figure, str]:
    """The region at several thresholds side by side. Arguments as in `choice` and `regions.find`."""
    figure = Figure(figsize=(9, 9 / len(thresholds) + 0.5))
    found = [regions.find(heatmap, threshold, rule) for threshold in thresholds]
    overlaps = [regions.score(region, lesion)["iou"] for region in found]
    for axes, threshold, region, overlap in zip(
        figure.subplots(1, len(thresholds)), thresholds, found, overlaps, strict=True
    ):
        show_picture(axes, image)
        bare(axes, f"threshold {threshold:g}\nIoU {overlap:.2f}")
        outline(axes, region.mask, REGION)
        outline(axes, lesion, LESION)
    said = ", ".join(f"{threshold:g}: {overlap:.2f}" for threshold, overlap in zip(thresholds, overlaps, strict=True))
    return figure, f"Regions (orange) at rising thresholds beside the lesion (blue). IoU at threshold {said}."


def outline(axes: Axes, mask: np.ndarray, colour: str, shift: float = 0.0) -> None:
    """The rim of a mask as a line, `shift` pixels to the right; nothing for a mask that is empty or everywhere."""
    if mask.any() and not mask.all():
        columns, rows = np.arange(mask.shape[1]) + shift, np.arange(mask.shape[0])
        axes.contour(columns, rows, mask, levels=[0.5], colors=[colour], linewidths=1.2)
