"""Figures of unit 06 say their numbers in words."""

import numpy as np
import pandas as pd
import pytest
from described import described
from matplotlib.colors import to_hex

from dermxai_helpers.plots import captions as language
from dermxai_helpers.plots.common import look_of

ROWS = ["mel", "nv", "macro average", "accuracy"]
REPORT = pd.DataFrame(0.25, index=ROWS, columns=["precision", "recall", "f1"]).assign(support=4)
CURVE = pd.DataFrame(
    {
        "answer": ["reading lexicon"] * 2 + ["always nevus"] * 2,
        "coverage": [0.2, 1.0] * 2,
        "accuracy": [0.9, 0.7, 0.9, 0.75],
        "balanced accuracy": [0.5, 0.6, 0.5, 0.33],
    }
)


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: language.vote_report(REPORT, np.array([[1, 1], [0, 2]]), ["mel", "nv"], 0.26, "demo"),
         "Macro-F1 0.250, the paper's 0.260. Recall: mel 0.25, nv 0.25. Share of votes: mel 0.25, nv 0.75"),
        (lambda: language.coverage(CURVE, "demo"), "balanced accuracy of always nevus: 0.50 at 0.20"),
        (lambda: language.blind_voters(np.linspace(0.2, 0.4, 50), {"captions": 0.3}, "demo"), "marked: captions 0.300"),
    ],
)  # fmt: skip
def test_figures_say_their_numbers_in_words(draw, words):
    described(draw(), words)


def test_the_matrix_says_what_its_per_cents_are_of():
    figure = described(language.vote_report(REPORT, np.array([[1, 1], [0, 2]]), ["mel", "nv"], 0.26, "demo"))
    assert "per cent of the row" in figure.axes[1].get_title()


def test_the_constant_is_drawn_at_every_coverage_in_both_measures():
    """The rule that answers the commonest stands on the same captions, not as one line for all of them."""
    figure, _ = language.coverage(CURVE, "demo")
    for axes, values in zip(figure.axes, ([0.9, 0.75], [0.5, 0.33]), strict=True):
        (line,) = [one for one in axes.get_lines() if one.get_label() == "always nevus"]
        assert (line.get_xdata().tolist(), line.get_ydata().tolist()) == ([0.2, 1.0], values)


def test_marks_look_as_everywhere_in_the_course():
    marks = {"captions": 0.3, "always nevus": 0.29, "paper": 0.26}
    figure, _ = language.blind_voters(np.linspace(0.2, 0.4, 50), marks, "demo")
    lines = figure.axes[0].get_lines()
    looks = {name: (line.get_color(), line.get_marker()) for name, line in zip(marks, lines, strict=True)}
    assert looks == {name: look_of(name) for name in marks}
    assert len({to_hex(colour) for colour, _ in looks.values()}) == 3
