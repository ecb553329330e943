"""The paper's vote: which class's keywords occur most often in a sentence, traps included."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dermxai_helpers.lexicon.plain import normalised, without_foreign

PAPER_KEYWORDS = {
    "mel": ("asymmetric", "irregular border", "multiple colors"),
    "bkl": ("waxy", "sharply demarcated", "keratotic"),
    "nv": ("uniform", "regular border", "even color"),
}
"""The paper's keyword sets. Source: seed A, section 3.5."""

FALLBACK = "nv"
"""The class of a sentence that decides nothing. The paper states no rule; the commonest class is a choice without
parameters. The paper may have made the same one: none of the captions it shows holds a keyword, yet 80 % vote nv."""


@dataclass(frozen=True)
class Vote:
    """The class a sentence votes for.

    hits : class -> number of keyword occurrences
    reason : "" when the words decided; else why the fallback did: "zero hits", "tie: mel, nv" or "not English"
    """

    label: str
    hits: dict[str, int]
    reason: str = ""


def paper_vote(sentence: str, keywords: Mapping[str, Sequence[str]] = PAPER_KEYWORDS) -> Vote:
    r"""Vote for the class whose keywords occur most often, counted as the paper counts: as runs of letters.

    $$ \hat c = \arg\max_c \sum_{k \in K_c} \mathrm{count}(k, \mathrm{sentence}) $$

    keywords : class -> words K_c, if not the paper's own. Zero hits and ties go to `FALLBACK`, and `reason` says so.
    Odd spaces and letters are made plain before, and sentences in another language are left out.
    A run of letters is not a word: "irregular border" contains "regular border" and so votes for both classes.

    >>> vote = paper_vote("An irregular border and uneven color.")
    >>> vote.label, vote.hits
    ('nv', {'mel': 1, 'bkl': 0, 'nv': 2})

    Source: seed A, section 3.5 (keywords and count); the rule for ties and zero hits is ours.
    """
    text, foreign = without_foreign(normalised(sentence)[0].lower())
    hits = {label: sum(text.count(keyword) for keyword in words) for label, words in keywords.items()}
    most = max(hits.values())
    leaders = [label for label, count in hits.items() if count == most]
    if most == 0:
        return Vote(FALLBACK, hits, "not English" if foreign else "zero hits")
    if len(leaders) > 1:
        return Vote(FALLBACK, hits, f"tie: {', '.join(leaders)}")
    return Vote(leaders[0], hits)
