"""Weights of facts, abstention, and voters that never saw a caption."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import lexicon, scoring
from dermxai_helpers.lexicon import controls, facts, voting
from dermxai_helpers.lexicon.sentences import describe
from dermxai_helpers.synth.attributes import (
    CHANCES,
    LABELS,
    PREVALENCE,
    completed,
    posterior,
    sample_label,
    sample_lesion,
)


@pytest.fixture(scope="module")
def unseen() -> pd.DataFrame:
    """400 lesions that took no part in the default weights."""
    rng = np.random.default_rng([1, 400])
    return pd.DataFrame([completed(sample_lesion(sample_label(rng), rng)) for _ in range(400)])


# --- weights ---


def by_hand() -> list[dict]:
    """Four melanomas, three of them with streaks; six nevi, one with streaks."""
    rest = {"symmetry": "symmetric", "border_shape": "regular", "border_sharpness": "faded", "colour_count": 1,
            "network": "none", "dots": "none", "veil": False, "regression": False, "milia": False, "comedo": False,
            "fissures": False}  # fmt: skip
    rows = [("mel", True)] * 3 + [("mel", False)] + [("nv", True)] + [("nv", False)] * 5
    return [{"label": label, "streaks": streaks, **rest} for label, streaks in rows]


def test_a_weight_is_the_smoothed_log_likelihood_ratio():
    weights = voting.fit_weights(by_hand())
    assert weights.classes == ("mel", "nv")
    in_class = np.array([(3 + 1) / (4 + 2), (1 + 1) / (6 + 2)])
    overall = 0.4 * in_class[0] + 0.6 * in_class[1]
    assert weights.of("streaks", ("any", "present")) == pytest.approx(np.log(in_class / overall))
    assert weights.of("surface", ("waxy", "present")) is None
    assert weights.of("streaks", ("any", "uncertain")) is None


def test_estimated_weights_are_near_the_exact_ones():
    """The drawings' own chances give the ratios exactly; 4,000 lesions give them within .35 where no chance is tiny."""
    weights, shares = voting.default_weights(), np.array([PREVALENCE[label] for label in LABELS])
    for slot, name, value in (("symmetry", "symmetry", "asymmetric"), ("network", "network", "atypical")):
        exact = np.array(CHANCES[name][value])
        assert weights.of(slot, (value, "present")) == pytest.approx(np.log(exact / (exact @ shares)), abs=0.35)
    assert weights.of("blue_white_veil", ("any", "present")).argmax() == LABELS.index("mel")
    assert weights.of("comedo", ("any", "present")).argmax() == LABELS.index("bkl")


def test_a_vague_fact_adds_up_the_precise_ones():
    weights = voting.default_weights()
    kinds = [weights.chances["network"][kind, "present"] for kind in ("typical", "atypical")]
    chance = sum(kinds)
    assert weights.of("network", ("any", "present")) == pytest.approx(np.log(chance / (chance @ weights.shares)))
    two_or_more = sum(weights.chances["colour_count"][count, "present"] for count in ("two", "many"))
    expected = np.log(two_or_more / (two_or_more @ weights.shares))
    assert weights.of("colour_count", ("many", "present")) == pytest.approx(expected)


# --- votes ---


def test_the_posterior_is_bayes_rule():
    weights = voting.fit_weights(by_hand())
    vote = voting.vote("streaks", weights)
    mel, nv = 0.4 * 4 / 6, 0.6 * 2 / 8
    assert vote.posterior == pytest.approx({"mel": mel / (mel + nv), "nv": nv / (mel + nv)})
    assert vote.label == "mel" and vote.reason == "" and set(vote.evidence) == {"streaks"}


@pytest.mark.parametrize("sentence", ["", "A brown lesion.", "possible streaks", "waxy", "symmetric/asymmetric"])
def test_a_caption_without_evidence_abstains(sentence):
    vote = lexicon.vote(sentence)
    assert (vote.label, vote.reason, vote.confidence) == ("abstain", "no fact of weight", 0.0)


def test_a_doubtful_posterior_abstains_and_says_so():
    vote = voting.vote("streaks", voting.fit_weights(by_hand()), threshold=0.9)
    assert vote.label == "abstain" and vote.reason == "mel has only 0.64"


def test_wrong_thresholds_are_explained():
    with pytest.raises(ValueError, match="threshold 50: it is a probability"):
        voting.vote("streaks", threshold=50)


def test_true_captions_vote_nearly_as_well_as_the_attributes_allow(unseen):
    """True FOCUSED captions leave some attributes out, so they stay below Bayes' rule, and far above always nevus."""
    rng = np.random.default_rng(0)
    rows = [row | {"colours": "+".join(row["colours"])} for row in unseen.to_dict("records")]
    said = [describe(row, "focused", rng) for row in rows]
    evidence = [pd.DataFrame(voting.vote(sentence).evidence, LABELS).sum(axis=1) for sentence in said]
    votes = [weights.idxmax() for weights in evidence]  # without the prior: every class counts the same
    best = [LABELS[posterior(row).argmax()] for row in unseen.to_dict("records")]
    reached = scoring.scores(unseen["label"], votes, LABELS)["balanced_accuracy"]
    ceiling = scoring.scores(unseen["label"], best, LABELS)["balanced_accuracy"]
    counted = [lexicon.paper_vote(sentence).label for sentence in said]
    print(f"balanced accuracy of true captions: read {reached:.2f}, by Bayes' rule on all attributes {ceiling:.2f}")
    assert 0.7 < reached <= ceiling + 0.03
    assert reached > scoring.scores(unseen["label"], counted, LABELS)["balanced_accuracy"] + 0.15


# --- confidence ---


def test_sure_votes_are_better_on_drawn_lesions(unseen):
    votes = [voting.vote(facts.true_facts(row)) for row in unseen.to_dict("records")]
    right = np.array([max(vote.posterior, key=vote.posterior.get) for vote in votes]) == unseen["label"]
    sure = np.array([vote.confidence for vote in votes])
    assert right[sure >= np.median(sure)].mean() > right.mean() + 0.03


# --- voters that see nothing ---


def test_the_papers_number_lies_in_the_lowest_percent_of_blind_voters():
    blind = controls.blind_voters(repeats=20_000)
    assert blind.mean() == pytest.approx(0.330, abs=0.003)
    assert np.percentile(blind, [2.5, 97.5]) == pytest.approx([0.270, 0.401], abs=0.008)
    assert 0.003 < (blind <= 0.260).mean() < 0.015


def test_blind_voters_on_given_labels_keep_the_labels():
    blind = controls.blind_voters({"mel": 0.0, "nv": 1.0, "bkl": 0.0}, ["nv"] * 150 + ["mel"] * 50, repeats=5)
    assert blind == pytest.approx(np.full(5, 2 * 150 / 350 / 3))
