"""What a researcher runs on a GPU gives what a CPU gives. Skipped where there is no GPU.

The captioner works in 16 bits there, so its sentences may differ: only its form is looked at.
"""

import copy
from functools import partial

import numpy as np
import pytest
import timm
import tiny_captioner
import torch
from torchvision.models import mobilenet_v2

from dermxai_helpers import captions, gradcam, relevancy, synth, training, trial
from dermxai_helpers.captions import lora
from dermxai_helpers.training import transformer
from dermxai_helpers.trial import randomisation

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="torch sees no GPU on this machine")
LESIONS = [synth.draw(seed, label=synth.LABELS[seed % 3]) for seed in range(6)]


@pytest.fixture(scope="module")
def pictures():
    return [lesion.image for lesion in LESIONS]


@pytest.fixture(scope="module")
def cases(pictures):
    return trial.Cases(np.stack(pictures), np.stack([lesion.mask for lesion in LESIONS]), np.arange(6) // 2)


def on_gpu(model):
    return copy.deepcopy(model).to("cuda")


def assert_close(found, expected, tolerance):
    """Maps agree within a share of each map's largest value."""
    largest = np.abs(expected).max(axis=(1, 2), keepdims=True)
    assert (np.abs(found - expected) <= tolerance * largest).all()


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return mobilenet_v2(num_classes=3).eval().requires_grad_(False)


@pytest.mark.parametrize("method", gradcam.METHODS)
def test_class_activation_maps(network, pictures, method):
    images, double = made(network).prepare(pictures).double(), copy.deepcopy(network).double()
    expected = gradcam.explain(double, images, "all", method, relu=False).maps
    assert_close(gradcam.explain(on_gpu(double), images, "all", method, relu=False).maps, expected, 1e-6)


@pytest.mark.parametrize("method", relevancy.METHODS)
def test_relevancy(pictures, method):
    model, classes = relevancy.demo_vit()
    images = relevancy.prepare(model, pictures)
    expected = relevancy.explain(model, images, "all", method=method, classes=classes)
    found = relevancy.explain(on_gpu(model), images, "all", method=method, classes=classes)
    assert_close(found.maps, expected.maps, 1e-3)
    np.testing.assert_allclose(found.logit, expected.logit, atol=1e-2)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_relevancy_of_a_model_in_half_precision(pictures, dtype):
    model, _ = relevancy.demo_vit()
    model.to(dtype)
    images = relevancy.prepare(model, pictures)
    expected = relevancy.explain(copy.deepcopy(model).float(), images)
    assert_close(relevancy.explain(on_gpu(model), images, expected.target).maps, expected.maps, 1e-3)


def test_a_transformer_is_fine_tuned(pictures):
    model, classes = relevancy.demo_vit()
    learn = transformer.Pictures(pictures, [classes[number % 3] for number in range(6)])
    learnt, history = transformer.finetune(on_gpu(model), learn, learn, classes, 1, 2, progress=False)
    assert next(learnt.parameters()).is_cuda and np.isfinite(history["training_loss"]).all()
    scores = transformer.predict(learnt, pictures)
    np.testing.assert_allclose(scores, transformer.predict(learnt.cpu(), pictures), atol=1e-3)


def test_a_classifier_that_was_moved_answers(network, pictures):
    expected = made(network).predict_proba(pictures)
    np.testing.assert_allclose(made(on_gpu(network)).predict_proba(pictures), expected, atol=1e-3)


def made(model):
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    return training.Classifier(model, ("mel", "nv", "bkl"), None, "random", mean, std, (224, 224), {})


def test_the_trial(network, pictures, cases):
    explainers = {"Grad-CAM": gradcam.explain, "LayerCAM": partial(gradcam.explain, method="layercam")}
    prepare = made(network).prepare
    expected, found = (trial.run(model, cases, explainers, prepare) for model in (network, on_gpu(network)))
    assert list(found.index) == list(expected.index)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_the_cascade(network, pictures):
    images = made(network).prepare(pictures[:3])
    stages = randomisation.blocks(network)[:2]
    explainers = {"Grad-CAM": partial(gradcam.explain, relu=False)}
    of_cpu, of_gpu = (randomisation.cascade(model, images, explainers, stages) for model in (network, on_gpu(network)))
    np.testing.assert_allclose(of_gpu, of_cpu, atol=0.02)


@pytest.mark.parametrize("language", ["t5", "opt"])
def test_the_captioner_answers_in_16_bits(language, pictures, tmp_path):
    processor = tiny_captioner.processor()
    folder = tiny_captioner.save(tiny_captioner.model(processor, language), processor, tmp_path / language)
    captioner = captions.Captioner(folder)
    dtypes = {weight.dtype for weight in captioner.model.parameters()}  # transformers keeps a few layers in 32 bits
    assert torch.float16 in dtypes and captioner.device.type == "cuda"
    said = captioner.caption(pictures, ["What?", "Why?"] * 3, progress=False)
    assert len(said) == 6 and all(isinstance(sentence, str) for sentence in said)


def test_the_demo_captioner_says_on_a_gpu_what_it_says_on_a_cpu(pictures):
    asked = {"images": pictures, "prompts": captions.PROMPTS["focused"], "progress": False}
    said = [captions.Captioner(device=device).caption(**asked) for device in ("cpu", "cuda")]
    same = np.mean([cpu == gpu for cpu, gpu in zip(*said, strict=True)])
    print(f"{same:.0%} of the sentences are the same in 16 bits")
    assert same >= 0.5


def test_an_adapter_is_taught(pictures):
    processor = tiny_captioner.processor()
    adapted = lora.adapt(tiny_captioner.model(processor).to("cuda"), rank=2)
    losses = lora.teach(adapted, processor, pictures, "What?", ["A lesion with a regular border."] * 6, 6)
    assert len(losses) == 6 and np.isfinite(losses).all()


def test_timm_in_channels_last(pictures):
    model = timm.create_model("vit_tiny_patch16_224", num_classes=3, depth=2).eval()
    images = relevancy.prepare(model, pictures).to(memory_format=torch.channels_last)
    expected = relevancy.explain(model, images, 0).maps
    assert_close(relevancy.explain(on_gpu(model).to(memory_format=torch.channels_last), images, 0).maps, expected, 1e-3)
