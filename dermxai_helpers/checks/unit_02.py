"""Exercises of unit 02: balanced accuracy, a learning curve, class weights, a permutation test by lesion."""

import numpy as np
from sklearn.metrics import f1_score, precision_score, recall_score
from sklearn.utils.class_weight import compute_class_weight

from dermxai_helpers.checks.exercise import Exercise

CLASSES = ["mel", "nv", "bkl"]


def answered(rng):
    """The true classes of 30 photographs; half of the answers are right, the others random."""
    truth = rng.permutation([*CLASSES, *rng.choice(CLASSES, 27, p=(0.2, 0.65, 0.15))])
    return truth, np.where(rng.random(30) < 0.5, truth, rng.choice(CLASSES, 30))


def macro(truth, answers, score=recall_score, more=()):
    """The mean of a score over the classes that have photographs, and over more."""
    return score(truth, answers, labels=np.union1d(truth, more), average="macro", zero_division=0)


balanced_accuracy = Exercise("balanced_accuracy", draw=answered, right=macro, mistakes={
    "That is accuracy: the commonest class has the most photographs, so it decides.": lambda t, a: (t == a).mean(),
    "That is precision: you divided by the answers that name the class.": lambda *of: macro(*of, precision_score),
    "That is macro-F1, which mixes precision in.": lambda *of: macro(*of, f1_score),
    "A class without photographs has no recall. You counted it as zero.": lambda *of: macro(*of, more=CLASSES),
}, observe=lambda answer, *both: {"of three classes": answer(*both),
                                 "of two classes": answer(*(one[both[0] != "bkl"] for one in both))},
   praise="Each class counts alike, however rare; "
          "so a constant gets no more than one over the number of classes.")  # fmt: skip


def losses(rng):
    """Any training loss; and a validation loss that falls with detours, waits for too long, and falls too late."""
    best, detour = np.repeat([0.9, 0.7, 0.5], (3, 3, 5)), rng.integers(2, size=11) / 10
    detour[[0, 1, 3, 6]] = 0
    return rng.random(12), np.append(best + detour, 0.1)


def read(training, validation, patience=3, anew=True, first=1, by="both"):
    """What a learning curve tells; a lower loss begins the wait anew, and both moves show over-fitting, or not."""
    waited = np.array([end - np.argmin(validation[: end + 1]) for end in range(len(validation))])
    waited = waited if anew else np.cumsum(waited > 0)
    ends = np.flatnonzero(waited == patience)
    last = ends[0] if len(ends) else len(validation) - 1
    kept = np.argmin(validation[: last + 1])
    fell, rose = training[last] < training[kept], validation[last] > validation[kept]
    overfitted = {"both": fell and rose, "rise": rose, "gap": training[last] < validation[last]}[by]
    return {"kept": kept + first, "last": last + first, "overfitted": overfitted}


learning_curve = Exercise("learning_curve", draw=losses, right=read, mistakes={
    "Epochs are counted from one.": lambda *both: read(*both, first=0),
    "Three epochs without a lower loss end the training. Yours goes on.": lambda *both: read(*both, patience=99),
    "Three in a row end the training: a lower loss begins the count anew.": lambda *both: read(*both, anew=False),
    "A gap between the losses is usual. Over-fitting shows in how both move.": lambda *both: read(*both, by="gap"),
    "If the training loss rises as well, nothing is over-fitted.": lambda *both: read(*both, by="rise"),
}, observe=lambda answer, training, validation: [  # the training loss also upside down, and flat; also few epochs
       answer(one[:n], validation[:n]) for one in (training, 1 - training, 0 * training) for n in (12, 3)],
   praise="Over-fitting is a matter of direction: down on what is taught, up on what is not.")  # fmt: skip


def weights(names, classes):
    """Balanced weights in the order of the classes."""
    return compute_class_weight("balanced", classes=np.array(classes), y=names)


class_weights = Exercise("class_weights", right=weights, mistakes={
    "A common class gets the larger weight, so it would decide even more.": lambda *of: 1 / weights(*of) / 3,
    "The mean weight over all photographs should be one, not three.": lambda *of: 3 * weights(*of),
    "The mean should be one over photographs, not over classes.": lambda *of: weights(*of) / weights(*of).mean(),
    "One over the count is too little: the mean should be one.": lambda n, c: weights(n, c) * 3 / len(n),
}, draw=lambda rng: (rng.permutation(np.repeat(CLASSES, rng.permutation([2, 3, 7]))), [*rng.permutation(CLASSES)]),
   as_found=lambda names, _classes: weights(names, np.unique(names)),
   praise="A weight belongs to a place in the network's output, "
          "and nothing warns you when it is the wrong one.")  # fmt: skip


def patients(rng):
    """Classes of the photographs of 12 lesions, one to three of each; any answers; and a seed."""
    lesions = rng.permutation(np.repeat(np.arange(12), rng.integers(1, 4, size=12)))
    labels = rng.permutation(["mel"] * 3 + ["nv"] * 6 + ["bkl"] * 3)[lesions]
    return labels, lesions, rng.choice(CLASSES, len(labels)), int(rng.integers(1000))


def tested(answer, labels, lesions, answers, seed):
    """What a permutation test asks of a coarse score, full of ties, and whether its p follows from what it was told."""
    asked, first = [], np.unique(lesions, return_index=True)[1]

    def score(taught):
        asked.append(np.array(taught))
        return float((asked[-1] == answers).mean().round(1))

    p = answer(score, labels, lesions, np.random.default_rng(seed))
    shuffles = [one for one in asked if (one != labels).any()]
    wanted = (1 + sum(score(one) >= score(labels) for one in shuffles)) / (1 + len(shuffles))
    shared = all((one == one[first][lesions]).all() for one in shuffles)
    kept = all(sorted(one[first]) == sorted(labels[first]) for one in shuffles)
    return {"shuffles": len(shuffles), "one label a lesion": shared, "lesions of each class": kept, "p": p / wanted}


def permuted(score, labels, lesions, rng, reached=np.greater_equal, own=1, among=31):
    """The p of real labels beside thirty shuffles by lesion."""
    first = np.unique(lesions, return_index=True)[1]
    shuffles = [score(rng.permutation(labels[first])[lesions]) for _ in range(30)]
    return (own + reached(shuffles, score(labels)).sum()) / among


permutation_test = Exercise("permutation_test", draw=patients, observe=tested, right=permuted, mistakes={
    "Photographs of one lesion got different labels. Real labels never do: these shuffles are no fair rivals.": (
        lambda score, labels, lesions, rng: permuted(score, labels, np.arange(len(labels)), rng)),
    "A shuffle with the same score has reached it.": lambda *of: permuted(*of, reached=np.greater),
    "The real labels are one arrangement, too: p cannot be zero.": lambda *of: permuted(*of, own=0, among=30),
    "The real labels count below the line, too: 31 arrangements.": lambda *of: permuted(*of, among=30),
}, praise="What is shuffled must be what is independent: lesions, not photographs.")  # fmt: skip
