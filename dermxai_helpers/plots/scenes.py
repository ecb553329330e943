"""Figures of scenes: what was photographed, where the relevance lies, and how much of it on what."""

from collections.abc import Mapping, Sequence
from textwrap import fill
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers import regions
from dermxai_helpers.plots.maps import bare, show_picture
from dermxai_helpers.plots.regions import outline
from dermxai_helpers.synth.scenes import Scene
from dermxai_helpers.trial.background import relevance_by_zone

if TYPE_CHECKING:
    from dermxai_helpers.explanation import Explanation

ZONE_COLOURS = {"affected skin": "#0072b2", "healthy skin": "#9ecae1", "background": "#d9a066"}
AFFECTED, ABOVE_OTSU = "#ffffff", "#d55e00"


def rows(
    drawn: Sequence[Scene], explanations: Mapping[str, "Explanation"], title: str
) -> tuple[Figure, str]:
    """The second seed's figure: photographs above, a row of overlays for each model below, shares in numbers.

    explanations : {name of the row: one map for each scene}
    """
    high = 1 + len(explanations)
    figure = Figure(figsize=(8, high * (8 / len(drawn) + 0.45) + 0.3))
    figure.suptitle(fill(title, 96), fontsize=10)
    grid = figure.subplots(high, len(drawn), squeeze=False)
    images, said = np.stack([scene.image for scene in drawn]), []
    for axes, scene in zip(grid[0], drawn, strict=True):
        show_picture(axes, scene.image)
        outline(axes, scene.affected, AFFECTED)
        bare(axes, f"{scene.complaint}, {scene.place}\n{scene.background}")
    for row, (name, explanation) in zip(grid[1:], explanations.items(), strict=True):
        shares = relevance_by_zone(explanation.maps, drawn)
        for column, (axes, overlay) in enumerate(zip(row, explanation.overlay(images), strict=True)):
            show_picture(axes, overlay)
            outline(axes, drawn[column].affected, AFFECTED)
            affected, behind = shares.loc[column, ["affected skin", "background"]]
            bare(axes, f"{explanation.class_name[column]}: {affected:.0%}\nbackground {behind:.0%}")
        row[0].set_ylabel(name, fontsize=9)
        said.append(f"{name}: " + "; ".join(
            f"{scene.complaint} called {called}, {share:.0%} of the relevance on affected skin"
            for scene, called, share in zip(drawn, explanation.class_name, shares["affected skin"], strict=True)
        ))
    return figure, f"{title}. Above, the scenes with affected skin outlined. " + ". ".join(said) + "."


def otsu_row(drawn: Sequence[Scene], heatmaps: np.ndarray) -> tuple[Figure, str]:
    """The photograph where the map exceeds Otsu's threshold, black elsewhere. heatmaps : (n, height, width)"""
    figure = Figure(figsize=(9, 9 / len(drawn) + 0.4))
    said = []
    for axes, scene, heatmap in zip(figure.subplots(1, len(drawn)), drawn, heatmaps, strict=True):
        kept = heatmap >= regions.otsu(heatmap)
        show_picture(axes, np.where(kept[..., None], scene.image, 0))
        outline(axes, scene.affected, AFFECTED)
        overlap = (kept & scene.affected).sum() / max((kept | scene.affected).sum(), 1)
        bare(axes, f"IoU {overlap:.2f}")
        said.append(f"{scene.complaint} {overlap:.2f}")
    return figure, f"What lies above Otsu's threshold; overlap (IoU) with the affected skin: {', '.join(said)}."


def zone_chart(table: pd.DataFrame, title: str) -> tuple[Figure, str]:
    """Stacked bars: shares of affected skin, healthy skin and background. table : see `background_check.zone_table`."""
    figure = Figure(figsize=(8, 0.5 * len(table) + 1.5))
    axes, left = figure.subplots(), np.zeros(len(table))
    places = np.arange(len(table))
    for zone, colour in ZONE_COLOURS.items():
        values = table[zone, "value"].to_numpy()
        axes.barh(places, values, left=left, color=colour, label=zone)
        for place, start, value in zip(places, left, values, strict=True):
            if value > 0.05:
                axes.text(start + value / 2, place, f"{value:.0%}", ha="center", va="center", fontsize=8.5,
                          color="white" if zone == "affected skin" else "black")
        left = left + values
    axes.set(yticks=places, yticklabels=table.index, xlim=(0, 1), xlabel="share of the positive relevance")
    axes.invert_yaxis()
    axes.set_title(fill(title, 80), fontsize=10)
    axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.5, -0.2), frameon=False)
    said = "; ".join(
        f"{name}: " + ", ".join(f"{zone} {row[zone, 'value']:.0%}" for zone in ZONE_COLOURS)
        for name, row in table.iterrows()
    )
    return figure, f"{title}. {said}."


def swap_chart(table: pd.DataFrame) -> tuple[Figure, str]:
    """Points with intervals by model and measure. table : see `background_check.swap_table`."""
    measures = list(dict.fromkeys(table.index.get_level_values("measure")))
    figure = Figure(figsize=(8, 0.55 * len(measures) + 1.3))
    axes = figure.subplots()
    models = table.index.unique("model")
    for shift, model, marker in zip(np.linspace(-0.14, 0.14, len(models)), models, "osD^"[:len(models)], strict=True):
        answers = table.loc[model].loc[measures]
        places = np.arange(len(measures)) + shift
        errors = np.abs(answers[["low", "high"]].to_numpy().T - answers["value"].to_numpy())
        axes.errorbar(answers["value"], places, xerr=errors, fmt=marker, capsize=3, label=model)
    axes.set(yticks=range(len(measures)), yticklabels=measures, xlim=(-0.02, 1.02), xlabel="share of the scenes")
    axes.invert_yaxis()
    axes.legend(loc="upper center", bbox_to_anchor=(0.3, 1.22), ncols=2, frameon=False)
    said = "; ".join(f"{model}, {what}: {row.value:.2f} ({row.low:.2f} to {row.high:.2f})"
                     for (model, what), row in table.iterrows())
    return figure, f"What the models answer when background or complaint is swapped. {said}."
