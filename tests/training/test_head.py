"""The classifier: features cached once, the paper's protocol, files that are refused with a sentence."""

import copy
import dataclasses
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file
from torch import nn

from dermxai_helpers import assets, data, files, inference, scoring, training
from dermxai_helpers.training import backbones, features

LASTING_CACHE = Path(os.environ.get("DERMXAI_CACHE") or Path(__file__).parents[2] / "build" / "cache")
COLOURS = {"mel": (60, 40, 40), "nv": (150, 90, 60), "bkl": (210, 180, 120)}


@pytest.fixture(scope="module")
def backbone() -> training.Backbone:
    """Random convolutions on 32 x 32 pixels: the right form, fast; calibrated so that colours differ in features."""
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    network = mobilenet_v2(weights=None).features
    for layer in network.modules():
        if isinstance(layer, nn.BatchNorm2d):
            layer.momentum = 1.0  # the running statistics become those of the one batch below
    network.train()(torch.randn(32, 3, 1, 1) + 0.1 * torch.randn(32, 3, 32, 32))
    return training.Backbone(network.eval(), "random", size=(32, 32), note="random")


@pytest.fixture
def table(tmp_path, monkeypatch) -> pd.DataFrame:
    """Sixty tiny images whose class is their colour, two of each lesion, and an empty cache."""
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    rows = []
    for number in range(60):
        dx = data.CLASSES[number // 2 % 3]
        pixels = np.clip(np.array(COLOURS[dx]) + rng.normal(0, 8, (30, 40, 3)), 0, 255).astype(np.uint8)
        path = tmp_path / f"DRAWN_{number:07d}.png"
        Image.fromarray(pixels).save(path)
        rows.append({"lesion_id": f"L{number // 2}", "image_id": path.stem, "dx": dx, "dx_type": "histo", "age": 50.0,
                     "sex": "male", "localization": "back", "image_path": str(path)})
    return pd.DataFrame(rows)


@pytest.fixture
def split(table) -> pd.Series:
    return pd.Series(["train"] * 48 + ["val"] * 12, index=table.index)


def only_store():
    return next((files.cache_folder() / "features").glob("*.safetensors"))


def count_images_computed(monkeypatch) -> list[int]:
    """How many images each later call of the network sees."""
    seen, compute = [], features._compute

    def counted(backbone, paths, bar, view):
        seen.append(len(paths))
        return compute(backbone, paths, bar, view)

    monkeypatch.setattr(features, "_compute", counted)
    return seen


# --- features and their cache ---


def test_features_are_the_mean_of_the_feature_maps_in_the_order_of_the_paths(table, backbone):
    paths = table["image_path"][[5, 3, 17]]
    images = [data.open_image(path) for path in paths]
    inputs = inference.to_input(images, backbone.size, backbone.mean, backbone.std)
    with torch.no_grad():
        maps = inference.quick(backbone.features)(inputs)  # test_finetuning compares it with the plain network
    rows = training.cached_features(backbone, paths, progress=False)
    assert rows.shape == (3, 1280) and rows.dtype == np.float32
    assert np.allclose(rows, maps.mean(dim=(2, 3)), atol=1e-6)


def test_to_input_equals_torchvisions_own_preprocessing():
    from torchvision.transforms import v2

    image = np.random.default_rng(0).integers(0, 256, (450, 600, 3), dtype=np.uint8)
    reference = v2.Compose([v2.Resize((224, 224)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True),
                            v2.Normalize(backbones.IMAGENET_MEAN, backbones.IMAGENET_STD)])
    ours = inference.to_input([image], (224, 224), backbones.IMAGENET_MEAN, backbones.IMAGENET_STD)
    assert torch.allclose(ours[0], reference(Image.fromarray(image)), atol=1e-6)


def test_second_call_computes_nothing_and_a_superset_only_what_is_new(table, backbone, monkeypatch):
    seen = count_images_computed(monkeypatch)
    first = training.cached_features(backbone, table["image_path"][:20], progress=False)
    again = training.cached_features(backbone, table["image_path"][:20], progress=False)
    more = training.cached_features(backbone, table["image_path"][:25], progress=False)
    assert seen == [20, 5]
    assert np.array_equal(first, again) and np.array_equal(first, more[:20])


def test_a_changed_input_misses_the_cache_and_a_renamed_image_hits_it(table, backbone, monkeypatch, tmp_path):
    seen = count_images_computed(monkeypatch)
    paths = table["image_path"][:4].tolist()
    training.cached_features(backbone, paths, progress=False)
    os.rename(paths[0], tmp_path / "renamed.png")
    training.cached_features(backbone, [tmp_path / "renamed.png", *paths[1:]], progress=False)
    assert seen == [4]
    Image.new("RGB", (30, 40), "red").save(paths[1])
    training.cached_features(backbone, paths[1:], progress=False)
    training.cached_features(dataclasses.replace(backbone, size=(64, 64)), paths[1:], progress=False)
    changed = copy.deepcopy(backbone.features)
    changed[0][0].weight.data[0, 0, 0, 0] += 1e-3
    training.cached_features(dataclasses.replace(backbone, features=changed), paths[1:], progress=False)
    assert seen == [4, 1, 3, 3]


@pytest.mark.parametrize("damage", ["truncated", "flipped", "emptied", "foreign"])
def test_a_damaged_cache_is_reported_and_rebuilt(table, backbone, damage):
    paths = table["image_path"][:6]
    right = training.cached_features(backbone, paths, progress=False)
    store, content = only_store(), only_store().read_bytes()
    if damage == "foreign":
        save_file({"something": torch.zeros(2)}, store)
    else:
        flipped = content[:-100] + bytes([content[-100] ^ 1]) + content[-99:]
        store.write_bytes({"truncated": content[:-50], "flipped": flipped, "emptied": b""}[damage])
    with pytest.warns(UserWarning, match="is damaged: its features are computed again"):
        rebuilt = training.cached_features(backbone, paths, progress=False)
    assert np.array_equal(right, rebuilt)
    assert np.array_equal(training.cached_features(backbone, paths, progress=False), right)  # and no second warning


def test_an_interrupted_run_keeps_its_finished_blocks_and_leaves_no_half_file(table, backbone, monkeypatch):
    monkeypatch.setattr(features, "BLOCK", 10)
    compute, calls = features._compute, []

    def interrupted(backbone, paths, bar, view):
        calls.append(len(paths))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return compute(backbone, paths, bar, view)

    monkeypatch.setattr(features, "_compute", interrupted)
    with pytest.raises(KeyboardInterrupt):
        training.cached_features(backbone, table["image_path"][:30], progress=False)
    assert [path.suffix for path in only_store().parent.iterdir()] == [".safetensors"]
    training.cached_features(backbone, table["image_path"][:30], progress=False)
    assert calls == [10, 10, 10, 10]


def test_computing_features_leaves_the_callers_random_numbers_alone(table, backbone):
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    backbones.mobilenet_features({f"features.{key}": value for key, value in backbone.features.state_dict().items()})
    assert torch.rand(1) == expected


# --- backbones ---


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
    with pytest.raises(ValueError, match='no backbone is called .resnet.: choose "demo", "imagenet"'):
        training.backbone("resnet")
    monkeypatch.setattr(assets, "MOBILENET", tmp_path / "absent.safetensors")
    with pytest.raises(FileNotFoundError, match="install the course again"):
        training.backbone("demo")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))  # no file there, and tests have no network
    with pytest.raises(ValueError, match='connect to the network once, or put mobilenet_v2-7ebf99e0.pth into .*"demo"'):
        training.backbone("imagenet")


