"""Exercises of unit 06b: does a caption follow, what shared words hide, a layer with an adapter."""

from itertools import combinations

import numpy as np
import torch
from torch import nn

from dermxai_helpers.checks.exercise import Exercise


def pairs(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The truth before and after a change, bool (n, 2); and what is said of both and of the first's mirror, (n, 3)."""
    before = rng.random((rng.integers(30, 60), 1)) < 0.5
    return np.hstack([before, ~before]), np.hstack([before, ~before, before]) ^ (rng.random((len(before), 3)) < 0.3)


def rates(true: np.ndarray, said: np.ndarray, of_mirror: int = 1) -> np.ndarray:
    """Shares of captions that follow the change, and that would pass with the mirror; of_mirror : by which truth."""
    once, twice, mirror = said.T == np.stack([true[:, 0], true[:, 1], true[:, of_mirror]])
    return np.array([(once & twice).mean(), (once & mirror).mean()])


follow_rate = Exercise(
    "follow_rate",
    draw=pairs,
    right=rates,
    mistakes={
        "A caption that changes from an error to another has not followed.": lambda true, said: (
            (said[:, 1:] != said[:, :1]).mean(axis=0)),
        "A caption that never changes is right after half of the changes. Ask before, too.": lambda true, said: (
            (said[:, 1:] == true[:, 1:]).mean(axis=0)),
        "The mirror's captions are judged by the truth before. The floor has the rule of the rate.": lambda *these: (
            rates(*these, of_mirror=0)),
        "Every change of a mirror's caption is called noise. The floor has the rule of the rate.": lambda true, said: (
            np.array([rates(true, said)[0], (said[:, 0] != said[:, 2]).mean()])),
        "Captions that were wrong before are left out. They did not follow.": lambda true, said: (
            rates(true, said) / (said[:, 0] == true[:, 0]).mean()),
    },
    praise="A rate without its floor tells nothing: captions also change without a reason.",
)  # fmt: skip


def two_captions(rng: np.random.Generator) -> tuple[list[str], list[str]]:
    """The words of a caption and of its reference: some in both, some oftener in one, one inside another word."""
    words = "the lesion shows no dots and streaks".split()
    caption, reference = ["symmetric", "the", "the", "the", "brown"], ["asymmetric", "the", "no"]
    extra = [rng.choice(words, size).tolist() for size in rng.permutation([2, 10])]
    return tuple(rng.permutation(one + more).tolist() for one, more in zip((caption, reference), extra, strict=True))


def first_precision(caption: list[str], reference: list[str]) -> float:
    import sacrebleu

    score = sacrebleu.sentence_bleu(" ".join(caption), [" ".join(reference)], smooth_method="none", tokenize="none")
    return score.precisions[0] / 100


clipped_precision = Exercise(
    "clipped_precision",
    draw=two_captions,
    right=first_precision,
    mistakes={
        "A repeated word counts as often as it is said: clip it.": lambda c, r: np.mean([word in r for word in c]),
        "Each word counts once, however often both hold it.": lambda c, r: len({*c} & {*r}) / len({*c}),
        "That is the share of the reference's words: recall.": lambda c, r: first_precision(c, r) * len(c) / len(r),
        "Letters inside another word are found.": lambda c, r: np.mean([word in " ".join(r) for word in c]),
        "Words are compared place by place. Here only their number counts.": lambda c, r: (
            np.mean([place < len(r) and word == r[place] for place, word in enumerate(c)])),
    },
    praise="Words are counted, wherever they stand: nobody asks what the 'no' belongs to.",
)  # fmt: skip

precision_of_a_false_caption = Exercise(
    "precision_of_a_false_caption",
    draw=lambda rng: (rng.integers(1, 6, 9), rng.integers(0, 6, 9)),
    right=lambda stated, denied: (stated + denied + np.minimum(stated, denied)) / (2 * stated + denied),
    mistakes={
        "Every fact is false, but precision asks for words, not for facts.": lambda stated, denied: 0.0 * stated,
        "A 'no' more than the reference holds is shared with nobody.": lambda stated, denied: stated / stated,
        "The word 'no' is shared, too.": lambda stated, denied: (stated + denied) / (2 * stated + denied),
        "It is divided by the reference's words. Precision is a share of the caption's.": lambda stated, denied: (
            (stated + denied + np.minimum(stated, denied)) / (stated + 2 * denied)),
    },
    praise="As many denials as statements, and a caption that is false in every fact has a precision of one.",
)  # fmt: skip


class Adapted(nn.Module):
    """A frozen weight (d, k) with an adapter beside it, and with the faults that are named."""

    def __init__(self, weight: torch.Tensor, rank: int, alpha: float, faults: tuple = ()):
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad="learns" in faults)
        self.A = nn.Parameter((torch.zeros if "zeros" in faults else torch.randn)(rank, weight.shape[1]))
        self.B = nn.Parameter((torch.randn if "random" in faults else torch.zeros)(weight.shape[0], rank))
        self.scale = alpha if "unscaled" in faults else alpha / rank

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x @ (self.weight + self.scale * self.B @ self.A).T


def layer_seen(answer, weight: torch.Tensor, alpha: float, A: torch.Tensor, B: torch.Tensor, x: torch.Tensor) -> dict:
    """What a layer does before the first step, how many numbers learn in it, and what it gives with other A and B."""
    layer = answer(weight.clone(), len(A), alpha)
    same = torch.allclose(layer.forward(x), x @ weight.T, atol=1e-5)
    learning = {one.shape: one for one in layer.parameters() if one.requires_grad}
    found = {"same": same, "A": bool(A.shape in learning and learning[A.shape].any())}
    with torch.no_grad():
        for matrix in (A, B):
            learning.get(matrix.shape, matrix.clone()).copy_(matrix)
    return found | {"learning": sum(one.numel() for one in learning.values()), "output": layer.forward(x)}


def tensors(rng: np.random.Generator) -> tuple:
    """A weight (d, k), alpha, matrices A (r, k) and B (d, r), inputs (n, k): d, k, r and alpha all differ."""
    rank, (d, k) = rng.integers(2, 4), rng.permutation([4, 5, 6])[:2]
    shapes = ((d, k), (rank, k), (d, rank), (7, k))
    weight, A, B, x = (torch.from_numpy(rng.normal(size=shape)).float() for shape in shapes)
    return weight, float(rng.integers(7, 20)), A, B, x


FAULTS = {
    "learns": "The weight still learns: only A and B should.",
    "random": "Before the first step the layer is not the old one: which matrix has to begin at zero?",
    "unscaled": "The strength depends on the rank: look at the equation.",
}
low_rank_layer = Exercise(
    "low_rank_layer",
    draw=tensors,
    observe=layer_seen,
    right=Adapted,
    as_found=lambda *these: Adapted(*these, tuple(FAULTS)),
    mistakes={
        "A begins at zero. Only B should: if both do, no gradient reaches either.": lambda *these: (
            Adapted(*these, ("zeros",))),
        **{" ".join(map(FAULTS.get, some)): lambda *these, some=some: Adapted(*these, some)
           for some in [*combinations(FAULTS, 1), *combinations(FAULTS, 2)]},
    },
    praise="Few numbers learn, and the first step starts from the old layer.",
)  # fmt: skip
