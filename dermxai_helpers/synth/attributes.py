"""The attributes of a drawn lesion, and how likely each is in each class.

The label acts on the picture only through them, so what the attribute table can do is the best for any classifier.
"""

from bisect import bisect
from collections.abc import Mapping
from itertools import accumulate
from typing import Any

import numpy as np

LABELS = ("mel", "nv", "bkl")
PREVALENCE = {"mel": 0.125, "nv": 0.752, "bkl": 0.123}  # HAM10000, the three classes of the paper
PARTS = ("network", "dots", "streaks", "veil", "regression", "milia", "comedo", "fissures")
ARTEFACTS = ("hair", "ruler", "vignette", "bubbles", "ink")
PIGMENTS = ("light brown", "dark brown", "black", "red")
COLOURS = ("white", "red", "light brown", "dark brown", "blue-gray", "black")  # the six of the ABCD rule
SKIN = {"I": (236, 200, 182), "II": (228, 184, 160), "III": (210, 160, 130), "IV": (180, 128, 98), "V": (136, 92, 68),
        "VI": (92, 62, 48)}  # fmt: skip

# P(value | class), in the order mel, nv, bkl. Chosen so that the attributes alone give about .85 balanced accuracy.
CHANCES: dict[str, dict[Any, tuple[float, float, float]]] = {
    "symmetry": {"asymmetric": (0.72, 0.20, 0.38), "symmetric": (0.28, 0.80, 0.62)},
    "border_shape": {"irregular": (0.66, 0.20, 0.34), "regular": (0.34, 0.80, 0.66)},
    "border_sharpness": {"sharp": (0.55, 0.35, 0.80), "faded": (0.45, 0.65, 0.20)},
    "network": {"typical": (0.10, 0.46, 0.06), "atypical": (0.48, 0.09, 0.05), "none": (0.42, 0.45, 0.89)},
    "dots": {"regular": (0.08, 0.25, 0.08), "irregular": (0.42, 0.07, 0.05), "none": (0.50, 0.68, 0.87)},
    "streaks": {True: (0.32, 0.05, 0.02), False: (0.68, 0.95, 0.98)},
    "veil": {True: (0.38, 0.05, 0.06), False: (0.62, 0.95, 0.94)},
    "regression": {True: (0.26, 0.05, 0.08), False: (0.74, 0.95, 0.92)},
    "milia": {True: (0.07, 0.07, 0.50), False: (0.93, 0.93, 0.50)},
    "comedo": {True: (0.03, 0.03, 0.40), False: (0.97, 0.97, 0.60)},
    "fissures": {True: (0.02, 0.02, 0.34), False: (0.98, 0.98, 0.66)},
    "base": {"dark brown": (0.65, 0.50, 0.40), "light brown": (0.35, 0.50, 0.60)},
    "second_brown": {True: (0.50, 0.35, 0.32), False: (0.50, 0.65, 0.68)},
    "black": {True: (0.36, 0.10, 0.12), False: (0.64, 0.90, 0.88)},
    "red": {True: (0.24, 0.10, 0.10), False: (0.76, 0.90, 0.90)},
}
SKIN_CHANCES = (0.22, 0.34, 0.24, 0.10, 0.06, 0.04)
ARTEFACT_CHANCES = {"hair": 0.30, "ruler": 0.12, "vignette": 0.30, "bubbles": 0.12, "ink": 0.06}
OF_PIGMENTS = ("base", "second_brown", "black", "red")  # these four decide the attribute `pigments`
CHOICES = {name: tuple(options) for name, options in CHANCES.items() if name not in OF_PIGMENTS}


def sample_label(rng: np.random.Generator) -> str:
    """A class, as often as it occurs in HAM10000."""
    return LABELS[rng.choice(3, p=[PREVALENCE[label] for label in LABELS])]


def sample_lesion(label: str, rng: np.random.Generator) -> dict[str, Any]:
    """The attributes of a lesion of class `label`. One random number an attribute, whatever the class."""
    column, values = LABELS.index(label), {}
    for name, options in CHANCES.items():
        *edges, _ = accumulate(chances[column] for chances in options.values())  # the last value gets what is left
        values[name] = list(options)[bisect(edges, rng.random())]
    base, other = values.pop("base"), {"dark brown": "light brown", "light brown": "dark brown"}
    extra = [other[base]] if values.pop("second_brown") else []
    extra += [colour for colour in ("black", "red") if values.pop(colour)]
    skin = tuple(SKIN)[rng.choice(len(SKIN), p=SKIN_CHANCES)]
    return {"label": label, **values, "pigments": (base, *extra), "skin": skin}


def completed(attributes: dict[str, Any]) -> dict[str, Any]:
    """The attributes with the colours that follow from them: pigments, blue-gray for a veil, white for regression."""
    others = {"blue-gray": attributes["veil"], "white": attributes["regression"]}
    colours = tuple(colour for colour in COLOURS if colour in attributes["pigments"] or others.get(colour))
    return {**attributes, "colours": colours, "colour_count": len(colours)}


def check(changes: dict[str, Any]) -> None:
    """Raises ValueError, naming every attribute that does not exist or has no such value."""
    allowed = {**CHOICES, **{name: (True, False) for name in ARTEFACTS}, "skin": tuple(SKIN), "label": LABELS}
    problems = []
    for name, value in changes.items():
        if name in ("colours", "colour_count"):
            problems.append(f"'{name}' follows from pigments, veil and regression: set those")
        elif name == "pigments":
            if not value or not set(value) <= set(PIGMENTS) or value[0] not in PIGMENTS[:2]:
                problems.append(f"pigments {value!r}: start with 'light brown' or 'dark brown', then any of {PIGMENTS}")
        elif name not in allowed:
            problems.append(f"there is no attribute '{name}'; there are pigments, {', '.join(allowed)}")
        elif value not in allowed[name]:
            problems.append(f"{name}={value!r}: choose one of {allowed[name]}")
    if problems:
        raise ValueError("; ".join(problems))


def sample_evenly(rng: np.random.Generator) -> dict[str, Any]:
    """Attributes drawn independently and evenly, whatever the class: no attribute tells anything about another."""
    values = {name: choices[rng.integers(len(choices))] for name, choices in CHOICES.items()}
    brown = ["light brown", "dark brown"]
    rng.shuffle(brown)
    pigments = (brown[0], *(colour for colour in (brown[1], "black", "red") if rng.random() < 0.4))
    return {"label": sample_label(rng), **values, "pigments": pigments, "skin": tuple(SKIN)[rng.integers(len(SKIN))]}


def posterior(attributes: Mapping[str, Any]) -> np.ndarray:
    """P(class | attributes), (3,), of classes equally common: exact (Bayes), for attributes are independent in each."""
    base, *extra = attributes["pigments"]
    brown = bool({"light brown", "dark brown"} & set(extra))
    seen = {**attributes, "base": base, "second_brown": brown, "black": "black" in extra, "red": "red" in extra}
    likelihood = np.prod([options[seen[name]] for name, options in CHANCES.items()], axis=0)
    return likelihood / likelihood.sum()
