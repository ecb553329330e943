"""A reader's own checkpoint: recognised in whatever it is wrapped, refused with a sentence when it does not fit."""

import argparse
import pickle
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from small_transformers import pictures, small
from timm.utils import CheckpointSaver, ModelEmaV3

from dermxai_helpers import relevancy
from dermxai_helpers.training.checkpoints import grow_head, load_checkpoint

ARCHITECTURE = "test_vit"


def made(classes=15, seed=1, **changes):
    torch.manual_seed(seed)
    return timm.create_model(ARCHITECTURE, num_classes=classes, **changes).eval()


@pytest.fixture(scope="module")
def trained():
    return made()


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mine.pth"


def equal(model, other):
    expected = other.state_dict()
    return all(torch.equal(value, expected[name]) for name, value in model.state_dict().items())


def with_prefix(model, prefix):
    return {prefix + name: value for name, value in model.state_dict().items()}


WRAPPINGS = {
    "plain": lambda state: state,
    "several GPUs": lambda state: {f"module.{name}": value for name, value in state.items()},
    "compiled": lambda state: {f"_orig_mod.module.{name}": value for name, value in state.items()},
    "timm": lambda state: {"epoch": 3, "state_dict": state, "optimizer": {"state": {0: {"step": 1}}}},
    "DeiT": lambda state: {"model": state, "args": argparse.Namespace(lr=0.1)},
    "Lightning": lambda state: {"state_dict": {f"model.{name}": value for name, value in state.items()}},
    "PyTorch's tutorial": lambda state: {"epoch": 3, "model_state_dict": state, "loss": 0.4},
    "the same, several GPUs": lambda state: {"model_state_dict": {f"module.{name}": state[name] for name in state}},
    "net": lambda state: {f"net.{name}": value for name, value in state.items()},
    "backbone": lambda state: {"state_dict": {f"backbone.{name}": value for name, value in state.items()}},
    "Lightning, compiled": lambda state: {"state_dict": {f"model._orig_mod.{name}": state[name] for name in state}},
    "three": lambda state: {f"net.model.module.{name}": value for name, value in state.items()},
}


@pytest.mark.parametrize("wrapping", WRAPPINGS)
def test_wrappings_are_recognised(trained, path, wrapping):
    torch.save(WRAPPINGS[wrapping](trained.state_dict()), path)
    loaded = load_checkpoint(made(seed=2).train(), path)
    assert equal(loaded, trained) and not loaded.training


