"""Figures of units 03, 04 and 04b: heat-maps, their making, the regions cut from them, and scenes."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.cm import ScalarMappable
from matplotlib.colors import CenteredNorm, Normalize
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import SIGNED_COLOURS, bare, draw_picture, look_of, outline, styled
from dermxai_helpers.plots.pictures import SHEET, grid


@styled
def numbers(matrices: Mapping[str, np.ndarray], unit: str) -> tuple[Figure, str]:
    """Draw matrices on one scale of colours. matrices : {title: float (rows, columns)}; unit : what the numbers are"""
    figure = Figure(figsize=(min(9, 2.7 * len(matrices) + 0.9), min(8 / len(matrices), 3) + 0.2))
    panels = figure.subplots(1, len(matrices), squeeze=False)[0]
    largest = max(max(np.abs(matrix).max() for matrix in matrices.values()), 1e-12)
    for axes, (title, matrix) in zip(panels, matrices.items(), strict=True):
        drawn = axes.imshow(matrix, cmap=SIGNED_COLOURS, norm=CenteredNorm(halfrange=largest))
        for (row, column), value in np.ndenumerate(matrix if matrix.size <= 25 else np.empty((0, 0))):
            colour = "white" if abs(value) > 0.75 * largest else "black"
            text = f"{value:.3g}" if matrix.size < 10 or value == 0 else f"{value:.2f}"  # what fits into a cell
            axes.text(column, row, text, ha="center", va="center", color=colour)
        bare(axes, title)
    figure.colorbar(drawn, ax=list(panels), label=unit, shrink=0.8)
    small = {title: np.round(matrix, 2).tolist() for title, matrix in matrices.items() if matrix.size <= 25}
    said = "; ".join(f"{title}: {values}" for title, values in small.items())
    ends = "; ".join(f"{title} from {matrix.min():.2g} to {matrix.max():.2g}" for title, matrix in matrices.items())
    return figure, f"Cells coloured by their value, {unit}: {said or ends}."


@styled
def map_grid(
    images: np.ndarray, masks: np.ndarray, maps: Mapping[str, np.ndarray], labels: Sequence[str], title: str,
    rim: str = "lesion", probabilities: pd.DataFrame | None = None,
) -> tuple[Figure, str]:  # fmt: skip
    """Draw a row for each image: the photograph, its maps with the rim of its mask, and bars of its probabilities.

    maps : {method: float (B, gh, gw)}, drawn as shares of each map's maximum, or overlays, uint8 (B, h, w, 3)
    rim : what the mask is; probabilities : one row an image, one column a class
    """
    columns = 1 + len(maps) + (probabilities is not None)
    figure = Figure(figsize=(min(9, 3 * columns), min(2.9, 7.6 / columns) * len(images) + 1.1))
    figure.suptitle(fill(title, 96))
    places = figure.subplots(len(images), columns, squeeze=False)
    for row, line in enumerate(places):
        draw_picture(line[0], images[row], labels[row])
        for axes, (method, of_all) in zip(line[1:], maps.items(), strict=False):
            height, width = masks[row].shape
            if of_all.ndim == 3:
                evidence = of_all[row].clip(min=0) / max(of_all[row].max(), 1e-30)
                shown = axes.imshow(evidence, vmin=0, vmax=1, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
            draw_picture(axes, of_all[row], method) if of_all.ndim == 4 else bare(axes, method)
            outline(axes, masks[row])
    grids = {method: of_all for method, of_all in maps.items() if of_all.ndim == 3}
    said = [f"{method} strongest at {', '.join(map(where, of_all))}" for method, of_all in grids.items()]
    chances = () if probabilities is None else probabilities.iterrows()
    for axes, (_, values) in zip(places[:, -1], chances, strict=False):
        bars = axes.barh(values.index, values, color=[look_of(name)[0] for name in values.index])
        axes.bar_label(bars, fmt="{:.2f}", padding=3)
        axes.set(xlim=(0, 1.25), xticks=[0, 0.5, 1])
        axes.set_title("probabilities", fontsize=9)
        axes.invert_yaxis()
        said.append("probabilities " + ", ".join(f"{name} {value:.2f}" for name, value in values.items()))
    label = f"share of the map's maximum; line: rim of the {rim}"
    figure.colorbar(shown, ax=places.ravel().tolist(), location="bottom", label=label, shrink=0.5, aspect=40)
    return figure, f"{title}. Rows: {', '.join(labels)}. From the first row to the last: {'; '.join(said)}."


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
