"""What a trial costs beside the forward passes it cannot do without.

Run: pytest tests/benchmarks/test_trial.py --benchmark-enable -s. One thread; rounds in turn; medians.
"""

import time
from collections.abc import Callable
from functools import partial
from statistics import median

import numpy as np
import pytest
import torch

from dermxai_helpers import gradcam, synth, training, trial
from dermxai_helpers.inference import quick, to_input
from dermxai_helpers.training.backbones import new_head, new_network
from dermxai_helpers.trial.run import BATCH, Truth

PHOTOGRAPHS, ROUNDS = 60, 3
METHODS = ("gradcam", "gradcam++", "layercam", "eigencam")


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def cases() -> trial.Cases:
    lesions = [synth.draw(number) for number in range(PHOTOGRAPHS)]
    images, masks = (np.stack([getattr(lesion, name) for lesion in lesions]) for name in ("image", "mask"))
    truth = [Truth(lesion.attributes, lesion.parts | lesion.artefacts) for lesion in lesions]
    return trial.Cases(images, masks, range(PHOTOGRAPHS), truth)


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.timeout(1800)
def test_trial_beside_its_forward_passes(benchmark, cases):
    source = training.backbone("demo")
    model = new_network(3)
    model.features, model.classifier = source.features, new_head(3)
    model.eval()
    prepare = partial(to_input, size=source.size, mean=source.mean, std=source.std)
    explainers = {method: partial(gradcam.explain, method=method) for method in METHODS}
    network, batch = quick(model), prepare(list(cases.images[:BATCH]))
    asked = 2 * (len(METHODS) + len(trial.BASELINES))  # insertion and deletion, one share an image
    passes = PHOTOGRAPHS * (1 + len(METHODS) + asked)
    times = {"trial": [], "its forward passes alone": []}

    def rounds():
        with torch.inference_mode():
            alone = seconds(lambda: [network(batch) for _ in range(passes // BATCH)])
        times["trial"].append(seconds(lambda: trial.run(model, cases, explainers, prepare)))
        times["its forward passes alone"].append(alone)

    benchmark.pedantic(rounds, rounds=ROUNDS, warmup_rounds=1)
    print(f"\n{PHOTOGRAPHS} photographs, 8 methods, {passes} forward passes of MobileNetV2 at 224 px")
    for name, values in times.items():
        print(f"{name:26} {median(values[1:]):6.1f} s")
