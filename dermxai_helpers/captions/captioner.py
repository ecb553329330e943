"""Asks a vision-language model about pictures, the paper's or the demo's, and keeps its captions on disk."""

import codecs
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import transformers

from dermxai_helpers import assets, files
from dermxai_helpers.captions import checkpoints, lora
from dermxai_helpers.inference import threads_that_pay

MOST_NEW_TOKENS = 96
BATCH = 32  # pictures captioned at once


class Captioner:
    """A vision-language model that turns pictures and prompts into sentences.

    checkpoint : "demo", a folder, or a hub id: an InstructBLIP as in the paper, "Salesforce/instructblip-flan-t5-xl"
        (16 GB to fetch), or a chat model for pictures and text, "HuggingFaceTB/SmolVLM-256M-Instruct"
    device : "cpu", "cuda", ...; None takes a GPU when there is one. Weights have 32 bits on a CPU and 16 on a GPU
    adapter : folder of an adapter taught to this checkpoint (see `lora`); it is merged into the weights
    Only safetensors are opened, and no program that a checkpoint brings along is run. Raises CheckpointMissing,
    CheckpointBroken or MemoryError with the remedy. Source: Dai et al., arXiv:2305.06500.
    """

    def __init__(self, checkpoint: str | Path = "demo", device: str | None = None, adapter: str | Path | None = None):
        self.checkpoint = str(checkpoint)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        if self.device.type == "cuda" and not torch.cuda.is_available():
            raise ValueError("torch sees no GPU on this machine: leave the device out, and the CPU is taken")
        self.note = self.checkpoint
        if self.checkpoint == "demo":
            checkpoint, self.note = assets.CAPTIONER, "demo captioner, trained on drawn lesions only"
        self.processor, self.model, self.identity = checkpoints.open_checkpoint(checkpoint, self.device)
        if adapter is not None:
            self.model = lora.merged(self.model, adapter)
            self.identity += f" + {checkpoints.digest_of(adapter)}"

    def caption(
        self, images: Sequence[np.ndarray], prompts: str | Sequence[str], file: str | Path | None = None,
        progress: bool = True,
    ) -> list[str]:  # fmt: skip
        """Write one sentence about each picture, always the most probable word next: the same for the same input.

        images : uint8 (H, W, 3) RGB, of any size; prompts : one prompt for all pictures, or one for each
        file : JSON lines that keep finished captions; a second call, or one after a crash, makes only what is missing
        ValueError for other lengths or images, and for a prompt that is empty, too long or holds a sign of the model's.
        """
        prompts = [prompts] * len(images) if isinstance(prompts, str) else list(prompts)
        self._check(images, prompts)
        if file is not None and hasattr(self.model, "peft_config"):
            advice = "ask without a file, or save the adapter and open Captioner(..., adapter=folder)"
            raise ValueError(f"this captioner is being taught, so its answers are not kept: {advice}")
        asked = f"{self.identity} {MOST_NEW_TOKENS}"  # the library's version is only noted: it rounds anew
        keys = [key_of(image, prompt, asked) for image, prompt in zip(images, prompts, strict=True)]
        known = read(file) if file is not None else {}
        missing = {key: place for place, key in enumerate(keys) if key not in known}
        places = sorted(missing.values(), key=lambda place: len(prompts[place]))  # equal prompts need no padding
        with files.progress(len(places), "captions", "caption", shown=progress and bool(places)) as bar:
            for start in range(0, len(places), BATCH):
                batch = places[start : start + BATCH]
                sentences = self._generate([images[place] for place in batch], [prompts[place] for place in batch])
                known |= {keys[place]: sentence for place, sentence in zip(batch, sentences, strict=True)}
                if file is not None:
                    told = {"checkpoint": self.checkpoint, "model": self.identity, "library": transformers.__version__}
                    rows = [{"key": keys[place], **told, "prompt": prompts[place]} for place in batch]
                    append(file, [row | {"caption": known[row["key"]]} for row in rows])
                bar.update(len(batch))
        return [known[key] for key in keys]

    def _check(self, images: Sequence[np.ndarray], prompts: Sequence[str]) -> None:
        """ValueError for what cannot be captioned."""
        if len(images) != len(prompts):
            raise ValueError(f"{len(images)} images and {len(prompts)} prompts: give one, or one for each image")
        for number, image in enumerate(images):
            if getattr(image, "dtype", None) != np.uint8 or image.shape[2:] != (3,) or not image.size:
                found = f"shape {np.shape(image)} and type {getattr(image, 'dtype', type(image).__name__)}"
                raise ValueError(f"image {number} has {found}; expected uint8 (height, width, 3), RGB")
        for prompt in set(prompts):
            if problem := checkpoints.problem_with(prompt, self.model, self.processor, MOST_NEW_TOKENS):
                raise ValueError(f"the prompt {prompt[:40]!r} {problem}")

    @torch.no_grad()
    def _generate(self, images: list[np.ndarray], prompts: list[str]) -> list[str]:
        images = [np.ascontiguousarray(image) for image in images]  # torch takes no picture that is a mirrored view
        inputs = checkpoints.encoded(self.model, self.processor, images, prompts).to(self.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        with threads_that_pay(self.model):
            tokens = self.model.generate(**inputs, do_sample=False, num_beams=1, max_new_tokens=MOST_NEW_TOKENS)
        answers = without_echo(tokens, inputs["input_ids"])
        return [sentence.strip() for sentence in self.processor.batch_decode(answers, skip_special_tokens=True)]


def without_echo(tokens: torch.Tensor, prompt_tokens: torch.Tensor) -> torch.Tensor:
    """Cut the prompt (B, P) off generated tokens (B, N) where a decoder-only language model repeats it in front.

    A prompt left in place would vote wherever words are counted. An encoder-decoder such as T5 does not repeat it.

    >>> without_echo(torch.tensor([[1, 2, 9]]), torch.tensor([[1, 2]]))
    tensor([[9]])
    """
    length = prompt_tokens.shape[1]
    if tokens.shape[1] >= length and torch.equal(tokens[:, :length], prompt_tokens):
        return tokens[:, length:]
    return tokens


def key_of(image: np.ndarray, prompt: str, model: str) -> str:
    """Hash all that decides a caption: pixels, shape, prompt and model (content, number type, adapter, most tokens)."""
    digest = hashlib.sha256(repr((image.shape, prompt, model)).encode())
    digest.update(np.ascontiguousarray(image).tobytes())
    return digest.hexdigest()[:32]


def read(path: str | Path) -> dict[str, str]:
    """{key: caption} of a caption file; {} when there is none yet.

    A last line that breaks off is what a killed run leaves behind: it is cut off, and its caption made again. Raises
    ValueError naming the line for any other that is not a caption, {"key": "...", "caption": "..."} in UTF-8.
    """
    path, captions = Path(path), {}
    content = path.read_bytes() if path.exists() else b""
    lines = content.split(b"\n")  # not splitlines: a caption may hold other signs that end a line
    for number, line in enumerate(lines, 1):
        try:
            if line.strip():
                entry = json.loads(line.removeprefix(codecs.BOM_UTF8).decode(), strict=False)
                captions["" + entry["key"]] = "" + entry["caption"]  # TypeError for what is no text
        except (ValueError, KeyError, TypeError, RecursionError) as reason:
            if number == len(lines) and line.startswith(b"{") and isinstance(reason, json.JSONDecodeError):
                os.truncate(path, len(content) - len(line))
                break
            said = f"{path}, line {number} is not a caption: {line[:60].decode(errors='replace')!r}"
            form = 'A caption is one line {"key": "...", "caption": "..."} in UTF-8'
            raise ValueError(f"{said}. {form}. Remove the line, or the file, and run again.") from reason
    return captions


def append(path: str | Path, entries: Sequence[Mapping]) -> None:
    """Add entries to a caption file; they are on disk before this returns, so that a kill costs one batch at most."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as stream:
        stream.seek(max(0, stream.tell() - 1))
        line_end = b"" if stream.read(1) in (b"", b"\n") else b"\n"  # an editor may have cut the last one off
        stream.write(line_end + "".join(json.dumps(entry) + "\n" for entry in entries).encode())
        stream.flush()
        os.fsync(stream.fileno())
