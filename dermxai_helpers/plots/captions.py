"""Figures of unit 05: the road from a photograph to its captions, and what a Q-Former collects from a picture."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import BASELINE, MEASURED, bare, draw_picture, styled

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
    """Draw the road from a photograph to its captions: Figure 3 of the paper.

    pictures : {station: uint8 (h, w, 3) to show above it}; said : {prompt: its caption}; note : who wrote them
    """
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
    figure = Figure(figsize=(9, 2.9))
    said = []
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
