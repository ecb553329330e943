"""Exercises of unit 02b: a paired interval by lesion, calibration error, other shares, a threshold for a cost."""

import numpy as np
import pandas as pd
from sklearn.preprocessing import normalize

from dermxai_helpers.checks.exercise import Exercise


def answered_twice(rng):
    """Right (1) or wrong (0) of two ways on 36 photographs, the lesion of each, and 8 lesions drawn 100 times."""
    a, b = rng.integers(2, size=(2, 36)).astype(float)
    return a, b, rng.permutation(np.repeat(np.arange(8), np.arange(8) + 1)), rng.integers(8, size=(100, 8))


def middle(a, b, lesion, drawn, once=False, alike=False):
    """The interval of the mean difference; lesions drawn twice may count once, and all lesions alike."""
    times = (drawn[:, :, None] == lesion).sum(axis=1)
    times = np.minimum(times, 1) if once else times
    times = times / np.bincount(lesion)[lesion] if alike else times
    return np.percentile(times @ (a - b) / times.sum(axis=1), [2.5, 97.5])


paired_interval = Exercise("paired_interval", draw=answered_twice, right=middle, mistakes={
    "A lesion drawn twice brings its photographs twice. Here it counts once.": lambda *of: middle(*of, once=True),
    "Every lesion counts alike, but the mean is over photographs.": lambda *of: middle(*of, alike=True),
    "You subtracted two intervals. Subtract in each repeat.": lambda a, b, *of: middle(a, 0, *of) - middle(b, 0, *of),
    "That is b - a.": lambda a, b, *of: middle(b, a, *of),
}, praise="What is hard for both ways drops out of the difference: "
          "its interval is mostly narrower than theirs.")  # fmt: skip


def sure(rng):
    """Probabilities of 60 images, three of them without doubt, and the true classes: right in about 70 % everywhere."""
    probabilities = np.concatenate([rng.dirichlet((0.7, 0.7, 0.7), 57), np.eye(3)])
    return probabilities, np.where(rng.random(60) < 0.6, probabilities.argmax(axis=1), rng.integers(3, size=60))


def error(probabilities, labels, bins=lambda sure: np.ceil(10 * sure), alike=False):
    """The mean gap between accuracy and confidence within the bins; all bins may count alike."""
    confidence = probabilities.max(axis=1)
    gaps = pd.Series((probabilities.argmax(axis=1) == labels) - confidence).groupby(bins(confidence))
    return np.average(gaps.mean().abs(), weights=None if alike else gaps.size())


calibration_error = Exercise("calibration_error", draw=sure, right=error, mistakes={
    "Every bin counts alike, also one that holds a single image.": lambda *of: error(*of, alike=True),
    "One image is never right to 80 %. Take means first.": lambda *of: error(*of, bins=lambda sure: np.arange(60)),
}, as_found=lambda *of: error(*of, bins=np.zeros_like),
   praise="A network that is too sure here and not sure enough there is wrong twice, "
          "not right on average.")  # fmt: skip


prior_correction = Exercise("prior_correction", right=lambda p, old, new: normalize(p * new / old, "l1"), mistakes={
    "The shares of the training are still in the probabilities.": lambda p, old, new: normalize(p * new, "l1"),
    "The two shares are exchanged.": lambda p, old, new: normalize(p * old / new, "l1"),
    "The probabilities of an image do not add up to one any more.": lambda p, old, new: p * new / old,
    "Each class adds up to one. Each image should.": lambda p, old, new: normalize(p * new / old, "l1", axis=0),
}, draw=lambda rng: (rng.dirichlet((1, 1, 1), 8), *rng.dirichlet((3, 3, 3), 2)),
   praise="Only the shares were exchanged. "
          "That melanomas look the same in both places is assumed, not tested.")  # fmt: skip


def screened(rng):
    """Scores of 60 images with ties, one that is not ill on top; which are ill; costs of one missed, one needless."""
    ill = np.arange(60) % 5 == 1
    scores = rng.normal(np.where(ill, 0.65, 0.45), 0.2).clip(0, 0.97).round(2)
    return np.append(0.98, scores[1:]), ill, int(rng.integers(2, 16)), 1


def cost(threshold, scores, ill, missed, needless):
    """What all errors cost together."""
    return missed * (ill & (scores < threshold)).sum() + needless * (~ill & (scores >= threshold)).sum()


def cheapest(scores, *these, more=(np.inf,)):
    """The cheapest of all scores, and of more thresholds."""
    return min([*scores, *more], key=lambda threshold: cost(threshold, scores, *these))


cheapest_threshold = Exercise("cheapest_threshold", draw=screened, right=cheapest, mistakes={
    "The two costs are exchanged.": lambda scores, ill, missed, needless: cheapest(scores, ill, needless, missed),
    "That has the fewest errors, whatever an error costs.": lambda scores, ill, *costs: cheapest(scores, ill, 1, 1),
    "That is right for calibrated scores, and these need not be: try the thresholds.": lambda s, i, m, n: n / (m + n),
    "Not to send any image on is a choice, too. Which threshold does that?": lambda *of: cheapest(*of, more=()),
}, observe=lambda answer, *these: {
       "cost with your threshold": cost(float(answer(*these)), *these),
       "cost where a needless visit is dear": cost(float(answer(*these[:2], 1, 99)), *these[:2], 1, 99)},
   praise="A threshold follows from costs and from how common the disease is. A network knows neither.")  # fmt: skip
