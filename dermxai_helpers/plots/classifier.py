"""Figures of units 02 and 02b: how training went, what a classifier gets right, how sure it is, whom it sends on."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import BASELINE, CLASS_COLOURS, MEASURED, PAPER, SERIES, cells, styled, text_table


@styled
def training_curves(history: pd.DataFrame, constant: float) -> tuple[Figure, str]:
    """Draw a `Classifier.history`, with its best epoch. constant : accuracy of the commonest class, 0 to 1"""
    best = history["validation_loss"].idxmin()
    kept = history.loc[best]
    recalls = {f"recall_{name}": colour for name, colour in CLASS_COLOURS.items()}
    colours = dict.fromkeys(("training_loss", "balanced_accuracy"), SERIES[1]) | recalls
    panels = {"Cross-entropy (training: with dropout)": ["training_loss", "validation_loss"],
              "Validation accuracy": ["accuracy", "balanced_accuracy"], "Validation recall": recalls}  # fmt: skip
    figure = Figure(figsize=(9, 2.9))
    places = figure.subplots(1, len(panels))
    places[1].axhline(constant, color=BASELINE, linestyle="--", label="accuracy of the constant")
    for axes, (title, columns) in zip(places, panels.items(), strict=True):
        for column, marker in zip(columns, "os^", strict=False):
            colour = colours.get(column, MEASURED)
            axes.plot(history[column], marker + "-", color=colour, label=column.replace("_", " "))
        axes.axvline(best, color=BASELINE, linewidth=0.8, linestyle=":")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.set(xlabel="epoch", title=title)
        axes.legend()
    for axes in places[1:]:
        axes.set_ylim(-0.03, 1.03)
    ranges = [f"{name[7:]} {history[name].min():.2f} to {history[name].max():.2f}" for name in recalls]
    return figure, (
        f"Curves over {len(history)} epochs. Validation loss starts at {history['validation_loss'].iloc[0]:.2f}; its "
        f"lowest, {kept['validation_loss']:.2f}, is at epoch {best} (dotted line), where accuracy is "
        f"{kept['accuracy']:.3f} and balanced accuracy {kept['balanced_accuracy']:.3f}; the constant's accuracy, a "
        f"dashed line, is {constant:.3f}. Recall over the epochs: {', '.join(ranges)}."
    )


@styled
def report_and_confusion(
    report: pd.DataFrame, confusion: np.ndarray, paper: Mapping[str, float], constant: Mapping[str, float]
) -> tuple[Figure, str]:
    """Draw Figure 1: classification report beside the paper's numbers and the constant's, and the confusion matrix.

    report : `scoring.classification_table`; confusion : counts (true class, predicted class) in the report's order
    paper, constant : share by name: a class (its recall), "accuracy", "balanced accuracy"
    """
    classes = list(report.index[: len(confusion)])
    shown = report.loc[classes, ["precision", "f1", "support", "recall"]].copy()
    shown.loc["accuracy"] = [np.nan, np.nan, confusion.sum(), report.loc["accuracy", "f1"]]
    shown.loc["balanced accuracy"] = [np.nan, np.nan, confusion.sum(), report.loc["macro average", "recall"]]
    shown = shown.rename(columns={"f1": "F1", "support": "images"})
    shown["paper"], shown["constant"] = pd.Series(paper), pd.Series(constant)
    figure = Figure(figsize=(9, 3.1))
    left, right = figure.subplots(1, 2, width_ratios=[1.75, 1])
    text_table(left, shown, {"recall": MEASURED, "paper": PAPER})
    left.set_title("Classification report (last two rows: accuracy, not recall)")
    cells(right, confusion, classes, classes)
    right.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
    said = [f"{row.Index} {row.recall:.3f} (paper {row.paper:.3f}, constant {row.constant:.3f})"
            for row in shown.itertuples()]  # fmt: skip
    counts = "; ".join(f"{name} {row}" for name, row in zip(classes, confusion.tolist(), strict=True))
    left = f"Left, the classification report on {confusion.sum():,} validation images; recall by class, then accuracy: "
    right = f"Right, the confusion matrix, rows true, columns predicted: {counts}."
    return figure, f"{left}{'; '.join(said)}. {right}"


@styled
def reliability(panels: Mapping[str, pd.DataFrame], errors: Mapping[str, float]) -> tuple[Figure, str]:
    """Draw accuracy against confidence, one panel a classifier; on the diagonal a network knows how sure it may be.

    panels : {name: table of `calibration.reliability`}, bins under ten images grey; errors : calibration error of each
    """
    figure, said = Figure(figsize=(3 * len(panels), 3.3)), []
    places = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
    for axes, (name, table) in zip(places, panels.items(), strict=True):
        thin, sizes = table["images"] < 10, 20 + 200 * table["images"] / table["images"].sum()
        enough, faces, rims = table[~thin], np.where(thin, "none", MEASURED), np.where(thin, BASELINE, MEASURED)
        axes.plot([0, 1], [0, 1], color=BASELINE, linestyle="--", linewidth=1)
        axes.plot(enough["confidence"], enough["accuracy"], color=MEASURED, linewidth=1)
        axes.scatter(table["confidence"], table["accuracy"], sizes, faces, edgecolors=rims)
        axes.set(xlabel="mean confidence", ylabel="share of right answers")
        axes.set_title(f"{name}\ncalibration error {errors[name]:.3f}")
        axes.label_outer()
        points = [f"{row.accuracy:.2f} right at confidence {row.confidence:.2f}" for row in enough.itertuples()]
        said.append(f"{name} (error {errors[name]:.3f}): {', '.join(points) or 'no bin of ten images'}")
    figure.supxlabel("larger dots: more images · open and grey: fewer than ten, too few to say")
    return figure, f"Accuracy against confidence, where a bin holds ten images or more. {'; '.join(said)}."


@styled
def operating_points(curve: tuple, area: float, points: Mapping[str, Mapping]) -> tuple[Figure, str]:
    """Draw sensitivity against false alarms for every threshold, with some thresholds marked.

    curve, area : of `sklearn.metrics.roc_curve` and `roc_auc_score`; points : {name: its sensitivity, specificity}
    """
    axes, said = Figure(figsize=(5.6, 3.8)).subplots(), []
    axes.plot([0, 1], [0, 1], color=BASELINE, linestyle="--", linewidth=1, label="scores without meaning")
    axes.plot(curve[0], curve[1], color=MEASURED)
    for marker, (name, point) in zip("osD^", points.items(), strict=False):
        found, spared = point["sensitivity"], point["specificity"]
        axes.plot(1 - spared, found, marker, color=PAPER, label=f"{name}: finds {found:.0%}, spares {spared:.0%}")
        said.append(f"{name}: sensitivity {found:.2f} at specificity {spared:.2f}")
    axes.set(xlabel="false alarms: share of the others sent on", ylabel="sensitivity: share of melanomas found")
    axes.legend(loc="lower right")
    return axes.figure, f"ROC curve of melanoma against the rest, area {area:.3f}. {'; '.join(said)}."


@styled
def decision(scores: np.ndarray, positive: np.ndarray, threshold: float, counts: np.ndarray) -> tuple[Figure, str]:
    """Draw what one threshold does: the two groups' scores, the line between them, and the four counts.

    scores : of melanoma, (n,); positive : bool, (n,); threshold : 0 to 1; counts : melanoma, other x sent on, sent home
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
    said = f"Threshold {threshold:.2f}: {found} melanomas found, {missed} missed, {alarms} false alarms"
    return figure, f"{said}, {spared} others spared; sensitivity {sensitivity:.2f}, specificity {specificity:.2f}."
