"""Which vision-language model is behind a checkpoint, does it fit into this machine, and how is it asked?

Everything is checked before the weights are read: a kernel that runs out of memory says nothing at all.
"""

import contextlib
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

BILLIONS = {  # of weights; for checkpoints that are too large to find out by fetching them
    "Salesforce/blip-image-captioning-base": 0.25,
    "Salesforce/blip-image-captioning-large": 0.47,
    "Salesforce/instructblip-flan-t5-xl": 3.96,
    "Salesforce/instructblip-vicuna-7b": 7.91,
    "Salesforce/instructblip-flan-t5-xxl": 12.2,
    "Salesforce/instructblip-vicuna-13b": 14.2,
    "HuggingFaceTB/SmolVLM-256M-Instruct": 0.26,
    "HuggingFaceTB/SmolVLM-500M-Instruct": 0.51,
    "Qwen/Qwen2.5-VL-3B-Instruct": 3.8,
    "Qwen/Qwen2.5-VL-7B-Instruct": 8.3,
    "Qwen/Qwen3-VL-2B-Instruct": 2.1,
    "google/medgemma-4b-it": 4.3,
    "suinleelab/monet": 0.43,  # scores sentences instead of writing them: see `concepts`
}
MARGIN = 1.25  # what a captioner takes beside its weights, as a factor
BITS = (32, 16, 8, 4)
SMALLER = (
    "Take a GPU with more memory, fewer bits (Captioner(..., bits=4)) or a smaller model: "
    "'HuggingFaceTB/SmolVLM-256M-Instruct' takes about 1 GB, 'demo' next to nothing."
)


class CheckpointMissing(OSError):
    """The checkpoint is neither on this machine nor reachable."""


class CheckpointBroken(ValueError):
    """The checkpoint is here, but its files are damaged or incomplete."""


class NotACaptioner(ValueError):
    """The checkpoint holds a model that does not write sentences about pictures."""


class TooLarge(MemoryError):
    """The model does not fit into this machine's free memory."""


@dataclass(frozen=True)
class Opened:
    """A model in evaluation mode on its device, and all that is needed to ask it.

    family : "instructblip", "blip" or "chat";  identity : changes when the captions may (weights or revision)
    """

    processor: object
    model: nn.Module
    family: str
    identity: str


def open_checkpoint(checkpoint: str | Path, device: torch.device, bits: int | None = None) -> Opened:
    """Open a folder or hub id; arguments and errors as for `captions.Captioner`."""
    if bits is not None and bits not in BITS:
        raise ValueError(f"bits={bits}: choose one of {', '.join(map(str, BITS))}, or None")
    bits = bits or (16 if device.type == "cuda" else 32)
    check_memory(checkpoint, bits, device)  # before anything is fetched
    family = _family(checkpoint)
    processor, model = _load(checkpoint, family, bits, device)
    if family == "instructblip":
        check_image_places(checkpoint, processor, model)
    if not getattr(model.config, "is_encoder_decoder", False) and hasattr(processor, "tokenizer"):
        processor.tokenizer.padding_side = "left"  # such a model goes on from the last token, which must be a word
    return Opened(processor, model.eval(), family, _identity(checkpoint, model))


def check_image_places(checkpoint: str | Path, processor, model: nn.Module) -> None:
    """CheckpointBroken unless the processor leaves as many places for a picture in the prompt as the model fills."""
    written, filled = processor.num_query_tokens, model.config.num_query_tokens
    if written != filled:
        raise CheckpointBroken(
            f"the processor of '{checkpoint}' leaves {written or 'no'} places for a picture in front of the prompt, "
            f"the model fills {filled}: checkpoints from before 2024 lack the number. Fetch the newest revision, or "
            f'write "num_query_tokens": {filled} into its processor_config.json.'
        )


def ask(processor, family: str, images: Sequence[np.ndarray], prompts: Sequence[str]) -> Mapping[str, Tensor]:
    """Pictures (uint8 RGB) and a prompt for each as the tensors that a family's `generate` takes."""
    if family != "chat":
        return processor(images=list(images), text=list(prompts), padding=True, return_tensors="pt")
    turns = [[{"role": "user", "content": [{"type": "image"}, {"type": "text", "text": prompt}]}] for prompt in prompts]
    texts = [processor.apply_chat_template(turn, add_generation_prompt=True) for turn in turns]
    return processor(images=[[image] for image in images], text=texts, padding=True, return_tensors="pt")


def prompt_tokens(model: nn.Module, family: str, tokens: Tensor) -> Tensor:
    """What the language model was given of `input_ids`, (B, P): BLIP puts its own start in front and drops the end."""
    if family != "blip":
        return tokens
    start = torch.full_like(tokens[:, :1], model.config.text_config.bos_token_id)
    return torch.cat([start, tokens[:, 1:-1]], dim=1)


@contextlib.contextmanager
def each_picture_once(model: nn.Module, inputs: Mapping[str, Tensor]) -> Iterator[None]:
    """Inside, the vision encoder of an InstructBLIP or BLIP sees equal pictures once, however many ask about them.

    Other models take pictures in tiles and stay as they are.
    """
    encoder, pixels = getattr(model, "vision_model", None), inputs["pixel_values"]
    rows: dict[bytes, list[int]] = {}
    for row, picture in enumerate(pixels.cpu().numpy()):
        rows.setdefault(picture.tobytes(), []).append(row)
    if encoder is None or len(rows) == len(pixels):
        yield
        return
    place = torch.empty(len(pixels), dtype=torch.long)
    for number, equal in enumerate(rows.values()):
        place[equal] = number
    model.vision_model = _Seen(encoder, torch.tensor([equal[0] for equal in rows.values()]), place)
    try:
        yield
    finally:
        model.vision_model = encoder


