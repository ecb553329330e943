"""Figures of unit 01: what is in the data, what a split leaks, what belongs to the photograph and not to the lesion."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers.data.table import CLASS_NAMES, CLASSES
from dermxai_helpers.plots.charts import stacked
from dermxai_helpers.plots.common import BASELINE, CLASS_COLOURS, PALE, dots, draw_picture, opened
from dermxai_helpers.plots.pictures import SHEET, grid, sheet

PICTURES = 8  # in a row
BINS = np.arange(-180, 181, 10)  # degrees
GREYS = ("#7f7f7f", "#a5a5a5", "#cbcbcb", "#e5e5e5")


def classes(counts: pd.DataFrame) -> tuple[Figure, str]:
    """Draw how many images and lesions each class has. counts : index dx, columns images, lesions"""
    figure = Figure(figsize=(7, 2))
    axes = figure.subplots()
    places = np.arange(len(CLASSES))
    colours = [CLASS_COLOURS[name] for name in CLASSES]
    for word, shift, opacity in (("images", -0.2, 1), ("lesions", 0.2, 0.45)):
        numbers = counts[word].reindex(CLASSES)
        bars = axes.barh(places + shift, numbers, height=0.36, color=colours, alpha=opacity)
        axes.bar_label(bars, [f"{number:,} {word}" for number in numbers], padding=3)
    axes.set_yticks(places, [CLASS_NAMES[name] for name in CLASSES])
    axes.invert_yaxis()
    axes.set(xlim=(0, counts["images"].max() * 1.2), xlabel="number")
    axes.xaxis.set_major_formatter("{x:,.0f}")
    said = [f"{CLASS_NAMES[name]} {row.images:,} images of {row.lesions:,} lesions" for name, row in counts.iterrows()]
    return figure, f"Bar chart of the classes: {'; '.join(said)}."


def patients(table: pd.DataFrame, sites: int = 7) -> tuple[Figure, str]:
    """Draw ages and the commonest body sites as shares of each class. table : columns dx, age, localization"""
    figure = Figure(figsize=(9, 3.2))
    left, right = figure.subplots(1, 2)
    commonest = table["localization"].value_counts().index[:sites]
    places = np.arange(len(commonest))
    said = []
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


def contact_sheet(table: pd.DataFrame, seed: int = 0) -> tuple[Figure, str]:
    """Draw a row of photographs for each class, each of another lesion, chosen at random by `seed`.

    table : columns dx, lesion_id, image_path
    """
    rng = np.random.default_rng(seed)
    rows = {}
    for name in CLASSES:
        first = table[table["dx"] == name].drop_duplicates("lesion_id")
        rows[CLASS_NAMES[name]] = first.iloc[rng.permutation(len(first))[:PICTURES]]["image_path"].tolist()
    return sheet(rows, "Photographs in a row for each class, each of another lesion")


def sisters(table: pd.DataFrame, lesions: int = 2) -> tuple[Figure, str]:
    """Draw all photographs of the lesions that have the most, one lesion a row. table : lesion_id, dx, image_path"""
    most = table["lesion_id"].value_counts(sort=False).sort_values(ascending=False, kind="stable").index[:lesions]
    rows = {}
    for number, lesion in enumerate(most, 1):
        photographs = table[table["lesion_id"] == lesion]
        rows[f"{number}: {CLASS_NAMES[photographs['dx'].iloc[0]]}"] = photographs["image_path"].tolist()
    return sheet(rows, "Photographs of the same lesion side by side, a lesion a row")


def leak(reports: Mapping[str, pd.DataFrame]) -> tuple[Figure, str]:
    """Draw the share of validation images whose lesion is also in training, for each class and kind of split.

    reports : {what was split by: table of `data.leak_report`}
    """
    figure = Figure(figsize=(8, 3))
    panels = figure.subplots(1, len(reports), sharey=True, squeeze=False)[0]
    said = []
    for axes, (by, report) in zip(panels, reports.items(), strict=True):
        names = [CLASS_NAMES.get(name, name) for name in report.index]
        words = [f"{share:.0%}" for share in report["share"]]
        bars = axes.bar(names, report["share"], color=[CLASS_COLOURS.get(name, "#444444") for name in report.index])
        axes.bar_label(bars, words, padding=2)
        axes.set(title=f"split by {by}", ylim=(0, 1))
        said.append(f"split by {by}: {', '.join(map(' '.join, zip(names, words, strict=True)))}")
    panels[0].set_ylabel("validation images\nwith a sister in training")
    return figure, f"Share of validation images whose lesion is also in training. {'; '.join(said)}."


def label_sources(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw how the diagnosis was reached, as shares of each class. table : columns dx, dx_type"""
    shares = pd.crosstab(table["dx"], table["dx_type"], normalize="index").reindex(CLASSES, fill_value=0)
    measure = "share of the class's images, by how the diagnosis was reached (dx_type)"
    return stacked(shares.rename(CLASS_NAMES), dict(zip(shares, GREYS, strict=False)), measure)


