"""Sentences scored against pictures: by hand, with planted answers, and what cannot be opened. All models are tiny."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dermxai_helpers import caption_models, concepts, facts, synth
from dermxai_helpers.synth.attributes import CHOICES

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.3, 0.4)
LAYERS = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
VISION = {**LAYERS, "image_size": 32, "patch_size": 16}
LONGEST = 24  # tokens
NETWORKS = {"network": concepts.CONCEPTS["network"]}


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)


def words():
    """A tokenizer with one token for each word of our sentences."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    split = pre_tokenizers.Whitespace()
    known = {word for slot in concepts.CONCEPTS.values() for text in slot.values() for word in text.split()}
    known = sorted({part for word in known for part, _ in split.pre_tokenize_str(word)})
    tokens = {token: place for place, token in enumerate(["<pad>", "<unk>", "<s>", "</s>", *known])}
    tokenizer = Tokenizer(models.WordLevel(tokens, unk_token="<unk>"))
    tokenizer.pre_tokenizer = split
    ends = [("<s>", 2), ("</s>", 3)]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>")


def text_layers():
    places = {"bos_token_id": 2, "eos_token_id": 3, "pad_token_id": 0, "max_position_embeddings": LONGEST}
    return {**LAYERS, **places, "vocab_size": len(words())}


def save_clip(place, plant=lambda model, processor: None):
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor

    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(text_config=text_layers(), vision_config=VISION, projection_dim=16)).eval()
    with torch.no_grad():
        model.logit_scale.fill_(np.log(100))
    size = {"size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    processor = CLIPProcessor(CLIPImageProcessor(**size, image_mean=MEAN, image_std=STD), words())
    plant(model, processor)
    model.save_pretrained(place)
    processor.save_pretrained(place)
    return place


def save_siglip(place):
    from transformers import SiglipConfig, SiglipImageProcessor, SiglipModel, SiglipProcessor

    torch.manual_seed(0)
    model = SiglipModel(SiglipConfig(text_config={**text_layers(), "projection_size": 32}, vision_config=VISION))
    with torch.no_grad():
        model.logit_scale.fill_(np.log(100))
        model.logit_bias.fill_(-10)
    model.save_pretrained(place)
    pictures = SiglipImageProcessor(size={"height": 32, "width": 32}, image_mean=MEAN, image_std=STD)
    SiglipProcessor(pictures, words()).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_clip(tmp_path_factory.mktemp("clip"))


@pytest.fixture
def scorer(folder):
    return concepts.ConceptScorer(folder, device="cpu", batch_size=2)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (32, 32, 3), dtype=np.uint8) for _ in range(5)]


# --- scores ---


@pytest.mark.parametrize("kind", ["CLIP", "SigLIP"])
def test_scores_are_the_softmax_of_the_models_own_logits(kind, images, tmp_path):
    from transformers import AutoModel

    place = {"CLIP": save_clip, "SigLIP": save_siglip}[kind](tmp_path)
    scores = concepts.ConceptScorer(place, device="cpu", batch_size=2).score(images, progress=False)
    model, tokenizer = AutoModel.from_pretrained(place).eval(), words()
    pixels = (np.stack(images) / 255 - MEAN) / STD  # the checkpoint's own mean and deviation
    pixels = torch.tensor(pixels, dtype=torch.float32).permute(0, 3, 1, 2)
    fill = {"padding": "max_length", "max_length": LONGEST} if kind == "SigLIP" else {}
    assert scores.shape == (5, sum(map(len, concepts.CONCEPTS.values())))
    for slot, sentences in concepts.CONCEPTS.items():
        texts = [tokenizer([sentence], return_tensors="pt", **fill) for sentence in sentences.values()]
        with torch.no_grad():
            logits = [model(pixel_values=pixels, **text).logits_per_image for text in texts]
        expected = np.exp(torch.cat(logits, dim=1).double().numpy())
        expected /= expected.sum(axis=1, keepdims=True)
        assert list(scores[slot]) == list(sentences)
        np.testing.assert_allclose(scores[slot], expected, atol=1e-4)
    assert scores.std().max() > 0.1  # the pictures differ


