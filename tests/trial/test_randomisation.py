"""Randomisation: the model is left as found, a map that never looks at it never changes, the measure is right."""

import copy
from functools import partial

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from small_cnn import prepare, small_network
from torch import nn
from torch.nn.utils import parametrizations, prune

from dermxai_helpers import gradcam, synth
from dermxai_helpers.training.backbones import new_network
from dermxai_helpers.trial import randomisation

RAW = partial(gradcam.explain, relu=False)
HEAD = [["classifier.2"]]


def edges(network, images, targets):
    return np.abs(np.diff(images.mean(dim=1).numpy(), axis=2))[:, ::16, ::16]


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(1)
    return small_network()


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return prepare([synth.draw(number).image for number in range(4)])


@pytest.fixture(scope="module")
def table(model, images):
    return randomisation.cascade(model, images, {"Grad-CAM": RAW, "edges": edges}, randomisation.blocks(model))


def test_table_goes_over_every_block_to_another_photograph_one_column_an_image(table):
    layers = ["classifier.2", "features.3", "features.2", "features.1", "features.0", randomisation.OTHER]
    for method in ("Grad-CAM", "edges"):
        assert table.loc[method].index.tolist() == layers
    assert table.shape[1] == 4 and table.min(axis=None) >= 0 and table.max(axis=None) <= 1


def test_an_edge_detector_fails_and_gradcam_does_not(table):
    shaken = table.drop(randomisation.OTHER, level=1)
    assert (shaken.loc["edges"] > 0.999).all(axis=None)
    assert shaken.loc["Grad-CAM"].mean(axis=None) < 0.8


def test_values_are_absolute_spearman_correlations(model, images, table):
    network = copy.deepcopy(model).double()
    targets = network(images.double()).argmax(dim=1).tolist()
    before = RAW(network, images.double(), targets).maps
    randomisation.draw_anew(network, ["classifier.2"], seed=0)
    after = RAW(network, images.double(), targets).maps
    by_hand = [abs(spearmanr(one.ravel(), other.ravel()).statistic) for one, other in zip(before, after, strict=True)]
    assert table.loc[("Grad-CAM", "classifier.2")].tolist() == pytest.approx(by_hand)


def test_a_map_that_turns_round_is_as_like_as_one_that_stays(model, images):
    """The sign of a principal component is arbitrary: it must not look like forgetting."""
    turns = iter([1, -1])

    def turning(network, inputs, targets):
        return next(turns) * edges(network, inputs, targets)

    table = randomisation.cascade(model, images, {"turning": turning}, HEAD)
    assert table.loc[("turning", "classifier.2")].tolist() == pytest.approx([1] * 4)


def test_the_model_and_the_callers_random_numbers_are_left_as_found(model, images):
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.train()
    state = torch.get_rng_state()
    randomisation.cascade(model, images[:2], {"Grad-CAM": RAW}, HEAD)
    assert torch.equal(torch.get_rng_state(), state)
    assert model.training and next(model.parameters()).dtype == torch.float32
    model.eval()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_flat_maps_have_no_value(model, images):
    def half_flat(network, images, targets):
        maps = RAW(network, images, targets).maps.copy()
        maps[::2] = 0
        return maps

    table = randomisation.cascade(model, images, {"half": half_flat}, HEAD)
    assert table.loc[("half", "classifier.2")].isna().tolist() == [True, False, True, False]


def test_drawing_anew_gives_the_same_weights_for_the_same_seed_and_forgets_statistics():
    first, again, other = (small_network() for _ in range(3))
    for network, seed in ((first, 3), (again, 3), (other, 4)):
        network.features[0][1].running_mean += 5
        randomisation.draw_anew(network, ["features.0.0", "features.0.1"], seed)
    assert torch.equal(first.features[0][0].weight, again.features[0][0].weight)
    assert not torch.equal(first.features[0][0].weight, other.features[0][0].weight)
    assert not first.features[0][1].running_mean.any()


def test_blocks_of_a_mobilenet_go_from_the_head_down():
    network = new_network(3)
    groups = randomisation.blocks(network)
    assert len(groups) == 20 and groups[0] == ["classifier.1"] and groups[-1][0] == "features.0.0"
    weighted = {name.rsplit(".", 1)[0] for name, _ in network.named_parameters()}
    assert {name for group in groups for name in group} == weighted


@pytest.mark.parametrize("seed", range(3))
def test_rank_correlation_is_scipys(seed):
    first, second = np.random.default_rng(seed).normal(size=(2, 7, 7)).round(1)  # with ties
    ours = randomisation.rank_correlation(first, second)
    assert ours == pytest.approx(spearmanr(first.ravel(), second.ravel()).statistic)


def test_flat_and_infinite_maps_have_no_similarity():
    flat, map_ = np.ones((3, 3)), np.arange(9.0).reshape(3, 3)
    for other in (flat, np.where(map_ > 7, np.inf, map_)):
        assert np.isnan(randomisation.rank_correlation(other, map_))
        assert np.isnan(randomisation.rank_correlation(map_, other))


def test_bad_input_gets_a_sentence(model, images):
    with pytest.raises(ValueError, match="at least two images"):
        randomisation.cascade(model, images[:1], {"Grad-CAM": RAW}, HEAD)


def test_maps_of_a_network_of_random_weights_need_float64():
    """What the docstring says: in float32 the activations of a fresh, deep network are nearly nothing."""
    network = new_network(3)
    randomisation.draw_anew(network, [name for group in randomisation.blocks(network) for name in group], seed=0)
    picture = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        single, double = network.features(picture), copy.deepcopy(network).double().features(picture.double())
    error = (single - double).abs().max() / double.abs().max()
    assert double.abs().max() < 1e-3
    assert error > 1e-7


@pytest.mark.parametrize(
    "change", [parametrizations.weight_norm, partial(prune.l1_unstructured, name="weight", amount=0.3)]
)
def test_layers_whose_weights_are_calculated_cannot_be_drawn_anew(change):
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(4, 2))
    change(network[0])
    with pytest.raises(ValueError, match="the weights of '0' are calculated"):
        randomisation.blocks(network)
