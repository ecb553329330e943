"""What a sentence states, slot by slot: a table of sentences that was written before the reader.

A fact is written "value" when it is present, else "value absent" or "value uncertain"; {} is a sentence that states
nothing.
"""

import itertools

import numpy as np
import pytest
import stated

from dermxai_helpers import captions
from dermxai_helpers.captions.prompts import PROMPTS
from dermxai_helpers.lexicon import parsing as reading
from dermxai_helpers.lexicon import vocabulary
from dermxai_helpers.lexicon.sentences import describe

NO_STRUCTURES = {
    "network": "any absent", "dots_globules": "any absent", "streaks": "any absent",
    "blue_white_veil": "any absent", "regression": "any absent",
}  # fmt: skip

RESEARCHED = {  # the list that the reader was specified with
    "no irregular border": {"border_shape": "regular"},
    "without streaks": {"streaks": "any absent"},
    "no asymmetry, irregular border or streaks": {
        "symmetry": "symmetric", "border_shape": "regular", "streaks": "any absent",
    },
    "asymmetric, but no streaks": {"symmetry": "asymmetric", "streaks": "any absent"},
    "blue-white veil is absent": {"blue_white_veil": "any absent"},
    "blue-white veil is not seen": {"blue_white_veil": "any absent"},
    "the border is not irregular": {"border_shape": "regular"},
    "no longer symmetric": {"symmetry": "asymmetric"},
    "cannot exclude irregular border": {"border_shape": "irregular uncertain"},
    "no diagnosis. irregular border": {"border_shape": "irregular"},
    "neither symmetric nor regular": {"symmetry": "asymmetric", "border_shape": "irregular"},
    "non-uniform": {},
    "un-even": {},
    "not symmetric": {"symmetry": "asymmetric"},
    "no visible structures": NO_STRUCTURES,
    "symmetric in colour but asymmetric in shape": {"symmetry": "conflict uncertain"},
    "regular or irregular?": {},
    "symmetric/asymmetric": {},
    "multiple colours": {"colour_count": "many"},
    "multiple colors": {"colour_count": "many"},
    "irregular borders": {"border_shape": "irregular"},
    "milia-like cysts": {"milia": "any"},
    "milia like cyst": {"milia": "any"},
}  # fmt: skip

DENIALS = {
    "no dots": {"dots_globules": "any absent"},
    "The lesion is without a network.": {"network": "any absent"},
    "The lesion lacks symmetry.": {"symmetry": "asymmetric"},
    "The lesion lacks streaks.": {"streaks": "any absent"},
    "Free of dots and globules.": {"dots_globules": "any absent"},
    "devoid of streaks or network": {"streaks": "any absent", "network": "any absent"},
    "absence of a pigment network": {"network": "any absent"},
    "There is no evidence of regression.": {"regression": "any absent"},
    "No sign of a blue-whitish veil.": {"blue_white_veil": "any absent"},
    "There is no evidence that the border is irregular.": {"border_shape": "regular"},
    "Streaks are absent.": {"streaks": "any absent"},
    "Streaks and dots are not seen.": {"streaks": "any absent", "dots_globules": "any absent"},
    "Dots, streaks and network are not visible.": {
        "dots_globules": "any absent", "streaks": "any absent", "network": "any absent",
    },
    "Milia-like cysts were not identified.": {"milia": "any absent"},
    "The network is missing.": {"network": "any absent"},
    "Streaks: absent. Network: atypical. Symmetry: asymmetric. Border: irregular.": {
        "streaks": "any absent", "network": "atypical", "symmetry": "asymmetric", "border_shape": "irregular",
    },
    "Dots: none; veil: present": {"dots_globules": "any absent", "blue_white_veil": "any"},
    "It doesn't show any streaks.": {"streaks": "any absent"},
    "The borders aren't regular.": {"border_shape": "irregular"},
    "The lesion isn't symmetrical.": {"symmetry": "asymmetric"},
    "I cannot see any streaks.": {"streaks": "any absent"},
    "The network is no longer visible.": {"network": "any absent"},
    "not irregular but regular borders": {"border_shape": "regular"},
    "not symmetric but asymmetric": {"symmetry": "asymmetric"},
    "It shows not streaks but dots.": {"streaks": "any absent", "dots_globules": "any"},
    "a regular rather than irregular border": {"border_shape": "regular"},
    "not only asymmetric but also irregular in outline": {"symmetry": "asymmetric", "border_shape": "irregular"},
    "no irregular dots": {"dots_globules": "irregular absent"},
    "the dots are not regular": {"dots_globules": "irregular"},
    "no atypical network": {"network": "atypical absent"},
    "the network is not typical": {"network": "atypical"},
    "not multiple colors": {"colour_count": "many absent"},
    "the border is not well-defined": {"border_sharpness": "faded"},
}  # fmt: skip

