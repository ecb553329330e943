"""41 kinds of complaints, none the picture of a disease: a mole, and four shapes, each in five colours, with scales or
without. Painted on skin, with the mask of the skin that has changed. Five of them have short names.
"""

from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image
from scipy import ndimage

from dermxai_helpers.synth.attributes import ARTEFACTS
from dermxai_helpers.synth.drawing import draw
from dermxai_helpers.synth.surroundings import COLUMNS, ROWS, SIZE, Body, cloud

Painted = tuple[np.ndarray, np.ndarray]  # picture float (SIZE, SIZE, 3), changed skin bool (SIZE, SIZE)
Spot = tuple[np.ndarray, np.ndarray]  # cover float (SIZE, SIZE), changed place bool (SIZE, SIZE)
WHITE_SCALE = np.float32([226, 214, 204])
COLOURS = {  # what is left of the skin's red, green and blue
    "red": (0.95, 0.52, 0.50), "brown": (0.62, 0.50, 0.42), "violet": (0.72, 0.50, 0.85),
    "yellow": (1.00, 0.88, 0.50), "pale": (1.15, 1.30, 1.40)}  # fmt: skip


def mole(picture: np.ndarray, body: Body, rng: np.random.Generator) -> Painted:
    """A drawn lesion of the course, reduced and set on the skin."""
    close_up = draw(int(rng.integers(2**31)), artefact_chances=dict.fromkeys(ARTEFACTS, 0))
    around = np.median(close_up.image[~ndimage.binary_dilation(close_up.mask, iterations=8)], axis=0)
    layers = np.moveaxis(np.dstack([close_up.image - around, close_up.mask]).astype(np.float32), 2, 0)
    *colours, mask = (_placed(layer, body.centre, int(2.3 * body.room)) for layer in layers)
    cover = ndimage.gaussian_filter(ndimage.maximum_filter(mask, 5), 1.5) * body.cover
    return picture + np.dstack(colours) * cover[..., None], (mask > 0.5) & body.skin


def ring(body: Body, rng: np.random.Generator) -> Spot:
    """A rim with a pale middle; what it surrounds counts as changed, too."""
    radius, wide = rng.uniform(0.62, 0.85) * body.room, rng.uniform(0.16, 0.24) * body.room
    distance = _from_centre(body, rng) + 0.07 * body.room * cloud(rng, 9)
    return 0.95 * np.exp(-(((distance - radius) / wide) ** 2)), distance < radius + wide


def plaque(body: Body, rng: np.random.Generator) -> Spot:
    """A thick patch with a sharp border."""
    distance = _from_centre(body, rng) + 0.14 * body.room * cloud(rng, 7)
    inside = np.clip((rng.uniform(0.7, 0.9) * body.room - distance) / 2 + 0.5, 0, 1)
    return inside * (1 + 0.1 * cloud(rng, 45)), inside > 0.5


def bumps(body: Body, rng: np.random.Generator) -> Spot:
    """Small bumps on all the skin: all of it counts as changed."""
    pitch = rng.uniform(9, 12)
    grid = np.mgrid[-pitch:SIZE + pitch:pitch, -pitch:SIZE + pitch:pitch].reshape(2, -1)
    rows, columns = grid + rng.normal(0, 0.24 * pitch, grid.shape)
    seen = (rows >= 0) & (rows < SIZE) & (columns >= 0) & (columns < SIZE)
    dots = np.zeros((SIZE, SIZE), np.float32)
    np.add.at(dots, (rows[seen].astype(int), columns[seen].astype(int)), rng.uniform(0.6, 1.3, seen.sum()))
    return np.clip(ndimage.gaussian_filter(dots, 1.7) / 0.055, 0, 1), np.ones((SIZE, SIZE), bool)


def patches(body: Body, rng: np.random.Generator) -> Spot:
    """Several flat patches with soft, ragged borders."""
    near = np.exp(-((_from_centre(body, rng) / (1.5 * body.room)) ** 4))
    field = cloud(rng, 9) + 0.35 * cloud(rng, 30)
    field -= np.quantile(field[(near > 0.5) & body.skin], 0.55)  # somewhat less than half of the place
    seen = np.clip(field * 3 + 0.5, 0, 1) * (near > 0.3) * near
    return 0.9 * seen, seen > 0.4


def _painted(
    shape: Callable, colour: str, scaly: bool, picture: np.ndarray, body: Body, rng: np.random.Generator
) -> Painted:
    """A shape in a colour on the skin, with white scales on it or without; bumps throw shadows."""
    cover, affected = shape(body, rng)
    cover = np.clip(cover, 0, 1) * body.cover
    painted = _blend(picture, picture * np.float32(COLOURS[colour]), cover)
    if shape is bumps:
        painted -= (34 * np.gradient(cover)[0])[..., None]
    if scaly:
        flakes = ndimage.uniform_filter((cloud(rng, 30) + 0.5 * cloud(rng, 80) > 0.35).astype(np.float32), 3)
        painted = _blend(painted, WHITE_SCALE * body.shade[..., None], 0.8 * flakes * cover)
    return painted, affected & body.skin


SHAPES = {shape.__name__: shape for shape in (ring, plaque, bumps, patches)}
KINDS = {"mole": mole} | {
    f"{'scaly ' * scaly}{colour} {name}": partial(_painted, shape, colour, scaly)
    for colour in COLOURS for scaly in (False, True) for name, shape in SHAPES.items()}  # fmt: skip
FIVE = {"mole": "mole", "ring": "scaly red ring", "plaque": "scaly red plaque", "bumps": "red bumps",
        "patches": "red patches"}  # fmt: skip


def _from_centre(body: Body, rng: np.random.Generator) -> np.ndarray:
    """Distance from the body's centre in pixels, in a plane slightly squeezed in some direction."""
    down, right = ROWS - body.centre[0], COLUMNS - body.centre[1]
    angle, squeezed = rng.uniform(0, np.pi), rng.uniform(1, 1.25)
    along, beside = right * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - right * np.sin(angle)
    return np.hypot(along, beside * squeezed)


def _blend(below: np.ndarray, above: np.ndarray, cover: np.ndarray) -> np.ndarray:
    return below + (above - below) * cover[..., None]


def _placed(layer: np.ndarray, centre: tuple[float, float], across: int) -> np.ndarray:
    """A layer, float (224, 224), reduced to `across` pixels around a centre, with zeros around."""
    canvas, (top, left) = Image.new("F", (SIZE, SIZE)), (round(place - across / 2) for place in centre)
    canvas.paste(Image.fromarray(layer).resize((across, across), Image.Resampling.BILINEAR), (left, top))
    return np.asarray(canvas)
