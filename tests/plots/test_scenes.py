"""Figures of scenes: drawn, and described with their numbers."""

import numpy as np
import pandas as pd

from dermxai_helpers import plots
from dermxai_helpers.explanation import Explanation
from dermxai_helpers.plots import scenes as figures
from dermxai_helpers.synth import scenes

SOME = [scenes.draw((3, number), complaint) for number, complaint in enumerate(("mole", "ring"))]


def test_rows_show_every_scene_for_every_model():
    heat = Explanation(np.ones((2, 14, 14)), [0, 0], ["mole", "mole"], np.zeros(2), np.ones(2), "blocks", "chefer")
    shares = pd.DataFrame({"affected skin": [0.3, 0.2], "background": [0.5, 0.6]})
    figure, alt = figures.rows(SOME, {"one": heat, "two": heat}, {"one": shares, "two": shares}, "Scenes")
    assert len(figure.axes) == 6 and plots.png(figure).startswith(b"\x89PNG")
    assert alt.count("mole called mole, 30% of the relevance on affected skin; ring called mole, 20%") == 2
    assert figure.axes[2].get_title() == "mole: 30%\nbackground 50%"
