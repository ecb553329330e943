"""N-gram scores prefer a false sentence to a true one."""

from dermxai_helpers import lexicon
from dermxai_helpers.lexicon import facts, references

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


def test_ngrams_prefer_a_false_sentence_to_a_true_one():
    """The numbers of the warning: four of five facts turned round score 47.9, a true paraphrase 4.0."""
    expected = {
        REFERENCE: (5, 0, [100, 100, 1, 1]),
        FLIPPED: (1, 4, [47.9, 88.1, 0.77, 0.73]),
        PARAPHRASE: (5, 0, [4.0, 38.2, 0.40, 0.31]),
    }
    for said, (right, wrong, scores) in expected.items():
        verdicts = facts.verdicts([lexicon.parse(said)], [lexicon.parse(REFERENCE)])["verdict"].tolist()
        assert (verdicts.count("right"), verdicts.count("wrong")) == (right, wrong)
        found = references.ngram_scores(said, REFERENCE)
        assert list(found) == ["BLEU", "chrF", "ROUGE-1", "ROUGE-L"]
        assert [round(found[name], 1) for name in ("BLEU", "chrF")] == scores[:2]
        assert [round(found[name], 2) for name in ("ROUGE-1", "ROUGE-L")] == scores[2:]
