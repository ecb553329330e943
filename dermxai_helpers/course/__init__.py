"""The units of the course: run them, record what they tell, write the report."""

from dermxai_helpers.course import doctor
from dermxai_helpers.course.progress import progress
from dermxai_helpers.course.record import claim, figure, record
from dermxai_helpers.course.run import jobs_that_fit, run
from dermxai_helpers.course.units import TIERS, CourseError, Unit, check_parameters, checkout, units
