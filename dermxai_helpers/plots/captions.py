"""Figures of units 05 and 06: the road to captions, what a Q-Former collects from a picture, what captions vote for."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers.plots import common
from dermxai_helpers.plots.common import BASELINE, MEASURED, bare, cells, draw_picture, look_of, styled, text_table

STATIONS = {  # what happens there, and what its picture is
    "photograph": ("resized to\n224 × 224", "GLOBAL view"),
    "classifier": ("MobileNetV2,\n3 class scores", ""),
    "heat-map": ("Grad-CAM,\n7 × 7 cells", "bright: most evidence"),
    "region": ("threshold, box\nand outline", "box: ROI view"),
    "captioner": ("InstructBLIP,\npicture + prompt", "outline: FOCUSED view"),
    "captions": ("one sentence\nfor each view", ""),
}
BOX = {"boxstyle": "round", "facecolor": "#eef3f7", "edgecolor": "#445566"}


@styled
def pipeline(pictures: Mapping[str, np.ndarray], said: Mapping[str, str], note: str) -> tuple[Figure, str]:
    """Draw the paper's Figure 3. pictures : {station: uint8 (h, w, 3)}; said : {prompt: caption}; note : by whom"""
    told = [f"{prompt.upper()}: {caption}" for prompt, caption in said.items()]
    text = "\n".join(fill(line, 130) for line in [f"Captions ({note}):", *told])
    figure = Figure(figsize=(9, 2.6 + 0.16 * text.count("\n")))
    panels = figure.subplots(2, len(STATIONS), height_ratios=[1.4, 1])
    for place, (above, axes, (station, (what, shown))) in enumerate(zip(*panels, STATIONS.items(), strict=True)):
        bare(above)
        bare(axes)
        if station in pictures:
            draw_picture(above, pictures[station])
        above.set(anchor="N", xlabel=shown)
        above.set_title(station, weight="bold")
        axes.text(0.5, 0.5, what, ha="center", va="center", bbox=BOX)
        if place:
            axes.annotate("", (0.06, 0.5), (-0.14, 0.5), xycoords="axes fraction", arrowprops={"arrowstyle": "-|>"})
    figure.supxlabel(text, x=0.01, ha="left")
    about = f"The captioner receives cuts of the picture, not the classifier's features. Captions ({note}): "
    return figure, f"Six stations from left to right: {', '.join(STATIONS)}. {about}{' '.join(told)}"


@styled
def qformer(prompts: Mapping[str, tuple], queries: Sequence[str], tokens: Sequence[str]) -> tuple[Figure, str]:
    """Draw one layer of a Q-Former on a few vectors: a line is as thick as its attention weight, 0 to 1.

    prompts : {words: (self-attention (queries, queries + words), cross-attention (queries, tokens))}, both arrays
    """
    figure, said = Figure(figsize=(9, 2.9)), []
    for axes, (prompt, both) in zip(figure.subplots(1, len(prompts)), prompts.items(), strict=True):
        columns = ([*queries, *(f'"{word}"' for word in prompt.split())], queries, tokens)
        heights = [np.linspace(0.8, 0, len(names)) for names in columns]
        for side, weights in zip((0, 2), both, strict=True):  # from both sides to the middle
            for (query, source), weight in np.ndenumerate(weights):
                ends = np.array([[1, heights[1][query]], [side, heights[side][source]]])
                axes.plot(*ends.T, color=MEASURED if weight >= 0.3 else BASELINE, linewidth=7 * weight, zorder=0)
                if weight >= 0.3:
                    axes.text(*ends.mean(axis=0), f"{weight:.2f}", ha="center", va="center", bbox=BOX)
                    said.append(f"{prompt}: {queries[query]} takes {weight:.2f} from {columns[side][source]}")
        for place, step in ((0.5, "self-attention →"), (1.5, "← cross-attention")):
            axes.text(place, 0.92, step, ha="center")
        titles = ("queries and prompt", "queries", "picture's tokens")
        for place, (title, names, where) in enumerate(zip(titles, columns, heights, strict=True)):
            axes.text(place, 1, title, ha="center", weight="bold")
            for name, height in zip(names, where, strict=True):
                axes.text(place, height, name, ha="center", va="center", bbox=BOX | {"facecolor": "white"})
        axes.set(xlim=(-0.4, 2.4), ylim=(-0.15, 1.1), title=f"prompt: {prompt}")
        axes.set_axis_off()
    return figure, f"A Q-Former's layer, what queries take from queries, words and picture: {'; '.join(said)}."


