"""Figures of unit 01: what is in the data, what a split leaks, what can be said without looking at a picture."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dermxai_helpers.data import CLASS_NAMES, CLASSES, open_image

# Three of Okabe and Ito's colours, which people with any colour vision can tell apart.
CLASS_COLOURS = {"mel": "#D55E00", "nv": "#0072B2", "bkl": "#009E73"}
QUIET = "#B8B8B8"
THUMBNAIL = 84  # pixels; sheets of photographs are what makes a notebook large


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
        rows[CLASS_NAMES[name]] = first.iloc[rng.permutation(len(first))[:columns]]["image_path"]
    figure = _sheet(rows, columns)
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
        rows[f"{number}: {CLASS_NAMES[photographs['dx'].iloc[0]]}"] = photographs["image_path"]
    figure = _sheet(rows, max(map(len, rows.values())))
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
    figure = Figure(figsize=(7, 2.8))
    axes = figure.subplots()
    names = list(dict.fromkeys(shares["artefact"]))
    for number, dx in enumerate(CLASSES):
        rows = shares[shares["dx"] == dx].set_index("artefact").loc[names]
        places = np.arange(len(names)) + 0.22 * (number - 1)
        _intervals(axes, rows["share"], rows["low"], rows["high"], places, CLASS_COLOURS[dx], CLASS_NAMES[dx])
    axes.set_yticks(np.arange(len(names)), names)
    axes.invert_yaxis()
    axes.set(xlabel="share of the class's images, 95 % interval", xlim=(0, None))
    axes.legend(loc="lower right")
    by_artefact = shares.groupby("artefact", sort=False)["share"].agg(["min", "max"])
    described = [f"{name} {row['min']:.0%} to {row['max']:.0%}" for name, row in by_artefact.iterrows()]
    return figure, f"Share of images with each artefact, lowest to highest class: {', '.join(described)}."


def _intervals(axes: Axes, values, lows, highs, places, colour: str, label: str | None = None) -> None:
    """Dots with whiskers; all arguments are sequences of the same length except colour and label."""
    whiskers = np.array([np.subtract(values, lows), np.subtract(highs, values)]).clip(0)
    axes.errorbar(values, places, xerr=whiskers, fmt="o", color=colour, capsize=3, markersize=5, label=label)


def _sheet(rows: Mapping[str, pd.Series], columns: int) -> Figure:
    """A figure of small photographs, a labelled row for each entry of `rows` (label -> paths)."""
    height = open_image(next(iter(rows.values())).iloc[0]).shape[:2]
    shape = (round(THUMBNAIL * height[0] / height[1]), THUMBNAIL)
    figure = Figure(figsize=(9, 0.15 + len(rows) * 0.98 * (shape[0] / shape[1]) * 8 / columns))
    grid = figure.subplots(len(rows), columns, squeeze=False)
    for line, (label, paths) in zip(grid, rows.items(), strict=True):
        line[0].set_ylabel(label.replace(" ", "\n"), fontsize=9, rotation=0, ha="right", va="center")
        for axes in line:
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_visible(False)
        for axes, path in zip(line, paths, strict=False):
            axes.imshow(open_image(path, shape))
    return figure
