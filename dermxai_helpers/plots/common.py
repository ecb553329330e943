"""What all figures share: the look, one palette, dots with intervals, cells, pictures, outlines."""

import io
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.colors import CenteredNorm
from matplotlib.figure import Figure
from PIL import Image

# Three of Okabe and Ito's colours, which people with any colour vision can tell apart.
CLASS_COLOURS = {"mel": "#D55E00", "nv": "#0072B2", "bkl": "#009E73"}
MEASURED = "#30688e"  # what this run measured
PAPER = "#b5622c"  # what the paper published, and what is marked
BASELINE = "#777777"  # what knows nothing, lines at chance, too few to say
PALE = "#c9d3dc"
REGION, LESION = "#d55e00", "#0072b2"  # outlines
SERIES = (MEASURED, "#440154", "#b07aa1", "#8c6d31")  # several kinds of dots or lines in one chart, in their order
PARTS = ("#4d7389", "#c9d3dc", "#d9a066", "#e5e5e5")  # of a bar
SIGNED_COLOURS = "PuOr_r"  # white at zero; purple below, orange above
MARKERS = {  # of what knows nothing, wherever it stands: grey, and never the dot of what was measured
    "|": ("always nevus", "constant", "chance", "always the commonest value", "always the same"),
    "x": ("shuffled labels", "metadata, shuffled labels", "captions shuffled", "random heads", "random map"),
    "D": ("caption of a blank picture", "blank", "untrained relevancy"),
    "s": ("centre Gaussian", "centred box"),
    "^": ("edge map", "metadata", "metadata only", "only mirrored"),
    "P": ("lesion mask",),
}
LOOKS = {name: (BASELINE, marker) for marker, names in MARKERS.items() for name in names}
LOOKS |= {name: (colour, "o") for name, colour in CLASS_COLOURS.items()} | {"paper": (PAPER, "*")}
LOOK = {
    "figure.dpi": 96, "savefig.dpi": 96,  # a browser's pixels for an inch: letters of 9 points are shown as 9 points
    "font.size": 9, "figure.titlesize": 10, "figure.labelsize": 9, "axes.titlesize": 10,
    "figure.facecolor": "white", "figure.constrained_layout.use": True, "legend.frameon": False,
    "axes.spines.top": False, "axes.spines.right": False, "image.cmap": "viridis", "image.interpolation": "nearest",
    "text.parse_math": False,  # a dollar in a caption is a dollar
}  # fmt: skip
styled = style.context(["default", LOOK])  # decorates what makes or draws a figure: no setting of the user reaches it


# While it is saved, a figure without a layout of its own must not get one: matplotlib asks these settings once more.
@style.context(["default", LOOK | {"figure.constrained_layout.use": False}])
def png(figure: Figure) -> bytes:
    """The figure as a small PNG file's bytes, without the program's name, so that equal figures are equal files."""
    buffer, small = io.BytesIO(), io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    Image.open(buffer).convert("RGB").save(small, "PNG", optimize=True)  # an eighth less: notebooks are full of figures
    return small.getvalue()


def show(figure_and_alt: tuple[Figure, str]) -> None:
    """Display a figure with its description, of four words or more, as `alt` and as the text that stands in for it."""
    from IPython.display import display

    figure, alt = figure_and_alt
    if len(alt.split()) < 4:
        raise ValueError(f"the description {alt!r} is too short: say what the figure shows and the numbers that matter")
    display({"image/png": png(figure), "text/plain": alt}, metadata={"image/png": {"alt": alt}}, raw=True)


def look_of(name: str, measured: Sequence[str] = (MEASURED, "o")) -> Sequence[str]:
    """Colour and marker of a class, a baseline or the paper, or what was measured."""
    return LOOKS.get(name, measured)


