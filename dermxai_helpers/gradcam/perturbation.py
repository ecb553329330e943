"""The class activation methods that need no gradient: change something for every feature map, and look at the logits.

They cost hundreds of forward passes. All classes share them, and maps that hold nothing are not tried.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from dermxai_helpers.gradcam.layers import AT_ONCE, ForwardPass
from dermxai_helpers.gradcam.methods import weighted_sum
from dermxai_helpers.inference import quick

MASKED_AT_ONCE = 4  # images in one pass on a CPU: their activations fit its cache and come from memory already at hand
VALUES_AT_ONCE = 2**23  # of ablated feature maps, 32 MiB
SMALLEST_RANGE = 1e-8  # pytorch-grad-cam's guard against a flat mask


def score_cam(seen: ForwardPass, targets: Tensor) -> Tensor:
    """Every map weighted by how well the class is recognised through it: maps (B, T, rows, columns).

    seen : the pass of the images through a model in evaluation mode; later passes go through a `quick` copy of it
    targets : class indices (B, T)

    The image is multiplied by the map, enlarged and stretched to 0 to 1; the weights are the softmax over maps of the
    class's logits. A flat map masks everything, so one pass of an empty image stands for all of them.
    Source: Wang et al., "Score-CAM", CVPR workshops 2020, algorithm 1; enlarged with corners aligned and without
    subtracting the baseline (softmax does not see it), as in pytorch-grad-cam.
    """
    logits = masked_logits(quick(seen.model), seen.images, seen.features)
    weights = [of_class(logits, column).softmax(dim=1) for column in targets.T]
    return torch.stack([weighted_sum(seen.features, weight) for weight in weights], dim=1)


def masked_logits(model: nn.Module, images: Tensor, features: Tensor) -> Tensor:
    """Logits (B, K, classes) of images (B, 3, H, W), each seen through each of its features (B, K, rows, columns)."""
    empty = model(torch.zeros_like(images[:1]))
    logits = empty.repeat(*features.shape[:2], 1)
    alive = features.amax(dim=(2, 3)) > features.amin(dim=(2, 3))
    size = MASKED_AT_ONCE if images.device.type == "cpu" else AT_ONCE
    for pairs in alive.nonzero().split(size):
        image, channel = pairs.T
        masks = functional.interpolate(
            features[image, channel][:, None], size=images.shape[-2:], mode="bilinear", align_corners=True
        )
        low, high = masks.amin(dim=(2, 3), keepdim=True), masks.amax(dim=(2, 3), keepdim=True)
        logits[image, channel] = model(images[image] * ((masks - low) / (high - low + SMALLEST_RANGE)))
    return logits


def ablation_cam(seen: ForwardPass, targets: Tensor) -> Tensor:
    """Every map weighted by the share of the logit that is lost without it: maps (B, T, rows, columns).

    seen : the pass of the images through a model in evaluation mode; targets : class indices (B, T)

    "Without it" is zero in every cell. Where the logit is negative the share turns its sign, and with it the map.
    Source: Desai and Ramaswamy, "Ablation-CAM", WACV 2020, equation 3.
    """
    without = ablated_logits(seen)
    maps = []
    for column in targets.T:
        before = seen.logits.gather(1, column[:, None])
        maps.append(weighted_sum(seen.features, (before - of_class(without, column)) / before))
    return torch.stack(maps, dim=1)


def ablated_logits(seen: ForwardPass) -> Tensor:
    """Logits (B, K, classes) of every image without each of its K feature maps.

    The layers below run once for many maps: one image goes in, the layer gives out as many ablated copies.
    """
    alive = (seen.features != 0).any(dim=3).any(dim=2)
    without = seen.logits[:, None].repeat(1, alive.shape[1], 1)
    size = max(1, VALUES_AT_ONCE // seen.output[0].numel())
    for index in range(len(seen.images)):
        for channels in alive[index].nonzero()[:, 0].split(size):
            ablated = seen.output[[index] * len(channels)]
            seen.layer.maps(ablated)[torch.arange(len(channels), device=channels.device), channels] = 0
            without[index, channels] = _logits_above(seen, index, ablated)
    return without


def _logits_above(seen: ForwardPass, index: int, output: Tensor) -> Tensor:
    """Logits (n, classes) when the layer gives `output`, n of it, for one image."""
    with seen.layer.module.register_forward_hook(lambda *_: output):
        try:
            logits = seen.model(seen.images[[index]])
        except RuntimeError as problem:
            if "must match" not in str(problem):  # sizes of what is joined
                raise
            logits = seen.logits[:0]
    if len(logits) != len(output):
        raise ValueError(
            f"ablation replaces the output of '{seen.layer.name}', which {type(seen.model).__name__} joins with the "
            "output of earlier layers: choose a later layer, or another method"
        )
    return logits


def of_class(logits: Tensor, target: Tensor) -> Tensor:
    """Of logits (B, K, classes) those of each image's class `target` (B,): (B, K)."""
    return logits[torch.arange(len(target), device=target.device), :, target]
