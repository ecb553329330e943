"""One figure per question. Every function of this room's files returns `(figure, alt_text)`; `show` displays the pair.

Figures are `matplotlib.figure.Figure` objects made without pyplot: nothing is shown twice, and nothing stays in memory.
"""

import io
from typing import TYPE_CHECKING

import matplotlib

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DOTS_PER_INCH = 80  # nine inches are 720 pixels: a notebook with a dozen figures stays below a megabyte


def style() -> None:
    """Set the course's look for every figure made from now on. Importing this room does it once."""
    matplotlib.rcParams.update(
        {
            "figure.dpi": DOTS_PER_INCH,
            "savefig.dpi": DOTS_PER_INCH,
            "figure.facecolor": "white",
            "figure.constrained_layout.use": True,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.titlesize": 10,
            "axes.labelsize": 9,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "legend.fontsize": 8,
            "legend.frameon": False,
            "image.cmap": "viridis",
            "image.interpolation": "nearest",
        }
    )


def png(figure: "Figure") -> bytes:
    """The figure as a PNG file's bytes, without the date and program that would make equal figures differ."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def show(figure_and_alt: "tuple[Figure, str]") -> None:
    """Display a figure in a notebook, with its description for those who cannot see it.

    figure_and_alt : what the functions of this room return: a figure and a text that states what it shows

    The description is kept twice: as the picture's `alt` metadata, and as the text that stands in for the picture where
    none can be shown. Raises ValueError for an empty description.
    """
    from IPython.display import display

    figure, alt = figure_and_alt
    if len(alt.split()) < 4:
        raise ValueError(f"the description {alt!r} is too short: say what the figure shows and the numbers that matter")
    display({"image/png": png(figure), "text/plain": alt}, metadata={"image/png": {"alt": alt}}, raw=True)


style()
