"""Your own checkpoint of a timm transformer: read as numbers only, no code runs; fitted to a model, or refused."""

from pathlib import Path

import torch
from safetensors.torch import load_file
from timm.models import load_state_dict
from torch import Tensor, nn

from dermxai_helpers.files import listed
from dermxai_helpers.inference import check_finite
from dermxai_helpers.training.backbones import unreadable


def load_checkpoint(model: nn.Module, path: str | Path) -> nn.Module:
    """Give a timm vision transformer the weights that somebody fine-tuned; it comes back in evaluation mode.

    path : a safetensors file, or what `torch.save` wrote: a state dict, or a dict with one under "state_dict",
        "model_state_dict" or "model". An average over training (EMA) is preferred, and up to three prefixes are taken
        off the names, as `module.` or `_orig_mod.`, which several GPUs or `torch.compile` put there
    Raises FileNotFoundError, ValueError for files that are damaged, hold code or NaN, or do not fit the model.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not a file: give the path of a checkpoint")
    try:
        with open(path, "rb") as file:
            is_safe = file.read(9)[8:] == b"{"  # safetensors, whatever its name: eight bytes of length, then JSON
        tensors = load_file(path) if is_safe else load_state_dict(str(path), weights_only=True)
        tensors = tensors.get("model_state_dict", tensors)
        freed = [[name.split(".", prefixes)[-1] for name in tensors] for prefixes in range(4)]
        names = next((names for names in freed if sorted(names) == sorted(model.state_dict())), tensors)
        tensors = dict(zip(names, tensors.values(), strict=True))
    except Exception as error:  # readers stumble over damaged files in many ways
        raise ValueError(f"{path.name} {unreadable(path)}") from error
    _check_fit(model, tensors, path.name)
    check_finite(tensors, path.name)
    model.load_state_dict(tensors)
    return model.eval()


def grow_head(model: nn.Module, num_classes: int) -> nn.Module:
    """Add classes to a timm model, in place: old logits stay. ValueError for a head that is not linear, or larger."""
    old = model.get_classifier()
    if not isinstance(old, nn.Linear):
        raise ValueError(f"the head is {type(old).__name__}, not one linear layer: there are no classes to keep")
    if old.out_features > num_classes:
        raise ValueError(f"the head has {old.out_features} classes: it cannot shrink to {num_classes}")
    model.reset_classifier(num_classes)
    new = model.get_classifier()
    with torch.no_grad():
        nn.init.trunc_normal_(new.weight, std=0.02)  # as timm initialises its heads
        nn.init.zeros_(new.bias)
        new.weight[: old.out_features] = old.weight
        new.bias[: old.out_features] = 0 if old.bias is None else old.bias
    return model


def _check_fit(model: nn.Module, tensors: dict[str, Tensor], name: str) -> None:
    """ValueError, as a sentence, unless names and shapes are those of the model."""
    expected = {key: tensor.shape for key, tensor in model.state_dict().items()}
    found = {key: getattr(tensor, "shape", "no tensor") for key, tensor in tensors.items()}
    if "head.bias" in expected and "head.bias" in found and expected["head.bias"] != found["head.bias"]:
        own, classes = expected["head.bias"][0], found["head.bias"][0]
        advice = f"create the model with num_classes={classes}, load it, and let grow_head add classes"
        raise ValueError(f"{name} has {classes} classes, the model {own} classes: {advice}")
    if different := [key for key in found | expected if expected.get(key) != found.get(key)]:
        what = f"{listed(different, 3)} missing, unknown or of another shape"
        advice = "create a model of the same architecture and picture size, timm.create_model(..., img_size=...)"
        raise ValueError(f"{name} does not fit this {type(model).__name__} ({what}): {advice}")
