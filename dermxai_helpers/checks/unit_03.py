"""Exercises of unit 03: Grad-CAM, its hooks, its gradient, its overlay."""

import contextlib

import numpy as np
import torch
from torch import nn

from dermxai_helpers.checks.exercise import Exercise, Refused


def maps_of(rng: np.random.Generator, *shape: int) -> torch.Tensor:
    """Random numbers with signs, float32."""
    return torch.from_numpy(rng.normal(size=shape)).float()


map_weights = Exercise("map_weights", right=lambda g: g.mean(dim=(1, 2)), mistakes={
    "There is one number for each cell: the mean was taken over the maps.": lambda g: g.mean(dim=0),
    "That is the sum over the cells. Grad-CAM takes the mean.": lambda g: g.sum(dim=(1, 2)),
    "Z is the number of cells of these maps. It was 4 only in the example.": lambda g: g.sum(dim=(1, 2)) / 4,
    "One cell stands for all only where the gradient is the same everywhere.": lambda g: g[:, 0, 0],
    "That is one number for all maps. Each map has its own: average over the cells only.": lambda g: g.mean(),
    "Negative derivatives were dropped. The ReLU comes after the sum.": lambda g: g.clamp(0).mean(dim=(1, 2)),
}, draw=lambda rng: (maps_of(rng, 5, 3, 4),),
   praise="One number for each map, and no place in it: the place comes from the map.")  # fmt: skip


def tiny_network(rng: np.random.Generator) -> nn.Sequential:
    """A network of three classes that ends like MobileNetV2; layer 1 is its last one with places."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(rng.integers(1000)))
        return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))


def hooks_of(answer, network: nn.Sequential, batch: torch.Tensor) -> dict:
    """The features that an answer finds, and the hooks that it leaves behind, also when the network stops."""
    features = answer(network, network[1], batch)
    with contextlib.suppress(RuntimeError):
        answer(network, network[1], batch[:, :1])  # one channel instead of three
    return {"features": features, "hooks": len(network[1]._forward_hooks)}


def hooked(network: nn.Sequential, layer: nn.Module, batch: torch.Tensor, removed: bool = True) -> torch.Tensor:
    """A layer's output, by a hook that may stay."""
    found = []
    handle = layer.register_forward_hook(lambda _layer, _inputs, output: found.append(output))
    network(batch)
    if removed:
        handle.remove()
    return found[0]


features_without_a_trace = Exercise("features_without_a_trace", observe=hooks_of, mistakes={
    "When the network stops with an error, the hook stays: remove it in a `finally`, or use `with`.": hooked,
    "These are the network's scores, not the layer's output.": lambda network, layer, batch: network(batch),
}, draw=lambda rng: (tiny_network(rng), maps_of(rng, 2, 3, 5, 5)),
   right=lambda network, layer, batch: network[:2](batch), as_found=lambda *of: hooked(*of, removed=False),
   praise="The layer is as it was, also after an error.")  # fmt: skip


def gradient_at(network, layer, batch, target, probability=False, thawed=False):
    """The gradient of a class's score, or of several together, by the output of layer 1."""
    network.requires_grad_(thawed)
    features = network[:2](batch).detach().requires_grad_()
    scores = network[2:](features)
    scores = scores.softmax(dim=1) if probability else scores
    return torch.autograd.grad(scores[0, target].sum(), features)[0]


gradient_of_a_frozen_network = Exercise("gradient_of_a_frozen_network", right=gradient_at, mistakes={
    "The network is thawed now: the next training would change it.": lambda *of: gradient_at(*of, thawed=True),
    "Grad-CAM explains the logit, not the probability.": lambda *of: gradient_at(*of, probability=True),
    "That is the gradient of the sum of all logits.": lambda *of: gradient_at(*of[:3], [0, 1, 2]),
    "That is the gradient for the first class, whatever the target is.": lambda *of: gradient_at(*of[:3], 0),
}, draw=lambda rng: (tiny_network(rng).requires_grad_(False), maps_of(rng, 1, 3, 5, 5), int(rng.integers(3))),
   observe=lambda answer, network, *of: {"gradient": answer(network, network[1], *of),
                                         "frozen": not any(one.requires_grad for one in (*network.parameters(), of[0])),
                                         "hooks left": len(network[1]._forward_hooks)},
   praise="The graph begins at the layer, so nothing below needs a gradient.")  # fmt: skip


