"""Are parameters that a unit was not made for refused with a sentence, whoever passes them?"""

import nbformat
import numpy as np
import papermill
import pytest

from dermxai_helpers import course
from dermxai_helpers.course.units import out_of_range
from dermxai_helpers.files import DataError

UNIT = "02b"  # it has every sort of parameter but "text"
GOOD = {"photographs": "demo", "images": 1200, "seed": 0, "backbone": "demo", "split_by": "lesion"}
ASKS = """from dermxai_helpers import course

course.check_parameters("00", globals())
"""


def test_the_values_of_the_notebook_pass(tmp_path):
    course.check_parameters(UNIT, GOOD | {"something": "else"})
    numpys = {"seed": np.int64(2_000_000_000), "images": np.uint8(200)}
    course.check_parameters(UNIT, GOOD | numpys | {"photographs": tmp_path})
    course.check_parameters(UNIT, GOOD | {"photographs": str(tmp_path), "split_by": np.str_("image")})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("seed", -1, "seed is -1, but must be a whole number from 0 to 2000000000"),
        ("seed", 1.5, "1.5"),
        ("seed", 3.0, "3.0"),
        ("seed", 10**20, "from 0 to 2000000000"),
        ("seed", True, "True"),
        ("seed", np.True_, "True"),
        ("seed", float("nan"), "nan"),
        ("seed", float("inf"), "inf"),
        ("seed", np.array([1, 2]), "array"),
        ("seed", None, "None"),
        ("images", "many", "images is 'many', but must be a whole number from 200 to 10000"),
        ("images", 60, "from 200 to 10000"),
        ("backbone", "resnet", 'backbone is \'resnet\', but must be "demo" or "imagenet"'),
        ("split_by", ["lesion"], '"lesion" or "image"'),
        ("split_by", 3, '"lesion" or "image"'),
        ("photographs", "/no/such/folder", '"demo" or a folder that exists'),
        ("photographs", "", "a folder that exists"),
        ("photographs", None, "a folder that exists"),
    ],
)
def test_values_that_are_refused(name, value, words):
    with pytest.raises(DataError) as refused:
        course.check_parameters(UNIT, GOOD | {name: value})
    assert str(refused.value).startswith("parameters of unit 02b: ") and words in str(refused.value)


def test_every_problem_is_named_at_once():
    given = GOOD | {"seed": -5, "images": 1}
    del given["backbone"]
    with pytest.raises(DataError) as refused:
        course.check_parameters(UNIT, given)
    assert len(refused.value.problems) == 3 and "backbone is not set" in str(refused.value)


@pytest.mark.parametrize("value", ["", "  ", 3, None])
def test_texts(value):
    assert out_of_range({"checkpoint": "text"}, {"checkpoint": value}) != []
    assert out_of_range({"checkpoint": "text"}, {"checkpoint": "Salesforce/instructblip-flan-t5-xl"}) == []


def test_a_unit_that_is_not_there():
    with pytest.raises(course.CourseError, match="no unit 99"):
        course.check_parameters("99", {})


@pytest.mark.parametrize("tier", course.TIERS)
def test_every_tier_keeps_to_the_ranges(tier, tmp_path):
    for unit in course.units(tier, data=tmp_path if tier == "ham10000" else None, seed=5):
        assert out_of_range(unit.ranges, unit.parameters) == [] and set(unit.parameters) <= set(unit.ranges)


@pytest.mark.parametrize(
    ("given", "said"),
    [({"sead": 3}, "no parameter is named sead; did you mean seed?"), ({"images": 1.5}, "images is 1.5"), ({}, None)],
)
def test_under_papermill(tmp_path, given, said):
    """It runs the parameters cell with the defaults and its own cell after it."""
    cells = [
        nbformat.v4.new_code_cell(code) for code in ("images = 300\nseed = 0", ASKS, "sead = 'a name of my own'", ASKS)
    ]
    cells[0].metadata["tags"] = ["parameters"]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    options = {"progress_bar": False, "kernel_name": "python3"}
    if said is None:
        papermill.execute_notebook(notebook, str(tmp_path / "out.ipynb"), given, **options)
        return
    with pytest.raises(papermill.PapermillExecutionError) as failed:
        papermill.execute_notebook(notebook, str(tmp_path / "out.ipynb"), given, **options)
    assert failed.value.evalue.startswith(f"parameters of unit 00: {said}")
    assert failed.value.ename == "DataError"
