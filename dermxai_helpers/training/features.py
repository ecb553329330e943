"""What a frozen backbone says about each image (1,280 numbers, the *features*), computed once, kept in a small file."""

import hashlib
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch

from dermxai_helpers import data, files
from dermxai_helpers.inference import copied, quick, to_input
from dermxai_helpers.training.backbones import Backbone

BATCH = 4  # eight at once are no faster on a CPU (the early layers leave its cache) and need 90 MB more


def cached_features(backbone: Backbone, paths, progress: bool = True) -> np.ndarray:
    """Global-average-pooled features of image files, float32 (n, 1280), in the order of `paths`.

    Computed once, in float32: the cache is keyed by the backbone's layers and weights, the transform and each file's
    *content*, and a damaged cache file is replaced. Raises ValueError for a backbone that does not give 1,280 maps.
    """
    paths = [Path(path) for path in paths]
    key = f"{backbone.name}-{fingerprint(backbone)[:16]}"
    stored = [files.cache_folder() / "features" / key / f"{file_digest(path)}.npy" for path in paths]
    rows = np.empty((len(paths), 1280), np.float32)  # whole from the start: rows kept one by one tear the memory apart
    missing = []
    for number, file in enumerate(stored):
        try:
            rows[number] = np.load(file)
        except (OSError, ValueError, EOFError):  # absent or damaged
            missing.append(number)
    network = quick(copied(backbone.features).float()).cpu() if missing else None
    bar = files.progress(len(missing), "features", shown=progress and bool(missing))
    with bar, ThreadPoolExecutor(2) as readers, torch.inference_mode():  # decoding runs beside the network
        for start in range(0, len(missing), BATCH):
            batch = missing[start : start + BATCH]
            images = list(readers.map(data.open_image, [paths[number] for number in batch]))
            maps = network(to_input(images, backbone.size, backbone.mean, backbone.std))
            if maps.ndim != 4 or maps.shape[1] != 1280:
                raise ValueError(f"backbone {backbone.name!r} gives {tuple(maps.shape)}, not (B, 1280, height, width)")
            for number, row in zip(batch, maps.mean(dim=(2, 3)).numpy(), strict=True):
                files.write_atomically(stored[number], partial(np.save, arr=row))
                rows[number] = row
            bar.update(len(images))
    return rows


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content; a file whose size and time of change stayed the same is read only once."""
    facts = path.stat()
    return _digest_once(path, facts.st_size, facts.st_mtime_ns)


@cache
def _digest_once(path: Path, size: int, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def fingerprint(backbone: Backbone) -> str:
    """SHA-256 of all that decides a backbone's features apart from the image: layers, weights, size, normalisation."""
    known = hashlib.sha256(repr((backbone.mean, backbone.std, backbone.size, backbone.features)).encode())
    for key, tensor in sorted(backbone.features.state_dict().items()):
        known.update(key.encode())
        known.update(tensor.float().cpu().numpy().tobytes())
    return known.hexdigest()
