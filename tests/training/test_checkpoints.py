"""A reader's own checkpoint: recognised in whatever it is wrapped, refused with a sentence when it does not fit."""

import argparse
import pickle

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from small_transformers import distilled, pictures, small
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
    "at the top": lambda state: state,
    "at the top behind the prefix 'module.'": lambda state: {f"module.{name}": value for name, value in state.items()},
    "at the top behind the prefix '_orig_mod.module.'": lambda state: {
        f"_orig_mod.module.{name}": value for name, value in state.items()
    },
    "under 'state_dict'": lambda state: {"epoch": 3, "state_dict": state, "optimizer": {"state": {0: {"step": 1}}}},
    "under 'model'": lambda state: {"model": state, "args": argparse.Namespace(lr=0.1)},
    "under 'state_dict' behind the prefix 'model.'": lambda state: {
        "state_dict": {f"model.{name}": value for name, value in state.items()}
    },
}


@pytest.mark.parametrize("place", WRAPPINGS)
def test_wrappings_are_recognised(trained, path, place):
    torch.save(WRAPPINGS[place](trained.state_dict()), path)
    loaded = load_checkpoint(ARCHITECTURE, path)
    assert equal(loaded.model, trained) and not loaded.model.training
    assert loaded.taken == f"the weights {place} of mine.pth"


def test_safetensors_and_half_precision_are_read(trained, tmp_path):
    save_file({name: value.half() for name, value in trained.state_dict().items()}, tmp_path / "mine.safetensors")
    loaded = load_checkpoint(ARCHITECTURE, tmp_path / "mine.safetensors", num_classes=15)
    assert next(loaded.model.parameters()).dtype == torch.float32
    torch.testing.assert_close(loaded.model.head.weight, trained.head.weight, atol=1e-3, rtol=1e-3)


def test_checkpoint_of_timms_own_training_gives_the_average(trained, tmp_path):
    model = made()
    average = ModelEmaV3(model)
    average.module.load_state_dict(trained.state_dict())
    torch.nn.init.zeros_(model.head.weight)
    settings = argparse.Namespace(model=ARCHITECTURE, lr=0.1)
    optimizer = torch.optim.AdamW(model.parameters())
    saver = CheckpointSaver(model, optimizer, args=settings, model_ema=average, checkpoint_dir=str(tmp_path))
    saver.save_checkpoint(epoch=1, metric=0.8)
    loaded = load_checkpoint(ARCHITECTURE, tmp_path / "last.pth.tar")
    assert equal(loaded.model, trained)
    assert "under 'state_dict_ema'" in loaded.taken and "rather than those under 'state_dict'" in loaded.taken


def test_average_by_torch_is_recognised(trained, path):
    torch.save(torch.optim.swa_utils.AveragedModel(trained).state_dict(), path)
    loaded = load_checkpoint(ARCHITECTURE, path)
    assert equal(loaded.model, trained)
    assert loaded.taken.endswith("behind the prefix 'module.' of mine.pth, an average over training")


def test_a_given_model_takes_the_weights_and_keeps_its_type(trained, path):
    torch.save(trained.state_dict(), path)
    model = made(seed=2).double().train()
    assert load_checkpoint(model, path).model is model
    assert next(model.parameters()).dtype == torch.float64
    torch.testing.assert_close(model.head.weight, trained.head.weight.double())


def test_loading_does_not_cost_the_callers_seed(trained, path):
    torch.save(trained.state_dict(), path)
    before = torch.random.get_rng_state()
    load_checkpoint(ARCHITECTURE, path)
    assert torch.equal(torch.random.get_rng_state(), before)


