"""Weights of facts, naive Bayes by hand, abstention."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import lexicon, scoring
from dermxai_helpers.lexicon import facts, voting
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
    assert vote.label == "mel" and set(vote.evidence) == {"streaks"}


def test_chances_are_multiplied_with_the_prior_and_divided_by_their_sum():
    """Three classes and two facts; a prior of equal shares leaves the weights alone."""
    prior, streaks, asymmetric = np.array([0.1, 0.7, 0.2]), np.array([0.6, 0.1, 0.2]), np.array([0.8, 0.3, 0.4])
    chances = {"streaks": {("any", "present"): streaks}, "symmetry": {("asymmetric", "present"): asymmetric}}
    product = prior * streaks * asymmetric
    said = "An asymmetric lesion with streaks."
    vote = voting.vote(said, voting.FactWeights(("mel", "nv", "bkl"), prior, chances))
    assert list(vote.posterior.values()) == pytest.approx(product / product.sum())
    alike = voting.vote(said, voting.FactWeights(("mel", "nv", "bkl"), np.full(3, 1 / 3), chances))
    assert list(alike.posterior.values()) == pytest.approx(product / prior / (product / prior).sum())


@pytest.mark.parametrize("sentence", ["", "A brown lesion.", "possible streaks", "waxy", "symmetric/asymmetric"])
def test_a_caption_without_evidence_abstains(sentence):
    vote = lexicon.vote(sentence)
    assert (vote.label, vote.confidence) == ("abstain", 0.0)
    assert list(vote.posterior.values()) == pytest.approx(voting.default_weights().shares)


def test_a_doubtful_posterior_abstains():
    weights = voting.fit_weights(by_hand())
    assert [voting.vote("streaks", weights, threshold).label for threshold in (0.6, 0.9)] == ["mel", "abstain"]


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
