"""Prompts, true sentences, the captioner with its file, and the building of the demo captioner."""

import json

import numpy as np
import pytest
import torch

from dermxai_helpers import assets, captions
from dermxai_helpers.assets import captioner, looks, speech
from dermxai_helpers.captions import captioner as captioning
from dermxai_helpers.captions import file as caption_file
from dermxai_helpers.captions import frozen_vision

MINIATURE = {
    "image_size": 32,
    "patch_size": 16,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}


# --- prompts ---


def test_prompts_are_the_papers():
    first = captions.PROMPTS["global"]
    assert first.startswith("You are a expert in examining images of lesions. Provide one clinical sentence. State")
    assert "border (regular/irregular), color (single/multiple), texture (flat/raised, scaly/smooth)." in first
    assert "color distribution, diameter in millimeters if visible, and texture." in captions.PROMPTS["roi"]
    assert "texture, and any visible structures (dots, streaks, network)." in captions.PROMPTS["focused"]
    assert all(prompt.endswith(" No diagnosis.") and "  " not in prompt for prompt in captions.PROMPTS.values())


# --- miniature captioners ---


@pytest.fixture(scope="module", autouse=True)
def short_answers():
    """An untrained model never ends its sentence: a few tokens of it are enough."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(captioning, "MOST_NEW_TOKENS", 5)
        yield


@pytest.fixture(scope="module")
def processor():
    return captioner.demo_processor((0.5, 0.4, 0.3), (0.2, 0.3, 0.4), image_size=32)


@pytest.fixture(scope="module")
def t5(processor):
    return captioner.build(captioner.demo_config(processor, MINIATURE, width=32, layers=1), seed=1)


@pytest.fixture(scope="module")
def t5_folder(t5, processor, tmp_path_factory):
    folder = tmp_path_factory.mktemp("t5")
    captioner.save(t5, processor, folder)
    return folder


@pytest.fixture(scope="module")
def opt_folder(processor, tmp_path_factory):
    """A decoder-only language model: it repeats the prompt in front of its answer."""
    from transformers import InstructBlipConfig, OPTConfig

    like = captioner.demo_config(processor, MINIATURE, width=32, layers=1)
    words = processor.tokenizer
    language = OPTConfig(
        vocab_size=len(words),
        hidden_size=32,
        word_embed_proj_dim=32,
        num_hidden_layers=2,
        ffn_dim=64,
        num_attention_heads=2,
        max_position_embeddings=256,
        bos_token_id=words.bos_token_id,
        eos_token_id=words.eos_token_id,
        pad_token_id=words.pad_token_id,
    )
    config = InstructBlipConfig(
        vision_config=like.vision_config,
        qformer_config=like.qformer_config,
        text_config=language,
        num_query_tokens=like.num_query_tokens,
        image_token_index=like.image_token_index,
    )
    folder = tmp_path_factory.mktemp("opt")
    captioner.save(captioner.build(config, seed=2), processor, folder)
    return folder


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, 40, 3), dtype=np.uint8) for height in (32, 48, 64, 40, 32)]


@pytest.fixture(scope="module")
def small(t5_folder):
    return captions.Captioner(t5_folder, device="cpu", batch_size=2)


def test_caption_gives_one_sentence_for_each_image_whatever_the_batches(small, images):
    said = small.caption(images, captions.PROMPTS["roi"], progress=False)
    assert len(said) == len(images) and all(isinstance(sentence, str) for sentence in said)
    assert said == [small.caption([image], captions.PROMPTS["roi"], progress=False)[0] for image in images]


def test_the_folder_loads_in_full_precision_on_a_cpu(small):
    assert {weight.dtype for weight in small.model.parameters()} == {torch.float32}
    assert not small.model.training


def test_caption_takes_one_prompt_for_each_image(small, images):
    prompts = list(captions.PROMPTS.values())
    together = small.caption(images[:3], prompts, progress=False)
    assert together == [small.caption([images[i]], prompts[i], progress=False)[0] for i in range(3)]


def test_caption_refuses_what_it_cannot_read(small, images):
    with pytest.raises(ValueError, match="5 images but 2 prompts"):
        small.caption(images, ["a", "b"])
    with pytest.raises(ValueError, match=r"image 1 has shape \(32, 40\) and type uint8"):
        small.caption([images[0], images[0][..., 0]], "a")
    with pytest.raises(ValueError, match="type float64"):
        small.caption([images[0] / 255], "a")
    assert small.caption([], "a") == []


def test_a_decoder_only_model_does_not_echo_its_prompt(opt_folder, images):
    speaker = captions.Captioner(opt_folder, device="cpu")
    inputs = speaker.processor(images=images[:2], text=[captions.PROMPTS["roi"]] * 2, return_tensors="pt")
    raw = speaker.model.generate(**inputs, do_sample=False, max_new_tokens=5)
    assert "Focus only on the lesion" in speaker.processor.decode(raw[0], skip_special_tokens=True)
    prompts = [captions.PROMPTS["global"], captions.PROMPTS["roi"], "Why?"]  # of unequal length: the short are padded
    said = speaker.caption(images[:3], prompts, progress=False)
    assert said == [speaker.caption([images[i]], prompts[i], progress=False)[0] for i in range(3)]
    assert not any(prompt[:20] in sentence for prompt in captions.PROMPTS.values() for sentence in said)


def test_without_echo_cuts_only_an_exact_echo():
    prompt = torch.tensor([[1, 2], [3, 4]])
    echoed, answered = torch.tensor([[1, 2, 9], [3, 4, 8]]), torch.tensor([[1, 2, 9], [3, 5, 8]])
    assert captions.without_echo(echoed, prompt).tolist() == [[9], [8]]
    assert captions.without_echo(answered, prompt) is answered
    assert captions.without_echo(prompt[:, :1], prompt).shape == (2, 1)


@pytest.mark.parametrize("checkpoint", ["Salesforce/instructblip-flan-t5-xl", "no/such/folder"])
def test_a_checkpoint_that_cannot_be_had_is_named_with_the_remedy(checkpoint, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    said = rf"No captioner '{checkpoint}'.*hf download.*demo"
    with pytest.raises(captions.CheckpointMissing, match=said):
        captions.Captioner(checkpoint)


# --- words drawn by lot ---


def test_a_seed_draws_words_and_neither_order_nor_company_changes_them(small, images):
    drawn = small.caption(images, "What?", progress=False, seed=3)
    assert drawn == [small.caption([image], "What?", progress=False, seed=3)[0] for image in images[::-1]][::-1]
    assert drawn != small.caption(images, "What?", progress=False, seed=4)
    assert drawn != small.caption(images, "What?", progress=False)


def test_drawn_and_greedy_captions_do_not_share_rows(small, images, tmp_path):
    file = tmp_path / "captions.jsonl"
    said = [small.caption(images[:2], "What?", file, progress=False, seed=seed) for seed in (None, 0, 1, 0)]
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    assert [row["decoding"] for row in rows] == ["greedy"] * 2 + ["sampled, seed 0"] * 2 + ["sampled, seed 1"] * 2
    assert said[1] == said[3] == [row["caption"] for row in rows[2:4]]


# --- the caption file ---


@pytest.fixture
def counted(small, monkeypatch):
    """The small captioner, and a list that grows by the number of images of every batch it really captions."""
    made, generate = [], small._generate

    def count(images, prompts, seed):
        made.append(len(images))
        return generate(images, prompts, seed)

    monkeypatch.setattr(small, "_generate", count)
    return small, made


def test_a_second_call_makes_only_what_is_missing(counted, images, tmp_path):
    speaker, made = counted
    file = tmp_path / "folder" / "captions.jsonl"
    first = speaker.caption(images[:3], "What?", file, progress=False)
    assert sum(made) == 3
    again = speaker.caption(images, "What?", file, progress=False)
    assert again[:3] == first and sum(made) == 5
    speaker.caption(images[:1], "Why?", file, progress=False)
    assert sum(made) == 6
    line = json.loads(file.read_text().splitlines()[0])
    assert (line["prompt"], line["caption"]) == ("What?", first[0])


def test_columns_about_each_picture_stand_in_the_file(small, images, tmp_path):
    file = tmp_path / "captions.jsonl"
    about = [{"image_id": f"image {number}", "view": "roi"} for number in range(3)]
    said = small.caption(images[:3], "What?", file, progress=False, about=about)
    rows = {row["image_id"]: row for row in map(json.loads, file.read_text().splitlines())}
    assert [rows[f"image {number}"]["caption"] for number in range(3)] == said
    assert {row["view"] for row in rows.values()} == {"roi"}
    with pytest.raises(ValueError, match="3 images but 2 rows of columns"):
        small.caption(images[:3], "What?", about=about[:2])


def test_equal_pictures_are_captioned_once(counted, images):
    speaker, made = counted
    said = speaker.caption([images[0]] * 4, "What?", progress=False)
    assert sum(made) == 1 and len(set(said)) == 1


def test_an_interrupted_run_goes_on_where_it_stopped(counted, images, tmp_path):
    speaker, made = counted
    file = tmp_path / "captions.jsonl"
    whole = speaker.caption(images, "What?", file, progress=False)
    content = file.read_bytes()
    file.write_bytes(content[:-25])  # a kill in the middle of the last line
    made.clear()
    assert speaker.caption(images, "What?", file, progress=False) == whole
    assert sum(made) == 1
    rows = [[json.loads(line) | {"seconds": 0} for line in text.splitlines()] for text in (content, file.read_bytes())]
    assert rows[0] == rows[1]


def test_a_complete_line_that_is_no_caption_is_an_error(tmp_path):
    file = tmp_path / "captions.jsonl"
    file.write_text('{"key": "a", "caption": "b"}\nnonsense\n')
    with pytest.raises(ValueError, match=r"captions.jsonl, line 2 is not a caption: 'nonsense'"):
        caption_file.read(file)


def test_other_weights_make_other_captions(t5, t5_folder, processor, tmp_path):
    with torch.no_grad():
        t5.query_tokens += 1
    captioner.save(t5, processor, tmp_path)
    with torch.no_grad():
        t5.query_tokens -= 1
    one, other = captions.Captioner(t5_folder, device="cpu"), captions.Captioner(tmp_path, device="cpu")
    assert one.identity != other.identity


# --- building and teaching the demo captioner ---


def test_the_demo_captioner_is_small_and_its_words_are_whole():
    full = captioner.demo_processor((0.5,) * 3, (0.5,) * 3)
    model = captioner.build(captioner.demo_config(full))
    assert sum(weight.numel() for weight in model.parameters()) <= 2_600_000
    assert full.image_processor.image_mean == (0.5,) * 3
    for sentence in captioner.caption_language(size=60, seed=9):
        ids = full.tokenizer(sentence).input_ids
        assert full.tokenizer.decode(ids, skip_special_tokens=True).strip() == sentence
        assert len(ids) <= len(sentence.replace("(", " ( ").replace("/", " / ").split()) * 1.6 + 3


def test_vision_from_timm_gives_equal_tokens():
    import timm

    torch.manual_seed(0)
    vit = timm.create_model("vit_tiny_patch16_224", embed_dim=128, depth=5, num_heads=4, mlp_ratio=4, num_classes=3)
    for weight in vit.parameters():  # timm starts biases at zero: equality must not rest on that
        torch.nn.init.normal_(weight, std=0.05)
    model = captioner.build(captioner.demo_config(captioner.demo_processor((0.5,) * 3, (0.5,) * 3)))
    captioner.vision_from_timm(vit, model.vision_model)
    pixels = torch.randn(2, 3, 224, 224, dtype=torch.float64)
    with torch.no_grad():
        ours = model.vision_model.double().eval()(pixel_values=pixels).last_hidden_state
        theirs = vit.double().eval().forward_features(pixels)
    assert ours.shape == (2, 197, 128)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-6)


def test_vision_from_timm_refuses_another_form(t5):
    import timm

    with pytest.raises(RuntimeError, match="size mismatch"):
        captioner.vision_from_timm(timm.create_model("vit_tiny_patch16_224"), t5.vision_model)


def test_precomputed_tokens_give_the_loss_of_the_pixels(t5, processor, images):
    question = {key: value.expand(2, -1) for key, value in frozen_vision.encode_question(processor, "What?").items()}
    labels = processor.tokenizer(["A lesion."] * 2, return_tensors="pt").input_ids
    pixels = processor.image_processor(images[:2], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        direct = t5.eval()(pixel_values=pixels, labels=labels, **question).loss
        tokens = frozen_vision.vision_tokens(t5, processor, images[:2])
        with frozen_vision.precomputed_vision(t5):
            indirect = t5(pixel_values=tokens.float(), labels=labels, **question).loss
    assert tokens.shape == (2, 5, 32) and tokens.dtype == torch.float16
    torch.testing.assert_close(direct, indirect, rtol=1e-3, atol=0)


@pytest.fixture(scope="module")
def lesions():
    from dermxai_helpers import synth

    return [synth.draw(seed, ruler=seed % 2 == 0) for seed in range(6)]


def test_views_for_training_lose_the_ruler_with_the_crop(lesions):
    for lesion in lesions:
        views, facts = looks.views_for_training(lesion, np.random.default_rng(0))
        assert set(views) == set(looks.VIEWS)
        assert views["roi"].shape[0] < 224 or views["roi"].shape[1] < 224
        assert not facts["roi"]["ruler"]
        assert facts["original"]["ruler"] == lesion.attributes["ruler"]


def test_training_lowers_the_loss_and_leaves_the_vision_encoder_alone(processor, lesions):
    model = captioner.build(captioner.demo_config(processor, MINIATURE, width=32, layers=1), seed=3)
    examples = speech.make_examples(model, processor, lesions)
    assert examples.tokens.shape == (3, 6, 5, 32)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    losses = speech.train_language(model, processor, examples, 24, batch_size=4, learning_rate=5e-3, progress=False)
    assert len(losses) == 24 and np.mean(losses[-5:]) < 0.7 * np.mean(losses[:5])
    changed = {name.split(".")[0] for name, weight in model.named_parameters() if not torch.equal(weight, before[name])}
    assert changed == {"qformer", "language_projection", "language_model", "query_tokens"}


# --- the shipped demo captioner ---


def test_the_demo_folder_is_small_and_half_precision():
    from safetensors.torch import load_file

    files = [file for file in assets.CAPTIONER.rglob("*") if file.is_file()]
    weights = load_file(assets.CAPTIONER / "model.safetensors")
    assert sum(file.stat().st_size for file in files) <= 6_000_000
    assert all(file.stat().st_size <= 1_000_000 for file in files if file.suffix != ".safetensors")
    assert {tensor.dtype for name, tensor in weights.items() if name != "query_tokens"} == {torch.float16}


def test_the_demo_captioner_answers_in_form_and_sees_what_was_drawn(monkeypatch):
    """Twenty lesions, veil and number of colours set by turns: a captioner without eyes would get about half."""
    from dermxai_helpers import lexicon, synth

    monkeypatch.setattr(captioning, "MOST_NEW_TOKENS", 96)
    pigments = {True: ("light brown", "dark brown", "red"), False: ("light brown",)}
    drawn = [
        synth.draw([7, i], label="nv", veil=i % 2 == 0, regression=False, pigments=pigments[i % 4 < 2])
        for i in range(20)
    ]
    images = [lesion.image for lesion in drawn]
    said = captions.Captioner("demo", device="cpu").caption(images, captions.PROMPTS["focused"], progress=False)
    facts = [lexicon.parse(sentence) for sentence in said]
    slots = {"symmetry", "border_shape", "colour_count", "network", "dots_globules", "streaks", "blue_white_veil"}
    assert all(slots <= set(fact) for fact in facts)
    assert all(sentence.count(".") == 1 and sentence.endswith(".") for sentence in said)
    veils = [
        (fact["blue_white_veil"][1] == "present") == lesion.attributes["veil"]
        for fact, lesion in zip(facts, drawn, strict=True)
    ]
    counts = [
        (fact["colour_count"][0] == "one") == (lesion.attributes["colour_count"] == 1)
        for fact, lesion in zip(facts, drawn, strict=True)
    ]
    assert sum(veils) >= 17 and sum(counts) >= 16
