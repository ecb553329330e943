"""Is what a caption states true?

Captions are judged fact by fact, not word by word: each slot of the truth is stated rightly, stated wrongly or passed
over. Wrong is worse than silent, so the two are never added up.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations, product

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
    """What a perfect reader would note about a drawn lesion: one fact for each slot in `ATTRIBUTES`.

    attributes : a row of `truth/attributes.csv`, or `Lesion.attributes`
    """
    return {slot: _true_fact(slot, attributes[name]) for slot, name in ATTRIBUTES.items()}


def _true_fact(slot: str, value) -> Fact:
    if slot == "colour_count":
        return {1: "one", 2: "two"}.get(int(value), "many"), "present"
    if isinstance(value, str):
        return ("any", "absent") if value == "none" else (value, "present")
    return "any", "present" if value else "absent"


def agrees(said: Fact, true: Fact) -> bool | None:
    """Whether a statement is true; None where it claims nothing or the truth cannot tell.

    "A network" is true of an atypical one. "Irregular streaks" is true of streaks of unknown kind, for the kind is not
    judged then. "Multiple colors" is true of two: that is how the prompts use the word.
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


# --- one row for each fact of the truth ---


def verdicts(
    said: Sequence[Facts], true: Sequence[Facts], lesions: Sequence | None = None,
    slots: Sequence[str] = tuple(ATTRIBUTES),
) -> pd.DataFrame:
    """Every fact of the truth and what became of it: columns caption, lesion, slot, said, true, verdict.

    said : what `lexicon.parse` read in each caption, (n,); true : `true_facts` of its lesion, or a parsed reference
    lesions : lesion of each caption, for intervals; by default each is its own
    slots : which count; give those that the prompt asks for (`prompts.ASKED`), for silence about them is an omission

    said, true : "value polarity", "" for nothing; verdict : "right", "wrong" or "silent". A fact that the truth leaves
    open has no row.
    """
    if len(said) != len(true) or (lesions is not None and len(lesions) != len(said)):
        raise ValueError(f"{len(said)} captions, {len(true)} truths: there must be one truth (and one lesion) for each")
    lesions = range(len(said)) if lesions is None else lesions
    rows = [
        (caption, lesion, slot, stated.get(slot), known[slot])
        for caption, (lesion, stated, known) in enumerate(zip(lesions, said, true, strict=True))
        for slot in slots
        if known.get(slot, ("", "uncertain"))[1] != "uncertain"
    ]
    judged = [(*row, _verdict(row[3], row[4])) for row in rows]
    table = pd.DataFrame(judged, columns=["caption", "lesion", "slot", "said", "true", "verdict"])
    table[["said", "true"]] = table[["said", "true"]].map(lambda fact: " ".join(fact or ()))
    return table[table["verdict"] != "open"].reset_index(drop=True)


def _verdict(said: Fact | None, true: Fact) -> str:
    if said is None or said[1] == "uncertain":
        return "silent"
    return {True: "right", False: "wrong", None: "open"}[agrees(said, true)]


def score(table: pd.DataFrame, repeats: int = 1000, seed: int = 0) -> pd.DataFrame:
    """How well captions state each slot, and all of them together (row "all").

    table : from `verdicts`
    facts : facts of the truth; precision : share of statements that are true; recall : share of facts stated rightly;
    f1 : 2 right / (statements + facts), with its 95 % interval by lesion (low, high); hallucinated, omitted : shares of
    facts stated wrongly and not at all. recall + hallucinated + omitted = 1.
    """
    groups = [(slot, group) for slot, group in table.groupby("slot", sort=False)] + [("all", table)]
    return pd.DataFrame([_score(group, repeats, seed) for _, group in groups], index=[slot for slot, _ in groups])


def _score(group: pd.DataFrame, repeats: int, seed: int) -> dict[str, float]:
    right, stated = (group["verdict"] == "right").to_numpy(), (group["verdict"] != "silent").to_numpy()
    low, high = scoring.interval(_f1, group["lesion"], right, stated, repeats=repeats, seed=seed)
    return {
        "facts": len(group), "precision": _share(right.sum(), stated.sum()), "recall": right.mean(),
        "f1": _f1(right, stated), "low": low, "high": high,
        "hallucinated": (stated & ~right).mean(), "omitted": 1 - stated.mean(),
    }  # fmt: skip


