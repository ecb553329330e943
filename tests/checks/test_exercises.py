"""Every exercise: its solution is right, its stub is no mistake, each misconception is told, and faults are noticed."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from mutants import mutants

from dermxai_helpers import checks, course
from dermxai_helpers.course import editions

CELLS = {}  # {name of an exercise: (unit, its cell as the source has it, the name of the learner's function)}
for unit in course.units("demo"):
    cells = editions.exercises(unit.source.read_text(encoding="utf-8"))
    for cell, check in zip(cells, cells[1:], strict=False):
        if "exercise" in editions.tags(cell):
            name, function = re.search(r"checks\.(\w+)\((\w+)[,)]", check).groups()
            CELLS[name] = (unit.name, cell, function)
CELLS.pop("audit")  # a form, not a function: tests/checks/test_audit.py
EXERCISES = {name: value for name, value in vars(checks).items() if isinstance(value, checks.Exercise)}
EQUIVALENT = {}
for path in Path(__file__).parent.glob("equivalent_*.toml"):
    EQUIVALENT |= tomllib.loads(path.read_text(encoding="utf-8"))
NOTICED = 0.8  # of the generated faults, at least

every_exercise = pytest.mark.parametrize("name", EXERCISES)


def answer_in(text, function):
    space = {"np": np, "pd": pd, "torch": torch}
    exec(compile(text, "cell", "exec"), space)
    return space[function]


def test_every_check_has_an_exercise_and_a_name():
    assert set(CELLS) == set(EXERCISES)
    assert all(exercise.name == name for name, exercise in EXERCISES.items())


@every_exercise
def test_solution_is_right_and_stub_is_not_attempted(name):
    _, cell, function = CELLS[name]
    for seed in range(5):
        verdict = EXERCISES[name](answer_in(editions.solved(cell), function), seed=seed)
        assert repr(verdict).startswith("● right: "), verdict
    assert EXERCISES[name](answer_in(editions.learner(cell), function), seed=0).outcome == "not attempted"


@every_exercise
def test_answer_says_what_shapes_it_takes(name):
    _, cell, function = CELLS[name]
    told = answer_in(editions.learner(cell), function).__doc__
    assert told and len(told.split()) >= 6, "the stub's docstring says what goes in and comes out"


@every_exercise
def test_each_misconception_is_told_by_name(name):
    exercise = EXERCISES[name]
    assert len(exercise.mistakes) + bool(exercise.as_found) >= 3
    for sentence, mistake in exercise.mistakes.items():
        for seed in range(3):
            assert exercise(mistake, seed=seed) == checks.Verdict("wrong", sentence)


@every_exercise
def test_a_crash_is_told_with_its_line(name):
    def crashes(*_inputs):
        return 1 / 0

    verdict = EXERCISES[name](crashes, seed=0)
    assert verdict.outcome == "failed" and "'return 1 / 0'. ZeroDivisionError" in verdict.says


def test_generated_faults_are_noticed(capsys):
    rows, missed, wrong_reasons = ["unit, exercise, generated faults that its check notices"], {}, []
    for name, (unit, cell, function) in CELLS.items():
        excused = EQUIVALENT.get(name, {})
        survivors, number = [], 0
        for what, text in mutants(editions.solved(cell)).items():
            if what in excused:
                continue
            number += 1
            try:
                answer = answer_in(text, function)
            except Exception:  # a fault that stops the cell itself is noticed
                continue
            if EXERCISES[name](answer, seed=0).outcome in ("right", "not attempted"):
                survivors.append(what)
        wrong_reasons += [f"{name}: {what}" for what in excused if what not in mutants(editions.solved(cell))]
        share = 1 - len(survivors) / max(number, 1)
        number_noticed = f"{number - len(survivors):4} of {number:3} {share:5.0%}"
        rows.append(f"{unit[:3].strip('_'):4}{name:32}{number_noticed}   {len(excused)} equivalent")
        if share < NOTICED:
            missed[name] = survivors
    with capsys.disabled():
        print("\n" + "\n".join(rows))
    assert missed == {}
    assert wrong_reasons == [], "these faults are no longer generated"
