"""Is a heat-map worth anything? Any explanation method, put on trial in one call.

Plausibility (does the map lie where a person would look?) and faithfulness (does the network lose its opinion when the
marked pixels go?) are different questions, and they stay in different columns. Maps that know no network stand in every
table: a method that does not beat them has shown nothing.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm  # not tqdm.auto: its notebook bar is a widget, and takes no heed of TQDM_DISABLE

from dermxai_helpers import data, synth
from dermxai_helpers.explanation import Explanation, resize
from dermxai_helpers.inference import quick, unwrapped
from dermxai_helpers.scoring.maps import (
    THRESHOLDS,
    centre_gaussian,
    edge_map,
    energy_inside,
    jaccard_by_threshold,
    pointing_game,
)
from dermxai_helpers.trial import faithfulness
from dermxai_helpers.trial import result as verdict
from dermxai_helpers.trial import truth as causes

Explain = Callable[[nn.Module, Tensor, list[int]], Explanation | np.ndarray]
Prepare = Callable[[list[np.ndarray]], Tensor]

BATCH = 4  # eight at once are slower on a CPU, and take up to twice the memory
BASELINES = ("lesion mask", "centre Gaussian", "edge map", "random map")
CURVES = {f"{way}, {name}": (way, name) for way in ("insertion", "deletion") for name in faithfulness.BASELINES}
FAITHFULNESS = (*CURVES, "ROAD")


@dataclass(frozen=True, eq=False)
class Cases:
    """The photographs of a trial and what is known of them.

    images : uint8 RGB, (n, height, width, 3), of the size that the model takes
    masks : bool, (n, height, width), the lesion
    lesions : lesion of each image, (n,): intervals resample lesions
    truth : what is known of drawn lesions (see `causes`), n of them; None for real ones

    Raises ValueError when shapes or lengths do not fit.
    """

    images: np.ndarray
    masks: np.ndarray
    lesions: Sequence
    truth: Sequence[causes.Truth] | None = None

    def __post_init__(self) -> None:
        shape, count = self.images.shape, len(self.images)
        pictures = self.images.dtype == np.uint8 and count and len(shape) == 4 and shape[3] == 3
        if not pictures or self.masks.shape != shape[:3]:
            raise ValueError(
                f"expected RGB pictures as uint8 (n, height, width, 3) with masks (n, height, width), got "
                f"{self.images.dtype} {shape} with masks {self.masks.shape}"
            )
        if len(self.lesions) != count or (self.truth is not None and len(self.truth) != count):
            known = "" if self.truth is None else f" and {len(self.truth)} truths"
            raise ValueError(f"{count} pictures came with {len(self.lesions)} lesions{known}: give one each")

    @classmethod
    def read(cls, table: pd.DataFrame, folder: str | os.PathLike) -> "Cases":
        """The rows of a table (see `data.load`) at 224 x 224 pixels, with their truth if they were drawn.

        Raises DataError for a row without lesion mask.
        """
        size = (224, 224)
        return cls(
            np.stack([data.open_image(path, size) for path in table["image_path"]]),
            np.stack([data.open_mask(path, size) for path in table["mask_path"]]),
            table["lesion_id"].to_numpy(),
            causes.of_folder(folder, table["image_id"]),
        )


def run(
    model: nn.Module, cases: Cases, explainers: Mapping[str, Explain], prepare: Prepare,
    measures: Sequence[str] = ("insertion, blur", "deletion, blur"), steps: int = 1, seed: int = 0,
    progress: bool = True,
) -> verdict.Verdict:
    """Put explanation methods on trial, each for the class that the model predicts, with `BASELINES` beside them.

    explainers : {name: function of (network, inputs, targets)}, such as `gradcam.explain`, `relevancy.explain` or
        `functools.partial(gradcam.explain, method="layercam")`; it gives an Explanation or maps (B, any rows, columns).
        The network it gets is a fast copy of the model, so name a layer instead of passing the module
    prepare : uint8 images -> normalised batch, such as `Classifier.prepare`
    measures : of FAITHFULNESS. Each costs n x methods x steps forward passes; ROAD twice that, and its imputation
    steps : how many erased shares of the pixels each image is asked about (see `faithfulness.spread_shares`)

    With truth, the model's classes must be those of `synth.LABELS`, in that order.
    Raises ValueError for an unknown measure, a name that a baseline has, or maps of another number than the images.
    """
    _check(explainers, measures, steps)
    network, count = quick(unwrapped(model)), len(cases.images)
    shares = faithfulness.spread_shares(count, steps, seed)
    predictions, judged, asked = [], {}, []
    quiet = {} if progress else {"disable": True}  # unset, so that TQDM_DISABLE may decide
    with tqdm(total=count, desc="trial", unit="image", **quiet) as bar:
        for batch in _batches(network, cases, explainers, prepare, np.random.default_rng(seed)):
            predictions.append(batch.predictions)
            for method, heatmaps in batch.maps.items():
                judged |= {(method, row): _judged(cases, row, one, label) for row, one, label in batch.each(heatmaps)}
                asked += [_asked(network, batch, method, measure, shares) for measure in measures]
            bar.update(len(batch.predictions))
    return verdict.assemble(judged, asked, pd.concat(predictions).assign(lesion=list(cases.lesions)))


def _check(explainers: Mapping[str, Explain], measures: Sequence[str], steps: int) -> None:
    unknown = [name for name in measures if name not in FAITHFULNESS]
    if unknown:
        raise ValueError(f"no measure is called {unknown[0]!r}: choose of {'; '.join(FAITHFULNESS)}")
    taken = set(explainers) & set(BASELINES)
    if taken:
        raise ValueError(f"'{taken.pop()}' is the name of a baseline: give the explanation method another name")
    if steps < 1:
        raise ValueError(f"steps={steps}: each image must be asked at least once")


@dataclass(frozen=True, eq=False)
class _Batch:
    """Some images, ready to be judged.

    predictions : index = row number, columns predicted (class index) and probability
    inputs : normalised, (B, 3, height, width);  replaced : {baseline: the same shape}
    maps : {method: float32 (B, height, width)}
    """

    predictions: pd.DataFrame
    inputs: Tensor
    replaced: dict[str, Tensor]
    maps: dict[str, np.ndarray]

    def each(self, heatmaps: np.ndarray) -> Iterator[tuple[int, np.ndarray, int]]:
        """Row number, map and predicted class of each image."""
        return zip(self.predictions.index, heatmaps, self.predictions["predicted"], strict=True)


def _batches(
    network: nn.Module, cases: Cases, explainers: Mapping[str, Explain], prepare: Prepare, rng: np.random.Generator
) -> Iterator[_Batch]:
    device = next(network.parameters()).device
    black = prepare([np.zeros_like(cases.images[0])])[0, :, 0, 0]
    for rows in np.split(np.arange(len(cases.images)), range(BATCH, len(cases.images), BATCH)):
        inputs = prepare(list(cases.images[rows])).to(device)
        with torch.inference_mode():
            probability, predicted = network(inputs).softmax(dim=1).max(dim=1)
        answers = {"predicted": predicted.tolist(), "probability": probability.tolist()}
        maps, grid = _explained(network, inputs, answers["predicted"], explainers, cases.masks.shape[1:])
        yield _Batch(
            pd.DataFrame(answers, index=rows),
            inputs,
            {name: faithfulness.replacement(name, inputs, black) for name in faithfulness.BASELINES},
            maps | _blind(cases.images[rows], cases.masks[rows], grid, rng),
        )


def _explained(
    network: nn.Module, inputs: Tensor, targets: list[int], explainers: Mapping[str, Explain], size: tuple[int, int]
) -> tuple[dict[str, np.ndarray], tuple[int, int]]:
    """Every method's raw maps at `size`, and the grid of the last one's cells."""
    maps, grid = {}, (7, 7)
    for method, explain in explainers.items():
        explained = explain(network, inputs, targets)
        cells = np.asarray(getattr(explained, "maps", explained), dtype=np.float32)
        if cells.ndim != 3 or len(cells) != len(targets):
            raise ValueError(f"{method} gave maps of shape {cells.shape} for {len(targets)} images: one each is needed")
        maps[method], grid = resize(cells, size), cells.shape[1:]
    return maps, grid


def _blind(
    images: np.ndarray, masks: np.ndarray, grid: tuple[int, int], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """The maps of BASELINES, which know no network; the random ones have the methods' grid."""
    size = masks.shape[1:]
    random = np.stack([rng.random(grid) for _ in images])
    edges = np.stack([edge_map(image) for image in images])
    maps = masks, np.broadcast_to(centre_gaussian(size), masks.shape), edges, resize(random, size)
    return {name: values.astype(np.float32) for name, values in zip(BASELINES, maps, strict=True)}


