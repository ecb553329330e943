"""More figures of unit 01: what belongs to the photograph and not to the lesion."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers.data.acquisition import ANGLE_BANDS
from dermxai_helpers.data.table import CLASS_NAMES, CLASSES
from dermxai_helpers.plots.lesions import CLASS_COLOURS, QUIET, SHEET, picture_width, sheet, thumbnail

PICTURES = 8  # in a row
BINS = np.arange(-180, 181, 10)  # degrees


def views(rows: Mapping[str, Sequence[np.ndarray]]) -> tuple[Figure, str]:
    """Photographs as they are, and changed at random, one photograph a row.

    rows : {label: [the photograph, its views ...]}, uint8 RGB arrays, equally many in each row
    """
    count = len(next(iter(rows.values())))
    figure = sheet(rows, count)
    for number, axes in enumerate(figure.axes[:count]):
        axes.set_title(f"view {number}" if number else "as taken", fontsize=8)
    return figure, (
        f"{len(rows)} photographs, one in each row ({', '.join(rows)}): first as taken, then {count - 1} random views "
        "of it, turned a little, cropped and flipped."
    )


def skin_colours(table: pd.DataFrame) -> tuple[Figure, str]:
    """The colour of the skin as photographed: a histogram for each class, and photographs from darkest to bluest.

    table : columns skin_angle (degrees, NaN = not measured), dx, image_path
    """
    figure = Figure(figsize=(7.5, 3.8))
    grid = figure.add_gridspec(2, PICTURES, height_ratios=(2.4, 1))
    axes = figure.add_subplot(grid[0, :])
    axes.axvspan(-180, -90, color=QUIET, alpha=0.4, linewidth=0)
    axes.axvspan(90, 180, color=QUIET, alpha=0.4, linewidth=0, label="no skin's colour")
    for limit, name in ANGLE_BANDS.items():
        axes.axvline(limit, color=QUIET, linewidth=0.8, zorder=0)
        axes.annotate(name, (limit, 1), xycoords=("data", "axes fraction"), fontsize=8, rotation=30, color="#555555")
    angles = table.dropna(subset="skin_angle")
    described = []
    for name in CLASSES:
        own = angles["skin_angle"][angles["dx"] == name]
        share = np.histogram(own, BINS)[0] / max(len(own), 1)
        axes.stairs(share, BINS, color=CLASS_COLOURS[name], linewidth=2, label=CLASS_NAMES[name])
        described.append(f"{CLASS_NAMES[name]} median {own.median():.0f}, {(own.abs() > 90).mean():.0%} beyond 90")
    axes.set(xlim=(-180, 180), xticks=range(-180, 181, 45), ylabel="share of the class")
    axes.set_xlabel("angle of the colour in the photograph, degrees (it is not anyone's skin type)")
    axes.legend(loc="upper left")
    places = np.linspace(0.01, 0.99, PICTURES) * (len(angles) - 1)
    chosen = angles.sort_values("skin_angle").iloc[places.astype(int)]
    for place, row in enumerate(chosen.itertuples()):
        _picture(figure.add_subplot(grid[1, place]), row.image_path, f"{row.skin_angle:.0f}°")
    first, *_, last = chosen["skin_angle"]
    return figure, (
        f"Histogram of the angle of skin colour in each class, in degrees: {'; '.join(described)}. "
        f"Below, {len(chosen)} photographs in the order of the angle, {first:.0f} to {last:.0f} degrees."
    )


def same_spots(pairs: pd.DataFrame, table: pd.DataFrame, limit: int = 8) -> tuple[Figure, str]:
    """The first pairs of photographs side by side, four pairs a row.

    pairs : columns image_id_a, image_id_b, similarity, as from `acquisition.near_duplicates`; at least one row
    table : columns image_id, lesion_id, dx, image_path
    """
    rows, shown = table.set_index("image_id"), pairs.head(limit)
    lines = -(-len(shown) // (PICTURES // 2))
    figure = Figure(figsize=(SHEET, 0.1 + 0.95 * lines))
    grid = figure.subplots(lines, PICTURES, squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for number, pair in enumerate(shown.itertuples()):
        line, place = divmod(2 * number, PICTURES)
        for side, image_id in enumerate((pair.image_id_a, pair.image_id_b)):
            text = f"{number + 1}: {pair.similarity:.2f}" if side == 0 else rows["dx"][image_id]
            _picture(grid[line, place + side], rows["image_path"][image_id], text)
    similar = f"{shown['similarity'].iloc[-1]:.2f} to {shown['similarity'].iloc[0]:.2f}"
    return figure, (
        f"{len(shown)} of {len(pairs)} pairs of photographs that show one spot of skin under two lesion numbers; "
        f"similarity {similar}. Each pair stands side by side, under its number, similarity and class."
    )


def _picture(axes, path: str, title: str) -> None:
    axes.imshow(thumbnail(path, picture_width(SHEET, PICTURES)))
    axes.set_title(title, fontsize=7, pad=2)
    axes.set_axis_off()
