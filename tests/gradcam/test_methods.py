"""Every method behind `gradcam.explain`: equal to three libraries, by hand where numbers are small, and its limits."""

from importlib import import_module

import numpy as np
import pytest
import torch
from pytorch_grad_cam import EigenCAM, GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, ScoreCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from pytorch_grad_cam.utils.svd_on_activations import get_2d_projection_with_sign_correction
from torch import nn

from dermxai_helpers import gradcam
from dermxai_helpers.explanation import resize
from dermxai_helpers.gradcam import methods

layers = import_module("dermxai_helpers.gradcam.explain")  # the module: `gradcam.explain` is the function
TARGETS = [0, 1, 2]
BY_GRADIENT = {"gradcam": GradCAM, "gradcam++": GradCAMPlusPlus, "hirescam": HiResCAM, "layercam": LayerCAM}


def block(inputs, outputs, stride):
    convolution = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(outputs), nn.ReLU6(inplace=True))


class SmallNetwork(nn.Module):
    """Convolutions, global average pooling and one linear layer, as in MobileNetV2, with 24 feature maps."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(block(3, 8, 2), block(8, 16, 2), block(16, 24, 2))
        self.classifier = nn.Sequential(nn.Dropout(0.2), nn.Linear(24, 3))

    def forward(self, x):
        return self.classifier(self.features(x).mean(dim=(2, 3)))


@pytest.fixture(scope="module")
def network():
    """Random weights in float64; two of the last feature maps are zero everywhere."""
    torch.manual_seed(0)
    model = SmallNetwork().double()
    with torch.no_grad():
        for _ in range(3):
            model(torch.randn(8, 3, 48, 48, dtype=torch.float64))
        nn.init.normal_(model.classifier[1].weight)
        model.features[2][1].bias[:2] = -100
    return model.eval()


@pytest.fixture(scope="module")
def images():
    return torch.randn(3, 3, 48, 48, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def stretch(maps):
    """Minimum to 0 and maximum to 1, map by map, as pytorch-grad-cam does (1e-7 is its own guard)."""
    maps = maps - maps.min(axis=(1, 2), keepdims=True)
    return maps / (1e-7 + maps.max(axis=(1, 2), keepdims=True))


def as_the_library_shows(maps, size):
    return stretch(resize(stretch(maps), size))


def by_library(method, network, images, layer, **settings):
    """pytorch-grad-cam's maps (B, height, width) of the classes 0, 1, 2; its gradients are cleared away."""
    module = dict(network.named_modules())[layer]
    with method(network, [module], **settings) as library:
        found = library(images, [ClassifierOutputTarget(index) for index in TARGETS])
    network.zero_grad(set_to_none=True)
    return found


# --- equal to the libraries ---


@pytest.mark.parametrize("layer", ["features", "features.1", "features.1.1"])
@pytest.mark.parametrize("method", BY_GRADIENT)
def test_gradient_methods_equal_pytorch_grad_cam(network, images, method, layer):
    if layer == "features.1.1":  # that library's map of this layer is changed by the ReLU after it, which is in place
        network.features[1][2].inplace = False
    try:
        theirs = by_library(BY_GRADIENT[method], network, images, layer)
    finally:
        network.features[1][2].inplace = True
    ours = gradcam.explain(network, images, TARGETS, method, layer)
    np.testing.assert_allclose(as_the_library_shows(ours.maps, (48, 48)), theirs, atol=1e-5)
    assert (theirs.max(axis=(1, 2)) > 0.9).sum() >= 2  # at most one of the three maps is flat


@pytest.mark.parametrize("layer", ["features", "features.0"])
def test_eigencam_equals_pytorch_grad_cam_up_to_its_sign(network, images, layer):
    theirs = by_library(EigenCAM, network, images, layer)
    ours = gradcam.explain(network, images, method="eigencam", layer=layer, relu=False).maps
    for one, reference in zip(ours, theirs, strict=True):
        both = [as_the_library_shows((sign * one).clip(0)[None], (48, 48))[0] for sign in (1, -1)]
        assert min(np.abs(version - reference).max() for version in both) < 1e-5


@pytest.mark.parametrize("layer", ["features", "features.0"])
def test_eigencam_has_the_sign_of_seg_eigen_cam(network, images, layer):
    theirs = get_2d_projection_with_sign_correction(layers.watched(network, images, layer, False)[0].output.numpy())
    ours = gradcam.explain(network, images, method="eigencam", layer=layer, relu=False).maps
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


@pytest.mark.parametrize("layer", ["features", "features.1"])
def test_scorecam_equals_pytorch_grad_cam(network, images, layer):
    theirs = by_library(ScoreCAM, network, images, layer)
    ours = gradcam.explain(network, images, TARGETS, "scorecam", layer)
    np.testing.assert_allclose(as_the_library_shows(ours.maps, (48, 48)), theirs, atol=1e-5)
    assert (theirs.max(axis=(1, 2)) > 0.9).all() and np.ptp(ours.maps, axis=(1, 2)).min() > 1e-3


@pytest.mark.parametrize("layer", ["features", "features.1"])
def test_equal_to_captum(network, images, layer):
    from captum.attr import LayerGradCam, LayerGradientXActivation

    module = dict(network.named_modules())[layer]
    theirs = LayerGradCam(network, module).attribute(images, torch.tensor(TARGETS))[:, 0].detach()
    ours = gradcam.explain(network, images, TARGETS, layer=layer, relu=False)
    np.testing.assert_allclose(ours.maps, theirs, atol=1e-12)
    theirs = LayerGradientXActivation(network, module).attribute(images, torch.tensor(TARGETS)).sum(1).detach()
    ours = gradcam.explain(network, images, TARGETS, "hirescam", layer, relu=False)
    np.testing.assert_allclose(ours.maps, theirs, atol=1e-12)


