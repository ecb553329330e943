"""The figure of unit 04b: scenes with their maps, and how much of the relevance lies where."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import outline
from dermxai_helpers.plots.pictures import grid


def rows(drawn: Sequence, explanations: Mapping, shares: Mapping[str, pd.DataFrame], title: str) -> tuple[Figure, str]:
    """Draw the second seed's figure: scenes above, a row of overlays for each model below, shares in numbers.

    drawn : `synth.scenes.Scene` objects; explanations : {model: `Explanation` of all scenes}
    shares : {model: one row a scene, columns "affected skin" and "background"}
    """
    images = np.stack([scene.image for scene in drawn])
    pictures, said = [images], []
    titles = [[f"{scene.complaint}, {scene.place}\n{scene.background}" for scene in drawn]]
    for name, found in explanations.items():
        zones = shares[name][["affected skin", "background"]].to_numpy()
        pictures.append(found.overlay(images))
        called = list(zip(found.class_name, zones, strict=True))
        titles.append([f"{one}: {affected:.0%}\nbackground {behind:.0%}" for one, (affected, behind) in called])
        words = (f"{scene.complaint} called {one}, {share[0]:.0%} of the relevance on affected skin"
                 for scene, (one, share) in zip(drawn, called, strict=True))  # fmt: skip
        said.append(f"{name}: {'; '.join(words)}")
    figure, axes = grid(pictures, titles, width=8, space=0.5)
    figure.suptitle(title)
    for line, name in zip(axes, ["", *explanations], strict=True):
        line[0].set_ylabel(name)
        for place, scene in zip(line, drawn, strict=True):
            outline(place, scene.affected)
    return figure, f"{title}. Above, the scenes with affected skin outlined. {'. '.join(said)}."
