"""Cached features against a forward pass in every epoch.

Run: pytest tests/benchmarks/test_training.py --benchmark-enable -s

Both train on the same photographs, ten epochs, the same batches; three rounds in turn, after a warm-up. "Bare pass" is
the frozen network over the images once, which is what the cached way needs.
"""

import time
from statistics import median

import pytest
import torch
from torch.nn import functional

from dermxai_helpers import data, inference, synth, training
from dermxai_helpers.inference import quick
from dermxai_helpers.training import features
from dermxai_helpers.training.backbones import new_head

PHOTOGRAPHS, EPOCHS = 60, 10


@pytest.fixture
def folder(tmp_path_factory):
    return synth.write_folder(tmp_path_factory.mktemp("drawn") / "folder", PHOTOGRAPHS, seed=0, progress=False)


@pytest.mark.timeout(1800)
def test_cached_features_against_a_pass_in_every_epoch(benchmark, folder, tmp_path, monkeypatch):
    table = data.load(folder)
    split = data.split(table, by="image")
    source = training.backbone("demo")
    network = quick(source.features)  # the same fast network for all three
    seconds = {"naive": [], "cached": [], "bare pass": []}

    def rounds():
        number = len(seconds["cached"])
        monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path / str(number)))  # an empty cache each time
        for name, work in (("naive", naive), ("cached", cached), ("bare pass", bare)):
            start = time.perf_counter()
            work(table, split, source, network)
            seconds[name].append(time.perf_counter() - start)

    benchmark.pedantic(rounds, rounds=3, warmup_rounds=1)
    times = {name: median(values[1:]) for name, values in seconds.items()}
    print("\n" + ", ".join(f"{name} {value:.1f} s" for name, value in times.items()))
    against_naive, against_bare = times["naive"] / times["cached"], times["cached"] / times["bare pass"]
    print(f"naive / cached {against_naive:.2f}, cached / bare {against_bare:.2f}")


def cached(table, split, source, _):
    """The course's way."""
    training.train(table, split, source, epochs=EPOCHS, progress=False)


def bare(table, split, source, network):
    """Nothing but the frozen network over all images."""
    forward(source, network, table["image_path"])


def naive(table, split, source, network):
    """The usual loop: every epoch opens and forwards every image again, then validates the same way."""
    head = new_head(3)
    optimiser = torch.optim.Adam(head.parameters(), lr=1e-4)
    classes = table["dx"].map(data.CLASSES.index)
    labels = {part: torch.tensor(classes[split == part].to_numpy()) for part in ("train", "val")}
    for _ in range(EPOCHS):
        rows = forward(source, network, table["image_path"][split == "train"])
        for batch in torch.randperm(len(rows)).split(32):
            optimiser.zero_grad()
            functional.cross_entropy(head(rows[batch]), labels["train"][batch]).backward()
            optimiser.step()
        with torch.no_grad():
            rows = forward(source, network, table["image_path"][split == "val"])
            functional.cross_entropy(head(rows), labels["val"])


@torch.no_grad()
def forward(source, network, paths):
    """Pooled features (n, 1280), in the batches that the cache uses."""
    paths, rows = list(paths), []
    for start in range(0, len(paths), features.BATCH):
        images = [data.open_image(path) for path in paths[start:start + features.BATCH]]
        batch = inference.to_input(images, source.size, source.mean, source.std)
        rows.append(network(batch.to(memory_format=torch.channels_last)).mean(dim=(2, 3)))
    return torch.cat(rows)
