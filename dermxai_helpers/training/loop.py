"""How does a network learn from examples, epoch by epoch, and go on after it was killed?

One loop for a new head on cached features and for the last blocks on cached feature maps: shuffle, step, validate,
note the epoch, write a checkpoint. Everything that may differ between two trainings stands in a `Plan`.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn import functional

from dermxai_helpers import data, files, scoring

VALIDATION_BATCH = 256


@dataclass(frozen=True)
class Examples:
    """What a network learns from or is judged on.

    inputs : row numbers (B,) -> float32 (B, ...); may pick a random augmented view of each row
    labels : class index of each row, int64 (n,);  classes : the names of all classes
    """

    inputs: Callable[[Tensor], Tensor]
    labels: Tensor
    classes: Sequence[str] = data.CLASSES


@dataclass(frozen=True)
class Plan:
    """How to train.

    optimiser, schedule : made for the network when training starts; the schedule takes the validation loss, or is None
    loss : (logits, labels) -> scalar;  order : () -> row numbers of one epoch
    patience : epochs without a lower validation loss before training stops
    average : decay of a running mean of the weights, which is then what is validated and kept; None for no mean
    keep : "best" keeps the epoch with the lowest validation loss (the paper's way), "last" takes the last one, so that
        the validation part chooses nothing
    """

    optimiser: Callable[[nn.Module], torch.optim.Optimizer]
    loss: Callable[[Tensor, Tensor], Tensor]
    order: Callable[[], Tensor]
    schedule: Callable[[torch.optim.Optimizer], object] | None = None
    epochs: int = 10
    batch_size: int = 32
    patience: int = 3
    average: float | None = None
    keep: str = "best"


class Cosine(torch.optim.lr_scheduler.CosineAnnealingLR):
    """Half a cosine from the first learning rate down to zero; takes no notice of the validation loss."""

    def step(self, _loss: float | None = None) -> None:
        """One epoch further."""
        super().step()


@dataclass
class Run:
    """A training under way: everything a checkpoint must hold."""

    network: nn.Module
    plan: Plan
    rows: list[dict] = field(default_factory=list)
    best: dict | None = None

    def __post_init__(self) -> None:
        self.optimiser = self.plan.optimiser(self.network)
        self.schedule = self.plan.schedule(self.optimiser) if self.plan.schedule else None
        self.average = running_mean(self.network, self.plan.average) if self.plan.average else None

    @property
    def judged(self) -> nn.Module:
        """The network that is validated and kept: the running mean of the weights, if there is one."""
        return self.average.module if self.average else self.network

    def finished(self) -> bool:
        """Whether the epochs are over, or the validation loss has not fallen for `patience` epochs."""
        losses = [row["validation_loss"] for row in self.rows]
        waited = len(losses) - 1 - int(np.argmin(losses)) if losses else 0
        return len(losses) >= self.plan.epochs or (self.plan.keep == "best" and waited >= self.plan.patience)

    def note(self, row: dict) -> None:
        """Take an epoch's row into the history; remember the weights if they are the ones to keep so far."""
        if not np.isfinite(row["validation_loss"]):
            rate = row["learning_rate"]
            raise ValueError(f"the loss is not finite in epoch {len(self.rows) + 1}: take a learning rate below {rate}")
        lowest = all(row["validation_loss"] < earlier["validation_loss"] for earlier in self.rows)
        if lowest or self.plan.keep == "last":
            self.best = copy.deepcopy(self.judged.state_dict())
        self.rows.append(row)
        if self.schedule and not self.finished():
            self.schedule.step(row["validation_loss"])

    def state(self) -> dict:
        """Tensors and plain values only, so that it can be read back without running code."""
        parts = {"network": self.network, "optimiser": self.optimiser, "schedule": self.schedule}
        parts |= {"average": self.average}
        states = {name: part.state_dict() for name, part in parts.items() if part is not None}
        return states | {"rows": self.rows, "best": self.best, "random": torch.get_rng_state()}

    def go_on_from(self, state: dict) -> None:
        """Continue where a checkpoint was written, random numbers included."""
        for name in ("network", "optimiser", "schedule", "average"):
            if name in state:
                getattr(self, name).load_state_dict(state[name])
        self.rows, self.best = state["rows"], state["best"]
        torch.set_rng_state(state["random"])


def fit(
    network: nn.Module, training: Examples, validation: Examples, plan: Plan,
    checkpoint: Path | None = None, identity: str = "", progress: bool = False,
) -> pd.DataFrame:
    """Train `network` in place and leave it, in evaluation mode, with the weights that the plan keeps.

    checkpoint : a file that is written after every epoch and removed at the end; when it is there already, training
        goes on from it and ends as if it had never stopped
    identity : what makes this training this one (settings and data); a checkpoint of another training is refused

    Returns the history, one row an epoch (index 1 ...): training_loss, validation_loss, the columns of `scoring.scores`
    on the validation part, learning_rate. Raises ValueError for a loss that is not finite and for a foreign checkpoint.
    """
    from tqdm import tqdm

    run = Run(network, plan)
    if checkpoint is not None and checkpoint.is_file():
        run.go_on_from(read_checkpoint(checkpoint, identity))
    quiet = {} if progress else {"disable": True}  # unset, so that TQDM_DISABLE may decide
    with tqdm(total=plan.epochs, initial=len(run.rows), desc="training", unit="epoch", **quiet) as bar:
        while not run.finished():
            rate = run.optimiser.param_groups[0]["lr"]
            row = {"training_loss": train_epoch(run, training)}
            row |= validate(run.judged, validation, plan.loss) | {"learning_rate": rate}
            run.note({name: float(value) for name, value in row.items()})
            if checkpoint is not None:
                write_checkpoint(checkpoint, identity, run.state())
            bar.update()
    network.load_state_dict(run.best)
    network.eval()
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return pd.DataFrame(run.rows, index=pd.RangeIndex(1, len(run.rows) + 1, name="epoch"))


def train_epoch(run: Run, examples: Examples) -> float:
    """One pass in the plan's order; returns the mean loss of its batches. On a GPU in mixed precision."""
    run.network.train()
    device = next(run.network.parameters()).device
    losses = []
    for rows in run.plan.order().split(run.plan.batch_size):
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda"):
            logits = run.network(examples.inputs(rows).to(device))
        loss = run.plan.loss(logits.float(), examples.labels[rows].to(device))
        run.optimiser.zero_grad()
        loss.backward()
        run.optimiser.step()
        if run.average:
            run.average.update_parameters(run.network)
        losses.append(loss.item())
    return float(np.mean(losses))


def validate(network: nn.Module, examples: Examples, loss: Callable) -> dict[str, float]:
    """validation_loss, and the scores of `scoring.scores`, without dropout."""
    logits = logits_of(network, examples)
    names = np.array(examples.classes)
    predicted = names[logits.argmax(dim=1).numpy()]
    mean_loss = loss(logits, examples.labels).item()
    return {"validation_loss": mean_loss} | scoring.scores(names[examples.labels.numpy()], predicted, examples.classes)


@torch.no_grad()
def logits_of(network: nn.Module, examples: Examples) -> Tensor:
    """Logits of all examples, float32 (n, classes), on the CPU; the network is left in evaluation mode."""
    network.eval()
    device = next(network.parameters()).device
    rows = torch.arange(len(examples.labels)).split(VALIDATION_BATCH)
    return torch.cat([network(examples.inputs(part).to(device)).float().cpu() for part in rows])


def running_mean(network: nn.Module, decay: float) -> nn.Module:
    """An exponential moving average of weights and of the batch normalisations' statistics.

    After n steps the decay is min(decay, (1 + n) / (10 + n)): a short training forgets its first weights, too.
    Source: Polyak and Juditsky 1992, "Acceleration of stochastic approximation by averaging"; torch.optim.swa_utils.
    """
    from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

    def update(averaged: list[Tensor], current: list[Tensor], steps: Tensor) -> None:
        get_ema_multi_avg_fn(min(decay, float((1 + steps) / (10 + steps))))(averaged, current, steps)

    return AveragedModel(network, multi_avg_fn=update, use_buffers=True)


def write_checkpoint(path: Path, identity: str, state: dict) -> None:
    """A checkpoint is complete or not there: it is written beside its place and renamed."""
    files.write_atomically(path, lambda unfinished: torch.save({"identity": identity, **state}, unfinished))


def read_checkpoint(path: Path, identity: str) -> dict:
    """What `write_checkpoint` wrote, tensors and plain values only.

    Raises ValueError for a damaged file and for the checkpoint of another training.
    """
    try:
        state = torch.load(path, weights_only=True)
    except Exception as problem:  # truncated, another kind of file, or one that holds code
        raise ValueError(f"the checkpoint {path} cannot be read: remove it and train from the beginning") from problem
    if not isinstance(state, dict) or state.get("identity") != identity:
        raise ValueError(
            f"the checkpoint {path} belongs to a training with other settings or other images: "
            "remove it, or give this training a file of its own"
        )
    return state


def cross_entropy(weights: Tensor | None = None) -> Callable[[Tensor, Tensor], Tensor]:
    """Cross-entropy of logits, with a weight for each class or without."""
    return lambda logits, labels: functional.cross_entropy(
        logits, labels, weight=None if weights is None else weights.to(logits.device)
    )
