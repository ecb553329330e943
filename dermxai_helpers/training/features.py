"""What does a frozen backbone say about each image?

The paper freezes MobileNetV2's convolutions and trains only the last layer. A frozen network gives the same answer for
the same image in every epoch, so its answer (1,280 numbers, the *features*) is computed once and kept in a cache.
"""

import hashlib
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm  # not tqdm.auto: its notebook bar is a widget, and takes no heed of TQDM_DISABLE

from dermxai_helpers import data, files
from dermxai_helpers.inference import quick, to_input
from dermxai_helpers.training import augmentation
from dermxai_helpers.training.backbones import Backbone

TRANSFORM = "RGB, whole image resized (bilinear, antialiased), divided by 255, normalised per channel"
BATCH = 8  # more images at once are slower on a CPU (the early layers leave its cache) and need half a gigabyte more
BLOCK = 1024  # images between two writes of the cache: an interrupted run loses at most this much work




def cached_features(backbone: Backbone, paths, progress: bool = True, view: int = 0) -> np.ndarray:
    """Global-average-pooled features of image files, float32 (n, backbone.width), in the order of `paths`.

    view : 0 for the photographs as they are; 1, 2 ... for a random view of each (`augmentation.augmented`)

    Computed once per image and view: the cache is keyed by the backbone's weights, the transform and each file's
    *content*, so a changed image, weight or size is computed anew, a renamed file is not, and a damaged cache file is
    rebuilt.
    """
    paths = [Path(path) for path in paths]
    digests = [file_digest(path) for path in paths]
    store = files.cache_folder() / "features" / f"{_file_name(backbone, view)}.safetensors"
    known = _read_store(store)
    missing = list({digest: path for digest, path in zip(digests, paths, strict=True) if digest not in known}.items())
    quiet = {} if progress and missing else {"disable": True}  # unset, so that TQDM_DISABLE may decide
    with tqdm(total=len(missing), desc="features", unit="image", **quiet) as bar:
        for start in range(0, len(missing), BLOCK):
            block = missing[start:start + BLOCK]
            rows = _compute(backbone, [path for _, path in block], bar, view)
            known = _read_store(store) | known | dict(zip([digest for digest, _ in block], rows, strict=True))
            _write_store(store, known)
    return np.stack([known[digest] for digest in digests])


def cached_views(backbone: Backbone, paths, views: Sequence[int], progress: bool = True) -> np.ndarray:
    """Features of several views of each image file, float32 (n, views, backbone.width)."""
    return np.stack([cached_features(backbone, paths, progress, view) for view in views], axis=1)


def open_view(path: Path, view: int) -> np.ndarray:
    """A photograph (view 0) or one of its random views, uint8 RGB; which one depends on the file's content only."""
    image = data.open_image(path)
    return augmentation.augmented(image, int(file_digest(path)[:8], 16) + view) if view else image


def file_digest(path: Path) -> str:
    """SHA-256 of a file's content; a file whose size and time of change stayed the same is read only once."""
    facts = path.stat()
    return _digest_once(path, facts.st_size, facts.st_mtime_ns)


def fingerprint(backbone: Backbone) -> str:
    """SHA-256 of all that decides a backbone's features apart from the image: weights, transform, normalisation."""
    known = hashlib.sha256(repr((backbone.mean, backbone.std, backbone.size, TRANSFORM)).encode())
    for key, tensor in sorted(backbone.features.state_dict().items()):
        known.update(key.encode())
        known.update(tensor.contiguous().numpy().tobytes())
    return known.hexdigest()


@cache
def _digest_once(path: Path, size: int, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _file_name(backbone: Backbone, view: int) -> str:
    architecture = backbone.name.replace(":", "-").replace("/", "-")
    return f"{architecture}-{fingerprint(backbone)[:16]}" + (f"-view{view}-{augmentation.version()}" if view else "")


def _compute(backbone: Backbone, paths: list[Path], bar: tqdm, view: int) -> np.ndarray:
    """Pooled features (n, width) of one view of image files; decoding runs in threads beside the network."""
    rows, network = [], quick(backbone.features)
    with ThreadPoolExecutor(2) as readers, torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            images = list(readers.map(partial(open_view, view=view), paths[start:start + BATCH]))
            inputs = to_input(images, backbone.size, backbone.mean, backbone.std)
            maps = network(inputs.to(memory_format=torch.channels_last))
            rows.append(maps.mean(dim=(2, 3)).numpy())
            bar.update(len(images))
    return np.concatenate(rows)


def _read_store(store: Path) -> dict[str, np.ndarray]:
    """Digest -> feature row; empty when there is no cache file, or when its content no longer matches its checksum."""
    from safetensors import SafetensorError, safe_open

    if not store.is_file():
        return {}
    try:
        with safe_open(store, framework="numpy") as content:
            rows, digests = content.get_tensor("features"), content.get_tensor("digests")
            intact = content.metadata()["checksum"] == _checksum(rows, digests)
    except (SafetensorError, OSError, KeyError, TypeError):
        intact = False
    if not intact:
        warnings.warn(f"the feature cache {store} is damaged: its features are computed again", stacklevel=3)
        return {}
    return {digest.tobytes().hex(): row for digest, row in zip(digests, rows, strict=True)}


def _write_store(store: Path, known: dict[str, np.ndarray]) -> None:
    from safetensors.numpy import save_file

    rows = np.stack(list(known.values()))
    digests = np.stack([np.frombuffer(bytes.fromhex(digest), np.uint8) for digest in known])
    store.parent.mkdir(parents=True, exist_ok=True)
    metadata = {"checksum": _checksum(rows, digests)}
    files.write_atomically(store, lambda path: save_file({"features": rows, "digests": digests}, path, metadata))


def _checksum(rows: np.ndarray, digests: np.ndarray) -> str:
    return hashlib.sha256(digests.tobytes() + rows.tobytes()).hexdigest()
