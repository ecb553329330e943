"""Does the prediction hang on what a heat-map marks?

Nobody is asked where the lesion is. Pixels are erased in the order of a map, and the network says what it lost. Each
answer costs a forward pass, so everything here works on batches, and asks at few, well chosen shares of the area.

inputs : float, (B, 3, height, width), normalised as the network expects
targets : class index of each image, whose probability (softmax) is followed
heatmaps : float, (B, height, width), raw, at the size of the inputs
shares : float, (B, S), erased shares of the area, 0 to 1, for each image its own
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from dermxai_helpers.explanation import resize

BASELINES = ("blur", "mean", "black")
BLUR = 1 / 16  # standard deviation as a share of the side: half a cell of a 7 x 7 map, so finer structure is gone
ROAD_NOISE = 0.01  # standard deviation in normalised units; the authors' value
SWEEPS = 4  # iterations of the imputation at full size; see `impute`
COARSEST = 7  # cells a side, of the smooth random field that breaks ties, and of the imputation's first guess
NEIGHBOURS = torch.tensor([[1, 2, 1], [2, 0, 2], [1, 2, 1]]) / 12  # direct ones weigh 1/6, diagonal ones 1/12


def replacement(name: str, inputs: Tensor, black: Tensor) -> Tensor:
    """What erased pixels are replaced with: (B, 3, height, width).

    name : "blur" (the picture itself, Gaussian of BLUR x its side: keeps colour and rough place), "mean" (the picture's
        mean colour) or "black" (common, and no skin is black: the network has never seen anything like it)
    black : the normalised colour of black, (3,)
    """
    if name == "blur":
        rows, columns = (_blur_matrix(side).to(inputs) for side in inputs.shape[2:])
        return rows @ inputs @ columns.T
    if name == "mean":
        return inputs.mean(dim=(2, 3), keepdim=True).expand_as(inputs)
    if name == "black":
        return black.to(inputs)[None, :, None, None].expand_as(inputs)
    raise ValueError(f"erased pixels are replaced with one of {', '.join(BASELINES)}, not with {name!r}")


def _blur_matrix(side: int) -> Tensor:
    """(side, side): row i holds the weights of pixel i's neighbours; they sum to 1, so edges do not darken."""
    places = torch.arange(side, dtype=torch.float64)
    weights = torch.exp(-((places[:, None] - places) ** 2) / (2 * (BLUR * side) ** 2))
    return weights / weights.sum(dim=1, keepdim=True)


def spread_shares(images: int, steps: int, seed: int = 0) -> np.ndarray:
    """Erased shares, (images, steps): evenly spaced for each image, and shifted from image to image.

    The mean over images and steps is then an unbiased estimate of the area under the mean curve, whatever `steps`: the
    shifts are the midpoints of `images` equal parts of a step, in random order, so together they leave no gap. One step
    on many images tells more about a method than many steps on one image. A single image gets the midpoint rule.
    """
    shift = (np.random.default_rng(seed).permutation(images) + 0.5) / images
    return (np.arange(steps) + shift[:, None]) / steps


def strongest(heatmaps: np.ndarray, shares: np.ndarray) -> Tensor:
    """Where the strongest values of each map lie: bool, (B, S, height, width), in each round(share x pixels) pixels.

    A stronger pixel always goes before a weaker one, and a larger share holds every smaller one. Equal values, of which
    a ReLU leaves many, go in the order of one smooth random field: a flat map is then as good as a random map, and not
    as good as reading order. Values that are not finite go last.
    """
    heatmaps = np.asarray(heatmaps, dtype=np.float32)
    height, width = heatmaps.shape[1:]
    tie_order = _tie_order(height, width)
    values = np.where(np.isfinite(heatmaps), heatmaps, -np.inf).reshape(len(heatmaps), -1)
    counts = np.rint(shares * height * width).astype(int)
    marked = [
        [_largest(row, count, tie_order) for count in of_image] for row, of_image in zip(values, counts, strict=True)
    ]
    return torch.from_numpy(np.array(marked).reshape(*shares.shape, height, width))


def _largest(values: np.ndarray, count: int, tie_order: np.ndarray) -> np.ndarray:
    """bool, like `values`: its `count` largest; of equal ones those with the lowest place in `tie_order`."""
    if count == 0:
        return np.zeros(values.shape, bool)
    limit = np.partition(values, -count)[-count]
    chosen = values > limit
    tied = np.flatnonzero(values == limit)
    wanted = count - np.count_nonzero(chosen)
    chosen[tied[np.argpartition(tie_order[tied], wanted - 1)[:wanted]]] = True
    return chosen


@lru_cache
def _tie_order(height: int, width: int) -> np.ndarray:
    """Each pixel's place, (height * width,), in the order of a smooth random field."""
    field = np.random.default_rng(0).random((1, COARSEST, COARSEST))
    return resize(field, (height, width)).argsort(axis=None, kind="stable").argsort()


@torch.inference_mode()
def probabilities(network: nn.Module, inputs: Tensor, targets: Sequence[int]) -> np.ndarray:
    """The probability of each image's class, float, (B,)."""
    device = next(network.parameters()).device
    likely = network(inputs.to(device).contiguous(memory_format=torch.channels_last)).softmax(dim=1)
    return likely.gather(1, torch.as_tensor(targets, device=device)[:, None])[:, 0].cpu().numpy()


