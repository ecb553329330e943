"""From attention to a map of patches: six ways, all from one pass.

- attention: whom the tokens that the head reads attend to in the last block, mean over heads
- rollout (Abnar and Zuidema 2020): attention of all blocks multiplied; half of every token stays in place
- generic (Chefer et al., ICCV 2021, equations 5 and 6): positive attention times gradient, added up block by block
- lrp_rollout (in the authors' program, as "rollout"): the same with relevance instead of attention times gradient
- chefer (Chefer et al., CVPR 2021, equations 13 and 14): the same with relevance times gradient
- gradcam (Selvaraju et al., ICCV 2017): channels of what the last block attends to, weighted by their mean gradient
"""

from collections.abc import Iterator, Sequence
from itertools import repeat

import torch
from torch import Tensor
from torch.nn import functional

from dermxai_helpers.relevancy.forward import BlockPass, VitPass, rearrange_heads, without_bias
from dermxai_helpers.relevancy.models import readers
from dermxai_helpers.relevancy.rules import through_copy, through_linear, through_mean, through_product, through_sum

METHODS = ("chefer", "lrp_rollout", "generic", "rollout", "attention", "gradcam")
NEED_GRADIENTS = {"chefer", "generic", "gradcam"}
NEED_RELEVANCE = {"chefer", "lrp_rollout"}
ADDED_UP = {"chefer", "lrp_rollout", "generic"}  # what a token attends to, and what that attends to, and so on
NEED_ALL_BLOCKS = ADDED_UP | {"rollout"}
KNOW_NO_CLASS = {"rollout", "attention"}


@torch.no_grad()
def patch_maps(seen: VitPass, methods: Sequence[str], target: Tensor, keep_graph: bool = False) -> dict[str, Tensor]:
    """A map (B, patches) for each of the METHODS wanted and one class for each image, `target`, (B,).

    seen : with gradients or blocks, as the methods need them;  keep_graph : whether further targets will follow
    """
    needed, blocks = set(methods), len(seen.attention)
    slopes, pull = seen.gradients(target, keep_graph) if needed & NEED_GRADIENTS else ([None] * blocks, None)
    relevances = attention_relevance(seen, target) if needed & NEED_RELEVANCE else repeat(None)
    start = _start(seen)
    gained = dict.fromkeys(needed & ADDED_UP, torch.zeros_like(start))
    # relevances stands last: what lies below the last block asked for is never computed
    for attention, slope, relevance in zip(reversed(seen.attention), reversed(slopes), relevances, strict=False):
        for method, row in gained.items():
            gained[method] = row + _carried(start + row, _evidence(method, attention, slope, relevance))
    if "rollout" in needed:
        gained["rollout"] = _rolled_out(start, seen.attention)
    if "attention" in needed:
        gained["attention"] = _carried(start, seen.attention[-1])
    maps = {method: row[:, seen.model.num_prefix_tokens:] for method, row in gained.items()}
    if "gradcam" in needed:
        maps["gradcam"] = _gradcam(seen, pull)
    return maps


@torch.no_grad()
def attention_relevance(seen: VitPass, target: Tensor) -> Iterator[Tensor]:
    """Relevance of the attention for each image's class, (B, h, n, N) per block, from the last block down."""
    relevance = _at_final_tokens(seen, target)
    for done in reversed(seen.blocks):
        block, tokens = done.block, done.tokens
        skip, branch = through_sum(done.middle, done.mlp_branch, relevance)
        branch = _through_layer(block.mlp.fc2, done.hidden, done.contracted, branch)
        branch = _through_layer(block.mlp.fc1, done.middle_normed, done.expanded, branch)
        relevance = through_copy(done.middle, skip + branch)

        skip, branch = through_sum(done.entering[:, tokens], done.attention_branch, relevance)
        branch = _through_layer(block.attn.proj, done.context, done.projected, branch)
        context, branch = (rearrange_heads(part, block.attn.num_heads) for part in (done.context, branch))
        at_attention, at_values = through_product(done.attention, done.values, context, branch)
        yield at_attention

        relevance = _through_layer(block.attn.qkv, done.normed, done.qkv, _at_qkv(done, at_attention, at_values))
        relevance[:, tokens] += skip
        relevance = through_copy(done.entering, relevance)


def _at_final_tokens(seen: VitPass, target: Tensor) -> Tensor:
    """Relevance (B, n, D) of the tokens that the head reads: 1 at the class, shared by the heads, handed down."""
    relevance = torch.zeros_like(seen.final)
    wanted = readers(seen.model)
    share = functional.one_hot(target, seen.logits.shape[1]).to(relevance.dtype) / len(wanted)
    for reader in wanted:
        read = seen.final[:, reader.tokens]
        mean = read.mean(dim=1)
        normed = seen.model.fc_norm(mean)
        at_mean = _through_layer(reader.head, normed, reader.head(normed), share)
        relevance[:, reader.tokens] += through_mean(read, mean, at_mean)
    return relevance


def _through_layer(layer: torch.nn.Linear, x: Tensor, output: Tensor, relevance: Tensor) -> Tensor:
    return through_linear(x, layer.weight, without_bias(layer, output), relevance)


def _at_qkv(done: BlockPass, at_attention: Tensor, at_values: Tensor) -> Tensor:
    """Relevance (B, N, 3D) of queries, keys and values. The scores that it passes through are not scaled."""
    keys = done.keys.mT
    at_queries, at_keys = through_product(done.queries, keys, done.queries @ keys, at_attention)
    relevance = torch.zeros_like(done.qkv)
    parts = relevance.unflatten(-1, (3, done.block.attn.num_heads, -1)).permute(2, 0, 3, 1, 4)
    parts[0][:, :, done.tokens] = at_queries
    parts[1].copy_(at_keys.mT)
    parts[2].copy_(at_values)
    return relevance


def _start(seen: VitPass) -> Tensor:
    """(B, N): how much of each final token the heads read. For most models: all of the class token, of no other."""
    tokens = seen.features.shape[1]
    share = torch.zeros(tokens, dtype=seen.final.dtype, device=seen.final.device)
    wanted = readers(seen.model)
    for reader in wanted:
        read = share[reader.tokens]
        read += 1 / (len(wanted) * len(read))
    return share.expand(len(seen.features), tokens)


def _evidence(method: str, attention: Tensor, slope: Tensor | None, relevance: Tensor | None) -> Tensor:
    """Weights (B, h, n, N) with which one block carries tokens down: what speaks for the class, nothing negative."""
    if method == "lrp_rollout":
        return relevance.clamp(min=0)
    return (slope * (relevance if method == "chefer" else attention)).clamp_(min=0)


def _rolled_out(row: Tensor, attention: Sequence[Tensor]) -> Tensor:
    """The row (B, N) carried down through all blocks; half of every token stays in place (the skip connection)."""
    for weights in reversed(attention):
        row = (row + _carried(row, weights)) / 2
    return row


def _carried(row: Tensor, weights: Tensor) -> Tensor:
    """The row (B, N) times the mean over heads of the weights (B, h, n, N); tokens after the first n have none."""
    return (row[:, None, None, :weights.shape[2]] @ weights).mean(dim=1).squeeze(1)


def _gradcam(seen: VitPass, gradient: Tensor) -> Tensor:
    """Grad-CAM (B, patches) at norm1 of the last block, the last place from which patches reach the class token."""
    features, gradient = (part[:, seen.model.num_prefix_tokens:] for part in (seen.features, gradient))
    return (features * gradient.mean(dim=1, keepdim=True)).sum(dim=2).clamp(min=0)
