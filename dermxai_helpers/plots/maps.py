"""Figures of units 03, 04 and 04b: heat-maps, their making, the regions cut from them, and scenes."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import CenteredNorm, Normalize
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import MEASURED, PALE, SIGNED_COLOURS, bare, draw_picture, outline, styled
from dermxai_helpers.plots.pictures import SHEET, grid


@styled
def numbers(matrices: Mapping[str, np.ndarray]) -> tuple[Figure, str]:
    """Draw small matrices as coloured cells with their values. matrices : {title: float (rows, columns)}"""
    figure = Figure(figsize=(min(9, 3 * len(matrices)), min(9 / len(matrices), 3) + 0.2))
    panels = figure.subplots(1, len(matrices), squeeze=False)[0]
    for axes, (title, matrix) in zip(panels, matrices.items(), strict=True):
        largest = max(np.abs(matrix).max(), 1e-12)
        digits = 3 if matrix.size < 10 else 2  # what fits into a cell
        axes.imshow(matrix, cmap=SIGNED_COLOURS, norm=CenteredNorm(halfrange=largest))
        for (row, column), value in np.ndenumerate(matrix):
            colour = "white" if abs(value) > 0.75 * largest else "black"
            axes.text(column, row, f"{value:.{digits}g}", ha="center", va="center", color=colour)
        bare(axes, title)
    said = "; ".join(f"{title}: {np.round(matrix, 3).tolist()}" for title, matrix in matrices.items())
    return figure, f"Cells with their values. {said}"


@styled
def explained_rows(
    images: np.ndarray, found, probabilities: np.ndarray, labels: Sequence[str], classes: Sequence[str], title: str
) -> tuple[Figure, str]:
    """Draw the paper's Figure 2: a row of picture, heat-map, overlay and class probabilities for each image.

    images : uint8 (B, h, w, 3), their true classes in labels; found : their `Explanation`; probabilities : (B, classes)
    """
    figure = Figure(figsize=(9, 1.75 * len(images) + 0.5))
    figure.suptitle(fill(title, 96))
    places = figure.subplots(len(images), 4, squeeze=False, width_ratios=[1, 1, 1, 1.25])
    maps, overlays = found.normalised(), found.overlay(images)
    said = []
    for row, (photograph, heatmap, overlay, bars) in enumerate(places):
        name, label = found.class_name[row], labels[row]
        draw_picture(photograph, images[row], f"labelled {label}")
        draw_picture(heatmap, maps[row], f"evidence for {name}")
        draw_picture(overlay, overlays[row], "overlay")
        colours = [MEASURED if one == label else PALE for one in classes]
        bars.bar_label(bars.barh(classes, probabilities[row], color=colours), fmt="{:.2f}", padding=3)
        bars.set(xlim=(0, 1.2), xticks=[0, 0.5, 1])
        bars.invert_yaxis()
        strongest = f"{found.prob[row]:.2f}, strongest cell {where(found.maps[row])}"
        said.append(f"row {row + 1}: labelled {label}, {name} with probability {strongest}")
    places[0, 3].set_title("probabilities (dark: the label)", fontsize=9)
    return figure, f"{title}. Each row: photograph, heat-map, overlay, class probabilities. {'; '.join(said)}."


@styled
def map_grid(
    images: np.ndarray, maps: Mapping[str, np.ndarray], labels: Sequence[str], title: str
) -> tuple[Figure, str]:
    """Draw a row for each image: the photograph, then its map by each method. maps : {method: float (B, gh, gw)}"""
    rows = [[image, *of_one] for image, *of_one in zip(images, *maps.values(), strict=True)]
    titles = [[label, *maps] for label in labels]
    figure, _ = grid(rows, titles)
    figure.suptitle(fill(title, 96))
    said = "; ".join(f"{method} strongest at {', '.join(map(where, of_all))}" for method, of_all in maps.items())
    return figure, f"{title}. Rows: {', '.join(labels)}. By method, from the first row to the last: {said}."


def where(heatmap: np.ndarray) -> str:
    """In words, the third of the picture in which a map is strongest: "top left", "centre" ..."""
    if not (heatmap > 0).any():
        return "nowhere (no positive evidence)"
    row, column = np.unravel_index(np.nanargmax(heatmap), heatmap.shape)
    down = ("top", "middle", "bottom")[int(3 * row / heatmap.shape[0])]
    across = ("left", "centre", "right")[int(3 * column / heatmap.shape[1])]
    return "centre" if (down, across) == ("middle", "centre") else f"{down} {across}"


@styled
def scenes(drawn: Sequence, rows: Mapping, zones: Mapping, title: str) -> tuple[Figure, str]:
    """Draw the tutorial's figure: rows of scenes, as they are or below a model's map, affected skin outlined.

    drawn : `synth.scenes.Scene` objects; rows : {name: `Explanation` of all scenes, or None: the scenes as they are}
    zones : {model: one row a scene, columns "affected skin" (its share of the relevance) and "IoU"}
    """
    images, said, titles = [scene.image for scene in drawn], [], []
    for name, found in rows.items():
        if found is None:
            titles.append([f"{scene.place},\n{scene.background}" for scene in drawn])
            continue
        called = list(zip(found.class_name, *zones[name][["affected skin", "IoU"]].to_numpy().T, strict=True))
        titles.append([f"{one}\ninside {inside:.0%}\nIoU {iou:.2f}" for one, inside, iou in called])
        words = (f"{scene.complaint} called {one}, {inside:.0%} of the relevance on affected skin, IoU {iou:.2f}"
                 for scene, (one, inside, iou) in zip(drawn, called, strict=True))  # fmt: skip
        said.append(f"{name}: {'; '.join(words)}")
    figure, axes = grid([images] * len(rows), titles, width=SHEET, space=0.5)
    figure.suptitle(title)
    for line, (name, found) in zip(axes, rows.items(), strict=True):
        line[0].set_ylabel(name)
        for place, heat, picture in zip(line, [] if found is None else found.normalised(), images, strict=False):
            whole = (-0.5, picture.shape[1] - 0.5, picture.shape[0] - 0.5, -0.5)  # clear where nothing is relevant
            place.imshow(heat, vmin=0, vmax=1, alpha=(3 * heat).clip(max=0.85), extent=whole, interpolation="bilinear")
    for place, scene in zip(axes.flat, [*drawn] * len(axes), strict=True):
        outline(place, scene.affected)
        place.set_xlabel(scene.complaint if place in axes[-1] else "")
    bar = ScalarMappable(Normalize(0, 1))
    figure.colorbar(bar, ax=axes, shrink=0.7, label="relevance, share of the maximum")
    return figure, f"{title}. Affected skin is outlined. {'. '.join(said)}."
