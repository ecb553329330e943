"""One drawn lesion with everything that is true of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dermxai_helpers.synth import attributes as table
from dermxai_helpers.synth.lesion import paint
from dermxai_helpers.synth.noise import Frame, streams
from dermxai_helpers.synth.photograph import develop, photograph

PIGMENT_STREAMS = ("pigment", "light brown", "dark brown", "black", "red")
LESION_STREAMS = ("attributes", "outline", "edge", "skin", *PIGMENT_STREAMS, *table.PARTS, "tone")
PHOTO_STREAMS = ("presence", "pose", "light", "sensor", *table.ARTEFACTS)


@dataclass(frozen=True)
class Lesion:
    """A drawn photograph and its exact truth."""

    image: np.ndarray  # uint8 (224, 224, 3) RGB
    mask: np.ndarray  # bool (224, 224), the lesion
    parts: dict[str, np.ndarray]  # bool masks by name, only of what is present
    artefacts: dict[str, np.ndarray]  # the same
    attributes: dict[str, Any]  # what was intended
    measured: dict[str, float]  # what the finished picture measures


def draw(
    seed: int | Sequence[int], label: str | None = None, photo: int = 0,
    artefact_chances: dict[str, float] | None = None, **attributes: Any,
) -> Lesion:  # fmt: skip
    """Draws one photograph of one lesion.

    seed : the lesion; a whole number or several (say, a folder's seed and the lesion's number)
    label : "mel", "nv", "bkl", or None for a class as common as in HAM10000
    photo : which photograph of that lesion: another rotation, zoom, light and other artefacts
    artefact_chances : P(artefact), where it differs from the usual
    attributes : set instead of drawn; the rest of the lesion stays as it was. ValueError for one that does not exist
    """
    table.check({**attributes, **({"label": label} if label is not None else {})})
    entropy = [seed] if isinstance(seed, int | np.integer) else list(seed)
    of_lesion = streams([0, *entropy], LESION_STREAMS)
    of_photo = streams([1, photo, *entropy], PHOTO_STREAMS)
    drawn_label = table.sample_label(of_lesion["attributes"])
    values = table.sample_lesion(label or drawn_label, of_lesion["attributes"])
    chances = table.ARTEFACT_CHANCES | (artefact_chances or {})
    values |= {name: bool(of_photo["presence"].random() < chances[name]) for name in table.ARTEFACTS}
    values = table.completed(values | attributes)
    pose = of_photo["pose"]
    frame = Frame(pose.uniform(0, 2 * np.pi), pose.uniform(0.88, 1.12), tuple(pose.normal(0, 0.03, 2) * 224))
    scene = paint(frame, values, of_lesion)
    image, artefacts = photograph(scene, develop(scene, values["skin"], of_lesion["tone"]), values, of_photo)
    mask = scene.mask
    return Lesion(image, mask, scene.parts, artefacts, values, measure(image, mask))


def measure(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Shape and colour measured on the finished picture.

    area : share of the picture;  compactness : 4 pi area / perimeter^2 (1 for a disc)
    asymmetry : share without a partner when the mask is folded along its long or its short axis, the larger
    darkness : mean of 1 - grey value inside;  colour_spread : mean over R, G, B of the standard deviation inside
    """
    inside = np.flatnonzero(mask)
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
