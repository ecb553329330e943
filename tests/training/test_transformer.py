"""Fine-tuning of a timm transformer: it learns, what is frozen stays, and what does not fit gets a sentence."""

import copy

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
        ({"learn": Pictures(pictures(12, 0).images, pictures(11, 0).labels)}, "learn has 12 pictures and 11 labels"),
        ({"learn": Pictures(pictures(11, 0).images, pictures(12, 0).labels)}, "learn has 11 pictures and 12 labels"),
        ({"judge": Pictures(pictures(1, 0).images, pictures(2, 0).labels)}, "judge has 1 picture and 2 labels"),
        ({"judge": Pictures([], [])}, "judge has 0 pictures and 0 labels"),
        ({"learn": Pictures([], [])}, "learn has 0 pictures"),
        ({"epochs": 0}, "epochs=0: choose .* 1 epoch or more"),
    ],
)
def test_what_does_not_fit_gets_a_sentence(model, changes, sentence):
    arguments = {"learn": pictures(4, 0), "judge": pictures(4, 1), "classes": CLASSES, "blocks": 1} | changes
    with pytest.raises(ValueError, match=sentence):
        transformer.finetune(model, **arguments, progress=False)


MODELS = {
    "of another kind": (lambda model: timm.create_model("test_resnet", num_classes=2), "VisionTransformer, got ResNet"),
}


@pytest.mark.parametrize(("change", "sentence"), MODELS.values(), ids=MODELS)
def test_a_model_that_cannot_learn_here_gets_a_sentence(model, change, sentence):
    with pytest.raises(ValueError, match=sentence):
        transformer.finetune(change(model), pictures(4, 0), pictures(4, 1), CLASSES, 1, progress=False)


@pytest.fixture
def dropping():
    torch.manual_seed(0)
    size = {"img_size": 32, "embed_dim": 24, "depth": 3, "num_heads": 2, "drop_rate": 0.5, "proj_drop_rate": 0.5}
    return timm.create_model("vit_tiny_patch16_224", num_classes=2, **size).train()


def test_a_model_in_training_mode_answers_without_dropout(dropping):
    shown = pictures(9, 3)
    first, again = (transformer.predict(dropping, shown.images) for _ in range(2))
    assert np.array_equal(first, again) and all(module.training for module in dropping.modules())
    tokens = [transformer.finetune(one, shown, shown, CLASSES, 1, 1, progress=False) for one in (dropping, dropping)]
    assert tokens[0][1].equals(tokens[1][1]) and dropping.training
    quiet = transformer.finetune(dropping.eval(), shown, shown, CLASSES, 1, 1, progress=False)
    assert quiet[1].equals(tokens[0][1])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_models_of_any_number_type_answer(model, dtype):
    shown = pictures(4, 5).images
    found = transformer.predict(copy.deepcopy(model).to(dtype), shown)
    assert np.abs(found - transformer.predict(model, shown)).max() < 0.02


def test_no_pictures_get_a_sentence(model):
    with pytest.raises(ValueError, match="expected pictures as uint8 .*, got none"):
        transformer.predict(model, [])


def test_a_class_without_pictures_is_named(model):
    one_sided = Pictures(pictures(4, 0).images[:1], ["dark"])
    with pytest.raises(ValueError, match="no picture of 'bright'"):
        transformer.finetune(model, one_sided, pictures(4, 1), CLASSES, progress=False)
