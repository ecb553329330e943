"""Captions judged by facts, beside n-gram scores, expert sentences, and the same lesion drawn twice."""

import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import data, files, lexicon, scoring, synth
from dermxai_helpers.lexicon import conduct, facts, references
from dermxai_helpers.lexicon import counterfactual as caption_pairs
from dermxai_helpers.lexicon.sentences import describe

REFERENCE = (
    "The lesion is symmetric, with a regular border, of a single brown color, a typical pigment network, "
    "and no blue-white veil."
)
FLIPPED = (
    "The lesion is asymmetric, with an irregular border, of a single brown color, an atypical pigment network, "
    "and a blue-white veil."
)
PARAPHRASE = (
    "The two sides mirror each other; its margin is smooth; the pigment is uniformly brown; the network is typical; "
    "blue-white veil absent."
)

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


# --- scores ---

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


def test_scores_by_hand():
    table = facts.verdicts(SAID, TRUE, slots=SLOTS)
    assert table["verdict"].tolist() == ["right", "silent", "wrong", "wrong", "right", "right", "silent", "right"]
    score = facts.score(table, repeats=50)
    assert list(score.index) == ["streaks", "symmetry", "all"]
    streaks = score.loc["streaks"]
    assert streaks[["facts", "precision", "recall"]].tolist() == pytest.approx([4, 2 / 3, 2 / 4])
    assert streaks["f1"] == pytest.approx(2 * 2 / (3 + 4))
    assert streaks[["hallucinated", "omitted"]].tolist() == [0.25, 0.25]
    assert (score[["recall", "hallucinated", "omitted"]].sum(axis=1) == 1).all()
    assert (score["low"] <= score["f1"]).all() and (score["f1"] <= score["high"]).all()


def test_presence_and_absence_are_scored_apart():
    score = facts.score_by_polarity(facts.verdicts(SAID, TRUE, slots=SLOTS))
    assert score.loc[("streaks", "present"), ["said", "facts", "precision", "recall"]].tolist() == [2, 2, 0.5, 0.5]
    assert score.loc[("streaks", "absent"), ["said", "facts", "precision", "recall"]].tolist() == [1, 2, 1, 0.5]
    assert ("symmetry", "absent") not in score.index
    never = [dict.fromkeys(["streaks"], ("any", "absent"))] * 4
    denied = facts.score_by_polarity(facts.verdicts(never, TRUE, slots=["streaks"]))
    assert denied.loc[("streaks", "absent"), "recall"] == 1 and denied.loc[("streaks", "present"), "recall"] == 0


def test_intervals_resample_lesions():
    """Twenty captions of two lesions are two witnesses: their interval must be wider than that of twenty lesions."""
    true = [TRUE[0]] * 20
    said = [SAID[0]] * 10 + [{"streaks": ("any", "absent")}] * 10
    widths = []
    for lesions in (np.arange(20), np.arange(20) // 10):
        row = facts.score(facts.verdicts(said, true, lesions, ["streaks"]), repeats=300).loc["streaks"]
        widths.append(row["high"] - row["low"])
    assert widths[1] > 1.5 * widths[0]


def test_true_captions_of_drawings_are_right_in_everything_they_were_asked():
    rows = [synth.draw([5, number]).attributes for number in range(12)]
    said = [describe(row, "focused", np.random.default_rng(1)) for row in rows]
    true = [facts.true_facts(row) for row in rows]
    asked = ("symmetry", "border_shape", "colour_count", "network", "dots_globules", "streaks", "blue_white_veil")
    score = facts.score(facts.verdicts([lexicon.parse(one) for one in said], true, slots=asked), repeats=20)
    assert (score[["precision", "recall", "f1"]] == 1).all(axis=None)


def test_unequal_lengths_are_explained():
    with pytest.raises(ValueError, match="4 captions, 3 truths"):
        facts.verdicts(SAID, TRUE[:3])


# --- controls and witnesses ---


def test_majority_is_the_commonest_fact_of_each_slot():
    assert facts.majority(TRUE) == {"streaks": ("any", "present"), "symmetry": ("asymmetric", "present")}


def test_shuffled_captions_are_all_dealt_to_others():
    dealt = facts.shuffled(list(range(50)), seed=3)
    assert sorted(dealt) == list(range(50)) and all(one != place for place, one in enumerate(dealt))


def test_controls_stand_beside_the_captions():
    rng = np.random.default_rng(0)
    true = [{"streaks": ("any", "present" if one else "absent")} for one in rng.random(300) < 0.3]
    readings = {"captions": true, "majority": [facts.majority(true)] * 300, "shuffled": facts.shuffled(true)}
    table = facts.compare(readings, true, slots=["streaks", "milia"], repeats=50)
    assert list(table.columns) == ["captions", "low", "high", "majority", "shuffled"]
    assert list(table.index) == ["streaks", "all"]  # nothing is known about milia
    assert table.loc["streaks", "captions"] == 1
    assert table.loc["streaks", "majority"] == pytest.approx(0.7, abs=0.06)
    assert table.loc["streaks", "shuffled"] == pytest.approx(0.58, abs=0.08)


def test_agreement_is_measured_against_chance():
    one = [{"streaks": ("any", "present")}, {"streaks": ("any", "absent")}] * 10
    table = facts.agreement({"original": one, "roi": one, "focused": one}, ["streaks", "milia"])
    assert table.loc["streaks"].tolist() == [60, 1, 0.5, 1] and "milia" not in table.index
    stubborn = [one[0]] * 20
    assert np.isnan(facts.agreement({"original": stubborn, "roi": stubborn}, ["streaks"]).loc["streaks", "kappa"])
    half = facts.agreement({"original": one, "roi": stubborn}, ["streaks"]).loc["streaks"]
    assert half.tolist() == [20, 0.5, 0.5, 0]
    doubt = facts.agreement({"original": one, "roi": [{"streaks": ("any", "uncertain")}] * 20}, ["streaks"])
    assert doubt.empty


# --- form ---


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
    ],
)
def test_compliance(sentence, broken):
    assert {demand for demand, met in conduct.compliance(sentence).items() if not met} == broken


