"""Does the background decide? What a relevancy map says about it, and what the model itself says when it is changed.

A map shows where evidence was found. Whether an answer hangs on the background, only an experiment can tell: draw the
same scene with another background, or the same background with another complaint, and ask again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import nn

from dermxai_helpers import scoring
from dermxai_helpers.explanation import resize
from dermxai_helpers.scoring.maps import energy_inside, pointing_game
from dermxai_helpers.synth import scenes
from dermxai_helpers.synth.complaints import COMPLAINTS
from dermxai_helpers.synth.scenes import Scene
from dermxai_helpers.synth.surroundings import BACKGROUNDS, SIZE
from dermxai_helpers.training import transformer as vit_finetuning

MOVABLE = [complaint for complaint in COMPLAINTS if complaint not in scenes.PLACES_OF]  # fits every place


@dataclass(frozen=True)
class Swap:
    """One scene drawn three times: as it is, with another background, with another complaint."""

    scene: Scene
    other_background: Scene
    other_complaint: Scene


def draw_swaps(n: int, seed: int) -> list[Swap]:
    """`n` scenes with their two counterfactuals each; everything that was not swapped is the same to the pixel.

    The complaint and the background that come instead are drawn by lot from the others.
    """
    rng = np.random.default_rng([seed, n])
    swaps = []
    for number in range(n):
        scene = scenes.draw((seed, number, 5), MOVABLE[number % len(MOVABLE)])
        background = rng.choice([name for name in BACKGROUNDS if name != scene.background])
        instead = rng.choice([name for name in MOVABLE if name != scene.complaint])
        redrawn = scenes.redraw(scene, background=str(background)), scenes.redraw(scene, complaint=str(instead))
        swaps.append(Swap(scene, *redrawn))
    return swaps


def relevance_by_zone(heatmaps: np.ndarray, drawn: Sequence[Scene]) -> pd.DataFrame:
    """Where a map's positive relevance lies, one row a scene.

    heatmaps : float (n, rows, columns)
    Columns: the share on each of the scene's zones (NaN for a map without evidence); "pointing game", 1 if the map is
    strongest on affected skin.
    """
    large = resize(heatmaps, (SIZE, SIZE))
    return pd.DataFrame([
        {name: energy_inside(heatmap, zone) for name, zone in scene.zones().items()}
        | {"pointing game": pointing_game(heatmap, scene.affected)}
        for heatmap, scene in zip(large, drawn, strict=True)
    ])


def zone_table(by_scene: Mapping[str, pd.DataFrame], drawn: Sequence[Scene], seed: int = 0) -> pd.DataFrame:
    """Means with 95 % intervals, one row for each of the tables by name, and one for the zones' share of the area.

    Columns: (zone or measure, value / low / high). Scenes are independent, so they are what is resampled.
    """
    areas = pd.DataFrame([{name: zone.mean() for name, zone in scene.zones().items()} for scene in drawn])
    areas["pointing game"] = areas["affected skin"]  # what a map that points anywhere would hit
    rows = {}
    for name, table in {**by_scene, "share of the area": areas}.items():
        ends = scoring.mean_intervals(range(len(table)), table.to_numpy(), seed=seed)
        rows[name] = {
            (column, key): value
            for column, mean, (low, high) in zip(table.columns, table.mean(), ends, strict=True)
            for key, value in (("value", mean), ("low", low), ("high", high))
        }
    return pd.DataFrame(rows).T


def swap_table(
    models: Mapping[str, nn.Module], swaps: Sequence[Swap], classes: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """What each model answers when something is swapped: one row a model and measure, with value, low and high.

    "right": the scene's complaint is named; "background swapped: keeps its answer", good is 1;
    "complaint swapped: names the new one", good is 1; "... keeps its answer", good is 0
    """
    rows = {}
    for name, model in models.items():
        was, moved, other = (
            _named(model, [getattr(swap, kind) for swap in swaps], classes)
            for kind in ("scene", "other_background", "other_complaint")
        )
        truth = [swap.scene.complaint for swap in swaps]
        instead = [swap.other_complaint.complaint for swap in swaps]
        measured = {
            "right": was == truth,
            "background swapped: keeps its answer": was == moved,
            "complaint swapped: names the new one": other == instead,
            "complaint swapped: keeps its answer": other == was,
        }
        answers = np.column_stack(list(measured.values())).astype(float)
        ends = scoring.mean_intervals(range(len(swaps)), answers, seed=seed)
        for (what, values), (low, high) in zip(measured.items(), ends, strict=True):
            rows[name, what] = {"value": values.mean(), "low": low, "high": high}
    return pd.DataFrame(rows).T.rename_axis(["model", "measure"])


def _named(model: nn.Module, drawn: Sequence[Scene], classes: Sequence[str]) -> np.ndarray:
    """The class that the model names for each scene."""
    return np.array(classes)[vit_finetuning.predict(model, [scene.image for scene in drawn]).argmax(axis=1)]
