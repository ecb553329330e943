"""One drawn lesion with everything that is true of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dermxai_helpers.synth import attributes as table
from dermxai_helpers.synth.lesion import paint
from dermxai_helpers.synth.noise import Frame
from dermxai_helpers.synth.photograph import develop, photograph

PIGMENT_STREAMS = ("pigment", "light brown", "dark brown", "black", "red")
LESION_STREAMS = ("attributes", "outline", "edge", "skin", *PIGMENT_STREAMS, *table.PARTS, "tone")
PHOTO_STREAMS = ("presence", "pose", "light", "sensor", *table.ARTEFACTS)


@dataclass(frozen=True)
class Lesion:
    """A drawn photograph and its exact truth.

    image : uint8 (224, 224, 3) RGB
    mask : bool (224, 224), the lesion
    parts, artefacts : bool masks by name, only of what is present
    attributes : what was intended; measured : what the finished picture measures
    """

    image: np.ndarray
    mask: np.ndarray
    parts: dict[str, np.ndarray]
    artefacts: dict[str, np.ndarray]
    attributes: dict[str, Any]
    measured: dict[str, float]


def _streams(seed: Sequence[int], names: tuple[str, ...]) -> dict[str, np.random.Generator]:
    """An independent random stream for each name."""
    return dict(zip(names, map(np.random.default_rng, np.random.SeedSequence(seed).spawn(len(names))), strict=True))


def draw(
    seed: int | Sequence[int],
    label: str | None = None,
    photo: int = 0,
    artefact_chances: dict[str, float] | None = None,
    **attributes: Any,
) -> Lesion:
    """Draws one photograph of one lesion.

    seed : the lesion; a whole number or several (say, a folder's seed and the lesion's number)
    label : "mel", "nv", "bkl", or None for a class as common as in HAM10000
    photo : which photograph of that lesion: another rotation, zoom, light and other artefacts
    artefact_chances : P(artefact), where it differs from the usual
    attributes : any attribute to set instead of drawing it; the rest of the lesion stays exactly as it was

    Raises ValueError for an attribute or value that does not exist.
    """
    table.check({**attributes, **({"label": label} if label is not None else {})})
    entropy = [seed] if isinstance(seed, int | np.integer) else list(seed)
    of_lesion = _streams([0, *entropy], LESION_STREAMS)
    of_photo = _streams([1, photo, *entropy], PHOTO_STREAMS)
    drawn_label = table.sample_label(of_lesion["attributes"])
    values = table.sample_lesion(label or drawn_label, of_lesion["attributes"])
    values |= table.sample_artefacts(table.ARTEFACT_CHANCES | (artefact_chances or {}), of_photo["presence"])
    values = table.completed(values | attributes)
    pose = of_photo["pose"]
    frame = Frame(pose.uniform(0, 2 * np.pi), pose.uniform(0.88, 1.12), tuple(pose.normal(0, 0.03, 2) * 224))
    scene = paint(frame, values, of_lesion)
    image, artefacts = photograph(scene, develop(scene, values["skin"], of_lesion["tone"]), values, of_photo)
    mask = scene.mask
    return Lesion(image, mask, scene.parts, artefacts, values, measure(image, mask))


def measure(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Shape and colour measured on the finished picture.

    area : share of the picture
    asymmetry : share of the lesion that has no partner when the mask is folded along its long axis, or along the short
        one, whichever is larger (0 symmetric, 1 no partner at all)
    compactness : 4 pi area / perimeter^2 (1 for a disc)
    darkness : mean of 1 - grey value inside
    colour_spread : mean over R, G, B of the standard deviation inside (0 to 1)
    """
    rows, columns = np.nonzero(mask)
    if len(rows) < 2:
        return {"area": float(mask.mean()), "asymmetry": 0.0, "compactness": 0.0, "darkness": 0.0, "colour_spread": 0.0}
    edges = sum(int((mask ^ np.roll(mask, 1, axis)).sum()) for axis in (0, 1))
    perimeter = edges * np.pi / 4  # a staircase overstates a smooth curve by 4 / pi on average
    pixels = image[mask].astype(np.float32) / 255
    return {
        "area": float(mask.mean()),
        "asymmetry": _fold(rows, columns, mask.shape),
        "compactness": float(4 * np.pi * len(rows) / perimeter**2),
        "darkness": float(1 - pixels.mean()),
        "colour_spread": float(pixels.std(axis=0).mean()),
    }


def _fold(rows: np.ndarray, columns: np.ndarray, shape: tuple[int, int]) -> float:
    """The larger of the two shares without a partner after folding along the principal axes."""
    points = np.stack([rows - rows.mean(), columns - columns.mean()])
    axes = np.linalg.eigh(points @ points.T)[1]
    along, across = axes.T @ points
    size = max(shape)
    here = np.zeros((2 * size + 1, 2 * size + 1), bool)
    here[np.rint(along).astype(int) + size, np.rint(across).astype(int) + size] = True
    there = (here[::-1], here[:, ::-1])
    return max(float((here & ~folded).sum() / here.sum()) for folded in there)
