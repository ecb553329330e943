"""Is it right, by how much, and compared with what baseline?

Photographs of one lesion resemble each other, so they are not independent: intervals here resample lesions, not images.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

Z95 = 1.959964  # 97.5th percentile of the normal distribution: 95 % lie within +- Z95


def classification_table(labels: Sequence, predicted: Sequence, classes: Sequence) -> pd.DataFrame:
    """Precision, recall, F1 and support: one row for each class, then "macro average" and "accuracy".

    labels, predicted : class names, (n,). A class that is never predicted has precision 0.
    In the row "accuracy" all three columns hold the accuracy. Raises ValueError for a label that is not in `classes`.
    """
    from sklearn.metrics import accuracy_score, precision_recall_fscore_support

    labels, predicted = _known(labels, classes), _known(predicted, classes)
    columns = precision_recall_fscore_support(labels, predicted, labels=list(classes), zero_division=0)
    table = pd.DataFrame(dict(zip(["precision", "recall", "f1", "support"], columns, strict=True)), index=list(classes))
    macro, accuracy, n = table[["precision", "recall", "f1"]].mean(), accuracy_score(labels, predicted), len(labels)
    table.loc["macro average"] = [*macro, n]
    table.loc["accuracy"] = [accuracy] * 3 + [n]
    return table.astype({"support": int}).rename_axis("class")


def scores(labels: Sequence, predicted: Sequence, classes: Sequence) -> dict[str, float]:
    """accuracy, balanced_accuracy, macro_f1 and recall_<class> of class names (n,), by scikit-learn."""
    from sklearn.metrics import accuracy_score, f1_score, recall_score

    labels, predicted = _known(labels, classes), _known(predicted, classes)
    present = [name for name in classes if name in labels]
    recalls = recall_score(labels, predicted, labels=list(classes), average=None, zero_division=np.nan)
    return {
        "accuracy": accuracy_score(labels, predicted),
        "balanced_accuracy": recall_score(labels, predicted, labels=present, average="macro", zero_division=0),
        "macro_f1": f1_score(labels, predicted, labels=list(classes), average="macro", zero_division=0),
    } | {f"recall_{name}": recall for name, recall in zip(classes, recalls, strict=True)}


def scores_with_intervals(
    labels: Sequence, predicted: Sequence, lesions: Sequence, classes: Sequence, repeats: int = 1000, seed: int = 0,
) -> pd.DataFrame:
    """Every score of `scores` with its 95 % interval: index = score, columns value, low, high."""
    values = scores(labels, predicted, classes)
    tables = _resampled_confusions(lesions, labels, predicted, classes, repeats, seed)
    intervals = {name: _percentiles(_confusion_metric(name, classes)(tables)) for name in values}
    table = pd.DataFrame(intervals, index=["low", "high"]).T
    table.insert(0, "value", pd.Series(values))
    return table.rename_axis("score")


def interval(
    metric: str | Callable, groups: Sequence, *arrays: Sequence, repeats: int = 1000, seed: int = 0,
) -> tuple[float, float]:
    """A 95 % percentile interval by drawing whole groups (lesions) with replacement.

    metric : "accuracy", "balanced_accuracy", "macro_f1" or "recall_<class>" of two arrays (labels, predicted), "mean"
        of one array: these count each lesion once and are fast. Or any function of the arrays, called `repeats` times.
    groups : lesion of each row, (n,); arrays : what the metric takes, (n, ...) each. Classes are those that occur.

    A repeat in which the metric is undefined (no image of the class was drawn) is left out.
    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13; groups: Field and Welsh 2007.
    """
    arrays = [np.asarray(array) for array in arrays]
    if not len(groups) or any(len(array) != len(groups) for array in arrays):
        lengths = [len(array) for array in arrays]
        raise ValueError(f"groups has {len(groups)} rows and the arrays {lengths}: they must be alike and not empty")
    if callable(metric):
        return _percentiles(_resampled_calls(metric, groups, arrays, repeats, seed))
    if metric == "mean":
        return _percentiles(_resampled_means(groups, arrays[0], repeats, seed))
    classes = np.unique(np.concatenate(arrays))
    tables = _resampled_confusions(groups, *arrays, classes, repeats, seed)
    return _percentiles(_confusion_metric(metric, classes)(tables))


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Wilson's 95 % interval for a share of n independent trials.

    Source: Wilson 1927, "Probable inference, the law of succession, and statistical inference", JASA 22:209-212.
    """
    if n < 1 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} trials: need at least one trial and 0 <= successes <= trials")
    share, slack = successes / n, Z95**2 / n
    centre = (share + slack / 2) / (1 + slack)
    half = Z95 / (1 + slack) * np.sqrt(share * (1 - share) / n + slack / (4 * n))
    return float(max(centre - half, 0)), float(min(centre + half, 1))


def _known(labels: Sequence, classes: Sequence) -> np.ndarray:
    labels = np.asarray(labels)
    strangers = sorted(map(str, set(labels.tolist()) - set(classes)))
    if strangers:
        raise ValueError(f"unknown class {', '.join(strangers)}: the classes are {', '.join(map(str, classes))}")
    return labels


