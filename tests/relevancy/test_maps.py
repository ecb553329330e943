"""The ways to compare relevancy with, each against an independent computation, and all of them from one pass."""

import numpy as np
import pytest
import torch
from small_transformers import compare, small

from dermxai_helpers.relevancy.forward import run
from dermxai_helpers.relevancy.maps import attention_relevance


def attention_of(model, images):
    """Attention of every block, (depth, B, N, N), mean over heads, read from timm's own unfused path."""
    seen = []
    for block in model.blocks:
        block.attn.fused_attn = False
        block.attn.attn_drop.register_forward_hook(lambda _module, _inputs, output: seen.append(output.detach()))
    model(images)
    return torch.stack(seen).mean(dim=2)


def test_rollout_and_attention_equal_attention_read_from_timm(model, images):
    found = compare(model, images, ["rollout", "attention"])
    seen = attention_of(model, images)
    product = torch.eye(10, dtype=torch.float64)
    for weights in seen:
        product = (weights + torch.eye(10)) / 2 @ product
    np.testing.assert_allclose(found["rollout"].maps.reshape(3, -1), product[:, 0, 1:], rtol=1e-9)
    np.testing.assert_allclose(found["attention"].maps.reshape(3, -1), seen[-1][:, 0, 1:], rtol=1e-9)


def test_methods_without_a_class_give_each_class_the_same_map(model, images):
    for found in compare(model, images, ["rollout", "attention"], target="all").values():
        np.testing.assert_array_equal(found.maps[0::3], found.maps[1::3])


@pytest.mark.parametrize("make", [small, lambda: small(reg_tokens=3)])
def test_relevance_starts_with_one_and_each_attention_gets_half_of_its_branch(make, images):
    """What the last block hands to its attention is half of what its attention branch gets, and that is at most 1."""
    seen = run(make(), images, keep=True)
    last = next(attention_relevance(seen, torch.tensor([0, 1, 2])))
    total = last.sum((1, 2, 3))
    assert last.shape[-2:] == seen.attention[-1].shape[-2:]
    assert (total.abs() <= 0.5).all() and (total != 0).all()
