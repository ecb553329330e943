"""Sentences as machines write them: odd letters, other languages, the skin around, lists without an "or", two lesions.

Written before the reader knew them, with a third of plain sentences that must be read as ever. A fact is written as in
`test_parsing`.
"""

import pytest
import stated

from dermxai_helpers import lexicon
from dermxai_helpers.lexicon.parsing import mentions
from dermxai_helpers.lexicon.sentences import compliance

LETTERS = {
    "Streaks are not\u2009seen.": {"streaks": "any absent"},
    "Dots and globules are\u202fnot\u2007visible.": {"dots_globules": "any absent"},
    "There is no\u200bblue-white veil.": {"blue_white_veil": "any absent"},
    "An ir\u00adregular border.": {"border_shape": "irregular"},
    "The surface shows no \ufb01ssures.": {"cerebriform": "any absent"},
    "The outline isn\u02bct regular.": {"border_shape": "irregular"},
    "\uff2e\uff4f \uff53\uff54\uff52\uff45\uff41\uff4b\uff53\uff0c irregular border.": {
        "streaks": "any absent", "border_shape": "irregular",
    },
    "A network\u2028is not present.": {"network": "any absent"},
    "The lesion shows no\nstreaks.": {"streaks": "any absent"},
    "Streaks arent present and the edge isn`t even.": {"streaks": "any absent", "border_shape": "irregular"},
}  # fmt: skip

FOREIGN = {
    "La lesi\u00f3n es asim\u00e9trica y no hay regresi\u00f3n.": {"language": "not English"},
    "L\u00e4sion mit unregelm\u00e4\u00dfigem Rand, keine Regression.": {"language": "not English"},
    "\u75c5\u53d8\u5f62\u72b6\u4e0d\u5bf9\u79f0\uff0c\u8fb9\u7f18\u4e0d\u89c4\u5219\u3002": {"language": "not English"},
    "Une l\u00e9sion brune sans structures visibles.": {"language": "not English"},
    "\u041e\u0447\u0430\u0433 \u0441\u0438\u043c\u043c\u0435\u0442\u0440\u0438\u0447\u043d\u044b\u0439, "
    "\u0431\u0435\u0437 melanoma.": {"language": "not English"},
    "Lesione simmetrica con milia e melanoma.": {"language": "not English"},
    "La lesi\u00f3n es sim\u00e9trica. The border is irregular.": {
        "border_shape": "irregular", "language": "not English",
    },
}  # fmt: skip

AROUND = {
    "The surrounding skin is pink and scaly.": {},
    "A dark brown lesion on light brown skin.": {"colours": "dark brown"},
    "Small brown dots are scattered over the adjacent skin.": {},
    "The lesion is symmetric, and the skin around it shows fine vessels.": {"symmetry": "symmetric"},
    "It sits on a reddish, scaly background.": {},
    "Surrounded by reddish, crusted skin, the lesion has a smooth edge.": {"border_shape": "regular"},
    "The perilesional skin has a typical network, but the lesion has no network.": {"network": "any absent"},
    "The nearby skin shows no dots.": {},
    "A black nodule is set against pale pink skin.": {"colours": "black"},
}

DENIALS = {
    "The lesion is free of dots, globules and streaks.": {"dots_globules": "any absent", "streaks": "any absent"},
    "Devoid of network, veil and regression, it has a regular border.": {
        "border_shape": "regular", "network": "any absent", "blue_white_veil": "any absent",
        "regression": "any absent",
    },
    "Its outline is far from regular.": {"border_shape": "irregular"},
    "The shape is by no means symmetric.": {"symmetry": "asymmetric"},
    "There is no indication of blurred or jagged edges.": {"border_shape": "regular", "border_sharpness": "sharp"},
    "It shows none of dots, streaks or veil.": {
        "dots_globules": "any absent", "streaks": "any absent", "blue_white_veil": "any absent",
    },
    "The colour is hardly uniform.": {"colour_count": "one absent"},
    "Neither raised nor notched borders are present.": {"border_shape": "regular"},
}  # fmt: skip

