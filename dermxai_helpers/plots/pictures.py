"""Figures made of pictures in rows: steps side by side, a sheet of photographs, a gallery, cards with captions."""

import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dermxai_helpers.plots.common import bare, draw_picture, opened, outline, styled

SHEET = 7.5  # inches wide: photographs are what makes a notebook large, and wider ones show nothing more
LETTERS = 14  # of a title, in an inch


def grid(rows: Sequence, titles: Sequence = (), width: float = SHEET, space: float = 0.1) -> tuple[Figure, np.ndarray]:
    """Draw rows (lists) of pictures, maps or paths, `space` inches apart; returns figure and axes, (rows, columns)."""
    rows = [[opened(picture) for picture in line] for line in rows]
    columns = max(map(len, rows))
    height, wide = rows[0][0].shape[:2]
    letters = max(8, int(LETTERS * width / columns))
    broken = [[[textwrap.fill(part, letters) for part in title.split("\n")] for title in line] for line in titles]
    named = [["\n".join(parts) for parts in line] for line in broken] or [[""] * columns] * len(rows)
    lines = max((title.count("\n") + bool(title) for line in named for title in line), default=0)
    figure = Figure(figsize=(width, len(rows) * (width / columns * height / wide + space + 0.16 * lines)))
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for place in axes.flat:
        bare(place)
        place.set_anchor("N")
    for line, pictures, names in zip(axes, rows, named, strict=True):
        for place, picture, name in zip(line, pictures, names, strict=False):
            draw_picture(place, picture, name)
    return figure, axes


@styled
def row(pictures: Mapping, about: str, outlines: Sequence[Mapping] = (), below: str = "") -> tuple[Figure, str]:
    """Draw pictures side by side.

    pictures : {title: uint8 RGB (h, w, 3), or a map (h, w), of any size}; about : what they show
    outlines : for each picture {colour: mask whose rim is drawn}; below : a line below
    Maps go from dark to bright, or purple (negative), white (zero) and orange, with a bar of colours below.
    """
    maps = [np.ndim(picture) == 2 and picture.dtype != bool for picture in map(opened, pictures.values())]
    wide, room = min(SHEET, 2.3 * len(pictures)), 0.1 + 0.35 * any(maps) + 0.2 * bool(below)
    figure, axes = grid([list(pictures.values())], [list(pictures)], wide, room)
    for place in axes[0, maps]:
        figure.colorbar(place.images[0], ax=place, location="bottom", shrink=0.8, aspect=15, ticks=MaxNLocator(2))
    for place, masks in zip(axes.flat, outlines, strict=False):
        for colour, mask in masks.items():
            outline(place, mask, colour)
    if below:
        figure.supxlabel(below)
    return figure, f"{about} From left to right: {', '.join(title.replace(chr(10), ' ') for title in pictures)}."


@styled
def sheet(rows: Mapping[str, Sequence], about: str) -> tuple[Figure, str]:
    """Draw photographs in a labelled row for each entry. rows : {label: paths or arrays}"""
    figure, axes = grid(list(rows.values()), width=min(SHEET, 0.7 + 0.9 * max(map(len, rows.values()))), space=0.02)
    for line, label in zip(axes, rows, strict=True):
        line[0].set_ylabel(label.replace(" ", "\n"), rotation=0, ha="right", va="center")
    return figure, f"{about}: {', '.join(f'{len(pictures)} of {label}' for label, pictures in rows.items())}."


@styled
def gallery(
    pictures: Sequence, titles: Sequence[str], about: str, columns: int = 4, width: float = SHEET
) -> tuple[Figure, str]:
    """Draw pictures in rows of `columns`, each below its title. pictures : arrays or paths, of any size"""
    starts = range(0, len(pictures), columns)
    rows, named = ([all_of[start : start + columns] for start in starts] for all_of in (pictures, titles))
    figure, _ = grid(rows, named, width * len(rows[0]) / columns)
    said = "; ".join(title.replace("\n", ", ") for title in titles)
    return figure, f"{about}: {len(pictures)} pictures. {said}."


@styled
def cards(rows: Sequence[Mapping[str, tuple[np.ndarray, str]]], note: str) -> tuple[Figure, str]:
    """Draw pictures over the captions they got. rows : mappings title -> (picture, caption); note : stands above"""
    columns = max(map(len, rows))
    wide = min(2.4, 7 / columns)  # inches of a picture; a line of its caption holds 12 letters an inch
    texts = [[textwrap.fill(caption, int(12 * wide)) for _, caption in entries.values()] for entries in rows]
    heights = [wide + 0.5 + 0.16 * max(text.count("\n") + 1 for text in line) for line in texts]
    figure = Figure(figsize=(wide * columns, 0.3 + sum(heights)), layout="none")  # every card has its place
    figure.suptitle(note, y=1 - 0.08 / figure.get_figheight(), va="top")
    top = sum(heights)
    for entries, under, height in zip(rows, texts, heights, strict=True):
        for place, ((title, (picture, _)), text) in enumerate(zip(entries.items(), under, strict=True)):
            bottom = (top - 0.3 - wide) / figure.get_figheight()
            axes = figure.add_axes([(place + 0.02) / columns, bottom, 0.96 / columns, wide / figure.get_figheight()])
            draw_picture(axes, picture, title)
            axes.set_anchor("N")
            axes.set_xlabel(text)
        top -= height
    said = " ".join(f"{title}: {caption}" for entries in rows for title, (_, caption) in entries.items())
    return figure, f"Pictures over their captions ({note}). {said}"
