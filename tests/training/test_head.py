"""The classifier: the paper's protocol, what it must beat, and files that are refused with a sentence."""

import copy
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from dermxai_helpers import data, scoring, training
from dermxai_helpers.training import backbones, features, rebalancing

LASTING_CACHE = Path(os.environ.get("DERMXAI_CACHE") or Path(__file__).parents[2] / "build" / "cache")


def test_training_learns_colours_and_predicts_alike_from_images_and_features(table, split, backbone):
    classifier = training.train(table, split, backbone, learning_rate=1e-2, progress=False)
    images = [data.open_image(path) for path in table["image_path"][:20]]
    probabilities, logits = classifier.predict_proba(images), classifier.logits(images)
    assert probabilities.shape == (20, 3) and probabilities.sum(axis=1) == pytest.approx(np.ones(20))
    assert (probabilities.argmax(axis=1) == table["dx"][:20].map(data.CLASSES.index)).mean() > 0.9
    rows = training.cached_features(backbone, table["image_path"][:20], progress=False)
    from_features = classifier.model.classifier(torch.from_numpy(rows)).detach().numpy()
    assert np.abs(from_features - logits).max() < 1e-3 * np.abs(logits).max()  # another order of sums, folded norms
    assert np.array_equal(classifier.predict_features(rows), torch.from_numpy(from_features).softmax(dim=1).numpy())


def test_the_model_has_torchvisions_shape_and_the_backbones_weights_untouched(table, split, backbone):
    before = features.fingerprint(backbone)
    classifier = training.train(table, split, backbone, epochs=2, progress=False)
    assert set(classifier.model.state_dict()) == set(backbones.new_network(3).state_dict())
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


@pytest.mark.parametrize("setting", [{"rebalance": "Balanced"}, {"epochs": 0}, {"keep": "first"}])
def test_bad_settings_get_a_sentence(table, split, backbone, setting):
    with pytest.raises(ValueError, match="choose one of none, class weights|give one epoch or more, and keep best"):
        training.train(table, split, backbone, progress=False, **setting)


def test_the_last_epoch_is_kept_where_the_validation_part_may_choose_nothing(table, split, backbone):
    """Losses of different kinds stop at different epochs: kept to the last, all train as long."""
    taught = table.assign(dx=table["dx"].to_numpy()[::-1])  # validation gets worse: the paper's way would stop
    lengths = {}
    for rebalance in rebalancing.STRATEGIES:
        model = training.train(taught, split, backbone, rebalance, 12, 0.1, progress=False, keep="last")
        lengths[rebalance] = len(model.history)
        assert model.card["kept_epoch"] == 12
        assert model.card["validation"]["accuracy"] == pytest.approx(model.history["accuracy"].iloc[-1], abs=1e-4)
    assert set(lengths.values()) == {12}


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


def test_a_classifier_in_training_mode_answers_as_in_evaluation_and_keeps_its_weights(saved, table):
    images = [data.open_image(path) for path in table["image_path"][:9]]
    classifier = training.Classifier.load(saved[1])
    expected, before = classifier.predict_proba(images), copy.deepcopy(classifier.model.state_dict())
    classifier.model.train()
    np.testing.assert_array_equal(classifier.predict_proba(images), expected)
    features = np.random.default_rng(0).random((3, 1280), np.float32)
    np.testing.assert_array_equal(classifier.predict_features(features), classifier.predict_features(features))
    assert all(torch.equal(before[name], value) for name, value in classifier.model.state_dict().items())
    assert all(module.training for module in classifier.model.modules())


def test_a_score_that_is_not_known_is_null_in_the_card(saved, tmp_path):
    unknown = replace(saved[0], history=saved[0].history.assign(macro_f1=np.nan))
    path = unknown.save(tmp_path / "unknown.safetensors")
    card = json.loads(path.with_suffix(".json").read_text(), parse_constant=pytest.fail)
    assert set(card["history"]["macro_f1"]) == {None}
    assert training.Classifier.load(path).history["macro_f1"].isna().all()


