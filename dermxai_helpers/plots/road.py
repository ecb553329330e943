"""What does each station of the road hand to the next? The figures of unit 00 and of the README."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dermxai_helpers.data.table import CLASS_NAMES

CAPTION_WIDTH = 46  # letters in a line of the third panel


def lesion(image: np.ndarray, mask: np.ndarray) -> tuple[Figure, str]:
    """A drawn lesion beside its exact outline.

    image : uint8, (height, width, 3)     mask : bool, (height, width), True on the lesion
    """
    figure = Figure(figsize=(5.6, 2.8))
    left, right = figure.subplots(1, 2)
    picture(left, image, "the picture")
    picture(right, image, "its true outline")
    right.contour(mask, levels=[0.5], colors="white", linewidths=1.5)
    return figure, f"A drawn lesion on skin, twice; the second time with its outline, {mask.mean():.0%} of the pixels."


def heat(grid: np.ndarray, overlay: np.ndarray, box: tuple[int, int, int, int]) -> tuple[Figure, str]:
    """A heat-map as its few cells, and laid over the picture with the region's box.

    grid : float, (rows, columns), in [0, 1]     overlay : uint8, (height, width, 3)
    box : (left, top, right, bottom) in pixels, right and bottom exclusive
    """
    figure = Figure(figsize=(6.2, 2.8))
    left, right = figure.subplots(1, 2)
    rows, columns = grid.shape
    drawn = left.imshow(grid, vmin=0, vmax=1)
    left.set(title=f"the map: {rows} × {columns} cells", xticks=[], yticks=[])
    figure.colorbar(drawn, ax=left, shrink=0.8, label="share of the maximum")
    picture(right, overlay, "over the picture, with the region")
    frame(right, box)
    row, column = np.unravel_index(grid.argmax(), grid.shape)
    width, height = box[2] - box[0], box[3] - box[1]
    return figure, (
        f"Left, a heat-map of {rows} by {columns} cells whose largest is in row {row + 1}, column {column + 1}. "
        f"Right, the same map laid over the picture; a box of {width} by {height} pixels frames the region."
    )


def views(pictures: Mapping[str, np.ndarray]) -> tuple[Figure, str]:
    """The views of one lesion side by side, each at its own size. pictures : name -> uint8 (height, width, 3)."""
    figure = Figure(figsize=(7.5, 2.8))
    for axes, (name, image) in zip(figure.subplots(1, len(pictures)), pictures.items(), strict=True):
        picture(axes, image, f"{name}: {image.shape[0]} × {image.shape[1]}")
    sizes = ", ".join(f"{name} of {image.shape[0]} by {image.shape[1]} pixels" for name, image in pictures.items())
    return figure, f"{len(pictures)} views of the same lesion: {sizes}."


def road(
    image: np.ndarray,
    overlay: np.ndarray,
    box: tuple[int, int, int, int],
    probabilities: Mapping[str, float],
    captions: Mapping[str, str],
    votes: Mapping[str, str],
) -> tuple[Figure, str]:
    """The whole road for one picture: the picture with its classes, the heat-map, the captions with their votes.

    image, overlay : uint8, (height, width, 3)     box : the region, (left, top, right, bottom) in pixels
    probabilities : class -> the classifier's score     captions, votes : view -> sentence, view -> class
    """
    figure = Figure(figsize=(9, 3.1))
    first, second, third = figure.subplots(1, 3, width_ratios=(1, 1, 1.35))
    scores = ", ".join(f"{name} {score:.2f}" for name, score in probabilities.items())
    picture(first, image, f"image → class\n{scores}")
    top = max(probabilities, key=probabilities.get)
    picture(second, overlay, f"class → heat-map → region\nevidence for {CLASS_NAMES[top]}")
    frame(second, box)
    write_captions(third, captions, votes)
    said = " ".join(f"{view}: {sentence} (votes {votes[view]})" for view, sentence in captions.items())
    return figure, f"Left, a picture with scores {scores}. Middle, the heat-map for {top}. Right, captions. {said}"


def write_captions(axes: Axes, captions: Mapping[str, str], votes: Mapping[str, str]) -> None:
    """Fill a panel with the captions, each under its view's name and vote."""
    axes.set_axis_off()
    axes.set_title("views → captions → votes\n", loc="left")
    blocks: Sequence[str] = [
        f"{view} (votes {votes[view]})\n{textwrap.fill(sentence, CAPTION_WIDTH)}" for view, sentence in captions.items()
    ]
    axes.text(0, 1, "\n\n".join(blocks), va="top", fontsize=7.5, transform=axes.transAxes)


def picture(axes: Axes, image: np.ndarray, title: str) -> None:
    """A picture without ticks and edges."""
    axes.imshow(image)
    axes.set_title(title)
    axes.set_axis_off()


def frame(axes: Axes, box: tuple[int, int, int, int]) -> None:
    """A white frame around a region."""
    left, top, right, bottom = box
    corner, width, height = (left - 0.5, top - 0.5), right - left, bottom - top
    axes.add_patch(Rectangle(corner, width, height, fill=False, edgecolor="white", linewidth=1.5))
