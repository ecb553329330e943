"""Where did the vision transformer's evidence for a class come from?

The relevancy of Chefer, Gur and Wolf (CVPR 2021) on a stock timm VisionTransformer: hooks read what a forward pass
leaves behind, the authors' rules (`relevance_rules`) carry the class score back through the blocks. Nothing in timm is
copied or patched.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dermxai_helpers.assets import FOLDER as ASSETS
from dermxai_helpers.explanation import Explanation, checked_images, left_as_found, summarise, targets_for, unwrapped
from dermxai_helpers.relevance_rules import divide, through_copy, through_linear, through_product, through_sum

METHODS = ("chefer", "rollout", "attention")


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
    target, classes : as in `gradcam.explain`
    start_layer : first block that counts; the authors' notebooks use 0, their evaluation 1
    method : "chefer", or a baseline that knows no class: "rollout" (Abnar and Zuidema 2020: attention averaged over
        heads and multiplied through the blocks) or "attention" (the class token's row in the last block)

    Computed in the model's number type: float64 agrees with the authors' program to 1e-9, half precision is refused.
    Raises ValueError, as a sentence, for models whose layers the rules do not cover.
    Source: Chefer et al., arXiv 2012.09838, section 3.
    """
    model = unwrapped(model)
    refuse_unsupported(model)
    if method not in METHODS:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got '{method}'")
    if not 0 <= start_layer < len(model.blocks):
        raise ValueError(f"start_layer must lie in 0 to {len(model.blocks) - 1}, the model's blocks, got {start_layer}")
    with left_as_found(model) as handles:
        images = checked_images(model, images)
        traces, tail = watch(model, start_layer, handles)
        logits = model(images)
        torch.set_grad_enabled(False)
        targets = targets_for(logits, target)
        if method == "chefer":
            rows = [_chefer_row(model, traces, tail, logits, column) for column in targets.T]
        else:
            rows = [_attention_row(model, traces, method)] * targets.shape[1]
    grid = grid_size(model, images)
    patches = torch.stack(rows, dim=1)[:, :, model.num_prefix_tokens :]
    layer = f"blocks {start_layer} to {len(model.blocks) - 1}"
    return summarise(patches.reshape(-1, *grid), logits, targets, classes, layer=layer, method=method)


def prepare(model: nn.Module, images: Sequence[np.ndarray]) -> Tensor:
    """Pictures (uint8 RGB of any size) as the tensor this timm model expects: (B, 3, H, W), float32.

    Size, mean and standard deviation come from the model itself: timm's transformers use ImageNet's statistics or 0.5.
    """
    from PIL import Image
    from timm.data import resolve_model_data_config

    config = resolve_model_data_config(model)
    height, width = config["input_size"][1:]
    pictures = [Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR) for image in images]
    batch = np.stack([np.asarray(picture, np.float32) for picture in pictures]) / 255
    batch = (batch - np.float32(config["mean"])) / np.float32(config["std"])
    return torch.from_numpy(batch).permute(0, 3, 1, 2).contiguous()


def demo_vit() -> tuple[nn.Module, list[str]]:
    """The small timm transformer trained on drawn lesions, in evaluation mode, and its class names.

    Raises FileNotFoundError, as a sentence, when its files are missing.
    """
    import timm

    weights, card = ASSETS / "vit_demo.safetensors", ASSETS / "vit_demo.json"
    missing = [path.name for path in (weights, card) if not path.is_file()]
    if missing:
        raise FileNotFoundError(
            f"{' and '.join(missing)} not found in dermxai_helpers/assets: install the package again, or make the demo "
            "transformer anew with python -m dermxai_helpers.assets.build"
        )
    described = json.loads(card.read_text())
    classes = described["classes"]
    source = {"file": str(weights), "num_classes": len(classes), "mean": described["mean"], "std": described["std"]}
    arguments = {"num_classes": len(classes)} | described["arguments"]
    model = timm.create_model(described["architecture"], pretrained=True, pretrained_cfg_overlay=source, **arguments)
    return model.eval(), classes


def grid_size(model: nn.Module, images: Tensor) -> tuple[int, int]:
    """Patches per column and per row for pictures of this size."""
    if model.dynamic_img_size:
        return tuple(model.patch_embed.dynamic_feat_size(images.shape[-2:]))
    return tuple(model.patch_embed.grid_size)