SCOPES = {
    "no streaks or dots": {"streaks": "any absent", "dots_globules": "any absent"},
    "no streaks, but a veil": {"streaks": "any absent", "blue_white_veil": "any"},
    "no streaks and a blue-white veil": {"streaks": "any absent", "blue_white_veil": "any"},
    "no network, no dots and no streaks": {
        "network": "any absent", "dots_globules": "any absent", "streaks": "any absent",
    },
    "no dots or no streaks": {"dots_globules": "any absent", "streaks": "any absent"},
    "no network, dots, or streaks": {"network": "any absent", "dots_globules": "any absent", "streaks": "any absent"},
    "No streaks, dots and a typical network.": {
        "streaks": "any absent", "dots_globules": "any", "network": "typical",
    },
    "neither dots nor streaks, but a typical network": {
        "dots_globules": "any absent", "streaks": "any absent", "network": "typical",
    },
    "Without streaks or dots, irregular border.": {
        "streaks": "any absent", "dots_globules": "any absent", "border_shape": "irregular",
    },
    "no streaks; irregular border": {"streaks": "any absent", "border_shape": "irregular"},
    "The lesion is not symmetric and has a regular border.": {"symmetry": "asymmetric", "border_shape": "regular"},
    "an irregular border (no streaks) and a typical network": {
        "border_shape": "irregular", "streaks": "any absent", "network": "typical",
    },
    "no dermoscopic structures (dots, streaks, network)": NO_STRUCTURES,
    "A symmetric lesion with a regular border, dots and streaks are absent.": {
        "symmetry": "symmetric", "border_shape": "regular", "dots_globules": "any absent", "streaks": "any absent",
    },
    "No streaks are seen in this asymmetric lesion.": {"streaks": "any absent", "symmetry": "asymmetric"},
    "Streaks are not seen and irregular dots are present.": {"streaks": "any absent", "dots_globules": "irregular"},
    "No hair covers the irregular border.": {"artefact": "hair absent", "border_shape": "irregular"},
    "Irregular dots present, streaks absent.": {"dots_globules": "irregular", "streaks": "any absent"},
    "no regular dots but irregular globules": {"dots_globules": "irregular"},
    "Not a melanoma. Streaks, however, are seen.": {"off_topic": "diagnosis absent", "streaks": "any"},
    "streaks, but the lesion has no streaks": {"streaks": "conflict uncertain"},
}  # fmt: skip

DOUBLE_DENIALS = {
    "not without streaks": {"streaks": "any"},
    "not asymmetric": {"symmetry": "symmetric"},
    "There is no lack of symmetry.": {"symmetry": "symmetric"},
    "Streaks are not absent.": {"streaks": "any"},
    "The lesion is not free of dots.": {"dots_globules": "any"},
    "not a non-uniform color": {"colour_count": "one"},
    "no doubt asymmetric": {"symmetry": "asymmetric"},
    "without doubt an irregular border": {"border_shape": "irregular"},
}

DOUBTS = {
    "possible streaks": {"streaks": "any uncertain"},
    "findings suggestive of regression": {"regression": "any uncertain"},
    "The border may be irregular.": {"border_shape": "irregular uncertain"},
    "An atypical network cannot be excluded.": {"network": "atypical uncertain"},
    "We can't rule out a blue-white veil.": {"blue_white_veil": "any uncertain"},
    "probably asymmetric": {"symmetry": "asymmetric uncertain"},
    "It is unclear whether streaks are present.": {"streaks": "any uncertain"},
    "Symmetry cannot be assessed.": {"symmetry": "symmetric uncertain"},
    "a possibly irregular border, but no streaks": {"border_shape": "irregular uncertain", "streaks": "any absent"},
    "It could be symmetric; the border is regular.": {"symmetry": "symmetric uncertain", "border_shape": "regular"},
    "The border might not be regular.": {"border_shape": "regular uncertain"},
    "Streaks are questionable.": {"streaks": "any uncertain"},
    "not necessarily asymmetric": {"symmetry": "asymmetric uncertain"},
}