class _Seen(nn.Module):
    """A vision encoder that is shown some rows of a batch and answers for all."""

    def __init__(self, encoder: nn.Module, rows: Tensor, place: Tensor):
        super().__init__()
        self.encoder, self.rows, self.place = encoder, rows, place

    def forward(self, pixel_values: Tensor, **settings):
        """As the encoder's, for (B, 3, height, width)."""
        output = self.encoder(pixel_values[self.rows.to(pixel_values.device)], **settings)
        for name in ("last_hidden_state", "pooler_output"):
            output[name] = output[name][self.place.to(pixel_values.device)]
        return output


def check_memory(checkpoint: str | Path, bits: int, device: torch.device, remedy: str = SMALLER) -> None:
    """TooLarge when a model with so many bits a weight would not fit; nothing for a hub id of unknown size."""
    billions = _weights_in(Path(checkpoint)) / 1e9 if Path(checkpoint).is_dir() else BILLIONS.get(str(checkpoint))
    if billions is None:
        return
    needed, free = MARGIN * billions * bits / 8, _free_bytes(device) / 1e9
    if needed > free:
        where = "GPU" if device.type == "cuda" else "machine"
        raise TooLarge(
            f"'{checkpoint}' has {billions:.1f} billion weights and takes about {needed:.0f} GB at {bits} bits; this "
            f"{where} has {free:.0f} GB free. {remedy}"
        )


def _free_bytes(device: torch.device) -> int:
    import psutil

    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available


def _weights_in(folder: Path) -> int:
    """How many weights a folder's safetensors hold, read from their headers; CheckpointBroken if one is damaged."""
    from safetensors import SafetensorError, safe_open

    count = 0
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, "pt") as tensors:
                shapes = [tensors.get_slice(name).get_shape() for name in tensors.keys()]  # noqa: SIM118, no dict
                count += sum(math.prod(shape) for shape in shapes)
        except SafetensorError as problem:
            raise CheckpointBroken(
                f"{file} is damaged or cut short ({problem}): fetch it again, and compare its size with the original's"
            ) from problem
    return count


def _family(checkpoint: str | Path) -> str:
    """How the model is asked, from its configuration alone."""
    from transformers import AutoConfig
    from transformers.models.auto.modeling_auto import MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES

    with explained(checkpoint):
        kind = AutoConfig.from_pretrained(checkpoint).model_type
    if kind in ("instructblip", "blip"):
        return kind
    if kind in MODEL_FOR_IMAGE_TEXT_TO_TEXT_MAPPING_NAMES:
        return "chat"
    raise NotACaptioner(
        f"'{checkpoint}' is a model of the kind '{kind}', which does not write sentences about pictures: choose an "
        "InstructBLIP, a BLIP, or a model that its page calls image-text-to-text"
    )


def _load(checkpoint: str | Path, family: str, bits: int, device: torch.device):
    """(processor, model) by transformers' own calls; code that a checkpoint brings along is never run."""
    import transformers

    names = {
        "instructblip": ("InstructBlipProcessor", "InstructBlipForConditionalGeneration"),
        "blip": ("BlipProcessor", "BlipForConditionalGeneration"),
        "chat": ("AutoProcessor", "AutoModelForImageTextToText"),
    }
    processor, model = (getattr(transformers, name) for name in names[family])
    settings: dict = {"dtype": torch.float32 if bits == 32 else torch.float16}
    if bits < 16:
        if device.type != "cuda":
            raise ValueError(f"bits={bits} needs a GPU and bitsandbytes; on a CPU take 32 or 16")
        settings["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_8bit=bits == 8, load_in_4bit=bits == 4
        )
    with explained(checkpoint), loading_bar(checkpoint):
        loaded = processor.from_pretrained(checkpoint), model.from_pretrained(checkpoint, **settings)
    return loaded if bits < 16 else (loaded[0], loaded[1].to(device))


@contextlib.contextmanager
def explained(
    checkpoint: str | Path, sought: str = "captioner", instead: str = ", or use Captioner('demo')."
) -> Iterator[None]:
    """What transformers says about a checkpoint that cannot be had, as one sentence with the remedy.

    sought : what the checkpoint was taken for; instead : how the advice to fetch it goes on
    """
    from huggingface_hub.errors import GatedRepoError

    try:
        yield
    except GatedRepoError as reason:
        raise CheckpointMissing(
            f"'{checkpoint}' is given out after you accept its terms: do so on its page, then `hf auth login` here."
        ) from reason
    except (OSError, ValueError) as reason:  # ValueError: the hub's word for a name that cannot be one of its ids
        if "gated" in str(reason).lower():
            advice = "do so on its page, then `hf auth login` here"
            raise CheckpointMissing(f"'{checkpoint}' is given out after you accept its terms: {advice}.") from reason
        raise CheckpointMissing(
            f"No {sought} '{checkpoint}': it is no complete folder, not in the local Hugging Face cache, and could "
            f"not be fetched. Fetch it once on a machine with network (`hf download {checkpoint}`){instead}"
        ) from reason


@contextlib.contextmanager
def loading_bar(checkpoint: str | Path) -> Iterator[None]:
    """No progress bar of transformers' own (which does not heed TQDM_DISABLE) for a folder: it loads in a moment."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    if Path(checkpoint).is_dir():
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _identity(source: str | Path, model: nn.Module) -> str:
    """What must change when the captions may: the weights of a folder, the revision of a hub id."""
    if not any(Path(source).glob("*.safetensors")):
        return f"{source}@{getattr(model.config, '_commit_hash', None)}"
    return digest_of(source)


def digest_of(folder: str | Path) -> str:
    """A hash of all weights in a folder."""
    digest = hashlib.sha256()
    for path in sorted(Path(folder).glob("*.safetensors")):
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
