"""Intervals against brute force, a library and known coverage."""

import numpy as np
import pandas as pd
import pytest
from answers import CLASSES, drawn_labels
from sklearn import metrics

from dermxai_helpers import scoring


def slow(name: str):
    """The score as a function of labels and predictions, by scikit-learn."""
    scores = {
        "accuracy": metrics.accuracy_score,
        "balanced_accuracy": metrics.balanced_accuracy_score,
        "macro_f1": lambda *names: metrics.f1_score(*names, labels=CLASSES, average="macro", zero_division=0),
        "recall_mel": lambda *names: metrics.recall_score(*names, labels=["mel"], average="macro"),
    }
    return scores[name]


@pytest.mark.parametrize("name", ["accuracy", "balanced_accuracy", "macro_f1", "recall_mel"])
def test_fast_interval_equals_the_slow_one_that_repeats_rows(name):
    labels, predicted, lesion = drawn_labels()
    fast = scoring.interval(name, lesion, labels, predicted, repeats=25, seed=3)
    assert fast == pytest.approx(scoring.interval(slow(name), lesion, labels, predicted, repeats=25, seed=3))


def test_scores_with_intervals_equal_scores_and_interval():
    labels, predicted, lesion = drawn_labels()
    table = scoring.scores_with_intervals(labels, predicted, lesion, CLASSES)
    assert table["value"].to_dict() == scoring.scores(labels, predicted, CLASSES)
    expected = scoring.interval("macro_f1", lesion, labels, predicted)
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
    with pytest.raises(ValueError, match="undefined for these rows"):
        scoring.interval(lambda values: np.nan, [1, 2], [1, 2])


def test_wilson_worked_by_hand_and_inside_zero_and_one():
    assert scoring.wilson(8, 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert scoring.wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert scoring.wilson(1332, 1784) == pytest.approx((0.726, 0.766), abs=1e-3)


def test_wilson_is_where_the_score_test_gives_up():
    """Its limits are the shares p at which (observed - p) is exactly 1.96 standard errors *of p*."""
    for limit in scoring.wilson(37, 90):
        assert abs(37 / 90 - limit) / np.sqrt(limit * (1 - limit) / 90) == pytest.approx(1.959964)


def test_wilson_refuses_impossible_counts():
    for successes, n in [(0, 0), (3, 2), (-1, 5)]:
        with pytest.raises(ValueError, match="n"):
            scoring.wilson(successes, n)


def test_always_nevus_has_a_balanced_accuracy_of_one_third_in_every_repeat():
    """A repeat without a rare class is left out: averaged over the other two, the constant would score one half."""
    labels, lesions = np.array(["nv"] * 18 + ["mel", "bkl"]), np.arange(20)
    assert scoring.interval("balanced_accuracy", lesions, labels, np.full(20, "nv")) == pytest.approx((1 / 3, 1 / 3))


ROWS = ["a", "a", "b", "c"]


@pytest.mark.parametrize("lesions", [["a", None, "b", "c"], ["a", np.nan, "b", "c"], [1, 2, np.nan, 3]])
def test_rows_without_a_lesion_get_a_sentence(lesions):
    for metric in ("mean", np.mean):
        with pytest.raises(ValueError, match="1 of 4 rows have no lesion: give each one of its own"):
            scoring.interval(metric, lesions, [1, 0, 1, 0])
    with pytest.raises(ValueError, match="1 of 4 rows have no lesion"):
        scoring.scores_with_intervals(["nv"] * 4, ["nv"] * 4, lesions, ["nv", "mel"])


@pytest.mark.parametrize(
    "kind", [np.array, pd.Series, pd.Categorical, tuple, lambda names: pd.Series(names, index=[3, 3, 1, 0])]
)
def test_lesions_may_be_named_in_any_way(kind):
    expected = scoring.interval("mean", ROWS, [1, 1, 0, 1])
    assert scoring.interval("mean", kind(ROWS), kind([1, 1, 0, 1])) == expected
    assert scoring.interval("mean", [4, 4, 5, 9], [1, 1, 0, 1]) == expected


def test_a_number_and_its_word_are_two_lesions():
    assert scoring.interval("mean", [1, 1, "1", "1"], [1, 1, 0, 0]) == (0, 1)
    assert scoring.interval("mean", [1, 1, 1, 1], [1, 1, 0, 0]) == (0.5, 0.5)


@pytest.mark.parametrize(
    ("metric", "arrays", "sentence"),
    [
        ("mean", ([1, np.inf, 0, 1],), "1 of the values are infinite: they have no mean"),
        (np.mean, ([1, np.inf, 0, 1],), "undefined for these rows"),
        (np.mean, ([1, np.nan, 0, 1],), "undefined for these rows"),
        ("mean", (), "0 arrays came"),
        ("mean", ([1, 2, 3, 4], [5, 6, 7, 8]), "2 arrays came: 'mean' takes one"),
        ("accuracy", (["nv"] * 4,), "1 arrays came: .* labels and predictions"),
    ],
)
def test_what_has_no_interval_gets_a_sentence(metric, arrays, sentence):
    with pytest.raises(ValueError, match=sentence):
        scoring.interval(metric, ROWS, *arrays)


@pytest.mark.filterwarnings("error")
def test_a_class_without_images_has_no_recall_and_the_others_have_theirs():
    table = scoring.scores_with_intervals(["nv"] * 4, ["nv", "nv", "mel", "nv"], ROWS, ["mel", "nv", "bkl"])
    assert table.loc[["recall_mel", "recall_bkl"]].isna().all().all()
    assert table.loc["recall_nv"].tolist() == table.loc["accuracy"].tolist() == [0.75, 0, 1]


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("lesions", [1, 5, 10, 40])
@pytest.mark.parametrize("share", [0, 1])
def test_no_certainty_from_a_few_that_are_all_alike(lesions, share):
    """A percentile interval would say 1 to 1; Clopper and Pearson's says what so few lesions allow."""
    from scipy.stats import binomtest

    groups, values = np.repeat(np.arange(lesions), 3), np.full(3 * lesions, share)
    expected = binomtest(share * lesions, lesions).proportion_ci(method="exact")
    assert scoring.interval("mean", groups, values) == pytest.approx((expected.low, expected.high))
    answers = np.full(3 * lesions, "mel" if share else "nv")
    table = scoring.scores_with_intervals(["mel"] * len(groups), answers, groups, CLASSES)
    for score in ("accuracy", "recall_mel"):
        assert table.loc[score, ["low", "high"]].tolist() == pytest.approx([expected.low, expected.high])
    assert scoring.interval("recall_mel", groups, ["mel"] * len(groups), answers) == pytest.approx(expected[:2])


def test_values_that_do_not_vary_and_are_no_shares_keep_their_interval():
    assert scoring.interval("mean", range(4), [0.5] * 4) == (0.5, 0.5)
    assert np.isnan(scoring.interval("mean", range(2), [np.nan] * 2)).all()
