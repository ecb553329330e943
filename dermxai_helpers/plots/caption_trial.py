"""Captions as witnesses: what they say rightly, what they follow, who told them where to look. Figures of unit 06b."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers.lexicon.counterfactual import Pair

BLUE, GREY = "#1f6f8b", "#8a8a8a"
CONTROLS = (("|", "black"), ("x", "#b07aa1"), ("D", "#d1843c"), ("^", "#5b8c5a"))
LETTERS = 44  # in a line under a picture


def readers(table: pd.DataFrame, note: str) -> tuple[Figure, str]:
    """How often each reader states the true fact: the captions with their interval, and the controls beside them.

    table : from `facts.compare`: first the captions, then low and high, then at most four controls; one row a slot
    """
    name, controls = table.columns[0], table.columns[3:]
    figure = Figure(figsize=(8, 1.4 + 0.34 * len(table)))
    axes = figure.subplots()
    places = np.arange(len(table))[::-1]
    axes.hlines(places, table["low"], table["high"], color=BLUE, linewidth=3)
    for control, (marker, colour) in zip(controls, CONTROLS, strict=False):
        look = {"markersize": 12 if marker == "|" else 6, "markerfacecolor": "none", "markeredgewidth": 1.5}
        axes.plot(table[control], places, marker, color=colour, label=control, **look)
    axes.plot(table[name], places, "o", color=BLUE, label=f"{name}, 95 % interval")
    axes.set(xlim=(-0.02, 1.02), xlabel="share of facts stated rightly")
    axes.set_title(note, fontsize=9)
    axes.set_yticks(places, table.index)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=3)
    against = "; ".join(
        f"{slot} {row[name]:.2f} (" + ", ".join(f"{one} {row[one]:.2f}" for one in controls) + ")"
        for slot, row in table.iterrows()
    )
    return figure, f"Share of facts stated rightly, per slot ({note}): {against}."


def pair_cards(pairs: Sequence[Pair], before: Sequence[str], after: Sequence[str]) -> tuple[Figure, str]:
    """Each pair of drawings side by side, differing in one attribute, over the captions they got."""
    figure = Figure(figsize=(6.8, 3.4 * len(pairs)))
    grid = figure.subplots(len(pairs), 2, squeeze=False)
    for row, pair, *said in zip(grid, pairs, before, after, strict=True):
        for axes, when, lesion, sentence in zip(row, ("before", "after"), (pair.before, pair.after), said, strict=True):
            _card(axes, lesion.image, f"{pair.slot}: {when}", sentence)
    told = " ".join(
        f"{pair.slot}: before, {one} After, {two}" for pair, one, two in zip(pairs, before, after, strict=True)
    )
    return figure, f"{len(pairs)} drawn lesions, each drawn twice with one attribute changed, and the captions. {told}"


def gallery(cards: Sequence[Mapping], note: str) -> tuple[Figure, str]:
    """Pictures with what a caption claims and what is there: one card for each invention.

    cards : mappings with "picture" (uint8 (H, W, 3)), "said" and "true"
    """
    columns = 4
    rows = max(1, -(-len(cards) // columns))
    figure = Figure(figsize=(8, 2.4 * rows))
    figure.suptitle(note, fontsize=9)
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.axis("off")
    for axes, card in zip(grid, cards, strict=False):
        axes.imshow(card["picture"])
        axes.set_title(f"says: {card['said']}\nis: {card['true']}", fontsize=7, loc="left")
    told = "; ".join(f"says {card['said']}, is {card['true']}" for card in cards)
    return figure, f"{len(cards)} wrong statements under the pictures they were made about ({note}): {told or 'none'}."


def guidance(table: pd.DataFrame, paper: float, note: str) -> tuple[Figure, str]:
    """Macro-F1 of the votes when something else decides where the region is cut, with intervals and blind voters.

    table : from `vote_controls.guidance_table`; paper : the macro-F1 that the paper reports
    """
    figure = Figure(figsize=(8, 1.3 + 0.42 * len(table)))
    axes = figure.subplots()
    places = np.arange(len(table))[::-1]
    axes.hlines(places, table["low"], table["high"], color=BLUE, linewidth=3)
    axes.plot(table["macro_f1"], places, "o", color=BLUE, label="captions, 95 % interval by lesion")
    axes.plot(table["blind"], places, "x", color="#b07aa1", label="blind voters, same shares of votes")
    axes.axvline(paper, color=GREY, linestyle="--", label=f"the paper, {paper:.3f}")
    axes.set(xlim=(0, 1), xlabel="macro-F1 of the votes")
    figure.suptitle(note, fontsize=9)
    axes.set_yticks(places, table.index)
    figure.legend(loc="outside lower center", ncols=3)
    told = "; ".join(
        f"{name} {row.macro_f1:.3f} ({row.low:.3f} to {row.high:.3f}), blind {row.blind:.3f}"
        for name, row in table.iterrows()
    )
    return figure, f"Macro-F1 of the votes by what guided the region ({note}): {told}. The paper: {paper:.3f}."


def taught(table: pd.DataFrame, note: str) -> tuple[Figure, str]:
    """Recall of each slot before and after teaching. table : index slot, columns before, after and chance."""
    figure = Figure(figsize=(8, 1.1 + 0.4 * len(table)))
    axes = figure.subplots()
    places = np.arange(len(table))[::-1]
    axes.hlines(places, table["before"], table["after"], color=GREY)
    axes.plot(table["before"], places, "o", color=GREY, label="before")
    axes.plot(table["after"], places, "o", color=BLUE, label="after")
    axes.plot(table["chance"], places, "|", color="black", markersize=14, label="always the commonest word")
    axes.set(xlim=(-0.02, 1.02), xlabel="share of silver facts stated rightly", title=note)
    axes.set_yticks(places, table.index)
    figure.legend(loc="outside lower center", ncols=3)
    told = "; ".join(f"{slot} {row.before:.2f} to {row.after:.2f}" for slot, row in table.iterrows())
    return figure, f"Share of silver facts stated rightly before and after teaching ({note}): {told}."


def spoken_over(picture: np.ndarray, title: str, sentence: str, strip: Mapping[str, np.ndarray]) -> Figure:
    """The picture that was asked about over its caption, beside a strip of all views that could be chosen."""
    figure = Figure(figsize=(8, 3.6))
    left, *others = figure.subplots(1, 1 + len(strip), width_ratios=(2, *[1] * len(strip)))
    _card(left, picture, title, sentence)
    for axes, (name, view) in zip(others, strip.items(), strict=True):
        _card(axes, view, name, "")
    return figure


def _card(axes, picture: np.ndarray, title: str, sentence: str) -> None:
    axes.imshow(picture)
    axes.set(xticks=[], yticks=[], title=title)
    axes.set_xlabel(textwrap.fill(sentence, LETTERS), fontsize=8)
    axes.spines[:].set_visible(False)
