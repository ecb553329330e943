"""Exercises of unit 04b: a head that grows, relevance by zone, the swap test."""

from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import nn

from dermxai_helpers.checks.exercise import Exercise, Refused


def logits_seen(answer, heads: dict, classes: int, x: torch.Tensor) -> dict:
    """What larger heads give, of an old head with a bias and of one without; all begin with the same random numbers."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        new = {name: answer(head, classes) for name, head in heads.items()}
    try:
        logits = {name: layer(x) for name, layer in new.items()}
    except (TypeError, RuntimeError):
        raise Refused("It returns no layer that runs. Do its weight and its bias have a row for each class?") from None
    old = {f"the old logits, {name}": one[:, :3] for name, one in logits.items()}
    last = {f"{name}, last": torch.allclose(one[:, -3:], heads[name](x), atol=1e-5) for name, one in logits.items()}
    a_bias = logits["a bias"]
    return old | last | {"number of logits": a_bias.shape[1], "it can learn": a_bias.requires_grad}


def larger(head: nn.Linear, classes: int, at: int = 0, bias=lambda old: 0 if old is None else old) -> nn.Linear:
    new, copied = nn.Linear(4, classes), bias(head.bias)
    new.weight.data[at : at + 3] = head.weight
    if copied is not None:
        new.bias.data[at : at + 3] = copied
    return new


larger_head = Exercise(
    "larger_head", observe=logits_seen, right=larger, as_found=partial(larger, bias=lambda old: None),
    draw=lambda rng: ({"a bias": nn.Linear(4, 3), "no bias": nn.Linear(4, 3, bias=False)}, int(rng.integers(7, 10)),
                      torch.randn(5, 4)),
    mistakes={
        "Nothing of the old head is left: what it had learnt is lost.": lambda old, classes: nn.Linear(4, classes),
        "The old classes come last: an index stands for another class than before.": (
            lambda old, classes: larger(old, classes, at=classes - 3)),
        "`classes` counts all classes, the old ones included.": lambda old, classes: larger(old, 3 + classes),
        "A head without a bias adds nothing. Now random numbers are added.": partial(larger, bias=lambda old: old),
        "The old biases are gone. Each of them is a part of its logit.": partial(larger, bias=lambda old: 0),
        "No weight wants a gradient: the new classes can never be learnt.": (
            lambda *given: larger(*given).requires_grad_(False)),
    },
    praise="A logit is its own row and its own bias. Keep both, and no new class can move it.",
)  # fmt: skip


def by_zone(relevance: np.ndarray, zones: np.ndarray, evidence=lambda r: r.clip(0), means: bool = False) -> np.ndarray:
    sums = np.bincount(zones.ravel(), evidence(relevance).ravel(), minlength=3)
    counts = np.bincount(zones.ravel(), minlength=3)
    return sums / counts / evidence(relevance).mean() if means else sums / sums.sum()


relevance_shares = Exercise(
    "relevance_shares", right=by_zone,
    draw=lambda rng: (rng.normal(size=(6, 8)), np.append([0, 1, 2, 2], rng.integers(3, size=44)).reshape(6, 8)),
    observe=lambda answer, relevance, zones: {
        "a map": answer(relevance, zones), "without healthy skin": answer(relevance, zones - (zones == 1)),
        "a flat map": answer(0 * relevance + 1, zones), "nothing positive": answer(-abs(relevance), zones)},
    mistakes={
        "Relevance against the class was subtracted: such shares can be negative.": (
            partial(by_zone, evidence=lambda r: r)),
        "Relevance against the class was counted as if it spoke for it.": partial(by_zone, evidence=abs),
        "A map stretched from minimum to maximum lights up what speaks against the class.": (
            partial(by_zone, evidence=lambda r: (r - r.min()) / np.ptp(r))),
        "Means were compared: the sizes of the zones are lost.": partial(by_zone, means=True),
        "Where nothing is positive, the shares are unknown. Zero would be an answer.": (
            lambda *given: np.nan_to_num(by_zone(*given))),
    },
    praise="Positive relevance only, added up. A flat map gets each zone's share of the area.",
)  # fmt: skip


def kept_more(table: pd.DataFrame, every: bool = False, kept: str = "truth", control: bool = True) -> float:
    rows = table if every else table[table["scene"] == table["truth"]]
    anew, other = ((rows[column] == rows[kept]).mean() for column in ("painted anew", "other background"))
    return other - (anew if control else 1)


ANSWERS = ["truth", "scene", "painted anew", "other background"]
swap_effect = Exercise(
    "swap_effect", right=kept_more,
    draw=lambda rng: (pd.DataFrame(rng.choice(["mole", "ring", "bumps"], (40, 4)), columns=ANSWERS),),
    observe=lambda answer, table: {
        "the difference": answer(table),
        "nothing right at first": answer(table[table["scene"] != table["truth"]].reset_index(drop=True))},
    mistakes={
        "An answer that was wrong at first cannot be kept: whose answers count?": partial(kept_more, every=True),
        "Wrong answers that stay the same were counted as kept.": partial(kept_more, every=True, kept="scene"),
        "Any change of so many pixels may cost answers: the control is missing.": partial(kept_more, control=False),
        "The kept answers were divided by the number of all scenes.": (
            lambda table: np.nan_to_num(kept_more(table)) * (table["scene"] == table["truth"]).mean()),
        "Where nothing was right at first, nothing can be known. Zero would say: no effect.": (
            lambda table: np.nan_to_num(kept_more(table))),
    },
    praise="Count those right at first, and take away what a change costs that tells nothing.",
)  # fmt: skip
