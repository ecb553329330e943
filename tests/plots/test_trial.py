"""Figures of the trial: drawn, described with their numbers, baselines told from methods."""

import numpy as np
import pandas as pd
import pytest
from described import described

from dermxai_helpers import trial
from dermxai_helpers.plots import trial as figures
from dermxai_helpers.trial import shortcut
from dermxai_helpers.trial.result import TrialResult, assemble

METHODS = ("Grad-CAM", *trial.BASELINES)


@pytest.fixture(scope="module")
def found() -> TrialResult:
    """A result with known numbers: Grad-CAM has energy .8 and .6 over an area of .2, everything else .3."""
    scores = {}
    for method in METHODS:
        for image, energy in enumerate((0.8, 0.6) if method == "Grad-CAM" else (0.3, 0.3)):
            scores[method, image] = {
                ("plausibility", "energy"): energy,
                ("plausibility", "energy - area"): energy - 0.2,
                ("maps", "without evidence"): 0.0,
                ("faithfulness", "deletion, blur"): 0.5,
            } | {("Jaccard, lesion", share): energy * share for share in (0.1, 0.2)}
    predictions = pd.DataFrame({"predicted": [0, 1], "probability": [0.9, 0.8], "lesion": ["a", "b"]})
    return assemble(scores, predictions)


def test_verdict_shows_one_row_of_panels_a_question_and_tells_baselines_apart(found):
    figure = described(
        figures.verdict(found.table()),
        "plausibility, energy - area (higher is better): Grad-CAM 0.50 (",
        "faithfulness, deletion, blur (lower is better): Grad-CAM 0.50 (",
    )
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [
        "energy - area\n(higher is better)",
        "best Jaccard\n(higher is better)",
        "deletion, blur\n(lower is better)",
    ]
    marks = [line.get_color() for line in figure.axes[0].lines if line.get_marker() != "None"]
    assert marks == [figures.MEASURED] + [figures.BASELINE] * 4


def test_verdict_of_differences_marks_zero(found):
    figure = described(figures.verdict(found.against("centre Gaussian")), "better): Grad-CAM 0.40 (")
    dashed = [line for line in figure.axes[0].lines if line.get_linestyle() == "--"]
    assert not dashed, "no value below zero: no line at zero"
    figure = described(figures.verdict(found.against("Grad-CAM")), "lesion mask -0.40")
    assert list(figure.axes[0].lines[0].get_xdata()) == [0, 0]


def test_right_and_wrong(found):
    table = pd.DataFrame(
        {"right": [0.6, 0.5], "wrong": [0.2, 0.5], "difference": [0.4, 0.0], "low": [0.3, -0.1], "high": [0.5, 0.1]},
        index=["Grad-CAM", "random map"],
    )
    figure = described(
        figures.right_and_wrong(table, "energy"), "Grad-CAM right 0.60, wrong 0.20", "Grad-CAM 0.40 (0.30 to 0.50)"
    )
    assert figure.axes[1].get_xlabel() == "energy, right - wrong"


def test_randomisation_shows_every_stage_beside_another_photograph():
    rows = {"step": [0, 1, 2, 3], "layer": ["(none)", "classifier.2", "features.3", "another photograph"]}
    table = pd.DataFrame(rows | {"rank correlation": [1, 0.5, 0.1, 0.3]}).assign(method="Grad-CAM")
    table[["rank correlation low", "rank correlation high"]] = 0.0
    figure = described(figures.randomisation(table), "Grad-CAM: (none) 1.00, classifier.2 0.50", "photograph 0.30")
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["(none)", "classifier.2", "features.3"]


def test_shortcut_shows_pictures_maps_and_what_the_ruler_is_worth():
    pairs = shortcut.draw_pairs(2, seed=1)
    models = {"shortcut": shortcut.small_network(), "honest": shortcut.small_network()}
    exposure = shortcut.expose(models, pairs, {"flat": lambda network, inputs, targets: np.ones((len(inputs), 7, 7))})
    figure = described(
        figures.shortcut(exposure, pairs, "flat"),
        "maps by flat",
        "Probability lost without the ruler: shortcut",
        f"without the ruler: shortcut {pairs.bands.mean():.2f}",
    )
    assert [bool(axes.images) for axes in figure.axes] == [True] * 4 + [False] * 2
