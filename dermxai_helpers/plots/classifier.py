"""Figures of units 02 and 02b: how training went, what a classifier gets right, how sure it is, for whom it fails."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import BASELINE, CLASS_COLOURS, MEASURED, PAPER, cells, dots, text_table

SOME_MELANOMAS = "#bbbbbb"  # a group with too few to read


def training_curves(history: pd.DataFrame, constant: float) -> tuple[Figure, str]:
    """Draw loss, accuracy and recall by epoch, with the best epoch and the constant's accuracy.

    history : as in `Classifier.history`; constant : accuracy of always saying the commonest class, 0 to 1
    """
    best = history["validation_loss"].idxmin()
    figure = Figure(figsize=(9, 2.9))
    losses, accuracies, recalls = figure.subplots(1, 3)
    losses.plot(history["training_loss"], "o-", color=BASELINE, label="training (with dropout)")
    losses.plot(history["validation_loss"], "s-", color=MEASURED, label="validation")
    losses.set_title("Cross-entropy")
    accuracies.plot(history["accuracy"], "s-", color=MEASURED, label="accuracy")
    accuracies.plot(history["balanced_accuracy"], "^-", color=PAPER, label="balanced accuracy")
    accuracies.axhline(constant, color=BASELINE, linestyle="--", label="accuracy of the constant")
    accuracies.set(ylim=(0, 1), title="Validation accuracy")
    moved = []
    for (dx, colour), marker in zip(CLASS_COLOURS.items(), "o^s", strict=True):
        recall = history[f"recall_{dx}"]
        recalls.plot(recall, marker + "-", color=colour, label=dx)
        moved.append(f"{dx} {recall.min():.2f} to {recall.max():.2f}")
    recalls.set(ylim=(0, 1), title="Validation recall")
    for axes in (losses, accuracies, recalls):
        axes.axvline(best, color=BASELINE, linewidth=0.8, linestyle=":")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set_xlabel("epoch")
        axes.legend()
    kept = history.loc[best]
    return figure, (
        f"Curves over {len(history)} epochs. Validation loss starts at {history['validation_loss'].iloc[0]:.2f}; its "
        f"lowest, {kept['validation_loss']:.2f}, is at epoch {best} (dotted line), where accuracy is "
        f"{kept['accuracy']:.3f} and balanced accuracy {kept['balanced_accuracy']:.3f}; the constant's accuracy, a "
        f"dashed line, is {constant:.3f}. Recall over the epochs: {', '.join(moved)}."
    )


def report_and_confusion(
    report: pd.DataFrame, confusion: np.ndarray, paper: Mapping[str, float], constant: Mapping[str, float]
) -> tuple[Figure, str]:
    """Draw Figure 1: classification report beside the paper's numbers and the constant's, and the confusion matrix.

    report : `scoring.classification_table`; confusion : counts (true class, predicted class) in the report's order
    paper, constant : share by name: a class (its recall), "accuracy", "balanced accuracy"
    """
    classes = list(report.index[: len(confusion)])
    n = f"{confusion.sum():,}"
    rows = [["", "precision", "F1", "images", "recall", "paper", "constant"]]
    for name, row in report.loc[classes].iterrows():
        rows.append(
            [name, f"{row['precision']:.3f}", f"{row['f1']:.3f}", f"{row['support']:,.0f}", f"{row['recall']:.3f}"]
        )
    rows.append(["accuracy", "", "", n, f"{report.loc['accuracy', 'f1']:.3f}"])
    rows.append(["balanced accuracy", "", "", n, f"{report.loc['macro average', 'recall']:.3f}"])
    for row in rows[1:]:
        row += [f"{paper[row[0]]:.3f}", f"{constant[row[0]]:.3f}"]
    figure = Figure(figsize=(9, 3.1))
    left, right = figure.subplots(1, 2, width_ratios=[1.75, 1])
    text_table(left, rows, ["black"] * 4 + [MEASURED, PAPER, "black"])
    left.set_title("Classification report (last two rows: accuracy, not recall)")
    cells(right, confusion, classes, classes)
    right.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
    said = "; ".join(f"{row[0]} {row[4]} (paper {row[5]}, constant {row[6]})" for row in rows[1:])
    counts = "; ".join(f"{name} {row}" for name, row in zip(classes, confusion.tolist(), strict=True))
    return figure, (
        f"Left, the classification report on {n} validation images; recall by class, then accuracy: {said}. "
        f"Right, the confusion matrix, rows true, columns predicted: {counts}."
    )


def reliability(panels: Mapping[str, pd.DataFrame], errors: Mapping[str, float]) -> tuple[Figure, str]:
    """Draw accuracy against confidence, one panel a classifier; on the diagonal a network knows how sure it may be.

    panels : {name: table of `calibration.reliability`}; errors : expected calibration error of each
    """
    figure = Figure(figsize=(3 * len(panels), 3.1))
    said = []
    for axes, (name, table) in zip(figure.subplots(1, len(panels), sharey=True), panels.items(), strict=True):
        axes.plot([0, 1], [0, 1], color=BASELINE, linestyle="--", linewidth=1)
        axes.plot(table["confidence"], table["accuracy"], color=MEASURED, linewidth=1)
        sizes = 20 + 200 * table["images"] / table["images"].sum()
        axes.scatter(table["confidence"], table["accuracy"], s=sizes, color=MEASURED, alpha=0.8)
        axes.set(xlabel="mean confidence", ylabel="share of right answers")
        axes.set_title(f"{name}\ncalibration error {errors[name]:.3f}")
        axes.label_outer()
        points = [f"{row.accuracy:.2f} right at confidence {row.confidence:.2f}" for row in table.itertuples()]
        said.append(f"{name} (error {errors[name]:.3f}): {', '.join(points)}")
    return figure, f"Accuracy against confidence; larger dots hold more images. {'; '.join(said)}."


def operating_points(
    alarms: np.ndarray, found: np.ndarray, area: float, points: Mapping[str, Mapping]
) -> tuple[Figure, str]:
    """Draw sensitivity against false alarms for every threshold, with some thresholds marked.

    alarms, found, area : the curve of `sklearn.metrics.roc_curve` and the area below it
    points : {name: dict with sensitivity, specificity}
    """
    figure = Figure(figsize=(5.6, 3.8))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=BASELINE, linestyle="--", linewidth=1, label="scores without meaning")
    axes.plot(alarms, found, color=MEASURED)
    said = []
    for marker, (name, point) in zip("osD^", points.items(), strict=False):
        label = f"{name}: finds {point['sensitivity']:.0%}, spares {point['specificity']:.0%}"
        axes.plot(1 - point["specificity"], point["sensitivity"], marker, color=PAPER, label=label)
        said.append(f"{name}: sensitivity {point['sensitivity']:.2f} at specificity {point['specificity']:.2f}")
    axes.set(xlabel="false alarms: share of the others sent on", ylabel="sensitivity: share of melanomas found")
    axes.legend(loc="lower right")
    return figure, f"ROC curve of melanoma against the rest, area {area:.3f}. {'; '.join(said)}."


def groups(panels: Mapping[str, pd.DataFrame], rate: str, overall: float) -> tuple[Figure, str]:
    """Draw one rate for several groups of people, with intervals; groups too small to read are grey.

    panels : {question: table of `subgroups.rates_by_group`}; rate : "recall" or "specificity"; overall : of all
    """
    figure = Figure(figsize=(9, 1.2 + 0.32 * max(map(len, panels.values()))))
    said = []
    for axes, (question, table) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
        shown = table.dropna(subset=[rate]).rename(
            columns={rate: "value", f"{rate}_low": "low", f"{rate}_high": "high"}
        )
        dots(axes, shown, [MEASURED if enough else SOME_MELANOMAS for enough in shown["enough"]], overall)
        axes.set(xlim=(-0.03, 1.03), title=question)
        said += [
            f"{question} {name}: {row['value']:.2f} ({row['melanomas']} melanomas)" for name, row in shown.iterrows()
        ]
    figure.supxlabel(f"{rate} with 95 % interval by lesion · dashed: all images · grey: too few melanomas")
    return figure, f"{rate.capitalize()} of melanoma by group; all images {overall:.2f}. {'; '.join(said)}."


def decision(scores: np.ndarray, positive: np.ndarray, threshold: float, counts: np.ndarray) -> tuple[Figure, str]:
    """Draw what one threshold does: the two groups' scores, the line between them, and the four counts.

    scores : probability of melanoma, (n,); positive : bool, (n,); threshold : 0 to 1
    counts : rows melanoma, other; columns sent on, sent home
    """
    (found, missed), (alarms, spared) = counts
    sensitivity, specificity = found / max(found + missed, 1), spared / max(alarms + spared, 1)
    figure = Figure(figsize=(8, 2.8))
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    for group, colour, name in ((positive, CLASS_COLOURS["mel"], "melanoma"), (~positive, MEASURED, "other")):
        weights = np.full(group.sum(), 1 / max(group.sum(), 1))
        left.hist(scores[group], np.linspace(0, 1, 26), weights=weights, histtype="step", color=colour, label=name)
    left.axvline(threshold, color="black", linewidth=1)
    left.set(xlabel="score of melanoma", ylabel="share of the group", title=f"threshold {threshold:.2f}")
    left.legend()
    cells(right, counts, ["melanoma", "other"], ["sent on", "sent home"])
    right.set_title(f"sensitivity {sensitivity:.0%}, specificity {specificity:.0%}")
    return figure, (
        f"Threshold {threshold:.2f}: {found} melanomas found, {missed} missed, {alarms} false alarms, {spared} others "
        f"spared; sensitivity {sensitivity:.2f}, specificity {specificity:.2f}."
    )
