"""The paper's protocol: how a new head is trained on a frozen backbone, what comes out, and what it has to beat."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from dermxai_helpers import data, files
from dermxai_helpers.inference import copied, left_as_found, to_input
from dermxai_helpers.training import backbones, rebalancing
from dermxai_helpers.training.backbones import Backbone
from dermxai_helpers.training.features import cached_features, file_digest
from dermxai_helpers.training.loop import KEEP, Examples, Plan, fit

BATCH = 4  # images at once: eight are slower on a CPU
HAM10000_LICENCE = "HAM10000 (doi:10.7910/DVN/DBW86T): CC BY-NC 4.0, no commercial use"
LICENCES = {"ISIC_": HAM10000_LICENCE, "DRAWN_": "drawn by dermxai_helpers.synth: MIT"}


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained network with everything needed to use it on new images."""

    model: nn.Module  # a MobileNetV2 of torchvision's shape (`.features`, `.classifier`), evaluation mode
    classes: tuple[str, ...]  # of each logit
    history: pd.DataFrame  # one row an epoch: losses, validation scores, learning rate
    backbone_name: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: tuple[int, int]
    card: dict  # where it comes from: data, licence, protocol, validation metrics

    def prepare(self, images: list[np.ndarray]) -> Tensor:
        """uint8 RGB arrays of any size -> float32 (B, 3, height, width), resized and normalised as in training."""
        return to_input(images, self.size, self.mean, self.std)

    def logits(self, images: list[np.ndarray]) -> np.ndarray:
        """Logits, (B, classes), of uint8 RGB arrays."""
        device, starts = next(self.model.parameters()).device, range(0, len(images), BATCH)
        with left_as_found(self.model), torch.inference_mode():
            parts = [self.model(self.prepare(images[start : start + BATCH]).to(device)).cpu() for start in starts]
        return torch.cat(parts).numpy()

    def predict_proba(self, images: list[np.ndarray]) -> np.ndarray:
        """Softmax, (B, classes), of uint8 RGB arrays. A class-weighted loss shifts it: these are scores, not risks."""
        return torch.from_numpy(self.logits(images)).softmax(dim=1).numpy()

    def predict_features(self, features: np.ndarray) -> np.ndarray:
        """Softmax, (n, classes), of pooled features (n, 1280): the same answer as from images, without the wait."""
        device = next(self.model.parameters()).device
        with left_as_found(self.model), torch.inference_mode():
            return self.model.classifier(torch.as_tensor(features, device=device)).softmax(dim=1).cpu().numpy()

    def save(self, path: Path | str) -> Path:
        """Write the weights (safetensors) and, beside them, the card (same name, .json). Returns the weights' path."""
        path = Path(path)
        state = {key: tensor.contiguous() for key, tensor in self.model.state_dict().items()}
        card = self.card | {"classes": self.classes, "backbone": self.backbone_name, "mean": self.mean}
        history = self.history.astype(object).where(self.history.notna(), None)  # JSON has no NaN
        card |= {"std": self.std, "size": self.size, "history": history.to_dict("list")}
        text = json.dumps(card | {"use": "teaching only, not for clinical use"}, indent=2, allow_nan=False)
        files.write_atomically(path, lambda unfinished: save_file(state, unfinished))
        files.write_atomically(path.with_suffix(".json"), lambda unfinished: unfinished.write_text(text))
        return path

    @classmethod
    def load(cls, path: Path | str) -> "Classifier":
        """Read what `save` wrote; files that are missing, damaged, pickled or no pair are refused with a sentence."""
        state, beside = backbones.read_weights(path), Path(path).with_suffix(".json")
        try:
            card = json.loads(beside.read_text())
            classes, mean, std, size = (tuple(card[name]) for name in ("classes", "mean", "std", "size"))
            model = backbones.new_network(len(classes))
            model.load_state_dict(state)
            history = pd.DataFrame(card["history"], dtype=float)
            return cls(model, classes, history, card["backbone"], mean, std, size, card)
        except (OSError, ValueError, TypeError, KeyError, RuntimeError) as problem:
            why = " ".join(f"{type(problem).__name__}: {problem}".split())[:200]
            raise ValueError(f"{path} and its card {beside.name} are no pair ({why}): copy or save both") from problem


