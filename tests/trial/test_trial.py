"""The trial: who must win wins, who knows nothing gets what chance gives, and every number is where it belongs."""

from functools import partial

import numpy as np
import pandas as pd
import pytest
import torch
from small_cnn import prepare, small_network
from torch import nn

from dermxai_helpers import data, gradcam, synth, trial
from dermxai_helpers.explanation import resize
from dermxai_helpers.scoring.maps import energy_inside
from dermxai_helpers.trial.run import Truth, batches, causal_parts, of_folder

COUNT = 9


def truth_of(lesion: synth.Lesion) -> Truth:
    return Truth(lesion.attributes, lesion.parts | lesion.artefacts)


@pytest.fixture(scope="module")
def cases() -> trial.Cases:
    lesions = [synth.draw(number, label=synth.LABELS[number % 3]) for number in range(COUNT)]
    return trial.Cases(
        np.stack([lesion.image for lesion in lesions]),
        np.stack([lesion.mask for lesion in lesions]),
        np.arange(COUNT) // 2,
        [truth_of(lesion) for lesion in lesions],
    )


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return small_network()


def flat(network, inputs, targets):
    return np.ones((len(inputs), 7, 7))


@pytest.fixture(scope="module")
def found(model, cases):
    return trial.run(model, cases, {"Grad-CAM": gradcam.explain, "flat": flat}, prepare)


def predicted_by(model, cases) -> list[int]:
    with torch.inference_mode():
        return model(prepare(list(cases.images))).argmax(dim=1).tolist()


def test_every_method_and_baseline_answers_for_every_image(found):
    assert list(found) == ["insertion, blur", "deletion, blur", "causal parts"]
    assert set(found.index) == {(name, row) for name in ("Grad-CAM", "flat", *trial.BASELINES) for row in range(COUNT)}
    assert found.drop(columns="causal parts").notna().all(axis=None)


def test_scores_are_of_the_maps_of_the_predicted_class(found, model, cases):
    predicted = predicted_by(model, cases)
    maps = gradcam.explain(model, prepare(list(cases.images)), predicted).resized((224, 224))
    places = [truth.causes(synth.LABELS[label]) for truth, label in zip(cases.truth, predicted, strict=True)]
    by_hand = [energy_inside(*pair) if pair[1].any() else np.nan for pair in zip(maps, places, strict=True)]
    assert found.loc["Grad-CAM", "causal parts"].to_numpy() == pytest.approx(by_hand, rel=1e-3, nan_ok=True)
    area = [place.mean() if place.any() else np.nan for place in places]
    assert found.loc["flat", "causal parts"].to_numpy() == pytest.approx(area, nan_ok=True)


def test_right_answers_about_drawn_lesions(model, cases):
    """A method that marks just the causes has all its energy there."""
    rows = iter(range(COUNT))  # images are asked for in their order

    def knows(network, inputs, targets):
        return np.stack([cases.truth[next(rows)].causes(synth.LABELS[target]) for target in targets]).astype(float)

    scores = trial.run(model, cases, {"knows": knows}, prepare).loc["knows", "causal parts"]
    pairs = zip(cases.truth, predicted_by(model, cases), strict=True)
    assert scores.notna().tolist() == [truth.causes(synth.LABELS[label]).any() for truth, label in pairs]
    assert (scores.dropna() == 1).all()


