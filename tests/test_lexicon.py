"""The paper's count, its traps and its missing rules; and the reader of facts."""

import itertools

import numpy as np
import pytest

from dermxai_helpers import captions, lexicon

PUBLISHED_CAPTIONS = [  # seed A, section 4.3: all six that the paper shows
    "The image shows a person has a lesion on their skin that is brown in color. The lesion is symmetrical, bordered, "
    "and has no diagnosis.",
    "The image shows a close-up image of a lesion on a person's skin showing a pinkish-brown area with a white border.",
    "The image shows an image of a lesion on a person's skin is shown with a ruler in the background.",
    "The image shows a person's ear is covered in a brown, reddish-brown rash.",
    "The image shows a close-up image of a pink lesion on a person's skin. The lesion is symmetrical, bordered, and "
    "has a blue color.",
    "The image shows a person's ear is covered in a brown, reddish-brown lesion.",
]


@pytest.mark.parametrize(
    ("sentence", "label", "hits", "reason"),
    [
        ("Asymmetric, with multiple colors.", "mel", (2, 0, 0), ""),
        ("A waxy, sharply demarcated lesion with a regular border.", "bkl", (0, 2, 1), ""),
        ("Even color, uniform.", "nv", (0, 0, 2), ""),
        ("Asymmetric, asymmetric, uniform.", "mel", (2, 0, 1), ""),
        ("An irregular border.", "nv", (1, 0, 1), "tie: mel, nv"),
        ("Asymmetric and keratotic.", "nv", (1, 1, 0), "tie: mel, bkl"),
        ("A brown lesion.", "nv", (0, 0, 0), "zero hits"),
        ("", "nv", (0, 0, 0), "zero hits"),
    ],
)
def test_paper_vote_counts_and_falls_back(sentence, label, hits, reason):
    vote = lexicon.paper_vote(sentence)
    assert (vote.label, tuple(vote.hits.values()), vote.reason) == (label, hits, reason)


def test_the_substring_trap_is_kept_as_the_paper_had_it():
    vote = lexicon.paper_vote("The lesion has an irregular border and uneven color.")
    assert vote.hits == {"mel": 1, "bkl": 0, "nv": 2}
    assert vote.label == "nv"
    assert vote.words["nv"] == ["regular border", "even color"]


@pytest.mark.parametrize("sentence", PUBLISHED_CAPTIONS)
def test_no_published_caption_holds_a_keyword(sentence):
    assert lexicon.paper_vote(sentence).reason == "zero hits"


def test_an_echoed_prompt_votes():
    """The GLOBAL prompt alone holds a keyword: left in front of a caption, it votes in every single one."""
    assert lexicon.paper_vote(captions.PROMPTS["global"]).hits["mel"] == 1


@pytest.mark.parametrize(
    ("sentence", "facts"),
    [
        ("symmetric", {"symmetry": ("symmetric", "present")}),
        ("an asymmetrical lesion", {"symmetry": ("asymmetric", "present")}),
        ("not symmetric", {"symmetry": ("symmetric", "absent")}),
        ("an irregular border", {"border_shape": ("irregular", "present")}),
        ("the border is regular", {"border_shape": ("regular", "present")}),
        ("a single color", {"colours": ("single", "present")}),
        ("several colours", {"colours": ("multiple", "present")}),
        ("non-uniform color", {}),
        ("an atypical pigment network", {"network": ("atypical", "present")}),
        ("regular dots and globules", {"dots": ("regular", "present")}),
        ("no dots or streaks", {"dots": ("any", "absent"), "streaks": ("any", "absent")}),
        ("without streaks", {"streaks": ("any", "absent")}),
        ("no streaks and a blue-white veil", {"streaks": ("any", "absent"), "veil": ("any", "present")}),
        ("asymmetric, but no network", {"symmetry": ("asymmetric", "present"), "network": ("any", "absent")}),
        ("a blue-white veil is not seen", {"veil": ("any", "absent")}),
        ("no diagnosis. Irregular dots", {"dots": ("irregular", "present")}),
        ("cannot exclude streaks", {"streaks": ("any", "present")}),
        ("a brown lesion on a person's skin", {}),
    ],
)
def test_parse_reads_facts(sentence, facts):
    assert lexicon.parse(sentence) == facts


def test_parse_reads_every_caption_that_describe_can_write():
    """All combinations of the scored attributes: what goes in must come out."""
    names = ["symmetry", "border_shape", "network", "dots", "streaks", "veil", "regression"]
    values = [
        ("symmetric", "asymmetric"),
        ("regular", "irregular"),
        ("none", "typical", "atypical"),
        ("none", "regular", "irregular"),
        (True, False),
        (True, False),
        (True, False),
    ]
    rest = {"colours": "white+black", "colour_count": 2, "milia": False, "comedo": True, "fissures": False}
    rng = np.random.default_rng(0)
    for combination in itertools.product(*values):
        truth = dict(zip(names, combination, strict=True), **rest)
        facts = lexicon.parse(captions.describe(truth, "focused", rng))
        assert facts["symmetry"] == (truth["symmetry"], "present")
        assert facts["border_shape"] == (truth["border_shape"], "present")
        assert facts["colours"] == ("multiple", "present")
        for slot in ("network", "dots"):
            assert facts[slot] == (("any", "absent") if truth[slot] == "none" else (truth[slot], "present"))
        for slot in ("streaks", "veil"):
            assert facts[slot] == ("any", "present" if truth[slot] else "absent")
        assert ("regression" in facts) == truth["regression"]
        assert facts["comedo"] == ("any", "present")
        assert "milia" not in facts