def test_imagenet_weights_that_are_a_program_are_refused(tmp_path, monkeypatch):
    class Program:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "it ran"),))

    (tmp_path / "hub" / "checkpoints").mkdir(parents=True)
    (tmp_path / "hub" / "checkpoints" / "mobilenet_v2-7ebf99e0.pth").write_bytes(pickle.dumps(Program(), protocol=2))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(ValueError, match="could not be loaded"):
        training.backbone("imagenet")
    assert not (tmp_path / "it ran").exists()


# --- training ---


def test_training_learns_colours_and_predicts_alike_from_images_and_features(table, split, backbone):
    classifier = training.train(table, split, backbone, learning_rate=1e-2, progress=False)
    images = [data.open_image(path) for path in table["image_path"][:20]]
    probabilities = classifier.predict_proba(images)
    assert probabilities.shape == (20, 3) and probabilities.sum(axis=1) == pytest.approx(np.ones(20))
    assert (probabilities.argmax(axis=1) == table["dx"][:20].map(data.CLASSES.index)).mean() > 0.9
    rows = training.cached_features(backbone, table["image_path"][:20], progress=False)
    assert np.allclose(classifier.predict_features(rows), probabilities, atol=1e-5)


def test_the_model_has_torchvisions_shape_and_the_backbones_weights_untouched(table, split, backbone):
    before = features.fingerprint(backbone)
    classifier = training.train(table, split, backbone, epochs=2, progress=False)
    assert set(classifier.model.state_dict()) == set(backbones.new_network("mobilenet_v2", 3).state_dict())
    assert isinstance(classifier.model.classifier[0], nn.Dropout) and classifier.model.classifier[0].p == 0.2
    assert features.fingerprint(backbone) == before
    assert not classifier.model.training
    assert list(classifier.history) == [
        "training_loss", "validation_loss", "accuracy", "balanced_accuracy", "macro_f1",
        "recall_mel", "recall_nv", "recall_bkl", "learning_rate",
    ]  # fmt: skip


