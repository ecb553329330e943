"""Whether 80 % means right four times in five, and which threshold finds how many melanomas at what price."""

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from scipy.stats import rankdata
from sklearn.metrics import log_loss, roc_curve

from dermxai_helpers.scoring.metrics import yes_or_no

BINS = 10


def reliability(probabilities: np.ndarray, labels: np.ndarray) -> pd.DataFrame:
    """Tabulate confidence and accuracy (means) and images, one row for each bin of confidence that holds images.

    probabilities : (n, classes); labels : class index, (n,). Ten bins of equal width, each with its upper edge.
    """
    probabilities, labels = checked(probabilities, labels)
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    number = np.clip(np.ceil(confidence * BINS).astype(int) - 1, 0, BINS - 1)
    bins = pd.DataFrame({"confidence": confidence, "accuracy": right, "images": 1}).groupby(number)
    return bins.agg({"confidence": "mean", "accuracy": "mean", "images": "sum"}).rename_axis("bin")


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray) -> float:
    r"""Average the distance between confidence and accuracy over the bins of `reliability`; 0 is perfect.

    $$ \text{ECE} = \sum_B \frac{|B|}{n} \,\bigl|\, \text{accuracy}(B) - \text{confidence}(B) \,\bigr| $$

    >>> sure = np.array([[0.95, 0.05], [0.95, 0.05]])
    >>> round(expected_calibration_error(sure, [0, 1]), 2)  # right once in two
    0.45

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3.
    """
    bins = reliability(probabilities, labels)
    gaps = (bins["accuracy"] - bins["confidence"]).abs()
    return float(np.average(gaps, weights=bins["images"]))


def temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """Find the T that makes softmax(logits / T) most likely, 0.05 to 20; above 1 the network was too sure.

    Find it on images that you will not report on. It changes no decision. Source: Guo et al. 2017, section 4.2.
    """
    probabilities, labels = checked(probabilities, labels)

    def loss(log_t: float) -> float:
        return log_loss(labels, tempered(probabilities, np.exp(log_t)), labels=range(probabilities.shape[1]))

    return float(np.exp(minimize_scalar(loss, bounds=np.log((0.05, 20)), method="bounded").x))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Give softmax(logits / temperature) from the probabilities at temperature 1, (n, classes)."""
    if not 0 < temperature < np.inf:
        raise ValueError(f"a temperature is a number above 0, got {temperature}")
    return softmax(np.log(np.clip(checked(probabilities)[0], 1e-12, 1)) / temperature, axis=1)


def operating_point(scores: np.ndarray, positive: np.ndarray, specificity: float) -> dict[str, float]:
    """Choose the threshold that reaches a given specificity, and the best sensitivity there.

    scores : (n,), larger means more likely positive; positive : bool, (n,), with both kinds; specificity : 0 to 1
    Returns threshold, sensitivity, specificity. An image is called positive when its score is at least the threshold.
    """
    positive = yes_or_no(positive, "positive")
    if not 0 <= specificity <= 1 or positive.all() or not positive.any():
        found = f"specificity {specificity}, {positive.sum()} of {len(positive)} images positive"
        raise ValueError(f"a threshold needs a specificity from 0 to 1 and images of both kinds, got {found}")
    false_alarms, found, thresholds = roc_curve(positive, scores, drop_intermediate=False)
    chosen = np.flatnonzero(1 - false_alarms >= specificity)[-1]  # along the curve more and more is called positive
    rates = {"sensitivity": float(found[chosen]), "specificity": float(1 - false_alarms[chosen])}
    return {"threshold": float(thresholds[chosen])} | rates


def area_under_roc(scores: np.ndarray, positive: np.ndarray) -> float:
    """How often a positive outranks a negative, ties counting half; NaN without both kinds."""
    positive = yes_or_no(positive, "positive")
    found, others = positive.sum(), (~positive).sum()
    if not found or not others:
        return float("nan")
    ranks = rankdata(scores)  # scikit-learn's way takes a hundred times as long, and a bootstrap asks often
    return float((ranks[positive].sum() - found * (found + 1) / 2) / (found * others))


def checked(probabilities: np.ndarray, labels: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray | None]:
    """Probabilities, float (n, classes), and class indices (n,); ValueError for logits, shares in per cent, names."""
    table, labels = np.asarray(probabilities, dtype=float), None if labels is None else np.asarray(labels)
    if table.ndim != 2 or not len(table) or not (table >= 0).all() or not np.allclose(table.sum(axis=1), 1, atol=0.01):
        raise ValueError(f"expected probabilities (n, classes), whose rows add up to 1, got shape {table.shape}")
    if labels is not None and (labels.shape != table.shape[:1] or not np.isin(labels, range(table.shape[1])).all()):
        raise ValueError(f"labels must be {len(table)} class indices below {table.shape[1]}; {labels.dtype} came")
    return table, labels
