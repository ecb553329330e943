"""How a model runs: pictures become a batch, a quick copy answers alike, the model is left as it was."""

import copy

import numpy as np
import pytest
import torch
from PIL import Image

from dermxai_helpers import inference, training
from dermxai_helpers.training import backbones


def test_a_chain_with_a_way_of_its_own_is_not_folded():
    class PreActivation(torch.nn.Sequential):
        def forward(self, x):
            return self[0](self[1](x))

    torch.manual_seed(0)
    network = PreActivation(torch.nn.Conv2d(3, 3, 1), torch.nn.BatchNorm2d(3)).eval()
    network[1].running_mean.copy_(torch.tensor([1.0, 2.0, 3.0]))
    images = torch.randn(2, 3, 8, 8)
    torch.testing.assert_close(inference.quick(network)(images), network(images))


def test_to_input_equals_torchvisions_own_preprocessing():
    from torchvision.transforms import v2

    image = np.random.default_rng(0).integers(0, 256, (450, 600, 3), dtype=np.uint8)
    form = {"mean": backbones.IMAGENET_MEAN, "std": backbones.IMAGENET_STD}
    reference = v2.Compose(
        [v2.Resize((224, 224)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(**form)]
    )
    ours = inference.to_input([image], (224, 224), **form)
    assert torch.allclose(ours[0], reference(Image.fromarray(image)), atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "dtype"),
    [
        ((3, 20, 30), np.uint8),
        ((20, 30), np.uint8),
        ((20, 30, 1), np.uint8),
        ((20, 30, 4), np.uint8),
        ((2, 2, 3), float),
    ],
)
def test_what_is_no_picture_with_its_colours_last_gets_a_sentence(shape, dtype):
    with pytest.raises(ValueError, match=r"expected pictures as uint8 \(height, width, 3\), colours last, got"):
        inference.to_input([np.zeros(shape, dtype)], (8, 8), (0, 0, 0), (1, 1, 1))
    with pytest.raises(ValueError, match="got none"):
        inference.to_input([], (8, 8), (0, 0, 0), (1, 1, 1))


@pytest.mark.parametrize("height", [1, 3, 4])
def test_the_height_of_a_crop_is_never_taken_for_its_colours(height):
    strip = np.zeros((height, 9, 3), np.uint8)
    strip[..., 2] = 255
    batch = inference.to_input([strip], (8, 8), (0, 0, 0), (1, 1, 1))
    assert batch[0, 2].min() == 1 and batch[0, :2].max() == 0


def test_the_quick_copy_answers_alike_and_leaves_the_network_as_it_was():
    network = training.backbone("demo").features
    before = copy.deepcopy(network.state_dict())
    images = torch.randn(2, 3, 64, 64)
    quick = inference.quick(network)
    with torch.no_grad():
        given, expected = quick(images.to(memory_format=torch.channels_last)), network(images)
        exact = copy.deepcopy(network).double()(images.double())
    for answer in (given, expected):
        assert (answer - exact).abs().max() < 1e-4 * exact.abs().max()
    assert all(torch.equal(tensor, before[key]) for key, tensor in network.state_dict().items())
    norms = [sum(isinstance(module, torch.nn.BatchNorm2d) for module in one.modules()) for one in (network, quick)]
    assert norms[0] > 0 and norms[1] == 0


def test_a_model_is_left_as_it_was_found():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Dropout()).train()
    model[1].training = False
    heard = []
    with inference.left_as_found(model) as handles:
        handles.append(model[0].register_forward_hook(lambda *_: heard.append(1)))
        assert not model(torch.ones(1, 2)).requires_grad and not model[0].training
    model(torch.ones(1, 2))
    assert heard == [1] and model[0].training and not model[1].training and torch.is_grad_enabled()
