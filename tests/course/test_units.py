"""Are the units as course.toml has them, and are wrong wishes answered with a sentence?"""

import importlib

import pytest

from dermxai_helpers import course

BUDGETS = {"smoke": (240, 1500), "demo": (350, 1500), "ham10000": (2400, 3000)}  # seconds in all, megabytes of a unit


@pytest.mark.parametrize("tier", course.TIERS)
def test_course_file(tier):
    units = course.units(tier, data="somewhere" if tier == "ham10000" else None, seed=5)
    numbers = " ".join(unit.name.split("_")[0] for unit in units)
    assert numbers == "00 01 02 02b 03 03b 04 04b 05 06 06b 07"
    for unit in units:
        assert unit.source.is_file()
        assert unit.least_seconds > 0 and unit.cell_seconds > 0 and unit.made_with
        assert unit.parameters["seed"] == 5
        if "photographs" in unit.parameters:
            assert (unit.parameters["photographs"] == "demo") == (tier != "ham10000")
    # Two units of the demo tier go side by side: the road is to take five minutes, though its budgets add up to more.
    seconds, megabytes = BUDGETS[tier]
    assert sum(unit.seconds for unit in units) <= seconds and max(unit.megabytes for unit in units) <= megabytes


@pytest.mark.parametrize(("tier", "data"), [("ham10000", None), ("demo", "somewhere"), ("vast", None)])
def test_tiers_ask_for_what_they_need(tier, data):
    with pytest.raises(course.CourseError):
        course.units(tier, data)


def test_missing_source(monkeypatch, tmp_path):
    monkeypatch.setattr(importlib.import_module("dermxai_helpers.course.units"), "checkout", lambda: tmp_path)
    with pytest.raises(course.CourseError, match="course.toml names the unit 00_start_here"):
        course.run("demo", names=["00"])
