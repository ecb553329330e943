"""The table of runs."""

import pandas as pd
import pytest

from dermxai_helpers.training import experiments
from dermxai_helpers.training.classifier import Classifier


def run(rate: float, balanced: float) -> Classifier:
    card = {"rebalance": "none", "views": 0, "epochs": 10, "learning_rate": rate, "batch_size": 32, "seed": 0}
    card |= {"data_sha256": "ab" * 32, "best_epoch": 3}
    card["validation"] = {"accuracy": 0.7, "balanced_accuracy": balanced}
    return Classifier(None, ("mel", "nv", "bkl"), pd.DataFrame(), "demo", (), (), (), card=card)


def test_runs_are_compared_best_first_by_what_differs(tmp_path):
    path = tmp_path / "log" / "runs.csv"
    experiments.log(path, run(1e-4, 0.6), "slow")
    row = experiments.log(path, run(1e-3, 0.7), "fast")
    assert row["data"] == "ab" * 6
    table = experiments.compare(path)
    assert table.index.tolist() == ["fast", "slow"]
    assert list(table) == ["learning_rate", "balanced_accuracy"]


def test_a_table_of_another_kind_is_left_alone(tmp_path):
    path = tmp_path / "runs.csv"
    experiments.log(path, run(1e-4, 0.6), "first")
    before = path.read_text()
    with pytest.raises(ValueError, match="other columns than this run .test_accuracy differ.: log"):
        experiments.log(path, run(1e-4, 0.6), "second", {"test_accuracy": 0.5})
    assert path.read_text() == before
