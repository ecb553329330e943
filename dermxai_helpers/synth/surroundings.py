"""What surrounds the skin in a photograph taken at home, and the shapes in which skin comes into such a picture."""

import numpy as np
from PIL import Image, ImageDraw

SIZE = 224
ROWS, COLUMNS = np.mgrid[:SIZE, :SIZE].astype(np.float32)


class Body:
    """A part of the body in the picture; arrays are float (SIZE, SIZE).

    distance : pixels from each point to the edge of the skin, negative outside; it darkens over `depth` pixels
    centre, room : (row, column) where a complaint sits, pixels from there to the end of the skin; nail : 1 on a nail
    """

    def __init__(self, distance: np.ndarray, depth: float, centre: tuple[float, float], room: float, nail=0.0):
        self.centre, self.room, self.nail = centre, room, nail * np.ones_like(distance)
        self.cover = np.clip(distance / 2.5 + 0.5, 0, 1)  # 1 on skin, 0 elsewhere, with a soft edge
        self.shade = 0.58 + 0.42 * np.sqrt(np.clip(distance / depth, 0, 1))  # how much light falls on the skin
        self.skin = self.cover > 0.5


def cloud(rng: np.random.Generator, cells: int) -> np.ndarray:
    """Smooth noise, mean 0 and standard deviation 1, about `cells` hills to a side: float32 (SIZE, SIZE)."""
    coarse = Image.fromarray(rng.normal(size=(cells, cells)).astype(np.float32))
    fine = np.asarray(coarse.resize((SIZE, SIZE), Image.Resampling.BICUBIC))
    return (fine - fine.mean()) / fine.std()


