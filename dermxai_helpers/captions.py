"""What does a vision-language model say about each view of a lesion?

The paper asks InstructBLIP three questions about three views. A checkpoint of it has 4 billion parameters or more; this
room loads a demo model of under 2 million, trained on drawn lesions only, by the same call. How to ask, what comes back
and how to check it is the same for both; how much they know is not.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch

from dermxai_helpers.prompts import PROMPTS

DEMO_FOLDER = Path(__file__).parent / "assets" / "captioner"
MOST_NEW_TOKENS = 96
SMALL_MODEL = 50_000_000  # weights

VIEW_OF_PROMPT = {"global": "original", "roi": "roi", "focused": "focused"}
"""Which view of `regions.views` the paper shows with which prompt."""


# --- the sentence a drawn lesion deserves ---


def describe(attributes: Mapping, prompt_name: str, rng: np.random.Generator) -> str:
    """The true sentence about a drawn lesion, in the form that one of the three prompts asks for.

    attributes : a row of `truth/attributes.csv` (or `Lesion.attributes`)
    prompt_name : "global", "roi" or "focused"
    rng : picks one of two phrasings; the facts do not depend on it

    The prompts ask for things a flat drawing cannot show. Raised or flat is never stated; "fissured" or "smooth" is the
    drawn structure `fissures`; the diameter is refused, and a ruler is mentioned when there is one.
    Raises ValueError for an unknown prompt name.
    """
    if prompt_name not in PROMPTS:
        raise ValueError(f"unknown prompt {prompt_name!r}: choose one of {', '.join(PROMPTS)}")
    symmetry, border = attributes["symmetry"], f"{_article(attributes['border_shape'])} border"
    facts = [border, _colour(attributes, listed=prompt_name != "global"), _surface(attributes)]
    if prompt_name == "roi":
        facts.append(_scale(attributes))
    if prompt_name == "focused":
        facts.extend(_structures(attributes))
    if rng.random() < 0.5:
        return f"{_article(symmetry).capitalize()} lesion with {_listing(facts)}."
    return f"The lesion is {symmetry}, with {_listing(facts)}."


def _colour(attributes: Mapping, listed: bool) -> str:
    count = "a single color" if int(attributes["colour_count"]) == 1 else "multiple colors"
    colours = attributes["colours"]  # a tuple in a `Lesion`, "red+black" in the table
    names = colours.split("+") if isinstance(colours, str) else list(colours)
    return f"{count} ({_listing(names)})" if listed else count


def _surface(attributes: Mapping) -> str:
    return "a fissured surface" if attributes["fissures"] else "a smooth surface"


def _scale(attributes: Mapping) -> str:
    return "a visible ruler" if attributes["ruler"] else "no scale visible for the diameter"


def _structures(attributes: Mapping) -> list[str]:
    """Rare structures only when they are there; then those the prompt names, and the veil, each present or denied."""
    rare = {"regression": "regression", "milia": "milia-like cysts", "comedo": "comedo-like openings"}
    network, dots = attributes["network"], attributes["dots"]
    return [words for name, words in rare.items() if attributes[name]] + [
        "no network" if network == "none" else f"{_article(network)} network",
        "no dots" if dots == "none" else f"{dots} dots",
        "streaks" if attributes["streaks"] else "no streaks",
        "a blue-white veil" if attributes["veil"] else "no blue-white veil",
    ]


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _listing(items: Sequence[str]) -> str:
    """["x", "y", "z"] -> "x, y and z"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


# --- the model ---


class CheckpointMissing(OSError):
    """The checkpoint is neither on this machine nor reachable."""


