"""Fine-tuning: the last blocks of MobileNetV2 learn, too; what the first blocks give is computed once."""

import copy
import hashlib
from collections import OrderedDict
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from dermxai_helpers import data, files, scoring
from dermxai_helpers.training import backbones
from dermxai_helpers.training.features import fingerprint
from dermxai_helpers.training.head import Classifier, classifier, examples, facts
from dermxai_helpers.training.loop import finetuning_plan, fit

SIZE = (160, 160)  # (height, width) of the network's input
BATCH_SIZE = 64
LEARNING_RATE = 1e-3  # of the new head ...
LAYER_DECAY = 0.8  # ... and of every block below it, this share of the rate of the one above


class LastBlocks(nn.Sequential):
    """The blocks that learn, mean over the cells, a new head: maps (B, channels, h, w) of the frozen ones -> logits."""

    def __init__(self, features: nn.Sequential, head: nn.Module):
        super().__init__(OrderedDict(features=features, mean=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten(), head=head))

    def group_matcher(self, coarse: bool = False) -> dict[str, str]:
        """Tells timm which weights form a layer; those of the head, which match nothing, are its last one."""
        return {"blocks": r"^features\.(\d+)"}


def run(
    folder: Path, target: Path, backbone: str, first_block: int, views: int, epochs: int, seed: int
) -> pd.DataFrame:
    """Fine-tune on a folder, split by lesion; write weights, card and a row of runs.csv; return scores with intervals.

    target : the weights' file; the checkpoint, the card and runs.csv lie beside it
    """
    table = data.load(folder)
    split = data.split(table, by="lesion", seed=seed)
    trained = finetune(table, split, backbone, first_block, views, epochs, seed, target.parent)
    trained.save(target)
    runs = target.with_name("runs.csv")
    row = pd.json_normalize({"name": target.stem, **trained.card})
    row.to_csv(runs, mode="a", header=not runs.exists(), index=False)
    judged = table[split == "val"]
    paths = files.progress(judged["image_path"], "judging")
    predicted = np.array(data.CLASSES)[[trained.logits([data.open_image(path)]).argmax() for path in paths]]
    return scoring.scores_with_intervals(judged["dx"], predicted, judged["lesion_id"], data.CLASSES)


def finetune(
    table: pd.DataFrame, split: pd.Series, backbone, first_block: int, views: int, epochs: int, seed: int, folder: Path
) -> Classifier:
    """Train the last blocks and a new head; table, split and backbone are as for `head.train`.

    first_block : the first of MobileNetV2's 19 blocks, numbered from 0, that learns
    views : augmented views of each training photograph
    folder : for a checkpoint after every epoch; a killed training goes on from it

    The running mean of the weights after the last epoch is kept, whatever the validation part says: it chooses nothing,
    so its scores are not too good for having been chosen.
    """
    if not 1 <= first_block <= 18:
        raise ValueError(f"first_block={first_block}: the first block that learns is one of the blocks 1 to 18")
    source = replace(backbones.backbone(backbone), size=SIZE)
    seen, unseen = examples(table, split, source, views, True, first_block)
    card = {"rebalance": "logit adjustment", "first_block": first_block, "views": views, "epochs": epochs, "seed": seed}
    card |= {"learning_rate": LEARNING_RATE, "batch_size": BATCH_SIZE, "best_epoch": epochs, **facts(table, split)}
    identity = hashlib.sha256(repr((card, fingerprint(source))).encode()).hexdigest()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        blocks = LastBlocks(copy.deepcopy(source.features[first_block:]), backbones.new_head(len(data.CLASSES)))
        blocks.to("cuda" if torch.cuda.is_available() else "cpu")
        plan = finetuning_plan(optimiser, seen.labels, epochs, BATCH_SIZE, average=0.995)
        history = fit(blocks, seen, unseen, plan, folder / f"unfinished-{identity[:16]}.pt")
    frozen = copy.deepcopy(source.features[:first_block])
    network = backbones.assembled(nn.Sequential(*frozen, *blocks.cpu().features), blocks.head)
    return classifier(source, network, history, card)


def optimiser(network: LastBlocks) -> torch.optim.Optimizer:
    """AdamW whose learning rate is the lower, the farther a block is from the head: early blocks know what is general.

    Source: Howard and Ruder 2018, "Universal language model fine-tuning", section 3.2 (discriminative fine-tuning).
    """
    from timm.optim import param_groups_layer_decay

    groups = param_groups_layer_decay(network, 0.02, layer_decay=LAYER_DECAY, weight_decay_exclude_1d=False)
    for group in groups:
        group["lr"] = LEARNING_RATE * group["lr_scale"]
    return torch.optim.AdamW(groups)
