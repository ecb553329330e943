"""Whether the background decides: what a relevancy map says about it, and what the model says when it is changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from torch import nn

from dermxai_helpers import scoring
from dermxai_helpers.explanation import resize
from dermxai_helpers.synth import scenes
from dermxai_helpers.synth.complaints import COMPLAINTS
from dermxai_helpers.synth.scenes import Scene
from dermxai_helpers.synth.surroundings import BACKGROUNDS, SIZE
from dermxai_helpers.training import transformer

MOVABLE = [complaint for complaint in COMPLAINTS if complaint not in scenes.PLACES_OF]  # fits every place


@dataclass(frozen=True)
class Swap:
    """One scene drawn three times: as it is, with another background, with another complaint."""

    scene: Scene
    other_background: Scene
    other_complaint: Scene


def draw_swaps(n: int, seed: int) -> list[Swap]:
    """Draw `n` scenes with two counterfactuals each, by lot; what was not swapped is the same to the pixel."""
    rng = np.random.default_rng([seed, n])
    swaps = []
    for number in range(n):
        scene = scenes.draw((seed, number, 5), MOVABLE[number % len(MOVABLE)])
        background = str(rng.choice([name for name in BACKGROUNDS if name != scene.background]))
        complaint = str(rng.choice([name for name in MOVABLE if name != scene.complaint]))
        redrawn = scenes.redraw(scene, background=background), scenes.redraw(scene, complaint=complaint)
        swaps.append(Swap(scene, *redrawn))
    return swaps


def relevance_by_zone(heatmaps: np.ndarray, drawn: Sequence[Scene]) -> pd.DataFrame:
    """Tabulate where maps' positive relevance lies, one row a scene. heatmaps : float (n, rows, columns)

    Columns: the share on each of the scene's zones (NaN for a map without evidence); "pointing game", 1 if the map is
    strongest on affected skin.
    """
    rows = []
    for heatmap, scene in zip(resize(heatmaps, (SIZE, SIZE)), drawn, strict=True):
        shares = {name: scoring.energy_inside(heatmap, zone) for name, zone in scene.zones().items()}
        rows.append(shares | {"pointing game": scoring.pointing_game(heatmap, scene.affected)})
    return pd.DataFrame(rows)


def zone_table(by_scene: Mapping[str, pd.DataFrame], drawn: Sequence[Scene], seed: int = 0) -> pd.DataFrame:
    """Average tables of `relevance_by_zone`, one row each, and one row for the zones' share of the area.

    Columns: (zone or measure, value / low / high). Scenes are independent, so they are what is resampled.
    """
    areas = pd.DataFrame([{name: zone.mean() for name, zone in scene.zones().items()} for scene in drawn])
    areas["pointing game"] = areas["affected skin"]  # what a map that points anywhere would hit
    tables = {**by_scene, "share of the area": areas}
    return pd.DataFrame({name: _means(table, seed).stack() for name, table in tables.items()}).T


def swap_table(
    models: Mapping[str, nn.Module], swaps: Sequence[Swap], classes: Sequence[str], seed: int = 0
) -> pd.DataFrame:
    """Tabulate what models answer when something is swapped: one row a model and measure, with value, low and high.

    "right": the scene's complaint is named; "background swapped: keeps its answer", good is 1;
    "complaint swapped: names the new one", good is 1; "... keeps its answer", good is 0
    """
    truth = [swap.scene.complaint for swap in swaps]
    instead = [swap.other_complaint.complaint for swap in swaps]
    tables = {}
    for name, model in models.items():
        was = _named(model, [swap.scene for swap in swaps], classes)
        moved = _named(model, [swap.other_background for swap in swaps], classes)
        other = _named(model, [swap.other_complaint for swap in swaps], classes)
        measured = {
            "right": was == truth,
            "background swapped: keeps its answer": was == moved,
            "complaint swapped: names the new one": other == instead,
            "complaint swapped: keeps its answer": other == was,
        }
        tables[name] = _means(pd.DataFrame(measured), seed)
    return pd.concat(tables, names=["model", "measure"])


def _means(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Value, low and high of each column's mean, one row a column."""
    ends = scoring.mean_intervals(range(len(table)), table.to_numpy(), seed=seed)
    return pd.DataFrame({"value": table.mean(), "low": ends[:, 0], "high": ends[:, 1]})


def _named(model: nn.Module, drawn: Sequence[Scene], classes: Sequence[str]) -> np.ndarray:
    """The class that the model names for each scene."""
    answers = transformer.predict(model, [scene.image for scene in drawn])
    if answers.shape[1] != len(classes):
        raise ValueError(f"the model tells {answers.shape[1]} classes apart, but {len(classes)} names were given")
    return np.array(classes)[answers.argmax(axis=1)]
