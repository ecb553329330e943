"""What a trial costs beside the forward passes it cannot do without, and ROAD's imputation beside pytorch-grad-cam's.

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
from dermxai_helpers.scoring.maps import centre_gaussian
from dermxai_helpers.training.backbones import assembled, new_head
from dermxai_helpers.trial import faithfulness
from dermxai_helpers.trial import truth as causes

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
    return trial.Cases(images, masks, range(PHOTOGRAPHS), [causes.of_lesion(lesion) for lesion in lesions])


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


@pytest.mark.timeout(1800)
def test_trial_beside_its_forward_passes(benchmark, cases):
    source = training.backbone("demo")
    model = assembled(source, source.features, new_head(3))
    prepare = partial(to_input, size=source.size, mean=source.mean, std=source.std)
    explainers = {method: partial(gradcam.explain, method=method) for method in METHODS}
    network, batch = quick(model), prepare(list(cases.images[:trial.BATCH]))
    asked = 2 * (len(METHODS) + len(trial.BASELINES))  # insertion and deletion, one share an image
    passes = PHOTOGRAPHS * (1 + len(METHODS) + asked)
    times = {"trial": [], "its forward passes alone": [], "table": []}

    def rounds():
        with torch.inference_mode():
            alone = seconds(lambda: [network(batch) for _ in range(passes // trial.BATCH)])
        found = []
        times["trial"].append(
            seconds(lambda: found.append(trial.run(model, cases, explainers, prepare, progress=False)))
        )
        times["its forward passes alone"].append(alone)
        times["table"].append(seconds(found[0].table))

    benchmark.pedantic(rounds, rounds=ROUNDS, warmup_rounds=1)
    print(f"\n{PHOTOGRAPHS} photographs, 8 methods, {passes} forward passes of MobileNetV2 at 224 px")
    for name, values in times.items():
        print(f"{name:26} {median(values[1:]):6.1f} s")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.8])
def test_imputation_beside_pytorch_grad_cam(benchmark, cases, share):
    from pytorch_grad_cam.metrics.road import NoisyLinearImputer

    pictures = torch.from_numpy(cases.images[:trial.BATCH]).permute(0, 3, 1, 2).float() / 255
    heatmaps = np.repeat(centre_gaussian((224, 224))[None], len(pictures), axis=0)
    removed = faithfulness.strongest(heatmaps, np.full((len(pictures), 1), share))
    theirs, times = NoisyLinearImputer(noise=0), {"ours": [], "pytorch-grad-cam": []}

    def rounds():
        times["ours"].append(seconds(lambda: faithfulness.impute(pictures, removed)))
        pairs = list(zip(pictures, (~removed[:, 0]).float(), strict=True))
        times["pytorch-grad-cam"].append(seconds(lambda: [theirs(*pair) for pair in pairs]))

    benchmark.pedantic(rounds, rounds=ROUNDS, warmup_rounds=1)
    ours, other = (1000 * median(values[1:]) / len(pictures) for values in times.values())
    print(f"\nimputing {share:.0%}: ours {ours:.0f} ms, pytorch-grad-cam {other:.0f} ms each, {other / ours:.1f} x")
