"""How is a classifier trained on top of a frozen backbone?"""

from dermxai_helpers.training.backbones import Backbone, backbone
from dermxai_helpers.training.classifier import Classifier
from dermxai_helpers.training.features import cached_features
from dermxai_helpers.training.head import STOPPING_PATIENCE, baseline_predictions, baselines, paper_plan, train

__all__ = [
    "Backbone",
    "Classifier",
    "STOPPING_PATIENCE",
    "backbone",
    "baseline_predictions",
    "baselines",
    "cached_features",
    "paper_plan",
    "train",
]
