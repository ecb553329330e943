"""Answers of a classifier to photographs of lesions, for tests of scores."""

import numpy as np

CLASSES = ("mel", "nv", "bkl")


def drawn_labels(n: int = 300, lesions: int = 200, seed: int = 0):
    """Labels, predictions that are right two times in three, and lesions with one to several images of one class."""
    rng = np.random.default_rng(seed)
    of_lesion = rng.choice(CLASSES, lesions, p=[0.15, 0.7, 0.15])
    lesion = np.sort(rng.integers(lesions, size=n))
    labels = of_lesion[lesion]
    predicted = np.where(rng.random(n) < 2 / 3, labels, rng.choice(CLASSES, n))
    return labels, predicted, lesion
