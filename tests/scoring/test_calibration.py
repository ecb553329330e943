"""Calibration and operating points, against hand-made tables and known truth."""

import numpy as np
import pytest
from scipy.special import softmax

from dermxai_helpers.scoring import calibration


def drawn(n: int, sharpness: float, seed: int = 0):
    """Labels drawn from known probabilities, and those of a network that is `sharpness` times as sure."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 1.5, (n, 3))
    labels = np.array([rng.choice(3, p=row) for row in softmax(logits, axis=1)])
    return softmax(sharpness * logits, axis=1), labels


def test_reliability_of_a_table_made_by_hand():
    probabilities = np.array([[0.95, 0.05, 0], [0.05, 0.91, 0.04], [0.65, 0.35, 0], [0.2, 0.2, 0.6]])
    table = calibration.reliability(probabilities, [0, 0, 0, 2])
    assert table.index.tolist() == [5, 6, 9]  # .6 is the upper edge of its bin
    assert table["images"].tolist() == [1, 1, 2]
    assert table["confidence"].tolist() == pytest.approx([0.6, 0.65, 0.93])
    assert table["accuracy"].tolist() == [1, 1, 0.5]
    by_hand = (0.4 + 0.35 + 2 * 0.43) / 4
    assert calibration.expected_calibration_error(probabilities, [0, 0, 0, 2]) == pytest.approx(by_hand)


def test_true_probabilities_are_calibrated_and_too_sure_ones_are_not():
    honest, labels = drawn(4000, 1)
    sure, _ = drawn(4000, 3)
    assert calibration.expected_calibration_error(honest, labels) < 0.03
    assert calibration.expected_calibration_error(sure, labels) > 0.1


@pytest.mark.parametrize("sharpness", [0.5, 1, 3])
def test_temperature_finds_how_much_too_sure_a_network_is(sharpness):
    probabilities, labels = drawn(4000, sharpness)
    found = calibration.temperature(probabilities, labels)
    assert found == pytest.approx(sharpness, rel=0.1)
    cooled = calibration.tempered(probabilities, found)
    assert (cooled.argmax(axis=1) == probabilities.argmax(axis=1)).all()
    assert np.allclose(calibration.tempered(probabilities, 1), probabilities)


def test_operating_points_by_hand():
    scores, positive = np.array([0.9, 0.8, 0.7, 0.6, 0.5, 0.4]), np.array([1, 0, 1, 1, 0, 0], bool)
    point = calibration.operating_point(scores, positive, specificity=0.6)
    assert point == pytest.approx({"threshold": 0.6, "sensitivity": 1.0, "specificity": 2 / 3})
    point = calibration.operating_point(scores, positive, specificity=0.9)
    assert point == pytest.approx({"threshold": 0.9, "sensitivity": 1 / 3, "specificity": 1.0})
    called = scores >= point["threshold"]
    assert called[positive].mean() == pytest.approx(point["sensitivity"])
    assert (~called[~positive]).mean() == pytest.approx(point["specificity"])


def test_operating_points_that_cannot_be_get_a_sentence():
    with pytest.raises(ValueError, match="images of both kinds, got specificity 0.9, 2 of 2 images positive"):
        calibration.operating_point(np.ones(2), [True, True], specificity=0.9)


CALLED = [
    lambda table, labels: calibration.reliability(table, labels),
    lambda table, labels: calibration.expected_calibration_error(table, labels),
    lambda table, labels: calibration.temperature(table, labels),
    lambda table, labels: calibration.tempered(table, 2.0),
]
HALVES = np.full((2, 2), 0.5)


@pytest.mark.parametrize("called", CALLED)
@pytest.mark.parametrize(
    "table",
    [
        np.log(HALVES), 100 * HALVES, HALVES - 0.6, np.array([[np.nan, 0.5], [0.5, 0.5]]), np.ones((2, 2)),
        np.full((2, 2), np.inf), HALVES[:0], HALVES[0],
    ],
)  # fmt: skip
def test_what_are_no_probabilities_gets_a_sentence(called, table):
    with pytest.raises(ValueError, match=r"expected probabilities \(n, classes\), whose rows add up to 1"):
        called(table, np.array([0, 1]))


@pytest.mark.parametrize("called", CALLED[:3])
@pytest.mark.parametrize("labels", [["mel", "nv"], [0, 2], [0, -1], [0], [0, np.nan], [[0], [1]], [0.5, 1], None])
def test_what_are_no_class_indices_gets_a_sentence(called, labels):
    with pytest.raises(ValueError, match="labels must be 2 class indices below 2|expected 2 class"):
        called(HALVES, np.array(labels) if labels is not None else np.array(None))


@pytest.mark.parametrize("temperature", [0, -1, np.nan, np.inf])
def test_temperatures_that_are_none_get_a_sentence(temperature):
    with pytest.raises(ValueError, match="a temperature is a number above 0"):
        calibration.tempered(HALVES, temperature)


@pytest.mark.parametrize("rate", [-0.1, 1.1, 95, np.nan])
def test_rates_outside_their_range_get_a_sentence(rate):
    with pytest.raises(ValueError, match="a specificity from 0 to 1"):
        calibration.operating_point(np.array([0.1, 0.9]), np.array([False, True]), rate)


@pytest.mark.parametrize("positive", [["mel", "nv", "nv"], [1, np.nan, 0], [1, 2, 1], [-1, 1, 1], [None, True, False]])
def test_who_is_positive_must_be_said_clearly(positive):
    for called in (calibration.area_under_roc, lambda *both: calibration.operating_point(*both, specificity=0.5)):
        with pytest.raises(ValueError, match="positive must be True or False, or 0 and one other number"):
            called(np.array([0.1, 0.2, 0.3]), positive)


@pytest.mark.parametrize("kind", [bool, int, float, np.uint8])
def test_the_area_is_the_same_for_bool_and_numbers(kind):
    positive = np.array([0, 1, 0, 1]).astype(kind)
    assert calibration.area_under_roc(np.array([0.1, 0.4, 0.35, 0.8]), positive) == 1
    assert calibration.area_under_roc(np.full(4, 0.3), positive) == 0.5  # all ties
