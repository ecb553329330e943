"""The demo captioner: a real InstructBLIP of about two million parameters, built from nothing.

Three parts, as in the large one. The vision encoder is a timm ViT trained elsewhere on drawn lesions (`eyes`); its
weights are copied. The Q-Former and the T5 language model start at random and are taught in `speech`.
"""

import copy
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dermxai_helpers import captions
from dermxai_helpers.assets.speech import Examples, make_examples, train_language
from dermxai_helpers.lexicon.sentences import describe
from dermxai_helpers.synth.attributes import CHOICES, COLOURS

__all__ = [
    "Examples",
    "build",
    "demo_config",
    "demo_processor",
    "make_examples",
    "save",
    "train_language",
    "vision_from_timm",
]

SPECIAL_TOKENS = ["<pad>", "<s>", "</s>", "<unk>", "<image>"]
QUERIES = 12
WIDTH = 96
VISION = {  # as `eyes.CaptionerEye`; the library's own initializer_range of 1e-10 leaves an untrained encoder dead
    "hidden_size": 128,
    "num_hidden_layers": 5,
    "num_attention_heads": 4,
    "intermediate_size": 512,
    "image_size": 224,
    "patch_size": 16,
    "layer_norm_eps": 1e-6,
    "initializer_range": 0.02,
}


def caption_language(size: int = 1500, seed: int = 0) -> list[str]:
    """Sentences that together use every word of the closed caption language, and the three prompts."""
    rng = np.random.default_rng(seed)
    names = list(captions.PROMPTS) * (size // len(captions.PROMPTS))
    return list(captions.PROMPTS.values()) + [describe(_any_attributes(rng), name, rng) for name in names]


def _any_attributes(rng: np.random.Generator) -> dict:
    """Attributes drawn evenly, whatever their frequency on lesions: a vocabulary needs the rare words too."""
    values = {name: choices[rng.integers(len(choices))] for name, choices in CHOICES.items()}
    colours = [COLOURS[place] for place in np.sort(rng.choice(len(COLOURS), rng.integers(1, 7), replace=False))]
    return {**values, "colours": colours, "colour_count": len(colours), "ruler": rng.random() < 0.5}


def language_tokenizer(sentences: Iterable[str]):
    """Byte-level BPE for T5: every word of the caption language is one token, any other word is spelled in bytes."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=2000,
        special_tokens=SPECIAL_TOKENS,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    tokenizer.train_from_iterator(sentences, trainer)
    end = ("</s>", tokenizer.token_to_id("</s>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[end])
    # "<image>" is in the vocabulary but not declared as `image_token`: InstructBlipProcessor would trip over a string.
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )


def question_tokenizer(sentences: Iterable[str]):
    """Lower-cased words for the Q-Former, which reads the prompt and never writes."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordLevelTrainer(special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    tokenizer.train_from_iterator(sentences, trainer)
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]"
    )


def demo_processor(mean: tuple[float, ...], std: tuple[float, ...], image_size: int = 224):
    """The InstructBlipProcessor of the demo captioner: both tokenizers, and the ViT's own normalisation."""
    from transformers import BlipImageProcessor, InstructBlipProcessor

    sentences = caption_language()
    size = {"height": image_size, "width": image_size}
    pictures = BlipImageProcessor(size=size, image_mean=list(mean), image_std=list(std))
    readers = language_tokenizer(sentences), question_tokenizer(sentences)
    return InstructBlipProcessor(pictures, *readers, num_query_tokens=QUERIES)


def demo_config(processor, vision: Mapping | None = None, width: int = WIDTH, layers: int = 2):
    """The InstructBlipConfig that fits a processor. `vision` overrides the vision encoder's form (for tests)."""
    from transformers import InstructBlipConfig, InstructBlipVisionConfig

    eyes = InstructBlipVisionConfig(**{**VISION, **(vision or {})})
    return InstructBlipConfig(
        vision_config=eyes,
        qformer_config=_question_config(processor.qformer_tokenizer, eyes.hidden_size, width, layers),
        text_config=_language_config(processor.tokenizer, width, layers),
        num_query_tokens=processor.num_query_tokens,
        image_token_index=processor.tokenizer.convert_tokens_to_ids("<image>"),
    )


def _question_config(words, vision_width: int, width: int, layers: int):
    from transformers import InstructBlipQFormerConfig

    return InstructBlipQFormerConfig(
        vocab_size=len(words),
        hidden_size=width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=2 * width,
        max_position_embeddings=128,
        cross_attention_frequency=1,
        encoder_hidden_size=vision_width,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )


def _language_config(words, width: int, layers: int):
    from transformers import T5Config

    return T5Config(
        vocab_size=len(words),
        d_model=width,
        d_kv=width // 4,
        num_heads=4,
        d_ff=2 * width,
        num_layers=layers,
        num_decoder_layers=layers,
        feed_forward_proj="relu",
        dropout_rate=0.0,
        bos_token_id=words.bos_token_id,
        pad_token_id=words.pad_token_id,
        eos_token_id=words.eos_token_id,
        decoder_start_token_id=words.pad_token_id,
    )


def build(config, seed: int = 0):
    """An untrained InstructBlipForConditionalGeneration of this config, alive and in float32."""
    from transformers import InstructBlipForConditionalGeneration

    torch.manual_seed(seed)
    model = InstructBlipForConditionalGeneration(config)
    nn.init.normal_(model.query_tokens, std=0.02)  # the library starts them all at zero, hence all alike
    return model


TIMM_TO_INSTRUCTBLIP = {
    "cls_token": "embeddings.class_embedding",
    "pos_embed": "embeddings.position_embedding",
    "patch_embed.proj": "embeddings.patch_embedding",
    "blocks": "encoder.layers",
    "norm1": "layer_norm1",
    "norm2": "layer_norm2",
    "attn.qkv": "self_attn.qkv",
    "attn.proj": "self_attn.projection",
    "norm": "post_layernorm",
}


def vision_from_timm(vit: nn.Module, vision_model: nn.Module) -> None:
    """Copy the weights of a timm ViT (its head left out) into an InstructBlipVisionModel of the same form.

    Afterwards `vision_model(pixels).last_hidden_state` equals `vit.forward_features(pixels)`, (B, 1 + patches, width).
    Raises RuntimeError naming the tensors when the two forms differ.
    """
    weights = {_renamed(name): tensor for name, tensor in vit.state_dict().items() if not name.startswith("head")}
    vision_model.load_state_dict(weights, strict=True)


def _renamed(name: str) -> str:
    """blocks.0.attn.proj.weight -> encoder.layers.0.self_attn.projection.weight."""
    padded = f".{name}."
    for old, new in TIMM_TO_INSTRUCTBLIP.items():
        padded = padded.replace(f".{old}.", f".{new}.")
    return padded.strip(".")


def save(model, processor, folder: str | Path) -> None:
    """Write the half-precision weights, the config and both tokenizers: a folder that `from_pretrained` reads."""
    copy.deepcopy(model).half().save_pretrained(folder)
    processor.save_pretrained(folder)
