"""Exercises of unit 02: balanced accuracy, a learning curve, class weights, a permutation test by lesion."""

import numpy as np
from sklearn.metrics import f1_score, precision_score, recall_score

from dermxai_helpers.checks.exercise import Exercise

CLASSES = ("mel", "nv", "bkl")


def answered(rng):
    truth = rng.permutation([*CLASSES, *rng.choice(CLASSES, 57, p=(0.2, 0.65, 0.15))])
    return truth, np.where(rng.random(60) < 0.5, truth, rng.choice(CLASSES, 60))


def over_classes(score, truth, answers):
    return score(truth, answers, labels=np.unique(truth), average="macro", zero_division=0)


balanced_accuracy = Exercise(
    "balanced_accuracy",
    draw=answered,
    observe=lambda answer, *both: {"of three classes": answer(*both),
                                   "of two classes": answer(*(one[both[0] != "bkl"] for one in both))},
    right=lambda t, a: over_classes(recall_score, t, a),
    mistakes={
        "That is accuracy: the commonest class has the most photographs, so it decides.": lambda t, a: (t == a).mean(),
        "You divided by the answers that name the class, not by its photographs: that is precision.": (
            lambda t, a: over_classes(precision_score, t, a)),
        "That is macro-F1, which mixes precision in.": lambda t, a: over_classes(f1_score, t, a),
        "A class without photographs has no recall. You counted it as zero.": (
            lambda t, a: over_classes(recall_score, t, a) * len(np.unique(t)) / 3),
        "Photographs of the other classes are counted, too. The recall of a class asks only those of the class.": (
            lambda t, a: np.mean([((t == one) == (a == one)).mean() for one in np.unique(t)])),
    },
    praise="Each class counts alike, however rare; so a constant gets no more than one over the number of classes.",
)  # fmt: skip


def losses(rng):
    """A validation loss that falls with detours, waits for too long, and falls too late; and any training loss."""
    waits = [rng.permutation(3)[:2] / 10 for _ in range(3)] + [[*rng.permutation(3) / 10, 0.2, 0.2]]
    validation = np.concatenate([*(np.array([0, *wait]) + 0.9 - step * 0.15 for step, wait in enumerate(waits)), [0.1]])
    return (np.linspace(0.9, 0.4, 16) + rng.normal(0, 0.15, 16)).round(1), validation


def waited(validation):
    return len(validation) - 1 - np.argmin(validation)


def read(training, validation, waits=waited, keep=np.argmin, over=lambda fell, rose, below: fell and rose):
    last = min([end for end in range(len(validation)) if waits(validation[: end + 1]) == 3] + [len(validation) - 1])
    kept = keep(validation[: last + 1])
    moved = training[last] < training[kept], validation[last] > validation[kept], training[last] < validation[last]
    return {"kept": kept + 1, "last": last + 1, "overfitted": over(*moved)}


learning_curve = Exercise(
    "learning_curve",
    draw=losses,
    observe=lambda answer, training, validation: tuple(  # the training loss also upside down, and flat; also few epochs
        answer(one[:n], validation[:n]) for one in (training, 2 - training, 0 * training) for n in (16, 4, 2)),
    right=read,
    mistakes={
        "Epochs are counted from one.": lambda *both: read(*both) | {k: read(*both)[k] - 1 for k in ("kept", "last")},
        "Three epochs without a lower loss end the training. Yours goes on.": lambda *both: read(*both, lambda _: 0),
        "Three epochs in all end your training. Three in a row are meant: a lower loss begins the count anew.": (
            lambda *both: read(*both, lambda v: (v[1:] >= np.minimum.accumulate(v)[:-1]).sum())),
        "The training loss chose the epoch. It falls on while the network learns its photographs by heart.": (
            lambda training, validation: read(training, validation, keep=lambda v: np.argmin(training[: len(v)]))),
        "A training loss below the validation loss is usual. Over-fitting shows in how both move.": (
            lambda *both: read(*both, over=lambda fell, rose, below: below)),
        "If the training loss rises as well, nothing is over-fitted: the step may be too large.": (
            lambda *both: read(*both, over=lambda fell, rose, below: rose)),
    },
    praise="Over-fitting is a matter of direction: down on what is taught, up on what is not.",
)  # fmt: skip


