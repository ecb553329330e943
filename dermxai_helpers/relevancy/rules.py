"""The rules of relevancy: what each input of an operation gets of the relevance of its output.

Normalisation, activation, layer scale and softmax have no rule: relevance passes through them unchanged.
Images stand in the first dimension and never mix.
Source: Chefer et al., arXiv 2012.09838, sections 3.1 and 3.2, and the authors' program.
"""

import torch
from torch import Tensor
from torch.nn import functional

TINY = 1e-9  # added to every divisor, as in the authors' program
ROUNDINGS = 32  # a sum of products that is only so many roundings large is taken for zero


def divide(a: Tensor, b: Tensor) -> Tensor:
    """Divide a by b + e, which is the authors' clamp(b, min=e) + clamp(b, max=e), and give 0 where b is 0."""
    divisor = b + TINY
    if b.abs().amin() > TINY:  # nearly always; the masks below cost ten times as much as the division
        return a / divisor
    divisor.masked_fill_(divisor == 0, TINY)
    return (a / divisor).masked_fill_(b == 0, 0)


def through_linear(x: Tensor, weight: Tensor, product: Tensor, relevance: Tensor) -> Tensor:
    """Hand relevance (..., out) of x W^T to x (..., in) in proportion to positive products; the bias gets none.

    R_i = sum_j (w_ji x_i)+ / (sum_i' (w_ji' x_i')+) R_j;   product : x W^T, (..., out), known from the forward pass

    >>> x, weight = torch.tensor([[1.0, 2.0, -1.0]]), torch.tensor([[3.0, -5.0, -1.0]])  # products 3, -10 and 1
    >>> through_linear(x, weight, x @ weight.T, torch.ones(1, 1)).round(decimals=3)
    tensor([[0.7500, 0.0000, 0.2500]])

    The positive products add up to x+ W+^T + x- W-^T = (x W^T + |x| |W|^T) / 2: three matrix products in all, not four.
    An output without any positive product has nobody to give relevance to, and loses it.
    """
    size, weight_size = x.abs(), weight.abs()
    certain = 1 - ROUNDINGS * torch.finfo(x.dtype).eps
    total = (size @ weight_size.T).mul_(certain).add_(product)  # twice the sum of the positive products
    functional.threshold_(total, 0, torch.inf)  # relevance divided by infinity is lost
    share = relevance / total.add_(2 * TINY)  # R_j for each unit of positive product
    return (share @ weight).mul_(x).addcmul_(share @ weight_size, size)


def through_sum(a: Tensor, b: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """Hand relevance of a + b to a and to b, rescaled so that each image keeps its total."""
    share = divide(relevance, a + b)
    to_a, to_b = a * share, b * share
    total_a, total_b, whole = (part.sum(dim=(1, 2), keepdim=True) for part in (to_a, to_b, relevance))
    size = total_a.abs() + total_b.abs()
    due_a, due_b = divide(total_a.abs(), size) * whole, divide(total_b.abs(), size) * whole
    return to_a * divide(due_a, total_a), to_b * divide(due_b, total_b)


def through_copy(x: Tensor, relevance: Tensor) -> Tensor:
    """Hand relevance to x, which was used twice: `relevance` is what both uses hand back, added up."""
    return x * divide(relevance, x)


def through_product(a: Tensor, b: Tensor, product: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """Hand relevance of the matrix product a b, which is `product`, to both: half to each factor."""
    share = divide(relevance, product) / 2
    return a * (share @ b.mT), b * (a.mT @ share)
