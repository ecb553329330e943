"""Which training was it, and how did it compare? A plain table that grows by one row for each run."""

import csv
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd

from dermxai_helpers.training.classifier import Classifier

SETTINGS = ("backbone", "rebalance", "views", "epochs", "learning_rate", "batch_size", "seed", "finetuned")


def log(path: Path | str, classifier: Classifier, name: str, scores: Mapping[str, float] | None = None) -> dict:
    """Add one row to the CSV table at `path` (made when absent) and return it.

    name : what you want to call this run; scores : more columns, such as test scores
    Columns: time (UTC), name, settings, hash of the data, best epoch, validation scores of the epoch kept. A row is
    written in one piece and is on disk when this returns. Raises ValueError when the table has other columns.
    """
    card = classifier.card | {"backbone": classifier.backbone_name}
    row = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "name": name}
    row |= {key: card.get(key, "") for key in SETTINGS}
    row |= {"data": card["data_sha256"][:12], "best_epoch": card["best_epoch"]}
    row |= card["validation"] | dict(scores or {})
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    new = not path.exists()
    if not new:
        _require_columns(path, row)
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())
    return row


def compare(path: Path | str, by: str = "balanced_accuracy") -> pd.DataFrame:
    """The table of runs, best first; columns that are the same for all of them are left out."""
    table = pd.read_csv(path).sort_values(by, ascending=False, kind="stable").set_index("name")
    telling = [column for column in table if column == by or table[column].nunique(dropna=False) > 1]
    return table[telling].drop(columns="time", errors="ignore")


def _require_columns(path: Path, row: Mapping) -> None:
    with path.open(newline="", encoding="utf-8") as file:
        header = next(csv.reader(file), [])
    if header != list(row):
        more = ", ".join(sorted(set(row) ^ set(header))) or "their order"
        raise ValueError(f"the table {path} has other columns than this run ({more} differ): log into another file")
