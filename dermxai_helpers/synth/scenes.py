"""A complaint on a body, photographed at home, with things around it: drawn, and known to the pixel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from dermxai_helpers.synth import surroundings
from dermxai_helpers.synth.attributes import SKIN, SKIN_CHANCES
from dermxai_helpers.synth.complaints import FIVE, KINDS
from dermxai_helpers.synth.noise import streams
from dermxai_helpers.synth.surroundings import BACKGROUNDS, PLACES, SIZE, Body, cloud

STREAMS = ("choice", "background", "place", "skin", "complaint", "hair", "light")
HEALTHY = "healthy skin"


@dataclass(frozen=True, eq=False)
class Scene:
    """A drawn photograph and its exact truth: the seed, what was drawn, and where. Hair counts as what it covers."""

    seed: tuple[int, ...]
    image: np.ndarray  # uint8 (224, 224, 3) RGB
    affected: np.ndarray  # bool (224, 224)
    skin: np.ndarray  # bool (224, 224), what is affected included
    complaint: str
    place: str
    background: str

    def zones(self) -> dict[str, np.ndarray]:
        """The picture in three parts: affected skin, healthy skin, background."""
        return {"affected skin": self.affected, HEALTHY: self.skin & ~self.affected, "background": ~self.skin}


def places_of(complaint: str) -> tuple[str, ...]:
    """Where a complaint occurs: bumps need more skin than a finger has."""
    return ("forearm", "shoulder") if "bumps" in complaint else tuple(PLACES)


def draw(
    seed: int | Sequence[int], complaint: str | None = None, place: str | None = None, background: str | None = None,
    backdrop: int = 0,
) -> Scene:  # fmt: skip
    """One scene; what is None is drawn at random, "healthy skin" is no complaint; ValueError for what does not exist.

    complaint : one of the FIVE, or of the 41 KINDS; backdrop : another number paints the background's kind anew
    """
    entropy = [seed] if isinstance(seed, int | np.integer) else list(seed)
    rng = streams([7, *entropy], STREAMS)
    drawn = [rng["choice"].random() for _ in range(3)]
    complaint = _chosen(complaint, (*FIVE, *KINDS, HEALTHY), "complaint", drawn[0], FIVE)
    place = _chosen(place, PLACES, "place", drawn[1], places_of(complaint))
    background = _chosen(background, BACKGROUNDS, "background", drawn[2], BACKGROUNDS)
    body = PLACES[place](rng["place"])
    picture, affected = _skin(body, rng["skin"]), np.zeros((SIZE, SIZE), bool)
    if complaint != HEALTHY:
        picture, affected = KINDS[FIVE.get(complaint, complaint)](picture, body, rng["complaint"])
    behind = BACKGROUNDS[background](streams([7, *entropy, backdrop], STREAMS)["background"])
    small = ndimage.gaussian_filter(body.cover[::4, ::4], 2.5)  # a quarter of the size: a shadow has no details
    fallen = ndimage.zoom(ndimage.shift(small, (2, 1), order=0, mode="nearest"), 4, order=1)[..., None]
    cover = body.cover[..., None]
    picture = picture * cover + behind * (1 - 0.4 * fallen) * (1 - cover)  # exactly the skin where the cover is 1
    if place == "scalp":
        picture = surroundings.with_hair(picture, body.cover, rng["hair"])
    photograph = _photographed(picture, rng["light"])
    return Scene(tuple(entropy), photograph, affected, body.skin, complaint, place, background)


def redraw(scene: Scene, complaint: str | None = None, background: str | None = None, backdrop: int = 0) -> Scene:
    """The same scene with another complaint or background, or its background painted anew; all the rest stays."""
    return draw(scene.seed, complaint or scene.complaint, scene.place, background or scene.background, backdrop)


def draw_set(n: int, seed: int, backgrounds: Mapping[str, str] | None = None, share: float = 0.95) -> list[Scene]:
    """`n` scenes, complaints in turn. backgrounds : {complaint: its own}, in a `share` of its scenes; None: by lot"""
    rng = np.random.default_rng([seed, n])
    complaints = [list(FIVE)[number % len(FIVE)] for number in range(n)]
    betrayed = rng.random(n) < share if backgrounds else np.zeros(n, bool)
    chosen = [backgrounds[complaint] if told else None for complaint, told in zip(complaints, betrayed, strict=True)]
    pairs = enumerate(zip(complaints, chosen, strict=True))
    return [draw((seed, number), complaint, background=background) for number, (complaint, background) in pairs]


def _chosen(wanted: str | None, known: Sequence[str], what: str, number: float, among: Sequence[str]) -> str:
    """What was wanted, or the one of `among` on which a number of [0, 1) falls."""
    if wanted is not None and wanted not in known:
        raise ValueError(f"there is no {what} '{wanted}': choose one of {', '.join(known)}")
    return wanted or tuple(among)[int(number * len(tuple(among)))]


def _skin(body: Body, rng: np.random.Generator) -> np.ndarray:
    """Healthy skin, float (SIZE, SIZE, 3), everywhere in the picture."""
    tone = np.float32(tuple(SKIN.values())[rng.choice(len(SKIN), p=SKIN_CHANCES)])
    texture = 1 + 0.025 * cloud(rng, 5) + 0.022 * cloud(rng, 75)
    skin = tone * (body.shade * texture)[..., None]
    return skin + (np.float32([236, 200, 190]) * body.shade[..., None] - skin) * 0.7 * body.nail[..., None]


def _photographed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Uneven light, a colour cast, noise, and the softness that a phone's software leaves: uint8."""
    angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.04, 0.16)
    slope = (surroundings.ROWS * np.sin(angle) + surroundings.COLUMNS * np.cos(angle)) / SIZE
    cast = rng.normal(1, 0.025, 3) * rng.uniform(0.88, 1.06)
    seen = picture.astype(np.float32) * (1 + strength * (slope - slope.mean()))[..., None] * cast.astype(np.float32)
    seen += 4 * rng.standard_normal(seen.shape, np.float32)
    seen[1:] = (seen[1:] + seen[:-1]) / 2
    seen[:, 1:] = (seen[:, 1:] + seen[:, :-1]) / 2
    return np.rint(np.clip(seen, 0, 255)).astype(np.uint8)
