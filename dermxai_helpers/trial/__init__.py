"""Explanations, backgrounds and shortcuts put on trial."""

from dermxai_helpers.trial.run import BASELINES, FAITHFULNESS, Cases, energies_inside, features, run