class Captioner:
    """An InstructBLIP that turns pictures and prompts into sentences.

    checkpoint : "demo" (under 2 M parameters, drawn lesions only), a folder, or a hub id such as
        "Salesforce/instructblip-flan-t5-xl" (about 16 GB to fetch, once)
    device : "cpu", "cuda", ...; None takes a GPU when there is one. On a GPU the weights are half precision.
    batch_size : pictures captioned at once

    Raises CheckpointMissing with the remedy when the checkpoint cannot be had.
    Source: Dai et al., InstructBLIP, arXiv:2305.06500.
    """

    def __init__(self, checkpoint: str | Path = "demo", device: str | None = None, batch_size: int = 32):
        self.checkpoint = str(checkpoint)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.batch_size = batch_size
        source = DEMO_FOLDER if self.checkpoint == "demo" else checkpoint
        self.processor, self.model = load(source, torch.float16 if self.device.type == "cuda" else torch.float32)
        self.model.to(self.device).eval()
        if self.model.config.use_decoder_only_language_model:
            self.processor.tokenizer.padding_side = (
                "left"  # such a model goes on from the last token, which must be a word
            )
        self.identity = _identity(source, self.model)
        self.note = "demo captioner, trained on drawn lesions only" if self.checkpoint == "demo" else self.checkpoint

    def caption(
        self,
        images: Sequence[np.ndarray],
        prompts: str | Sequence[str],
        file: str | Path | None = None,
        progress: bool = True,
    ) -> list[str]:
        """One sentence per picture, chosen greedily (the same input gives the same sentence).

        images : uint8 (H, W, 3) RGB, of any size
        prompts : one prompt for all pictures, or one for each
        file : JSON lines that keep finished captions; a second call, or one after a crash, makes only what is missing

        Raises ValueError when the two lengths differ or an image is not uint8 RGB.
        """
        from tqdm import tqdm

        prompts = [prompts] * len(images) if isinstance(prompts, str) else list(prompts)
        _check_inputs(images, prompts)
        keys = [caption_key(image, prompt, self.identity) for image, prompt in zip(images, prompts, strict=True)]
        known = {} if file is None else read_caption_file(file)
        missing = {key: i for i, key in enumerate(keys) if key not in known}
        batches = list(_in_batches(list(missing.items()), self.batch_size))
        # tqdm.auto, or a `disable=` here, would overrule TQDM_DISABLE, by which a run of the whole course is quiet.
        for batch in tqdm(batches, desc="captions") if progress and batches else batches:
            chosen = [i for _, i in batch]
            sentences = self._generate([images[i] for i in chosen], [prompts[i] for i in chosen])
            made = [
                {"key": key, "checkpoint": self.checkpoint, "prompt": prompts[i], "caption": sentence}
                for (key, i), sentence in zip(batch, sentences, strict=True)
            ]
            known.update((line["key"], line["caption"]) for line in made)
            if file is not None:
                append_lines(file, made)
        return [known[key] for key in keys]

    @torch.no_grad()
    def _generate(self, images: list[np.ndarray], prompts: list[str]) -> list[str]:
        inputs = self.processor(images=images, text=prompts, padding=True, return_tensors="pt").to(self.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        with _threads_that_pay(self.model):
            tokens = self.model.generate(**inputs, do_sample=False, num_beams=1, max_new_tokens=MOST_NEW_TOKENS)
        tokens = without_echo(tokens, inputs["input_ids"])
        return [sentence.strip() for sentence in self.processor.batch_decode(tokens, skip_special_tokens=True)]


def load(checkpoint: str | Path, dtype: torch.dtype):
    """(processor, model) of a folder or a hub id, by the two calls that every InstructBLIP checkpoint answers to."""
    from transformers import InstructBlipForConditionalGeneration, InstructBlipProcessor

    try:
        with _no_loading_bar() if Path(checkpoint).is_dir() else contextlib.nullcontext():
            processor = InstructBlipProcessor.from_pretrained(checkpoint)
            return processor, InstructBlipForConditionalGeneration.from_pretrained(checkpoint, dtype=dtype)
    except (OSError, ValueError) as reason:  # ValueError: the hub's word for a name that cannot be one of its ids
        raise CheckpointMissing(
            f"No InstructBLIP checkpoint {str(checkpoint)!r}: it is no complete folder, not in the local Hugging Face "
            "cache, and could not be fetched. Fetch it once on a machine with network "
            f"(`hf download {checkpoint}`), or use Captioner('demo')."
        ) from reason


@contextlib.contextmanager
def _no_loading_bar():
    """A folder loads in a moment: no progress bar of transformers' own (which does not heed TQDM_DISABLE)."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextlib.contextmanager
def _threads_that_pay(model):
    """One thread for a small model on a CPU.

    Its work for one word is so little that two threads spend their time waiting for each other: on two busy cores the
    demo captioner took fifteen times as long with two threads as with one.
    """
    threads = torch.get_num_threads()
    small = model.device.type == "cpu" and model.num_parameters() < SMALL_MODEL
    torch.set_num_threads(1 if small else threads)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def without_echo(tokens: torch.Tensor, prompt_tokens: torch.Tensor) -> torch.Tensor:
    """Generated tokens (B, N) without the prompt (B, P) that a decoder-only language model repeats in front.

    An encoder-decoder such as T5 does not repeat it: its tokens come back unchanged. The prompts name "asymmetric" and
    "irregular", so a prompt left in place would vote in every experiment that counts words.
    """
    length = prompt_tokens.shape[1]
    echoed = tokens.shape[1] >= length and torch.equal(tokens[:, :length], prompt_tokens)
    return tokens[:, length:] if echoed else tokens


def _check_inputs(images: Sequence[np.ndarray], prompts: list[str]) -> None:
    if len(prompts) != len(images):
        raise ValueError(f"{len(images)} images but {len(prompts)} prompts: give one prompt, or one for each image")
    for i, image in enumerate(images):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                f"image {i} has shape {image.shape} and type {image.dtype}; expected uint8 (height, width, 3), RGB"
            )


def _in_batches(items: list, size: int):
    return (items[start : start + size] for start in range(0, len(items), size))


def _identity(source: str | Path, model) -> str:
    """What must change when the captions may: the weights of a folder, the revision of a hub id."""
    weights = sorted(Path(source).glob("*.safetensors"))
    if not weights:
        return f"{source}@{getattr(model.config, '_commit_hash', None)}"
    digest = hashlib.sha256()
    for path in weights:
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


# --- captions kept on disk ---


def caption_key(image: np.ndarray, prompt: str, checkpoint: str) -> str:
    """A hash of all that decides a caption: pixels, shape, prompt and checkpoint."""
    digest = hashlib.sha256(repr((image.shape, prompt, checkpoint)).encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()[:32]


def read_caption_file(path: str | Path) -> dict[str, str]:
    """{key: caption} of a caption file; {} when there is none yet.

    A last line without its line end is what a killed run leaves behind: it is cut off, and its caption made again.
    Raises ValueError naming the line for a complete line that is not a caption.
    """
    path = Path(path)
    if not path.exists():
        return {}
    content = path.read_bytes()
    complete = content[: content.rfind(b"\n") + 1]
    if len(complete) < len(content):
        os.truncate(path, len(complete))
    captions = {}
    for number, line in enumerate(complete.decode().splitlines(), 1):
        try:
            entry = json.loads(line)
            captions[entry["key"]] = entry["caption"]
        except (json.JSONDecodeError, KeyError, TypeError) as reason:
            raise ValueError(
                f"{path}, line {number} is not a caption: {line[:60]!r}. Remove the line, or the file, and run again."
            ) from reason
    return captions


def append_lines(path: str | Path, entries: Sequence[Mapping]) -> None:
    """Add entries to a caption file as JSON lines, on disk before this returns."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as stream:
        stream.write("".join(json.dumps(dict(entry)) + "\n" for entry in entries))
        stream.flush()
        os.fsync(stream.fileno())