def weights(names, classes):
    return len(names) / (3 * np.array([(names == one).sum() for one in classes]))


class_weights = Exercise(
    "class_weights",
    draw=lambda rng: (rng.permutation(np.repeat(CLASSES, rng.permutation(30)[:3] + 1)), [*rng.permutation(CLASSES)]),
    right=weights,
    as_found=lambda names, classes: weights(names, np.unique(names)),
    mistakes={
        "These weights stand in the order of the counts, not in the order of the network's outputs.": (
            lambda *these: np.sort(weights(*these))),
        "A common class gets the larger weight, so it would decide even more.": lambda *these: 1 / weights(*these) / 3,
        "The ratios are right. But the mean weight over all photographs is the number of classes, and should be one.": (
            lambda *these: 3 * weights(*these)),
        "The ratios are right. But the mean should be one over the photographs, not over the classes.": (
            lambda *these: weights(*these) / weights(*these).mean()),
        "The ratios are right. But one over the count is too little: the mean over the photographs should be one.": (
            lambda names, classes: 3 / len(names) * weights(names, classes)),
    },
    praise="A weight belongs to a place in the network's output, and nothing warns you when it is the wrong one.",
)  # fmt: skip


def patients(rng):
    """Classes of the photographs of 24 lesions, one to six of each, answers that know a few, and a seed."""
    lesions = rng.permutation(np.repeat(np.arange(24), rng.permutation(24) // 4 + 1))
    labels = rng.permutation(["mel"] * 5 + ["nv"] * 14 + ["bkl"] * 5)[lesions]
    answers = np.where(rng.random(len(labels)) < 0.1, labels, rng.choice(CLASSES, len(labels)))
    return labels, lesions, answers, int(rng.integers(1000))


def tested(answer, labels, lesions, answers, seed):
    """What a permutation test asks of a coarse score, full of ties, and whether its p follows from what it was told."""
    asked, first = [], np.unique(lesions, return_index=True)[1]

    def score(taught):
        if np.shape(taught) != labels.shape:
            raise ValueError("score wants one label for each photograph")
        asked.append(np.array(taught))
        return float((asked[-1] == answers).mean().round(1))

    p = answer(score, labels, lesions, np.random.default_rng(seed))
    shuffles = [one for one in asked if (one != labels).any()]
    wanted = (1 + sum(score(one) >= score(labels) for one in shuffles)) / (1 + len(shuffles))
    shared = all((one == one[first][lesions]).all() for one in shuffles)
    kept = all(sorted(one[first]) == sorted(labels[first]) for one in shuffles)
    return {"shuffles": len(shuffles), "one label a lesion": shared, "lesions of each class": kept, "p": p / wanted}


def by_lesion(labels, lesions, rng):
    return rng.permutation(labels[np.unique(lesions, return_index=True)[1]])[lesions]


def permuted(score, labels, lesions, rng, shuffle=by_lesion, p=lambda s, real: (1 + (s >= real).sum()) / 31):
    return p(np.array([score(shuffle(labels, lesions, rng)) for _ in range(30)]), score(labels))


permutation_test = Exercise(
    "permutation_test",
    draw=patients,
    observe=tested,
    right=permuted,
    mistakes={
        "Photographs of one lesion got different labels. Real labels never do, so these shuffles are no fair rivals.": (
            lambda *these: permuted(*these, lambda labels, lesions, rng: rng.permutation(labels))),
        "The shuffles change how many lesions a class has. Shuffle the labels; do not draw new ones.": (
            lambda *these: permuted(*these, lambda labels, lesions, rng: rng.choice(CLASSES, 24)[lesions])),
        "A shuffle with the same score as the real labels has reached it.": (
            lambda *these: permuted(*these, p=lambda s, real: (1 + (s > real).sum()) / 31)),
        "The real labels are one arrangement, too. Without them p can be zero, which thirty shuffles cannot show.": (
            lambda *these: permuted(*these, p=lambda s, real: (s >= real).mean())),
        "The real labels are one arrangement among the shuffles: they count below the line, too.": (
            lambda *these: permuted(*these, p=lambda s, real: (1 + (s >= real).sum()) / 30)),
    },
    praise="What is shuffled must be what is independent: lesions, not photographs.",
)  # fmt: skip
