"""What does a frozen backbone say about each image?

The paper freezes MobileNetV2's convolutions and trains only the last layer. A frozen network gives the same answer for
the same image in every epoch, so its answer (1,280 numbers, the *features*) is computed once and kept in a cache.
"""

import hashlib
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from tqdm import tqdm  # not tqdm.auto: its notebook bar is a widget, and takes no heed of TQDM_DISABLE

from dermxai_helpers import assets, data

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
TRANSFORM = "RGB, whole image resized (bilinear, antialiased), divided by 255, normalised per channel"
BATCH = 8  # more images at once are slower on a CPU (the early layers leave its cache) and need half a gigabyte more
BLOCK = 1024  # images between two writes of the cache: an interrupted run loses at most this much work


@dataclass(frozen=True)
class Backbone:
    """A frozen feature extractor and the form of image it expects.

    features : module, (B, 3, height, width) normalised -> feature maps (B, 1280, height / 32, width / 32)
    mean, std : per channel, of images scaled to [0, 1]
    size : (height, width) in pixels
    note : what the weights are, for captions of figures and tables
    """

    features: nn.Module
    name: str
    mean: tuple[float, float, float] = IMAGENET_MEAN
    std: tuple[float, float, float] = IMAGENET_STD
    size: tuple[int, int] = (224, 224)
    note: str = ""


def backbone(name: str = "demo") -> Backbone:
    """MobileNetV2's convolutions with the demo weights or with ImageNet's.

    name : "demo" (ships with the course, trained on drawn lesions, needs no network) or "imagenet" (torchvision's file,
        taken from TORCH_HOME or downloaded once)

    Raises ValueError for another name, FileNotFoundError or ValueError when the weights cannot be had.
    Source: Sandler et al. 2018, "MobileNetV2", arXiv:1801.04381; torchvision's implementation.
    """
    if name == "demo":
        note = "MobileNetV2 trained on drawn lesions; it stands in for ImageNet"
        return Backbone(_features_with(_demo_weights()), name, note=note)
    if name == "imagenet":
        note = "MobileNetV2 with ImageNet weights (torchvision, IMAGENET1K_V2)"
        return Backbone(_features_with(_imagenet_weights()), name, note=note)
    raise ValueError(f'no backbone is called {name!r}: choose "demo" or "imagenet"')


def as_backbone(source: str | Backbone) -> Backbone:
    """A Backbone as it is, or the one of that name."""
    return source if isinstance(source, Backbone) else backbone(source)


def read_weights(path: Path | str) -> dict[str, torch.Tensor]:
    """The tensors of a safetensors file, floating ones as float32.

    Raises FileNotFoundError when there is no such file, ValueError when it is anything but a complete safetensors file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not Path(path).is_file():
        raise FileNotFoundError(f"no weights at {path}: train and save a model first, or correct the path")
    try:
        state = load_file(path)
    except SafetensorError as problem:
        raise ValueError(
            f"{path} is not a complete safetensors file ({problem}): it may be truncated or of another kind "
            "(pickled .pt and .pth files are refused because they can run code); save the model again"
        ) from problem
    return {key: tensor.float() if tensor.is_floating_point() else tensor for key, tensor in state.items()}


def to_input(images: list[np.ndarray], size: tuple[int, int], mean: tuple, std: tuple) -> torch.Tensor:
    """Images as the network wants them.

    images : uint8 RGB arrays (height, width, 3), of any size; `size` : (height, width); `mean`, `std` : per channel
    Returns float32 (B, 3, height, width). The whole image is resized; its aspect ratio is not kept (the paper's way).
    """
    height, width = size
    pixels = [np.asarray(Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)) for image in images]
    batch = torch.from_numpy(np.stack(pixels)).permute(0, 3, 1, 2).float() / 255
    return (batch - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)


def cached_features(backbone: Backbone, paths, progress: bool = True) -> np.ndarray:
    """Global-average-pooled features of image files, float32 (n, 1280), in the order of `paths`.

    Computed once per image: the cache is keyed by the backbone's weights, the transform and each file's *content*, so a
    changed image, weight or size is computed anew, a renamed file is not, and a damaged cache file is rebuilt.
    """
    paths = [Path(path) for path in paths]
    digests = [file_digest(path) for path in paths]
    store = data.cache_folder() / "features" / f"mobilenetv2-{backbone.name}-{fingerprint(backbone)[:16]}.safetensors"
    known = _read_store(store)
    missing = list({digest: path for digest, path in zip(digests, paths, strict=True) if digest not in known}.items())
    quiet = {} if progress and missing else {"disable": True}  # unset, so that TQDM_DISABLE may decide
    with tqdm(total=len(missing), desc="features", unit="image", **quiet) as bar:
        for start in range(0, len(missing), BLOCK):
            block = missing[start:start + BLOCK]
            rows = _compute(backbone, [path for _, path in block], bar)
            known = _read_store(store) | known | dict(zip([digest for digest, _ in block], rows, strict=True))
            _write_store(store, known)
    return np.stack([known[digest] for digest in digests])


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


def _compute(backbone: Backbone, paths: list[Path], bar: tqdm) -> np.ndarray:
    """Pooled features (n, 1280) of image files; decoding runs in threads beside the network."""
    rows = []
    with ThreadPoolExecutor(2) as readers, torch.inference_mode():
        for start in range(0, len(paths), BATCH):
            images = list(readers.map(data.open_image, paths[start:start + BATCH]))
            maps = backbone.features.eval()(to_input(images, backbone.size, backbone.mean, backbone.std))
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
    data.write_atomically(store, lambda path: save_file({"features": rows, "digests": digests}, path, metadata))


def _checksum(rows: np.ndarray, digests: np.ndarray) -> str:
    return hashlib.sha256(digests.tobytes() + rows.tobytes()).hexdigest()


def _features_with(state: dict[str, torch.Tensor]) -> nn.Module:
    """torchvision's MobileNetV2 convolutions, in evaluation mode, with the `features.` part of a state dict."""
    from torchvision.models import mobilenet_v2

    with torch.random.fork_rng(devices=[]):  # random weights, overwritten below, must not cost the caller's seed
        features = mobilenet_v2(weights=None).features.eval()
    prefix = "features."
    own = {key.removeprefix(prefix): tensor for key, tensor in state.items() if key.startswith(prefix)}
    features.load_state_dict(own)
    return features


def _demo_weights() -> dict[str, torch.Tensor]:
    if not assets.MOBILENET.is_file():
        raise FileNotFoundError(f"no demo backbone at {assets.MOBILENET}: install the course again")
    return read_weights(assets.MOBILENET)


def _imagenet_weights() -> dict[str, torch.Tensor]:
    from torchvision.models import MobileNet_V2_Weights

    weights = MobileNet_V2_Weights.IMAGENET1K_V2
    try:
        return weights.get_state_dict(progress=True, check_hash=True, weights_only=True)
    except Exception as problem:  # absent, unreachable, damaged or unsafe: the remedy is the same
        raise ValueError(
            f"ImageNet's MobileNetV2 could not be loaded ({type(problem).__name__}: {problem}): connect to the network "
            f'once, or put {Path(weights.url).name} into {torch.hub.get_dir()}/checkpoints, or use backbone="demo"'
        ) from problem
