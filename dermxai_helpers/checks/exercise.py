"""How an answer is judged: on random inputs, beside a reference, with every known misconception told by name.

A check never raises and never prints the answer. Whatever an answer returns is reduced to plain numbers and words
before it is compared, so an object that claims to equal everything gains nothing.
"""

import copy
import dis
import threading
import traceback
from _thread import interrupt_main
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from dermxai_helpers.checks import progress

Outcome = Literal["right", "wrong", "not attempted", "failed"]
MARKS = {"right": "●", "wrong": "✗", "not attempted": "○", "failed": "✗"}
CASES = 6  # random inputs that an answer must get right
SECONDS = 10  # an answer that needs longer is stopped
WORK = "CALL", "BINARY", "COMPARE", "UNARY", "FOR_ITER", "LOAD_ATTR", "LOAD_GLOBAL"  # of Python's instructions
HERE = str(Path(__file__).parent)


@dataclass(frozen=True)
class Verdict:
    """What a check found: its outcome, and why, in a sentence."""

    outcome: Outcome
    says: str

    def __repr__(self) -> str:
        return f"{MARKS[self.outcome]} {self.outcome}{': ' if self.says else ''}{self.says}"


class Refused(Exception):
    """What an answer returned is nothing that can be compared; the message says what is wanted."""


class NotAttempted(Exception):
    """A stub was called."""


@dataclass(frozen=True, eq=False)
class Exercise:
    """One exercise: call it with the answer, a function or a value, to get a Verdict.

    right : the reference, called with one case's inputs
    draw : a random generator -> the inputs of one case, in a tuple
    mistakes : {sentence: a function that makes this mistake}; the first that does what the answer does is told
    praise : what to remember, said of a right answer
    as_found : the faulty function that the exercise hands out to be mended: unchanged, it is not attempted
    observe : (function, *inputs) -> what is compared, where that is more than what the function returns
    tolerance : of numbers, relative to the largest
    """

    name: str
    right: Callable
    praise: str
    mistakes: Mapping[str, Callable]
    draw: Callable[[np.random.Generator], tuple] | None = None
    as_found: Callable | None = None
    observe: Callable = field(default=lambda answer, *inputs: answer(*inputs))
    tolerance: float = 1e-4

    def __call__(self, answer: object, *context: object, seed: int | None = None) -> Verdict:
        """Judge an answer: a function on random inputs; or a value, beside what the context (this run's numbers) gives.

        seed : decides the random inputs; without one they differ at every call
        """
        if empty(answer):
            verdict = Verdict("not attempted", "")
        elif context:
            verdict = self._judged(lambda *_context: answer, [context])
        elif callable(answer):
            verdict = self._judged(answer, self.drawn(seed))
        else:
            verdict = Verdict("wrong", "A function is wanted here: write its name without brackets.")
        progress.keep(self.name, verdict.outcome)
        return verdict

    def drawn(self, seed: int | None = None) -> list[tuple]:
        """The random inputs of all cases."""
        rng = np.random.default_rng(seed)
        return [self.draw(rng) for _ in range(CASES)]

    def _judged(self, answer: Callable, cases: list[tuple]) -> Verdict:
        seen = self.observed(answer, cases, SECONDS)
        return seen if isinstance(seen, Verdict) else self.judged(cases, seen)

    def observed(self, answer: Callable, cases: list[tuple], seconds: float | None = None) -> list | Verdict:
        """What an answer does in each case, in plain values; or a verdict, where that is nothing to compare."""
        seen = []
        for inputs in cases:
            given = copy.deepcopy(inputs)
            try:
                with np.errstate(all="ignore"):
                    seen.append(plain(within(seconds, self.observe, attempted(answer), *given)))
            except (NotAttempted, NotImplementedError):
                return Verdict("not attempted", "")
            except Refused as refusal:
                return Verdict("wrong", str(refusal))
            except KeyboardInterrupt:  # the learner's own wish
                raise
            except BaseException as error:  # whatever an answer does is an answer, too, sys.exit() included
                return Verdict("failed", where(error))
            if self.differing(plain(given), plain(inputs)):
                return Verdict("wrong", "The function changes what it is given. Work on a copy.")
        return seen

    def judged(self, cases: list[tuple], seen: list) -> Verdict:
        """Whether that is right: what was observed in each case, in plain values, beside the reference."""

        def faults(function: Callable) -> list[str]:
            with np.errstate(all="ignore"):
                wanted = [plain(self.observe(function, *copy.deepcopy(inputs))) for inputs in cases]
            return [fault for fault in map(self.differing, seen, wanted) if fault]

        found = faults(self.right)
        if not found:
            return Verdict("right", self.praise)
        if self.as_found and not faults(self.as_found):
            return Verdict("not attempted", "It still does what it did as you found it.")
        told = (sentence for sentence, mistake in self.mistakes.items() if not faults(mistake))
        return Verdict("wrong", next(told, found[0]))

    def differing(self, got: object, wanted: object) -> str:
        """In what two plain values differ, in a sentence that does not tell the answer; empty when they are equal."""
        if type(got) is not type(wanted):
            return f"It returns {kind(got)}, where {kind(wanted)} is wanted."
        if type(got) is dict:
            if missing := [name for name in wanted if name not in got]:
                return f"These names are missing in it: {', '.join(missing)}."
            if extra := [str(name) for name in got if name not in wanted]:
                return f"These names should not be in it: {', '.join(extra)}."
            faults = ((name, self.differing(got[name], wanted[name])) for name in wanted)
            return next((f"{name}: {fault}" for name, fault in faults if fault), "")
        if type(got) is tuple:
            if len(got) != len(wanted):
                return f"It returns {len(got)} things, where {len(wanted)} are wanted."
            return next(filter(None, map(self.differing, got, wanted)), "")
        if not isinstance(got, np.ndarray):
            return "" if got == wanted else "It returns another word than it should."
        if got.shape != wanted.shape:
            return f"The shape is {got.shape}, and should be {wanted.shape}."
        if np.isnan(got).any() and not np.isnan(wanted).any():
            return "There is NaN in what it returns: was something divided by zero?"
        near = self.tolerance * max(np.abs(wanted[np.isfinite(wanted)]).max(initial=0), 1e-12)
        if np.allclose(got, wanted, rtol=0, atol=near, equal_nan=True):
            return ""
        if np.allclose(got, -wanted, rtol=0, atol=near):
            return "The sign is turned round."
        return "The shape is right, the values are not." if got.ndim else "It returns another number than it should."