def laptop(rng: np.random.Generator) -> np.ndarray:
    """Rows of dark keys with a light letter on each, on metal."""
    pitch, turned = rng.uniform(24, 30), rng.uniform(-0.15, 0.15)
    down, across = (coordinate / pitch for coordinate in _turned(turned))
    metal = np.full((SIZE, SIZE, 3), rng.uniform(120, 175), np.float32)
    in_row, in_key = down % 1, (across + 0.4 * (down // 1)) % 1  # each row of keys is shifted
    keys = (in_row > 0.14) & (in_key > 0.14)
    letter = (np.abs(in_row - 0.51) < 0.11) & (np.abs(in_key - 0.5) < 0.08)
    metal[keys], metal[keys & letter] = (38, 39, 43), (190, 192, 196)
    return metal


def paper(rng: np.random.Generator) -> np.ndarray:
    """A printed sheet: words in lines."""
    pitch = rng.uniform(11, 15)
    down, across = _turned(rng.uniform(-0.4, 0.4))
    words = np.sin(across / rng.uniform(3, 5) + 5 * np.sin(7 * np.floor(down / pitch))) > -0.5
    sheet = np.full((SIZE, SIZE, 3), (236, 234, 226), np.float32)
    sheet[((down / pitch) % 1 < 0.3) & words] = (70, 72, 88)
    return sheet


def desk(rng: np.random.Generator) -> np.ndarray:
    """Wood with its rings."""
    down, across = _turned(rng.uniform(-0.5, 0.5))
    rings = np.sin(down / rng.uniform(4, 7) + 2.5 * cloud(rng, 5) + across / 60)
    return np.float32([156, 108, 70]) + (14 * rings + 5 * cloud(rng, 40))[..., None] * np.float32([1, 0.8, 0.6])


def cloth(rng: np.random.Generator) -> np.ndarray:
    """Striped, folded fabric in some blue or green."""
    down, across = _turned(rng.uniform(0, np.pi))
    colour = np.float32([rng.uniform(40, 80), rng.uniform(80, 130), rng.uniform(110, 160)])
    stripes = (across / rng.uniform(14, 22)) % 1 < 0.35
    folds = 1 + 0.18 * cloud(rng, 4)[..., None]
    return np.where(stripes[..., None], colour * 1.45, colour) * folds + 4 * cloud(rng, 90)[..., None]


def tiles(rng: np.random.Generator) -> np.ndarray:
    """Pale bathroom tiles with dark joints."""
    pitch = rng.uniform(38, 52)
    down, across = _turned(rng.uniform(-0.3, 0.3))
    joints = ((down / pitch) % 1 < 0.07) | ((across / pitch) % 1 < 0.07)
    wall = np.float32([196, 214, 212]) + 5 * cloud(rng, 6)[..., None]
    return np.where(joints[..., None], np.float32([118, 122, 120]), wall)


def finger(rng: np.random.Generator) -> Body:
    """A finger that comes in from the left, with its nail."""
    along, across = _axis(rng, rng.uniform(-0.5, 0.5))
    half_width, tip = rng.uniform(33, 42), rng.uniform(62, 82)
    distance = half_width - np.hypot(across, np.maximum(along - (tip - half_width), 0))
    middle = tip - 0.42 * half_width
    nail = np.clip(6 * (1 - np.hypot((along - middle) / (0.42 * half_width), across / (0.5 * half_width))), 0, 1)
    back = rng.uniform(18, 32)  # the complaint sits behind the nail
    return Body(distance, half_width, _where(along + back, across), 0.78 * half_width, nail)


def forearm(rng: np.random.Generator) -> Body:
    """An arm across the picture."""
    along, across = _axis(rng, rng.uniform(0, np.pi))
    half_width = rng.uniform(58, 74)
    centre = _where(along + rng.uniform(-30, 30), across)
    return Body(half_width - np.abs(across), half_width, centre, 0.62 * half_width)


def shoulder(rng: np.random.Generator) -> Body:
    """A round shoulder that rises from a lower corner."""
    corner, radius = SIZE * rng.choice([0.15, 0.85]), rng.uniform(150, 175)
    distance = radius - np.hypot(ROWS - SIZE * 1.02, COLUMNS - corner)
    away = SIZE * 0.5 - corner
    return Body(distance, radius / 2, (SIZE * rng.uniform(0.55, 0.68), corner + away * rng.uniform(0.4, 0.9)), 40)


def scalp(rng: np.random.Generator) -> Body:
    """Skin nearly everywhere, with an edge beside it; `with_hair` covers it."""
    along, across = _axis(rng, rng.uniform(0, 2 * np.pi))
    return Body(rng.uniform(62, 84) - across, 90, _where(along, across + rng.uniform(-5, 25)), 46)


def with_hair(picture: np.ndarray, cover: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The picture with some sixty long hairs over the skin."""
    canvas = Image.new("L", (2 * SIZE, 2 * SIZE))
    pen = ImageDraw.Draw(canvas)
    direction = rng.uniform(0, np.pi)
    for _ in range(rng.integers(45, 70)):
        angle, bend = direction + rng.normal(0, 0.25), rng.normal(0, 0.5)
        start, steps = rng.uniform(-60, 2 * SIZE + 60, 2), np.linspace(0, 1, 14)
        length, angles = rng.uniform(120, 380), angle + bend * steps
        points = start + length * (steps * np.stack([np.cos(angles), np.sin(angles)])).T
        pen.line([tuple(point) for point in points.tolist()], fill=255, width=int(rng.integers(2, 5)), joint="curve")
    drawn = np.asarray(canvas.resize((SIZE, SIZE), Image.Resampling.BILINEAR), np.float32) / 255
    hair = 0.88 * (drawn * cover)[..., None]
    return picture * (1 - hair) + hair * np.float32([42, 30, 24])


BACKGROUNDS = {paint.__name__: paint for paint in (laptop, paper, desk, cloth, tiles)}
PLACES = {shape.__name__: shape for shape in (finger, forearm, shoulder, scalp)}


def _turned(angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates down and across in a picture turned by `angle`, in pixels."""
    return (ROWS * np.cos(angle) - COLUMNS * np.sin(angle), COLUMNS * np.cos(angle) + ROWS * np.sin(angle))


def _axis(rng: np.random.Generator, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """Coordinates along and across a line through a point near the middle, in pixels."""
    down, right = (SIZE / 2 + rng.uniform(-16, 16, 2)).astype(np.float32)
    rows, columns = ROWS - down, COLUMNS - right
    return columns * np.cos(angle) + rows * np.sin(angle), rows * np.cos(angle) - columns * np.sin(angle)


def _where(along: np.ndarray, across: np.ndarray) -> tuple[float, float]:
    """(row, column) of the pixel where both coordinates vanish."""
    row, column = np.unravel_index(np.argmin(along**2 + across**2), along.shape)
    return float(row), float(column)
