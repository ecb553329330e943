"""Figures of units 03 and 04: heat-maps, their making, and what they are worth beside controls."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm
from matplotlib.figure import Figure

from dermxai_helpers.scoring.maps import energy_inside

if TYPE_CHECKING:
    from dermxai_helpers.explanation import Explanation

SIGNED_COLOURS = "PuOr_r"  # white at zero; purple below, orange above
DARK, PALE = "#3b528b", "#b8c4d6"


def numbers(matrices: Mapping[str, np.ndarray]) -> tuple[Figure, str]:
    """Small matrices as coloured cells with their values written in. matrices : {title: float (rows, columns)}."""
    figure = Figure(figsize=(min(9, 3 * len(matrices)), min(9 / len(matrices), 3) + 0.2))
    rows = figure.subplots(1, len(matrices), squeeze=False)
    for axes, (title, matrix) in zip(rows[0], matrices.items(), strict=True):
        largest = max(np.abs(matrix).max(), 1e-12)
        digits = 3 if matrix.size < 10 else 2  # what fits into a cell
        axes.imshow(matrix, cmap=SIGNED_COLOURS, norm=CenteredNorm(halfrange=largest))
        for (row, column), value in np.ndenumerate(matrix):
            colour = "white" if abs(value) > 0.75 * largest else "black"
            axes.text(column, row, f"{value:.{digits}g}", ha="center", va="center", fontsize=8, color=colour)
        bare(axes, title)
    described = "; ".join(f"{title}: {np.round(matrix, 3).tolist()}" for title, matrix in matrices.items())
    return figure, f"Cells with their values. {described}"


def steps(pictures: Mapping[str, np.ndarray], about: str) -> tuple[Figure, str]:
    """Pictures in a row. pictures : {title: uint8 RGB (h, w, 3), or a map (h, w), of any size}; about : the alt text.

    A map with negative values is drawn in purple (negative), white (zero) and orange; another from dark to bright.
    """
    figure = Figure(figsize=(9, 9 / len(pictures) + 0.35))
    rows = figure.subplots(1, len(pictures), squeeze=False)
    for axes, (title, picture) in zip(rows[0], pictures.items(), strict=True):
        show_picture(axes, picture)
        bare(axes, title)
    return figure, f"{about} From left to right: {', '.join(title.replace(chr(10), ' ') for title in pictures)}."


def explained_rows(
    images: np.ndarray, explanation: "Explanation", probabilities: np.ndarray, labels: Sequence[str],
    classes: Sequence[str], title: str,
) -> tuple[Figure, str]:
    """The paper's Figure 2: a row of picture, heat-map, overlay and class probabilities for each image.

    images : uint8 (B, h, w, 3); explanation : one map each; probabilities : (B, classes); labels : true class each
    """
    count = len(images)
    figure = Figure(figsize=(9, 1.75 * count + 0.5))
    figure.suptitle(fill(title, 96), fontsize=10)
    grid = figure.subplots(count, 4, squeeze=False, width_ratios=[1, 1, 1, 1.25])
    overlays = explanation.overlay(images)
    for row, axes in enumerate(grid):
        show_picture(axes[0], images[row])
        bare(axes[0], f"labelled {labels[row]}")
        show_picture(axes[1], explanation.normalised()[row])
        bare(axes[1], f"evidence for {explanation.class_name[row]}")
        show_picture(axes[2], overlays[row])
        bare(axes[2], "overlay")
        probability_bars(axes[3], probabilities[row], classes, labels[row])
    grid[0, 3].set_title("probabilities (dark: the label)", fontsize=8.5)
    said = [
        f"row {row + 1}: labelled {labels[row]}, {explanation.class_name[row]} with probability "
        f"{explanation.prob[row]:.2f}, strongest cell {where(explanation.maps[row])}"
        for row in range(count)
    ]
    return figure, f"{title}. Each row: photograph, heat-map, overlay, class probabilities. " + "; ".join(said) + "."


def probability_bars(axes: Axes, probabilities: np.ndarray, classes: Sequence[str], label: str) -> None:
    """Horizontal bars of class probabilities (classes,); the true class is the dark one."""
    colours = [DARK if name == label else PALE for name in classes]
    axes.barh(range(len(classes)), probabilities, color=colours)
    for position, value in enumerate(probabilities):
        axes.text(value + 0.02, position, f"{value:.2f}", va="center", fontsize=8)
    axes.set(yticks=range(len(classes)), yticklabels=classes, xlim=(0, 1.2), xticks=[0, 0.5, 1])
    axes.invert_yaxis()


def control_chart(
    table: pd.DataFrame, chance: float, measure: str, title: str, also: str | None = None
) -> tuple[Figure, str]:
    """Values with 95 % intervals, one row each, and a line at chance.

    table : index = name, columns value, low, high; chance : what a map without information gets; measure : axis label
    also : a further column to draw as open diamonds (NaN where there is none)
    """
    figure = Figure(figsize=(7.5, 0.42 * len(table) + 1.2))
    axes = figure.subplots()
    places = np.arange(len(table))
    errors = np.abs(table[["low", "high"]].to_numpy().T - table["value"].to_numpy())
    axes.errorbar(table["value"], places, xerr=errors, fmt="o", color=DARK, capsize=3)
    if also is not None:
        axes.plot(table[also], places + 0.25, "D", markersize=5, color=DARK, markerfacecolor="white", label=also)
        axes.legend(loc="lower right")
    axes.axvline(chance, color="#888888", linestyle="--", linewidth=1)
    axes.text(chance, -0.75, f" share of the area {chance:.2f}", fontsize=8, color="#555555", va="center")
    axes.set(yticks=places, yticklabels=table.index, xlim=(0, 1), ylim=(len(table) - 0.5, -1.1), xlabel=measure)
    axes.set_title(fill(title, 76))
    said = "; ".join(f"{name} {row.value:.2f} ({row.low:.2f} to {row.high:.2f})" for name, row in table.iterrows())
    if also is not None:
        said += f". {also}: " + "; ".join(f"{name} {value:.2f}" for name, value in table[also].dropna().items())
    return figure, f"{title}: {measure}, with 95 % intervals. {said}. Share of the area: {chance:.2f}."


def map_grid(
    images: np.ndarray, maps: Mapping[str, np.ndarray], labels: Sequence[str], title: str
) -> tuple[Figure, str]:
    """One row for each image: the photograph, then its map by each method. maps : {method: float (B, gh, gw)}."""
    figure = Figure(figsize=(9, 9 / (len(maps) + 1) * len(images) * 1.02 + 0.6))
    figure.suptitle(fill(title, 96), fontsize=10)
    grid = figure.subplots(len(images), len(maps) + 1, squeeze=False)
    for row, axes in enumerate(grid):
        show_picture(axes[0], images[row])
        bare(axes[0], labels[row])
        for place, (method, of_all) in zip(axes[1:], maps.items(), strict=True):
            show_picture(place, of_all[row])
            bare(place, method if row == 0 else "")
    strongest = "; ".join(
        f"{method} strongest at {', '.join(where(heatmap) for heatmap in of_all)}" for method, of_all in maps.items()
    )
    return figure, f"{title}. Rows: {', '.join(labels)}. By method, from the first row to the last: {strongest}."


def relevance(image: np.ndarray, explanation: "Explanation", affected: np.ndarray) -> tuple[Figure, str]:
    """Photograph, map and overlay of one picture, with what is affected outlined. affected : bool (h, w)"""
    inside = energy_inside(explanation.resized(affected.shape)[0], affected)
    figure = Figure(figsize=(8, 3.1))
    pictures = {
        "photograph": image, f"{explanation.method}, {explanation.layer}": explanation.normalised()[0],
        f"evidence for {explanation.class_name[0]}": explanation.overlay(image[None])[0],
    }
    for number, (axes, (title, picture)) in enumerate(zip(figure.subplots(1, 3), pictures.items(), strict=True)):
        show_picture(axes, picture)
        bare(axes, title)
        if number != 1 and affected.any():
            axes.contour(affected, levels=[0.5], colors="white", linewidths=1)
    said = f"{inside:.0%} of the evidence on the affected skin, which is {affected.mean():.0%} of the picture"
    figure.supxlabel(said, fontsize=8.5)
    return figure, f"A map by {explanation.method} for {explanation.class_name[0]}: {said}."


def show_picture(axes: Axes, picture: np.ndarray) -> None:
    """An RGB picture as it is; a map (h, w) from dark to bright, or from purple to orange if it has negative values."""
    if picture.ndim == 3:
        axes.imshow(picture, interpolation="bilinear")
    elif np.nanmin(picture) < 0:
        axes.imshow(picture, cmap=SIGNED_COLOURS, norm=CenteredNorm())
    else:
        axes.imshow(picture, vmin=0)


def bare(axes: Axes, title: str) -> None:
    """A picture's axes: no ticks, no frame, a small title."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=8.5)


def where(heatmap: np.ndarray) -> str:
    """In words, the third of the picture in which a map is strongest: "top left", "centre" ..."""
    if not np.nanmax(heatmap) > 0:
        return "nowhere (no positive evidence)"
    row, column = np.unravel_index(np.nanargmax(heatmap), heatmap.shape)
    down = ("top", "middle", "bottom")[int(3 * row / heatmap.shape[0])]
    across = ("left", "centre", "right")[int(3 * column / heatmap.shape[1])]
    return "centre" if (down, across) == ("middle", "centre") else f"{down} {across}"
