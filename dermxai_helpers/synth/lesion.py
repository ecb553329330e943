"""The lesion itself: its outline, its pigment and its structures, painted as absorbances.

Light is absorbed in skin (Beer and Lambert): colour = skin * exp(-(melanin + blood + blue)). One amount of melanin then
gives every shade from tan to black. Each structure has a random stream of its own: adding one leaves the rest alone.
"""

import math
from dataclasses import dataclass, field
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


@dataclass
class Scene:
    """What has been painted so far; every array is float32 (SIZE, SIZE)."""

    frame: Frame
    radius: float
    body: np.ndarray  # 1 inside the outline, 0 outside, soft at the edge
    depth: np.ndarray  # distance to the outline in pixels, positive inside
    share: np.ndarray  # distance from the centre as a share of the outline's radius in that direction
    melanin: np.ndarray
    blood: np.ndarray
    blue: np.ndarray
    white: np.ndarray
    parts: dict[str, np.ndarray] = field(default_factory=dict)

    @property
    def mask(self) -> np.ndarray:
        """bool (SIZE, SIZE): the lesion, its streaks included."""
        return (self.depth > 0) | self.parts.get("streaks", False)


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


def prepare(frame: Frame, attributes: dict[str, Any], streams: dict[str, np.random.Generator]) -> Scene:
    """Bare skin with the outline on it and the pigment that fills it."""
    radii, mean_radius = outline(attributes["symmetry"], attributes["border_shape"], streams["outline"])
    radius = _in_each_direction(radii, frame)
    distance = np.sqrt(frame.u**2 + frame.v**2)
    edge = streams["edge"]
    soft, rough = (6.5, 6.0) if attributes["border_shape"] == "irregular" else (0.8, 0.6)
    wobble = soft * frame.noise("soft", edge) + rough * frame.noise("rough", edge)
    depth = radius - distance + wobble
    softness = edge.uniform(1.5, 3.0) if attributes["border_sharpness"] == "sharp" else edge.uniform(9, 15)
    skin = streams["skin"]
    lines, mottle = frame.noise("skin", skin), frame.noise("soft", skin)
    scene = Scene(
        frame=frame,
        radius=mean_radius,
        body=step(depth, softness),
        depth=depth,
        share=distance / radius,
        melanin=0.015 * lines + 0.022 * mottle + 0.014 * frame.noise("rough", skin),
        blood=0.012 * lines + 0.030 * frame.noise("soft", skin),
        blue=np.zeros((SIZE, SIZE), np.float32),
        white=np.zeros((SIZE, SIZE), np.float32),
    )
    _fill(scene, attributes, streams["pigment"])
    return scene


def _in_each_direction(radii: np.ndarray, frame: Frame) -> np.ndarray:
    """Radii given at even angles, read off at the steps of DIAMOND, and those at each pixel, (SIZE, SIZE)."""
    across = np.where(DIAMOND > 1, np.abs(2 - DIAMOND) - 1, 1 - np.abs(DIAMOND))
    down = np.where(DIAMOND > 1, 2 - DIAMOND, DIAMOND)
    steps = radii[np.rint(np.arctan2(down, across) * (ANGLES / (2 * np.pi))).astype(int) % ANGLES]
    turn = frame.v / (np.abs(frame.u) + np.abs(frame.v) + np.float32(1e-6))
    places = (np.where(frame.u < 0, 3 - turn, 1 + turn) * np.float32(ANGLES / 4)).astype(np.intp)
    return steps.take(places, mode="clip")


def _fill(scene: Scene, attributes: dict[str, Any], rng: np.random.Generator) -> None:
    """The base pigment: uneven like a cloud, darker towards the middle or, where asymmetric, towards one side."""
    frame = scene.frame
    base = BASE_MELANIN[attributes["pigments"][0]] * rng.uniform(0.88, 1.14)
    amount = base * (1 + 0.14 * frame.noise("soft", rng) + 0.09 * frame.noise("rough", rng))
    amount += rng.uniform(-0.06, 0.20) * (1 - scene.share)
    direction, tilt = rng.uniform(0, 2 * np.pi), rng.uniform(0.12, 0.30)
    if attributes["symmetry"] == "asymmetric":
        amount += (base * tilt / scene.radius) * _towards(frame, direction)
    scene.melanin += np.clip(amount, 0.12, None) * scene.body
    scene.blood += rng.uniform(0.03, 0.10) * scene.body


def _towards(frame: Frame, direction: float) -> np.ndarray:
    """How far each pixel lies in a direction (an angle), in pixels from the centre."""
    return frame.u * math.cos(direction) + frame.v * math.sin(direction)


