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
from dermxai_helpers.checks.unit_03 import (
    class_map,
    features_without_a_trace,
    gradient_of_a_frozen_network,
    map_weights,
    normalised,
    overlay,
)