def dots(axes: Axes, table: pd.DataFrame, reference: float | None = None, shift: float = 0.0, **look) -> None:
    """Draw a dot with its interval for each row, the first on top, as `look_of` says.

    table : columns value, low, high; a row that is not "enough" is an open grey dot without an interval
    reference : where a dashed line stands; shift : how far down; look : color, marker, label, as matplotlib knows them
    """
    label, enough = look.pop("label", None), table.get("enough", pd.Series(True, table.index)).astype(bool)
    looks = [(look.get("color", colour), look.get("marker", marker)) for colour, marker in map(look_of, table.index)]
    colours = [colour if sure else BASELINE for (colour, _), sure in zip(looks, enough, strict=True)]
    places = np.arange(len(table)) + shift
    if reference is not None:
        axes.axvline(reference, color=BASELINE, linestyle="--", linewidth=1, zorder=0)
    ends = table[["low", "high"]].where(enough, np.nan)
    axes.hlines(places, ends["low"], ends["high"], colors=colours, linewidth=2)
    for value, place, colour, (_, marker), sure in zip(table["value"], places, colours, looks, enough, strict=True):
        face = colour if sure else "none"
        axes.plot(value, place, marker, color=colour, markerfacecolor=face, markersize=5.5, label=label, zorder=3)
        label = None  # once in a legend
    axes.set_yticks(np.arange(len(table)), table.index)
    axes.set_ylim(len(table) - 0.4, -0.6)


def told(table: pd.DataFrame, form: str = ".2f") -> str:
    """Put values with their intervals into words. table : as in `dots`; silent of a row that is not "enough"."""
    words = []
    for name, row in table.iterrows():
        numbers = f"{row.value:{form}} ({row.low:{form}} to {row.high:{form}})"
        words.append(f"{name} {numbers if row.get('enough', True) else 'too few to say'}")
    return ", ".join(words)


def cells(axes: Axes, counts: np.ndarray, rows: Sequence[str], columns: Sequence[str]) -> None:
    """Draw counts as cells, each coloured by its share of the row."""
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="cividis", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        colour = "black" if share > 0.55 else "white"
        axes.text(column, row, f"{counts[row, column]:,}\n{share:.0%}", ha="center", va="center", color=colour)
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    axes.spines[:].set_visible(False)


def text_table(axes: Axes, table: pd.DataFrame, colours: Mapping[str, str]) -> None:
    """Draw a table of numbers; NaN leaves a cell empty. colours : {column: colour}, black where none is given"""
    axes.set_axis_off()
    written = table.map("{:.3f}".format).assign(images=table["images"].map("{:,.0f}".format)).replace("nan", "")
    rows = [["", *table.columns], *written.reset_index().to_numpy().tolist()]
    widths = [2.3] + [1.0] * len(table.columns)
    drawn = axes.table(rows[1:], colLabels=rows[0], cellLoc="right", bbox=[0, 0.05, 1, 0.9], colWidths=widths)
    drawn.auto_set_font_size(False)
    for (row, column), cell in drawn.get_celld().items():
        cell.set(linewidth=0, facecolor="#f2f2f2" if row % 2 else "white")
        cell.set_text_props(size=9, color=colours.get(rows[0][column], "black"), weight="normal" if row else "bold")


def opened(picture: np.ndarray | str) -> np.ndarray:
    """A picture given as an array or as a path, as an array."""
    return np.asarray(Image.open(picture).convert("RGB")) if isinstance(picture, str) else picture


def draw_picture(axes: Axes, picture: np.ndarray, title: str = "") -> None:
    """Draw an RGB picture as it is; a map (h, w) from dark to bright, or from purple to orange if it has signs."""
    if picture.ndim == 3:
        axes.imshow(picture, interpolation="antialiased")
    elif (picture < 0).any():
        axes.imshow(picture, cmap=SIGNED_COLOURS, norm=CenteredNorm())
    else:
        axes.imshow(picture, vmin=0)
    bare(axes, title)


def bare(axes: Axes, title: str = "") -> None:
    """Take ticks and frame away: the axes of a picture."""
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)
    axes.set_title(title, fontsize=9)


def outline(axes: Axes, mask: np.ndarray, colour: str = "white") -> None:
    """Draw the rim of a mask; nothing for a mask that is empty or everywhere."""
    if mask.any() and not mask.all():
        axes.contour(mask, levels=[0.5], colors=[colour], linewidths=1.2)