def test_sentences_are_read_once_and_pictures_in_batches(scorer, images):
    seen = {"text_model": [], "vision_model": []}
    for name, batches in seen.items():
        part = getattr(scorer.model, name)
        part.register_forward_hook(lambda module, inputs, output, kept=batches: kept.append(len(output.pooler_output)))
    scorer.score(images, progress=False)
    assert seen == {"text_model": [sum(map(len, concepts.CONCEPTS.values()))], "vision_model": [2, 2, 1]}


def test_pictures_of_any_size_and_shape(scorer):
    mixed = [np.full((*size, 3), 90, np.uint8) for size in [(45, 60), (224, 224), (3, 7)]]
    scores = scorer.score(mixed, progress=False)
    np.testing.assert_allclose(scores.iloc[1], scores.iloc[0], atol=1e-5)
    np.testing.assert_allclose(scores.iloc[2], scores.iloc[0], atol=1e-5)


# --- facts ---


def test_what_can_be_said_is_what_can_be_true():
    """For each slot the same facts, so that no sentence is wrong by its wording."""
    assert list(concepts.CONCEPTS) == list(facts.ATTRIBUTES)
    concepts._check_values(concepts.CONCEPTS)
    for slot, attribute in facts.ATTRIBUTES.items():
        choices = CHOICES.get(attribute, (1, 2, 3))  # colour_count follows from the pigments
        true = {facts._true_fact(slot, value) for value in choices}
        said = {("any", "absent") if value == "none" else (value, "present") for value in concepts.CONCEPTS[slot]}
        assert said == true


def test_facts_are_judged_like_those_of_captions(scorer):
    lesions = [synth.draw(seed) for seed in range(4)]
    said = scorer.facts([lesion.image for lesion in lesions], least=0, progress=False)
    true = [facts.true_facts(lesion.attributes) for lesion in lesions]
    table = facts.verdicts(said, true)
    assert len(table) == 4 * len(facts.ATTRIBUTES) and set(table["verdict"]) <= {"right", "wrong"}
    assert facts.score(table, repeats=50).loc["all", "omitted"] == 0


def test_a_planted_answer_is_found_again(tmp_path):
    """The picture's projection is solved for: red shows a typical network, green an atypical one, blue none."""
    colours = dict(zip(NETWORKS["network"], [(220, 40, 40), (40, 220, 40), (40, 40, 220)], strict=True))

    def plant(model, processor):
        flat = [np.full((32, 32, 3), colour, np.uint8) for colour in colours.values()]
        sentences = list(NETWORKS["network"].values())
        inputs = processor(images=flat, text=sentences, padding=True, return_tensors="pt")
        with torch.no_grad():
            output = model(**inputs)
            wanted = output.text_embeds - output.text_embeds.mean(dim=0)
            seen = model.vision_model(inputs["pixel_values"]).pooler_output
            model.visual_projection.weight.copy_((torch.linalg.pinv(seen) @ wanted).T)

    planted = concepts.ConceptScorer(save_clip(tmp_path, plant), device="cpu")
    rng = np.random.default_rng(1)
    kinds = [list(colours)[number] for number in rng.integers(3, size=12)]
    noise = rng.integers(-25, 26, (12, 40, 40, 3))
    noisy = [np.clip(noise[i] + colours[kind], 0, 255).astype(np.uint8) for i, kind in enumerate(kinds)]
    true = [{"network": facts._true_fact("network", kind)} for kind in kinds]
    said = planted.facts(noisy, concepts=NETWORKS, progress=False)
    assert said == true and len(set(kinds)) == 3
    assert set(facts.verdicts(said, true)["verdict"]) == {"right"}


def test_what_scores_too_little_is_passed_over(scorer, images):
    scores = scorer.score(images, progress=False)
    least = float(np.median(scores["streaks"].max(axis=1)))
    said = scorer.facts(images, least, progress=False)
    for slot in concepts.CONCEPTS:
        assert [slot in one for one in said] == list(scores[slot].max(axis=1) >= least)
    assert 0 < sum("streaks" in one for one in said) < len(images)


