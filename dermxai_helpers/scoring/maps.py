"""Does a heat-map lie where a person would look?

A map against a mask: the lesion's outline, or one of its structures. High scores say that a map looks right, not that
the network works that way; for this see `faithfulness`. And they mean nothing without the maps at the end of this file,
which know no network at all.
"""

import numpy as np

THRESHOLDS = np.arange(1, 10) / 10  # shares of a map's maximum


def energy_inside(heatmap: np.ndarray, mask: np.ndarray) -> float:
    """Share of a map's positive evidence that lies inside the mask, 0 to 1. Chance level: the mask's share of the area.

    heatmap : float, (height, width); values that are negative or not finite count as no evidence
    mask : bool, (height, width)

    NaN for a map without positive evidence, which has no share to give: leave it out of averages and count it.
    Source: Wang et al., CVPR workshops 2020 (Score-CAM), the energy-based pointing game.
    """
    evidence, mask = _evidence(heatmap, mask)
    total = evidence.sum()
    return float(evidence[mask].sum() / total) if total > 0 else float("nan")


def pointing_game(heatmap: np.ndarray, mask: np.ndarray) -> float:
    """1 if the map's maximum lies inside the mask, 0 if outside; for several equal maxima, the share of them inside.

    So a flat map scores the mask's share of the area, which is chance. Arguments as in `energy_inside`.
    Source: Zhang et al., "Top-down neural attention by excitation backprop", IJCV 2018 (without its margin).
    """
    evidence, mask = _evidence(heatmap, mask)
    return float(mask[evidence == evidence.max()].mean())


def intersection_over_union(heatmap: np.ndarray, mask: np.ndarray, threshold: float = 0.5) -> float:
    """Overlap of the mask and the pixels that reach `threshold` x the map's maximum: shared area / joint area, 0 to 1.

    A map without positive evidence marks no pixel and scores 0. Arguments as in `energy_inside`.
    """
    return float(jaccard_by_threshold(heatmap, mask, np.array([threshold]))[0])


def jaccard_by_threshold(heatmap: np.ndarray, mask: np.ndarray, thresholds: np.ndarray = THRESHOLDS) -> np.ndarray:
    """`intersection_over_union` (the Jaccard index) at several thresholds, (thresholds,), for the price of one.

    thresholds : shares of the map's maximum, rising, above 0
    """
    evidence, mask = _evidence(heatmap, mask)
    reached = np.searchsorted(thresholds * evidence.max(), evidence, side="right")  # how many thresholds a pixel meets
    reached = np.where(evidence > 0, reached, 0)
    marked, shared = (
        np.bincount(pixels, minlength=len(thresholds) + 1)[::-1].cumsum()[::-1][1:]
        for pixels in (reached.ravel(), reached[mask])
    )
    joint = marked + mask.sum() - shared
    return shared / np.maximum(joint, 1)


def best_jaccard(by_threshold: np.ndarray, thresholds: np.ndarray = THRESHOLDS) -> tuple[float, np.ndarray]:
    """The one threshold with the highest mean Jaccard index over all images, and every image's index there, (n,).

    by_threshold : (n, thresholds), a row of `jaccard_by_threshold` for each image; rows of NaN do not vote

    This is how Nunnari et al. report .143, their best: Grad-CAM of VGG16 and ResNet50 on ISIC 2018 against the masks of
    dermoscopic structures, best thresholds .3 to .7. Only the way of counting is the same. A structure fills a few per
    cent of a photograph, and a Jaccard index cannot exceed the ratio of the smaller area to the larger one; against
    the whole lesion, a fifth of the area, the same map scores several times as much. So compare a map of ours with
    .143 only on the masks of structures, and each number with a centred blob on the same masks first. The threshold is
    chosen on the images it is judged on: the value is the best case, here as in the paper.
    Source: Nunnari, Kadir and Sonntag, CD-MAKE 2021, doi:10.1007/978-3-030-84060-0_16.
    """
    there = np.isfinite(by_threshold).all(axis=1)
    best = int(by_threshold[there].mean(axis=0).argmax()) if there.any() else 0
    return float(thresholds[best]), by_threshold[:, best]


def touches(heatmap: np.ndarray, mask: np.ndarray, threshold: float = 0.5) -> float:
    """1 if the pixels that reach `threshold` x the map's maximum meet the mask at all, else 0.

    The laxest agreement there is, and the nearest that a program comes to "total or partial agreement", which two
    dermatologists gave to 93.6 % (Grad-CAM), 88.0 % (Grad-CAM++) and 84.6 % (Score-CAM) of the maps of 100 melanomas.
    It is not the same measure: they judged by eye, against asymmetry, border and colour instead of a mask, and no map
    that knows nothing stood beside the five methods. On centred lesions such a map touches nearly every mask.
    Source: Giavina-Bianchi et al., Frontiers in Medicine 2023, doi:10.3389/fmed.2023.1241484.
    """
    return float(intersection_over_union(heatmap, mask, threshold) > 0)


def _evidence(heatmap: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The finite positive part of a map, and the mask as bool; ValueError if their shapes differ."""
    heatmap, mask = np.asarray(heatmap, dtype=float), np.asarray(mask, dtype=bool)
    if heatmap.shape != mask.shape or heatmap.ndim != 2 or heatmap.size == 0:
        raise ValueError(f"the map has shape {heatmap.shape} and the mask {mask.shape}: both must be (height, width)")
    return np.where(np.isfinite(heatmap), heatmap, 0).clip(min=0), mask


# --- maps that know no network ---


def centre_gaussian(shape: tuple[int, int]) -> np.ndarray:
    """A map that knows no picture: a Gaussian in the centre, standard deviation a quarter of each side, maximum 1.

    Lesions are photographed in the middle, so this is the map that an explanation has to beat.
    """
    height, width = shape
    rows, columns = (np.arange(height) + 0.5) / height - 0.5, (np.arange(width) + 0.5) / width - 0.5
    return np.exp(-(rows[:, None] ** 2 + columns**2) / (2 * 0.25**2))


def random_map(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """A map of independent uniform values in [0, 1). Draw it at the grid's size, and resize like the method's maps."""
    return rng.random(shape)


def edge_map(image: np.ndarray) -> np.ndarray:
    """A map that knows the picture but no network: how steeply its brightness changes at each pixel (Sobel).

    image : uint8 RGB, (height, width, 3). Returns float, (height, width), grey levels a pixel.
    Source: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018: some methods act as edge detectors.
    """
    from scipy import ndimage

    grey = np.asarray(image, dtype=float).mean(axis=2)
    return np.hypot(ndimage.sobel(grey, axis=0), ndimage.sobel(grey, axis=1)) / 8
