"""Scores against scikit-learn, intervals against brute force and known coverage."""

import numpy as np
import pytest
from sklearn import metrics

from dermxai_helpers import scoring

CLASSES = ("mel", "nv", "bkl")


def drawn_labels(n: int = 300, lesions: int = 200, seed: int = 0):
    """Labels, predictions that are right two times in three, and lesions with one to several images of one class."""
    rng = np.random.default_rng(seed)
    of_lesion = rng.choice(CLASSES, lesions, p=[0.15, 0.7, 0.15])
    lesion = np.sort(rng.integers(lesions, size=n))
    labels = of_lesion[lesion]
    predicted = np.where(rng.random(n) < 2 / 3, labels, rng.choice(CLASSES, n))
    return labels, predicted, lesion


def sklearn_scores(labels, predicted) -> dict[str, float]:
    recalls = metrics.recall_score(labels, predicted, labels=CLASSES, average=None, zero_division=np.nan)
    return {
        "accuracy": metrics.accuracy_score(labels, predicted),
        "balanced_accuracy": np.nanmean(recalls),
        "macro_f1": metrics.f1_score(labels, predicted, labels=CLASSES, average="macro", zero_division=0),
    } | {f"recall_{name}": recall for name, recall in zip(CLASSES, recalls, strict=True)}


def test_classification_table_has_the_numbers_of_scikit_learn():
    labels, predicted, _ = drawn_labels()
    table = scoring.classification_table(labels, predicted, CLASSES)
    report = metrics.classification_report(labels, predicted, labels=CLASSES, output_dict=True, zero_division=0)
    for name in CLASSES:
        assert table.loc[name].tolist() == pytest.approx(list(report[name].values()))
    assert table.loc["macro average"].tolist() == pytest.approx(list(report["macro avg"].values()))
    assert table.loc["accuracy", "f1"] == pytest.approx(report["accuracy"])


def test_a_class_never_predicted_scores_zero_without_a_warning():
    table = scoring.classification_table(["mel", "nv"], ["nv", "nv"], CLASSES)
    assert table.loc["mel", ["precision", "recall", "f1"]].tolist() == [0, 0, 0]


def test_an_unknown_class_is_named():
    with pytest.raises(ValueError, match="unknown class bcc: the classes are mel, nv, bkl"):
        scoring.classification_table(["bcc"], ["nv"], CLASSES)


@pytest.mark.parametrize("seed", range(3))
def test_scores_and_confusion_formulas_equal_scikit_learn(seed):
    labels, predicted, _ = drawn_labels(n=40, lesions=30, seed=seed)
    if seed == 2:  # a class without images must not count as a recall of zero
        labels = np.where(labels == "mel", "nv", labels)
    expected = sklearn_scores(labels, predicted)
    table = metrics.confusion_matrix(labels, predicted, labels=CLASSES)[None].astype(float)
    ours = {name: scoring._confusion_metric(name, CLASSES)(table)[0] for name in expected}
    assert ours == pytest.approx(expected, nan_ok=True)
    assert scoring.scores(labels, predicted, CLASSES) == pytest.approx(expected, nan_ok=True)


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "macro_f1", "recall_mel"])
def test_fast_interval_equals_the_slow_one_that_repeats_rows(name):
    labels, predicted, lesion = drawn_labels()
    fast = scoring.interval(name, lesion, labels, predicted, repeats=25, seed=3)
    slow = scoring.interval(
        lambda labels, predicted: sklearn_scores(labels, predicted)[name], lesion, labels, predicted, repeats=25, seed=3
    )
    assert fast == pytest.approx(slow)


def test_scores_with_intervals_equal_scores_and_interval():
    labels, predicted, lesion = drawn_labels()
    table = scoring.scores_with_intervals(labels, predicted, lesion, CLASSES, repeats=200)
    assert table["value"].to_dict() == pytest.approx(sklearn_scores(labels, predicted))
    expected = scoring.interval("macro_f1", lesion, labels, predicted, repeats=200)
    assert tuple(table.loc["macro_f1", ["low", "high"]]) == pytest.approx(expected)
    assert (table["low"] <= table["value"]).all() and (table["value"] <= table["high"]).all()


def test_interval_of_a_mean_equals_rows_repeated():
    _, _, lesion = drawn_labels()
    values = np.random.default_rng(1).random(len(lesion))
    assert scoring.interval("mean", lesion, values, repeats=50) == pytest.approx(
        scoring.interval(np.mean, lesion, values, repeats=50)
    )


