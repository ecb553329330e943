"""Which layer of a network can be explained, what does it give, and where in that are the cells of the grid?

A convolutional layer gives one map per channel, (B, channels, rows, columns). A vision transformer gives tokens,
(B, tokens, channels): after a few prefix tokens (class, registers) there is one for each patch, row by row.
"""

import difflib
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

NAMED = 10  # layers that an error message lists
AT_ONCE = 32  # images in one pass, so that a large batch does not need much memory


@dataclass(frozen=True)
class FeatureLayer:
    """A layer to explain.

    name, module : as in `model.named_modules()`
    picture : (height, width) of the images
    patches : (rows, columns) of a vision transformer's patches, None for other networks
    prefix : number of tokens before the patches
    """

    name: str
    module: nn.Module
    picture: tuple[int, int]
    patches: tuple[int, int] | None = None
    prefix: int = 0

    def maps(self, output: Tensor) -> Tensor:
        """The layer's output, or its gradient, as feature maps (B, channels, rows, columns). A view, not a copy."""
        if output.ndim == 4:
            return output
        return output[:, self.prefix:].transpose(1, 2).unflatten(2, self.patches)

    def has_grid(self, output: object) -> bool:
        """Whether an output of this layer is a grid of several cells over the picture."""
        if isinstance(output, Tensor) and output.ndim == 3 and self.patches is not None:
            return output.shape[1] == self.prefix + self.patches[0] * self.patches[1]
        return is_grid(output, self.picture)


@dataclass(frozen=True)
class ForwardPass:
    """What a pass of some images through a model leaves behind.

    images : (B, 3, height, width)
    output : of the layer; a leaf of the graph that the logits hang on, where gradients were asked for
    logits : (B, classes)
    """

    model: nn.Module
    images: Tensor
    layer: FeatureLayer
    output: Tensor
    logits: Tensor

    @property
    def features(self) -> Tensor:
        """Feature maps (B, K, rows, columns), without a graph."""
        return self.layer.maps(self.output.detach())


def is_grid(output: object, picture: tuple[int, int]) -> bool:
    """Whether an output is (B, channels, rows, columns) with several cells, of the picture's proportions.

    The proportions (up to two cells, for rounding) tell maps from maps with the channels last.
    """
    if not isinstance(output, Tensor) or output.ndim != 4:
        return False
    (rows, columns), (height, width) = output.shape[2:], picture
    return rows * columns > 1 and abs(rows * width - columns * height) <= 2 * max(height, width)


def find(model: nn.Module, images: Tensor, layer: str | nn.Module | None) -> FeatureLayer:
    """The layer to explain: the given one (a module of the model, or its name), or the model's last one with a grid.

    That is for a convolutional network the last to finish whose output is a grid, and for timm's vision transformers
    norm1 of the last block, the last place from which the patches still reach the class token.
    Raises ValueError, naming candidates, when there is no such layer.
    """
    modules = dict(model.named_modules())
    patches, prefix = patch_grid(model, images)
    if isinstance(layer, nn.Module):
        name = next((name for name, module in modules.items() if module is layer), None)
        if name is None:
            raise ValueError(f"the given {type(layer).__name__} is not a layer of this {type(model).__name__}")
    elif layer is not None:
        name = layer
        if name not in modules:
            near = ", ".join(difflib.get_close_matches(name, modules)) or "none"
            raise ValueError(
                f"{type(model).__name__} has no layer '{name}'; near it: {near}; {candidates(model, images)}"
            )
    else:
        name = f"blocks.{len(model.blocks) - 1}.norm1" if patches else _last_with_grid(model, modules, images)
    return FeatureLayer(name, modules[name], tuple(images.shape[-2:]), patches, prefix)


