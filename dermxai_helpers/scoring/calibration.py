"""Does 80 % mean right four times in five, and at which threshold would you use it?

Balanced accuracy judges one decision. Calibration judges the probabilities behind it, and an operating point names the
price of finding more melanomas: how many people without one are sent on.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermxai_helpers.scoring import metrics as scoring

BINS = 10


def reliability(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """One row for each bin of confidence that holds images: confidence, accuracy (means), images.

    probabilities : (n, classes); labels : class index, (n,). Confidence is the largest probability of a row; bins are
    of equal width from 0 to 1, each with its upper edge.
    """
    confidence, right, number = _binned(probabilities, labels, bins)
    table = pd.DataFrame({"confidence": confidence, "accuracy": right}).groupby(number).agg(["mean", "size"])
    table.columns = ["confidence", "images", "accuracy", "again"]
    return table.drop(columns="again").rename_axis("bin")


def expected_calibration_error(probabilities: np.ndarray, labels: np.ndarray, bins: int = BINS) -> float:
    """Mean distance between confidence and accuracy over the bins, each weighed by its images; 0 is perfect.

    Source: Guo et al., "On calibration of modern neural networks", ICML 2017, equation 3.
    """
    confidence, right, number = _binned(probabilities, labels, bins)
    return float(np.abs(np.bincount(number, weights=confidence - right)).sum() / len(number))


def _binned(probabilities: np.ndarray, labels: np.ndarray, bins: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Confidence, whether the answer is right, and the bin's number, each (n,)."""
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == np.asarray(labels)
    return confidence, right, np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)


def temperature(probabilities: np.ndarray, labels: np.ndarray) -> float:
    """The one number T that makes softmax(logits / T) most likely, 0.05 to 20; above 1 the network was too sure.

    Find it on images that you will not report on. It changes no decision, as it keeps the order of the classes.
    Source: Guo et al. 2017, section 4.2.
    """
    from scipy.optimize import minimize_scalar

    labels = np.asarray(labels)

    def loss(log_temperature: float) -> float:
        cooled = tempered(probabilities, np.exp(log_temperature))
        return -np.log(np.clip(cooled[np.arange(len(labels)), labels], 1e-12, 1)).mean()

    return float(np.exp(minimize_scalar(loss, bounds=np.log((0.05, 20)), method="bounded").x))


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(logits / temperature) from the probabilities at temperature 1, (n, classes)."""
    from scipy.special import softmax

    return softmax(np.log(np.clip(probabilities, 1e-12, 1)) / temperature, axis=1)


def operating_point(
    scores: np.ndarray, positive: np.ndarray, specificity: float | None = None, sensitivity: float | None = None
) -> dict[str, float]:
    """The threshold that reaches a given specificity (or sensitivity), and the best other rate there.

    scores : (n,), larger means more likely positive; positive : bool, (n,)
    Give one of `specificity` and `sensitivity`, 0 to 1. Returns threshold, sensitivity, specificity. An image is called
    positive when its score is at least the threshold.
    Raises ValueError when both or neither rate is given, or when one of the two groups is empty.
    """
    from sklearn.metrics import roc_curve

    positive = np.asarray(positive, bool)
    if (specificity is None) == (sensitivity is None):
        raise ValueError("give either a specificity or a sensitivity to reach, not both and not neither")
    if positive.all() or not positive.any():
        raise ValueError(f"{positive.sum()} of {len(positive)} images are positive: both kinds are needed")
    false_alarms, found, thresholds = roc_curve(positive, scores, drop_intermediate=False)
    fits = 1 - false_alarms >= specificity if specificity is not None else found >= sensitivity
    # Along the curve more and more is called positive: the last point specific enough, the first sensitive enough.
    chosen = np.flatnonzero(fits)[-1 if specificity is not None else 0]
    rates = {"sensitivity": float(found[chosen]), "specificity": float(1 - false_alarms[chosen])}
    return {"threshold": float(thresholds[chosen])} | rates


def probability_scores(
    probabilities: np.ndarray, labels: Sequence[str], lesions: Sequence, classes: Sequence[str], repeats: int = 200
) -> pd.DataFrame:
    """Scores of probabilities with 95 % intervals by lesion: index = score, columns value, low, high.

    auc : mean over classes of the area under "this class against the rest"; auc_mel : of melanoma alone (of the first
    class); calibration_error : see `expected_calibration_error`
    """
    names = np.asarray(labels)
    index = np.array([list(classes).index(name) for name in names])
    metrics = {
        "auc": lambda p, k: np.mean([_area(p[:, c], k == c) for c in range(len(classes))]),
        f"auc_{classes[0]}": lambda p, k: _area(p[:, 0], k == 0),
        "calibration_error": expected_calibration_error,
    }
    rows = {}
    for name, metric in metrics.items():
        low, high = scoring.interval(metric, lesions, probabilities, index, repeats=repeats)
        rows[name] = {"value": float(metric(probabilities, index)), "low": low, "high": high}
    return pd.DataFrame(rows).T.rename_axis("score")


def _area(scores: np.ndarray, positive: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive outranks a negative, ties counting half.

    NaN without both kinds of image (a bootstrap repeat may draw only one). By ranks, as the bootstrap asks thousands of
    times and scikit-learn's way takes a hundred times as long. Source: Hanley and McNeil 1982, Radiology 143:29-36.
    """
    from scipy.stats import rankdata

    found, others = positive.sum(), (~positive).sum()
    if not found or not others:
        return float("nan")
    return float((rankdata(scores)[positive].sum() - found * (found + 1) / 2) / (found * others))
