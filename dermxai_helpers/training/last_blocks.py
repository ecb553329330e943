"""How far does the network get when its last blocks may learn, too?

The first blocks stay frozen, so what they give for one view of a photograph never changes: their feature maps are
computed once for a few augmented views, kept on disk in half precision, and read from there in every epoch.
"""

import copy
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from dermxai_helpers import data, scoring
from dermxai_helpers.files import cache_folder, write_atomically
from dermxai_helpers.inference import quick, to_input
from dermxai_helpers.training import augmentation, experiments, rebalancing
from dermxai_helpers.training import head as training
from dermxai_helpers.training import loop as fitting
from dermxai_helpers.training.backbones import MOBILENET, Backbone, as_backbone, assembled, new_head
from dermxai_helpers.training.features import BATCH, file_digest, fingerprint, open_view

BLOCK = 512  # photographs in one file of the cache: an interrupted run loses at most this much work


@dataclass(frozen=True)
class Recipe:
    """The settings of a fine-tuning.

    first_block : the first of the backbone's blocks that learns (MobileNetV2 has 19, numbered from 0)
    size : (height, width) of the network's input
    views : augmented views of each training photograph
    learning_rate : of the new head; every block below learns at `slower` times the rate of the one above
    average : decay of the running mean of the weights
    """

    first_block: int = 11
    size: tuple[int, int] = (160, 160)
    views: int = 4
    epochs: int = 15
    batch_size: int = 64
    learning_rate: float = 1e-3
    slower: float = 0.8
    weight_decay: float = 0.02
    average: float = 0.995
    rebalance: str = "logit adjustment"


class Tail(nn.Module):
    """The blocks that learn, mean over the cells, a new head: feature maps of the frozen blocks -> logits."""

    def __init__(self, features: nn.Sequential, classifier: nn.Module):
        super().__init__()
        self.features, self.classifier = features, classifier

    def forward(self, maps: Tensor) -> Tensor:
        """maps : (B, channels, h, w) -> (B, classes)"""
        return self.classifier(self.features(maps).mean(dim=(2, 3)))


