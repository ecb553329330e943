"""Exercises of unit 02b: a paired interval by lesion, calibration error, other shares, a threshold for a cost."""

import numpy as np

from dermxai_helpers.checks.exercise import Exercise, Refused


def answered_twice(rng):
    """Right (1) or wrong (0) of two ways on 42 photographs, the lesion of each, and lesions drawn 200 times."""
    lesion = rng.permutation(np.repeat(np.arange(12), rng.permutation(12) // 2 + 1))
    a = (rng.random(42) < rng.random(12)[lesion]).astype(float)
    return a, np.where(rng.random(42) < 0.4, 1 - a, a), lesion, rng.integers(12, size=(200, 12))


def middle(a, b, lesion, drawn, times=lambda lesion, one: (lesion == one[:, None]).sum(axis=0)):
    return np.percentile([np.average(a - b, weights=times(lesion, one)) for one in drawn], [2.5, 97.5])


paired_interval = Exercise(
    "paired_interval",
    draw=answered_twice,
    right=middle,
    mistakes={
        "A lesion that is drawn twice brings its photographs twice. Here it counts once.": (
            lambda *these: middle(*these, times=np.isin)),
        "Every lesion counts alike. The mean is over photographs: a lesion with many has more weight.": (
            lambda a, b, lesion, drawn: np.percentile(
                (np.bincount(lesion, a - b) / np.bincount(lesion))[drawn].mean(axis=1), [2.5, 97.5])),
        "The ends of two intervals were subtracted. Both ways answer the same photographs: subtract in each repeat.": (
            lambda a, b, *these: middle(a, 0, *these) - middle(b, 0, *these)),
        "That is the most that two separate intervals allow. Both ways answer the same photographs: subtract first.": (
            lambda a, b, *these: middle(a, 0, *these) - middle(b, 0, *these)[::-1]),
        "That is b - a.": lambda a, b, *these: middle(b, a, *these),
    },
    praise="What is hard for both ways drops out of the difference: its interval is mostly narrower than theirs.",
)  # fmt: skip


def gaps(probabilities, labels, confidence=lambda p, labels: p.max(axis=1)):
    """Accuracy minus confidence in each bin that holds images, and the bin's share of the images."""
    sure, right = confidence(probabilities, labels), probabilities.argmax(axis=1) == labels
    number = np.ceil(10 * sure)
    inside = number == np.unique(number)[:, None]
    return inside @ (right - sure) / inside.sum(axis=1), inside.mean(axis=1)


def error(*these):
    gap, share = gaps(*these)
    return (np.abs(gap) * share).sum()


def sure(rng):
    """Probabilities of 60 images, three of them without doubt, and the true classes: right in about 70 % everywhere."""
    probabilities = np.concatenate([rng.dirichlet((0.7, 0.7, 0.7), 57), np.eye(3)])
    return probabilities, np.where(rng.random(60) < 0.6, probabilities.argmax(axis=1), rng.integers(3, size=60))


calibration_error = Exercise(
    "calibration_error",
    draw=sure,
    right=error,
    as_found=lambda *these: abs(np.prod(gaps(*these), axis=0).sum()),
    mistakes={
        "Every bin counts alike, also one that holds a single image.": lambda *these: np.abs(gaps(*these)[0]).mean(),
        "That is the largest gap of all bins, and should be a mean.": lambda *these: np.abs(gaps(*these)[0]).max(),
        "One image is right or wrong, never right to 80 %. Take means within a bin before the distance.": (
            lambda p, labels: np.abs((p.argmax(axis=1) == labels) - p.max(axis=1)).mean()),
        "Confidence is the largest probability. You took that of the true class, which the network does not know.": (
            lambda *these: error(*these, lambda p, labels: p[np.arange(60), labels])),
    },
    praise="A network that is too sure here and not sure enough there is wrong twice, not right on average.",
)  # fmt: skip


def moved(probabilities, factors, axis=1):
    return probabilities * factors / (probabilities * factors).sum(axis=axis, keepdims=True)


prior_correction = Exercise(
    "prior_correction",
    draw=lambda rng: (rng.dirichlet((1, 1, 1), 8), rng.dirichlet((3, 3, 3)), rng.dirichlet((3, 3, 3))),
    observe=lambda answer, probabilities, trained, clinic: {
        "a clinic": answer(probabilities, trained, clinic),
        "a clinic without nevi": answer(probabilities, trained, clinic * (1, 0, 1) / clinic[::2].sum())},
    right=lambda probabilities, trained, clinic: moved(probabilities, clinic / trained),
    mistakes={
        "The shares of the training are still in the probabilities.": lambda p, trained, clinic: moved(p, clinic),
        "The two shares are exchanged: this leads from the clinic to the training.": (
            lambda p, trained, clinic: moved(p, trained / clinic)),
        "The probabilities of an image do not add up to one any more.": lambda p, trained, clinic: p * clinic / trained,
        "Each class adds up to one over the images. Each image should, over the classes.": (
            lambda p, trained, clinic: moved(p, clinic / trained, axis=0)),
        "The difference of the shares was added, so a probability can fall below zero. Shares are factors.": (
            lambda p, trained, clinic: p + clinic - trained),
    },
    praise="Only the shares were exchanged. That melanomas look the same in both places is assumed, not tested.",
)  # fmt: skip


def screened(rng):
    """Scores of 150 images with ties, one that is not ill on top; which are ill; costs of one missed, one needless."""
    ill = np.arange(150) % 5 == 1
    scores = rng.normal(np.where(ill, 0.65, 0.45), 0.2).clip(0, 0.97).round(2)
    return np.append(0.98, scores[1:]), ill, int(rng.integers(2, 16)), 1


def cost(threshold, scores, ill, missed, needless):
    return missed * (ill & (scores < threshold)).sum() + needless * (~ill & (scores >= threshold)).sum()


def paid(answer, *these):
    threshold = answer(*these)
    if np.ndim(threshold):
        raise Refused("One number is wanted, the threshold.")
    return cost(float(threshold), *these)


def cheapest(*these, above=(np.inf,)):
    return min([*these[0], *above], key=lambda threshold: cost(threshold, *these))


cheapest_threshold = Exercise(
    "cheapest_threshold",
    draw=screened,
    observe=lambda answer, *these: {"cost with your threshold": paid(answer, *these),
                                    "cost where a needless visit is dear": paid(answer, *these[:2], 1, 99)},
    right=cheapest,
    mistakes={
        "The two costs are exchanged.": lambda scores, ill, missed, needless: cheapest(scores, ill, needless, missed),
        "One half, whatever an error costs?": lambda *these: 0.5,
        "That is the threshold with the fewest errors. A missed melanoma does not cost what a needless visit costs.": (
            lambda scores, ill, missed, needless: cheapest(scores, ill, 1, 1)),
        "That is right for calibrated probabilities. These scores need not be calibrated: try the thresholds.": (
            lambda scores, ill, missed, needless: needless / (missed + needless)),
        "You weighed shares of each kind. Costs are paid for each image, and the others are many more.": (
            lambda scores, ill, missed, needless: cheapest(scores, ill, missed / ill.sum(), needless / (~ill).sum())),
        "Not to send any image on is a choice, too. Which threshold does that?": (
            lambda *these: cheapest(*these, above=())),
    },
    praise="A threshold follows from costs and from how common the disease is. A network knows neither.",
)  # fmt: skip
