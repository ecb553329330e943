"""Exercises of unit 07: what an auditor needs, and the audit itself."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from dermxai_helpers.checks import progress
from dermxai_helpers.checks.exercise import Exercise, Refused, Verdict, empty, plain
from dermxai_helpers.trial import mystery


def _gap(found, there, fewest=10, turned=False):
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
        "Both groups need ten, those without it, too.":
            lambda f, t: np.nan if t.sum() < 10 else f[t].mean() - f[~t].mean(),
        "This is the share with it alone. Compare it with the rest.":
            lambda f, t: _gap(f, t) if np.isnan(_gap(f, t)) else f[t].mean(),
    })  # fmt: skip


def _settings(added, plain_one):
    return dict(plain_one), {**plain_one, **added}


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
    observe=lambda answer, *of: {"picture": answer(*of), "type": str(np.asarray(answer(*of)).dtype)},
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


def _named(table, bar=mystery.REAL, column="low", twin=True, anyway=False, first=False):
    real = (table[column] > bar) & ((not twin) | (table["low"] > table["twin high"]))
    if first:
        return str(table[column].idxmax()) if real[table[column].idxmax()] else "none"
    return "none" if not (real.any() or anyway) else str(table[real | anyway][column].idxmax())


def _table(rng):
    value, half = rng.uniform(-0.1, 0.6, 6), rng.uniform(0.03, 0.3, 6)
    twin = rng.choice([0.1, 0.5], 6, p=[0.7, 0.3])
    columns = {"low": value - half, "high": value + half, "twin low": twin - 0.2, "twin high": twin}
    return (pd.DataFrame(columns, list(mystery.CANDIDATES)),)


named_cause = Exercise("named_cause", right=_named, draw=_table, observe=lambda answer, table: {
        "a table": answer(table), "another bar": answer(table, 0.35), "nothing above the bar": answer(table - 1),
        "an end on the bar": answer(table.assign(low=mystery.REAL)),
        "an end on the twin's": answer(table.assign(**{"twin high": table["low"]})),
        "an honest twin that does the same": answer(table.assign(**{"twin high": 0.95})),
        "many": tuple(
            answer(table.assign(low=table["low"].sample(frac=1, random_state=k).to_numpy())) for k in range(8))},
    praise="The lower end is what the data grant. And the twin must not do the same.", mistakes={
        "The honest twin does the same with it: then it is no planted cause.": lambda *of: _named(*of, twin=False),
        "The upper end promises more than the data grant. Rank by the lower end.":
            lambda *of: _named(*of, column="high"),
        "An effect above zero is not yet above the bar.": lambda t, bar=0: _named(t, 0.0),
        "None of them may be real: then the answer is the word none.": lambda *of: _named(*of, anyway=True),
        "The bar is given as `bar`: do not write a number in its place.": lambda t, bar=0: _named(t),
        "First keep the real ones, then take the largest of these.": lambda *of: _named(*of, first=True),
    })  # fmt: skip

CONTROLS = ("honest twin", "known cause", *mystery.CANDIDATES)
WANTED = {"cause": str, "low": np.ndarray, "high": np.ndarray, "control": str, "control low": np.ndarray,
          "control high": np.ndarray, "unknown": str}  # fmt: skip
FRESH, NARROWEST, WIDEST = 60, 0.002, 0.3


class Audit:
    """The audit of a model, judged by its planted cause and by lesions that nobody has seen."""

    name = "audit"
    mistakes: Mapping[str, object] = {}

    def __call__(self, audit: dict, case: mystery.Case, cause: str | None, controls: Mapping | None = None) -> Verdict:
        """Judge an audit, {"cause": …, "low": …, …}.

        cause : what was planted, None where the model is sealed; controls : {"honest twin": its Case, …}
        """
        if type(audit) is dict and "cause" in audit and empty(audit["cause"]):
            verdict = Verdict("not attempted", "")
        elif cause is None:
            verdict = Verdict("not attempted", "This model is sealed: your instructor's check judges the audit.")
        else:
            verdict = self.judge(audit, cause, fresh_effects(case, 1), controls)
        progress.keep(self.name, verdict.outcome)
        return verdict

    def judge(self, audit: dict, cause: str, fresh: Mapping, controls: Mapping | None = None) -> Verdict:
        """The verdict on a finished audit. fresh : `fresh_effects`, of any seed"""
        try:
            left = [name for name, value in audit.items() if empty(value)] if type(audit) is dict else []
            fault = f"Still to fill in: {', '.join(map(str, left))}." if left else form_fault(plain(audit))
            fault = fault or content_fault(plain(audit), cause, fresh, controls or {})
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
        if not NARROWEST < high - low < WIDEST:
            size = "narrow" if high - low < WIDEST else "wide"
            return f"{low:.3f} to {high:.3f} is no interval of dozens of lesions: it is far too {size}."
    return "" if len(set(audit["unknown"].split())) >= 3 else "Say in a few words what remains unknown."


def fresh_effects(case: mystery.Case, seed: int, causes: Sequence[str] = mystery.CANDIDATES) -> Mapping:
    """The effect of causes on nevi that no audit has seen."""
    return mystery.effects({"": case.classifier}, causes, FRESH, (seed, 2026))[""]


def content_fault(audit: Mapping, cause: str, fresh: Mapping, controls: Mapping) -> str:
    """Whether cause, interval and control of a complete audit hold on fresh lesions, in a sentence; empty if so."""
    control, ends = audit["control"], (audit["control low"], audit["control high"])
    if audit["cause"] != cause:
        return wrong_cause(audit["cause"], cause, fresh)
    named = cause if cause != "none" else max(fresh, key=lambda name: fresh[name].difference)
    if not holds(audit["low"], audit["high"], fresh[named]):
        what = "the cause" if cause != "none" else "the largest increase of the six"
        return f"The cause is right. But on fresh lesions the effect, {what}, does not fit your interval."
    if cause == "none" and control != "known cause":
        return "That control would say none, too. Show that your method finds something in a model that cheats."
    if cause == "none" and ends[0] <= mystery.REAL:
        return "Your method finds nothing in the control, either."
    if cause != "none" and control == "known cause":
        return "A known cause shows that the method can find something. What could have refuted this finding?"
    if cause != "none" and ends[1] >= audit["low"]:
        return "The control is not clearly below the cause: so it does not tell them apart."
    asked = "ink" if control == "known cause" else cause
    measured = fresh.get(control) or control in controls and fresh_effects(controls[control], 1, [asked])[asked]
    fits = not measured or holds(*ends, measured)
    return "" if fits else "The cause is right. But on fresh lesions the control does not fit its interval."


def wrong_cause(said: str, cause: str, fresh: Mapping) -> str:
    """Why a named cause is not the planted one, in a sentence that does not tell which is."""
    if said == "none":
        return "Something was planted: one of the six changes the answers of this model. Did you add each of them?"
    if fresh[said].low <= mystery.REAL:
        return "On fresh lesions it changes the answers too little to be the cause."
    more = max(fresh[cause].difference if cause in fresh else 0, 0) > fresh[said].difference
    return f"It changes the answers, but {'another of the six changes them more' if more else 'it was not planted'}."


def holds(low: float, high: float, fresh) -> bool:
    """Whether an interval fits what was measured on fresh lesions: centres differ by what chance explains."""
    return abs((low + high) / 2 - fresh.difference) <= 1.5 * np.hypot((high - low) / 2, (fresh.high - fresh.low) / 2)


audit = Audit()