class Patch(nn.Module):
    """Says class 0 as firmly as the top left quarter of the picture is red."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(20.0), requires_grad=False)

    def forward(self, inputs):
        score = self.scale * (inputs[:, 0, :112, :112].mean(dim=(1, 2)) - 0.75)
        return torch.stack([score, -score], dim=1)


def test_who_knows_the_model_is_most_faithful_and_who_is_reversed_least(cases):
    truth = np.zeros((1, 224, 224))
    truth[:, :112, :112] = 1

    def knows(network, inputs, targets):
        return truth.repeat(len(inputs), axis=0)

    def reversed_(network, inputs, targets):
        return 1 - knows(network, inputs, targets)

    def red(images):
        return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2).float() / 255

    lit = trial.Cases(np.full_like(cases.images[:4], 20), cases.masks[:4], cases.lesions[:4])
    lit.images[:, :112, :112, 0] = 200
    values = trial.run(Patch(), lit, {"knows": knows, "reversed": reversed_}, red).groupby(level="method").mean()
    blind = values.loc[list(trial.BASELINES)]
    for measure, sign in (("insertion, blur", 1), ("deletion, blur", -1)):
        best, worst = sign * values.loc["knows", measure], sign * values.loc["reversed", measure]
        assert best > (sign * blind[measure]).max() + 0.02
        assert worst < (sign * blind[measure]).min() - 0.02


def test_the_size_of_a_batch_changes_nothing(model, cases, monkeypatch):
    explainers = {"LayerCAM": partial(gradcam.explain, method="layercam")}
    in_fours = trial.run(model, cases, explainers, prepare)
    monkeypatch.setitem(batches.__globals__, "BATCH", 5)
    assert len(batches(COUNT)) == 2
    in_fives = trial.run(model, cases, explainers, prepare)
    pd.testing.assert_frame_equal(in_fives, in_fours, rtol=1e-3, atol=1e-4)


def test_the_model_is_left_as_found(model, cases):
    before = {key: value.clone() for key, value in model.state_dict().items()}
    model.train()
    trial.run(model, cases, {"Grad-CAM": gradcam.explain}, prepare)
    assert model.training
    model.eval()
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_trial_of_real_photographs_has_no_column_about_causes(model, cases):
    real = trial.Cases(cases.images, cases.masks, cases.lesions)
    assert list(trial.run(model, real, {"flat": flat}, prepare)) == ["insertion, blur", "deletion, blur"]


def test_cases_are_read_from_a_folder(drawn):
    table = data.load(drawn).head(4)
    cases = trial.Cases.read(table, drawn)
    assert cases.images.shape == (4, 224, 224, 3) and cases.masks.shape == (4, 224, 224)
    assert cases.lesions.tolist() == table["lesion_id"].tolist()
    masks = synth.read_parts(drawn, table["image_id"][2])
    assert set(cases.truth[2].masks) == set(masks)


def test_bad_input_gets_a_sentence(model, cases):
    run = partial(trial.run, model, cases, prepare=prepare)
    with pytest.raises(ValueError, match="'edge map' is the name of a baseline"):
        run({"edge map": flat})
    with pytest.raises(ValueError, match=r"maps of shape \(7, 7, 7\) came for 4 images: one each is needed"):
        run({"short": lambda network, inputs, targets: np.ones((7, 7, 7))})
    with pytest.raises(ValueError, match="9 pictures came with 3 lesions: give one each"):
        trial.Cases(cases.images, cases.masks, [1, 2, 3])
    with pytest.raises(ValueError, match="expected pictures as uint8"):
        trial.Cases(cases.images / 255, cases.masks, cases.lesions)


# --- truth ---


@pytest.mark.parametrize(
    "attributes, label, expected",
    [
        ({"veil": True, "network": "atypical", "milia": True}, "mel", ["network", "veil"]),
        ({"veil": True, "network": "atypical", "milia": True}, "bkl", ["milia"]),
        ({"veil": True, "network": "typical", "milia": False, "dots": "regular"}, "nv", ["network", "dots"]),
    ],
)
def test_causes_are_the_structures_that_make_the_class_more_likely(attributes, label, expected):
    absent = {"network": "none", "dots": "none"}
    absent |= dict.fromkeys(("streaks", "veil", "regression", "milia", "comedo", "fissures"), False)
    lesion = synth.draw(5, **(absent | attributes))
    assert causal_parts(lesion.attributes, label) == expected
    place = np.logical_or.reduce([lesion.parts[name] for name in expected])
    np.testing.assert_array_equal(truth_of(lesion).causes(label), place)


def test_truth_from_a_folder_is_the_truth_of_the_drawing(drawn):
    truths = of_folder(drawn, data.load(drawn)["image_id"].head(20))
    for truth in truths:
        present = {name for name in synth.PARTS if truth.attributes[name] not in (False, "none")}
        assert present == set(truth.masks) & set(synth.PARTS)
        for label in synth.LABELS:
            assert set(causal_parts(truth.attributes, label)) <= set(truth.masks)
    assert of_folder(drawn.parent, []) is None


# --- odd models, maps and cases ---


def test_one_logit_and_other_classes_get_a_sentence(cases):
    one, five = (nn.Sequential(nn.AvgPool2d(224), nn.Flatten(), nn.Linear(3, count)) for count in (1, 5))
    for model, sentence in (
        (one, "1 numbers an image"),
        (five, "5 numbers an image; .* classes apart, 3: mel, nv, bkl"),
    ):
        with pytest.raises(ValueError, match=sentence):
            trial.run(model, cases, {"flat": flat}, prepare)
    real = trial.Cases(cases.images, cases.masks, cases.lesions)
    assert len(trial.run(five, real, {"flat": flat}, prepare).loc["flat"]) == len(cases.images)


def test_a_model_that_ends_in_softmax_is_as_sure_as_it_says(model, cases):
    answers, ended = (
        trial.run(one, cases, {"flat": flat}, prepare) for one in (model, nn.Sequential(model, nn.Softmax(dim=1)))
    )
    pd.testing.assert_frame_equal(ended, answers, rtol=1e-4)


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0, 0.0])
def test_maps_that_say_nothing_are_left_out_and_the_rest_goes_on(model, cases, value):
    explainers = {"odd": lambda _network, inputs, _targets: np.full((len(inputs), 7, 7), value), "flat": flat}
    table = trial.run(model, cases, explainers, prepare)
    assert table.loc["odd", "causal parts"].isna().all() and table.loc["flat", "causal parts"].notna().any()
    assert np.isfinite(table.loc["odd", "deletion, blur"]).all()


def test_cases_whose_colours_or_masks_are_not_what_they_should_be_get_a_sentence(cases):
    first = cases.images.transpose(0, 3, 1, 2)
    for images, masks in ((first, cases.masks), (cases.images, 255 * cases.masks.astype(np.uint8))):
        with pytest.raises(ValueError, match=r"uint8 \(n, height, width, 3\) with masks as bool"):
            trial.Cases(images, masks, cases.lesions)


def test_features_are_what_the_head_averages(model, cases):
    features = trial.features(model, cases.images, prepare)
    with torch.no_grad():
        torch.testing.assert_close(model.classifier(features), model(prepare(list(cases.images))), rtol=1e-3, atol=1e-4)


def test_many_small_maps_at_once_are_scored_as_one_by_one():
    rng = np.random.default_rng(0)
    small, masks = rng.normal(size=(5, 7, 6)), rng.random((5, 56, 66)) < 0.3
    small[4] = -1  # no evidence
    one_by_one = [energy_inside(*pair) for pair in zip(resize(small.clip(min=0), (56, 66)), masks, strict=True)]
    np.testing.assert_allclose(trial.energies_inside(small, masks), one_by_one, rtol=1e-5)
    assert np.isnan(one_by_one[4])
