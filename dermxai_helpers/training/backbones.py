"""The backbone, MobileNetV2: photograph -> feature maps; their mean over the cells goes through a head to logits."""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from dermxai_helpers import assets
from dermxai_helpers.files import POINTER, is_pointer
from dermxai_helpers.inference import check_finite

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Backbone:
    """A frozen feature extractor and the form of image it expects."""

    features: nn.Module  # (B, 3, height, width) normalised -> 1,280 feature maps at a 32nd of the resolution
    name: str
    mean: tuple[float, float, float] = IMAGENET_MEAN  # per channel, of images scaled to [0, 1]
    std: tuple[float, float, float] = IMAGENET_STD
    size: tuple[int, int] = (224, 224)  # (height, width)
    note: str = ""  # what the weights are


def backbone(name: str | Backbone = "demo") -> Backbone:
    """A MobileNetV2 by the name of its weights; a Backbone is given back as it is.

    name : "demo" (ships with the course) or "imagenet" (torchvision's file, from TORCH_HOME or downloaded once)
    Raises ValueError for another name, FileNotFoundError or ValueError when the weights cannot be had.
    Source: Sandler et al. 2018, "MobileNetV2", arXiv:1801.04381; torchvision's implementation.
    """
    if isinstance(name, Backbone):
        return name
    if name == "demo":
        state, note = read_weights(assets.MOBILENET), "MobileNetV2 trained on drawn lesions; it stands in for ImageNet"
    elif name == "imagenet":
        state, note = _imagenet_weights(), "MobileNetV2 with ImageNet weights (torchvision, IMAGENET1K_V2)"
    else:
        raise ValueError(f'no backbone is called {name!r}: choose "demo" or "imagenet"')
    features, prefix = new_network(1).features, "features."
    try:
        features.load_state_dict({key.removeprefix(prefix): state[key] for key in state if key.startswith(prefix)})
    except (RuntimeError, AttributeError, TypeError) as problem:
        raise ValueError(f"the weights of {name!r} are not a MobileNetV2's: fetch or install them again") from problem
    check_finite(features.state_dict(), f"backbone {name!r}")
    return Backbone(features, name, note=note)


def new_head(classes: int) -> nn.Sequential:
    """torchvision's MobileNetV2 head, freshly initialised: dropout, then a linear layer, 1,280 features to logits."""
    head = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, classes))
    nn.init.normal_(head[1].weight, std=0.01)
    nn.init.zeros_(head[1].bias)
    return head


def new_network(classes: int) -> nn.Module:
    """A complete MobileNetV2 with random weights, evaluation mode."""
    with torch.random.fork_rng(devices=[]):  # random weights must not cost the caller's seed
        return mobilenet_v2(weights=None, num_classes=classes).eval()


def read_weights(path: Path | str) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, floating ones as float32; a missing or damaged file gets a sentence."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"no weights at {path}: correct the path, or, if the file is ours, install it again")
    try:
        state = load_file(path)
    except (SafetensorError, OSError) as problem:
        raise ValueError(f"{path} is not a complete safetensors file: it {unreadable(path)}") from problem
    check_finite(state, path)
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in state.items()}


def unreadable(path: Path | str) -> str:
    """Why a file of weights could not be read, as the end of a sentence; torch's own advice would run what is in it."""
    if Path(path).stat().st_size == 0:
        return "is empty (0 bytes): fetch or save it again"
    if is_pointer(path):
        return f"is {POINTER}"
    with open(path, "rb") as file:
        if zipfile.is_zipfile(path) or file.read(1) == b"\x80":  # torch's two kinds of file
            return (
                "is a pickle (.pt, .pth, .bin), which can hold Python objects and run any program on your computer, "
                "and is not opened: save weights alone, as safetensors or torch.save(model.state_dict(), path)"
            )
    return "is damaged, cut short, or no checkpoint at all: compare its size with the original's, or save it again"


def _imagenet_weights() -> dict[str, torch.Tensor]:
    weights = MobileNet_V2_Weights.IMAGENET1K_V2
    file = Path(torch.hub.get_dir(), "checkpoints", Path(weights.url).name)
    try:
        return weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except Exception as problem:  # absent, unreachable, damaged or unsafe: the remedy is the same
        found = f"{file} {unreadable(file)}" if file.is_file() else f"{type(problem).__name__}: {problem}"
        ways = f'connect to the network once, or put {file.name} into {file.parent}, or use backbone="demo"'
        raise ValueError(f"ImageNet's MobileNetV2 could not be loaded ({found}): {ways}") from problem
