"""Captions of a lesion drawn twice, one attribute changed and every other random choice kept."""

from collections import namedtuple
from collections.abc import Sequence

import pandas as pd

from dermxai_helpers import synth
from dermxai_helpers.lexicon.facts import ATTRIBUTES, agrees, true_facts
from dermxai_helpers.lexicon.parsing import Facts

ONE_COLOUR = {"pigments": ("light brown",), "veil": False, "regression": False}
CHANGES: dict[str, tuple[dict, dict]] = {  # slot -> the two settings of `synth.draw` that are compared
    "symmetry": ({"symmetry": "symmetric"}, {"symmetry": "asymmetric"}),
    "border_shape": ({"border_shape": "regular"}, {"border_shape": "irregular"}),
    "colour_count": (ONE_COLOUR, ONE_COLOUR | {"pigments": ("light brown", "dark brown", "red")}),
    "network": ({"network": "typical"}, {"network": "atypical"}),
    "dots_globules": ({"dots": "none"}, {"dots": "irregular"}),
}
SWITCHED = ("streaks", "blue_white_veil", "milia", "comedo")
CHANGES |= {slot: ({ATTRIBUTES[slot]: False}, {ATTRIBUTES[slot]: True}) for slot in SWITCHED}
Pair = namedtuple("Pair", "slot before after")  # what was changed on purpose between two `synth.Lesion`


def draw_pairs(n: int, seed: int = 0) -> list[Pair]:
    """Draw `n` pairs for each slot of `CHANGES`, every other one from the second setting to the first."""
    pairs = []
    for place, (slot, settings) in enumerate(CHANGES.items()):
        for number in range(n):
            there_and_back = settings if number % 2 == 0 else settings[::-1]
            pairs.append(Pair(slot, *(synth.draw((seed, place, number), **setting) for setting in there_and_back)))
    return pairs


def follow(pairs: Sequence[Pair], before: Sequence[Facts], after: Sequence[Facts]) -> pd.DataFrame:
    """Tell what became of each caption when its picture changed: a row a pair, in their order.

    pairs : from `draw_pairs`; before, after : facts read in the captions of the two drawings, (n,)
    slot : what was changed; changed : the caption says something else about it; followed : it is right before and
    after; others : the share of the other facts, those that the change left alone, that are told differently. Silence
    counts as a denial. Facts of the *first* drawing's mirror image as `after` give the noise floor of all three.
    """
    rows = []
    for pair, first, second in zip(pairs, before, after, strict=True):
        was, is_now = (true_facts(lesion.attributes) for lesion in (pair.before, pair.after))
        changed = first.get(pair.slot) != second.get(pair.slot)
        followed = _right(first, was, pair.slot) and _right(second, is_now, pair.slot)
        others = [first.get(slot) != second.get(slot) for slot in ATTRIBUTES if was[slot] == is_now[slot]]
        rows.append({"slot": pair.slot, "changed": changed, "followed": followed, "others": sum(others) / len(others)})
    return pd.DataFrame(rows)


def _right(said: Facts, true: Facts, slot: str) -> bool:
    """Whether a caption is right about a slot; silence is right about a structure that is not there."""
    return agrees(said[slot], true[slot]) is True if slot in said else true[slot] == ("any", "absent")
