"""Figures of unit 03b: how far methods are from a baseline, what is left of a map when its network forgets."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import BASELINE, MEASURED, dots, styled, told


@styled
def differences(panels: Mapping[str, Mapping], quantity: str, one_scale: bool = False) -> tuple[Figure, str]:
    """Draw comparisons as dots with their 95 % intervals beside zero, one panel a question.

    panels : {title: {name: `scoring.Comparison`}}, the same names in each; what cannot be told is open
    quantity : on the axis, such as "method minus centre Gaussian"; one_scale : the panels share it
    """
    figure = Figure(figsize=(9, 1.2 + 0.28 * max(map(len, panels.values()))))
    said = []
    places = figure.subplots(1, len(panels), sharey=True, sharex=one_scale, squeeze=False)[0]
    for axes, (title, compared) in zip(places, panels.items(), strict=True):
        rows = {name: (one.difference, one.low, one.high) for name, one in compared.items()}
        table = pd.DataFrame.from_dict(rows, orient="index", columns=["value", "low", "high"])
        dots(axes, table, reference=0)
        points = [line for line in axes.lines if len(line.get_xdata()) == 1]
        for point, one in zip(points, compared.values(), strict=True):
            point.set_markerfacecolor("white" if one.outcome == "cannot tell" else point.get_color())
        axes.set_title(title)
        axes.locator_params(axis="x", nbins=5)
        said.append(f"{title}: {told(table)}")
    figure.supxlabel(f"{quantity} · bar: 95 % interval by lesion · open: cannot tell")
    return figure, f"Differences with 95 % intervals by lesion, {quantity}. {'. '.join(said)}."


@styled
def randomisation(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw what is left of each method's maps while the network is drawn anew; dashed: another photograph's map.

    table : index (method, layer), columns value, low, high; the last layer of a method is the other photograph
    """
    methods = table.index.unique(0)
    figure = Figure(figsize=(9, 3.2))
    said = []
    for axes, method in zip(figure.subplots(1, len(methods), sharey=True, squeeze=False)[0], methods, strict=True):
        rows = table.loc[method]
        axes.axhline(rows["value"].iloc[-1], color=BASELINE, linestyle="--", linewidth=1)
        for place, (_, row) in enumerate(rows.iterrows()):
            colour = BASELINE if place == len(rows) - 1 else MEASURED
            axes.vlines(place, row["low"], row["high"], color=colour, linewidth=2)
            axes.plot(place, row["value"], "o", color=colour)
        axes.set_xticks(range(len(rows)), rows.index)
        axes.set(xlim=(-0.5, len(rows) - 0.5), ylim=(-0.03, 1.03), title=method)
        told_rows = rows.set_axis([layer.replace("\n", " ") for layer in rows.index])
        said.append(f"{method}: {told(told_rows)}")
    figure.axes[0].set_ylabel("|rank correlation|\nwith the model's own map")
    figure.supxlabel("layers drawn anew, from the head down; grey and dashed: the map of another photograph")
    return figure, f"Likeness to the maps of the trained model, with 95 % intervals. {'. '.join(said)}."
