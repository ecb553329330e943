"""Figures of unit 05: who wrote which caption, and what a query takes from where."""

import numpy as np
from described import described

from dermxai_helpers.plots import captions
from dermxai_helpers.plots.common import BASELINE, MEASURED

PICTURE = np.zeros((8, 8, 3), np.uint8)


def test_the_road_ends_in_captions_and_says_who_wrote_them():
    found = captions.pipeline({"photograph": PICTURE, "region": PICTURE}, {"roi": "A lesion. " * 20}, "demo captioner")
    figure = described(found, "Captions (demo captioner): ROI: A lesion.", "not the classifier's features")
    assert "demo captioner" in figure.get_supxlabel() and "ROI: A lesion." in figure.get_supxlabel()
    assert [bool(axes.images) for axes in figure.axes[:6]] == [True, False, False, True, False, False]
    assert {"box: ROI view", "outline: FOCUSED view"} <= {axes.get_xlabel() for axes in figure.axes}


def test_lines_are_as_thick_as_attention_and_the_strong_ones_have_their_number():
    own, cross = np.array([[0.6, 0.1, 0.3], [0.0, 1.0, 0.0]]), np.array([[0.8, 0.2], [0.5, 0.5]])
    found = captions.qformer({"dots": (own, cross), "rim": (own, cross)}, ["query 1", "query 2"], ["red", "blue"])
    figure = described(found, 'dots: query 1 takes 0.30 from "dots"', "rim: query 1 takes 0.80 from red")
    lines = figure.axes[0].lines
    assert [line.get_linewidth() / 7 for line in lines] == [*own.ravel(), *cross.ravel()]
    strong = [f"{weight:.2f}" for weight in (*own.ravel(), *cross.ravel()) if weight >= 0.3]
    assert [text.get_text() for text in figure.axes[0].texts if text.get_text().startswith(("0.", "1."))] == strong
    assert {line.get_color() for line in lines} == {MEASURED, BASELINE}
