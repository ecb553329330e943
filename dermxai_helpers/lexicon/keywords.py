"""Which class does a sentence vote for, and which facts does it state?

Two readers of the same sentence. `paper_vote` counts runs of letters, as the paper did, traps included. `parse` reads
facts (see `reading`), and `vote` weighs them (see `voting`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from dermxai_helpers.lexicon.parsing import mentions, parse
from dermxai_helpers.lexicon.voting import vote

__all__ = ["FALLBACK", "PAPER_KEYWORDS", "Vote", "marked", "mentions", "paper_vote", "parse", "vote"]

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

    label : "mel", "nv" or "bkl"
    hits : class -> number of keyword occurrences
    words : class -> the keywords that occurred
    reason : "" when the words decided; else why the fallback did: "zero hits" or "tie: mel, nv"
    """

    label: str
    hits: dict[str, int]
    words: dict[str, list[str]]
    reason: str = ""


def paper_vote(sentence: str, keywords: Mapping[str, Sequence[str]] = PAPER_KEYWORDS) -> Vote:
    """The class whose keywords occur most often, counted as the paper counts: as runs of letters.

    A run of letters is not a word: "irregular border" contains "regular border" and so votes for both classes.
    Zero hits and ties go to `FALLBACK`, and `reason` says so. keywords : class -> words, if not the paper's own.
    Source: seed A, section 3.5 (keywords and count); the rule for ties and zero hits is ours.
    """
    text = sentence.lower()
    words = {label: [keyword for keyword in known if keyword in text] for label, known in keywords.items()}
    hits = {label: sum(text.count(keyword) for keyword in found) for label, found in words.items()}
    most = max(hits.values())
    leaders = [label for label, count in hits.items() if count == most]
    if most == 0:
        return Vote(FALLBACK, hits, words, "zero hits")
    if len(leaders) > 1:
        return Vote(FALLBACK, hits, words, f"tie: {', '.join(leaders)}")
    return Vote(leaders[0], hits, words)


LOOKS = {"present": ("+", "#d5e8d4"), "absent": ("\u2212", "#f8d9c8"), "uncertain": ("?", "#e6e0ec")}


def marked(sentence: str) -> str:
    """The sentence as HTML with every mention in a box: its sign (+ stated, \u2212 denied, ? in doubt), words and slot.

    The sign says what the colour says, for those who cannot tell the colours apart.
    """
    pieces, end = [], 0
    for mention in mentions(sentence):
        sign, colour = LOOKS[mention.polarity]
        words = escape(sentence[mention.start : mention.end])
        pieces += [escape(sentence[end : mention.start]), (
            f'<mark style="background:{colour};color:black" title="{mention.slot}: {mention.value} '
            f'{mention.polarity}">{sign} {words} <sub>{mention.slot}</sub></mark>'
        )]  # fmt: skip
        end = mention.end
    return "".join([*pieces, escape(sentence[end:])])
