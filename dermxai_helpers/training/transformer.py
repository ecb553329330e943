"""How does a timm vision transformer learn your classes?

The patches and the first blocks stay as they were, so what they give for a picture is computed once; the last blocks,
the norm and the head learn. What comes out is an ordinary timm model: `torch.save(model.state_dict(), ...)` keeps it.
"""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from dermxai_helpers import relevancy
from dermxai_helpers.relevancy import forward as vit_pass
from dermxai_helpers.training import loop as fitting
from dermxai_helpers.training import rebalancing

BATCH = 8  # pictures at once in the frozen part


@dataclass(frozen=True)
class Pictures:
    """What a transformer learns from or is judged on.

    images : uint8 RGB pictures of any size; labels : a class name each
    """

    images: Sequence[np.ndarray]
    labels: Sequence[str]


class Tail(nn.Module):
    """The blocks of a timm transformer that learn, its last norm and its head: tokens (B, N, D) -> logits."""

    def __init__(self, model: nn.Module, blocks: int):
        super().__init__()
        self.model, self.blocks = model, blocks
        model.requires_grad_(False)
        for part in (*self.learning(), model.norm, model.fc_norm, model.head):
            part.requires_grad_(True)

    def learning(self) -> Sequence[nn.Module]:
        """The blocks that learn."""
        return self.model.blocks[-self.blocks:]

    def forward(self, tokens: Tensor) -> Tensor:
        """tokens : what the frozen blocks give, (B, N, D)"""
        for block in self.learning():
            tokens = block(tokens)
        return self.model.forward_head(self.model.norm(tokens))


def finetune(
    model: nn.Module, learn: Pictures, judge: Pictures, classes: Sequence[str], blocks: int = 2, epochs: int = 8,
    learning_rate: float = 1e-3, average: float = 0.98, seed: int = 0, progress: bool = True,
) -> tuple[nn.Module, pd.DataFrame]:
    """A copy of a timm VisionTransformer that has learnt these classes, and its history, one row an epoch.

    model : with a head of len(classes) outputs (`vit_checkpoints.grow_head` makes it wider)
    blocks : how many of the last blocks learn;  learning_rate : at the start of a cosine
    average : decay of the running mean of the weights, which is what is kept; the last epoch is kept, so that the
        pictures on which it is judged choose nothing

    Classes of unequal size are balanced by logit adjustment. Raises ValueError for a head of another size, an unknown
    label, a class without a picture to learn from, or more blocks than the model has.
    """
    _check(model, learn, judge, classes, blocks)
    model = copy.deepcopy(model)
    examples = [_examples(model, part, classes, blocks, progress) for part in (learn, judge)]
    labels = examples[0].labels
    plan = fitting.Plan(
        optimiser=lambda tail: torch.optim.AdamW(
            [weight for weight in tail.parameters() if weight.requires_grad], lr=learning_rate, weight_decay=0.02
        ),
        schedule=lambda optimiser: fitting.Cosine(optimiser, epochs),
        loss=rebalancing.loss_for("logit adjustment", labels),
        order=rebalancing.order_for("logit adjustment", labels),
        epochs=epochs,
        batch_size=16,
        average=average,
        keep="last",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        history = fitting.fit(Tail(model, blocks), *examples, plan, progress=progress)
    return model.requires_grad_(True).eval(), history


def predict(model: nn.Module, images: Sequence[np.ndarray]) -> np.ndarray:
    """Class probabilities (n, classes) of pictures, normalised as the model declares."""
    with torch.inference_mode():
        answers = [model(_input(model, part)).softmax(dim=1) for part in _parts(images)]
    return torch.cat(answers).float().cpu().numpy()


def _check(model: nn.Module, learn: Pictures, judge: Pictures, classes: Sequence[str], blocks: int) -> None:
    if model.num_classes != len(classes):
        raise ValueError(f"the model's head has {model.num_classes} outputs, not {len(classes)}: one a class")
    if not 1 <= blocks <= len(model.blocks):
        raise ValueError(f"blocks={blocks}: choose 1 to {len(model.blocks)}, the blocks that the model has")
    unknown = sorted({*learn.labels, *judge.labels} - set(classes))
    if unknown:
        raise ValueError(f"'{unknown[0]}' is a label but not among the classes: {', '.join(classes)}")
    if missing := [name for name in classes if name not in set(learn.labels)]:
        raise ValueError(f"there is no picture of '{missing[0]}' to learn from: give some, or leave the class out")


def _examples(model: nn.Module, pictures: Pictures, classes: Sequence[str], blocks: int, progress: bool):
    """Tokens that enter the first learning block, computed once for every picture."""
    tokens = []
    quiet = {} if progress else {"disable": True}  # unset, so that TQDM_DISABLE may decide
    with torch.inference_mode(), tqdm(total=len(pictures.images), desc="frozen blocks", unit="image", **quiet) as bar:
        for part in _parts(pictures.images):
            entering = vit_pass.embedded(model, _input(model, part))
            tokens.append(model.blocks[:-blocks](entering).half().cpu())
            bar.update(len(part))
    kept = torch.cat(tokens)
    labels = torch.tensor([list(classes).index(label) for label in pictures.labels])
    return fitting.Examples(lambda rows: kept[rows].float(), labels, classes)


def _input(model: nn.Module, images: Sequence[np.ndarray]) -> Tensor:
    return relevancy.prepare(model, images).to(next(model.parameters()).device)


def _parts(images: Sequence[np.ndarray]) -> list[Sequence[np.ndarray]]:
    return [images[start:start + BATCH] for start in range(0, len(images), BATCH)]
