"""Figures of unit 01: what is in the data, what a split leaks, what can be said without looking at a picture."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from dermxai_helpers.data.images import open_image
from dermxai_helpers.data.table import CLASS_NAMES, CLASSES
from dermxai_helpers.plots import DOTS_PER_INCH

# Three of Okabe and Ito's colours, which people with any colour vision can tell apart.
CLASS_COLOURS = {"mel": "#D55E00", "nv": "#0072B2", "bkl": "#009E73"}
QUIET = "#B8B8B8"
SHEET = 6.5  # inches wide: sheets of photographs are what makes a notebook large


def classes(table: pd.DataFrame) -> tuple[Figure, str]:
    """How many images and how many lesions each class has. table : columns dx, lesion_id."""
    counts = table.groupby("dx")["lesion_id"].agg(["size", "nunique"]).reindex(CLASSES)
    figure = Figure(figsize=(7, 2))
    axes = figure.subplots()
    places = np.arange(len(CLASSES))
    for column, shift, word in (("size", -0.2, "images"), ("nunique", 0.2, "lesions")):
        colours = [CLASS_COLOURS[name] for name in CLASSES]
        bars = axes.barh(places + shift, counts[column], height=0.36, color=colours, alpha=1 if shift < 0 else 0.45)
        axes.bar_label(bars, [f"{count:,} {word}" for count in counts[column]], padding=3, fontsize=8)
    axes.set_yticks(places, [CLASS_NAMES[name] for name in CLASSES])
    axes.invert_yaxis()
    axes.set(xlim=(0, counts["size"].max() * 1.2), xlabel="number")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    described = [
        f"{CLASS_NAMES[name]} {row['size']:,} images of {row['nunique']:,} lesions" for name, row in counts.iterrows()
    ]
    return figure, f"Bar chart of the classes: {'; '.join(described)}."


def patients(table: pd.DataFrame, sites: int = 7) -> tuple[Figure, str]:
    """Ages (left) and the commonest body sites (right), as shares of each class.

    table : columns dx, age, localization
    """
    figure = Figure(figsize=(9, 3.2))
    left, right = figure.subplots(1, 2)
    commonest = table["localization"].value_counts().index[:sites]
    places = np.arange(len(commonest))
    for number, name in enumerate(CLASSES):
        rows = table[table["dx"] == name]
        shares, edges = np.histogram(rows["age"].dropna(), bins=np.arange(0, 100, 10))
        left.stairs(shares / shares.sum(), edges, color=CLASS_COLOURS[name], linewidth=2, label=CLASS_NAMES[name])
        share = rows["localization"].value_counts(normalize=True).reindex(commonest, fill_value=0)
        right.barh(places + 0.27 * (number - 1), share, height=0.25, color=CLASS_COLOURS[name])
    left.set(xlabel="age in years", ylabel="share of the class", title="Age")
    left.legend()
    right.set_yticks(places, commonest)
    right.invert_yaxis()
    right.set(xlabel="share of the class", title="Site")
    ages = table.groupby("dx")["age"].median()
    site = {name: (table["localization"][table["dx"] == name] == commonest[0]).mean() for name in CLASSES}
    alt = "Histogram of ages and bars of body sites for each class. Median age: "
    alt += ", ".join(f"{CLASS_NAMES[name]} {ages[name]:.0f}" for name in CLASSES)
    alt += f". Share on the commonest site, {commonest[0]}: "
    return figure, alt + ", ".join(f"{CLASS_NAMES[name]} {site[name]:.0%}" for name in CLASSES) + "."


def contact_sheet(table: pd.DataFrame, columns: int = 8, seed: int = 0) -> tuple[Figure, str]:
    """A row of photographs for each class, each of another lesion, chosen at random by `seed`.

    table : columns dx, lesion_id, image_path
    """
    rng = np.random.default_rng(seed)
    rows = {}
    for name in CLASSES:
        first = table[table["dx"] == name].drop_duplicates("lesion_id")
        rows[CLASS_NAMES[name]] = first.iloc[rng.permutation(len(first))[:columns]]["image_path"].tolist()
    figure = sheet(rows, columns)
    shown = ", ".join(f"{len(paths)} of {label}" for label, paths in rows.items())
    return figure, f"Photographs in a row for each class, each of another lesion: {shown}."


def sisters(table: pd.DataFrame, lesions: int = 2) -> tuple[Figure, str]:
    """All photographs of the lesions that have the most, one lesion a row.

    table : columns lesion_id, dx, image_path
    """
    most = table["lesion_id"].value_counts(sort=False).sort_values(ascending=False, kind="stable").index[:lesions]
    rows = {}
    for number, lesion in enumerate(most, 1):
        photographs = table[table["lesion_id"] == lesion]
        rows[f"{number}: {CLASS_NAMES[photographs['dx'].iloc[0]]}"] = photographs["image_path"].tolist()
    figure = sheet(rows, max(map(len, rows.values())))
    words = "; ".join(f"lesion {label}, {len(paths)} photographs" for label, paths in rows.items())
    return figure, f"Photographs of the same lesion side by side, a lesion a row: {words}."


def leak(reports: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """The share of validation images whose lesion is also in training, for each class and kind of split.

    reports : {what was split by: table of `data.leak_report`}
    """
    figure = Figure(figsize=(8, 3))
    panels = figure.subplots(1, len(reports), sharey=True, squeeze=False)[0]
    described = []
    for axes, (by, report) in zip(panels, reports.items(), strict=True):
        colours = [CLASS_COLOURS.get(name, "#444444") for name in report.index]
        bars = axes.bar([CLASS_NAMES.get(name, name) for name in report.index], report["share"], color=colours)
        axes.bar_label(bars, [f"{share:.0%}" for share in report["share"]], padding=2, fontsize=9)
        axes.set(title=f"split by {by}", ylim=(0, 1))
        shares = ", ".join(f"{CLASS_NAMES.get(name, name)} {share:.0%}" for name, share in report["share"].items())
        described.append(f"split by {by}: {shares}")
    panels[0].set_ylabel("validation images\nwith a sister in training")
    return figure, f"Share of validation images whose lesion is also in training. {'; '.join(described)}."


def label_sources(table: pd.DataFrame) -> tuple[Figure, str]:
    """How the diagnosis was reached, as shares of each class. table : columns dx, dx_type."""
    shares = pd.crosstab(table["dx"], table["dx_type"], normalize="index").reindex(CLASSES, fill_value=0)
    figure = Figure(figsize=(8, 1.9))
    axes = figure.subplots()
    start = np.zeros(len(CLASSES))
    for number, (source, share) in enumerate(shares.items()):
        grey = str(0.5 + 0.4 * number / max(len(shares.columns) - 1, 1))
        bars = axes.barh([CLASS_NAMES[name] for name in CLASSES], share, left=start, color=grey, label=source)
        axes.bar_label(bars, [f"{part:.0%}" if part > 0.03 else "" for part in share], label_type="center", fontsize=8)
        start += share.to_numpy()
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of the class's images, by how the diagnosis was reached (dx_type)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")
    described = []
    for name, row in shares.iterrows():
        parts = ", ".join(f"{source} {share:.0%}" for source, share in row.items() if share)
        described.append(f"{CLASS_NAMES[name]}: {parts}")
    return figure, f"Stacked bars: how the diagnosis of each class was reached. {'; '.join(described)}."


def without_pixels(scores: pd.DataFrame, chance: float = 1 / len(CLASSES)) -> tuple[Figure, str]:
    """Balanced accuracy of models that see no picture, with intervals.

    scores : one row for each model; columns value, low, high
    chance : what a constant gets, drawn as a line
    """
    figure = Figure(figsize=(7, 0.5 + 0.38 * len(scores)))
    axes = figure.subplots()
    places = np.arange(len(scores))
    _intervals(axes, scores["value"], scores["low"], scores["high"], places, "#0072B2")
    for place, value in zip(places, scores["value"], strict=True):
        axes.annotate(
            f"{value:.3f}", (value, place), xytext=(0, 6), textcoords="offset points", ha="center", fontsize=8
        )
    axes.axvline(chance, color=QUIET, linestyle="--", zorder=0)
    axes.set_yticks(places, scores.index)
    axes.set(xlim=(0, 1), ylim=(len(scores) - 0.4, -0.7), xlabel=f"balanced accuracy (dashed: chance, {chance:.3f})")
    described = [f"{name} {row.value:.3f} ({row.low:.3f} to {row.high:.3f})" for name, row in scores.iterrows()]
    return figure, f"Balanced accuracy without looking at a picture, 95 % intervals: {'; '.join(described)}."


def artefacts(shares: pd.DataFrame) -> tuple[Figure, str]:
    """How often each artefact occurs in each class, with intervals.

    shares : columns artefact, dx, share, low, high; one row for each pair
    """
    names = list(dict.fromkeys(shares["artefact"]))
    figure = Figure(figsize=(8, 0.8 + 0.4 * len(names)))
    axes = figure.subplots()
    for number, dx in enumerate(CLASSES):
        rows = shares[shares["dx"] == dx].set_index("artefact").loc[names]
        places = np.arange(len(names)) + 0.22 * (number - 1)
        _intervals(axes, rows["share"], rows["low"], rows["high"], places, CLASS_COLOURS[dx], CLASS_NAMES[dx])
    axes.set_yticks(np.arange(len(names)), names)
    axes.set(xlabel="share of the class's images, 95 % interval", xlim=(0, None), ylim=(len(names) - 0.5, -0.5))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")
    described = []
    for name, rows in shares.groupby("artefact", sort=False):
        classes = [f"{CLASS_NAMES[row.dx]} {row.low:.0%} to {row.high:.0%}" for row in rows.itertuples()]
        described.append(f"{name} {rows['share'].min():.0%} to {rows['share'].max():.0%} ({', '.join(classes)})")
    text = "Share of images with each artefact, lowest to highest class, and in brackets each class's 95 % interval"
    return figure, f"{text}: {'; '.join(described)}."


def _intervals(axes: Axes, values, lows, highs, places, colour: str, label: str | None = None) -> None:
    """Dots with whiskers; all arguments are sequences of the same length except colour and label."""
    whiskers = np.array([np.subtract(values, lows), np.subtract(highs, values)]).clip(0)
    axes.errorbar(values, places, xerr=whiskers, fmt="o", color=colour, capsize=3, markersize=5, label=label)


def sheet(rows: Mapping[str, Sequence[str | np.ndarray]], columns: int) -> Figure:
    """Small photographs in a labelled row for each entry of `rows`; its pictures are paths or arrays (uint8 RGB)."""
    width = picture_width(SHEET, columns)
    height = len(thumbnail(next(iter(rows.values()))[0], width))
    figure = Figure(figsize=(SHEET, 0.2 + len(rows) * (0.06 + 0.8 * SHEET / columns * height / width)))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for line, (label, pictures) in zip(grid, rows.items(), strict=True):
        line[0].set_ylabel(label.replace(" ", "\n"), fontsize=8, rotation=0, ha="right", va="center")
        for axes, picture in zip(line, pictures, strict=False):
            axes.imshow(thumbnail(picture, width))
    for axes in grid.flat:
        axes.set(xticks=[], yticks=[])
        axes.spines[:].set_visible(False)
    return figure


def picture_width(inches: float, columns: int) -> int:
    """Pixels for a picture in a figure of so many inches, so that matplotlib need not shrink it."""
    return round(0.87 * DOTS_PER_INCH * inches / columns)


def thumbnail(picture: str | np.ndarray, width: int) -> np.ndarray:
    """A photograph, given as a path or as an array, `width` pixels wide: uint8 RGB."""
    image = open_image(picture) if isinstance(picture, str) else picture
    size = width, max(1, round(width * image.shape[0] / image.shape[1]))
    return np.asarray(Image.fromarray(image).resize(size, Image.Resampling.BILINEAR))
