"""Heat-maps against masks, and maps that know no network: a high score says nothing without them."""

import numpy as np
from scipy import ndimage

from dermxai_helpers.scoring.metrics import yes_or_no


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


def iou_at_half(heatmap: np.ndarray, mask: np.ndarray) -> float:
    r"""Measure the IoU (intersection over union, Jaccard index) of a mask and a map, cut at half of its maximum.

    $$ IoU = \frac{|A \cap \text{mask}|}{|A \cup \text{mask}|}, \quad A = \{p : h_p \ge \max h / 2,\ h_p > 0\} $$

    Arguments as in `energy_inside`. A map without positive evidence marks no pixel: its IoU is 0.

    >>> round(iou_at_half(np.array([[4.0, 2.0, 1.0]]), np.array([[True, False, True]])), 2)
    0.33
    """
    evidence, mask = _evidence(heatmap, mask)
    marked = (evidence >= evidence.max() / 2) & (evidence > 0)
    return float((marked & mask).sum() / max((marked | mask).sum(), 1))


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
    grey = np.asarray(image, dtype=float).mean(axis=2)
    return np.hypot(ndimage.sobel(grey, axis=0), ndimage.sobel(grey, axis=1)) / 8
