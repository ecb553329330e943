"""Is it right, by how much, and compared with what baseline?

Photographs of one lesion resemble each other, so they are not independent: intervals here resample lesions, not images.
"""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from dermxai_helpers.scoring.maps import (
    centre_gaussian,
    energy_inside,
    intersection_over_union,
    pointing_game,
    random_map,
)

__all__ = [
    "centre_gaussian", "classification_table", "energy_inside", "intersection_over_union", "interval", "mean_intervals",
    "pointing_game", "random_map", "scores", "scores_with_intervals", "wilson",
]

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


def mean_intervals(groups: Sequence, values: np.ndarray, repeats: int = 1000, seed: int = 0) -> np.ndarray:
    """`interval("mean", ...)` of many columns at once, in one resampling: (columns, 2), low and high.

    groups : lesion of each row, (n,); values : float, (n, columns). A NaN is left out of its column's mean; a column of
    nothing else has the interval NaN to NaN.
    """
    values = np.asarray(values, dtype=float)
    if not len(groups) or values.ndim != 2 or len(values) != len(groups):
        raise ValueError(f"groups has {len(groups)} rows and the values have shape {values.shape}: give (n, columns)")
    there = np.isfinite(values)
    _, lesion = np.unique(np.asarray(groups), return_inverse=True)
    totals, sizes = np.zeros((2, lesion.max() + 1, values.shape[1]))
    np.add.at(totals, lesion, np.where(there, values, 0))
    np.add.at(sizes, lesion, there)
    with np.errstate(invalid="ignore"):  # nothing over nothing: a column of which no row was drawn
        means = np.array([(drawn @ totals) / (drawn @ sizes) for drawn in _draws(len(sizes), repeats, seed)])
    nothing = (np.nan, np.nan)
    return np.array([_percentiles(column) if np.isfinite(column).any() else nothing for column in means.T])


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
