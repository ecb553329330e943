"""Exercises of unit 00: the box of a map, the grades of a caption."""

import numpy as np

from dermxai_helpers.checks.exercise import Exercise


def toy_map(rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """A map of three cells: the upper one reaches the share of the maximum exactly, the lower one does not."""
    share, heat = rng.choice([0.25, 0.5, 0.75]), np.zeros((6, 9))
    heat[np.sort(rng.permutation(6)[:3]), rng.integers(9, size=3)] = 8 * share, 8, 1
    return heat * rng.choice([1, 2, 4]), share


def box(heat: np.ndarray, share: float, reaches=np.greater_equal) -> np.ndarray:
    """Left, top, right and bottom of the cells that reach a share of the maximum."""
    rows, columns = np.nonzero(reaches(heat, share * heat.max()))
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])


box_of_map = Exercise("box_of_map", draw=toy_map, right=box, mistakes={
    "Right and bottom are the last cells inside. A box ends behind them.": lambda *of: box(*of) - [0, 0, 1, 1],
    "Rows and columns have changed places: a row says how far down.": lambda *of: box(*of)[[1, 0, 3, 2]],
    "That is left, top, width and height.": lambda *of: box(*of) - [0, 0, *box(*of)[:2]],
    "A cell that reaches the threshold exactly is lost.": lambda *of: box(*of, reaches=np.greater),
    "The share was taken as a value. On each map it means another thing.": lambda m, s: box(m, s / m.max()),
}, praise="A box is four numbers: columns before rows, and its end is outside.")  # fmt: skip


def caption_and_recipe(rng: np.random.Generator) -> tuple[dict, dict]:
    """What is said and what is true, of slots in any order."""
    slots = rng.permutation("network dots streaks veil regression milia comedo fissures".split()).tolist()
    true = "none strong faint none faint none strong".split()  # the caption is silent about the first two
    said = "faint none strong strong none faint".split()  # the recipe does not know the last
    return dict(zip(slots[2:], said, strict=True)), dict(zip(slots[:7], true, strict=True))


def grades(said: dict, true: dict, silent: str = "silent", wrong: str = "wrong", unsaid: str = "") -> dict:
    """The grade of each slot of the recipe; one word may count as not said."""
    grade = {slot: "right" if word == true.get(slot) else wrong for slot, word in said.items() if word != unsaid}
    return {slot: grade.get(slot, silent) for slot in true}


caption_grades = Exercise("caption_grades", draw=caption_and_recipe, right=grades, mistakes={
    "Silence is graded as wrong, but it has said nothing false.": lambda *of: grades(*of, silent="wrong"),
    "Whatever is mentioned counts as right, also with a false word.": lambda *of: grades(*of, wrong="right"),
    'A stated "none" is taken for silence, but it can be wrong.': lambda *of: grades(*of, unsaid="none"),
    "Silence about what is not there is graded as right. It may as well not have looked.": lambda said, true: (
        grades({slot: "none" for slot in true if true[slot] == "none"} | said, true)),
}, praise="Silence is no error and no merit: three grades, never two.")  # fmt: skip