# --- what cannot be asked ---


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([], "no pictures to score: give one uint8"),
        ([np.zeros((8, 8, 3))], r"image 0 has shape \(8, 8, 3\) and type float64; expected uint8"),
        (np.zeros((8, 8, 3), np.uint8), r"image 0 has shape \(8, 3\) and type uint8; expected uint8 \(height, width"),
        ([np.zeros((8, 8, 4), np.uint8)], r"image 0 has shape \(8, 8, 4\)"),
    ],
)
def test_unfit_pictures_are_refused(scorer, wrong, said):
    with pytest.raises(ValueError, match=said):
        scorer.score(wrong)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "there is no slot: give each slot two sentences or more"),
        ({"milia": {"any": "milia"}}, "the slot 'milia' has fewer: give each slot two sentences"),
        ({"milia": {"any": "milia", "none": "a lesion " * LONGEST}}, f"too long: it has 50 tokens.*reads {LONGEST}"),
        ({"mila": {"any": "milia", "none": "skin"}}, "there is no slot 'mila' in the facts of a caption; there"),
        ({"milia": {"any": "milia", "no": "skin"}}, "'no' is no value of the slot 'milia'; there are any, none"),
        ({"symmetry": {"symmetric": "even", "none": "skin"}}, "'none' is no value of the slot 'symmetry'"),
    ],
)
def test_unfit_questions_are_refused(scorer, images, asked, said):
    with pytest.raises(ValueError, match=said):
        scorer.facts(images, concepts=asked, progress=False)


def test_a_score_that_none_can_reach_is_refused(scorer, images):
    with pytest.raises(ValueError, match="least=80: the score a slot must reach lies between 0 and 1"):
        scorer.facts(images, least=80)


# --- what cannot be opened ---


@pytest.mark.parametrize("name", ["there is none", "somebody/unknown", "empty"])
def test_what_is_not_there_is_missing(name, tmp_path):
    (tmp_path / "empty").mkdir()
    place = name if "/" in name else tmp_path / name
    with pytest.raises(caption_models.CheckpointMissing, match="No concept scorer '.*hf download.*DermLIP's, cannot"):
        concepts.ConceptScorer(place, device="cpu")


def without_safetensors(place):
    """As some older checkpoints are: weights that can carry code."""
    file = place / "model.safetensors"
    torch.save(load_file(file), place / "pytorch_model.bin")
    file.unlink()


def for_open_clip(place):
    (place / "config.json").unlink()
    (place / "open_clip_config.json").write_text(json.dumps({"model_cfg": {}, "preprocess_cfg": {}}))
    (place / "model.safetensors").rename(place / "open_clip_model.safetensors")


def without_pictures(place):
    (place / "processor_config.json").unlink()


@pytest.mark.parametrize("change", [without_safetensors, for_open_clip, without_pictures])
def test_a_folder_in_another_format_is_refused(folder, tmp_path, change):
    place = shutil.copytree(folder, tmp_path / "other")
    change(place)
    with pytest.raises(caption_models.CheckpointMissing, match="it is no complete folder.*safetensors.*open_clip"):
        concepts.ConceptScorer(place, device="cpu")


def test_a_model_of_another_kind_is_refused_by_its_name(tmp_path):
    from transformers import BertConfig

    BertConfig().save_pretrained(tmp_path)
    with pytest.raises(concepts.NotAConceptScorer, match="of the kind 'bert', which does not compare pictures"):
        concepts.ConceptScorer(tmp_path, device="cpu")


def test_damaged_weights_are_named(folder, tmp_path):
    cut = shutil.copytree(folder, tmp_path / "cut") / "model.safetensors"
    cut.write_bytes(cut.read_bytes()[:-1000])
    with pytest.raises(caption_models.CheckpointBroken, match="model.safetensors is damaged or cut short"):
        concepts.ConceptScorer(cut.parent, device="cpu")
    weights = load_file(folder / "model.safetensors")
    del weights["visual_projection.weight"]
    save_file(weights, cut, metadata={"format": "pt"})
    with pytest.raises(caption_models.CheckpointBroken, match="lacks 1 of its weights, 'visual_projection.weight'"):
        concepts.ConceptScorer(cut.parent, device="cpu")


def test_what_does_not_fit_is_refused_before_it_is_read(folder, monkeypatch):
    monkeypatch.setattr(caption_models, "_free_bytes", lambda device: 10_000)
    with pytest.raises(caption_models.TooLarge, match="this machine has 0 GB free. Take a machine or a GPU with more"):
        concepts.ConceptScorer(folder, device="cpu")
    with pytest.raises(caption_models.TooLarge, match="'suinleelab/monet' has 0.4 billion weights and takes ab"):
        concepts.ConceptScorer("suinleelab/monet", device="cpu")