@pytest.mark.parametrize(
    ("method", "theirs", "layer"),
    [
        ("gradcam", "GradCAM", "features"),
        ("gradcam", "GradCAM", "features.1"),
        ("layercam", "LayerCAM", "features"),
        ("layercam", "LayerCAM", "features.1"),
    ],
)
def test_equal_to_torchcam(network, images, method, theirs, layer):
    import torchcam.methods

    with getattr(torchcam.methods, theirs)(network, layer) as library:
        scores = network(images)
        (reference,) = library(TARGETS, scores, normalized=False)
    ours = gradcam.explain(network, images, TARGETS, method, layer)
    np.testing.assert_allclose(ours.maps, reference.detach().clamp(min=0), atol=1e-12)


# --- the formulas ---


def test_gradcam_plus_plus_by_hand():
    """Far from the guard, alpha is 1 / (2 + sum of the map x gradient) where the gradient is not zero."""
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 0.0]]]], dtype=torch.float64)
    gradients = torch.tensor([[[[4.0, -4.0]], [[5.0, 0.0]]]], dtype=torch.float64)
    weights = [4 / (2 + 3 * 4), 5 / (2 + 3 * 5)]
    found = methods.grad_cam_plus_plus(features, gradients)
    np.testing.assert_allclose(found, [[[weights[0] * 1 + weights[1] * 3, weights[0] * 2]]], rtol=1e-6)


def test_hirescam_adds_up_to_the_logit_above_global_pooling(network, images):
    found = gradcam.explain(network, images, "all", "hirescam", relu=False)
    bias = network.classifier[1].bias.detach().numpy()
    np.testing.assert_allclose(found.maps.sum(axis=(1, 2)) + np.tile(bias, 3), found.logit)


def test_gradcam_and_hirescam_part_below_the_last_layer(network, images):
    last = [gradcam.explain(network, images, 0, method).maps for method in ("gradcam", "hirescam")]
    np.testing.assert_allclose(*last, atol=1e-12)
    lower = [gradcam.explain(network, images, 0, method, "features.1").maps for method in ("gradcam", "hirescam")]
    assert np.abs(lower[0] - lower[1]).max() > 0.01


def test_eigencam_is_the_first_principal_component(network, images):
    from sklearn.decomposition import PCA

    found = gradcam.explain(network, images, method="eigencam", relu=False)
    features = network.features(images).detach().flatten(2).transpose(1, 2).numpy()
    for one, cells in zip(found.maps, features, strict=True):
        component = PCA(1, svd_solver="full").fit_transform(cells)[:, 0]
        np.testing.assert_allclose(np.abs(one.ravel()), np.abs(component), atol=1e-10)


def test_eigencam_does_not_depend_on_the_sign_that_the_decomposition_returns(network, images, monkeypatch):
    usual = gradcam.explain(network, images, method="eigencam", relu=False).maps
    svd = torch.linalg.svd

    def turned(cells, full_matrices):
        left, values, right = svd(cells, full_matrices=full_matrices)
        return -left, values, -right

    monkeypatch.setattr(torch.linalg, "svd", turned)
    np.testing.assert_array_equal(gradcam.explain(network, images, method="eigencam", relu=False).maps, usual)
    assert (usual.max(axis=(1, 2)) >= -usual.min(axis=(1, 2))).all()


def test_scorecam_by_hand():
    """One map shows the left pixel, one the right; the score is the left pixel's logarithm: weights 3/4 and 1/4."""
    picture = torch.tensor([3.0, 1.0]).log().expand(1, 3, 1, 2)
    features = torch.tensor([[[[1.0, 0.0]], [[0.0, 1.0]]]])
    found = methods.score_cam(features, picture, lambda seen: seen[:, :1].sum(dim=(2, 3)), torch.tensor([[0]]))
    np.testing.assert_allclose(found, [[[[3 / 4, 1 / 4]]]], rtol=1e-6)


@pytest.mark.parametrize("method", [name for name in gradcam.METHODS if name != "eigencam"])
def test_all_classes_at_once_equal_one_by_one(network, images, method):
    together = gradcam.explain(network, images, "all", method, relu=False)
    assert together.target == [0, 1, 2] * 3 and together.method == method and together.layer == "features"
    for index in range(3):
        alone = gradcam.explain(network, images, index, method, relu=False)
        np.testing.assert_allclose(together.maps[index::3], alone.maps, atol=1e-12)
        np.testing.assert_allclose(together.logit[index::3], alone.logit, atol=1e-12)


@pytest.mark.parametrize("method", gradcam.METHODS)
def test_more_images_than_one_pass_holds(network, method, monkeypatch):
    monkeypatch.setattr(layers, "AT_ONCE", 4)
    images = torch.randn(10, 3, 24, 24, generator=torch.Generator().manual_seed(2), dtype=torch.float64)
    targets = [2, 0, 1, 1, 0, 2, 2, 0, 1, 0]
    together = gradcam.explain(network, images, targets, method, relu=False)
    for index, target in enumerate(targets):
        alone = gradcam.explain(network, images[[index]], target, method, relu=False)
        np.testing.assert_allclose(together.maps[index], alone.maps[0], atol=1e-10)
        assert together.logit[index] == pytest.approx(alone.logit[0])
    assert len(gradcam.explain(network, images, "all", method).maps) == 30
