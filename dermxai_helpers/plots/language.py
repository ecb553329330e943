"""Figures of unit 06: what captions vote for."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import BASELINE, MEASURED, PALE, PAPER, cells, styled, text_table


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
    right.set(xlabel="class the caption votes for", ylabel="true class")
    recalls = ", ".join(f"{name} {table.loc[name, 'recall']:.2f}" for name in classes)
    shares = confusion.sum(axis=0) / confusion.sum()
    voted = ", ".join(f"{name} {share:.2f}" for name, share in zip(classes, shares, strict=True))
    return figure, (
        f"Votes of {confusion.sum()} captions ({note}). Macro-F1 {table.loc['macro average', 'f1']:.3f}, the paper's "
        f"{paper_macro_f1:.3f}. Recall: {recalls}. Share of votes: {voted}."
    )


@styled
def coverage(curve: pd.DataFrame, rules: Mapping[str, float], note: str) -> tuple[Figure, str]:
    """Draw accuracy among the captions that vote, against the share that votes, beside rules that never abstain.

    curve : columns coverage, accuracy; rules : {name: accuracy of a rule that always votes}
    """
    figure = Figure(figsize=(7, 3))
    axes = figure.subplots()
    axes.step(curve["coverage"], curve["accuracy"], where="post", color=MEASURED, label="reading lexicon")
    for (name, value), line in zip(rules.items(), ("--", ":", "-."), strict=False):
        axes.axhline(value, color=BASELINE, linestyle=line, label=f"{name} {value:.2f}")
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02), title=note)
    axes.set(xlabel="share of captions that vote", ylabel="accuracy among those")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    places = [curve.iloc[(curve["coverage"] - share).abs().argmin()] for share in (0.25, 0.5, 0.75, 1)]
    said = "; ".join(f"accuracy {row.accuracy:.2f} at coverage {row.coverage:.2f}" for row in places)
    beside = ", ".join(f"{name} {value:.2f}" for name, value in rules.items())
    return figure, f"Accuracy of the reading lexicon's votes by coverage. {said}. Without abstaining: {beside}."


@styled
def blind_voters(blind: np.ndarray, marks: Mapping[str, float], note: str) -> tuple[Figure, str]:
    """Draw what voters reach that vote as often for each class but see no caption, and where the real votes stand.

    blind : macro-F1 of each label-blind voter, (draws,); marks : {name: macro-F1 to mark}, at most five
    """
    figure = Figure(figsize=(8, 3))
    axes = figure.subplots()
    axes.hist(blind, bins=40, color=PALE, label=f"{len(blind)} label-blind voters")
    looks = zip((MEASURED, MEASURED, "#440154", BASELINE, PAPER), ("-", "--", ":", "-.", "-"), strict=True)
    for (name, value), (colour, line) in zip(marks.items(), looks, strict=False):
        axes.axvline(value, label=f"{name} {value:.3f}", color=colour, linestyle=line, linewidth=2)
    axes.set(xlabel="macro-F1", ylabel="voters", title=note)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    low, high = np.percentile(blind, [2.5, 97.5])
    said = ", ".join(f"{name} {value:.3f}" for name, value in marks.items())
    return figure, f"Macro-F1 of label-blind voters, 95 % between {low:.3f} and {high:.3f}; marked: {said} ({note})."
