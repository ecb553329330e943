"""What each station of the road hands to the next: the figures of unit 00 and of the README."""

import textwrap
from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import bare, draw_picture, frame
from dermxai_helpers.plots.pictures import grid

Box = tuple[int, int, int, int]  # left, top, right, bottom in pixels


def heat(cells: np.ndarray, overlay: np.ndarray, box: Box) -> tuple[Figure, str]:
    """Draw a heat-map as its few cells, and laid over the picture with the region's box.

    cells : float (rows, columns), in [0, 1]; overlay : uint8 (h, w, 3)
    """
    rows, columns = cells.shape
    titles = [f"the map: {rows} × {columns} cells", "over the picture, with the region"]
    figure, axes = grid([[cells, overlay]], [titles], width=6.2)
    frame(axes[0, 1], box)
    figure.colorbar(axes[0, 0].images[0], ax=axes[0, 0], shrink=0.8, label="share of the maximum")
    row, column = np.unravel_index(cells.argmax(), cells.shape)
    return figure, (
        f"Left, a heat-map of {rows} by {columns} cells whose largest is in row {row + 1}, column {column + 1}. Right, "
        f"the same map over the picture; a box of {box[2] - box[0]} by {box[3] - box[1]} pixels frames the region."
    )


def road(
    image: np.ndarray, overlay: np.ndarray, box: Box, probabilities: Mapping, captions: Mapping, votes: Mapping
) -> tuple[Figure, str]:
    """Draw the whole road for one picture: the picture with its scores, the heat-map, the captions with their votes.

    image, overlay : uint8 (h, w, 3); box : the region
    probabilities : {class: the classifier's score}; captions, votes : {view: sentence}, {view: class}
    """
    figure = Figure(figsize=(9, 3.1))
    first, second, third = figure.subplots(1, 3, width_ratios=(1, 1, 1.35))
    scores = ", ".join(f"{name} {score:.2f}" for name, score in probabilities.items())
    top = max(probabilities, key=probabilities.get)
    draw_picture(first, image, f"image → class\n{scores}")
    draw_picture(second, overlay, f"class → heat-map → region\nevidence for {top}")
    frame(second, box)
    bare(third, "views → captions → votes\n")
    blocks = [f"{view} (votes {votes[view]})\n{textwrap.fill(said, 42)}" for view, said in captions.items()]
    third.text(0, 1, "\n\n".join(blocks), va="top", fontsize=8, transform=third.transAxes)
    said = " ".join(f"{view}: {sentence} (votes {votes[view]})" for view, sentence in captions.items())
    return figure, f"Left, a picture with scores {scores}. Middle, the heat-map for {top}. Right, captions. {said}"
