"""Weights of facts, abstention, and voters that never saw a caption."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import lexicon, scoring
from dermxai_helpers.captions import prompts
from dermxai_helpers.lexicon import controls as vote_controls
from dermxai_helpers.lexicon import facts, voting
from dermxai_helpers.lexicon.sentences import describe
from dermxai_helpers.synth.attributes import CHANCES, LABELS, PREVALENCE, posterior


@pytest.fixture(scope="module")
def unseen() -> pd.DataFrame:
    """400 lesions that took no part in the default weights."""
    return voting.drawn_table(400, seed=1)


# --- weights ---


def by_hand() -> pd.DataFrame:
    """Four melanomas, three of them with streaks; six nevi, one with streaks."""
    rest = {"symmetry": "symmetric", "border_shape": "regular", "border_sharpness": "faded", "colour_count": 1,
            "network": "none", "dots": "none", "veil": False, "regression": False, "milia": False, "comedo": False,
            "fissures": False}  # fmt: skip
    rows = [("mel", True)] * 3 + [("mel", False)] + [("nv", True)] + [("nv", False)] * 5
    return pd.DataFrame([{"label": label, "streaks": streaks, **rest} for label, streaks in rows])


def test_a_weight_is_the_smoothed_log_likelihood_ratio():
    weights = voting.fit_weights(by_hand(), smoothing=1)
    assert weights.classes == ("mel", "nv")
    in_class = np.array([(3 + 1) / (4 + 2), (1 + 1) / (6 + 2)])
    overall = 0.4 * in_class[0] + 0.6 * in_class[1]
    assert weights.of("streaks", ("any", "present")) == pytest.approx(np.log(in_class / overall))
    assert weights.of("surface", ("waxy", "present")) is None
    assert weights.of("streaks", ("any", "uncertain")) is None


def test_without_smoothing_what_never_occurred_would_be_impossible():
    assert np.isfinite(voting.fit_weights(by_hand(), smoothing=0.5).of("milia", ("any", "absent"))).all()
    with np.errstate(divide="ignore"):
        table = by_hand().assign(streaks=lambda rows: rows["label"] == "mel")
        assert voting.fit_weights(table, smoothing=0).of("streaks", ("any", "present"))[1] == -np.inf


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


def test_the_table_of_weights_holds_every_fact_that_a_drawing_can_have():
    table = voting.default_weights().table()
    assert list(table.columns) == list(LABELS) and np.isfinite(table.to_numpy()).all()
    assert set(table.index.get_level_values("slot")) == set(facts.ATTRIBUTES)


def test_fit_weights_names_what_is_missing():
    with pytest.raises(ValueError, match="lacks streaks, veil: give that of truth/attributes.csv"):
        voting.fit_weights(by_hand().drop(columns=["streaks", "veil"]))
    with pytest.raises(ValueError, match="the column label names none of mel, nv, bkl"):
        voting.fit_weights(by_hand().assign(label="melanoma"))


# --- votes ---


def test_the_posterior_is_bayes_rule():
    weights = voting.fit_weights(by_hand())
    vote = voting.vote("streaks", weights)
    mel, nv = 0.4 * 4 / 6, 0.6 * 2 / 8
    assert vote.posterior == pytest.approx({"mel": mel / (mel + nv), "nv": nv / (mel + nv)})
    assert vote.label == "mel" and vote.reason == "" and set(vote.evidence) == {"streaks"}
    assert voting.vote("streaks", weights, prior=(0.1, 0.9)).posterior["mel"] < vote.posterior["mel"]


@pytest.mark.parametrize("sentence", ["", "A brown lesion.", "possible streaks", "waxy", "symmetric/asymmetric"])
def test_a_caption_without_evidence_abstains(sentence):
    vote = lexicon.vote(sentence)
    assert (vote.label, vote.reason, vote.confidence) == ("abstain", "no fact of weight", 0.0)


def test_a_doubtful_posterior_abstains_and_says_so():
    vote = voting.vote("streaks", voting.fit_weights(by_hand()), threshold=0.9)
    assert vote.label == "abstain" and vote.reason == "mel has only 0.64"


def test_wrong_thresholds_and_priors_are_explained():
    with pytest.raises(ValueError, match="threshold 50: it is a probability"):
        voting.vote("streaks", threshold=50)
    with pytest.raises(ValueError, match="give each of mel, nv, bkl a share above 0"):
        voting.vote("streaks", prior=(1, 0, 0))


def test_true_captions_vote_nearly_as_well_as_the_attributes_allow(unseen):
    """True FOCUSED captions leave some attributes out, so they stay below Bayes' rule, and far above always nevus."""
    rng, even = np.random.default_rng(0), (1 / 3,) * 3
    rows = [row | {"colours": "+".join(row["colours"])} for row in unseen.to_dict("records")]
    said = [describe(row, "focused", rng) for row in rows]
    votes = [voting.vote(sentence, threshold=0, prior=even).label for sentence in said]
    best = [LABELS[posterior(row).argmax()] for row in unseen.to_dict("records")]
    reached = scoring.scores(unseen["label"], votes, LABELS)["balanced_accuracy"]
    ceiling = scoring.scores(unseen["label"], best, LABELS)["balanced_accuracy"]
    counted = [lexicon.paper_vote(sentence).label for sentence in said]
    print(f"balanced accuracy of true captions: read {reached:.2f}, by Bayes' rule on all attributes {ceiling:.2f}")
    assert 0.7 < reached <= ceiling + 0.03
    assert reached > scoring.scores(unseen["label"], counted, LABELS)["balanced_accuracy"] + 0.15


