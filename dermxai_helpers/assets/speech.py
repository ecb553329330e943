"""How the demo captioner learns to speak: drawn lesions, the true sentence about each, and a frozen vision encoder.

The vision encoder does not change, so its tokens are computed once and a training step costs only language.
"""

import contextlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from dermxai_helpers import captions, regions

VIEWS = ("original", "roi", "focused")


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


@torch.no_grad()
def vision_tokens(model, processor, images: list[np.ndarray]) -> torch.Tensor:
    """The frozen encoder's tokens, float16 (B, 1 + patches, width), of uint8 RGB images of any size."""
    pixels = processor.image_processor(images, return_tensors="pt")["pixel_values"]
    return model.vision_model(pixel_values=pixels).last_hidden_state.half()


def views_for_training(lesion, rng: np.random.Generator) -> tuple[dict[str, np.ndarray], dict[str, dict]]:
    """The three views of a drawn lesion and the facts that hold in each.

    The region comes from an imitation of a heat-map, so that the crops are as rough as Grad-CAM's.
    A ruler that the crop cuts away is no longer a visible ruler.
    """
    region = regions.find(imitated_heatmap(lesion.mask, rng))
    left, top, right, bottom = region.box
    ruler = lesion.artefacts.get("ruler", np.zeros_like(lesion.mask))
    kept = ruler[top:bottom, left:right].sum() / max(ruler.sum(), 1)
    facts = dict(lesion.attributes)
    in_crop = {**facts, "ruler": facts["ruler"] and bool(kept > 0.25)}
    return regions.views(lesion.image, region), {"original": facts, "roi": in_crop, "focused": facts}


def imitated_heatmap(mask: np.ndarray, rng: np.random.Generator, cells: int = 7) -> np.ndarray:
    """A map as coarse and as uneven as Grad-CAM's: the mask's share of each of 7 x 7 cells, times noise, enlarged."""
    share = nn.functional.adaptive_avg_pool2d(torch.from_numpy(mask).float()[None, None], cells)
    uneven = share * torch.from_numpy(rng.uniform(0.3, 1.0, (cells, cells))).float()
    return nn.functional.interpolate(uneven, mask.shape, mode="bilinear", align_corners=False)[0, 0].numpy()


# --- teaching ---


class _TokensAsPixels(nn.Module):
    """Stands where the vision encoder stands and hands through tokens that were computed before."""

    def forward(self, pixel_values: torch.Tensor, **_):
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        return BaseModelOutputWithPooling(last_hidden_state=pixel_values, pooler_output=pixel_values[:, 0])


@contextlib.contextmanager
def precomputed_vision(model):
    """Inside, `pixel_values` are vision tokens (B, 1 + patches, width) and the vision encoder is not run."""
    encoder = model.vision_model
    model.vision_model = _TokensAsPixels()
    try:
        yield model
    finally:
        model.vision_model = encoder


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


def encode_question(processor, prompt: str) -> dict[str, torch.Tensor]:
    """A prompt as the model reads it, each (1, N): ids for T5 with places for image tokens, and for the Q-Former."""
    blank = np.zeros((8, 8, 3), np.uint8)
    encoded = processor(images=[blank], text=[prompt], return_tensors="pt")
    return {name: tensor for name, tensor in encoded.items() if name != "pixel_values"}


def draw_batch(processor, examples: Examples, questions: Mapping, size: int, rng: np.random.Generator) -> dict:
    """One prompt, `size` random lesions in random views, and the true sentence about each as labels."""
    name = rng.choice(list(questions))
    views = rng.integers(len(VIEWS), size=size)
    lesions = rng.integers(examples.tokens.shape[1], size=size)
    facts = [examples.attributes[view][lesion] for view, lesion in zip(views, lesions, strict=True)]
    sentences = [captions.describe(known, name, rng) for known in facts]
    labels = processor.tokenizer(sentences, padding=True, return_tensors="pt")
    batch = {key: tensor.expand(size, -1) for key, tensor in questions[name].items()}
    batch["pixel_values"] = examples.tokens[views, lesions].float()
    batch["labels"] = labels.input_ids.masked_fill(labels.attention_mask == 0, -100)
    return batch
