"""Exercises of unit 00: the box of a map, the grades of a caption."""

import numpy as np
from scipy import ndimage

from dermxai_helpers.checks.exercise import Exercise


def toy_map(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A map with a maximum of 8 times something; its top cell reaches the share exactly, its bottom cell does not."""
    share, inside = rng.choice([0.25, 0.5, 0.75]), rng.choice(9, size=15, p=[0.6, *[0.05] * 8])
    inside[rng.integers(15)] = 8
    heat = np.pad(inside.reshape(3, 5), rng.integers(1, 4, (2, 2)))
    heat[[0, -1], rng.integers(heat.shape[1], size=2)] = 8 * share, 1
    return np.pad(heat, rng.integers(0, 3, (2, 2))) * 2.0 ** rng.integers(0, 5), share


def box(heat: np.ndarray, share: float, reaches=lambda heat, share: heat >= share * heat.max()) -> np.ndarray:
    rows, columns = ndimage.find_objects(reaches(heat, share).astype(int))[0]
    return np.array([columns.start, rows.start, columns.stop, rows.stop])


box_of_map = Exercise(
    "box_of_map",
    draw=toy_map,
    right=box,
    mistakes={
        "Right and bottom are the last cells inside. A box ends behind them.": lambda *of: box(*of) - [0, 0, 1, 1],
        "Rows and columns have changed places: a row says how far down.": lambda *of: box(*of)[[1, 0, 3, 2]],
        "That is left, top, width and height.": lambda *of: box(*of) - [0, 0, *box(*of)[:2]],
        "A cell that reaches the threshold exactly is lost.": lambda *of: box(*of, lambda m, s: m > s * m.max()),
        "The share was taken as a value. On each map it means another thing.": lambda *of: box(*of, np.greater_equal),
    },
    praise="A box is four numbers: columns before rows, and its end is outside.",
)  # fmt: skip


def caption_and_recipe(rng: np.random.Generator) -> tuple[dict, dict]:
    """Whatever can be true ("" is unknown) and said of it ("" is nothing), each of another slot."""
    true = ["faint", "none", "faint", "none", "strong", "none", "strong", ""]
    said = ["faint", "none", "strong", "strong", "none", "", "", "faint"]
    slots = rng.permutation("network dots streaks veil regression milia comedo fissures".split()).tolist()
    stated, recipe = ({slot: word for slot, word in zip(slots, words, strict=True) if word} for words in (said, true))
    return stated, recipe


def grades(said: dict, true: dict) -> dict:
    grade = {True: "right", False: "wrong"}
    return {slot: grade[said[slot] == word] if slot in said else "silent" for slot, word in true.items()}


caption_grades = Exercise(
    "caption_grades",
    draw=caption_and_recipe,
    right=grades,
    mistakes={
        "Silence is graded as wrong, but it has said nothing false.": lambda said, true: (
            grades(dict.fromkeys(true, "?") | said, true)),
        'Silence about what is not there is graded as right. It may as well not have looked.': lambda said, true: (
            grades({slot: "none" for slot in true if true[slot] == "none"} | said, true)),
        "Whatever is mentioned counts as right, also with a false word.": lambda said, true: (
            grades({slot: true.get(slot) for slot in said}, true)),
        'A stated "none" is taken for silence, but it says something, and that can be wrong.': lambda said, true: (
            grades({slot: word for slot, word in said.items() if word != "none"}, true)),
        "A slot that is not in the recipe is graded. Nobody knows the truth about it.": lambda said, true: (
            grades(said, dict.fromkeys(said, "?") | true)),
    },
    praise="Silence is no error and no merit: three grades, never two.",
)  # fmt: skip
