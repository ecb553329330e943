"""Exercises of unit 03: Grad-CAM, its hooks, its gradient, its overlay."""

import numpy as np
import torch
from torch import nn

from dermxai_helpers.checks.exercise import Exercise


def maps_of(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Random numbers with signs, float32."""
    return torch.from_numpy(rng.normal(size=shape)).float()


map_weights = Exercise(
    "map_weights",
    draw=lambda rng: (maps_of(rng, 5, 3, 4),),
    right=lambda gradient: gradient.mean(dim=(1, 2)),
    mistakes={
        "There is one number for each cell: the mean was taken over the maps.": lambda g: g.mean(dim=0),
        "That is the sum over the cells. Grad-CAM takes the mean (equation 1).": lambda g: g.sum(dim=(1, 2)),
        "That is one number for all maps. Each map has its own: average over the cells only.": lambda g: g.mean(),
        "That is the largest derivative of each map. Grad-CAM takes the mean.": lambda g: g.amax(dim=(1, 2)),
        "The signs are lost. A map against the class has a negative weight.": lambda g: g.abs().mean(dim=(1, 2)),
        "Negative derivatives were dropped. The ReLU comes after the sum.": lambda g: g.clamp(0).mean(dim=(1, 2)),
    },
    praise="One number for each map, and no place in it: the place comes from the map.",
)  # fmt: skip


def tiny_network(seed: int) -> nn.Sequential:
    """A network of three classes that ends like MobileNetV2; layer 1 is its last one with places."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def hooks_of(answer, seed: int, batch: torch.Tensor) -> dict:
    """The features that an answer finds, and the hooks it leaves behind, also when the network stops."""
    network = tiny_network(seed)
    found = {"features": answer(network, network[1], batch), "hooks": len(network[1]._forward_hooks)}
    try:
        answer(network, network[1], batch[:, :1])  # one channel instead of three: the network stops
    except RuntimeError:
        pass
    return found | {"hooks after an error": len(network[1]._forward_hooks)}


def kept(network, layer, batch, removed: bool = True) -> torch.Tensor:
    found = []
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: found.append(output))
    network(batch)
    if removed:
        handle.remove()
    return found[0]


def kept_and_cleaned(network, layer, batch) -> torch.Tensor:
    found = []
    with layer.register_forward_hook(lambda _layer, _inputs, output: found.append(output)):
        network(batch)
    return found[0]


features_without_a_trace = Exercise(
    "features_without_a_trace",
    draw=lambda rng: (int(rng.integers(1000)), maps_of(rng, 2, 3, 5, 5)),
    observe=hooks_of,
    right=kept_and_cleaned,
    as_found=lambda *these: kept(*these, removed=False),
    mistakes={
        "When the network stops with an error, the hook stays: remove it in a `finally`, or use `with`.": kept,
        "These are the network's scores, not the layer's output.": lambda network, layer, batch: network(batch),
    },
    praise="The layer is as it was, also after an error.",
)


def gradient_seen(answer, seed: int, batch: torch.Tensor, target: int) -> dict:
    """The gradient that an answer finds on a frozen network, and whether the network is frozen still."""
    network = tiny_network(seed).requires_grad_(False)
    gradient = answer(network, network[1], batch, target)
    thawed = any(weight.requires_grad for weight in network.parameters())
    return {"gradient": gradient, "frozen": not thawed}


def gradient_at(network, layer, batch, target, of=lambda logits, target: logits[0, target], thaw=False):
    """The gradient of a score by the layer's output, begun at the layer, or by thawing the network."""
    network.requires_grad_(thaw)
    found = []

    def begin_here(_layer, _inputs, output):
        found.append(output if thaw else output.detach().requires_grad_())
        return found[0]

    with layer.register_forward_hook(begin_here):
        logits = network(batch)
    return torch.autograd.grad(of(logits, target), found[0])[0]


gradient_of_a_frozen_network = Exercise(
    "gradient_of_a_frozen_network",
    draw=lambda rng: (int(rng.integers(1000)), maps_of(rng, 1, 3, 5, 5), int(rng.integers(3))),
    observe=gradient_seen,
    right=gradient_at,
    mistakes={
        "Right or not, the network is thawed now: the next training would change the backbone.": lambda *these: (
            gradient_at(*these, thaw=True)),
        "That is the gradient of the probability. Grad-CAM explains the logit, before softmax.": lambda *these: (
            gradient_at(*these, of=lambda logits, target: logits.softmax(dim=1)[0, target])),
        "That is the gradient of the sum of all logits. Take the target's.": lambda *these: (
            gradient_at(*these, of=lambda logits, _target: logits.sum())),
        "That is the gradient for the first class, whatever the target is.": lambda *these: (
            gradient_at(*these, of=lambda logits, _target: logits[0, 0])),
    },
    praise="The graph begins at the layer, so nothing below needs a gradient.",
)  # fmt: skip


