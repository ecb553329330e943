"""Where a vision transformer found its evidence: relevancy, and what to compare it with."""

from dermxai_helpers.relevancy.explain import demo_vit, explain, prepare
from dermxai_helpers.relevancy.maps import METHODS
