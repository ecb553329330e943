"""The rules of relevancy: given the relevance of an operation's output, how much does each input get?

Each rule covers one operation of a vision transformer. Normalisation, activation and softmax have no rule: relevance
passes through them unchanged. Source: Chefer et al., arXiv 2012.09838, sections 3.1 and 3.2, and the authors' program.
"""

from torch import Tensor

TINY = 1e-9  # added to every divisor, as in the authors' program


def divide(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and 0 where b is 0. The authors' divisor clamp(b, min=e) + clamp(b, max=e) is b + e for every b."""
    divisor = b + TINY
    divisor.masked_fill_(divisor == 0, TINY)
    return (a / divisor).masked_fill_(b == 0, 0)


def through_linear(x: Tensor, weight: Tensor, relevance: Tensor) -> Tensor:
    """Relevance (..., out) of x W^T handed to x (..., in) in proportion to positive products; the bias gets none."""
    positive, negative = x.clamp(min=0), x.clamp(max=0)
    raising, lowering = weight.clamp(min=0), weight.clamp(max=0)
    share = relevance / (positive @ raising.T + negative @ lowering.T + TINY)  # the divisor is never negative
    return positive * (share @ raising) + negative * (share @ lowering)


def through_sum(a: Tensor, b: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """Relevance of a + b handed to a and to b, rescaled so that each image keeps its total."""
    share = divide(relevance, a + b)
    to_a, to_b = a * share, b * share

    def total(tensor):
        return tensor.sum(dim=tuple(range(1, tensor.ndim)), keepdim=True)

    size = total(to_a).abs() + total(to_b).abs()
    due_a = divide(total(to_a).abs(), size) * total(relevance)
    due_b = divide(total(to_b).abs(), size) * total(relevance)
    return to_a * divide(due_a, total(to_a)), to_b * divide(due_b, total(to_b))


def through_copy(x: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Relevance of x, which was used twice."""
    return x * (divide(first, x) + divide(second, x))


def through_product(a: Tensor, b: Tensor, relevance: Tensor) -> tuple[Tensor, Tensor]:
    """Relevance of the matrix product a b, half to each factor."""
    share = divide(relevance, a @ b)
    return a * (share @ b.transpose(-2, -1)) / 2, b * (a.transpose(-2, -1) @ share) / 2
