"""Exercises of unit 06b: does a caption follow, what shared words hide, a layer with an adapter."""

from collections import Counter

import numpy as np
import torch

from dermxai_helpers.checks.exercise import Exercise


def pairs(rng):
    """The truth before and after a change, bool (n, 2); and what is said of both and of the first's mirror, (n, 3)."""
    before = rng.random((40, 1)) < 0.5
    return np.hstack([before, ~before]), np.hstack([before, ~before, before]) ^ (rng.random((40, 3)) < 0.3)


def _rates(true, said, of_mirror=1):
    right = said == true[:, [0, 1, of_mirror]]
    return (right[:, :1] & right[:, 1:]).mean(axis=0)


follow_rate = Exercise("follow_rate", draw=pairs, right=_rates,
    praise="A rate without its floor tells nothing: captions also change without a reason.", mistakes={
        "From an error to another: that is no following.": lambda true, said: (said[:, 1:] != said[:, :1]).mean(0),
        "Captions that never change pass: ask before, too.": lambda true, said: (said[:, 1:] == true[:, 1:]).mean(0),
        "The floor has the rule of the rate: the truth after the change.": lambda *these: _rates(*these, of_mirror=0),
    })  # fmt: skip

WORDS = "the lesion shows no dots and streaks".split()
clipped_precision = Exercise("clipped_precision", right=lambda c, r: (Counter(c) & Counter(r)).total() / len(c),
    draw=lambda rng: tuple(rng.choice(WORDS, size).tolist() for size in rng.permutation([6, 12])),
    praise="Words are counted, wherever they stand: nobody asks what the 'no' belongs to.", mistakes={
        "A repeated word counts as often as it is said: clip it.": lambda c, r: np.mean([word in r for word in c]),
        "Each word counts once, however often both hold it.": lambda c, r: len({*c} & {*r}) / len({*c}),
        "That is recall, a share of the reference.": lambda c, r: (Counter(c) & Counter(r)).total() / len(r),
    })  # fmt: skip

precision_of_a_false_caption = Exercise("precision_of_a_false_caption",
    right=lambda stated, denied: (stated + denied + np.minimum(stated, denied)) / (2 * stated + denied),
    praise="As many denials as statements, and a caption that is false in every fact has a precision of one.",
    draw=lambda rng: (rng.integers(1, 6, 9), rng.integers(0, 6, 9)), mistakes={
        "Every fact is false, but precision asks for words, not for facts.": lambda stated, denied: 0.0 * stated,
        "A 'no' more than the reference holds is shared with nobody.": lambda stated, denied: stated / stated,
        "The word 'no' is shared, too.": lambda stated, denied: (stated + denied) / (2 * stated + denied)})  # fmt: skip


class Adapted(torch.nn.Module):
    """A frozen weight (d, k) with an adapter beside it, and with the faults that are named."""

    def __init__(self, weight, rank, alpha, learns=False, A=torch.randn, B=torch.zeros, scaled=True):
        super().__init__()
        self.weight = torch.nn.Parameter(weight, requires_grad=learns)
        self.A = torch.nn.Parameter(A(rank, weight.shape[1]))
        self.B = torch.nn.Parameter(B(weight.shape[0], rank))
        self.strength = alpha / rank if scaled else alpha

    def forward(self, x):
        return x @ (self.weight + self.strength * self.B @ self.A).T


def layer_seen(answer, alpha, weight, A, B, x):
    """What a layer does before the first step, how many numbers learn in it, and what it gives with other A and B."""
    layer = answer(weight.clone(), len(A), alpha)
    learning = {one.shape: one for one in layer.parameters() if one.requires_grad}
    found = {
        "numbers that learn": sum(one.numel() for one in learning.values()),
        "the old layer before the first step": torch.allclose(layer(x), x @ weight.T, atol=1e-5),
        "A begins at random": bool(A.shape in learning and learning[A.shape].any()),
    }
    with torch.no_grad():
        for matrix in (A, B):
            learning.get(matrix.shape, matrix.clone()).copy_(matrix)
        return found | {"the strength of the adapter": layer(x)}


SHAPES = (4, 5), (3, 5), (4, 3), (7, 5)  # of a weight (d, k), A (r, k), B (d, r), x (n, k)
low_rank_layer = Exercise("low_rank_layer", observe=layer_seen, right=Adapted,
    draw=lambda rng: (float(rng.integers(7, 20)), *(torch.from_numpy(rng.normal(size=one)).float() for one in SHAPES)),
    as_found=lambda *these: Adapted(*these, learns=True, B=torch.randn, scaled=False),
    praise="Few numbers learn, and the first step starts from the old layer.", mistakes={
        "If A begins at zero as B does, no gradient reaches either.": lambda *these: Adapted(*these, A=torch.zeros),
        "The weight still learns: only A and B should.": lambda *these: Adapted(*these, learns=True),
        "At first the layer is not the old one: what begins at zero?": lambda *these: Adapted(*these, B=torch.randn),
        "The strength depends on the rank: look at the equation.": lambda *these: Adapted(*these, scaled=False),
    })  # fmt: skip
