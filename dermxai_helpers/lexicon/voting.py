"""For which class do the facts of a caption speak, and how strongly?

A fact weighs the logarithm of how much more frequent it is in a class than among all lesions. The weights are estimated
on drawn lesions, whose attributes are known; they are right for those and say nothing about real skin.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from dermxai_helpers.lexicon import parsing as reading
from dermxai_helpers.lexicon.facts import ATTRIBUTES, Fact, agrees, true_facts
from dermxai_helpers.lexicon.parsing import Facts
from dermxai_helpers.synth import LABELS
from dermxai_helpers.synth.attributes import completed, sample_label, sample_lesion

ABSTAIN = "abstain"
DRAWN = 4000  # lesions behind the default weights: the rarest class then has about 490


@dataclass(frozen=True, eq=False)
class Weights:
    """What each fact says about the class.

    classes : names; shares : how frequent each class is among the lesions behind the weights, (classes,)
    chances : slot -> true fact -> P(fact | class), (classes,)
    """

    classes: tuple[str, ...]
    shares: np.ndarray
    chances: Mapping[str, Mapping[Fact, np.ndarray]]

    def of(self, slot: str, fact: Fact) -> np.ndarray | None:
        """log P(fact | class) / P(fact), (classes,); None for a fact about which these weights know nothing.

        A caption may state less than the truth: "a network" sums the chances of all kinds of network.
        """
        agreeing = [chance for true, chance in self.chances.get(slot, {}).items() if agrees(fact, true)]
        if not agreeing or fact[1] == "uncertain":
            return None
        chance = np.sum(agreeing, axis=0)
        return np.log(chance / (chance @ self.shares))

    def table(self) -> pd.DataFrame:
        """The weight of every fact a drawn lesion can have: index (slot, fact), one column a class."""
        rows = {(slot, " ".join(fact)): self.of(slot, fact) for slot, facts in self.chances.items() for fact in facts}
        index = pd.MultiIndex.from_tuples(rows, names=["slot", "fact"])
        return pd.DataFrame(list(rows.values()), index, list(self.classes))


def fit_weights(table: pd.DataFrame, smoothing: float = 1.0) -> Weights:
    """Weights from a table of drawn lesions, a row each (`truth/attributes.csv`, or `drawn_table`).

    table : needs the column label and the attributes of `facts.ATTRIBUTES`
    smoothing : lesions added to each fact and class, so that what never occurred is unlikely and not impossible

    Give one row for each lesion, and no lesion that the vote will be judged on. Facts are taken as independent within a
    class (naive Bayes). The colour count is not: a veil brings its own colour, so the two count a little double.
    Source: naive Bayes with Laplace's smoothing.
    """
    missing = sorted({"label", *ATTRIBUTES.values()} - set(table.columns))
    if missing:
        raise ValueError(f"the table lacks {', '.join(missing)}: give that of truth/attributes.csv, or drawn_table()")
    classes = tuple(name for name in LABELS if name in set(table["label"]))
    if not classes:
        raise ValueError(f"the column label names none of {', '.join(LABELS)}: weights need lesions of known class")
    truths = pd.DataFrame([true_facts(row) for row in table[list(ATTRIBUTES.values())].to_dict("records")])
    labels = table["label"].to_numpy()
    sizes = np.array([(labels == name).sum() for name in classes])
    chances = {slot: _chances(truths[slot], labels, classes, smoothing) for slot in truths}
    return Weights(classes, sizes / sizes.sum(), chances)


def _chances(truth: pd.Series, labels: np.ndarray, classes: Sequence[str], smoothing: float) -> dict[Fact, np.ndarray]:
    """P(fact | class) of one slot, smoothed: the chances of a class add up to 1."""
    of_class = [truth[labels == name] for name in classes]
    counts = {fact: np.array([(facts == fact).sum() for facts in of_class]) for fact in sorted(set(truth))}
    total = sum(counts.values()) + smoothing * len(counts)
    return {fact: (count + smoothing) / total for fact, count in counts.items()}


def drawn_table(n: int = DRAWN, seed: int = 0) -> pd.DataFrame:
    """The attributes of `n` lesions, classes as frequent as in HAM10000, without drawing a picture."""
    rng = np.random.default_rng([seed, n])
    return pd.DataFrame([completed(sample_lesion(sample_label(rng), rng)) for _ in range(n)])


@lru_cache(maxsize=1)
def default_weights() -> Weights:
    """Weights from DRAWN lesions; estimated at the first call, within a second or two, then kept."""
    return fit_weights(drawn_table())


# --- voting ---


@dataclass(frozen=True)
class Decision:
    """The class that a caption's facts speak for.

    label : a class, or "abstain"; reason : "" when it decided, else why not
    posterior : class -> probability; facts : what was read; evidence : slot -> class -> weight
    """

    label: str
    reason: str
    posterior: dict[str, float]
    facts: Facts
    evidence: dict[str, dict[str, float]]

    @property
    def confidence(self) -> float:
        """Probability of the most probable class; 0 for a caption that states nothing of weight."""
        return max(self.posterior.values()) if self.evidence else 0.0


def vote(
    sentence: str, weights: Weights | None = None, threshold: float = 0.5, prior: Sequence[float] | None = None
) -> Decision:
    """The class for which the facts of a sentence speak, or "abstain".

    weights : from `fit_weights`; None takes `default_weights`
    threshold : the least probability of a class that is voted for, 0 to 1; a caption without evidence never votes
    prior : how frequent each class is believed to be, (classes,); None takes the shares behind the weights

    Raises ValueError for a threshold or a prior that is no probability.
    """
    return vote_facts(reading.parse(sentence), weights, threshold, prior)


def vote_facts(
    facts: Facts, weights: Weights | None = None, threshold: float = 0.5, prior: Sequence[float] | None = None
) -> Decision:
    """As `vote`, for facts that were read already, or for those of several captions of one lesion put together."""
    weights = weights or default_weights()
    prior = _checked(weights, threshold, prior)
    found = {slot: weights.of(slot, fact) for slot, fact in facts.items()}
    found = {slot: weight for slot, weight in found.items() if weight is not None}
    score = np.log(prior) + sum(found.values(), np.zeros(len(prior)))
    posterior = np.exp(score - score.max())
    posterior = dict(zip(weights.classes, (posterior / posterior.sum()).tolist(), strict=True))
    evidence = {slot: dict(zip(weights.classes, weight.tolist(), strict=True)) for slot, weight in found.items()}
    best = max(posterior, key=posterior.get)
    if not evidence:
        return Decision(ABSTAIN, "no fact of weight", posterior, facts, evidence)
    if posterior[best] < threshold:
        return Decision(ABSTAIN, f"{best} has only {posterior[best]:.2f}", posterior, facts, evidence)
    return Decision(best, "", posterior, facts, evidence)


def _checked(weights: Weights, threshold: float, prior: Sequence[float] | None) -> np.ndarray:
    if not 0 <= threshold <= 1:
        raise ValueError(f"threshold {threshold}: it is a probability, so choose a number from 0 to 1")
    if prior is None:
        return weights.shares
    prior = np.asarray(prior, dtype=float)
    if prior.shape != weights.shares.shape or (prior <= 0).any() or not math.isclose(prior.sum(), 1, abs_tol=1e-6):
        names = ", ".join(weights.classes)
        raise ValueError(f"prior {prior.tolist()}: give each of {names} a share above 0, and let them add up to 1")
    return prior


def coverage_curve(votes: Iterable[Decision], labels: Sequence[str]) -> pd.DataFrame:
    """What is gained by abstaining: one row for each threshold at which one more caption votes, strictest first.

    votes : of `vote` (at any threshold: only their probabilities count); labels : true classes, (n,)
    threshold : least confidence that votes; coverage : share of captions that vote; accuracy : among those that vote
    """
    votes, labels = list(votes), np.asarray(labels)
    if len(votes) != len(labels):
        raise ValueError(f"{len(votes)} votes but {len(labels)} labels: give one label for each vote")
    best = np.array([max(vote.posterior, key=vote.posterior.get) for vote in votes])
    table = pd.DataFrame({"threshold": [vote.confidence for vote in votes], "right": best == labels})
    table = table[table["threshold"] > 0].groupby("threshold")["right"].agg(["sum", "size"])
    table = table.sort_index(ascending=False).cumsum()
    accuracy = table["sum"] / table["size"]
    return pd.DataFrame({"coverage": table["size"] / len(votes), "accuracy": accuracy}).reset_index()