def patch_grid(model: nn.Module, images: Tensor) -> tuple[tuple[int, int] | None, int]:
    """(rows, columns) of a timm vision transformer's patches and the number of tokens before them; else None and 0."""
    embedding = getattr(model, "patch_embed", None)
    if hasattr(model, "num_prefix_tokens") and hasattr(model, "blocks") and hasattr(embedding, "dynamic_feat_size"):
        return tuple(embedding.dynamic_feat_size(tuple(images.shape[-2:]))), model.num_prefix_tokens
    return None, 0


def with_grid(model: nn.Module, images: Tensor) -> list[str]:
    """Names of the layers whose output is a grid, in the order in which they finish. Costs a pass of one image."""
    (patches, prefix), order, handles = patch_grid(model, images), [], []
    for name, module in model.named_modules():
        layer = FeatureLayer(name, module, tuple(images.shape[-2:]), patches, prefix)

        def note(_module, _inputs, output, layer=layer):
            if layer.has_grid(output):
                order.append(layer.name)

        if name:
            handles.append(module.register_forward_hook(note))
    try:
        model(images[:1])
    finally:
        for handle in handles:
            handle.remove()
    return order


def candidates(model: nn.Module, images: Tensor) -> str:
    """A part of a sentence: the last layers with a grid, without the parts of parts."""
    names = [name for name in dict.fromkeys(with_grid(model, images)) if name.count(".") < 2]
    return f"its last layers with a grid: {', '.join(names[-NAMED:])}" if names else "it has no layer with a grid"


_LAST: WeakKeyDictionary[nn.Module, dict[tuple, str]] = WeakKeyDictionary()  # found once for each build and size


def _last_with_grid(model: nn.Module, modules: dict[str, nn.Module], images: Tensor) -> str:
    """Name of the layer that is last to finish among those with a grid."""
    known = _LAST.setdefault(model, {})
    build = (*modules, *map(type, modules.values()), *images.shape[-2:])
    if build not in known:
        names = with_grid(model, images)
        if not names:
            raise ValueError(
                f"no layer of {type(model).__name__} gives feature maps of shape (B, channels, rows, columns) with "
                "several cells, so Grad-CAM does not apply; timm's vision transformers are known here and to "
                "relevancy.explain"
            )
        known[build] = names[-1]
    return known[build]


def watched(model: nn.Module, images: Tensor, layer: FeatureLayer, gradients: bool) -> list[ForwardPass]:
    """The images through the model, in parts, keeping what the layer gives.

    gradients : whether they are recorded from the layer up; below it they never are
    Raises ValueError, naming candidates, when the layer does not run or has no grid, or when there are no logits.
    """
    return [_watched_pass(model, part, layer, gradients) for part in images.split(AT_ONCE)]


def _watched_pass(model: nn.Module, images: Tensor, layer: FeatureLayer, gradients: bool) -> ForwardPass:
    """One pass of `watched`."""
    outputs = []

    def keep(_module, _inputs, output):
        outputs.append(output)
        if not layer.has_grid(output):
            return None
        outputs[:] = [output.detach().requires_grad_(gradients)]
        torch.set_grad_enabled(gradients)  # from here up to the logits
        return outputs[0].clone()  # the copy survives a later layer that works in place

    with layer.module.register_forward_hook(keep), torch.no_grad():
        logits = model(images)
    if not outputs or not layer.has_grid(outputs[-1]):
        raise ValueError(f"{_problem(model, layer, outputs)}: choose another; {candidates(model, images)}")
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != len(images):
        found = tuple(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise ValueError(f"expected logits of shape ({len(images)}, classes) from {type(model).__name__}, got {found}")
    return ForwardPass(model, images, layer, outputs[-1], logits)


def _problem(model: nn.Module, layer: FeatureLayer, outputs: list) -> str:
    """Why nothing useful was kept, as the beginning of a sentence."""
    if not outputs:
        return f"layer '{layer.name}' takes no part in the forward pass of {type(model).__name__}"
    output = outputs[-1]
    found = f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
    return (
        f"'{layer.name}' does not give feature maps of shape (B, channels, rows, columns) with several cells over the "
        f"picture, but {found}"
    )
