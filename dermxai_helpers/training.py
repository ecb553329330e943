"""How is the classifier trained and judged?

The paper's protocol: MobileNetV2 with a frozen backbone and a new last layer, cross-entropy, Adam, early stopping, a
learning rate that falls on a plateau, the best epoch restored. The backbone's features are computed once (`features`).
"""

import copy
import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn
from torch.nn import functional

from dermxai_helpers import data, scoring
from dermxai_helpers.features import (
    Backbone,
    as_backbone,
    backbone,
    cached_features,
    file_digest,
    read_weights,
    to_input,
)

__all__ = ["Backbone", "Classifier", "backbone", "baseline_predictions", "baselines", "cached_features", "train"]

DROPOUT = 0.2  # torchvision's own head for MobileNetV2
STOPPING_PATIENCE = 3  # epochs without a lower validation loss before training stops; the paper states no number
PLATEAU = {"factor": 0.5, "patience": 1}  # two epochs without gain halve the learning rate; the paper states no number
LICENCES = {
    "ISIC_": "HAM10000 (doi:10.7910/DVN/DBW86T): CC BY-NC 4.0, no commercial use",
    "DRAWN_": "drawn by dermxai_helpers.synth: MIT",
}


@dataclass(frozen=True, eq=False)
class Classifier:
    """A trained MobileNetV2 with everything needed to use it on new images.

    model : the complete network in torchvision's shape (`.features`, `.classifier`), evaluation mode
    classes : class name of each logit
    history : one row an epoch: losses, validation scores, learning rate
    card : where it comes from (data, licence, protocol, validation metrics)
    """

    model: nn.Module
    classes: tuple[str, ...]
    history: pd.DataFrame
    backbone_name: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    size: tuple[int, int]
    card: dict = field(default_factory=dict)

    def prepare(self, images: list[np.ndarray]) -> torch.Tensor:
        """uint8 RGB arrays of any size -> float32 (B, 3, height, width), resized and normalised as in training."""
        return to_input(images, self.size, self.mean, self.std)

    def predict_proba(self, images: list[np.ndarray]) -> np.ndarray:
        """Softmax, (B, classes), of uint8 RGB arrays. A class-weighted loss shifts it: these are scores, not risks."""
        with torch.inference_mode():
            parts = [self.model(self.prepare(images[start:start + 8])) for start in range(0, len(images), 8)]
            return torch.cat(parts).softmax(dim=1).numpy()

    def predict_features(self, features: np.ndarray) -> np.ndarray:
        """Softmax, (n, classes), of pooled features (n, 1280): the same answer as from images, without the wait."""
        with torch.inference_mode():
            return self.model.classifier(torch.as_tensor(features)).softmax(dim=1).numpy()

    def save(self, path: Path | str) -> Path:
        """Write the weights (safetensors) and, beside them, the card (same name, .json). Returns the weights' path."""
        from safetensors.torch import save_file

        path = Path(path)
        state = {key: tensor.contiguous() for key, tensor in self.model.state_dict().items()}
        card = self.card | {
            "architecture": "torchvision mobilenet_v2", "classes": list(self.classes), "backbone": self.backbone_name,
            "mean": list(self.mean), "std": list(self.std), "size": list(self.size),
            "history": self.history.to_dict("list"), "use": "teaching only, not for clinical use",
        }
        data.write_atomically(path, lambda unfinished: save_file(state, unfinished))
        data.write_atomically(card_path(path), lambda unfinished: unfinished.write_text(json.dumps(card, indent=2)))
        return path

    @classmethod
    def load(cls, path: Path | str) -> "Classifier":
        """Read what `save` wrote.

        Raises FileNotFoundError for a missing file and ValueError for a truncated or pickled one, another architecture,
        or a card whose classes do not fit the weights.
        """
        state, card = read_weights(path), _read_card(card_path(path))
        classes = tuple(card["classes"])
        outputs = len(state.get("classifier.1.bias", ()))
        if outputs and outputs != len(classes):
            raise ValueError(f"{path} has {outputs} outputs, its card lists {len(classes)} classes: they are no pair")
        model = new_model(len(classes))
        try:
            model.load_state_dict(state)
        except RuntimeError as problem:
            reason = " ".join(str(problem).split())[:200]
            raise ValueError(f"{path} does not fit torchvision's mobilenet_v2: {reason}") from problem
        return cls(
            model, classes, pd.DataFrame(card["history"]), card["backbone"],
            tuple(card["mean"]), tuple(card["std"]), tuple(card["size"]), card,
        )


