"""A trained network with everything needed to use it, keep it and read it back."""

import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from dermxai_helpers import files
from dermxai_helpers.inference import to_input
from dermxai_helpers.training.backbones import MOBILENET, new_network, read_weights

CARD_FIELDS = {"architecture", "classes", "history", "backbone", "mean", "std", "size"}


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network with everything needed to use it on new images.

    model : the complete network (`.features`, `.classifier`), evaluation mode; a MobileNetV2 has torchvision's shape
    classes : class name of each logit
    history : one row an epoch: losses, validation scores, learning rate
    architecture : "mobilenet_v2" (torchvision's) or "timm:" and the name of a timm model
    card : where it comes from (data, licence, protocol, validation metrics)
    """

    model: nn.Module
    classes: tuple[str, ...]
    history: pd.DataFrame
    backbone_name: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: tuple[int, int]
    architecture: str = MOBILENET
    card: dict = field(default_factory=dict)

    def prepare(self, images: list[np.ndarray]) -> torch.Tensor:
        """uint8 RGB arrays of any size -> float32 (B, 3, height, width), resized and normalised as in training."""
        return to_input(images, self.size, self.mean, self.std)

    def logits(self, images: list[np.ndarray]) -> np.ndarray:
        """Logits, (B, classes), of uint8 RGB arrays, eight at a time."""
        with torch.inference_mode():
            parts = [self.model(self.prepare(images[start:start + 8])) for start in range(0, len(images), 8)]
        return torch.cat(parts).numpy()

    def predict_proba(self, images: list[np.ndarray]) -> np.ndarray:
        """Softmax, (B, classes), of uint8 RGB arrays. A class-weighted loss shifts it: these are scores, not risks."""
        return torch.from_numpy(self.logits(images)).softmax(dim=1).numpy()

    def predict_features(self, features: np.ndarray) -> np.ndarray:
        """Softmax, (n, classes), of pooled features (n, width): the same answer as from images, without the wait."""
        with torch.inference_mode():
            return self.model.classifier(torch.as_tensor(features)).softmax(dim=1).numpy()

    def save(self, path: Path | str) -> Path:
        """Write the weights (safetensors) and, beside them, the card (same name, .json). Returns the weights' path."""
        from safetensors.torch import save_file

        path = Path(path)
        state = {key: tensor.contiguous() for key, tensor in self.model.state_dict().items()}
        card = self.card | {
            "architecture": self.architecture, "classes": list(self.classes), "backbone": self.backbone_name,
            "mean": list(self.mean), "std": list(self.std), "size": list(self.size),
            "history": self.history.to_dict("list"), "use": "teaching only, not for clinical use",
        }
        files.write_atomically(path, lambda unfinished: save_file(state, unfinished))
        files.write_atomically(card_path(path), lambda unfinished: unfinished.write_text(json.dumps(card, indent=2)))
        return path

    @classmethod
    def load(cls, path: Path | str) -> "Classifier":
        """Read what `save` wrote.

        Raises FileNotFoundError for a missing file and ValueError for a truncated or pickled one, another architecture,
        or a card whose classes do not fit the weights.
        """
        state, card = read_weights(path), read_card(card_path(path))
        classes, architecture = tuple(card["classes"]), card["architecture"]
        outputs = len(state.get("classifier.1.bias", ()))
        if outputs and outputs != len(classes):
            raise ValueError(f"{path} has {outputs} outputs, its card lists {len(classes)} classes: they are no pair")
        model = new_network(architecture, len(classes))
        try:
            model.load_state_dict(state)
        except RuntimeError as problem:
            reason = " ".join(str(problem).split())[:200]
            raise ValueError(f"{path} does not fit {architecture}, which its card names: {reason}") from problem
        return cls(
            model, classes, pd.DataFrame(card["history"]), card["backbone"],
            tuple(card["mean"]), tuple(card["std"]), tuple(card["size"]), architecture, card,
        )


def card_path(path: Path | str) -> Path:
    """The JSON card that belongs to a weights file."""
    return Path(path).with_suffix(".json")


def read_card(path: Path) -> dict:
    """The card beside a weights file; FileNotFoundError or ValueError when it is absent, damaged or too short."""
    if not path.is_file():
        raise FileNotFoundError(f"no card at {path}: weights alone do not say which classes they know; copy both files")
    try:
        card = json.loads(path.read_text())
        absent = CARD_FIELDS - set(card)
    except (ValueError, TypeError) as problem:
        raise ValueError(f"the card {path} cannot be read ({problem}): save the model again") from problem
    if absent:
        raise ValueError(f"the card {path} lacks {', '.join(sorted(absent))}: save the model again")
    return card
