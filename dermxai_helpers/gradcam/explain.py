"""Where did the CNN's evidence for a class come from?

Class activation maps by one function. It works on frozen models and under `no_grad`, because it switches gradients on
only above the layer it explains, and it leaves the model exactly as it found it. The formulas stand in `cams` and
`perturbation_cams`, the search for the layer in `feature_layers`.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from dermxai_helpers.explanation import Explanation, checked_images, resize, summarise, targets_for
from dermxai_helpers.gradcam import layers as feature_layers
from dermxai_helpers.gradcam import methods as cams
from dermxai_helpers.gradcam import perturbation as perturbation_cams
from dermxai_helpers.gradcam.layers import ForwardPass
from dermxai_helpers.inference import left_as_found, quick, unwrapped

__all__ = ["METHODS", "Explanation", "QuickCam", "explain", "resize"]

BY_GRADIENT = {
    "gradcam": cams.grad_cam,
    "gradcam++": cams.grad_cam_plus_plus,
    "hirescam": cams.hires_cam,
    "layercam": cams.layer_cam,
}
REMEDY = "use method='gradcam', or another layer"
ROUNDINGS = 30  # by so many the logits may differ from those that the head gives for the mean of the features
METHODS = (*BY_GRADIENT, "eigencam", "scorecam", "ablationcam", "cam")


def explain(
    model: nn.Module,
    images: Tensor,
    target: int | str | Sequence[int] | None = None,
    method: str = "gradcam",
    layer: str | nn.Module | None = None,
    relu: bool = True,
    classes: Sequence[str] | None = None,
) -> Explanation:
    """Heat-maps of a convolutional classifier, or of timm's vision transformers.

    images : float, (B, 3, H, W), normalised as the model expects
    target : None explains the predicted class, an int one class, a sequence one class per image; "all" explains every
        class from one forward pass (B x classes maps: image 0 class 0, image 0 class 1, ...)
    method : for one forward pass "gradcam", "gradcam++", "hirescam", "layercam", "eigencam" (knows no class) and "cam",
        the closed form for networks that end in global average pooling and one linear layer: there it is Grad-CAM times
        the number of cells, and a map's mean plus the bias is the logit. For hundreds, "scorecam" and "ablationcam"
    layer : a module or its name; None takes the last layer with a grid of cells (of a transformer norm1 of the last
        block), which costs a pass of one image the first time a network is seen
    relu : clip negative evidence to zero, as the papers do; False keeps it
    classes : names of the classes

    Raises ValueError, as a sentence, for what cannot be explained. Sources stand with each method in its room.
    """
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got '{method}'")
    model = unwrapped(model)
    with left_as_found(model):
        images = checked_images(model, images)
        layer = feature_layers.find(model, images, layer)
        passes = feature_layers.watched(model, images, layer, gradients=method in BY_GRADIENT)
        logits = torch.cat([seen.logits for seen in passes])
        targets = targets_for(logits, target)
        parts = targets.split([len(seen.images) for seen in passes])
        maps = torch.cat([_maps(method, seen, part) for seen, part in zip(passes, parts, strict=True)])
    if relu:
        maps = maps.clamp(min=0)
    explained = summarise(maps.flatten(0, 1), logits, targets, classes, layer=layer.name, method=method)
    explained.notes.extend(_turned_round(explained))
    return explained


class QuickCam:
    """CAM of every class, for less than the price of a plain forward pass.

    Made once from a network that ends in global average pooling and one linear layer: a private copy with batch
    normalisation folded in and channels stored last (`backbones.quick`). Weights that change later do not reach it.

    model : as for `explain`; classes : names of the classes
    Raises ValueError, when made or when called, for a network of which CAM is not defined.
    """

    def __init__(self, model: nn.Module, classes: Sequence[str] | None = None):
        model = unwrapped(model)
        _linear_head(model)
        self._network, self._classes = quick(model).requires_grad_(False), classes

    def __call__(self, images: Tensor, target: int | str | Sequence[int] | None = "all") -> Explanation:
        """The same as `explain(model, images, target, method="cam")`, but for rounding."""
        return explain(self._network, images, target, method="cam", classes=self._classes)


def _maps(method: str, seen: ForwardPass, targets: Tensor) -> Tensor:
    """Raw maps (B, T, rows, columns) of the classes `targets` (B, T)."""
    if method == "cam":
        return cams.class_activation(seen.features, _checked_head(seen), targets)
    if method == "eigencam":
        return cams.eigen_cam(seen.features)[:, None].expand(-1, targets.shape[1], -1, -1)
    if method == "scorecam":
        return perturbation_cams.score_cam(seen, targets)
    if method == "ablationcam":
        return perturbation_cams.ablation_cam(seen, targets)
    maps = [BY_GRADIENT[method](seen.features, _gradients(seen, column)) for column in targets.T]
    return torch.stack(maps, dim=1)


def _gradients(seen: ForwardPass, target: Tensor) -> Tensor:
    """Derivative (B, K, rows, columns) of each image's logit for its class `target` (B,) by the features."""
    gradient = None
    if seen.logits.requires_grad:
        chosen = functional.one_hot(target, seen.logits.shape[1]).to(seen.logits)
        (gradient,) = torch.autograd.grad(seen.logits, seen.output, chosen, retain_graph=True, allow_unused=True)
    if gradient is None:
        name = type(seen.model).__name__
        raise ValueError(f"the logits of {name} do not depend on layer '{seen.layer.name}': choose another layer")
    return seen.layer.maps(gradient)


def _linear_head(model: nn.Module) -> nn.Linear:
    """The last linear layer of a model; ValueError when it has none."""
    linears = [module for module in model.modules() if isinstance(module, nn.Linear)]
    if not linears:
        raise ValueError(f"CAM needs a linear layer to give the logits, and {type(model).__name__} has none: {REMEDY}")
    return linears[-1]


def _checked_head(seen: ForwardPass) -> nn.Linear:
    """The linear head; ValueError unless it turns the spatial mean of the features into the logits."""
    head, pooled = _linear_head(seen.model), seen.features.mean(dim=(2, 3))
    if head.weight.shape == (seen.logits.shape[1], pooled.shape[1]):
        rounding = ROUNDINGS * torch.finfo(pooled.dtype).eps * (1 + pooled.abs() @ head.weight.abs().T)
        if ((head(pooled) - seen.logits).abs() <= rounding).all():
            return head
    raise ValueError(
        f"CAM needs logits that are one linear layer on the spatial mean of '{seen.layer.name}', which is not so in "
        f"{type(seen.model).__name__}: {REMEDY}"
    )


def _turned_round(explained: Explanation) -> list[str]:
    """A sentence for every map of ablation, which computes shares of the logit, where that is negative."""
    if explained.method != "ablationcam":
        return []
    return [
        f"map {index} ({explained.class_name[index]}): the logit is negative, so evidence for the class and against it "
        "have changed places"
        for index, logit in enumerate(explained.logit)
        if logit < 0
    ]
