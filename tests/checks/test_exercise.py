"""How a check judges: nobody talks it round, and no right answer is refused."""

import sys

import numpy as np
import pytest
import torch

from dermxai_helpers import checks
from dermxai_helpers.checks import exercise, progress

weights = checks.map_weights


class AlwaysEqual:
    def __eq__(self, other):
        return True

    __hash__ = None


@pytest.mark.parametrize(
    "answer",
    [
        lambda g: g.mean(dim=(1, 2)),
        lambda g: g.double().mean(dim=(1, 2)),
        lambda g: g.numpy().mean(axis=(1, 2)),
        lambda g: g.mean(dim=(1, 2)).tolist(),
        lambda g: tuple(float(one.mean()) for one in g),
    ],
)
def test_a_right_answer_of_any_type_is_right(answer):
    assert weights(answer).outcome == "right"


@pytest.mark.parametrize(
    "answer, words",
    [
        ([3.5, 31.5, 91.5], "A function is wanted here"),
        (lambda g: [3.5, 31.5, 91.5, 0, 0], "values are not"),
        (lambda g: AlwaysEqual(), "It returns AlwaysEqual"),
        (lambda g: -g.mean(dim=(1, 2)), "sign is turned round"),
        (lambda g: g.mean(dim=(1, 2)) * float("nan"), "NaN"),
        (lambda g: "0.5", "It returns a word"),
        (lambda g: g.zero_().mean(dim=(1, 2)), "changes what it is given"),
    ],
)
def test_wrong_answers(answer, words):
    verdict = weights(answer)
    assert verdict.outcome == "wrong" and words in verdict.says


def test_leaving_the_program_is_no_way_out():
    verdict = weights(lambda g: sys.exit(0))
    assert verdict.outcome == "failed" and "SystemExit" in verdict.says


def test_an_endless_loop_is_stopped(monkeypatch):
    def endless(g):
        while True:
            pass

    monkeypatch.setattr(exercise, "SECONDS", 0.2)
    verdict = weights(endless)
    assert verdict.outcome == "failed" and "stopped after 0.2 seconds" in verdict.says


def test_the_learners_own_interrupt_goes_through():
    def interrupted(g):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights(interrupted)


def test_inputs_differ_at_every_call():
    seen = []
    weights(lambda g: seen.append(g.clone()) or g.mean(dim=(1, 2)))
    weights(lambda g: seen.append(g.clone()) or g.mean(dim=(1, 2)))
    assert len({float(one.sum()) for one in seen}) == 2 * exercise.CASES


def test_nothing_is_told_of_the_answer():
    for answer in (lambda g: g.sum(), lambda g: g.mean(dim=(1, 2)) + 1):
        assert not any(character.isdigit() for character in weights(answer).says.split(" shape ")[0])


def test_progress_keeps_what_was_solved(tmp_path, monkeypatch):
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path))
    weights(lambda g: None)
    assert progress.noted() == {"map_weights": "not attempted"}
    weights(lambda g: g.mean(dim=(1, 2)))
    weights(lambda g: 0)
    assert progress.noted() == {"map_weights": "right"}
    (tmp_path / progress.FILE).write_text("{broken")
    assert progress.noted() == {}


def test_nothing_but_gaps_is_not_attempted():
    assert all(map(exercise.empty, (None, ..., (None, ...), {"low": ..., "high": None})))
    assert not any(map(exercise.empty, (0, (), {}, (None, 1), {"low": ..., "high": 1}, [None])))


@pytest.mark.parametrize(
    "value, same",
    [
        (torch.ones(2, requires_grad=True), [1, 1]),
        (np.float32(0.5), 0.5),
        (True, 1.0),
        ({"a": [1, 2]}, {"a": np.array([1.0, 2.0])}),
        (["mel", "nv"], ("mel", "nv")),
        (list(np.array(["mel", "nv"])), ["mel", "nv"]),
        ((np.int64(2), np.float32(3)), [2, 3]),
        ([torch.tensor(2.0), torch.tensor(3.0)], torch.tensor([2.0, 3.0])),
    ],
)
def test_values_become_plain(value, same):
    assert weights.differing(exercise.plain(value), exercise.plain(same)) == ""


def test_a_fault_is_told_with_its_name():
    got, wanted = (exercise.plain({"kept": number, "last": 4}) for number in (2, 3))
    assert weights.differing(got, wanted) == "kept: It returns another number than it should."
    assert weights.differing({"last": got["last"]}, wanted) == "These names are missing in it: kept."


def test_what_returns_nothing_is_told_so_and_only_a_stub_is_not_attempted():
    def forgot(gradient):
        weights = gradient.mean(dim=(1, 2))  # noqa: F841

    def stub(gradient):
        """Derivatives -> weights."""
        ...

    said = checks.map_weights(forgot)
    assert said.outcome == "wrong" and "returns nothing (None)" in said.says
    assert checks.map_weights(stub).outcome == checks.map_weights(lambda gradient: ...).outcome == "not attempted"


def test_a_quiz_has_one_right_answer_each_and_escapes():
    quiz = checks.Quiz({"a < b?": {"yes": (True, "so it is"), "no": (False, "look & see")}})
    html = quiz._repr_html_()
    assert "a &lt; b?" in html and html.count("<details>") == 2 and "No. look &amp; see" in html
    with pytest.raises(ValueError, match="one answer must be right"):
        checks.Quiz({"a?": {"yes": (True, "x"), "no": (True, "y")}})
    with pytest.raises(ValueError, match="each explained"):
        checks.Quiz({"a?": {"yes": (True, "x"), "no": (False, "")}})
