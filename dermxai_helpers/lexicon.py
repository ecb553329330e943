"""Which class does a sentence vote for, and which facts does it state?

Two readers of the same sentence. `paper_vote` counts runs of letters, as the paper did, traps included. `parse` reads
facts: whole words, one clause at a time, with simple negation.
"""

import re
from dataclasses import dataclass

PAPER_KEYWORDS = {
    "mel": ("asymmetric", "irregular border", "multiple colors"),
    "bkl": ("waxy", "sharply demarcated", "keratotic"),
    "nv": ("uniform", "regular border", "even color"),
}
"""The paper's keyword sets. Source: seed A, section 3.5."""

FALLBACK = "nv"
"""The class of a sentence that decides nothing. The paper states no rule; the commonest class is a choice without
parameters. The paper may have made the same one: none of the captions it shows holds a keyword, yet 80 % vote nv."""


# --- counting, as the paper did ---


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


def paper_vote(sentence: str) -> Vote:
    """The class whose keywords occur most often, counted as the paper counts: as runs of letters.

    A run of letters is not a word: "irregular border" contains "regular border" and so votes for both classes.
    Zero hits and ties go to `FALLBACK`, and `reason` says so.
    Source: seed A, section 3.5 (keywords and count); the rule for ties and zero hits is ours.
    """
    text = sentence.lower()
    hits = {label: sum(text.count(keyword) for keyword in keywords) for label, keywords in PAPER_KEYWORDS.items()}
    words = {label: [keyword for keyword in keywords if keyword in text] for label, keywords in PAPER_KEYWORDS.items()}
    most = max(hits.values())
    leaders = [label for label, count in hits.items() if count == most]
    if most == 0:
        return Vote(FALLBACK, hits, words, "zero hits")
    if len(leaders) > 1:
        return Vote(FALLBACK, hits, words, f"tie: {', '.join(leaders)}")
    return Vote(leaders[0], hits, words)


# --- reading facts ---

BORDER = r"(?:borders?|edges?|margins?|outline|contour)"
NETWORK = r"(?:pigment )?network"
DOTS = r"(?:dots|globules)(?: and (?:dots|globules))?"

SLOTS = {
    "symmetry": {"asymmetric": r"a-?symmetric(?:al|ally)?", "symmetric": r"symmetric(?:al|ally)?"},
    "border_shape": {
        "irregular": rf"irregular {BORDER}|{BORDER} (?:is|are|appears?) irregular",
        "regular": rf"regular {BORDER}|{BORDER} (?:is|are|appears?) regular",
    },
    "colours": {
        "single": r"(?:single|one|uniform|even) colou?r",
        "multiple": r"(?:multiple|several|many|different) colou?rs",
    },
    "network": {
        "atypical": rf"(?:atypical|irregular) {NETWORK}",
        "typical": rf"(?:typical|regular) {NETWORK}",
        "any": NETWORK,
    },
    "dots": {"irregular": rf"irregular {DOTS}", "regular": rf"regular {DOTS}", "any": DOTS},
    "streaks": {"any": r"streaks?"},
    "veil": {"any": r"blue-?\s?(?:white|whitish)(?: veil)?"},
    "regression": {"any": r"regression"},
    "milia": {"any": r"milia-like cysts?"},
    "comedo": {"any": r"comedo-like openings?"},
}
# A hyphen belongs to its word here: "non-uniform color" must not count as "uniform color".
PATTERNS = {
    slot: {value: re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])") for value, pattern in values.items()}
    for slot, values in SLOTS.items()
}
CLAUSE_END = re.compile(r"[.;:,()]|\bbut\b|\band (?=an? |no |without )")
DENIED_BEFORE = re.compile(r"\b(?:no|not|without|lacks?|neither|nor)\b")
DENIED_AFTER = re.compile(r"\b(?:is|are) (?:absent|not (?:seen|visible|present))")


def parse(sentence: str) -> dict[str, tuple[str, str]]:
    """The facts a sentence states: {slot: (value, "present" or "absent")}; a slot it does not mention is left out.

    Slots: symmetry, border_shape, colours (single, multiple), network, dots, streaks, veil, regression, milia, comedo.
    A structure without a quality has the value "any": "no dots" gives {"dots": ("any", "absent")}.

    Negation reaches from "no", "not" or "without" to the end of its clause, which a comma, "but" or "and a" ends. So
    "no dots or streaks" denies both; "no asymmetry, streaks or dots" denies only the first, and doubt ("cannot exclude
    streaks") counts as presence. The first mention of a slot counts.
    """
    facts: dict[str, tuple[str, str]] = {}
    for clause in CLAUSE_END.split(sentence.lower()):
        for slot, values in PATTERNS.items():
            found = _first_value(clause, values)
            if found is not None:
                facts.setdefault(slot, found)
    return facts


def _first_value(clause: str, values: dict[str, re.Pattern]) -> tuple[str, str] | None:
    """(value, polarity) of the most specific value that a clause mentions, or None."""
    for value, pattern in values.items():
        match = pattern.search(clause)
        if match:
            denied = DENIED_BEFORE.search(clause[: match.start()]) or DENIED_AFTER.match(clause[match.end() :].lstrip())
            return value, "absent" if denied else "present"
    return None