def train(
    table: pd.DataFrame, split: pd.Series, backbone: str | Backbone = "demo", class_weight: str | None = "balanced",
    epochs: int = 10, learning_rate: float = 1e-4, batch_size: int = 32, seed: int = 0, progress: bool = True,
) -> Classifier:
    """Train a new head on the frozen backbone, as the paper does.

    table : columns dx, image_id, image_path (see `data.load`); split : "train" / "val" for each row (see `data.split`)
    backbone : "demo", "imagenet" or a Backbone; class_weight : "balanced" (loss weights ~ 1 / class frequency) or None

    Two departures from the paper, both stated in the course: no augmentation (a cached feature cannot be cropped), and
    class weights, which the paper's recalls imply but its text does not mention.
    Raises ValueError when a class or a part of the split is missing, or a setting is out of range.
    Source: Rodriguez, "Explainable AI for Dermatology", section 3.2.
    """
    source = as_backbone(backbone)
    _check(table, split)
    if class_weight not in ("balanced", None) or epochs < 1:
        given = f"class_weight={class_weight!r}, epochs={epochs}"
        raise ValueError(f'{given}: need "balanced" or None, and at least one epoch')
    features = torch.from_numpy(cached_features(source, table["image_path"], progress))
    labels = torch.tensor(table["dx"].map(data.CLASSES.index).to_numpy())
    training, validation = (torch.from_numpy((split == part).to_numpy().copy()) for part in ("train", "val"))
    weights = class_weights(labels[training]) if class_weight == "balanced" else None
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = new_head(len(data.CLASSES))
        history = fit(head, (features[training], labels[training]), (features[validation], labels[validation]),
                      weights, epochs, learning_rate, batch_size)
    model = new_model(len(data.CLASSES))
    model.features, model.classifier = copy.deepcopy(source.features), head
    best = int(history["validation_loss"].idxmin())
    card = {
        "backbone_note": source.note, "class_weight": class_weight, "epochs": epochs, "learning_rate": learning_rate,
        "batch_size": batch_size, "seed": seed, "best_epoch": best,
        "validation": history.loc[best].drop(["training_loss", "learning_rate"]).round(4).to_dict(),
    } | _data_facts(table, split)
    return Classifier(model.eval(), data.CLASSES, history, source.name, source.mean, source.std, source.size, card)


def new_head(classes: int) -> nn.Sequential:
    """torchvision's MobileNetV2 head, freshly initialised: dropout, then a linear layer, 1,280 features to logits."""
    head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(1280, classes))
    nn.init.normal_(head[1].weight, std=0.01)
    nn.init.zeros_(head[1].bias)
    return head


def new_model(classes: int) -> nn.Module:
    """A complete torchvision MobileNetV2 with random weights, evaluation mode."""
    from torchvision.models import mobilenet_v2

    with torch.random.fork_rng(devices=[]):
        return mobilenet_v2(weights=None, num_classes=classes).eval()


def class_weights(labels: torch.Tensor) -> torch.Tensor:
    """Loss weight of each class, (classes,): n / (classes * n_class), so that every class weighs the same in all."""
    counts = torch.bincount(labels)
    return len(labels) / (len(counts) * counts.float())


def fit(head, training, validation, weights, epochs: int, learning_rate: float, batch_size: int) -> pd.DataFrame:
    """Train `head` in place on (features, labels) pairs and leave it at its best epoch (lowest validation loss).

    Returns the history, one row an epoch (index 1 ...): training_loss, validation_loss, the columns of `scoring.scores`
    on the validation part, learning_rate.
    """
    optimiser = torch.optim.Adam(head.parameters(), lr=learning_rate)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, **PLATEAU)
    rows, best, waited = [], None, 0
    for _ in range(epochs):
        rate = optimiser.param_groups[0]["lr"]
        row = {"training_loss": train_epoch(head, *training, optimiser, weights, batch_size)}
        row |= validate(head, *validation, weights) | {"learning_rate": rate}
        if not np.isfinite(row["validation_loss"]):
            epoch = len(rows) + 1
            raise ValueError(f"the loss is not finite in epoch {epoch}: take a learning rate below {learning_rate}")
        improved = all(row["validation_loss"] < earlier["validation_loss"] for earlier in rows)
        rows.append(row)
        if improved:
            best, waited = copy.deepcopy(head.state_dict()), 0
        else:
            waited += 1
        if waited == STOPPING_PATIENCE:
            break
        plateau.step(row["validation_loss"])
    head.load_state_dict(best)
    head.eval()
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="epoch"))


