"""Where did the vision transformer's evidence for a class come from?

The relevancy of Chefer, Gur and Wolf (CVPR 2021) on a stock timm VisionTransformer, and five ways to compare it with.
One pass through timm's own layers (`vit_pass`) leaves behind what all of them need; the authors' rules
(`relevance_rules`) carry the class score back through the blocks, `attention_maps` makes maps of it.
"""

import copy
import dataclasses
import json
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from dermxai_helpers import assets
from dermxai_helpers.explanation import Explanation, checked_images, summarise, targets_for
from dermxai_helpers.inference import left_as_found, to_input, unwrapped
from dermxai_helpers.relevancy import forward as vit_pass
from dermxai_helpers.relevancy.maps import (
    KNOW_NO_CLASS,
    METHODS,
    NEED_ALL_BLOCKS,
    NEED_GRADIENTS,
    NEED_RELEVANCE,
    patch_maps,
)
from dermxai_helpers.relevancy.models import family

__all__ = ["METHODS", "compare", "demo_vit", "explain", "prepare"]

HALF = (torch.float16, torch.bfloat16)


def explain(
    model: nn.Module,
    images: Tensor,
    target: int | str | Sequence[int] | None = None,
    start_layer: int = 0,
    method: str = "chefer",
    classes: Sequence[str] | None = None,
) -> Explanation:
    """Heat-maps of a timm VisionTransformer, one cell per patch.

    images : float, (B, 3, H, W), normalised as the model expects (see `prepare`)
    target, classes : as in `gradcam.explain`; classes of "all" follow one another, so that memory does not grow
    start_layer : first block that counts; the authors' notebooks use 0, their evaluation 1
    method : "chefer"; with less to it "lrp_rollout", "generic" and "gradcam"; "rollout" and "attention" know no class
        (`attention_maps` says what each is); "attention" and "gradcam" look at the last block only

    Computed in the model's number type: float64 agrees with the authors' program to 1e-9. For a model in half
    precision a copy in float32 is made, and a note says so; so does a note for models that the paper gives no rule for.
    Raises ValueError, as a sentence, for models whose layers the rules do not cover (`relevance_families`).
    Source: Chefer et al., arXiv 2012.09838, section 3.
    """
    return compare(model, images, [method], target, start_layer, classes)[method]


def compare(
    model: nn.Module,
    images: Tensor,
    methods: Sequence[str] = METHODS,
    target: int | str | Sequence[int] | None = None,
    start_layer: int = 0,
    classes: Sequence[str] | None = None,
) -> dict[str, Explanation]:
    """Several methods on the same images, from one pass: they cost little more than the dearest of them alone.

    Arguments and errors are those of `explain`. Returns the explanations by method, in the order of `methods`.
    """
    model, notes = _explainable(unwrapped(model))
    last = len(model.blocks) - 1
    if unknown := [method for method in methods if method not in METHODS]:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got '{unknown[0]}'")
    if not 0 <= start_layer <= last:
        raise ValueError(f"start_layer must lie in 0 to {last}, the model's blocks, got {start_layer}")
    needed = set(methods)
    with left_as_found(model):
        images = checked_images(model, images)
        first = start_layer if needed & NEED_ALL_BLOCKS else last
        seen = vit_pass.run(model, images, first, bool(needed & NEED_GRADIENTS), bool(needed & NEED_RELEVANCE))
        targets = targets_for(seen.logits, target)
        maps = _maps_per_target(seen, methods, targets)
    grid = model.patch_embed.dynamic_feat_size(tuple(images.shape[-2:]))
    found = {}
    for method in methods:
        layer = f"blocks {start_layer} to {last}" if method in NEED_ALL_BLOCKS else f"block {last}"
        grids = maps[method].unflatten(-1, grid).flatten(0, 1)
        explained = summarise(grids, seen.logits, targets, classes, layer, method)
        found[method] = dataclasses.replace(explained, notes=[*notes, *explained.notes])
    return found


def prepare(model: nn.Module, images: Sequence[np.ndarray]) -> Tensor:
    """Pictures (uint8 RGB of any size) as the tensor this timm model expects: (B, 3, H, W), float32.

    Size, mean and standard deviation come from the model itself: timm's transformers use ImageNet's statistics or 0.5.
    The size is the one that the model was made with, which its configuration, that of its weights, need not know.
    """
    from timm.data import resolve_model_data_config

    config = resolve_model_data_config(model)
    made_for = getattr(getattr(model, "patch_embed", None), "img_size", None)
    size = made_for or config["input_size"][1:]
    return to_input(images, size, config["mean"], config["std"]).contiguous()


def demo_vit() -> tuple[nn.Module, list[str]]:
    """The small timm transformer trained on drawn lesions, in evaluation mode, and its class names.

    Raises FileNotFoundError, as a sentence, when its files are missing.
    """
    import timm

    weights, card = assets.FOLDER / "vit_demo.safetensors", assets.FOLDER / "vit_demo.json"
    missing = [path.name for path in (weights, card) if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{' and '.join(missing)} not found in dermxai_helpers/assets: install the package again, or make the demo "
            "transformer anew with notebooks/appendix/a_demo_eyes.ipynb"
        )
    described = json.loads(card.read_text())
    classes = described["classes"]
    source = {"file": str(weights), "num_classes": len(classes), "mean": described["mean"], "std": described["std"]}
    arguments = {"num_classes": len(classes)} | described["arguments"]
    model = timm.create_model(described["architecture"], pretrained=True, pretrained_cfg_overlay=source, **arguments)
    return model.eval(), classes


def _explainable(model: nn.Module) -> tuple[nn.Module, list[str]]:
    """The model to compute with, a float32 copy where it is in half precision, and notes about what it is.

    Raises ValueError for models that are refused.
    """
    group = family(model)
    if group.kind == "refused":
        raise ValueError(f"relevancy is not defined for this {type(model).__name__}: {group.reason}")
    notes = [f"extension of the published rules: {group.reason}"] if group.kind == "extension" else []
    weight = next(model.parameters())
    is_half = weight.dtype in HALF
    if is_half:
        notes.append(f"the weights are {weight.dtype}, in which relevancy breaks: computed on a copy in float32")
    if not is_half and not weight.is_inference():
        return model, notes
    with torch.inference_mode(False):  # weights that were made in inference mode would have no gradients
        copied = copy.deepcopy(model)
        return copied.float() if is_half else copied, notes


def _maps_per_target(seen: vit_pass.VitPass, methods: Sequence[str], targets: Tensor) -> dict[str, Tensor]:
    """Maps (B, T, patches) by method for the classes `targets`, (B, T)."""
    of_class = [method for method in methods if method not in KNOW_NO_CLASS]
    of_none = [method for method in methods if method in KNOW_NO_CLASS]
    once = patch_maps(seen, of_none, targets[:, 0])
    last = targets.shape[1] - 1
    each = [
        once | patch_maps(seen, of_class, column, keep_graph=number < last) for number, column in enumerate(targets.T)
    ]
    return {method: torch.stack([maps[method] for maps in each], dim=1) for method in methods}
