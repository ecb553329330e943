"""Any explanation method, put on trial in one call, beside maps that know no network."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from dermxai_helpers import data, scoring, synth
from dermxai_helpers.explanation import Explanation, resize
from dermxai_helpers.inference import quick, unwrapped
from dermxai_helpers.scoring.maps import edge_map
from dermxai_helpers.synth.attributes import posterior
from dermxai_helpers.trial import faithfulness

Explain = Callable[[nn.Module, Tensor, list[int]], Explanation | np.ndarray]
Explainers = Mapping[str, Explain]
Prepare = Callable[[list[np.ndarray]], Tensor]

BATCH = 4  # eight at once are slower on a CPU, and take up to twice the memory
ABSENT = {"network": "none", "dots": "none"}  # every other structure is there or not: True or False
BASELINES = ("lesion mask", "centre Gaussian", "edge map", "random map")


@dataclass(frozen=True)
class Truth:
    """What is known of one drawn photograph."""

    attributes: Mapping[str, Any]  # as `synth.Lesion.attributes`
    masks: Mapping[str, np.ndarray]  # bool (224, 224), of every structure and artefact that is present

    def causes(self, label: str) -> np.ndarray:
        """Where the `causal_parts` of a label lie, bool (224, 224)."""
        places = [self.masks[name] for name in causal_parts(self.attributes, label) if name in self.masks]
        return np.logical_or.reduce([np.zeros((224, 224), bool), *places])


def causal_parts(attributes: Mapping[str, Any], label: str) -> list[str]:
    """Name the structures without which this lesion would be less likely to be a `label` (by Bayes, exactly)."""
    column = synth.LABELS.index(label)
    likely = posterior(attributes)[column]
    absent = {name: ABSENT.get(name, False) for name in synth.PARTS}
    there = [name for name in synth.PARTS if attributes[name] != absent[name]]
    return [name for name in there if posterior({**attributes, name: absent[name]})[column] < likely]


def of_folder(folder: str | os.PathLike, image_ids: Sequence[str]) -> list[Truth] | None:
    """Read the truth of drawn photographs in a folder, in the order of `image_ids`; None for a folder of real ones."""
    known = data.truth(folder)
    if known is None:
        return None
    rows = known.set_index("image_id").loc[list(image_ids)].to_dict("index")
    return [
        Truth(row | {"pigments": tuple(row["pigments"].split("+"))}, synth.read_parts(folder, image_id))
        for image_id, row in rows.items()
    ]


@dataclass(frozen=True, eq=False)
class Cases:
    """The photographs of a trial and what is known of them."""

    images: np.ndarray  # uint8 RGB, (n, height, width, 3), of the size that the model takes
    masks: np.ndarray  # bool, (n, height, width), the lesion
    lesions: Sequence  # the lesion of each image, (n,): intervals resample lesions
    truth: Sequence[Truth] | None = None  # of drawn lesions, n of them

    def __post_init__(self) -> None:
        shape, kinds = self.images.shape, (self.images.dtype, self.masks.dtype)
        if kinds != (np.uint8, bool) or shape[3:] != (3,) or self.masks.shape != shape[:3] or not shape[0]:
            found = f"{kinds[0]} {shape} with masks {kinds[1]} {self.masks.shape}"
            raise ValueError(f"expected pictures as uint8 (n, height, width, 3) with masks as bool, got {found}")
        if len(self.lesions) != len(self.images):
            raise ValueError(f"{len(self.images)} pictures came with {len(self.lesions)} lesions: give one each")

    @classmethod
    def read(cls, table: pd.DataFrame, folder: str | os.PathLike) -> "Cases":
        """Open the rows of a table (see `data.load`) at 224 x 224 pixels, with their truth if they were drawn."""
        size = (224, 224)
        return cls(
            np.stack([data.open_image(path, size) for path in table["image_path"]]),
            np.stack([data.open_mask(path, size) for path in table["mask_path"]]),
            table["lesion_id"].to_numpy(),
            of_folder(folder, table["image_id"]),
        )


def run(model: nn.Module, cases: Cases, explainers: Explainers, prepare: Prepare, seed: int = 0) -> pd.DataFrame:
    """Put explanation methods on trial, each for the class that the model predicts, with `BASELINES` beside them.

    explainers : {name: function of (network, inputs, targets)}, such as `gradcam.explain`, `relevancy.explain` or
        `functools.partial(gradcam.explain, method="layercam")`; it gives an Explanation or maps (B, rows, columns).
        The network it gets is a fast copy of the model, so name a layer instead of passing the module
    prepare : uint8 images -> normalised batch, such as `Classifier.prepare`

    Returns scores, index (method, image):
    "insertion, blur", "deletion, blur" : the probability while marked pixels come or go; high is good for insertion,
        low for deletion. Every image is asked once, at a share of its own (`faithfulness.spread_shares`): the mean over
        the images estimates the area under the curve
    "causal parts" : share of the map on the structures that make the class more likely, where cases have truth (NaN
        where there are none). The model's classes must then be those of `synth.LABELS`, in that order
    """
    if taken := set(explainers) & set(BASELINES):
        raise ValueError(f"'{taken.pop()}' is the name of a baseline: give the explanation method another name")
    network, rng = quick(unwrapped(model), prepare([cases.images[0]])), np.random.default_rng(seed)
    classes = None if cases.truth is None else synth.LABELS
    shares, found = faithfulness.spread_shares(len(cases.images), seed=seed), []
    for rows in batches(len(cases.images)):
        inputs = prepare(list(cases.images[rows])).to(next(network.parameters()).device)
        predicted = faithfulness.answers(network, inputs, classes).argmax(dim=1).tolist()
        blurred = faithfulness.blurred(inputs)
        maps = {name: explained(explain, network, inputs, predicted) for name, explain in explainers.items()}
        for method, heatmaps in _with_baselines(maps, cases, rows, rng).items():
            asked = (network, predicted, heatmaps, shares[rows])
            scores = {
                "insertion, blur": faithfulness.curve(blurred, inputs, *asked),
                "deletion, blur": faithfulness.curve(inputs, blurred, *asked),
            }
            if cases.truth is not None:
                places = [cases.truth[row].causes(synth.LABELS[at]) for row, at in zip(rows, predicted, strict=True)]
                scores["causal parts"] = [
                    scoring.energy_inside(heatmap, place) if place.any() else np.nan
                    for heatmap, place in zip(heatmaps, places, strict=True)
                ]
            index = pd.MultiIndex.from_product([[method], rows], names=["method", "image"])
            found.append(pd.DataFrame(scores, index))
    return pd.concat(found).sort_index()


@torch.no_grad()
def features(network: nn.Module, images: np.ndarray, prepare: Prepare) -> Tensor:
    """Compute the maps that a MobileNetV2's head averages, float (n, K, rows, columns). Arguments as in `run`."""
    body, maps = quick(network.features), None
    for rows in batches(len(images)):
        part = body(prepare(list(images[rows])))
        maps = torch.empty(len(images), *part.shape[1:]) if maps is None else maps  # whole at once: half the memory
        maps[rows] = part
    return maps


