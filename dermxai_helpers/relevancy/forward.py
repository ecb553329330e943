"""One pass of images through timm's own layers, part by part: the attention, which fused kernels hide, is at hand."""

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
    """Run the images through a model that `models.refusal` lets pass, in evaluation mode.

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
    """All that one block computes for B images of N tokens, D channels, h heads, of which n tokens go on; its output.

    A root has no graph below its attention.
    """
    attn, mlp = block.attn, block.mlp
    seen = SimpleNamespace(block=block, tokens=tokens, entering=entering, normed=block.norm1(entering))  # (B, N, D)
    if is_root:
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