def test_intervals_of_many_means_equal_one_interval_each_and_leave_gaps_out():
    _, _, lesion = drawn_labels()
    values = np.random.default_rng(1).random((len(lesion), 3))
    intervals = scoring.mean_intervals(lesion, values, repeats=50)
    for column, ends in zip(values.T, intervals, strict=True):
        assert tuple(ends) == pytest.approx(scoring.interval("mean", lesion, column, repeats=50))
    values[::3, 1], values[:, 2] = np.nan, np.nan
    with_gaps = scoring.mean_intervals(lesion, values, repeats=50)
    by_hand = scoring.interval(lambda column: np.nanmean(column), lesion, values[:, 1], repeats=50)
    assert tuple(with_gaps[1]) == pytest.approx(by_hand)
    assert with_gaps[0] == pytest.approx(intervals[0]) and np.isnan(with_gaps[2]).all()
    with pytest.raises(ValueError, match=r"the values have shape \(300,\): give \(n, columns\)"):
        scoring.mean_intervals(lesion, values[:, 0])


def test_copies_of_an_image_do_not_narrow_the_interval():
    """Ten photographs of each lesion, all judged alike: no more evidence than one photograph."""
    right = np.random.default_rng(0).random(100) < 0.7
    single = scoring.interval("mean", np.arange(100), right)
    copies = scoring.interval("mean", np.repeat(np.arange(100), 10), np.repeat(right, 10))
    pretended = scoring.interval("mean", np.arange(1000), np.repeat(right, 10))
    assert copies == pytest.approx(single)
    assert pretended[1] - pretended[0] < 0.5 * (copies[1] - copies[0])


def test_interval_holds_the_truth_about_19_times_in_20():
    rng = np.random.default_rng(5)
    hits = 0
    for trial in range(200):
        share = rng.beta(7, 3, size=80)  # each lesion has its own difficulty, mean 0.7
        lesion = np.repeat(np.arange(80), 3)
        right = rng.random(240) < share[lesion]
        low, high = scoring.interval("mean", lesion, right, repeats=200, seed=trial)
        hits += low <= 0.7 <= high
    assert 178 <= hits <= 199


def test_interval_does_not_depend_on_names_or_order_of_lesions():
    labels, predicted, lesion = drawn_labels()
    names = np.array([f"HAM_{number:07d}" for number in lesion])
    assert scoring.interval("accuracy", names, labels, predicted) == scoring.interval(
        "accuracy", lesion, labels, predicted
    )


def test_bad_input_to_interval_gets_a_sentence():
    with pytest.raises(ValueError, match="must be alike and not empty"):
        scoring.interval("mean", [1, 2], [0.5])
    with pytest.raises(ValueError, match="must be alike and not empty"):
        scoring.interval("mean", [], [])
    with pytest.raises(ValueError, match="no metric is called 'f1'"):
        scoring.interval("f1", [1, 2], ["nv", "mel"], ["nv", "nv"])
    with pytest.raises(ValueError, match="undefined in every repeat"):
        scoring.interval("mean", [1, 2], [np.nan, np.nan])


def test_a_thousand_repeats_on_the_papers_validation_set_need_no_thousand_metric_calls(monkeypatch):
    labels, predicted, lesion = drawn_labels(n=1784, lesions=1500)
    monkeypatch.setattr(metrics, "f1_score", lambda *_, **__: pytest.fail("scikit-learn was called in the bootstrap"))
    low, high = scoring.interval("macro_f1", lesion, labels, predicted, repeats=1000)
    assert low < high


def test_wilson_worked_by_hand_and_inside_zero_and_one():
    assert scoring.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert scoring.wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert scoring.wilson(1332, 1784) == pytest.approx((0.726, 0.766), abs=1e-3)


def test_wilson_is_where_the_score_test_gives_up():
    """Its limits are the shares p at which (observed - p) is exactly 1.96 standard errors *of p*."""
    for limit in scoring.wilson(37, 90):
        assert abs(37 / 90 - limit) / np.sqrt(limit * (1 - limit) / 90) == pytest.approx(scoring.Z95)


def test_wilson_refuses_impossible_counts():
    for successes, n in [(0, 0), (3, 2), (-1, 5)]:
        with pytest.raises(ValueError, match="trials"):
            scoring.wilson(successes, n)


def test_always_nevus_has_a_balanced_accuracy_of_one_third_in_every_repeat():
    """A repeat without a rare class is left out: averaged over the other two, the constant would score one half."""
    labels, lesions = np.array(["nv"] * 18 + ["mel", "bkl"]), np.arange(20)
    assert scoring.interval("balanced_accuracy", lesions, labels, np.full(20, "nv")) == pytest.approx((1 / 3, 1 / 3))