def test_the_card_names_data_licence_and_metrics(saved, table, split, backbone):
    card = json.loads(saved[1].with_suffix(".json").read_text())
    assert card["data_licence"] == ["drawn by dermxai_helpers.synth: MIT"]
    assert card["validation"]["accuracy"] == pytest.approx(saved[0].history["accuracy"][card["kept_epoch"]], abs=1e-4)
    assert card["images"] == {"train": 48, "val": 12}
    real = training.train(table.assign(image_id="ISIC_0000000"), split, backbone, epochs=1, progress=False).card
    assert "CC BY-NC" in real["data_licence"][0] and real["data_sha256"] == card["data_sha256"]
    relabelled = training.train(table, split[::-1].set_axis(table.index), backbone, epochs=1, progress=False).card
    assert relabelled["data_sha256"] != card["data_sha256"]


WEIGHTS = {
    "not a complete safetensors file": lambda content, path: path.write_bytes(content[:-1000]),
    "not a complete safetensors file: it is a pickle": lambda content, path: torch.save({"a": torch.ones(3)}, path),
    "no pair .*Missing key": lambda content, path: save_file({"conv1.weight": torch.ones(3)}, path),
}
CARDS = {
    "no pair .*size mismatch": lambda card: json.dumps(json.loads(card) | {"classes": ["mel", "nv"]}),
    "no pair .*JSONDecodeError": lambda card: card[:50],
    "no pair .*KeyError: 'mean'": lambda card: '{"classes": ["mel"]}',
}


def test_unusable_files_get_a_sentence(saved, tmp_path):
    path, card = saved[1], saved[1].with_suffix(".json")
    content, text = path.read_bytes(), card.read_text()
    with pytest.raises(FileNotFoundError, match="no weights at"):
        training.Classifier.load(tmp_path / "absent.safetensors")
    for sentence, damage in WEIGHTS.items():
        damage(content, path)
        with pytest.raises(ValueError, match=sentence):
            training.Classifier.load(path)
    path.write_bytes(content)
    for sentence, damaged in CARDS.items():
        card.write_text(damaged(text))
        with pytest.raises(ValueError, match=sentence):
            training.Classifier.load(path)
    card.unlink()
    with pytest.raises(ValueError, match="no pair .*FileNotFoundError"):
        training.Classifier.load(path)


# --- baselines ---


def metadata_table(n: int = 400) -> tuple[pd.DataFrame, pd.Series]:
    """Age tells melanoma, dx_type tells everything, and ages are missing here and there."""
    rng = np.random.default_rng(0)
    dx = rng.choice(data.CLASSES, n, p=[0.2, 0.6, 0.2])
    age = np.where(dx == "mel", 75.0, 40.0) + rng.normal(0, 5, n)
    age[::17] = np.nan
    table = pd.DataFrame(
        {
            "dx": dx,
            "age": age,
            "sex": rng.choice(["male", "female", "unknown"], n),
            "localization": rng.choice(["back", "face"], n),
            "dx_type": dx,
        }
    )
    return table, pd.Series(np.where(np.arange(n) < 300, "train", "val"))


def blind_scores(table, split) -> pd.DataFrame:
    labels, guesses = table["dx"][split == "val"], training.baseline_predictions(table, split)
    return pd.DataFrame({name: scoring.scores(labels, guess, data.CLASSES) for name, guess in guesses.items()}).T


def test_baselines_know_what_they_should_and_no_more():
    table, split = metadata_table()
    scores, validation = blind_scores(table, split), table["dx"][split == "val"]
    assert scores.loc["constant", "accuracy"] == pytest.approx((validation == "nv").mean())
    assert scores.loc["constant", "balanced_accuracy"] == pytest.approx(1 / 3)
    assert scores.loc["metadata", "recall_mel"] > 0.8
    assert scores.loc["metadata", "balanced_accuracy"] < 0.9  # dx_type, which tells everything, was not used


def test_the_constant_of_the_papers_split_beats_the_papers_accuracy():
    table = pd.DataFrame(
        {"dx": ["nv"] * 1341 + ["mel"] * 223 + ["bkl"] * 220, "age": 50.0, "sex": "male", "localization": "back"}
    )
    both = pd.concat([table, table], ignore_index=True)
    split = pd.Series(["train"] * 1784 + ["val"] * 1784)
    assert round(blind_scores(both, split).loc["constant", "accuracy"], 3) == 0.752


@pytest.fixture
def real_features(monkeypatch):
    """ImageNet features of HAM10000 as an earlier run left them: computing them takes longer than a test may."""
    if not list(LASTING_CACHE.glob("features/imagenet-*")):
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
    metadata = blind_scores(table, split).loc["metadata"]
    assert reached["balanced_accuracy"] > metadata["balanced_accuracy"] + 0.05
