"""Five complaints, none the picture of a disease, each painted on skin with the mask of the skin it has changed."""

import numpy as np
from PIL import Image
from scipy import ndimage

from dermxai_helpers.synth.attributes import ARTEFACTS
from dermxai_helpers.synth.drawing import draw
from dermxai_helpers.synth.surroundings import COLUMNS, ROWS, SIZE, Body, cloud

Painted = tuple[np.ndarray, np.ndarray]  # picture float (SIZE, SIZE, 3), changed skin bool (SIZE, SIZE)
WHITE_SCALE = np.float32([226, 214, 204])


def mole(picture: np.ndarray, body: Body, rng: np.random.Generator) -> Painted:
    """A drawn lesion of the course, reduced and set on the skin."""
    close_up = draw(int(rng.integers(2**31)), artefact_chances=dict.fromkeys(ARTEFACTS, 0))
    across = int(2.3 * body.room)
    around = np.median(close_up.image[~ndimage.binary_dilation(close_up.mask, iterations=8)], axis=0)
    pasted, mask = _placed(close_up.image - around, close_up.mask.astype(np.float32), body.centre, across)
    cover = ndimage.gaussian_filter(ndimage.maximum_filter(mask, 5), 1.5) * body.cover
    return picture + pasted * cover[..., None], (mask > 0.5) & body.skin


def ring(picture: np.ndarray, body: Body, rng: np.random.Generator) -> Painted:
    """A red, slightly scaling ring with a pale middle; what it surrounds counts as changed, too."""
    radius, wide = rng.uniform(0.62, 0.85) * body.room, rng.uniform(0.16, 0.24) * body.room
    distance = _from_centre(body, rng) + 0.07 * body.room * cloud(rng, 9)
    rim = np.exp(-(((distance - radius) / wide) ** 2)) * body.cover
    scale = rim * (cloud(rng, 70) > 0.9)
    reddened = _blend(picture, picture * np.float32([0.98, 0.56, 0.54]), 0.9 * rim)
    return _blend(reddened, WHITE_SCALE, 0.55 * scale), (distance < radius + wide) & body.skin


def plaque(picture: np.ndarray, body: Body, rng: np.random.Generator) -> Painted:
    """A thick red patch with a sharp border, covered with white scales."""
    radius = rng.uniform(0.7, 0.9) * body.room
    distance = _from_centre(body, rng) + 0.14 * body.room * cloud(rng, 7)
    inside = np.clip((radius - distance) / 2 + 0.5, 0, 1) * body.cover
    light = 1 + 0.10 * cloud(rng, 45)
    scales = ndimage.uniform_filter((cloud(rng, 30) + 0.5 * cloud(rng, 80) > 0.35).astype(np.float32), 3)
    painted = _blend(picture, picture * np.float32([0.86, 0.42, 0.4]) * light[..., None], inside)
    flakes = WHITE_SCALE * (body.shade * light)[..., None]
    return _blend(painted, flakes, 0.8 * scales * inside), (inside > 0.5) & body.skin


def bumps(picture: np.ndarray, body: Body, rng: np.random.Generator) -> Painted:
    """Small red bumps on all the skin: all of it counts as changed."""
    pitch = rng.uniform(9, 12)
    grid = np.mgrid[-pitch:SIZE + pitch:pitch, -pitch:SIZE + pitch:pitch].reshape(2, -1)
    rows, columns = grid + rng.normal(0, 0.24 * pitch, grid.shape)
    seen = (rows >= 0) & (rows < SIZE) & (columns >= 0) & (columns < SIZE)
    dots = np.zeros((SIZE, SIZE), np.float32)
    np.add.at(dots, (rows[seen].astype(int), columns[seen].astype(int)), rng.uniform(0.6, 1.3, seen.sum()))
    hill = ndimage.gaussian_filter(dots, 1.7)
    hill = np.clip(hill / 0.055, 0, 1) * body.cover
    relief = np.gradient(hill)[0] * 34
    painted = _blend(picture, picture * np.float32([0.98, 0.62, 0.58]), 0.85 * hill)
    return painted - relief[..., None], body.skin


def patches(picture: np.ndarray, body: Body, rng: np.random.Generator) -> Painted:
    """Several flat red patches with soft, ragged borders."""
    near = np.exp(-((_from_centre(body, rng) / (1.5 * body.room)) ** 4))
    field = cloud(rng, 9) + 0.35 * cloud(rng, 30)
    field -= np.quantile(field[(near > 0.5) & body.skin], 0.55)  # red is somewhat less than half of the place
    red = np.clip(field * 3 + 0.5, 0, 1) * (near > 0.3) * near * body.cover
    return _blend(picture, picture * np.float32([0.97, 0.55, 0.53]), 0.85 * red), (red > 0.4) & body.skin


COMPLAINTS = {paint.__name__: paint for paint in (mole, ring, plaque, bumps, patches)}


def _from_centre(body: Body, rng: np.random.Generator) -> np.ndarray:
    """Distance from the body's centre in pixels, in a plane slightly squeezed in some direction."""
    down, right = ROWS - body.centre[0], COLUMNS - body.centre[1]
    angle, squeezed = rng.uniform(0, np.pi), rng.uniform(1, 1.25)
    along, beside = right * np.cos(angle) + down * np.sin(angle), down * np.cos(angle) - right * np.sin(angle)
    return np.hypot(along, beside * squeezed)


def _blend(below: np.ndarray, above: np.ndarray, cover: np.ndarray) -> np.ndarray:
    return below + (above - below) * cover[..., None]


def _placed(image: np.ndarray, mask: np.ndarray, centre: tuple[float, float], across: int) -> Painted:
    """image (224, 224, 3) and mask (224, 224), float, reduced to `across` pixels around a centre, with zeros around."""
    top, left = (round(place - across / 2) for place in centre)
    layers = []
    for layer in (*np.moveaxis(image.astype(np.float32), -1, 0), mask):
        small = np.asarray(Image.fromarray(layer).resize((across, across), Image.Resampling.BILINEAR))
        canvas = np.zeros((SIZE + 2 * across,) * 2, np.float32)  # with room for what hangs over the edge
        canvas[across + top:across + top + across, across + left:across + left + across] = small
        layers.append(canvas[across:-across, across:-across])
    return np.stack(layers[:3], axis=-1), layers[3]
