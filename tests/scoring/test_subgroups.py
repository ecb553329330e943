"""Subgroups, on tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import scoring


@pytest.fixture
def table() -> pd.DataFrame:
    """Forty images, two of each lesion: the first twenty of women, every second lesion a melanoma."""
    dx = ["mel" if number // 2 % 2 else "nv" for number in range(40)]
    return pd.DataFrame({"lesion_id": [f"L{number // 2}" for number in range(40)], "dx": dx,
                         "sex": ["female"] * 20 + ["male"] * 20})  # fmt: skip


def test_the_recall_of_each_group_is_its_own(table):
    predicted = np.where(table["sex"] == "female", table["dx"], "nv")  # right for women, blind for men
    result = scoring.recall_by_group(table, predicted, table["sex"])
    assert result["images"].tolist() == [20, 20] and result["lesions"].tolist() == [5, 5]
    assert result["value"].tolist() == [1, 0]
    assert result.loc["female", "low"] < 1 and result.loc["male", "high"] > 0, "no certainty from five lesions"


def test_enough_counts_lesions_and_not_photographs(table):
    """Ten photographs of five melanomas are five independent cases."""
    assert (table["dx"][table["sex"] == "male"] == "mel").sum() == 10
    assert not scoring.recall_by_group(table, table["dx"], table["sex"])["enough"].any()
    alone = table.assign(lesion_id=table.index)
    assert scoring.recall_by_group(alone, table["dx"], table["sex"])["enough"].all()


def test_groups_follow_the_rows_of_a_part_of_a_table(table):
    part = table.iloc[[2, 3, 38, 39, 0]]  # any order, an index with gaps
    result = scoring.recall_by_group(part, ["mel", "nv", "mel", "mel", "nv"], part["sex"])
    assert result["value"].to_dict() == {"female": 0.5, "male": 1}
    assert result.loc["female", "low"] <= 0.5 <= result.loc["female", "high"]


@pytest.mark.filterwarnings("error")
def test_a_group_without_melanomas_has_no_recall(table):
    part = table[table["dx"] == "nv"]
    result = scoring.recall_by_group(part, ["nv"] * len(part), part["sex"])
    assert result[["value", "low", "high"]].isna().all().all() and not result["enough"].any()


def test_rows_that_do_not_belong_together_get_a_sentence(table):
    predicted = table["dx"].to_numpy()
    moved = table["sex"].set_axis(table.index + 5)
    for one, group in ((table, moved), (table, table["sex"][::-1]), (table.set_axis(np.zeros(40)), table["sex"])):
        with pytest.raises(ValueError, match="group must have the rows of the table, in its order"):
            scoring.recall_by_group(one, predicted, group)
    with pytest.raises(ValueError, match="predicted holds numbers: give names of classes"):
        scoring.recall_by_group(table, np.zeros(40, int), table["sex"])
    with pytest.raises(ValueError, match="rows have no lesion"):
        scoring.recall_by_group(table.assign(lesion_id=np.nan), predicted, table["sex"])
