"""Where did the vision transformer find its evidence?"""

from dermxai_helpers.relevancy.explain import compare, demo_vit, explain, prepare
from dermxai_helpers.relevancy.maps import METHODS

__all__ = ["METHODS", "compare", "demo_vit", "explain", "prepare"]
