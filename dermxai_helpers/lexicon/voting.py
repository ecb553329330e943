"""Two votes for a class: the paper's, by counted keywords; and one by facts, weighed on drawn lesions, not skin."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from dermxai_helpers.lexicon.facts import ATTRIBUTES, Fact, agrees, true_facts
from dermxai_helpers.lexicon.parsing import Facts, parse
from dermxai_helpers.lexicon.plain import english_prose, normalised
from dermxai_helpers.synth import LABELS
from dermxai_helpers.synth.attributes import completed, sample_label, sample_lesion

PAPER_KEYWORDS = {  # source: seed A, section 3.5
    "mel": ("asymmetric", "irregular border", "multiple colors"), "bkl": ("waxy", "sharply demarcated", "keratotic"),
    "nv": ("uniform", "regular border", "even color")}  # fmt: skip
FALLBACK = "nv"  # the class of a sentence that decides nothing: the commonest. The paper states no rule
DRAWN = 4000  # lesions behind the default weights: the rarest class then has about 490


@dataclass(frozen=True)
class Vote:
    """The class a sentence votes for."""

    label: str
    hits: dict[str, int]  # class -> number of keyword occurrences
    reason: str = ""  # why the words did not decide: "zero hits", "tie: mel, nv", "not English" or "not prose"


def paper_vote(sentence: str, keywords: Mapping[str, Sequence[str]] = PAPER_KEYWORDS) -> Vote:
    r"""Vote for the class whose keywords occur most often, counted as the paper counts: as runs of letters.

    $$ \hat c = \arg\max_c \sum_{k \in K_c} \mathrm{count}(k, \mathrm{sentence}) $$

    keywords : class -> list of words K_c, if not the paper's own; ValueError for anything else
    Zero hits and ties go to `FALLBACK`, and `reason` says so. Sentences that are not English prose are left out.
    A run of letters is not a word: "irregular border" contains "regular border" and so votes for both classes.

    >>> vote = paper_vote("An irregular border and uneven color.")
    >>> vote.label, vote.hits
    ('nv', {'mel': 1, 'bkl': 0, 'nv': 2})

    Source: seed A, section 3.5 (keywords and count); the rule for ties and zero hits is ours.
    """
    for label, words in keywords.items():
        if isinstance(words, str) or not all(isinstance(word, str) and word.strip() for word in words):
            raise ValueError(f"keywords of {label!r} must be a list of words, none of them empty, got {words!r}")
    text, strange = english_prose(normalised(sentence)[0].lower())
    hits = {label: sum(text.count(normalised(word)[0].lower()) for word in words) for label, words in keywords.items()}
    leaders = [label for label, count in hits.items() if count == max(hits.values()) > 0]
    if len(leaders) == 1:
        return Vote(leaders[0], hits)
    undecided = strange[0][1] if strange else "zero hits"
    return Vote(FALLBACK, hits, f"tie: {', '.join(leaders)}" if leaders else undecided)


@dataclass(frozen=True, eq=False)
class FactWeights:
    """What each fact says about the class."""

    classes: tuple[str, ...]
    shares: np.ndarray  # the prior, how frequent each class is among the lesions behind the weights, (classes,)
    chances: Mapping[str, Mapping[Fact, np.ndarray]]  # slot -> true fact -> P(fact | class), (classes,)

    def of(self, slot: str, fact: Fact) -> np.ndarray | None:
        """Weigh a fact: log P(fact | class) / P(fact), (classes,); "a network" sums its kinds. None: not known."""
        agreeing = [chance for true, chance in self.chances.get(slot, {}).items() if agrees(fact, true)]
        if not agreeing or fact[1] == "uncertain":
            return None
        chance = np.sum(agreeing, axis=0)
        return np.log(chance / (chance @ self.shares))


def fit_weights(lesions: Sequence[Mapping]) -> FactWeights:
    """Estimate weights from the attributes of drawn lesions; Laplace adds one lesion to each fact and class."""
    labels, truths = [lesion["label"] for lesion in lesions], [true_facts(lesion) for lesion in lesions]
    classes = tuple(name for name in LABELS if name in labels)
    sizes = np.array([labels.count(name) for name in classes])
    chances = {}
    for slot in ATTRIBUTES:
        counts = Counter(zip([truth[slot] for truth in truths], labels, strict=True))
        kinds = sorted({kind for kind, _ in counts})
        often = {kind: np.array([counts[kind, name] for name in classes]) for kind in kinds}
        chances[slot] = {kind: (often[kind] + 1) / (sizes + len(kinds)) for kind in kinds}
    return FactWeights(classes, sizes / sizes.sum(), chances)


@lru_cache(maxsize=1)
def default_weights() -> FactWeights:
    """Estimate weights from DRAWN lesions, classes as frequent as in HAM10000, at the first call, and keep them."""
    rng = np.random.default_rng([0, DRAWN])
    return fit_weights([completed(sample_lesion(sample_label(rng), rng)) for _ in range(DRAWN)])


@dataclass(frozen=True)
class Decision:
    """The class that a caption's facts speak for."""

    label: str  # or "abstain"
    posterior: dict[str, float]  # class -> probability
    evidence: dict[str, dict[str, float]]  # slot -> class -> weight

    @property
    def confidence(self) -> float:
        """Probability of the most probable class; 0 for a caption that states nothing of weight."""
        return max(self.posterior.values()) if self.evidence else 0.0


def vote(said: str | Facts, weights: FactWeights | None = None, threshold: float = 0.5) -> Decision:
    r"""Vote for the class for which the facts of a sentence speak, or "abstain".

    $$ P(c \mid f_1, \dots, f_n) = \frac{P(c) \prod_i P(f_i \mid c)}{\sum_k P(k) \prod_i P(f_i \mid k)} $$

    said : a sentence, or the facts f_i that were read in it; weights : of `fit_weights`; None: `default_weights`
    threshold : the least probability of a class that is voted for, 0 to 1; a caption without evidence never votes

    >>> decision = vote("An irregular border, streaks and a blue-white veil.")
    >>> decision.label, sorted(decision.evidence)
    ('mel', ['blue_white_veil', 'border_shape', 'streaks'])

    Source: naive Bayes; facts are taken as independent within a class, so a veil and its colour count a little double.
    """
    weights = weights or default_weights()
    facts = said if isinstance(said, Mapping) else parse(said)
    found = {slot: weight for slot, fact in facts.items() if (weight := weights.of(slot, fact)) is not None}
    score = np.log(weights.shares) + sum(found.values())
    posterior = np.exp(score - score.max()) / np.exp(score - score.max()).sum()
    label = weights.classes[posterior.argmax()] if found and posterior.max() >= threshold else "abstain"
    evidence = {slot: dict(zip(weights.classes, weight.tolist(), strict=True)) for slot, weight in found.items()}
    return Decision(label, dict(zip(weights.classes, posterior.tolist(), strict=True)), evidence)
