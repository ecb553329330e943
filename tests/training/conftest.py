"""What the tests of training share: random convolutions on tiny pictures whose class is their colour."""

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from torch import nn

from dermxai_helpers import data, training

COLOURS = {"mel": (60, 40, 40), "nv": (150, 90, 60), "bkl": (210, 180, 120)}


@pytest.fixture(scope="module")
def backbone() -> training.Backbone:
    """Random convolutions on 32 x 32 pixels: the right form, fast; calibrated so that colours differ in features."""
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    network = mobilenet_v2(weights=None).features
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # the running statistics become those of the one batch below
    network.train()(torch.randn(32, 3, 1, 1) + 0.1 * torch.randn(32, 3, 32, 32))
    return training.Backbone(network.eval(), "random", size=(32, 32), note="random")


@pytest.fixture
def table(tmp_path, monkeypatch) -> pd.DataFrame:
    """Sixty tiny images whose class is their colour, two of each lesion, and an empty cache."""
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    rows = []
    for number in range(60):
        dx = data.CLASSES[number // 2 % 3]
        pixels = np.clip(np.array(COLOURS[dx]) + rng.normal(0, 8, (30, 40, 3)), 0, 255).astype(np.uint8)
        path = tmp_path / f"DRAWN_{number:07d}.png"
        Image.fromarray(pixels).save(path)
        rows.append(
            {
                "lesion_id": f"L{number // 2}",
                "image_id": path.stem,
                "dx": dx,
                "dx_type": "histo",
                "age": 50.0,
                "sex": "male",
                "localization": "back",
                "image_path": str(path),
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture
def split(table) -> pd.Series:
    return pd.Series(["train"] * 48 + ["val"] * 12, index=table.index)
