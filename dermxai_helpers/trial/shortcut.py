"""Does a heat-map expose a model that looks at the ruler?

A shortcut is planted: most melanomas are photographed beside a ruler, hardly any other lesion is. A model that learns
from such pictures may learn rulers. Drawn lesions allow the one experiment that settles what it learnt: the same
photograph, drawn again without its ruler. What the probability of melanoma then loses is the truth that heat-maps have
to tell; how much of their evidence lies on the ruler is what they say.
"""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from dermxai_helpers import regions, scoring, synth
from dermxai_helpers.explanation import resize
from dermxai_helpers.inference import quick, to_input, unwrapped
from dermxai_helpers.scoring.maps import energy_inside
from dermxai_helpers.training import loop as fitting
from dermxai_helpers.training.backbones import IMAGENET_MEAN, IMAGENET_STD
from dermxai_helpers.trial import faithfulness
from dermxai_helpers.trial.run import BATCH, Explain, Prepare

PLANTED = {"mel": 0.9, "nv": 0.03, "bkl": 0.03}  # P(ruler | class)
HONEST = dict.fromkeys(synth.LABELS, 0.12)  # the usual chance, whatever the class
MELANOMA = synth.LABELS.index("mel")
CHANNELS = (8, 32, 64, 64)  # of the small network's four layers


@dataclass(frozen=True, eq=False)
class Pairs:
    """Lesions photographed with a ruler, and the very same photographs without it.

    ruled, bare : uint8 RGB, (n, 224, 224, 3), equal but for the ruler's pixels
    rulers : bool, (n, 224, 224), those pixels
    bands : the box around each ruler; a map of 7 x 7 cells cannot be finer than that
    """

    ruled: np.ndarray
    bare: np.ndarray
    rulers: np.ndarray
    bands: np.ndarray


@dataclass(frozen=True, eq=False)
class Exposure:
    """What models lose without the ruler, and what heat-maps had said about it.

    drops : one row a model. with ruler, without: mean probability of melanoma; drop, low, high: their difference, with
        its 95 % interval, from exact counterfactuals; filled: the drop when the ruler's pixels are filled in from their
        surroundings instead (`faithfulness.impute`), which is all that can be done to a real photograph
    relevance : index (model, method). value, low, high: share of the map's evidence for melanoma that lies on the
        ruler's band; area: the band's share of the picture, which is chance; without: what the map puts on the same
        place when no ruler is there; more, more low, more high: value - without. A method exposes the shortcut when its
        "more" lies far above 0 in the model that has it, and not in an honest one
    maps : {(model, method): float (n, rows, columns)} of the photographs with ruler
    """

    drops: pd.DataFrame
    relevance: pd.DataFrame
    maps: dict[tuple[str, str], np.ndarray]


def prepare(images: list[np.ndarray]) -> Tensor:
    """uint8 RGB pictures of 224 x 224 pixels -> float32 (B, 3, 224, 224), normalised as MobileNetV2 expects."""
    return to_input(images, (224, 224), IMAGENET_MEAN, IMAGENET_STD)


