"""Figures of the trial: drawn, described with their numbers, what cannot be told is open."""

import numpy as np
import pandas as pd
from described import described

from dermxai_helpers import scoring
from dermxai_helpers.plots import charts as figures


def test_differences_mark_zero_and_leave_open_what_cannot_be_told():
    rng = np.random.default_rng(0)
    high, same = (scoring.compare(rng.normal(mean, 1, 40), 0.0, range(40)) for mean in (2, 0))
    panels = {"energy": {"Grad-CAM": high, "edge map": same}, "IoU": {"Grad-CAM": same, "edge map": high}}
    figure = described(
        figures.differences(panels, "method minus centre Gaussian"), f"energy: Grad-CAM {high.difference:.2f} ("
    )
    assert [axes.get_title() for axes in figure.axes] == ["energy", "IoU"]
    for axes, outcomes in zip(figure.axes, (["higher", "cannot tell"], ["cannot tell", "higher"]), strict=True):
        zero, *points = axes.lines
        assert list(zero.get_xdata()) == [0, 0]
        open_dots = [point.get_markerfacecolor() == "white" for point in points]
        assert open_dots == [one == "cannot tell" for one in outcomes]


def test_randomisation_shows_every_stage_beside_another_photograph():
    layers = ["classifier.2", "features.3 to\nfeatures.1", "another\nphotograph"]
    index = pd.MultiIndex.from_product([["Grad-CAM"], layers])
    table = pd.DataFrame({"value": [0.5, 0.1, 0.3], "low": [0.4, 0.0, 0.2], "high": [0.6, 0.2, 0.4]}, index=index)
    figure = described(figures.randomisation(table), "Grad-CAM: classifier.2 0.50", "another photograph 0.30 (0.20 to")
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert labels == ["classifier.2", "features.3 to\nfeatures.1", "another\nphotograph"]