# --- coverage ---


def test_coverage_curve_by_hand():
    weights = voting.fit_weights(by_hand())
    sure, unsure, silent = (voting.vote(sentence, weights) for sentence in ("no streaks", "streaks", "brown"))
    curve = voting.coverage_curve([sure, unsure, unsure, silent], ["nv", "mel", "nv", "mel"])
    assert curve["threshold"].tolist() == pytest.approx([sure.confidence, unsure.confidence])
    assert curve["coverage"].tolist() == [0.25, 0.75]
    assert curve["accuracy"].tolist() == pytest.approx([1, 2 / 3])
    with pytest.raises(ValueError, match="1 votes but 2 labels"):
        voting.coverage_curve([sure], ["nv", "nv"])


def test_abstaining_helps_on_drawn_lesions(unseen):
    votes = [voting.vote_facts(facts.true_facts(row)) for row in unseen.to_dict("records")]
    curve = voting.coverage_curve(votes, unseen["label"])
    assert curve["coverage"].is_monotonic_increasing and curve["coverage"].iloc[-1] == 1
    half = curve[curve["coverage"] >= 0.5].iloc[0]
    assert half["accuracy"] > curve["accuracy"].iloc[-1] + 0.03


# --- voters that see nothing ---


def test_the_papers_number_lies_in_the_lowest_percent_of_blind_voters():
    blind = vote_controls.blind_voters(repeats=20_000)
    assert blind.mean() == pytest.approx(0.330, abs=0.003)
    assert np.percentile(blind, [2.5, 97.5]) == pytest.approx([0.270, 0.401], abs=0.008)
    assert 0.003 < (blind <= 0.260).mean() < 0.015


def test_always_nevus_beats_the_paper():
    labels = ["nv"] * 6705 + ["mel"] * 1113 + ["bkl"] * 1099
    assert vote_controls.constant(labels) == pytest.approx(0.286, abs=0.0005)


def test_macro_f1_is_scikit_learns_and_an_abstention_is_an_error():
    from sklearn.metrics import f1_score

    rng = np.random.default_rng(0)
    labels, votes = rng.integers(3, size=90), rng.integers(4, size=90)
    table = vote_controls.confusion(labels, votes, 3)
    assert table.sum() == 90 and table[2, 3] == ((labels == 2) & (votes == 3)).sum()
    expected = f1_score(labels, votes, labels=[0, 1, 2], average="macro", zero_division=0)
    assert vote_controls.macro_f1(table) == pytest.approx(expected)