def test_safetensors_and_half_precision_are_read(trained, tmp_path):
    save_file({name: value.half() for name, value in trained.state_dict().items()}, tmp_path / "mine.safetensors")
    loaded = load_checkpoint(made(seed=2), tmp_path / "mine.safetensors")
    assert next(loaded.parameters()).dtype == torch.float32
    torch.testing.assert_close(loaded.head.weight, trained.head.weight, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("name", ["mine.pth", "mine.ckpt", "mine"])
@pytest.mark.parametrize("prefix", ["", "model._orig_mod."])
def test_safetensors_of_any_name_are_read(trained, tmp_path, name, prefix):
    save_file(with_prefix(trained, prefix), tmp_path / name)
    assert equal(load_checkpoint(made(seed=2), tmp_path / name), trained)


def test_two_models_in_one_file_are_not_mixed(trained, path):
    torch.save(with_prefix(trained, "student.") | with_prefix(made(seed=3), "teacher."), path)
    with pytest.raises(ValueError, match="does not fit .*student.cls_token"):
        load_checkpoint(made(), path)


def test_checkpoint_of_timms_own_training_gives_the_average(trained, tmp_path):
    model = made()
    average = ModelEmaV3(model)
    average.module.load_state_dict(trained.state_dict())
    torch.nn.init.zeros_(model.head.weight)
    settings = argparse.Namespace(model=ARCHITECTURE, lr=0.1)
    optimizer = torch.optim.AdamW(model.parameters())
    saver = CheckpointSaver(model, optimizer, args=settings, model_ema=average, checkpoint_dir=str(tmp_path))
    saver.save_checkpoint(epoch=1, metric=0.8)
    assert equal(load_checkpoint(made(seed=2), tmp_path / "last.pth.tar"), trained)


class Bomb:
    """Pickled code: opening it without care would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_code_is_never_executed(trained, path, tmp_path):
    torch.save({"state_dict": trained.state_dict(), "note": Bomb(tmp_path / "executed")}, path)
    with pytest.raises(ValueError, match="is a pickle .* Python objects .* save weights alone"):
        load_checkpoint(made(), path)
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "executed"), protocol=2))
    with pytest.raises(ValueError, match="is a pickle .*Python objects"):
        load_checkpoint(made(), path)
    assert not (tmp_path / "executed").exists()


def test_a_whole_pickled_model_is_refused(trained, path):
    torch.save(trained, path)
    with pytest.raises(ValueError, match="is a pickle .* run any program.*state_dict"):
        load_checkpoint(made(), path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.999])
def test_damaged_files_get_a_sentence(trained, tmp_path, suffix, share):
    path = tmp_path / f"mine{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(trained.state_dict(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match="is damaged" if share else "is empty .0 bytes."):
        load_checkpoint(made(), path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(trained, tmp_path, suffix, value):
    state = trained.state_dict() | {"head.weight": torch.full_like(trained.head.weight, value)}
    (save_file if suffix == ".safetensors" else torch.save)(state, tmp_path / f"mine{suffix}")
    model = made(seed=2)
    with pytest.raises(ValueError, match=r"mine.* NaN or infinite \(head.weight\).* take an earlier one"):
        load_checkpoint(model, tmp_path / f"mine{suffix}")
    assert equal(model, made(seed=2))


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_what_git_lfs_left_is_named(tmp_path, suffix):
    (tmp_path / f"mine{suffix}").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 9\n")
    with pytest.raises(ValueError, match="mine.* is only the pointer that Git LFS leaves"):
        load_checkpoint(made(), tmp_path / f"mine{suffix}")


@pytest.mark.parametrize("content", [Path("x"), {"weights": np.zeros(3)}], ids=str)
def test_a_plain_pickle_is_called_a_pickle(path, content):
    for protocol in (2, 4):
        path.write_bytes(pickle.dumps(content, protocol=protocol))
        with pytest.raises(ValueError, match="mine.pth is a pickle"):
            load_checkpoint(made(), path)


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_get_a_sentence(path, seed):
    path.write_bytes(np.random.default_rng(seed).bytes(200))
    with pytest.raises(ValueError, match="mine.pth is damaged"):
        load_checkpoint(made(), path)


def test_missing_file_gets_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="give the path"):
        load_checkpoint(made(), tmp_path / "none.pth")


CONTENTS = {
    "is a pickle .* save weights alone": lambda: [1, 2],
    "has 41 classes, the model 15": lambda: made(41).state_dict(),
    "does not fit .*conv1.weight": lambda: {"conv1.weight": torch.ones(3)},
    "is a pickle .* save weights": lambda: {"model_state_dict": [1, 2]},
    "does not fit .*a.b.c.d.cls_token": lambda: with_prefix(made(), "a.b.c.d."),
    "does not fit .*net.head.weight": lambda: {"net.head.weight": torch.ones(3)} | made().state_dict(),
    "does not fit .*student, teacher": lambda: {"student": made().state_dict(), "teacher": made().state_dict()},
    "does not fit .*head.weight, head.bias": lambda: made(0).state_dict(),
    "does not fit .*pos_embed .*picture size": lambda: made(img_size=80).state_dict(),
    "does not fit .*blocks.5": lambda: made(depth=5).state_dict(),
    "does not fit .*reg_token": lambda: made(reg_tokens=1).state_dict(),
    "does not fit .*cls_token": lambda: made(embed_dim=32).state_dict(),
}


@pytest.mark.parametrize("sentence", CONTENTS)
def test_what_does_not_fit_gets_a_sentence_and_changes_nothing(trained, path, sentence):
    model = made().train()
    torch.save(CONTENTS[sentence](), path)
    with pytest.raises(ValueError, match=sentence):
        load_checkpoint(model, path)
    assert equal(model, trained) and model.training


# --- a head with more classes ---


def test_grown_head_keeps_the_old_classes():
    model, images = small(num_classes=15), pictures()
    with torch.no_grad():
        before = model(images)
        assert grow_head(model, 41) is model
        after = model(images)
    assert after.shape == (3, 41) and model.num_classes == 41
    torch.testing.assert_close(after[:, :15], before, rtol=1e-12, atol=1e-14)
    assert model.head.weight.requires_grad and model.head.weight.dtype == torch.float64
    assert model.head.weight[15:].std().item() == pytest.approx(0.02, rel=0.2)
    assert relevancy.explain(model, images, target=40).maps.shape == (3, 3, 3)


def test_a_head_without_bias_grows_and_keeps_its_logits():
    model, images = small(num_classes=3), pictures()
    model.head.bias = None
    before = model(images)
    torch.testing.assert_close(grow_head(model, 5)(images)[:, :3], before, rtol=1e-12, atol=1e-14)


def test_heads_of_cnns_grow_too():
    model = timm.create_model("test_resnet", num_classes=3).eval()
    before = model.get_classifier().weight.clone()
    torch.testing.assert_close(grow_head(model, 5).get_classifier().weight[:3], before)


@pytest.mark.parametrize(
    ("classes", "wanted", "sentence"), [(3, 2, "cannot shrink to 2"), (0, 3, "head is Identity, not one linear layer")]
)
def test_heads_that_cannot_grow_get_a_sentence(classes, wanted, sentence):
    with pytest.raises(ValueError, match=sentence):
        grow_head(small(num_classes=classes), wanted)
