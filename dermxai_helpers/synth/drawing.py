"""One drawn lesion with everything that is true of it, and its photograph: light, camera, what lies on the skin."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from dermxai_helpers.synth import attributes as table
from dermxai_helpers.synth.lesion import BLOOD, BLUE, MELANIN, Scene, paint
from dermxai_helpers.synth.noise import SIZE, Frame, step, streams

PIGMENT_STREAMS = ("pigment", "light brown", "dark brown", "black", "red")
LESION_STREAMS = ("attributes", "outline", "edge", "skin", *PIGMENT_STREAMS, *table.PARTS, "tone")
PHOTO_STREAMS = ("presence", "pose", "light", "sensor", *table.ARTEFACTS)
PIXEL = np.arange(SIZE, dtype=np.float32) - SIZE / 2 + 0.5
FROM_CENTRE = np.sqrt(PIXEL[None, :] ** 2 + PIXEL[:, None] ** 2)


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
    photo : which photograph of it: another rotation, zoom, light, artefacts; artefact_chances : unusual P(artefact)
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
    image, artefacts = Photograph(scene, values["skin"], of_lesion["tone"]).taken(values, of_photo)
    return Lesion(image, scene.mask, scene.parts, artefacts, values, measure(image, scene.mask))


def measure(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    """Shape and colour measured on the finished picture.

    area : share of the picture;  compactness : 4 pi area / perimeter^2 (1 for a disc)
    asymmetry : share without a partner when the mask is folded along its long or its short axis, the larger
    darkness : mean of 1 - grey value inside;  colour_spread : mean over R, G, B of the standard deviation inside
    """
    inside, (rows, columns) = np.flatnonzero(mask), np.nonzero(mask)
    points = np.stack([rows - rows.mean(), columns - columns.mean()])
    places = np.rint(np.linalg.eigh(points @ points.T)[1].T @ points).astype(int)  # along the principal axes
    reach = np.abs(places).max(axis=1)
    here = np.zeros(2 * reach + 1, bool)
    here[tuple(places + reach[:, None])] = True
    alone = [np.count_nonzero(here & ~folded) for folded in (here[::-1], here[:, ::-1])]
    edges = sum(np.count_nonzero(np.diff(mask, axis=axis)) for axis in (0, 1))
    perimeter = edges * np.pi / 4  # a staircase overstates a smooth curve by 4 / pi on average
    pixels = np.ascontiguousarray(image.reshape(-1, 3).take(inside, axis=0).T, np.float32) / 255
    return {
        "area": float(mask.mean()),
        "asymmetry": max(alone) / np.count_nonzero(here),
        "compactness": float(4 * np.pi * len(inside) / perimeter**2),
        "darkness": float(1 - pixels.mean()),
        "colour_spread": float(pixels.std(axis=1).mean()),
    }


class Photograph:
    """A picture of a scene, float32 (3, SIZE, SIZE); an artefact is painted on it, and gives its mask."""

    def __init__(self, scene: Scene, skin: str, rng: np.random.Generator):
        """Colour under white light; `rng` is the same in all photographs of a lesion."""
        tone = np.array(table.SKIN[skin], np.float32) / 255 * (1 + rng.normal(0, 0.012, 3)).astype(np.float32)
        self.scene, self.picture = scene, np.empty((3, SIZE, SIZE), np.float32)
        for channel in range(3):
            absorbance = MELANIN[channel] * scene.melanin + BLOOD[channel] * scene.blood + BLUE[channel] * scene.blue
            self.picture[channel] = tone[channel] * np.exp(-absorbance)
        if scene.white.any():  # scattered light is a little whiter than the skin itself
            veil = np.clip(scene.white, 0, 0.75)
            glow = tone * np.float32(0.6) + np.array([0.37, 0.36, 0.37], np.float32)
            self.picture = self.picture * (1 - veil) + veil * glow[:, None, None]

    def _blend(self, cover: np.ndarray, colour: tuple[float, float, float]) -> None:
        self.picture *= 1 - cover
        self.picture += cover * np.array(colour, np.float32)[:, None, None]

    def hair(self, rng: np.random.Generator) -> np.ndarray:
        """Bent hairs, mostly dark, drawn at twice the size so that their edges are smooth."""
        canvas = Image.new("L", (2 * SIZE, 2 * SIZE))
        pen = ImageDraw.Draw(canvas)
        growth = rng.uniform(0, 2 * np.pi)
        steps = np.linspace(0, 1, 24)[:, None]
        for _ in range(int(rng.integers(4, 16))):
            start, direction = rng.uniform(-0.1, 1.1, 2) * 2 * SIZE, rng.normal(growth, 0.5)
            ahead = np.array([np.cos(direction), np.sin(direction)]) * rng.uniform(0.5, 1.3) * 2 * SIZE
            bend = start + ahead / 2 + rng.normal(0, 0.12 * 2 * SIZE, 2)
            curve = (1 - steps) ** 2 * start + 2 * steps * (1 - steps) * bend + steps**2 * (start + ahead)
            pen.line([tuple(point) for point in curve.tolist()], fill=255, width=int(rng.integers(2, 5)))
        cover = np.asarray(canvas.reduce(2), np.float32) / 255
        opacity = np.float32(rng.uniform(0.7, 0.92))
        self._blend(cover * opacity, (0.12, 0.09, 0.08) if rng.random() < 0.8 else (0.70, 0.60, 0.44))
        return cover > 0

    def ruler(self, rng: np.random.Generator) -> np.ndarray:
        """A printed scale along one side of the picture: a line with ticks, every fifth one longer."""
        canvas = Image.new("L", (SIZE, SIZE))
        pen = ImageDraw.Draw(canvas)
        edge, spacing, first = int(rng.integers(4, 14)), rng.uniform(8, 13), rng.uniform(0, 8)
        pen.line([(0, edge), (SIZE, edge)], fill=255)
        for number, place in enumerate(np.arange(first, SIZE, spacing)):
            length, width = (15, 2) if number % 5 == 0 else (8, 1)
            pen.line([(place, edge), (place, edge + length)], fill=255, width=width)
        cover = np.rot90(np.asarray(canvas, np.float32) / 255, int(rng.integers(4)))
        self._blend(np.float32(0.85) * cover, (0.06, 0.06, 0.07))
        return cover > 0

    def bubbles(self, rng: np.random.Generator) -> np.ndarray:
        """Air bubbles in the gel: bright rings round a slightly brighter disc."""
        cells = self.scene.frame.cells(rng, rng.uniform(38, 55), jitter=0.95)
        radius = 3 + 9 * cells.size**2
        chosen = (cells.choice < 0.25).astype(np.float32)
        ring = step(1.8 - np.abs(cells.centre - radius), 1.6) * chosen
        disc = step(radius - cells.centre, 1.2) * chosen
        self.picture *= 1 + np.float32(0.08) * disc
        self.picture += np.float32(0.16) * ring
        return (ring > 0) | (disc > 0)

    def ink(self, rng: np.random.Generator) -> np.ndarray:
        """A stroke of a surgical pen beside the lesion."""
        direction, distance, half_width = rng.uniform(0, 2 * np.pi), rng.uniform(0.36, 0.46) * SIZE, rng.uniform(4, 8)
        across = PIXEL[None, :] * np.float32(np.cos(direction)) + PIXEL[:, None] * np.float32(np.sin(direction))
        across = across + 5 * self.scene.frame.noise("soft", rng)
        stroke = step(half_width - np.abs(across - distance), 3.0)
        stroke *= np.clip(0.78 + 0.16 * self.scene.frame.noise("rough", rng), 0.2, 1).astype(np.float32)
        self._blend(stroke * np.float32(rng.uniform(0.6, 0.85)), (0.30, 0.22, 0.55))
        return stroke > 0

    def vignette(self, rng: np.random.Generator) -> np.ndarray:
        """The dark corners of a round lens."""
        light = step(np.float32(rng.uniform(0.52, 0.62) * SIZE) - FROM_CENTRE, rng.uniform(3, 9))
        self.picture *= 0.03 + 0.97 * light
        return light < 1

    def taken(self, attributes: dict[str, Any], streams: dict[str, np.random.Generator]) -> tuple[np.ndarray, dict]:
        """The picture as uint8 (SIZE, SIZE, 3) RGB, and a bool mask for each artefact in it."""
        light, sensor = streams["light"], streams["sensor"]
        slope = light.uniform(-0.06, 0.06, 2).tolist()
        shade = 1 + (PIXEL[None, :] * slope[0] + PIXEL[:, None] * slope[1]) / SIZE
        falloff = light.uniform(0, 0.16) * (FROM_CENTRE / (0.7 * SIZE)) ** 2
        self.picture = self.picture * (shade * (1 - falloff)).astype(np.float32)
        drawn = [name for name in ("bubbles", "ink", "hair", "ruler", "vignette") if attributes[name]]
        artefacts = {name: getattr(self, name)(streams[name]) for name in drawn}
        gain = (1 + light.normal(0, 0.02, 3)) * light.uniform(0.94, 1.05) * 255
        self.picture *= gain.astype(np.float32)[:, None, None]
        # One grain for all channels plus a coarser one: sensor noise after the camera's own smoothing.
        self.picture += 2.6 * self.scene.frame.noise("grain", sensor) + 1.6 * self.scene.frame.noise("rough", sensor)
        seen = np.clip(self.picture, 0, 255).astype(np.uint8)
        return np.ascontiguousarray(seen.transpose(1, 2, 0)), artefacts
