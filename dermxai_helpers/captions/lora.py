"""Teaches a captioner new sentences with a few numbers beside its weights (Hu et al., LoRA, arXiv:2106.09685)."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn

from dermxai_helpers import files
from dermxai_helpers.captions import checkpoints
from dermxai_helpers.inference import check_finite, threads_that_pay

# What is adapted: queries and values of every attention of a T5 and of the Q-Former; the vision encoder is not
WHERE = r".*language_model.*\.(q|v)|.*qformer.*\.(query|value)"
ENCODED_AT_ONCE, BATCH_SIZE = 16, 8  # pictures
# peft asks transformers by a name that is about to change; nobody here can do anything about it
warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)


def adapt(model: nn.Module, rank: int = 8, alpha: int = 16, seed: int = 0) -> nn.Module:
    """Put an untrained adapter, W + alpha / rank B A with B = 0, beside a model's weights, which are frozen, in place.

    model : an InstructBLIP with a T5 inside, as `Captioner(...).model`; ValueError for another, or an adapted one
    Returns a `peft.PeftModel` around it, whose `save_pretrained(folder)` writes the adapter alone.
    """
    import peft

    text_model = getattr(getattr(model.config, "text_config", None), "model_type", "no")
    if model.config.model_type != "instructblip" or text_model != "t5":
        kind = f"{model.config.model_type} with {text_model} text model"
        raise ValueError(f"this is {kind}: only an InstructBLIP with a T5 inside (demo, flan-t5-xl) is adapted here")
    if hasattr(model, "peft_config"):
        raise ValueError("this model has an adapter already: open the checkpoint anew to begin another")
    settings = peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=WHERE)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return peft.get_peft_model(model, settings)


def teach(
    adapted: nn.Module, processor, images: Sequence[np.ndarray], prompt: str, sentences: Sequence[str],
    steps: int = 60, learning_rate: float = 1e-2, seed: int = 0,
) -> list[float]:  # fmt: skip
    """Teach an adapted model to answer `prompt` about each picture with its sentence; returns the loss of every step.

    adapted : from `adapt`; images : uint8 (H, W, 3) RGB; sentences : one for each
    learning_rate : falls to zero along a cosine; fits the demo captioner, a large one wants about a hundredth of it
    """
    if len(images) != len(sentences) or not sentences:
        raise ValueError(f"{len(images)} pictures and {len(sentences)} sentences: give at least one, and one for each")
    model, rng = adapted.get_base_model(), np.random.default_rng(seed)
    if problem := checkpoints.problem_with(prompt, model, processor, 0):
        raise ValueError(f"the prompt {problem}")
    parts = [images[i : i + ENCODED_AT_ONCE] for i in range(0, len(images), ENCODED_AT_ONCE)]
    # once, before the first step, for the vision encoder does not learn; in half precision beside a GPU's memory
    tokens = torch.cat([checkpoints.vision_tokens(model, processor, part).half().cpu() for part in parts])
    question = {name: row.to(model.device) for name, row in checkpoints.encode_prompts(processor, [prompt]).items()}
    learned = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    losses = []
    with torch.random.fork_rng(devices=[]), checkpoints.precomputed_vision(model), threads_that_pay(model):
        torch.manual_seed(seed)  # of the dropout
        model.train()
        try:
            for _ in files.progress(range(steps), "LoRA", "step"):
                chosen = rng.choice(len(images), min(BATCH_SIZE, len(images)), replace=False)
                batch = {name: row.expand(len(chosen), -1) for name, row in question.items()}
                batch["pixel_values"] = tokens[chosen].to(model.device, model.dtype)
                encoded = processor.tokenizer([sentences[i] for i in chosen], padding=True, return_tensors="pt")
                labels = encoded.input_ids.masked_fill(encoded.attention_mask == 0, -100)  # which no loss counts
                loss = model(**batch, labels=labels.to(model.device)).loss
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
                losses.append(loss.item())
        finally:
            model.eval()
    return losses


def merged(model: nn.Module, folder: str | Path) -> nn.Module:
    """Add a saved adapter to a model's weights: W + alpha / rank B A, of the same form and speed as before.

    Raises CheckpointMissing for a folder without an adapter, CheckpointBroken for a damaged or another model's one.
    """
    import peft

    checkpoints.check_files(folder)
    if not all((Path(folder) / f"adapter_{name}").is_file() for name in ("config.json", "model.safetensors")):
        raise checkpoints.CheckpointMissing(f"{folder} holds no adapter: `adapt`, `teach`, `save_pretrained` make one")
    try:
        whole = peft.PeftModel.from_pretrained(model, str(folder)).merge_and_unload().eval()
    except (RuntimeError, ValueError, KeyError, TypeError, SafetensorError) as reason:
        found = f"damaged or was taught to another model ({str(reason).strip().splitlines()[0]})"
        raise checkpoints.CheckpointBroken(f"the adapter in {folder} is {found}: teach it anew") from reason
    check_finite(dict(whole.named_parameters()), folder)
    return whole
