"""Figures of unit 02: what a frozen backbone hands on, how training went, what the classifier gets right."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

MEASURED, PUBLISHED, REFERENCE = "#31688e", "#b5652b", "#777777"  # distinct in hue and in lightness
SHADES = {"mel": "#440154", "nv": "#31688e", "bkl": "#6fbf73"}  # of viridis


def pooling(image: np.ndarray, maps: np.ndarray, count: int = 5) -> tuple[Figure, str]:
    """One image and its strongest feature maps, each with the mean that becomes one feature.

    image : uint8 (height, width, 3); maps : (1280, grid height, grid width), the backbone's answer; count : maps shown
    """
    means = maps.mean(axis=(1, 2))
    strongest = np.argsort(means)[::-1][:count]
    figure = Figure(figsize=(9, 2.1))
    axes = figure.subplots(1, count + 1)
    axes[0].imshow(image)
    axes[0].set_title("image")
    for axis, number in zip(axes[1:], strongest, strict=True):
        axis.imshow(maps[number], cmap="viridis", vmin=0, vmax=maps[strongest].max())
        axis.set_title(f"map {number}\nmean {means[number]:.2f}")
    for axis in axes:
        axis.set_axis_off()
    grid = " x ".join(map(str, maps.shape[1:]))
    listed = ", ".join(f"map {number} mean {means[number]:.2f}" for number in strongest)
    return figure, f"A lesion image and the {count} strongest of {len(maps)} feature maps ({grid} cells): {listed}."


def training_curves(history: pd.DataFrame, constant: float) -> tuple[Figure, str]:
    """Loss, accuracy and recall by epoch, with the best epoch and the constant's accuracy.

    history : as in `Classifier.history`; constant : accuracy of always saying the commonest class, 0 to 1
    """
    best = history["validation_loss"].idxmin()
    figure = Figure(figsize=(9, 2.9))
    losses, accuracies, recalls = figure.subplots(1, 3)
    losses.plot(history.index, history["training_loss"], "o-", color=REFERENCE, label="training (with dropout)")
    losses.plot(history.index, history["validation_loss"], "s-", color=MEASURED, label="validation")
    losses.set(xlabel="epoch", title="Cross-entropy")
    accuracies.plot(history.index, history["accuracy"], "s-", color=MEASURED, label="accuracy")
    accuracies.plot(history.index, history["balanced_accuracy"], "^-", color=PUBLISHED, label="balanced accuracy")
    accuracies.axhline(constant, color=REFERENCE, linestyle="--", label="accuracy of the constant")
    accuracies.set(xlabel="epoch", ylim=(0, 1), title="Validation accuracy")
    for (dx, shade), marker in zip(SHADES.items(), "o^s", strict=True):
        recalls.plot(history.index, history[f"recall_{dx}"], marker + "-", color=shade, label=dx)
    recalls.set(xlabel="epoch", ylim=(0, 1), title="Validation recall")
    for axis in (losses, accuracies, recalls):
        axis.axvline(best, color=REFERENCE, linewidth=0.8, linestyle=":")
        axis.xaxis.get_major_locator().set_params(integer=True)
        axis.legend()
    chosen = history.loc[best]
    spans = {dx: history[f"recall_{dx}"] for dx in SHADES}
    moved = ", ".join(f"{dx} {span.min():.2f} to {span.max():.2f}" for dx, span in spans.items())
    return figure, (
        f"Curves over {len(history)} epochs. Validation loss starts at {history['validation_loss'].iloc[0]:.2f}; "
        f"its lowest, {chosen['validation_loss']:.2f}, is at epoch {best} (dotted line), where accuracy is "
        f"{chosen['accuracy']:.3f} and balanced accuracy {chosen['balanced_accuracy']:.3f}; the constant's accuracy, a "
        f"dashed line, is {constant:.3f}. Recall over the epochs: {moved}."
    )


def report_and_confusion(
    report: pd.DataFrame, confusion: np.ndarray, paper: Mapping[str, float], constant: Mapping[str, float],
) -> tuple[Figure, str]:
    """Figure 1: classification report beside the paper's numbers and the constant's, and the confusion matrix.

    report : `scoring.classification_table`; confusion : counts (true class, predicted class) in the report's order
    paper, constant : share by name: a class (its recall), "accuracy", "balanced accuracy"
    """
    classes = list(report.index[: len(confusion)])
    figure = Figure(figsize=(9, 3.1))
    left, right = figure.subplots(1, 2, width_ratios=[1.75, 1])
    cells = _report_cells(report, classes, paper, constant)
    _draw_table(left, cells)
    _draw_confusion(right, confusion, classes)
    rows = "; ".join(f"{name} {row}" for name, row in zip(classes, confusion.tolist(), strict=True))
    said = "; ".join(f"{row[0]} {row[4]} (paper {row[5]}, constant {row[6]})" for row in cells[1:])
    return figure, (
        f"Left, the classification report on {confusion.sum():,} validation images; recall by class, then accuracy: "
        f"{said}. "
        f"Right, the confusion matrix, rows true, columns predicted: {rows}."
    )


def right_answers(rows: Mapping[str, Mapping[str, int]], total: int) -> tuple[Figure, str]:
    """How many images each classifier gets right, stacked by class.

    rows : {classifier: {class: images right}}; total : images in all
    """
    figure = Figure(figsize=(9, 1.7))
    axis = figure.subplots()
    for name, right in reversed(rows.items()):
        start = 0
        for dx, count in right.items():
            axis.barh(name, count, left=start, color=SHADES[dx], edgecolor="white", label=dx)
            start += count
        axis.text(start + total / 200, name, f"{start:,}", va="center", fontsize=9)
    handles = dict(zip(*reversed(axis.get_legend_handles_labels()), strict=True))
    axis.legend(handles.values(), handles.keys(), loc="center left", bbox_to_anchor=(1, 0.5), title="class")
    axis.set(xlim=(0, total), xlabel=f"validation images answered correctly, of {total:,}")
    sums = "; ".join(
        f"{name}: {sum(right.values()):,} (" + ", ".join(f"{dx} {count}" for dx, count in right.items()) + ")"
        for name, right in rows.items()
    )
    return figure, f"Stacked bars of images answered correctly, of {total:,}. {sums}."


def intervals(panels: Mapping[str, pd.DataFrame], chance: Mapping[str, float]) -> tuple[Figure, str]:
    """Scores with their intervals, one panel a score, one line a classifier.

    panels : {score: table with the index classifier and columns value, low, high}
    chance : for each score, the value that needs no image (dashed line)
    """
    figure = Figure(figsize=(9, 1.2 + 0.35 * len(next(iter(panels.values())))))
    axes = np.atleast_1d(figure.subplots(1, len(panels), sharey=True))
    said = []
    for axis, (score, table) in zip(axes, panels.items(), strict=True):
        _draw_intervals(axis, table, chance[score])
        axis.set_title(score)
        lines = (f"{name} {row.value:.3f} ({row.low:.3f} to {row.high:.3f})" for name, row in table.iterrows())
        said.append(f"{score}: {', '.join(lines)}; without an image {chance[score]:.3f}")
    axes[0].invert_yaxis()
    figure.supxlabel("dot and bar: score and its 95 % interval · dashed: without an image", fontsize=8)
    return figure, f"Scores with 95 % intervals. {'. '.join(said)}."


def recalls(table: pd.DataFrame) -> tuple[Figure, str]:
    """Recall of each class (rows) under several ways of training (columns), 0 to 1, as dots joined by a line."""
    figure = Figure(figsize=(9, 0.9 + 0.35 * len(table)))
    axis = figure.subplots()
    markers, colours = "o^sD", (REFERENCE, MEASURED, PUBLISHED, "#440154")
    axis.hlines(table.index, table.min(axis=1), table.max(axis=1), color="#cccccc", zorder=0)
    for name, marker, colour in zip(table, markers, colours, strict=False):
        axis.scatter(table[name], table.index, marker=marker, color=colour, label=name, s=45)
    axis.set(xlim=(-0.02, 1.02), xlabel="recall: share of the class's images that are found")
    axis.margins(y=0.25)
    axis.invert_yaxis()
    axis.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    said = [f"{name}: " + ", ".join(f"{dx} {value:.3f}" for dx, value in table[name].items()) for name in table]
    return figure, f"Recall of each class as dots. {'; '.join(said)}."


def _report_cells(report: pd.DataFrame, classes: Sequence[str], paper: Mapping, constant: Mapping) -> list[list[str]]:
    """The report as text: class rows, then accuracy and balanced accuracy beside the paper's and the constant's."""
    rows = [["", "precision", "F1", "images", "recall", "paper", "constant"]]
    for name in classes:
        row = report.loc[name]
        shares = [row["recall"], paper[name], constant[name]]
        rows.append([name, f"{row['precision']:.3f}", f"{row['f1']:.3f}", f"{int(row['support']):,}"] + _shares(shares))
    n = f"{int(report.loc['accuracy', 'support']):,}"
    accuracy = [report.loc["accuracy", "f1"], paper["accuracy"], constant["accuracy"]]
    balanced = [report.loc["macro average", "recall"], paper["balanced accuracy"], constant["balanced accuracy"]]
    rows.append(["accuracy", "", "", n] + _shares(accuracy))
    rows.append(["balanced accuracy", "", "", n] + _shares(balanced))
    return rows


def _shares(values: Sequence[float]) -> list[str]:
    return [f"{value:.3f}" for value in values]


def _draw_table(axis: Axes, cells: list[list[str]]) -> None:
    axis.set_axis_off()
    axis.set_title("Classification report (last two rows: accuracy, not recall)")
    table = axis.table(cells[1:], colLabels=cells[0], loc="center", cellLoc="right", bbox=[0, 0.05, 1, 0.9],
                       colWidths=[1.7, 1, 0.8, 0.8, 0.8, 0.8, 1])
    table.auto_set_font_size(False)
    for (row, column), cell in table.get_celld().items():
        cell.set_fontsize(9)
        cell.set_linewidth(0)
        if row == 0:
            cell.set_text_props(weight="bold")
        elif column in (4, 5):
            cell.set_text_props(color=MEASURED if column == 4 else PUBLISHED, weight="bold")
        if row % 2:
            cell.set_facecolor("#f2f2f2")


def _draw_confusion(axis: Axes, confusion: np.ndarray, classes: Sequence[str]) -> None:
    """Colour is the share of the true class (a row sums to one), the number is the count."""
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    axis.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    for (row, column), count in np.ndenumerate(confusion):
        colour = "black" if shares[row, column] > 0.55 else "white"
        label = f"{count:,}\n{shares[row, column]:.0%}"
        axis.text(column, row, label, ha="center", va="center", color=colour, fontsize=9)
    axis.set_xticks(range(len(classes)), classes)
    axis.set_yticks(range(len(classes)), classes)
    axis.set(xlabel="predicted", ylabel="true", title="Confusion matrix")
    axis.spines[:].set_visible(False)


def _draw_intervals(axis: Axes, table: pd.DataFrame, chance: float) -> None:
    axis.axvline(chance, color=REFERENCE, linestyle="--", linewidth=1)
    axis.hlines(table.index, table["low"], table["high"], color=MEASURED, linewidth=5, alpha=0.5)
    axis.plot(table["value"], table.index, "o", color=MEASURED, markersize=4)
    for name, row in table.iterrows():
        place = {"xytext": (0, 6), "textcoords": "offset points", "ha": "center", "fontsize": 8}
        axis.annotate(f"{row['value']:.3f}", (row["value"], name), **place)
    axis.set_xlim(0, 1)
    axis.set_ylim(-0.6, len(table) - 0.4)
