"""Vision transformers small enough for a test, and the two of which the authors' own program computed the relevancy."""

import json
import warnings
from pathlib import Path

import numpy as np
import timm
import torch
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer

GOLDEN = Path(__file__).parent / "golden"
SMALL = {"img_size": 24, "patch_size": 8, "embed_dim": 16, "depth": 3, "num_heads": 2, "num_classes": 3}


def golden(name):
    """The model in float64 and its case: x, target, logits, relevancy."""
    weights, case = np.load(GOLDEN / f"vit_{name}_weights.npz"), np.load(GOLDEN / f"vit_{name}_case.npz")
    model = VisionTransformer(**json.loads(str(case["config"]))).double()
    model.load_state_dict({key: torch.from_numpy(weights[key]).double() for key in weights})
    return model, case


def small(kind=VisionTransformer, **changes):
    """A transformer of random weights in float64, evaluation mode, with 9 patches."""
    torch.manual_seed(0)
    return kind(**(SMALL | changes)).double().eval()


def distilled(**changes):
    return small(VisionTransformerDistilled, **changes)


def pictures(count=3, height=24, width=24):
    generator = torch.Generator().manual_seed(2)
    return torch.randn(count, 3, height, width, generator=generator, dtype=torch.float64)


def compare(model, images, methods=None, **arguments):
    """Explanations by method, each from a call of its own."""
    from dermxai_helpers import relevancy

    return {
        method: relevancy.explain(model, images, method=method, **arguments) for method in methods or relevancy.METHODS
    }


def refusals(names, **arguments):
    """Why each of timm's architectures is refused, or "": made with three classes on the meta device, weightless."""
    from dermxai_helpers.relevancy.forward import refusal

    found = {}
    for name in names:
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what timm has to say about weights is of no interest here
            found[name] = refusal(timm.create_model(name, num_classes=3, **arguments))
    return found