TWO_LESIONS = {
    "One lesion is symmetric, the other is not.": {"symmetry": "conflict uncertain"},
    "There are two lesions: the left one is symmetric, the right one asymmetric.": {"symmetry": "conflict uncertain"},
    "The larger lesion has streaks, the smaller one does not.": {"streaks": "conflict uncertain"},
    "One spot is red and the other is black.": {"colours": "conflict uncertain"},
    "The first lesion has a sharp border; the second has a blurred one.": {"border_sharpness": "conflict uncertain"},
    "Both lesions are asymmetric, without streaks.": {"symmetry": "asymmetric", "streaks": "any absent"},
}

PLAIN = {
    "A symmetric lesion with a uniform brown color and a smooth border.": {
        "symmetry": "symmetric", "border_shape": "regular", "colour_count": "one",
    },
    "An indistinct border that blends into the surrounding skin.": {"border_sharpness": "faded"},
    "The lesion is sharply demarcated from the surrounding skin.": {"border_sharpness": "sharp"},
    "The lesion is darker than the surrounding skin and has streaks.": {"streaks": "any"},
    "A brown skin lesion with irregular dots.": {"dots_globules": "irregular"},
    "No streaks extend into the surrounding skin.": {"streaks": "any absent"},
    "The skin shows a lesion with an irregular border and black dots.": {
        "border_shape": "irregular", "colours": "black", "dots_globules": "any",
    },
    "One half is darker than the other, so the lesion is asymmetric.": {"symmetry": "asymmetric"},
    "One part is light brown, the other dark brown.": {"colours": "light brown+dark brown", "colour_count": "two"},
    "A central blotch surrounded by a typical network.": {"blotch": "any", "network": "typical"},
    "No dots, but streaks.": {"dots_globules": "any absent", "streaks": "any"},
    "A caf\u00e9-au-lait macule with regular borders.": {"border_shape": "regular"},
    "Naevus, de novo, with streaks.": {"streaks": "any", "off_topic": "diagnosis"},
    "Waxy.": {"surface": "waxy"},
    "Irregular border.": {"border_shape": "irregular"},
    "It is clear that the lesion is asymmetric.": {"symmetry": "asymmetric"},
    "A clear blue-white veil.": {"blue_white_veil": "any"},
    "The lesion is symmetric and free of hair.": {"symmetry": "symmetric", "artefact": "hair absent"},
    "The edge is regular but far from the ruler.": {"border_shape": "regular", "artefact": "ruler"},
    "A 6\u202fmm lesion: asymmetric, three colours, atypical network.": {
        "symmetry": "asymmetric", "colour_count": "many", "network": "atypical",
    },
}  # fmt: skip

REPORTED = {  # captions of real models, in other words
    "There is no sign of raised or uneven borders.": {"border_shape": "regular"},
    "The surrounding skin shows a fine network of lines and small dark spots.": {},
    "It lies within a pinkish, slightly raised area.": {},
    "Anything but sharply bordered.": {"border_sharpness": "faded"},
    "It is clear of globules, streaks and veil.": {
        "dots_globules": "any absent", "streaks": "any absent", "blue_white_veil": "any absent",
    },
    "One lesion has an even edge, the other a ragged one.": {"border_shape": "conflict uncertain"},
}  # fmt: skip