TRAPS = {
    "irregular border": {"border_shape": "irregular"},
    "regular border": {"border_shape": "regular"},
    "asymmetric": {"symmetry": "asymmetric"},
    "symmetric": {"symmetry": "symmetric"},
    "a-symmetrical": {"symmetry": "asymmetric"},
    "non-symmetric": {"symmetry": "asymmetric"},
    "asymmetric in one axis": {"symmetry": "asymmetric"},
    "symmetric in both axes": {"symmetry": "symmetric"},
    "non-uniform color": {"colour_count": "one absent"},
    "nonuniform color and a regular border": {"colour_count": "one absent", "border_shape": "regular"},
    "uniform color": {"colour_count": "one"},
    "uneven color": {"colour_count": "one absent"},
    "even colour": {"colour_count": "one"},
    "un-even borders": {"border_shape": "irregular"},
    "sharply demarcated": {"border_sharpness": "sharp"},
    "ill-defined": {"border_sharpness": "faded"},
    "well-defined but irregular borders": {"border_sharpness": "sharp", "border_shape": "irregular"},
    "an irregular, ill-defined border": {"border_shape": "irregular", "border_sharpness": "faded"},
    "The edges are jagged and gradually fading.": {"border_shape": "irregular", "border_sharpness": "faded"},
    "a moth-eaten border": {"border_shape": "moth-eaten"},
    "a smooth border": {"border_shape": "regular"},
    "a smooth surface": {"surface": "smooth"},
    "regular dots and an irregular network": {"dots_globules": "regular", "network": "atypical"},
    "white clods": {"milia": "any"},
    "gray dots": {"regression": "any"},
    "symmetric dots": {"dots_globules": "regular"},
    "a networked camera": {},
    "the lesion is symmetrical, bordered, and has no diagnosis": {"symmetry": "symmetric"},
}

SPELLINGS = {
    "several colours": {"colour_count": "many"},
    "a multicoloured lesion": {"colour_count": "many"},
    "multi-colored": {"colour_count": "many"},
    "two colors": {"colour_count": "two"},
    "2 colours": {"colour_count": "two"},
    "three distinct colours": {"colour_count": "many"},
    "five colors": {"colour_count": "many"},
    "one colour": {"colour_count": "one"},
    "more than one color": {"colour_count": "many"},
    "a single brown colour": {"colour_count": "one"},
    "monochromatic": {"colour_count": "one"},
    "light brown and dark brown areas": {"colours": "light brown+dark brown", "colour_count": "two"},
    "white, red and black": {"colours": "white+red+black", "colour_count": "many"},
    "no white areas": {"colours": "white absent"},
    "A brown lesion on a person's skin.": {},
    "Asymmetrical lesions with irregular margins.": {"symmetry": "asymmetric", "border_shape": "irregular"},
    "a blue white veil": {"blue_white_veil": "any"},
    "a blue\u2013white veil": {"blue_white_veil": "any"},
    "comedo like openings": {"comedo": "any"},
    "fissures and ridges": {"cerebriform": "any"},
    "waxy, keratotic surface": {"surface": "waxy+keratotic"},
    "IRREGULAR   BORDER\nNO STREAKS": {"border_shape": "irregular", "streaks": "any absent"},
    "pseudopods and a starburst pattern": {"streaks": "regular"},
    "It isn\u2019t symmetric.": {"symmetry": "asymmetric"},
}

NO_ANSWERS = {
    "": {},
    "  \n": {},
    "...": {},
    "Is the border irregular?": {},
    "symmetric or asymmetric": {},
    "I am sorry, but I cannot describe this image.": {},
    "As an AI model, I can't help with medical images.": {},
    "State symmetry (symmetric/asymmetric), border (regular/irregular), color (single/multiple), texture": {},
    "No scale is visible, so the diameter is unknown.": {"refusal": "no scale"},
    "The diameter cannot be measured.": {"refusal": "cannot be measured"},
    "The size is not visible.": {"refusal": "not visible"},
    "A car beside a dog.": {"off_topic": "scene"},
    "The lesion is irregular, a melanoma.": {"border_shape": "irregular", "off_topic": "diagnosis"},
}

