"""Five ways to train and one way to decide when three images in four belong to one class."""

from collections.abc import Callable
from itertools import product

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dermxai_helpers.files import listed

STRATEGIES = ("none", "class weights", "oversampling", "focal loss", "logit adjustment")
STEPS = np.geomspace(1 / 32, 32, 41)  # factors that `tuned_factors` tries for each class


def class_weights(labels: Tensor) -> Tensor:
    """Loss weight of each class, (classes,): n / (classes * n_class), so that every class weighs the same in all."""
    counts = torch.bincount(labels)
    return len(labels) / (len(counts) * counts.float())


def loss_for(strategy: str, labels: Tensor) -> Callable[[Tensor, Tensor], Tensor]:
    """The loss of a strategy: logits (B, classes), labels (B,) -> scalar. labels : of training, to know what is common.

    Logit adjustment adds the log of the class's share in training, so that the network need not learn it; without the
    addition its logits then answer as if all classes were equally common (Menon et al., ICLR 2021).
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"no way to rebalance is called {strategy!r}: choose one of {', '.join(STRATEGIES)}")
    weights, shares, loss = class_weights(labels), torch.bincount(labels) / len(labels), functional.cross_entropy
    losses = {
        "class weights": lambda logits, labels: loss(logits, labels, weights.to(logits.device)),
        "focal loss": lambda logits, labels: focal(logits, labels, weights.to(logits.device)),
        "logit adjustment": lambda logits, labels: loss(logits + shares.log().to(logits.device), labels),
    }
    return losses.get(strategy, loss)


def order_for(strategy: str, labels: Tensor) -> Callable[[], Tensor]:
    """The rows that an epoch takes, in order: all of them shuffled, or as many drawn so that classes are even."""
    if strategy != "oversampling":
        return lambda: torch.randperm(len(labels))
    chances = class_weights(labels)[labels]
    return lambda: torch.multinomial(chances, len(labels), replacement=True)


def focal(logits: Tensor, labels: Tensor, alpha: Tensor, gamma: float = 2.0) -> Tensor:
    r"""Cross-entropy that counts little what is right already, averaged; p is the true class's probability.

    $$ L = -\alpha_y (1 - p)^\gamma \log p $$

    alpha : how much each class counts, (classes,)

    >>> print(f"{focal(torch.tensor([[0.0, 0.0]]), torch.tensor([1]), torch.ones(2)).item():.3f}")  # 1/4 of log 2
    0.173

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017, equation 5.
    """
    log_p = functional.log_softmax(logits, dim=1).gather(1, labels[:, None])[:, 0]
    return (alpha[labels] * (1 - log_p.exp()) ** gamma * -log_p).mean()


def tuned_factors(probabilities: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A factor for each class's probability, (classes,), such that argmax(probabilities * factors) is most balanced.

    probabilities : (n, classes), few classes, for all combinations on a grid are tried; labels : class index, (n,)
    Take images that neither trained the network nor will be reported on. ValueError where a class has no image.
    """
    own = [labels == number for number in range(probabilities.shape[1])]
    absent = [number for number, rows in enumerate(own) if not rows.any()]
    if absent or not np.isfinite(probabilities).all():
        found = f"no image of class number {listed(absent)}" if absent else "probabilities that are not finite"
        raise ValueError(f"factors cannot be tuned on {found}: give images of every class, and a network that answers")

    def worth(factors: np.ndarray) -> tuple[float, float]:
        right = (probabilities * factors).argmax(axis=1) == labels
        return np.mean([right[rows].mean() for rows in own]), -np.abs(np.log(factors)).sum()

    others = product(STEPS, repeat=len(own) - 1)  # only ratios matter: the first class keeps its factor
    return max((np.array([1.0, *factors]) for factors in others), key=worth)
