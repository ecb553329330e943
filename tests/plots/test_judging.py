"""Figures of unit 02b: drawn, described with their numbers."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import plots
from dermxai_helpers.plots import judging
from dermxai_helpers.scoring import calibration, subgroups

RNG = np.random.default_rng(0)


def described(figure_and_alt, *words):
    """The figure can be drawn, and its description holds these words."""
    figure, alt = figure_and_alt
    assert plots.png(figure).startswith(b"\x89PNG")
    for word in words:
        assert word in alt
    return figure


def test_strategies():
    """Two scores of two classifiers: two panels, and each interval reaches from low to high."""
    rows = {"value": [0.1, 0.5, 0.9], "low": [0.05, 0.4, 0.8], "high": [0.2, 0.6, 1.0]}
    one = pd.DataFrame(rows, index=["recall_mel", "macro_f1", "accuracy"])
    chance = {"recall_mel": 0, "macro_f1": 0.28}
    found = judging.strategies({"none": one, "weights": one}, list(chance), chance)
    figure = described(found, "none: recall_mel 0.10, macro_f1 0.50")
    assert [axis.get_title() for axis in figure.axes] == ["recall mel", "macro f1"]
    intervals = figure.axes[0].collections[0].get_segments()
    assert np.allclose([segment[:, 0] for segment in intervals], [[0.05, 0.2]] * 2)


def test_reliability():
    probabilities, labels = RNG.dirichlet([1, 1, 1], 200), RNG.integers(0, 3, 200)
    table = calibration.reliability(probabilities, labels)
    figure = described(judging.reliability({"a": table, "b": table}, {"a": 0.12, "b": 0.3}), "a (error 0.120)")
    assert "0.300" in figure.axes[1].get_title()


def test_operating_points():
    scores, positive = np.array([0.9, 0.8, 0.3, 0.1]), np.array([True, False, True, False])
    point = calibration.operating_point(scores, positive, specificity=0.9)
    described(judging.operating_points(scores, positive, {"spare 90%": point}), "area 0.750", "sensitivity 0.50 at")


def test_groups_that_are_too_small_are_grey():
    table = pd.DataFrame({"lesion_id": range(40), "dx": ["mel"] * 14 + ["nv"] * 26})
    group = pd.Series(["a"] * 12 + ["b"] * 28)
    rates = subgroups.rates_by_group(table, ["mel"] * 7 + ["nv"] * 33, group)
    figure = described(judging.groups({"letter": rates}, "recall", 0.5), "letter a: 0.58 (12 mel", "letter b: 0.00")
    colours = [line.get_color() for line in figure.axes[0].lines[1:]]
    assert colours == [judging.MEASURED, "#bbbbbb"]


def test_gallery_holds_pictures_of_any_size():
    pictures = [np.zeros((30, 40, 3), np.uint8)] * 5
    figure = described(judging.gallery(pictures, [f"nv, called mel\nwith {n}%" for n in range(5)]), "5 photographs")
    assert sum(bool(axis.images) for axis in figure.axes) == 5


@pytest.mark.parametrize("threshold, counts", [(0.0, "1 melanomas found, 0 missed"), (1.0, "0 melanomas found")])
def test_decision(threshold, counts):
    described(judging.decision(np.array([0.2, 0.5, 0.9]), np.array([False, True, False]), threshold), counts)
