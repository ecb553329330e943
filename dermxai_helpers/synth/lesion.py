"""The lesion itself: its outline, its pigment and its structures, painted as absorbances.

Light is absorbed in skin (Beer and Lambert): colour = skin * exp(-(melanin + blood + blue)). One amount of melanin then
gives every shade from tan to black. Each structure has a random stream of its own: adding one leaves the rest alone.
"""

import math
from typing import Any

import numpy as np

from dermxai_helpers.synth.noise import SIZE, Frame, step

MELANIN = np.array([0.62, 1.00, 1.38], np.float32)  # absorbance in red, green, blue for one unit
BLOOD = np.array([0.12, 1.00, 0.82], np.float32)
BLUE = np.array([1.25, 0.86, 0.52], np.float32)  # melanin seen through thick skin looks blue
BASE_MELANIN = {"light brown": 0.42, "dark brown": 0.85}
ANGLES = 1440  # steps round the outline
# A turn measured along a diamond instead of a circle, -1 to 3: it costs one division where an arc tangent costs thirty.
DIAMOND = np.linspace(-1, 3, ANGLES, endpoint=False)
VISIBLE = 0.03  # a structure is where it covers at least this share of a pixel


def outline(symmetry: str, border_shape: str, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Radius in pixels for each of ANGLES directions, and the mean radius. Harmonic 1 would only shift a disc."""
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False, dtype=np.float32)
    mean_radius = rng.uniform(0.23, 0.34) * SIZE
    shape = 1 + rng.uniform(0.03, 0.16) * np.cos(2 * angle)
    third, fifth, bulge, side, width = rng.uniform((0.08, 0.03, 0.22, 0, 0.45), (0.16, 0.08, 0.42, 2 * np.pi, 0.75))
    phases = rng.uniform(0, 2 * np.pi, 40)
    if symmetry == "asymmetric":
        shape += third * np.cos(3 * angle + phases[0]) + fifth * np.cos(5 * angle + phases[1])
        away = np.angle(np.exp(1j * (angle - side)))
        shape += bulge * np.exp(-((away / width) ** 2)) - 0.6 * bulge * np.exp(-(((np.abs(away) - np.pi) / 0.8) ** 2))
    harmonics = np.arange(7, 33)
    sizes = np.abs(rng.normal(0, 0.13, len(harmonics))) / harmonics**0.9
    if border_shape == "irregular":
        shape += (sizes[:, None] * np.cos(harmonics[:, None] * angle + phases[2 : 2 + len(harmonics), None])).sum(0)
    shape = np.clip(shape, 0.35, None)
    return (shape / np.sqrt(np.mean(shape**2)) * mean_radius).astype(np.float32), mean_radius


def _in_each_direction(radii: np.ndarray, frame: Frame) -> np.ndarray:
    """Radii given at even angles, read off at the steps of DIAMOND, and those at each pixel, (SIZE, SIZE)."""
    across = np.where(DIAMOND > 1, np.abs(2 - DIAMOND) - 1, 1 - np.abs(DIAMOND))
    down = np.where(DIAMOND > 1, 2 - DIAMOND, DIAMOND)
    steps = radii[np.rint(np.arctan2(down, across) * (ANGLES / (2 * np.pi))).astype(int) % ANGLES]
    turn = frame.v / (np.abs(frame.u) + np.abs(frame.v) + np.float32(1e-6))
    places = (np.where(frame.u < 0, 3 - turn, 1 + turn) * np.float32(ANGLES / 4)).astype(np.intp)
    return steps.take(places, mode="clip")


class Scene:
    """What has been painted so far; every array is float32 (SIZE, SIZE)."""

    def __init__(self, frame: Frame, attributes: dict[str, Any], streams: dict[str, np.random.Generator]):
        """Bare skin with the outline on it."""
        radii, self.radius = outline(attributes["symmetry"], attributes["border_shape"], streams["outline"])
        radius, distance = _in_each_direction(radii, frame), np.sqrt(frame.u**2 + frame.v**2)
        edge, skin = streams["edge"], streams["skin"]
        soft, rough = (6.5, 6.0) if attributes["border_shape"] == "irregular" else (0.8, 0.6)
        wobble = soft * frame.noise("soft", edge) + rough * frame.noise("rough", edge)
        softness = edge.uniform(1.5, 3.0) if attributes["border_sharpness"] == "sharp" else edge.uniform(9, 15)
        lines, mottle = frame.noise("skin", skin), frame.noise("soft", skin)
        self.frame, self.parts = frame, {}
        self.depth = radius - distance + wobble  # distance to the outline in pixels, positive inside
        self.body = step(self.depth, softness)  # 1 inside the outline, 0 outside, soft at the edge
        self.share = distance / radius  # distance from the centre as a share of the outline's radius in that direction
        self.melanin = 0.015 * lines + 0.022 * mottle + 0.014 * frame.noise("rough", skin)
        self.blood = 0.012 * lines + 0.030 * frame.noise("soft", skin)
        self.blue, self.white = np.zeros((2, SIZE, SIZE), np.float32)

    @property
    def mask(self) -> np.ndarray:
        """bool (SIZE, SIZE): the lesion, its streaks included."""
        return (self.depth > 0) | self.parts.get("streaks", False)

    def fill(self, attributes: dict[str, Any], rng: np.random.Generator) -> None:
        """The base pigment: uneven like a cloud, darker towards the middle or, where asymmetric, towards one side."""
        base = BASE_MELANIN[attributes["pigments"][0]] * rng.uniform(0.88, 1.14)
        amount = base * (1 + 0.14 * self.frame.noise("soft", rng) + 0.09 * self.frame.noise("rough", rng))
        amount += rng.uniform(-0.06, 0.20) * (1 - self.share)
        direction, tilt = rng.uniform(0, 2 * np.pi), rng.uniform(0.12, 0.30)
        if attributes["symmetry"] == "asymmetric":
            amount += (base * tilt / self.radius) * self._towards(direction)
        self.melanin += np.clip(amount, 0.12, None) * self.body
        self.blood += rng.uniform(0.03, 0.10) * self.body

    def _towards(self, direction: float) -> np.ndarray:
        """How far each pixel lies in a direction (an angle), in pixels from the centre."""
        return self.frame.u * math.cos(direction) + self.frame.v * math.sin(direction)

    def _place(self, name: str, cover: np.ndarray) -> np.ndarray:
        """Notes where a structure lies and drops what nobody could see of it, so that its mask holds all it changes."""
        self.parts[name] = cover > VISIBLE
        return cover * self.parts[name]

    def _patch(self, rng: np.random.Generator, size: tuple[float, float]) -> np.ndarray:
        """A ragged patch inside the lesion, 0 to 1. `size` is the range of its radius as a share of the lesion's."""
        reach, direction = self.radius * math.sqrt(rng.uniform(0, 0.22)), rng.uniform(0, 2 * math.pi)
        stretch, turn = rng.uniform(0.7, 1.4), rng.uniform(0, math.pi)
        along = self._towards(turn) - reach * math.cos(direction - turn)
        across = self._towards(turn + math.pi / 2) - reach * math.sin(direction - turn)
        distance = np.sqrt((along * stretch) ** 2 + (across / stretch) ** 2)
        ragged = 0.20 * self.frame.noise("soft", rng) + 0.13 * self.frame.noise("rough", rng)
        field = rng.uniform(*size) - distance / self.radius + ragged
        uneven = np.clip(0.82 + 0.20 * self.frame.noise("rough", rng), 0.35, 1.1)
        return step(field, rng.uniform(0.16, 0.30)) * uneven * self.body

    def second_pigments(self, pigments: tuple[str, ...], streams: dict[str, np.random.Generator]) -> None:
        """A patch for each pigment beyond the first."""
        for pigment in pigments[1:]:
            patch = self._patch(streams[pigment], (0.34, 0.55))
            if pigment == "black":
                self.melanin += patch * streams[pigment].uniform(0.9, 1.3)
            elif pigment == "dark brown":
                self.melanin += patch * streams[pigment].uniform(0.45, 0.65)
            elif pigment == "light brown":
                self.melanin *= 1 - 0.55 * patch
            else:
                self.blood += patch * streams[pigment].uniform(0.28, 0.45)
                self.melanin *= 1 - 0.45 * patch

    def network(self, kind: str, rng: np.random.Generator) -> None:
        """Pigment network, brown lines round pale holes. Typical: even, fading outwards; atypical: broad, broken."""
        frame, typical = self.frame, kind == "typical"
        spacing = rng.uniform(6.5, 8.5) if typical else rng.uniform(8.5, 13)
        cells = frame.cells(rng, spacing, jitter=0.55, bend=rng.uniform(5, 8) if typical else rng.uniform(8, 13))
        rough, soft = frame.noise("rough", rng), frame.noise("soft", rng)
        width = (1.5 + 0.3 * rough) if typical else (2.2 + 1.1 * rough + 2.2 * (cells.size - 0.5))
        lines = np.exp(-((cells.wall / np.clip(width, 0.6, 5.5)) ** 2))
        place = 0.93 - self.share + 0.05 * soft if typical else 0.35 * soft + rng.uniform(0.1, 0.3) + 0.12 * rough
        cover = self._place("network", step(place, 0.16) * self.body)
        strength = (rng.uniform(0.32, 0.46) if typical else rng.uniform(0.55, 0.8)) * np.clip(1 + 0.3 * soft, 0.4, 1.5)
        self.melanin += cover * (strength * lines - 0.16 - 0.12 * self.melanin * (1 - lines))

    def dots(self, kind: str, rng: np.random.Generator) -> None:
        """Dots and globules. Regular: alike and spread evenly; irregular: of all sizes, darker, on one side."""
        frame, regular = self.frame, kind == "regular"
        spacing = rng.uniform(8.5, 12) if regular else rng.uniform(10, 15)
        cells = frame.cells(rng, spacing, jitter=0.75, bend=rng.uniform(2, 5))
        if regular:
            radius, chosen = spacing * (0.20 + 0.10 * cells.size), cells.choice < 0.9
            place = 0.9 - self.share
        else:
            radius, chosen = spacing * (0.10 + 0.32 * cells.size**1.5), cells.choice < rng.uniform(0.55, 0.75)
            place = np.minimum(0.93 - self.share, 0.45 + self._towards(rng.uniform(0, 2 * np.pi)) / self.radius)
        radius = radius * (1 + 0.10 * frame.noise("rough", rng))
        spots = np.clip(0.55 + 0.6 * cells.size, 0, 1) * step(radius - cells.centre, 1.4) * chosen * step(place, 0.08)
        spots = self._place("dots", spots * self.body)
        self.melanin += spots * (rng.uniform(0.45, 0.7) if regular else rng.uniform(0.8, 1.15))

    def streaks(self, rng: np.random.Generator) -> None:
        """Radial streaks: tapered fingers that grow out of the border on one part of it, bent and of unequal length."""
        frame, count, arc = self.frame, int(rng.integers(12, 24)), rng.uniform(0.35, 0.75) * 2 * np.pi
        middle = (rng.uniform(0, 2 * np.pi) + np.sort(rng.uniform(0, arc, count))) % (2 * np.pi) - np.pi
        width, length = rng.uniform(0.05, 0.16, count), rng.uniform(0.10, 0.38, count)
        ring = (self.share > 0.7) & (self.share < 1.5)  # no finger leaves it, so nothing else need be computed
        share = self.share[ring]
        bent = np.arctan2(frame.v[ring], frame.u[ring]) + 0.10 * frame.noise("soft", rng)[ring] * (share - 0.8)
        fingers = np.zeros_like(share)
        for centre, half_width, reach in zip(middle.tolist(), width.tolist(), length.tolist(), strict=True):
            along = np.clip((share - 0.78) / (0.22 + reach), -0.2, 1.2)
            away = np.pi - np.abs(np.pi - np.abs(bent - centre))
            inside = half_width * np.clip(1 - along, 0, 1) ** 0.8 - away
            finger = step(inside, 0.04) * step(along, 0.25) * np.clip(1.15 - along, 0, 1)
            np.maximum(fingers, finger, out=fingers)
        whole = np.zeros((SIZE, SIZE), np.float32)
        whole[ring] = fingers
        whole = self._place("streaks", whole)
        amount = rng.uniform(0.75, 1.05)
        self.melanin += whole * (np.clip(amount - self.melanin, 0, None) + 0.25 * amount * self.body)

    def veil(self, rng: np.random.Generator) -> None:
        """Blue-white veil: a structureless blue patch under a whitish, ground-glass film."""
        patch = self._place("veil", self._patch(rng, (0.46, 0.66)))
        self.blue += patch * rng.uniform(0.60, 0.90)
        self.melanin *= 1 - 0.55 * patch
        self.white += patch * rng.uniform(0.16, 0.28)

    def regression(self, rng: np.random.Generator) -> None:
        """Regression: a scar-like white patch, sprinkled with grey pepper."""
        patch = self._place("regression", self._patch(rng, (0.40, 0.60)))
        pepper = step(self.frame.noise("rough", rng) - 1.0, 0.5) * patch
        self.melanin *= 1 - 0.85 * patch
        self.white += patch * rng.uniform(0.34, 0.50)
        self.blue += pepper * 0.35

    def _spots(self, rng: np.random.Generator, share: float, sizes: tuple[float, float]) -> np.ndarray:
        """Round spots of unequal size in some of the cells of a coarse pattern."""
        cells = self.frame.cells(rng, rng.uniform(20, 27), jitter=0.95, bend=3)
        radius = sizes[0] + (sizes[1] - sizes[0]) * cells.size**2
        oval = radius * (1 + 0.12 * self.frame.noise("rough", rng))
        inside = step(0.90 - self.share, 0.06) * (cells.choice < share)
        return step(oval - cells.centre, 1.2) * inside * self.body

    def milia(self, rng: np.random.Generator) -> None:
        """Milia-like cysts: bright round spots, from pin-heads to pearls."""
        spots = self._place("milia", self._spots(rng, rng.uniform(0.45, 0.7), (1.8, 5.2)))
        self.melanin *= 1 - 0.8 * spots
        self.white += spots * rng.uniform(0.42, 0.62)

    def comedo(self, rng: np.random.Generator) -> None:
        """Comedo-like openings: dark brown plugs with a pale rim, larger than globules and few."""
        spots = self._place("comedo", self._spots(rng, rng.uniform(0.38, 0.58), (2.8, 7.0)))
        self.melanin += spots * rng.uniform(1.0, 1.35)

    def fissures(self, rng: np.random.Generator) -> None:
        """Fissures and ridges: dark winding furrows, as on the surface of a brain."""
        wave = self.frame.noise("winding", rng)
        furrows = step(rng.uniform(0.20, 0.32) - np.abs(wave), 0.22) * step(0.92 - self.share, 0.08)
        furrows = self._place("fissures", furrows * self.body)
        self.melanin += furrows * rng.uniform(0.45, 0.7)


def paint(frame: Frame, attributes: dict[str, Any], streams: dict[str, np.random.Generator]) -> Scene:
    """A finished lesion on bare skin, still as absorbances."""
    scene = Scene(frame, attributes, streams)
    scene.fill(attributes, streams["pigment"])
    scene.second_pigments(attributes["pigments"], streams)
    for name in ("network", "dots"):
        if attributes[name] != "none":
            getattr(scene, name)(attributes[name], streams[name])
    for name in ("fissures", "regression", "veil", "milia", "comedo", "streaks"):
        if attributes[name]:
            getattr(scene, name)(streams[name])
    return scene
