"""Heat-maps of three libraries and ours, on one MobileNetV2 at 224 pixels, maps at that size. A table is printed.

Run: pytest tests/benchmarks/test_gradcam.py -s --benchmark-enable
All contestants take turns, in another order in every round; medians of the rounds after a warm-up. The floor is a plain
forward pass without gradients, which explains nothing. The libraries explain one class, ours one or all three. Denormal
numbers count as zero, for everybody.
"""

import contextlib
import io
import random
import time
from statistics import median

import pytest
import pytorch_grad_cam
import torch
from captum.attr import LayerAttribution, LayerGradCam
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch.nn import functional
from torchcam import methods as torchcam

from dermxai_helpers import gradcam, synth
from dermxai_helpers.inference import to_input
from dermxai_helpers.training.backbones import backbone, new_head, new_network

SIZE = (224, 224)
ROUNDS = 7
FLOOR, REFERENCE = "forward pass without gradients", "pytorch-grad-cam GradCAM"


@pytest.fixture(scope="module")
def network():
    """The demo MobileNetV2 with a new head of three classes, its weights trainable, as they are after training."""
    torch.manual_seed(0)
    source = backbone("demo")
    torch.set_flush_denormal(True)
    model = new_network(3)
    model.features, model.classifier = source.features, new_head(3)
    yield model.eval().requires_grad_(True)
    torch.set_flush_denormal(False)


def drawn(count):
    """Drawn lesions as MobileNetV2's input (count, 3, 224, 224)."""
    source = backbone("demo")
    return to_input([synth.draw(seed).image for seed in range(count)], SIZE, source.mean, source.std)


def contestants(network, images):
    """Functions without arguments, by name: each gives maps at the size of the images."""
    last, classes = network.features, [0] * len(images)
    targets = [ClassifierOutputTarget(0)] * len(images)
    by_captum = LayerGradCam(network, last)

    def floor():
        with torch.no_grad():
            return network(images)

    def by_pytorch_grad_cam():
        with pytorch_grad_cam.GradCAM(network, [last]) as cam:
            return cam(images, targets)

    def by_torchcam(method, **settings):
        with method(network, last, **settings) as cam:
            scores = network(images)
            (maps,) = cam(classes, scores)
        return functional.interpolate(maps[:, None], SIZE, mode="bilinear", align_corners=False)

    @torch.inference_mode()
    def closed_by_torchcam():
        return by_torchcam(torchcam.CAM, fc_layer=network.classifier[1])

    return {
        FLOOR: floor,
        REFERENCE: by_pytorch_grad_cam,
        "captum LayerGradCam": lambda: LayerAttribution.interpolate(by_captum.attribute(images, 0), SIZE, "bilinear"),
        "torchcam GradCAM": lambda: by_torchcam(torchcam.GradCAM),
        "torchcam CAM": closed_by_torchcam,
        "ours, gradcam": lambda: gradcam.explain(network, images, 0).resized(SIZE),
        "ours, gradcam, all classes": lambda: gradcam.explain(network, images, "all").resized(SIZE),
    }


def race(functions, rounds):
    """Median milliseconds by name over rounds, each in a new order, after one that does not count."""
    times, order = {name: [] for name in functions}, random.Random(0)
    for number in range(rounds + 1):
        for name in order.sample(list(functions), len(functions)):
            start = time.perf_counter()
            with contextlib.redirect_stderr(io.StringIO()):  # progress bars of pytorch-grad-cam
                functions[name]()
            if number:
                times[name].append(1000 * (time.perf_counter() - start))
    return {name: median(values) for name, values in times.items()}


def table(rows):
    """Lines of text: contestant, batch, threads, median, share of the floor, pytorch-grad-cam's time over this."""
    yield f"{'contestant':32}{'batch':>6}{'threads':>8}{'median ms':>11}{'/ floor':>9}{'faster x':>10}"
    for (batch, threads), times in rows.items():
        for name, milliseconds in times.items():
            floors, faster = milliseconds / times[FLOOR], times[REFERENCE] / milliseconds
            yield f"{name:32}{batch:6}{threads:8}{milliseconds:11.1f}{floors:9.2f}{faster:10.1f}"


@pytest.fixture
def threads():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.mark.timeout(3600)
def test_one_map_against_three_libraries(benchmark, network, threads):
    images, rows = drawn(32), {}

    def all_batches():
        for count in (1, 2):
            threads(count)
            for batch in (1, 8, 32):
                rows[batch, count] = race(contestants(network, images[:batch]), ROUNDS)

    benchmark.pedantic(all_batches, rounds=1)
    print("", *table(rows), sep="\n")
