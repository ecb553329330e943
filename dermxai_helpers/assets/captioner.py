"""The demo captioner: a real InstructBLIP of 2 million parameters, built from nothing and taught on drawn lesions.

Three parts, as in the large one. The vision encoder is a timm ViT trained elsewhere on drawn lesions; its weights are
copied. The Q-Former and the T5 language model are trained here, on sentences that `captions.describe` makes from the
drawn truth. The vision encoder stays frozen, so its tokens are computed once and every training step costs only language.
"""

import contextlib
import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from dermxai_helpers import captions, regions
from dermxai_helpers.synth.attributes import CHOICES, COLOURS

SPECIAL_TOKENS = ["<pad>", "<s>", "</s>", "<unk>", "<image>"]
QUERIES = 12
WIDTH = 128
VIEWS = ("original", "roi", "focused")


# --- building ---

def caption_language(size: int = 1500, seed: int = 0) -> list[str]:
    """Sentences that together use every word of the closed caption language, and the three prompts."""
    rng = np.random.default_rng(seed)
    sentences = [captions.describe(_any_attributes(rng), name, rng) for _ in range(size // 3) for name in captions.PROMPTS]
    return list(captions.PROMPTS.values()) + sentences


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
    trainer = trainers.BpeTrainer(vocab_size=2000, special_tokens=SPECIAL_TOKENS, show_progress=False,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator(sentences, trainer)
    end = ("</s>", tokenizer.token_to_id("</s>"))
    tokenizer.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[end])
    # "<image>" is in the vocabulary but not declared as `image_token`: InstructBlipProcessor would trip over a string.
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>",
                                   unk_token="<unk>")


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
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
                                   sep_token="[SEP]")


def demo_processor(mean: tuple[float, ...], std: tuple[float, ...], image_size: int = 224):
    """The InstructBlipProcessor of the demo captioner: both tokenizers, and the ViT's own normalisation."""
    from transformers import BlipImageProcessor, InstructBlipProcessor

    sentences = caption_language()
    pictures = BlipImageProcessor(size={"height": image_size, "width": image_size}, image_mean=list(mean), image_std=list(std))
    return InstructBlipProcessor(pictures, language_tokenizer(sentences), question_tokenizer(sentences),
                                 num_query_tokens=QUERIES)


def demo_config(processor, vision: Mapping | None = None, width: int = WIDTH, layers: int = 2):
    """The InstructBlipConfig that fits a processor. `vision` overrides the vision encoder's form (for tests)."""
    from transformers import InstructBlipConfig, InstructBlipQFormerConfig, InstructBlipVisionConfig, T5Config

    words = processor.tokenizer
    # The library's default initializer_range of 1e-10 leaves an encoder built from nothing dead.
    eyes = {"hidden_size": 128, "num_hidden_layers": 5, "num_attention_heads": 4, "intermediate_size": 256,
            "image_size": 224, "patch_size": 16, "layer_norm_eps": 1e-6, "initializer_range": 0.02, **(vision or {})}
    questions = InstructBlipQFormerConfig(
        vocab_size=len(processor.qformer_tokenizer), hidden_size=width, num_hidden_layers=layers, num_attention_heads=4,
        intermediate_size=2 * width, max_position_embeddings=128, cross_attention_frequency=1,
        encoder_hidden_size=eyes["hidden_size"], hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
    language = T5Config(
        vocab_size=len(words), d_model=width, d_kv=width // 4, num_heads=4, d_ff=2 * width, num_layers=layers,
        num_decoder_layers=layers, feed_forward_proj="gated-gelu", dropout_rate=0.0, bos_token_id=words.bos_token_id,
        pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id, decoder_start_token_id=words.pad_token_id)
    return InstructBlipConfig(
        vision_config=InstructBlipVisionConfig(**eyes), qformer_config=questions, text_config=language,
        num_query_tokens=processor.num_query_tokens, image_token_index=words.convert_tokens_to_ids("<image>"))


def build(config, seed: int = 0):
    """An untrained InstructBlipForConditionalGeneration of this config, alive and in float32."""
    from transformers import InstructBlipForConditionalGeneration

    torch.manual_seed(seed)
    model = InstructBlipForConditionalGeneration(config)
    nn.init.normal_(model.query_tokens, std=0.02)  # the library starts them all at zero, hence all alike
    return model


TIMM_TO_INSTRUCTBLIP = {
    "cls_token": "embeddings.class_embedding", "pos_embed": "embeddings.position_embedding",
    "patch_embed.proj": "embeddings.patch_embedding", "blocks": "encoder.layers", "norm1": "layer_norm1",
    "norm2": "layer_norm2", "attn.qkv": "self_attn.qkv", "attn.proj": "self_attn.projection", "norm": "post_layernorm",
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
    for place, images in enumerate(zip(*pictures)):
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
    uneven = share * torch.from_numpy(rng.uniform(0.5, 1.0, (cells, cells))).float()
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


def train_language(model, processor, examples: Examples, steps: int, batch_size: int = 32, learning_rate: float = 1e-3,
                   seed: int = 0, progress: bool = True) -> list[float]:
    """Teach the Q-Former and T5 to say the true sentence; returns the loss of every step. The vision encoder is frozen.

    Each step takes one prompt and a random view of random lesions: the answer's form must follow the prompt and its
    facts the picture, whichever view comes with whichever prompt.
    """
    from tqdm.auto import trange

    rng = np.random.default_rng(seed)
    learned = [weight for name, weight in model.named_parameters() if not name.startswith("vision_model.")]
    optimizer = torch.optim.AdamW(learned, lr=learning_rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, learning_rate, total_steps=max(steps, 2), pct_start=0.1)
    questions = {name: encode_question(processor, prompt) for name, prompt in captions.PROMPTS.items()}
    model.train()
    losses = []
    with precomputed_vision(model):
        for _ in trange(steps, desc="language", disable=not progress):
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
    """A prompt as the model wants it: ids for T5 (with the places for image tokens) and for the Q-Former, each (1, N)."""
    blank = np.zeros((8, 8, 3), np.uint8)
    encoded = processor(images=[blank], text=[prompt], return_tensors="pt")
    return {name: tensor for name, tensor in encoded.items() if name != "pixel_values"}


def draw_batch(processor, examples: Examples, questions: Mapping, size: int, rng: np.random.Generator) -> dict:
    """One prompt, `size` random lesions in random views, and the true sentence about each as labels."""
    name = rng.choice(list(questions))
    views = rng.integers(len(VIEWS), size=size)
    lesions = rng.integers(examples.tokens.shape[1], size=size)
    sentences = [captions.describe(examples.attributes[view][lesion], name, rng) for view, lesion in zip(views, lesions)]
    labels = processor.tokenizer(sentences, padding=True, return_tensors="pt")
    batch = {key: tensor.expand(size, -1) for key, tensor in questions[name].items()}
    batch["pixel_values"] = examples.tokens[views, lesions].float()
    batch["labels"] = labels.input_ids.masked_fill(labels.attention_mask == 0, -100)
    return batch


def save(model, processor, folder: str | Path) -> None:
    """Write the half-precision weights, the config and both tokenizers: a folder that `from_pretrained` reads."""
    copy.deepcopy(model).half().save_pretrained(folder)
    processor.save_pretrained(folder)
