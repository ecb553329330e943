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


class _Streams(dict):
    """An independent random stream for each name, as `SeedSequence.spawn` gives them, made when first asked for."""

    def __init__(self, seed: Sequence[int], names: tuple[str, ...]):
        super().__init__()
        self._seed, self._names = seed, names

    def __missing__(self, name: str) -> np.random.Generator:
        child = np.random.SeedSequence(self._seed, spawn_key=(self._names.index(name),))
        return self.setdefault(name, np.random.default_rng(child))


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
    of_lesion = _Streams([0, *entropy], LESION_STREAMS)
    of_photo = _Streams([1, photo, *entropy], PHOTO_STREAMS)
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
    inside = np.flatnonzero(mask)
    if len(inside) < 2:
        return {"area": float(mask.mean()), "asymmetry": 0.0, "compactness": 0.0, "darkness": 0.0, "colour_spread": 0.0}
    edges = sum(np.count_nonzero(np.diff(mask, axis=axis)) for axis in (0, 1))
    perimeter = edges * np.pi / 4  # a staircase overstates a smooth curve by 4 / pi on average
    pixels = np.ascontiguousarray(image.reshape(-1, 3).take(inside, axis=0).T, np.float32) / 255
    return {
        "area": float(mask.mean()),
        "asymmetry": _fold(*np.divmod(inside, mask.shape[1])),
        "compactness": float(4 * np.pi * len(inside) / perimeter**2),
        "darkness": float(1 - pixels.mean()),
        "colour_spread": float(pixels.std(axis=1).mean()),
    }


def _fold(rows: np.ndarray, columns: np.ndarray) -> float:
    """The larger of the two shares without a partner after folding along the principal axes."""
    points = np.stack([rows - rows.mean(), columns - columns.mean()])
    axes = np.linalg.eigh(points @ points.T)[1]
    places = np.rint(axes.T @ points).astype(int)
    reach = np.abs(places).max(axis=1)
    here = np.zeros(2 * reach + 1, bool)
    here[tuple(places + reach[:, None])] = True
    there = (here[::-1], here[:, ::-1])
    return max(np.count_nonzero(here & ~folded) / np.count_nonzero(here) for folded in there)