def energies_inside(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    r"""Measure `scoring.energy_inside` of many small maps at once, each enlarged to its mask: float, (n,).

    $$ \text{large} = R \, h \, S^T, \qquad \sum \text{mask} \odot \text{large} = \sum (R^T \text{mask} \, S) \odot h $$

    maps : float (n, rows, columns), negative values are no evidence; masks : bool (n, height, width)
    Enlarging is a product with fixed matrices R and S, so the masks are shrunk with them instead. NaN without evidence.
    """
    sides = zip(masks.shape[1:], maps.shape[1:], strict=True)
    down, across = (resize(np.eye(cells, dtype=np.float32)[None], (size, cells))[0] for size, cells in sides)
    inside, whole = (down.T @ part.astype(np.float32) @ across for part in (masks, np.ones(masks.shape[1:])))
    evidence = np.clip(maps, 0, None)
    total = (evidence * whole).sum(axis=(1, 2))
    return np.where(total > 0, (evidence * inside).sum(axis=(1, 2)) / np.where(total > 0, total, 1), np.nan)


def batches(count: int) -> list[np.ndarray]:
    """The numbers 0 ... count - 1, BATCH at a time."""
    return np.split(np.arange(count), range(BATCH, count, BATCH))


def explained(explain: Explain, network: nn.Module, inputs: Tensor, targets: list[int]) -> np.ndarray:
    """A method's raw maps, (n, rows, columns), a few images at a time."""
    maps = []
    for rows in batches(len(inputs)):
        found = explain(network, inputs[rows], [targets[row] for row in rows])
        maps.append(np.asarray(getattr(found, "maps", found)))
        if maps[-1].ndim != 3 or len(maps[-1]) != len(rows):
            raise ValueError(f"maps of shape {maps[-1].shape} came for {len(rows)} images: one each is needed")
    return np.concatenate(maps)


def _with_baselines(
    maps: Mapping[str, np.ndarray], cases: Cases, rows: np.ndarray, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """The methods' maps and those of BASELINES, float32, as large as the pictures; random ones have the last grid."""
    size, grid = cases.masks.shape[1:], [cells.shape[1:] for cells in maps.values()][-1]
    edges = np.stack([edge_map(image) for image in cases.images[rows]])
    dots = np.repeat(scoring.centre_gaussian(size)[None], len(rows), axis=0)
    blind = cases.masks[rows], dots, edges, resize(rng.random((len(rows), *grid)), size)
    large = {name: resize(cells.astype(np.float32), size) for name, cells in maps.items()}
    return large | {name: values.astype(np.float32) for name, values in zip(BASELINES, blind, strict=True)}