def refuse_unsupported(model: nn.Module) -> None:
    """ValueError, as a sentence, unless the rules below cover every layer of the model."""
    from timm.layers import Attention, Mlp
    from timm.models.vision_transformer import Block, VisionTransformer

    kind = type(model).__name__
    if type(model) is not VisionTransformer:
        raise ValueError(f"relevancy knows timm's VisionTransformer, got {kind}: for a CNN use gradcam.explain")
    problems = []
    if model.global_pool != "token" or not isinstance(model.fc_norm, nn.Identity):
        problems.append(f"it pools by '{model.global_pool}', and the rules are given for the class token")
    if not isinstance(model.head, nn.Linear):
        problems.append(f"its head is {type(model.head).__name__}, not one linear layer (create it with num_classes=3)")
    for index, block in enumerate(model.blocks):
        if type(block) is not Block or type(block.attn) is not Attention or type(block.mlp) is not Mlp:
            problems.append(f"block {index} is {_kinds(block)}, not timm's plain Block with Attention and Mlp")
            break
        if getattr(block.attn, "gate", None) is not None:
            problems.append(f"the attention of block {index} is gated")
            break
        if not (isinstance(block.attn.norm, nn.Identity) and isinstance(block.mlp.norm, nn.Identity)):
            problems.append(f"block {index} normalises inside its attention or its MLP")
            break
    if model.grad_checkpointing:
        problems.append("gradient checkpointing is on (model.set_grad_checkpointing(False) switches it off)")
    if next(model.parameters()).dtype in (torch.float16, torch.bfloat16):
        problems.append("its weights are in half precision, in which relevancy breaks (model.float() or .double())")
    if problems:
        raise ValueError(f"relevancy is not defined for this {kind}: " + "; ".join(problems))


def _kinds(block: nn.Module) -> str:
    """The type names of a block and of its parts that matter here."""
    inside = [type(getattr(block, name)).__name__ for name in ("attn", "mlp") if hasattr(block, name)]
    return type(block).__name__ + (f" with {' and '.join(inside)}" if inside else "")


# --- what a forward pass leaves behind ---


@dataclass
class Trace:
    """Tokens (B, N, D) inside one block, in the order of the forward pass; `hidden` and `qkv` are wider."""

    entering: Tensor = None
    normed: Tensor = None  # after norm1
    qkv: Tensor = None
    context: Tensor = None  # attention times values, before the projection; still attached to the graph
    attention_branch: Tensor = None  # what is added to `entering`
    middle: Tensor = None
    middle_normed: Tensor = None  # after norm2
    hidden: Tensor = None  # after the activation
    mlp_branch: Tensor = None  # what is added to `middle`


def watch(model: nn.Module, start_layer: int, handles: list) -> tuple[list[Trace], dict[str, Tensor]]:
    """Hooks that fill one Trace per block from `start_layer` on, and the final tokens, during the next forward pass.

    Gradients are switched on at `start_layer`, so nothing below it is kept and frozen weights do not matter.
    """
    traces, tail = [], {}

    def cut(_module, inputs):
        torch.set_grad_enabled(True)
        return (inputs[0].detach().requires_grad_(), *inputs[1:])

    handles.append(model.blocks[start_layer].register_forward_pre_hook(cut))
    for block in model.blocks[start_layer:]:
        traces.append(Trace())
        _watch_block(block, traces[-1], handles)
    handles.append(model.norm.register_forward_hook(lambda _m, _i, output: tail.update(tokens=output.detach())))
    handles.append(model.head.register_forward_pre_hook(lambda _m, inputs: tail.update(head_input=inputs[0].detach())))
    return traces, tail


def _watch_block(block: nn.Module, trace: Trace, handles: list) -> None:
    def before(name):
        return lambda _module, inputs: setattr(trace, name, inputs[0].detach())

    def after(name):
        return lambda _module, _inputs, output: setattr(trace, name, output.detach())

    handles += [
        block.norm1.register_forward_pre_hook(before("entering")),
        block.attn.qkv.register_forward_pre_hook(before("normed")),
        block.attn.qkv.register_forward_hook(after("qkv")),
        block.attn.proj.register_forward_pre_hook(lambda _module, inputs: setattr(trace, "context", inputs[0])),
        block.drop_path1.register_forward_hook(after("attention_branch")),
        block.norm2.register_forward_pre_hook(before("middle")),
        block.mlp.fc1.register_forward_pre_hook(before("middle_normed")),
        block.mlp.fc2.register_forward_pre_hook(before("hidden")),
        block.drop_path2.register_forward_hook(after("mlp_branch")),
    ]


