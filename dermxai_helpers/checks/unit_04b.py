"""Exercises of unit 04b: a head that grows, relevance by zone, the swap test."""

import numpy as np
import pandas as pd
import torch
from torch import nn

from dermxai_helpers.checks.exercise import Exercise, Refused


def logits_seen(answer, with_bias, without, classes, x):
    """What the larger heads of two old ones give; both begin with the same random numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        heads = [answer(head, classes) for head in (with_bias, without)]
    try:
        one, other = (head(x) for head in heads)
    except (TypeError, RuntimeError):
        raise Refused("It returns no layer that runs. Do its weight and its bias have a row for each class?") from None
    return {"a bias": one[:, :3], "no bias": other[:, :3], "all logits": one.shape[1], "learns": one.requires_grad}


def _larger(head, classes, bias=True):
    new = nn.Linear(4, classes)
    new.weight.data[:3] = head.weight
    if bias:
        new.bias.data[:3] = 0 if head.bias is None else head.bias
    return new


larger_head = Exercise("larger_head", observe=logits_seen, right=_larger,
    as_found=lambda *these: _larger(*these, False),
    draw=lambda rng: (nn.Linear(4, 3), nn.Linear(4, 3, bias=False), int(rng.integers(7, 10)), torch.randn(5, 4)),
    praise="A logit is its own row and its own bias. Keep both, and no new class can move it.", mistakes={
        "Nothing of the old head is left: what it had learnt is lost.": lambda old, classes: nn.Linear(4, classes),
        "`classes` counts all classes, the old ones included.": lambda old, classes: _larger(old, 3 + classes),
        "A head without a bias adds nothing, not random numbers.": lambda old, n: _larger(old, n, old.bias is not None),
    })  # fmt: skip


def _by_zone(relevance, zones, evidence=lambda r: r.clip(0)):
    sums = np.bincount(zones.ravel(), evidence(relevance).ravel(), minlength=3)
    return sums / sums.sum()


relevance_shares = Exercise("relevance_shares", right=_by_zone,
    draw=lambda rng: (rng.normal(size=(6, 8)), rng.integers(3, size=(6, 8))), observe=lambda answer, relevance, zones: {
        "a map": answer(relevance, zones), "without healthy skin": answer(relevance, zones - (zones == 1)),
        "nothing positive": answer(-abs(relevance), zones)},
    praise="Positive relevance only, added up. A flat map gets each zone's share of the area.", mistakes={
        "Relevance against the class was subtracted: shares can be negative.": lambda *these: _by_zone(*these, np.copy),
        "Relevance against the class was counted as if it spoke for it.": lambda *these: _by_zone(*these, np.abs),
        "Stretching lights up what speaks against the class.": lambda *these: _by_zone(*these, lambda r: r - r.min()),
        "Where nothing is positive, shares are unknown, not zero.": lambda *these: np.nan_to_num(_by_zone(*these)),
    })  # fmt: skip


def _kept_more(table, every=False, kept="truth", control=True):
    rows = table if every else table[table["scene"] == table["truth"]]
    anew, other = ((rows[column] == rows[kept]).mean() for column in ("painted anew", "other background"))
    return other - (anew if control else 1)


ANSWERS = ["truth", "scene", "painted anew", "other background"]
swap_effect = Exercise("swap_effect", right=_kept_more,
    draw=lambda rng: (pd.DataFrame(rng.choice(["mole", "ring", "bumps"], (40, 4)), columns=ANSWERS),),
    observe=lambda answer, table: {
        "the difference": answer(table), "nothing right at first": answer(table[table["scene"] != table["truth"]])},
    praise="Count those right at first, and take away what a change costs that tells nothing.", mistakes={
        "An answer that was wrong at first cannot be kept: whose count?": lambda table: _kept_more(table, every=True),
        "Wrong answers that stay the same count as kept.": lambda table: _kept_more(table, every=True, kept="scene"),
        "Any change of so many pixels costs answers: compare them.": lambda table: _kept_more(table, control=False),
        "Where nothing was right at first, zero would say: no effect.": lambda table: np.nan_to_num(_kept_more(table)),
    })  # fmt: skip
