"""The paper's vote: which class's keywords occur most often in a sentence, traps included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dermxai_helpers.lexicon.plain import english_prose, normalised

PAPER_KEYWORDS = {
    "mel": ("asymmetric", "irregular border", "multiple colors"),
    "bkl": ("waxy", "sharply demarcated", "keratotic"),
    "nv": ("uniform", "regular border", "even color"),
}  # source: seed A, section 3.5
FALLBACK = "nv"  # the class of a sentence that decides nothing: the commonest. The paper states no rule


@dataclass(frozen=True)
class Vote:
    """The class a sentence votes for."""

    label: str
    hits: dict[str, int]  # class -> number of keyword occurrences
    reason: str = ""  # why the words did not decide: "zero hits", "tie: mel, nv", "not English" or "not prose"


def paper_vote(sentence: str, keywords: Mapping[str, Sequence[str]] = PAPER_KEYWORDS) -> Vote:
    r"""Vote for the class whose keywords occur most often, counted as the paper counts: as runs of letters.

    $$ \hat c = \arg\max_c \sum_{k \in K_c} \mathrm{count}(k, \mathrm{sentence}) $$

    keywords : class -> list of words K_c, if not the paper's own; ValueError for anything else
    Zero hits and ties go to `FALLBACK`, and `reason` says so. Sentences that are not English prose are left out.
    A run of letters is not a word: "irregular border" contains "regular border" and so votes for both classes.

    >>> vote = paper_vote("An irregular border and uneven color.")
    >>> vote.label, vote.hits
    ('nv', {'mel': 1, 'bkl': 0, 'nv': 2})

    Source: seed A, section 3.5 (keywords and count); the rule for ties and zero hits is ours.
    """
    for label, words in keywords.items():
        if isinstance(words, str) or not all(isinstance(word, str) and word.strip() for word in words):
            raise ValueError(f"keywords of {label!r} must be a list of words, none of them empty, got {words!r}")
    text, strange = english_prose(normalised(sentence)[0].lower())
    hits = {label: sum(text.count(normalised(word)[0].lower()) for word in words) for label, words in keywords.items()}
    leaders = [label for label, count in hits.items() if count == max(hits.values()) > 0]
    if len(leaders) == 1:
        return Vote(leaders[0], hits)
    undecided = strange[0][1] if strange else "zero hits"
    return Vote(FALLBACK, hits, f"tie: {', '.join(leaders)}" if leaders else undecided)
