"""Checks of exercises are checked: the right answer passes, every planted mistake is named, a stub is no mistake."""

import re

import numpy as np
import pytest
import torch

from dermxai_helpers import checks


def stub(*_arguments):
    ...


def crashes(*_arguments):
    return 1 / 0


def kept_features(network, layer, batch, removed=True):
    kept = []
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: kept.append(output))
    network(batch)
    if removed:
        handle.remove()
    return kept[0]


def cleaned_features(network, layer, batch):
    kept = []
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: kept.append(output))
    try:
        network(batch)
    finally:
        handle.remove()
    return kept[0]


def gradient_at(network, layer, batch, target, of=lambda logits, target: logits[0, target], unfreeze=False):
    """The gradient, begun at the layer; or by thawing the whole network."""
    network.requires_grad_(unfreeze)
    kept = []

    def begin(_layer, _inputs, output):
        kept.append(output if unfreeze else output.detach().requires_grad_())
        return kept[0]

    handle = layer.register_forward_hook(begin)
    logits = network(batch)
    handle.remove()
    return torch.autograd.grad(of(logits, target), kept[0])[0]


def shaded(image, heat):
    return (image * (1 - 0.5 * heat[..., None])).round().astype(np.uint8)


def stretched(one):
    return (one - one.min()) / (one.max() - one.min())


RIGHT = {
    "map_weights": lambda gradient: gradient.mean(dim=(1, 2)),
    "overlay": shaded,
    "normalised": lambda one: one.clip(0) / max(one.max(), 1e-12),
    "features_without_a_trace": cleaned_features,
    "gradient_of_a_frozen_network": gradient_at,
    "whole_words": lambda sentence, keyword: len(re.findall(rf"(?<![\w-]){keyword}(?![\w-])", sentence.lower())),
}

WRONG = [
    ("map_weights", lambda gradient: gradient.sum(dim=(1, 2)), "the sum over the cells"),
    ("map_weights", lambda gradient: gradient.mean(dim=0), "over the maps"),
    ("map_weights", lambda gradient: gradient.mean(), "must be 3 weights"),
    ("map_weights", lambda gradient: gradient.amax(dim=(1, 2)), "Expected"),
    ("overlay", lambda image, heat: shaded(image[..., ::-1], heat), "Red and blue are swapped"),
    ("overlay", lambda image, heat: (image // 2 + 60 * np.ones_like(image)).astype(np.uint8), "has changed its colour"),
    ("overlay", lambda image, heat: image, "leaves no trace"),
    ("overlay", lambda image, heat: image / 255, "float64"),
    ("normalised", stretched, "gives NaN"),
    ("normalised", lambda one: np.ones_like(one) if np.ptp(one) == 0 else one.clip(0) / one.max(), "lights up"),
    ("normalised", lambda one: stretched(one) if np.ptp(one) else 0 * one, "became a third"),
    ("normalised", lambda one: one.clip(0), "expected [[0, 0], [0.5, 1]]"),
    ("features_without_a_trace", lambda *these: kept_features(*these, removed=False), "still there"),
    ("features_without_a_trace", kept_features, "in a `finally`"),
    ("features_without_a_trace", lambda network, layer, batch: network(batch), "not the outputs"),
    ("gradient_of_a_frozen_network", lambda *these: gradient_at(*these, unfreeze=True), "no longer frozen"),
    ("gradient_of_a_frozen_network", lambda *these: gradient_at(*these, of=lambda z, t: z.softmax(1)[0, t]),
     "not the gradient of the logit"),
    ("gradient_of_a_frozen_network", lambda network, layer, batch, target: torch.autograd.grad(
        network(batch)[0, target], batch)[0], "does not require grad"),
    ("whole_words", lambda sentence, keyword: sentence.count(keyword), "the case must not matter"),
    ("whole_words", lambda sentence, keyword: sentence.lower().count(keyword), "inside a longer word"),
    ("whole_words", lambda text, keyword: len(re.findall(rf"\b{keyword}\b", text.lower())), "one word: a hyphen"),
    ("whole_words", lambda sentence, keyword: 7, "stands 1 times"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_stubs_and_crashes(name):
    check = getattr(checks, name)
    assert check(RIGHT[name]).right is True
    assert repr(check(RIGHT[name])).startswith("● right.")
    assert repr(check(stub)) == "○ not attempted yet"
    assert check(crashes) == checks.Verdict(False, "your function stopped with ZeroDivisionError: division by zero")


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("name, answer, words", WRONG)
def test_every_planted_mistake_is_named(name, answer, words):
    verdict = getattr(checks, name)(answer)
    assert verdict.right is False and words in repr(verdict)


def test_every_check_is_tested():
    written = {name for name, value in vars(checks).items() if hasattr(value, "__wrapped__")}
    assert written == set(RIGHT) == {name for name, _, _ in WRONG}


def test_a_check_leaves_the_random_numbers_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    for name, answer in RIGHT.items():
        getattr(checks, name)(answer)
    assert torch.equal(torch.rand(3), expected)
