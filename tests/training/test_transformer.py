"""Fine-tuning of a timm transformer: it learns, what is frozen stays, and what does not fit gets a sentence."""

import numpy as np
import pytest
import timm
import torch

from dermxai_helpers import relevancy
from dermxai_helpers.training import transformer
from dermxai_helpers.training.transformer import Pictures

CLASSES = ["dark", "bright"]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    size = {"img_size": 32, "embed_dim": 24, "depth": 3, "num_heads": 2}
    return timm.create_model("vit_tiny_patch16_224", num_classes=2, **size).eval()


def pictures(n, seed):
    rng = np.random.default_rng(seed)
    labels = [CLASSES[number % 2] for number in range(n)]
    images = [rng.integers(0, 100, (40, 40, 3), np.uint8) + np.uint8(120 * (label == "bright")) for label in labels]
    return Pictures(images, labels)


@pytest.fixture(scope="module")
def learnt(model):
    return transformer.finetune(model, pictures(40, 0), pictures(20, 1), CLASSES, blocks=1, epochs=6, progress=False)


def test_it_learns(learnt):
    network, history = learnt
    assert history["balanced_accuracy"].iloc[-1] > 0.9
    answers = transformer.predict(network, pictures(20, 2).images)
    np.testing.assert_allclose(answers.sum(axis=1), 1, rtol=1e-5)
    assert (answers.argmax(axis=1) == np.arange(20) % 2).mean() > 0.9


def test_frozen_parts_and_the_callers_model_stay(model, learnt):
    before, after = model.state_dict(), learnt[0].state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed and all(name.startswith(("blocks.2.", "norm.", "head.")) for name in changed)
    assert all(weight.requires_grad for weight in learnt[0].parameters())


def test_cached_tokens_give_the_models_own_logits(model):
    shown = pictures(4, 5)
    examples = transformer._examples(model, shown, CLASSES, 2, progress=False)
    tail = transformer.Tail(model, 2)
    with torch.no_grad():
        ours, expected = tail(examples.inputs(torch.arange(4))), model(relevancy.prepare(model, shown.images))
    model.requires_grad_(True)
    assert (ours - expected).abs().max() < 0.01 * expected.abs().max()  # tokens in 16 bits


def test_the_same_seed_gives_the_same_weights(model):
    one, other = (
        transformer.finetune(model, pictures(8, 0), pictures(4, 1), CLASSES, 1, 2, progress=False)[0].state_dict()
        for _ in range(2)
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"classes": ["a", "b", "c"]}, "head has 2 outputs, not 3"),
        ({"blocks": 4}, "choose 1 to 3"),
        ({"classes": ["dark", "grey"]}, "'bright' is a label but not among the classes"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(model, changes, sentence):
    arguments = {"classes": CLASSES, "blocks": 1} | changes
    with pytest.raises(ValueError, match=sentence):
        transformer.finetune(model, pictures(4, 0), pictures(4, 1), **arguments, progress=False)


def test_a_class_without_pictures_is_named(model):
    one_sided = Pictures(pictures(4, 0).images[:1], ["dark"])
    with pytest.raises(ValueError, match="no picture of 'bright'"):
        transformer.finetune(model, one_sided, pictures(4, 1), CLASSES, progress=False)
