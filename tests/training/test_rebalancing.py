"""Rebalancing: each loss against a hand-made or library value, and what each does to recall."""

import numpy as np
import pytest
import torch
from sklearn.metrics import balanced_accuracy_score
from torch.nn import functional

from dermxai_helpers.training import rebalancing

LOGITS = torch.tensor([[1.0, 0.0, -1.0], [0.0, 3.0, 0.0], [0.5, 0.5, 0.5], [2.0, 0.0, 1.0]])
LABELS = torch.tensor([0, 1, 1, 1])


def test_class_weights_equal_scikit_learn():
    from sklearn.utils.class_weight import compute_class_weight

    labels = torch.tensor([0] * 3 + [1] * 20 + [2] * 7)
    expected = compute_class_weight("balanced", classes=np.arange(3), y=labels.numpy())
    assert rebalancing.class_weights(labels).numpy() == pytest.approx(expected)


@pytest.mark.parametrize("gamma", [0.5, 2])
def test_focal_loss_equals_torchvision_for_one_logit_against_none(gamma):
    from torchvision.ops import sigmoid_focal_loss

    logits, labels = torch.tensor([0.3, -1.2, 2.0]), torch.tensor([1.0, 0.0, 0.0])
    theirs = sigmoid_focal_loss(logits, labels, alpha=0.25, gamma=gamma, reduction="mean")
    both = torch.stack([torch.zeros(3), logits], dim=1)  # a sigmoid is a softmax over (0, logit)
    assert rebalancing.focal(both, labels.long(), torch.tensor([0.75, 0.25]), gamma) == pytest.approx(theirs.item())


def test_the_focal_loss_that_is_trained_has_the_class_weights_as_its_alpha():
    labels = torch.tensor([0] + [1] * 6 + [2])
    expected = rebalancing.focal(LOGITS, LABELS, rebalancing.class_weights(labels), gamma=2)
    assert rebalancing.loss_for("focal loss", labels)(LOGITS, LABELS) == pytest.approx(expected.item())


def test_logit_adjustment_is_cross_entropy_with_the_prior_added():
    labels = torch.tensor([0, 1, 1, 1, 2, 1, 1, 1])
    shares = torch.tensor([1 / 8, 6 / 8, 1 / 8])
    expected = functional.cross_entropy(LOGITS + shares.log(), LABELS)
    assert rebalancing.loss_for("logit adjustment", labels)(LOGITS, LABELS) == pytest.approx(expected.item())
    even = torch.tensor([0, 1, 2])
    plain = functional.cross_entropy(LOGITS, LABELS)
    assert rebalancing.loss_for("logit adjustment", even)(LOGITS, LABELS) == pytest.approx(plain.item())


def test_an_unknown_strategy_gets_a_sentence():
    with pytest.raises(ValueError, match="no way to rebalance is called 'magic': choose one of none, class weights"):
        rebalancing.loss_for("magic", LABELS)


def test_oversampling_evens_the_classes_and_the_others_take_every_row_once():
    labels = torch.tensor([0] * 100 + [1] * 800 + [2] * 100)
    torch.manual_seed(0)
    drawn = torch.bincount(labels[rebalancing.order_for("oversampling", labels)()])
    assert drawn.min() > 270 and drawn.max() < 400
    assert sorted(rebalancing.order_for("none", labels)().tolist()) == list(range(1000))


def test_tuned_factors_find_the_best_of_a_finer_search():
    rng = np.random.default_rng(0)
    labels = rng.choice(3, 500, p=[0.1, 0.8, 0.1])
    logits = np.eye(3)[labels] * 1.5 + rng.normal(0, 1, (500, 3)) + np.log([0.1, 0.8, 0.1])
    probabilities = torch.tensor(logits).softmax(dim=1).numpy()

    def balanced(factors):
        return balanced_accuracy_score(labels, (probabilities * factors).argmax(axis=1))

    found = balanced(rebalancing.tuned_factors(probabilities, labels))
    grid = np.geomspace(1 / 40, 40, 30)
    best = max(balanced([1, b, c]) for b in grid for c in grid)
    assert found > balanced([1, 1, 1]) + 0.1
    assert found > best - 0.01


@pytest.mark.parametrize(
    ("labels", "spoilt", "words"),
    [([0, 1, 0, 1], False, "no image of class number 2: give"), ([], False, "number 0, 1, 2: give"),
     ([0, 1, 2, 2], True, "not finite")],
)  # fmt: skip
def test_factors_that_cannot_be_tuned_get_a_sentence(labels, spoilt, words):
    probabilities = np.full((len(labels), 3), np.nan if spoilt else 1 / 3)
    with pytest.raises(ValueError, match=words):
        rebalancing.tuned_factors(probabilities, np.array(labels, int))


def test_of_equal_factors_those_nearest_to_one_are_taken():
    assert rebalancing.tuned_factors(np.eye(3), np.arange(3)) == pytest.approx([1, 1, 1])
