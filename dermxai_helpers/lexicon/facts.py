"""Judges what captions state, fact by fact: right, wrong or silent. Wrong is worse, so the two are never added up."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dermxai_helpers import scoring
from dermxai_helpers.lexicon.parsing import Facts

Fact = tuple[str, str]

ATTRIBUTES = {
    "symmetry": "symmetry", "border_shape": "border_shape", "border_sharpness": "border_sharpness",
    "colour_count": "colour_count", "network": "network", "dots_globules": "dots", "streaks": "streaks",
    "blue_white_veil": "veil", "regression": "regression", "milia": "milia", "comedo": "comedo",
    "cerebriform": "fissures",
}  # fmt: skip
"""Slot of a caption -> attribute of a drawn lesion: what the drawings know the truth about."""


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


def verdicts(
    said: Sequence[Facts], true: Sequence[Facts], lesions: Sequence | None = None, slots: Sequence = tuple(ATTRIBUTES)
) -> pd.DataFrame:
    """List every fact of the truth and what became of it: columns caption, lesion, slot, said, true, verdict.

    said : what `lexicon.parse` read in each caption, (n,); true : `true_facts` of its lesion, or a parsed reference
    lesions : lesion of each caption, for intervals; by default each is its own
    slots : which count; give those that the prompt asks for, for silence about them is an omission
    The table has said, true as "value polarity"; verdict : "right", "wrong" or "silent". Open facts have no row.
    """
    if len(said) != len(true) or (lesions is not None and len(lesions) != len(said)):
        raise ValueError(f"{len(said)} captions, {len(true)} truths: there must be one truth (and one lesion) for each")
    lesions = range(len(said)) if lesions is None else lesions
    rows = []
    for caption, (lesion, stated, known) in enumerate(zip(lesions, said, true, strict=True)):
        for slot in slots:
            verdict = _verdict(stated.get(slot), known.get(slot, ("", "uncertain")))
            if verdict != "open":
                rows.append((caption, lesion, slot, " ".join(stated.get(slot, ())), " ".join(known[slot]), verdict))
    return pd.DataFrame(rows, columns=["caption", "lesion", "slot", "said", "true", "verdict"])


def marks(said: Sequence[Facts], true: Sequence[Facts], slots: Sequence = tuple(ATTRIBUTES)) -> pd.DataFrame:
    """Mark each fact: 1.0 stated rightly, 0.0 wrongly or not at all, NaN where it is open; (captions, slots)."""
    table = verdicts(said, true, slots=slots)
    table["right"] = (table["verdict"] == "right").astype(float)
    return table.pivot(index="caption", columns="slot", values="right").reindex(range(len(said)), columns=slots)


def _verdict(said: Fact | None, true: Fact) -> str:
    if true[1] == "uncertain":
        return "open"
    if said is None or said[1] == "uncertain":
        return "silent"
    return {True: "right", False: "wrong", None: "open"}[agrees(said, true)]


def score(table: pd.DataFrame, repeats: int = 1000, seed: int = 0) -> pd.DataFrame:
    r"""Score how well captions state each slot, and all of them together (row "all"); table from `verdicts`.

    $$ \mathrm{precision} = \frac{\mathrm{right}}{\mathrm{stated}} \qquad
       \mathrm{recall} = \frac{\mathrm{right}}{\mathrm{facts}} \qquad
       F_1 = \frac{2\,\mathrm{right}}{\mathrm{stated} + \mathrm{facts}} $$

    f1 has its 95 % interval by lesion (low, high); hallucinated, omitted : shares of facts stated wrongly and not at
    all. recall + hallucinated + omitted = 1.
    """
    rows = {}
    for slot, group in (*table.groupby("slot", sort=False), ("all", table)):
        right, stated = (group["verdict"] == "right").to_numpy(), (group["verdict"] != "silent").to_numpy()
        low, high = scoring.interval(_f1, group["lesion"], right, stated, repeats=repeats, seed=seed)
        precision = right.sum() / stated.sum() if stated.any() else np.nan
        row = {"facts": len(group), "precision": precision, "recall": right.mean(), "f1": _f1(right, stated)}
        lost = {"hallucinated": (stated & ~right).mean(), "omitted": (~stated).mean()}
        rows[slot] = row | {"low": low, "high": high} | lost
    return pd.DataFrame(rows).T


def _f1(right: np.ndarray, stated: np.ndarray) -> float:
    return 2 * right.sum() / (stated.sum() + len(stated))


def majority(true: Sequence[Facts]) -> Facts:
    """Find the commonest fact of each slot, among lesions that are not the ones to be judged on (n,)."""
    slots = dict.fromkeys(slot for facts in true for slot in facts)
    return {slot: Counter(facts[slot] for facts in true if slot in facts).most_common(1)[0][0] for slot in slots}


def shuffled(said: Sequence, seed: int = 0) -> list:
    """Deal the same captions (or what was read in them) out anew, each to another place than its own."""
    order = np.random.default_rng(seed).permutation(len(said))
    dealt = dict(zip(order.tolist(), np.roll(order, 1).tolist(), strict=True))
    return [said[dealt[place]] for place in range(len(said))]