def _judged(cases: Cases, row: int, heatmap: np.ndarray, predicted: int) -> dict[tuple, float]:
    """One map against the masks of its photograph: {(group, measure): score}."""
    mask, truth = cases.masks[row], cases.truth[row] if cases.truth is not None else None
    overlaps = _overlaps("Jaccard, lesion", heatmap, mask)
    half = overlaps["Jaccard, lesion", 0.5]
    scores = _energies("plausibility", "energy", heatmap, mask) | {
        ("plausibility", "pointing game"): pointing_game(heatmap, mask),
        ("plausibility", "IoU at 0.5"): half,
        ("plausibility", "touches"): float(half > 0),
        ("maps", "without evidence"): float(not (heatmap > 0).any()),
    } | overlaps
    if truth is not None:
        scores |= _energies("drawn", "causal parts", heatmap, truth.causes(synth.LABELS[predicted]))
        scores |= _energies("drawn", "artefacts", heatmap, truth.artefacts())
        scores |= _overlaps("Jaccard, structures", heatmap, truth.structures())
    return scores


def _energies(group: str, name: str, heatmap: np.ndarray, mask: np.ndarray) -> dict[tuple, float]:
    """Energy inside a mask, and by how much it exceeds the share of the area; NaN for an empty mask."""
    energy = energy_inside(heatmap, mask) if mask.any() else np.nan
    return {(group, name): energy, (group, f"{name} - area"): energy - mask.mean()}


