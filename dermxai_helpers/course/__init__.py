"""The units of the course: run them, record what they tell, write the report."""

from dermxai_helpers.course import doctor
from dermxai_helpers.course.record import claim, figure, record
from dermxai_helpers.course.run import jobs_that_fit, run
from dermxai_helpers.course.units import TIERS, CourseError, Unit, check_parameters, checkout, units

STATES = {"right": "solved", "wrong": "tried", "failed": "tried"}  # of an exercise, by its best outcome; else open


def progress():
    """Which exercises are solved, tried and open: a DataFrame, a row a unit; kept in the cache folder only."""
    import pandas as pd  # with the checks comes torch: seconds that the command line does not need

    from dermxai_helpers import checks

    outcomes, rows = checks.progress.noted(), {}
    for module, content in vars(checks).items():
        if module.startswith("unit_"):
            names = [name for name, value in vars(content).items() if getattr(value, "name", "") == name]
            groups = {"solved": [], "tried": [], "open": []}
            for name in names:
                groups[STATES.get(outcomes.get(name), "open")].append(name)
            rows[module.removeprefix("unit_")] = {"of": len(names)} | {key: ", ".join(it) for key, it in groups.items()}
    return pd.DataFrame.from_dict(rows, orient="index").sort_index()
