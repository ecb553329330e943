"""What does a vision-language model say about each view of a lesion?

The paper asks InstructBLIP three questions about three views. A checkpoint of it has 4 billion parameters or more; this
room loads a demo model of under 2 million, trained on drawn lesions only, by the same call. How to ask, what comes back
and how to check it is the same for both; how much they know is not.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
import torch

from dermxai_helpers import assets
from dermxai_helpers.captions import checkpoints as caption_models
from dermxai_helpers.captions import file as caption_file
from dermxai_helpers.captions import lora as caption_lora
from dermxai_helpers.captions.checkpoints import CheckpointMissing as CheckpointMissing
from dermxai_helpers.inference import threads_that_pay

DEMO_FOLDER = assets.CAPTIONER
MOST_NEW_TOKENS = 96


class Captioner:
    """A vision-language model that turns pictures and prompts into sentences.

    checkpoint : "demo" (under 2 M parameters, drawn lesions only), a folder, or a hub id such as
        "Salesforce/instructblip-flan-t5-xl" (about 16 GB to fetch, once). InstructBLIP, as in the paper, BLIP, and the
        chat models that transformers knows as "image-text-to-text", such as "HuggingFaceTB/SmolVLM-256M-Instruct"
    device : "cpu", "cuda", ...; None takes a GPU when there is one
    batch_size : pictures captioned at once
    bits : of each weight; None takes 32 on a CPU and 16 on a GPU; 8 and 4 need a GPU and bitsandbytes
    adapter : folder of an adapter taught to this checkpoint (see `caption_lora`); it is merged into the weights

    Raises CheckpointMissing, CheckpointBroken, NotACaptioner or TooLarge (see `caption_models`), each with the remedy.
    Source: Dai et al., InstructBLIP, arXiv:2305.06500.
    """

    def __init__(
        self, checkpoint: str | Path = "demo", device: str | None = None, batch_size: int = 32, bits: int | None = None,
        adapter: str | Path | None = None,
    ):  # fmt: skip
        self.checkpoint = str(checkpoint)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.batch_size = batch_size
        source = DEMO_FOLDER if self.checkpoint == "demo" else checkpoint
        opened = caption_models.open_checkpoint(source, self.device, bits)
        self.processor, self.model, self.family = opened.processor, opened.model, opened.family
        self.identity = opened.identity
        if adapter is not None:
            self.model = caption_lora.merged(self.model, adapter)
            self.identity += caption_models.digest_of(adapter)
        self.note = "demo captioner, trained on drawn lesions only" if self.checkpoint == "demo" else self.checkpoint

    def caption(
        self,
        images: Sequence[np.ndarray],
        prompts: str | Sequence[str],
        file: str | Path | None = None,
        progress: bool = True,
        seed: int | None = None,
        about: Sequence[Mapping] | None = None,
    ) -> list[str]:
        """One sentence per picture, the same for the same input.

        images : uint8 (H, W, 3) RGB, of any size
        prompts : one prompt for all pictures, or one for each
        file : JSON lines that keep finished captions; a second call, or one after a crash, makes only what is missing
        seed : None writes greedily, always the most probable word; a number draws each word by its probability. Every
            drawn sentence starts from the seed and its own key, so that neither order nor interruption changes it
        about : columns for the file, one mapping for each picture, such as its image_id and view

        Raises ValueError when lengths differ or an image is not uint8 RGB.
        """
        from tqdm import tqdm

        prompts = [prompts] * len(images) if isinstance(prompts, str) else list(prompts)
        about = [{}] * len(images) if about is None else list(about)
        _check_inputs(images, prompts, about)
        keys = [caption_file.key_of(*asked, self._wrote_with(seed)) for asked in zip(images, prompts, strict=True)]
        known = {} if file is None else caption_file.read(file)
        missing = {key: i for i, key in enumerate(keys) if key not in known}
        in_length = sorted(missing.items(), key=lambda item: len(prompts[item[1]]))  # equal prompts need no padding
        quiet = {} if progress and missing else {"disable": True}  # unset, so that TQDM_DISABLE may decide
        with tqdm(total=len(missing), desc="captions", unit="caption", **quiet) as bar:
            for batch in self._batches(in_length, prompts, 1 if seed is not None else self.batch_size):
                made = self._rows(batch, images, prompts, seed)
                known.update((row["key"], row["caption"]) for row in made)
                if file is not None:
                    columns = [about[place] for _, place in batch]
                    caption_file.append(file, [{**told, **row} for row, told in zip(made, columns, strict=True)])
                bar.update(len(made))
        return [known[key] for key in keys]

    def _wrote_with(self, seed: int | None) -> str:
        """All that decides a caption beside picture and prompt."""
        return self.identity if seed is None else f"{self.identity} sampled with seed {seed}"

    def _batches(
        self, missing: list[tuple[str, int]], prompts: list[str], size: int
    ) -> Iterator[list[tuple[str, int]]]:
        """Batches of (key, place). BLIP's text model counts padding as words, so that a batch has one prompt there."""
        same = (lambda item: prompts[item[1]]) if self.family == "blip" else (lambda item: None)
        for _, group in groupby(sorted(missing, key=lambda item: str(same(item))), same):
            yield from _in_batches(list(group), size)

    def _rows(
        self, batch: list[tuple[str, int]], images: Sequence[np.ndarray], prompts: list[str], seed: int | None
    ) -> list[dict]:
        """The rows of a caption file for a batch of (key, place)."""
        chosen = [place for _, place in batch]
        start = time.perf_counter()
        if seed is not None:  # a batch of one
            torch.manual_seed(int(batch[0][0][:15], 16) ^ seed)
        sentences = self._generate([images[place] for place in chosen], [prompts[place] for place in chosen], seed)
        row = {"checkpoint": self.checkpoint, "model": self.identity}
        row["decoding"] = "greedy" if seed is None else f"sampled, seed {seed}"
        row["seconds"] = round((time.perf_counter() - start) / len(batch), 4)
        return [
            {"key": key, **row, "prompt": prompts[place], "caption": sentence}
            for (key, place), sentence in zip(batch, sentences, strict=True)
        ]

    @torch.no_grad()
    def _generate(self, images: list[np.ndarray], prompts: list[str], seed: int | None) -> list[str]:
        inputs = caption_models.ask(self.processor, self.family, images, prompts).to(self.device)
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        with threads_that_pay(self.model), caption_models.each_picture_once(self.model, inputs):
            choice = {"do_sample": seed is not None, "num_beams": 1, "max_new_tokens": MOST_NEW_TOKENS}
            tokens = self.model.generate(**inputs, **choice)
        prompt = caption_models.prompt_tokens(self.model, self.family, inputs["input_ids"])
        tokens = without_echo(tokens, prompt)
        return [sentence.strip() for sentence in self.processor.batch_decode(tokens, skip_special_tokens=True)]


def without_echo(tokens: torch.Tensor, prompt_tokens: torch.Tensor) -> torch.Tensor:
    """Generated tokens (B, N) without the prompt (B, P) that a decoder-only language model repeats in front.

    An encoder-decoder such as T5 does not repeat it: its tokens come back unchanged. The prompts name "asymmetric" and
    "irregular", so a prompt left in place would vote in every experiment that counts words.
    """
    length = prompt_tokens.shape[1]
    echoed = tokens.shape[1] >= length and torch.equal(tokens[:, :length], prompt_tokens)
    return tokens[:, length:] if echoed else tokens


def _check_inputs(images: Sequence[np.ndarray], prompts: list[str], about: list[Mapping]) -> None:
    if len(prompts) != len(images):
        raise ValueError(f"{len(images)} images but {len(prompts)} prompts: give one prompt, or one for each image")
    if len(about) != len(images):
        raise ValueError(f"{len(images)} images but {len(about)} rows of columns about them: give one for each image")
    for i, image in enumerate(images):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                f"image {i} has shape {image.shape} and type {image.dtype}; expected uint8 (height, width, 3), RGB"
            )


def _in_batches(items: list, size: int):
    return (items[start : start + size] for start in range(0, len(items), size))
