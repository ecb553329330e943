"""How a model runs: pictures become a batch, a quick copy answers alike, the model is left as it was."""

import copy

import numpy as np
import torch
from PIL import Image

from dermxai_helpers import inference, training
from dermxai_helpers.training import backbones


def test_to_input_equals_torchvisions_own_preprocessing():
    from torchvision.transforms import v2

    image = np.random.default_rng(0).integers(0, 256, (450, 600, 3), dtype=np.uint8)
    form = {"mean": backbones.IMAGENET_MEAN, "std": backbones.IMAGENET_STD}
    reference = v2.Compose(
        [v2.Resize((224, 224)), v2.PILToTensor(), v2.ToDtype(torch.float32, scale=True), v2.Normalize(**form)]
    )
    ours = inference.to_input([image], (224, 224), **form)
    assert torch.allclose(ours[0], reference(Image.fromarray(image)), atol=1e-6)


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
