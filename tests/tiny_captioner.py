"""Builds tiny, untrained InstructBLIPs: a vision encoder, a Q-Former and a language model, with words of their own."""

import torch
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers
from transformers import (
    BlipImageProcessor,
    InstructBlipConfig,
    InstructBlipForConditionalGeneration,
    InstructBlipProcessor,
    InstructBlipQFormerConfig,
    InstructBlipVisionConfig,
    OPTConfig,
    PreTrainedTokenizerFast,
    T5Config,
)

from dermxai_helpers.captions import PROMPTS

SIZE, QUERIES = 32, 12
ONE_LAYER = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 64}
VISION = {**ONE_LAYER, "image_size": SIZE, "patch_size": 16}
SENTENCES = [*PROMPTS.values(), "A lesion with a regular border.", "The lesion is asymmetric.", "What?", "Why?"]


def processor():
    """An InstructBlipProcessor for pictures of 32 pixels, whose tokenizers know the prompts and a few sentences."""
    pictures = BlipImageProcessor(size={"height": SIZE, "width": SIZE})
    return InstructBlipProcessor(pictures, _language_words(), _question_words(), num_query_tokens=QUERIES)


def model(processor, language="t5", width=32, seed=1):
    """An untrained InstructBLIP in evaluation mode; `language` is "t5", or "opt", which repeats its prompt."""
    words = processor.tokenizer
    shared = {"vocab_size": len(words)}
    shared |= {f"{name}_token_id": getattr(words, f"{name}_token_id") for name in ("bos", "eos", "pad")}
    if language == "t5":
        text = T5Config(
            d_model=width,
            d_kv=width // 2,
            num_heads=2,
            d_ff=2 * width,
            num_layers=1,
            dropout_rate=0.0,
            decoder_start_token_id=words.pad_token_id,
            **shared,
        )
    else:
        text = OPTConfig(
            hidden_size=width,
            word_embed_proj_dim=width,
            num_hidden_layers=2,
            ffn_dim=2 * width,
            num_attention_heads=2,
            max_position_embeddings=256,
            **shared,
        )
    question = InstructBlipQFormerConfig(
        vocab_size=len(processor.qformer_tokenizer), max_position_embeddings=128, cross_attention_frequency=1,
        encoder_hidden_size=VISION["hidden_size"], hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        **ONE_LAYER | {"hidden_size": width},
    )  # fmt: skip
    config = InstructBlipConfig(
        # the library's own initializer_range of 1e-10 leaves an untrained encoder dead
        vision_config=InstructBlipVisionConfig(**VISION, initializer_range=0.02),
        qformer_config=question,
        text_config=text,
        num_query_tokens=QUERIES,
        image_token_index=words.convert_tokens_to_ids("<image>"),
    )
    torch.manual_seed(seed)
    built = InstructBlipForConditionalGeneration(config)
    torch.nn.init.normal_(built.query_tokens, std=0.02)  # the library starts them all at zero, hence all alike
    return built.eval()


def save(model, processor, folder):
    """Write both into a folder that a Captioner opens; returns the folder."""
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


def _language_words():
    """Byte-level BPE, which can spell anything."""
    words = Tokenizer(models.BPE(unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    words.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>", "<unk>", "<image>"]
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, special_tokens=special, show_progress=False, initial_alphabet=alphabet
    )
    words.train_from_iterator(SENTENCES, trainer)
    words.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", words.token_to_id("</s>"))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )


def _question_words():
    """Lower-cased words, as the Q-Former reads them."""
    words = Tokenizer(models.WordLevel(unk_token="[UNK]"))
    words.normalizer = normalizers.Lowercase()
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    words.train_from_iterator(
        SENTENCES, trainers.WordLevelTrainer(special_tokens=["[PAD]", "[UNK]"], show_progress=False)
    )
    return PreTrainedTokenizerFast(tokenizer_object=words, pad_token="[PAD]", unk_token="[UNK]")
