"""The units of the course: run them, record what they tell, write the report."""

from dermxai_helpers.course import doctor
from dermxai_helpers.course.record import claim, figure, record
from dermxai_helpers.course.run import jobs_that_fit, run
from dermxai_helpers.course.units import TIERS, CourseError, Unit, check_parameters, checkout, units


def progress():
    """Which exercises are solved, tried and open: a DataFrame, a row a unit; kept in the cache folder only."""
    from dermxai_helpers.checks.progress import by_unit  # with it comes torch: seconds that no command needs

    return by_unit()
