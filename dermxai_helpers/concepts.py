"""Which of a few sentences fits a picture best, according to a model that compares the two?

A model of the CLIP family turns pictures and sentences into points of one space: the nearer two of them, the better
they fit. Each slot of a caption becomes a choice between sentences, and what is chosen comes out as `Facts`, so that
all that judges captions judges these answers too.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from dermxai_helpers import caption_models
from dermxai_helpers.caption_models import CheckpointBroken
from dermxai_helpers.reading import Facts
from dermxai_helpers.vocabulary import SLOTS

Concepts = Mapping[str, Mapping[str, str]]
"""Slot -> value -> sentence. The value "any" names a structure and "none" denies it, as in the truth of a lesion."""

KINDS = ("clip", "siglip")  # as transformers names them
WHERE_ELSE = (
    ". Only CLIP and SigLIP models that transformers has saved as safetensors can be opened, such as "
    "'suinleelab/monet'; weights published for open_clip, such as DermLIP's, cannot."
)
REMEDY = "Take a machine or a GPU with more memory, or a smaller model."
PICTURE = "This is dermatoscopy of"
NOTHING = f"{PICTURE} a skin lesion."  # not "without ...": see CONCEPTS


def _sentences(**endings: str) -> dict[str, str]:
    return {value: f"{PICTURE} {ending}." for value, ending in endings.items()}


def _shown_or_not(structure: str) -> dict[str, str]:
    return _sentences(any=f"a lesion with {structure}") | {"none": NOTHING}


CONCEPTS: Concepts = {
    "symmetry": _sentences(symmetric="a symmetric lesion", asymmetric="an asymmetric lesion"),
    "border_shape": _sentences(
        regular="a lesion with a regular border", irregular="a lesion with an irregular border"
    ),
    "border_sharpness": _sentences(sharp="a lesion with a sharp border", faded="a lesion with a blurred border"),
    "colour_count": _sentences(
        one="a lesion of a single color", two="a lesion of two colors", many="a lesion of many colors"
    ),
    "network": _sentences(
        typical="a lesion with a typical pigment network", atypical="a lesion with an atypical pigment network"
    ) | {"none": NOTHING},
    "dots_globules": _sentences(
        regular="a lesion with regular dots and globules", irregular="a lesion with irregular dots and globules"
    ) | {"none": NOTHING},
    "streaks": _shown_or_not("streaks"),
    "blue_white_veil": _shown_or_not("a blue-white veil"),
    "regression": _shown_or_not("regression structures"),
    "milia": _shown_or_not("milia-like cysts"),
    "comedo": _shown_or_not("comedo-like openings"),
    "cerebriform": _shown_or_not("fissures and ridges"),
}  # fmt: skip
"""The slots of `facts.ATTRIBUTES`, with the values that a lesion can have there.