LATER = {  # written when the reader was done, to see what it makes of sentences that it does not know
    "No\u2003dots, streaks\u2005or veil.": {
        "dots_globules": "any absent", "streaks": "any absent", "blue_white_veil": "any absent",
    },
    "The border is ir\u2010\nregular.": {"border_shape": "irregular"},
    "Der Rand der L\u00e4sion ist scharf, die Farbe uniform.": {"language": "not English"},
    "The lesion sits on pale, slightly scaly skin and has two colors.": {"colour_count": "two"},
    "Pinkish skin surrounds a lesion with jagged margins.": {"border_shape": "irregular"},
    "Faint reddish vessels run through the neighbouring skin.": {},
    "The mass is free from globules, streaks, and any blue-white veil.": {
        "dots_globules": "any absent", "streaks": "any absent", "blue_white_veil": "any absent",
    },
    "It lacks a network, dots and streaks.": {
        "network": "any absent", "dots_globules": "any absent", "streaks": "any absent",
    },
    "The first spot looks even in colour, the second multicoloured.": {"colour_count": "conflict uncertain"},
    "Two lesions are shown, both with regular borders.": {"border_shape": "regular"},
    "Its contour is anything but smooth.": {"border_shape": "irregular"},
    "The lesion doesnt have streaks.": {"streaks": "any absent"},
    "Compared with the skin around it, the lesion is dark brown.": {"colours": "dark brown"},
    "Against a background of light brown skin, white clods stand out.": {"milia": "any"},
    "Hair crosses the lesion; its network is atypical.": {"artefact": "hair", "network": "atypical"},
    "Black dots are visible on the lesion and on the skin around it.": {"colours": "black", "dots_globules": "any"},
    "No evidence of irregular dots, streaks and regression.": {
        "dots_globules": "irregular absent", "streaks": "any absent", "regression": "any absent",
    },
    "Sharp border, one colour.": {"border_sharpness": "sharp", "colour_count": "one"},
    "Das ist ein N\u00e4vus.": {"language": "not English"},
    "Each of the two lesions has an irregular border, but only one has streaks.": {
        "border_shape": "irregular", "streaks": "conflict uncertain",
    },
}  # fmt: skip

LATER |= {  # and twenty more, when what the first twenty showed had been mended
    "The lesion is clear of hair and shows two colours.": {"artefact": "hair absent", "colour_count": "two"},
    "Streaks\u3000are\u2000absent.": {"streaks": "any absent"},
    "The lesion\u2019s edge isn\u2019t sharp.": {"border_sharpness": "faded"},
    "Ein brauner Fleck mit scharfem Rand.": {"language": "not English"},
    "Fleck, asymmetrisch, unregelm\u00e4\u00dfig.": {},  # too few words to be sure of: silent, not wrong
    "The adjacent skin is red; the lesion is white.": {"colours": "white"},
    "On tanned skin sits a lesion with a moth-eaten border.": {"border_shape": "moth-eaten"},
    "The lesion, surrounded by pink skin, is dark brown and symmetric.": {
        "colours": "dark brown", "symmetry": "symmetric",
    },
    "Dots, streaks and globules are all absent.": {"dots_globules": "any absent", "streaks": "any absent"},
    "void of any network or dots": {"network": "any absent", "dots_globules": "any absent"},
    "None of the borders is irregular.": {"border_shape": "regular"},
    "The left lesion has a network while the right one has none.": {"network": "conflict uncertain"},
    "Of the two lesions, the upper is symmetric and the lower is not.": {"symmetry": "conflict uncertain"},
    "Pigment network extends to the surrounding skin.": {"network": "any"},
    "White scale covers the surrounding skin, not the lesion.": {},
    "It has neither an even colour nor a smooth edge.": {"colour_count": "one absent", "border_shape": "irregular"},
    "The lesion is mostly free of colour variegation.": {"colour_count": "many absent"},
    "A uniformly brown papule, well bordered.": {"colour_count": "one", "border_sharpness": "sharp"},
    "The picture shows skin-coloured nodules with a regular edge.": {"border_shape": "regular"},
    "Lesi simetris dengan tepi teratur.": {"language": "not English"},
}  # fmt: skip

BEFORE = LETTERS | FOREIGN | AROUND | DENIALS | TWO_LESIONS | PLAIN


@pytest.mark.parametrize("sentence", BEFORE | LATER | REPORTED)
def test_what_a_machine_writes_is_read_right(sentence):
    assert lexicon.parse(sentence) == stated.facts((BEFORE | LATER | REPORTED)[sentence])


def test_there_are_sixty_and_a_third_are_plain():
    assert len(BEFORE) == 60 and len(PLAIN) == 20


