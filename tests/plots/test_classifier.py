"""Figures of units 02 and 02b: drawn without error, titles uncut, described with the numbers that they show."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import plots, scoring
from dermxai_helpers.plots import classifier
from dermxai_helpers.scoring import calibration

CLASSES = ("mel", "nv", "bkl")
PAPER = {"mel": 0.812, "nv": 0.732, "bkl": 0.768, "accuracy": 0.747, "balanced accuracy": 0.771}
CONSTANT = {"mel": 0.0, "nv": 1.0, "bkl": 0.0, "accuracy": 0.75, "balanced accuracy": 1 / 3}


def texts(figure) -> list[str]:
    """Everything written inside the axes of a figure, table cells included."""
    cells = [cell.get_text().get_text() for axis in figure.axes for table in axis.tables
             for cell in table.get_celld().values()]  # fmt: skip
    return cells + [text.get_text() for axis in figure.axes for text in axis.texts]


@pytest.fixture(autouse=True)
def every_title_fits(monkeypatch):
    """Draws each figure that a test makes and compares its titles' width with the picture's."""
    made = []

    class Kept(classifier.Figure):
        def __init__(self, *given, **named):
            super().__init__(*given, **named)
            made.append(self)

    monkeypatch.setattr(classifier, "Figure", Kept)
    yield
    for figure in made:
        plots.png(figure)
        for axis in figure.axes:
            box = axis.title.get_window_extent()
            assert box.x0 >= 0 and box.x1 <= figure.bbox.width, f"title {axis.get_title()!r} is cut"


def test_report_and_confusion_states_run_paper_and_constant():
    labels, predicted = np.repeat(CLASSES, (2, 6, 2)), np.array(["mel", "nv"] + ["nv"] * 5 + ["mel", "bkl", "bkl"])
    report = scoring.classification_table(labels, predicted, CLASSES)
    confusion = np.array([[1, 1, 0], [1, 5, 0], [0, 0, 2]])
    figure, alt = classifier.report_and_confusion(report, confusion, PAPER, CONSTANT)
    assert "mel 0.500 (paper 0.812, constant 0.000)" in alt and "accuracy 0.800 (paper 0.747, constant 0.750)" in alt
    assert "balanced accuracy 0.778 (paper 0.771, constant 0.333)" in alt and "nv [1, 5, 0]" in alt
    assert {"5\n83%", "0.500", "0.812"} <= set(texts(figure))


def test_training_curves_name_the_best_epoch_and_the_constant():
    history = pd.DataFrame(
        {"training_loss": [1.0, 0.8, 0.7], "validation_loss": [0.9, 0.7, 0.75], "accuracy": [0.5, 0.7, 0.8],
         "balanced_accuracy": [0.4, 0.6, 0.5], "recall_mel": [0.1, 0.6, 0.2], "recall_nv": [0.9, 0.8, 0.9],
         "recall_bkl": [0.2, 0.4, 0.4], "learning_rate": 1e-4},
        index=[1, 2, 3],
    )  # fmt: skip
    _, alt = classifier.training_curves(history, 0.752)
    assert "0.70, is at epoch 2" in alt and "accuracy is 0.700" in alt and "0.752" in alt
    assert "mel 0.10 to 0.60" in alt


def test_reliability():
    rng = np.random.default_rng(0)
    table = calibration.reliability(rng.dirichlet([1, 1, 1], 200), rng.integers(0, 3, 200))
    figure, alt = classifier.reliability({"a": table, "b": table}, {"a": 0.12, "b": 0.3})
    assert "0.300" in figure.axes[1].get_title() and "a (error 0.120)" in alt


def test_reliability_says_nothing_of_a_bin_of_few_images():
    table = pd.DataFrame({"confidence": [0.35, 0.85, 0.95], "accuracy": [1.0, 0.8, 0.9], "images": [1, 40, 50]})
    figure, alt = classifier.reliability({"a": table}, {"a": 0.1})
    (dots,) = figure.axes[0].collections
    assert [bool(colour[3]) for colour in dots.get_facecolors()] == [False, True, True]
    assert figure.axes[0].lines[1].get_xdata().tolist() == [0.85, 0.95]
    assert "0.80 right at confidence 0.85" in alt and "0.35" not in alt


def test_operating_points():
    points = {"spare 90%": {"sensitivity": 0.5, "specificity": 1.0}}
    figure, alt = classifier.operating_points((np.array([0, 0, 1]), np.array([0, 0.5, 1])), 0.75, points)
    assert "area 0.750" in alt and "sensitivity 0.50 at specificity 1.00" in alt
    assert figure.axes[0].lines[-1].get_xydata().tolist() == [[0, 0.5]]


def test_decision_states_the_four_counts():
    counts = np.array([[1, 0], [2, 0]])
    figure, alt = classifier.decision(np.array([0.2, 0.5, 0.9]), np.array([False, True, False]), 0.0, counts)
    assert "1 melanomas found, 0 missed, 2 false alarms, 0 others spared; sensitivity 1.00, specificity 0.00" in alt
    assert {"1\n100%", "2\n100%", "0\n0%"} == set(texts(figure))
