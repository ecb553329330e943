"""The backbone: shipped, or a sentence that says why it cannot be had."""

import os
import pickle

import pytest
import torch
from safetensors.torch import save_file

from dermxai_helpers import assets, training
from dermxai_helpers.training import backbones


def test_a_demo_file_in_half_precision_becomes_a_float32_backbone(backbone, tmp_path, monkeypatch):
    state = {f"features.{key}": value for key, value in backbone.features.state_dict().items()}
    half = {key: value.half() if value.is_floating_point() else value for key, value in state.items()}
    save_file(half, tmp_path / "demo.safetensors")
    monkeypatch.setattr(assets, "MOBILENET", tmp_path / "demo.safetensors")
    demo = training.backbone("demo")
    assert {value.dtype for value in demo.features.parameters()} == {torch.float32}
    assert torch.equal(demo.features[0][0].weight, backbone.features[0][0].weight.half().float())
    with torch.no_grad():
        assert demo.features(torch.zeros(1, 3, 224, 224)).shape == (1, 1280, 7, 7)
    assert not demo.features.training and "stands in for ImageNet" in demo.note


def test_the_shipped_demo_backbone_loads_and_is_small():
    assert assets.MOBILENET.stat().st_size < 6e6
    with torch.no_grad():
        maps = training.backbone("demo").features(torch.zeros(1, 3, 224, 224))
    assert maps.shape == (1, 1280, 7, 7) and torch.isfinite(maps).all()


def test_unobtainable_weights_get_a_sentence(tmp_path, monkeypatch):
    with pytest.raises(ValueError, match='no backbone is called .resnet.: choose "demo" or "imagenet"'):
        training.backbone("resnet")
    monkeypatch.setattr(assets, "MOBILENET", tmp_path / "absent.safetensors")
    with pytest.raises(FileNotFoundError, match="if the file is ours, install it again"):
        training.backbone("demo")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # no file there, and tests have no network
    with pytest.raises(ValueError, match='connect to the network once, or put mobilenet_v2-7ebf99e0.pth into .*"demo"'):
        training.backbone("imagenet")


class Program:
    """Pickled code: opening it without care would make a folder."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __reduce__(self):
        return (os.mkdir, (self.folder,))


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "is a pickle .*Python objects"), (b"", "is empty .0 bytes."), (POINTER, "pointer that Git LFS leaves")],
    ids=["program", "empty", "pointer"],
)
def test_imagenet_weights_that_cannot_be_read_are_refused_without_bad_advice(tmp_path, monkeypatch, content, words):
    file = tmp_path / "hub" / "checkpoints" / "mobilenet_v2-7ebf99e0.pth"
    file.parent.mkdir(parents=True)
    file.write_bytes(pickle.dumps(Program(tmp_path / "it ran"), protocol=2) if content is None else content)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ValueError, match=f"could not be loaded .*{words}.* put mobilenet") as caught:
        training.backbone("imagenet")
    assert "weights_only" not in str(caught.value) and not (tmp_path / "it ran").exists()


def test_imagenet_weights_of_something_else_are_refused(tmp_path, monkeypatch, backbone):
    file = tmp_path / "hub" / "checkpoints" / "mobilenet_v2-7ebf99e0.pth"
    file.parent.mkdir(parents=True)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for content in ([1], {"a": torch.zeros(3)}, {"features.0.0.weight": torch.zeros(3)}):
        torch.save(content, file)
        with pytest.raises(ValueError, match="'imagenet' are not a MobileNetV2's"):
            training.backbone("imagenet")
    state = {f"features.{key}": value for key, value in backbone.features.state_dict().items()}
    torch.save(state | {"features.0.0.weight": torch.full((32, 3, 3, 3), torch.nan)}, file)
    with pytest.raises(ValueError, match=r"backbone 'imagenet' holds weights that are NaN or infinite \(0.0.weight\)"):
        training.backbone("imagenet")


def test_a_file_that_is_no_safetensors_file_says_what_it_is(tmp_path, backbone):
    torch.save(backbone.features.state_dict(), tmp_path / "mine.pth")
    expected = {"mine.pth": "it is a pickle", "empty": "it is empty", "pointer": "the pointer that Git LFS leaves"}
    (tmp_path / "empty").touch()
    (tmp_path / "pointer").write_bytes(POINTER)
    for name, words in expected.items():
        with pytest.raises(ValueError, match=f"{name} is not a complete safetensors file: .*{words}"):
            backbones.read_weights(tmp_path / name)


def test_random_weights_leave_the_callers_random_numbers_alone():
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    backbones.new_network(3)
    assert torch.rand(1) == expected
