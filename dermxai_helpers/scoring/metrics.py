"""Scores of class names, from counts, so that a bootstrap can ask for thousands at once."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def classification_table(labels: Sequence, predicted: Sequence, classes: Sequence) -> pd.DataFrame:
    """Tabulate precision, recall, F1 and support: one row for each class, then "macro average" and "accuracy".

    labels, predicted : class names, (n,). A class that is never predicted has precision 0; "accuracy" fills its row.
    """
    from sklearn.metrics import precision_recall_fscore_support

    accuracy = scores(labels, predicted, classes)["accuracy"]
    columns = precision_recall_fscore_support(labels, predicted, labels=list(classes), zero_division=0)
    table = pd.DataFrame(np.transpose(columns), index=list(classes), columns=["precision", "recall", "f1", "support"])
    table.loc["macro average"] = [*table[["precision", "recall", "f1"]].mean(), len(labels)]
    table.loc["accuracy"] = [accuracy] * 3 + [len(labels)]
    return table.astype({"support": int}).rename_axis("class")


def scores(labels: Sequence, predicted: Sequence, classes: Sequence) -> dict[str, float]:
    """Score class names (n,): accuracy, balanced_accuracy, macro_f1 and recall_<class>, as scikit-learn does."""
    pairs = pair_numbers(labels, predicted, classes)
    counts = np.bincount(pairs, minlength=len(classes) ** 2).reshape(len(classes), len(classes))
    return {name: float(score) for name, score in from_counts(counts, classes).items()}


def pair_numbers(labels: Sequence, predicted: Sequence, classes: Sequence) -> np.ndarray:
    """For each row the number of its cell in a flattened confusion matrix; ValueError for an unknown class."""
    if not len(labels) == len(predicted) > 0:
        raise ValueError(f"{len(labels)} labels and {len(predicted)} predictions came: give as many, at least one")
    rows, columns = (pd.Index(classes).get_indexer(names) for names in (labels, predicted))
    unknown = {*np.asarray(labels)[rows < 0].tolist(), *np.asarray(predicted)[columns < 0].tolist()}
    if unknown:
        named = ", ".join(sorted(map(str, unknown)))
        raise ValueError(f"unknown class {named}: the classes are {', '.join(map(str, classes))}")
    return rows * len(classes) + columns


def from_counts(counts: np.ndarray, classes: Sequence) -> dict[str, np.ndarray]:
    """Every score of confusion matrices (..., true class, predicted class), each (...,).

    balanced_accuracy is the mean recall of the classes that have images; of several matrices, one that lacks a class
    which another has gets NaN, because a bootstrap repeat without the rarest class would be too kind.
    """
    right, total = np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1)
    recalls = np.where(total > 0, right / np.maximum(total, 1), np.nan)
    occurs = np.isfinite(recalls).any(axis=tuple(range(recalls.ndim - 1)))
    accuracy, balanced = right.sum(axis=-1) / total.sum(axis=-1), recalls[..., occurs].mean(axis=-1)
    found = {"accuracy": accuracy, "balanced_accuracy": balanced, "macro_f1": macro_f1(counts)}
    return found | {f"recall_{name}": recalls[..., number] for number, name in enumerate(classes)}


def macro_f1(counts: np.ndarray) -> np.ndarray:
    """Average F1 = 2 right / (labelled + predicted) over the classes; 0 for a class that is neither.

    counts : (..., C true classes, C predicted classes); one further column may count abstentions, which are errors
    """
    square = counts[..., : counts.shape[-2]]
    right, labelled, predicted = np.diagonal(square, axis1=-2, axis2=-1), counts.sum(axis=-1), square.sum(axis=-2)
    return (2 * right / np.maximum(labelled + predicted, 1)).mean(axis=-1)


def yes_or_no(values: Sequence, what: str) -> np.ndarray:
    """Values as bool; ValueError unless they are True and False, or 0 and one other number, as 255 in a mask's file."""
    values = np.asarray(values)
    if values.dtype.kind in "iuf" and np.isin(values, [0, values.max(initial=0)]).all():
        return values > 0
    if values.dtype != bool:
        raise ValueError(f"{what} must be True or False, or 0 and one other number; other {values.dtype} values came")
    return values
