"""Figures of units 00 and 01: the whole road for one picture; what is in the data."""

import textwrap
from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dermxai_helpers.data.table import CLASS_NAMES, CLASSES
from dermxai_helpers.plots.common import CLASS_COLOURS, REGION, bare, draw_picture, styled

ROAD, ROAD_LETTERS = 5.4, 80  # inches wide, letters in a line of captions


@styled
def classes(counts: pd.DataFrame) -> tuple[Figure, str]:
    """Draw how many images and lesions each class has. counts : index dx, columns images, lesions"""
    axes, places = Figure(figsize=(7, 2)).subplots(), np.arange(len(counts))
    colours = [CLASS_COLOURS[name] for name in counts.index]
    for word, shift, opacity in (("images", -0.2, 1), ("lesions", 0.2, 0.45)):
        bars = axes.barh(places + shift, counts[word], height=0.36, color=colours, alpha=opacity)
        axes.bar_label(bars, [f"{number:,} {word}" for number in counts[word]], padding=3)
    axes.set_yticks(places, [CLASS_NAMES[name] for name in counts.index])
    axes.invert_yaxis()
    axes.set(xlim=(0, counts["images"].max() * 1.2), xlabel="number")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    said = [f"{CLASS_NAMES[name]} {row.images:,} images of {row.lesions:,} lesions" for name, row in counts.iterrows()]
    return axes.figure, f"Bar chart of the classes: {'; '.join(said)}."


@styled
def patients(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw ages and the commonest body sites as shares of each class. table : columns dx, age, localization"""
    figure = Figure(figsize=(9, 3.2))
    left, right = figure.subplots(1, 2)
    commonest, said = table["localization"].value_counts().index[:7], []
    places = np.arange(len(commonest))
    for number, name in enumerate(CLASSES):
        rows = table[table["dx"] == name]
        ages, edges = np.histogram(rows["age"].dropna(), bins=np.arange(0, 100, 10))
        left.stairs(ages / ages.sum(), edges, color=CLASS_COLOURS[name], linewidth=2, label=CLASS_NAMES[name])
        share = rows["localization"].value_counts(normalize=True).reindex(commonest, fill_value=0)
        right.barh(places + 0.27 * (number - 1), share, height=0.25, color=CLASS_COLOURS[name])
        said.append(f"{CLASS_NAMES[name]} {rows['age'].median():.0f} years, {share.iloc[0]:.0%}")
    left.set(xlabel="age in years", ylabel="share of the class", title="Age")
    left.legend()
    right.set_yticks(places, commonest)
    right.invert_yaxis()
    right.set(xlabel="share of the class", title="Site")
    about = "Histogram of ages and bars of body sites for each class. Median age, and share on the commonest site"
    return figure, f"{about}, {commonest[0]}: {'; '.join(said)}."


@styled
def road(
    image: np.ndarray, overlay: np.ndarray, box: tuple, probabilities: Mapping, captions: Mapping, votes: Mapping
) -> tuple[Figure, str]:
    """Draw the whole road for one picture: the picture with its scores, the heat-map, the captions with their votes.

    image, overlay : uint8 (h, w, 3); box : left, top, right, bottom of the region in pixels
    probabilities : {class: the classifier's score}; captions, votes : {view: sentence}, {view: class}
    """
    blocks = [f"{view} (votes {votes[view]}): {sentence}" for view, sentence in captions.items()]
    text = "\n\n".join(textwrap.fill(block, ROAD_LETTERS) for block in blocks)
    below = 0.16 * (text.count("\n") + 1)  # inches
    figure = Figure(figsize=(ROAD, 3.5 + below))
    first, second, third = figure.subplot_mosaic("ab;cc", height_ratios=(2.6, below)).values()
    scores = ", ".join(f"{name} {score:.2f}" for name, score in probabilities.items())
    top = max(probabilities, key=probabilities.get)
    draw_picture(first, image, f"image → class\n{scores}")
    draw_picture(second, overlay, f"class → heat-map → region\nevidence for {top} (bright: most)")
    second.add_patch(Rectangle(box[:2], box[2] - box[0], box[3] - box[1], fill=False, edgecolor=REGION, linewidth=1.5))
    bare(third, "views → captions → votes")
    third.text(0, 1, text, va="top", transform=third.transAxes, in_layout=False)
    about = f"Left, a picture with scores {scores}. Right, the heat-map for {top}. Below, captions."
    return figure, " ".join([about, *blocks])
