"""Is an answer to an exercise right – and if not, which mistake is it?

Each check takes the function you wrote, tries it on small cases and says what it found. A stub that is not filled in
yet is no mistake: a notebook with unsolved exercises runs to its end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps

import numpy as np
import torch
from torch import nn

MARKS = {True: "●", False: "✗", None: "○"}


@dataclass(frozen=True)
class Verdict:
    """What a check found.

    right : True, False, or None when the exercise has not been attempted
    says : why, in a sentence
    """

    right: bool | None
    says: str

    def __repr__(self) -> str:
        return f"{MARKS[self.right]} {self.says}"


class Mistake(Exception):
    """An answer is wrong; the message names the mistake."""


def exercise(check: Callable[[Callable], str]) -> Callable[[Callable], Verdict]:
    """Turn a function that raises Mistake, or returns praise, into a check that always returns a Verdict."""

    @wraps(check)
    def verdict(answer: Callable) -> Verdict:
        try:
            return Verdict(True, f"right. {check(answer)}")
        except NotImplementedError:
            return Verdict(None, "not attempted yet")
        except Mistake as mistake:
            return Verdict(False, f"not yet. {mistake}")
        except Exception as error:  # whatever the learner's code raises is an answer, too
            return Verdict(False, f"your function stopped with {type(error).__name__}: {error}")

    return verdict


def returned(value: object) -> object:
    """What a learner's function gave back; NotImplementedError for the None or ... of a stub."""
    if value is None or value is ...:
        raise NotImplementedError
    return value


def tiny_network() -> nn.Sequential:
    """A network of three classes that ends like MobileNetV2, always the same; layer 1 is its last spatial one."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def tiny_batch(channels: int = 3) -> torch.Tensor:
    """Two pictures of 5 x 5 pixels, the same at every call."""
    return torch.rand(2, channels, 5, 5, generator=torch.Generator().manual_seed(0))


# --- unit 03: Grad-CAM ---


@exercise
def map_weights(answer: Callable) -> str:
    """answer(gradient (K, h, w)) -> one weight a map, (K,): the mean of its gradient over the cells."""
    gradient = torch.arange(12.0).reshape(3, 2, 2) ** 2
    weights = torch.as_tensor(returned(answer(gradient)))
    expected = gradient.mean(dim=(1, 2))
    if weights.shape == (2, 2):
        raise Mistake("There is one number for each cell: you took the mean over the maps, not over the cells.")
    if weights.shape != expected.shape:
        raise Mistake(f"For 3 maps there must be 3 weights, got shape {tuple(weights.shape)}.")
    if torch.allclose(weights, gradient.sum(dim=(1, 2))):
        raise Mistake("That is the sum over the cells. Grad-CAM takes the mean (equation 1).")
    if not torch.allclose(weights, expected):
        raise Mistake(f"Expected {expected.tolist()}, got {weights.tolist()}.")
    return "One number for each map, and no place in it: the place comes from the map."


@exercise
def overlay(answer: Callable) -> str:
    """answer(image uint8 RGB (h, w, 3), heat (h, w) 0 to 1) -> uint8 RGB; without heat the picture must not change."""
    image = np.random.default_rng(0).integers(0, 256, (6, 8, 3)).astype(np.uint8)
    cold = np.asarray(returned(answer(image.copy(), np.zeros((6, 8)))))
    if cold.shape == image.shape and np.array_equal(cold, image[..., ::-1]):
        raise Mistake("Red and blue are swapped: every brown lesion turns blue, and a blue veil brown.")
    if cold.shape != image.shape or cold.dtype != np.uint8:
        raise Mistake(f"The overlay has shape {cold.shape} and type {cold.dtype}, the picture (6, 8, 3) and uint8.")
    if not np.array_equal(cold, image):
        raise Mistake("Where the map is zero the picture has changed its colour, as if there were evidence.")
    if np.array_equal(np.asarray(answer(image.copy(), np.ones((6, 8)))), image):
        raise Mistake("The strongest evidence leaves no trace in the picture.")
    return "Without evidence every pixel keeps its colour, in the order red, green, blue."


@exercise
def normalised(answer: Callable) -> str:
    """answer(map (h, w)) -> positive evidence as a share of its maximum; a flat map must stay dark."""
    usual = np.array([[-1.0, 0.0], [1.0, 2.0]])
    flat = {"zero everywhere": np.zeros((2, 2)), "negative everywhere": np.full((2, 2), -3.0)}
    found = {name: np.asarray(returned(answer(case.copy())), float) for name, case in flat.items()}
    for name, values in found.items():
        if np.isnan(values).any():
            raise Mistake(f"A map that is {name} gives NaN: it was divided by a range or a maximum of zero.")
        if (values != 0).any():
            raise Mistake(f"A map that is {name} lights up. No evidence for the class must stay no evidence.")
    got = np.asarray(answer(usual.copy()), float)
    if np.allclose(got, (usual - usual.min()) / np.ptp(usual)):
        raise Mistake("Evidence of zero became a third: stretching between minimum and maximum hides the sign.")
    if not np.allclose(got, usual.clip(0) / 2):
        raise Mistake(f"For [[-1, 0], [1, 2]] expected [[0, 0], [0.5, 1]], got {got.round(2).tolist()}.")
    return "Zero stays zero, and a map without evidence stays dark."


@exercise
def features_without_a_trace(answer: Callable) -> str:
    """answer(network, layer, batch) -> the layer's output; no hook may stay, not even when the network fails."""
    network, batch = tiny_network(), tiny_batch()
    features, expected = returned(answer(network, network[1], batch)), network[:2](batch)
    if not torch.is_tensor(features) or features.shape != expected.shape or not torch.allclose(features, expected):
        raise Mistake("These are not the outputs of the layer that was asked for.")
    if network[1]._forward_hooks:
        raise Mistake("The hook is still there. After a thousand calls a thousand copies are kept: remove the handle.")
    try:
        answer(network, network[1], tiny_batch(channels=1))  # the network stops
    except Exception:  # that it stops is meant to be seen by whoever called
        pass
    if network[1]._forward_hooks:
        raise Mistake("When the network stops with an error, the hook stays: remove it in a `finally`.")
    return "The layer is as it was, also after an error."