@styled
def vote_report(
    table: pd.DataFrame, confusion: np.ndarray, classes: Sequence[str], paper_macro_f1: float, note: str
) -> tuple[Figure, str]:
    """Draw the paper's Figure 5. table : `scoring.classification_table`; confusion : counts (true, voted class)"""
    shown = table.rename(columns={"f1": "F1", "support": "images"})
    shown.loc["accuracy", ["precision", "recall"]] = np.nan  # one number, not one for each column
    figure = Figure(figsize=(8, 3.2))
    figure.suptitle(note)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    text_table(left, shown, {})
    left.set_title(f"paper: macro-average F1 {paper_macro_f1:.3f}", color=common.PAPER)
    cells(right, confusion, classes, classes)
    right.set(xlabel="class the caption votes for", ylabel="true class", title="captions, and per cent of the row")
    recalls = ", ".join(f"{name} {table.loc[name, 'recall']:.2f}" for name in classes)
    shares = confusion.sum(axis=0) / confusion.sum()
    voted = ", ".join(f"{name} {share:.2f}" for name, share in zip(classes, shares, strict=True))
    both = f"Macro-F1 {table.loc['macro average', 'f1']:.3f}, the paper's {paper_macro_f1:.3f}"
    said = f"Votes of {confusion.sum()} captions ({note}). {both}. Recall: {recalls}. Share of votes: {voted}."
    return figure, said


@styled
def coverage(table: pd.DataFrame, note: str) -> tuple[Figure, str]:
    """Draw how good answers are on the surest captions. table : answer, coverage, accuracy, balanced accuracy"""
    figure, said = Figure(figsize=(9, 3)), []
    for axes, measure in zip(figure.subplots(1, 2), ("accuracy", "balanced accuracy"), strict=True):
        for name, curve in table.groupby("answer", sort=False):
            colour, marker = look_of(name)
            line = "--" if colour == BASELINE else "-"
            axes.plot(curve["coverage"], curve[measure], marker + line, color=colour, label=name, markersize=5)
            shown = [curve.iloc[(curve["coverage"] - share).abs().argmin()] for share in (0.25, 0.5, 0.75, 1)]
            said += [f"{measure} of {name}: {', '.join(f'{row[measure]:.2f} at {row.coverage:.2f}' for row in shown)}"]
        axes.set(xlim=(0, 1.03), ylim=(0, 1.03), xlabel="share of captions that vote, the surest first", ylabel=measure)
    figure.suptitle(note)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return figure, f"Answers on the surest captions, by coverage ({note}). {'; '.join(said)}."


@styled
def blind_voters(blind: np.ndarray, marks: Mapping[str, float], note: str) -> tuple[Figure, str]:
    """Draw what voters reach that vote as often for each class but see no caption, and where others stand.

    blind : macro-F1 of each blind voter, (draws,); marks : {name: macro-F1 to mark}, looking as `look_of` says
    """
    axes = Figure(figsize=(8, 3)).subplots()
    top = 1.1 * axes.hist(blind, bins=40, color=common.PALE, label=f"{len(blind):,} blind voters")[0].max()
    for (name, value), line in zip(marks.items(), ("-", "--", ":"), strict=False):
        colour, marker = look_of(name)
        look = {"color": colour, "markevery": [1], "markersize": 8, "label": f"{name} {value:.3f}"}
        axes.plot([value, value], [0, top], marker + line, **look)
    axes.set(xlabel="macro-F1", ylabel="blind voters", title=note, ylim=(0, None))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    low, high = np.percentile(blind, [2.5, 97.5])
    said = ", ".join(f"{name} {value:.3f}" for name, value in marks.items())
    return axes.figure, f"Macro-F1 of blind voters, 95 % from {low:.3f} to {high:.3f}; marked: {said} ({note})."
