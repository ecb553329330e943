"""Features: those of the network, computed once, whatever happens to the cache."""

import copy
import dataclasses
import os

import numpy as np
import pytest
import torch
from PIL import Image

from dermxai_helpers import data, files, inference, training
from dermxai_helpers.training import features


def count_images_computed(monkeypatch) -> list[int]:
    """Images that the network gets to see, in a list that grows."""
    seen, to_input = [], features.to_input

    def counted(images, *form):
        seen.append(len(images))
        return to_input(images, *form)

    monkeypatch.setattr(features, "to_input", counted)
    return seen


def test_features_are_the_mean_of_the_feature_maps_in_the_order_of_the_paths(table, backbone):
    paths = table["image_path"][[5, 3, 17]]
    images = [data.open_image(path) for path in paths]
    inputs = inference.to_input(images, backbone.size, backbone.mean, backbone.std)
    with torch.no_grad():
        maps = inference.quick(backbone.features)(inputs)  # tests/test_inference.py compares it with the plain network
    rows = training.cached_features(backbone, paths, progress=False)
    assert rows.shape == (3, 1280) and rows.dtype == np.float32
    expected = maps.mean(dim=(2, 3)).numpy()
    assert np.abs(rows - expected).max() < 1e-4 * np.abs(expected).max()


def test_second_call_computes_nothing_and_a_superset_only_what_is_new(table, backbone, monkeypatch):
    seen = count_images_computed(monkeypatch)
    first = training.cached_features(backbone, table["image_path"][:20], progress=False)
    assert seen == 5 * [features.BATCH]
    again = training.cached_features(backbone, table["image_path"][:20], progress=False)
    more = training.cached_features(backbone, table["image_path"][:25], progress=False)
    assert sum(seen) == 25
    assert np.array_equal(first, again) and np.array_equal(first, more[:20])


def test_training_takes_what_is_in_the_cache(table, split, backbone, monkeypatch):
    training.cached_features(backbone, table["image_path"], progress=False)
    seen = count_images_computed(monkeypatch)
    training.train(table, split, backbone, epochs=1, progress=False)
    assert seen == []


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


def test_another_architecture_of_the_same_weights_misses_the_cache(table, backbone):
    paths = table["image_path"][:4].tolist()
    first = training.cached_features(backbone, paths, progress=False)
    changed = copy.deepcopy(backbone.features)
    for block in list(changed.modules()):
        for name, layer in block.named_children():
            if isinstance(layer, torch.nn.ReLU6):
                setattr(block, name, torch.nn.SiLU())
    other = training.cached_features(dataclasses.replace(backbone, features=changed), paths, progress=False)
    assert np.abs(other - first).max() > 0.1 * np.abs(first).max()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_a_backbone_of_another_number_type_is_computed_in_float32(table, backbone, dtype):
    paths = table["image_path"][:4].tolist()
    rounded = copy.deepcopy(backbone.features).to(dtype)
    found = training.cached_features(dataclasses.replace(backbone, features=rounded), paths, progress=False)
    plain = dataclasses.replace(backbone, name="plain", features=copy.deepcopy(rounded).float())
    assert np.array_equal(found, training.cached_features(plain, paths, progress=False))
    assert next(rounded.parameters()).dtype == dtype


def test_a_classifier_on_a_backbone_in_half_precision_answers(table, split, backbone):
    rounded = dataclasses.replace(backbone, features=copy.deepcopy(backbone.features).half())
    classifier = training.train(table, split, rounded, epochs=1, progress=False)
    rows = training.cached_features(rounded, table["image_path"][:4], progress=False)
    answers = classifier.predict_proba([data.open_image(path) for path in table["image_path"][:4]])
    np.testing.assert_allclose(answers, classifier.predict_features(rows), atol=1e-3)


@pytest.mark.parametrize("layers", [lambda f: f[:-1], lambda f: torch.nn.Sequential(f, torch.nn.Flatten())])
def test_a_backbone_of_another_width_gets_a_sentence(table, backbone, layers):
    other = dataclasses.replace(backbone, features=layers(backbone.features))
    with pytest.raises(ValueError, match=r"backbone 'random' gives \(4, .*, not \(B, 1280, height, width\)"):
        training.cached_features(other, table["image_path"][:4], progress=False)


@pytest.mark.parametrize("content", [b"", b"something else", None])
def test_a_damaged_cache_file_is_replaced(table, backbone, content):
    paths = table["image_path"][:6]
    right = training.cached_features(backbone, paths, progress=False)
    store = next((files.cache_folder() / "features").rglob("*.npy"))
    whole = store.read_bytes()
    store.write_bytes(whole[:-50] if content is None else content)
    again = training.cached_features(backbone, paths, progress=False)
    assert np.abs(again - right).max() < 1e-3 * np.abs(right).max()  # one picture instead of six in a batch
    assert len(store.read_bytes()) == len(whole)
    assert np.abs(np.load(store) - right).max(axis=1).min() < 1e-3 * right.max()


def test_an_interrupted_run_keeps_what_it_has_and_leaves_no_half_file(table, backbone, monkeypatch):
    seen, to_input = count_images_computed(monkeypatch), features.to_input

    def interrupted(images, *form):
        if len(seen) == 2:
            raise KeyboardInterrupt
        return to_input(images, *form)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(features, "to_input", interrupted)
        training.cached_features(backbone, table["image_path"][:30], progress=False)
    kept = list((files.cache_folder() / "features").glob("*/*.*"))
    assert len(kept) == 2 * features.BATCH and {path.suffix for path in kept} == {".npy"}
    training.cached_features(backbone, table["image_path"][:30], progress=False)
    assert sum(seen) == 30
