"""The planted shortcut: a model that learns it, exact counterfactuals, and heat-maps that do or do not expose it."""

import numpy as np
import pytest
import torch
from torch import nn

from dermxai_helpers import gradcam, synth
from dermxai_helpers.trial import shortcut

PAIRS = 8


@pytest.fixture(scope="module")
def pairs() -> shortcut.RulerPairs:
    return shortcut.draw_pairs(PAIRS, seed=9)


@pytest.fixture(scope="module")
def model() -> nn.Module:
    """A small network taught for seconds only, from pictures in which the ruler says all."""
    return shortcut.train({"mel": 1.0, "nv": 0.0, "bkl": 0.0}, images=120, epochs=9, seed=0)


class RulerDetector(nn.Module):
    """Takes dark pixels along the edges of a picture for melanoma, and nothing else."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(200.0), requires_grad=False)

    def forward(self, inputs):
        frame = torch.ones(1, 224, 224)
        frame[:, 30:-30, 30:-30] = 0
        score = self.scale * (((inputs.mean(dim=1) < -1.2) * frame).mean(dim=(1, 2)) - 0.002)
        return torch.stack([score, torch.zeros_like(score), torch.zeros_like(score)], dim=1)


def band(network, inputs, targets):
    """A map that knows: one wherever a picture's edge is dark."""
    dark = (inputs.mean(dim=1) < -1.2).numpy().astype(float)
    dark[:, 30:-30, 30:-30] = 0
    return dark


def flat(network, inputs, targets):
    return np.ones((len(inputs), 7, 7))


def test_a_pair_differs_in_the_ruler_only(pairs):
    changed = (pairs.ruled != pairs.bare).any(axis=3)
    assert not (changed & ~pairs.bands).any() and changed.any(axis=(1, 2)).all()
    assert (pairs.bands.mean(axis=(1, 2)) < 0.2).all()


def test_no_pair_was_ever_learnt_from():
    learnt, _ = shortcut.draw_set(9, seed=9, chances=dict.fromkeys(synth.LABELS, 1.0))
    asked = shortcut.draw_pairs(9, seed=9)
    assert not {image.tobytes() for image in learnt} & {image.tobytes() for image in asked.ruled}


def test_drawn_sets_hold_rulers_as_often_as_asked_for(monkeypatch):
    seen = []
    draw = synth.draw

    def noted(*arguments, **settings):
        lesion = draw(*arguments, **settings)
        seen.append((lesion.attributes["label"], lesion.attributes["ruler"]))
        return lesion

    monkeypatch.setattr(synth, "draw", noted)
    images, labels = shortcut.draw_set(30, 5, {"mel": 1.0, "nv": 0.0, "bkl": 0.0})
    assert images.shape == (30, 224, 224, 3)
    assert [synth.LABELS[label] for label in labels.tolist()] == [label for label, _ in seen]
    assert all(ruler == (label == "mel") for label, ruler in seen)


def test_a_model_that_knows_only_rulers_loses_everything_without_and_a_true_map_says_so(pairs):
    bright = [row for row in range(PAIRS) if not synth.draw([9, row, 1], "mel").attributes["vignette"]]
    bright = shortcut.RulerPairs(*(part[bright] for part in (pairs.ruled, pairs.bare, pairs.bands)))
    found = shortcut.expose({"detector": RulerDetector()}, bright, {"band": band, "flat": flat})
    drop = found.drops.loc["detector"]
    assert drop["with ruler"] > 0.6 and drop["without"] < 0.4
    assert drop["low"] > 0.2 and drop["drop"] == pytest.approx(drop["with ruler"] - drop["without"])
    knows, blind = found.relevance.loc["detector", "band"], found.relevance.loc["detector", "flat"]
    assert knows["value"] > 0.9 and knows["low"] > 3 * knows["area"]
    assert blind["value"] == pytest.approx(blind["area"]) and blind["more"] == pytest.approx(0)
    assert found.maps["detector", "flat"].shape == (len(bright.ruled), 7, 7)


def test_a_small_network_learns_the_shortcut_and_gradcam_exposes_it(model, pairs):
    torch.manual_seed(0)
    found = shortcut.expose(
        {"shortcut": model, "untaught": shortcut.small_network()}, pairs, {"Grad-CAM": gradcam.explain}
    )
    assert found.drops.loc["shortcut", "low"] > 0.05 > abs(found.drops.loc["untaught", "drop"])
    told = found.relevance.xs("Grad-CAM", level="method")
    assert told.loc["shortcut", "more low"] > 0
    assert told.loc["shortcut", "value"] > 1.5 * told.loc["shortcut", "area"]


def test_training_again_gives_the_same_model_and_leaves_the_callers_seed():
    state = torch.get_rng_state()
    first, again = (shortcut.train(images=15, epochs=1, seed=3) for _ in range(2))
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in first.state_dict().items())


def test_a_model_of_other_classes_gets_a_sentence(pairs):
    model = nn.Sequential(nn.AvgPool2d(224), nn.Flatten(), nn.Linear(3, 5))
    with pytest.raises(ValueError, match="5 numbers an image; it must tell classes apart, 3: mel, nv, bkl"):
        shortcut.expose({"five": model}, pairs, {"flat": flat})