def colours_seen(answer, image: np.ndarray, heat: np.ndarray) -> dict:
    """What an overlay does to a picture without evidence, and whether full evidence darkens it, half evidence less."""
    given = (np.zeros_like(heat), heat / 2, np.ones_like(heat))
    cold, warm, hot = (np.asarray(answer(image.copy(), one)) for one in given)
    if not cold.shape == warm.shape == hot.shape == image.shape:
        return {"type": str(cold.dtype), "moved": cold, "trace": False, "darker": False}
    darker = bool((hot <= warm).all() and (warm <= image).all() and (hot[image > 9] < image[image > 9]).all())
    moved, trace = cold.astype(float) - image, bool((hot != image).any())
    return {"type": str(cold.dtype), "moved": moved, "trace": trace, "darker": darker}


def shaded(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    return (image * (1 - 0.5 * heat[..., None])).round().astype(np.uint8)


overlay = Exercise(
    "overlay",
    draw=lambda rng: (rng.integers(0, 256, (6, 8, 3)).astype(np.uint8), rng.random((6, 8))),
    observe=colours_seen,
    right=shaded,
    as_found=lambda image, heat: shaded(image[..., ::-1], heat),
    mistakes={
        "The strongest evidence leaves no trace in the picture.": lambda image, heat: image,
        "Where the evidence is strong, the picture gets brighter, not darker.": lambda image, heat: (
            (image + (255 - image) * 0.5 * heat[..., None]).round().astype(np.uint8)),
        "The whole picture is mixed with the map, also where that is zero: colours change.": lambda image, heat: (
            (0.5 * image + 0.5 * 255 * heat[..., None]).astype(np.uint8)),
        "The picture should stay uint8, from 0 to 255.": lambda image, heat: image * (1 - 0.5 * heat[..., None]),
    },
    praise="Without evidence every pixel keeps its colour, in the order red, green, blue.",
)  # fmt: skip


def share(one: np.ndarray) -> np.ndarray:
    return one.clip(0) / max(one.max(), 1e-12)


def stretched(one: np.ndarray) -> np.ndarray:
    return (one - one.min()) / (one.max() - one.min())


normalised = Exercise(
    "normalised",
    draw=lambda rng: (rng.normal(size=(3, 4)),),
    observe=lambda answer, one: (answer(one.copy()), answer(0 * one), answer(-np.abs(one))),
    right=share,
    as_found=stretched,
    mistakes={
        "A map of zeros gives NaN: it was divided by a maximum of zero.": lambda one: one.clip(0) / one.clip(0).max(),
        "Stretching between minimum and maximum hides the sign: evidence against the class lights up.": lambda one: (
            stretched(one) if np.ptp(one) else 0 * one),
        "Evidence against the class became evidence for it: the sign was dropped.": lambda one: share(np.abs(one)),
        "Negative evidence is still there. It should become zero.": lambda one: one / max(one.max(), 1e-12),
        "The positive evidence is not divided by its maximum.": lambda one: one.clip(0),
    },
    praise="Zero stays zero, and a map without evidence stays dark.",
)  # fmt: skip


def cam(features: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return torch.einsum("k,kij->ij", weight, features)


class_map = Exercise(
    "class_map",
    draw=lambda rng: (maps_of(rng, 5, 3, 4), maps_of(rng, 3, 5), int(rng.integers(3))),
    right=lambda features, weight, target: cam(features, weight[target]),
    mistakes={
        "That is Grad-CAM itself. CAM has no division by the number of cells.": lambda features, weight, target: (
            cam(features, weight[target]) / features[0].numel()),
        "Negative evidence is gone. The comparison is made before the ReLU.": lambda features, weight, target: (
            cam(features, weight[target]).clamp(min=0)),
        "The weights are a mean over the classes: take the row of the target.": lambda features, weight, _target: (
            cam(features, weight.mean(dim=0))),
        "The weights of the first class were taken, whatever the target is.": lambda features, weight, _target: (
            cam(features, weight[0])),
        "That is a mean over the maps. CAM is a weighted sum.": lambda features, weight, target: (
            cam(features, weight[target]) / len(features)),
    },
    praise="On a network that ends in an average and one linear layer, CAM is Grad-CAM times the number of cells.",
)  # fmt: skip
