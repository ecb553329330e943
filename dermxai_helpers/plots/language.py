"""What is said about a lesion, is it true, and what do its words vote for? The figures of units 05 and 06."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

LETTERS = 34  # in a line of a caption card
STATIONS = (
    ("photograph", "resized to\n224 × 224"),
    ("classifier", "MobileNetV2\n3 class scores"),
    ("heat-map", "Grad-CAM\n7 × 7 cells"),
    ("region", "threshold, largest part,\nbox, crop, dimmed rest"),
    ("captioner", "InstructBLIP\npicture + prompt"),
    ("captions", "one sentence\nfor each view"),
)


def pipeline(pictures: Sequence[np.ndarray | None], questions: Mapping[str, str]) -> tuple[Figure, str]:
    """The road from a photograph to its captions: Figure 3 of the paper.

    pictures : for each of the six stations an uint8 (H, W, 3) picture to show above it, or None
    questions : view -> name of the prompt that goes with it
    """
    figure = Figure(figsize=(9, 3.0))
    axes = figure.subplots()
    axes.set(xlim=(-0.55, 5.55), ylim=(-1.05, 1.6))
    axes.set_axis_off()
    for place, ((name, what), shown) in enumerate(zip(STATIONS, pictures, strict=True)):
        _station(axes, place, name, what)
        if shown is not None:
            axes.inset_axes([place - 0.4, 0.45, 0.8, 1.1], transform=axes.transData).imshow(shown)
        if place:
            arrow = {"arrowstyle": "-|>", "color": "black"}
            axes.annotate("", (place - 0.46, 0), (place - 0.54, 0), arrowprops=arrow)
    for inset in axes.child_axes:
        inset.set_axis_off()
    pairs = " · ".join(f"{view} picture with the {prompt.upper()} prompt" for view, prompt in questions.items())
    axes.text(2.5, -0.8, pairs, ha="center", fontsize=8)
    warning = "The captioner never sees the classifier: only the box connects the two."
    axes.text(2.5, -1.02, warning, ha="center", fontsize=8)
    return figure, (
        f"Six stations from left to right: {', '.join(name for name, _ in STATIONS)}. {pairs}. "
        "The captioner receives a cut of the picture, not the classifier's features."
    )


def _station(axes: Axes, place: int, name: str, what: str) -> None:
    look = {"boxstyle": "round,pad=0.02", "facecolor": "#eef3f7", "edgecolor": "#445566"}
    axes.add_patch(FancyBboxPatch((place - 0.42, -0.38), 0.84, 0.76, **look))
    axes.text(place, 0.17, name, ha="center", va="center", fontsize=9, weight="bold")
    axes.text(place, -0.14, what, ha="center", va="center", fontsize=6.5)


def caption_cards(cards: Sequence[Mapping], note: str) -> tuple[Figure, str]:
    """One row for each lesion, its three views side by side, each over the caption it got: Figure 4 of the paper.

    cards : mappings with "title", "views" {name: uint8 (H, W, 3)} and "sentences" {name: caption}
    note : which captioner spoke; it stands above the figure
    """
    figure = Figure(figsize=(8, 0.3 + 3.1 * len(cards)))
    figure.suptitle(note, fontsize=9)
    grid = figure.subplots(len(cards), 3, squeeze=False)
    for row, card in zip(grid, cards, strict=True):
        for axes, (view, picture) in zip(row, card["views"].items(), strict=True):
            axes.imshow(picture)
            axes.set(xticks=[], yticks=[], title=f"{card['title']} · {view}")
            axes.set_xlabel(textwrap.fill(card["sentences"][view], LETTERS), fontsize=8)
            axes.spines[:].set_visible(False)
    said = " ".join(
        f"{card['title']}, {view}: {sentence}" for card in cards for view, sentence in card["sentences"].items()
    )
    return figure, f"Captions of three views of {len(cards)} lesions ({note}). {said}"


MARKERS = {
    "majority": ("|", "black", "always the commonest value"),
    "shuffled": ("x", "#b07aa1", "captions shuffled"),
    "blank": ("D", "#d1843c", "caption of a blank picture"),
}


def attribute_scores(table: pd.DataFrame, note: str) -> tuple[Figure, str]:
    """How often each stated fact is true, beside what a captioner without eyes would reach.

    table : index = attribute; columns accuracy, low, high (95 % interval), majority, shuffled, blank; shares, 0 to 1
    """
    figure = Figure(figsize=(8, 0.9 + 0.36 * len(table)))
    axes = figure.subplots()
    places = np.arange(len(table))[::-1]
    axes.hlines(places, table["low"], table["high"], color="#1f6f8b", linewidth=3)
    for name, (marker, colour, label) in MARKERS.items():
        look = {"markersize": 12 if marker == "|" else 6, "markerfacecolor": "none", "markeredgewidth": 1.5}
        axes.plot(table[name], places, marker, color=colour, label=label, **look)
    axes.plot(table["accuracy"], places, "o", color="#1f6f8b", label="captions, with 95 % interval by lesion")
    axes.set(xlim=(-0.02, 1.02), xlabel="share of captions that state the true value", title=note)
    axes.set_yticks(places, table.index)
    axes.grid(axis="x", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=2)
    told = "; ".join(f"{name} {row.accuracy:.2f} against {row.majority:.2f}" for name, row in table.iterrows())
    return figure, f"Share of captions with the true value against the commonest value, per attribute ({note}): {told}."


def vote_report(
    table: pd.DataFrame, confusion: np.ndarray, classes: Sequence[str], paper_macro_f1: float, note: str
) -> tuple[Figure, str]:
    """Classification report and confusion matrix of votes: Figure 5 of the paper, its number beside ours.

    table : as from `scoring.classification_table`     confusion : counts, (true class, voted class)
    """
    figure = Figure(figsize=(8, 3.2))
    figure.suptitle(note, fontsize=9)
    left, right = figure.subplots(1, 2, width_ratios=(1.25, 1))
    _report(left, table, paper_macro_f1)
    _confusion(right, confusion, classes)
    recalls = ", ".join(f"{name} {table.loc[name, 'recall']:.2f}" for name in classes)
    share = confusion.sum(axis=0) / confusion.sum()
    voted = ", ".join(f"{name} {part:.2f}" for name, part in zip(classes, share, strict=True))
    return figure, (
        f"Votes of {confusion.sum()} captions ({note}). Macro-F1 {table.loc['macro average', 'f1']:.3f}, the paper's "
        f"{paper_macro_f1:.3f}. Recall: {recalls}. Share of votes: {voted}."
    )


def _report(axes: Axes, table: pd.DataFrame, paper_macro_f1: float) -> None:
    forms = {"precision": "{:.2f}", "recall": "{:.2f}", "f1": "{:.3f}", "support": "{:.0f}"}
    cells = [[form.format(row[name]) for name, form in forms.items()] for _, row in table.iterrows()]
    cells[list(table.index).index("accuracy")][:2] = ["", ""]  # accuracy is one number, not one for each column
    drawn = axes.table(
        cells,
        rowLabels=list(table.index),
        colLabels=["precision", "recall", "F1", "images"],
        bbox=[0.3, 0.15, 0.7, 0.8],
        edges="horizontal",
    )
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    axes.set_axis_off()
    beside = f"paper: macro-average F1 {paper_macro_f1:.3f}"
    axes.text(0.65, 0.03, beside, ha="center", fontsize=8, transform=axes.transAxes)


def _confusion(axes: Axes, confusion: np.ndarray, classes: Sequence[str]) -> None:
    axes.imshow(confusion / confusion.sum(axis=1, keepdims=True).clip(1), vmin=0, vmax=1, cmap="cividis")
    for (row, column), count in np.ndenumerate(confusion):
        dark = count < 0.5 * confusion[row].sum()
        axes.text(column, row, str(count), ha="center", va="center", color="white" if dark else "black")
    axes.set_xticks(range(len(classes)), classes)
    axes.set_yticks(range(len(classes)), classes)
    axes.set(xlabel="class the caption votes for", ylabel="true class")


def coverage(curve: pd.DataFrame, shares: Mapping[str, float], note: str) -> tuple[Figure, str]:
    """Accuracy among the captions that vote, against the share that votes, beside rules that never abstain.

    curve : from `voting.coverage_curve`; shares : {name: accuracy of a rule that always votes}
    """
    figure = Figure(figsize=(7, 3))
    axes = figure.subplots()
    axes.step(curve["coverage"], curve["accuracy"], where="post", color="#1f6f8b", label="reading lexicon")
    for (name, value), line in zip(shares.items(), ("--", ":", "-."), strict=False):
        axes.axhline(value, color="#777777", linestyle=line, label=f"{name} {value:.2f}")
    axes.set(xlim=(0, 1.01), ylim=(0, 1.02), xlabel="share of captions that vote", ylabel="accuracy among those")
    axes.set_title(note, fontsize=9)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    places = [curve.iloc[(curve["coverage"] - share).abs().argmin()] for share in (0.25, 0.5, 0.75, 1)]
    said = "; ".join(f"accuracy {row.accuracy:.2f} at coverage {row.coverage:.2f}" for row in places)
    rules = ", ".join(f"{name} {value:.2f}" for name, value in shares.items())
    return figure, f"Accuracy of the reading lexicon's votes by coverage. {said}. Without abstaining: {rules}."


def blind_voters(blind: np.ndarray, marks: Mapping[str, float], note: str) -> tuple[Figure, str]:
    """What voters reach that vote as often for each class but never see a caption, and where the real votes stand.

    blind : macro-F1 of each label-blind voter, (draws,)     marks : name -> macro-F1 to mark
    """
    figure = Figure(figsize=(8, 3.0))
    axes = figure.subplots()
    axes.hist(blind, bins=40, color="#c9d3dc", label=f"{len(blind)} label-blind voters")
    styles = ("-", "--", ":", "-.")
    for number, (name, value) in enumerate(marks.items()):
        look = {"color": f"C{number}", "linestyle": styles[number % len(styles)], "linewidth": 2}
        axes.axvline(value, label=f"{name} {value:.3f}", **look)
    axes.set(xlabel="macro-F1", ylabel="voters", title=note)
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    low, high = np.percentile(blind, [2.5, 97.5])
    told = ", ".join(f"{name} {value:.3f}" for name, value in marks.items())
    return figure, f"Macro-F1 of label-blind voters, 95 % between {low:.3f} and {high:.3f}; marked: {told} ({note})."
