"""95 % intervals: photographs of one lesion resemble each other, so whole lesions are drawn again, not photographs."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from dermxai_helpers.scoring import metrics


def interval(
    metric: str | Callable, groups: Sequence, *arrays: Sequence, repeats: int = 1000, seed: int = 0
) -> tuple[float, float]:
    r"""Estimate a 95 % percentile interval by drawing whole groups (lesions) with replacement.

    $$ [\theta^*_{.025},\ \theta^*_{.975}], \quad \theta^* = \theta(\text{rows of } G \text{ groups drawn from } G) $$

    metric : "accuracy", "balanced_accuracy", "macro_f1" or "recall_<class>" of two arrays (labels, predicted), "mean"
        of one array: these count each lesion once and are fast. Or any function of the arrays, called `repeats` times.
    groups : lesion of each row, (n,); arrays : what the metric takes, (n, ...) each. Classes are those that occur.
    Repeats in which it is undefined are left out; ValueError where it is for the rows, or where a lesion is missing.

    >>> interval("mean", ["a", "a", "b", "c"], [1, 1, 0, 1])
    (0.0, 1.0)

    Source: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13; groups: Field and Welsh 2007.
    """
    arrays, lengths = [np.asarray(array) for array in arrays], [len(array) for array in arrays]
    if not len(groups) or any(length != len(groups) for length in lengths):
        raise ValueError(f"groups has {len(groups)} rows and the arrays {lengths}: they must be alike and not empty")
    if callable(metric):
        if not np.isfinite(float(metric(*arrays))):
            raise ValueError("the metric is undefined for these rows: no interval can be given")
        draws = Draws(groups, repeats, seed).rows()
        return percentiles(np.array([metric(*(array[rows] for array in arrays)) for rows in draws], dtype=float))
    if len(arrays) != (1 if metric == "mean" else 2):
        raise ValueError(f"{len(arrays)} arrays came: 'mean' takes one, other named metrics labels and predictions")
    if metric == "mean":
        return tuple(mean_intervals(groups, arrays[0][:, None], repeats, seed)[0].tolist())
    classes = np.unique(np.concatenate(arrays))
    scores = Draws(groups, repeats, seed).scores(*arrays, classes)
    if metric not in scores:
        raise ValueError(f"no metric is called {metric!r}: choose {', '.join(scores)}, mean or a function")
    return _honest(percentiles(scores[metric]), metric, groups, arrays[0])


def mean_intervals(groups: Sequence, values: np.ndarray, repeats: int = 1000, seed: int = 0) -> np.ndarray:
    """Estimate `interval("mean", ...)` of many columns at once, in one resampling: (columns, 2), low and high.

    groups : lesion of each row, (n,); values : float, (n, columns). NaNs are left out; a column of them has NaN to NaN.
    """
    values = np.asarray(values, dtype=float)
    if not len(groups) or values.ndim != 2 or len(values) != len(groups):
        raise ValueError(f"groups has {len(groups)} rows and the values have shape {values.shape}: give (n, columns)")
    if np.isinf(values).any():
        raise ValueError(f"{np.isinf(values).sum()} of the values are infinite: they have no mean")
    draws, ends = Draws(groups, repeats, seed), []
    for column, means in zip(values.T, draws.means(values).T, strict=True):
        there = np.isfinite(column)
        shares, cases = np.isin(column[there], (0, 1)).all(), len(np.unique(draws.lesion[there]))
        ends.append(not_certain(percentiles(means), cases) if shares else percentiles(means))
    return np.array(ends).reshape(-1, 2)


def scores_with_intervals(labels: Sequence, predicted: Sequence, lesions: Sequence, classes: Sequence) -> pd.DataFrame:
    """Tabulate every score of `scores` with its 95 % interval: index score, columns value, low, high; NaN: unknown."""
    values = metrics.scores(labels, predicted, classes)
    drawn = Draws(lesions).scores(labels, predicted, classes)
    rows = {name: (value, *_honest(percentiles(drawn[name]), name, lesions, labels)) for name, value in values.items()}
    return pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"]).rename_axis("score")


def wilson(successes: int, n: int) -> tuple[float, float]:
    """Estimate Wilson's 95 % interval for a share of n independent trials. Source: Wilson 1927, JASA 22:209-212."""
    from scipy.stats import binomtest

    ends = binomtest(int(successes), int(n)).proportion_ci(method="wilson")  # ValueError for impossible counts
    return float(ends.low), float(ends.high)


