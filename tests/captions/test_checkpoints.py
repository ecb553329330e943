"""Opening captioners of every family, and what is none. All models are tiny and untrained."""

import json
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dermxai_helpers import captions
from dermxai_helpers.assets import captioner as building
from dermxai_helpers.captions import checkpoints as caption_models

CPU = torch.device("cpu")
VISION = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
VISION |= {"image_size": 32, "patch_size": 16}


@pytest.fixture(autouse=True)
def short_answers(monkeypatch):
    """An untrained model never ends its sentence."""
    monkeypatch.setattr("dermxai_helpers.captions.captioner.MOST_NEW_TOKENS", 5)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


@pytest.fixture(scope="module")
def processor():
    return building.demo_processor((0.5, 0.4, 0.3), (0.2, 0.3, 0.4), image_size=32)


@pytest.fixture(scope="module")
def folder(processor, tmp_path_factory):
    """An InstructBLIP."""
    place = tmp_path_factory.mktemp("instructblip")
    config = building.demo_config(processor, VISION, width=32, layers=1)
    building.save(building.build(config, seed=1), processor, place)
    return place


@pytest.fixture(scope="module")
def blip_folder(tmp_path_factory):
    from transformers import (
        BertTokenizerFast,
        BlipConfig,
        BlipForConditionalGeneration,
        BlipImageProcessor,
        BlipProcessor,
    )

    place = tmp_path_factory.mktemp("blip")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "[DEC]", "[ENC]", "a", "lesion", "with", "border", "."]
    (place / "vocab.txt").write_text("\n".join(words))
    size = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    text = {**size, "vocab_size": len(words), "encoder_hidden_size": 32, "max_position_embeddings": 64}
    text |= {"bos_token_id": 5, "eos_token_id": 3, "sep_token_id": 3, "pad_token_id": 0}
    torch.manual_seed(0)
    config = BlipConfig(text_config=text, vision_config=VISION, projection_dim=32)
    BlipForConditionalGeneration(config).save_pretrained(place)
    pictures = BlipImageProcessor(size={"height": 32, "width": 32})
    BlipProcessor(pictures, BertTokenizerFast(str(place / "vocab.txt"))).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def chat_folder(processor, tmp_path_factory):
    """A chat model: LLaVA, with a chat template."""
    from transformers import (
        CLIPImageProcessor,
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )

    place = tmp_path_factory.mktemp("chat")
    words = processor.tokenizer
    language = LlamaConfig(
        vocab_size=len(words),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=2,
        pad_token_id=words.pad_token_id,
        eos_token_id=words.eos_token_id,
    )
    torch.manual_seed(0)
    image_token = words.convert_tokens_to_ids("<image>")
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**VISION),
        text_config=language,
        image_token_index=image_token,
        vision_feature_layer=-1,
    )
    LlavaForConditionalGeneration(config).save_pretrained(place)
    template = (
        "{% for message in messages %}{{ message['role'] }}: {% for part in message['content'] %}"
        "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
        "{% if add_generation_prompt %} assistant: {% endif %}"
    )
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    LlavaProcessor(
        pictures,
        words,
        patch_size=16,
        vision_feature_select_strategy="default",
        image_token="<image>",
        num_additional_image_tokens=1,
        chat_template=template,
    ).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(3)]


@pytest.mark.parametrize("kind", ["folder", "blip_folder", "chat_folder"])
def test_every_family_writes_and_batches_change_nothing(kind, images, request):
    place = request.getfixturevalue(kind)
    speaker = captions.Captioner(place, device="cpu")
    assert speaker.family == {"folder": "instructblip", "blip_folder": "blip", "chat_folder": "chat"}[kind]
    prompts = ["a lesion", "a lesion with a border", "a"]
    together = speaker.caption(images, prompts, progress=False)
    alone = [speaker.caption([images[i]], prompts[i], progress=False)[0] for i in range(3)]
    assert together == alone
    assert "lesion with a border" not in together[1]


