"""The paper's count, its traps and its missing rules; and the way to the reader of facts."""

import ast

import pytest
from offline import REPOSITORY

from dermxai_helpers import captions, lexicon

PUBLISHED_CAPTIONS = [  # seed A, section 4.3: all six that the paper shows, GLOBAL, ROI, FOCUSED of two images
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


@pytest.mark.parametrize("sentence", PUBLISHED_CAPTIONS)
def test_no_published_caption_holds_a_keyword(sentence):
    assert lexicon.paper_vote(sentence).reason == "zero hits"


def test_unit_06_prints_them_all_and_marks_those_of_the_kind_that_voted():
    source = REPOSITORY / "notebooks" / "src" / "06_lexicon_experiment.py"
    assigned = [node for node in ast.parse(source.read_text(encoding="utf-8")).body if isinstance(node, ast.Assign)]
    (shown,) = [ast.literal_eval(node.value) for node in assigned if ast.unparse(node.targets[0]) == "published"]
    assert list(shown.values()) == PUBLISHED_CAPTIONS
    assert [name.partition(", ")[2] for name in shown] == ["GLOBAL", "ROI ←", "FOCUSED"] * 2


def test_an_echoed_prompt_votes():
    """The GLOBAL prompt alone holds a keyword: left in front of a caption, it votes in every single one."""
    assert lexicon.paper_vote(captions.PROMPTS["global"]).hits["mel"] == 1


@pytest.mark.parametrize(
    ("sentence", "facts"),
    [
        (PUBLISHED_CAPTIONS[0], {"symmetry": ("symmetric", "present"), "off_topic": ("scene", "present")}),
        (PUBLISHED_CAPTIONS[1], {"colour_count": ("two", "present"), "colours": ("white", "present")}),
        (PUBLISHED_CAPTIONS[2], {"artefact": ("ruler", "present")}),
        (PUBLISHED_CAPTIONS[3], {"off_topic": ("scene", "present")}),
        (PUBLISHED_CAPTIONS[4], {
            "symmetry": ("symmetric", "present"), "colour_count": ("two", "present"),
            "colours": ("red+blue-gray", "present"),
        }),
        (PUBLISHED_CAPTIONS[5], {"off_topic": ("scene", "present")}),
    ],
)  # fmt: skip
def test_reading_finds_facts_in_the_published_captions_where_counting_finds_none(sentence, facts):
    assert lexicon.parse(sentence) == facts


def test_reading_and_counting_disagree_about_a_denial_and_about_the_trap():
    denial = "The lesion is not asymmetric and has no irregular border."
    assert lexicon.paper_vote(denial).label == "mel"
    assert lexicon.parse(denial) == {"symmetry": ("symmetric", "present"), "border_shape": ("regular", "present")}
    assert lexicon.vote(denial).label == "nv"
    trap = "An irregular border and uneven color, streaks and a blue-white veil."
    assert (lexicon.paper_vote(trap).label, lexicon.vote(trap).label) == ("nv", "mel")


def test_other_keywords_vote_by_the_same_rule():
    words = {"mel": ["odd"], "nv": ["round"], "bkl": ["waxy"]}
    assert lexicon.paper_vote("A waxy, odd, waxy lesion.", words).label == "bkl"
    assert lexicon.paper_vote("An asymmetric lesion.", words).reason == "zero hits"


def test_keywords_may_have_large_letters():
    assert lexicon.paper_vote("A BLUE veil.", {"mel": ["Blue\u00a0Veil"], "nv": []}).hits == {"mel": 1, "nv": 0}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ({"mel": "blue", "nv": []}, "'mel' must be a list of words, none of them empty, got 'blue'"),
        ({"mel": ["blue"], "nv": ["", "round"]}, "'nv' must be a list of words"),
        ({"mel": [" "], "nv": []}, "'mel' must be a list of words"),
        ({"mel": [3], "nv": []}, "'mel' must be a list of words"),
    ],
)
def test_keywords_that_cannot_be_counted_are_named(words, message):
    with pytest.raises(ValueError, match=message):
        lexicon.paper_vote("A blue lesion.", words)


def test_odd_letters_count_and_other_languages_are_noted():
    assert lexicon.paper_vote("An even\u00a0color, uni\u00adform.").hits["nv"] == 2
    foreign = "Der Fleck ist uniform."
    assert (lexicon.paper_vote(foreign).reason, lexicon.paper_vote(foreign).hits["nv"]) == ("not English", 0)
    assert lexicon.paper_vote(f"{foreign} It has an even color.").hits["nv"] == 1
    assert lexicon.vote(foreign).label == "abstain"