def attempted(answer: Callable) -> Callable:
    """The same function; where it gives nothing it raises NotAttempted for a stub, Refused for a body of its own."""

    def called(*inputs: object) -> object:
        value = answer(*inputs)
        if empty(value) and (value is not None or is_stub(answer)):
            raise NotAttempted
        if value is None:
            raise Refused("It returns nothing (None). Is there a `return` on every way through it?")
        return value

    return called


def is_stub(function: Callable) -> bool:
    """Whether a function's body holds nothing but a docstring, imports and `...`: it calls and computes nothing."""
    code = getattr(function, "__code__", None)
    return code is None or not any(one.opname.startswith(WORK) for one in dis.get_instructions(code))


def within(seconds: float | None, function: Callable, *inputs: object) -> object:
    """Call a function; stop it after some seconds with a TimeoutError (in the main thread; elsewhere it runs on)."""
    if seconds is None or threading.current_thread() is not threading.main_thread():
        return function(*inputs)
    late = threading.Event()

    def stop() -> None:
        late.set()
        interrupt_main()

    timer = threading.Timer(seconds, stop)
    timer.start()
    try:
        return function(*inputs)
    except KeyboardInterrupt as interrupt:
        if late.is_set():
            raise TimeoutError(f"it was stopped after {seconds:g} seconds: does a loop never end?") from interrupt
        raise
    finally:
        timer.cancel()


def empty(value: object) -> bool:
    """Whether this is what an unsolved stub gives: None, `...`, or nothing but such."""
    parts = value.values() if type(value) is dict else value if type(value) is tuple else ()
    return value is None or value is ... or (len(parts) > 0 and all(map(empty, parts)))


def plain(value: object) -> object:
    """Arrays, tensors and numbers as float64 arrays, words as they are, in tuples and dictionaries, or Refused."""
    if isinstance(value, torch.Tensor):
        return torch.Tensor.detach(value).cpu().to(torch.float64).numpy()
    if isinstance(value, torch.nn.Module):
        return {name: plain(tensor) for name, tensor in torch.nn.Module.state_dict(value).items()}
    if type(value) is dict:
        return {str(name): plain(one) for name, one in value.items()}
    if value is None:
        return None
    if isinstance(value, str):
        return str.__str__(value)  # numpy's words, too
    if type(value) in (list, tuple):
        parts = tuple(map(plain, value))
        numbers = all(isinstance(part, np.ndarray) and part.ndim == 0 for part in parts)
        return np.array(parts, dtype=np.float64) if numbers else parts
    if isinstance(value, np.ndarray | np.generic | list | tuple | bool | int | float) or hasattr(value, "to_numpy"):
        array = np.asarray(value)
        if array.dtype.kind in "biuf":
            return array.astype(np.float64)
        return tuple(map(str, array.ravel().tolist()))
    raise Refused(f"It returns {type(value).__name__}, where numbers, an array, a tensor or words are wanted.")


def kind(value: object) -> str:
    """What a plain value is, in words."""
    if isinstance(value, np.ndarray):
        return f"an array of shape {value.shape}" if value.ndim else "a number"
    return {str: "a word", dict: "a dictionary", tuple: "several things"}.get(type(value), "nothing")


def where(error: BaseException) -> str:
    """What stopped the learner's function, with the line of the learner's own cell."""
    told = f"{type(error).__name__}: {error}".rstrip(": ")
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith(HERE)]
    if not own:
        return f"your function stopped. {told}"
    last = [frame for frame in own if frame.filename == own[0].filename][-1]  # the deepest line that the learner wrote
    return f"your function stopped in line {last.lineno} of its cell, {last.line or '(not to be read)'!r}. {told}"
