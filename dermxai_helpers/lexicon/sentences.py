"""Sentences from measurements, where nobody wrote any: a silver standard.

A mask can be folded, its outline compared with a circle's, its edge and its colours measured. Every number above the
median of the training lesions becomes one word, every number below it the other. That is no expert's sentence: nobody
looked, the limit is arbitrary, and a word says no more than "more so than half of the others".
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import ndimage

from dermxai_helpers.captions.prompts import PROMPTS
from dermxai_helpers.synth.drawing import measure

WORDS = {
    "symmetry": ("asymmetry", "symmetric", "asymmetric"),
    "border_shape": ("compactness", "irregular", "regular"),
    "border_sharpness": ("edge_share", "faded", "sharp"),
    "colour_count": ("colour_spread", "one", "many"),
}
"""Slot -> the measurement, the value below its median and the value above it."""
NEAR, FAR = 0.05, 0.30  # of the lesion's radius: just beside its edge, and well away from it


def measurements(images: Sequence[np.ndarray], masks: Sequence[np.ndarray]) -> pd.DataFrame:
    """One row for each photograph: asymmetry, compactness and colour_spread as `synth.measure`, and `edge_share`.

    images : uint8 (H, W, 3) RGB; masks : bool (H, W), True on the lesion
    Raises ValueError for an empty mask, or one of another size than its picture.
    """
    rows = []
    for number, (image, mask) in enumerate(zip(images, masks, strict=True)):
        if mask.shape != image.shape[:2] or not mask.any():
            found = "is empty" if mask.shape == image.shape[:2] else f"has size {mask.shape}"
            raise ValueError(f"mask {number} {found}; its picture has size {image.shape[:2]} and shows a lesion")
        rows.append(measure(image, mask) | {"edge_share": edge_share(image, mask)})
    return pd.DataFrame(rows)[[name for name, _, _ in WORDS.values()]]


def edge_share(image: np.ndarray, mask: np.ndarray) -> float:
    """How much of the step from lesion to skin happens close to the edge: near 1 sharp, near 0 faded.

    The grey step between NEAR inside and NEAR outside, divided by that between FAR inside and FAR outside.
    """
    grey, radius = image.mean(axis=2), np.sqrt(mask.sum() / np.pi)
    away = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)  # in pixels, positive outside
    band = 0.05 * radius + 1
    inside, outside = ([_mean_at(grey, away, side * share * radius, band) for share in (NEAR, FAR)] for side in (-1, 1))
    whole = outside[1] - inside[1]
    return float(np.clip((outside[0] - inside[0]) / whole, 0, 1.5)) if abs(whole) > 1 else 0.0


def _mean_at(grey: np.ndarray, away: np.ndarray, distance: float, band: float) -> float:
    """Mean grey value in a band along the lines `distance` from the edge; of the whole picture if there are none."""
    chosen = np.abs(away - distance) < band
    return float(grey[chosen].mean() if chosen.any() else grey.mean())


def limits(training: pd.DataFrame) -> pd.Series:
    """Where one word ends and the other begins: the median of each measurement among the training lesions."""
    return training.median()


def facts_of(measured: Mapping[str, float], limit: Mapping[str, float]) -> dict[str, tuple[str, str]]:
    """The words that a row of `measurements` stands for, as facts that `facts.verdicts` accepts as a truth."""
    return {
        slot: (above if measured[name] > limit[name] else below, "present")
        for slot, (name, below, above) in WORDS.items()
    }


def sentence(known: Mapping[str, tuple[str, str]]) -> str:
    """A row's facts as one sentence, in the words of the first prompt, and one more: sharp or faded."""
    value = {slot: fact[0] for slot, fact in known.items()}
    colours = "a single color" if value["colour_count"] == "one" else "multiple colors"
    return f"The lesion is {value['symmetry']}, with {_article(value['border_shape'])} and " + (
        f"{value['border_sharpness']} border and {colours}."
    )


# --- the true sentence about a drawn lesion ---


def describe(attributes: Mapping, prompt_name: str, rng: np.random.Generator) -> str:
    """The true sentence about a drawn lesion, in the form that one of the three prompts asks for.

    attributes : a row of `truth/attributes.csv` (or `Lesion.attributes`)
    prompt_name : "global", "roi" or "focused"
    rng : picks one of two phrasings; the facts do not depend on it

    The prompts ask for things a flat drawing cannot show. Raised or flat is never stated; "fissured" or "smooth" is the
    drawn structure `fissures`; the diameter is refused, and a ruler is mentioned when there is one.
    Raises ValueError for an unknown prompt name.
    """
    if prompt_name not in PROMPTS:
        raise ValueError(f"unknown prompt {prompt_name!r}: choose one of {', '.join(PROMPTS)}")
    symmetry, border = attributes["symmetry"], f"{_article(attributes['border_shape'])} border"
    facts = [border, _colour(attributes, listed=prompt_name != "global"), _surface(attributes)]
    if prompt_name == "roi":
        facts.append(_scale(attributes))
    if prompt_name == "focused":
        facts.extend(_structures(attributes))
    if rng.random() < 0.5:
        return f"{_article(symmetry).capitalize()} lesion with {_listing(facts)}."
    return f"The lesion is {symmetry}, with {_listing(facts)}."


def _colour(attributes: Mapping, listed: bool) -> str:
    count = "a single color" if int(attributes["colour_count"]) == 1 else "multiple colors"
    colours = attributes["colours"]  # a tuple in a `Lesion`, "red+black" in the table
    names = colours.split("+") if isinstance(colours, str) else list(colours)
    return f"{count} ({_listing(names)})" if listed else count


def _surface(attributes: Mapping) -> str:
    return "a fissured surface" if attributes["fissures"] else "a smooth surface"


def _scale(attributes: Mapping) -> str:
    return "a visible ruler" if attributes["ruler"] else "no scale visible for the diameter"


def _structures(attributes: Mapping) -> list[str]:
    """Rare structures only when they are there; then those the prompt names, and the veil, each present or denied."""
    rare = {"regression": "regression", "milia": "milia-like cysts", "comedo": "comedo-like openings"}
    network, dots = attributes["network"], attributes["dots"]
    return [words for name, words in rare.items() if attributes[name]] + [
        "no network" if network == "none" else f"{_article(network)} network",
        "no dots" if dots == "none" else f"{dots} dots",
        "streaks" if attributes["streaks"] else "no streaks",
        "a blue-white veil" if attributes["veil"] else "no blue-white veil",
    ]


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _listing(items: Sequence[str]) -> str:
    """["x", "y", "z"] -> "x, y and z"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"