def test_one_seed_one_model_and_the_callers_seed_is_left_alone(table, split, backbone):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first, second, other = (
        training.train(table, split, backbone, epochs=2, seed=seed, progress=False) for seed in (0, 0, 1)
    )
    assert torch.rand(1) == expected
    weights = [classifier.model.classifier[1].weight for classifier in (first, second, other)]
    assert torch.equal(weights[0], weights[1]) and not torch.equal(weights[0], weights[2])


def test_bad_tables_and_splits_get_a_sentence(table, split, backbone):
    with pytest.raises(ValueError, match="class bcc: keep only mel, nv, bkl"):
        training.train(table.assign(dx="bcc"), split, backbone)
    with pytest.raises(ValueError, match='"train" and "val"'):
        training.train(table, split.replace("val", "test"), backbone)
    with pytest.raises(ValueError, match="no training image is of class mel"):
        training.train(table, split.where(table["dx"] != "mel", "val"), backbone)


@pytest.mark.parametrize("setting", [{"rebalance": "Balanced"}, {"epochs": 0}, {"views": -1}])
def test_bad_settings_get_a_sentence(table, split, backbone, setting):
    with pytest.raises(ValueError, match="choose one of none, class weights|at least one epoch, and 0 or more views"):
        training.train(table, split, backbone, progress=False, **setting)


# --- files ---


@pytest.fixture
def saved(table, split, backbone, tmp_path):
    classifier = training.train(table, split, backbone, epochs=2, progress=False)
    return classifier, classifier.save(tmp_path / "classifier.safetensors")


def test_a_saved_classifier_comes_back_the_same(saved, table):
    classifier, path = saved
    loaded = training.Classifier.load(path)
    images = [data.open_image(table["image_path"][0])]
    assert np.array_equal(loaded.predict_proba(images), classifier.predict_proba(images))
    assert loaded.classes == data.CLASSES and loaded.size == (32, 32) and loaded.backbone_name == "random"
    assert loaded.history.to_dict("list") == classifier.history.to_dict("list")


def test_the_card_names_data_licence_and_metrics(saved, table, split, backbone):
    card = json.loads(saved[1].with_suffix(".json").read_text())
    assert card["data_licence"] == ["drawn by dermxai_helpers.synth: MIT"]
    assert card["validation"]["accuracy"] == pytest.approx(saved[0].history["accuracy"][card["best_epoch"]], abs=1e-4)
    assert card["images"] == {"train": 48, "val": 12}
    real = training.train(table.assign(image_id="ISIC_0000000"), split, backbone, epochs=1, progress=False).card
    assert "CC BY-NC" in real["data_licence"][0] and real["data_sha256"] == card["data_sha256"]
    relabelled = training.train(table, split[::-1].set_axis(table.index), backbone, epochs=1, progress=False).card
    assert relabelled["data_sha256"] != card["data_sha256"]


def test_unusable_files_get_a_sentence(saved, tmp_path):
    _, path = saved
    card_text, content, card = path.with_suffix(".json").read_text(), path.read_bytes(), path.with_suffix(".json")
    with pytest.raises(FileNotFoundError, match="no weights at"):
        training.Classifier.load(tmp_path / "absent.safetensors")
    path.write_bytes(content[:-1000])
    with pytest.raises(ValueError, match="not a complete safetensors file"):
        training.Classifier.load(path)
    torch.save(load_file_from(content, tmp_path), path)
    with pytest.raises(ValueError, match="pickled .pt and .pth files are refused"):
        training.Classifier.load(path)
    path.write_bytes(content)
    card.write_text(json.dumps(json.loads(card_text) | {"classes": ["mel", "nv"]}))
    with pytest.raises(ValueError, match="has 3 outputs, its card lists 2 classes"):
        training.Classifier.load(path)
    card.write_text(card_text[:50])
    with pytest.raises(ValueError, match="cannot be read"):
        training.Classifier.load(path)
    card.write_text('{"classes": ["mel"]}')
    with pytest.raises(ValueError, match="lacks architecture, backbone, history, mean, size, std"):
        training.Classifier.load(path)
    card.unlink()
    with pytest.raises(FileNotFoundError, match="no card at"):
        training.Classifier.load(path)


