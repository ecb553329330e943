"""How is the classifier trained and judged?

The paper's protocol: MobileNetV2 with a frozen backbone and a new last layer, cross-entropy, Adam, early stopping, a
learning rate that falls on a plateau, the best epoch restored. The backbone's features are computed once (`features`).
"""

import copy
import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from dermxai_helpers import data, scoring
from dermxai_helpers.training import loop as fitting
from dermxai_helpers.training import rebalancing
from dermxai_helpers.training.backbones import Backbone, as_backbone, assembled, backbone, new_head
from dermxai_helpers.training.classifier import Classifier
from dermxai_helpers.training.features import cached_features, cached_views, file_digest, fingerprint

__all__ = ["Backbone", "Classifier", "backbone", "baseline_predictions", "baselines", "cached_features", "train"]

STOPPING_PATIENCE = 3  # epochs without a lower validation loss before training stops; the paper states no number
PLATEAU = {"factor": 0.5, "patience": 1}  # two epochs without gain halve the learning rate; the paper states no number
LICENCES = {
    "ISIC_": "HAM10000 (doi:10.7910/DVN/DBW86T): CC BY-NC 4.0, no commercial use",
    "DRAWN_": "drawn by dermxai_helpers.synth: MIT",
}


def train(
    table: pd.DataFrame, split: pd.Series, backbone: str | Backbone = "demo", rebalance: str = "class weights",
    views: int = 0, epochs: int = 10, learning_rate: float = 1e-4, batch_size: int = 32, seed: int = 0,
    checkpoint: Path | None = None, progress: bool = True,
) -> Classifier:
    """Train a new head on the frozen backbone, as the paper does.

    table : columns dx, image_id, image_path (see `data.load`); split : "train" / "val" for each row (see `data.split`)
    backbone : "demo", "imagenet", "timm:..." or a Backbone; rebalance : one of `rebalancing.STRATEGIES`
    views : random crops, flips and turns of each training photograph, of which every epoch takes one at random; 0
        trains on the photographs as they are
    checkpoint : a file written after every epoch; a training that was killed goes on from it

    The paper's text names plain cross-entropy; its recalls imply some rebalancing, so class weights are the default.
    Raises ValueError when a class or a part of the split is missing, or a setting is out of range.
    Source: Rodriguez, "Explainable AI for Dermatology", section 3.2.
    """
    source = as_backbone(backbone)
    check(table, split)
    if epochs < 1 or views < 0:
        raise ValueError(f"epochs={epochs}, views={views}: need at least one epoch, and 0 or more views")
    training, validation = (table[split == part] for part in ("train", "val"))
    wanted = range(1, views + 1) if views else [0]
    seen = labelled(training, cached_views(source, training["image_path"], wanted, progress))
    unseen = labelled(validation, cached_features(source, validation["image_path"], progress)[:, None])
    plan = paper_plan(seen.labels, rebalance, epochs, learning_rate, batch_size)
    settings = {"rebalance": rebalance, "views": views, "epochs": epochs, "learning_rate": learning_rate}
    settings |= {"batch_size": batch_size, "seed": seed}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = new_head(len(data.CLASSES), source.width)
        name = identity(table, split, source, repr(settings)) if checkpoint else ""
        history = fitting.fit(head, seen, unseen, plan, checkpoint, name)
    network = assembled(source, copy.deepcopy(source.features), head)
    best = int(history["validation_loss"].idxmin())
    return classifier(table, split, source, network, history, best, settings)


def labelled(table: pd.DataFrame, features: np.ndarray) -> fitting.Examples:
    """Features (n, views, width) and the classes of the table's rows, one random view of each row at a time."""
    values = torch.from_numpy(features)

    def chosen(rows: Tensor) -> Tensor:
        if values.shape[1] == 1:  # no choice, no random number spent
            return values[rows, 0]
        return values[rows, torch.randint(values.shape[1], (len(rows),))]

    return fitting.Examples(chosen, torch.tensor(table["dx"].map(data.CLASSES.index).to_numpy()))


def paper_plan(
    labels: Tensor, rebalance: str, epochs: int, learning_rate: float, batch_size: int
) -> fitting.Plan:
    """Adam, early stopping, a learning rate that falls on a plateau, the best epoch kept. labels : of training, (n,)"""
    return fitting.Plan(
        optimiser=lambda head: torch.optim.Adam(head.parameters(), lr=learning_rate),
        schedule=lambda optimiser: torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, **PLATEAU),
        loss=rebalancing.loss_for(rebalance, labels),
        order=rebalancing.order_for(rebalance, labels),
        epochs=epochs,
        batch_size=batch_size,
        patience=STOPPING_PATIENCE,
    )


def classifier(
    table: pd.DataFrame, split: pd.Series, source: Backbone, network: torch.nn.Module, history: pd.DataFrame,
    kept_epoch: int, settings: dict,
) -> Classifier:
    """A Classifier with its card: settings, data, licence and the scores of the epoch that was kept."""
    kept = history.loc[kept_epoch].drop(["training_loss", "learning_rate"])
    card = {"backbone_note": source.note, **settings, "best_epoch": kept_epoch, "validation": kept.round(4).to_dict()}
    return Classifier(
        network, data.CLASSES, history, source.name, source.mean, source.std, source.size, source.architecture,
        card | data_facts(table, split),
    )


def identity(table: pd.DataFrame, split: pd.Series, source: Backbone, settings: str) -> str:
    """One hash of everything that decides how a training ends: images, labels, split, backbone, settings."""
    facts = (data_facts(table, split)["data_sha256"], fingerprint(source), settings)
    return hashlib.sha256(repr(facts).encode()).hexdigest()


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


def check(table: pd.DataFrame, split: pd.Series) -> None:
    """Every class and both parts of the split must be there, and nothing else."""
    strangers = sorted(set(table["dx"]) - set(data.CLASSES))
    if strangers:
        raise ValueError(f"the table holds class {', '.join(strangers)}: keep only {', '.join(data.CLASSES)}")
    if not split.index.equals(table.index) or set(split) != {"train", "val"}:
        raise ValueError('split needs the table\'s index and the values "train" and "val": use data.split(table)')
    absent = sorted(set(data.CLASSES) - set(table.loc[split == "train", "dx"]))
    if absent:
        raise ValueError(f"no training image is of class {', '.join(absent)}: use more images or another seed")


def data_facts(table: pd.DataFrame, split: pd.Series) -> dict:
    """Which images, labels and split a model saw (one hash over all of it), and the licence that follows from them."""
    rows = zip(map(file_digest, map(Path, table["image_path"])), table["dx"], split, strict=True)
    licences = {text for start, text in LICENCES.items() if table["image_id"].str.startswith(start).any()}
    known = table["image_id"].str.startswith(tuple(LICENCES)).all()
    return {
        "data_sha256": hashlib.sha256("\n".join(sorted(map(",".join, rows))).encode()).hexdigest(),
        "data_licence": sorted(licences) if known else ["unknown: ask whoever gave you the images"],
        "images": split.value_counts().to_dict(),
    }
