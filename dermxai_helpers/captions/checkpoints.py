"""Opens a vision-language model, encodes what it is asked, and says in one sentence why a checkpoint cannot be had."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import torch
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForImageTextToText, AutoProcessor, BatchEncoding, PretrainedConfig
from transformers.modeling_outputs import BaseModelOutputWithPooling
from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
from transformers.utils import logging

from dermxai_helpers import files
from dermxai_helpers.inference import check_finite

PICKLE = (
    "has its weights as a pickle, which can run any program when it is opened, so it is not opened here; where you may "
    "take that risk, load it once and save it as safetensors (`save_pretrained`)"
)
OWN_PROGRAM = (
    "brings its own program (auto_map), which could do anything on this machine and is never run here: choose a model "
    "of a kind that transformers knows itself"
)
logging.disable_progress_bar()  # deaf to TQDM_DISABLE; what is fetched from the hub has a bar of its own


class CheckpointMissing(OSError):
    """The checkpoint is neither on this machine nor reachable."""


class CheckpointBroken(ValueError):
    """The checkpoint is here, but it is damaged, or belongs to another kind of model."""


def open_checkpoint(checkpoint: str | Path, device: torch.device) -> tuple:
    """Load (processor, model, identity). The identity, a hash or a revision, changes when the captions may."""
    try:
        check_files(checkpoint)
        processor, model = _load(checkpoint, device)
    except CheckpointBroken:
        raise
    except (SafetensorError, RuntimeError, OSError, ValueError) as reason:  # ValueError: a name that is no hub's id
        raise _explained(checkpoint, reason) from reason
    check_finite(dict(model.named_parameters()), checkpoint)
    if model.config.model_type == "instructblip":
        processor.num_query_tokens = model.config.num_query_tokens  # which checkpoints from before 2024 lack
    if not getattr(model.config, "is_encoder_decoder", False):
        processor.tokenizer.padding_side = "left"  # such a model goes on from the last token, which must be a word
    revision = f"{checkpoint}@{getattr(model.config, '_commit_hash', None)}"
    content = digest_of(checkpoint) if Path(checkpoint).is_dir() else revision
    dtypes = sorted({str(weight.dtype) for weight in model.parameters()})  # on a GPU a few layers keep 32 bits
    return processor, model, f"{content} {' '.join(dtypes)}"


def check_files(folder: str | Path) -> None:
    """Raise CheckpointBroken for a file that git-lfs has not brought yet, settings that are no JSON, or a pickle."""
    folder = Path(folder)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights and any(folder.glob("*model*.bin")):
        raise CheckpointBroken(f"'{folder}' {PICKLE}")
    for path in (*folder.glob("*.json"), *weights):
        if files.is_pointer(path):
            raise CheckpointBroken(f"'{path}' is {files.POINTER}")
        try:
            if path.suffix == ".json" and not isinstance(json.loads(path.read_bytes()), dict):
                raise ValueError("it is no JSON object")
        except (ValueError, RecursionError) as reason:
            raise CheckpointBroken(f"'{path}' is damaged or cut short ({reason}): fetch it again") from reason


def check_memory(checkpoint: str | Path, config: PretrainedConfig, device: torch.device) -> None:
    """Raise MemoryError for a model that would not fit: a kernel that runs out of memory says nothing at all."""
    with torch.device("meta"):  # where weights take no room
        billions = AutoModelForImageTextToText.from_config(config, trust_remote_code=False).num_parameters() / 1e9
    bits, where = (16, "GPU") if device.type == "cuda" else (32, "machine")
    needed, free = 1.25 * billions * bits / 8, _free_bytes(device) / 1e9  # a quarter of it beside the weights
    if needed > free:
        found = f"'{checkpoint}' has {billions:.1f} billion weights and takes about {needed:.0f} GB at {bits} bits"
        ways = "'HuggingFaceTB/SmolVLM-256M-Instruct' takes about 1 GB, 'demo' next to nothing"
        advice = f"Take a GPU with more memory or a smaller model: {ways}."
        raise MemoryError(f"{found}; this {where} has {free:.0f} GB free. {advice}")


def _free_bytes(device: torch.device) -> int:
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available


def _load(checkpoint: str | Path, device: torch.device) -> tuple:
    """(processor, model) by transformers' own calls; code that a checkpoint brings along is never run."""
    config = AutoConfig.from_pretrained(checkpoint, trust_remote_code=False)
    kind = config.model_type
    fits = kind in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES
    processor = AutoProcessor.from_pretrained(checkpoint, trust_remote_code=False) if fits else None
    if kind != "instructblip" and not getattr(processor, "chat_template", None):
        found = f"'{checkpoint}' is a model of the kind '{kind}', which does not answer questions about pictures"
        advice = "choose an InstructBLIP, or a chat model that its page calls image-text-to-text"
        raise CheckpointBroken(f"{found}: {advice}")
    check_memory(checkpoint, config, device)  # before the weights are fetched or read
    dtype = torch.float16 if device.type == "cuda" else torch.float32
    options = {"dtype": dtype, "use_safetensors": True, "output_loading_info": True}
    model, told = AutoModelForImageTextToText.from_pretrained(checkpoint, trust_remote_code=False, **options)
    if told["missing_keys"]:  # which the library draws at random
        lost = files.listed(sorted(told["missing_keys"]), 2)
        raise CheckpointBroken(f"'{checkpoint}' is incomplete: it lacks the weights {lost}")
    return processor, model.to(device).eval()


