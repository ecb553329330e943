"""Is what notebooks tell kept by name, with its interval and baseline, and shown in words?"""

import json
import math

import numpy as np
import pytest
from matplotlib.figure import Figure

from dermxai_helpers import course
from dermxai_helpers.course.record import VALUES_FILE


def test_record(tmp_path, monkeypatch):
    monkeypatch.setenv("DERMXAI_RESULTS", str(tmp_path))
    beside = {"baseline": 1 / 3, "paper": 0.26, "note": "votes"}
    shown = course.record("macro_f1", np.float32(0.25), low=np.float64(0.2), high=0.3, **beside)
    course.record("count", np.int64(7))
    course.record("nothing", math.nan)
    assert repr(shown) == "macro_f1 = 0.250 (95 % interval 0.200 to 0.300) · baseline 0.333 · paper 0.260 · votes"
    values = json.loads((tmp_path / VALUES_FILE).read_text())["values"]
    assert values["macro_f1"] == {"value": 0.25, "low": 0.2, "high": 0.3} | beside
    assert values["count"]["value"] == 7 and values["nothing"]["value"] is None
    assert [path.name for path in tmp_path.iterdir()] == [VALUES_FILE]


@pytest.mark.parametrize("value", [math.inf, -math.inf, np.float32("inf"), np.float64("-inf")])
def test_infinity_is_a_word(tmp_path, monkeypatch, value):
    """JSON has no number for it, so it becomes a word."""
    monkeypatch.setenv("DERMXAI_RESULTS", str(tmp_path))
    shown = course.record("ratio", value, low=0.5, high=value)
    assert repr(shown) == f"ratio = {value} (95 % interval 0.500 to {value})"
    text = (tmp_path / VALUES_FILE).read_text()
    entry = json.loads(text, parse_constant=pytest.fail)["values"]["ratio"]
    assert entry["value"] == entry["high"] == str(value) and entry["low"] == 0.5


@pytest.mark.parametrize("value", [[1, 2], {"a": 1}, 1j, b"bytes", np.array([1.0, 2.0]), {1}])
def test_a_result_is_one_value(tmp_path, monkeypatch, value):
    monkeypatch.setenv("DERMXAI_RESULTS", str(tmp_path))
    with pytest.raises(ValueError, match="one number, word or truth value|size 1"):
        course.record("several", value)
    assert list(tmp_path.iterdir()) == []


def test_record_outside_a_run(monkeypatch, tmp_path):
    monkeypatch.delenv("DERMXAI_RESULTS", raising=False)
    monkeypatch.chdir(tmp_path)
    assert repr(course.record("count", 7)) == "count = 7"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["Accuracy", "two words", "", "1st", "a-b"])
def test_record_names(name):
    with pytest.raises(ValueError, match="cannot name a result"):
        course.record(name, 1)


def test_record_needs_both_ends():
    with pytest.raises(ValueError, match="both ends of the interval"):
        course.record("accuracy", 0.5, low=0.4)


def test_figure_is_shown_with_its_description(tmp_path, monkeypatch):
    displayed = []
    monkeypatch.setattr("IPython.display.display", lambda *data, **options: displayed.append((data[0], options)))
    monkeypatch.setenv("DERMXAI_RESULTS", str(tmp_path))
    alt = "an empty figure of two inches"
    assert course.figure("empty", (Figure((2, 2)), alt)) is None
    ((data, options),) = displayed
    assert data["text/plain"] == alt and options["metadata"] == {"image/png": {"alt": alt}}
    assert (tmp_path / "empty.png").read_bytes() == data["image/png"]
    told = json.loads((tmp_path / VALUES_FILE).read_text())
    assert told["figures"]["empty"] == {"alt": alt}


def test_figure_without_description():
    with pytest.raises(ValueError, match="too short"):
        course.figure("empty", (Figure((2, 2)), "a figure"))
