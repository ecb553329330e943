"""Where does the classifier fail: for whom, how surely, and on what it has never learned?"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermxai_helpers.scoring import metrics as scoring

AGE_BANDS = {"under 40": (0, 40), "40 to 59": (40, 60), "60 and over": (60, 200)}
FEWEST_MELANOMAS = 10  # a share of fewer is shown, and marked as too few to read


def age_bands(ages: pd.Series) -> pd.Series:
    """The band of each age in years, as ordered categories; "unknown" where there is none."""
    edges = [low for low, _ in AGE_BANDS.values()] + [np.inf]
    bands = pd.cut(ages, edges, right=False, labels=list(AGE_BANDS))
    return bands.cat.add_categories("unknown").fillna("unknown")


def subgroups(
    table: pd.DataFrame, predicted: Sequence[str], group: pd.Series, positive: str = "mel"
) -> pd.DataFrame:
    """How well each group of people fares, one row a group: images, melanomas, recall of melanoma, specificity.

    table : dx and lesion_id of the judged images; predicted : class names in its order; group : each row's group, with
        the table's index; categories keep their order
    Both rates come with 95 % intervals by lesion (columns ..._low, ..._high), and "enough" is False for a group with
    fewer than ten images of the positive class: its recall cannot be read.
    """
    predicted = np.asarray(predicted)
    rows = {}
    for name, part in table.groupby(group, observed=True):
        answers = predicted[table.index.get_indexer(part.index)]
        ill = (part["dx"] == positive).to_numpy()
        row = {"images": len(part), "melanomas": int(ill.sum()), "enough": ill.sum() >= FEWEST_MELANOMAS}
        row |= _rate("recall", answers == positive, ill, part["lesion_id"])
        rows[name] = row | _rate("specificity", answers != positive, ~ill, part["lesion_id"])
    return pd.DataFrame(rows).T.rename_axis("group")


def confident_mistakes(table: pd.DataFrame, probabilities: np.ndarray, classes: Sequence[str], count: int = 8):
    """The wrong answers of which the classifier was surest: the table's rows with predicted and confidence.

    table : the judged images; probabilities : (n, classes) in its order. Only one photograph of a lesion is taken.
    """
    answers = np.array(classes)[probabilities.argmax(axis=1)]
    judged = table.assign(predicted=answers, confidence=probabilities.max(axis=1))
    wrong = judged[judged["predicted"] != judged["dx"]].sort_values("confidence", ascending=False)
    return wrong.drop_duplicates("lesion_id").head(count)


def strangers(known: np.ndarray, unknown: np.ndarray, diagnoses: Sequence[str], classes: Sequence[str]) -> pd.DataFrame:
    """What the classifier answers to diagnoses it has no class for: one row a diagnosis, and one for all.

    known : probabilities (n, classes) of validation images of its own classes; unknown : of images of other diagnoses
    Columns: images; the share of each answer; confidence (mean); told_apart: the area under the ROC curve of
    1 - confidence, unknown against known: .5 means that it is as sure of what it cannot know.
    Source: Hendrycks and Gimpel, "A baseline for detecting misclassified and out-of-distribution examples", ICLR 2017.
    """
    diagnoses = np.asarray(diagnoses)
    groups = {name: unknown[diagnoses == name] for name in sorted(set(diagnoses))} | {"all": unknown}
    rows = {name: _stranger_row(known, part, classes) for name, part in groups.items()}
    return pd.DataFrame(rows).T.rename_axis("dx")


def _stranger_row(known: np.ndarray, part: np.ndarray, classes: Sequence[str]) -> dict[str, float]:
    from sklearn.metrics import roc_auc_score

    answers = part.argmax(axis=1)
    doubt = 1 - np.concatenate([known.max(axis=1), part.max(axis=1)])
    is_unknown = np.arange(len(doubt)) >= len(known)
    shares = {f"called_{name}": float((answers == c).mean()) for c, name in enumerate(classes)}
    rest = {"confidence": float(part.max(axis=1).mean()), "told_apart": float(roc_auc_score(is_unknown, doubt))}
    return {"images": len(part), **shares, **rest}


def _rate(name: str, right: np.ndarray, asked: np.ndarray, lesions: pd.Series) -> dict[str, float]:
    """Share of right answers among the rows asked about, with its interval by lesion; NaN where there are none."""
    if not asked.any():
        return {name: np.nan, f"{name}_low": np.nan, f"{name}_high": np.nan}
    low, high = scoring.interval("mean", lesions.to_numpy()[asked], right[asked].astype(float))
    return {name: float(right[asked].mean()), f"{name}_low": low, f"{name}_high": high}
