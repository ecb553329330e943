"""What a heat-map is, and what `gradcam` and `relevancy` share to make one from plain tensors."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

OVERLAY_COLOURS = "viridis"  # its blues and greens do not occur on skin, so the overlay cannot pass for a lesion colour
OVERLAY_OPACITY = 0.65  # of the strongest cell; weaker cells are proportionally clearer
LARGEST_NORMALISED = 20  # values of a normalised image stay within about 3; pixels of 0 to 255 do not


@dataclass(frozen=True)
class Explanation:
    """One heat-map per explained class score, with everything needed to name it."""

    maps: np.ndarray  # float, (B, grid height, grid width): neither clipped, stretched nor resized after the method
    target: list[int]  # class index of each map
    class_name: list[str]
    logit: np.ndarray  # float, (B,), the model's score for that class; prob is its softmax, see `class_probabilities`
    prob: np.ndarray
    layer: str  # name of the layer (or blocks) that was explained
    method: str

    def resized(self, size: tuple[int, int]) -> np.ndarray:
        """The raw maps, bilinear at `size` = (height, width): float, (B, height, width)."""
        return resize(self.maps, size)

    def normalised(self) -> np.ndarray:
        """Positive evidence as a share of each map's maximum, (B, grid height, grid width), 0 to 1. Zero stays zero."""
        evidence = np.clip(np.nan_to_num(self.maps, posinf=0, neginf=0), 0, None)
        largest = evidence.max(axis=(1, 2), keepdims=True)
        return evidence / np.where(largest > 0, largest, 1)

    def overlay(self, images: np.ndarray) -> np.ndarray:
        """The maps over their pictures, uint8 (B, height, width, 3) RGB; without evidence a colour stays exactly."""
        images = np.asarray(images)
        if images.dtype != np.uint8 or images.shape[3:] != (3,) or len(images) != len(self.maps):
            wanted, found = f"({len(self.maps)}, height, width, 3)", f"{images.dtype} of shape {images.shape}"
            raise ValueError(f"expected RGB pictures as uint8 of shape {wanted}, got {found}")
        from matplotlib import colormaps

        heat = resize(self.normalised(), images.shape[1:3])
        colours = 255 * colormaps[OVERLAY_COLOURS](heat)[..., :3]
        opacity = OVERLAY_OPACITY * heat[..., None]
        return np.rint(images + opacity * (colours - images)).astype(np.uint8)


def checked_images(model: nn.Module, images: Tensor) -> Tensor:
    """The images as the model takes them; ValueError unless float (B > 0, 3, H, W), finite, no pixels of 0 to 255."""
    unnormalised = "these look like pixels of 0 to 255: normalise them first, for example with Classifier.prepare"
    dense = isinstance(images, Tensor) and images.layout is torch.strided
    if not dense or images.ndim != 4 or images.shape[1] != 3 or not images.is_floating_point():
        found = f"{images.dtype} of shape {tuple(images.shape)}" if hasattr(images, "shape") else type(images).__name__
        found += f"; {unnormalised}" if "uint8" in found else ""
        found += "; permute(0, 3, 1, 2) puts the colours second" if found.endswith(", 3)") else ""
        raise ValueError(f"expected normalised images as a float tensor of shape (B, 3, height, width), got {found}")
    if images.numel() == 0:
        raise ValueError(f"there are no pixels to explain: the images have shape {tuple(images.shape)}")
    low, high = (float(value) for value in torch.aminmax(images))
    if not np.isfinite([low, high]).all():
        raise ValueError("the images hold values that are not finite: check how they were normalised")
    if high > LARGEST_NORMALISED:
        raise ValueError(f"expected normalised images, got values from {low:.3g} to {high:.3g}; {unnormalised}")
    weight = next(weight for weight in model.parameters() if weight.is_floating_point())
    images = images.to(weight.device, weight.dtype)
    return images.clone() if images.is_inference() else images


def targets_for(logits: Tensor, target: int | str | Sequence[int] | None) -> Tensor:
    """Class indices (B, T) for the `target` argument of `explain`: T is 1, or the number of classes for "all"."""
    count, classes = logits.shape
    if isinstance(target, str):
        if target != "all":
            raise ValueError(f"target must be None, a class index, one index per image or 'all', got '{target}'")
        return torch.arange(classes, device=logits.device).expand(count, classes)
    if target is None:
        return logits.detach().argmax(dim=1, keepdim=True)
    chosen = np.asarray(target.cpu() if isinstance(target, Tensor) else target)
    if chosen.dtype.kind not in "iu" or chosen.ndim > 1 or (chosen.ndim == 1 and len(chosen) != count):
        raise ValueError(f"target must be one class index, or one for each of the {count} images, got {target}")
    if ((chosen < 0) | (chosen >= classes)).any():
        raise ValueError(f"target holds {target}, but the model has classes 0 to {classes - 1}")
    return torch.as_tensor(chosen.astype(np.int64), device=logits.device).expand(count)[:, None]


def class_probabilities(logits: Tensor) -> Tensor:
    """The softmax of logits (B, classes); NaN for one logit, of which it would be 1; probabilities stay as they are."""
    if logits.shape[1] == 1:
        return torch.full_like(logits, torch.nan)
    if (logits >= 0).all() and (logits.sum(dim=1) - 1).abs().max() < 1e-3:
        return logits
    return logits.softmax(dim=1)


def summarise(
    maps: Tensor, logits: Tensor, targets: Tensor, classes: Sequence[str] | None, layer: str, method: str
) -> Explanation:
    """An Explanation of B x T maps, image by image."""
    if isinstance(classes, Mapping | Set | str):
        raise ValueError(f"give the class names as a list in the order of the logits, not as {type(classes).__name__}")
    if classes is not None and len(classes) != logits.shape[1]:
        raise ValueError(f"{len(classes)} class names were given, but the model has {logits.shape[1]} classes")
    names = list(classes) if classes is not None else [f"class {index}" for index in range(logits.shape[1])]
    target = targets.flatten().tolist()
    logit, prob = (as_array(one.gather(1, targets).flatten()) for one in (logits, class_probabilities(logits.detach())))
    return Explanation(as_array(maps), target, [names[label] for label in target], logit, prob, layer, method)


def as_array(values: Tensor) -> np.ndarray:
    """The values as numpy's float64 or float32; half precision, in which numpy cannot calculate, becomes float32."""
    values = values.detach().cpu()
    return (values if values.dtype == torch.float64 else values.float()).numpy()


def resize(maps: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize maps (B, h, w) bilinearly to `size` = (height, width); cell centres stay in place.

    >>> resize(np.array([[[0.0, 1.0]]]), (1, 4))
    array([[[0.  , 0.25, 0.75, 1.  ]]])
    """
    tensor = torch.from_numpy(np.ascontiguousarray(maps))[:, None]
    return functional.interpolate(tensor, size=tuple(size), mode="bilinear", align_corners=False)[:, 0].numpy()