def _f1(right: np.ndarray, stated: np.ndarray) -> float:
    return 2 * right.sum() / (stated.sum() + len(stated))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def score_by_polarity(table: pd.DataFrame) -> pd.DataFrame:
    """Precision, recall and F1 of presence and of absence apart; index (slot, polarity), table from `verdicts`.

    said : statements of that polarity; facts : facts of that polarity. A captioner that denies everything is perfect
    at absence and finds nothing, and the mean of the two would hide it.
    """
    rows = {}
    for (slot, group), polarity in product(table.groupby("slot", sort=False), ("present", "absent")):
        said, true = (group[group[side].str.endswith(polarity)] for side in ("said", "true"))
        if len(said) or len(true):
            precision, recall = ((side["verdict"] == "right").mean() for side in (said, true))
            f1 = _share(2 * precision * recall, precision + recall)
            rows[slot, polarity] = [len(said), len(true), precision, recall, f1]
    index = pd.MultiIndex.from_tuples(rows, names=["slot", "polarity"])
    return pd.DataFrame(rows.values(), index, ["said", "facts", "precision", "recall", "f1"])


# --- controls: captions that cannot know ---


def majority(true: Sequence[Facts]) -> Facts:
    """The commonest fact of each slot, among lesions that are not the ones to be judged on (n,)."""
    slots = dict.fromkeys(slot for facts in true for slot in facts)
    return {slot: Counter(facts[slot] for facts in true if slot in facts).most_common(1)[0][0] for slot in slots}


def shuffled(said: Sequence, seed: int = 0) -> list:
    """The same captions (or what was read in them), each dealt to another place than its own."""
    order = np.random.default_rng(seed).permutation(len(said))
    dealt = dict(zip(order.tolist(), np.roll(order, 1).tolist(), strict=True))
    return [said[dealt[place]] for place in range(len(said))]


def compare(
    readings: Mapping[str, Sequence[Facts]], true: Sequence[Facts], lesions: Sequence | None = None,
    slots: Sequence[str] = tuple(ATTRIBUTES), repeats: int = 1000, seed: int = 0,
) -> pd.DataFrame:
    """Share of facts stated rightly by several readers of the same lesions: one row a slot, one column a reader.

    readings : name -> what it says about each lesion; first the captions, then the controls: `majority` repeated,
        `shuffled`, captions of blank or mirrored pictures ...; low and high are the first reader's 95 % interval
    """
    tables = {name: verdicts(said, true, lesions, slots) for name, said in readings.items()}
    first = next(iter(tables.values()))
    shares = pd.DataFrame({name: _recalls(table) for name, table in tables.items()}).reindex([*slots, "all"]).dropna()
    groups = dict(list(first.groupby("slot"))) | {"all": first}
    limits = [
        scoring.interval("mean", groups[slot]["lesion"], groups[slot]["verdict"] == "right", repeats=repeats, seed=seed)
        for slot in shares.index
    ]
    shares.insert(1, "low", [low for low, _ in limits])
    shares.insert(2, "high", [high for _, high in limits])
    return shares


def _recalls(table: pd.DataFrame) -> pd.Series:
    right = table["verdict"] == "right"
    return pd.concat([right.groupby(table["slot"]).mean(), pd.Series({"all": right.mean()})])


# --- witnesses: do several captions of one lesion agree? ---


def agreement(readings: Mapping[str, Sequence[Facts]], slots: Sequence[str] = tuple(ATTRIBUTES)) -> pd.DataFrame:
    """How often two captions of one lesion state the same, over all pairs of views (or prompts, or seeds).

    readings : view -> facts of each lesion's caption, (n,) each, in the same order
    pairs : pairs in which both state the slot; agreement : share of equal facts; by_chance : what captions dealt to
    other lesions would agree on; kappa : (agreement - by_chance) / (1 - by_chance), NaN where chance is perfect.
    Source of kappa: Cohen 1960, "A coefficient of agreement for nominal scales".
    """
    rows = {}
    for slot in slots:
        pairs = [_both(one, other, slot) for one, other in combinations(readings.values(), 2)]
        number = sum(map(len, pairs))
        if number:
            same = sum(first == second for pair in pairs for first, second in pair) / number
            chance = sum(len(pair) * _by_chance(pair) for pair in pairs if pair) / number
            rows[slot] = [number, same, chance, _share(same - chance, 1 - chance)]
    return pd.DataFrame.from_dict(rows, "index", columns=["pairs", "agreement", "by_chance", "kappa"])


def _both(one: Sequence[Facts], other: Sequence[Facts], slot: str) -> list[tuple[Fact, Fact]]:
    """What two views say about a slot, for the lesions of which both say something without doubt."""
    pairs = [(first.get(slot), second.get(slot)) for first, second in zip(one, other, strict=True)]
    return [pair for pair in pairs if all(fact and fact[1] != "uncertain" for fact in pair)]


def _by_chance(pairs: list[tuple[Fact, Fact]]) -> float:
    one, other = (Counter(side) for side in zip(*pairs, strict=True))
    return sum(one[fact] * other[fact] for fact in one) / len(pairs) ** 2