def colours_seen(answer, image: np.ndarray, heat: np.ndarray) -> dict:
    """What an overlay does to a picture without evidence, and whether full evidence darkens it, half evidence less."""
    cold, warm, hot = (np.asarray(answer(image, one)) for one in (0 * heat, heat / 2, heat**0))
    if not cold.shape == warm.shape == hot.shape == image.shape:
        raise Refused("A picture of the same shape is wanted.")
    darker = (hot <= warm).all() and (warm <= image).all() and (hot[image > 9] < image[image > 9]).all()
    return {"type": str(cold.dtype), "without evidence": cold - image.astype(float), "darker": darker}


def shaded(image: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The picture, halved where the evidence is full."""
    return (image * (1 - 0.5 * heat[..., None])).round().astype(np.uint8)


overlay = Exercise("overlay", observe=colours_seen, right=shaded, mistakes={
    "Where the evidence is strong, the picture does not get darker.": lambda image, heat: image,
    "The whole picture is mixed with the map: colours change also where that is zero.": lambda image, heat: (
        (0.5 * image + 0.5 * 255 * heat[..., None]).astype(np.uint8)),
    "The picture should stay uint8, from 0 to 255.": lambda image, heat: image * (1 - 0.5 * heat[..., None]),
}, draw=lambda rng: (rng.integers(0, 256, (6, 8, 3)).astype(np.uint8), rng.random((6, 8))),
   as_found=lambda image, heat: shaded(image[..., ::-1], heat),
   praise="Without evidence every pixel keeps its colour, in the order red, green, blue.")  # fmt: skip


normalised = Exercise("normalised", right=lambda one: one.clip(0) / max(one.max(), 1e-12), mistakes={
    "A map of zeros gives NaN: it was divided by a maximum of zero.": lambda one: one.clip(0) / one.clip(0).max(),
    "Stretching hides the sign: evidence against lights up.": lambda one: (one - one.min()) / max(np.ptp(one), 1e-12),
    "Evidence against the class became evidence for it.": lambda one: np.abs(one) / max(np.abs(one).max(), 1e-12),
    "Negative evidence is still there. It should become zero.": lambda one: one / max(one.max(), 1e-12),
}, draw=lambda rng: (rng.uniform(-1, 1, (3, 4)),), as_found=lambda one: (one - one.min()) / np.ptp(one),
   observe=lambda answer, one: (answer(one), answer(0 * one), answer(-np.abs(one))),
   praise="Zero stays zero, and a map without evidence stays dark.")  # fmt: skip


def cam(features: torch.Tensor, weight: torch.Tensor, target: int) -> torch.Tensor:
    """The sum of the maps, weighted for a target."""
    return torch.einsum("k,kij->ij", weight[target], features)


class_map = Exercise("class_map", right=cam, mistakes={
    "That is Grad-CAM itself. CAM has no division by the number of cells.": lambda *of: cam(*of) / 12,
    "CAM is not divided by anything; 49 belongs to the comparison below.": lambda *of: cam(*of) / 49,
    "CAM itself is 49 times Grad-CAM: nothing is multiplied.": lambda *of: cam(*of) * 49,
    "Negative evidence is gone. The comparison is made before the ReLU.": lambda *of: cam(*of).clamp(min=0),
    "The weights of the first class were taken, whatever the target is.": lambda *of: cam(*of[:2], 0),
    "That is a mean over the maps. CAM is a weighted sum.": lambda *of: cam(*of) / 5,
}, draw=lambda rng: (maps_of(rng, 5, 3, 4), maps_of(rng, 3, 5), int(rng.integers(3))),
   praise="On a network that ends in an average and one linear layer, "
          "CAM is Grad-CAM times the number of cells.")  # fmt: skip
