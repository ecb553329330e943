"""Explanations, backgrounds and shortcuts put on trial."""

from dermxai_helpers.trial.run import BASELINES, BATCH, FAITHFULNESS, Cases, run

__all__ = ["BASELINES", "BATCH", "Cases", "FAITHFULNESS", "run"]
