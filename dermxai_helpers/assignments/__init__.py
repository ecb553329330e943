"""Assignments from the units' exercises: hand them out, and grade what comes back."""

from dermxai_helpers.assignments.build import build
from dermxai_helpers.assignments.grade import grade
