"""Each rule alone: totals are kept, special cases are the authors'."""

import numpy as np
import pytest
import relevancy_oracle
import torch

from dermxai_helpers.relevancy.rules import (
    divide,
    through_copy,
    through_linear,
    through_product,
    through_sum,
)


def random(*shape, seed=4):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_sum_keeps_each_images_total():
    a, b, relevance = random(3, 2, 5, 6)
    to_a, to_b = through_sum(a, b, relevance)
    np.testing.assert_allclose((to_a + to_b).sum((1, 2)), relevance.sum((1, 2)), rtol=1e-6)
    for image in range(2):
        expected = relevancy_oracle.add(a[image], b[image], relevance[image])
        torch.testing.assert_close((to_a[image], to_b[image]), expected, rtol=1e-9, atol=0)


def test_linear_layer_keeps_the_total_and_equals_the_four_parts():
    x, weight, relevance = random(2, 5, 40), random(6, 40, seed=5), random(2, 5, 6, seed=6)
    found = through_linear(x, weight, x @ weight.T, relevance)
    np.testing.assert_allclose(found.sum(-1), relevance.sum(-1), rtol=1e-6)
    torch.testing.assert_close(found, relevancy_oracle.linear(x, weight, relevance), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_linear_layer_loses_relevance_without_a_positive_product(dtype):
    """A known limit of the rule, kept as the authors have it; no rounding may bring the lost relevance back."""
    x = random(50, 64).abs().to(dtype)
    weight = torch.cat([-random(1, 64, seed=5).abs(), random(1, 64, seed=6)]).to(dtype)
    product = (x @ weight.T + 300) - 300  # rounded, as a large bias leaves it
    both, second = (torch.tensor(part, dtype=dtype).expand(50, 2) for part in ([1.0, 1.0], [0.0, 1.0]))
    assert torch.equal(through_linear(x, weight, product, both), through_linear(x, weight, product, second))
    assert not through_linear(x, weight, product, both - second).any()


def test_a_copy_keeps_the_total():
    x, relevance = random(2, 2, 5, 6)
    np.testing.assert_allclose(through_copy(x, relevance), relevance, rtol=1e-6)


def test_product_gives_half_to_each_factor():
    a, b, relevance = random(2, 3, 4), random(2, 4, 5, seed=5), random(2, 3, 5, seed=6)
    to_a, to_b = through_product(a, b, a @ b, relevance)
    for part in (to_a, to_b):
        np.testing.assert_allclose(part.sum((1, 2)), relevance.sum((1, 2)) / 2, rtol=1e-6)
    expected = relevancy_oracle.product(a[0], b[0], relevance[0])
    torch.testing.assert_close((to_a[0], to_b[0]), expected, rtol=1e-10, atol=0)


def test_division_by_zero_gives_zero():
    found = divide(torch.tensor([1.0, 1.0, 2.0]), torch.tensor([0.0, -1e-9, 4.0]))
    assert torch.isfinite(found).all()
    assert found[0] == 0 and found[1] == pytest.approx(1e9) and found[2] == pytest.approx(0.5)


def test_division_is_the_authors_to_the_bit():
    a, b = random(2, 1000)
    b[:3] = torch.tensor([0.0, -1e-9, 1e-9])
    assert torch.equal(divide(a, b), relevancy_oracle.divide(a, b))
    assert torch.equal(divide(a[3:], b[3:]), relevancy_oracle.divide(a[3:], b[3:]))  # the short way
