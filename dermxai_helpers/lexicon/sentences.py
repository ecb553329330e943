"""Sentences about lesions: the true one of a drawing, a measurement for others, and the form an answer must keep."""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from scipy import ndimage

from dermxai_helpers.captions.prompts import PROMPTS
from dermxai_helpers.lexicon.parsing import ASKED, echoed_words, mentions
from dermxai_helpers.lexicon.plain import normalised


def describe(attributes: Mapping, prompt_name: str, rng: np.random.Generator) -> str:
    """Write the true sentence about a drawn lesion, in the form that one of the three prompts asks for.

    attributes : a row of `truth/attributes.csv` (or `Lesion.attributes`); prompt_name : "global", "roi" or "focused"
    rng : picks one of two phrasings; the facts do not depend on it
    What a flat drawing cannot show is not stated: never raised or flat; the diameter is refused, a ruler mentioned.
    """
    if prompt_name not in PROMPTS:
        raise ValueError(f"unknown prompt {prompt_name!r}: choose one of {', '.join(PROMPTS)}")
    names = attributes["colours"]  # a tuple in a `Lesion`, "red+black" in the table
    names = names.split("+") if isinstance(names, str) else list(names)
    colours = "a single color" if int(attributes["colour_count"]) == 1 else "multiple colors"
    colours = colours if prompt_name == "global" else f"{colours} ({_listing(names)})"
    surface = "a fissured surface" if attributes["fissures"] else "a smooth surface"
    facts = [f"{_article(attributes['border_shape'])} border", colours, surface]
    if prompt_name == "roi":
        facts.append("a visible ruler" if attributes["ruler"] else "no scale visible for the diameter")
    if prompt_name == "focused":  # rare structures when they are there; then what the prompt names, and the veil
        rare = {"regression": "regression", "milia": "milia-like cysts", "comedo": "comedo-like openings"}
        network, dots = attributes["network"], attributes["dots"]
        facts += [words for name, words in rare.items() if attributes[name]]
        facts += ["no network" if network == "none" else f"{_article(network)} network"]
        facts += ["no dots" if dots == "none" else f"{dots} dots", "streaks" if attributes["streaks"] else "no streaks"]
        facts += ["a blue-white veil" if attributes["veil"] else "no blue-white veil"]
    if rng.random() < 0.5:
        return f"{_article(attributes['symmetry']).capitalize()} lesion with {_listing(facts)}."
    return f"The lesion is {attributes['symmetry']}, with {_listing(facts)}."


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou' else 'a'} {words}"


def _listing(items: Sequence[str]) -> str:
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def edge_share(image: np.ndarray, mask: np.ndarray) -> float:
    """Measure how much of the grey step from lesion to skin happens close to the edge: near 1 sharp, near 0 faded.

    The step within 5 % of the lesion's radius on both sides, divided by that within 30 %; 0 where there is no step.
    image : uint8 (H, W, 3) RGB; mask : bool (H, W), True on the lesion
    """
    grey, radius = image.mean(axis=2), np.sqrt(mask.sum() / np.pi)
    away = ndimage.distance_transform_edt(~mask) - ndimage.distance_transform_edt(mask)  # in pixels, positive outside

    def step(distance: float) -> float:
        bands = (np.abs(away - side * distance) < 0.05 * radius + 1 for side in (-1, 1))
        inside, outside = (grey[band].mean() if band.any() else grey.mean() for band in bands)
        return outside - inside

    near, far = step(0.05 * radius), step(0.30 * radius)
    return float(np.clip(near / far, 0, 1.5)) if abs(far) > 1 else 0.0


ABBREVIATIONS = re.compile(r"\b(?:e\.g|i\.e|approx|ca|vs|dr|fig|(?<!: )no(?=\. ?\d))\.|(?<=\d)\.(?=\d)", re.IGNORECASE)
OPENING = re.compile(r"^(?:(?:\d+[.)]|(?:sure|certainly|absolutely|of course|okay|ok|yes|no)[.!])\s+)+", re.IGNORECASE)
DECLINED = re.compile(
    r"(?i)\b(?:cannot|can't|can not|unable to|not able to) (?:\w+ ){0,2}?(?:describe|help|assist|provide|analy[sz]e"
    r"|answer)|\bi(?:'m| am) sorry\b|\bas an ai\b"
)


def compliance(sentence: str, prompts: tuple[str, ...] = ASKED) -> dict[str, bool]:
    """Check what the prompts demand of every answer, demand by demand.

    answered : it says something and does not decline as a whole; one_sentence : ended by a full stop
    no_diagnosis : no disease or its denial; "no diagnosis" itself is harmless, though parroted
    on_topic : no person, animal or thing beside the lesion; no_echo : no six words in a row from a prompt
    in_english, in_prose : no sentence in another language, nor JSON, a table or the like
    """
    sentence = normalised(sentence)[0]
    strange = {mention.value for mention in mentions(sentence, ()) if mention.slot in ("off_topic", "language")}
    plain = ABBREVIATIONS.sub("", sentence.strip())
    return {
        "answered": bool(plain.strip(" .")) and not DECLINED.search(sentence),
        "one_sentence": len(re.findall(r"[.!?]+", plain)) == 1 and plain.endswith("."),
        "no_diagnosis": "diagnosis" not in strange,
        "on_topic": "scene" not in strange,
        "no_echo": not echoed_words(sentence, prompts),
        "in_english": "not English" not in strange,
        "in_prose": "not prose" not in strange,
    }


def first_sentence(answer: str) -> str:
    """Cut an answer at its first full stop, "?" or "!", without "1." or "Sure!"; "2.5 mm", "e.g." do not end it."""
    hidden = ABBREVIATIONS.sub(lambda found: found[0].replace(".", "\0"), normalised(answer)[0].strip())
    return re.split(r"(?<=[.!?])\s", OPENING.sub("", hidden), maxsplit=1)[0].replace("\0", ".")
