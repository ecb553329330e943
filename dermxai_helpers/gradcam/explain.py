"""Class activation maps of frozen models, too: gradients begin at the layer, so a map costs about one forward pass."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from dermxai_helpers.explanation import Explanation, checked_images, summarise, targets_for
from dermxai_helpers.gradcam import methods
from dermxai_helpers.gradcam.layers import ForwardPass, watched
from dermxai_helpers.inference import left_as_found, unwrapped

BY_GRADIENT = {"gradcam": methods.grad_cam, "gradcam++": methods.grad_cam_plus_plus, "hirescam": methods.hires_cam,
               "layercam": methods.layer_cam}  # fmt: skip
METHODS = (*BY_GRADIENT, "eigencam", "scorecam")


def explain(
    model: nn.Module, images: Tensor, target: int | str | Sequence[int] | None = None, method: str = "gradcam",
    layer: str | nn.Module | None = None, relu: bool = True, classes: Sequence[str] | None = None,
) -> Explanation:  # fmt: skip
    """Make heat-maps of a convolutional classifier.

    images : float, (B, 3, H, W), normalised as the model expects
    target : None explains the predicted class, an int one class, a sequence one class per image; "all" explains every
        class from one forward pass (B x classes maps: image 0 class 0, image 0 class 1, ...)
    method : the formulas stand in `methods`; "eigencam" knows no class, "scorecam" asks the model once for each map of
        the layer
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
