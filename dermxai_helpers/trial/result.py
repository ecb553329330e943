"""What a trial found: scores by method and image, for `scoring.compare`, and their means with intervals by lesion."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from dermxai_helpers import scoring
from dermxai_helpers.scoring.maps import best_iou

BEST = {"IoU, lesion": ("plausibility", "best IoU"), "IoU, structures": ("drawn", "IoU, structures")}
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


def assemble(scores: Mapping[tuple[str, int], Mapping[tuple, float]], predictions: pd.DataFrame) -> TrialResult:
    """Gather {(method, image): {(group, measure): score}}; the groups of BEST hold one score a threshold."""
    table = pd.DataFrame(list(scores.values()), index=pd.MultiIndex.from_tuples(scores, names=["method", "image"]))
    table.columns = pd.MultiIndex.from_tuples(table.columns, names=["group", "measure"])
    methods = table.index.unique("method")
    table = table.reindex(pd.MultiIndex.from_product([methods, predictions.index], names=table.index.names))
    for group in [group for group in BEST if group in table]:
        best = [best_iou(table.loc[method, group].to_numpy()) for method in methods]
        table = table.drop(columns=group, level="group")
        table[BEST[group]] = np.concatenate(best)
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