def small_network() -> nn.Module:
    """A small convolutional network with random weights: `features` give a 14 x 14 grid, then mean and linear layer.

    One cell sees 61 pixels: enough for the ticks of a ruler. The course's frozen MobileNetV2 would not do here: it was
    taught to see lesions, its features hardly change with a ruler, and a head cannot learn what they do not hold.
    """
    strides, sizes, before = (4, 2, 2, 1), (5, 3, 3, 3), (3, *CHANNELS)
    layers = [
        nn.Sequential(nn.Conv2d(old, new, size, stride, size // 2, bias=False), nn.BatchNorm2d(new), nn.ReLU())
        for old, new, size, stride in zip(before, CHANNELS, sizes, strides, strict=False)
    ]
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(CHANNELS[-1], len(synth.LABELS)))
    return nn.Sequential(OrderedDict(features=nn.Sequential(*layers), classifier=head)).eval()


def draw_set(n: int, seed: int, chances: Mapping[str, float]) -> tuple[np.ndarray, Tensor]:
    """Draws `n` lesions, the classes in turn: uint8 (n, 224, 224, 3), and their class indices (n,).

    chances : P(ruler | class) for each class
    """
    labels = [synth.LABELS[number % len(synth.LABELS)] for number in range(n)]
    drawn = [
        synth.draw([seed, number], label, artefact_chances={"ruler": chances[label]})
        for number, label in enumerate(labels)
    ]
    return np.stack([lesion.image for lesion in drawn]), torch.tensor([synth.LABELS.index(label) for label in labels])


def train(chances: Mapping[str, float] = PLANTED, images: int = 450, epochs: int = 10, seed: int = 0) -> nn.Module:
    """A small network that has learnt from drawn lesions with these chances of a ruler.

    PLANTED teaches the shortcut, HONEST is the control. The weights kept are the running mean of the last steps.
    """
    pictures, labels = draw_set(images, seed, chances)
    judged, truth = draw_set(images // 10, seed + 1, chances)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = small_network()
        plan = fitting.Plan(
            optimiser=lambda network: torch.optim.Adam(network.parameters(), lr=1e-3),
            loss=fitting.cross_entropy(),
            order=lambda: torch.randperm(images),
            epochs=epochs,
            batch_size=16,
            average=0.98,
            keep="last",
        )
        learn = fitting.Examples(lambda rows: prepare(list(pictures[rows.numpy()])), labels)
        fitting.fit(network, learn, fitting.Examples(lambda rows: prepare(list(judged[rows.numpy()])), truth), plan)
    return network


def accuracy(network: nn.Module, chances: Mapping[str, float], n: int = 90, seed: int = 1000) -> float:
    """Share of right answers about new lesions with these chances of a ruler; guessing gets 1/3."""
    pictures, labels = draw_set(n, seed, chances)
    with torch.inference_mode():
        answers = [network(prepare(list(pictures[rows]))).argmax(dim=1) for rows in _batches(n)]
    return float((torch.cat(answers) == labels).float().mean())


def draw_pairs(n: int, seed: int, label: str = "mel") -> Pairs:
    """Draws `n` lesions of one class twice each: with a ruler and without. None of them is in any `draw_set`."""
    seeds = [(seed, number, 1) for number in range(n)]
    ruled = [synth.draw(lesion, label, ruler=True) for lesion in seeds]
    bare = [synth.draw(lesion, label, ruler=False).image for lesion in seeds]
    rulers = np.stack([lesion.artefacts["ruler"] for lesion in ruled])
    bands = np.zeros_like(rulers)
    for band, ruler in zip(bands, rulers, strict=True):
        left, top, right, bottom = regions.box_around(ruler)
        band[top:bottom, left:right] = True
    return Pairs(np.stack([lesion.image for lesion in ruled]), np.stack(bare), rulers, bands)


def expose(
    models: Mapping[str, nn.Module], pairs: Pairs, explainers: Mapping[str, Explain],
    prepare: Prepare = prepare, seed: int = 0,
) -> Exposure:
    """Ask every model about the pairs, and every method about every model, for the class melanoma.

    models : {name: model}; their classes must be those of `synth.LABELS`, in that order
    explainers, prepare : as in `trial.run`
    """
    drops, relevance, maps = {}, {}, {}
    for name, model in models.items():
        network = quick(unwrapped(model))
        drops[name] = _drop(network, pairs, prepare, seed)
        for method, explain in explainers.items():
            ruled, bare = (_explained(network, explain, images, prepare) for images in (pairs.ruled, pairs.bare))
            relevance[name, method] = _relevance(ruled, bare, pairs, seed)
            maps[name, method] = ruled
    relevance = pd.DataFrame(relevance).T.rename_axis(["model", "method"])
    return Exposure(pd.DataFrame(drops).T.rename_axis("model"), relevance, maps)


def _drop(network: nn.Module, pairs: Pairs, prepare: Prepare, seed: int) -> dict[str, float]:
    ruled, bare, filled = [], [], []
    for rows in _batches(len(pairs.ruled)):
        inputs, targets = prepare(list(pairs.ruled[rows])), [MELANOMA] * len(rows)
        without = faithfulness.impute(inputs, torch.from_numpy(pairs.rulers[rows])[:, None])
        ruled.append(faithfulness.probabilities(network, inputs, targets))
        bare.append(faithfulness.probabilities(network, prepare(list(pairs.bare[rows])), targets))
        filled.append(faithfulness.probabilities(network, without, targets))
    ruled, bare, filled = (np.concatenate(parts) for parts in (ruled, bare, filled))
    low, high = scoring.interval("mean", range(len(ruled)), ruled - bare, seed=seed)
    drop = {"drop": (ruled - bare).mean(), "low": low, "high": high, "filled": (ruled - filled).mean()}
    return {"with ruler": ruled.mean(), "without": bare.mean()} | drop


def _explained(network: nn.Module, explain: Explain, images: np.ndarray, prepare: Prepare) -> np.ndarray:
    """A method's maps for melanoma, (n, rows, columns)."""
    maps = []
    for rows in _batches(len(images)):
        explained = explain(network, prepare(list(images[rows])), [MELANOMA] * len(rows))
        maps.append(np.asarray(getattr(explained, "maps", explained), dtype=np.float32))
    return np.concatenate(maps)


def _relevance(ruled: np.ndarray, bare: np.ndarray, pairs: Pairs, seed: int) -> dict[str, float]:
    """How much of the maps' evidence lies on the rulers' bands; maps without evidence are left out."""
    size = pairs.bands.shape[1:]
    shares = np.array([
        [energy_inside(one, band) for one, band in zip(resize(maps, size), pairs.bands, strict=True)]
        for maps in (ruled, bare)
    ])
    columns = np.column_stack([shares[0], shares[0] - shares[1]])
    value, more = scoring.mean_intervals(range(len(ruled)), columns, seed=seed)
    means = np.nanmean(columns, axis=0)
    with_ruler = {"value": means[0], "low": value[0], "high": value[1], "area": pairs.bands.mean()}
    return with_ruler | {"without": np.nanmean(shares[1]), "more": means[1], "more low": more[0], "more high": more[1]}


def _batches(count: int) -> list[np.ndarray]:
    return np.split(np.arange(count), range(BATCH, count, BATCH))