class Bomb:
    """Pickled code: opening it without care would create a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


def test_code_is_never_executed(trained, path, tmp_path):
    torch.save({"state_dict": trained.state_dict(), "note": Bomb(tmp_path / "executed")}, path)
    with pytest.raises(ValueError, match="holds Python objects .*open.* save the weights alone"):
        load_checkpoint(ARCHITECTURE, path)
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "executed"), protocol=2))
    with pytest.raises(ValueError, match="holds Python objects"):
        load_checkpoint(ARCHITECTURE, path)
    assert not (tmp_path / "executed").exists()


def test_a_whole_pickled_model_is_refused(trained, path):
    torch.save(trained, path)
    with pytest.raises(ValueError, match="timm.*which could run any program.*state_dict"):
        load_checkpoint(ARCHITECTURE, path)


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
@pytest.mark.parametrize("share", [0, 0.001, 0.3, 0.9, 0.999])
def test_damaged_files_get_a_sentence(trained, tmp_path, suffix, share):
    path = tmp_path / f"mine{suffix}"
    (save_file if suffix == ".safetensors" else torch.save)(trained.state_dict(), path)
    whole = path.read_bytes()
    path.write_bytes(whole[:int(share * len(whole))])
    with pytest.raises(ValueError, match="damaged|truncated"):
        load_checkpoint(ARCHITECTURE, path)


@pytest.mark.parametrize("seed", range(20))
def test_random_bytes_get_a_sentence(path, seed):
    path.write_bytes(np.random.default_rng(seed).bytes(200))
    with pytest.raises(ValueError, match="mine.pth is damaged"):
        load_checkpoint(ARCHITECTURE, path)


def test_missing_file_gets_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="give the path"):
        load_checkpoint(ARCHITECTURE, tmp_path / "none.pth")


CONTENTS = {
    "holds no weights of a timm vision transformer .*begins with: conv1.weight": lambda: timm.create_model(
        "resnet18"
    ).state_dict(),
    "holds list, not a dict": lambda: [1, 2],
    "holds several sets of weights .*'student'.*'teacher'": lambda: {
        "student": made().state_dict(), "teacher": made().state_dict()
    },
    "has 41 classes, the model 15": lambda: made(41).state_dict(),
    "has no head, the model 15 classes": lambda: made(0).state_dict(),
    "picture or patch size differs .*pos_embed is": lambda: made(img_size=80).state_dict(),
    "another architecture .*missing: blocks.5.*and 9 more": lambda: made(depth=5).state_dict(),
    "another architecture .*unknown to the model: reg_token": lambda: made(reg_tokens=1).state_dict(),
    "another architecture .*of another shape: cls_token": lambda: made(embed_dim=32).state_dict(),
}


@pytest.mark.parametrize("sentence", CONTENTS)
def test_what_does_not_fit_gets_a_sentence_and_changes_nothing(trained, path, sentence):
    model = made().train()
    torch.save(CONTENTS[sentence](), path)
    with pytest.raises(ValueError, match=sentence):
        load_checkpoint(model, path)
    assert equal(model, trained) and model.training


def test_wrong_names_and_numbers_get_a_sentence(trained, path):
    torch.save(trained.state_dict(), path)
    with pytest.raises(ValueError, match="has 15 classes, not the 3"):
        load_checkpoint(ARCHITECTURE, path, num_classes=3)
    with pytest.raises(ValueError, match="no architecture 'vit_tiny_patch16_225'; near it: vit_tiny_patch16_224"):
        load_checkpoint("vit_tiny_patch16_225", path)


# --- a head with more classes ---


@pytest.mark.parametrize("make", [small, distilled])
def test_grown_head_keeps_the_old_classes(make):
    model, images = make(num_classes=15), pictures()
    with torch.no_grad():
        before = model(images)
        assert grow_head(model, 41) is model
        after = model(images)
    assert after.shape == (3, 41) and model.num_classes == 41
    torch.testing.assert_close(after[:, :15], before, rtol=1e-12, atol=1e-14)
    assert model.head.weight.requires_grad and model.head.weight.dtype == torch.float64
    assert model.head.weight[15:].std().item() == pytest.approx(0.02, rel=0.2)
    assert relevancy.explain(model, images, target=40).maps.shape == (3, 3, 3)


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
