"""Does a heat-map show what the network has learnt?

A network whose weights are drawn anew, from the head down and layer by layer, forgets what it has learnt. A map that
stays as it was has never shown it. Passing this test is little (noise passes it); failing it is enough.

Everything runs in float64: in a network of random weights activations shrink or grow from layer to layer, and in
float32 some maps are rounding errors.
"""

import copy
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from dermxai_helpers import scoring
from dermxai_helpers.inference import unwrapped
from dermxai_helpers.trial.run import BATCH, Explain

SIMILARITIES = ("rank correlation", "SSIM")
SSIM_CONSTANTS = 0.01**2, 0.03**2  # of maps between 0 and 1; they keep the quotient finite for flat maps


def cascade(
    model: nn.Module, images: Tensor, explainers: Mapping[str, Explain], lesions: Sequence | None = None,
    stages: Sequence[Sequence[str]] | None = None, cascading: bool = True, seed: int = 0,
) -> pd.DataFrame:
    """How much of each map is left when the network's layers are drawn anew, one stage after the other.

    images : float, (B, 3, height, width), normalised; the class explained is always the one that the model predicts
    explainers : as in `trial.run`, best without ReLU, which leaves flat maps; lesions : lesion of each image
    stages : names of the layers that are drawn anew together, stage by stage; None takes `blocks(model)`. Each stage
        costs one explanation of all images in float64, about four times what it costs in float32
    cascading : True leaves earlier stages random, so that a network without memory remains at the end; False puts them
        back, so that each row shows what one stage holds

    One row a method and step. Step 0 is the model itself; the last, "another photograph", compares with the map of the
    next image: what two maps have in common that only share a method. Columns: layer; for each of SIMILARITIES its
    mean, low and high (95 % by lesion); "without evidence", the share of maps too flat to compare. The model is left as
    found: a copy is worked on. Raises ValueError for an unknown layer or fewer than two images.
    Source: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018; what it cannot show: Binder et al.,
    "Shortcomings of top-down randomization-based sanity checks", CVPR 2023.
    """
    if len(images) < 2:
        raise ValueError("give at least two images: a map must be compared with the map of another photograph")
    original = copy.deepcopy(unwrapped(model)).double().eval()
    images = images.to(next(original.parameters()).device, torch.float64)
    with torch.inference_mode():
        targets = original(images).argmax(dim=1).tolist()

    def explained(network: nn.Module) -> dict[str, np.ndarray]:
        return {method: _maps(explain, network, images, targets) for method, explain in explainers.items()}

    before = explained(original)
    other = {method: np.roll(maps, 1, axis=0) for method, maps in before.items()}
    shaken = _randomised(original, stages, cascading, seed)
    after_each = [(_stage_name(names), explained(network)) for names, network in shaken]
    compared = [("(none)", before), *after_each, ("another photograph", other)]
    lesions = range(len(images)) if lesions is None else lesions
    return pd.DataFrame([
        {"method": method, "step": step, "layer": layer} | _likeness(before[method], after[method], lesions, seed)
        for method in explainers for step, (layer, after) in enumerate(compared)
    ])


def _randomised(
    original: nn.Module, stages: Sequence[Sequence[str]] | None, cascading: bool, seed: int
) -> Iterator[tuple[Sequence[str], nn.Module]]:
    """Each stage's names, and the network after it."""
    network = copy.deepcopy(original)
    for step, names in enumerate(blocks(original) if stages is None else stages):
        network = network if cascading else copy.deepcopy(original)
        draw_anew(network, names, seed + step)
        yield names, network


