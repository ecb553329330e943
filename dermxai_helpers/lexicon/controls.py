"""Controls for a macro-F1 of votes: voters that never saw a caption, and regions that knew too much."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dermxai_helpers import scoring
from dermxai_helpers.synth.attributes import LABELS, PREVALENCE

PAPER_VOTES = {"mel": 0.1, "nv": 0.8, "bkl": 0.1}
"""How often the paper's captions voted for each class: 80 % nv. That mel and bkl shared the rest evenly is our guess.
Source: seed A, section 4.4."""


def blind_voters(
    votes: Mapping[str, float] = PAPER_VOTES, labels: Sequence[str] = (), repeats: int = 10_000, seed: int = 0
) -> np.ndarray:
    """Draw voters that see nothing and vote with fixed chances, and score each: macro-F1, (repeats,).

    votes : class -> chance of a vote for it
    labels : the true classes, the same in every repeat; without them, 200 lesions with HAM10000's shares each time
    """
    rng, classes = np.random.default_rng(seed), list(votes)
    chances = np.array(list(votes.values()))
    if len(labels):
        counts = pd.Series(labels).value_counts().reindex(classes, fill_value=0)
        lesions = np.tile(counts.to_numpy(), (repeats, 1))
    else:
        shares = np.array([PREVALENCE[name] for name in classes])
        lesions = rng.multinomial(200, shares / shares.sum(), size=repeats)
    return scoring.macro_f1(rng.multinomial(lesions, chances / chances.sum()))


# --- regions that were guided by something ---


def guidance_table(votes: pd.DataFrame, repeats: int = 1000, seed: int = 0) -> pd.DataFrame:
    """Score the captions of differently guided regions: one row for each guidance, in order of appearance.

    votes : one row for each guidance and image: guidance ("true class", "centred box" ...), image_id, lesion_id, label
        and vote (classes)
    macro_f1, low, high : with the 95 % interval by lesion; blind : mean macro-F1 of voters that see nothing and vote
    for each class as often
    """
    rows = {}
    for name, group in votes.groupby("guidance", sort=False):
        labels, voted = _numbers(group["label"]), _numbers(group["vote"])
        low, high = scoring.interval(_macro_f1, group["lesion_id"], labels, voted, repeats=repeats, seed=seed)
        shares = {label: (group["vote"] == label).mean() for label in LABELS}
        blind = blind_voters(shares, group["label"], repeats=2000, seed=seed).mean()
        rows[name] = {
            "macro_f1": _macro_f1(labels, voted),
            "low": low,
            "high": high,
            "accuracy": (labels == voted).mean(),
            "blind": blind,
        }
    return pd.DataFrame(rows).T


def guidance_difference(
    votes: pd.DataFrame, guidance: str, against: str, repeats: int = 1000, seed: int = 0
) -> dict[str, float]:
    """Compare two guidances on the same images: the difference of macro-F1 and its 95 % interval (value, low, high).

    votes : as in `guidance_table`. With "true class" against "predicted class" it is what the label leaked.
    Raises ValueError for guidances that were not tried on the same images.
    """
    one, other = (votes[votes["guidance"] == name].set_index("image_id") for name in (guidance, against))
    if set(one.index) != set(other.index) or one.empty:
        raise ValueError(f"{guidance!r} was tried on {len(one)} images, {against!r} on {len(other)}: need the same")
    arrays = [_numbers(column) for column in (one["label"], one["vote"], other["vote"].reindex(one.index))]

    def difference(labels: np.ndarray, votes: np.ndarray, others: np.ndarray) -> float:
        return _macro_f1(labels, votes) - _macro_f1(labels, others)

    low, high = scoring.interval(difference, one["lesion_id"], *arrays, repeats=repeats, seed=seed)
    return {"value": difference(*arrays), "low": low, "high": high}


def _macro_f1(labels: np.ndarray, votes: np.ndarray) -> float:
    counts = np.bincount(labels * len(LABELS) + votes, minlength=len(LABELS) ** 2)
    return float(scoring.macro_f1(counts.reshape(len(LABELS), len(LABELS))))


def _numbers(names: Sequence[str]) -> np.ndarray:
    """Class numbers (n,); ValueError for a name that is no class."""
    return np.array([LABELS.index(name) for name in names])
