"""Where did the CNN's evidence for a class come from?

Grad-CAM in one function. It works on frozen models and under `no_grad`, because it switches gradients on only above the
layer it explains, and it leaves the model exactly as it found it.
"""

import difflib
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from dermxai_helpers.explanation import (
    Explanation,
    checked_images,
    left_as_found,
    resize,
    summarise,
    targets_for,
    unwrapped,
)

__all__ = ["METHODS", "Explanation", "explain", "resize"]

METHODS = ("gradcam", "cam")


def explain(
    model: nn.Module,
    images: Tensor,
    target: int | str | Sequence[int] | None = None,
    method: str = "gradcam",
    layer: str | nn.Module | None = None,
    relu: bool = True,
    classes: Sequence[str] | None = None,
) -> Explanation:
    """Heat-maps of a convolutional classifier.

    images : float, (B, 3, H, W), normalised as the model expects
    target : None explains the predicted class, an int one class, a sequence one class per image; "all" explains every
        class (B x classes maps: image 0 class 0, image 0 class 1, ...)
    method : "gradcam", or "cam", its closed form for networks that end in global average pooling and one linear layer.
        There "cam" is Grad-CAM times the number of cells, and the mean of a map plus the bias is the logit.
    layer : None takes the last layer with a spatial grid; else a module or its name
    relu : clip negative evidence to zero, as the paper does; False keeps it
    classes : names of the classes

    Raises ValueError, as a sentence, for what cannot be explained.
    Source: Selvaraju et al., ICCV 2017, equations 1 and 2 (Grad-CAM); Zhou et al., CVPR 2016, equation 2 (CAM).
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got '{method}'")
    model = unwrapped(model)
    with left_as_found(model) as handles:
        images = checked_images(model, images)
        name, module = _find_layer(model, images, layer)
        features, head_input, logits = _forward(model, images, name, module, handles)
        targets = targets_for(logits, target)
        if method == "gradcam":
            maps = _gradcam(features, logits, targets)
        else:
            maps = _cam(model, features, head_input, logits, targets, name)
    if relu:
        maps = maps.clamp(min=0)
    return summarise(maps.flatten(0, 1), logits, targets, classes, layer=name, method=method)


def _gradcam(features: Tensor, logits: Tensor, targets: Tensor) -> Tensor:
    """Maps (B, T, h, w): feature maps (B, K, h, w) weighted by the mean gradient of each target's logit."""
    maps = []
    for column in targets.T:
        with torch.enable_grad():
            score = logits.gather(1, column[:, None]).sum()
        (gradient,) = torch.autograd.grad(score, features, retain_graph=True)
        weights = gradient.mean(dim=(2, 3), keepdim=True)
        maps.append((weights * features).sum(dim=1))
    return torch.stack(maps, dim=1)


def _cam(
    model: nn.Module, features: Tensor, head_input: Tensor | None, logits: Tensor, targets: Tensor, name: str
) -> Tensor:
    """Maps (B, T, h, w): feature maps weighted by the rows of the last linear layer. Refuses where that is not CAM."""
    pooled = features.mean(dim=(2, 3))
    head = _last_linear(model)
    if (
        head_input is None
        or head_input.shape != pooled.shape
        or not torch.allclose(head_input, pooled, rtol=1e-3, atol=1e-5)
        or not torch.allclose(head(pooled), logits, rtol=1e-3, atol=1e-4)
    ):
        raise ValueError(
            f"CAM needs logits that are one linear layer on the spatial mean of '{name}', which is not so in "
            f"{type(model).__name__}: use method='gradcam', or another layer"
        )
    return torch.einsum("btk,bkhw->bthw", head.weight[targets], features)


def _forward(
    model: nn.Module, images: Tensor, name: str, module: nn.Module, handles: list
) -> tuple[Tensor, Tensor | None, Tensor]:
    """Feature maps (a leaf that gradients reach), the input of the last linear layer, and the logits."""
    seen = {}

    def keep_features(_module, _inputs, output):
        if not isinstance(output, Tensor) or output.ndim != 4:
            raise ValueError(
                f"'{name}' does not give feature maps of shape (B, channels, height, width), which Grad-CAM needs; "
                "for a vision transformer use relevancy.explain"
            )
        seen["features"] = output.detach().requires_grad_()
        torch.set_grad_enabled(True)  # from here up to the logits; left_as_found switches it back
        return seen["features"].clone()  # the copy survives a later layer that works in place

    def keep_head_input(_module, inputs):
        seen["head"] = inputs[0].detach()

    handles.append(module.register_forward_hook(keep_features))
    if (head := _last_linear(model)) is not None:
        handles.append(head.register_forward_pre_hook(keep_head_input))
    logits = model(images)
    torch.set_grad_enabled(False)
    if "features" not in seen or not logits.requires_grad:
        raise ValueError(f"the logits of {type(model).__name__} do not depend on layer '{name}': choose another layer")
    return seen["features"], seen.get("head"), logits


def _find_layer(model: nn.Module, images: Tensor, layer: str | nn.Module | None) -> tuple[str, nn.Module]:
    """The layer to explain with its name; by default the last one to run whose output has a grid of several cells."""
    modules = dict(model.named_modules())
    if isinstance(layer, nn.Module):
        name = next((name for name, module in modules.items() if module is layer), None)
        if name is None:
            raise ValueError(f"the given {type(layer).__name__} is not a layer of this {type(model).__name__}")
        return name, layer
    if isinstance(layer, str):
        if layer not in modules:
            near = ", ".join(difflib.get_close_matches(layer, modules)) or "see model.named_modules()"
            raise ValueError(f"{type(model).__name__} has no layer '{layer}'; near it: {near}")
        return layer, modules[layer]
    name = _last_spatial_layer(model, images[:1])
    if name is None:
        raise ValueError(
            f"no layer of {type(model).__name__} gives feature maps of shape (B, channels, height, width) with more "
            "than one cell, so Grad-CAM does not apply; for a vision transformer use relevancy.explain"
        )
    return name, modules[name]


def _last_spatial_layer(model: nn.Module, image: Tensor) -> str | None:
    """Name of the layer that is last to finish among those whose output is (B, C, h, w) with h * w > 1."""
    order, handles = [], []
    for name, module in model.named_modules():
        def note(_module, _inputs, output, name=name):
            if isinstance(output, Tensor) and output.ndim == 4 and output.shape[2] * output.shape[3] > 1:
                order.append(name)
        if name:
            handles.append(module.register_forward_hook(note))
    try:
        model(image)
    finally:
        for handle in handles:
            handle.remove()
    return order[-1] if order else None


def _last_linear(model: nn.Module) -> nn.Linear | None:
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    return linears[-1] if linears else None