@pytest.mark.parametrize(
    ("sentence", "facts"),
    [
        ("Lacks symmetry, irregular borders and multiple colors.", {
            "symmetry": "asymmetric", "border_shape": "irregular uncertain", "colour_count": "many uncertain",
        }),
        ("Free of ulceration, well-defined and symmetric.", {"symmetry": "symmetric", "border_sharpness": "sharp"}),
        ("Free of streaks and a network is seen.", {"streaks": "any absent", "network": "any"}),
        ("Clear of streaks, dots and a veil.", {
            "streaks": "any absent", "dots_globules": "any absent", "blue_white_veil": "any absent",
        }),
        ("Loss of symmetry, irregular border and multiple colors.", {
            "symmetry": "asymmetric", "border_shape": "irregular", "colour_count": "many",
        }),
        ("No streaks \u2013 irregular border.", {"streaks": "any absent", "border_shape": "irregular"}),
        ("The skin appears to have a light brown mole with streaks.", {
            "colours": "light brown", "streaks": "any", "off_topic": "diagnosis",
        }),
        ("The lesion is brown, skin is red.", {}),
        ("Symmetry: asymmetric\nDots: no\nStreaks: not seen\nNetwork: typical", {
            "symmetry": "asymmetric", "dots_globules": "any absent", "streaks": "any absent", "network": "typical",
        }),
        ("n\u043e streaks", {"language": "not English"}),  # the second letter is Cyrillic
    ],
)  # fmt: skip
def test_where_a_rule_ends(sentence, facts):
    """Lists end at adjectives and verbs; what cannot be absent is in doubt; the skin's clause ends at the lesion."""
    assert lexicon.parse(sentence) == stated.facts(facts)


def test_words_are_found_again_in_the_text_as_it_was_given():
    text = "The le\u00adsion isn\u2019t \uff53ymmetric; no\u200bstrea\u00adks."
    said = [(text[one.start : one.end], one.slot, one.polarity) for one in mentions(text)]
    assert said == [
        ("\uff53ymmetric", "symmetry", "present"), ("strea\u00adks", "streaks", "absent"),
    ]  # fmt: skip


NOT_PROSE = [
    '{"symmetry": "asymmetric", "streaks": false, "blue_white_veil": "absent", "milia": null}',
    '{\n  "streaks": false,\n  "absent": [\n    "dots",\n    "veil"\n  ]\n}',
    "{'streaks': False, 'veil': 0}",
    "| Network | no |",
    "| Feature | Seen |\n|---|---|\n| Symmetry | asymmetric |\n| Border | irregular |",
    "Network | no",
    "network=0, streaks=no",
    "symmetry=asymmetric; veil=false",
    "streaks = 0",
    "streaks,no\ndots,yes",
    "[ ] streaks\n[x] dots",
    "Streaks: \u2717",
    "\u274c\ufe0f Streaks",
    "Streaks \u2717 Dots \u2713",
    "Absent:\n- streaks\n- dots",
    "**Not seen**\uff1a\n* streaks\n* dots",
    "Absent features: streaks, dots and veil.",
]


@pytest.mark.parametrize("caption", NOT_PROSE)
def test_what_is_no_prose_is_noted_and_never_read(caption):
    assert lexicon.parse(caption) == {"language": ("not prose", "present")}
    assert lexicon.vote(caption).label == "abstain"
    assert lexicon.paper_vote(caption).reason == "not prose"
    assert [name for name, met in compliance(caption).items() if not met and name.startswith("in_")] == ["in_prose"]


SHORT_FORMS = {
    "Streaks (-)": {"streaks": "any absent"},
    "Dots: -": {"dots_globules": "any absent"},
    "dots: no": {"dots_globules": "any absent"},
    "streaks negative": {"streaks": "any absent"},
    "streaks \u2013 no": {"streaks": "any absent"},
    "streaks\tno": {"streaks": "any absent"},
    "- streaks: false\n- veil: true": {"streaks": "any absent", "blue_white_veil": "any"},
    "Streaks: nil. Dots: zero.": {"streaks": "any absent", "dots_globules": "any absent"},
    "zero streaks": {"streaks": "any absent"},
    "streaks: null": {"streaks": "any uncertain"},
    "streaks: unknown": {"streaks": "any uncertain"},
    "streaks: not assessable": {"streaks": "any uncertain"},
    "Streaks (+), dots (-)": {"streaks": "any", "dots_globules": "any absent"},
    "Asymmetry: negative": {"symmetry": "symmetric"},
    "Asymmetry: N/A": {"symmetry": "asymmetric uncertain"},
    "asymmetry (no)": {"symmetry": "symmetric"},
    "Asymmetry 0/2": {"symmetry": "symmetric"},
    "Asymmetry: 1/2": {"symmetry": "asymmetric"},
    "asymmetry score: 0": {"symmetry": "symmetric"},
    "asymmetry in 0 axes": {"symmetry": "symmetric"},
    "symmetric in 1 axis": {"symmetry": "asymmetric"},
    "Symmetric: false": {"symmetry": "asymmetric"},
    "streaks 0.5 mm long": {"streaks": "any"},
    "A 6 \u00d7 4 mm lesion, asymmetric.": {"symmetry": "asymmetric"},
}

