"""Figures of unit 06 say their numbers in words."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import plots
from dermxai_helpers.plots import language

ROWS = ["mel", "nv", "macro average", "accuracy"]
REPORT = pd.DataFrame(0.25, index=ROWS, columns=["precision", "recall", "f1"]).assign(support=4)
CURVE = pd.DataFrame({"coverage": [0.2, 1.0], "accuracy": [0.9, 0.7]})


@pytest.mark.parametrize(
    ("draw", "words"),
    [
        (lambda: language.vote_report(REPORT, np.array([[1, 1], [0, 2]]), ["mel", "nv"], 0.26, "demo"),
         "Macro-F1 0.250, the paper's 0.260. Recall: mel 0.25, nv 0.25. Share of votes: mel 0.25, nv 0.75"),
        (lambda: language.coverage(CURVE, {"always nevus": 0.8}, "demo"), "0.90 at coverage 0.20"),
        (lambda: language.blind_voters(np.linspace(0.2, 0.4, 50), {"captions": 0.3}, "demo"), "marked: captions 0.300"),
    ],
)  # fmt: skip
def test_figures_say_their_numbers_in_words(draw, words):
    figure, alt = draw()
    assert words in alt and plots.png(figure).startswith(b"\x89PNG")