LATER = {  # met after the reader was written: most of these it read wrongly at first
    "Streaks and a blue-white veil are both absent.": {"streaks": "any absent", "blue_white_veil": "any absent"},
    "Network: typical. Dots/globules: none. Streaks: not seen. Veil: no. Milia-like cysts: 0.": {
        "network": "typical", "dots_globules": "any absent", "streaks": "any absent", "blue_white_veil": "any absent",
        "milia": "any absent",
    },
    "**Symmetry**: Asymmetric. **Border**: Irregular. **Color**: Multiple.": {
        "symmetry": "asymmetric", "border_shape": "irregular", "colour_count": "many",
    },
    "The lesion does not show a network, streaks, or dots.": {
        "network": "any absent", "dots_globules": "any absent", "streaks": "any absent",
    },
    "The image is blurry, so symmetry cannot be determined.": {"symmetry": "symmetric uncertain"},
    "Milia-like cysts are present; network is not.": {"milia": "any", "network": "any uncertain"},
    "Dots and globules are irregularly distributed.": {"dots_globules": "irregular"},
    "Except for streaks, no structures are visible.": NO_STRUCTURES | {"streaks": "any"},
    "No structures other than dots are visible.": NO_STRUCTURES | {"dots_globules": "any"},
    "A mole with no signs of melanoma.": {"off_topic": "diagnosis"},
    "There is nothing suggestive of regression.": {"regression": "any absent"},
    "The colour distribution is uneven.": {"colour_count": "one absent"},
    "The lesion is symmetric along one axis only.": {"symmetry": "asymmetric"},
    "Varying shades of brown.": {"colour_count": "many"},
    "The image does not allow an assessment of symmetry.": {"symmetry": "symmetric uncertain"},
    "It isn't well defined and doesn't have a uniform color.": {
        "border_sharpness": "faded", "colour_count": "one absent",
    },
    "Streaks: possible. The network, if any, is typical.": {"streaks": "any uncertain", "network": "any uncertain"},
    "a regular reticular network": {"network": "typical"},
    "Dots, but no globules.": {"dots_globules": "conflict uncertain"},
    "brown and black areas": {"colour_count": "two", "colours": "black"},
    "no streaks (pseudopods, branched) or dots": {"streaks": "any absent", "dots_globules": "any absent"},
    "Hair obscures the border, which may be irregular.": {"artefact": "hair", "border_shape": "irregular uncertain"},
    "No significant irregularity of the border.": {"border_shape": "regular"},
    "Neither dots, streaks nor a network is visible.": {
        "dots_globules": "any absent", "streaks": "any absent", "network": "any absent",
    },
    "The two halves mirror each other; its margin is smooth; uniformly brown.": {
        "symmetry": "symmetric", "border_shape": "regular", "colour_count": "one",
    },
}  # fmt: skip

OWN = DENIALS | SCOPES | DOUBLE_DENIALS | DOUBTS | TRAPS | SPELLINGS | NO_ANSWERS | LATER


@pytest.mark.parametrize("sentence", RESEARCHED)
def test_the_researched_sentences(sentence):
    assert reading.parse(sentence) == stated.facts(RESEARCHED[sentence])


@pytest.mark.parametrize("sentence", OWN)
def test_sentences_of_our_own(sentence):
    assert reading.parse(sentence) == stated.facts(OWN[sentence])


def test_the_table_is_as_long_as_promised_and_holds_no_sentence_twice():
    assert len(set(OWN) - set(LATER)) >= 60 and not set(OWN) & set(RESEARCHED)


def test_a_caption_that_repeats_itself_without_end_is_read_all_the_same():
    assert reading.parse("no dots, " * 300) == {"dots_globules": ("any", "absent")}
    assert reading.parse("irregular, " * 300) == {}


# --- the prompts ---


