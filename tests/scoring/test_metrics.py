"""Scores of class names against scikit-learn."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from dermxai_helpers import scoring
from dermxai_helpers.scoring.metrics import from_counts, yes_or_no

CLASSES = ("mel", "nv", "bkl")


def test_classification_table_has_the_numbers_of_scikit_learn():
    labels, predicted = np.random.default_rng(0).choice(CLASSES, (2, 300))
    table = scoring.classification_table(labels, predicted, CLASSES)
    report = metrics.classification_report(labels, predicted, labels=CLASSES, output_dict=True, zero_division=0)
    for name in CLASSES:
        assert table.loc[name].tolist() == pytest.approx(list(report[name].values()))
    assert table.loc["macro average"].tolist() == pytest.approx(list(report["macro avg"].values()))
    assert table.loc["accuracy", "f1"] == pytest.approx(report["accuracy"])


def test_a_class_never_predicted_scores_zero_without_a_warning():
    table = scoring.classification_table(["mel", "nv"], ["nv", "nv"], CLASSES)
    assert table.loc["mel", ["precision", "recall", "f1"]].tolist() == [0, 0, 0]


def test_an_unknown_class_is_named():
    with pytest.raises(ValueError, match="unknown class bcc: the classes are mel, nv, bkl"):
        scoring.classification_table(["bcc"], ["nv"], CLASSES)


@pytest.mark.parametrize("seed", range(3))
def test_scores_of_names_and_of_counts_equal_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    labels, predicted = rng.choice(CLASSES, (2, 40))
    if seed == 2:  # a class without images must not count as a recall of zero
        labels = np.where(labels == "mel", "nv", labels)
    recalls = metrics.recall_score(labels, predicted, labels=CLASSES, average=None, zero_division=np.nan)
    expected = {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": np.nanmean(recalls),
        "macro_f1": metrics.f1_score(labels, predicted, labels=CLASSES, average="macro", zero_division=0),
    } | {f"recall_{name}": recall for name, recall in zip(CLASSES, recalls, strict=True)}
    counts = metrics.confusion_matrix(labels, predicted, labels=CLASSES)[None]
    assert {name: score[0] for name, score in from_counts(counts, CLASSES).items()} == pytest.approx(
        expected, nan_ok=True
    )
    assert scoring.scores(labels, predicted, CLASSES) == pytest.approx(expected, nan_ok=True)


def test_an_abstention_is_an_error_of_macro_f1():
    labels, votes = ["mel", "mel", "nv", "nv"], ["mel", "none", "nv", "none"]
    counts = np.array([[1, 0, 1], [0, 1, 1]])  # the last column abstains
    expected = metrics.f1_score(labels, votes, labels=["mel", "nv"], average="macro")
    assert scoring.macro_f1(counts) == pytest.approx(expected)


@pytest.mark.parametrize("called", [scoring.scores, scoring.classification_table])
@pytest.mark.parametrize(
    ("labels", "predicted", "sentence"),
    [
        ([], [], "0 labels and 0 predictions"),
        (["nv", "mel"], ["nv"], "2 labels and 1 predictions"),
        (["nv", None], ["nv", "nv"], "unknown class None"),
        (["nv", np.nan], ["nv", "nv"], "unknown class nan"),
        ([1, 0], [1, 1], "unknown class 0, 1"),
        (["NV"], ["nv"], "unknown class NV"),
        ([True, False], [True, True], "unknown class False, True"),
    ],
)
def test_labels_that_cannot_be_scored_get_a_sentence(called, labels, predicted, sentence):
    with pytest.raises(ValueError, match=sentence):
        called(labels, predicted, CLASSES)


@pytest.mark.parametrize(
    "kind", [list, np.array, pd.Series, pd.Categorical, lambda names: pd.Series(names, index=[7, 5, 5])]
)
def test_labels_may_be_of_any_kind(kind):
    expected = scoring.scores(["nv", "mel", "nv"], ["nv", "nv", "nv"], CLASSES)
    found = scoring.scores(kind(["nv", "mel", "nv"]), kind(["nv", "nv", "nv"]), CLASSES)
    assert found == pytest.approx(expected, nan_ok=True) and found["accuracy"] == pytest.approx(2 / 3)


@pytest.mark.parametrize("true", [1, 255, 0.5, True])
def test_yes_and_no_may_be_zero_and_any_one_number(true):
    assert yes_or_no([0 * true, true, true], "a mask").tolist() == [False, True, True]
    assert yes_or_no(np.zeros((2, 2), type(true)), "a mask").tolist() == [[False, False]] * 2


@pytest.mark.parametrize("values", [["yes", "no"], [0, 3, 255], [0.2, 0.8], [1, np.nan], [-1, 1], [None, 1], ["False"]])
def test_anything_else_is_neither_yes_nor_no(values):
    with pytest.raises(ValueError, match="a mask must be True or False, or 0 and one other number"):
        yes_or_no(values, "a mask")
