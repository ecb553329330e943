"""The units of the course: run them, record what they tell, write the report."""

from dermxai_helpers.course.record import VALUES_FILE, figure, record
from dermxai_helpers.course.run import UNIT_FILE, folder_variables, run
from dermxai_helpers.course.units import TIERS, CourseError, Unit, checkout, read_book, units

__all__ = [
    "TIERS",
    "UNIT_FILE",
    "VALUES_FILE",
    "CourseError",
    "Unit",
    "checkout",
    "figure",
    "folder_variables",
    "read_book",
    "record",
    "run",
    "units",
]
