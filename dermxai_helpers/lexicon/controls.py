"""A control for a macro-F1 of votes: voters that never saw a caption."""

from collections.abc import Mapping, Sequence

import numpy as np

from dermxai_helpers import scoring
from dermxai_helpers.synth.attributes import PREVALENCE

PAPER_VOTES = {"mel": 0.1, "nv": 0.8, "bkl": 0.1}
"""How often the paper's captions voted for each class: 80 % nv. That mel and bkl shared the rest evenly is our guess.
Source: seed A, section 4.4."""


def blind_voters(
    votes: Mapping[str, float] = PAPER_VOTES, labels: Sequence[str] = (), repeats: int = 10_000, seed: int = 0
) -> np.ndarray:
    """Macro-F1 of voters that see nothing and vote with fixed chances, (repeats,).

    votes : class -> chance of a vote for it
    labels : the true classes, the same in every repeat; without them, 200 lesions with HAM10000's shares each time

    >>> blind_voters({"mel": 0, "nv": 1, "bkl": 0}, ["nv", "nv", "mel"], repeats=2).round(2)
    array([0.27, 0.27])
    """
    rng, chances = np.random.default_rng(seed), np.array(list(votes.values()), dtype=float)
    if len(labels):
        lesions = np.tile([np.count_nonzero(np.asarray(labels) == name) for name in votes], (repeats, 1))
    else:
        shares = np.array([PREVALENCE[name] for name in votes])
        lesions = rng.multinomial(200, shares / shares.sum(), size=repeats)
    return scoring.macro_f1(rng.multinomial(lesions, chances / chances.sum()))
