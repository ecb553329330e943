"""Figures of a region: where it is cut, what is left to see, how it compares with a box in the middle."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dermxai_helpers import regions
from dermxai_helpers.plots.maps import bare, show_picture

REGION, LESION = "#d55e00", "#0072b2"


def choice(
    image: np.ndarray, heatmap: np.ndarray, region: regions.Region, lesion: np.ndarray, soft_edge: float = 0.0
) -> tuple[Figure, str]:
    """A heat-map, the region found in it (orange) beside the lesion (blue), the crop, and the dimmed picture.

    image : uint8 RGB (h, w, 3); heatmap : float (h, w); lesion : bool (h, w); soft_edge : as in `regions.brightness`
    """
    scores = regions.score(region, lesion)
    seen = regions.views(image, region, soft_edge=soft_edge)
    figure = Figure(figsize=(9, 2.9))
    axes = figure.subplots(1, 4)
    pictures = {"heat-map": heatmap, "orange: region, blue: lesion": image}
    pictures |= {"crop": seen["roi"], "dimmed": seen["focused"]}
    for one, (title, picture) in zip(axes, pictures.items(), strict=True):
        show_picture(one, picture)
        bare(one, title)
    outline(axes[1], region.mask, REGION)
    outline(axes[1], lesion, LESION)
    left, top, right, bottom = region.box
    axes[1].add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=REGION, linestyle="--"))
    said = (
        f"IoU with the lesion {scores['iou']:.2f}, a centred box of equal area {scores['centred box: iou']:.2f}; "
        f"lesion kept {scores['lesion kept']:.2f}, centred box {scores['centred box: lesion kept']:.2f}"
    )
    figure.supxlabel(said, fontsize=8.5)
    note = f" {region.note}." if region.note else ""
    return figure, f"The region found in a heat-map, the crop and the dimmed picture. {said}.{note}"


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


def outline(axes: Axes, mask: np.ndarray, colour: str) -> None:
    """The rim of a mask as a line; nothing for a mask that is empty or fills the picture."""
    if mask.any() and not mask.all():
        axes.contour(mask, levels=[0.5], colors=[colour], linewidths=1.2)