def test_blind_voters_on_given_labels_keep_the_labels():
    blind = vote_controls.blind_voters({"mel": 0.0, "nv": 1.0, "bkl": 0.0}, ["nv"] * 150 + ["mel"] * 50, repeats=5)
    assert blind == pytest.approx(np.full(5, 2 * 150 / 350 / 3))


# --- guidance ---


def guided(n: int = 120, seed: int = 0) -> pd.DataFrame:
    """Votes of three guidances on the same images: one right by three in four, one blind, one that always abstains."""
    rng = np.random.default_rng(seed)
    label = rng.choice(LABELS, n)
    told = np.where(rng.random(n) < 0.75, label, rng.choice(LABELS, n))
    columns = {"true class": told, "random class": rng.choice(LABELS, n), "centred box": np.full(n, "abstain")}
    images = {"image_id": np.arange(n), "lesion_id": np.arange(n) // 2, "label": label}
    return pd.concat([pd.DataFrame({"guidance": name, **images, "vote": vote}) for name, vote in columns.items()])


def test_guidance_table_scores_each_guidance_with_an_interval():
    votes = guided()
    table = vote_controls.guidance_table(votes, repeats=200)
    assert list(table.index) == ["true class", "random class", "centred box"]
    told = votes[votes["guidance"] == "true class"]
    expected = scoring.scores(told["label"], told["vote"], LABELS)
    assert table.loc["true class", "macro_f1"] == pytest.approx(expected["macro_f1"])
    assert table.loc["true class", "accuracy"] == pytest.approx(expected["accuracy"])
    assert (table["low"] <= table["macro_f1"]).all() and (table["macro_f1"] <= table["high"]).all()
    assert table.loc["true class", "low"] > table.loc["true class", "blind"]
    assert table.loc["random class", "low"] < table.loc["random class", "blind"] < table.loc["random class", "high"]
    silent = table.loc["centred box"]
    assert (silent["macro_f1"], silent["coverage"]) == (0, 0) and np.isnan(silent["accuracy"])
    assert silent["fallback"] == pytest.approx(vote_controls.constant(told["label"]))


def test_the_leak_is_a_difference_with_an_interval():
    votes = guided()
    leak = vote_controls.guidance_difference(votes, "true class", "random class", repeats=200)
    table = vote_controls.guidance_table(votes, repeats=20)["macro_f1"]
    assert leak["value"] == pytest.approx(table["true class"] - table["random class"])
    assert 0 < leak["low"] < leak["value"] < leak["high"]
    none = vote_controls.guidance_difference(votes, "true class", "true class", repeats=20)
    assert none == {"value": 0.0, "low": 0.0, "high": 0.0}


def test_unfit_tables_of_votes_are_explained():
    votes = guided()
    with pytest.raises(ValueError, match="lacks lesion_id"):
        vote_controls.guidance_table(votes.drop(columns="lesion_id"))
    with pytest.raises(ValueError, match="unknown class melanoma"):
        vote_controls.guidance_table(votes.replace({"vote": {"mel": "melanoma"}}))
    with pytest.raises(ValueError, match="tried on the same images; they have .*'true class': 119"):
        vote_controls.guidance_table(votes.iloc[1:])
    with pytest.raises(ValueError, match="an image votes twice"):
        vote_controls.guidance_table(pd.concat([votes, votes.iloc[:1]]))
    with pytest.raises(ValueError, match="no guidance is called second class"):
        vote_controls.guidance_difference(votes, "true class", "second class")


def test_asked_slots_are_slots_that_drawings_know():
    assert set(prompts.ASKED) == set(prompts.PROMPTS)
    assert {slot for slots in prompts.ASKED.values() for slot in slots} <= set(facts.ATTRIBUTES)
