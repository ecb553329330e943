"""Exercises of unit 06: whole words, denials, what a constant scores, what a fact weighs."""

import re
from collections.abc import Callable

import numpy as np

from dermxai_helpers.checks.exercise import Exercise


def traps(rng: np.random.Generator) -> tuple[str, str]:
    """A sentence that holds a keyword alone, in capitals, twice in a row and inside longer words; and the keyword."""
    keyword = ("uniform", "regular border", "even color", "waxy")[rng.integers(4)]
    pieces = [keyword, keyword.capitalize(), keyword.upper(), f"{keyword} {keyword}", "a brown lesion"]
    pieces += [f"un{keyword}", f"{keyword}s", f"non-{keyword}", f"{keyword}-like"]
    pieces += rng.choice(pieces, 3).tolist()
    return rng.choice([", ", "; ", " and "]).join(rng.permutation(pieces)) + ".", keyword


def hits(before: str, after: str, flags: re.RegexFlag = re.IGNORECASE) -> Callable:
    """A count of keywords between two patterns."""
    return lambda sentence, keyword: len(re.findall(before + keyword + after, sentence, flags))


whole_words = Exercise(
    "whole_words",
    draw=traps,
    right=hits(r"(?<![\w-])", r"(?![\w-])"),
    mistakes={
        "Letters are counted that stand inside a longer word, such as an opposite.": hits("", ""),
        "A hyphen joins two words to one, but \\b takes it for the end of a word.": hits(r"\b", r"\b"),
        "Only small letters are found. The case must not matter.": hits(r"(?<![\w-])", r"(?![\w-])", re.NOFLAG),
        "What comes behind the keyword is not looked at: a longer word may begin with it.": hits(r"(?<![\w-])", ""),
        "What stands before the keyword is not looked at: a longer word may end with it.": hits("", r"(?![\w-])"),
        "Of two keywords in a row one is lost: the first uses up the space that the second needs before it.": (
            hits(r"(?:^|[^\w-])", r"(?:$|[^\w-])")
        ),
        "Split at spaces, a word keeps its comma, and a keyword of two words is never found.": (
            lambda sentence, keyword: sentence.lower().split().count(keyword)
        ),
    },
    praise="Letters, case and hyphens mislead this count no more. A denial still does.",
)
