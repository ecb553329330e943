"""Prompts, the captioner and its caption file, with tiny untrained models; and the shipped demo captioner."""

import json
import shutil

import numpy as np
import pytest
import tiny_captioner
import torch
from PIL import Image

from dermxai_helpers import assets, captions, lexicon, synth
from dermxai_helpers.captions import checkpoints
from dermxai_helpers.captions.captioner import append, read


def test_prompts_are_the_papers():
    first = captions.PROMPTS["global"]
    assert first.startswith("You are a expert in examining images of lesions. Provide one clinical sentence. State")
    assert "border (regular/irregular), color (single/multiple), texture (flat/raised, scaly/smooth)." in first
    assert "color distribution, diameter in millimeters if visible, and texture." in captions.PROMPTS["roi"]
    assert "texture, and any visible structures (dots, streaks, network)." in captions.PROMPTS["focused"]
    assert all(prompt.endswith(" No diagnosis.") and "  " not in prompt for prompt in captions.PROMPTS.values())


# --- tiny captioners ---


@pytest.fixture
def short_answers(monkeypatch):
    """An untrained model never ends its sentence: a few tokens of it are enough."""
    monkeypatch.setattr("dermxai_helpers.captions.captioner.MOST_NEW_TOKENS", 5)


@pytest.fixture
def small(folder, short_answers, monkeypatch):
    monkeypatch.setattr("dermxai_helpers.captions.captioner.BATCH", 2)
    return captions.Captioner(folder, device="cpu")


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (height, 40, 3), dtype=np.uint8) for height in (32, 48, 64, 40, 32)]


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
    with pytest.raises(ValueError, match="5 images and 2 prompts"):
        small.caption(images, ["a", "b"])
    with pytest.raises(ValueError, match=r"image 1 has shape \(32, 40\) and type uint8"):
        small.caption([images[0], images[0][..., 0]], "a")
    with pytest.raises(ValueError, match=r"image 1 has shape \(\) and type NoneType"):
        small.caption([images[0], None], "a")
    with pytest.raises(ValueError, match="type float64"):
        small.caption([images[0] / 255], "a")
    with pytest.raises(ValueError, match=r"image 1 has shape \(0, 40, 3\)"):
        small.caption([images[0], images[0][:0]], "a")
    assert small.caption([], "a") == []


UNASKABLE = {
    "lesion " * 400: "has 4.. tokens, and the model takes 128: shorten it",
    "<image> What?": "holds <image>, a sign of the model's own: leave it out",
    "What?</s>": "holds </s>",
    " ": "the prompt ' ' is empty: ask something",
}


@pytest.mark.parametrize("prompt", UNASKABLE)
def test_a_prompt_that_cannot_be_asked_is_refused_before_the_others_are_answered(prompt, small, images, tmp_path):
    file = tmp_path / "captions.jsonl"
    with pytest.raises(ValueError, match=UNASKABLE[prompt]):
        small.caption(images[:3], ["What?", prompt, "Why?"], file, progress=False)
    assert not file.exists()


def test_a_prompt_that_leaves_no_place_for_the_answer_is_too_long(processor, images, tmp_path, short_answers):
    """OPT has 256 places: for the picture, the prompt and the answer."""
    folder = tiny_captioner.save(tiny_captioner.model(processor, "opt"), processor, tmp_path)
    speaker = captions.Captioner(folder, device="cpu")
    longest = "\u00e9" * 118  # one word to the Q-Former, two tokens each to OPT
    assert len(speaker.caption(images[:1], longest, progress=False)) == 1
    with pytest.raises(ValueError, match="has 242 tokens, and the model takes 239"):
        speaker.caption(images[:1], longest + "\u00e9" * 2, progress=False)


@pytest.mark.parametrize("height", [1, 3, 4])
def test_a_low_picture_is_seen_with_its_channels_last(height, small):
    """The library takes the height for the channels when it may choose; a PIL image leaves it no choice."""
    picture = np.random.default_rng(0).integers(0, 256, (height, 40, 3), dtype=np.uint8)
    pixels = small.processor.image_processor([Image.fromarray(picture)], return_tensors="pt")["pixel_values"]
    expected = small.model.vision_model(pixel_values=pixels).last_hidden_state
    torch.testing.assert_close(checkpoints.vision_tokens(small.model, small.processor, [picture]), expected)


def test_a_decoder_only_model_does_not_echo_its_prompt(processor, images, tmp_path, short_answers):
    folder = tiny_captioner.save(tiny_captioner.model(processor, "opt", seed=2), processor, tmp_path)
    speaker = captions.Captioner(folder, device="cpu")
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


def test_the_library_writes_the_same_with_pixels_instead_of_tokens(small, images):
    prompts = [captions.PROMPTS["roi"]] * 2
    inputs = small.processor(images=images[:2], text=prompts, return_tensors="pt")
    tokens = small.model.generate(**inputs, do_sample=False, max_new_tokens=5)
    expected = [sentence.strip() for sentence in small.processor.batch_decode(tokens, skip_special_tokens=True)]
    assert small.caption(images[:2], prompts, progress=False) == expected


# --- the caption file ---


@pytest.fixture
def counted(small, monkeypatch):
    """The small captioner, and a list that grows by the number of images of every batch it really captions."""
    made, generate = [], small._generate

    def count(images, prompts):
        made.append(len(images))
        return generate(images, prompts)

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
    assert sum(made) == 1 and file.read_bytes() == content


GOOD = b'{"key": "a", "caption": "b"}\n'


