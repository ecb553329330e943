"""Figures made of numbers in rows: intervals, values beside controls, before and after, bars of parts."""

from collections.abc import Mapping
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import BASELINE, CLASS_COLOURS, MEASURED, PARTS, SERIES, dots, look_of, styled, told


@styled
def intervals(
    panels: Mapping[str, pd.DataFrame], references: Mapping[str, float], dashed: str, about: str, values: bool = False
) -> tuple[Figure, str]:
    """Draw values (0 to 1) or differences with their intervals, one panel a measure, one line a row; baselines grey.

    panels : {measure: table of value, low, high}; references : {measure: its dashed line's place}; dashed : what it is
    about : what the figure shows; values : write them at the right end of each row, where no line crosses them
    """
    first = next(iter(panels.values()))
    shared = all(table.index.equals(first.index) for table in panels.values())
    figure, said = Figure(figsize=(9, 1.2 + 0.3 * max(map(len, panels.values())))), []
    places = figure.subplots(1, len(panels), sharey=shared, squeeze=False)[0]
    drawn = pd.concat(panels.values())
    limits = (-0.03, 1.03) if drawn["value"].min() >= 0 else (drawn["low"].min() - 0.03, drawn["high"].max() + 0.03)
    for axes, (measure, table) in zip(places, panels.items(), strict=True):
        dots(axes, table, references[measure])
        axes.set(xlim=limits, title=measure)
        for place, value in enumerate(table["value"] if values else ()):
            axes.annotate(f"{value:.3f}", (1, place), xycoords=axes.get_yaxis_transform(), va="center")
        said.append(f"{measure}: {told(table, '.3f')}; {dashed} {references[measure]:.3f}")
    figure.supxlabel(f"dot and bar: value and its 95 % interval · dashed: {dashed}")
    return figure, f"{about}, with 95 % intervals. {'. '.join(said)}."


@styled
def beside_controls(table: pd.DataFrame, measure: str, note: str, paper: float | None = None) -> tuple[Figure, str]:
    """Draw values with their intervals, and beside each what reaches as much without looking.

    table : the columns are the values (0 to 1), low, high, and at most four controls; paper : published, a dotted line
    """
    name, controls = table.columns[0], table.columns[3:]
    axes = Figure(figsize=(8, 1.4 + 0.34 * len(table))).subplots()
    dots(axes, table.rename(columns={name: "value"}), label=f"{name}, 95 % interval")
    if paper is not None:
        axes.axvline(paper, color=look_of("paper")[0], linestyle=":", label=f"paper {paper:.3f}", zorder=0)
    for control in controls:
        colour, marker = look_of(control)
        look = {"markersize": 12 if marker == "|" else 6, "markerfacecolor": "none", "markeredgewidth": 1.5}
        axes.plot(table[control], range(len(table)), marker, color=colour, label=control, **look)
    axes.set(xlim=(-0.02, 1.02), xlabel=measure)
    axes.figure.suptitle(fill(note, 96))
    axes.grid(axis="x", alpha=0.3)
    axes.figure.legend(loc="outside lower center", ncols=4)
    said = []
    for row, values in table.round(3).iterrows():
        beside = ", ".join(f"{control} {values[control]}" for control in controls)
        said.append(f"{row} {values[name]} ({values['low']} to {values['high']}; {beside})")
    published = f" Dotted, the paper's {paper:.3f}." if paper is not None else ""
    return axes.figure, f"{measure.capitalize()} ({note}): {'; '.join(said)}.{published}"


@styled
def grouped(groups: Mapping[str, pd.DataFrame], measure: str, about: str) -> tuple[Figure, str]:
    """Draw values with intervals, a colour a group (at most three). groups : {name: table of value, low, high}"""
    axes = Figure(figsize=(8, 1.2 + 0.45 * max(map(len, groups.values())))).subplots()
    shifts = np.linspace(-0.2, 0.2, len(groups))
    for (name, table), shift, marker, other in zip(groups.items(), shifts, "os^", SERIES, strict=False):
        dots(axes, table, shift=shift, color=CLASS_COLOURS.get(name, other), marker=marker, label=name)
    axes.set(xlim=(-0.02, None), xlabel=f"{measure}, 95 % interval")
    axes.figure.legend(loc="outside upper center", ncols=len(groups))
    said = "; ".join(f"{name}: {told(table)}" for name, table in groups.items())
    return axes.figure, f"{about}, with 95 % intervals. {said}."


