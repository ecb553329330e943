"""Each map of a transformer against a plain forward pass. Run: pytest tests/benchmarks/test_relevancy.py -s

The contestants take turns, five rounds after a warm-up; the table gives medians, also of the ratio to the forward pass
of the same round. Peak memory is what a call adds to a fresh process that holds the model and the pictures (Linux; on a
GPU what torch allocates). The last test sorts all of timm's names into the groups of `forward.refusal` (minutes).
"""

import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from statistics import median

import pytest
import timm
import torch

from dermxai_helpers import relevancy

ROUNDS = 5
MODELS = ("vit_tiny_patch16_224", "vit_base_patch16_224")
CONTESTANTS = ("forward", "rollout", "generic", "chefer")
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("batch", [1, 8])
@pytest.mark.parametrize("name", MODELS)
def test_maps_against_a_forward_pass(benchmark, name, batch):
    torch.set_flush_denormal(True)
    model, images = prepared(name, batch)
    seconds = {contestant: [] for contestant in CONTESTANTS}

    def all_rounds():
        for _ in range(1 + ROUNDS):  # the first warms up
            for contestant, measured in seconds.items():
                start = time.perf_counter()
                call(contestant, model, images)
                measured.append(time.perf_counter() - start)

    benchmark.pedantic(all_rounds, rounds=1)
    print(f"\n{name}, batch {batch}, {DEVICE.type}, {torch.get_num_threads()} threads")
    print(f"{'':12}{'median ms':>10}{'ms an image':>12}{'forwards':>10}{'peak MB':>9}")
    for contestant, measured in seconds.items():
        typical = 1e3 * median(measured[1:])
        forwards = median(own / forward for own, forward in zip(measured[1:], seconds["forward"][1:], strict=True))
        peak = subprocess.check_output([sys.executable, __file__, name, str(batch), contestant], text=True).strip()
        print(f"{contestant:12}{typical:10.1f}{typical / batch:12.1f}{forwards:10.2f}{peak:>9}")


@pytest.mark.timeout(3600)
def test_every_name_of_timm_is_in_one_group():
    from small_transformers import families  # not at the top: this file also runs as a program

    groups = families(timm.list_models())
    print("\n", len(groups), "names:", dict(Counter(group.kind for group in groups.values())))
    assert {group.kind for group in groups.values()} == {"covered", "extension", "refused"}


def prepared(name, batch):
    torch.manual_seed(0)
    return timm.create_model(name, num_classes=3).eval().to(DEVICE), torch.randn(batch, 3, 224, 224, device=DEVICE)


def call(contestant, model, images):
    if contestant == "forward":
        with torch.no_grad():
            model(images)
    else:
        relevancy.explain(model, images, target=0, method=contestant)
    if DEVICE.type == "cuda":
        torch.cuda.synchronize()


def peak_megabytes(name, batch, contestant):
    """What a call adds at its peak to the largest memory that the process has held so far."""
    model, images = prepared(name, batch)
    before = memory()
    call(contestant, model, images)
    return memory() - before


def memory():
    """The largest memory of this process so far, in MB: allocated on the GPU, or resident as Linux counts it."""
    if DEVICE.type == "cuda":
        return torch.cuda.max_memory_allocated() / 1e6
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e3


if __name__ == "__main__":
    print(f"{peak_megabytes(sys.argv[1], int(sys.argv[2]), sys.argv[3]):.0f}")
