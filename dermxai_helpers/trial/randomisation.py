"""Whether a heat-map shows what the network has learnt: a map that stays when the weights are drawn anew never has.

Passing this test is little (noise passes it); failing it is enough. Everything runs in float64: in a network of random
weights activations shrink or grow from layer to layer, and in float32 some maps are rounding errors.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from dermxai_helpers.inference import copied, unwrapped
from dermxai_helpers.trial.run import Explainers, batches, explained

OTHER = "another\nphotograph"


def cascade(
    model: nn.Module, images: Tensor, explainers: Explainers, stages: list[list[str]], seed: int = 0
) -> pd.DataFrame:
    """Measure how alike each map stays while the network's layers are drawn anew, one stage after the other.

    images : float, (B, 3, height, width), normalised; the class explained is always the one that the model predicts
    explainers : as in `trial.run`, best without ReLU, which leaves flat maps
    stages : names of the layers that are drawn anew together, stage by stage (see `blocks`); earlier ones stay random

    Absolute rank correlation with the model's own map, 0 to 1, for a map turned round says the same: one row a (method,
    layer), one column an image, NaN where a map is flat. The last layer, OTHER, is the map of the next image: what two
    maps have in common that only share a method. A copy is worked on.
    Source: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018.
    """
    if len(images) < 2:
        raise ValueError("give at least two images: a map must be compared with the map of another photograph")
    network = copied(unwrapped(model)).double()
    images = images.to(next(network.parameters()).device, torch.float64).contiguous()  # in 64 bits twice as fast
    with torch.inference_mode():
        targets = torch.cat([network(images[rows]) for rows in batches(len(images))]).argmax(dim=1).tolist()

    def every_map() -> dict[str, np.ndarray]:
        return {method: explained(explain, network, images, targets) for method, explain in explainers.items()}

    before, after = every_map(), {}
    for step, names in enumerate(stages):
        draw_anew(network, names, seed + step)
        first, last = _block(names[0]), _block(names[-1])
        after[first if first == last else f"{first} to\n{last}"] = every_map()
    after[OTHER] = {method: np.roll(maps, 1, axis=0) for method, maps in before.items()}
    rows = {
        (method, layer): [abs(rank_correlation(*pair)) for pair in zip(before[method], maps[method], strict=True)]
        for method in explainers
        for layer, maps in after.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index").set_axis(pd.MultiIndex.from_tuples(rows), axis=0)


def blocks(network: nn.Module) -> list[list[str]]:
    """Name the layers with weights of their own, in groups of one block each, from the head to the first layer.

    A block is what the first two parts of a name say: features.17.conv.0.0 belongs to features.17.
    """
    groups: dict[str, list[str]] = {}
    for name, module in network.named_modules():
        if hasattr(module, "reset_parameters") and not isinstance(getattr(module, "weight", None), nn.Parameter | None):
            raise ValueError(f"the weights of '{name}' are calculated (weight_norm, pruning): they would stay the same")
        if hasattr(module, "reset_parameters") and any(True for _ in module.parameters(recurse=False)):
            groups.setdefault(_block(name), []).append(name)
    return list(groups.values())[::-1]


def draw_anew(network: nn.Module, names: Sequence[str], seed: int) -> None:
    """Give these layers, in place, random weights as new ones have, the same on any device; nothing else changes."""
    modules = dict(network.named_modules())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name in names:
            fresh = copied(modules[name]).cpu()
            fresh.reset_parameters()
            modules[name].load_state_dict(fresh.state_dict())


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation of two maps' cells, -1 to 1; NaN when a map is flat or not finite."""
    from scipy.stats import spearmanr

    if any(not np.isfinite(one).all() or np.ptp(one) == 0 for one in (first, second)):
        return float("nan")
    return float(spearmanr(first, second, axis=None).statistic)


def _block(name: str) -> str:
    return ".".join(name.split(".")[:2])
