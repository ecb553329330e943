"""What the demo models are taught: drawn lesions with their exact truth, kept on disk so that they are drawn once."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from tqdm import tqdm

from dermxai_helpers.assets.looks import as_drawn
from dermxai_helpers.synth import ARTEFACTS, COLOURS, PARTS, draw
from dermxai_helpers.synth import attributes as table

GRID = 14  # truth is kept for each patch of 16 x 16 pixels
DENSE = ("lesion", *PARTS, *ARTEFACTS)
# Each question has a few answers; the models learn all of them at once.
QUESTIONS: dict[str, tuple[Any, ...]] = {
    **{name: choices for name, choices in table.CHOICES.items()},
    **{colour: (True, False) for colour in COLOURS},
}


# Some answers hold at a place: an irregular border shows in one patch of it. (kind, where, question, answer)
TYPED = (
    ("irregular border", "edge", "border_shape", "irregular"),
    ("sharp border", "edge", "border_sharpness", "sharp"),
    ("atypical network", "network", "network", "atypical"),
    ("irregular dots", "dots", "dots", "irregular"),
)


def attributes_for(number: int, seed: int) -> dict[str, Any]:
    """Every second lesion has even, independent attributes, so that a model cannot guess one from another."""
    rng = np.random.default_rng([seed, number])
    if number % 2:
        return table.sample_evenly(rng)
    return table.sample_lesion(table.LABELS[rng.integers(3)], rng)


def draw_lessons(folder: Path, n: int, seed: int, look: Callable = as_drawn) -> "Lessons":
    """Draws `n` lesions into `folder`, or opens them where that was done before. `look` is one of `looks`."""
    card = folder / "card.json"
    if not card.exists() or json.loads(card.read_text()) != {"n": n, "seed": seed}:
        folder.mkdir(parents=True, exist_ok=True)
        _draw_all(folder, n, seed, look)
        card.write_text(json.dumps({"n": n, "seed": seed}))
    return Lessons(folder)


def _draw_all(folder: Path, n: int, seed: int, look: Callable) -> None:
    images = np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (n, 224, 224, 3))
    dense = np.lib.format.open_memmap(folder / "dense.npy", "w+", np.float16, (n, len(DENSE), GRID, GRID))
    work = Parallel(n_jobs=-1, return_as="generator")(delayed(_lesson)(number, seed, look) for number in range(n))
    attributes = []
    for number, (image, truth, known) in enumerate(tqdm(work, total=n, desc="drawing lessons", mininterval=5)):
        images[number], dense[number] = image, truth
        attributes.append(known)
    answers = np.array([answer_numbers(known) for known in attributes], np.int8)
    posteriors = np.array([table.posterior(known) for known in attributes], np.float32)
    np.save(folder / "answers.npy", answers)
    np.save(folder / "posteriors.npy", posteriors)
    (folder / "attributes.json").write_text(json.dumps(attributes))


def _lesson(number: int, seed: int, look: Callable) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """One picture, the share of each patch that each kind of thing covers, and the attributes."""
    lesion = draw([seed, number], **attributes_for(number, seed))
    image, masks, attributes = look(lesion, np.random.default_rng([seed, number, 1]))
    nothing = np.zeros_like(lesion.mask)
    dense = [masks.get(name, nothing).reshape(GRID, 16, GRID, 16).mean((1, 3)) for name in DENSE]
    return image, np.array(dense, np.float16), attributes


def answer_numbers(attributes: dict[str, Any]) -> list[int]:
    """The number of the right answer to each of QUESTIONS."""
    seen = attributes | {colour: colour in attributes["colours"] for colour in COLOURS}
    return [choices.index(seen[name]) for name, choices in QUESTIONS.items()]


class Lessons:
    """Drawn lesions with their truth: `batch(numbers, rng)` gives one turned and mirrored mini-batch."""

    def __init__(self, folder: Path):
        self.images = np.load(folder / "images.npy", mmap_mode="r")
        self.dense = np.load(folder / "dense.npy", mmap_mode="r")
        self.answers = np.load(folder / "answers.npy")
        self.posteriors = np.load(folder / "posteriors.npy")
        self.attributes = json.loads((folder / "attributes.json").read_text())

    def __len__(self) -> int:
        return len(self.images)

    def batch(
        self, numbers: np.ndarray, rng: np.random.Generator | None = None, patches: int = GRID
    ) -> tuple[torch.Tensor, ...]:
        """Images (B, 3, 224, 224) in [0, 1], dense truth (B, kinds, 14, 14), answers (B, questions), P(class) (B, 3).

        rng : turns, mirrors and crops the batch; without it the pictures are as drawn
        patches : side of the crop in patches of 16 pixels, an even number
        """
        numbers = np.sort(numbers)
        images = torch.from_numpy(self.images[numbers]).permute(0, 3, 1, 2)
        dense = torch.from_numpy(self.dense[numbers]).float()
        if rng is not None:
            turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
            images, dense = (torch.rot90(t, turns, (2, 3)) for t in (images, dense))
            images, dense = (t.flip(3) if mirror else t for t in (images, dense))
            top, left = (2 * int(rng.integers((GRID - patches) // 2 + 1)) for _ in range(2))
            dense = dense[:, :, top : top + patches, left : left + patches]
            images = images[:, :, 16 * top : 16 * (top + patches), 16 * left : 16 * (left + patches)]
        answers = torch.from_numpy(self.answers[numbers]).long()
        dense = torch.cat([dense, typed(dense, answers)], dim=1)
        return images.float() / 255, dense, answers, torch.from_numpy(self.posteriors[numbers])


def typed(dense: torch.Tensor, answers: torch.Tensor) -> torch.Tensor:
    """Dense truth (B, kinds of TYPED, side, side): the place of a thing where it is of that type, else zero."""
    questions = list(QUESTIONS)
    lesion = dense[:, DENSE.index("lesion")]
    places = {"edge": 4 * lesion * (1 - lesion)} | {name: dense[:, DENSE.index(name)] for name in ("network", "dots")}
    channels = []
    for _, place, question, answer in TYPED:
        chosen = answers[:, questions.index(question)] == QUESTIONS[question].index(answer)
        channels.append(places[place] * chosen[:, None, None])
    return torch.stack(channels, dim=1)
