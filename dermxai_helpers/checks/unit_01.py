"""Exercises of unit 01: a leak predicted, a split mended, leaks counted, a rule without a picture."""

import numpy as np
import pandas as pd

from dermxai_helpers.checks.exercise import Exercise, Refused

UNITS = ["picture", "lesion", "patient"]


def leak(k: np.ndarray, v: float, itself: int = 1) -> float:
    """The share of images with a sister in training, of lesions photographed k times."""
    return np.average(1 - v ** (k - itself), weights=k)


expected_leak = Exercise("expected_leak", right=leak, mistakes={
    "Each lesion counts once. A share of images is asked for.": lambda k, v: np.mean(1 - v ** (k - 1)),
    "That is the share that escapes.": lambda k, v: 1 - leak(k, v),
    "A single photograph leaks here, but it has no sister.": lambda k, v: leak(k, v, itself=0),
    "A leak needs a sister in training, not one in validation.": lambda k, v: leak(k, 1 - v),
    "To have a sister is not enough: she may be in validation, too.": lambda k, v: np.average(k > 1, weights=k),
}, draw=lambda rng: (rng.permutation([1, 1, 4, *rng.integers(1, 7, size=5)]), rng.uniform(0.1, 0.4)),
   praise="A leak is known before the split: it depends on how often each lesion was photographed.")  # fmt: skip


def some_lesions(rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
    """The lesion of each photograph, a share of the 24 lesions, and a seed."""
    ids = np.repeat([f"lesion {one}" for one in range(24)], rng.integers(1, 6, size=24))
    return rng.permutation(ids), rng.choice([0.25, 0.375]), int(rng.integers(1000))


def seen(answer, ids: np.ndarray, share: float, seed: int) -> dict:
    """What splits do: lesions on both sides? as many as asked for? is a seed's split repeated, another's another?"""
    splits = [np.asarray(answer(ids, share, one)) for one in (seed, seed, seed + 1)]
    if any(part.shape != ids.shape or not set(part.tolist()) <= {"train", "val"} for part in splits):
        raise Refused('For each photograph, "train" or "val" is wanted.')
    held, kept = ([set(ids[part == name]) for part in splits] for name in ("val", "train"))
    number = all(len(one) == share * len(set(ids)) for one in held)
    again, other = (np.array_equal(splits[0], part) for part in splits[1:])
    return {"both": any(map(set.intersection, held, kept)), "number": number, "repeats": again, "moves": not other}


def parts(ids, share, seed, replace=False, sisters=True):
    """A split that draws lesions, and moves all their photographs, or the first of each."""
    lesions = np.unique(ids)
    drawn = np.random.default_rng(seed).choice(lesions, round(share * len(lesions)), replace=replace)
    return np.where(np.isin(ids, drawn) & (sisters | ~pd.Series(ids).duplicated()), "val", "train")


split_by_lesion = Exercise("split_by_lesion", draw=some_lesions, observe=seen, right=parts, mistakes={
    "Images are drawn, each on its own: sisters part.": lambda ids, *of: parts(np.arange(len(ids)), *of),
    "Not so many lesions validate. Is one drawn twice? Of what is it a share?": lambda *of: parts(*of, replace=True),
    "The same seed gives another split: nobody can repeat it.": lambda ids, share, seed: parts(ids, share, None),
    "Every seed gives the same split: its luck is never seen.": lambda ids, share, seed: parts(ids, share, 0),
}, as_found=lambda *of: parts(*of, sisters=False),
   praise="Draw the unit that must not be on both sides, and let all its rows follow.")  # fmt: skip


def two_parts(rng: np.random.Generator) -> tuple[pd.DataFrame]:
    """Forty photographs in two parts; a third of the patients are not known."""
    table = pd.DataFrame(rng.integers((40, 15, 9), size=(40, 3)), columns=UNITS)
    return (table.assign(patient=table["patient"].where(table["patient"] > 2), part=rng.choice(["train", "val"], 40)),)


def leaks(table: pd.DataFrame, part: str = "val", other: str = "train", counted=pd.Series.dropna) -> dict:
    """For each unit, the photographs of a part that share it with the other part."""
    one, two = (table[table["part"] == name] for name in (part, other))
    return {unit: counted(one[unit]).isin(two[unit]).sum() for unit in UNITS}


leaked_photographs = Exercise("leaked_photographs", draw=two_parts, right=leaks, mistakes={
    "All unknown patients are taken for one.": lambda table: leaks(table, counted=lambda column: column),
    "Rows without a patient are left out: their lesions may leak, too.": lambda table: leaks(table.dropna()),
    "Each lesion counts once. Count photographs.": lambda t: leaks(t, counted=lambda c: c.dropna().drop_duplicates()),
    "These are photographs in training.": lambda table: leaks(table, "train", "val"),
}, praise="A split is clean for the units that were checked, and for no others.")  # fmt: skip


def counts_of_sites(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables of counts without ties; a class that is not the first is common, one site is not in training."""
    classes = rng.permutation(["mel", "nv", "bkl"])
    train, new = (pd.DataFrame(2 * rng.permutation(18).reshape(6, 3) + 1, [*"abcdef"], classes) for _ in range(2))
    train[classes[rng.integers(1, 3)]] *= 2
    train.iloc[rng.integers(6)] = 0
    return train, new


def worth(train: pd.DataFrame, new: pd.DataFrame, weights=None, lacking: int = 0) -> float:
    """The mean recall on new photographs of the commonest class of each site in training."""
    rule = train.idxmax(axis=1).where(train.sum(axis=1) > lacking, train.sum().idxmax())
    right = [new.loc[rule == name, name].sum() for name in new]
    return np.average(right / new.sum(), weights=weights)


balanced_accuracy_of_sites = Exercise("balanced_accuracy_of_sites", draw=counts_of_sites, right=worth, mistakes={
    "That is accuracy: the commonest class decides it.": lambda train, new: worth(train, new, weights=new.sum()),
    "The rule was made from what it is judged on.": lambda train, new: worth(new, new),
    "A site that training lacks got the first of three zeros.": lambda *tables: worth(*tables, lacking=-1),
    "One class is answered everywhere: the site is not used.": lambda train, new: 1 / 3,
}, praise="What is known without a picture is the least that a picture model must beat.")  # fmt: skip
