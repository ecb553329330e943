"""Is it right, and how sure is that: scores, 95 % intervals by lesion, maps against masks."""

from dermxai_helpers.scoring.comparison import AmongDraws, Comparison, among, compare, recall_by_group
from dermxai_helpers.scoring.intervals import interval, mean_intervals, scores_with_intervals, wilson
from dermxai_helpers.scoring.maps import centre_gaussian, energy_inside, iou_at_half
from dermxai_helpers.scoring.metrics import classification_table, macro_f1, scores
