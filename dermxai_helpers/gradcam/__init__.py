"""Where did the convolutional network find its evidence?"""

from dermxai_helpers.gradcam.explain import METHODS, QuickCam, explain

__all__ = ["METHODS", "QuickCam", "explain"]