def _overlaps(group: str, heatmap: np.ndarray, mask: np.ndarray) -> dict[tuple, float]:
    """Jaccard index at every threshold; NaN for an empty mask."""
    overlaps = jaccard_by_threshold(heatmap, mask) if mask.any() else np.full(len(THRESHOLDS), np.nan)
    return {(group, float(threshold)): value for threshold, value in zip(THRESHOLDS, overlaps, strict=True)}


def _asked(network: nn.Module, batch: _Batch, method: str, measure: str, shares: np.ndarray) -> pd.DataFrame:
    """What the network says when a share of each picture is erased: one row an answer."""
    rows, targets = batch.predictions.index.to_numpy(), batch.predictions["predicted"].tolist()
    shares, heatmaps = shares[rows], batch.maps[method]
    if measure == "ROAD":
        values = faithfulness.road(network, batch.inputs, targets, heatmaps, shares)
    else:
        way, baseline = CURVES[measure]
        ends = batch.inputs, batch.replaced[baseline]
        values = faithfulness.curve(network, *(ends if way == "deletion" else ends[::-1]), targets, heatmaps, shares)
    answers = {"image": np.repeat(rows, shares.shape[1]), "share": shares.ravel(), "value": values.ravel()}
    return pd.DataFrame({"method": method, "measure": measure, **answers})