@styled
def moved(table: pd.DataFrame, measure: str) -> tuple[Figure, str]:
    """Draw each row's values (0 to 1) as dots; a line joins the first column's with the second's."""
    axes, places = Figure(figsize=(9, 1 + 0.35 * len(table))).subplots(), np.arange(len(table))
    axes.hlines(places, table.iloc[:, 0], table.iloc[:, 1], color="#cccccc", zorder=0)
    for column, *other in zip(table, SERIES, "o^sD", strict=False):
        colour, marker = look_of(column, other)
        axes.scatter(table[column], places, marker=marker, color=colour, label=column, s=45)
    axes.set_yticks(places, table.index)
    axes.set(xlim=(-0.02, 1.02), ylim=(len(table) - 0.5, -0.5), xlabel=measure)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    said = [f"{name}: " + ", ".join(f"{row} {value:.3f}" for row, value in table[name].items()) for name in table]
    return axes.figure, f"{measure.capitalize()}, as dots. {'; '.join(said)}."


@styled
def stacked(table: pd.DataFrame, measure: str, form: str = ".0%") -> tuple[Figure, str]:
    """Draw each row of a table as a bar of its parts; classes keep their colours. form : how a number is written"""
    axes = Figure(figsize=(9, 0.8 + 0.38 * len(table))).subplots()
    start, whole = np.zeros(len(table)), table.sum(axis=1).max()
    for (name, part), other in zip(table.items(), PARTS, strict=False):
        colour = CLASS_COLOURS.get(name, other)
        bars = axes.barh(table.index, part, left=start, color=colour, edgecolor="white", label=name)
        words = [f"{value:{form}}" if value > 0.04 * whole else "" for value in part]
        axes.bar_label(bars, words, label_type="center", color="white" if sum(to_rgb(colour)) < 1.4 else "black")
        start += part.to_numpy()
    axes.invert_yaxis()
    axes.set(xlim=(0, whole), xlabel=measure)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    said = []
    for row, parts in table.iterrows():
        said.append(f"{row}: " + ", ".join(f"{name} {value:{form}}" for name, value in parts.items() if value))
    return axes.figure, f"Stacked bars: {measure}. {'; '.join(said)}."


@styled
def differences(panels: Mapping[str, Mapping], quantity: str, one_scale: bool = False) -> tuple[Figure, str]:
    """Draw comparisons as dots with their 95 % intervals beside zero, one panel a question.

    panels : {title: {name: `scoring.Comparison`}}, the same names in each; what cannot be told is open
    quantity : on the axis, such as "method minus centre Gaussian"; one_scale : the panels share it
    """
    figure, said = Figure(figsize=(9, 1.2 + 0.28 * max(map(len, panels.values())))), []
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
    methods, figure, said = table.index.unique(0), Figure(figsize=(9, 3.2)), []
    for axes, method in zip(figure.subplots(1, len(methods), sharey=True, squeeze=False)[0], methods, strict=True):
        rows = table.loc[method]
        axes.axhline(rows["value"].iloc[-1], color=BASELINE, linestyle="--", linewidth=1)
        for place, (_, row) in enumerate(rows.iterrows()):
            colour = BASELINE if place == len(rows) - 1 else MEASURED
            axes.vlines(place, row["low"], row["high"], color=colour, linewidth=2)
            axes.plot(place, row["value"], "o", color=colour)
        axes.set_xticks(range(len(rows)), rows.index)
        axes.set(xlim=(-0.5, len(rows) - 0.5), ylim=(-0.03, 1.03), title=method)
        said.append(f"{method}: {told(rows)}".replace("\n", " "))
    figure.axes[0].set_ylabel("|rank correlation|\nwith the model's own map")
    figure.supxlabel("layers drawn anew, from the head down; grey and dashed: the map of another photograph")
    return figure, f"Likeness to the maps of the trained model, with 95 % intervals. {'. '.join(said)}."