def artefacts(shares: pd.DataFrame) -> tuple[Figure, str]:
    """Draw how often each artefact occurs in each class. shares : columns artefact, dx, value, low, high"""
    names = list(dict.fromkeys(shares["artefact"]))
    figure = Figure(figsize=(8, 0.8 + 0.4 * len(names)))
    axes = figure.subplots()
    for number, dx in enumerate(CLASSES):
        rows = shares[shares["dx"] == dx].set_index("artefact").loc[names]
        dots(axes, rows, CLASS_COLOURS[dx], shift=0.22 * (number - 1), label=CLASS_NAMES[dx])
    axes.set(xlabel="share of the class's images, 95 % interval", xlim=(0, None))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right upper")
    said = []
    for name, rows in shares.groupby("artefact", sort=False):
        spans = [f"{CLASS_NAMES[row.dx]} {row.low:.0%} to {row.high:.0%}" for row in rows.itertuples()]
        said.append(f"{name} {rows['value'].min():.0%} to {rows['value'].max():.0%} ({', '.join(spans)})")
    text = "Share of images with each artefact, lowest to highest class, and in brackets each class's 95 % interval"
    return figure, f"{text}: {'; '.join(said)}."


def skin_colours(table: pd.DataFrame, bands: Mapping[float, str]) -> tuple[Figure, str]:
    """Draw the colour of the skin as photographed: a histogram for each class, and photographs by their angle.

    table : columns skin_angle (degrees, NaN = not measured), dx, image_path; bands : {lower limit: name of the band}
    """
    figure = Figure(figsize=(7.5, 3.8))
    places = figure.add_gridspec(2, PICTURES, height_ratios=(2.4, 1))
    axes = figure.add_subplot(places[0, :])
    axes.axvspan(-180, -90, color=PALE, linewidth=0)
    axes.axvspan(90, 180, color=PALE, linewidth=0, label="no skin's colour")
    for limit, name in bands.items():
        axes.axvline(limit, color=BASELINE, linewidth=0.8, alpha=0.5, zorder=0)
        axes.annotate(name, (limit, 1), xycoords=("data", "axes fraction"), rotation=30)
    angles = table.dropna(subset="skin_angle")
    said = []
    for name in CLASSES:
        own = angles["skin_angle"][angles["dx"] == name]
        share = np.histogram(own, BINS)[0] / max(len(own), 1)
        axes.stairs(share, BINS, color=CLASS_COLOURS[name], linewidth=2, label=CLASS_NAMES[name])
        said.append(f"{CLASS_NAMES[name]} median {own.median():.0f}, {(own.abs() > 90).mean():.0%} beyond 90")
    axes.set(xlim=(-180, 180), xticks=range(-180, 181, 45), ylabel="share of the class")
    axes.set_xlabel("angle of the colour in the photograph, degrees (it is not anyone's skin type)")
    axes.legend(loc="upper left")
    ranks = np.linspace(0.01, 0.99, PICTURES) * (len(angles) - 1)
    chosen = angles.sort_values("skin_angle").iloc[ranks.astype(int)]
    for place, row in enumerate(chosen.itertuples()):
        draw_picture(figure.add_subplot(places[1, place]), opened(row.image_path), f"{row.skin_angle:.0f}°")
    first, *_, last = chosen["skin_angle"]
    return figure, (
        f"Histogram of the angle of skin colour in each class, in degrees: {'; '.join(said)}. "
        f"Below, {len(chosen)} photographs in the order of the angle, {first:.0f} to {last:.0f} degrees."
    )


def same_spots(pairs: pd.DataFrame, table: pd.DataFrame, limit: int = 8) -> tuple[Figure, str]:
    """Draw the first pairs of photographs side by side, four pairs a row.

    pairs : columns image_id_a, image_id_b, similarity; at least one row; table : columns image_id, dx, image_path
    """
    photographs, shown = table.set_index("image_id"), pairs.head(limit)
    ids = shown[["image_id_a", "image_id_b"]].to_numpy().ravel().tolist()
    titles = [f"{number}: {value:.2f}" for number, value in enumerate(shown["similarity"], 1)]
    titles = [text for pair in zip(titles, photographs["dx"][ids[1::2]], strict=True) for text in pair]
    pictures = photographs["image_path"][ids].tolist()
    starts = range(0, len(ids), PICTURES)
    rows, words = ([every[start : start + PICTURES] for start in starts] for every in (pictures, titles))
    figure, _ = grid(rows, words, width=SHEET if len(ids) >= PICTURES else SHEET * len(ids) / PICTURES)
    similar = f"{shown['similarity'].iloc[-1]:.2f} to {shown['similarity'].iloc[0]:.2f}"
    return figure, (
        f"{len(shown)} of {len(pairs)} pairs of photographs that show one spot of skin under two lesion numbers; "
        f"similarity {similar}. Each pair stands side by side, under its number, similarity and class."
    )
