"""Textures to draw with: a bank of noise tiles made once per process, and a frame that reads them for a photograph.

Every tile repeats without a seam. It is stored row after row, as on a helix: who leaves it on the right enters one row
further down. So a window is a start and one list of places, whatever it crosses.
"""

from collections import namedtuple
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from scipy.spatial import cKDTree

SIZE = 224  # pixels of a drawn photograph, both sides
TILE = 384  # period of a noise tile, in pixels
MARGIN = 240  # a rotated, shrunk photograph reaches this far from the lesion's centre
CELL_TILE = 576  # period of a tile of cells
CELL_SPACING = 24.0  # mean distance between cell centres in a tile of cells
BANK_SEED = 7
Cells = namedtuple("Cells", "centre wall size choice")  # see `Frame.cells`


@lru_cache(maxsize=1)
def _bank() -> dict[str, list[np.ndarray]]:
    """Tiles by kind, each flat and long enough to read a whole photograph from any starting point."""
    rng = np.random.default_rng(BANK_SEED)
    one_scale = np.exp(-(((np.hypot(*_spectrum_axes()) - 22) / 4.5) ** 2))  # zero crossings wind like folds of a brain
    tiles = {
        "soft": [_cloud(rng, exponent=2.6) for _ in range(6)],
        "rough": [_cloud(rng, exponent=1.7) for _ in range(6)],
        "grain": [rng.standard_normal((TILE, TILE)).astype(np.float32) for _ in range(3)],
        "skin": [_skin_lines(rng) for _ in range(4)],
        "winding": [_filtered(rng, one_scale) for _ in range(3)],
    }
    return {kind: [np.resize(tile, TILE * TILE + 2 * MARGIN * (TILE + 1)) for tile in of] for kind, of in tiles.items()}


@lru_cache
def _cell_tile(jitter: float) -> np.ndarray:
    """Cells, float32 (CELL_TILE * CELL_TILE, 4); `jitter`: how far centres stray from a hexagonal grid, in spacings."""
    rng = np.random.default_rng(BANK_SEED + int(100 * jitter))
    rows = 2 * round(CELL_TILE / CELL_SPACING / 0.866 / 2)
    columns = round(CELL_TILE / CELL_SPACING)
    row, column = np.mgrid[:rows, :columns]
    centres = np.stack([(row + 0.5) / rows, (column + 0.25 + 0.5 * (row % 2)) / columns], axis=-1).reshape(-1, 2)
    centres = (centres * CELL_TILE + rng.uniform(-0.5, 0.5, centres.shape) * jitter * CELL_SPACING) % CELL_TILE
    pixels = np.stack(np.mgrid[:CELL_TILE, :CELL_TILE], axis=-1).reshape(-1, 2) + 0.5
    distance, index = cKDTree(centres, boxsize=CELL_TILE).query(pixels, k=2)
    random_numbers = rng.random((2, len(centres)))[:, index[:, 0]]
    return np.stack([distance[:, 0], distance[:, 1] - distance[:, 0], *random_numbers], axis=1, dtype=np.float32)


def _spectrum_axes() -> tuple[np.ndarray, np.ndarray]:
    return np.meshgrid(np.fft.fftfreq(TILE) * TILE, np.fft.rfftfreq(TILE) * TILE, indexing="ij")


def _filtered(rng: np.random.Generator, gain: np.ndarray) -> np.ndarray:
    """White noise filtered in the frequency domain, scaled to mean 0 and standard deviation 1."""
    field = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((TILE, TILE))) * gain, s=(TILE, TILE))
    return ((field - field.mean()) / field.std()).astype(np.float32)


def _cloud(rng: np.random.Generator, exponent: float) -> np.ndarray:
    """Cloud-like noise whose amplitude falls with frequency to the given power; the larger, the smoother."""
    frequency = np.hypot(*_spectrum_axes())
    frequency[0, 0] = 1
    return _filtered(rng, frequency**-exponent * (frequency >= 2))


def _skin_lines(rng: np.random.Generator) -> np.ndarray:
    """The criss-cross of fine furrows on skin: ridges of three noises, each stretched along one direction."""
    down, across = _spectrum_axes()
    lines = np.zeros((TILE, TILE), np.float32)
    for angle in rng.uniform(0, np.pi, 3):
        along = across * np.cos(angle) + down * np.sin(angle)
        beside = down * np.cos(angle) - across * np.sin(angle)
        pitch = rng.uniform(30, 44)
        lines += np.clip(_filtered(rng, np.exp(-(((np.abs(along) - pitch) / 11) ** 2) - (beside / 14) ** 2)), 0, 3)
    return (lines - lines.mean()) / lines.std()


def streams(seed: Sequence[int], names: Sequence[str]) -> dict[str, np.random.Generator]:
    """An independent stream of random numbers for each name: what one of them draws moves no other."""
    children = np.random.SeedSequence(seed).spawn(len(names))
    return {name: np.random.default_rng(child) for name, child in zip(names, children, strict=True)}


class Frame:
    """Where pixels lie on the lesion: u right of, v below its centre, float32 (SIZE, SIZE), in pixels at zoom 1."""

    def __init__(self, rotation: float, zoom: float, shift: tuple[float, float]):
        pixel = (np.arange(SIZE, dtype=np.float32) - SIZE / 2 + 0.5) / np.float32(zoom)
        right, down = pixel[None, :] - np.float32(shift[0]), pixel[:, None] - np.float32(shift[1])
        cosine, sine = np.float32(np.cos(rotation)), np.float32(np.sin(rotation))
        self.u, self.v = cosine * right + sine * down, cosine * down - sine * right
        self._place = (self.v + MARGIN).astype(np.intp) * TILE + (self.u + MARGIN).astype(np.intp)

    def noise(self, kind: str, rng: np.random.Generator) -> np.ndarray:
        """A field of mean about 0 and standard deviation about 1: 'soft', 'rough', 'grain', 'skin' or 'winding'."""
        tiles = _bank()[kind]
        tile, start = tiles[rng.integers(len(tiles))], rng.integers(TILE * TILE)
        return tile[start:].take(self._place, mode="wrap")  # never wraps; it is the mode that checks least

    def cells(self, rng: np.random.Generator, spacing: float, jitter: float, bend: float = 0.0) -> Cells:
        """Cells `spacing` pixels apart; a smooth noise moves them by about `bend` pixels, so that rows bend.

        centre, wall : distance to the nearest centre, and to the wall beside it (near it twice the true one), in pixels
        size, choice : independent random numbers in [0, 1), constant inside a cell; all are float32 (SIZE, SIZE)
        """
        scale = np.float32(CELL_SPACING / spacing)
        row, column = rng.integers(CELL_TILE, size=2)
        v = (self.v + np.float32(bend) * self.noise("soft", rng)) * scale
        u = (self.u + np.float32(bend) * self.noise("soft", rng)) * scale
        place = (v.astype(np.int32) + row) % CELL_TILE * CELL_TILE + (u.astype(np.int32) + column) % CELL_TILE
        centre, wall, size, choice = np.moveaxis(_cell_tile(jitter).take(place, axis=0), -1, 0)
        return Cells(centre / scale, wall / scale, size, choice)


def step(field: np.ndarray, softness: float) -> np.ndarray:
    """0 where `field` is well below zero, 1 well above, smooth over about `softness`; exactly 0 and 1 outside it."""
    ramp = np.clip(field * np.float32(0.5 / softness) + np.float32(0.5), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)
