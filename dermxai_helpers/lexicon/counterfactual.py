"""Captions of a lesion drawn twice, one attribute changed and every other random choice kept.

A caption that describes the picture must change in that fact and in no other. No test on photographs can be so strict.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from dermxai_helpers import scoring, synth
from dermxai_helpers.lexicon.facts import ATTRIBUTES, agrees, true_facts
from dermxai_helpers.lexicon.parsing import Facts

ONE_COLOUR = {"pigments": ("light brown",), "veil": False, "regression": False}
CHANGES: dict[str, tuple[dict, dict]] = {
    "symmetry": ({"symmetry": "symmetric"}, {"symmetry": "asymmetric"}),
    "border_shape": ({"border_shape": "regular"}, {"border_shape": "irregular"}),
    "colour_count": (ONE_COLOUR, ONE_COLOUR | {"pigments": ("light brown", "dark brown", "red")}),
    "network": ({"network": "typical"}, {"network": "atypical"}),
    "dots_globules": ({"dots": "none"}, {"dots": "irregular"}),
    "streaks": ({"streaks": False}, {"streaks": True}),
    "blue_white_veil": ({"veil": False}, {"veil": True}),
    "milia": ({"milia": False}, {"milia": True}),
    "comedo": ({"comedo": False}, {"comedo": True}),
}
"""Slot -> the two settings of `synth.draw` that are compared."""


@dataclass(frozen=True, eq=False)
class Pair:
    """One photograph of one lesion, drawn twice: slot is what was changed on purpose between before and after."""

    slot: str
    before: synth.Lesion
    after: synth.Lesion


def draw_pairs(n: int, seed: int = 0) -> list[Pair]:
    """Draw `n` pairs for each slot of `CHANGES`, every other one from the second setting to the first."""
    pairs = []
    for place, (slot, settings) in enumerate(CHANGES.items()):
        for number in range(n):
            there_and_back = settings if number % 2 == 0 else settings[::-1]
            pairs.append(Pair(slot, *(synth.draw((seed, place, number), **setting) for setting in there_and_back)))
    return pairs


def follow(pairs: Sequence[Pair], before: Sequence[Facts], after: Sequence[Facts]) -> pd.DataFrame:
    """Tell what became of the captions when one attribute changed: one row a slot and a row "all".

    pairs : from `draw_pairs`; before, after : facts read in the captions of the two drawings, (n,)
    changed : the caption says something else about the slot; followed : it is right before and after; only : nothing
    else changed in it, except what truly changed along (a veil brings a colour); faithful : followed and only, with its
    95 % interval (low, high). Silence counts as a denial. Captions that never change have followed 0 and only 1.
    """
    table = pd.DataFrame([_followed(*row) for row in zip(pairs, before, after, strict=True)])
    rows = {}
    for slot, group in (*table.groupby("slot", sort=False), ("all", table)):
        low, high = scoring.wilson(int(group["faithful"].sum()), len(group))
        rows[slot] = {"pairs": len(group), **group.drop(columns="slot").mean(), "low": low, "high": high}
    return pd.DataFrame(rows).T.astype({"pairs": int})


def _followed(pair: Pair, before: Facts, after: Facts) -> dict:
    was, is_now = true_facts(pair.before.attributes), true_facts(pair.after.attributes)
    changed = before.get(pair.slot) != after.get(pair.slot)
    followed = _right(before, was, pair.slot) and _right(after, is_now, pair.slot)
    only = all(before.get(slot) == after.get(slot) for slot in ATTRIBUTES if was[slot] == is_now[slot])
    return {"slot": pair.slot, "changed": changed, "followed": followed, "only": only, "faithful": followed and only}


def _right(said: Facts, true: Facts, slot: str) -> bool:
    """Whether a caption is right about a slot; silence is right about a structure that is not there."""
    return agrees(said[slot], true[slot]) is True if slot in said else true[slot] == ("any", "absent")
