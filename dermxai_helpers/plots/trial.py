"""Figures of the trial of unit 03: what every method scored, how fast predictions fall, what is left of a map."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermxai_helpers.plots.maps import bare
from dermxai_helpers.trial.run import BASELINES

if TYPE_CHECKING:
    from dermxai_helpers.trial.shortcut import Exposure, Pairs

METHOD, BASELINE = "#30688e", "#8a8a8a"
COLOURS = ("#440154", "#31688e", "#35b779", "#c9a227", "#b5622c", "#8c564b")  # of methods, in their order
DASHES = ((0, (1, 1)), (0, (4, 2)), (0, (5, 1, 1, 1)), (0, (8, 3)))  # of baselines, in their order
SHOWN = {
    "plausibility": ("energy - area", "pointing game", "best Jaccard"),
    "faithfulness": ("insertion, blur", "deletion, blur", "ROAD"),
    "drawn": ("causal parts - area", "artefacts - area", "Jaccard, structures"),
}
QUESTIONS = {
    "plausibility": "Plausibility: does the map lie on the lesion?",
    "faithfulness": "Faithfulness: does the network lose its opinion when the marked pixels go?",
    "drawn": "Drawn lesions only: does the map lie on what made the class likely?",
}
LOWER_IS_BETTER = ("deletion", "artefacts")  # beginnings of measures' names


def verdict(table: pd.DataFrame, shown: Mapping[str, Sequence[str]] = SHOWN) -> tuple[Figure, str]:
    """Every method's scores with 95 % intervals; one row of panels a question, baselines grey.

    table : of `Verdict.table` or `Verdict.against`; shown : {group: measures}, of which those in the table are drawn
    """
    there = {group: [name for name in names if (group, name) in table] for group, names in shown.items()}
    there = {group: names for group, names in there.items() if names}
    figure = Figure(figsize=(9, (0.6 + 0.24 * len(table)) * len(there) + 0.3))
    said = []
    rows = figure.subfigures(len(there), 1, squeeze=False)[:, 0]
    for row, (group, names) in zip(rows, there.items(), strict=True):
        row.suptitle(QUESTIONS.get(group, group), fontsize=10, x=0.01, ha="left")
        panels = row.subplots(1, len(names), sharey=True, squeeze=False)[0]
        for axes, name in zip(panels, names, strict=True):
            lower = name.startswith(LOWER_IS_BETTER)
            dots(axes, table[group, name], 0 if table[group, name, "low"].min() < 0 else None)
            axes.set_title(f"{name} ({'lower' if lower else 'higher'} is better)", fontsize=8.5)
            values = ", ".join(f"{method} {value:.2f}" for method, value in table[group, name, "value"].items())
            said.append(f"{group}, {name}{' (lower is better)' if lower else ''}: {values}")
    return figure, f"Scores as dots with 95 % intervals by lesion, one line a method. {'; '.join(said)}."


def dots(axes: Axes, numbers: pd.DataFrame, reference: float | None = None) -> None:
    """One dot with its interval a row; the first row on top. numbers : columns value, low, high."""
    places = np.arange(len(numbers))
    if reference is not None:
        axes.axvline(reference, color="#bbbbbb", linestyle="--", linewidth=1)
    for place, (name, row) in zip(places, numbers.iterrows(), strict=True):
        colour = BASELINE if name in BASELINES else METHOD
        axes.plot([row["low"], row["high"]], [place, place], color=colour, linewidth=1.5)
        axes.plot(row["value"], place, "o", color=colour, markersize=4.5)
    axes.set_yticks(places, numbers.index)
    axes.set_ylim(len(numbers) - 0.4, -0.6)


def curves(points: pd.DataFrame, methods: Sequence[str]) -> tuple[Figure, str]:
    """Mean answer of the network against the share that was replaced, one panel a measure, baselines dashed.

    points : of `Verdict`, best with at least six steps: then each dot is the mean over all images, otherwise over some
    methods : which to draw
    """
    measures = list(points["measure"].unique())
    figure = Figure(figsize=(min(9, 3 * len(measures) + 2), 3.2))
    steps = int(points.groupby(["measure", "method", "image"]).size().max())
    edges = np.linspace(0, 1, max(steps, 6) + 1)
    part = pd.cut(points["share"], edges, labels=(edges[:-1] + edges[1:]) / 2, include_lowest=True).astype(float)
    means = points.groupby(["measure", "method", part])["value"].mean()
    looks, said = line_looks(methods), []
    for axes, measure in zip(figure.subplots(1, len(measures), squeeze=False)[0], measures, strict=True):
        for method in methods:
            line = means[measure, method]
            axes.plot(line.index, line, label=method, **looks[method])
        axes.set(xlim=(0, 1), title=measure, ylabel="score" if measure == "ROAD" else "probability")
        areas = ", ".join(f"{method} {means[measure, method].mean():.2f}" for method in methods)
        said.append(f"{measure}: mean height {areas}")
    figure.supxlabel("share of the pixels replaced, strongest first", fontsize=9)
    figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside right upper")
    return figure, f"Curves of the network's answers while pixels are replaced in each map's order. {'; '.join(said)}."


def line_looks(methods: Sequence[str]) -> dict[str, dict]:
    """A colour for each method, grey and a dash for each baseline."""
    named = [method for method in methods if method not in BASELINES]
    looks = {method: {"color": COLOURS[number % len(COLOURS)]} for number, method in enumerate(named)}
    blind = zip(BASELINES, DASHES, strict=True)
    return looks | {name: {"color": BASELINE, "linestyle": dash, "linewidth": 1.2} for name, dash in blind}


def randomisation(table: pd.DataFrame, measure: str = "rank correlation") -> tuple[Figure, str]:
    """What is left of each method's maps while the network is drawn anew; dashed: another photograph's map.

    table : of `randomisation.cascade`; measure : one of `randomisation.SIMILARITIES`
    """
    methods = list(table["method"].unique())
    figure = Figure(figsize=(9, 3.8))
    said = []
    panels = figure.subplots(1, len(methods), sharey=True, squeeze=False)[0]
    for axes, method in zip(panels, methods, strict=True):
        rows = table[table["method"] == method]
        steps, other = rows.iloc[:-1], rows.iloc[-1]
        axes.axhline(other[measure], color=BASELINE, linestyle="--", linewidth=1)
        place = {"ha": "right", "va": "bottom", "fontsize": 8, "color": "#555555"}
        axes.text(steps["step"].max(), other[measure], "another photograph's map", **place)
        axes.fill_between(steps["step"], steps[f"{measure} low"], steps[f"{measure} high"], color=METHOD, alpha=0.2)
        axes.plot(steps["step"], steps[measure], "o-", color=METHOD, markersize=4)
        axes.set_xticks(steps["step"], steps["layer"], rotation=90, fontsize=7)
        axes.set(ylim=(-1.05, 1.05), title=method)
        said.append(f"{method}: " + ", ".join(f"{row['layer']} {row[measure]:.2f}" for _, row in rows.iterrows()))
    panels[0].set_ylabel(measure)
    figure.supxlabel("layers drawn anew, from the head down", fontsize=9)
    return figure, f"{measure} of maps with those before the network forgot, with 95 % intervals. {'. '.join(said)}."


def right_and_wrong(table: pd.DataFrame, measure: str) -> tuple[Figure, str]:
    """Each method's score where the model is right and where it is wrong, and the difference with its interval.

    table : of `Verdict.right_and_wrong`; measure : the name of the score
    """
    figure = Figure(figsize=(8, 0.32 * len(table) + 1.2))
    scores, gaps = figure.subplots(1, 2, sharey=True)
    places = np.arange(len(table))
    scores.hlines(places, table["wrong"], table["right"], color="#cccccc")
    scores.plot(table["right"], places, "o", color=METHOD, label="right")
    scores.plot(table["wrong"], places, "o", color=METHOD, markerfacecolor="white", label="wrong")
    scores.set(xlabel=measure, title="mean score where the model is right or wrong")
    scores.legend()
    dots(gaps, table.rename(columns={"difference": "value"}), reference=0)
    gaps.set(xlabel=f"{measure}, right - wrong", title="difference with 95 % interval")
    said = "; ".join(
        f"{name} right {row.right:.2f}, wrong {row.wrong:.2f}, difference {row.difference:.2f} ({row.low:.2f} to "
        f"{row.high:.2f})" for name, row in table.iterrows()
    )
    return figure, f"{measure} of the maps of right and wrong predictions. {said}."


def shortcut(exposure: "Exposure", pairs: "Pairs", method: str, row: int = 0) -> tuple[Figure, str]:
    """One lesion with its ruler and without, what the method shows of each model, and what the ruler is worth to it."""
    models = list(exposure.drops.index)
    figure = Figure(figsize=(9, 9 / (2 + len(models)) + 0.4 * len(models) + 1.3))
    above, below = figure.subfigures(2, 1, height_ratios=[9 / (2 + len(models)) + 0.3, 0.4 * len(models) + 1])
    panels = above.subplots(1, 2 + len(models))
    for axes, pictures, title in ((panels[0], pairs.ruled, "with ruler"), (panels[1], pairs.bare, "drawn without it")):
        axes.imshow(pictures[row])
        bare(axes, title)
    for axes, model in zip(panels[2:], models, strict=True):
        heatmap = exposure.maps[model, method][row].clip(min=0)
        axes.imshow(heatmap, vmin=0, extent=(0, 224, 224, 0))
        axes.contour(pairs.bands[row], levels=[0.5], colors="white", linewidths=1, extent=(0, 224, 0, 224))
        bare(axes, f"{method}, {model} model")
    left, right = below.subplots(1, 2)
    dots(left, exposure.drops.rename(columns={"drop": "value"}), reference=0)
    left.set(title="probability of melanoma lost without the ruler", ylim=(len(models) - 0.4, -0.6))
    told = exposure.relevance.xs(method, level="method").loc[models]
    dots(right, told, reference=float(told["area"].iloc[0]))
    right.plot(told["without"], np.arange(len(told)), "D", color=METHOD, markerfacecolor="white", markersize=4.5)
    right.set_title("share of the map on the ruler's place\n(open: no ruler there; dashed: area)", fontsize=8.5)
    said = "; ".join(
        f"{model} model: probability falls by {drop['drop']:.2f} ({drop['low']:.2f} to {drop['high']:.2f}), "
        f"{told.loc[model, 'value']:.0%} of the map on the ruler's place, {told.loc[model, 'without']:.0%} without it"
        for model, drop in exposure.drops.iterrows()
    )
    return figure, f"A lesion with a ruler, the same without it, and maps by {method}. {said}."
