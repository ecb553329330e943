"""Exercises of unit 03b: the weight of Grad-CAM++, the sign of Eigen-CAM, maps beside the centre, erasing."""

import numpy as np
import pandas as pd
import torch

from dermxai_helpers import scoring
from dermxai_helpers.checks.exercise import Exercise, plain
from dermxai_helpers.gradcam import methods

CENTRE, LESION = "centre Gaussian", "lesion_id"


def maps_and_slopes(rng):
    """Maps after a ReLU, one of them dead; derivatives of both signs and zero, none of one map positive."""
    a, g = rng.normal(size=(5, 3, 4)).clip(0), rng.normal(size=(5, 3, 4))
    g += 0.2 * np.sign(g)  # so that a guard against 0 / 0 changes nothing else
    a[0], g[1], g[:, 0, 0] = 0, -np.abs(g[1]), 0
    return torch.from_numpy(a).float(), torch.from_numpy(g).float()


def plus_plus(a, g, part=lambda alpha, g: alpha * g.clamp(0), total=lambda a: a.sum((1, 2), keepdim=True)):
    return part(torch.where(g == 0, 0, g**2 / (2 * g**2 + g**3 * total(a))), g).sum((1, 2))


plus_plus_weights = Exercise(
    "plus_plus_weights", draw=maps_and_slopes, right=plus_plus,
    praise="Still one number for each map, so the place still comes from the map.",
    mistakes={
        "A derivative of zero gives 0 / 0, NaN. Such a cell adds nothing.": lambda a, g: plus_plus(a, g) * np.nan,
        "Negative derivatives still count. Only positive ones should.": lambda a, g: plus_plus(a, g, torch.mul),
        "The ReLU acts on the product: where alpha is negative too, a negative derivative gets through.":
            lambda a, g: plus_plus(a, g, lambda alpha, g: (alpha * g).clamp(0)),
        "Each divisor holds only its own cell of A. The formula wants the sum over all cells of the map.":
            lambda a, g: plus_plus(a, g, total=lambda a: a),
        "That is a mean over the cells, as in Grad-CAM. Grad-CAM++ adds the cells up: alpha weighs them already.":
            lambda a, g: plus_plus(a, g) / a[0].numel(),
    },
)  # fmt: skip


def maps_and_signs(answer, features):
    """The maps of twelve photographs, up to their sign; and whether the farthest cell was positive in all."""
    maps = [np.asarray(plain(answer(one))) for one in features]
    signs = [np.sign(one.flat[np.abs(one).argmax()]) for one in maps]
    return {"maps": tuple(one * sign for one, sign in zip(maps, signs, strict=True)), "rule": min(signs) > 0}


def eigen(a, mean=lambda cells: cells.mean(0), length=1):
    cells = a.flatten(1).T
    left, values, _ = torch.linalg.svd(cells - mean(cells), full_matrices=False)
    line = left[:, 0] * values[0] ** length
    return (line * line[line.abs().argmax()].sign()).reshape(a.shape[1:])


eigen_map = Exercise(
    "eigen_map", observe=maps_and_signs, right=lambda features: methods.eigen_cam(features[None])[0],
    draw=lambda rng: (torch.from_numpy(rng.normal(rng.normal(size=(12, 6, 1, 1)), size=(12, 6, 3, 4))).float(),),
    praise="Without a rule the sign belongs to the computer, not to the network. The rule is a choice: say it.",
    mistakes={
        "Right but for the sign: in some maps the cell farthest from zero is still negative.": lambda a: -eigen(a),
        "The mean cell is still in: the direction points to the mean, not to where the cells differ most.":
            lambda a: eigen(a, lambda cells: 0),
        "You subtracted from each cell its mean over the maps. Subtract the mean cell: one number for each map.":
            lambda a: eigen(a, lambda cells: cells.mean(1, keepdim=True)),
        "The signs are gone: the two ends of the direction look alike.": lambda a: eigen(a).abs(),
        "The singular value is missing: the map no longer says how much cells differ.": lambda a: eigen(a, length=0),
    },
)  # fmt: skip


def energies(rng):
    """72 photographs, half of them of one lesion: one map beats the dot, one loses, two only seem to."""
    many, dot, noise = np.arange(72) < 36, rng.uniform(0.2, 0.7, 72), rng.normal(size=(4, 2, 36))
    noise = (noise - noise.mean(axis=2, keepdims=True)) / noise.std(axis=2, keepdims=True) / 50
    gains = noise.reshape(4, 72) + np.stack([0 * many + 0.05, 0 * many - 0.05, 0 * many - 0.001, many * 0.102 - 0.002])
    maps = pd.DataFrame((dot + gains).T, columns=rng.permutation(["Grad-CAM", "LayerCAM", "HiResCAM", "Eigen-CAM"]))
    known = {"flat map": dot - 0.04, CENTRE: dot, LESION: np.where(many, 99, np.arange(72))}
    return (maps.assign(**known).sample(frac=1, random_state=rng),)


def told(table, word=lambda one, table: scoring.compare(one, table[CENTRE], table[LESION]).outcome):
    return {name: word(table[name], table) for name in table.columns.drop([CENTRE, LESION])}


beyond_the_centre = Exercise(
    "beyond_the_centre", draw=energies, right=told,
    praise="Paired by photograph, resampled by lesion: only then is a map better than the dot.",
    mistakes={
        "You compared two means. Their difference says nothing without its interval.":
            lambda t: told(t, lambda one, t: "higher" if one.mean() > t[CENTRE].mean() else "lower"),
        "Photographs count as independent cases. Here half of them show one lesion.":
            lambda t: told(t.assign(**{LESION: range(len(t))})),
        "So it looks with two intervals side by side. Both maps saw the same photographs: compare these in pairs.":
            lambda t: told(t, lambda one, t: "cannot tell"),
        "The reference is the flat map. The dot is harder to beat where lesions lie in the middle.":
            lambda t: told(t, lambda one, t: scoring.compare(one, t["flat map"], t[LESION]).outcome),
    },
)  # fmt: skip


def scores(score, start, end, heatmap, first=np.negative, together=True):
    seen, found = start.copy(), [score(start)]
    for pixel in np.argsort(first(heatmap), axis=None):
        seen = seen if together else start.copy()
        seen.flat[pixel] = end.flat[pixel]
        found.append(score(seen))
    return found


area_under_erasing = Exercise(
    "area_under_erasing", draw=lambda rng: (0.3 * rng.normal(size=(3, 4)), *rng.normal(size=(3, 3, 4))),
    observe=lambda answer, weights, *these: answer(lambda seen: float(np.tanh((weights * seen).sum())), *these),
    right=lambda *these: np.mean(scores(*these)),
    as_found=lambda *these: np.mean(scores(*these, together=False)),
    praise="Every map has the same start and end; how fast the score moves in between tells maps apart.",
    mistakes={
        "The weakest pixels go first: a good map looks bad.": lambda *these: np.mean(scores(*these, first=np.array)),
        "Evidence against the class goes early, as if it were for it: the order is by value, with its sign.":
            lambda *these: np.mean(scores(*these, first=lambda heat: -np.abs(heat))),
        "The erased pixels become zero, a colour of its own. They should become those of `end`.":
            lambda score, start, end, heat: np.mean(scores(score, start, 0 * end, heat)),
        "The score of the untouched start is missing: the curve begins there.":
            lambda *these: np.mean(scores(*these)[1:]),
    },
)  # fmt: skip
