"""Where a convolutional network found its evidence: class activation maps."""

from dermxai_helpers.gradcam.explain import METHODS, explain
