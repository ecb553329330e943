"""Exercises of unit 01: a leak predicted, a split mended, leaks counted, a rule without a picture."""

import numpy as np
import pandas as pd

from dermxai_helpers.checks.exercise import Exercise, Refused


def leak(k: np.ndarray, v: float, itself: int = 1) -> float:
    return np.average(1 - v ** (k - itself), weights=k)


expected_leak = Exercise(
    "expected_leak",
    draw=lambda rng: (rng.permutation(np.append(rng.integers(1, 7, size=12), [1, 1, 4])), rng.uniform(0.1, 0.4)),
    right=leak,
    mistakes={
        "Each lesion counts once. A share of images is asked for.": lambda k, v: np.mean(1 - v ** (k - 1)),
        "That is the share that escapes.": lambda k, v: 1 - leak(k, v),
        "A single photograph leaks here, but it has no sister.": lambda k, v: leak(k, v, itself=0),
        "A leak needs a sister in training, not one in validation.": lambda k, v: leak(k, 1 - v),
        "To have a sister is not enough: she may be in validation, too.": lambda k, v: np.average(k > 1, weights=k),
        "A mean of the formula is not the formula of a mean.": lambda k, v: 1 - v ** (k.mean() - 1),
    },
    praise="A leak is known before the split: it depends on how often each lesion was photographed.",
)  # fmt: skip


def seen(answer, ids: np.ndarray, share: float, seed: int) -> dict:
    """What splits do: lesions on both sides? as many as asked for? is a seed's split repeated, another's another?"""
    splits = [np.asarray(answer(ids.copy(), share, seed + more)) for more in (0, 0, 1, 2, 3, 4, 5)]
    if any(part.shape != ids.shape or not set(part.tolist()) <= {"train", "val"} for part in splits):
        raise Refused('For each photograph, "train" or "val" is wanted.')
    held, kept = ([set(ids[part == name]) for part in splits] for name in ("val", "train"))
    reached = {len(one) / len(set(ids)) for one in held}
    number = "right" if reached == {share} else "the rest" if reached == {1 - share} else "another"
    both, moves = any(map(set.intersection, held, kept)), any(splits[0] != splits[2])
    return {"both": both, "number": number, "repeats": all(splits[0] == splits[1]), "moves": moves}


def some_lesions(rng: np.random.Generator) -> tuple[np.ndarray, float, int]:
    number = 8 * rng.integers(3, 6)  # so that a share of them is a whole number
    ids = np.repeat([f"lesion {one}" for one in range(number)], rng.integers(1, 6, size=number))
    return rng.permutation(ids), rng.choice([0.25, 0.375]), int(rng.integers(1, 1000))


def rows(ids: np.ndarray) -> np.ndarray:
    return np.arange(len(ids))


def parts(ids, share, seed, units=np.unique, moved=np.array, replace=False):
    """A split that draws some of the units and moves the photographs that they name."""
    drawn = np.random.default_rng(seed).choice(units(ids), round(share * len(units(ids))), replace=replace)
    return np.where(np.isin(moved(ids), drawn), "val", "train")


split_by_lesion = Exercise(
    "split_by_lesion",
    draw=some_lesions,
    observe=seen,
    right=parts,
    as_found=lambda *of: parts(*of, units=lambda ids: np.unique(ids, return_index=True)[1], moved=rows),
    mistakes={
        "Images are drawn, each on its own: sisters part.": lambda *of: parts(*of, units=rows, moved=rows),
        "Sisters stay together, but not so many lesions validate. Is one drawn twice? Of what is it a share?":
            lambda *of: parts(*of, replace=True),
        "The same seed gives another split: nobody can repeat it.": lambda ids, share, seed: parts(ids, share, None),
        "Every seed gives the same split: its luck is never seen.": lambda ids, share, seed: parts(ids, share, 0),
        "Training and validation have changed places.": lambda ids, share, seed: parts(ids, 1 - share, seed),
    },
    praise="Draw the unit that must not be on both sides, and let all its rows follow.",
)  # fmt: skip

UNITS = ("picture", "lesion", "patient")


def two_parts(rng: np.random.Generator) -> tuple[pd.DataFrame]:
    """Photographs of 20 lesions, split by lesion but for a few: pictures in both parts, patients nobody knows."""
    lesion, picture = rng.integers(20, size=60), rng.permutation(60)
    part = np.where((rng.permutation(20) < 7)[lesion], "val", "train")
    part[: rng.integers(3)] = "val"
    validation, training = (np.flatnonzero(part == name) for name in ("val", "train"))
    picture[validation[:3]], picture[validation[3:5]] = picture[training[0]], 60  # 60: twice, but on one side
    patient = pd.Series(lesion // 2).where(lesion % 6 > 1)  # two lesions each, a third of them unknown
    return (pd.DataFrame({"picture": picture, "lesion": lesion, "patient": patient, "part": part}),)


def leaks(table: pd.DataFrame, part: str = "val", other: str = "train") -> dict:
    one, two = (table[table["part"] == name] for name in (part, other))
    return {unit: one[unit].dropna().isin(two[unit]).sum() for unit in UNITS}


def doubled(table: pd.DataFrame) -> dict:
    return {unit: sum(table[unit].duplicated(False) & table[unit].notna() & (table["part"] == "val")) for unit in UNITS}


leaked_photographs = Exercise(
    "leaked_photographs",
    draw=two_parts,
    right=leaks,
    mistakes={
        "All unknown patients are taken for one.": lambda table: leaks(table.fillna({"patient": -1})),
        "Rows without a patient are left out: their lesions may leak, too.": lambda table: leaks(table.dropna()),
        "Each picture, lesion, patient counts once. Photographs are wanted.":
            lambda table: {unit: leaks(table.drop_duplicates([unit, "part"]))[unit] for unit in UNITS},
        "These are photographs in training.": lambda table: leaks(table, "train", "val"),
        "Sisters inside validation count here. They are on the same side.": doubled,
    },
    praise="A split is clean for the units that were checked, and for no others.",
)  # fmt: skip


def counts_of_sites(rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables of counts without ties; one class is common, one site is not in training."""
    classes = rng.permutation(["mel", "nv", "bkl"])
    sites = ["back", "chest", "face", "hand", "scalp", "thigh"]
    train, validation = (pd.DataFrame(2 * rng.permutation(60)[:18].reshape(6, 3) + 1, sites, classes) for _ in range(2))
    train[classes[rng.integers(1, 3)]] *= 2
    train.iloc[rng.integers(6)] = 0
    return train, validation


def worth(train, counts, metric="balanced_accuracy_score", lacking=0) -> float:
    from sklearn import metrics

    rule = train.idxmax(axis=1).where(train.sum(axis=1) > lacking, train.sum().idxmax())
    sites, true = zip(*((site, name) for site in counts.index for name in counts), strict=True)
    return getattr(metrics, metric)(true, rule[list(sites)], sample_weight=counts.to_numpy().ravel())


balanced_accuracy_of_sites = Exercise(
    "balanced_accuracy_of_sites",
    draw=counts_of_sites,
    right=worth,
    mistakes={
        "That is accuracy: the commonest class decides it.": lambda *tables: worth(*tables, "accuracy_score"),
        "The rule was made from what it is judged on.": lambda train, new: worth(new, new),
        "A site that training lacks got the first of three zeros.": lambda *tables: worth(*tables, lacking=-1),
        "One class is answered everywhere: the site is not used.": lambda train, new: 1 / 3,
    },
    praise="What is known without a picture is the least that a picture model must beat.",
)  # fmt: skip
