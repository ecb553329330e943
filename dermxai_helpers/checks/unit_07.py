"""Exercises of unit 07: what an auditor needs, and the audit itself."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dermxai_helpers.checks import progress
from dermxai_helpers.checks.exercise import Exercise, Refused, Verdict, empty, plain
from dermxai_helpers.trial import mystery

FEWEST = 10


def _gap(found, there, fewest=FEWEST, turned=False):
    with_it, without = np.asarray(found)[there], np.asarray(found)[~there]
    if min(len(with_it), len(without)) < fewest:
        return np.nan
    gap = with_it.mean() - without.mean()
    return -gap if turned else gap


def _answers(rng):
    there = rng.random(60) < rng.uniform(0.3, 0.7)
    return rng.random(60) < 0.3 + 0.5 * there, there


subgroup_gap = Exercise("subgroup_gap", right=_gap, draw=_answers,
    observe=lambda answer, found, there: {
        "the gap": answer(found, there), **{
            f"{few} and {60 - few}": answer(found, np.arange(60) < few) for few in (9, 10, 11, 50, 51)}},
    praise="Two shares of two groups, each large enough to speak of.", mistakes={
        "Share without it minus share with it: turn the difference round.": lambda *these: _gap(*these, turned=True),
        "Nine cases are too few to say anything: give np.nan.": lambda *these: _gap(*these, fewest=1),
        "Ten are enough: only fewer than ten are too few.": lambda *these: _gap(*these, fewest=11),
        "Divide each count by the size of its own group, not by all.":
            lambda f, t: _gap(f, t) if np.isnan(_gap(f, t)) else ((f & t).sum() - (f & ~t).sum()) / len(f),
        "This is the share with it alone. Compare it with the rest.":
            lambda f, t: _gap(f, t) if np.isnan(_gap(f, t)) else f[t].mean(),
    })  # fmt: skip


def _settings(added, plain_one, other=()):
    return dict(plain_one), {**plain_one, **dict(other), **added}


def _cause(rng):
    name = str(rng.choice(mystery.CANDIDATES))
    return mystery.CAUSES[name], dict(mystery.PLAIN)


two_settings = Exercise("two_settings", right=_settings, draw=_cause,
    as_found=lambda added, plain_one: ({}, dict(added)),
    praise="One thing differs, and all that could differ by chance is set.", mistakes={
        "In the plain photograph artefacts are left to chance: set them all.": lambda a, p: ({}, {**p, **a}),
        "In the marked photograph the other artefacts are left to chance.": lambda a, p: (dict(p), dict(a)),
        "Marked comes second: plain first.": lambda a, p: ({**p, **a}, dict(p)),
        "Nothing differs: what is written last wins.": lambda a, p: (dict(p), {**a, **p}),
        "Both are marked: the plain settings were changed on the way.": lambda a, p: ({**p, **a}, {**p, **a}),
    })  # fmt: skip


def _swapped(plain_one, marked, lesion):
    return np.where(lesion[..., None], plain_one, marked)


def _pictures(rng):
    drawn = rng.integers(0, 256, (2, 6, 5, 3), dtype=np.uint8)
    return drawn[0], drawn[1], rng.random((6, 5)) < 0.4


surroundings_only = Exercise("surroundings_only", right=_swapped, draw=_pictures,
    praise="The lesion stays plain to the pixel; only its surroundings carry the cause.", mistakes={
        "Turned round: now the lesion carries the cause, and its surroundings are plain.":
            lambda a, b, lesion: _swapped(b, a, lesion),
        "This is the marked photograph as it is: the lesion in it is marked, too.": lambda a, b, lesion: b.copy(),
        "This is the plain photograph as it is: nothing carries the cause.": lambda a, b, lesion: a.copy(),
        "Mixing half and half marks everything a little. Choose for each pixel.":
            lambda a, b, lesion: (a // 2 + b // 2),
        "Black is a new picture, not a neutral one: keep the lesion's own pixels.":
            lambda a, b, lesion: np.where(lesion[..., None], 0, b),
    })  # fmt: skip


def _named(table, column="low", least=mystery.REAL, twin=True, anyway=False):
    real = table[(table[column] > least) & ((not twin) | (table["low"] > table["twin high"]))]
    real = table if anyway else real
    return "none" if real.empty else str(real[column].idxmax())


def _table(rng):
    value, half = rng.uniform(-0.1, 0.6, 6), rng.uniform(0.03, 0.3, 6)
    twin = rng.choice([0.1, 0.5], 6, p=[0.7, 0.3])
    columns = {"low": value - half, "high": value + half, "twin low": twin - 0.2, "twin high": twin}
    return (pd.DataFrame(columns, list(mystery.CANDIDATES)),)


named_cause = Exercise("named_cause", right=_named, draw=_table, observe=lambda answer, table: {
        "a table": answer(table), "nothing above the bar": answer(table - 1),
        "an end on the bar": answer(table.assign(low=mystery.REAL)),
        "an end on the twin's": answer(table.assign(**{"twin high": table["low"]})),
        "an honest twin that does the same": answer(table.assign(**{"twin high": 0.95})),
        "many": tuple(
            answer(table.assign(low=table["low"].sample(frac=1, random_state=k).to_numpy())) for k in range(8))},
    praise="The lower end is what the data grant. And the twin must not do the same.", mistakes={
        "The honest twin does the same with it: then it is no planted cause.": lambda t: _named(t, twin=False),
        "The upper end promises more than the data grant. Rank by the lower end.": lambda t: _named(t, column="high"),
        "An effect above zero is not yet above the bar.": lambda t: _named(t, least=0.0),
        "None of them may be real: then the answer is the word none.": lambda t: _named(t, anyway=True),
    })  # fmt: skip

CONTROLS = ("honest twin", "known cause", *mystery.CANDIDATES)
WANTED = {"cause": str, "low": np.ndarray, "high": np.ndarray, "control": str, "control low": np.ndarray,
          "control high": np.ndarray, "unknown": str}  # fmt: skip
FRESH, WIDEST = 60, 0.4


class Audit:
    """The audit of a model, judged by its planted cause and by lesions that nobody has seen."""

    name = "audit"
    mistakes: Mapping[str, object] = {}

    def __call__(self, audit: dict, case: mystery.Case, cause: str | None, seed: int = 1) -> Verdict:
        """Judge an audit, {"cause": …, "low": …, …}; cause : what was planted, None where the model is sealed."""
        if type(audit) is dict and "cause" in audit and empty(audit["cause"]):
            verdict = Verdict("not attempted", "")
        elif cause is None:
            verdict = Verdict("not attempted", "This model is sealed: your instructor's check judges the audit.")
        else:
            verdict = self.judge(audit, case, cause, seed)
        progress.keep(self.name, verdict.outcome)
        return verdict

    def judge(self, audit: dict, case: mystery.Case, cause: str, seed: int, fresh: Mapping | None = None) -> Verdict:
        """The verdict on a finished audit. seed : decides the fresh lesions; fresh : their effects, if measured"""
        try:
            fault = form_fault(plain(audit)) or content_fault(plain(audit), cause, fresh or fresh_effects(case, seed))
        except Refused as refusal:
            fault = str(refusal)
        praise = "The cause, an interval that holds on fresh lesions, and a control that could have refuted it."
        return Verdict("wrong", fault) if fault else Verdict("right", praise)


def form_fault(audit: object) -> str:
    """What an audit lacks before anything is measured, in a sentence; empty for a complete one."""
    if type(audit) is not dict or set(audit) != set(WANTED):
        return f"An audit is a dictionary with the names: {', '.join(WANTED)}."
    for name, kind in WANTED.items():
        if type(audit[name]) is not kind or (kind is np.ndarray and audit[name].shape != ()):
            return f"{name!r} should be {'a word' if kind is str else 'a number'}."
    if audit["cause"] not in mystery.CAUSES:
        return f"The cause is one of: {', '.join(mystery.CAUSES)}."
    if audit["control"] not in CONTROLS or audit["control"] == audit["cause"]:
        return f"The control is one of these, and not the cause itself: {', '.join(CONTROLS)}."
    for side in ("", "control "):
        low, high = audit[f"{side}low"], audit[f"{side}high"]
        if not -1 <= low <= high <= 1:
            return f"'{side}low' and '{side}high' are changes of a probability: from -1 to 1, the lower end first."
        if high - low > WIDEST:
            return f"An interval from {low:.2f} to {high:.2f} says hardly anything: audit more lesions."
    return "" if len(audit["unknown"].split()) >= 3 else "Say in a few words what remains unknown."


def fresh_effects(case: mystery.Case, seed: int) -> Mapping:
    """The effect of each cause on a hundred nevi that no audit has seen."""
    return mystery.effects({"": case.classifier}, lesions=FRESH, seed=(seed, 2026))[""]


def content_fault(audit: Mapping, cause: str, fresh: Mapping) -> str:
    """Whether cause, interval and control of a complete audit hold on fresh lesions, in a sentence; empty if so."""
    if audit["cause"] != cause:
        return wrong_cause(audit["cause"], cause, fresh)
    named = cause if cause != "none" else max(fresh, key=lambda name: fresh[name].difference)
    if not holds(audit["low"], audit["high"], fresh[named]):
        what = "the cause" if cause != "none" else "the strongest of the six"
        return f"The cause is right, but on fresh lesions the effect of {what} lies outside of your interval."
    if cause == "none":
        if audit["control"] != "known cause":
            return "An honest twin would say none, too. Show that your method finds something in a model that cheats."
        return "" if audit["control low"] > mystery.REAL else "Your method finds nothing in the control, either."
    if audit["control"] == "known cause":
        return "A known cause shows that the method can find something. What could have refuted this finding?"
    if audit["control high"] >= audit["low"]:
        return "The control is not clearly below the cause: so it does not tell them apart."
    if audit["control"] in fresh and not holds(audit["control low"], audit["control high"], fresh[audit["control"]]):
        return "The cause is right, but on fresh lesions the control lies outside of its interval."
    return ""


def wrong_cause(said: str, cause: str, fresh: Mapping) -> str:
    """Why a named cause is not the planted one, in a sentence that does not tell which is."""
    if said == "none":
        return "Something was planted: one of the six changes the answers of this model. Did you add each of them?"
    if cause == "none" or not holds(fresh[said].low, 1.0, fresh[cause]) or fresh[said].high < mystery.REAL:
        return "On fresh lesions it changes the answers too little to be the cause."
    return "It changes the answers, but another of the six changes them more, or an honest twin does the same."


def holds(low: float, high: float, fresh) -> bool:
    """Whether an interval and that of the fresh lesions share a value."""
    return low <= fresh.high and fresh.low <= high


audit = Audit()