def _percentiles(values: np.ndarray) -> tuple[float, float]:
    values = values[np.isfinite(values)]
    if not len(values):
        raise ValueError("the metric was undefined in every repeat: no interval can be given")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def _draws(groups: int, repeats: int, seed: int):
    """For each repeat, how often each group was drawn: int, (groups,)."""
    rng = np.random.default_rng(seed)
    for _ in range(repeats):
        yield np.bincount(rng.integers(groups, size=groups), minlength=groups)


def _resampled_confusions(groups, labels, predicted, classes, repeats: int, seed: int) -> np.ndarray:
    """Confusion matrices (repeats, true class, predicted class): each lesion's own is counted once, then weighted."""
    position = {name: number for number, name in enumerate(classes)}
    rows = np.array([position[name] for name in _known(labels, classes).tolist()])
    columns = np.array([position[name] for name in _known(predicted, classes).tolist()])
    _, lesion = np.unique(np.asarray(groups), return_inverse=True)
    counts = np.zeros((lesion.max() + 1, len(classes) ** 2))
    np.add.at(counts, (lesion, rows * len(classes) + columns), 1)
    tables = np.stack([drawn @ counts for drawn in _draws(len(counts), repeats, seed)])
    return tables.reshape(repeats, len(classes), len(classes))


def _resampled_means(groups, values: np.ndarray, repeats: int, seed: int) -> np.ndarray:
    _, lesion = np.unique(np.asarray(groups), return_inverse=True)
    totals, sizes = np.bincount(lesion, weights=values), np.bincount(lesion)
    return np.array([(drawn @ totals) / (drawn @ sizes) for drawn in _draws(len(sizes), repeats, seed)])


def _resampled_calls(metric: Callable, groups, arrays: list[np.ndarray], repeats: int, seed: int) -> np.ndarray:
    _, lesion = np.unique(np.asarray(groups), return_inverse=True)
    draws = _draws(lesion.max() + 1, repeats, seed)
    rows = (np.repeat(np.arange(len(lesion)), drawn[lesion]) for drawn in draws)
    return np.array([metric(*(array[chosen] for array in arrays)) for chosen in rows], dtype=float)


def _confusion_metric(name: str, classes: Sequence) -> Callable[[np.ndarray], np.ndarray]:
    """A metric as a function of confusion matrices (..., true class, predicted class)."""
    named = {"accuracy": _accuracy, "balanced_accuracy": _balanced_accuracy, "macro_f1": _macro_f1}
    if name in named:
        return named[name]
    wanted = [number for number, known in enumerate(classes) if name == f"recall_{known}"]
    if not wanted:
        raise ValueError(f"no metric is called {name!r}: choose {', '.join(named)}, recall_<class>, mean or a function")
    return lambda tables: _recalls(tables)[..., wanted[0]]


def _accuracy(tables: np.ndarray) -> np.ndarray:
    return np.trace(tables, axis1=-2, axis2=-1) / tables.sum(axis=(-2, -1))


def _recalls(tables: np.ndarray) -> np.ndarray:
    """Recall of each class, (..., classes); NaN for a class of which no image was drawn."""
    right, total = np.diagonal(tables, axis1=-2, axis2=-1), tables.sum(axis=-1)
    return np.where(total > 0, right / np.maximum(total, 1), np.nan)


def _balanced_accuracy(tables: np.ndarray) -> np.ndarray:
    """Mean recall over the classes that occur; NaN for a repeat in which one of them was not drawn."""
    recalls = _recalls(tables)
    occur = np.isfinite(recalls).any(axis=tuple(range(recalls.ndim - 1)))
    return recalls[..., occur].mean(axis=-1)


def _macro_f1(tables: np.ndarray) -> np.ndarray:
    """Mean F1 = 2 right / (labelled + predicted); 0 for a class that is neither, as scikit-learn's zero_division=0."""
    right, labelled_or_predicted = np.diagonal(tables, axis1=-2, axis2=-1), tables.sum(axis=-1) + tables.sum(axis=-2)
    return (2 * right / np.maximum(labelled_or_predicted, 1)).mean(axis=-1)


# --- heat-maps against masks ---


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
    evidence, mask = _evidence(heatmap, mask)
    marked = (evidence >= threshold * evidence.max()) & (evidence > 0)
    joint = (marked | mask).sum()
    return float((marked & mask).sum() / joint) if joint else 0.0


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


def _evidence(heatmap: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The finite positive part of a map, and the mask as bool; ValueError if their shapes differ."""
    heatmap, mask = np.asarray(heatmap, dtype=float), np.asarray(mask, dtype=bool)
    if heatmap.shape != mask.shape or heatmap.ndim != 2 or heatmap.size == 0:
        raise ValueError(f"the map has shape {heatmap.shape} and the mask {mask.shape}: both must be (height, width)")
    return np.where(np.isfinite(heatmap), heatmap, 0).clip(min=0), mask
