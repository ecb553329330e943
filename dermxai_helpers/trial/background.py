"""Whether the background decides: what a relevancy map says about it, and what the model says when it is changed."""

from collections import namedtuple
from collections.abc import Sequence

import numpy as np
import pandas as pd
from torch import nn

from dermxai_helpers import scoring
from dermxai_helpers.explanation import resize
from dermxai_helpers.synth import scenes
from dermxai_helpers.synth.complaints import FIVE
from dermxai_helpers.synth.scenes import Scene
from dermxai_helpers.synth.surroundings import BACKGROUNDS, SIZE
from dermxai_helpers.training import transformer

ANSWERS = {"right at first": "scene", "kept, painted anew": "painted_anew",
           "kept, other background": "other_background", "named, other complaint": "other_complaint"}  # fmt: skip
Swap = namedtuple("Swap", ANSWERS.values())  # one scene four times; what was not changed is the same to the pixel


def swaps_of(drawn: Sequence[Scene], seed: int) -> list[Swap]:
    """Draw each scene's counterfactuals: a background of its kind painted anew, another one, another complaint."""
    rng, swaps = np.random.default_rng(seed), []
    for scene in drawn:
        background = str(rng.choice([name for name in BACKGROUNDS if name != scene.background]))
        others = [name for name in FIVE if name != scene.complaint and scene.place in scenes.places_of(name)]
        redrawn = {"backdrop": 1}, {"background": background}, {"complaint": str(rng.choice(others))}
        swaps.append(Swap(scene, *(scenes.redraw(scene, **change) for change in redrawn)))
    return swaps


def relevance_by_zone(heatmaps: np.ndarray, drawn: Sequence[Scene]) -> pd.DataFrame:
    """Tabulate where maps' positive relevance lies, one row a scene. heatmaps : float (n, rows, columns)

    Columns: the share on each of the scene's zones (NaN for a map without evidence); "IoU" of the affected skin and the
    map, cut at half of its maximum.
    """
    rows = []
    for heatmap, scene in zip(resize(heatmaps, (SIZE, SIZE)), drawn, strict=True):
        shares = {name: scoring.energy_inside(heatmap, zone) for name, zone in scene.zones().items()}
        rows.append(shares | {"IoU": scoring.iou_at_half(heatmap, scene.affected)})
    return pd.DataFrame(rows)


def ask(model: nn.Module, swaps: Sequence[Swap], classes: Sequence[str]) -> pd.DataFrame:
    """Tabulate a model's answers to swaps, one row each: 1 as it should be, 0 not, NaN where it was wrong at first.

    Columns: those of ANSWERS. The complaint of the scene is named, it is kept, at last the new one is named.
    """
    given = {}
    for column, drawn in ANSWERS.items():
        pictures = [getattr(swap, drawn) for swap in swaps]
        probabilities = transformer.predict(model, [scene.image for scene in pictures])
        if probabilities.shape[1] != len(classes):
            found = f"the model tells {probabilities.shape[1]} classes apart"
            raise ValueError(f"{found}, but {len(classes)} names were given")
        named = np.array(classes)[probabilities.argmax(axis=1)]
        given[column] = (named == [scene.complaint for scene in pictures]).astype(float)
    answers = pd.DataFrame(given)
    answers.loc[answers.iloc[:, 0] == 0, list(answers)[1:]] = np.nan
    return answers
