"""The one judge against brute force, known coverage, and the mistakes that it must not make."""

import numpy as np
import pytest
from answers import CLASSES, drawn_labels
from scipy import stats
from sklearn import metrics

from dermxai_helpers import scoring
from dermxai_helpers.scoring.calibration import area_under_roc


def drawn_answers():
    """Labels, answers that are mostly right, answers by chance, lesions."""
    labels, _, lesion = drawn_labels()
    rng = np.random.default_rng(0)
    return labels, np.where(rng.random(len(labels)) < 0.9, labels, "nv"), rng.choice(CLASSES, len(labels)), lesion


def test_the_mean_of_paired_differences_equals_brute_force():
    rng = np.random.default_rng(0)
    a, b, groups = rng.random(60), rng.random(60), np.repeat(np.arange(20), 3)
    found = scoring.compare(a, b, groups, repeats=50, seed=3)
    expected = scoring.interval(lambda x, y: x.mean() - y.mean(), groups, a, b, repeats=50, seed=3)
    assert (found.low, found.high) == pytest.approx(expected)
    assert found.difference == pytest.approx(a.mean() - b.mean())
    assert (found.value, found.reference) == (pytest.approx(a.mean()), pytest.approx(b.mean()))
    assert (found.n, found.groups, found.fewest) == (60, 20, 20)


@pytest.mark.parametrize("metric", ["accuracy", "balanced_accuracy", "macro_f1", "recall_mel", "recall_bkl"])
def test_named_metrics_equal_functions(metric):
    labels, good, bad, lesion = drawn_answers()

    def slow(true, said):
        return scoring.scores(true, said, CLASSES)[metric]

    fast = scoring.compare(good, bad, lesion, metric, labels, repeats=30)
    brute = scoring.compare(good, bad, lesion, slow, labels, repeats=30)
    assert (fast.difference, fast.low, fast.high) == pytest.approx((brute.difference, brute.low, brute.high))
    assert fast.outcome == "higher"


def test_a_function_such_as_the_area_under_the_curve_against_a_constant():
    labels, _, _, lesion = drawn_answers()
    ill = labels == "mel"
    scores = np.random.default_rng(1).random(len(ill)) + 0.4 * ill
    found = scoring.compare(scores, 0.0, lesion, lambda true, given: area_under_roc(given, true), ill, repeats=200)
    assert found.value == pytest.approx(metrics.roc_auc_score(ill, scores)) and found.reference == 0.5
    assert found.outcome == "higher"


def test_turned_round_the_outcome_is_turned_round():
    labels, good, bad, lesion = drawn_answers()
    one, other = (scoring.compare(*pair, lesion, "accuracy", labels) for pair in ((good, bad), (bad, good)))
    assert (one.outcome, other.outcome) == ("higher", "lower")
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low))


def test_pairing_tells_what_overlapping_intervals_hide():
    rng = np.random.default_rng(0)
    hard = rng.normal(size=80)
    a, b, groups = hard + 0.1, hard + 0.01 * rng.normal(size=80), np.arange(80)
    low, high = scoring.interval("mean", groups, a), scoring.interval("mean", groups, b)
    assert low[0] < high[1], "the intervals overlap"
    assert scoring.compare(a, b, groups).outcome == "higher"


def test_photographs_of_one_lesion_are_no_new_evidence():
    rng = np.random.default_rng(0)
    a, b = rng.random(30), rng.random(30)
    once = scoring.compare(a, b, np.arange(30))
    again = scoring.compare(np.tile(a, 9), np.tile(b, 9), np.tile(np.arange(30), 9))
    assert (again.low, again.high) == pytest.approx((once.low, once.high))
    assert (again.n, again.groups, again.fewest) == (270, 30, 30)


def test_equal_measures_are_rarely_told_apart():
    """A 95 % interval misses 0 one time in twenty, a little more often with forty lesions."""
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=40), rng.normal(size=40)) for _ in range(300)]
    wrong = [scoring.compare(a, b, np.arange(40), repeats=300).outcome != "cannot tell" for a, b in pairs]
    assert stats.binomtest(sum(wrong), len(wrong), 0.055).pvalue > 0.001


def test_rows_without_a_value_are_left_out_on_both_sides():
    a, b = np.array([1.0, np.nan, 3.0, 5.0]), np.array([0.0, 1.0, np.nan, 1.0])
    found = scoring.compare(a, b, ["x", "y", "z", "w"])
    assert (found.n, found.groups, found.value, found.reference) == (2, 2, 3.0, 0.5)


def test_nothing_is_told_from_fewer_than_ten_lesions():
    few, enough = (scoring.compare(np.ones(30), np.zeros(30), np.arange(30) % lesions) for lesions in (9, 10))
    assert few.outcome == "cannot tell" and enough.outcome == "higher"
    said = few.sentence("A map", "a dot", "energy")
    assert "too few to say" in said and "30 photographs of 9 lesions" in said and "+1.000" not in said