def test_each_picture_is_encoded_once_and_the_answers_stay(folder, images):
    speaker = captions.Captioner(folder, device="cpu")
    seen = []
    speaker.model.vision_model.register_forward_hook(lambda module, inputs, output: seen.append(len(output[0])))
    asked = [images[0], images[1], images[0], images[0]]
    prompts = ["What?", "What?", "Why?", "a symmetric lesion"]
    together = speaker.caption(asked, prompts, progress=False)
    assert seen == [2]
    assert together == [speaker.caption([asked[i]], prompts[i], progress=False)[0] for i in range(4)]
    assert not isinstance(speaker.model.vision_model, caption_models._Seen)


def test_a_model_that_stops_with_an_error_gets_its_eyes_back(folder):
    model = captions.Captioner(folder, device="cpu").model
    encoder = model.vision_model
    equal = {"pixel_values": torch.zeros(2, 3, 32, 32)}
    with pytest.raises(RuntimeError), caption_models.each_picture_once(model, equal):
        assert model.vision_model is not encoder
        raise RuntimeError
    assert model.vision_model is encoder


# --- what is no captioner ---


def test_a_cut_file_is_named(folder, tmp_path):
    broken = shutil.copytree(folder, tmp_path / "cut")
    weights = next(broken.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(caption_models.CheckpointBroken, match=f"{weights.name} is damaged.*fetch it again"):
        captions.Captioner(broken, device="cpu")


def test_a_model_of_another_kind_is_refused_by_its_name(tmp_path):
    from transformers import BertConfig

    BertConfig().save_pretrained(tmp_path)
    with pytest.raises(caption_models.NotACaptioner, match="of the kind 'bert', which does not write sentences"):
        captions.Captioner(tmp_path, device="cpu")


def test_a_folder_without_model_is_refused(tmp_path):
    with pytest.raises(captions.CheckpointMissing, match="no complete folder.*hf download.*demo"):
        captions.Captioner(tmp_path, device="cpu")


def test_what_does_not_fit_is_refused_before_it_is_read(folder, monkeypatch):
    monkeypatch.setattr(caption_models, "_free_bytes", lambda device: 10_000)
    with pytest.raises(caption_models.TooLarge, match=r"at 32 bits; this machine has 0 GB free.*SmolVLM-256M"):
        captions.Captioner(folder, device="cpu")
    monkeypatch.setattr(caption_models, "_free_bytes", lambda device: 24 * 10**9)
    caption_models.check_memory("Salesforce/instructblip-flan-t5-xl", 32, CPU)
    with pytest.raises(caption_models.TooLarge, match=r"has 12.2 billion weights and takes about 61 GB at 32 bits"):
        caption_models.check_memory("Salesforce/instructblip-flan-t5-xxl", 32, CPU)
    caption_models.check_memory("somebody/unknown", 32, CPU)


@pytest.mark.parametrize(("bits", "said"), [(5, "choose one of 32, 16, 8, 4"), (4, "bits=4 needs a GPU")])
def test_bits_that_cannot_be_had(folder, bits, said):
    with pytest.raises(ValueError, match=said):
        captions.Captioner(folder, device="cpu", bits=bits)


def test_terms_that_were_not_accepted_are_named(monkeypatch):
    def refuse(*_):
        raise OSError("You are trying to access a gated repo.")

    monkeypatch.setattr("transformers.AutoConfig", SimpleNamespace(from_pretrained=refuse))
    with pytest.raises(captions.CheckpointMissing, match="after you accept its terms.*hf auth login"):
        captions.Captioner("google/medgemma-4b-it", device="cpu")


def test_too_few_places_for_a_picture_are_explained_before_the_first_caption(folder, tmp_path):
    old = tmp_path / "old"
    shutil.copytree(folder, old)
    card = json.loads((old / "processor_config.json").read_text())
    card.pop("num_query_tokens")
    (old / "processor_config.json").write_text(json.dumps(card))
    with pytest.raises(caption_models.CheckpointBroken, match="leaves no places for .*the model fills 12.*num_"):
        captions.Captioner(old, device="cpu")
