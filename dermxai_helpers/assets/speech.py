"""How the demo captioner learns to speak: drawn lesions, the true sentence about each, and a frozen vision encoder.

The vision encoder does not change, so its tokens are computed once and a training step costs only language.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from dermxai_helpers import captions
from dermxai_helpers.assets.looks import VIEWS, views_for_training
from dermxai_helpers.captions.frozen_vision import encode_question, precomputed_vision, vision_tokens
from dermxai_helpers.lexicon.sentences import describe

# --- what the language part learns from ---


@dataclass(frozen=True)
class Examples:
    """Drawn lesions as the language part sees them.

    tokens : float16 (3, n, 1 + patches, width): the frozen vision encoder's output for each view of each lesion
    attributes : [view][lesion] -> the facts true of that view
    """

    tokens: torch.Tensor
    attributes: list[list[dict]]


def make_examples(model, processor, lesions: Iterable, seed: int = 0, batch_size: int = 64) -> Examples:
    """Vision tokens and facts of the three views of `synth.Lesion`s (their image, mask, artefacts and attributes)."""
    rng = np.random.default_rng(seed)
    tokens, attributes, pictures = [[] for _ in VIEWS], [[] for _ in VIEWS], []
    for lesion in lesions:
        views, facts = views_for_training(lesion, rng)
        pictures.append([views[name] for name in VIEWS])
        for place, name in enumerate(VIEWS):
            attributes[place].append(facts[name])
        if len(pictures) == batch_size:
            _extend(tokens, model, processor, pictures)
            pictures = []
    if pictures:
        _extend(tokens, model, processor, pictures)
    return Examples(torch.stack([torch.cat(parts) for parts in tokens]), attributes)


def _extend(tokens: list[list[torch.Tensor]], model, processor, pictures: list[list[np.ndarray]]) -> None:
    for place, images in enumerate(zip(*pictures, strict=True)):
        tokens[place].append(vision_tokens(model, processor, list(images)))


# --- teaching ---


def train_language(
    model,
    processor,
    examples: Examples,
    steps: int,
    batch_size: int = 32,
    learning_rate: float = 1e-3,
    seed: int = 0,
    progress: bool = True,
) -> list[float]:
    """Teach the Q-Former and T5 to say the true sentence; returns the loss of every step. The vision encoder is frozen.

    Each step takes one prompt and a random view of random lesions: the answer's form must follow the prompt and its
    facts the picture, whichever view comes with whichever prompt.
    """
    from tqdm import trange

    rng = np.random.default_rng(seed)
    learned = [weight for name, weight in model.named_parameters() if not name.startswith("vision_model.")]
    optimizer = torch.optim.AdamW(learned, lr=learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=max(steps, 2), pct_start=0.1)
    questions = {name: encode_question(processor, prompt) for name, prompt in captions.PROMPTS.items()}
    model.train()
    losses = []
    with precomputed_vision(model):
        for _ in trange(steps, desc="language") if progress else range(steps):
            batch = draw_batch(processor, examples, questions, batch_size, rng)
            loss = model(**batch).loss
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(learned, 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    model.eval()
    return losses


def draw_batch(processor, examples: Examples, questions: Mapping, size: int, rng: np.random.Generator) -> dict:
    """One prompt, `size` random lesions in random views, and the true sentence about each as labels."""
    name = rng.choice(list(questions))
    views = rng.integers(len(VIEWS), size=size)
    lesions = rng.integers(examples.tokens.shape[1], size=size)
    facts = [examples.attributes[view][lesion] for view, lesion in zip(views, lesions, strict=True)]
    sentences = [describe(known, name, rng) for known in facts]
    labels = processor.tokenizer(sentences, padding=True, return_tensors="pt")
    batch = {key: tensor.expand(size, -1) for key, tensor in questions[name].items()}
    batch["pixel_values"] = examples.tokens[views, lesions].float()
    batch["labels"] = labels.input_ids.masked_fill(labels.attention_mask == 0, -100)
    return batch