def split_heads(block: nn.Module, trace: Trace) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Queries, keys, values (B, heads, N, d) and attention (B, heads, N, N), which timm's fused kernel hides."""
    queries, keys, values = rearrange_heads(trace.qkv, 3 * block.attn.num_heads).chunk(3, dim=1)
    queries, keys = block.attn.q_norm(queries), block.attn.k_norm(keys)
    attention = (block.attn.scale * queries @ keys.transpose(-2, -1)).softmax(dim=-1)
    return queries, keys, values, attention


def rearrange_heads(tokens: Tensor, heads: int) -> Tensor:
    """(B, N, heads x d) -> (B, heads, N, d)."""
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


# --- through the blocks ---


def _chefer_row(
    model: nn.Module, traces: list[Trace], tail: dict[str, Tensor], logits: Tensor, target: Tensor
) -> Tensor:
    """Relevance (B, N) of every token for the class token, for one class per image."""
    with torch.enable_grad():
        score = logits.gather(1, target[:, None]).sum()
    gradients = torch.autograd.grad(score, [trace.context for trace in traces], retain_graph=True)
    seed = functional.one_hot(target, logits.shape[1]).to(logits.dtype)
    at_head = through_linear(tail["head_input"], model.head.weight, seed)
    relevance = torch.zeros_like(tail["tokens"])  # the final norm hands relevance on unchanged
    relevance[:, 0] = tail["tokens"][:, 0] * divide(at_head, tail["tokens"][:, 0])
    row = _class_token(relevance)
    blocks = model.blocks[len(model.blocks) - len(traces) :]
    for block, trace, gradient in reversed(list(zip(blocks, traces, gradients, strict=True))):
        weights, relevance = _through_block(block, trace, gradient, relevance)
        row = row + torch.einsum("bi,bij->bj", row, weights)
    return row


def _through_block(block: nn.Module, trace: Trace, gradient: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """One block, from its output down: the attention weights (B, N, N) that count, and the relevance of its input."""
    skip, branch = through_sum(trace.middle, trace.mlp_branch, relevance)
    branch = through_linear(trace.hidden, block.mlp.fc2.weight, branch)
    branch = through_linear(trace.middle_normed, block.mlp.fc1.weight, branch)
    relevance = through_copy(trace.middle, skip, branch)

    skip, branch = through_sum(trace.entering, trace.attention_branch, relevance)
    context = through_linear(trace.context.detach(), block.attn.proj.weight, branch)
    heads = block.attn.num_heads
    queries, keys, values, attention = split_heads(block, trace)
    at_attention, at_values = through_product(attention, values, rearrange_heads(context, heads))
    slope = rearrange_heads(gradient, heads) @ values.transpose(-2, -1)  # gradient of the logit by the attention
    weights = (slope * at_attention).clamp(min=0).mean(dim=1)

    at_queries, at_keys = through_product(queries, keys.transpose(-2, -1), at_attention)
    parts = torch.cat([at_queries, at_keys.transpose(-2, -1), at_values], dim=1)
    branch = through_linear(trace.normed, block.attn.qkv.weight, parts.transpose(1, 2).flatten(2))
    return weights, through_copy(trace.entering, skip, branch)


def _attention_row(model: nn.Module, traces: list[Trace], method: str) -> Tensor:
    """Attention (B, N) of the class token, averaged over heads: in the last block, or rolled out through all blocks."""
    blocks = model.blocks[len(model.blocks) - len(traces) :]
    attention = [split_heads(block, trace)[3].mean(dim=1) for block, trace in zip(blocks, traces, strict=True)]
    row = _class_token(attention[-1])
    if method == "attention":
        return torch.einsum("bi,bij->bj", row, attention[-1])
    for weights in reversed(attention):
        row = (row + torch.einsum("bi,bij->bj", row, weights)) / 2  # half stays in place: the skip connection
    return row


def _class_token(like: Tensor) -> Tensor:
    """(B, N): one for the class token, zero for every patch."""
    row = torch.zeros(like.shape[:2], dtype=like.dtype, device=like.device)
    row[:, 0] = 1
    return row
