"""Fine-tuning the last blocks on cached maps of the first ones."""

import numpy as np
import pandas as pd
import pytest
import torch

from dermxai_helpers import data, training
from dermxai_helpers.training import backbones, last_blocks, loop


@pytest.fixture
def finetune(table, split, backbone, tmp_path, monkeypatch):
    """Two epochs of the last two blocks on tiny pictures."""
    monkeypatch.setattr(last_blocks, "SIZE", (32, 32))
    monkeypatch.setattr(last_blocks, "BATCH_SIZE", 16)
    monkeypatch.setenv("TQDM_DISABLE", "1")

    def finetune(first_block=17, views=2):
        return last_blocks.finetune(table, split, backbone, first_block, views, 2, 0, tmp_path)

    return finetune


def test_only_the_last_blocks_learn_and_the_whole_network_answers(table, finetune, backbone):
    classifier = finetune()
    learned, given = classifier.model.features.state_dict(), backbone.features.state_dict()
    changed = {key.split(".")[0] for key in given if not torch.equal(learned[key], given[key])}
    assert changed == {"17", "18"}
    assert len(classifier.history) == 2 and classifier.card["best_epoch"] == 2
    images = [data.open_image(path) for path in table["image_path"][48:]]
    answers = np.array(data.CLASSES)[classifier.predict_proba(images).argmax(axis=1)]
    right = (answers == table["dx"][48:]).mean()
    assert right == pytest.approx(classifier.history["accuracy"].iloc[-1], abs=1e-9)


def test_one_seed_one_network_also_after_a_stop(finetune, tmp_path, monkeypatch):
    whole, note = finetune(), loop.Run.note

    def stopped(run, row):
        if len(run.rows) == 1:
            raise KeyboardInterrupt
        note(run, row)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop.Run, "note", stopped)
        finetune()
    assert len(list(tmp_path.glob("unfinished-*.pt"))) == 1
    assert len(finetune(views=1).history) == 2  # another training takes no notice
    resumed = finetune()
    assert (resumed.history - whole.history).abs().max().max() <= 1e-6
    assert not list(tmp_path.glob("unfinished-*.pt"))


def test_a_finetuned_classifier_is_saved_and_read(table, finetune, tmp_path):
    classifier = finetune()
    loaded = training.Classifier.load(classifier.save(tmp_path / "tuned.safetensors"))
    images = [data.open_image(table["image_path"][0])]
    assert np.array_equal(loaded.logits(images), classifier.logits(images))
    assert loaded.card["first_block"] == 17 and loaded.size == (32, 32)


def test_the_head_learns_fastest_and_the_earliest_block_slowest(backbone):
    network = last_blocks.LastBlocks(backbone.features[14:], backbones.new_head(3))
    groups = last_blocks.optimiser(network).param_groups
    rates = [group["lr"] for group in groups]
    assert rates == pytest.approx([1e-3 * 0.8**power for power in (5, 4, 3, 2, 1, 0)])
    assert {group["weight_decay"] for group in groups} == {0.02}
    held = sum(parameter.numel() for group in groups for parameter in group["params"])
    assert held == sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("first_block", [0, 19])
def test_what_cannot_be_finetuned_gets_a_sentence(finetune, first_block):
    with pytest.raises(ValueError, match="one of the blocks 1 to 18"):
        finetune(first_block)


def test_the_command_trains_judges_and_logs(finetune, table, tmp_path, monkeypatch):
    monkeypatch.setattr(data, "load", lambda folder: table)
    target = tmp_path / "out" / "tuned.safetensors"
    for rows in (1, 2):
        scores = last_blocks.run(tmp_path, target, "demo", 17, 2, 1, 0)
        logged = pd.read_csv(target.with_name("runs.csv"))
        assert len(logged) == rows and logged["name"][0] == "tuned"
    assert scores.loc["accuracy", "value"] == pytest.approx(logged["validation.accuracy"][1], abs=1e-4)
    assert sorted(path.name for path in target.parent.iterdir()) == ["runs.csv", "tuned.json", "tuned.safetensors"]
