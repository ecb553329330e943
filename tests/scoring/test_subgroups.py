"""Subgroups and unknown diagnoses, on tables made by hand."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers.scoring import subgroups

CLASSES = ("mel", "nv", "bkl")


@pytest.fixture
def table() -> pd.DataFrame:
    """Forty images, two of each lesion: the first twenty of women, every second lesion a melanoma."""
    dx = ["mel" if number // 2 % 2 else "nv" for number in range(40)]
    return pd.DataFrame({"lesion_id": [f"L{number // 2}" for number in range(40)], "dx": dx,
                         "sex": ["female"] * 20 + ["male"] * 20})  # fmt: skip


def test_subgroups_count_and_rate_each_group_alone(table):
    predicted = np.where(table["sex"] == "female", table["dx"], "nv")  # right for women, blind for men
    result = subgroups.rates_by_group(table, predicted, table["sex"])
    assert result.loc["female", "images"] == 20 and result.loc["male", "melanomas"] == 10
    assert result.loc["female", "recall"] == 1 and result.loc["male", "recall"] == 0
    assert result.loc["male", "specificity"] == 1
    assert result["enough"].tolist() == [True, True]


def test_subgroups_follow_the_rows_of_a_part_of_a_table(table):
    part = table.iloc[[2, 3, 38, 39, 0]]  # any order, an index with gaps
    result = subgroups.rates_by_group(part, ["mel", "nv", "mel", "mel", "nv"], part["sex"])
    assert result.loc["female", "recall"] == 0.5 and result.loc["male", "recall"] == 1
    assert not result["enough"].any()
    assert result.loc["female", "recall_low"] <= 0.5 <= result.loc["female", "recall_high"]


def test_a_group_without_melanomas_has_no_recall(table):
    part = table[table["dx"] == "nv"]
    result = subgroups.rates_by_group(part, ["nv"] * len(part), part["sex"])
    assert result["recall"].isna().all() and (result["specificity"] == 1).all()


def test_rows_that_do_not_belong_together_get_a_sentence(table):
    predicted = table["dx"].to_numpy()
    moved = table["sex"].set_axis(table.index + 5)
    for one, group in ((table, moved), (table, table["sex"][::-1]), (table.set_axis(np.zeros(40)), table["sex"])):
        with pytest.raises(ValueError, match="group must have the rows of the table, in its order"):
            subgroups.rates_by_group(one, predicted, group)
    with pytest.raises(ValueError, match="predicted holds numbers: give names of classes"):
        subgroups.rates_by_group(table, np.zeros(40, int), table["sex"])
    with pytest.raises(ValueError, match="rows have no lesion"):
        subgroups.rates_by_group(table.assign(lesion_id=np.nan), predicted, table["sex"])