class StemMaps:
    """Feature maps of the frozen blocks, read from files when they are needed.

    files : one array (photographs, views, channels, h, w), float16, for each BLOCK of photographs
    """

    def __init__(self, files: Sequence[Path]):
        self.blocks = [np.load(file, mmap_mode="r") for file in files]

    def __call__(self, rows: Tensor) -> Tensor:
        """float32 (B, channels, h, w): a random view of each of the rows (B,)."""
        views = torch.randint(self.blocks[0].shape[1], (len(rows),)).tolist()
        chosen = [self.blocks[row // BLOCK][row % BLOCK, view] for row, view in zip(rows.tolist(), views, strict=True)]
        return torch.from_numpy(np.stack(chosen)).float()


def stem_maps(backbone: Backbone, stem: nn.Module, paths, views: Sequence[int], progress: bool = True) -> StemMaps:
    """Maps that `stem` gives for views of image files; view 0 is the photograph itself, every other a random one.

    Cached on disk by the weights, the views and the files' content; a killed run goes on with the first missing file.
    """
    paths = [Path(path) for path in paths]
    folder = cache_folder() / "stems" / f"{backbone.name}-{_key(backbone, stem, views)}"
    blocks = [paths[start:start + BLOCK] for start in range(0, len(paths), BLOCK)]
    files = [folder / f"{hashlib.sha256(''.join(map(file_digest, block)).encode()).hexdigest()[:16]}.npy"
             for block in blocks]
    missing = [(file, block) for file, block in zip(files, blocks, strict=True) if not file.is_file()]
    quiet = {} if progress and missing else {"disable": True}  # unset, so that TQDM_DISABLE may decide
    with tqdm(total=sum(len(block) for _, block in missing), desc="frozen blocks", unit="image", **quiet) as bar:
        for file, block in missing:
            maps = _compute(backbone, stem, block, views, bar)
            write_atomically(file, lambda unfinished, maps=maps: np.save(unfinished, maps))
    return StemMaps(files)


def finetune(
    table: pd.DataFrame, split: pd.Series, backbone: str | Backbone = "imagenet", recipe: Recipe | None = None,
    seed: int = 0, checkpoint: Path | None = None, progress: bool = True,
):
    """Train the last blocks and a new head; returns a `training.Classifier` like `training.train`.

    table, split, backbone, seed : as for `training.train`; recipe : the settings, or None for those of `Recipe()`
    checkpoint : a file written after every epoch; a killed training goes on from it

    The epoch that is kept is the last one, whatever the validation part says: it chooses nothing, so its scores are
    not too good for having been chosen. The running mean of the weights is what is kept.
    """
    recipe = recipe or Recipe()
    source = replace(as_backbone(backbone), size=recipe.size)
    training.check(table, split)
    if source.architecture != MOBILENET or not 1 <= recipe.first_block <= 18:
        given = f"backbone {source.name}, first_block={recipe.first_block}"
        raise ValueError(f"{given}: only a MobileNetV2 can be fine-tuned here, from one of its blocks 1 to 18 on")
    parts = {part: table[split == part] for part in ("train", "val")}
    stem = copy.deepcopy(source.features[:recipe.first_block])
    labels = {part: torch.tensor(rows["dx"].map(data.CLASSES.index).to_numpy()) for part, rows in parts.items()}
    views = {"train": range(1, recipe.views + 1), "val": [0]}
    examples = {
        part: fitting.Examples(stem_maps(source, stem, rows["image_path"], views[part], progress), labels[part])
        for part, rows in parts.items()
    }
    identity = training.identity(table, split, source, repr((recipe, seed)))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        head = new_head(len(data.CLASSES), source.width)
        tail = Tail(copy.deepcopy(source.features[recipe.first_block:]), head).to(_device())
        plan = plan_for(recipe, labels["train"])
        history = fitting.fit(tail, examples["train"], examples["val"], plan, checkpoint, identity, progress)
    tail = tail.cpu()
    network = assembled(source, nn.Sequential(*stem, *tail.features), tail.classifier)
    settings = {"finetuned": asdict(recipe), "seed": seed}
    return training.classifier(table, split, source, network, history, len(history), settings)


def run(folder: Path, target: Path, backbone: str, recipe: Recipe, seed: int = 0) -> pd.DataFrame:
    """Fine-tune on a folder, split by lesion; write weights, card and a row of runs.csv; return scores with intervals.

    target : the weights' file; the checkpoint, the card and runs.csv lie beside it
    """
    table = data.load(folder)
    split = data.split(table, by="lesion", seed=seed)
    classifier = finetune(table, split, backbone, recipe, seed, target.with_suffix(".unfinished.pt"))
    classifier.save(target)
    judged = table[split == "val"]
    images = (data.open_image(path) for path in tqdm(judged["image_path"], desc="judging", unit="image"))
    answers = np.concatenate([classifier.predict_proba([image]) for image in images]).argmax(axis=1)
    predicted = np.array(data.CLASSES)[answers]
    scores = scoring.scores_with_intervals(judged["dx"], predicted, judged["lesion_id"], data.CLASSES)
    experiments.log(target.with_name("runs.csv"), classifier, target.stem)
    return scores


def plan_for(recipe: Recipe, labels: Tensor) -> fitting.Plan:
    """Adam with decoupled weight decay, a learning rate that falls like a cosine, a running mean, no early stopping."""
    return fitting.Plan(
        optimiser=lambda tail: torch.optim.AdamW(rates(tail, recipe), weight_decay=recipe.weight_decay),
        schedule=lambda optimiser: fitting.Cosine(optimiser, recipe.epochs),
        loss=rebalancing.loss_for(recipe.rebalance, labels),
        order=rebalancing.order_for(recipe.rebalance, labels),
        epochs=recipe.epochs,
        batch_size=recipe.batch_size,
        average=recipe.average,
        keep="last",
    )


def rates(tail: Tail, recipe: Recipe) -> list[dict]:
    """Learning rates, block by block: the farther from the head, the slower, as early blocks know more that is general.

    Source: Howard and Ruder 2018, "Universal language model fine-tuning", section 3.2 (discriminative fine-tuning).
    """
    groups = [{"params": list(tail.classifier.parameters()), "lr": recipe.learning_rate}]
    for depth, block in enumerate(reversed(tail.features), 1):
        groups.append({"params": list(block.parameters()), "lr": recipe.learning_rate * recipe.slower**depth})
    return groups


def _compute(backbone: Backbone, stem: nn.Module, paths: list[Path], views: Sequence[int], bar) -> np.ndarray:
    """Maps (photographs, views, channels, h, w), float16, of some image files."""
    rows = []
    device = _device()
    stem = quick(stem).to(device)
    with torch.inference_mode():
        for path in paths:
            pictures = [open_view(path, view) for view in views]
            for start in range(0, len(pictures), BATCH):
                batch = to_input(pictures[start:start + BATCH], backbone.size, backbone.mean, backbone.std)
                maps = stem(batch.to(device, memory_format=torch.channels_last))
                rows.append(maps.half().contiguous().cpu().numpy())
            bar.update()
    return np.concatenate(rows).reshape(len(paths), len(views), *rows[0].shape[1:])


def _key(backbone: Backbone, stem: nn.Module, views: Sequence[int]) -> str:
    what = (fingerprint(backbone), len(stem), list(views), augmentation.version())
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


def _device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
