"""Heat-maps against masks, and maps that know no network: a high score says nothing without them."""

from collections.abc import Sequence

import numpy as np

from dermxai_helpers.scoring.metrics import yes_or_no

THRESHOLDS = np.arange(1, 10) / 10  # shares of a map's maximum


def energy_inside(heatmap: np.ndarray, mask: np.ndarray) -> float:
    r"""Measure the share of a map's positive evidence that lies inside the mask, 0 to 1; chance is the mask's area.

    $$ \sum_{p \in \text{mask}} \max(h_p, 0) \Big/ \sum_p \max(h_p, 0) $$

    heatmap : float, (height, width); values that are negative or not finite count as no evidence
    mask : bool or 0 and one other number, (height, width)
    NaN for a map without positive evidence, which has no share to give: leave it out of averages and count it.

    >>> energy_inside(np.array([[3.0, 1.0], [-5.0, 0.0]]), np.array([[True, False], [True, False]]))
    0.75

    Source: Wang et al., CVPR workshops 2020 (Score-CAM), the energy-based pointing game.
    """
    evidence, mask = _evidence(heatmap, mask)
    total = evidence.sum()
    return float(evidence[mask].sum() / total) if total > 0 else float("nan")


def pointing_game(heatmap: np.ndarray, mask: np.ndarray) -> float:
    """Give 1 if the map's maximum lies inside the mask, 0 if outside; of several equal maxima, the share inside.

    So a flat map scores the mask's share of the area, which is chance. Arguments as in `energy_inside`.
    Source: Zhang et al., "Top-down neural attention by excitation backprop", IJCV 2018 (without its margin).
    """
    evidence, mask = _evidence(heatmap, mask)
    return float(mask[evidence == evidence.max()].mean())


def iou_by_threshold(heatmap: np.ndarray, mask: np.ndarray, thresholds: Sequence[float] = THRESHOLDS) -> np.ndarray:
    r"""Measure the IoU (intersection over union, Jaccard index) of mask and map, cut at each threshold: (thresholds,).

    $$ IoU(t) = \frac{|A_t \cap \text{mask}|}{|A_t \cup \text{mask}|}, \quad A_t = \{p : h_p \ge t \max h,\ h_p > 0\} $$

    thresholds : shares of the map's maximum, above 0. A map without positive evidence marks no pixel: its IoU is 0.

    >>> iou_by_threshold(np.array([[4.0, 2.0, 1.0]]), np.array([[True, False, False]]), [0.25, 0.5, 1.0]).round(2)
    array([0.33, 0.5 , 1.  ])
    """
    evidence, mask = _evidence(heatmap, mask)
    if not all(0 < threshold <= 1 for threshold in thresholds):
        raise ValueError(f"thresholds are shares of the map's maximum, above 0 and up to 1, got {thresholds}")
    marked = (evidence >= np.asarray(thresholds)[:, None, None] * evidence.max()) & (evidence > 0)
    return (marked & mask).sum(axis=(1, 2)) / np.maximum((marked | mask).sum(axis=(1, 2)), 1)


def best_iou(by_threshold: np.ndarray) -> np.ndarray:
    """Take every image's IoU, (n,), at the one threshold with the highest mean over all images.

    by_threshold : (n, thresholds), rows of `iou_by_threshold`; rows of NaN do not vote. The best case, chosen on
    the images that it is judged on, as in Nunnari, Kadir and Sonntag, CD-MAKE 2021, doi:10.1007/978-3-030-84060-0_16.
    """
    by_threshold = np.asarray(by_threshold, dtype=float)
    there = np.isfinite(by_threshold).all(axis=1)
    best = by_threshold[there].mean(axis=0).argmax() if there.any() else 0
    return by_threshold[:, best]


def _evidence(heatmap: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The finite positive part of a map, and the mask as bool; ValueError if their shapes differ."""
    heatmap, mask = np.asarray(heatmap, dtype=float), yes_or_no(mask, "a mask")
    if heatmap.shape != mask.shape or heatmap.ndim != 2 or heatmap.size == 0:
        raise ValueError(f"the map has shape {heatmap.shape} and the mask {mask.shape}: both must be (height, width)")
    return np.where(np.isfinite(heatmap), heatmap, 0).clip(min=0), mask


def centre_gaussian(shape: tuple[int, int]) -> np.ndarray:
    """Draw the map that an explanation has to beat: a Gaussian in the centre, a quarter of each side wide."""
    height, width = shape
    rows, columns = (np.arange(height) + 0.5) / height - 0.5, (np.arange(width) + 0.5) / width - 0.5
    return np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * 0.25**2))


def edge_map(image: np.ndarray) -> np.ndarray:
    """Measure how steeply a uint8 RGB picture's brightness changes at each pixel (Sobel): float, (height, width)."""
    from scipy import ndimage

    grey = np.asarray(image, dtype=float).mean(axis=2)
    return np.hypot(ndimage.sobel(grey, axis=0), ndimage.sobel(grey, axis=1)) / 8
