"""A table becomes a training and a validation part; how many lesions stand on both sides."""

import numpy as np
import pandas as pd

from dermxai_helpers.data.table import CLASSES


def split(table: pd.DataFrame, by: str = "lesion", val: float = 0.2, seed: int = 0) -> pd.Series:
    """Split a table into training and validation images: a Series of "train" and "val" with the table's index.

    by : "lesion" keeps all photographs of a lesion on one side; "image" ignores lesions, as the paper's split did
    val : share of the images to validate on, 0.01 to 0.5; by lesion it is taken as the nearest of 1/2, 1/3, 1/4 ...

    Both are stratified: each class has about the same share in both parts. "lesion" deals whole lesions into 1/val
    piles (StratifiedGroupKFold) and validates on the first that holds every class. Raises ValueError for a class with
    too few lesions (images) to be on both sides.
    """
    from sklearn.model_selection import StratifiedGroupKFold, train_test_split

    if by not in ("lesion", "image"):
        raise ValueError(f"by must be 'lesion' or 'image', got {by!r}")
    if not 0.01 <= val <= 0.5:
        raise ValueError(f"val must lie between 0.01 and 0.5, got {val}: it is a share of the images")
    if by == "image":
        rows = train_test_split(np.arange(len(table)), test_size=val, stratify=table["dx"], random_state=seed)[1]
    else:
        dealer = StratifiedGroupKFold(round(1 / val), shuffle=True, random_state=seed)
        piles = [pile for _, pile in dealer.split(table, table["dx"], table["lesion_id"])]
        rows = max(piles, key=lambda pile: table["dx"].iloc[pile].nunique())  # of equals, the first
    parts = pd.Series("train", index=table.index, name="split")
    parts.iloc[rows] = "val"
    for part in ("train", "val"):
        absent = set(table["dx"]) - set(table["dx"][parts == part])
        if absent:
            raise ValueError(f"no image of class {', '.join(sorted(absent))} is in the '{part}' part: use more images")
    return parts


def leak_report(table: pd.DataFrame, split: pd.Series) -> pd.DataFrame:
    """Count the validation images that show a lesion of which training holds another photograph.

    Index: the classes, then "all". Columns: validation_images, sharing_a_lesion (counts), share (0 to 1).

    >>> table = pd.DataFrame({"lesion_id": ["a", "a", "b"], "dx": ["nv", "nv", "mel"]})
    >>> leak_report(table, pd.Series(["train", "val", "val"]))["share"].to_dict()
    {'mel': 0.0, 'nv': 1.0, 'all': 0.5}
    """
    validation = table[split == "val"]
    shares = validation["lesion_id"].isin(table["lesion_id"][split == "train"])
    report = shares.groupby(validation["dx"]).agg(["size", "sum", "mean"])
    report = report.reindex([name for name in CLASSES if name in report.index] or report.index)
    report.loc["all"] = [len(shares), shares.sum(), shares.mean()]
    report.columns = ["validation_images", "sharing_a_lesion", "share"]
    return report.astype({"validation_images": int, "sharing_a_lesion": int}).rename_axis("class")
