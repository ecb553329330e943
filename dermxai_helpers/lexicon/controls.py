"""What is a macro-F1 of votes worth? Voters that never saw a caption, and regions that knew too much.

Here a vote may be "abstain". It is then an error like any other: the class was there and was not named.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import pandas as pd

from dermxai_helpers import scoring
from dermxai_helpers.lexicon.voting import ABSTAIN
from dermxai_helpers.synth.attributes import LABELS, PREVALENCE

PAPER_VOTES = {"mel": 0.1, "nv": 0.8, "bkl": 0.1}
"""How often the paper's captions voted for each class: 80 % nv. That mel and bkl shared the rest evenly is our guess.
Source: seed A, section 4.4."""


def macro_f1(tables: np.ndarray) -> np.ndarray:
    """Mean F1 of confusion matrices (..., C true classes, C or C + 1 votes); a last, extra column holds abstentions.

    Without abstentions this is scikit-learn's macro-F1 with zero_division=0.
    """
    classes = tables.shape[-2]
    right = np.diagonal(tables[..., :classes], axis1=-2, axis2=-1)
    labelled, voted = tables.sum(axis=-1), tables[..., :classes].sum(axis=-2)
    return (2 * right / np.maximum(labelled + voted, 1)).mean(axis=-1)


def confusion(labels: np.ndarray, votes: np.ndarray, classes: int) -> np.ndarray:
    """Counts (classes, classes + 1) of class numbers (n,); the vote number `classes` is an abstention."""
    return np.bincount(labels * (classes + 1) + votes, minlength=classes * (classes + 1)).reshape(classes, classes + 1)


def blind_voters(
    votes: Mapping[str, float] = PAPER_VOTES, labels: Mapping[str, float] | Sequence[str] = PREVALENCE, n: int = 200,
    repeats: int = 10_000, seed: int = 0,
) -> np.ndarray:
    """Macro-F1 of voters that see nothing and vote with fixed chances, (repeats,).

    votes : class -> chance of a vote for it; "abstain" may be among them
    labels : the true classes, the same in every repeat; or class -> share, of which `n` lesions are drawn each time
    """
    rng, classes = np.random.default_rng(seed), [name for name in votes if name != ABSTAIN]
    chances = np.array([votes[name] for name in classes] + [votes.get(ABSTAIN, 0.0)])
    if isinstance(labels, Mapping):
        shares = np.array([labels[name] for name in classes])
        lesions = rng.multinomial(n, shares / shares.sum(), size=repeats)
    else:
        counts = pd.Series(labels).value_counts().reindex(classes, fill_value=0)
        lesions = np.tile(counts.to_numpy(), (repeats, 1))
    return macro_f1(rng.multinomial(lesions, chances / chances.sum()))


def constant(labels: Sequence[str], label: str = "nv", classes: Sequence[str] = LABELS) -> float:
    """Macro-F1 of always voting for one class."""
    return scoring.scores(labels, [label] * len(labels), classes)["macro_f1"]


# --- regions that were guided by something ---


def guidance_table(
    votes: pd.DataFrame, classes: Sequence[str] = LABELS, fallback: str = "nv", repeats: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """How well the captions of differently guided regions vote: one row for each guidance, in order of appearance.

    votes : one row for each guidance and image: guidance ("true class", "predicted class", "random class", "centred
        box" ...), image_id, lesion_id, label, vote (a class or "abstain")
    macro_f1, low, high : abstentions as errors, with the 95 % interval by lesion; fallback : macro-F1 when abstentions
    vote for the class `fallback`; coverage : share that votes; accuracy : among those; blind : mean macro-F1 of voters
    that see nothing and vote for each class as often

    Raises ValueError for a missing column, an unknown class, and guidances that were not tried on the same images.
    """
    wide = _wide(votes, classes)
    return pd.DataFrame({name: _guided(wide, name, classes, fallback, repeats, seed) for name in wide["vote"]}).T


def guidance_difference(
    votes: pd.DataFrame, guidance: str, against: str, classes: Sequence[str] = LABELS, repeats: int = 1000,
    seed: int = 0,
) -> dict[str, float]:
    """Macro-F1 of one guidance minus that of another on the same images: value and 95 % interval by lesion (low, high).

    votes : as in `guidance_table`. With "true class" against "predicted class" it is what the label leaked.
    """
    wide = _wide(votes, classes)
    unknown = [name for name in (guidance, against) if name not in wide["vote"]]
    if unknown:
        raise ValueError(f"no guidance is called {', '.join(unknown)}: there are {', '.join(wide['vote'])}")

    def difference(labels: np.ndarray, one: np.ndarray, other: np.ndarray) -> float:
        return _macro(labels, one, classes) - _macro(labels, other, classes)

    columns = [wide["label", guidance], wide["vote", guidance], wide["vote", against]]
    arrays = [_numbers(column, classes) for column in columns]
    low, high = scoring.interval(difference, wide["lesion_id", guidance], *arrays, repeats=repeats, seed=seed)
    return {"value": difference(*arrays), "low": low, "high": high}


def _wide(votes: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """One row an image, columns (what, guidance), checked."""
    missing = [name for name in ("guidance", "image_id", "lesion_id", "label", "vote") if name not in votes]
    if missing:
        raise ValueError(f"the table of votes lacks {', '.join(missing)}")
    strangers = sorted(set(votes["label"]) - set(classes) | set(votes["vote"]) - {*classes, ABSTAIN})
    if strangers:
        raise ValueError(f"unknown class {', '.join(strangers)}: the classes are {', '.join(classes)}")
    if votes.duplicated(["guidance", "image_id"]).any():
        raise ValueError("an image votes twice under one guidance: give one row for each guidance and image")
    wide = votes.pivot(index="image_id", columns="guidance", values=["lesion_id", "label", "vote"])
    if wide.isna().any(axis=None):
        counts = votes.groupby("guidance")["image_id"].nunique().to_dict()
        raise ValueError(f"every guidance must be tried on the same images; they have {counts}")
    return wide.reindex(columns=votes["guidance"].unique(), level=1)


def _guided(wide: pd.DataFrame, name: str, classes: Sequence[str], fallback: str, repeats: int, seed: int) -> dict:
    """The row of one guidance."""
    lesions, label, vote = (wide[what, name].to_numpy() for what in ("lesion_id", "label", "vote"))
    decided = vote != ABSTAIN
    labels, numbers = _numbers(label, classes), _numbers(vote, classes)
    metric = partial(_macro, classes=classes)
    low, high = scoring.interval(metric, lesions, labels, numbers, repeats=repeats, seed=seed)
    shares = {one: (vote == one).mean() for one in (*classes, ABSTAIN)}
    return {
        "macro_f1": metric(labels, numbers), "low": low, "high": high,
        "fallback": metric(labels, _numbers(np.where(decided, vote, fallback), classes)),
        "coverage": decided.mean(), "accuracy": (vote == label)[decided].mean() if decided.any() else np.nan,
        "blind": blind_voters(shares, label, repeats=2000, seed=seed).mean(),
    }  # fmt: skip


def _macro(labels: np.ndarray, votes: np.ndarray, classes: Sequence[str]) -> float:
    return float(macro_f1(confusion(labels, votes, len(classes))))


def _numbers(names: Sequence[str], classes: Sequence[str]) -> np.ndarray:
    """Class numbers (n,); an abstention has the number after the last class."""
    return np.array([[*classes, ABSTAIN].index(name) for name in names])
