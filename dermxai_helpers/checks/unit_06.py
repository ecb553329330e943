"""Exercises of unit 06: whole words, denials, what a constant scores, what a fact weighs."""

import re
from itertools import pairwise

import numpy as np

from dermxai_helpers import scoring
from dermxai_helpers.checks.exercise import Exercise

CUES = ["no", "not", "without"]


def traps(rng):
    """A sentence that holds a keyword alone, in capitals and inside longer words; and the keyword."""
    key = ["uniform", "regular border", "waxy"][rng.integers(3)]
    pieces = rng.choice([key, key.upper(), f"un{key}", f"{key}s", f"semi-{key}", f"{key}-like"], 20)
    return rng.choice([", ", "; ", " and "]).join(pieces) + ".", key


def _hits(before, after):
    return lambda sentence, keyword: len(re.findall(f"(?i){before}{keyword}{after}", sentence))


whole_words = Exercise("whole_words", draw=traps, right=_hits(r"(?<![\w-])", r"(?![\w-])"),
    praise="Letters, case and hyphens mislead this count no more. A denial still does.", mistakes={
        "Letters are counted that stand inside a longer word, such as an opposite.": _hits("", ""),
        "A hyphen joins two words to one, but \\b takes it for the end of a word.": _hits(r"\b", r"\b"),
        "Only small letters are found. The case must not matter.": _hits(r"(?<![\w-])(?-i:", r")(?![\w-])"),
        "A comma or a full stop may stand beside a word, not only a space.": _hits("(?<!\\S)", "(?!\\S)")})  # fmt: skip


def denials(rng):
    """A caption's words, with a keyword behind cues and in other clauses; and the keyword."""
    key = ["asymmetric", "waxy"][rng.integers(2)]
    texts = rng.choice(["CUE sign of KEY .", "CUE KEY but brown KEY .", "CUE network .", "brown KEY ."], 9)
    words = " ".join(["pale and brown KEY .", *texts]).replace("KEY", key).split()
    return [str(rng.choice(CUES)) if word == "CUE" else word for word in words], key


def _stated(words, keyword, ends=("but", ".")):
    count, denied = 0, False
    for word in words:
        denied = word in CUES or (denied and word not in ends)
        count += word == keyword and not denied
    return count


not_denied = Exercise("not_denied", draw=denials, right=_stated, as_found=lambda *these: _stated(*these, ends=()),
    praise="A denial reaches to the end of its clause: the smallest piece of reading that counting lacks.", mistakes={
        "A denied keyword counts like a stated one.": lambda words, keyword: words.count(keyword),
        "Only a cue right before the keyword is noticed. It reaches farther: 'no sign of'.": lambda words, keyword:
            sum(word == keyword and before not in CUES for before, word in pairwise([".", *words])),
        "A full stop is passed over: a cue denies in the next sentence.": lambda *these: _stated(*these, ends=["but"]),
        "A 'but' is passed over: what comes behind it is denied still.": lambda *these: _stated(*these, ends=["."]),
    })  # fmt: skip


def _constant_f1(numbers, voted):
    return scoring.macro_f1(np.outer(numbers, np.eye(len(numbers))[voted]))


macro_f1_of_a_constant = Exercise("macro_f1_of_a_constant", right=_constant_f1,
    draw=lambda rng: (rng.permutation([0, *rng.integers(1, 60, rng.integers(2, 5))]), int(rng.integers(3))),
    praise="A constant has this without a look at any picture: whoever has less has shown nothing.", mistakes={
        "That is the accuracy, the share of one class.": lambda n, voted: n[voted] / n.sum(),
        "That is the F1 of one class; the mean is over all of them.": lambda n, voted: _constant_f1(n, voted) * len(n),
        "Classes of any size count the same.": lambda n, voted: _constant_f1(n, voted) * len(n) * n[voted] / n.sum(),
        "An empty class counts too, with an F1 of 0.": lambda n, voted: _constant_f1(n, voted) * len(n) / (n > 0).sum(),
    })  # fmt: skip


def _ratios(having, sizes, added=1, lacking=1):
    a, b = (having + added) / (sizes + added + lacking)
    return np.log([a / b, (1 - a) / (1 - b)])


log_likelihood_ratio = Exercise("log_likelihood_ratio", right=_ratios,
    draw=lambda rng: tuple(rng.integers([[0], [1]], [[5], [20]], (2, 2)).cumsum(axis=0)),
    praise="Above 0 the fact speaks for the class, below 0 for its rival, and a denial weighs by itself.", mistakes={
        "Without a pseudo-count, a fact that no lesion shows is impossible.": lambda *these: _ratios(*these, 0, 0),
        "The lesion without the fact is missing: each class grows by two.": lambda *these: _ratios(*these, 1, 0),
        "A denial is not minus the statement: weigh it alone.": lambda *these: _ratios(*these)[0] * np.array([1, -1]),
        "That is the ratio. Its logarithm is 0 for a fact that tells nothing.": lambda *these: np.exp(_ratios(*these)),
    })  # fmt: skip
