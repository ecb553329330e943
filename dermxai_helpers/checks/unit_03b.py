"""Exercises of unit 03b: the weight of Grad-CAM++, the sign of Eigen-CAM, maps beside the centre, erasing."""

import numpy as np
import pandas as pd
import torch

from dermxai_helpers import scoring
from dermxai_helpers.checks.exercise import Exercise, plain

CENTRE = "centre Gaussian"


def maps_and_slopes(rng):
    """Maps after a ReLU, one of them dead; derivatives zero or of either sign, none of one map positive."""
    a, g = rng.normal(size=(3, 3, 4)).clip(0), rng.choice([-1, 1], (3, 3, 4)) * rng.uniform(0.2, 2, (3, 3, 4))
    a[0], g[1], g[:, 0, 0] = 0, -np.abs(g[1]), 0
    return torch.from_numpy(a).float(), torch.from_numpy(g).float()


def _plus_plus(a, g, least=0.0, by_cell=False):
    total = a if by_cell else a.sum(dim=(1, 2), keepdim=True)
    alpha = torch.where(g == 0, 0, g**2 / (2 * g**2 + g**3 * total))
    return (alpha * g.clamp(min=least)).sum(dim=(1, 2))


plus_plus_weights = Exercise("plus_plus_weights", draw=maps_and_slopes, right=_plus_plus,
    praise="Still one number for each map, so the place still comes from the map.", mistakes={
        "A derivative of zero gives 0 / 0, NaN. Such a cell adds nothing.": lambda a, g: _plus_plus(a, g) * np.nan,
        "Negative derivatives still count. Only positive ones should.": lambda a, g: _plus_plus(a, g, least=-9.0),
        "Each divisor holds only its own cell, not the sum over the map.": lambda a, g: _plus_plus(a, g, by_cell=True),
        "That is a mean over the cells. Grad-CAM++ adds them up.": lambda a, g: _plus_plus(a, g) / a[0].numel(),
    })  # fmt: skip


def maps_and_signs(answer, features):
    """The maps of twelve photographs, up to their sign; and whether the farthest cell was positive in all."""
    maps = [np.asarray(plain(answer(one))) for one in features]
    signs = [np.sign(one.flat[np.abs(one).argmax()]) for one in maps]
    return {"maps": tuple(one * sign for one, sign in zip(maps, signs, strict=True)), "rule": min(signs) > 0}


def _eigen(a, centred=1, power=1):
    cells = a.flatten(1).T
    left, values, _ = torch.linalg.svd(cells - centred * cells.mean(dim=0), full_matrices=False)
    line = left[:, 0] * values[0] ** power
    return (line * line[line.abs().argmax()].sign()).reshape(a.shape[1:])


eigen_map = Exercise("eigen_map", observe=maps_and_signs, right=_eigen,
    praise="Without a rule the sign belongs to the computer, not to the network. The rule is a choice: say it.",
    draw=lambda rng: (torch.from_numpy(rng.normal(rng.random((12, 6, 1, 1)), 1, (12, 6, 3, 4))).float(),), mistakes={
        "Right but for the sign: in some maps the cell farthest from zero is still negative.": lambda a: -_eigen(a),
        "The mean cell is still in: the direction points to it.": lambda a: _eigen(a, centred=0),
        "The singular value is missing: the map no longer says how much cells differ.": lambda a: _eigen(a, power=0),
    })  # fmt: skip


def energies(rng):
    """72 photographs, half of them of one lesion: one map wins, one loses, one is as good, one seems to win."""
    lesion, dot = np.arange(72).clip(35), rng.uniform(0.2, 0.7, 72)
    gains = [0.05, -0.05, 0, np.where(lesion == 35, 0.1, -0.01)]
    names = rng.permutation(["Grad-CAM", "LayerCAM", "HiResCAM", "Eigen-CAM"])
    maps = {name: dot + gain + rng.normal(0, 0.02, 72) for name, gain in zip(names, gains, strict=True)}
    return (pd.DataFrame({"flat map": dot - 0.04, CENTRE: dot, "lesion_id": lesion, **maps}),)


def _outcomes(table):
    others = table.drop(columns=[CENTRE, "lesion_id"])
    return {name: scoring.compare(others[name], table[CENTRE], table["lesion_id"]).outcome for name in others}


beyond_the_centre = Exercise("beyond_the_centre", draw=energies, right=_outcomes,
    praise="Paired by photograph, resampled by lesion: only then is a map better than the dot.", mistakes={
        "You compared two means. Their difference says nothing without its interval.":
            lambda t: {name: "higher" if t[name].mean() > t[CENTRE].mean() else "lower" for name in _outcomes(t)},
        "Photographs are not independent: half show one lesion.": lambda t: _outcomes(t.assign(lesion_id=t.index)),
        "The reference is the flat map, not the dot.": lambda t: _outcomes(t.assign(**{CENTRE: t["flat map"]})),
    })  # fmt: skip


def _erased(score, start, end, heatmap, alone=False):
    seen, scores = start.copy(), [score(start)]
    for pixel in np.argsort(-heatmap, axis=None):
        seen = start.copy() if alone else seen
        seen.flat[pixel] = end.flat[pixel]
        scores.append(score(seen))
    return np.mean(scores)


area_under_erasing = Exercise("area_under_erasing", right=_erased, as_found=lambda *these: _erased(*these, alone=True),
    draw=lambda rng: (0.3 * rng.normal(size=(3, 4)), *rng.normal(size=(3, 3, 4))),
    observe=lambda answer, weights, *these: answer(lambda seen: float(np.tanh((weights * seen).sum())), *these),
    praise="Every map has the same start and end; how fast the score moves in between tells maps apart.", mistakes={
        "The weakest pixels go first: a good map looks bad.": lambda f, a, b, heat: _erased(f, a, b, -heat),
        "Evidence against the class goes early: order by value.": lambda f, a, b, heat: _erased(f, a, b, abs(heat)),
        "Erased pixels become zero. They should be those of `end`.": lambda f, a, b, heat: _erased(f, a, 0 * b, heat),
    })  # fmt: skip