WEAKENED = {
    "There is little evidence of asymmetry.": {"symmetry": "asymmetric uncertain"},
    "minimal asymmetry": {"symmetry": "asymmetric uncertain"},
    "Asymmetry is negligible.": {"symmetry": "asymmetric uncertain"},
    "a little asymmetric": {"symmetry": "asymmetric"},
    "barely visible streaks": {"streaks": "any uncertain"},
    "fewer than two colors": {"colour_count": "one"},
    "fewer than three colors": {"colour_count": "many absent"},
    "no fewer than three colors": {"colour_count": "many"},
    "at most two colors": {"colour_count": "two uncertain"},
    "It is less than 6 mm and asymmetric.": {"symmetry": "asymmetric"},
    "a less well-defined border": {"border_sharpness": "sharp uncertain"},
    "less symmetric than before": {"symmetry": "symmetric uncertain"},
    "more symmetric than before": {"symmetry": "symmetric uncertain"},
    "It has lost its regular border.": {"border_shape": "irregular"},
    "Symmetry is lost.": {"symmetry": "asymmetric"},
    "Symmetry is not preserved.": {"symmetry": "asymmetric"},
    "Symmetry is broken.": {"symmetry": "asymmetric"},
    "The network is lost at the edge.": {"network": "any"},
    "One color dominates, but several are present.": {"colour_count": "many"},
    "One color dominates.": {"colour_count": "one uncertain"},
    "No network, dots, streaks, veil.": {
        "network": "any absent", "dots_globules": "any uncertain", "streaks": "any uncertain",
        "blue_white_veil": "any uncertain",
    },
    "No network, dots, streaks and veil.": {
        "network": "any absent", "dots_globules": "any uncertain", "streaks": "any uncertain",
        "blue_white_veil": "any uncertain",
    },
    "No asymmetry, irregular border, multiple colors.": {
        "symmetry": "symmetric", "border_shape": "irregular uncertain", "colour_count": "many uncertain",
    },
    "No dots, streaks and no veil.": {
        "dots_globules": "any absent", "streaks": "any", "blue_white_veil": "any absent",
    },
    "No hair, symmetric lesion.": {"artefact": "hair absent", "symmetry": "symmetric"},
}  # fmt: skip


@pytest.mark.parametrize("sentence", SHORT_FORMS | WEAKENED)
def test_short_and_weak_denials_are_read_right_or_in_doubt(sentence):
    assert lexicon.parse(sentence) == stated.facts((SHORT_FORMS | WEAKENED)[sentence])


@pytest.mark.parametrize(
    "sentence",
    [
        "pas de streaks", "The border is irregular, pas de streaks.", "aucun network", "sans dots", "keine streaks",
        "Streaks nicht sichtbar.", "streaks: nein", "non ci sono streaks", "sin streaks", "geen dots",
        "n\u00e3o h\u00e1 streaks", "tidak ada streaks", "\u6ca1\u6709 streaks", "\u043d\u0435\u0442 streaks",
    ],
)  # fmt: skip
def test_a_foreign_denial_in_an_english_sentence_is_noted(sentence):
    assert lexicon.parse(sentence) == {"language": ("not English", "present")}


SHORT = [
    "Brown.",
    "Symmetric",
    "A mole",
    "No dots",
    "Even color, uniform.",
    "Dots: none",
    "in situ",
    "3 na\u00efve dots",
    "A 5 \u00b5m scale bar.",
    '"Symmetric, with a so-called veil"',
]


@pytest.mark.parametrize("sentence", [*SHORT, *PLAIN, *DENIALS, *AROUND, *SHORT_FORMS, *WEAKENED])
def test_english_is_never_taken_for_another_language(sentence):
    assert "language" not in lexicon.parse(sentence)
