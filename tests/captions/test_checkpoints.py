"""Opening captioners of both families, and what is none. All models are tiny and untrained."""

import ast
import json
import shutil

import numpy as np
import pytest
import tiny_captioner
import torch
from offline import REPOSITORY
from safetensors.torch import load_file, save_file
from transformers import (
    BertConfig,
    BlipConfig,
    CLIPImageProcessor,
    CLIPVisionConfig,
    InstructBlipConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
)

from dermxai_helpers import captions
from dermxai_helpers.captions import checkpoints

CPU = torch.device("cpu")
TEMPLATE = (
    "{% for message in messages %}{{ message['role'] }}: {% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}<image> {% else %}{{ part['text'] }}{% endif %}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %} assistant: {% endif %}"
)


@pytest.fixture(autouse=True)
def offline_and_short(monkeypatch):
    """An untrained model never ends its sentence; and what is free on this machine decides nothing."""
    monkeypatch.setattr("dermxai_helpers.captions.captioner.MOST_NEW_TOKENS", 5)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr(checkpoints, "_free_bytes", lambda device: 10**12)


@pytest.fixture(scope="module")
def chat_folder(processor, tmp_path_factory):
    """A chat model: LLaVA, with a chat template."""
    words = processor.tokenizer
    language = LlamaConfig(
        vocab_size=len(words), hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, pad_token_id=words.pad_token_id, eos_token_id=words.eos_token_id,
    )  # fmt: skip
    vision, image = CLIPVisionConfig(**tiny_captioner.VISION), words.convert_tokens_to_ids("<image>")
    torch.manual_seed(0)
    model = LlavaForConditionalGeneration(
        LlavaConfig(vision_config=vision, text_config=language, image_token_index=image, vision_feature_layer=-1)
    )
    pictures = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    settings = {"patch_size": 16, "vision_feature_select_strategy": "default", "num_additional_image_tokens": 1}
    chat = LlavaProcessor(pictures, words, image_token="<image>", chat_template=TEMPLATE, **settings)
    return tiny_captioner.save(model, chat, tmp_path_factory.mktemp("chat"))


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (40, 40, 3), dtype=np.uint8) for _ in range(3)]


@pytest.mark.parametrize("kind", ["folder", "chat_folder"])
def test_every_family_writes_and_batches_change_nothing(kind, images, request):
    speaker = captions.Captioner(request.getfixturevalue(kind), device="cpu")
    prompts = ["a lesion", "a lesion with a border", "a"]
    together = speaker.caption(images, prompts, progress=False)
    assert together == [speaker.caption([images[i]], prompts[i], progress=False)[0] for i in range(3)]
    assert "lesion with a border" not in together[1]


def test_precomputed_tokens_give_the_loss_of_the_pixels(processor, images):
    model = tiny_captioner.model(processor).double()
    question = {name: row.expand(2, -1) for name, row in checkpoints.encode_prompts(processor, ["What?"]).items()}
    labels = processor.tokenizer(["A lesion."] * 2, return_tensors="pt").input_ids
    pixels = processor.image_processor(images[:2], return_tensors="pt")["pixel_values"].double()
    with torch.no_grad():
        direct = model(pixel_values=pixels, labels=labels, **question).loss
        tokens = checkpoints.vision_tokens(model, processor, images[:2])
        with checkpoints.precomputed_vision(model):
            indirect = model(pixel_values=tokens, labels=labels, **question).loss
    assert tokens.shape == (2, 5, 32)
    torch.testing.assert_close(direct, indirect, rtol=1e-9, atol=0)


def test_a_model_that_stops_with_an_error_gets_its_eyes_back(processor):
    model = tiny_captioner.model(processor)
    with pytest.raises(RuntimeError), checkpoints.precomputed_vision(model):
        assert model.vision_model(torch.zeros(1, 5, 32))[0].shape == (1, 5, 32)
        raise RuntimeError
    assert model.vision_model(torch.zeros(1, 3, 32, 32))[0].shape == (1, 5, 32)


# --- what is no captioner ---


@pytest.mark.parametrize("checkpoint", ["Salesforce/instructblip-flan-t5-xl", "no/such/folder"])
def test_a_checkpoint_that_cannot_be_had_is_named_with_the_remedy(checkpoint):
    with pytest.raises(checkpoints.CheckpointMissing, match=rf"No captioner '{checkpoint}'.*hf download.*demo"):
        captions.Captioner(checkpoint, device="cpu")


