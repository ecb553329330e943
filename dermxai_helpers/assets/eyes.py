"""Trains the two demo vision models on drawn lesions: a MobileNetV2 and a small ViT.

Both answer the same questions: which structure lies in which patch (the exact masks), which value each attribute has,
and how likely each class is (the exact posterior). The heads are thrown away afterwards, except the ViT's class head.
"""

import json
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from tqdm import tqdm

from dermxai_helpers.assets.lessons import DENSE, GRID, QUESTIONS, TYPED, Lessons

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
VIT_MEAN, VIT_STD = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
VIT_ARCHITECTURE = "vit_tiny_patch16_224"
VIT_ARGUMENTS = {"embed_dim": 128, "depth": 5, "num_heads": 4, "mlp_ratio": 2, "num_classes": 3}
WIDEST = max(len(choices) for choices in QUESTIONS.values())


class Heads(nn.Module):
    """Linear heads on a model's tokens: one for the patches, one for the questions, one for the class."""

    def __init__(self, width: int):
        super().__init__()
        self.dense = nn.Linear(width, len(DENSE) + len(TYPED))
        self.answers = nn.Linear(2 * width, len(QUESTIONS) * WIDEST)
        unused = torch.tensor([[k >= len(choices) for k in range(WIDEST)] for choices in QUESTIONS.values()])
        self.register_buffer("unused", unused)

    def forward(self, summary: torch.Tensor, patches: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Dense logits (B, kinds, patches) and answer logits (B, questions, WIDEST); a maximum finds what is small."""
        pooled = torch.cat([summary, patches.amax(1)], dim=1)
        answers = self.answers(pooled).reshape(len(summary), len(QUESTIONS), WIDEST)
        return self.dense(patches).transpose(1, 2), answers.masked_fill(self.unused, -1e4)


class MobileNetEye(nn.Module):
    """MobileNetV2 without its ImageNet head; patches are the 7 x 7 cells of the last feature map."""

    def __init__(self) -> None:
        super().__init__()
        from torchvision.models import mobilenet_v2

        self.features = mobilenet_v2(weights=None).features
        self.heads = Heads(1280)
        self.class_head = nn.Linear(1280, 3)
        self.mean, self.std = MEAN, STD

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        cells = self.features(images).flatten(2).transpose(1, 2)
        mean = cells.mean(1)
        return *self.heads(mean, cells), self.class_head(mean)


class VitEye(nn.Module):
    """A small timm ViT; patches are its 14 x 14 tokens, the summary is its class token."""

    def __init__(self) -> None:
        super().__init__()
        import timm

        self.vit = timm.create_model(VIT_ARCHITECTURE, **VIT_ARGUMENTS)
        self.heads = Heads(VIT_ARGUMENTS["embed_dim"])
        self.mean, self.std = VIT_MEAN, VIT_STD

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        tokens = self.vit.forward_features(images)
        return *self.heads(tokens[:, 0], tokens[:, 1:]), self.vit.forward_head(tokens)


class CaptionerEye(nn.Module):
    """The demo ViT with wider feed-forward layers, whose class token alone must answer every question, too.

    The Q-Former then need not search the patches for what is small: a first captioner knew less than its eye.
    """

    def __init__(self, taught: VitEye) -> None:
        super().__init__()
        import timm

        self.vit = timm.create_model(VIT_ARCHITECTURE, **VIT_ARGUMENTS | {"mlp_ratio": 4})
        self.vit.load_state_dict(widened(taught.vit.state_dict(), self.vit.state_dict()))
        self.heads = taught.heads
        self.told = nn.Linear(VIT_ARGUMENTS["embed_dim"], len(QUESTIONS) * WIDEST)
        self.mean, self.std = VIT_MEAN, VIT_STD

    def forward(self, images: torch.Tensor) -> tuple[torch.Tensor, ...]:
        tokens = self.vit.forward_features(images)
        dense, found = self.heads(tokens[:, 0], tokens[:, 1:])
        told = self.told(tokens[:, 0]).reshape_as(found).masked_fill(self.heads.unused, -1e4)
        return dense, torch.cat([found, told], dim=1), self.vit.forward_head(tokens)


def widened(narrow: dict[str, torch.Tensor], wide: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights `wide` of a wider network, changed so that it computes what the narrow one does.

    The feed-forward layers keep their old neurons; the new ones have random inputs and no output yet.
    Source: Chen et al., Net2Net, arXiv:1511.05641.
    """
    grown = {}
    for name, tensor in narrow.items():
        grown[name] = wide[name].clone()
        if "mlp.fc2.weight" in name:
            grown[name][:] = 0
        grown[name][tuple(slice(size) for size in tensor.shape)] = tensor
    return grown


def loss_of(
    outputs: tuple[torch.Tensor, ...], dense: torch.Tensor, answers: torch.Tensor, posterior: torch.Tensor
) -> torch.Tensor:
    """Sum of the tasks' cross-entropies; dense truth is averaged down to the model's own grid.

    On a crop only the dense task counts: its answers and its class are those of the whole picture.
    """
    dense_logits, answer_logits, class_logits = outputs
    answers = answers.repeat(1, answer_logits.shape[1] // answers.shape[1])  # the same questions to every reader
    side = int(dense_logits.shape[-1] ** 0.5)
    truth = functional.adaptive_avg_pool2d(dense, side).flatten(2)
    loss = 6 * functional.binary_cross_entropy_with_logits(dense_logits, truth)
    if dense.shape[-1] < GRID:
        return loss
    return (
        loss
        + functional.cross_entropy(answer_logits.flatten(0, 1), answers.flatten())
        + functional.cross_entropy(class_logits, posterior)
    )


def train_eye(
    eye: nn.Module, lessons: Lessons, steps: int, crops: int, learning_rate: float, seed: int, keep: Path
) -> None:
    """AdamW with a warm-up and a cosine, batches of 32; the first `crops` steps see cheap crops of 128 pixels.

    Every 100 steps the state is written to `keep`, from where a stopped run goes on.
    """
    rng = np.random.default_rng(seed)
    optimiser = torch.optim.AdamW(eye.parameters(), lr=learning_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps, pct_start=0.08)
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (eye.mean, eye.std))
    held_out = np.arange(len(lessons) - 300, len(lessons))
    start = _resume(keep, eye, optimiser, schedule)
    progress = tqdm(range(start, steps), initial=start, total=steps, desc=type(eye).__name__, mininterval=10)
    for step in progress:
        images, *truth = lessons.batch(
            rng.choice(len(lessons) - 300, 32, replace=False), rng, patches=8 if step < crops else GRID
        )
        loss = loss_of(eye((images - mean) / std), *truth)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(eye.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        if (step + 1) % 100 == 0 or step + 1 == steps:
            progress.write(f"step {step + 1}: loss {loss.item():.3f}, {examine(eye, lessons, held_out)}")
            state = {"eye": eye.state_dict(), "optimiser": optimiser.state_dict(), "schedule": schedule.state_dict()}
            torch.save(state | {"step": step + 1}, keep.with_suffix(".new"))
            keep.with_suffix(".new").replace(keep)


def _resume(
    keep: Path, eye: nn.Module, optimiser: torch.optim.Optimizer, schedule: torch.optim.lr_scheduler.LRScheduler
) -> int:
    if not keep.exists():
        return 0
    state = torch.load(keep, weights_only=True)
    eye.load_state_dict(state["eye"])
    optimiser.load_state_dict(state["optimiser"])
    schedule.load_state_dict(state["schedule"])
    return state["step"]


@torch.no_grad()
def examine(eye: nn.Module, lessons: Lessons, numbers: np.ndarray) -> str:
    """Accuracy on each question and on the class, against always giving the commonest answer."""
    eye.eval()
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (eye.mean, eye.std))
    given, classes, right, best = [], [], [], []
    for part in np.array_split(numbers, max(1, len(numbers) // 50)):
        images, _, answers, posterior = lessons.batch(part)
        _, answer_logits, class_logits = eye((images - mean) / std)
        given.append(answer_logits[:, -len(QUESTIONS) :].argmax(-1))
        classes.append(class_logits.argmax(-1))
        right.append(answers)
        best.append(posterior.argmax(-1))
    eye.train()
    given, right = torch.cat(given), torch.cat(right)
    lines = [f"class {(torch.cat(classes) == torch.cat(best)).float().mean():.2f}"]
    for k, name in enumerate(QUESTIONS):
        common = right[:, k].bincount().max().item() / len(right)
        lines.append(f"{name} {(given[:, k] == right[:, k]).float().mean():.2f} ({common:.2f})")
    return ", ".join(lines)


def save_mobilenet(eye: MobileNetEye, path: Path) -> None:
    """The feature extractor alone, 16-bit, as torchvision names its tensors."""
    from safetensors.torch import save_file

    state = {f"features.{name}": tensor for name, tensor in eye.features.state_dict().items()}
    save_file({name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in state.items()}, path)


def save_vit(eye: VitEye, path: Path, card: Path) -> None:
    """The ViT with its class head, 16-bit, and a card that says how timm can make it."""
    from safetensors.torch import save_file

    save_file({name: tensor.half().contiguous() for name, tensor in eye.vit.state_dict().items()}, path)
    card.write_text(
        json.dumps(
            {
                "architecture": VIT_ARCHITECTURE,
                "arguments": VIT_ARGUMENTS,
                "classes": ["mel", "nv", "bkl"],
                "mean": VIT_MEAN,
                "std": VIT_STD,
                "note": "demo: trained on drawn lesions only; it has never seen skin",
            },
            indent=1,
        )
        + "\n"
    )
