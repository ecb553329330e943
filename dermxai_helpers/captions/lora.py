"""Teaching a captioner new sentences with a few numbers beside its weights.

The large matrices stay as they are. Beside some of them stands a product of two thin ones, B A, that learns; it begins
at zero, so that nothing changes before the first step. What was learnt is a file of kilobytes.
Source: Hu et al., LoRA, arXiv:2106.09685; the library is peft.
"""

import contextlib
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dermxai_helpers.captions.checkpoints import CheckpointBroken, CheckpointMissing
from dermxai_helpers.captions.frozen_vision import encode_question, precomputed_vision, vision_tokens
from dermxai_helpers.inference import threads_that_pay

WHERE = r".*language_model.*\.(q|v)|.*qformer.*\.(query|value)"
"""What is adapted: queries and values of every attention of a T5 and of the Q-Former; the vision encoder is not."""
ENCODED_AT_ONCE = 16  # pictures


def adapt(model: nn.Module, rank: int = 8, seed: int = 0) -> nn.Module:
    """The model, changed in place, with an untrained adapter of this rank: all other weights are frozen.

    model : an InstructBLIP with a T5 inside, as `Captioner(...).model`. Returns a `peft.PeftModel` around it, whose
    `save_pretrained(folder)` writes the adapter alone.

    Raises ValueError for another kind of model, or one that has an adapter already.
    """
    import peft

    text = getattr(model.config, "text_config", None)
    if model.config.model_type != "instructblip" or getattr(text, "model_type", "") != "t5":
        kind = f"{model.config.model_type} with {getattr(text, 'model_type', 'no')} text model"
        raise ValueError(f"this is {kind}: only an InstructBLIP with a T5 inside (demo, flan-t5-xl) is adapted here")
    if hasattr(model, "peft_config"):
        raise ValueError("this model has an adapter already: open the checkpoint anew to begin another")
    torch.manual_seed(seed)
    settings = peft.LoraConfig(r=rank, lora_alpha=2 * rank, target_modules=WHERE)
    with _without_a_warning():
        return peft.get_peft_model(model, settings)


def teach(
    adapted: nn.Module, processor, images: Sequence[np.ndarray], prompt: str, sentences: Sequence[str],
    steps: int = 60, batch_size: int = 8, learning_rate: float = 1e-2, seed: int = 0, progress: bool = True,
) -> list[float]:  # fmt: skip
    """Teach an adapted model to answer `prompt` about each picture with its sentence; the loss of every step.

    adapted : from `adapt`; images : uint8 (H, W, 3) RGB; sentences : one for each
    learning_rate : falls to zero along a cosine; fits the demo captioner, a large one wants about a hundredth of it
    The vision encoder does not learn, so every picture is encoded once, before the first step.
    """
    from tqdm import trange

    if len(images) != len(sentences) or not sentences:
        raise ValueError(f"{len(images)} pictures and {len(sentences)} sentences: give at least one, and one for each")
    model, rng = adapted.get_base_model(), np.random.default_rng(seed)
    tokens = _tokens_of(model, processor, images)
    question = {name: row.to(model.device) for name, row in encode_question(processor, prompt).items()}
    learned = [weight for weight in adapted.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(learned, lr=learning_rate, weight_decay=0.0)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(steps, 1))
    quiet = {} if progress else {"disable": True}  # unset, so that TQDM_DISABLE may decide
    losses = []
    model.train()
    with precomputed_vision(model), threads_that_pay(model):
        for _ in trange(steps, desc="LoRA", **quiet):
            chosen = rng.choice(len(images), min(batch_size, len(images)), replace=False)
            batch = {name: row.expand(len(chosen), -1) for name, row in question.items()}
            batch["pixel_values"] = tokens[chosen].to(model.device, model.dtype)
            loss = model(**batch, labels=_labels(processor, [sentences[number] for number in chosen], model)).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
    model.eval()
    return losses


def merged(model: nn.Module, folder: str | Path) -> nn.Module:
    """The model with a saved adapter added to its weights: W + B A, of the same form and speed as before.

    Raises CheckpointMissing for a folder without an adapter, CheckpointBroken for a damaged or another model's one.
    """
    import peft
    from safetensors import SafetensorError

    if not (Path(folder) / "adapter_config.json").is_file():
        raise CheckpointMissing(f"{folder} holds no adapter: `adapt`, `teach` and `save_pretrained` make one")
    try:
        with _without_a_warning():
            return peft.PeftModel.from_pretrained(model, str(folder)).merge_and_unload().eval()
    except (RuntimeError, ValueError, KeyError, SafetensorError) as reason:
        problem = str(reason).strip().splitlines()[0]
        raise CheckpointBroken(
            f"the adapter in {folder} is damaged or was taught to another model ({problem}): teach it anew"
        ) from reason


@contextlib.contextmanager
def _without_a_warning() -> Iterator[None]:
    """peft asks transformers by a name that is about to change; nobody here can do anything about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield


def _tokens_of(model: nn.Module, processor, images: Sequence[np.ndarray]) -> torch.Tensor:
    """Vision tokens, float16 (n, 1 + patches, width), on the CPU: a GPU's memory is for learning."""
    starts = range(0, len(images), ENCODED_AT_ONCE)
    parts = [vision_tokens(model, processor, images[start : start + ENCODED_AT_ONCE]) for start in starts]
    return torch.cat([part.cpu() for part in parts])


def _labels(processor, sentences: list[str], model: nn.Module) -> torch.Tensor:
    """Token numbers (B, N) of the sentences; -100, which no loss counts, where a sentence is over."""
    encoded = processor.tokenizer(sentences, padding=True, return_tensors="pt")
    return encoded.input_ids.masked_fill(encoded.attention_mask == 0, -100).to(model.device)
