"""A planted shortcut: most melanomas lie beside a ruler, hardly any other lesion does. Which heat-maps expose it?

Drawn lesions allow the experiment that settles what a model learnt: the same photograph, drawn again without ruler.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from dermxai_helpers import regions, scoring, synth
from dermxai_helpers.explanation import resize
from dermxai_helpers.inference import quick, to_input, unwrapped
from dermxai_helpers.training import loop
from dermxai_helpers.training.backbones import IMAGENET_MEAN, IMAGENET_STD
from dermxai_helpers.trial.faithfulness import answers, probabilities
from dermxai_helpers.trial.run import Explainers, explained

PLANTED = {"mel": 0.9, "nv": 0.03, "bkl": 0.03}  # P(ruler | class)
HONEST = dict.fromkeys(synth.LABELS, 0.12)  # the usual chance, whatever the class
MELANOMA = synth.LABELS.index("mel")

prepare = partial(to_input, size=(224, 224), mean=IMAGENET_MEAN, std=IMAGENET_STD)


@dataclass(frozen=True, eq=False)
class RulerPairs:
    """Melanomas photographed with a ruler, and the very same photographs without it.

    ruled, bare : uint8 RGB, (n, 224, 224, 3), equal but for the ruler's pixels
    bands : bool, (n, 224, 224), the box around each ruler; a map of 7 x 7 cells cannot be finer than that
    """

    ruled: np.ndarray
    bare: np.ndarray
    bands: np.ndarray


@dataclass(frozen=True, eq=False)
class Exposure:
    """What models lose without the ruler, and what heat-maps had said about it.

    drops : one row a model. with ruler, without: mean probability of melanoma; drop, low, high: their difference
    relevance : index (model, method). value, low, high: share of the map's evidence for melanoma on the ruler's band;
        area: the band's share of the picture, which is chance; without: what the map puts on the same place when no
        ruler is there; more, more low, more high: value - without. A method exposes the shortcut when its "more" lies
        far above 0 in the model that has it, and not in an honest one
    maps : {(model, method): float (n, rows, columns)} of the photographs with ruler
    """

    drops: pd.DataFrame
    relevance: pd.DataFrame
    maps: dict[tuple[str, str], np.ndarray]


def small_network() -> nn.Module:
    """Build a small convolutional network with random weights: a 14 x 14 grid of `features`, mean, linear layer.

    One cell sees 61 pixels: enough for a ruler's ticks, which the course's frozen MobileNetV2 hardly notices.
    """

    def block(before: int, after: int, size: int, stride: int) -> nn.Module:
        convolution = nn.Conv2d(before, after, size, stride, size // 2, bias=False)
        return nn.Sequential(convolution, nn.BatchNorm2d(after), nn.ReLU())

    features = nn.Sequential(block(3, 8, 5, 4), block(8, 32, 3, 2), block(32, 64, 3, 2), block(64, 64, 3, 1))
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, len(synth.LABELS)))
    return nn.Sequential(OrderedDict(features=features, classifier=head)).eval()


def draw_set(n: int, seed: int, chances: Mapping[str, float]) -> tuple[np.ndarray, Tensor]:
    """Draw `n` lesions with chances P(ruler | class), the classes in turn: uint8 (n, 224, 224, 3), indices (n,)."""
    labels = torch.arange(n) % len(synth.LABELS)
    names = [synth.LABELS[label] for label in labels]
    drawn = [
        synth.draw([seed, number], name, artefact_chances={"ruler": chances[name]}).image
        for number, name in enumerate(names)
    ]
    return np.stack(drawn), labels


def train(chances: Mapping[str, float] = PLANTED, images: int = 450, epochs: int = 10, seed: int = 0) -> nn.Module:
    """Train a small network on drawn lesions with these chances of a ruler.

    PLANTED teaches the shortcut, HONEST is the control. The weights kept are the running mean of the last steps.
    """
    pictures, labels = draw_set(images, seed, chances)
    judged, truth = draw_set(images // 10, seed + 1, chances)
    plan = loop.Plan(
        optimiser=lambda network: torch.optim.Adam(network.parameters(), lr=1e-3),
        loss=nn.functional.cross_entropy,
        order=lambda: torch.randperm(images),
        epochs=epochs,
        batch_size=16,
        average=0.98,
        keep="last",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = small_network()
        learn = loop.Examples(lambda rows: prepare(list(pictures[rows.numpy()])), labels)
        loop.fit(network, learn, loop.Examples(lambda rows: prepare(list(judged[rows.numpy()])), truth), plan)
    return network


def draw_pairs(n: int, seed: int) -> RulerPairs:
    """Draw `n` melanomas twice each: with a ruler and without. None of them is in any `draw_set`."""
    seeds = [(seed, number, 1) for number in range(n)]
    ruled = [synth.draw(lesion, "mel", ruler=True) for lesion in seeds]
    bare = [synth.draw(lesion, "mel", ruler=False).image for lesion in seeds]
    bands = np.zeros((n, 224, 224), bool)
    for band, lesion in zip(bands, ruled, strict=True):
        left, top, right, bottom = regions.box_around(lesion.artefacts["ruler"])
        band[top:bottom, left:right] = True
    return RulerPairs(np.stack([lesion.image for lesion in ruled]), np.stack(bare), bands)


def expose(models: Mapping[str, nn.Module], pairs: RulerPairs, explainers: Explainers, seed: int = 0) -> Exposure:
    """Ask every model about the pairs, and every method about every model, for the class melanoma.

    models : {name: model}; their classes must be those of `synth.LABELS`, in that order
    explainers : as in `trial.run`
    """
    ruled, bare, targets = prepare(list(pairs.ruled)), prepare(list(pairs.bare)), [MELANOMA] * len(pairs.ruled)
    drops, relevance, maps = {}, {}, {}
    for name, model in models.items():
        network = quick(unwrapped(model), ruled[:1])
        answers(network, ruled[:1], synth.LABELS)  # refuses other classes
        likely, without = (probabilities(network, inputs, targets) for inputs in (ruled, bare))
        low, high = scoring.interval("mean", range(len(targets)), likely - without, seed=seed)
        drops[name] = {"with ruler": likely.mean(), "without": without.mean()}
        drops[name] |= {"drop": (likely - without).mean(), "low": low, "high": high}
        for method, explain in explainers.items():
            there, gone = (explained(explain, network, inputs, targets) for inputs in (ruled, bare))
            maps[name, method] = there
            relevance[name, method] = _relevance(there, gone, pairs.bands, seed)
    relevance = pd.DataFrame(relevance).T.rename_axis(["model", "method"])
    return Exposure(pd.DataFrame(drops).T.rename_axis("model"), relevance, maps)


def _relevance(ruled: np.ndarray, bare: np.ndarray, bands: np.ndarray, seed: int) -> dict[str, float]:
    """How much of the maps' evidence lies on the rulers' bands; maps without evidence are left out."""
    there, without = (
        np.array([scoring.energy_inside(*pair) for pair in zip(resize(maps, bands.shape[1:]), bands, strict=True)])
        for maps in (ruled, bare)
    )
    columns = np.column_stack([there, there - without])
    value, more = scoring.mean_intervals(range(len(bands)), columns, seed=seed)
    means = np.nanmean(columns, axis=0)
    with_ruler = {"value": means[0], "low": value[0], "high": value[1], "area": bands.mean()}
    return with_ruler | {"without": np.nanmean(without), "more": means[1], "more low": more[0], "more high": more[1]}