@pytest.mark.parametrize(
    "line",
    [
        b"nonsense", b'{"key": "c", "caption": null}', b'{"key": "c", "caption": 5}', b'{"key": ["c"], "caption": "d"}',
        b'{"key": "c", "caption": "caf\xe9"}', b'{"image_id": "c", "caption": "d"}', b"[" * 100_000, b"[]", b"c,d",
        '{"key": "c"}'.encode("utf-16"),
    ],
)  # fmt: skip
def test_a_line_that_is_no_caption_is_an_error(line, tmp_path):
    file = tmp_path / "captions.jsonl"
    file.write_bytes(GOOD + line + b"\n" + GOOD)
    with pytest.raises(
        ValueError, match=r'captions.jsonl, line 2 is not a caption: .* one line {"key": "...", "caption'
    ):
        read(file)
    assert file.read_bytes() == GOOD + line + b"\n" + GOOD


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD, GOOD.replace(b"\n", b"\r\n"), GOOD + b"\n" + GOOD, GOOD[:-1],
        '{"key": "c", "caption": "d\u2028e\u0085f\x0cg"}\n'.encode() + GOOD,
    ],
)  # fmt: skip
def test_files_of_other_programs_are_read_and_added_to(content, tmp_path):
    file = tmp_path / "captions.jsonl"
    file.write_bytes(content)
    assert read(file)["a"] == "b"
    append(file, [{"key": "x", "caption": "y"}])
    assert read(file)["a"] == "b" and read(file)["x"] == "y" and file.read_bytes().startswith(content)


@pytest.mark.parametrize("content", ['{"info": {}, "annotations": [{"caption": "x"}]}', '{"key": "k", "text": "y"}'])
def test_an_object_of_another_program_is_not_taken_for_a_torn_line(content, tmp_path):
    (file := tmp_path / "captions.json").write_text(content)
    with pytest.raises(ValueError, match="line 1 is not a caption"):
        read(file)
    assert file.read_text() == content


def test_mirrored_views_are_taken(small, images):
    said = small.caption([images[0][:, ::-1, ::-1]], "What?", progress=False)
    assert said == small.caption([images[0][:, ::-1, ::-1].copy()], "What?", progress=False)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_said_so():
    with pytest.raises(ValueError, match="no GPU"):
        captions.Captioner(device="cuda")


def test_a_foreign_file_without_a_line_end_is_not_emptied(tmp_path):
    file = tmp_path / "captions.json"
    file.write_bytes(b'[{"key": "a", "caption": "b"}]')
    with pytest.raises(ValueError, match="line 1 is not a caption"):
        read(file)
    assert file.read_bytes() == b'[{"key": "a", "caption": "b"}]'


def test_other_weights_make_other_captions(small, processor, tmp_path):
    other = tiny_captioner.save(tiny_captioner.model(processor, seed=2), processor, tmp_path)
    assert captions.Captioner(other, device="cpu").identity != small.identity


# --- what changes an answer stands in its key ---


@pytest.fixture
def answered(counted, folder, images, tmp_path):
    """A copy of the folder, and a function that opens it, asks for one caption and tells whether it was made anew."""
    speaker, made = counted
    speaker.caption(images[:1], "What?", tmp_path / "captions.jsonl", progress=False)
    assert made == [1]
    copy = shutil.copytree(folder, tmp_path / "copy")

    def is_new(image=images[0], prompt="What?"):
        again = captions.Captioner(copy, device="cpu")
        before = len(read(tmp_path / "captions.jsonl"))
        again.caption([image], prompt, tmp_path / "captions.jsonl", progress=False)
        return len(read(tmp_path / "captions.jsonl")) > before

    assert not is_new()  # the same content in another place
    return copy, is_new


@pytest.mark.parametrize("name", ["config.json", "processor_config.json", "tokenizer.json", "generation_config.json"])
def test_other_settings_are_other_answers(name, answered):
    copy, is_new = answered
    (copy / name).write_text((copy / name).read_text() + "\n")
    assert is_new()


def test_another_number_type_is_another_answer(answered, monkeypatch):
    opened = checkpoints.AutoModelForImageTextToText.from_pretrained
    half = {"dtype": torch.bfloat16}  # as float16 on a GPU
    monkeypatch.setattr(
        checkpoints.AutoModelForImageTextToText, "from_pretrained", lambda *a, **k: opened(*a, **k | half)
    )
    assert answered[1]()


def test_another_longest_answer_picture_or_prompt_is_another_answer(answered, images, monkeypatch):
    _, is_new = answered
    assert is_new(image=images[1]) and is_new(image=images[0].reshape(40, 32, 3)) and is_new(prompt="Why?")
    monkeypatch.setattr("dermxai_helpers.captions.captioner.MOST_NEW_TOKENS", 6)
    assert is_new()


# --- the shipped demo captioner ---


def test_the_demo_folder_is_small_and_half_precision():
    from safetensors.torch import load_file

    files = [file for file in assets.CAPTIONER.rglob("*") if file.is_file()]
    weights = load_file(assets.CAPTIONER / "model.safetensors")
    assert sum(file.stat().st_size for file in files) <= 6_000_000
    assert all(file.stat().st_size <= 1_000_000 for file in files if file.suffix != ".safetensors")
    assert {tensor.dtype for name, tensor in weights.items() if name != "query_tokens"} == {torch.float16}


def test_the_demo_captioner_answers_in_form_and_sees_what_was_drawn():
    """Twenty lesions, veil and number of colours set by turns: a captioner without eyes would get about half."""
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