def blocks(network: nn.Module, most: int | None = None) -> list[list[str]]:
    """Names of the layers with weights of their own, in groups of one block each, from the head to the first layer.

    A block is what the first two parts of a name say: features.17.conv.0.0 belongs to features.17. Of torchvision's
    MobileNetV2 these are the linear layer and 19 blocks; of a timm transformer its head, norm, blocks and patches.
    most : neighbouring blocks are merged until there are at most so many groups, which costs so much less time
    """
    groups: dict[str, list[str]] = {}
    for name, module in network.named_modules():
        if hasattr(module, "reset_parameters") and any(True for _ in module.parameters(recurse=False)):
            groups.setdefault(".".join(name.split(".")[:2]), []).append(name)
    found = list(groups.values())[::-1]
    merged = np.array_split(np.arange(len(found)), min(most or len(found), len(found)))
    return [[name for number in numbers for name in found[number]] for numbers in merged]


def draw_anew(network: nn.Module, names: Sequence[str], seed: int) -> None:
    """Give these layers, in place, the random weights that PyTorch gives to new ones. The caller's seed is untouched.

    A batch normalisation forgets its statistics too. Raises ValueError for a layer that is absent or has no weights.
    """
    modules = dict(network.named_modules())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name in names:
            if not hasattr(modules.get(name), "reset_parameters"):
                known = ", ".join(names[0] for names in blocks(network))
                raise ValueError(f"'{name}' is no layer whose weights can be drawn anew; there are {known} and others")
            modules[name].reset_parameters()


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation of two maps' cells, -1 to 1; NaN when a map is flat or not finite."""
    from scipy.stats import rankdata

    if not _has_contrast(first) or not _has_contrast(second):
        return float("nan")
    return float(np.corrcoef(rankdata(first), rankdata(second))[0, 1])


def structural_similarity(first: np.ndarray, second: np.ndarray) -> float:
    """SSIM of two maps, each stretched to 0 ... 1, -1 to 1; NaN when a map is flat or not finite.

    With one window, the whole map: a grid of 7 x 7 cells has no room for the eleven pixels of the original.
    Source: Wang et al., "Image quality assessment", IEEE Transactions on Image Processing 2004, equation 13.
    """
    if not _has_contrast(first) or not _has_contrast(second):
        return float("nan")
    first, second = ((map_ - map_.min()) / np.ptp(map_) for map_ in (first.ravel(), second.ravel()))
    light, contrast = SSIM_CONSTANTS
    covariance = np.cov(first, second, bias=True)
    return float(
        (2 * first.mean() * second.mean() + light) / (first.mean() ** 2 + second.mean() ** 2 + light)
        * (2 * covariance[0, 1] + contrast) / (np.trace(covariance) + contrast)
    )


def _has_contrast(heatmap: np.ndarray) -> bool:
    return bool(np.isfinite(heatmap).all() and np.ptp(heatmap) > 0)


def _maps(explain: Explain, network: nn.Module, images: Tensor, targets: list[int]) -> np.ndarray:
    """Raw maps (B, rows, columns), float64, a few images at a time."""
    maps = []
    for start in range(0, len(images), BATCH):
        explained = explain(network, images[start:start + BATCH], targets[start:start + BATCH])
        maps.append(np.asarray(getattr(explained, "maps", explained), dtype=float))
    return np.concatenate(maps)


def _likeness(before: np.ndarray, after: np.ndarray, lesions: Sequence, seed: int) -> dict[str, float]:
    """How alike two sets of maps are on average; maps that are flat are left out and counted."""
    measures = (rank_correlation, structural_similarity)
    values = np.array([[measure(*pair) for measure in measures] for pair in zip(before, after, strict=True)])
    found = {"without evidence": float(np.isnan(values[:, 0]).mean())}
    means = pd.DataFrame(values).mean()
    for name, mean, ends in zip(SIMILARITIES, means, scoring.mean_intervals(lesions, values, seed=seed), strict=True):
        found |= {name: mean, f"{name} low": ends[0], f"{name} high": ends[1]}
    return found


def _stage_name(names: Sequence[str]) -> str:
    """The block of a stage, or its first and last."""
    ends = [".".join(name.split(".")[:2]) for name in (names[0], names[-1])]
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)