def _explained(checkpoint: str | Path, reason: Exception) -> Exception:
    """Why a checkpoint cannot be loaded, in one sentence."""
    said = str(reason).strip()
    if isinstance(reason, SafetensorError | RuntimeError):  # the latter: weights of another shape than config.json says
        return CheckpointBroken(f"'{checkpoint}' is damaged or cut short ({said.splitlines()[0]}): fetch it again")
    for word, why in (("trust_remote_code", OWN_PROGRAM), ("use_safetensors", PICKLE)):
        if word in said:  # which transformers advises to set otherwise
            return CheckpointBroken(f"'{checkpoint}' {why}")
    why = "it is no complete folder, not in the local Hugging Face cache, and could not be fetched"
    remedy = f"Fetch it once on a machine with network (`hf download {checkpoint}`), or use Captioner('demo')"
    if "gated" in said.lower():
        why, remedy = "it is given out after you accept its terms", "Do so on its page, then `hf auth login` here"
    return CheckpointMissing(f"No captioner '{checkpoint}': {why}. {remedy}.")


def digest_of(folder: str | Path) -> str:
    """Hash all that decides what a checkpoint or an adapter says: weights, settings and tokenizers."""
    digest, kinds = hashlib.sha256(), (".safetensors", ".json", ".jinja", ".model", ".txt")
    for path in sorted(path for path in Path(folder).rglob("*") if path.suffix in kinds):
        digest.update(path.relative_to(folder).as_posix().encode())
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def problem_with(prompt: str, model: nn.Module, processor, most_new_tokens: int) -> str:
    """Why a model cannot be asked this, "" when it can."""
    words, config = processor.tokenizer, model.config
    signs = [str(getattr(processor, "image_token", None) or "<image>"), *words.all_special_tokens]
    typed = [sign for sign in signs if sign in prompt]
    if typed or not prompt.strip():
        return f"holds {typed[0]}, a sign of the model's own: leave it out" if typed else "is empty: ask something"
    most = getattr(config.get_text_config(), "max_position_embeddings", None)
    readers = [(words, most, most_new_tokens + getattr(config, "num_query_tokens", 0))]  # with what else takes a place
    if config.model_type == "instructblip":
        readers.append((processor.qformer_tokenizer, config.qformer_config.max_position_embeddings, 0))
    for tokenizer, most, taken in readers:
        length = len(tokenizer(prompt, verbose=False)["input_ids"])
        if most and length + taken > most:
            return f"has {length} tokens, and the model takes {most - taken}: shorten it"
    return ""


def encoded(model: nn.Module, processor, images: Sequence[np.ndarray], prompts: Sequence[str]) -> BatchEncoding:
    """Encode pictures (uint8 RGB), and a prompt for each, as the model's `generate` takes them."""
    if model.config.model_type != "instructblip":  # a chat model
        asked = [[{"type": "image"}, {"type": "text", "text": prompt}] for prompt in prompts]
        turns = [[{"role": "user", "content": content}] for content in asked]
        prompts = [processor.apply_chat_template(turn, add_generation_prompt=True) for turn in turns]
        images = [[image] for image in images]
    settings = {"padding": True, "return_tensors": "pt", "input_data_format": "channels_last"}
    return processor(images=list(images), text=list(prompts), **settings)


def encode_prompts(processor, prompts: Sequence[str]) -> dict[str, Tensor]:
    """Encode prompts for the two readers of an InstructBLIP, each (B, N): its language model and its Q-Former."""
    blank = np.zeros((8, 8, 3), np.uint8)  # a picture, or no places for its vectors stand in front of the prompt
    encoded = processor(images=[blank], text=list(prompts), padding=True, return_tensors="pt")
    return {name: tensor for name, tensor in encoded.items() if name != "pixel_values"}


@torch.no_grad()
def vision_tokens(model: nn.Module, processor, images: Sequence[np.ndarray]) -> Tensor:
    """Encode uint8 RGB images as an InstructBLIP's vision tokens (B, 1 + patches, width)."""
    encoded = processor.image_processor(list(images), return_tensors="pt", input_data_format="channels_last")
    pixels = encoded["pixel_values"].to(model.device, model.dtype)
    return model.vision_model(pixel_values=pixels).last_hidden_state


@contextlib.contextmanager
def precomputed_vision(model: nn.Module) -> Iterator[None]:
    """Inside, an InstructBLIP takes vision tokens as its `pixel_values`, and its vision encoder is not run."""

    def hand_through(pixel_values: Tensor, **_) -> BaseModelOutputWithPooling:
        return BaseModelOutputWithPooling(last_hidden_state=pixel_values)

    model.vision_model.forward = hand_through  # hides the encoder's own method until it is deleted
    try:
        yield
    finally:
        del model.vision_model.forward
