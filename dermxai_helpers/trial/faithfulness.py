"""Whether the prediction hangs on what a heat-map marks: pixels are erased in a map's order, the network says its loss.

inputs : float, (B, 3, height, width), normalised as the network expects
targets : class index of each image, whose probability (softmax) is followed
heatmaps : float, (B, height, width), raw, at the size of the inputs
shares : float, (B,), of the area that is erased, 0 to 1, for each image its own
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn

from dermxai_helpers.explanation import as_array, class_probabilities, resize

BLUR = 1 / 16  # standard deviation as a share of the side: half a cell of a 7 x 7 map, so finer structure is gone


def blurred(inputs: Tensor) -> Tensor:
    """Give what erased pixels are replaced with: the picture itself, blurred, which keeps colour and rough place."""
    rows, columns = (_blur_matrix(side).to(inputs) for side in inputs.shape[2:])
    return rows @ inputs @ columns.T


def _blur_matrix(side: int) -> Tensor:
    """(side, side): row i holds the weights of pixel i's neighbours; they sum to 1, so edges do not darken."""
    places = torch.arange(side, dtype=torch.float64)
    weights = torch.exp(-((places[:, None] - places) ** 2) / (2 * (BLUR * side) ** 2))
    return weights / weights.sum(dim=1, keepdim=True)


def spread_shares(images: int, seed: int = 0) -> np.ndarray:
    """Choose an erased share for each image, (images,): evenly spaced, in random order.

    The mean over the images is then an unbiased estimate of the area under the mean curve: one step on many images
    tells more about a method than many steps on one image.
    """
    return (np.random.default_rng(seed).permutation(images) + 0.5) / images


def strongest(heatmaps: np.ndarray, shares: np.ndarray) -> Tensor:
    """Mark the strongest values of each map: bool, (B, height, width), round(share x pixels) of each.

    Equal values, of which a ReLU leaves many, go in the order of one smooth random field: a flat map is then as good as
    a random map, and not as good as reading order. Values that are not finite go last.
    """
    heatmaps, shares = np.asarray(heatmaps, dtype=np.float32), np.asarray(shares)
    if not ((shares >= 0) & (shares <= 1)).all():
        raise ValueError(f"shares of the area are between 0 and 1, got {shares.min():.3g} to {shares.max():.3g}")
    by_lot = _smooth_random_order(*heatmaps.shape[1:])
    marked, finite = np.zeros((len(heatmaps), by_lot.size), bool), np.where(np.isfinite(heatmaps), heatmaps, -np.inf)
    counts = np.rint(shares * by_lot.size).astype(int)
    for row, values, count in zip(marked, finite.reshape(len(heatmaps), -1), counts, strict=True):
        row[by_lot[np.argsort(-values[by_lot], kind="stable")[:count]]] = True  # strongest first, equal ones by lot
    return torch.from_numpy(marked.reshape(heatmaps.shape))


@lru_cache
def _smooth_random_order(height: int, width: int) -> np.ndarray:
    field = np.random.default_rng(0).random((1, 7, 7))
    return resize(field, (height, width)).argsort(axis=None, kind="stable")


@torch.inference_mode()
def answers(network: nn.Module, inputs: Tensor, classes: Sequence[str] | None = None) -> Tensor:
    """Class probabilities (B, classes); ValueError for a single logit, or for another number of them than of names."""
    weight = next(network.parameters())
    logits = network(inputs.to(weight.device).contiguous(memory_format=torch.channels_last))
    if logits.shape[1] < 2 or (classes is not None and logits.shape[1] != len(classes)):
        wanted = "two or more" if classes is None else f"{len(classes)}: {', '.join(classes)}"
        raise ValueError(f"the model gives {logits.shape[1]} numbers an image; it must tell classes apart, {wanted}")
    return class_probabilities(logits)


def curve(
    start: Tensor, other: Tensor, network: nn.Module, targets: Sequence[int], heatmaps: np.ndarray, shares: Sequence
) -> np.ndarray:
    r"""Ask for the probabilities, (B,), while the strongest share of each map shows `other` and the rest `start`.

    $$ \text{area} = \int_0^1 p(x_s) \, ds \approx \text{mean of } p(x_s) \text{ over `spread_shares`}, \qquad
       x_s = \text{`start` with the strongest share } s \text{ of its pixels taken from `other`} $$

    Deletion starts with the picture and goes to its replacement: the sooner the probability falls, the better the map.
    Insertion starts with the replacement and goes to the picture: the sooner it rises, the better. `network` must be in
    evaluation mode.

    >>> network = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(3, 2))  # of four pixels
    >>> white, heatmap = torch.ones(1, 3, 2, 2), np.array([[[4.0, 3.0], [2.0, 1.0]]])
    >>> curve(white, 0 * white, network, [1], heatmap, shares=[0.25]).shape
    (1,)

    Source: Petsiuk, Das and Saenko, "RISE", BMVC 2018, section 4.2; there in equal steps from one end to the other.
    """
    if not np.shape(heatmaps) == (len(targets), *start.shape[2:]) == (len(start), *start.shape[2:]):
        found = f"maps of shape {np.shape(heatmaps)} and {len(targets)} targets"
        raise ValueError(f"{found} came for pictures of {tuple(start.shape)}: give one each, resized to the pictures")
    marked = strongest(heatmaps, shares).to(start.device)
    likely = answers(network, torch.where(marked[:, None], other, start))
    return as_array(likely[range(len(targets)), list(targets)])