@exercise
def gradient_of_a_frozen_network(answer: Callable) -> str:
    """answer(network, layer, batch, target) -> gradient of the logit by the layer's output, network still frozen."""
    network, batch = tiny_network().requires_grad_(False), tiny_batch()[:1]
    gradient = returned(answer(network, network[1], batch, 1))
    if any(weight.requires_grad for weight in network.parameters()):
        raise Mistake("Right or not, the network is no longer frozen: the next training would change the backbone.")
    expected = network[4].weight[1].reshape(1, 4, 1, 1).expand(1, 4, 3, 3) / 9
    if gradient.shape != expected.shape:
        raise Mistake(f"The layer gives (1, 4, 3, 3), your gradient has shape {tuple(gradient.shape)}.")
    if not torch.allclose(gradient, expected, atol=1e-6):
        raise Mistake("That is not the gradient of the logit. Is it that of the probability, or of another class?")
    return "The graph began at the layer, so nothing below needed a gradient."


# --- unit 06b: words ---

WORD_TRAPS = {
    ("A uniform lesion.", "uniform"): 1,
    ("Uniform, UNIFORM and uniform.", "uniform"): 3,
    ("An irregular border.", "regular border"): 0,
    ("Even colors.", "even color"): 0,
    ("A non-uniform lesion.", "uniform"): 0,
    ("A regular border; even color.", "even color"): 1,
}


@exercise
def whole_words(answer: Callable) -> str:
    """answer(sentence, keyword) -> how often the keyword stands there as words of its own, whatever the case."""
    for (sentence, keyword), expected in WORD_TRAPS.items():
        found = returned(answer(sentence, keyword))
        if found == expected:
            continue
        if "-" in sentence:
            raise Mistake("'non-uniform' is one word: a hyphen does not end a word, though \\b believes it does.")
        if found == sentence.lower().count(keyword):
            raise Mistake(f"In {sentence!r} the letters of {keyword!r} occur, but inside a longer word.")
        if found == sentence.count(keyword):
            raise Mistake(f"In {sentence!r} only small letters were found: the case must not matter.")
        raise Mistake(f"{keyword!r} stands {expected} times in {sentence!r}, you found {found}.")
    return "Letters, case and hyphens are no trap any more; a denial still is."
