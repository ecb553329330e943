"""The audit of unit 07: what a form lacks is said; cause, interval and control are held against fresh lesions."""

import pytest
from offline import REPOSITORY

from dermxai_helpers import checks, scoring
from dermxai_helpers.checks import unit_07
from dermxai_helpers.course import editions
from dermxai_helpers.trial import mystery

RULER = {"cause": "ruler", "low": 0.5, "high": 0.7, "control": "honest twin", "control low": -0.1, "control high": 0.1,
         "unknown": "Causes that nobody thought of."}  # fmt: skip
NONE = RULER | {"cause": "none", "low": 0.0, "high": 0.15, "control": "known cause", "control low": 0.5,
                "control high": 0.7}  # fmt: skip
SOURCE = REPOSITORY / "notebooks/src/07_the_mystery_model.py"
FRESH = {"ruler": 0.6, "ink": 0.0, "dark corners": 0.0, "bubbles": 0.0, "hair": 0.4, "dark skin": 0.0}


@pytest.fixture
def told(monkeypatch):
    """What is said of an audit where fresh lesions measure FRESH, or these values, plus or minus .05."""

    def say(audit, cause, fresh=FRESH, controls=None):
        found = {name: scoring.Comparison(value, value - 0.05, value + 0.05, 100, 100, value, 0.0, 100)
                 for name, value in fresh.items()}  # fmt: skip
        other = dict.fromkeys(FRESH, scoring.Comparison(0.3, 0.25, 0.35, 100, 100, 0.3, 0.0, 100))
        monkeypatch.setattr(mystery, "effects", lambda asked, *_those: {"": found if asked[""] == "model" else other})
        controls = {name: mystery.Case("control", None) for name in controls or ()}
        verdict = checks.audit(audit, mystery.Case("model", None), cause, controls)
        return f"{verdict.outcome}: {verdict.says}"

    return say


def test_a_complete_audit_is_right(told):
    assert told(RULER, "ruler").startswith("right: ")
    assert told(RULER | {"control": "hair", "control low": 0.35, "control high": 0.45}, "ruler").startswith("right: ")
    assert told(NONE, "none", dict.fromkeys(FRESH, 0.05)).startswith("right: ")


@pytest.mark.parametrize(("change", "reason"), [
    ({"cause": "sunburn"}, "is one of"), ({"low": "half"}, "should be a number"), ({"unknown": 3}, "should be a word"),
    ({"low": 0.8}, "lower end first"), ({"high": 1.5}, "from -1 to 1"), ({"low": 0.1}, "too wide"),
    ({"low": 0.6, "high": 0.6}, "too narrow"), ({"control": ...}, "Still to fill in: control"),
    ({"unknown": "x x x x"}, "what remains unknown"),
    ({"control": "ruler"}, "not the cause itself"), ({"control": "luck"}, "The control is one of"),
    ({"unknown": "?"}, "what remains unknown"), ({"low": 0.8, "high": 0.9}, "does not fit your interval"),
    ({"low": 0.75, "high": 0.8}, "does not fit your interval"),
    ({"control": "known cause"}, "could have refuted"), ({"control high": 0.25, "control low": 0.0}, ""),
    ({"control low": 0.4, "control high": 0.55}, "not clearly below"),
    ({"control": "hair"}, "the control does not fit"), ({"low": [0.5, 0.6]}, "should be a number"),
])  # fmt: skip
def test_what_is_wrong_is_said(told, change, reason):
    said = told(RULER | change, "ruler")
    assert said.startswith("wrong: ") and reason in said if reason else said.startswith("right: ")


def test_another_cause_is_wrong_and_the_right_one_is_not_told(told):
    named = {name: told(RULER | {"cause": name}, "ruler") for name in ("hair", "ink")}
    assert "another of the six changes them more" in named["hair"] and "too little" in named["ink"]
    said = [*named.values(), told(NONE, "ruler")]
    assert "Something was planted" in said[-1]
    assert all(one.startswith("wrong: ") and "ruler" not in one for one in said)
    assert "too little" in told(RULER, "none", dict.fromkeys(FRESH, 0.05))
    assert "it was not planted" in told(RULER, "none")  # and not: too little, of an effect of 0.6


def test_a_control_at_hand_is_measured(told):
    assert told(RULER, "ruler", controls=["known cause"]).startswith("right: ")
    assert "the control does not fit" in told(RULER, "ruler", controls=["honest twin"])
    flat = dict.fromkeys(FRESH, 0.05)
    assert "the control does not fit" in told(NONE, "none", flat, controls=["known cause"])


def test_none_needs_a_known_cause(told):
    flat = dict.fromkeys(FRESH, 0.05)
    assert "would say none, too" in told(NONE | {"control": "honest twin"}, "none", flat)
    assert "would say none, too" in told(NONE | {"control": "ruler"}, "none", flat)
    assert "finds nothing in the control" in told(NONE | {"control low": 0.0, "control high": 0.2}, "none", flat)
    assert "the largest increase of the six" in told(NONE | {"low": 0.15, "high": 0.2}, "none", flat)


NO_AUDITS = [None, 3, [], {}, "ruler", RULER | {"extra": 1}, {"cause": "ruler"}, RULER | {"low": object()}]


@pytest.mark.parametrize("audit", NO_AUDITS)
def test_what_is_no_audit_is_refused_with_a_sentence(told, audit):
    assert told(audit, "ruler").startswith("wrong: ")


def test_the_stub_is_not_attempted_and_a_sealed_model_is_not_judged(told):
    cell = next(one for one in editions.exercises(SOURCE.read_text(encoding="utf-8")) if "def audited" in one)
    space = {}
    exec(editions.learner(cell), space)
    assert set(space["audit"]) == set(unit_07.WANTED)
    assert told(space["audit"], "ruler") == "not attempted: "
    assert "sealed" in told(RULER, None)