def train_epoch(head, features, labels, optimiser, weights, batch_size: int) -> float:
    """One pass over the training images in random order; returns the mean loss of its batches."""
    head.train()
    losses = []
    for batch in torch.randperm(len(labels)).split(batch_size):
        loss = functional.cross_entropy(head(features[batch]), labels[batch], weight=weights)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    return float(np.mean(losses))


def validate(head, features, labels, weights) -> dict[str, float]:
    """validation_loss, and the scores of `scoring.scores`, without dropout."""
    head.eval()
    with torch.no_grad():
        logits = head(features)
    loss = functional.cross_entropy(logits, labels, weight=weights).item()
    classes = np.array(data.CLASSES)
    predicted = classes[logits.argmax(dim=1).numpy()]
    return {"validation_loss": loss} | scoring.scores(classes[labels.numpy()], predicted, data.CLASSES)


def baseline_predictions(table: pd.DataFrame, split: pd.Series, seed: int = 0) -> dict[str, np.ndarray]:
    """What image-blind guessers say about the validation images: {name: class names in the table's order}.

    constant : always training's commonest class; stratified guess : a die loaded with training's frequencies;
    metadata : balanced logistic regression on age, sex, site, never on `dx_type` (melanoma is always "histo": a leak)
    """
    from sklearn.dummy import DummyClassifier

    columns = ["age", "sex", "localization"]
    seen, unseen = table[split == "train"], table[split == "val"]
    models = {
        "constant": DummyClassifier(strategy="most_frequent"),
        "stratified guess": DummyClassifier(strategy="stratified", random_state=seed),
        "metadata": _metadata_model(),
    }
    return {name: model.fit(seen[columns], seen["dx"]).predict(unseen[columns]) for name, model in models.items()}


def baselines(table: pd.DataFrame, split: pd.Series, seed: int = 0) -> pd.DataFrame:
    """Scores of the image-blind guessers on the validation part, one row each, columns as in `scoring.scores`."""
    labels = table.loc[split == "val", "dx"].to_numpy()
    guesses = baseline_predictions(table, split, seed)
    return pd.DataFrame({name: scoring.scores(labels, guess, data.CLASSES) for name, guess in guesses.items()}).T


def card_path(path: Path | str) -> Path:
    """The JSON card that belongs to a weights file."""
    return Path(path).with_suffix(".json")


def _metadata_model():
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        (OneHotEncoder(handle_unknown="ignore"), ["sex", "localization"]),
    )
    return make_pipeline(columns, LogisticRegression(class_weight="balanced", max_iter=1000))


def _check(table: pd.DataFrame, split: pd.Series) -> None:
    """Every class and both parts of the split must be there, and nothing else."""
    strangers = sorted(set(table["dx"]) - set(data.CLASSES))
    if strangers:
        raise ValueError(f"the table holds class {', '.join(strangers)}: keep only {', '.join(data.CLASSES)}")
    if not split.index.equals(table.index) or set(split) != {"train", "val"}:
        raise ValueError('split needs the table\'s index and the values "train" and "val": use data.split(table)')
    absent = sorted(set(data.CLASSES) - set(table.loc[split == "train", "dx"]))
    if absent:
        raise ValueError(f"no training image is of class {', '.join(absent)}: use more images or another seed")


def _data_facts(table: pd.DataFrame, split: pd.Series) -> dict:
    """Which images, labels and split a model saw (one hash over all of it), and the licence that follows from them."""
    rows = zip(map(file_digest, map(Path, table["image_path"])), table["dx"], split, strict=True)
    licences = {text for start, text in LICENCES.items() if table["image_id"].str.startswith(start).any()}
    known = table["image_id"].str.startswith(tuple(LICENCES)).all()
    return {
        "data_sha256": hashlib.sha256("\n".join(sorted(map(",".join, rows))).encode()).hexdigest(),
        "data_licence": sorted(licences) if known else ["unknown: ask whoever gave you the images"],
        "images": split.value_counts().to_dict(),
    }


def _read_card(path: Path) -> dict:
    if not path.is_file():
        raise FileNotFoundError(f"no card at {path}: weights alone do not say which classes they know; copy both files")
    try:
        card = json.loads(path.read_text())
        absent = {"classes", "history", "backbone", "mean", "std", "size"} - set(card)
    except (ValueError, TypeError) as problem:
        raise ValueError(f"the card {path} cannot be read ({problem}): save the model again") from problem
    if absent:
        raise ValueError(f"the card {path} lacks {', '.join(sorted(absent))}: save the model again")
    return card
