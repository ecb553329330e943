"""The whole road for one picture: the last figure of unit 00."""

import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dermxai_helpers.plots.common import bare, draw_picture


def road(
    image: np.ndarray, overlay: np.ndarray, box: tuple, probabilities: Mapping, captions: Mapping, votes: Mapping
) -> tuple[Figure, str]:
    """Draw the whole road for one picture: the picture with its scores, the heat-map, the captions with their votes.

    image, overlay : uint8 (h, w, 3); box : left, top, right, bottom of the region in pixels
    probabilities : {class: the classifier's score}; captions, votes : {view: sentence}, {view: class}
    """
    figure = Figure(figsize=(9, 3.1))
    first, second, third = figure.subplots(1, 3, width_ratios=(1, 1, 1.35))
    scores = ", ".join(f"{name} {score:.2f}" for name, score in probabilities.items())
    top = max(probabilities, key=probabilities.get)
    draw_picture(first, image, f"image → class\n{scores}")
    draw_picture(second, overlay, f"class → heat-map → region\nevidence for {top}")
    rim = Rectangle(box[:2], box[2] - box[0], box[3] - box[1], fill=False, edgecolor="white", linewidth=1.5)
    second.add_patch(rim)
    bare(third, "views → captions → votes\n")
    blocks = [f"{view} (votes {votes[view]})\n{textwrap.fill(said, 42)}" for view, said in captions.items()]
    third.text(0, 1, "\n\n".join(blocks), va="top", fontsize=8, transform=third.transAxes)
    said = " ".join(f"{view}: {sentence} (votes {votes[view]})" for view, sentence in captions.items())
    return figure, f"Left, a picture with scores {scores}. Middle, the heat-map for {top}. Right, captions. {said}"
