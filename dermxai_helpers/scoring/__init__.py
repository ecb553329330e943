"""Is it right, by how much, and how sure is that?"""

from dermxai_helpers.scoring.maps import (
    centre_gaussian,
    energy_inside,
    intersection_over_union,
    pointing_game,
    random_map,
)
from dermxai_helpers.scoring.metrics import (
    Z95,
    _confusion_metric,
    classification_table,
    interval,
    mean_intervals,
    scores,
    scores_with_intervals,
    wilson,
)

__all__ = [
    "Z95",
    "_confusion_metric",
    "centre_gaussian",
    "classification_table",
    "energy_inside",
    "intersection_over_union",
    "interval",
    "mean_intervals",
    "pointing_game",
    "random_map",
    "scores",
    "scores_with_intervals",
    "wilson",
]
