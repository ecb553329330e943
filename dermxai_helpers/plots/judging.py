"""Figures about a trained classifier's probabilities, thresholds and failures."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

MEASURED, REFERENCE, MARKED = "#30688e", "#777777", "#b5622c"


def strategies(
    scored: Mapping[str, pd.DataFrame], names: Sequence[str], chance: Mapping[str, float]
) -> tuple[Figure, str]:
    """Several scores of several classifiers with their intervals: classifiers share a line, scores a panel.

    scored : {classifier: table of `scoring.scores_with_intervals`}; names : which scores, 0 to 1
    chance : what needs no image, for each of them
    """
    figure = Figure(figsize=(9, 1.1 + 0.28 * len(scored)))
    axes = np.atleast_1d(figure.subplots(1, len(names), sharey=True))
    for axis, name in zip(axes, names, strict=True):
        rows = pd.DataFrame({classifier: table.loc[name] for classifier, table in scored.items()}).T
        axis.axvline(chance[name], color=REFERENCE, linestyle="--", linewidth=1)
        axis.hlines(rows.index, rows["low"], rows["high"], color=MEASURED, linewidth=4, alpha=0.4)
        axis.plot(rows["value"], rows.index, "o", color=MEASURED, markersize=4)
        axis.set(xlim=(-0.03, 1.03), title=name.replace("_", " "))
    axes[0].invert_yaxis()
    figure.supxlabel("share with its 95 % interval by lesion · dashed: what always answering nevus gets", fontsize=8)
    said = [
        f"{classifier}: " + ", ".join(f"{name} {table.loc[name, 'value']:.2f}" for name in names)
        for classifier, table in scored.items()
    ]
    return figure, f"Scores as dots with intervals, one line a way to train. {'; '.join(said)}."


def reliability(panels: Mapping[str, pd.DataFrame], errors: Mapping[str, float]) -> tuple[Figure, str]:
    """Accuracy against confidence, one panel a classifier; the diagonal is a network that knows how sure it may be.

    panels : {name: table of `calibration.reliability`}; errors : expected calibration error of each
    """
    figure = Figure(figsize=(3.1 * len(panels), 3.1))
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    for axis, (name, table) in zip(axes, panels.items(), strict=True):
        axis.plot([0, 1], [0, 1], color=REFERENCE, linestyle="--", linewidth=1)
        sizes = 20 + 200 * table["images"] / table["images"].sum()
        axis.plot(table["confidence"], table["accuracy"], color=MEASURED, linewidth=1)
        axis.scatter(table["confidence"], table["accuracy"], s=sizes, color=MEASURED, alpha=0.8)
        title = f"{name}\ncalibration error {errors[name]:.3f}"
        axis.set(xlim=(0, 1), ylim=(0, 1), xlabel="mean confidence", title=title)
    axes[0].set_ylabel("share of right answers")
    said = "; ".join(
        f"{name} (error {errors[name]:.3f}): " + ", ".join(
            f"{row.accuracy:.2f} right at confidence {row.confidence:.2f}" for row in table.itertuples()
        )
        for name, table in panels.items()
    )
    return figure, f"Accuracy against confidence; larger dots hold more images. {said}."


def operating_points(scores: np.ndarray, positive: np.ndarray, points: Mapping[str, Mapping]) -> tuple[Figure, str]:
    """Sensitivity against false alarms for every threshold, with some thresholds marked.

    scores : (n,); positive : bool, (n,); points : {name: dict of `calibration.operating_point`}
    """
    from sklearn.metrics import roc_auc_score, roc_curve

    figure = Figure(figsize=(5.4, 3.6))
    axis = figure.subplots()
    alarms, found, _ = roc_curve(positive, scores)
    axis.plot([0, 1], [0, 1], color=REFERENCE, linestyle="--", linewidth=1, label="scores without meaning")
    axis.plot(alarms, found, color=MEASURED, linewidth=1.5)
    markers = iter("osD^v")
    for name, point in points.items():
        label = f"{name}: finds {point['sensitivity']:.0%}, spares {point['specificity']:.0%}"
        axis.plot(1 - point["specificity"], point["sensitivity"], next(markers), color=MARKED, label=label)
    axis.set(xlabel="false alarms: share of the others sent on", ylabel="sensitivity: share of melanomas found")
    axis.legend(loc="lower right")
    area = roc_auc_score(positive, scores)
    said = "; ".join(f"{name}: sensitivity {point['sensitivity']:.2f} at specificity {point['specificity']:.2f}"
                     for name, point in points.items())
    return figure, f"ROC curve of melanoma against the rest, area {area:.3f}. {said}."


def groups(panels: Mapping[str, pd.DataFrame], rate: str, overall: float) -> tuple[Figure, str]:
    """One rate for several groups of people, with intervals; groups too small to read are grey.

    panels : {question: table of `audit.subgroups`}; rate : "recall" or "specificity"; overall : the rate of all
    """
    figure = Figure(figsize=(9, 1.2 + 0.32 * max(map(len, panels.values()))))
    said = []
    for axis, (question, table) in zip(np.atleast_1d(figure.subplots(1, len(panels))), panels.items(), strict=True):
        shown = table.dropna(subset=[rate])
        axis.axvline(overall, color=REFERENCE, linestyle="--", linewidth=1)
        for name, row in shown.iterrows():
            colour = MEASURED if row["enough"] else "#bbbbbb"
            axis.hlines(name, row[f"{rate}_low"], row[f"{rate}_high"], color=colour, linewidth=5, alpha=0.5)
            axis.plot(row[rate], name, "o", color=colour, markersize=5)
        axis.set(xlim=(0, 1), title=question, ylim=(len(shown) - 0.4, -0.6))
        said += [f"{question} {name}: {row[rate]:.2f} ({row['melanomas']} melanomas)" for name, row in shown.iterrows()]
    figure.supxlabel(f"{rate} with 95 % interval by lesion · dashed: all images · grey: too few melanomas", fontsize=8)
    return figure, f"{rate.capitalize()} of melanoma by group; all images {overall:.2f}. {'; '.join(said)}."


def gallery(images: Sequence[np.ndarray], captions: Sequence[str], columns: int = 4) -> tuple[Figure, str]:
    """Photographs, each under two lines of text. images : uint8 (height, width, 3), of any size"""
    rows = -(-len(images) // columns)
    figure = Figure(figsize=(9, 2.5 * rows))
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for axis in axes:
        axis.set_axis_off()
    for axis, image, caption in zip(axes, images, captions, strict=False):
        axis.imshow(image)
        axis.set_title(caption, fontsize=8)
    return figure, f"{len(images)} photographs. " + "; ".join(caption.replace("\n", ", ") for caption in captions) + "."


def decision(scores: np.ndarray, positive: np.ndarray, threshold: float) -> tuple[Figure, str]:
    """What one threshold does: the two groups' scores, the line between them, and the four counts.

    scores : probability of melanoma, (n,); positive : bool, (n,); threshold : 0 to 1
    """
    called = scores >= threshold
    counts = np.array([[(called & positive).sum(), (~called & positive).sum()],
                       [(called & ~positive).sum(), (~called & ~positive).sum()]])
    figure = Figure(figsize=(8, 2.8))
    left, right = figure.subplots(1, 2, width_ratios=[1.6, 1])
    edges = np.linspace(0, 1, 26)
    for group, colour, name in ((positive, MARKED, "melanoma"), (~positive, MEASURED, "other")):
        weights = np.full(group.sum(), 1 / max(group.sum(), 1))
        left.hist(scores[group], edges, weights=weights, histtype="step", color=colour, label=name)
    left.axvline(threshold, color="black", linewidth=1)
    left.set(xlabel="score of melanoma", ylabel="share of the group", title=f"threshold {threshold:.2f}")
    left.legend()
    _draw_counts(right, counts)
    found, spared = counts[0, 0] / max(counts[0].sum(), 1), counts[1, 1] / max(counts[1].sum(), 1)
    right.set_title(f"sensitivity {found:.0%}, specificity {spared:.0%}")
    alt = (f"Threshold {threshold:.2f}: {counts[0, 0]} melanomas found, {counts[0, 1]} missed, {counts[1, 0]} false "
           f"alarms, {counts[1, 1]} others spared; sensitivity {found:.2f}, specificity {spared:.2f}.")
    return figure, alt


def _draw_counts(axis: Axes, counts: np.ndarray) -> None:
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(counts):
        colour = "black" if shares[row, column] > 0.55 else "white"
        axis.text(column, row, f"{count:,}", ha="center", va="center", color=colour)
    axis.set_xticks([0, 1], ["sent on", "sent home"])
    axis.set_yticks([0, 1], ["melanoma", "other"])
    axis.spines[:].set_visible(False)
