"""A model runs fast and is left exactly as it was found; pictures become the batch it expects."""

import copy
import sys
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from dermxai_helpers.files import listed


def to_input(images: list[np.ndarray], size: tuple[int, int], mean: tuple, std: tuple) -> torch.Tensor:
    """Pictures as the normalised batch that a network wants: the only place where the course does this.

    images : uint8 RGB arrays (height, width, 3), of any size; `size` : (height, width); `mean`, `std` : per channel
    Returns float32 (B, 3, height, width), channels stored last; resized without its aspect ratio (the paper's way).
    """
    height, width = size
    images = [np.asarray(image) for image in images]
    odd = [f"{one.dtype} {one.shape}" for one in images if one.dtype != np.uint8 or one.shape[2:] != (3,)]
    if odd or not images:
        raise ValueError(f"expected pictures as uint8 (height, width, 3), colours last, got {(odd or ['none'])[0]}")
    pixels = [np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)) for image in images]
    batch = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255
    return (batch - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def quick(network: nn.Module, images: torch.Tensor | None = None) -> nn.Module:
    """A copy that only answers, more than twice as fast on a CPU and the same but for rounding.

    Plain batch normalisations are folded into the convolutions before them; channels are stored last, as CPUs convolve.
    images : a few, normalised; where the folded copy answers otherwise than the network, nothing is folded
    """
    folded = copied(network)
    chains = [module for module in folded.modules() if isinstance(module, nn.Sequential)]
    for block in [chain for chain in chains if type(chain).forward is nn.Sequential.forward]:
        for first in range(len(block) - 1):
            if _plain(block[first], nn.Conv2d) and _plain(block[first + 1], nn.BatchNorm2d):
                block[first], block[first + 1] = fuse_conv_bn_eval(block[first], block[first + 1]), nn.Identity()
    if images is not None:
        with left_as_found(network):
            right, found = (one(images.to(next(network.parameters()))) for one in (network, folded))
        if isinstance(right, torch.Tensor) and not ((found - right).abs() <= 1e-3 * right.abs().max()).all():
            folded = copied(network)
    return folded.to(memory_format=torch.channels_last)


def copied(network: nn.Module) -> nn.Module:
    """A copy in evaluation mode."""
    return copy.deepcopy(network).eval()


def _plain(module: nn.Module, kind: type) -> bool:
    """Whether a module is of this kind and nothing more: no hook, pruning or other parametrisation of its weight."""
    if type(module) is not kind or module._forward_hooks or module._forward_pre_hooks:
        return False
    return isinstance(module.weight, nn.Parameter | None) and getattr(module, "track_running_stats", True)


def check_finite(tensors: Mapping[str, torch.Tensor], where: object) -> None:
    """ValueError, as a sentence, for weights that are not finite numbers: whatever they answer would be garbage."""
    if odd := [name for name, tensor in tensors.items() if not tensor.isfinite().all()]:
        found = f"{where} holds weights that are NaN or infinite ({listed(odd, 3)})"
        raise ValueError(f"{found}: its training went astray, or it is damaged; take an earlier one")


def unwrapped(model: nn.Module) -> nn.Module:
    """The module inside `torch.compile` or `DataParallel`; ValueError for what is no torch module with weights."""
    if not isinstance(model, nn.Module):
        raise ValueError(f"expected a torch module, got {type(model).__name__}: of a Classifier, pass its .model")
    for _ in range(4):  # wrappers around one another, at most
        if isinstance(model, nn.DataParallel | nn.parallel.DistributedDataParallel):
            model = model.module
        model = getattr(model, "_orig_mod", model)
    if next(model.parameters(), None) is None:
        raise ValueError(f"{type(model).__name__} has no weights: there is nothing to explain")
    return model


@contextmanager
def left_as_found(model: nn.Module) -> Iterator[list]:
    """Evaluation mode without gradients; then all is as before. Yields a list for handles of hooks, to be removed."""
    training, handles = [module for module in model.modules() if module.training], []
    device = next(model.parameters()).device.type
    # hooks do not fire in compiled code
    uncompiled = torch.compiler.set_stance("force_eager") if "torch._dynamo" in sys.modules else nullcontext()
    try:
        for module in training:
            module.training = False  # `model.eval()` may do more, such as merging adapters into the weights
        with uncompiled, torch.inference_mode(False), torch.no_grad(), torch.autocast(device, enabled=False):
            yield handles
    finally:
        for handle in handles:
            handle.remove()
        for module in training:
            module.training = True


@contextmanager
def one_thread(wanted: bool = True) -> Iterator[None]:
    """One thread for small work on a CPU: two wait for each other (fifteen times as long, on two busy cores)."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1 if wanted else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def threads_that_pay(model: nn.Module) -> AbstractContextManager:
    """One thread for a small model of transformers on a CPU, else as they are."""
    return one_thread(model.device.type == "cpu" and model.num_parameters() < 50_000_000)
