"""Where did the CNN's evidence for a class come from?

Grad-CAM in one function. It works on frozen models and under `no_grad`, because it switches gradients on only above the
layer it explains, and it leaves the model exactly as it found it.
"""

import difflib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

METHODS = ("gradcam", "cam")
OVERLAY_COLOURS = "viridis"  # its blues and greens do not occur on skin, so the overlay cannot pass for a lesion colour
OVERLAY_OPACITY = 0.65  # of the strongest cell; weaker cells are proportionally clearer


@dataclass(frozen=True)
class Explanation:
    """One heat-map per explained class score, with everything needed to name it.

    maps : float, (B, grid height, grid width), raw evidence: neither clipped, stretched nor resized after the method
    target : class index of each map
    class_name : the name of that class
    logit, prob : float, (B,), the model's score and probability (softmax) for that class
    layer : name of the layer (or blocks) that was explained
    method : name of the method
    notes : sentences about maps that need care (no positive evidence, not finite); empty when all is well
    """

    maps: np.ndarray
    target: list[int]
    class_name: list[str]
    logit: np.ndarray
    prob: np.ndarray
    layer: str
    method: str
    notes: list[str] = field(default_factory=list)

    def resized(self, size: tuple[int, int]) -> np.ndarray:
        """The raw maps, bilinear at `size` = (height, width): float, (B, height, width)."""
        return resize(self.maps, size)

    def normalised(self) -> np.ndarray:
        """Positive evidence as a share of each map's maximum, (B, grid height, grid width), 0 to 1. Zero stays zero."""
        evidence = np.clip(np.nan_to_num(self.maps, posinf=0, neginf=0), 0, None)
        largest = evidence.max(axis=(1, 2), keepdims=True)
        return evidence / np.where(largest > 0, largest, 1)

    def overlay(self, images: np.ndarray) -> np.ndarray:
        """The maps drawn over their pictures. A pixel without evidence keeps its colour exactly.

        images : uint8, (B, height, width, 3) RGB, one for each map. Returns the same shape and type.
        """
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 3 or len(images) != len(self.maps):
            raise ValueError(
                f"expected {len(self.maps)} RGB pictures as uint8 of shape ({len(self.maps)}, height, width, 3), "
                f"got {images.dtype} of shape {images.shape}"
            )
        from matplotlib import colormaps

        heat = resize(self.normalised(), images.shape[1:3])
        colours = 255 * colormaps[OVERLAY_COLOURS](heat)[..., :3]
        opacity = OVERLAY_OPACITY * heat[..., None]
        return np.rint(images + opacity * (colours - images)).astype(np.uint8)


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


# --- shared with relevancy ---


def unwrapped(model: nn.Module) -> nn.Module:
    """The module inside `torch.compile` or `DataParallel` wrappers, whose hooks would not fire."""
    while (inner := getattr(model, "_orig_mod", None) or getattr(model, "module", None)) is not None:
        model = inner
    return model


@contextmanager
def left_as_found(model: nn.Module) -> Iterator[list]:
    """Evaluation mode without gradients; afterwards every training flag and the gradient mode are as before.

    Yields a list for the handles of hooks; they are removed at the end, also after an exception.
    """
    training = [(module, module.training) for module in model.modules()]
    handles = []
    device = next(model.parameters()).device.type
    try:
        model.eval()
        with torch.inference_mode(False), torch.no_grad(), torch.autocast(device, enabled=False):
            yield handles
    finally:
        for handle in handles:
            handle.remove()
        for module, flag in training:
            module.training = flag


def checked_images(model: nn.Module, images: Tensor) -> Tensor:
    """The images on the model's device and in its number type; ValueError unless float (B, 3, H, W) and finite."""
    if not isinstance(images, Tensor) or images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        found = f"{images.dtype} of shape {tuple(images.shape)}" if hasattr(images, "shape") else type(images).__name__
        raise ValueError(f"expected normalised images as a float tensor of shape (B, 3, height, width), got {found}")
    if not torch.isfinite(images).all():
        raise ValueError("the images hold values that are not finite: check how they were normalised")
    weight = next(model.parameters())
    images = images.to(weight.device, weight.dtype)
    return images.clone() if images.is_inference() else images


def targets_for(logits: Tensor, target: int | str | Sequence[int] | None) -> Tensor:
    """Class indices (B, T) for the `target` argument of `explain`: T is 1, or the number of classes for "all"."""
    count, classes = logits.shape
    if isinstance(target, str):
        if target != "all":
            raise ValueError(f"target must be None, a class index, one index per image or 'all', got '{target}'")
        return torch.arange(classes, device=logits.device).expand(count, classes)
    if target is None:
        return logits.detach().argmax(dim=1, keepdim=True)
    chosen = torch.as_tensor(target, device=logits.device)
    if chosen.is_floating_point() or chosen.ndim > 1 or (chosen.ndim == 1 and len(chosen) != count):
        raise ValueError(f"target must be one class index, or one for each of the {count} images, got {target}")
    if ((chosen < 0) | (chosen >= classes)).any():
        raise ValueError(f"target holds {target}, but the model has classes 0 to {classes - 1}")
    return chosen.long().expand(count)[:, None]


def summarise(
    maps: Tensor, logits: Tensor, targets: Tensor, classes: Sequence[str] | None, layer: str, method: str
) -> Explanation:
    """An Explanation of B x T maps, image by image, with a note for every map that needs care."""
    if classes is not None and len(classes) != logits.shape[1]:
        raise ValueError(f"{len(classes)} class names were given, but the model has {logits.shape[1]} classes")
    names = list(classes) if classes is not None else [f"class {index}" for index in range(logits.shape[1])]
    logits = logits.detach()
    target = targets.flatten().tolist()
    notes = []
    for index, (heatmap, label) in enumerate(zip(maps, target, strict=True)):
        if not torch.isfinite(heatmap).all():
            notes.append(f"map {index} ({names[label]}): some values are not finite")
        elif (heatmap <= 0).all():
            notes.append(f"map {index} ({names[label]}): no positive evidence for this class")
    return Explanation(
        maps=maps.detach().cpu().numpy(),
        target=target,
        class_name=[names[label] for label in target],
        logit=logits.gather(1, targets).flatten().cpu().numpy(),
        prob=logits.softmax(dim=1).gather(1, targets).flatten().cpu().numpy(),
        layer=layer,
        method=method,
        notes=notes,
    )


def resize(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Bilinear maps of shape (B, h, w) at `size` = (height, width); cell centres stay in place."""
    tensor = torch.from_numpy(np.ascontiguousarray(maps))[:, None]
    return functional.interpolate(tensor, size=tuple(size), mode="bilinear", align_corners=False)[:, 0].numpy()
