"""Whether a heat-map shows what the network has learnt: a map that stays when the weights are drawn anew never has.

Passing this test is little (noise passes it); failing it is enough. Everything runs in float64: in a network of random
weights activations shrink or grow from layer to layer, and in float32 some maps are rounding errors.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from dermxai_helpers import scoring
from dermxai_helpers.inference import copied, unwrapped
from dermxai_helpers.trial.run import Explainers, explained


def cascade(
    model: nn.Module, images: Tensor, explainers: Explainers, lesions: Sequence, stages: list[list[str]], seed: int = 0
) -> pd.DataFrame:
    """Measure how much of each map is left while the network's layers are drawn anew, one stage after the other.

    images : float, (B, 3, height, width), normalised; the class explained is always the one that the model predicts
    explainers : as in `trial.run`, best without ReLU, which leaves flat maps; lesions : lesion of each image
    stages : names of the layers that are drawn anew together, stage by stage (see `blocks`); earlier ones stay random

    One row a method and step. Step 0 is the model itself; the last, "another photograph", compares with the map of the
    next image: what two maps have in common that only share a method. Columns: layer; "rank correlation" with its low
    and high (95 % by lesion); "without evidence", the share of maps too flat to compare. A copy is worked on.
    Source: Adebayo et al., "Sanity checks for saliency maps", NeurIPS 2018.
    """
    if len(images) < 2:
        raise ValueError("give at least two images: a map must be compared with the map of another photograph")
    network = copied(unwrapped(model)).double()
    images = images.to(next(network.parameters()).device, torch.float64)
    with torch.inference_mode():
        targets = network(images).argmax(dim=1).tolist()
    before = {method: explained(explain, network, images, targets) for method, explain in explainers.items()}
    compared = [("(none)", before)]
    for step, names in enumerate(stages):
        draw_anew(network, names, seed + step)
        after = {method: explained(explain, network, images, targets) for method, explain in explainers.items()}
        first, last = _block(names[0]), _block(names[-1])
        compared.append((first if first == last else f"{first} to {last}", after))
    compared.append(("another photograph", {method: np.roll(maps, 1, axis=0) for method, maps in before.items()}))
    rows = []
    for method in explainers:
        for step, (layer, after) in enumerate(compared):
            likeness = _likeness(before[method], after[method], lesions, seed)
            rows.append({"method": method, "step": step, "layer": layer} | likeness)
    return pd.DataFrame(rows)


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
    """Give these layers, in place, random weights as new ones have, the same on any device; no other lots are drawn."""
    modules = dict(network.named_modules())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for name in names:
            if not hasattr(modules.get(name), "reset_parameters"):
                known = ", ".join(names[0] for names in blocks(network))
                raise ValueError(f"'{name}' is no layer whose weights can be drawn anew; there are {known} and others")
            fresh = copied(modules[name]).cpu()
            fresh.reset_parameters()
            modules[name].load_state_dict(fresh.state_dict())


def rank_correlation(first: np.ndarray, second: np.ndarray) -> float:
    """Spearman's correlation of two maps' cells, -1 to 1; NaN when a map is flat or not finite."""
    from scipy.stats import spearmanr

    if any(not np.isfinite(one).all() or np.ptp(one) == 0 for one in (first, second)):
        return float("nan")
    return float(spearmanr(first, second, axis=None).statistic)


def _likeness(before: np.ndarray, after: np.ndarray, lesions: Sequence, seed: int) -> dict[str, float]:
    """How alike two sets of maps are on average; maps that are flat are left out and counted."""
    values = np.array([rank_correlation(*pair) for pair in zip(before, after, strict=True)])
    low, high = scoring.interval("mean", lesions, values, seed=seed)
    found = {"rank correlation": pd.Series(values).mean(), "rank correlation low": low, "rank correlation high": high}
    return {"without evidence": np.isnan(values).mean()} | found


def _block(name: str) -> str:
    return ".".join(name.split(".")[:2])