def test_compliance_of_several_views():
    table = conduct.compliance_table({"roi": ["Symmetric.", "A mole."], "original": ["One. Two."]})
    assert table.loc["roi", ["one_sentence", "no_diagnosis"]].tolist() == [1, 0.5]
    assert table.loc["original", "one_sentence"] == 0


@pytest.mark.parametrize(
    ("sentence", "answer"),
    [
        ("a smooth surface and no scale visible for the diameter", "refused"),
        ("The diameter cannot be measured.", "refused"),
        ("No ruler is visible.", "refused"),
        ("about 6 mm across", "measured"),
        ("The diameter is 4.5-5 millimetres, though no scale is visible.", "measured"),
        ("a symmetric lesion with a visible ruler", "silent"),
    ],
)
def test_answers_about_the_diameter(sentence, answer):
    assert conduct.size_answer(sentence) == answer


def test_a_refusal_is_right_only_without_a_scale():
    said = ["No scale visible.", "6 mm.", "A lesion.", "No scale visible.", "6 mm.", "7 mm.", "A visible ruler."]
    table = conduct.refusals(said, [False] * 3 + [True] * 4)
    assert table.loc["no scale"].tolist() == pytest.approx([3, 1 / 3, 1 / 3, 1 / 3, 1 / 3])
    assert table.loc["scale visible"].tolist() == [4, 0.25, 0.5, 0.25, 0.75]
    with pytest.raises(ValueError, match="7 captions but scale_visible has 1 entries"):
        conduct.refusals(said, [True])


# --- n-grams ---


def test_ngrams_prefer_a_false_sentence_to_a_true_one():
    """The numbers of the warning: four of five facts turned round score 47.9, a true paraphrase 4.0."""
    said = {"identical": REFERENCE, "flipped": FLIPPED, "paraphrase": PARAPHRASE, "vague": "A lesion on skin."}
    table = references.beside_ngrams(said, REFERENCE)
    assert table[["right", "wrong", "silent"]].to_numpy().tolist() == [[5, 0, 0], [1, 4, 0], [5, 0, 0], [0, 0, 5]]
    assert table["BLEU"].round(1).tolist()[:3] == [100, 47.9, 4.0]
    assert table["chrF"].round(1).tolist()[:3] == [100, 88.1, 38.2]
    assert table["ROUGE-1"].round(2).tolist()[:3] == [1, 0.77, 0.40]
    assert table["ROUGE-L"].round(2).tolist()[:3] == [1, 0.73, 0.31]


# --- references ---


def test_references_from_the_truth_hold_every_fact_that_was_asked(drawn):
    truth = data.truth(drawn).head(5)
    written = references.of_truth(truth, "focused")
    assert list(written) == truth["image_id"].tolist()
    table = references.verdicts(written, written)
    assert (table["verdict"] == "right").all() and len(table) >= 5 * 7
    assert set(table["image_id"]) == set(written)


@pytest.mark.parametrize(
    "content",
    [
        'image_id,sentence\na1,"Symmetric, regular border."\na2,No streaks.\n',
        "\ufeffImage_ID;Sentence;reader\r\na1;Symmetric, regular border.;me\r\n\r\na2;No streaks.;me\r\n",
        'sentence\timage_id\n"Symmetric,\nregular border."\ta1\nNo streaks.\ta2',
    ],
)
def test_expert_sentences_are_read_from_any_usual_csv(tmp_path, content):
    (tmp_path / "expert.csv").write_text(content, encoding="utf-8", newline="")
    read = references.read(tmp_path / "expert.csv")
    assert read["a2"] == "No streaks."
    assert lexicon.parse(read["a1"]) == lexicon.parse("Symmetric, regular border.")


