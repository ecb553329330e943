"""How a classifier is trained on top of a frozen backbone."""

from dermxai_helpers.training.backbones import Backbone, backbone
from dermxai_helpers.training.features import cached_features
from dermxai_helpers.training.head import Classifier, baseline_predictions, train
