"""Explanations, backgrounds and shortcuts put on trial."""

from dermxai_helpers.trial.run import BASELINES, Cases, energies_inside, features, run