@pytest.mark.parametrize("name", PROMPTS)
def test_an_echoed_prompt_states_nothing(name):
    answer = "An asymmetric lesion with no streaks."
    facts = {"symmetry": ("asymmetric", "present"), "streaks": ("any", "absent")}
    assert reading.parse(PROMPTS[name]) == {}
    assert reading.parse(f"{PROMPTS[name]} {answer}") == facts
    assert reading.parse(f"{PROMPTS[name].upper()}\n{answer}") == facts
    assert reading.parse(f"{' '.join(PROMPTS[name].split()[4:])} {answer}") == facts  # its beginning was cut off


def test_an_echo_is_read_when_no_prompt_is_known():
    """The control: without the prompt to compare with, the echo's own words become facts."""
    prompt = "Say whether it has multiple colors or dots."
    assert "colour_count" in reading.parse(prompt, prompts=())
    assert reading.parse(prompt, prompts=(prompt,)) == {}


def test_the_prompts_are_those_of_the_captioner():
    assert captions.PROMPTS == PROMPTS


# --- rules, for every structure ---

STRUCTURES = {
    "network": "network", "dots_globules": "dots", "streaks": "streaks", "blue_white_veil": "blue-white veil",
    "regression": "regression", "milia": "milia-like cysts", "comedo": "comedo-like openings",
    "cerebriform": "fissures", "blotch": "blotch", "fingerprint": "fingerprint-like structures", "vessels": "vessels",
}  # fmt: skip
TEMPLATES = {
    "present": ["{}", "A lesion with {}.", "{} present", "There is no hair, but {} can be seen.", "visible {}"],
    "absent": ["no {}", "without any {}", "{} is not seen", "It lacks {}.", "absent {}", "{}: none", "no hair or {}"],
    "uncertain": ["possible {}", "{} cannot be excluded", "perhaps {}", "{} may be present", "suspicion of {}"],
}


@pytest.mark.parametrize(("slot", "polarity"), list(itertools.product(STRUCTURES, TEMPLATES)))
def test_every_structure_can_be_present_absent_and_uncertain(slot, polarity):
    for template in TEMPLATES[polarity]:
        assert reading.parse(template.format(STRUCTURES[slot])).get(slot) == ("any", polarity), template


def test_values_are_those_of_the_vocabulary():
    for sentence in (*RESEARCHED, *OWN):
        for slot, (value, polarity) in reading.parse(sentence).items():
            assert polarity in {"present", "absent", "uncertain"}
            assert value == "conflict" or set(value.split("+")) <= set(vocabulary.SLOTS[slot])


def test_mentions_say_where_each_fact_was_read():
    sentence = "No streaks, but an irregular border."
    found = [(sentence[one.start : one.end].lower(), one.slot, one.polarity) for one in reading.mentions(sentence)]
    assert found == [("streaks", "streaks", "absent"), ("irregular", "border_shape", "present")]


def test_reading_every_caption_that_describe_can_write():
    """All combinations of the drawn attributes, in both phrasings of each prompt: what goes in must come out."""
    choices = {
        "symmetry": ("symmetric", "asymmetric"), "border_shape": ("regular", "irregular"),
        "network": ("none", "typical", "atypical"), "dots": ("none", "regular", "irregular"),
        "streaks": (True, False), "veil": (True, False), "regression": (True, False),
    }  # fmt: skip
    rest = {"milia": False, "colours": "white+black", "colour_count": 2, "comedo": True, "fissures": True}
    rng = np.random.default_rng(0)
    for combination in itertools.product(*choices.values()):
        truth = dict(zip(choices, combination, strict=True), **rest)
        facts = reading.parse(describe(truth, "focused", rng))
        assert facts["symmetry"] == (truth["symmetry"], "present")
        assert facts["border_shape"] == (truth["border_shape"], "present")
        assert facts["colour_count"] == ("many", "present")
        assert facts["colours"] == ("white+black", "present")
        assert facts["cerebriform"] == facts["comedo"] == ("any", "present")
        for slot, name in (("network", "network"), ("dots_globules", "dots")):
            assert facts[slot] == (("any", "absent") if truth[name] == "none" else (truth[name], "present"))
        for slot, name in (("streaks", "streaks"), ("blue_white_veil", "veil")):
            assert facts[slot] == ("any", "present" if truth[name] else "absent")
        assert ("regression" in facts, "milia" in facts) == (truth["regression"], False)