def test_a_folder_without_model_is_refused(tmp_path):
    with pytest.raises(checkpoints.CheckpointMissing, match="no complete folder.*hf download.*demo"):
        captions.Captioner(tmp_path, device="cpu")


def test_a_cut_file_is_named(folder, tmp_path):
    broken = shutil.copytree(folder, tmp_path / "cut")
    weights = next(broken.glob("*.safetensors"))
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(checkpoints.CheckpointBroken, match=f"{broken}' is damaged.*fetch it again"):
        captions.Captioner(broken, device="cpu")


LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 4\n"
SETTINGS = ("config.json", "processor_config.json", "tokenizer.json", "tokenizer_config.json")


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("content", [b"", b'{"a": ', b"[]", b"[" * 100_000, b'{"a": "\xff"}'])
def test_settings_that_are_no_json_are_named(name, content, folder, tmp_path):
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / name).write_bytes(content)
    with pytest.raises(
        checkpoints.CheckpointBroken, match=rf"{broken}/{name}' is damaged or cut short \(.*fetch it again"
    ):
        captions.Captioner(broken, device="cpu")


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "damaged or cut short .*fetch it again"), (LFS, "only the pointer that Git LFS leaves")],
)
def test_weights_that_have_not_arrived_are_named(content, said, folder, tmp_path):
    broken = shutil.copytree(folder, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(content)
    with pytest.raises(checkpoints.CheckpointBroken, match=said):
        captions.Captioner(broken, device="cpu")


def with_other_weights(folder, place, change):
    """A copy of a folder whose weights were changed: `change` gets {name: tensor}."""
    copy = shutil.copytree(folder, place)
    weights = load_file(copy / "model.safetensors")
    change(weights)
    save_file(weights, copy / "model.safetensors", metadata={"format": "pt"})
    return copy


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(value, folder, tmp_path):
    broken = with_other_weights(folder, tmp_path / "nan", lambda weights: weights["query_tokens"].fill_(value))
    with pytest.raises(ValueError, match=r"weights that are NaN or infinite \(query_tokens\)"):
        captions.Captioner(broken, device="cpu")


def test_weights_that_are_missing_are_not_drawn_at_random(folder, tmp_path):
    broken = with_other_weights(folder, tmp_path / "few", lambda weights: weights.pop("query_tokens"))
    with pytest.raises(checkpoints.CheckpointBroken, match="is incomplete: it lacks the weights query_tokens"):
        captions.Captioner(broken, device="cpu")


def test_weights_of_another_shape_are_named(folder, tmp_path):
    broken = shutil.copytree(folder, tmp_path / "other")
    card = json.loads((broken / "config.json").read_text())
    card["text_config"]["d_ff"] = 99
    (broken / "config.json").write_text(json.dumps(card))
    with pytest.raises(checkpoints.CheckpointBroken, match="is damaged"):
        captions.Captioner(broken, device="cpu")


class Program:
    """Runs when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("harmless", [True, False])
def test_a_pickle_is_called_a_pickle_and_not_opened(harmless, folder, tmp_path):
    pickled, ran = shutil.copytree(folder, tmp_path / "pickled"), tmp_path / "ran"
    weights = load_file(pickled / "model.safetensors")
    torch.save(weights if harmless else {"a": Program(ran)}, pickled / "pytorch_model.bin")
    (pickled / "model.safetensors").unlink()
    with pytest.raises(
        checkpoints.CheckpointBroken, match="as a pickle, which can run any program.*save it as safeten"
    ) as told:
        captions.Captioner(pickled, device="cpu")
    assert not ran.exists() and "weights_only" not in str(told.value)


def test_a_pickle_on_the_hub_is_called_a_pickle_too(monkeypatch):
    def refuse(*_, **__):
        raise OSError("no model.safetensors, thus cannot be loaded. Please do not set `use_safetensors=True`.")

    monkeypatch.setattr(checkpoints.AutoConfig, "from_pretrained", refuse)
    with pytest.raises(checkpoints.CheckpointBroken, match="'some/body' has its weights as a pickle"):
        captions.Captioner("some/body", device="cpu")


@pytest.mark.parametrize("config", [BertConfig, BlipConfig])
def test_a_model_of_another_kind_is_refused_by_its_name(config, monkeypatch, tmp_path):
    config().save_pretrained(tmp_path)
    monkeypatch.setattr(checkpoints.AutoProcessor, "from_pretrained", lambda *_, **__: None)
    said = f"of the kind '{config.model_type}', which does not answer questions"
    with pytest.raises(checkpoints.CheckpointBroken, match=said):
        captions.Captioner(tmp_path, device="cpu")


def test_what_does_not_fit_is_refused_before_it_is_read(folder, monkeypatch):
    monkeypatch.setattr(checkpoints, "_free_bytes", lambda device: 10_000)
    with pytest.raises(MemoryError, match=r"at 32 bits; this machine has 0 GB free.*SmolVLM-256M"):
        captions.Captioner(folder, device="cpu")
    monkeypatch.setattr(checkpoints, "_free_bytes", lambda device: 24 * 10**9)
    language = {"model_type": "t5", "d_model": 2048, "d_kv": 64, "num_heads": 32, "d_ff": 5120, "num_layers": 24}
    language |= {"feed_forward_proj": "gated-gelu", "tie_word_embeddings": False, "vocab_size": 32128}
    paper = InstructBlipConfig(text_config=language)
    checkpoints.check_memory("flan-t5-xl", paper, CPU)
    monkeypatch.setattr(checkpoints, "_free_bytes", lambda device: 16 * 10**9)
    with pytest.raises(MemoryError, match=r"has 4.0 billion weights and takes about 20 GB at 32 bits"):
        checkpoints.check_memory("flan-t5-xl", paper, CPU)


def test_terms_that_were_not_accepted_are_named(monkeypatch):
    def refuse(*_, **__):
        raise OSError("You are trying to access a gated repo.")

    monkeypatch.setattr(checkpoints.AutoConfig, "from_pretrained", refuse)
    with pytest.raises(checkpoints.CheckpointMissing, match="after you accept its terms.*hf auth login"):
        captions.Captioner("google/medgemma-4b-it", device="cpu")


def test_code_that_comes_with_a_checkpoint_is_never_run(monkeypatch, tmp_path):
    """Not even for a reader who answers the library's question with yes."""
    ran = tmp_path / "ran"
    card = {"model_type": "own", "auto_map": {"AutoConfig": "own.Own"}}
    (tmp_path / "config.json").write_text(json.dumps(card))
    (tmp_path / "own.py").write_text(f"import pathlib\npathlib.Path({str(ran)!r}).touch()\nclass Own: pass\n")
    monkeypatch.setattr("builtins.input", lambda *_: "y")
    with pytest.raises(
        checkpoints.CheckpointBroken, match=r"brings its own program \(auto_map\).* never run here: choose"
    ):
        captions.Captioner(tmp_path, device="cpu")
    assert not ran.exists()


RUNS_NOTHING = {"peft.PeftModel"}  # reads tensors into a model that is there already


def test_every_call_that_opens_a_checkpoint_refuses_its_code():
    """In the package and in the notebooks' sources: `from_pretrained`, `from_config` and transformers' `pipeline`."""
    calls = {}
    for path in (*REPOSITORY.glob("dermxai_helpers/**/*.py"), *REPOSITORY.glob("notebooks/src/**/*.py")):
        lines = path.read_text(encoding="utf-8").splitlines()
        code = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)
        for call in [node for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)]:
            name = ast.unparse(call.func)
            opens = name.endswith((".from_pretrained", ".from_config")) or name in ("pipeline", "transformers.pipeline")
            if opens or name.startswith("Auto"):
                refused = any(ast.unparse(word) == "trust_remote_code=False" for word in call.keywords)
                calls[f"{path.name}:{call.lineno}"] = name.rpartition(".")[0], refused
    assert len(calls) >= 4, "the calls are no longer found"
    assert [place for place, (name, refused) in calls.items() if not refused and name not in RUNS_NOTHING] == []


def test_an_old_processor_learns_how_many_places_a_picture_takes(folder, images, tmp_path):
    old = shutil.copytree(folder, tmp_path / "old")
    card = json.loads((old / "processor_config.json").read_text())
    card.pop("num_query_tokens")
    (old / "processor_config.json").write_text(json.dumps(card))
    said, expected = (
        captions.Captioner(one, device="cpu").caption(images, "What?", progress=False) for one in (old, folder)
    )
    assert said == expected
