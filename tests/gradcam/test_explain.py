"""Grad-CAM: equal to the closed form and to pytorch-grad-cam, on frozen models, with the model left as found."""

import numpy as np
import pytest
import torch
from torch import nn

from dermxai_helpers import gradcam
from dermxai_helpers.explanation import Explanation, resize


@pytest.fixture(scope="module")
def mobilenet():
    """A MobileNetV2 of random weights; batch norm and head are moved off their defaults so that maps vary."""
    from torchvision.models import mobilenet_v2

    torch.manual_seed(0)
    model = mobilenet_v2(num_classes=3)
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(4, 3, 96, 96))
        nn.init.normal_(model.classifier[1].weight)
    return model.double().eval().requires_grad_(False)  # random weights leave float32 only four digits


@pytest.fixture(scope="module")
def images():
    return torch.randn(3, 3, 96, 96, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


class Tiny(nn.Module):
    """Two feature maps that are the first two colour channels, averaged and weighed by 2 and -1."""

    def __init__(self):
        super().__init__()
        self.features = nn.Conv2d(3, 2, 1, bias=False)
        self.head = nn.Linear(2, 2)
        with torch.no_grad():
            self.features.weight.copy_(torch.eye(2, 3)[..., None, None])
            self.head.weight.copy_(torch.tensor([[2.0, -1.0], [0.0, -1.0]]))
            self.head.bias.zero_()

    def forward(self, x):
        return self.head(self.features(x).mean(dim=(2, 3)))


@pytest.fixture
def hand():
    """One 2 x 2 picture: channel 0 fires at the top left, channel 1 everywhere."""
    picture = torch.zeros(1, 3, 2, 2)
    picture[0, 0, 0, 0] = 4
    picture[0, 1] = 1
    return picture


def test_map_worked_out_by_hand(hand):
    raw = gradcam.explain(Tiny(), hand, target=0, relu=False)
    np.testing.assert_allclose(raw.maps[0], [[(2 * 4 - 1) / 4, -0.25], [-0.25, -0.25]])
    np.testing.assert_allclose(gradcam.explain(Tiny(), hand, target=0).maps[0], [[1.75, 0], [0, 0]])
    assert raw.logit[0] == pytest.approx(1.0)
    assert raw.layer == "features"


def test_closed_form_is_gradcam_times_cells(mobilenet, images):
    by_gradient = gradcam.explain(mobilenet, images, target="all", relu=False)
    closed = torch.einsum("ck,bkij->bcij", mobilenet.classifier[1].weight, mobilenet.features(images)).flatten(0, 1)
    assert by_gradient.layer == "features"
    np.testing.assert_allclose(by_gradient.maps * 9, closed, atol=1e-12)


@pytest.mark.parametrize("layer", ["features", "features.17", "features.7"])
def test_equal_to_pytorch_grad_cam(mobilenet, images, layer):
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    ours = gradcam.explain(mobilenet, images, target=[0, 1, 2], layer=layer)
    mobilenet.requires_grad_(True)
    try:
        with GradCAM(mobilenet, [dict(mobilenet.named_modules())[layer]]) as library:
            theirs = library(images, [ClassifierOutputTarget(index) for index in (0, 1, 2)])
    finally:
        mobilenet.zero_grad(set_to_none=True)
        mobilenet.requires_grad_(False)
    stretched = resize(stretch(ours.maps), images.shape[-2:])
    np.testing.assert_allclose(stretch(stretched), theirs, atol=1e-5)
    assert (theirs.max(axis=(1, 2)) > 0.9).sum() >= 2  # at most one of the three maps is flat


def stretch(maps):
    """Minimum to 0 and maximum to 1, map by map, as that library does (1e-7 is its own guard)."""
    maps = maps - maps.min(axis=(1, 2), keepdims=True)
    return maps / (1e-7 + maps.max(axis=(1, 2), keepdims=True))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
def test_gradient_mode_of_the_caller_does_not_matter(mobilenet, images, mode):
    expected = gradcam.explain(mobilenet, images).maps
    with mode():
        before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
        found = gradcam.explain(mobilenet, images * 1).maps
        assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
    np.testing.assert_allclose(found, expected, atol=1e-12)


def state(model):
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks), m.training) for m in model.modules()]
    grads = [(p.requires_grad, p.grad) for p in model.parameters()]
    return hooks, grads, {name: value.clone() for name, value in model.state_dict().items()}


def assert_same_state(before, after):
    assert before[:2] == after[:2]
    assert all(torch.equal(before[2][name], after[2][name]) for name in before[2])


def test_model_is_left_as_found(mobilenet, images):
    mobilenet.features[3].train()
    try:
        before = state(mobilenet)
        gradcam.explain(mobilenet, images)
        assert_same_state(before, state(mobilenet))
    finally:
        mobilenet.eval()


