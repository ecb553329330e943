"""Exercises of unit 00: the box of a map, the grades of a caption."""

import numpy as np
from scipy import ndimage

from dermxai_helpers.checks.exercise import Exercise


def toy_map(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A map of few cells inside a dark rim, and a share that some of them reach exactly."""
    inside = rng.choice(9, size=24, p=[0.6, *[0.05] * 8])
    inside[rng.permutation(24)[:2]] = 8, 1
    return np.pad(inside.reshape(4, 6), ((1, 2), (2, 1))) * 2.0 ** rng.integers(-2, 3), rng.choice([0.25, 0.5, 0.75])


def box(heat: np.ndarray, share: float, reaches=lambda heat, share: heat >= share * heat.max()) -> np.ndarray:
    rows, columns = ndimage.find_objects(reaches(heat, share).astype(int))[0]
    return np.array([columns.start, rows.start, columns.stop, rows.stop])


box_of_map = Exercise(
    "box_of_map",
    draw=toy_map,
    right=box,
    mistakes={
        "Right and bottom are the last cells inside. A box ends behind them, so that right minus left is its width.":
            lambda *these: box(*these) - [0, 0, 1, 1],
        "Rows and columns have changed places: a row says how far down, not how far right.":
            lambda *these: box(*these)[[1, 0, 3, 2]],
        "That is left, top, width and height.": lambda *these: box(*these) - [0, 0, *box(*these)[:2]],
        "A cell that reaches the threshold exactly is lost.":
            lambda *these: box(*these, lambda heat, share: heat > share * heat.max()),
        "The share was taken as a value of the map. The same value means another thing on every map.":
            lambda *these: box(*these, np.greater_equal),
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


def grades(stated: dict, recipe: dict) -> dict:
    grade = {True: "right", False: "wrong"}
    return {slot: grade[stated[slot] == true] if slot in stated else "silent" for slot, true in recipe.items()}


caption_grades = Exercise(
    "caption_grades",
    draw=caption_and_recipe,
    right=grades,
    mistakes={
        "Silence is graded as wrong. A caption that leaves a fact out has said nothing false.":
            lambda stated, recipe: grades(dict.fromkeys(recipe, "?") | stated, recipe),
        'Silence about what is not there is graded as right. A caption earns that only by saying "none".':
            lambda stated, recipe: grades({slot: "none" for slot in recipe if recipe[slot] == "none"} | stated, recipe),
        "Whatever is mentioned counts as right. It may be mentioned with a false word.":
            lambda stated, recipe: grades({slot: recipe.get(slot) for slot in stated}, recipe),
        'A stated "none" is taken for silence. It says that something is not there, and that can be wrong.':
            lambda stated, recipe: grades({slot: said for slot, said in stated.items() if said != "none"}, recipe),
        "A slot that is not in the recipe is graded. Nobody knows the truth about it.":
            lambda stated, recipe: grades(stated, dict.fromkeys(stated, "?") | recipe),
    },
    praise="Silence is no error and no merit: three grades, never two.",
)  # fmt: skip
