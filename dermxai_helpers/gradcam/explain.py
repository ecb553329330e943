"""Class activation maps of frozen models, too: gradients begin at the layer, so a map costs about one forward pass."""

import difflib
from collections import namedtuple
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

from dermxai_helpers.explanation import Explanation, checked_images, summarise, targets_for
from dermxai_helpers.gradcam import methods
from dermxai_helpers.inference import left_as_found, unwrapped

BY_GRADIENT = {"gradcam": methods.grad_cam, "gradcam++": methods.grad_cam_plus_plus, "hirescam": methods.hires_cam,
               "layercam": methods.layer_cam}  # fmt: skip
METHODS = (*BY_GRADIENT, "eigencam", "scorecam")
TOKENS = "(tokens)"
OFTEN = "looks at each picture several times, so there is no one map: explain the network inside it"
AT_ONCE = 32  # images in one pass, so that a large batch does not need much memory
# The layer's name, what it gives, (B, K, rows, columns), the leaf of the graph if there is one; logits (B, classes)
ForwardPass = namedtuple("ForwardPass", "layer output logits")


def explain(
    model: nn.Module, images: Tensor, target: int | str | Sequence[int] | None = None, method: str = "gradcam",
    layer: str | nn.Module | None = None, relu: bool = True, classes: Sequence[str] | None = None,
) -> Explanation:  # fmt: skip
    """Make heat-maps of a convolutional classifier.

    images : float, (B, 3, H, W), normalised as the model expects
    target : None explains the predicted class, an int one class, a sequence one class per image; "all" explains every
        class from one forward pass (B x classes maps: image 0 class 0, image 0 class 1, ...)
    method : the formulas stand in `methods`; "eigencam" knows no class, "scorecam" asks the model once for each map
    layer : a module or its name; None takes the last with a grid of cells, which a pass of one image more finds
    relu : clip negative evidence to zero, as the papers do; False keeps it;  classes : their names
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got '{method}'")
    model = unwrapped(model)
    with left_as_found(model):
        images = checked_images(model, images)
        passes = watched(model, images, layer, gradients=method in BY_GRADIENT)
        logits = torch.cat([seen.logits for seen in passes])
        targets = targets_for(logits, target)
        sizes = [len(seen.logits) for seen in passes]
        parts = zip(passes, images.split(sizes), targets.split(sizes), strict=True)
        maps = torch.cat([_maps(model, method, *part) for part in parts]).flatten(0, 1)
    return summarise(maps.clamp(min=0) if relu else maps, logits, targets, classes, passes[0].layer, method)


def _maps(model: nn.Module, method: str, seen: ForwardPass, images: Tensor, targets: Tensor) -> Tensor:
    """Raw maps (B, T, rows, columns) of the classes `targets` (B, T)."""
    features = seen.output.detach()
    if method == "scorecam":
        return methods.score_cam(features, images, model, targets)
    if method == "eigencam":
        return methods.eigen_cam(features)[:, None].expand(-1, targets.shape[1], -1, -1)
    maps = []
    for target in targets.T:
        slopes = None  # (B, K, rows, columns), of each image's logit for its class by the features
        if seen.logits.requires_grad:
            chosen = functional.one_hot(target, seen.logits.shape[1]).to(seen.logits)
            (slopes,) = torch.autograd.grad(seen.logits, seen.output, chosen, retain_graph=True, allow_unused=True)
        if slopes is None:
            found = f"the logits do not depend on layer '{seen.layer}' by any gradient"
            raise ValueError(f"{found}: choose another layer, or take no_grad or quantising out of the model")
        maps.append(BY_GRADIENT[method](features, slopes))
    return torch.stack(maps, dim=1)


def is_grid(output: object, images: Tensor) -> bool:
    """Whether an output is (B, channels, rows, columns) with several cells, of the images' proportions."""
    if not isinstance(output, Tensor) or output.ndim != 4:
        return False
    (rows, columns), (height, width) = output.shape[2:], images.shape[2:]  # not so where channels stand last
    return rows * columns > 1 and abs(rows * width - columns * height) <= 2 * max(height, width)