def not_certain(ends: tuple[float, float], cases: int) -> tuple[float, float]:
    """Replace 0 to 0 and 1 to 1, which many draws give of few cases, by Clopper and Pearson's interval.

    ends : of a share; cases : independent ones, all alike. Source: Clopper and Pearson 1934, Biometrika 26:404-413.
    """
    if cases and ends in ((0.0, 0.0), (1.0, 1.0)):
        rest = 0.025 ** (1 / cases)
        return (rest, 1.0) if ends[1] else (0.0, 1 - rest)
    return ends


def _honest(ends: tuple[float, float], metric: str, lesions: Sequence, labels: Sequence) -> tuple[float, float]:
    """The same for a score that is a share of images: accuracy, or a recall, which rests on its class's lesions."""
    if metric != "accuracy" and not metric.startswith("recall_"):
        return ends
    own = np.ones(len(labels), bool) if metric == "accuracy" else np.asarray(labels).astype(str) == metric[7:]
    return not_certain(ends, len(np.unique(lesion_numbers(lesions)[own])))


def percentiles(values: np.ndarray) -> tuple[float, float]:
    """The middle 95 % of the finite values; NaN to NaN without any."""
    values = values[np.isfinite(values)]
    low, high = np.percentile(values, [2.5, 97.5]) if len(values) else (np.nan, np.nan)
    return float(low), float(high)


def lesion_numbers(groups: Sequence) -> np.ndarray:
    """The number of each row's lesion, in sorted order."""
    numbers, _ = pd.factorize(pd.Series(list(groups), dtype=object), sort=True)
    if (numbers < 0).any():
        raise ValueError(f"{(numbers < 0).sum()} of {len(numbers)} rows have no lesion: give each one of its own")
    return numbers


class Draws:
    """Whole groups (lesions) drawn again and again, with replacement, the same for the same seed."""

    def __init__(self, groups: Sequence, repeats: int = 1000, seed: int = 0):
        self.lesion, self.repeats, self.seed = lesion_numbers(groups), repeats, seed

    def __iter__(self) -> Iterator[np.ndarray]:
        """For each repeat, how often each group was drawn: int, (groups,)."""
        rng, groups = np.random.default_rng(self.seed), self.lesion.max() + 1
        for _ in range(self.repeats):
            yield np.bincount(rng.integers(groups, size=groups), minlength=groups)

    def rows(self) -> Iterator[np.ndarray]:
        """For each repeat the numbers of its rows, each as often as its lesion was drawn."""
        return (np.repeat(np.arange(len(self.lesion)), times[self.lesion]) for times in self)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Column sums (repeats, columns) of the drawn rows: each lesion's own is taken once, then weighted."""
        of_lesion = np.zeros((self.lesion.max() + 1, values.shape[1]))
        np.add.at(of_lesion, self.lesion, values)
        return np.array([drawn @ of_lesion for drawn in self])

    def means(self, values: np.ndarray) -> np.ndarray:
        """Column means (repeats, columns) of the drawn rows; NaNs are left out."""
        there = np.isfinite(values)
        totals, sizes = np.hsplit(self.sums(np.hstack([np.where(there, values, 0), there])), 2)
        return np.divide(totals, sizes, out=np.full(totals.shape, np.nan), where=sizes > 0)

    def scores(self, labels: Sequence, predicted: Sequence, classes: Sequence) -> dict[str, np.ndarray]:
        """Every score of `metrics.scores`, (repeats,), of the drawn rows."""
        sums = self.sums(np.eye(len(classes) ** 2)[metrics.pair_numbers(labels, predicted, classes)])
        return metrics.from_counts(sums.reshape(-1, len(classes), len(classes)), classes)