def _place(scene: Scene, name: str, cover: np.ndarray) -> np.ndarray:
    """Notes where a structure lies and drops what nobody could see of it, so that its mask holds all it changes."""
    scene.parts[name] = cover > VISIBLE
    return cover * scene.parts[name]


def _patch(scene: Scene, rng: np.random.Generator, size: tuple[float, float]) -> np.ndarray:
    """A ragged patch inside the lesion, 0 to 1. `size` is the range of its radius as a share of the lesion's."""
    reach, direction = scene.radius * math.sqrt(rng.uniform(0, 0.22)), rng.uniform(0, 2 * math.pi)
    frame = scene.frame
    stretch, turn = rng.uniform(0.7, 1.4), rng.uniform(0, math.pi)
    along = _towards(frame, turn) - reach * math.cos(direction - turn)
    across = _towards(frame, turn + math.pi / 2) - reach * math.sin(direction - turn)
    distance = np.sqrt((along * stretch) ** 2 + (across / stretch) ** 2)
    ragged = 0.20 * frame.noise("soft", rng) + 0.13 * frame.noise("rough", rng)
    field = rng.uniform(*size) - distance / scene.radius + ragged
    uneven = np.clip(0.82 + 0.20 * frame.noise("rough", rng), 0.35, 1.1)
    return step(field, rng.uniform(0.16, 0.30)) * uneven * scene.body


def second_pigments(scene: Scene, pigments: tuple[str, ...], streams: dict[str, np.random.Generator]) -> None:
    """A patch for each pigment beyond the first."""
    for pigment in pigments[1:]:
        rng = streams[pigment]
        patch = _patch(scene, rng, (0.34, 0.55))
        if pigment == "black":
            scene.melanin += patch * rng.uniform(0.9, 1.3)
        elif pigment == "dark brown":
            scene.melanin += patch * rng.uniform(0.45, 0.65)
        elif pigment == "light brown":
            scene.melanin *= 1 - 0.55 * patch
        else:
            scene.blood += patch * rng.uniform(0.28, 0.45)
            scene.melanin *= 1 - 0.45 * patch


def network(scene: Scene, kind: str, rng: np.random.Generator) -> None:
    """Pigment network, brown lines round pale holes. Typical: even, fading outwards; atypical: broad, broken."""
    frame, typical = scene.frame, kind == "typical"
    spacing = rng.uniform(6.5, 8.5) if typical else rng.uniform(8.5, 13)
    cells = frame.cells(rng, spacing, jitter=0.55, bend=rng.uniform(5, 8) if typical else rng.uniform(8, 13))
    rough, soft = frame.noise("rough", rng), frame.noise("soft", rng)
    width = (1.5 + 0.3 * rough) if typical else (2.2 + 1.1 * rough + 2.2 * (cells.size - 0.5))
    lines = np.exp(-((cells.wall / np.clip(width, 0.6, 5.5)) ** 2))
    place = 0.93 - scene.share + 0.05 * soft if typical else 0.35 * soft + rng.uniform(0.1, 0.3) + 0.12 * rough
    cover = _place(scene, "network", step(place, 0.16) * scene.body)
    strength = (rng.uniform(0.32, 0.46) if typical else rng.uniform(0.55, 0.8)) * np.clip(1 + 0.3 * soft, 0.4, 1.5)
    scene.melanin += cover * (strength * lines - 0.16 - 0.12 * scene.melanin * (1 - lines))


def dots(scene: Scene, kind: str, rng: np.random.Generator) -> None:
    """Dots and globules. Regular: alike and spread evenly; irregular: of all sizes, darker, on one side."""
    frame, regular = scene.frame, kind == "regular"
    spacing = rng.uniform(8.5, 12) if regular else rng.uniform(10, 15)
    cells = frame.cells(rng, spacing, jitter=0.75, bend=rng.uniform(2, 5))
    if regular:
        radius, chosen = spacing * (0.20 + 0.10 * cells.size), cells.choice < 0.9
        place = 0.9 - scene.share
    else:
        radius, chosen = spacing * (0.10 + 0.32 * cells.size**1.5), cells.choice < rng.uniform(0.55, 0.75)
        side = _towards(frame, rng.uniform(0, 2 * np.pi)) / scene.radius
        place = np.minimum(0.93 - scene.share, 0.45 + side)
    radius = radius * (1 + 0.10 * frame.noise("rough", rng))
    faint = np.clip(0.55 + 0.6 * cells.size, 0, 1)
    spots = faint * step(radius - cells.centre, 1.4) * chosen * step(place, 0.08)
    spots = _place(scene, "dots", spots * scene.body)
    scene.melanin += spots * (rng.uniform(0.45, 0.7) if regular else rng.uniform(0.8, 1.15))


