"""The relevancy of Chefer, Gur and Wolf (CVPR 2021) on a stock timm transformer, and three maps to compare it with."""

import json
from collections.abc import Sequence
from itertools import repeat

import numpy as np
import torch
from torch import Tensor, nn

from dermxai_helpers import assets
from dermxai_helpers.explanation import Explanation, checked_images, summarise, targets_for
from dermxai_helpers.inference import copied, left_as_found, to_input, unwrapped
from dermxai_helpers.relevancy import forward, maps

AT_ONCE = 4  # images in one pass: for relevance a ViT-B keeps half a gigabyte of each
# By how much the logits of this pass may differ from the model's own, which may use fused kernels and TF32
ROUNDING = {torch.float64: 1e-9, torch.float32: 3e-3, torch.float16: 0.03, torch.bfloat16: 0.1}


def explain(
    model: nn.Module, images: Tensor, target: int | str | Sequence[int] | None = None, start_layer: int = 0,
    method: str = "chefer", classes: Sequence[str] | None = None,
) -> Explanation:  # fmt: skip
    """Make heat-maps of a timm VisionTransformer, one cell per patch.

    images : float, (B, 3, H, W), normalised as the model expects (see `prepare`); target, classes : as in gradcam
    start_layer : first block that counts; the authors' notebooks use 0, their evaluation 1
    method : `maps` says what each is; "rollout" and "attention" know no class

    "chefer" divides by sums that nearly vanish: it is computed in 64 bits, in a copy of the model, and agrees with the
    authors' program to 1e-9; in 32 bits many a map is wrong and looks right. Other methods compute in 32 bits or more.
    ValueError for models that the rules do not cover (`forward.refusal`), or whose layers do not give their logits.
    Source: Chefer et al., arXiv 2012.09838, section 3.
    """
    if method not in maps.METHODS:
        raise ValueError(f"method must be one of {', '.join(maps.METHODS)}, got '{method}'")
    model = unwrapped(model)
    if problem := forward.refusal(model):
        raise ValueError(f"relevancy is not defined for this {type(model).__name__}: {problem}")
    last = len(model.blocks) - 1
    if not 0 <= start_layer <= last:
        raise ValueError(f"start_layer must lie in 0 to {last}, the model's blocks, got {start_layer}")
    computing = _copy_to_compute_with(model, precise=method == "chefer")
    with left_as_found(computing):
        checked_images(model, images)  # all of them, before the first pass
        outputs = computing.head.weight.new_empty(len(images), model.num_classes)  # known before the pass
        chosen = repeat(None) if target is None else targets_for(outputs, target).split(AT_ONCE)
        pairs = zip(images.split(AT_ONCE), chosen, strict=False)
        parts = [_maps_of(computing, part, start_layer, method, wanted) for part, wanted in pairs]
        found, logits, targets = (torch.cat(column) for column in zip(*parts, strict=True))
        _check_logits(model, images, logits)
    grid = model.patch_embed.dynamic_feat_size(tuple(images.shape[-2:]))
    layer = f"blocks {start_layer} to {last}" if method in maps.NEED_ALL_BLOCKS else f"block {last}"
    return summarise(found.unflatten(-1, grid).flatten(0, 1), logits, targets, classes, layer, method)


def prepare(model: nn.Module, images: Sequence[np.ndarray]) -> Tensor:
    """Turn pictures (uint8 RGB of any size) into the tensor this timm model expects: (B, 3, H, W), float32.

    Mean, standard deviation and size are the model's own: timm's transformers use ImageNet's statistics or 0.5.
    """
    from timm.data import resolve_model_data_config

    config, made_for = resolve_model_data_config(model), getattr(getattr(model, "patch_embed", None), "img_size", None)
    return to_input(images, made_for or config["input_size"][1:], config["mean"], config["std"]).contiguous()


def demo_vit() -> tuple[nn.Module, list[str]]:
    """Load the small timm transformer trained on drawn lesions, in evaluation mode, and its class names."""
    import timm

    weights, card = assets.FOLDER / "vit_demo.safetensors", assets.FOLDER / "vit_demo.json"
    described = json.loads(card.read_text())
    classes = described["classes"]
    source = {"file": str(weights), "num_classes": len(classes), "mean": described["mean"], "std": described["std"]}
    source["custom_load"] = False  # or a timm before 1.0.31 reads Google's own format only
    arguments = {"num_classes": len(classes)} | described["arguments"]
    model = timm.create_model(described["architecture"], pretrained=True, pretrained_cfg_overlay=source, **arguments)
    return model.eval(), classes


def _copy_to_compute_with(model: nn.Module, precise: bool) -> nn.Module:
    """The model, or a copy: in float64 where the method is `precise`, in float32 where its weights are in less."""
    weight = next(model.parameters())
    dtype = torch.float64 if precise or weight.dtype == torch.float64 else torch.float32
    device = "cpu" if precise and weight.device.type == "mps" else weight.device  # Apple's GPUs have no float64
    if weight.dtype == dtype and not weight.is_inference():
        return model
    with torch.inference_mode(False):  # weights that were made in inference mode would have no gradients
        return copied(model).to(device, dtype)


def _check_logits(model: nn.Module, images: Tensor, logits: Tensor) -> None:
    """ValueError unless the model itself gives the first image these logits: hooks may change what its layers do."""
    with left_as_found(model):
        own = model(checked_images(model, images[:1]))
    if not torch.isfinite(own).all():
        raise ValueError("the model's logits are not finite: look for NaN or infinite values in its weights")
    difference = float((logits[:1].to(own) - own).abs().max() / own.abs().max().clamp(min=torch.finfo(own.dtype).tiny))
    if difference > ROUNDING[own.dtype]:
        found = f"the layers of this {type(model).__name__}, run one by one, give other logits than the model"
        advice = "something beside the layers changes the result, such as a hook; remove it first"
        raise ValueError(f"{found} (off by {difference:.1%}): {advice}")


def _maps_of(model: nn.Module, images: Tensor, start_layer: int, method: str, targets: Tensor | None) -> tuple:
    """Maps (B, T, patches) from one pass, its logits, and the classes `targets`, (B, T); None takes the predicted."""
    first = start_layer if method in maps.NEED_ALL_BLOCKS else len(model.blocks) - 1
    images = checked_images(model, images)  # a few at a time: in 64 bits they are twice as large
    seen = forward.run(model, images, first, method in maps.NEED_GRADIENTS, method == "chefer")
    targets = targets_for(seen.logits, None) if targets is None else targets
    columns, last = enumerate(targets.T, 1), targets.shape[1]  # the graph is kept for all classes but the last
    each = [maps.patch_map(seen, method, column, keep_graph=number < last) for number, column in columns]
    return torch.stack(each, dim=1), seen.logits.detach(), targets  # no graph outlives its pass
