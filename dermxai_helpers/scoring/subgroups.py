"""For whom a classifier fails."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermxai_helpers.scoring.comparison import FEWEST
from dermxai_helpers.scoring.intervals import interval


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
        ends = interval("mean", ill["lesion_id"], found) if len(ill) else (np.nan, np.nan)
        rows[name] = (found.mean(), *ends, len(part), lesions, lesions >= FEWEST)
    columns = ["value", "low", "high", "images", "lesions", "enough"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("group")
