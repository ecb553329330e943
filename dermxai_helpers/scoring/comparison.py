"""The one judge: is it higher, lower, or can nobody tell? Two measures of the same rows, or one beside chance's own."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from dermxai_helpers.scoring import intervals, metrics

FEWEST = 10  # lesions (of a kind): about fewer nothing is said
Outcome = Literal["higher", "lower", "cannot tell"]


@dataclass(frozen=True)
class Comparison:
    """A paired difference with its 95 % interval."""

    difference: float  # value - reference, what both sides have on the same rows
    low: float
    high: float
    n: int  # rows that were compared
    groups: int  # lesions they come from
    value: float
    reference: float
    fewest: int  # groups of the smallest kind that the measure rests on (melanomas, for their recall)

    @property
    def outcome(self) -> Outcome:
        """The verdict: nothing is told from fewer than FEWEST groups, nor from an interval that holds 0."""
        if self.fewest < FEWEST or self.low <= 0 <= self.high:
            return "cannot tell"
        return "higher" if self.low > 0 else "lower"

    def sentence(self, subject: str, reference: str, quantity: str, rows: str = "photographs") -> str:
        """Say the verdict and its numbers. reference : "zero" beside a difference; quantity : "energy", "accuracy"."""
        of = f" of {self.groups} lesions" if rows == "photographs" else ""
        if self.fewest < FEWEST:
            few = f"{self.n} {rows}{of}; the smallest kind has {self.fewest} independent cases, {FEWEST} are needed"
            return f"{subject} against {reference}, {quantity}: too few to say ({few})."
        ends = f"95 % interval {self.low:+.3f} to {self.high:+.3f}"
        ends = "the same in every repeat" if np.isclose(self.low, self.high) else ends
        both = "" if reference == "zero" else f"{self.value:.3f} against {self.reference:.3f}, difference "
        numbers = f"{both}{self.difference:+.3f} ({ends}; {self.n} {rows}{of})"
        if self.outcome == "cannot tell":
            return f"{subject} and {reference} cannot be told apart in {quantity}: {numbers}."
        return f"{subject}: {quantity} is {self.outcome} than {'for ' if both else ''}{reference}: {numbers}."


def compare(
    a: Sequence, b: Sequence | float | str, groups: Sequence, metric: str | Callable = "mean",
    labels: Sequence | None = None, repeats: int = 1000, seed: int = 0,
) -> Comparison:  # fmt: skip
    r"""Compare two measures of the same rows: their difference, resampled by whole groups (lesions).

    $$ \bar d = \theta(a) - \theta(b), \qquad \text{for the mean} \quad \bar d = \frac{1}{n} \sum_i (a_i - b_i) $$

    a, b : (n,), the same rows in the same order, NaN where a row has no value; b may be one value for all, as "nv"
    groups : (n,); rows of one group (photographs of one lesion) are drawn together
    metric : "mean"; or a name that `interval` knows, of (labels, a); or a function of (labels, a), `repeats` times two
    labels : true class of each row, or whether it is of one kind, for every metric but "mean"

    >>> compare([0.9, 0.8, 0.7], 0.5, ["x", "y", "z"]).difference.__round__(2)
    0.3

    ValueError when lengths differ, no row has both values, or the metric is undefined for all rows.
    Source: Efron and Tibshirani 1993, chapter 8 (paired); Field and Welsh 2007 (groups).
    """
    a, b, groups, labels = _rows(a, b, groups, labels)
    draws = intervals.Draws(groups, repeats, seed)
    if metric == "mean":
        a, b = a.astype(float), b.astype(float)
        value, reference, drawn = a.mean(), b.mean(), draws.means((a - b)[:, None])[:, 0]
    elif callable(metric):
        value, reference = metric(labels, a), metric(labels, b)
        differences = (metric(labels[rows], a[rows]) - metric(labels[rows], b[rows]) for rows in draws.rows())
        drawn = np.fromiter(differences, dtype=float)
    else:
        classes = np.unique(np.concatenate([labels, a, b]))
        found = [draws.scores(labels, answer, classes) for answer in (a, b)]
        if metric not in found[0]:
            raise ValueError(f"no metric is called {metric!r}: choose mean, {', '.join(found[0])} or a function")
        drawn = found[0][metric] - found[1][metric]
        value, reference = (metrics.scores(labels, answer, classes)[metric] for answer in (a, b))
    if not np.isfinite(value) or not np.isfinite(reference):
        raise ValueError("the metric is undefined for these rows: they hold no row of one kind")
    sizes = len(groups), len(np.unique(groups))
    fewest = min((len(np.unique(groups[labels == kind])) for kind in _kinds(metric, labels)), default=sizes[1])
    low, high = intervals.percentiles(drawn)
    if low == high and value in (0, 1) and value != reference:  # many draws of a few cases, all alike, look certain
        low, high = np.subtract(intervals.not_certain((value, value), fewest), reference).tolist()
    return Comparison(float(value - reference), low, high, *sizes, float(value), float(reference), fewest)


def _rows(a, b, groups, labels):
    """The four as arrays of the rows that have both values."""
    a, groups = np.asarray(a), np.asarray(groups)
    b = np.broadcast_to(b, a.shape) if np.ndim(b) == 0 else np.asarray(b)
    labels = np.ones(len(a), bool) if labels is None else np.asarray(labels)
    sizes = [len(one) for one in (a, b, groups, labels)]
    if len(set(sizes)) > 1 or a.ndim > 1 or b.ndim > 1:
        raise ValueError(f"a, b, groups and labels have {sizes} rows: give the same rows, one value each")
    there = np.logical_and.reduce([np.isfinite(one) if one.dtype.kind == "f" else one == one for one in (a, b)])
    if not there.any():
        raise ValueError("no row has both values: nothing can be compared")
    return a[there], b[there], intervals.lesion_numbers(groups)[there], labels[there]


def _kinds(metric: str | Callable, labels: np.ndarray) -> list:
    """The kinds of rows of which each must have enough: the class of a recall, every class of a mean over classes."""
    if metric in ("mean", "accuracy") or (callable(metric) and labels.dtype.kind not in "bOU"):
        return []
    recall = isinstance(metric, str) and metric.startswith("recall_")
    return [metric.removeprefix("recall_")] if recall else list(np.unique(labels))


@dataclass(frozen=True)
class AmongDraws:
    """A value among those that chance has drawn: many shuffles, many random heads; one of them proves nothing."""

    value: float
    draws: np.ndarray

    @property
    def p_value(self) -> float:
        """How often chance is as high as the value, which counts as a draw itself: never below 1 / (draws + 1)."""
        return self._share(self.draws >= self.value)

    @property
    def outcome(self) -> Outcome:
        """Higher, or lower, than chance where at most one draw in twenty is as high, or as low."""
        if self.p_value <= 0.05:
            return "higher"
        return "lower" if self._share(self.draws <= self.value) <= 0.05 else "cannot tell"

    def sentence(self, subject: str, drawn: str, quantity: str) -> str:
        """Say the verdict with its numbers. drawn : what was drawn, in the plural, "random heads"."""
        low, high = np.percentile(self.draws, [2.5, 97.5])
        side = "low" if self.outcome == "lower" else "high"
        reached = self.draws <= self.value if side == "low" else self.draws >= self.value
        ends, mean = f"{low:.3f} to {high:.3f}", f"{self.draws.mean():.3f}"
        chance = f"{len(self.draws)} {drawn} have {mean} on average, 95 % of them {ends}"
        p = f"p = {self._share(reached):.3f} (it cannot be below {1 / (1 + len(self.draws)):.3f})"
        numbers = f"{self.value:.3f}; {chance}; {reached.sum()} are as {side}: {p}"
        if self.outcome == "cannot tell":
            return f"{subject} cannot be told from {drawn} in {quantity}: {numbers}."
        return f"{subject}: {quantity} is {self.outcome} than for {drawn}: {numbers}."

    def _share(self, draws: np.ndarray) -> float:
        return (1 + int(draws.sum())) / (1 + len(draws))


def among(value: float, draws: Sequence) -> AmongDraws:
    """Set a value among those of a permutation test. draws : at least 20, (r,); ValueError for fewer, or for NaN.

    >>> among(0.9, [0.1] * 30).outcome
    'higher'

    Source: Phipson and Smyth 2010, "Permutation p-values should never be zero", doi:10.2202/1544-6115.1585.
    """
    draws = np.asarray(draws, dtype=float)
    if draws.ndim != 1 or len(draws) < 20 or not np.isfinite([value, *draws]).all():
        raise ValueError(f"{draws.size} draws came: chance needs 20 or more in a row, all of them numbers")
    return AmongDraws(float(value), draws)


def recall_by_group(table: pd.DataFrame, predicted: Sequence[str], group: pd.Series) -> pd.DataFrame:
    """Tabulate the recall of melanoma for each group of people: value, low, high (95 % interval by lesion).

    table : dx and lesion_id of the judged images; predicted : class names in its order; group : each row's group
    Further columns: images (all of the group), lesions (that are melanomas), enough (False for fewer than ten of
    these). A group without melanoma has no value; rows without a group (NaN) are left out.
    """
    if not group.index.equals(table.index) or not table.index.is_unique:  # pandas would match rows by their numbers
        raise ValueError("group must have the rows of the table, in its order: give a column of the same table")
    if pd.api.types.is_numeric_dtype(np.asarray(predicted)):
        raise ValueError("predicted holds numbers: give names of classes, as in the table's dx")
    called = pd.Series(np.asarray(predicted) == "mel", table.index)
    rows = {}
    for name, part in table.groupby(group, observed=True):
        ill = part[part["dx"] == "mel"]
        found, lesions = called[ill.index], ill["lesion_id"].nunique()
        ends = intervals.interval("mean", ill["lesion_id"], found) if len(ill) else (np.nan, np.nan)
        rows[name] = (found.mean(), *ends, len(part), lesions, lesions >= FEWEST)
    columns = ["value", "low", "high", "images", "lesions", "enough"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("group")
