"""Insertion and deletion: answers worked out by hand, and equal to a library."""

import numpy as np
import pytest
import torch
from torch import nn

from dermxai_helpers import synth
from dermxai_helpers.trial import faithfulness


class LinearProbability(nn.Module):
    """The probability of class 1 is a weighted sum of the first channel, so every curve can be worked out by hand."""

    def __init__(self, weights: np.ndarray):
        super().__init__()
        self.weights = nn.Parameter(torch.tensor(weights, dtype=torch.float32), requires_grad=False)

    def forward(self, inputs):
        probability = (inputs[:, 0] * self.weights).sum(dim=(1, 2))
        return torch.stack([torch.log1p(-probability), torch.log(probability)], dim=1)


CELLS = np.array([[0.4, 0.1], [0.2, 0.2]])  # what each quarter of the picture adds to the probability
WEIGHTS = np.kron(CELLS, np.ones((4, 4))) / 16


def ones(count: int = 1) -> torch.Tensor:
    return torch.ones(count, 3, 8, 8)


def area(start: torch.Tensor, other: torch.Tensor, heatmap: np.ndarray, steps: int = 4) -> float:
    network, shares = LinearProbability(WEIGHTS), (np.arange(steps)[:, None] + 0.5) / steps
    return np.mean([faithfulness.curve(start, other, network, [1], heatmap[None], share) for share in shares])


def test_areas_of_a_linear_model_are_exact():
    perfect, nearly_black = WEIGHTS, 1e-6 * ones()
    left = [0.9, 0.5, 0.3, 0.1, 0]  # of the probability, when the four quarters go in the order .4, .2, .2, .1
    by_hand = np.trapezoid(left, dx=0.25)
    assert area(ones(), nearly_black, perfect) == pytest.approx(by_hand, abs=1e-5)
    assert area(nearly_black, ones(), perfect) == pytest.approx(0.9 - by_hand, abs=1e-5)
    assert area(ones(), nearly_black, -perfect) == pytest.approx(0.9 - by_hand, abs=1e-5)  # the worst order


def test_no_order_beats_the_true_one_and_none_is_worse_than_its_reverse():
    rng = np.random.default_rng(0)
    best, worst = area(ones(), 1e-6 * ones(), WEIGHTS), area(ones(), 1e-6 * ones(), -WEIGHTS)
    others = [area(ones(), 1e-6 * ones(), rng.random((8, 8))) for _ in range(20)]
    assert all(best < other < worst for other in others)


def test_one_share_an_image_estimates_the_area_without_bias():
    """Sixteen equal images, asked once each at their own share, know the same area as one image asked sixteen times."""
    heatmaps = np.repeat(WEIGHTS[None], 16, axis=0)
    shares = faithfulness.spread_shares(16)
    answers = faithfulness.curve(ones(16), 1e-6 * ones(16), LinearProbability(WEIGHTS), [1] * 16, heatmaps, shares)
    assert answers.mean() == pytest.approx(area(ones(), 1e-6 * ones(), WEIGHTS, steps=16), abs=1e-6)


def test_shares_are_even_and_leave_no_gap():
    shares = faithfulness.spread_shares(7, seed=3)
    np.testing.assert_allclose(np.sort(shares), (np.arange(7) + 0.5) / 7)


def test_strongest_pixels_first_and_larger_shares_hold_smaller_ones():
    heatmap = np.random.default_rng(0).normal(size=(1, 12, 12)).round(1)  # rounded: many equal values
    heatmap[0, 0, 0] = np.nan
    marked = faithfulness.strongest(np.repeat(heatmap, 13, axis=0), np.linspace(0, 1, 13)).numpy()
    assert marked.sum(axis=(1, 2)).tolist() == [12 * number for number in range(13)]
    for smaller, larger in zip(marked[:-1], marked[1:], strict=True):
        assert not (smaller & ~larger).any()
    for some in marked[1:-1]:
        assert np.nanmin(heatmap[0][some]) >= np.nanmax(heatmap[0][~some])
    assert not marked[-2, 0, 0]  # not a number: last of all


def test_a_flat_map_goes_in_random_and_not_in_reading_order():
    marked = faithfulness.strongest(np.zeros((1, 28, 28)), [0.5])[0].numpy()
    halves = marked[:14].mean(), marked[14:].mean(), marked[:, :14].mean(), marked[:, 14:].mean()
    assert all(0.2 < half < 0.8 for half in halves)
    again = faithfulness.strongest(np.full((1, 28, 28), 3.0), [0.5])[0].numpy()
    np.testing.assert_array_equal(marked, again)


def test_a_blurred_picture_keeps_its_colour():
    picture = torch.rand(2, 3, 32, 32)
    blurred = faithfulness.blurred(picture)
    assert blurred.mean() == pytest.approx(picture.mean().item(), abs=0.02)
    assert blurred.std() < 0.3 * picture.std()
    flat = torch.full((1, 3, 32, 32), 0.7)
    torch.testing.assert_close(faithfulness.blurred(flat), flat)  # the edges do not darken


@pytest.fixture(scope="module")
def lesions() -> torch.Tensor:
    pictures = np.stack([synth.draw(seed, label="mel").image for seed in (1, 2)])
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.25


def small_network(seed: int = 0) -> nn.Module:
    """Random weights, and logits far enough apart for probabilities to move."""
    torch.manual_seed(seed)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 9, stride=8), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3)
    )
    network[-1].weight.data *= 20
    return network.eval()


def test_curves_equal_torchcam(lesions):
    metrics = pytest.importorskip("torchcam.metrics")
    from torchcam.methods import GradCAM

    network = small_network()
    with GradCAM(network, network[0]) as extractor:
        metric = metrics.DeletionInsertionMetric(extractor, lambda logits: logits.softmax(dim=-1), steps=8)
        heatmaps = torch.rand(2, 224, 224, generator=torch.Generator().manual_seed(0))
        ranks = heatmaps.flatten(1).argsort(dim=1, descending=True).argsort(dim=1)
        zeros, scores = torch.zeros_like(lesions), network(lesions).softmax(dim=1)
        targets = torch.tensor([0, 2])
        shares, deletion, insertion = metric._compute_curves(
            lesions, zeros, ranks, targets, scores.gather(1, targets[:, None])[:, 0].detach()
        )
    for ends, theirs in (((lesions, zeros), deletion), ((zeros, lesions), insertion)):
        pairs = [(share, share) for share in shares.tolist()]
        ours = [faithfulness.curve(*ends, network, [0, 2], heatmaps.numpy(), pair) for pair in pairs]
        np.testing.assert_allclose(np.transpose(ours), theirs.detach().numpy(), atol=1e-6)


def test_odd_input_to_a_curve_gets_a_sentence():
    network, pictures = LinearProbability(np.ones((8, 8)) / 64), ones(2)
    heatmaps, shares = np.ones((2, 8, 8)), np.full(2, 0.5)
    for arguments, sentence in [
        (([1, 1], heatmaps, shares - 1), "shares of the area are between 0 and 1, got -0.5 to -0.5"),
        (([1, 1], heatmaps, shares * np.nan), "shares of the area are between 0 and 1"),
        (([1, 1], heatmaps[:, :2, :2], shares), r"maps of shape \(2, 2, 2\) .* resized to the pictures"),
        (([1, 1], heatmaps[:1], shares), r"maps of shape \(1, 8, 8\)"),
        (([1], heatmaps, shares), "1 targets"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            faithfulness.curve(pictures, 0 * pictures, network, *arguments)
