"""Runs an answer in a process of its own, which can tell the grader numbers and words, and nothing else."""

import ast
import json
import linecache
import os
import re
import select
import shutil
import signal
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass

import numpy as np

import dermxai_helpers
from dermxai_helpers.assignments.limits import confine
from dermxai_helpers.checks import Exercise, Verdict
from dermxai_helpers.checks.exercise import Refused, empty, plain, where
from dermxai_helpers.course import editions

MOST = 10**6  # bytes of a reply
CELL = "your cell"
DEFINITIONS = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef
LITERALS = ast.Constant | ast.List | ast.Tuple | ast.Dict


@dataclass
class Told:
    """What became of an answer: "seen", with its plain values; or an outcome, and why. `tried`: what it was refused."""

    outcome: str
    says: str = ""
    seen: object = None
    tried: tuple[str, ...] = ()


def ask(
    cell: str, others: list[str], name: str, exercise: Exercise | None, cases: list, seconds: float, private: list[str]
) -> Told:
    """Run an answer's cell and see what its function does in each case; without an exercise, what the value `name` is.

    others : the notebook's other code cells, of which only definitions count
    private : folders that it may not read
    """
    home, (pipe, reply) = tempfile.mkdtemp(prefix="answer-"), os.pipe()
    pid, deadline = os.fork(), time.monotonic() + seconds
    if pid == 0:
        try:
            tried = confine(home, reply, seconds, [*private, *dermxai_helpers.__path__])
            told = run(cell, others, name, exercise, cases)
            said = [told.outcome, told.says[:2000], told.seen, tried[:5]]
            text = json.dumps(said, default=lambda array: {"array": [array.shape, array.ravel().tolist()]}).encode()
            while text:
                text = text[os.write(reply, text) :]
        finally:
            os._exit(0)
    os.close(reply)
    heard, part = b"", b"more"
    try:
        while part and len(heard) <= MOST and select.select([pipe], [], [], max(0, deadline - time.monotonic()))[0]:
            part = os.read(pipe, 1 << 16)
            heard += part
    finally:
        for kill in (os.killpg, os.kill):  # it, and all that it started
            with suppress(ProcessLookupError, PermissionError):
                kill(pid, signal.SIGKILL)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(pipe)
        shutil.rmtree(home, ignore_errors=True)
    if part and len(heard) <= MOST or status == -signal.SIGXCPU:
        return Told("time-out", f"It was stopped after {seconds:g} seconds. Does a loop never end?")
    return understood(heard, len(cases))


def understood(heard: bytes, cases: int) -> Told:
    """What a reply says, read with care: an answer may have written it by hand."""
    with suppress(Exception):
        outcome, says, seen, tried = json.loads(heard)
        seen = unpacked(seen)
        complete = outcome == "seen" and (not cases or len(seen) == cases)
        known = complete or outcome in ("wrong", "not attempted", "failed")
        if known and all(type(word) is str for word in (says, *tried)):
            return Told(outcome, says[:2000], seen, tuple(one[:200] for one in tried[:5]))
    return Told("failed", "its process ended without an answer: it left Python, or took or returned far too much.")


def run(cell: str, others: list[str], name: str, exercise: Exercise | None, cases: list) -> Told:
    """In the process that is the answer's own: see `ask`."""
    space: dict[str, object] = {"__name__": "__main__"}
    exec(editions.PRELUDE, space)
    try:
        for other in others:
            define(other, space)
        known, cell = set(space), re.sub(r"^(?=[%!])", "# ", cell, flags=re.MULTILINE)  # Jupyter's own lines
        linecache.cache[CELL] = len(cell), None, cell.splitlines(keepends=True), CELL
        exec(compile(cell, CELL, "exec"), space)
        value = space.get(name)
        if exercise is None:
            return Told("not attempted") if empty(value) else Told("seen", seen=plain(value))
        if not callable(value):  # renamed, perhaps
            value = next((space[one] for one in reversed(space) if one not in known and callable(space[one])), None)
        if value is None:
            return Told("not attempted", f"There is no function {name}.")
        seen = exercise.observed(value, cases)
        return Told(seen.outcome, seen.says) if isinstance(seen, Verdict) else Told("seen", seen=seen)
    except Refused as refusal:
        return Told("wrong", str(refusal))
    except BaseException as error:
        trace = error.__traceback__
        return Told("failed", where(error.with_traceback(trace.tb_next if trace else None)))


def define(cell: str, space: dict) -> None:
    """Take imports, functions, classes and literals from a cell, as far as they work, and nothing else."""
    with suppress(Exception):
        for node in ast.parse(cell).body:
            literal = isinstance(node, ast.Assign) and isinstance(node.value, LITERALS)
            if literal or isinstance(node, DEFINITIONS):
                with suppress(Exception):
                    exec(compile(ast.Module([node], []), "another cell", "exec"), space)


def unpacked(value: object) -> object:
    """The plain values that were sent; ValueError for whatever else came."""
    if type(value) is dict and set(value) == {"array"}:
        shape, numbers = value["array"]
        return np.array(numbers, dtype=np.float64).reshape(shape)
    if type(value) is dict:
        return {name: unpacked(one) for name, one in value.items()}
    if type(value) is list:
        return tuple(map(unpacked, value))
    if value is None or type(value) is str:
        return value
    raise ValueError("no plain value")
