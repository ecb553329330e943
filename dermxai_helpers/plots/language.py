"""Figures of unit 06: what captions vote for."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import BASELINE, PALE, PAPER, cells, look_of, styled, text_table


@styled
def vote_report(
    table: pd.DataFrame, confusion: np.ndarray, classes: Sequence[str], paper_macro_f1: float, note: str
) -> tuple[Figure, str]:
    """Draw classification report and confusion matrix of votes: Figure 5 of the paper, its number beside ours.

    table : of `scoring.classification_table`; confusion : counts, (true class, voted class)
    """
    shown = table.rename(columns={"f1": "F1", "support": "images"})
    shown.loc["accuracy", ["precision", "recall"]] = np.nan  # one number, not one for each column
    figure = Figure(figsize=(8, 3.2))
    figure.suptitle(note)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    text_table(left, shown, {})
    left.set_title(f"paper: macro-average F1 {paper_macro_f1:.3f}", color=PAPER)
    cells(right, confusion, classes, classes)
    right.set(xlabel="class the caption votes for", ylabel="true class", title="captions, and per cent of the row")
    recalls = ", ".join(f"{name} {table.loc[name, 'recall']:.2f}" for name in classes)
    shares = confusion.sum(axis=0) / confusion.sum()
    voted = ", ".join(f"{name} {share:.2f}" for name, share in zip(classes, shares, strict=True))
    return figure, (
        f"Votes of {confusion.sum()} captions ({note}). Macro-F1 {table.loc['macro average', 'f1']:.3f}, the paper's "
        f"{paper_macro_f1:.3f}. Recall: {recalls}. Share of votes: {voted}."
    )


@styled
def coverage(table: pd.DataFrame, note: str) -> tuple[Figure, str]:
    """Draw how good answers are among the surest captions, each answer on the same captions.

    table : columns answer, coverage (share of captions that vote), accuracy, balanced accuracy
    """
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
    top = 1.1 * axes.hist(blind, bins=40, color=PALE, label=f"{len(blind):,} blind voters")[0].max()
    for (name, value), line in zip(marks.items(), ("-", "--", ":"), strict=False):
        colour, marker = look_of(name)
        look = {"color": colour, "markevery": [1], "markersize": 8, "label": f"{name} {value:.3f}"}
        axes.plot([value, value], [0, top], marker + line, **look)
    axes.set(xlabel="macro-F1", ylabel="blind voters", title=note, ylim=(0, None))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    low, high = np.percentile(blind, [2.5, 97.5])
    said = ", ".join(f"{name} {value:.3f}" for name, value in marks.items())
    return axes.figure, f"Macro-F1 of blind voters, 95 % from {low:.3f} to {high:.3f}; marked: {said} ({note})."
