"""The layer to explain: which one it is, and what it gives in a pass: feature maps (B, channels, rows, columns)."""

import difflib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

AT_ONCE = 32  # images in one pass, so that a large batch does not need much memory


@dataclass(frozen=True)
class ForwardPass:
    """What one pass leaves."""

    layer: str
    output: Tensor  # of the layer, (B, K, rows, columns); the leaf of the graph, if there is one
    logits: Tensor  # (B, classes)


def is_grid(output: object, images: Tensor) -> bool:
    """Whether an output is (B, channels, rows, columns) with several cells, of the images' proportions."""
    if not isinstance(output, Tensor) or output.ndim != 4:
        return False
    (rows, columns), (height, width) = output.shape[2:], images.shape[2:]  # not so where channels stand last
    return rows * columns > 1 and abs(rows * width - columns * height) <= 2 * max(height, width)


def watched(model: nn.Module, images: Tensor, layer: str | nn.Module | None, gradients: bool) -> list[ForwardPass]:
    """Send the images through the model, in parts, and keep what a layer gives.

    layer : a module of the model or its name; None takes the last layer to finish whose output is a grid
    gradients : whether they are recorded from the layer up; below it they never are
    """
    first, *others = images.split(AT_ONCE)
    if layer is None:
        seen = _pass_with_last_layer(model, first, gradients)
    else:
        seen = _pass(model, first, _name_of(model, images, layer), gradients)
    _check(model, first, seen)
    return [seen, *(_pass(model, part, seen.layer, gradients) for part in others)]


def _name_of(model: nn.Module, images: Tensor, layer: str | nn.Module) -> str:
    names, kind = {module: name for name, module in model.named_modules()}, type(model).__name__
    if isinstance(layer, nn.Module):
        if layer not in names:
            raise ValueError(f"the given {type(layer).__name__} is not a layer of this {kind}")
        return names[layer]
    if layer not in names.values():
        near = ", ".join(difflib.get_close_matches(layer, names.values())) or "none"
        raise ValueError(f"{kind} has no layer '{layer}'; near it: {near}; {_candidates(model, images)}")
    return layer


def _pass_with_last_layer(model: nn.Module, images: Tensor, gradients: bool) -> ForwardPass:
    """A pass that keeps the last layer with a grid. Only a pass tells which that is: a wrong guess costs two more."""
    likely = ""
    for name, child in model.named_children():
        if any(isinstance(part, nn.Conv2d | nn.BatchNorm2d) for part in child.modules()):
            likely = name
    with _noting_grids(model, images, below=likely) as finished:
        seen = _pass(model, images, likely, gradients)
    if finished[-1:] == [likely]:
        return seen
    finished = _finishing(model, images)
    if not finished or hasattr(model, "patch_embed"):
        found = f"no layer of {type(model).__name__} gives feature maps (B, channels, rows, columns) with several cells"
        raise ValueError(f"{found}: Grad-CAM does not apply; for timm's VisionTransformer use relevancy.explain")
    return _pass(model, images, finished[-1], gradients)


@contextmanager
def _noting_grids(model: nn.Module, images: Tensor, below: str = "") -> Iterator[list[str]]:
    """Yields a list that a pass fills: names of layers whose output is a grid, as they finish; no parts of `below`."""
    names = []
    with ExitStack() as hooks:
        for name, module in model.named_modules():
            if below and name.startswith(f"{below}."):
                continue  # hooks on every part of a network would cost a tenth of a pass

            def note(_module, _inputs, output, name=name):
                if name and is_grid(output, images):
                    names.append(name)

            hooks.enter_context(module.register_forward_hook(note))
        yield names


def _finishing(model: nn.Module, images: Tensor) -> list[str]:
    with _noting_grids(model, images) as finished:
        model(images[:1])
    return finished


def _candidates(model: nn.Module, images: Tensor) -> str:
    """A part of a sentence: the last layers with a grid, without the parts of parts."""
    names = [name for name in dict.fromkeys(_finishing(model, images)) if name.count(".") < 2]
    return f"its last layers with a grid: {', '.join(names[-10:])}" if names else "it has no layer with a grid"


def _pass(model: nn.Module, images: Tensor, layer: str, gradients: bool) -> ForwardPass:
    """One pass, in which the graph starts at the layer's output; nothing is checked yet."""
    outputs = []

    def keep(_module, _inputs, output):
        outputs[:] = [output]
        if not is_grid(output, images):
            return None
        outputs[:] = [output.detach().requires_grad_(gradients)]
        torch.set_grad_enabled(gradients)  # from here up to the logits
        return outputs[0].clone()  # the copy survives a later layer that works in place

    with model.get_submodule(layer).register_forward_hook(keep), torch.no_grad():
        logits = model(images)
    return ForwardPass(layer, outputs[0] if outputs else None, logits)


def _check(model: nn.Module, images: Tensor, seen: ForwardPass) -> None:
    """ValueError unless the layer gave a grid and the model logits."""
    if not is_grid(seen.output, images):
        raise ValueError(
            f"'{seen.layer}' does not give feature maps (B, channels, rows, columns) with several cells, but "
            f"{_described(seen.output)}: choose another; {_candidates(model, images)}"
        )
    if not isinstance(seen.logits, Tensor) or seen.logits.ndim != 2:
        kind, found = type(model).__name__, _described(seen.logits)
        raise ValueError(f"expected logits of shape ({len(images)}, classes) from {kind}, got {found}: give them alone")


def _described(output: object) -> str:
    if output is None:
        return "nothing, for it takes no part in the forward pass"
    return f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