def load_file_from(content: bytes, folder) -> dict:
    (folder / "whole.safetensors").write_bytes(content)
    return load_file(folder / "whole.safetensors")


def test_another_architecture_is_refused(saved):
    _, path = saved
    state = load_file(path)
    incomplete = {key: value for key, value in state.items() if "features.3" not in key}
    for broken in (incomplete, {"conv1.weight": torch.ones(3)}):
        save_file(broken, path)
        with pytest.raises(ValueError, match="does not fit mobilenet_v2, which its card names"):
            training.Classifier.load(path)


# --- baselines ---


def metadata_table(n: int = 400) -> tuple[pd.DataFrame, pd.Series]:
    """Age tells melanoma, dx_type tells everything, and ages are missing here and there."""
    rng = np.random.default_rng(0)
    dx = rng.choice(data.CLASSES, n, p=[0.2, 0.6, 0.2])
    age = np.where(dx == "mel", 75.0, 40.0) + rng.normal(0, 5, n)
    age[::17] = np.nan
    table = pd.DataFrame({"dx": dx, "age": age, "sex": rng.choice(["male", "female", "unknown"], n),
                          "localization": rng.choice(["back", "face"], n), "dx_type": dx})
    return table, pd.Series(np.where(np.arange(n) < 300, "train", "val"))


def test_baselines_know_what_they_should_and_no_more():
    table, split = metadata_table()
    scores = training.baselines(table, split)
    validation = table["dx"][split == "val"]
    assert scores.loc["constant", "accuracy"] == pytest.approx((validation == "nv").mean())
    assert scores.loc["constant", "balanced_accuracy"] == pytest.approx(1 / 3)
    assert scores.loc["metadata", "recall_mel"] > 0.8
    assert scores.loc["metadata", "balanced_accuracy"] < 0.9  # dx_type, which tells everything, was not used


def test_the_constant_of_the_papers_split_beats_the_papers_accuracy():
    table = pd.DataFrame({"dx": ["nv"] * 1341 + ["mel"] * 223 + ["bkl"] * 220, "age": 50.0, "sex": "male",
                          "localization": "back"})
    both = pd.concat([table, table], ignore_index=True)
    split = pd.Series(["train"] * 1784 + ["val"] * 1784)
    assert round(training.baselines(both, split).loc["constant", "accuracy"], 3) == 0.752


@pytest.fixture
def real_features(monkeypatch):
    """ImageNet features of HAM10000 as an earlier run left them: computing them takes longer than a test may."""
    if not list(LASTING_CACHE.glob("features/mobilenetv2-imagenet-*.safetensors")):
        pytest.skip(f"no features in {LASTING_CACHE}: run the course on HAM10000, or set DERMXAI_CACHE")
    monkeypatch.setenv("DERMXAI_CACHE", str(LASTING_CACHE))


@pytest.mark.real
@pytest.mark.parametrize("by, accuracy, balanced", [("image", 0.753, 0.679), ("lesion", 0.732, 0.667)])
def test_ham10000_is_within_three_points_of_an_independent_trial(ham10000, real_features, by, accuracy, balanced):
    table = data.load(ham10000)
    split = data.split(table, by=by)
    classifier = training.train(table, split, "imagenet", progress=False)
    validation = table[split == "val"]
    rows = training.cached_features(training.backbone("imagenet"), validation["image_path"], progress=False)
    predicted = np.array(data.CLASSES)[classifier.predict_features(rows).argmax(axis=1)]
    reached = scoring.scores(validation["dx"].to_numpy(), predicted, data.CLASSES)
    assert reached["accuracy"] == pytest.approx(accuracy, abs=0.03)
    assert reached["balanced_accuracy"] == pytest.approx(balanced, abs=0.03)
    metadata = training.baselines(table, split).loc["metadata"]
    assert reached["balanced_accuracy"] > metadata["balanced_accuracy"] + 0.05
