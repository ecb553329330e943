"""The training loop: equal to one by hand, and its guards."""

import pytest
import torch
from torch import nn

from dermxai_helpers.training import loop, rebalancing
from dermxai_helpers.training.backbones import new_head
from dermxai_helpers.training.head import paper_plan


def overlapping(n: int, seed: int) -> loop.Examples:
    """Three clouds of features, unequal in number, that overlap: only the first three features differ by class."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.multinomial(torch.tensor([0.15, 0.7, 0.15]), n, True, generator=generator)
    points = torch.zeros(n, 1280)
    points[:, :3] = torch.eye(3)[labels] + 0.7 * torch.randn(n, 3, generator=generator)
    return loop.Examples(lambda rows: points[rows], labels)


def plan(labels, rebalance="class weights", epochs=1, learning_rate=1e-4):
    return paper_plan(labels, rebalance, epochs, learning_rate)


def test_the_head_equals_one_trained_by_hand():
    examples, validation = overlapping(200, 0), overlapping(80, 1)
    weights = rebalancing.class_weights(examples.labels)
    torch.manual_seed(0)
    head = new_head(3)
    loop.fit(head, examples, validation, plan(examples.labels))

    torch.manual_seed(0)
    by_hand = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 3))
    nn.init.normal_(by_hand[1].weight, std=0.01)
    nn.init.zeros_(by_hand[1].bias)
    optimiser = torch.optim.Adam(by_hand.parameters(), lr=1e-4)
    for batch in torch.randperm(200).split(32):
        optimiser.zero_grad()
        nn.CrossEntropyLoss(weight=weights)(by_hand(examples.inputs(batch)), examples.labels[batch]).backward()
        optimiser.step()
    assert torch.equal(head[1].weight, by_hand[1].weight)


def test_early_stopping_plateau_and_the_best_epoch():
    """Training labels without meaning: validation gets worse, the rate falls, training stops, the best is restored."""
    torch.manual_seed(0)
    head = new_head(3)
    points, other = torch.randn(60, 1280), torch.randn(60, 1280)
    examples = loop.Examples(lambda rows: points[rows], torch.randint(3, (60,)))
    validation = loop.Examples(lambda rows: other[rows], torch.arange(60) % 3)
    chosen = plan(examples.labels, "none", epochs=50, learning_rate=1e-2)
    history = loop.fit(head, examples, validation, chosen)
    best = history["validation_loss"].idxmin()
    assert len(history) == best + loop.PATIENCE < 50
    assert history["learning_rate"].iloc[-1] < history["learning_rate"].iloc[0]
    assert loop.validate(head, validation, chosen.loss)["validation_loss"] == history["validation_loss"].min()
    assert not head.training


@pytest.mark.parametrize("strategy", rebalancing.STRATEGIES[1:])
def test_rebalancing_moves_recall_to_the_rare_classes(strategy):
    examples, validation = overlapping(600, 0), overlapping(600, 1)
    recalls = []
    for chosen in ("none", strategy):
        torch.manual_seed(0)
        head = new_head(3)
        loop.fit(head, examples, validation, plan(examples.labels, chosen, epochs=5, learning_rate=1e-2))
        recalls.append(loop.validate(head, validation, nn.functional.cross_entropy))
    assert recalls[1]["recall_mel"] > recalls[0]["recall_mel"] + 0.05
    assert recalls[1]["recall_nv"] < recalls[0]["recall_nv"]


def test_a_loss_that_overflows_gets_a_sentence():
    examples = overlapping(60, 0)
    with pytest.raises(ValueError, match="not finite in epoch 1: take a learning rate below inf"):
        loop.fit(new_head(3), examples, examples, plan(examples.labels, epochs=2, learning_rate=float("inf")))


def test_the_running_mean_is_kept_as_by_hand():
    examples = overlapping(64, 0)
    torch.manual_seed(0)
    head = nn.Linear(1280, 3)
    twin = nn.Linear(1280, 3)
    twin.load_state_dict(head.state_dict())
    loop.fit(head, examples, examples, loop.Plan(
        optimiser=lambda network: torch.optim.SGD(network.parameters(), lr=0.1), loss=nn.functional.cross_entropy,
        schedule=lambda optimiser: torch.optim.lr_scheduler.ConstantLR(optimiser, 1.0),
        order=lambda: torch.arange(160).remainder(64), epochs=1, batch_size=16, average=0.3, keep="last",
    ))  # fmt: skip

    optimiser, mean = torch.optim.SGD(twin.parameters(), lr=0.1), None
    for step, rows in enumerate(torch.arange(160).remainder(64).split(16)):
        optimiser.zero_grad()
        nn.functional.cross_entropy(twin(examples.inputs(rows)), examples.labels[rows]).backward()
        optimiser.step()
        now = twin.weight.detach().clone()
        decay = min(0.3, (1 + step) / (10 + step))  # 0.18, 0.25, 0.3, 0.3 ...
        mean = now if mean is None else decay * mean + (1 - decay) * now  # the first step's weights begin the mean
    assert torch.allclose(head.weight, mean, atol=1e-7)
    assert not torch.allclose(head.weight, twin.weight, atol=1e-4)
