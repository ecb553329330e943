"""Figures of unit 02: drawn without error, described with the numbers that they show."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import plots, scoring
from dermxai_helpers.plots import classifier

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


def test_right_answers_adds_up():
    rows = {"network": {"mel": 181, "nv": 982, "bkl": 169}, "constant": {"mel": 0, "nv": 1341, "bkl": 0}}
    figure, alt = classifier.right_answers(rows, 1784)
    assert {"1,332", "1,341"} <= set(texts(figure)) and "network: 1,332 (mel 181, nv 982, bkl 169)" in alt


def test_intervals_state_every_score_and_the_blind_one():
    table = pd.DataFrame({"value": [0.7, 0.4], "low": [0.6, 0.3], "high": [0.8, 0.5]}, index=["network", "metadata"])
    figure, alt = classifier.intervals({"accuracy": table, "macro-F1": table}, {"accuracy": 0.75, "macro-F1": 0.28})
    assert "network 0.700 (0.600 to 0.800)" in alt and "without an image 0.280" in alt
    assert texts(figure).count("0.400") == 2


def test_pooling_shows_the_strongest_maps_with_their_means():
    maps = np.zeros((1280, 7, 7), np.float32)
    maps[[3, 700]] = [[[2.0]], [[4.5]]]
    figure, alt = classifier.pooling(np.zeros((30, 40, 3), np.uint8), maps, count=2)
    assert "map 700 mean 4.50, map 3 mean 2.00" in alt and "7 x 7 cells" in alt
    assert [axis.get_title() for axis in figure.axes] == ["image", "map 700\nmean 4.50", "map 3\nmean 2.00"]


def test_recalls_describe_each_column():
    table = pd.DataFrame({"plain": [0.1, 0.9, 0.2], "weighted": [0.6, 0.7, 0.7]}, index=CLASSES)
    _, alt = classifier.recalls(table)
    assert "plain: mel 0.100, nv 0.900, bkl 0.200; weighted: mel 0.600" in alt
