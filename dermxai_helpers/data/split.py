"""A table becomes a training and a validation part; how many lesions stand on both sides."""

from fractions import Fraction

import numpy as np
import pandas as pd

from dermxai_helpers.data.table import CLASSES


def split(table: pd.DataFrame, by: str = "lesion", val: float = 0.2, seed: int = 0) -> pd.Series:
    """Which images train and which validate: a Series of "train" and "val" with the table's index.

    by : "lesion" keeps all photographs of a lesion on one side; "image" ignores lesions, as the paper's split did
    val : share of the images to validate on, in (0, 1)

    Both are stratified: each class has about the same share in both parts. "lesion" cuts whole lesions into 1/val
    groups (StratifiedGroupKFold) and validates on the first that holds every class, so that its size may differ by an
    image or two. Raises ValueError for another `by`, a `val` out of range, or a class with too few lesions (images) to
    be on both sides.
    """
    if by not in ("lesion", "image"):
        raise ValueError(f"by must be 'lesion' or 'image', got {by!r}")
    if not 0.01 <= val <= 0.99:
        raise ValueError(f"val must lie between 0.01 and 0.99, got {val}: it is a share of the images")
    rows = _lesion_rows(table, val, seed) if by == "lesion" else _image_rows(table, val, seed)
    parts = np.full(len(table), "train", dtype=object)
    parts[rows] = "val"
    parts = pd.Series(parts, index=table.index, name="split")
    _require_every_class(table, parts)
    return parts


def _image_rows(table: pd.DataFrame, val: float, seed: int) -> np.ndarray:
    """Row numbers of a validation part drawn image by image."""
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(table))
    return train_test_split(rows, test_size=val, stratify=table["dx"], random_state=seed)[1]


def _lesion_rows(table: pd.DataFrame, val: float, seed: int) -> np.ndarray:
    """Row numbers of a validation part made of whole lesions: so many of so many folds as `val` says."""
    from sklearn.model_selection import StratifiedGroupKFold

    share = Fraction(val).limit_denominator(100)  # 0.2 is 1 of 5 folds, 0.3 is 3 of 10
    folds = StratifiedGroupKFold(share.denominator, shuffle=True, random_state=seed)
    parts = [rows for _, rows in folds.split(table, table["dx"], table["lesion_id"])]
    parts.sort(key=lambda rows: -table["dx"].iloc[rows].nunique())  # a rare class may be absent from some folds
    return np.concatenate(parts[: share.numerator])


def _require_every_class(table: pd.DataFrame, parts: pd.Series) -> None:
    for part in ("train", "val"):
        absent = set(table["dx"]) - set(table["dx"][parts == part])
        if absent:
            raise ValueError(f"no image of class {', '.join(sorted(absent))} is in the '{part}' part: use more images")


def leak_report(table: pd.DataFrame, split: pd.Series) -> pd.DataFrame:
    """How many validation images show a lesion of which training holds another photograph.

    Index: the classes, then "all". Columns: validation_images, sharing_a_lesion (counts), share (0 to 1).
    """
    validation = table[split == "val"]
    shares = validation["lesion_id"].isin(table["lesion_id"][split == "train"])
    report = shares.groupby(validation["dx"]).agg(["size", "sum", "mean"])
    report = report.reindex([name for name in CLASSES if name in report.index] or report.index)
    report.loc["all"] = [len(shares), shares.sum(), shares.mean()]
    report.columns = ["validation_images", "sharing_a_lesion", "share"]
    return report.astype({"validation_images": int, "sharing_a_lesion": int}).rename_axis("class")