def test_two_sentences_on_one_image_are_joined(tmp_path):
    (tmp_path / "expert.csv").write_text("image_id,sentence\na,Symmetric.\na,No streaks.\n")
    assert references.read(tmp_path / "expert.csv") == {"a": "Symmetric. No streaks."}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "there is no such file"),
        (b"", "must name the columns image_id and sentence; it names nothing"),
        (b"image,text\na,b\n", "it names image, text"),
        (b"image_id,sentence\n", "a heading and no sentence"),
        (b"image_id,sentence\na,Symmetric, regular border.\n", "line 2: 3 cells under 2 headings: put a sentence with"),
        (b"image_id,sentence\na,\n,No streaks.\n", "line 2: sentence missing(.|\n)*line 3: image_id missing"),
        (b"image_id,sentence\na,\xff\xfe\n", "cannot be read as text .*save it as CSV, UTF-8"),
        (b'image_id,sentence\na,"Symmetric\n', "is a quotation mark left open"),
    ],
)
def test_unfit_files_of_sentences_are_explained(tmp_path, content, message):
    path = tmp_path / "expert.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(files.DataError, match=message):
        references.read(path)


def test_captions_beside_references_count_only_shared_images():
    expert = {"a": "Symmetric, no streaks.", "b": "Irregular border.", "c": "Lovely."}
    said = {"a": "Symmetric with streaks.", "c": "Symmetric.", "z": "Streaks."}
    table = references.verdicts(said, expert, {"a": "L1"})
    assert table[["image_id", "lesion", "slot", "verdict"]].to_numpy().tolist() == [
        ["a", "L1", "symmetry", "right"], ["a", "L1", "streaks", "wrong"],
    ]  # fmt: skip
    assert references.unread(expert) == {"c": "Lovely."}
    with pytest.raises(ValueError, match="none of the 3 references is about one of the 1 captioned images"):
        references.verdicts({"z": "Streaks."}, expert)
    with pytest.raises(ValueError, match="no fact was read in 1 references; the first is 'Lovely.'"):
        references.verdicts({"c": "Streaks."}, expert)


# --- counterfactuals ---


@pytest.fixture(scope="module")
def pairs() -> list[caption_pairs.Pair]:
    return caption_pairs.draw_pairs(2, seed=4)


def test_pairs_differ_in_the_named_slot_and_only_in_what_follows_from_it(pairs):
    follows = {"blue_white_veil": {"colour_count"}}
    for pair in pairs:
        before, after = (facts.true_facts(one.attributes) for one in (pair.before, pair.after))
        differing = {slot for slot in before if before[slot] != after[slot]}
        assert pair.slot in differing <= {pair.slot} | follows.get(pair.slot, set())
        assert not np.array_equal(pair.before.image, pair.after.image)
        kept = {"label", "skin", "hair", "ruler", "ink"}
        assert all(pair.before.attributes[name] == pair.after.attributes[name] for name in kept)
    first = [facts.true_facts(pair.before.attributes)[pair.slot] for pair in pairs]
    assert first[0] != first[1]  # there and back


def test_a_true_describer_follows_the_picture_and_only_the_picture(pairs):
    def told(lesion):
        return lexicon.parse(describe(lesion.attributes, "focused", np.random.default_rng(0)))

    before, after = [told(pair.before) for pair in pairs], [told(pair.after) for pair in pairs]
    table = caption_pairs.follow(pairs, before, after)
    assert (table[["changed", "followed", "only", "faithful"]] == 1).all(axis=None)
    assert table.loc["streaks", "pairs"] == 2 and table.loc["all", "pairs"] == len(pairs)
    assert table.loc["all", ["low", "high"]].tolist() == list(scoring.wilson(len(pairs), len(pairs)))


def test_blind_and_restless_captions_are_found_out(pairs):
    same = [lexicon.parse(REFERENCE)] * len(pairs)
    constant = caption_pairs.follow(pairs, same, same)
    assert (constant[["changed", "followed", "faithful"]] == 0).all(axis=None) and (constant["only"] == 1).all()
    true = [[facts.true_facts(side.attributes) for side in (pair.before, pair.after)] for pair in pairs]
    wanders = [{**after, "border_sharpness": ("sharp", "uncertain")} for _, after in true]
    restless = caption_pairs.follow(pairs, [before for before, _ in true], wanders)
    assert (restless["followed"] == 1).all() and (restless[["only", "faithful"]] == 0).all(axis=None)


def test_pairs_explain_what_they_cannot_do(pairs):
    with pytest.raises(ValueError, match="no settings for surface: choose from symmetry"):
        caption_pairs.draw_pairs(1, slots=["surface"])
    with pytest.raises(ValueError, match="18 pairs, 0 captions before and 1 after"):
        caption_pairs.follow(pairs, [], [{}])


def test_verdicts_of_no_caption_give_an_empty_table():
    assert facts.verdicts([], []).empty
    assert isinstance(facts.verdicts([], []), pd.DataFrame)


@pytest.mark.parametrize(
    ("answer", "kept"),
    [
        ("A lesion. It is brown.", "A lesion."),
        ("About 2.5 mm wide, e.g. a dot. Brown!", "About 2.5 mm wide, e.g. a dot."),
        (" No full stop ", "No full stop"),
        ("", ""),
        ("Is it one? Yes.", "Is it one?"),
    ],
)
def test_the_first_sentence_of_an_answer(answer, kept):
    assert conduct.first_sentence(answer) == kept
