"""True sentences, measurements that tell lesions apart, and the form of an answer."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dermxai_helpers import synth
from dermxai_helpers.lexicon import facts, sentences


def drawn(n):
    return [synth.draw([77, number]) for number in range(n)]


@pytest.fixture(scope="module")
def lesions():
    return drawn(120)


@pytest.mark.parametrize(
    ("name", "slot", "above", "least"),
    [
        ("asymmetry", "symmetry", ("asymmetric",), 0.75),
        ("compactness", "border_shape", ("regular",), 0.88),
        ("edge_share", "border_sharpness", ("sharp",), 0.95),
        ("colour_spread", "colour_count", ("many", "two"), 0.65),
    ],
)
def test_the_measures_tell_drawn_lesions_apart(lesions, name, slot, above, least):
    values = [(one.measured | {"edge_share": sentences.edge_share(one.image, one.mask)})[name] for one in lesions]
    true = [facts.true_facts(one.attributes)[slot][0] in above for one in lesions]
    assert roc_auc_score(true, values) > least


def disc(blur):
    """A dark disc of radius 40 on bright skin, its step spread over `blur` pixels on each side."""
    down, across = np.indices((224, 224)) - 112
    away = np.hypot(down, across) - 40
    grey = 60 + 140 * np.clip(away / (2 * blur) + 0.5, 0, 1)
    return np.repeat(grey[..., None], 3, axis=2).astype(np.uint8), away < 0


def test_the_edge_share_falls_with_the_width_of_the_edge():
    shares = [sentences.edge_share(*disc(blur)) for blur in (1, 6, 12)]
    assert shares[0] > 0.85 and shares[0] > shares[1] > shares[2]
    flat = np.full((224, 224, 3), 90, np.uint8)
    assert sentences.edge_share(flat, disc(1)[1]) == 0
    assert np.isfinite(sentences.edge_share(flat, np.ones((224, 224), bool)))


# --- the true sentence about a drawn lesion ---

LESION = {
    "symmetry": "asymmetric",
    "border_shape": "irregular",
    "colours": "light brown+black",
    "colour_count": 2,
    "network": "atypical",
    "dots": "none",
    "streaks": True,
    "veil": False,
    "regression": False,
    "milia": False,
    "comedo": True,
    "fissures": True,
    "ruler": False,
}


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("global", "with an irregular border, multiple colors and a fissured surface."),
        (
            "roi",
            "with an irregular border, multiple colors (light brown and black), a fissured surface and "
            "no scale visible for the diameter.",
        ),
        (
            "focused",
            "with an irregular border, multiple colors (light brown and black), a fissured surface, "
            "comedo-like openings, an atypical network, no dots, streaks and no blue-white veil.",
        ),
    ],
)
def test_describe_answers_each_prompt(name, said):
    written = {sentences.describe(LESION, name, np.random.default_rng(seed)) for seed in range(20)}
    assert written == {f"An asymmetric lesion {said}", f"The lesion is asymmetric, {said}"}


def test_describe_takes_the_colours_of_a_lesion_and_of_the_table():
    rng = np.random.default_rng
    as_tuple = sentences.describe({**LESION, "colours": ("light brown", "black")}, "roi", rng(0))
    assert as_tuple == sentences.describe(LESION, "roi", rng(0))
    single = sentences.describe({**LESION, "colours": "red", "colour_count": 1, "ruler": True}, "roi", rng(0))
    assert "a single color (red)" in single and "a visible ruler" in single and "diameter" not in single


def test_describe_refuses_an_unknown_prompt():
    with pytest.raises(ValueError, match="unknown prompt 'local': choose one of global, roi, focused"):
        sentences.describe(LESION, "local", np.random.default_rng(0))


@pytest.mark.parametrize(
    ("sentence", "broken"),
    [
        ("A symmetric lesion of approx. 4.5 mm.", set()),
        ("Symmetric. Regular border.", {"one_sentence"}),
        ("A symmetric lesion", {"one_sentence"}),
        ("", {"answered", "one_sentence"}),
        ("I am sorry, I cannot help with that.", {"answered"}),
        ("A symmetric lesion, possibly a melanoma.", {"no_diagnosis"}),
        ("The lesion has no diagnosis.", set()),
        ("A person has a lesion.", {"on_topic"}),
        ("A lesion on a person's skin.", set()),
        ("Provide one clinical sentence, state symmetry: it is symmetric.", {"no_echo"}),
        ("Provide one\u2009clinical sen\u00adtence,\u202fstate symmetry: it is symmetric.", {"no_echo"}),
        ("I can\u2019t help with that.", {"answered"}),
        ("\u75c5\u53d8\u4e0d\u5bf9\u79f0\u3002", {"in_english"}),
        ("A benign mole\u3002", {"no_diagnosis"}),
    ],
)
def test_compliance(sentence, broken):
    assert {demand for demand, met in sentences.compliance(sentence).items() if not met} == broken


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("A lesion. It is brown.", "A lesion."),
        ("About 2.5 mm wide, e.g. a dot. Brown!", "About 2.5 mm wide, e.g. a dot."),
        (" No full stop ", "No full stop"),
        ("", ""),
        ("Is it one? Yes.", "Is it one?"),
        ("A le\u00adsion.\u2009It is brown.", "A lesion."),
        ("About 2.5\u202fmm\u3002 Brown", "About 2.5 mm."),
        ("1. The lesion is asymmetric. 2. It is brown.", "The lesion is asymmetric."),
        ("Sure! The lesion is brown. It", "The lesion is brown."),
        ("Certainly. 1) A lesion. 2) B", "A lesion."),
        ("Yes. Of course! A lesion. B", "A lesion."),
        ("Okay.\nA lesion. B", "A lesion."),
        ("No. It is round. B", "It is round."),
        ("No. 3 shows streaks. B", "No. 3 shows streaks."),
        ("Caption no. 2 is short. B", "Caption no. 2 is short."),
        ("Streaks: no. 3 dots. B", "Streaks: no."),
        ("Sure!", "Sure!"),
    ],
)
def test_the_first_sentence_of_an_answer(answer, kept):
    assert sentences.first_sentence(answer) == kept
