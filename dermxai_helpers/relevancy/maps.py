"""From attention to a map of patches, by four methods.

- attention: whom the tokens that the head reads attend to in the last block, mean over heads
- rollout (Abnar and Zuidema 2020): attention of all blocks multiplied; half of every token stays in place
- generic (Chefer et al., ICCV 2021, equations 5 and 6): positive attention times gradient, added up block by block
- chefer (Chefer et al., CVPR 2021, equations 13 and 14): the same with relevance times gradient
"""

from collections.abc import Iterator
from types import SimpleNamespace

import torch
from torch import Tensor
from torch.nn import functional

from dermxai_helpers.relevancy.forward import VitPass
from dermxai_helpers.relevancy.rules import through_copy, through_linear, through_product, through_sum

METHODS = ("chefer", "generic", "rollout", "attention")
NEED_GRADIENTS = {"chefer", "generic"}
NEED_ALL_BLOCKS = {"chefer", "generic", "rollout"}


@torch.no_grad()
def patch_map(seen: VitPass, method: str, target: Tensor, keep_graph: bool = False) -> Tensor:
    """Make a map (B, patches) by one of the METHODS, for one class of each image, `target`, (B,).

    seen : with gradients or blocks, as the method needs them;  keep_graph : whether further targets will follow
    """
    prefix, row = seen.model.num_prefix_tokens, torch.zeros_like(seen.attention[-1][:, 0, 0])
    row[:, 0] = 1  # of all tokens the head reads the class token
    if method == "attention":
        return carried(row, seen.attention[-1])[:, prefix:]
    if method == "rollout":
        for attention in reversed(seen.attention):
            row = rollout_step(row, attention)
        return row[:, prefix:]
    weights = attention_relevance(seen, target) if method == "chefer" else reversed(seen.attention)
    gained = torch.zeros_like(row)
    # the weights stand last: what lies below the last block asked for is never computed
    for slope, weight in zip(reversed(seen.gradients(target, keep_graph)), weights, strict=False):
        gained = relevancy_step(row, gained, (slope * weight).clamp(min=0))
    return gained[:, prefix:]


def rollout_step(row: Tensor, attention: Tensor) -> Tensor:
    """Carry a row (B, N) down through one block's attention (B, h, n, N): half of every token stays in place.

    r <- (r + r A) / 2,   A the mean over heads: the skip connection hands on as much as the attention

    >>> rollout_step(torch.tensor([[1.0, 0.0]]), torch.tensor([[[[0.2, 0.8], [0.5, 0.5]]]]))
    tensor([[0.6000, 0.4000]])

    Source: Abnar and Zuidema, "Quantifying attention flow in transformers", ACL 2020, equation 1.
    """
    return (row + carried(row, attention)) / 2


def relevancy_step(row: Tensor, gained: Tensor, weights: Tensor) -> Tensor:
    """Carry a row (B, N) and what it has gained so far down through one block's positive weights (B, h, n, N).

    r <- r + r A,   A = mean over heads of (gradient x relevance)+: kept as r = row + gained, so no digit is lost

    >>> row, weights = torch.tensor([[1.0, 0.0]]), torch.tensor([[[[0.0, 0.5], [0.0, 0.25]]]])
    >>> relevancy_step(row, relevancy_step(row, torch.zeros(1, 2), weights), weights)  # 0.5, then 0.5 + 0.5 + 0.125
    tensor([[0.0000, 1.1250]])

    Source: Chefer et al., arXiv 2012.09838, equations 13 and 14.
    """
    return gained + carried(row + gained, weights)


def carried(row: Tensor, weights: Tensor) -> Tensor:
    """The row (B, N) times the mean over heads of the weights (B, h, n, N); tokens after the first n have none."""
    return (row[:, None, None, : weights.shape[2]] @ weights).mean(dim=1).squeeze(1)


@torch.no_grad()
def attention_relevance(seen: VitPass, target: Tensor) -> Iterator[Tensor]:
    """Relevance of the attention for each image's class, (B, h, n, N) per block, from the last block down."""
    read = seen.model.fc_norm(seen.final[:, 0])
    wanted = functional.one_hot(target, seen.logits.shape[1]).to(read.dtype)
    relevance = through_copy(seen.final, _through_layer(seen.model.head, read, seen.logits, wanted)[:, None])
    for done in reversed(seen.blocks):
        block, tokens = done.block, done.tokens
        # the MLP and its skip connection
        skip, branch = through_sum(done.middle, done.mlp_branch, relevance)
        branch = _through_layer(block.mlp.fc2, done.hidden, done.contracted, branch)
        branch = _through_layer(block.mlp.fc1, done.middle_normed, done.expanded, branch)
        relevance = through_copy(done.middle, skip + branch)
        # the attention and its skip connection: half goes to the attention table, half to the values
        skip, branch = through_sum(done.entering[:, tokens], done.attention_branch, relevance)
        branch = _through_layer(block.attn.proj, done.context, done.projected, branch)
        per_head = (block.attn.num_heads, -1)  # (B, n, D) -> (B, h, n, D/h)
        context, branch = (part.unflatten(-1, per_head).transpose(1, 2) for part in (done.context, branch))
        at_attention, at_values = through_product(done.attention, done.values, context, branch)
        yield at_attention
        # and on to the block below, through queries, keys and values
        relevance = _through_layer(block.attn.qkv, done.normed, done.qkv, _at_qkv(done, at_attention, at_values))
        relevance[:, tokens] += skip
        relevance = through_copy(done.entering, relevance)


def _through_layer(layer: torch.nn.Linear, x: Tensor, output: Tensor, relevance: Tensor) -> Tensor:
    return through_linear(x, layer.weight, output if layer.bias is None else output - layer.bias, relevance)


def _at_qkv(done: SimpleNamespace, at_attention: Tensor, at_values: Tensor) -> Tensor:
    """Relevance (B, N, 3D) of queries, keys and values. The scores that it passes through are not scaled."""
    keys = done.keys.mT
    at_queries, at_keys = through_product(done.queries, keys, done.queries @ keys, at_attention)
    relevance = torch.zeros_like(done.qkv)
    parts = relevance.unflatten(-1, (3, done.block.attn.num_heads, -1)).permute(2, 0, 3, 1, 4)
    parts[0][:, :, done.tokens] = at_queries
    parts[1].copy_(at_keys.mT)
    parts[2].copy_(at_values)
    return relevance