What denies a structure is a sentence that does not name it: these models hardly read "no" and "without", and a
sentence with the structure's name would draw pictures that show it. Sources: a choice between a name and none as
in the concept scores of Kim et al. 2024 (MONET), doi:10.1038/s41591-024-02887-x; negation, Alhamoud et al. 2025,
arXiv:2501.09425. The sentences are ours; how well MONET knows their words has not been measured here.
"""


class NotAConceptScorer(ValueError):
    """The checkpoint holds a model that does not compare pictures with sentences."""


class ConceptScorer:
    """A model that says which sentence fits a picture best, slot by slot.

    checkpoint : a folder, or a hub id such as "suinleelab/monet" (MONET: CLIP ViT-L/14 trained on 105,550 pictures from
        dermatology and their texts, 1.7 GB to fetch, once). CLIP and SigLIP models in transformers' format; the
        first SigLIP checkpoints need the package sentencepiece
    device : "cpu", "cuda", ...; None takes a GPU when there is one
    batch_size : pictures shown to the model at once

    Raises CheckpointMissing, CheckpointBroken or TooLarge (see `caption_models`) or NotAConceptScorer, each with the
    remedy. Source: Radford et al. 2021, CLIP, arXiv:2103.00020.
    """

    def __init__(self, checkpoint: str | Path, device: str | None = None, batch_size: int = 32):
        self.checkpoint = str(checkpoint)
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.batch_size = batch_size
        self.processor, self.model = _opened(checkpoint, self.device)

    def score(self, images: Sequence[np.ndarray], concepts: Concepts = CONCEPTS, progress: bool = True) -> pd.DataFrame:
        """How well each sentence of a slot fits each picture, compared with the slot's other sentences.

        images : uint8 (H, W, 3) RGB, of any size; the model's own processor resizes, crops and normalises them
        concepts : two sentences or more for each slot

        Returns one row a picture and one column a (slot, value): the softmax over the slot's sentences, in [0, 1]. The
        scores of a slot add up to 1, so that one sentence always leads, even on a picture without a lesion.
        Raises ValueError without pictures, for one that is not uint8 RGB, for a slot with fewer than two sentences and
        for a sentence longer than the model reads.
        """
        from tqdm import tqdm

        _check(images, concepts)
        sentences = [sentence for values in concepts.values() for sentence in values.values()]
        texts = self._text_features(sentences)
        quiet = {} if progress else {"disable": True}  # unset, so that TQDM_DISABLE may decide
        with tqdm(total=len(images), desc="concepts", unit="picture", **quiet) as bar:
            parts = []
            for start in range(0, len(images), self.batch_size):
                parts.append(self._logits(images[start : start + self.batch_size], texts))
                bar.update(len(parts[-1]))
        slots = torch.cat(parts).split([len(values) for values in concepts.values()], dim=1)
        columns = [(slot, value) for slot, values in concepts.items() for value in values]
        return pd.DataFrame(
            torch.cat([logits.softmax(dim=1) for logits in slots], dim=1).numpy(),
            columns=pd.MultiIndex.from_tuples(columns, names=["slot", "value"]),
        )

    def facts(
        self, images: Sequence[np.ndarray], least: float = 0.5, concepts: Concepts = CONCEPTS, progress: bool = True
    ) -> list[Facts]:
        """What the leading sentences state about each picture, as `lexicon.parse` would note it of a caption.

        images, concepts : as in `score`, with slots and values of `vocabulary.SLOTS`, or the value "none"
        least : a slot whose leading sentence scores less is passed over. Of two sentences one always has 0.5. Such
            scores are rarely frequencies: choose `least` on lesions that are not the ones to be judged on

        Raises ValueError as `score` does, and for a `least` outside [0, 1] or an unknown slot or value.
        """
        if not 0 <= least <= 1:
            raise ValueError(f"least={least}: the score a slot must reach lies between 0 and 1")
        _check_values(concepts)
        scores = self.score(images, concepts, progress)
        said: list[Facts] = [{} for _ in images]
        for slot in concepts:
            leading, reached = scores[slot].idxmax(axis=1), scores[slot].max(axis=1) >= least
            for facts, value, stated in zip(said, leading, reached, strict=True):
                if stated:
                    facts[slot] = ("any", "absent") if value == "none" else (value, "present")
        return said

    @torch.no_grad()
    def _logits(self, images: Sequence[np.ndarray], texts: Tensor) -> Tensor:
        """Cosines of pictures and sentences (m, width) in the model's own scale, (n, m), on the CPU."""
        settings = {"input_data_format": "channels_last", "return_tensors": "pt"}
        inputs = self.processor(images=list(images), **settings).to(self.device)
        pictures = nn.functional.normalize(self.model.get_image_features(**inputs).pooler_output, dim=-1)
        return (self.model.logit_scale.exp() * pictures @ texts.T).cpu()  # SigLIP's bias is the same for all

    @torch.no_grad()
    def _text_features(self, sentences: list[str]) -> Tensor:
        """Sentences as points of length 1, (m, width)."""
        text, tokenizer = self.model.config.text_config, self.processor.tokenizer
        lengths = [len(tokens) for tokens in tokenizer(sentences)["input_ids"]]
        longest = int(np.argmax(lengths))
        if lengths[longest] > text.max_position_embeddings:
            raise ValueError(
                f"'{sentences[longest]}' is too long: it has {lengths[longest]} tokens, start and end among them, and "
                f"the model reads {text.max_position_embeddings}. Say it in fewer words."
            )
        siglip = self.model.config.model_type == "siglip"  # was trained on sentences filled up to one length
        fill = {"padding": "max_length", "max_length": text.max_position_embeddings} if siglip else {"padding": True}
        tokens = self.processor(text=sentences, return_tensors="pt", **fill).to(self.device)
        return nn.functional.normalize(self.model.get_text_features(**tokens).pooler_output, dim=-1)


# --- what can be opened ---


def _opened(checkpoint: str | Path, device: torch.device) -> tuple:
    """(processor, model in evaluation mode on its device); code that a checkpoint brings along is never run."""
    from transformers import AutoConfig, AutoModel, AutoProcessor

    caption_models.check_memory(checkpoint, 32, device, REMEDY)  # before anything is fetched
    with caption_models.explained(checkpoint, "concept scorer", WHERE_ELSE):
        kind = AutoConfig.from_pretrained(checkpoint).model_type
    if kind not in KINDS:
        raise NotAConceptScorer(
            f"'{checkpoint}' is a model of the kind '{kind}', which does not compare pictures with sentences: choose a "
            "CLIP or a SigLIP, such as 'suinleelab/monet'"
        )
    with caption_models.explained(checkpoint, "concept scorer", WHERE_ELSE), caption_models.loading_bar(checkpoint):
        processor = AutoProcessor.from_pretrained(checkpoint)
        model, told = AutoModel.from_pretrained(
            checkpoint, dtype=torch.float32, use_safetensors=True, output_loading_info=True
        )
    if told["missing_keys"]:  # transformers would draw them at random
        lacking = sorted(told["missing_keys"])
        raise CheckpointBroken(
            f"'{checkpoint}' lacks {len(lacking)} of its weights, '{lacking[0]}' among them: fetch it again, whole"
        )
    return processor, model.eval().to(device)


# --- what can be asked ---


def _check(images: Sequence[np.ndarray], concepts: Concepts) -> None:
    if not len(images):
        raise ValueError("no pictures to score: give one uint8 (height, width, 3) array or more")
    for i, image in enumerate(images):
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            raise ValueError(
                f"image {i} has shape {image.shape} and type {image.dtype}; expected uint8 (height, width, 3), RGB"
            )
    lonely = [slot for slot, values in concepts.items() if len(values) < 2]
    if lonely or not concepts:
        named = f"the slot '{lonely[0]}' has fewer" if lonely else "there is no slot"
        raise ValueError(f"{named}: give each slot two sentences or more, for a sentence is scored against others")


def _check_values(concepts: Concepts) -> None:
    for slot, values in concepts.items():
        if slot not in SLOTS:
            raise ValueError(f"there is no slot '{slot}' in the facts of a caption; there are {', '.join(SLOTS)}")
        known = [*SLOTS[slot], "none"] if "any" in SLOTS[slot] else list(SLOTS[slot])
        strangers = [value for value in values if value not in known]
        if strangers:
            raise ValueError(f"'{strangers[0]}' is no value of the slot '{slot}'; there are {', '.join(known)}")
