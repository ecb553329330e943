"""What a trial found: scores by method and image, summed up with intervals by lesion and paired differences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermxai_helpers import scoring
from dermxai_helpers.scoring.maps import best_jaccard
from dermxai_helpers.scoring.metrics import yes_or_no

JACCARD = {"Jaccard, lesion": ("plausibility", "best Jaccard"), "Jaccard, structures": ("drawn", "Jaccard, structures")}
GROUPS = ("plausibility", "faithfulness", "drawn", "maps")


@dataclass(frozen=True, eq=False)
class TrialResult:
    """The outcome of a trial for every method and image.

    scores : index (method, image), columns (group, measure); NaN where an image cannot answer (no evidence in the map,
        no artefact in the picture), which means are taken without. Groups, of which no two should be mixed:
        "plausibility" : the map against the lesion's mask (see `scoring.maps`)
        "faithfulness" : area under the curve of a probability; high is good for insertion, low for deletion
        "drawn" : the map against masks that only drawn lesions have
        "maps" : "without evidence" is 1 for a map that marks nothing
        Where a name ends in "- area", the share of the area is subtracted: 0 is chance
    predictions : one row an image: predicted (the class index that was explained), probability, lesion
    """

    scores: pd.DataFrame
    predictions: pd.DataFrame

    def table(self, seed: int = 0) -> pd.DataFrame:
        """Mean and 95 % interval by lesion: one row a method, columns (group, measure, "value" | "low" | "high")."""
        return _summary(self.scores, self.predictions["lesion"], seed)

    def against(self, reference: str, seed: int = 0) -> pd.DataFrame:
        """The same table of differences from one method, image by image: an interval beyond 0 is a real difference.

        All methods see the same images at the same shares, so what makes an image easy or hard for all of them cancels.
        """
        methods = list(self.scores.index.unique("method"))
        if reference not in methods:
            raise ValueError(f"there is no method {reference!r} in this trial; there are {', '.join(methods)}")
        blocks = {name: self.scores.loc[name] - self.scores.loc[reference] for name in methods if name != reference}
        return _summary(pd.concat(blocks, names=["method"]), self.predictions["lesion"], seed)

    def right_and_wrong(self, right: np.ndarray, seed: int = 0) -> pd.DataFrame:
        """Compare the energy inside the lesion of right and wrong predictions, which the paper says (4.2) differs.

        right : bool, (n,), whether each prediction was right
        One row a method: right, wrong, difference, low, high (by lesion); NaN without images of both kinds. If the
        centre Gaussian has the same difference, right predictions simply have larger lesions.
        """
        lesions, right = self.predictions["lesion"].to_numpy(), yes_or_no(right, "right")
        scores = self.scores["plausibility", "energy"].groupby(level="method", sort=False)
        rows = {method: _right_minus_wrong(values.to_numpy(), right, lesions, seed) for method, values in scores}
        return pd.DataFrame(rows).T.rename_axis("method")


def assemble(scores: Mapping[tuple[str, int], Mapping[tuple, float]], predictions: pd.DataFrame) -> TrialResult:
    """Gather {(method, image): {(group, measure): score}}; the groups of JACCARD hold one score a threshold."""
    table = pd.DataFrame(list(scores.values()), index=pd.MultiIndex.from_tuples(scores, names=["method", "image"]))
    table.columns = pd.MultiIndex.from_tuples(table.columns, names=["group", "measure"])
    methods = table.index.unique("method")
    table = table.reindex(pd.MultiIndex.from_product([methods, predictions.index], names=table.index.names))
    for group in [group for group in JACCARD if group in table]:
        best = [best_jaccard(table.loc[method, group].to_numpy()) for method in methods]
        table = table.drop(columns=group, level="group")
        table[JACCARD[group]] = np.concatenate(best)
    return TrialResult(table[[group for group in GROUPS if group in table]], predictions)


def _summary(scores: pd.DataFrame, lesions: Sequence, seed: int) -> pd.DataFrame:
    """Mean, low and high of every column for each method."""
    columns = [(*column, number) for column in scores for number in ("value", "low", "high")]
    rows = {}
    for method, block in scores.groupby(level="method", sort=False):
        ends = scoring.mean_intervals(lesions, block.to_numpy(), seed=seed)
        rows[method] = np.column_stack([block.mean(), ends]).ravel()
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")
    return table.set_axis(_in_this_order(columns, ["group", "measure", "number"]), axis=1)


def _in_this_order(columns: Sequence[tuple], names: Sequence[str]) -> pd.MultiIndex:
    """Columns whose levels are sorted as they first occur: pandas would sort them by letter, and warn of the rest."""
    parts = list(zip(*columns, strict=True))
    levels = [list(dict.fromkeys(part)) for part in parts]
    codes = [[level.index(name) for name in part] for level, part in zip(levels, parts, strict=True)]
    return pd.MultiIndex(levels=levels, codes=codes, names=names)


def _right_minus_wrong(values: np.ndarray, right: np.ndarray, lesions: np.ndarray, seed: int) -> dict[str, float]:
    """Means of both groups, their difference and its interval; images without a value are left out."""
    there = np.isfinite(values)
    values, right, lesions = values[there], right[there], lesions[there]
    if not right.any() or right.all():
        return dict.fromkeys(("right", "wrong", "difference", "low", "high"), np.nan)

    def difference(values: np.ndarray, right: np.ndarray) -> float:
        return values[right].mean() - values[~right].mean() if 0 < right.sum() < len(right) else np.nan

    low, high = scoring.interval(difference, lesions, values, right, seed=seed)
    means = {"right": values[right].mean(), "wrong": values[~right].mean()}
    return means | {"difference": means["right"] - means["wrong"], "low": low, "high": high}