def watched(model: nn.Module, images: Tensor, layer: str | nn.Module | None, gradients: bool) -> list[ForwardPass]:
    """Send the images through the model, in parts, and keep what a layer gives.

    layer : as in `explain`; gradients : whether they are recorded from the layer up; below it they never are
    ValueError unless the layer gives a grid for each image, and the model logits.
    """
    first, *others = images.split(AT_ONCE)
    name, kind = _last_layer(model, images) if layer is None else _name_of(model, images, layer), type(model).__name__
    seen = _pass(model, first, name, gradients)
    if not is_grid(seen.output, first):
        wanted = f"'{seen.layer}' does not give feature maps (B, channels, rows, columns) in the pictures' proportions"
        raise ValueError(f"{wanted}, but {_described(seen.output)}: choose another; {_candidates(model, first)}")
    if not isinstance(seen.logits, Tensor) or seen.logits.ndim != 2:
        wanted = f"expected logits of shape ({len(first)}, classes) from {kind}"
        raise ValueError(f"{wanted}, got {_described(seen.logits)}: give them alone")
    if len(seen.output) != len(first):
        raise ValueError(f"{kind} {OFTEN}")
    return [seen, *(_pass(model, part, name, gradients) for part in others)]


def _last_layer(model: nn.Module, images: Tensor) -> str:
    finished, kind = _finishing(model, images), type(model).__name__
    if not finished or finished[-1] == TOKENS:
        found = f"no layer of {kind} gives feature maps (B, channels, rows, columns) with several cells"
        if set(finished) - {TOKENS}:
            found = f"{kind} goes on with tokens after its feature maps, whose heat-map would say nothing of the answer"
        raise ValueError(f"{found}: Grad-CAM does not apply; for timm's VisionTransformer use relevancy.explain")
    return finished[-1]


def _finishing(model: nn.Module, images: Tensor) -> list[str]:
    """Layers in the order in which a pass finishes them: those that give a grid, and TOKENS for tokens."""
    names = []

    def note(name, _module, _inputs, output):
        if name and is_grid(output, images):
            names.append(name)
        elif isinstance(output, Tensor) and output.ndim == 3 and output.shape[1] > 1:
            names.append(TOKENS)

    with ExitStack() as hooks:
        for name, module in model.named_modules():
            hooks.enter_context(module.register_forward_hook(partial(note, name)))
        model(images[:1])
    return names


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


def _candidates(model: nn.Module, images: Tensor) -> str:
    """A part of a sentence: the last layers with a grid, without the parts of parts."""
    names = [name for name in dict.fromkeys(_finishing(model, images)) if name != TOKENS and name.count(".") < 2]
    return f"its last layers with a grid: {', '.join(names[-10:])}" if names else "it has no layer with a grid"


def _pass(model: nn.Module, images: Tensor, layer: str, gradients: bool) -> ForwardPass:
    """One pass, in which the graph starts at the layer's output, where it runs last; nothing else is checked yet.

    ValueError if the logits depend on earlier runs, too, as where a network is asked about a mirror image as well.
    """
    outputs = []

    def keep(_module, _inputs, output):
        outputs.append(output)
        if not is_grid(output, images):
            return None
        outputs[-1] = output.detach().requires_grad_(gradients)
        torch.set_grad_enabled(gradients)  # from here up to the logits
        return outputs[-1].clone()  # the copy survives a later layer that works in place

    with model.get_submodule(layer).register_forward_hook(keep), torch.no_grad():
        logits = model(images)
    earlier = [output for output in outputs[:-1] if is_grid(output, images)]
    if earlier and not gradients:
        _pass(model, images, layer, gradients=True)
    elif earlier and getattr(logits, "requires_grad", False):
        slopes = torch.autograd.grad(logits, earlier, torch.ones_like(logits), retain_graph=True, allow_unused=True)
        if any(slope is not None for slope in slopes):
            raise ValueError(f"{type(model).__name__} {OFTEN}")
    return ForwardPass(layer, outputs[-1] if outputs else None, logits)


def _described(output: object) -> str:
    if output is None:
        return "nothing, for it takes no part in the forward pass"
    return f"shape {tuple(output.shape)}" if isinstance(output, Tensor) else f"a {type(output).__name__}"
