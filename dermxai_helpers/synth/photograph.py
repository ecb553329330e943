"""From a painted lesion to a photograph: light, camera, and what lies on or beside the skin."""

from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from dermxai_helpers.synth.attributes import SKIN
from dermxai_helpers.synth.lesion import BLOOD, BLUE, MELANIN, Scene
from dermxai_helpers.synth.noise import SIZE, step

PIXEL = np.arange(SIZE, dtype=np.float32) - SIZE / 2 + 0.5
FROM_CENTRE = np.sqrt(PIXEL[None, :] ** 2 + PIXEL[:, None] ** 2)


def develop(scene: Scene, skin: str, rng: np.random.Generator) -> np.ndarray:
    """Colour under white light, float32 (3, SIZE, SIZE), 0 to 1; `rng` is the same in all photographs of a lesion."""
    tone = np.array(SKIN[skin], np.float32) / 255 * (1 + rng.normal(0, 0.012, 3)).astype(np.float32)
    picture = np.empty((3, SIZE, SIZE), np.float32)
    for channel in range(3):
        absorbance = MELANIN[channel] * scene.melanin + BLOOD[channel] * scene.blood + BLUE[channel] * scene.blue
        picture[channel] = tone[channel] * np.exp(-absorbance)
    if not scene.white.any():
        return picture
    # Scattered light is a little whiter than the skin itself.
    veil = np.clip(scene.white, 0, 0.75)
    glow = tone * np.float32(0.6) + np.array([0.37, 0.36, 0.37], np.float32)
    return picture * (1 - veil) + veil * glow[:, None, None]


def _blend(picture: np.ndarray, cover: np.ndarray, colour: tuple[float, float, float]) -> None:
    picture *= 1 - cover
    picture += cover * np.array(colour, np.float32)[:, None, None]


def hair(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
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
    _blend(picture, cover * opacity, (0.12, 0.09, 0.08) if rng.random() < 0.8 else (0.70, 0.60, 0.44))
    return cover > 0


def ruler(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """A printed scale along one side of the picture: a line with ticks, every fifth one longer."""
    canvas = Image.new("L", (SIZE, SIZE))
    pen = ImageDraw.Draw(canvas)
    edge, spacing, first = int(rng.integers(4, 14)), rng.uniform(8, 13), rng.uniform(0, 8)
    pen.line([(0, edge), (SIZE, edge)], fill=255)
    for number, place in enumerate(np.arange(first, SIZE, spacing)):
        pen.line([(place, edge), (place, edge + (15 if number % 5 == 0 else 8))], fill=255, width=1 + (number % 5 == 0))
    cover = np.rot90(np.asarray(canvas, np.float32) / 255, int(rng.integers(4)))
    _blend(picture, np.float32(0.85) * cover, (0.06, 0.06, 0.07))
    return cover > 0


def bubbles(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """Air bubbles in the gel: bright rings round a slightly brighter disc."""
    cells = scene.frame.cells(rng, rng.uniform(38, 55), jitter=0.95)
    radius = 3 + 9 * cells.size**2
    chosen = (cells.choice < 0.25).astype(np.float32)
    ring = step(1.8 - np.abs(cells.centre - radius), 1.6) * chosen
    disc = step(radius - cells.centre, 1.2) * chosen
    picture *= 1 + np.float32(0.08) * disc
    picture += np.float32(0.16) * ring
    return (ring > 0) | (disc > 0)


def ink(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """A stroke of a surgical pen beside the lesion."""
    direction, distance, half_width = rng.uniform(0, 2 * np.pi), rng.uniform(0.36, 0.46) * SIZE, rng.uniform(4, 8)
    across = PIXEL[None, :] * np.float32(np.cos(direction)) + PIXEL[:, None] * np.float32(np.sin(direction))
    across = across + 5 * scene.frame.noise("soft", rng)
    stroke = step(half_width - np.abs(across - distance), 3.0)
    stroke *= np.clip(0.78 + 0.16 * scene.frame.noise("rough", rng), 0.2, 1).astype(np.float32)
    _blend(picture, stroke * np.float32(rng.uniform(0.6, 0.85)), (0.30, 0.22, 0.55))
    return stroke > 0


def vignette(picture: np.ndarray, scene: Scene, rng: np.random.Generator) -> np.ndarray:
    """The dark corners of a round lens."""
    light = step(np.float32(rng.uniform(0.52, 0.62) * SIZE) - FROM_CENTRE, rng.uniform(3, 9))
    picture *= 0.03 + 0.97 * light
    return light < 1


DRAWN = {add.__name__: add for add in (bubbles, ink, hair, ruler, vignette)}


def photograph(
    scene: Scene, picture: np.ndarray, attributes: dict[str, Any], streams: dict[str, np.random.Generator]
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """The picture as uint8 (SIZE, SIZE, 3) RGB, and a bool mask for each artefact in it."""
    light, sensor = streams["light"], streams["sensor"]
    slope = light.uniform(-0.06, 0.06, 2).tolist()
    shade = 1 + (PIXEL[None, :] * slope[0] + PIXEL[:, None] * slope[1]) / SIZE
    falloff = light.uniform(0, 0.16) * (FROM_CENTRE / (0.7 * SIZE)) ** 2
    picture = picture * (shade * (1 - falloff)).astype(np.float32)
    artefacts = {name: add(picture, scene, streams[name]) for name, add in DRAWN.items() if attributes[name]}
    gain = (1 + light.normal(0, 0.02, 3)) * light.uniform(0.94, 1.05) * 255
    picture *= gain.astype(np.float32)[:, None, None]
    # One grain for all channels plus a coarser one: sensor noise after the camera's own smoothing.
    picture += 2.6 * scene.frame.noise("grain", sensor) + 1.6 * scene.frame.noise("rough", sensor)
    np.clip(picture, 0, 255, out=picture)
    return np.ascontiguousarray(picture.astype(np.uint8).transpose(1, 2, 0)), artefacts