def train(
    table: pd.DataFrame, split: pd.Series, backbone: str | Backbone = "demo", rebalance: str = "class weights",
    epochs: int = 10, learning_rate: float = 1e-4, seed: int = 0, progress: bool = True, keep: str = "best",
) -> Classifier:  # fmt: skip
    """Train a new head on the frozen backbone, as the paper does.

    table : columns dx, image_id, image_path (see `data.load`); split : "train" / "val" for each row (see `data.split`)
    backbone : "demo", "imagenet" or a Backbone; rebalance : one of `rebalancing.STRATEGIES`
    keep : "best" or "last" epoch (see `Plan`); take the last where losses of different kinds stand side by side
    The paper names plain cross-entropy, rebalance="none". Its random views are left out: cached features do not turn.
    Raises ValueError when a class or a part of the split is missing, or a setting is out of range.
    Source: Rodriguez, "Explainable AI for Dermatology", section 3.2.
    """
    source = backbones.backbone(backbone)
    if epochs < 1 or keep not in KEEP:
        raise ValueError(f"epochs={epochs}, keep={keep!r}: give one epoch or more, and keep {' or '.join(KEEP)}")
    seen, unseen = examples(table, split, source, progress)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = backbones.new_head(len(data.CLASSES))
        history = fit(head, seen, unseen, paper_plan(seen.labels, rebalance, epochs, learning_rate, keep))
    network = backbones.new_network(len(data.CLASSES))
    network.features, network.classifier = copied(source.features).float(), head
    kept = int(history["validation_loss"].idxmin()) if keep == "best" else len(history)
    scores = history.loc[kept].drop(["training_loss", "learning_rate"]).round(4).astype(object)
    card = {"backbone_note": source.note, "rebalance": rebalance, "epochs": epochs, "learning_rate": learning_rate}
    card |= {"batch_size": Plan.batch_size, "seed": seed, "kept_epoch": kept} | facts(table, split)
    card["validation"] = scores.where(scores.notna(), None).to_dict()  # no score where a class is absent; as JSON
    return Classifier(network, data.CLASSES, history, source.name, source.mean, source.std, source.size, card)


def paper_plan(labels: Tensor, rebalance: str, epochs: int, learning_rate: float, keep: str = "best") -> Plan:
    """Adam, early stopping, a learning rate that falls on a plateau, the best epoch kept. labels : of training, (n,)"""
    return Plan(
        optimiser=lambda head: torch.optim.Adam(head.parameters(), lr=learning_rate),
        loss=rebalancing.loss_for(rebalance, labels), order=rebalancing.order_for(rebalance, labels),
        # two epochs without gain halve the learning rate; the paper states no number
        schedule=lambda optimiser: ReduceLROnPlateau(optimiser, factor=0.5, patience=1), epochs=epochs, keep=keep,
    )  # fmt: skip


def examples(table: pd.DataFrame, split: pd.Series, source: Backbone, progress: bool) -> tuple[Examples, Examples]:
    """What is learnt from and what is judged on; ValueError unless all classes and both parts are there."""
    if unknown := sorted(set(table["dx"]) - set(data.CLASSES)):
        raise ValueError(f"the table holds class {', '.join(unknown)}: keep only {', '.join(data.CLASSES)}")
    if not split.index.equals(table.index) or set(split) != {"train", "val"}:
        raise ValueError('split needs the table\'s index and the values "train" and "val": use data.split(table)')
    if absent := sorted(set(data.CLASSES) - set(table.loc[split == "train", "dx"])):
        raise ValueError(f"no training image is of class {', '.join(absent)}: use more images or another seed")

    def cached(part: str) -> Examples:
        rows = table[split == part]
        features = torch.from_numpy(cached_features(source, rows["image_path"], progress))
        return Examples(features.__getitem__, torch.tensor([data.CLASSES.index(dx) for dx in rows["dx"]]))

    return cached("train"), cached("val")


def facts(table: pd.DataFrame, split: pd.Series) -> dict:
    """Which images, labels and split a model saw (one hash over all of it), and the licence that follows from them."""
    rows = zip(map(file_digest, map(Path, table["image_path"])), table["dx"], split, strict=True)
    licences = {text for start, text in LICENCES.items() if table["image_id"].str.startswith(start).any()}
    known = table["image_id"].str.startswith(tuple(LICENCES)).all()
    return {
        "data_sha256": hashlib.sha256("\n".join(sorted(map(",".join, rows))).encode()).hexdigest(),
        "data_licence": sorted(licences) if known else ["unknown: ask whoever gave you the images"],
        "images": split.value_counts().to_dict(),
    }


def baseline_predictions(table: pd.DataFrame, split: pd.Series, seed: int = 0) -> dict[str, np.ndarray]:
    """What image-blind guessers say about the validation images: {name: class names in the table's order}.

    constant : always training's commonest class; stratified guess : a die loaded with training's frequencies;
    metadata : balanced logistic regression on age, sex, site, never on `dx_type` (melanoma is always "histo": a leak)
    """
    from sklearn.compose import make_column_transformer
    from sklearn.dummy import DummyClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    age, others = make_pipeline(SimpleImputer(), StandardScaler()), OneHotEncoder(handle_unknown="ignore")
    as_numbers = make_column_transformer((age, ["age"]), (others, ["sex", "localization"]))
    models = {
        "constant": DummyClassifier(strategy="most_frequent"),
        "stratified guess": DummyClassifier(strategy="stratified", random_state=seed),
        "metadata": make_pipeline(as_numbers, LogisticRegression(class_weight="balanced", max_iter=1000)),
    }
    seen, unseen = (table.loc[split == part, ["age", "sex", "localization"]] for part in ("train", "val"))
    return {name: model.fit(seen, table.loc[seen.index, "dx"]).predict(unseen) for name, model in models.items()}
