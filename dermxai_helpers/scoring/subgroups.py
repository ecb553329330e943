"""For whom a classifier fails."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermxai_helpers.scoring.intervals import interval

FEWEST_MELANOMAS = 10  # a share of fewer is shown, and marked as too few to read


def rates_by_group(table: pd.DataFrame, predicted: Sequence[str], group: pd.Series) -> pd.DataFrame:
    """Tabulate for each group of people: images, melanomas, recall of melanoma, specificity.

    table : dx and lesion_id of the judged images; predicted : class names in its order; group : each row's group
    Both rates have 95 % intervals by lesion; "enough" is False for fewer than ten melanomas. Rows without a group (NaN)
    are left out.
    """
    if not group.index.equals(table.index) or not table.index.is_unique:  # pandas would match rows by their numbers
        raise ValueError("group must have the rows of the table, in its order: give a column of the same table")
    if pd.api.types.is_numeric_dtype(np.asarray(predicted)):
        raise ValueError("predicted holds numbers: give names of classes, as in the table's dx")
    called = pd.Series(np.asarray(predicted) == "mel", table.index)
    rows = {}
    for name, part in table.groupby(group, observed=True):
        ill, positive = (part["dx"] == "mel").to_numpy(), called[part.index].to_numpy()
        row = {"images": len(part), "melanomas": int(ill.sum()), "enough": ill.sum() >= FEWEST_MELANOMAS}
        for rate, right, asked in (("recall", positive, ill), ("specificity", ~positive, ~ill)):
            value = low = high = np.nan
            if asked.any():
                value = right[asked].mean()
                low, high = interval("mean", part["lesion_id"][asked], right[asked])
            row |= {rate: value, f"{rate}_low": low, f"{rate}_high": high}
        rows[name] = row
    return pd.DataFrame(rows).T.rename_axis("group")
