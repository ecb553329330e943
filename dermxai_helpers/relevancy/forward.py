"""One pass of images through timm's own layers, part by part: the attention, which fused kernels hide, is at hand.

For which models relevancy is defined is judged by their layers, not by their names. Through layer scale, registers,
other activations and normalised queries and keys relevance passes unchanged.
"""

from dataclasses import dataclass
from types import SimpleNamespace

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class VitPass:
    """What the blocks from `start_layer` on computed."""

    model: nn.Module
    attention: list[Tensor]  # per block (B, h, n, N), in the graph of `logits` if there is one, or (B, 1, n, N): means
    blocks: list[SimpleNamespace]  # of `_through_block`, empty unless asked for
    final: Tensor  # (B, 1, D), the class token, which the head reads
    logits: Tensor  # (B, classes)

    def gradients(self, target: Tensor, keep_graph: bool) -> tuple[Tensor, ...]:
        """Gradients of each image's logit for its class in `target`, (B,), by each `attention`."""
        with torch.enable_grad():
            score = self.logits.gather(1, target[:, None]).sum()
        return torch.autograd.grad(score, self.attention, retain_graph=keep_graph)


def run(model: nn.Module, images: Tensor, start_layer: int = 0, gradients: bool = False, keep: bool = False) -> VitPass:
    """Run the images through a model that `refusal` lets pass, in evaluation mode.

    start_layer : the first block of interest; those below run as they are, and no graph reaches there
    gradients : whether `VitPass.gradients` will be asked for;  keep : whether `VitPass.blocks` will be
    """
    attention, kept = [], []
    with torch.no_grad():
        tokens = model.blocks[:start_layer](embedded(model, images))
    with torch.set_grad_enabled(gradients):
        for block in model.blocks[start_layer:]:
            going_on = slice(0, 1) if block is model.blocks[-1] else slice(None)  # the head reads the class token only
            done, tokens = _through_block(block, tokens, going_on, not attention)
            attention.append(done.attention if gradients or keep else done.attention.mean(dim=1, keepdim=True))
            if keep:
                kept.append(done)
        final = model.norm(tokens)
        logits = model.forward_head(final)
    return VitPass(model, attention, kept, final, logits)


def embedded(model: nn.Module, images: Tensor) -> Tensor:
    """Tokens (B, N, D) that enter the first block. Raises ValueError for pictures of a size the model does not take."""
    try:
        patches = model.patch_embed(images)
    except AssertionError as error:
        size = "{} x {}".format(*images.shape[-2:])
        raise ValueError(f"the model does not take pictures of {size} ({error}): relevancy.prepare resizes") from error
    return model.norm_pre(model.patch_drop(model._pos_embed(patches)))


def _through_block(block: nn.Module, entering: Tensor, tokens: slice, is_root: bool) -> tuple[SimpleNamespace, Tensor]:
    """All that one block computes for B images of N tokens, D channels, h heads; n tokens go on; and its output."""
    attn, mlp = block.attn, block.mlp
    seen = SimpleNamespace(block=block, tokens=tokens, entering=entering, normed=block.norm1(entering))  # (B, N, D)
    if is_root:  # then no graph reaches below its attention
        seen.normed = seen.normed.detach().requires_grad_(torch.is_grad_enabled())
    seen.qkv = _linear(attn.qkv, seen.normed)  # (B, N, 3D)
    queries, keys, seen.values = seen.qkv.unflatten(-1, (3, attn.num_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
    seen.queries, seen.keys = attn.q_norm(queries[:, :, tokens]), attn.k_norm(keys)  # (B, h, n, D/h), (B, h, N, D/h)
    seen.attention = (attn.scale * seen.queries @ seen.keys.mT).softmax(dim=-1)  # (B, h, n, N)
    seen.context = (seen.attention @ seen.values).transpose(1, 2).flatten(2)  # (B, n, D), as all but the MLP's inside
    seen.projected = _linear(attn.proj, seen.context)
    seen.attention_branch = block.ls1(seen.projected)
    seen.middle = entering[:, tokens] + seen.attention_branch
    seen.middle_normed = block.norm2(seen.middle)
    seen.expanded = _linear(mlp.fc1, seen.middle_normed)  # (B, n, 4D)
    seen.hidden = mlp.act(seen.expanded)
    seen.contracted = _linear(mlp.fc2, seen.hidden)
    seen.mlp_branch = block.ls2(seen.contracted)
    return seen, seen.middle + seen.mlp_branch


def _linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """The layer, without the memory that gradients by its weights would take."""
    return functional.linear(x, layer.weight.detach(), None if layer.bias is None else layer.bias.detach())


def refusal(model: nn.Module) -> str:
    """Tell what the rules do not cover, "" for a model that they do. Works on the meta device, without weights."""
    from timm.models.vision_transformer import VisionTransformer

    if type(model) is not VisionTransformer:
        return f"it knows timm's VisionTransformer, got {type(model).__name__}; for a CNN use gradcam.explain"
    if model.global_pool != "token":
        return f"it pools by '{model.global_pool}', and the published rules are for a head that reads the class token"
    if type(model.head) is not nn.Linear:
        return f"its head is {type(model.head).__name__}, not one linear layer (create it with num_classes=3)"
    found = [f"block {index} {problem}" for index, block in enumerate(model.blocks) if (problem := _in_block(block))]
    return found[0] if found else ""


def _in_block(block: nn.Module) -> str:
    from timm.layers import Attention, Mlp
    from timm.models.vision_transformer import Block

    expected = {"": Block, "attn": Attention, "mlp": Mlp, "norm1": nn.LayerNorm, "norm2": nn.LayerNorm}
    expected |= dict.fromkeys(("attn.norm", "mlp.norm"), nn.Identity)  # normalisations inside have no rule
    expected |= dict.fromkeys(("attn.qkv", "attn.proj", "mlp.fc1", "mlp.fc2"), nn.Linear)  # merge adapters first
    for name, kind in expected.items():
        part = block.get_submodule(name)
        if type(part) is not kind and not (kind is nn.LayerNorm and isinstance(part, kind)):
            return f"has {type(part).__name__} as its {name or 'body'}, and there are rules for {kind.__name__} only"
        if kind is nn.Linear and "weight" not in part._parameters:
            return f"makes the weights of its {name} in every pass anew (weight norm, pruning): make them permanent"
    return "gates its attention" if getattr(block.attn, "gate", None) is not None else ""
