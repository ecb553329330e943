"""What did a trial find? Tables with intervals by lesion, and the comparisons that can be trusted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermxai_helpers import scoring
from dermxai_helpers.scoring.maps import best_jaccard

JACCARD = {"Jaccard, lesion": ("plausibility", "best Jaccard"), "Jaccard, structures": ("drawn", "Jaccard, structures")}
GROUPS = ("plausibility", "faithfulness", "drawn", "maps")
ANSWERS = ("method", "measure", "image", "share", "value")


@dataclass(frozen=True, eq=False)
class Verdict:
    """The outcome of a trial for every method and image.

    scores : index (method, image), columns (group, measure); NaN where an image cannot answer (no evidence in the map,
        no artefact in the picture), which means are taken without. Groups, of which no two should be mixed:
        "plausibility" : the map against the lesion's mask (see `plausibility`)
        "faithfulness" : area under the curve of a probability; high is good for insertion and ROAD, low for deletion
        "drawn" : the map against masks that only drawn lesions have
        "maps" : "without evidence" is 1 for a map that marks nothing
        Where a name ends in "- area", the share of the area is subtracted: 0 is chance
    points : one row an answer of the network: method, measure, image, share (erased), value
    predictions : one row an image: predicted (the class index that was explained), probability, lesion
    """

    scores: pd.DataFrame
    points: pd.DataFrame
    predictions: pd.DataFrame

    def table(self, seed: int = 0) -> pd.DataFrame:
        """Mean and 95 % interval by lesion: one row a method, columns (group, measure, "value" | "low" | "high")."""
        return _summary(self.scores, self.predictions["lesion"], seed)

    def against(self, reference: str, seed: int = 0) -> pd.DataFrame:
        """The same table of differences from one method, image by image: an interval beyond 0 is a real difference.

        This is the comparison to trust. All methods see the same images at the same shares, so what makes an image easy
        or hard for all of them cancels. Raises ValueError for an unknown method.
        """
        methods = list(self.scores.index.unique("method"))
        if reference not in methods:
            raise ValueError(f"there is no method {reference!r} in this trial; there are {', '.join(methods)}")
        blocks = {name: self.scores.loc[name] - self.scores.loc[reference] for name in methods if name != reference}
        return _summary(pd.concat(blocks, names=["method"]), self.predictions["lesion"], seed)

    def right_and_wrong(
        self, right: np.ndarray, group: str = "plausibility", measure: str = "energy", seed: int = 0
    ) -> pd.DataFrame:
        """Are the maps of right predictions better? One row a method: right, wrong, difference, low, high (by lesion).

        right : bool, (n,), whether each prediction was right
        The paper says (4.2) that heat-maps lie on the lesion where the model is right and spread to the background
        where it is wrong: then the difference of "energy" is above 0, and so is its interval. Look at the baselines
        first: if the centre Gaussian has the same difference, right predictions simply have larger lesions.
        Raises ValueError unless there are right and wrong predictions.
        """
        right = np.asarray(right, dtype=bool)
        if right.shape != (len(self.predictions),) or right.all() or not right.any():
            raise ValueError(
                f"{np.count_nonzero(right)} of {right.size} predictions are right: give one value for each of the "
                f"{len(self.predictions)} images, and images of both kinds"
            )
        lesions = self.predictions["lesion"].to_numpy()
        scores = self.scores[group, measure].groupby(level="method", sort=False)
        rows = {method: _right_minus_wrong(values.to_numpy(), right, lesions, seed) for method, values in scores}
        return pd.DataFrame(rows).T.rename_axis("method")


def assemble(
    judged: Mapping[tuple[str, int], Mapping[tuple, float]], asked: Sequence[pd.DataFrame], predictions: pd.DataFrame
) -> Verdict:
    """A Verdict of a trial's answers.

    judged : {(method, image): {(group, measure): score}}; the groups of JACCARD hold one score a threshold
    asked : tables with the columns of ANSWERS
    """
    scores = pd.DataFrame(list(judged.values()), index=pd.MultiIndex.from_tuples(judged, names=["method", "image"]))
    scores.columns = pd.MultiIndex.from_tuples(scores.columns, names=["group", "measure"])
    methods = scores.index.unique("method")
    scores = scores.reindex(pd.MultiIndex.from_product([methods, predictions.index], names=scores.index.names))
    for group in [group for group in JACCARD if group in scores]:
        best = [best_jaccard(scores.loc[method, group].to_numpy()) for method in methods]
        scores = scores.drop(columns=group, level="group")
        scores[JACCARD[group]] = np.concatenate(best)
    points = pd.concat(asked, ignore_index=True) if asked else pd.DataFrame(columns=ANSWERS)
    for measure, answers in points.groupby("measure", sort=False):
        scores["faithfulness", measure] = answers.groupby(["method", "image"])["value"].mean()
    return Verdict(scores[[group for group in GROUPS if group in scores]], points, predictions)


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
    if not there[right].any() or not there[~right].any():
        return dict.fromkeys(("right", "wrong", "difference", "low", "high"), np.nan)
    values, right, lesions = values[there], right[there], lesions[there]

    def difference(values: np.ndarray, right: np.ndarray) -> float:
        return values[right].mean() - values[~right].mean() if 0 < right.sum() < len(right) else np.nan

    low, high = scoring.interval(difference, lesions, values, right, seed=seed)
    means = {"right": values[right].mean(), "wrong": values[~right].mean()}
    return means | {"difference": means["right"] - means["wrong"], "low": low, "high": high}
