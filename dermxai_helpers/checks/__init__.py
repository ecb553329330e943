"""Is an answer to an exercise right – and if not, which misconception is it?

Each exercise is called with your answer and says what it found: right, wrong (with the misconception), not attempted,
or that your code failed, and in which line.
"""

from dermxai_helpers.checks.exercise import Exercise, Verdict
from dermxai_helpers.checks.quiz import Quiz
from dermxai_helpers.checks.unit_00 import box_of_map, caption_grades
from dermxai_helpers.checks.unit_01 import (
    balanced_accuracy_of_sites,
    expected_leak,
    leaked_photographs,
    split_by_lesion,
)
from dermxai_helpers.checks.unit_02 import balanced_accuracy, class_weights, learning_curve, permutation_test
from dermxai_helpers.checks.unit_02b import calibration_error, cheapest_threshold, paired_interval, prior_correction
from dermxai_helpers.checks.unit_03 import (
    class_map,
    features_without_a_trace,
    gradient_of_a_frozen_network,
    map_weights,
    normalised,
    overlay,
)
from dermxai_helpers.checks.unit_03b import area_under_erasing, beyond_the_centre, eigen_map, plus_plus_weights
from dermxai_helpers.checks.unit_04 import batch_for_model, class_token_map, positive_shares, rollout_step
from dermxai_helpers.checks.unit_04b import larger_head, relevance_shares, swap_effect
from dermxai_helpers.checks.unit_05 import beyond_shuffles, one_query, without_echo
from dermxai_helpers.checks.unit_06 import log_likelihood_ratio, macro_f1_of_a_constant, not_denied, whole_words
from dermxai_helpers.checks.unit_06b import clipped_precision, follow_rate, low_rank_layer, precision_of_a_false_caption
from dermxai_helpers.checks.unit_07 import audit, named_cause, subgroup_gap, surroundings_only, two_settings