def curve(
    network: nn.Module, start: Tensor, other: Tensor, targets: Sequence[int], heatmaps: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Probabilities, (B, S), when the strongest share of each map shows `other` and the rest `start`.

    Deletion starts with the picture and goes to its replacement: the sooner the probability falls, the better the map.
    Insertion starts with the replacement and goes to the picture: the sooner it rises, the better. The mean over
    `spread_shares` is the area under the curve. `network` must be in evaluation mode.
    Source: Petsiuk, Das and Saenko, "RISE", BMVC 2018, section 4.2; there in equal steps from one end to the other.
    """
    marked = strongest(heatmaps, shares).to(start.device)
    points = [
        probabilities(network, torch.where(marked[:, step, None], other, start), targets)
        for step in range(shares.shape[1])
    ]
    return np.stack(points, axis=1)


def road(
    network: nn.Module, inputs: Tensor, targets: Sequence[int], heatmaps: np.ndarray, shares: np.ndarray, seed: int = 0
) -> np.ndarray:
    """Half of what the probability loses more when the strongest pixels are removed than when the weakest are: (B, S).

    0 for a map that knows nothing, positive for one that knows. A removed region is filled from its surroundings, so
    that its shape gives the class away as little as can be. That costs more than the forward pass.
    Source: Rong et al., "A consistent and efficient evaluation strategy for attribution methods", ICML 2022 (ROAD);
    the difference of the two orders as in pytorch-grad-cam's ROADCombined.
    """
    generator = torch.Generator().manual_seed(seed)

    def without(marked: Tensor) -> np.ndarray:
        filled = impute(inputs, marked[:, None].to(inputs.device))
        noise = ROAD_NOISE * torch.randn(inputs.shape, generator=generator).to(inputs)
        return probabilities(network, torch.where(marked[:, None].to(inputs.device), filled + noise, inputs), targets)

    strong, weak = strongest(heatmaps, shares), strongest(-np.asarray(heatmaps), shares)
    points = [without(weak[:, step]) - without(strong[:, step]) for step in range(shares.shape[1])]
    return np.stack(points, axis=1) / 2


def impute(images: Tensor, removed: Tensor, sweeps: int = SWEEPS) -> Tensor:
    """Removed pixels become the weighted mean of their eight neighbours, known or removed themselves.

    images : float, (B, C, height, width); removed : bool, (B, 1, height, width)

    The authors solve these equations directly, image by image; here all images are solved together, by conjugate
    gradients that start from the same problem at half the size, where four times the sweeps are cheap. By default a
    filled pixel of a drawn lesion is off by .01 to .02 standard deviations of the colour (root mean square), which is
    about the noise that ROAD adds; more sweeps come as near as wanted.
    Source: Rong et al. 2022, section 4.3 (noisy linear imputation).
    """
    if not removed.any():
        return images
    known, side = (~removed).to(images), max(images.shape[2:])
    if side <= COARSEST:
        start = (images * known).sum(dim=(2, 3), keepdim=True) / known.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    else:
        share_known = functional.avg_pool2d(known, 2, ceil_mode=True)
        coarse = functional.avg_pool2d(images * known, 2, ceil_mode=True) / share_known.clamp(min=0.25)
        coarse = impute(coarse, share_known == 0, 4 * sweeps)
        start = functional.interpolate(coarse, size=images.shape[2:], mode="bilinear", align_corners=False)
    return _conjugate_gradients(torch.where(removed, start, images), removed.to(images), min(sweeps, side))


def _conjugate_gradients(images: Tensor, removed: Tensor, sweeps: int) -> Tensor:
    """Improve the removed pixels (1 in `removed`, (B, 1, height, width)) so that each is the mean of its neighbours.

    In place, because these arrays are larger than a processor's cache, and every copy costs as much as a sum.
    """
    weights = _neighbours(torch.ones_like(removed))  # 1, and less along the border
    left = (_neighbours(images) - weights * images).mul_(removed)
    direction, size = left.clone(), _product(left, left)
    for _ in range(sweeps):
        change = (weights * direction).sub_(_neighbours(direction)).mul_(removed)
        step = size / _product(direction, change).clamp(min=1e-20)
        images.addcmul_(step, direction)
        left.addcmul_(step, change, value=-1)
        old, size = size, _product(left, left)
        direction.mul_(size / old.clamp(min=1e-20)).add_(left)
    return images


def _product(first: Tensor, second: Tensor) -> Tensor:
    """The inner product of two pictures, for each image and channel: (B, C, 1, 1)."""
    return torch.linalg.vecdot(first.flatten(2), second.flatten(2))[..., None, None]


def _neighbours(images: Tensor) -> Tensor:
    """The weighted sum of each pixel's eight neighbours; beyond the border there are none."""
    channels = images.shape[1]
    kernel = NEIGHBOURS.to(images).expand(channels, 1, 3, 3)
    return functional.conv2d(images, kernel, padding=1, groups=channels)


def drop(
    network: nn.Module, inputs: Tensor, targets: Sequence[int], erased: Tensor, replaced_with: Tensor
) -> np.ndarray:
    """What the probability loses, (B,), when a region is erased. erased : bool, (B, height, width)."""
    without = torch.where(erased[:, None].to(inputs.device), replaced_with, inputs)
    return probabilities(network, inputs, targets) - probabilities(network, without, targets)
