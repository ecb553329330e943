"""Captions judged fact by fact, and readers that cannot know."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import data, lexicon, synth
from dermxai_helpers.lexicon import facts
from dermxai_helpers.lexicon.sentences import describe

# --- the truth ---


def test_true_facts_of_a_drawing_and_of_its_row_in_the_table(drawn):
    row = data.truth(drawn).iloc[0].to_dict()
    read = facts.true_facts(row)
    assert set(read) == set(facts.ATTRIBUTES)
    assert read["network"] == (("any", "absent") if row["network"] == "none" else (row["network"], "present"))
    lesion = synth.draw(0, veil=True, dots="irregular", pigments=("light brown", "black"), regression=False)
    read = facts.true_facts(lesion.attributes)
    assert read["blue_white_veil"] == ("any", "present") and read["dots_globules"] == ("irregular", "present")
    assert read["colour_count"] == ("many", "present")  # light brown, black, and the veil's blue-gray


@pytest.mark.parametrize(
    ("said", "true", "verdict"),
    [
        ("symmetric present", "symmetric present", True),
        ("symmetric present", "asymmetric present", False),
        ("any present", "atypical present", True),
        ("typical present", "atypical present", False),
        ("any absent", "atypical present", False),
        ("typical absent", "atypical present", True),
        ("atypical absent", "atypical present", False),
        ("any absent", "any absent", True),
        ("atypical absent", "any absent", True),
        ("atypical present", "any absent", False),
        ("irregular present", "any present", True),
        ("irregular absent", "any present", None),
        ("many present", "two present", True),
        ("two present", "many present", False),
        ("many absent", "two present", False),
        ("one absent", "two present", True),
        ("any uncertain", "any present", None),
        ("any present", "any uncertain", None),
        ("any absent", "irregular absent", None),
        ("regular present", "irregular absent", None),
        ("irregular present", "irregular absent", False),
        ("irregular absent", "irregular absent", True),
    ],
)
def test_when_a_statement_is_true(said, true, verdict):
    assert facts.agrees(tuple(said.split()), tuple(true.split())) is verdict


# --- verdicts ---

TRUE = [
    {"streaks": ("any", "present"), "symmetry": ("symmetric", "present")},
    {"streaks": ("any", "absent"), "symmetry": ("asymmetric", "present")},
    {"streaks": ("any", "absent"), "symmetry": ("asymmetric", "present")},
    {"streaks": ("any", "present"), "symmetry": ("asymmetric", "present")},
]
SAID = [
    {"streaks": ("any", "present")},
    {"streaks": ("any", "present"), "symmetry": ("symmetric", "present")},
    {"streaks": ("any", "absent"), "symmetry": ("asymmetric", "present")},
    {"streaks": ("any", "uncertain"), "symmetry": ("asymmetric", "present"), "milia": ("any", "present")},
]
SLOTS = ("streaks", "symmetry")


def test_verdicts_by_hand():
    table = facts.verdicts(SAID, TRUE, slots=SLOTS)
    assert table["verdict"].tolist() == ["right", "silent", "wrong", "wrong", "right", "right", "silent", "right"]


def test_true_captions_of_drawings_are_right_in_everything_they_were_asked():
    rows = [synth.draw([5, number]).attributes for number in range(12)]
    said = [describe(row, "focused", np.random.default_rng(1)) for row in rows]
    true = [facts.true_facts(row) for row in rows]
    asked = ("symmetry", "border_shape", "colour_count", "network", "dots_globules", "streaks", "blue_white_veil")
    assert (facts.verdicts([lexicon.parse(one) for one in said], true, slots=asked)["verdict"] == "right").all()


def test_marks_have_a_row_for_each_caption_even_where_all_is_open():
    marks = facts.marks(SAID, [*TRUE[:3], {}], ["symmetry", "streaks"])
    assert marks["streaks"].tolist()[:3] == [1, 0, 1] and marks["symmetry"].tolist()[:3] == [0, 0, 1]
    assert marks.loc[3].isna().all() and facts.marks(SAID, [{}] * 4, SLOTS).shape == (4, 2)


def test_ticks_stand_behind_what_is_true_and_crosses_behind_what_is_false():
    sentence = "An asymmetric lesion with streaks, no dots and milia."
    true = {"symmetry": ("asymmetric", "present"), "streaks": ("any", "absent"), "dots_globules": ("any", "absent")}
    marked = facts.ticked(sentence, true).replace("\u00a0", " ")
    assert marked == "An asymmetric ✓ lesion with streaks ✗, no dots ✓ and milia."
    assert facts.ticked(sentence, true, ["streaks"]).count("✓") == 0 and facts.ticked(sentence, {}) == sentence


def test_unequal_lengths_are_explained():
    with pytest.raises(ValueError, match="4 captions, 3 truths"):
        facts.verdicts(SAID, TRUE[:3])


# --- controls ---


def test_majority_is_the_commonest_fact_of_each_slot():
    assert facts.majority(TRUE) == {"streaks": ("any", "present"), "symmetry": ("asymmetric", "present")}


def test_many_colours_are_the_commonest_where_two_count_as_many():
    true = [{"colour_count": (count, "present")} for count in ("one", "one", "one", "two", "two", "many", "many")]
    assert facts.majority(true) == {"colour_count": ("many", "present")}, "true of four, and one colour of three"


def test_shuffled_captions_are_all_dealt_to_others():
    dealt = facts.shuffled(list(range(50)), seed=3)
    assert sorted(dealt) == list(range(50)) and all(one != place for place, one in enumerate(dealt))


@pytest.mark.parametrize(
    ("said", "right", "wrong"),
    [
        ("The lesion is asymmetric, with an irregular border, of a single brown color, an atypical pigment network, "
         "and a blue-white veil.", 1, 4),
        ("The two sides mirror each other; its margin is smooth; the pigment is uniformly brown; the network is "
         "typical; blue-white veil absent.", 5, 0),
    ],
)  # fmt: skip
def test_a_flipped_sentence_is_wrong_and_a_free_rendering_right(said, right, wrong):
    reference = (
        "The lesion is symmetric, with a regular border, of a single brown color, a typical pigment network, "
        "and no blue-white veil."
    )
    found = facts.verdicts([lexicon.parse(said)], [lexicon.parse(reference)])["verdict"].tolist()
    assert (found.count("right"), found.count("wrong")) == (right, wrong)


def test_verdicts_of_no_caption_give_an_empty_table():
    assert facts.verdicts([], []).empty
    assert isinstance(facts.verdicts([], []), pd.DataFrame)
