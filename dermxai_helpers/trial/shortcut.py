"""A planted shortcut: a sticker beside every melanoma, and heads that learn it, or cannot."""

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from dermxai_helpers import data

STICKER = (40, 110, 190)  # blue, as no skin is
RADIUS = 24  # pixels


def plant(images: np.ndarray, lesions: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Put a round sticker near a corner of each photograph, never on its lesion; nothing else is changed.

    images : uint8 (n, height, width, 3); lesions : bool (n, height, width)
    Returns the photographs with stickers, and where these lie, bool (n, height, width).
    """
    rng, (height, width) = np.random.default_rng(seed), lesions.shape[1:]
    rows, columns = np.mgrid[:height, :width]
    corners = rng.choice([-1, 1], (len(images), 2)) * rng.uniform(0.32, 0.38, (len(images), 2)) + 0.5
    discs = [np.hypot(rows - down * height, columns - across * width) < RADIUS for down, across in corners]
    places = np.stack(discs) & ~lesions
    changed = images.copy()
    changed[places] = 0.15 * images[places] + 0.85 * np.array(STICKER)
    return changed, places


def learn(clean: Tensor, marked: Tensor, labels: Sequence[str], share: Mapping[str, float]) -> nn.Linear:
    """Teach a head from lesions that were photographed twice, without and with the sticker.

    clean, marked : averaged maps of the last layer, float (n, K); labels : class of each lesion, of `data.CLASSES`
    share : P(sticker | class), the weight of the photograph with sticker; the other has the rest
    """
    weight = np.array([share[name] for name in labels])
    return linear_layer(torch.cat([clean, marked]), [*labels, *labels], np.concatenate([1 - weight, weight]), clean)


def linear_layer(
    values: Tensor, labels: Sequence[str], weights: np.ndarray | None = None, usual: Tensor | None = None
) -> nn.Linear:
    """Fit a logistic regression of standardised values, as a linear layer: logits are right up to a constant.

    values : float (n, K); labels : n of `data.CLASSES`; weights : of each row, (n,)
    usual : float (m, K), whose mean and standard deviation make the standard; by default the values'
    """
    from sklearn.linear_model import LogisticRegression
    from threadpoolctl import threadpool_limits

    usual = values if usual is None else usual
    centre, spread = usual.mean(dim=0), usual.std(dim=0) + 1e-6
    numbers = [data.CLASSES.index(name) for name in labels]
    fitted = LogisticRegression(C=0.1, max_iter=2000)
    with threadpool_limits(1):  # two threads would only wait for each other on so small a problem
        fitted.fit((values - centre) / spread, numbers, weights)
    head = nn.Linear(values.shape[1], len(data.CLASSES)).requires_grad_(False)
    head.weight[:] = torch.from_numpy(fitted.coef_) / spread
    head.bias[:] = torch.from_numpy(fitted.intercept_) - head.weight @ centre
    return head
