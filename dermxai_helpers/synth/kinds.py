"""A label set as long as a clinic's: drawn lesions named after what is drawn, not after diseases."""

from itertools import product

import numpy as np

from dermxai_helpers.synth.drawing import draw

NETWORKS = {"no network": "none", "typical network": "typical", "atypical network": "atypical"}
SIGNS = ("streaks", "veil", "milia")


def kinds(count: int = 41) -> dict[str, dict]:
    """{name: attributes for `drawing.draw`}, those with the fewest signs first; ValueError unless 1 to 48 kinds."""
    combined = {}
    for symmetry, (network, value), shown in product(
        ("symmetric", "asymmetric"), NETWORKS.items(), product((False, True), repeat=len(SIGNS))
    ):
        signs = [sign for sign, there in zip(SIGNS, shown, strict=True) if there]
        attributes = {"symmetry": symmetry, "network": value} | dict(zip(SIGNS, shown, strict=True))
        combined[", ".join([symmetry, network, *signs])] = attributes
    if not 1 <= count <= len(combined):
        raise ValueError(f"count={count}: there are 1 to {len(combined)} kinds")
    simple_first = sorted(combined, key=lambda name: name.count(","))
    return {name: combined[name] for name in simple_first[:count]}


def draw_kinds(chosen: dict[str, dict], each: int, seed: int) -> tuple[list[np.ndarray], list[str]]:
    """`each` pictures of every kind, uint8 (224, 224, 3), and the names of their kinds."""
    named = list(chosen) * each
    pictures = [draw((seed, index), "nv", **chosen[name]).image for index, name in enumerate(named)]
    return pictures, named
