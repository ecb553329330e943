"""Teaching a captioner through an adapter. The model is tiny and untrained, the library calls are the true ones."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
import tiny_captioner
import torch
from safetensors.torch import load_file, save_file

from dermxai_helpers import captions
from dermxai_helpers.captions import lora
from dermxai_helpers.captions.checkpoints import CheckpointBroken, CheckpointMissing

RED, BLUE = "A lesion with a regular border.", "A lesion with an irregular border."


@pytest.fixture(scope="module")
def processor():
    return tiny_captioner.processor()


@pytest.fixture
def model(processor):
    return tiny_captioner.model(processor)


@pytest.fixture(scope="module")
def lessons():
    """Red and blue pictures, and what to say about each."""
    pictures = np.zeros((12, 32, 32, 3), np.uint8)
    pictures[::2, ..., 0] = pictures[1::2, ..., 2] = 200
    return list(pictures), [RED, BLUE] * 6


def logits(model, processor, pictures):
    inputs = processor(images=pictures[:2], text=["What?"] * 2, return_tensors="pt")
    with torch.no_grad():
        return model(**inputs, labels=torch.tensor([[5, 6, 7]] * 2)).logits


def test_an_untrained_adapter_changes_nothing_and_only_its_own_weights_learn(model, processor, lessons):
    pictures, _ = lessons
    before = logits(model, processor, pictures)
    adapted = lora.adapt(model, rank=2)
    torch.testing.assert_close(logits(adapted, processor, pictures), before, rtol=0, atol=0)
    learning = [name for name, weight in adapted.named_parameters() if weight.requires_grad]
    assert learning and all("lora_" in name for name in learning)
    places = {name.split(".lora_")[0].rsplit(".", 1)[1] for name in learning}
    assert places == {"q", "v", "query", "value"}
    assert not any("vision_model" in name for name in learning)


def test_an_adapted_matrix_is_w_plus_alpha_over_rank_times_b_a(model):
    """Hu et al. 2021, by hand: the strength is what the caller gives, not twice the rank."""
    frozen = {name: weight.clone() for name, weight in model.named_parameters()}
    lora.adapt(model, rank=2, alpha=6, seed=1)
    name, layer = next((name, part) for name, part in model.named_modules() if hasattr(part, "lora_A"))
    down, up = layer.lora_A["default"].weight, layer.lora_B["default"].weight
    assert down.shape[0] == up.shape[1] == 2 and not up.any()
    torch.nn.init.normal_(up)
    expected = frozen[f"{name}.weight"] + 6 / 2 * up @ down
    torch.testing.assert_close(layer.get_base_layer().weight + layer.get_delta_weight("default"), expected)


def test_teaching_leaves_the_callers_random_numbers_and_no_training_mode(model, processor, lessons):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    adapted = lora.adapt(model, rank=2)
    with pytest.raises(Exception, match="."):
        lora.teach(adapted, processor, lessons[0], "What?", [None] * 12, 2)
    assert not any(module.training for module in model.modules())
    lora.teach(adapted, processor, lessons[0], "What?", lessons[1], 2)
    assert torch.equal(torch.rand(3), expected)


def test_answers_of_a_captioner_that_is_being_taught_are_not_kept(processor, lessons, tmp_path):
    folder = tiny_captioner.save(tiny_captioner.model(processor), processor, tmp_path / "t5")
    pupil = captions.Captioner(folder, device="cpu")
    lora.adapt(pupil.model, rank=2)
    assert len(pupil.caption(lessons[0][:2], "What?", progress=False)) == 2
    with pytest.raises(ValueError, match="save the adapter"):
        pupil.caption(lessons[0][:2], "What?", tmp_path / "kept.jsonl", progress=False)
    assert not (tmp_path / "kept.jsonl").exists()


def test_teaching_lowers_the_loss_and_leaves_the_frozen_weights_alone(model, processor, lessons):
    frozen = {name: weight.clone() for name, weight in model.state_dict().items()}
    adapted = lora.adapt(model, rank=4)
    losses = lora.teach(adapted, processor, lessons[0], "What?", lessons[1], 30)
    assert len(losses) == 30 and np.mean(losses[-5:]) < 0.8 * losses[0]
    after = adapted.get_base_model().state_dict()
    for name, weight in frozen.items():
        kept = after[name] if name in after else after[".base_layer.".join(name.rsplit(".", 1))]
        assert torch.equal(kept, weight), name


def test_the_same_seed_teaches_the_same(processor, lessons):
    runs = []
    for _ in range(2):
        adapted = lora.adapt(tiny_captioner.model(processor), rank=2, seed=5)
        runs.append(lora.teach(adapted, processor, lessons[0], "What?", lessons[1], 3, seed=6))
    assert runs[0] == runs[1]


@pytest.fixture
def taught(processor, lessons, tmp_path):
    """A folder with a model, a folder with its adapter, and the adapted model."""
    tiny_captioner.save(tiny_captioner.model(processor), processor, tmp_path / "model")
    opened = captions.Captioner(tmp_path / "model", device="cpu")
    adapted = lora.adapt(opened.model, rank=4)
    lora.teach(adapted, processor, lessons[0], "What?", lessons[1], 30)
    adapted.save_pretrained(tmp_path / "adapter")
    return tmp_path, adapted, opened


def test_saved_reloaded_and_merged_give_the_same_output(taught, processor, lessons, monkeypatch):
    monkeypatch.setattr("dermxai_helpers.captions.captioner.MOST_NEW_TOKENS", 12)
    place, adapted, opened = taught
    said = opened.caption(lessons[0][:2], "What?", progress=False)
    again = captions.Captioner(place / "model", device="cpu", adapter=place / "adapter")
    assert not any("lora" in name for name, _ in again.model.named_parameters())
    expected = logits(adapted, processor, lessons[0])
    difference = (logits(again.model, processor, lessons[0]) - expected).abs().max()
    assert difference < 1e-4 * expected.abs().max()
    assert again.caption(lessons[0][:2], "What?", progress=False) == said
    assert again.identity != captions.Captioner(place / "model", device="cpu").identity
    files = {path.name for path in (place / "adapter").iterdir()}
    assert "adapter_model.safetensors" in files and not any(name.endswith((".bin", ".pt")) for name in files)


def test_what_cannot_be_adapted_says_so(model, processor):
    lora.adapt(model)
    with pytest.raises(ValueError, match="has an adapter already: open the checkpoint anew"):
        lora.adapt(model)
    other = SimpleNamespace(config=SimpleNamespace(model_type="blip", text_config=SimpleNamespace(model_type="bert")))
    with pytest.raises(ValueError, match="this is blip with bert text model: only an InstructBLIP with a T5"):
        lora.adapt(other)


def test_teaching_needs_a_sentence_for_each_picture(model, processor, lessons):
    adapted = lora.adapt(model)
    for pictures, sentences in ((lessons[0], lessons[1][:3]), ([], [])):
        with pytest.raises(ValueError, match=f"{len(pictures)} pictures and {len(sentences)} sentences: give at least"):
            lora.teach(adapted, processor, pictures, "What?", sentences)


@pytest.mark.parametrize(("prompt", "problem"), [("lesion " * 400, "has 400 tokens"), ("<image>", "holds <image>")])
def test_teaching_refuses_a_prompt_that_cannot_be_asked(prompt, problem, model, processor, lessons):
    with pytest.raises(ValueError, match=f"the prompt {problem}"):
        lora.teach(lora.adapt(model), processor, lessons[0], prompt, lessons[1])


def test_missing_damaged_and_foreign_adapters_are_named(taught, processor, tmp_path):
    place, _, _ = taught
    with pytest.raises(CheckpointMissing, match="holds no adapter: `adapt`, `teach`, `save_pretrained` make one"):
        captions.Captioner(place / "model", device="cpu", adapter=place / "model")
    with pytest.raises(CheckpointBroken, match="was taught to another model"):
        lora.merged(tiny_captioner.model(processor, width=64), place / "adapter")
    weights = place / "adapter" / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(CheckpointBroken, match="damaged"):
        captions.Captioner(place / "model", device="cpu", adapter=place / "adapter")
    assert json.loads((place / "adapter" / "adapter_config.json").read_text())["peft_type"] == "LORA"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("adapter_config.json", b"{", "adapter_config.json' is damaged or cut short"),
        ("adapter_config.json", b"[" * 100_000, "adapter_config.json' is damaged or cut short"),
        ("adapter_config.json", b"[]", "it is no JSON object"),
        ("adapter_config.json", b"{}", "is damaged or was taught to another model"),
        ("adapter_config.json", b'{"a": "\xff"}', "adapter_config.json' is damaged or cut short"),
        ("adapter_model.safetensors", b"", "is damaged or was taught to another model"),
        ("adapter_model.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "pointer that Git LFS leaves"),
        ("adapter_model.safetensors", None, "holds no adapter"),
    ],
)
def test_files_of_an_adapter_that_are_none_are_named(name, content, said, model, tmp_path):
    lora.adapt(model, rank=2).save_pretrained(tmp_path)
    (tmp_path / name).unlink() if content is None else (tmp_path / name).write_bytes(content)
    with pytest.raises((CheckpointBroken, CheckpointMissing), match=said):
        lora.merged(tiny_captioner.model(tiny_captioner.processor()), tmp_path)


def test_an_adapter_as_a_pickle_or_without_numbers_is_refused(model, processor, tmp_path):
    lora.adapt(model, rank=2).save_pretrained(tmp_path)
    weights = load_file(tmp_path / "adapter_model.safetensors")
    save_file({name: weight * torch.nan for name, weight in weights.items()}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(ValueError, match="holds weights that are NaN or infinite"):
        lora.merged(tiny_captioner.model(processor), tmp_path)
    (tmp_path / "adapter_model.safetensors").unlink()
    torch.save({"a": SimpleNamespace()}, tmp_path / "adapter_model.bin")
    with pytest.raises(CheckpointBroken, match="has its weights as a pickle"):
        lora.merged(tiny_captioner.model(processor), tmp_path)


def test_another_strength_of_an_adapter_is_another_answer(taught):
    place, _, _ = taught
    first = captions.Captioner(place / "model", device="cpu", adapter=place / "adapter").identity
    settings = json.loads((place / "adapter" / "adapter_config.json").read_text())
    (place / "adapter" / "adapter_config.json").write_text(json.dumps(settings | {"lora_alpha": 80}))
    assert captions.Captioner(place / "model", device="cpu", adapter=place / "adapter").identity != first
