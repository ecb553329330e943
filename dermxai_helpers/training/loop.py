"""The training loop of the course, for a new head as well as for the last blocks of a transformer."""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.optim import Optimizer, lr_scheduler

from dermxai_helpers import data, scoring

PATIENCE = 3  # epochs without a lower validation loss before training stops; the paper states no number
KEEP = ("best", "last")


@dataclass(frozen=True)
class Examples:
    """What a network learns from or is judged on."""

    inputs: Callable[[Tensor], Tensor]  # row numbers (B,) -> float32 (B, ...)
    labels: Tensor  # class index of each row, int64 (n,)
    classes: Sequence[str] = data.CLASSES


@dataclass(frozen=True)
class Plan:
    """How to train. keep : "best" stops early and keeps the lowest validation loss, as the paper; "last" does not."""

    optimiser: Callable[[nn.Module], Optimizer]
    loss: Callable[[Tensor, Tensor], Tensor]  # (logits, labels) -> scalar
    order: Callable[[], Tensor]  # row numbers of one epoch
    schedule: Callable[[Optimizer], object]
    epochs: int = 10
    batch_size: int = 32
    average: float | None = None  # decay of a running mean of the weights, which is then what is validated and kept
    keep: str = "best"


def fit(network: nn.Module, training: Examples, validation: Examples, plan: Plan) -> pd.DataFrame:
    """Train `network` in place and leave it, in evaluation mode, with the weights that the plan keeps.

    Returns the history, one row an epoch (index 1 ...): training_loss, validation_loss, the columns of `scoring.scores`
    on the validation part, learning_rate. Raises ValueError for a loss that is not finite.
    """
    optimiser = plan.optimiser(network)
    schedule, average = plan.schedule(optimiser), None
    if plan.average:
        from timm.utils import ModelEmaV3  # its decay after n steps is min(decay, (1 + n) / (10 + n))

        average = ModelEmaV3(network, plan.average, use_warmup=True, warmup_gamma=9, warmup_power=1)
    judged, rows, waited = average.module if average else network, [], 0  # `judged` is validated and kept
    while len(rows) < plan.epochs and waited < PATIENCE:
        rate = max(group["lr"] for group in optimiser.param_groups)
        row = {"training_loss": epoch(network, optimiser, training, plan, average, len(rows))}
        row |= validate(judged, validation, plan.loss) | {"learning_rate": rate}
        if not np.isfinite(row["validation_loss"]):
            raise ValueError(f"the loss is not finite in epoch {len(rows) + 1}: take a learning rate below {rate}")
        lowest = min((earlier["validation_loss"] for earlier in rows), default=np.inf)
        waited = 0 if plan.keep == "last" or row["validation_loss"] < lowest else waited + 1
        if not waited:
            best = copy.deepcopy(judged.state_dict())
        rows.append({name: float(value) for name, value in row.items()})
        plateau = isinstance(schedule, lr_scheduler.ReduceLROnPlateau)
        schedule.step(row["validation_loss"]) if plateau else schedule.step()
    network.load_state_dict(best)
    network.eval()
    return pd.DataFrame(rows, index=pd.RangeIndex(1, len(rows) + 1, name="epoch"))


def epoch(
    network: nn.Module, optimiser: Optimizer, examples: Examples, plan: Plan, average: nn.Module | None, done: int
) -> float:
    """One pass; the mean loss of its batches. average : the mean of the weights, follows; done : epochs so far"""
    network.train()
    device, losses, batches = next(network.parameters()).device, [], plan.order().split(plan.batch_size)
    for step, rows in enumerate(batches, done * len(batches)):
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            logits = network(examples.inputs(rows).to(device))
        loss = plan.loss(logits.float(), examples.labels[rows].to(device))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if average:  # the first weights begin the mean
            average.update(network, step + 2 if step else 0)
        losses.append(loss.item())
    return float(np.mean(losses))


@torch.no_grad()
def validate(network: nn.Module, examples: Examples, loss: Callable) -> dict[str, float]:
    """validation_loss, and the scores of `scoring.scores`, without dropout."""
    network.eval()
    device, names = next(network.parameters()).device, np.array(examples.classes)
    rows = torch.arange(len(examples.labels)).split(256)
    logits = torch.cat([network(examples.inputs(part).to(device)).float().cpu() for part in rows])
    predicted, labels = names[logits.argmax(dim=1).numpy()], names[examples.labels.numpy()]
    return {"validation_loss": loss(logits, examples.labels).item(), **scoring.scores(labels, predicted, names)}
