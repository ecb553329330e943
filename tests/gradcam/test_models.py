"""Which models and layers `gradcam.explain` takes, that it leaves them as found, and what it says to the others."""

import gc

import numpy as np
import psutil
import pytest
import small_transformers
import torch
from torch import nn
from torch.nn.utils import parametrizations, prune

from dermxai_helpers import gradcam, inference
from dermxai_helpers.gradcam.explain import is_grid


class Small(nn.Module):
    """Two convolutions with batch normalisation and dropout, pooling, one linear layer; it can be made to fail."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 4, 3, 2), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Conv2d(4, 5, 3))
        self.drop, self.head = nn.Dropout(), nn.Linear(5, 3)
        self.fails = False

    def forward(self, x):
        pooled = self.body(x).mean(dim=(2, 3))
        if self.fails:
            raise ArithmeticError("in the middle of the forward pass")
        return self.head(self.drop(pooled))


@pytest.fixture
def small():
    torch.manual_seed(0)
    return Small()


@pytest.fixture
def images():
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))


# --- left as found ---


def state(model):
    """Everything that a call could leave behind: flags, hooks, gradients, and a copy of every number."""
    hooks = [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in model.modules()]
    flags = [(module.training, type(module), sorted(vars(module))) for module in model.modules()]
    grads = [(p.requires_grad, p.grad, p._version, p.data_ptr()) for p in model.parameters()]
    return hooks, flags, grads, {name: value.clone() for name, value in model.state_dict().items()}


def assert_as_found(before, model):
    after = state(model)
    assert before[:3] == after[:3]
    assert all(torch.equal(before[3][name], after[3][name]) for name in before[3])
    assert torch.is_grad_enabled() and not torch.is_inference_mode_enabled()


@pytest.mark.parametrize("method", gradcam.METHODS)
def test_every_method_leaves_the_model_as_found(small, images, method):
    small.body.eval()  # a mixture of training flags
    small.head.requires_grad_(False)
    before = state(small)
    gradcam.explain(small, images, "all", method)
    assert_as_found(before, small)


@pytest.mark.parametrize("method", gradcam.METHODS)
def test_model_is_left_as_found_after_an_exception_inside(small, images, method):
    small.body.eval()
    before = state(small)
    small.fails = True
    with pytest.raises(ArithmeticError):
        gradcam.explain(small, images, "all", method)
    small.fails = False
    assert_as_found(before, small)


def test_gradients_of_the_user_stay(small, images):
    small(images).sum().backward()
    before = [parameter.grad.clone() for parameter in small.parameters()]
    gradcam.explain(small, images, "all")
    assert all(torch.equal(old, new.grad) for old, new in zip(before, small.parameters(), strict=True))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
@pytest.mark.parametrize("method", gradcam.METHODS)
def test_frozen_model_in_any_gradient_mode(small, images, method, mode):
    expected = gradcam.explain(small, images, "all", method).maps
    small.requires_grad_(False)
    with mode():
        found = gradcam.explain(small, images * 1, "all", method).maps
    np.testing.assert_array_equal(found, expected)
    assert expected.any()


def test_memory_does_not_grow_over_1000_calls(small):
    """Neither in objects that Python knows nor in pages: a kept map alone would take 16 MB."""
    images, process = torch.randn(1, 3, 64, 64), psutil.Process()

    def call(times):
        for _ in range(times):
            gradcam.explain(small, images)
        gc.collect()
        tensors = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
        return tensors, len(gc.get_objects()), process.memory_info().rss

    tensors, objects, pages = call(50)
    tensors_after, objects_after, pages_after = call(500)
    assert tensors_after == tensors
    assert abs(objects_after - objects) < 100
    assert pages_after - pages < 8e6


# --- wrapped models ---


def test_dataparallel(small, images):
    expected = gradcam.explain(small, images, 0)
    found = gradcam.explain(nn.DataParallel(small), images, 0)
    np.testing.assert_array_equal(found.maps, expected.maps)
    assert found.layer == expected.layer == "body"


def wholly_compiled(model):
    return torch.compile(model, backend="eager")


def compiled_in_place(model):
    model.compile(backend="eager")
    return model


def partly_compiled(model):
    model.body = torch.compile(model.body, backend="eager")
    return model


@pytest.mark.parametrize("compiled", [wholly_compiled, compiled_in_place, partly_compiled])
@pytest.mark.parametrize("method", ["gradcam", "eigencam"])
def test_compiled_model(small, images, method, compiled):
    small.eval()
    expected = gradcam.explain(small, images, 0, method).maps
    model = compiled(small)
    with torch.no_grad():
        model(images)  # compiled before the hooks are there
        np.testing.assert_allclose(gradcam.explain(model, images, 0, method).maps, expected, atol=1e-6)
        model(images)


def test_module_called_module_is_no_wrapper(images):
    class Scaled(nn.Module):
        def __init__(self, module):
            super().__init__()
            self.module = module

        def forward(self, x):
            return self.module(x / 2)

    model = Scaled(Small())
    found = gradcam.explain(model, images, 0, relu=False)
    np.testing.assert_allclose(found.maps, gradcam.explain(model.module, images / 2, 0, relu=False).maps)
    assert found.layer == "module.body"


def test_half_precision_gives_maps_numpy_can_use(small, images):
    found = gradcam.explain(small.to(torch.bfloat16), images, 0)
    assert found.maps.dtype == np.float32 and found.prob.dtype == np.float32


# --- the layer ---


def test_the_last_layer_with_a_grid_is_found_with_one_image(small, images):
    passed = []
    with small.register_forward_pre_hook(lambda _module, inputs: passed.append(len(inputs[0]))):
        assert gradcam.explain(small, images).layer == "body"
        assert gradcam.explain(small, images, layer="body").layer == "body"
        assert passed == [1, 2, 2]
        small.drop = nn.Sequential(nn.Unflatten(1, (5, 1, 1)), nn.Upsample(scale_factor=2), nn.Flatten())
        small.head = nn.Linear(20, 3)
        assert gradcam.explain(small, images).layer == "drop.1"


def test_layer_by_module_equals_layer_by_name(small, images):
    by_name = gradcam.explain(small, images, 0, layer="body.0", relu=False)
    by_module = gradcam.explain(small, images, 0, layer=small.body[0], relu=False)
    np.testing.assert_array_equal(by_name.maps, by_module.maps)
    assert by_name.layer == by_module.layer == "body.0" and by_name.maps.shape == (2, 7, 7)


class Mirrored(nn.Module):
    """A network that is asked about the picture and its mirror image: one after the other, or as one batch."""

    def __init__(self, network, together):
        super().__init__()
        self.network, self.together = network, together

    def forward(self, x):
        if self.together:
            return self.network(torch.cat([x, x.flip(3)])).unflatten(0, (2, -1)).mean(dim=0)
        return (self.network(x) + self.network(x.flip(3))) / 2


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("method", gradcam.METHODS)
def test_a_network_that_looks_twice_has_no_one_map(small, images, method, together):
    with pytest.raises(ValueError, match="several times"):
        gradcam.explain(Mirrored(small, together), images, 0, method)


class Wrapped(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone, self.head = small_transformers.small(num_classes=0).float(), nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.backbone(x))


@pytest.mark.parametrize("make", [Wrapped, lambda: nn.Sequential(Wrapped()), lambda: torchvision_transformer()])
def test_a_transformer_inside_a_network_is_not_explained_by_its_patches(make):
    with pytest.raises(ValueError, match="goes on with tokens.*relevancy.explain"):
        gradcam.explain(make(), torch.randn(1, 3, 24, 24))


def torchvision_transformer():
    from torchvision.models import VisionTransformer

    return VisionTransformer(24, 8, 1, 2, 16, 32, num_classes=3)


def test_layer_that_runs_twice_is_explained_where_it_runs_last(images):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.mix, self.relu, self.head = nn.Conv2d(3, 3, 1), nn.ReLU(inplace=True), nn.Linear(3, 2)

        def forward(self, x):
            return self.head(self.relu(self.mix(self.relu(self.mix(x)))).mean(dim=(2, 3)))

    model = Twice()
    found = gradcam.explain(model, images, 0, layer="relu", relu=False)
    features = model.mix(model.mix(images).relu()).relu()
    expected = torch.einsum("k,bkij->bij", model.head.weight[0], features) / 256
    np.testing.assert_allclose(found.maps, expected.detach(), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "picture", "answer"),
    [
        ((2, 5, 7, 7), (224, 224), True),
        ((2, 5, 15, 19), (450, 600), True),
        ((2, 5, 1, 1), (224, 224), False),
        ((2, 7, 7, 768), (224, 224), False),  # channels last, as in a Swin transformer
        ((2, 49, 768), (224, 224), False),
    ],
)
def test_is_grid(shape, picture, answer):
    assert is_grid(torch.zeros(shape), torch.zeros(2, 3, *picture)) is answer


def test_wrong_layers_get_a_sentence_with_candidates(small, images):
    listed = "its last layers with a grid: body.0, body.1, body.2, body.3, body$"
    for layer, sentence in [
        ("bodi.3", f"Small has no layer 'bodi.3'; near it: body.3.*; {listed}"),
        ("zzz", f"Small has no layer 'zzz'; near it: none; {listed}"),
        ("head", f"'head' does not give feature maps .* but shape \\(2, 3\\): choose another; {listed}"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            gradcam.explain(small, images, layer=layer)
    small.unused = nn.Conv2d(3, 3, 1)
    with pytest.raises(ValueError, match=f"'unused' does not give .* but nothing, for it takes no part.*{listed}"):
        gradcam.explain(small, images, layer="unused")


def test_layer_beside_the_logits_is_refused(images):
    class Beside(Small):
        def forward(self, x):
            self.body(x)
            return self.head(x.mean(dim=(2, 3)).repeat(1, 2)[:, :5])

    with pytest.raises(ValueError, match="do not depend on layer 'body'"):
        gradcam.explain(Beside(), images)


# --- models and images that cannot be explained ---


def test_gradients_work_without_a_linear_layer(images):
    model = nn.Sequential(nn.Conv2d(3, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    found = gradcam.explain(model, images, 0, relu=False)
    np.testing.assert_allclose(found.maps, model[0](images)[:, 0].detach() / 14**2, atol=1e-6)


def test_wrong_models_get_a_sentence(images):
    class Pair(Small):
        def forward(self, x):
            return super().forward(x), x

    for model, sentence in [
        ("mobilenet", "expected a torch module, got str"),
        (nn.Sequential(nn.Flatten()), "Sequential has no weights"),
        (Pair(), r"expected logits of shape \(2, classes\) from Pair, got a tuple: give them alone"),
        (Small().body, r"got shape \(2, 5, 5, 5\)"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            gradcam.explain(model, images)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (255 * torch.rand(1, 3, 16, 16), "values from .* to 25.; these look like pixels of 0 to 255"),
        (torch.zeros(1, 3, 16, 16, dtype=torch.uint8), "torch.uint8 .* these look like pixels of 0 to 255"),
        (np.zeros((1, 16, 16, 3), np.uint8), "uint8 .* these look like pixels of 0 to 255"),
        (torch.full((1, 3, 16, 16), -torch.inf), "not finite"),
        (torch.zeros(0, 3, 16, 16), "no pixels"),
    ],
)
def test_images_that_are_not_normalised_get_a_sentence(small, wrong, sentence):
    with pytest.raises(ValueError, match=sentence):
        gradcam.explain(small, wrong)


@pytest.mark.parametrize("classes", [{"nv": 2, "mel": 0, "bkl": 1}, {"mel", "nv", "bkl"}, "abc"])
def test_class_names_without_an_order_are_refused(small, images, classes):
    with pytest.raises(ValueError, match="as a list in the order of the logits"):
        gradcam.explain(small, images[:1], 0, classes=classes)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_eigencam_of_a_model_in_half_precision(small, images, dtype):
    expected = gradcam.explain(small, images, method="eigencam").maps
    found = gradcam.explain(small.to(dtype), images, method="eigencam").maps
    assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.99


def test_an_integer_among_the_weights_is_not_the_models_number_type(small, images):
    expected = gradcam.explain(small, images, 0).maps
    counted = nn.Sequential(small)
    counted.register_parameter("seen", nn.Parameter(torch.tensor(7), requires_grad=False))
    np.testing.assert_allclose(gradcam.explain(counted, images, 0).maps, expected, rtol=1e-5)


def test_map_that_is_not_finite_is_normalised_without_evidence(small, images):
    with torch.no_grad():
        small.head.weight[0, 0] = torch.inf
    found = gradcam.explain(small, images[:1], 0, classes=["mel", "nv", "bkl"])
    assert not np.isfinite(found.maps).all() and np.isfinite(found.normalised()).all()


def test_vision_transformers_are_sent_to_relevancy():
    from timm.models.vision_transformer import VisionTransformer

    model = VisionTransformer(img_size=32, patch_size=8, embed_dim=16, depth=1, num_heads=2, num_classes=3)
    with pytest.raises(ValueError, match="VisionTransformer goes on with tokens.*relevancy.explain"):
        gradcam.explain(model, torch.zeros(1, 3, 32, 32))


# --- weights that are not plain, parts that take no hooks ---


def weight_normed(model):
    model.head = nn.utils.weight_norm(model.head)
    model.body[0] = nn.utils.weight_norm(model.body[0])
    model.head.weight_g.data *= 3
    model.body[0].weight_g.data *= 3


def parametrised(model):
    for layer in (model.head, model.body[0]):
        parametrizations.weight_norm(layer)
        layer.parametrizations.weight.original0.data *= 3


def pruned(model):
    for layer in (model.head, model.body[0]):
        prune.l1_unstructured(layer, "weight", amount=0.5)
        layer.weight_orig.data *= 3


def spectral(model):
    parametrizations.spectral_norm(model.body[0])


def hooked_convolution(model):
    model.body[0].register_forward_hook(lambda _module, _inputs, output: 3 * output)


def hooked_norm(model):
    model.body[1].register_forward_hook(lambda _module, _inputs, output: 3 * output)


def norm_without_statistics(model):
    model.body[1] = nn.BatchNorm2d(4, track_running_stats=False)


@pytest.mark.filterwarnings("ignore::FutureWarning")
@pytest.mark.parametrize(
    "change",
    [weight_normed, parametrised, pruned, spectral, hooked_convolution, hooked_norm, norm_without_statistics],
)
def test_weights_that_are_calculated_are_the_ones_explained(small, images, change):
    with torch.no_grad():
        small(images.repeat(4, 1, 1, 1))  # moves the running statistics
    change(small.eval())
    with torch.no_grad():
        logits = small(images)
        head = small.head.weight.detach().clone()
    gradient = gradcam.explain(small, images, "all", relu=False)
    np.testing.assert_allclose(gradient.logit, logits.flatten(), rtol=1e-5)
    means = gradient.maps.sum(axis=(1, 2)).reshape(2, 3) + small.head.bias.detach().numpy()
    np.testing.assert_allclose(means, logits, rtol=1e-4, atol=1e-5)
    assert torch.equal(head, small.head.weight.detach())


def test_a_network_that_looks_between_convolution_and_norm_is_not_folded(images):
    class Between(nn.Module):
        def __init__(self):
            super().__init__()
            self.body = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU())
            self.total, self.head = nn.Identity(), nn.Linear(4, 3)

        def forward(self, x):
            seen = self.body[0](x)
            return self.head(self.total(self.body[2](self.body[1](seen)) + seen).mean(dim=(2, 3)))

    torch.manual_seed(0)
    model = Between()
    model(5 * images + 1)
    with torch.no_grad():
        np.testing.assert_allclose(inference.quick(model, images)(images), model.eval()(images), rtol=1e-4)


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_torchscript_is_refused_and_nothing_is_left_behind(small, images):
    small.body = torch.jit.script(small.body)
    hooks = [len(module._forward_hooks) for module in small.modules()]
    with pytest.raises(RuntimeError, match="not supported on ScriptModules"):
        gradcam.explain(small, images)
    assert hooks == [len(module._forward_hooks) for module in small.modules()] and torch.is_grad_enabled()


class NoHooks(nn.Module):
    def register_forward_hook(self, *_args, **_kwargs):
        raise RuntimeError("no hooks here")

    def forward(self, x):
        return x


@pytest.mark.parametrize("layer", [None, "drop"])
def test_hooks_are_removed_when_a_later_part_takes_none(small, images, layer):
    small.drop = NoHooks()
    before = state(small)
    with pytest.raises(RuntimeError, match="no hooks here"):
        gradcam.explain(small, images, layer=layer)
    assert_as_found(before, small)


# --- what is said about the numbers ---


def test_the_probability_of_one_logit_is_not_known(small, images):
    small.head = nn.Linear(5, 1)
    found = gradcam.explain(small, images)
    assert np.isnan(found.prob).all() and np.isfinite(found.logit).all() and found.target == [0, 0]


@pytest.mark.parametrize("last", [nn.Softmax(dim=1), nn.LogSoftmax(dim=1)])
def test_a_model_that_ends_in_softmax_is_not_softened_twice(small, images, last):
    small.head = nn.Sequential(nn.Linear(5, 3), last)
    expected = small.eval()(images).detach()
    found = gradcam.explain(small, images, "all")
    share = expected if isinstance(last, nn.Softmax) else expected.exp()
    np.testing.assert_allclose(found.prob, share.flatten(), rtol=1e-5)


@pytest.mark.parametrize(
    "target", [True, [True, False], ["mel", "nv"], [None, 1], 10**30, [[0], [1]], np.array([0.5, 1]), [0, 1, 2]]
)
def test_targets_that_are_no_class_index_get_a_sentence(small, images, target):
    with pytest.raises(ValueError, match="target must be one class index, or one for each of the 2 images"):
        gradcam.explain(small, images, target)


@pytest.mark.parametrize("target", [np.int64(1), torch.tensor(1), np.array([1, 1], np.uint8), torch.tensor([1, 1])])
def test_a_class_index_may_come_from_numpy_or_torch(small, images, target):
    assert gradcam.explain(small, images, target).target == [1, 1]


@pytest.mark.parametrize("height", [1, 4, 16])
def test_colours_that_stand_last_are_told(small, height):
    with pytest.raises(ValueError, match=r"shape \(1, .*permute\(0, 3, 1, 2\) puts the colours second"):
        gradcam.explain(small, torch.zeros(1, height, 16, 3))


# --- after every error ---


class Failing(Small):
    def __init__(self, problem):
        super().__init__()
        self.problem = problem

    def forward(self, x):
        logits = super().forward(x)
        if isinstance(self.problem, BaseException):
            raise self.problem
        return self.problem(logits)


@pytest.mark.parametrize("layer", [None, "body.0"])
@pytest.mark.parametrize("frozen", [True, False])
@pytest.mark.parametrize(
    ("problem", "kind"),
    [
        (RuntimeError("CUDA out of memory"), RuntimeError),
        (KeyboardInterrupt(), KeyboardInterrupt),
        (StopIteration(), StopIteration),
        (lambda logits: (logits, logits), ValueError),
        (lambda logits: {"logits": logits}, ValueError),
        (lambda logits: logits[0], ValueError),
        (lambda logits: None, ValueError),
        (lambda logits: logits.numpy(), Exception),
    ],
)
def test_nothing_is_left_behind_by_any_error(images, problem, kind, frozen, layer):
    model = Failing(problem).train()
    model.drop.eval()
    model.body.requires_grad_(not frozen)
    before, threads = state(model), torch.get_num_threads()
    for wrong in ({}, {"target": 7}, {"method": "eigencam"}):
        with pytest.raises(kind):
            gradcam.explain(model, images, layer=layer, **wrong)
        assert_as_found(before, model)
    assert torch.get_num_threads() == threads and not torch.is_autocast_enabled("cpu")
