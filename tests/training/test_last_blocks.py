"""Fine-tuning the last blocks on cached maps of the first ones."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image

from dermxai_helpers import data, inference, training
from dermxai_helpers.training import backbones
from dermxai_helpers.training import last_blocks as finetuning
from dermxai_helpers.training.backbones import Backbone

TINY = finetuning.Recipe(first_block=17, size=(32, 32), views=2, epochs=2, batch_size=16)


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    torch.manual_seed(0)
    return Backbone(backbones.new_network("mobilenet_v2", 1).features, "random", size=(32, 32), note="random")


@pytest.fixture
def table(tmp_path, monkeypatch):
    import pandas as pd

    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path / "cache"))
    rng, rows = np.random.default_rng(0), []
    for number in range(48):
        dx = data.CLASSES[number // 2 % 3]
        colour = {"mel": (60, 40, 40), "nv": (150, 90, 60), "bkl": (210, 180, 120)}[dx]
        path = tmp_path / f"DRAWN_{number:07d}.png"
        Image.fromarray(np.clip(rng.normal(colour, 8, (40, 40, 3)), 0, 255).astype(np.uint8)).save(path)
        rows.append({"lesion_id": f"L{number // 2}", "image_id": path.stem, "dx": dx, "image_path": str(path)})
    return pd.DataFrame(rows)


@pytest.fixture
def split(table):
    import pandas as pd

    return pd.Series(["train"] * 36 + ["val"] * 12, index=table.index)


def test_maps_of_the_stem_are_the_networks_own(table, backbone):
    stem = copy.deepcopy(backbone.features[:17])
    maps = finetuning.stem_maps(backbone, stem, table["image_path"][:5], [0], progress=False)
    images = [data.open_image(path) for path in table["image_path"][:5]]
    expected = backbone.features[:17](inference.to_input(images, backbone.size, backbone.mean, backbone.std))
    assert torch.allclose(maps(torch.arange(5)), expected, rtol=0.01, atol=0.01)  # kept in half precision


def test_views_are_kept_apart_and_computed_once(table, backbone, monkeypatch):
    stem = copy.deepcopy(backbone.features[:3])
    finetuning.stem_maps(backbone, stem, table["image_path"], [1, 2], progress=False)
    monkeypatch.setattr(finetuning, "_compute", lambda *_: pytest.fail("computed again"))
    maps = finetuning.stem_maps(backbone, stem, table["image_path"], [1, 2], progress=False)
    assert maps.blocks[0].shape[:2] == (48, 2)
    assert not np.array_equal(maps.blocks[0][:, 0], maps.blocks[0][:, 1])
    torch.manual_seed(0)
    drawn = [maps(torch.tensor([7]))[0].numpy() for _ in range(20)]
    first, second = (maps.blocks[0][7, view].astype(np.float32) for view in (0, 1))
    assert {np.array_equal(one, first) for one in drawn} == {True, False}
    assert all(np.array_equal(one, first) or np.array_equal(one, second) for one in drawn)


def test_only_the_last_blocks_learn_and_the_whole_network_answers(table, split, backbone):
    classifier = finetuning.finetune(table, split, backbone, TINY, progress=False)
    learned, given = classifier.model.features.state_dict(), backbone.features.state_dict()
    changed = {key.split(".")[0] for key in given if not torch.equal(learned[key], given[key])}
    assert changed == {"17", "18"}
    assert len(classifier.history) == TINY.epochs and classifier.card["best_epoch"] == TINY.epochs
    images = [data.open_image(path) for path in table["image_path"][36:]]
    answers = np.array(data.CLASSES)[classifier.predict_proba(images).argmax(axis=1)]
    right = (answers == table["dx"][36:]).mean()
    assert right == pytest.approx(classifier.history["accuracy"].iloc[-1], abs=1e-9)


def test_one_seed_one_network_also_after_a_stop(table, split, backbone, tmp_path, monkeypatch):
    whole = finetuning.finetune(table, split, backbone, TINY, progress=False)
    from dermxai_helpers.training import loop as fitting

    note = fitting.Run.note

    def stopped(run, row):
        if len(run.rows) == 1:
            raise KeyboardInterrupt
        note(run, row)

    checkpoint = tmp_path / "tail.pt"
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fitting.Run, "note", stopped)
        finetuning.finetune(table, split, backbone, TINY, checkpoint=checkpoint, progress=False)
    assert checkpoint.is_file()
    resumed = finetuning.finetune(table, split, backbone, TINY, checkpoint=checkpoint, progress=False)
    assert (resumed.history - whole.history).abs().max().max() <= 1e-6
    assert not checkpoint.exists()


def test_a_finetuned_classifier_is_saved_and_read(table, split, backbone, tmp_path):
    classifier = finetuning.finetune(table, split, backbone, TINY, progress=False)
    path = classifier.save(tmp_path / "tuned.safetensors")
    loaded = training.Classifier.load(path)
    images = [data.open_image(table["image_path"][0])]
    assert np.array_equal(loaded.logits(images), classifier.logits(images))
    assert loaded.card["finetuned"]["first_block"] == 17 and loaded.size == (32, 32)


def test_the_head_learns_fastest_and_the_earliest_block_slowest(backbone):
    tail = finetuning.Tail(copy.deepcopy(backbone.features[14:]), backbones.new_head(3))
    rates = [group["lr"] for group in finetuning.rates(tail, finetuning.Recipe())]
    assert rates == sorted(rates, reverse=True) and len(rates) == 6
    held = sum(parameter.numel() for group in finetuning.rates(tail, TINY) for parameter in group["params"])
    assert held == sum(parameter.numel() for parameter in tail.parameters())


# --- a timm backbone by its name ---


@pytest.fixture(scope="module")
def timm_backbone() -> Backbone:
    from dataclasses import replace

    torch.manual_seed(0)
    return replace(backbones.timm_backbone("mobilenetv3_small_050", pretrained=False), size=(32, 32))


def test_a_timm_backbone_trains_saves_and_comes_back(table, split, timm_backbone, tmp_path):
    classifier = training.train(table, split, timm_backbone, epochs=1, progress=False)
    loaded = training.Classifier.load(classifier.save(tmp_path / "timm.safetensors"))
    images = [data.open_image(table["image_path"][0])]
    assert loaded.architecture == "timm:mobilenetv3_small_050"
    assert np.array_equal(loaded.logits(images), classifier.logits(images))
    rows = training.cached_features(timm_backbone, table["image_path"][:1], progress=False)
    assert np.allclose(classifier.predict_features(rows), classifier.predict_proba(images), atol=1e-5)


def test_timm_models_that_do_not_fit_get_a_sentence():
    with pytest.raises(ValueError, match="timm has no model 'mobilnet'"):
        training.backbone("timm:mobilnet")
    transformer = backbones.timm_backbone("vit_tiny_patch16_224", pretrained=False)
    with pytest.raises(ValueError, match="not feature maps .* take a convolutional network here"):
        transformer.features(torch.zeros(1, 3, 224, 224))
    with pytest.raises(ValueError, match="could not be loaded .*: connect to the network once"):
        training.backbone("timm:mobilenetv3_small_050")  # tests have no network


# --- the quick copy ---


@pytest.mark.parametrize("name", ["demo", "timm"])
def test_the_quick_copy_answers_alike_and_leaves_the_network_as_it_was(name, timm_backbone):
    network = training.backbone("demo").features if name == "demo" else timm_backbone.features
    before = copy.deepcopy(network.state_dict())
    images = torch.randn(2, 3, 64, 64)
    quick = inference.quick(network)
    with torch.no_grad():
        expected, given = network.eval()(images), quick(images.to(memory_format=torch.channels_last))
        exact = copy.deepcopy(network).double()(images.double())
    assert torch.allclose(given, expected, atol=1e-4, rtol=1e-4)
    assert (given - exact).abs().max() <= 2 * (expected - exact).abs().max()  # no less exact than the plain network
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())
    norms = [sum(isinstance(module, torch.nn.BatchNorm2d) for module in one.modules()) for one in (network, quick)]
    assert norms[0] > 0 and (norms[1] == 0 or name == "timm")  # timm's blocks are no plain sequences


def test_what_cannot_be_finetuned_gets_a_sentence(table, split, backbone, timm_backbone):
    for source, recipe in ((timm_backbone, TINY), (backbone, finetuning.Recipe(first_block=19))):
        with pytest.raises(ValueError, match="only a MobileNetV2 can be fine-tuned here, from one"):
            finetuning.finetune(table, split, source, recipe, progress=False)


def test_the_command_trains_judges_and_logs(table, tmp_path, monkeypatch):
    import pandas as pd

    monkeypatch.setattr(data, "load", lambda folder: table)
    target = tmp_path / "out" / "tuned.safetensors"
    scores = finetuning.run(tmp_path, target, "demo", TINY)
    logged = pd.read_csv(target.with_name("runs.csv"))
    assert scores.loc["accuracy", "value"] == pytest.approx(logged["accuracy"][0], abs=1e-4)
    assert logged["name"][0] == "tuned" and sorted(path.name for path in target.parent.iterdir()) == [
        "runs.csv", "tuned.json", "tuned.safetensors",
    ]  # fmt: skip
