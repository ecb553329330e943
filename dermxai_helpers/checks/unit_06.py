"""Exercises of unit 06: whole words, denials, what a constant scores, what a fact weighs."""

import re
from collections.abc import Callable

import numpy as np

from dermxai_helpers.checks.exercise import Exercise


def traps(rng: np.random.Generator) -> tuple[str, str]:
    """A sentence that holds a keyword alone, in capitals, twice in a row and inside longer words; and the keyword."""
    key = ("uniform", "regular border", "even color", "waxy")[rng.integers(4)]
    alone = [key, key.capitalize(), key.upper(), f"{key} {key}"]
    inside = [f"un{key}", f"dis{key}", f"{key}s", f"non-{key}", f"semi-{key}", f"{key}-like"]
    pieces = rng.permutation(alone + inside + rng.choice(alone, rng.integers(4)).tolist())
    return rng.choice([", ", "; ", " and "]).join(pieces) + ".", key


def hits(before: str, after: str) -> Callable:
    """A count of keywords between two patterns, whatever the case."""
    return lambda sentence, keyword: len(re.findall(f"(?i){before}{keyword}{after}", sentence))


whole_words = Exercise(
    "whole_words",
    draw=traps,
    right=hits(r"(?<![\w-])", r"(?![\w-])"),
    mistakes={
        "Letters are counted that stand inside a longer word, such as an opposite.": hits("", ""),
        "A hyphen joins two words to one, but \\b takes it for the end of a word.": hits(r"\b", r"\b"),
        "Only small letters are found. The case must not matter.": hits(r"(?<![\w-])(?-i:", r")(?![\w-])"),
        "What comes behind the keyword is not looked at: a longer word may begin with it.": hits(r"(?<![\w-])", ""),
        "What stands before the keyword is not looked at: a longer word may end with it.": hits("", r"(?![\w-])"),
        "Of two keywords in a row one is lost: a match uses up its neighbours.": hits(r"(?:^|[^\w-])", r"(?:$|[^\w-])"),
        "A comma or a full stop may stand beside a word, not only a space.": lambda sentence, keyword: (
            f" {sentence.lower()} ".count(f" {keyword} ")),
    },
    praise="Letters, case and hyphens mislead this count no more. A denial still does.",
)  # fmt: skip


def denials(rng: np.random.Generator) -> tuple[list[str], str]:
    """A caption's words, with cues before a keyword, behind it, twice, and in other clauses; and the keyword."""
    key = ("asymmetric", "waxy", "uniform")[rng.integers(3)]
    texts = ["KEY and brown CUE dots .", "CUE sign of KEY .", "CUE KEY but KEY and brown .", "CUE dots CUE KEY KEY ."]
    first = [*["brown and KEY ."] * rng.integers(3), "CUE network . brown and KEY ."]
    words = " ".join([*first, *rng.permutation(texts + rng.choice(texts, 3).tolist())]).replace("KEY", key).split()
    return [str(rng.choice(["no", "not", "without"])) if word == "CUE" else word for word in words], key


def stated(words: list[str], keyword: str, ends: str = "but .", again: bool = True, back: bool = False) -> int:
    """Count the keywords that no cue reaches. again : a second cue denies, too; back : a cue reaches back instead."""
    count, denied = 0, False
    for word in words[::-1] if back else words:
        denied = (again or not denied) if word in ("no", "not", "without") else denied and word not in ends.split()
        count += word == keyword and not denied
    return count


not_denied = Exercise(
    "not_denied",
    draw=denials,
    right=stated,
    as_found=lambda *these: stated(*these, ends=""),
    mistakes={
        "A denied keyword counts like a stated one.": lambda words, keyword: words.count(keyword),
        "Only a cue right before the keyword is noticed. It reaches farther: 'no sign of'.": lambda words, keyword: (
            len(re.findall(rf"(?<!no )(?<!not )(?<!without )\b{keyword}", " ".join(words)))),
        "A cue denies what stands before it. It reaches forward.": lambda *these: stated(*these, back=True),
        "Two cues in one clause are taken for a statement.": lambda *these: stated(*these, again=False),
        "A full stop is passed over: a cue denies in the next sentence.": lambda *these: stated(*these, ends="but"),
        "A 'but' is passed over: what comes behind it is denied still.": lambda *these: stated(*these, ends="."),
    },
    praise="A denial reaches to the end of its clause: the smallest piece of reading that counting lacks.",
)  # fmt: skip


def constant_f1(numbers: np.ndarray, voted: int, average: str | None = "macro") -> np.ndarray:
    from sklearn.metrics import f1_score

    labels, classes = np.repeat(np.arange(len(numbers)), numbers), np.arange(len(numbers))
    return f1_score(labels, np.full(len(labels), voted), labels=classes, average=average, zero_division=0)


macro_f1_of_a_constant = Exercise(
    "macro_f1_of_a_constant",
    draw=lambda rng: (rng.permutation([0, *rng.integers(1, 60, rng.integers(2, 5))]), int(rng.integers(3))),
    right=constant_f1,
    mistakes={
        "That is the accuracy, the share of one class.": lambda n, voted: n[voted] / n.sum(),
        "That is the F1 of one class alone; the mean is over all of them.": lambda *it: constant_f1(*it, None)[it[1]],
        "That is the mean recall. Precision counts, too.": lambda n, voted: (n[voted] > 0) / len(n),
        "The classes are weighed by their photographs. They count the same.": lambda *it: constant_f1(*it, "weighted"),
        "A class without photographs is left out. It counts, with an F1 of 0.": lambda n, voted: (
            constant_f1(n, voted) * len(n) / (n > 0).sum()),
        "That is the mean precision. Recall counts, too.": lambda n, voted: n[voted] / n.sum() / len(n),
    },
    praise="A constant has this without a look at any picture: whoever has less has shown nothing.",
)  # fmt: skip


def ratios(having: np.ndarray, sizes: np.ndarray, added: int = 1, lacking: int = 1) -> np.ndarray:
    """Log-likelihood ratios of a fact, stated and denied. added, lacking : the pseudo-counts with and without it."""
    a, b = (having + added) / (sizes + added + lacking)
    return np.log([a / b, (1 - a) / (1 - b)])


log_likelihood_ratio = Exercise(
    "log_likelihood_ratio",
    draw=lambda rng: (having := rng.integers(0, 5, 2), having + rng.permutation([rng.integers(1, 5), 20])),
    right=ratios,
    mistakes={
        "Without a pseudo-count, a fact that no lesion shows is impossible.": lambda *these: ratios(*these, 0, 0),
        "The lesion without the fact is missing: each class grows by two.": lambda *these: ratios(*these, 1, 0),
        "No class has grown, though a lesion was added to each.": lambda *these: ratios(*these, 1, -1),
        "Numbers are compared, not shares: the larger class wins for its size.": lambda having, sizes: (
            np.log([np.divide(*(having + 1)), np.divide(*(sizes - having + 1))])),
        "A denial is weighed as minus the statement. It has chances of its own.": lambda *these: (
            ratios(*these)[0] * np.array([1, -1])),
        "That is the ratio. Only its logarithm is 0 for a fact that tells nothing.": lambda *it: np.exp(ratios(*it)),
    },
    praise="Above 0 the fact speaks for the class, below 0 for its rival, and a denial weighs by itself.",
)  # fmt: skip
