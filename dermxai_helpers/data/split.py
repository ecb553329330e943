"""A table becomes a training and a validation part; how many lesions stand on both sides."""

import math

import numpy as np
import pandas as pd

from dermxai_helpers.data.table import CLASSES
from dermxai_helpers.files import counted

MOST_PILES = 10  # dealing takes seconds more for each further pile


def split(table: pd.DataFrame, by: str = "lesion", val: float = 0.2, seed: int = 0) -> pd.Series:
    """Split a table into training and validation images: a Series of "train" and "val" with the table's index.

    by : "lesion" keeps all photographs of a lesion on one side; "image" ignores lesions, as the paper's split did
    val : share of the images to validate on, between 0 and 1
    Both are stratified. For 1/2, 1/3 ... 1/10 "lesion" deals whole lesions into 1/val piles (StratifiedGroupKFold) and
    validates on one of those that hold every class, which the seed chooses; for other shares, or fewer lesions than
    piles, lesions are drawn one by one. ValueError: a class of fewer than two, a row without one.
    """
    from sklearn.model_selection import StratifiedGroupKFold, train_test_split

    if by not in ("lesion", "image"):
        raise ValueError(f"by must be 'lesion' or 'image', got {by!r}")
    if not 0 < val < 1:
        raise ValueError(f"val must lie between 0 and 1, got {val}: it is a share of the images")
    rows, classes = np.arange(len(table)), _complete(table, "dx")
    units = _complete(table, "lesion_id") if by == "lesion" else pd.Series(rows)
    counts, piles = units.groupby(classes).nunique(), round(1 / val)
    fewest = counts.min()
    if not fewest >= 2:  # NaN of an empty table
        found = f"class {counts.idxmin()} has {counted(fewest, by)}" if len(counts) else "the table has no rows"
        raise ValueError(f"{found}: each class needs two {by}s or more, for one is in training, one in validation")
    if by == "image" and fewest * min(val, 1 - val) >= 1:
        chosen = train_test_split(rows, test_size=val, stratify=classes, random_state=seed)[1]
    elif by == "lesion" and math.isclose(piles * val, 1) and piles <= min(fewest, MOST_PILES):
        dealer = StratifiedGroupKFold(piles, shuffle=True, random_state=seed)
        dealt = [pile for _, pile in dealer.split(rows, classes, units)]
        mixed = [dealt[place] for place in np.random.default_rng(seed).permutation(piles)]
        chosen = max(mixed, key=lambda pile: classes[pile].nunique())  # of equals, the first
    else:
        chosen = np.flatnonzero(units.isin(_drawn(units, classes, val, seed)))
    parts = pd.Series("train", index=table.index, name="split")
    parts.iloc[chosen] = "val"
    for part in ("train", "val"):
        if absent := set(table["dx"]) - set(table["dx"][parts == part]):  # groups of several classes can do that
            raise ValueError(f"no image of class {', '.join(sorted(absent))} is in the '{part}' part: use more images")
    return parts


def _complete(table: pd.DataFrame, column: str) -> pd.Series:
    """A column, numbered anew; ValueError where a row holds nothing, for it belongs to no class or lesion."""
    if empty := int((table[column].isna() | (table[column] == "")).sum()):
        raise ValueError(f"{counted(empty, 'row')} without a value in '{column}': complete it, or leave them out")
    return table[column].reset_index(drop=True)


def _drawn(units: pd.Series, classes: pd.Series, val: float, seed: int) -> set:
    """Random lesions that fit into `val` of their class's images, then what brings it nearer; never all or none."""
    lesions = classes.groupby(units).agg(["first", "size"]).sample(frac=1, random_state=seed)
    most, room = lesions["first"].value_counts() - 1, (classes.value_counts() * val).to_dict()
    chosen = {dx: set() for dx in room}
    for order, share in ((lesions, 1), (lesions.sort_values("size", kind="stable"), 0.5)):
        for lesion, dx, images in order.itertuples():
            wanted = images * share <= room[dx] or (share < 1 and not chosen[dx])
            if wanted and lesion not in chosen[dx] and len(chosen[dx]) < most.get(dx, 0):
                chosen[dx].add(lesion)
                room[dx] -= images
    return set().union(*chosen.values())


def leak_report(table: pd.DataFrame, split: pd.Series) -> pd.DataFrame:
    """Count validation images of whose lesion training holds another photograph; ValueError for a row without lesion.

    Index: the classes, then "all". Columns: validation_images, sharing_a_lesion (counts), share (0 to 1).

    >>> table = pd.DataFrame({"lesion_id": ["a", "a", "b"], "dx": ["nv", "nv", "mel"]})
    >>> leak_report(table, pd.Series(["train", "val", "val"]))["share"].to_dict()
    {'mel': 0.0, 'nv': 1.0, 'all': 0.5}
    """
    _complete(table, "lesion_id")
    validation = table[split == "val"]
    shares = validation["lesion_id"].isin(table["lesion_id"][split == "train"])
    report = shares.groupby(validation["dx"]).agg(["size", "sum", "mean"])
    report = report.reindex([name for name in CLASSES if name in report.index] or report.index)
    report.loc["all"] = [len(shares), shares.sum(), shares.mean()]
    report.columns = ["validation_images", "sharing_a_lesion", "share"]
    return report.astype({"validation_images": int, "sharing_a_lesion": int}).rename_axis("class")
