"""How a timm vision transformer learns new classes: its last blocks, norm and head do; all before is computed once."""

from collections import namedtuple
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from timm.models import VisionTransformer
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR

from dermxai_helpers import files, relevancy
from dermxai_helpers.inference import copied, left_as_found
from dermxai_helpers.relevancy import forward
from dermxai_helpers.training import rebalancing
from dermxai_helpers.training.loop import Examples, Plan, fit

BATCH = 8  # pictures at once in the frozen part
Pictures = namedtuple("Pictures", "images labels")  # uint8 RGB of any size, and a class name for each


class Tail(nn.Module):
    """The blocks of a timm transformer that learn, its last norm and its head: tokens (B, N, D) -> logits."""

    def __init__(self, model: nn.Module, blocks: int):
        super().__init__()
        self.model, self.blocks = model, blocks
        model.requires_grad_(False)
        for part in (model.blocks[-blocks:], model.norm, model.fc_norm, model.head):
            part.requires_grad_(True)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.model.forward_head(self.model.norm(self.model.blocks[-self.blocks :](tokens)))


def finetune(
    model: nn.Module, learn: Pictures, judge: Pictures, classes: Sequence[str], blocks: int = 2, epochs: int = 8,
    learning_rate: float = 1e-3, seed: int = 0, progress: bool = True,
) -> tuple[nn.Module, pd.DataFrame]:  # fmt: skip
    """A copy of a timm VisionTransformer that has learnt these classes, and its history, one row an epoch.

    model : with a head of len(classes) outputs; blocks : how many learn; learning_rate : at the start of a cosine
    A running mean of the weights after the last epoch is kept, so that the pictures on which it is judged choose
    nothing. Classes of unequal size are balanced by logit adjustment. ValueError, a sentence: an argument does not fit.
    """
    _check(model, {"learn": learn, "judge": judge}, classes, blocks, epochs)
    model = copied(model).float()
    seen, unseen = (_examples(model, part, classes, blocks, progress) for part in (learn, judge))

    def optimiser(tail: Tail) -> torch.optim.Optimizer:
        learning = [weight for weight in tail.parameters() if weight.requires_grad]
        return torch.optim.AdamW(learning, lr=learning_rate, weight_decay=0.02)

    plan = Plan(
        optimiser, rebalancing.loss_for("logit adjustment", seen.labels),
        rebalancing.order_for("logit adjustment", seen.labels), lambda optimiser: CosineAnnealingLR(optimiser, epochs),
        epochs=epochs, batch_size=16, average=0.98, keep="last")  # fmt: skip
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        history = fit(Tail(model, blocks), seen, unseen, plan)
    return model.requires_grad_(True).eval(), history


def predict(model: nn.Module, images: Sequence[np.ndarray]) -> np.ndarray:
    """Class probabilities (n, classes) of pictures, normalised as the model declares."""
    with left_as_found(model):
        answers = [model(batch).float().softmax(dim=1) for batch in _batches(model, images)]
    return torch.cat(answers).cpu().numpy()


def _check(model: nn.Module, parts: dict[str, Pictures], classes: Sequence[str], blocks: int, epochs: int) -> None:
    if not isinstance(model, VisionTransformer):
        raise ValueError(f"expected a timm VisionTransformer, got {type(model).__name__}: create one, or train a head")
    if epochs < 1 or not 1 <= blocks <= len(model.blocks):
        raise ValueError(f"blocks={blocks}, epochs={epochs}: choose 1 to {len(model.blocks)} blocks, 1 epoch or more")
    if model.num_classes != len(classes):
        raise ValueError(f"the model's head has {model.num_classes} outputs, not {len(classes)}: one a class")
    for name, part in parts.items():
        if not len(part.images) == len(part.labels) > 0:
            found = f"{files.counted(len(part.images), 'picture')} and {files.counted(len(part.labels), 'label')}"
            raise ValueError(f"{name} has {found}: give a label for each picture, one or more")
    if unknown := sorted({label for part in parts.values() for label in part.labels} - set(classes)):
        raise ValueError(f"'{unknown[0]}' is a label but not among the classes: {', '.join(classes)}")
    if missing := [name for name in classes if name not in set(parts["learn"].labels)]:
        raise ValueError(f"there is no picture of '{missing[0]}' to learn from: give some, or leave the class out")


def _examples(model: nn.Module, pictures: Pictures, classes: Sequence[str], blocks: int, progress: bool) -> Examples:
    """Tokens that enter the first learning block, computed once for every picture, kept in half precision."""
    tokens = []
    with torch.inference_mode(), files.progress(len(pictures.images), "frozen blocks", shown=progress) as bar:
        for batch in _batches(model, pictures.images):
            tokens.append(model.blocks[:-blocks](forward.embedded(model, batch)).half().cpu())
            bar.update(len(batch))
    kept = torch.cat(tokens)
    labels = torch.tensor([list(classes).index(label) for label in pictures.labels])
    return Examples(lambda rows: kept[rows].float(), labels, classes)


def _batches(model: nn.Module, images: Sequence[np.ndarray]) -> Iterator[Tensor]:
    like = next(model.parameters())
    for start in range(0, max(1, len(images)), BATCH):  # without pictures `prepare` says so
        yield relevancy.prepare(model, images[start : start + BATCH]).to(like)
