"""One pass of images through timm's own layers, part by part: the attention, which fused kernels hide, is at hand."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from dermxai_helpers.relevancy.models import readers


@dataclass(frozen=True)
class BlockPass:
    """What one block computed for B images of N tokens, D channels, h heads; in the last block only n tokens go on."""

    block: nn.Module
    tokens: slice  # which of the N tokens go on
    entering: Tensor  # (B, N, D); normed: after norm1
    normed: Tensor
    qkv: Tensor  # (B, N, 3D)
    queries: Tensor  # (B, h, n, D/h); keys and values (B, h, N, D/h)
    keys: Tensor
    values: Tensor
    attention: Tensor  # (B, h, n, N)
    context: Tensor  # (B, n, D), attention times values
    projected: Tensor  # (B, n, D)
    attention_branch: Tensor  # (B, n, D), what is added to `entering`
    middle: Tensor  # (B, n, D)
    middle_normed: Tensor  # (B, n, D), after norm2
    expanded: Tensor  # (B, n, 4D), after fc1
    hidden: Tensor  # (B, n, 4D), after the activation
    contracted: Tensor  # (B, n, D), after fc2
    mlp_branch: Tensor  # (B, n, D), what is added to `middle`


@dataclass(frozen=True)
class VitPass:
    """What the blocks from `start_layer` on computed."""

    model: nn.Module
    attention: list[Tensor]  # per block (B, h, n, N), in the graph of `logits` if there is one, or (B, 1, n, N): means
    blocks: list[BlockPass]  # the rest per block, empty unless asked for
    final: Tensor  # (B, n, D), the tokens that the head reads
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
    stops = [tokens.stop for tokens, _ in readers(model)]
    read = slice(None) if None in stops else slice(0, max(stops))  # the last block computes no others
    with torch.no_grad():
        tokens = model.blocks[:start_layer](embedded(model, images))
    with torch.set_grad_enabled(gradients):
        for block in model.blocks[start_layer:]:
            going_on = read if block is model.blocks[-1] else slice(None)
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


def _through_block(block: nn.Module, entering: Tensor, tokens: slice, is_root: bool) -> tuple[BlockPass, Tensor]:
    """One block from its input to its output; a root has no graph below its attention."""
    attn, mlp = block.attn, block.mlp
    normed = block.norm1(entering)
    if is_root:
        normed = normed.detach().requires_grad_(torch.is_grad_enabled())
    qkv = _linear(attn.qkv, normed)
    queries, keys, values = qkv.unflatten(-1, (3, attn.num_heads, -1)).permute(2, 0, 3, 1, 4).unbind(0)
    queries, keys = attn.q_norm(queries[:, :, tokens]), attn.k_norm(keys)
    attention = (attn.scale * queries @ keys.mT).softmax(dim=-1)
    context = (attention @ values).transpose(1, 2).flatten(2)
    projected = _linear(attn.proj, context)
    attention_branch = block.ls1(projected)
    middle = entering[:, tokens] + attention_branch
    middle_normed = block.norm2(middle)
    expanded = _linear(mlp.fc1, middle_normed)
    hidden = mlp.act(expanded)
    contracted = _linear(mlp.fc2, hidden)
    mlp_branch = block.ls2(contracted)
    done = BlockPass(
        block, tokens, entering, normed, qkv, queries, keys, values, attention, context, projected, attention_branch,
        middle, middle_normed, expanded, hidden, contracted, mlp_branch,
    )  # fmt: skip
    return done, middle + mlp_branch


def _linear(layer: nn.Linear, x: Tensor) -> Tensor:
    """The layer, without the memory that gradients by its weights would take."""
    return functional.linear(x, layer.weight.detach(), None if layer.bias is None else layer.bias.detach())
