"""Figures of units 03, 04 and 04b: heat-maps, their making, the regions cut from them, and scenes."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import CLASS_COLOURS, MEASURED, SIGNED_COLOURS, bare, draw_picture, outline, styled
from dermxai_helpers.plots.pictures import grid


@styled
def numbers(matrices: Mapping[str, np.ndarray], unit: str) -> tuple[Figure, str]:
    """Draw matrices as coloured cells on one common scale, small ones with their values.

    matrices : {title: float (rows, columns)}; unit : what the numbers are, at the bar of colours
    """
    figure = Figure(figsize=(min(9, 2.7 * len(matrices) + 0.9), min(8 / len(matrices), 3) + 0.2))
    panels = figure.subplots(1, len(matrices), squeeze=False)[0]
    largest = max(max(np.abs(matrix).max() for matrix in matrices.values()), 1e-12)
    for axes, (title, matrix) in zip(panels, matrices.items(), strict=True):
        digits = 3 if matrix.size < 10 else 2  # what fits into a cell
        drawn = axes.imshow(matrix, cmap=SIGNED_COLOURS, norm=CenteredNorm(halfrange=largest))
        for (row, column), value in np.ndenumerate(matrix if matrix.size <= 25 else np.empty((0, 0))):
            colour = "white" if abs(value) > 0.75 * largest else "black"
            axes.text(column, row, f"{value:.{digits}g}", ha="center", va="center", color=colour)
        bare(axes, title)
    figure.colorbar(drawn, ax=list(panels), label=unit, shrink=0.8)
    said = "; ".join(
        f"{title}: {np.round(matrix, 2).tolist()}" for title, matrix in matrices.items() if matrix.size <= 25
    )
    ends = "; ".join(f"{title} from {matrix.min():.2g} to {matrix.max():.2g}" for title, matrix in matrices.items())
    return figure, f"Cells coloured by their value, {unit}: {said or ends}."


@styled
def explained_rows(
    images: np.ndarray, masks: np.ndarray, found, probabilities: pd.DataFrame, labels: Sequence[str], title: str
) -> tuple[Figure, str]:
    """Draw the paper's Figure 2: a row of picture, heat-map, overlay and class probabilities for each image.

    images : uint8 (B, h, w, 3), their lesions in masks, their true classes in labels; found : their `Explanation`
    probabilities : one row an image, one column a class
    """
    figure = Figure(figsize=(9, 1.75 * len(images) + 0.8))
    places = figure.subplots(len(images), 4, squeeze=False, width_ratios=[1, 1, 1, 1.25])
    overlays, said = found.overlay(images), []
    for row, (photograph, heatmap, overlay, bars) in enumerate(places):
        name, label, values = found.class_name[row], labels[row], probabilities.iloc[row]
        draw_picture(photograph, images[row], f"labelled {label}")
        shown = _shares(heatmap, found.maps[row], masks[row], f"evidence for {name}")
        draw_picture(overlay, overlays[row], "overlay")
        outline(overlay, masks[row])
        colours = [CLASS_COLOURS.get(one, MEASURED) for one in values.index]
        bars.bar_label(bars.barh(values.index, values, color=colours), fmt="{:.2f}", padding=3)
        bars.set(xlim=(0, 1.25), xticks=[0, 0.5, 1])
        bars.invert_yaxis()
        strongest = f"{found.prob[row]:.2f}, strongest cell {where(found.maps[row])}"
        said.append(f"row {row + 1}: labelled {label}, {name} with probability {strongest}")
    places[0, 3].set_title("probabilities", fontsize=9)
    _named(figure, places[:, :3], shown, title, "lesion")
    return figure, f"{title}. Each row: photograph, heat-map, overlay, class probabilities. {'; '.join(said)}."


@styled
def map_grid(
    images: np.ndarray,
    masks: np.ndarray,
    maps: Mapping[str, np.ndarray],
    labels: Sequence[str],
    title: str,
    rim="lesion",
) -> tuple[Figure, str]:
    """Draw a row for each image: the photograph, then its map by each method, with the rim of its mask.

    maps : {method: float (B, gh, gw)}, drawn as shares of each map's maximum; rim : what the mask is
    """
    figure = Figure(figsize=(min(9, 3 * (1 + len(maps))), min(2.9, 7.6 / (1 + len(maps))) * len(images) + 0.9))
    places = figure.subplots(len(images), 1 + len(maps), squeeze=False)
    for line, image, mask, label, *of_one in zip(places, images, masks, labels, *maps.values(), strict=True):
        draw_picture(line[0], image, label)
        drawn = [_shares(*one, mask, method) for *one, method in zip(line[1:], of_one, maps, strict=True)]
    _named(figure, places, drawn[-1], title, rim)
    said = "; ".join(f"{method} strongest at {', '.join(map(where, of_all))}" for method, of_all in maps.items())
    return figure, f"{title}. Rows: {', '.join(labels)}. By method, from the first row to the last: {said}."


def _shares(axes: Axes, heatmap: np.ndarray, mask: np.ndarray, title: str):
    """Draw a map's positive part as large as its mask, whose rim is drawn, and give what a bar of colours needs."""
    height, width = mask.shape
    evidence = heatmap.clip(min=0) / max(heatmap.max(), 1e-30)
    shown = axes.imshow(evidence, vmin=0, vmax=1, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
    outline(axes, mask)
    bare(axes, title)
    return shown


def _named(figure: Figure, places: np.ndarray, shown, title: str, rim: str) -> None:
    figure.suptitle(fill(title, 96))
    label = f"share of the map's maximum; line: rim of the {rim}"
    figure.colorbar(shown, ax=places.ravel().tolist(), location="bottom", label=label, shrink=0.5, aspect=40)


def where(heatmap: np.ndarray) -> str:
    """In words, the third of the picture in which a map is strongest: "top left", "centre" ..."""
    if not (heatmap > 0).any():
        return "nowhere (no positive evidence)"
    row, column = np.unravel_index(np.nanargmax(heatmap), heatmap.shape)
    down = ("top", "middle", "bottom")[int(3 * row / heatmap.shape[0])]
    across = ("left", "centre", "right")[int(3 * column / heatmap.shape[1])]
    return "centre" if (down, across) == ("middle", "centre") else f"{down} {across}"


@styled
def scenes(drawn: Sequence, explanations: Mapping, shares: Mapping, title: str) -> tuple[Figure, str]:
    """Draw the second seed's figure: scenes above, a row of overlays for each model below, shares in numbers.

    drawn : `synth.scenes.Scene` objects; explanations : {model: `Explanation` of all scenes}
    shares : {model: one row a scene, columns "affected skin" and "background"}
    """
    images = np.stack([scene.image for scene in drawn])
    pictures, said = [images], []
    titles = [[f"{scene.complaint}, {scene.place}\n{scene.background}" for scene in drawn]]
    for name, found in explanations.items():
        zones = shares[name][["affected skin", "background"]].to_numpy()
        pictures.append(found.overlay(images))
        called = list(zip(found.class_name, zones, strict=True))
        titles.append([f"{one}: {affected:.0%}\nbackground {behind:.0%}" for one, (affected, behind) in called])
        words = (f"{scene.complaint} called {one}, {share[0]:.0%} of the relevance on affected skin"
                 for scene, (one, share) in zip(drawn, called, strict=True))  # fmt: skip
        said.append(f"{name}: {'; '.join(words)}")
    figure, axes = grid(pictures, titles, width=7.2, space=0.5)
    figure.suptitle(title)
    for line, name in zip(axes, ["", *explanations], strict=True):
        line[0].set_ylabel(name)
        for place, scene in zip(line, drawn, strict=True):
            outline(place, scene.affected)
    return figure, f"{title}. Above, the scenes with affected skin outlined. {'. '.join(said)}."