def streaks(scene: Scene, rng: np.random.Generator) -> None:
    """Radial streaks: tapered fingers that grow out of the border on one part of it, bent and of unequal length."""
    frame, count, arc = scene.frame, int(rng.integers(12, 24)), rng.uniform(0.35, 0.75) * 2 * np.pi
    middle = (rng.uniform(0, 2 * np.pi) + np.sort(rng.uniform(0, arc, count))) % (2 * np.pi) - np.pi
    width, length = rng.uniform(0.05, 0.16, count), rng.uniform(0.10, 0.38, count)
    ring = (scene.share > 0.7) & (scene.share < 1.5)  # no finger leaves it, so nothing else need be computed
    share = scene.share[ring]
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
    fingers = _place(scene, "streaks", whole)
    amount = rng.uniform(0.75, 1.05)
    scene.melanin += fingers * (np.clip(amount - scene.melanin, 0, None) + 0.25 * amount * scene.body)


def veil(scene: Scene, rng: np.random.Generator) -> None:
    """Blue-white veil: a structureless blue patch under a whitish, ground-glass film."""
    patch = _place(scene, "veil", _patch(scene, rng, (0.46, 0.66)))
    scene.blue += patch * rng.uniform(0.60, 0.90)
    scene.melanin *= 1 - 0.55 * patch
    scene.white += patch * rng.uniform(0.16, 0.28)


def regression(scene: Scene, rng: np.random.Generator) -> None:
    """Regression: a scar-like white patch, sprinkled with grey pepper."""
    patch = _place(scene, "regression", _patch(scene, rng, (0.40, 0.60)))
    pepper = step(scene.frame.noise("rough", rng) - 1.0, 0.5) * patch
    scene.melanin *= 1 - 0.85 * patch
    scene.white += patch * rng.uniform(0.34, 0.50)
    scene.blue += pepper * 0.35


def _spots(scene: Scene, rng: np.random.Generator, share: float, sizes: tuple[float, float]) -> np.ndarray:
    """Round spots of unequal size in some of the cells of a coarse pattern."""
    cells = scene.frame.cells(rng, rng.uniform(20, 27), jitter=0.95, bend=3)
    radius = sizes[0] + (sizes[1] - sizes[0]) * cells.size**2
    oval = radius * (1 + 0.12 * scene.frame.noise("rough", rng))
    inside = step(0.90 - scene.share, 0.06) * (cells.choice < share)
    return step(oval - cells.centre, 1.2) * inside * scene.body


def milia(scene: Scene, rng: np.random.Generator) -> None:
    """Milia-like cysts: bright round spots, from pin-heads to pearls."""
    spots = _place(scene, "milia", _spots(scene, rng, rng.uniform(0.45, 0.7), (1.8, 5.2)))
    scene.melanin *= 1 - 0.8 * spots
    scene.white += spots * rng.uniform(0.42, 0.62)


def comedo(scene: Scene, rng: np.random.Generator) -> None:
    """Comedo-like openings: dark brown plugs with a pale rim, larger than globules and few."""
    spots = _place(scene, "comedo", _spots(scene, rng, rng.uniform(0.38, 0.58), (2.8, 7.0)))
    scene.melanin += spots * rng.uniform(1.0, 1.35)


def fissures(scene: Scene, rng: np.random.Generator) -> None:
    """Fissures and ridges: dark winding furrows, as on the surface of a brain."""
    wave = scene.frame.noise("winding", rng)
    furrows = step(rng.uniform(0.20, 0.32) - np.abs(wave), 0.22) * step(0.92 - scene.share, 0.08)
    furrows = _place(scene, "fissures", furrows * scene.body)
    scene.melanin += furrows * rng.uniform(0.45, 0.7)


SWITCHED = {add.__name__: add for add in (fissures, regression, veil, milia, comedo, streaks)}


def paint(frame: Frame, attributes: dict[str, Any], streams: dict[str, np.random.Generator]) -> Scene:
    """A finished lesion on bare skin, still as absorbances."""
    scene = prepare(frame, attributes, streams)
    second_pigments(scene, attributes["pigments"], streams)
    if attributes["network"] != "none":
        network(scene, attributes["network"], streams["network"])
    if attributes["dots"] != "none":
        dots(scene, attributes["dots"], streams["dots"])
    for name, add in SWITCHED.items():
        if attributes[name]:
            add(scene, streams[name])
    return scene
