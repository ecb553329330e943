"""Judges what captions state, fact by fact: right, wrong or silent. Wrong is worse, so the two are never added up."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dermxai_helpers.lexicon.parsing import Facts, mentions, parse

Fact = tuple[str, str]

# Slot of a caption -> attribute of a drawn lesion: what the drawings know the truth about
ATTRIBUTES = {
    "symmetry": "symmetry", "border_shape": "border_shape", "border_sharpness": "border_sharpness",
    "colour_count": "colour_count", "network": "network", "dots_globules": "dots", "streaks": "streaks",
    "blue_white_veil": "veil", "regression": "regression", "milia": "milia", "comedo": "comedo",
    "cerebriform": "fissures"}  # fmt: skip


def true_facts(attributes: Mapping) -> Facts:
    """Note one fact for each slot in `ATTRIBUTES`, from `Lesion.attributes` or a row of `truth/attributes.csv`."""
    return {slot: _true_fact(slot, attributes[name]) for slot, name in ATTRIBUTES.items()}


def _true_fact(slot: str, value) -> Fact:
    if slot == "colour_count":
        return {1: "one", 2: "two"}.get(int(value), "many"), "present"
    if isinstance(value, str):
        return ("any", "absent") if value == "none" else (value, "present")
    return "any", "present" if value else "absent"


def agrees(said: Fact, true: Fact) -> bool | None:
    """Tell whether a statement is true; None where it claims nothing or the truth cannot tell.

    "A network" is true of an atypical one. "Irregular streaks" is true of streaks of unknown kind, for the kind is not
    judged then. "Multiple colors" is true of two: that is how the prompts use the word.

    >>> agrees(("any", "present"), ("atypical", "present")), agrees(("typical", "present"), ("atypical", "present"))
    (True, False)
    """
    (value, polarity), (true_value, true_polarity) = said, true
    if "uncertain" in (polarity, true_polarity):
        return None
    covers = value in ("any", true_value) or (value, true_value) == ("many", "two")
    if true_polarity == "absent":  # a denied kind ("no irregular dots") leaves the others open
        return (polarity == "absent") if true_value in ("any", value) else None
    if polarity == "present":
        return covers or true_value == "any"
    return None if true_value == "any" and not covers else not covers


def verdicts(said: Sequence[Facts], true: Sequence[Facts], slots: Sequence = tuple(ATTRIBUTES)) -> pd.DataFrame:
    """List every fact of the truth and what became of it: columns caption, slot, said, true, verdict.

    said : what `lexicon.parse` read in each caption, (n,); true : `true_facts` of its lesion, or a parsed reference
    slots : which count; give those that the prompt asks for, for silence about them is an omission
    The table has said, true as "value polarity"; verdict : "right", "wrong" or "silent". Open facts have no row.
    """
    if len(said) != len(true):
        raise ValueError(f"{len(said)} captions, {len(true)} truths: there must be one truth for each")
    rows = []
    for caption, (stated, known) in enumerate(zip(said, true, strict=True)):
        for slot in slots:
            fact, truth = stated.get(slot, ("", "uncertain")), known.get(slot, ("", "uncertain"))
            verdict = "silent" if fact[1] == "uncertain" else {True: "right", False: "wrong"}.get(agrees(fact, truth))
            if verdict and truth[1] != "uncertain":
                rows.append((caption, slot, " ".join(stated.get(slot, ())), " ".join(truth), verdict))
    return pd.DataFrame(rows, columns=["caption", "slot", "said", "true", "verdict"])


def marks(said: Sequence[Facts], true: Sequence[Facts], slots: Sequence = tuple(ATTRIBUTES)) -> pd.DataFrame:
    """Mark each fact: 1.0 stated rightly, 0.0 wrongly or not at all, NaN where it is open; (captions, slots)."""
    table = verdicts(said, true, slots=slots)
    table["right"] = (table["verdict"] == "right").astype(float)
    return table.pivot(index="caption", columns="slot", values="right").reindex(range(len(said)), columns=slots)


def ticked(sentence: str, true: Facts, slots: Sequence = tuple(ATTRIBUTES)) -> str:
    """Put ✓ behind the words of a caption that state a true fact, ✗ behind those of a false one."""
    known = verdicts([parse(sentence)], [true], slots=slots).set_index("slot")["verdict"]
    for one in reversed(mentions(sentence)):
        sign = {"right": "\u00a0✓", "wrong": "\u00a0✗"}.get(known.get(one.slot), "")
        sentence = sentence[: one.end] + sign + sentence[one.end :]
    return sentence


def majority(true: Sequence[Facts]) -> Facts:
    """Find for each slot the fact that is true of most lesions, "many" colours being true of two; from others (n,)."""
    slots = dict.fromkeys(slot for facts in true for slot in facts)
    counts = {slot: Counter(facts[slot] for facts in true if slot in facts) for slot in slots}

    def best(met: Counter) -> Fact:
        return max(met, key=lambda said: sum(number for fact, number in met.items() if agrees(said, fact)))

    return {slot: best(met) for slot, met in counts.items()}


def shuffled(said: Sequence, seed: int = 0) -> list:
    """Deal the same captions (or what was read in them) out anew, each to another place than its own."""
    order = np.random.default_rng(seed).permutation(len(said))
    dealt = dict(zip(order.tolist(), np.roll(order, 1).tolist(), strict=True))
    return [said[dealt[place]] for place in range(len(said))]