@pytest.mark.parametrize("share, reference", [(0, 0.5), (1, 0.5), (1, 0.0), (0, 1.0)])
def test_cases_that_are_all_alike_leave_a_doubt(share, reference):
    found = scoring.compare(np.full(40, share), reference, np.arange(40) // 2)
    ends = stats.binomtest(share * 20, 20).proportion_ci(method="exact")
    assert (found.low, found.high) == pytest.approx((ends.low - reference, ends.high - reference))
    assert found.outcome == ("higher" if share > reference else "lower")
    recall = scoring.compare(["mel"] * 20, "nv", np.arange(20), "recall_mel", ["mel"] * 20)
    assert 0.8 < recall.low < recall.high == 1


def test_a_function_of_named_kinds_needs_enough_of_each():
    kinds = np.array(["right"] * 40 + ["wrong"] * 9)

    def gap(kind, values):
        return values[kind == "right"].mean() - values[kind == "wrong"].mean()

    found = scoring.compare(1.0 * (kinds == "right"), 0.0, np.arange(49), gap, kinds, repeats=50)
    assert found.fewest == 9 and found.outcome == "cannot tell"


def test_a_recall_rests_on_the_lesions_of_its_class():
    labels = np.array(["mel"] * 5 + ["nv"] * 45)
    found = {
        metric: scoring.compare(labels, "nv", np.arange(50), metric, labels).fewest
        for metric in ("accuracy", "recall_mel", "recall_nv", "balanced_accuracy")
    }
    assert found == {"accuracy": 50, "recall_mel": 5, "recall_nv": 45, "balanced_accuracy": 5}
    ill = labels == "mel"
    auc = scoring.compare(ill * 1.0, 0.0, np.arange(50), lambda true, x: area_under_roc(x, true), ill, repeats=20)
    assert auc.fewest == 5 and auc.outcome == "cannot tell"


def test_the_constant_is_a_rival_of_one_word():
    labels, good, _, lesion = drawn_answers()
    found = scoring.compare(good, "nv", lesion, "balanced_accuracy", labels)
    assert found.reference == pytest.approx(1 / 3) and found.outcome == "higher"


def test_sentences():
    rng = np.random.default_rng(0)
    base, groups = rng.random(40), np.arange(40) // 2
    said = {
        name: scoring.compare(base + step, base, groups).sentence("Grad-CAM", "a dot", "energy inside the lesion")
        for name, step in (("up", 0.1), ("down", -0.1), ("equal", 0.0))
    }
    assert said["up"].startswith("Grad-CAM: energy inside the lesion is higher than for a dot: ")
    assert "difference +0.100 (the same in every repeat; 40 photographs of 20 lesions)" in said["up"]
    varied = scoring.compare(base, 0.0, groups)
    assert f"interval {varied.low:+.3f} to {varied.high:+.3f};" in varied.sentence("It", "nothing", "energy")
    assert "is lower than for a dot" in said["down"]
    assert said["equal"].startswith("Grad-CAM and a dot cannot be told apart in energy inside the lesion: ")
    gained = scoring.compare(base + 0.1, base, groups).sentence("Right minus wrong", "zero", "energy")
    assert gained.startswith("Right minus wrong: energy is higher than zero: +0.100 (the same")
    scenes = scoring.compare(base + 0.1, base, np.arange(40)).sentence("A", "B", "share", rows="scenes")
    assert "; 40 scenes)" in scenes


@pytest.mark.parametrize(
    "arguments, words",
    [
        (([1, 2], [1], ["x", "y"]), "same rows"),
        (([1, 2], [1, 2], ["x"]), "same rows"),
        (([np.nan, 1.0], [1.0, np.nan], ["x", "y"]), "no row has both"),
        (([1.0], [2.0], [None]), "no lesion"),
        ((["a"], ["b"], ["x"], "bleu", ["a"]), "no metric is called 'bleu'"),
        (([[1, 2]], [[1, 2]], ["x"]), "one value each"),
    ],
)
def test_impossible_comparisons_are_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        scoring.compare(*arguments)


# --- beside what chance draws ---


def test_a_p_value_is_never_smaller_than_one_of_all_draws():
    found = scoring.among(1.0, np.linspace(0, 0.5, 30))
    assert found.p_value == pytest.approx(1 / 31) and found.outcome == "higher"
    said = found.sentence("The score", "shuffles", "balanced accuracy")
    assert "0 are as high: p = 0.032 (it cannot be below 0.032)" in said


def test_p_values_of_chance_itself_are_even():
    rng = np.random.default_rng(0)
    found = [scoring.among(rng.random(), rng.random(39)).p_value for _ in range(2000)]
    assert np.mean(np.array(found) <= 0.05) == pytest.approx(0.05, abs=0.015)


def test_five_of_thirty_that_reach_it_are_no_proof():
    found = scoring.among(0.5, [0.6] * 5 + [0.4] * 25)
    assert found.p_value == pytest.approx(6 / 31) and found.outcome == "cannot tell"
    assert "5 are as high: p = 0.194" in found.sentence("Grad-CAM", "random heads", "energy")
    low = scoring.among(0.1, [0.6] * 30)
    assert low.outcome == "lower" and low.p_value == 1
    assert "is lower than for heads: 0.100" in low.sentence("It", "heads", "energy")
    assert "0 are as low: p = 0.032" in low.sentence("It", "heads", "energy")


@pytest.mark.parametrize("draws", [[0.5], [0.5] * 19, [np.nan] * 30, [[0.5] * 30]])
def test_one_shuffle_is_no_test(draws):
    with pytest.raises(ValueError, match="chance needs 20 or more"):
        scoring.among(0.9, draws)