def test_hooks_are_removed_after_an_exception(mobilenet, images):
    before = state(mobilenet)
    with pytest.raises(ValueError, match="classes 0 to 2"):
        gradcam.explain(mobilenet, images, target=3)
    with pytest.raises(ValueError, match="does not give feature maps"):
        gradcam.explain(mobilenet, images, layer="classifier")
    assert_same_state(before, state(mobilenet))
    assert torch.is_grad_enabled()


def test_layer_followed_by_an_in_place_one(images):
    torch.manual_seed(3)
    body = nn.Sequential(nn.Conv2d(3, 4, 3, stride=4), nn.ReLU(inplace=True))
    model = nn.Sequential(body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)).double()
    found = gradcam.explain(model, images, target=0, layer="0.0", relu=False)
    features = body[0](images).detach().requires_grad_()
    (gradient,) = torch.autograd.grad(model[1:](features.relu())[:, 0].sum(), features)
    expected = (gradient.mean((2, 3), keepdim=True) * features).sum(1).detach()
    np.testing.assert_allclose(found.maps, expected, atol=1e-12)


def test_one_map_per_image_equals_the_map_alone(mobilenet, images):
    together = gradcam.explain(mobilenet, images, target=[2, 0, 1])
    alone = [gradcam.explain(mobilenet, images[[i]], target=c).maps[0] for i, c in enumerate([2, 0, 1])]
    np.testing.assert_allclose(together.maps, alone, atol=1e-12)


def test_predicted_class_is_the_default(mobilenet, images):
    found = gradcam.explain(mobilenet, images, classes=("mel", "nv", "bkl"))
    logits = mobilenet(images)
    assert found.target == logits.argmax(1).tolist()
    assert found.class_name == [("mel", "nv", "bkl")[index] for index in found.target]
    np.testing.assert_allclose(found.prob, logits.softmax(1).max(1).values, rtol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"method": "magic"}, "method must be one of"),
        ({"target": "mel"}, "or 'all'"),
        ({"target": [0, 1]}, "each of the 3 images"),
        ({"target": 0.5}, "class index"),
        ({"layer": "feature.17"}, "near it: features.17"),
        ({"layer": nn.ReLU()}, "is not a layer of this MobileNetV2"),
        ({"classes": ["mel"]}, "1 class names were given"),
    ],
)
def test_wrong_arguments_get_a_sentence(mobilenet, images, arguments, sentence):
    with pytest.raises(ValueError, match=sentence):
        gradcam.explain(mobilenet, images, **arguments)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (torch.zeros(3, 8, 8), "shape \\(3, 8, 8\\)"),
        (torch.zeros(1, 3, 8, 8, dtype=torch.uint8), "torch.uint8"),
        (np.zeros((1, 3, 8, 8)), "float tensor"),
        ("picture.jpg", "got str"),
        (torch.full((1, 3, 96, 96), torch.nan), "not finite"),
    ],
)
def test_wrong_images_get_a_sentence(mobilenet, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        gradcam.explain(mobilenet, wrong)


def test_model_without_a_grid_is_refused():
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    with pytest.raises(ValueError, match="relevancy.explain"):
        gradcam.explain(model, torch.zeros(1, 3, 2, 2))


def test_map_without_evidence_normalises_to_zero(hand):
    assert not gradcam.explain(Tiny(), hand, target=1).normalised().any()


def explanation(maps):
    count = len(maps)
    logit, prob = np.zeros(count), np.ones(count)
    return Explanation(maps, [0] * count, ["mel"] * count, logit, prob, "features", "gradcam")


def test_overlay_keeps_every_pixel_where_the_map_is_zero():
    maps = np.zeros((2, 4, 4), np.float32)
    maps[0, 0, 0] = 3
    maps[1] = -1
    pictures = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    drawn = explanation(maps).overlay(pictures)
    assert drawn.dtype == np.uint8
    untouched = resize(maps, (64, 64)) <= 0
    np.testing.assert_array_equal(drawn[untouched], pictures[untouched])
    assert untouched[1].all()
    assert np.abs(drawn[0, :8, :8].astype(int) - pictures[0, :8, :8]).mean() > 20


def test_overlay_refuses_floats():
    with pytest.raises(ValueError, match="uint8"):
        explanation(np.zeros((1, 2, 2))).overlay(np.zeros((1, 8, 8, 3)))


def test_normalised_bears_values_that_are_not_finite():
    maps = np.array([[[np.nan, 2.0], [np.inf, -1.0]]])
    np.testing.assert_array_equal(explanation(maps).normalised(), [[[0, 1], [0, 0]]])


def test_resize_keeps_cell_centres():
    enlarged = resize(np.array([[[0.0, 1.0]]]), (1, 4))
    np.testing.assert_allclose(enlarged, [[[0, 0.25, 0.75, 1]]])
