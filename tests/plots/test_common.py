"""What all figures share: nothing that a user has set in matplotlib reaches them, and words are words."""

import hashlib
import os
import subprocess
import sys

import matplotlib
import numpy as np
import pandas as pd
import pytest

from dermxai_helpers import plots
from dermxai_helpers.plots import classifier, common, maps

HOSTILE = {
    "image.origin": "lower", "image.interpolation": "bicubic", "image.cmap": "jet", "image.aspect": "auto",
    "font.size": 22, "font.family": "serif", "text.color": "red", "text.usetex": True, "xtick.labelsize": 30,
    "savefig.bbox": "tight", "savefig.dpi": 33, "savefig.facecolor": "green", "savefig.transparent": True,
    "figure.autolayout": True, "figure.facecolor": "black", "axes.facecolor": "pink", "axes.grid": True,
    "axes.prop_cycle": "cycler('color', ['red'])", "axes.unicode_minus": False, "lines.linewidth": 7,
    "contour.linewidth": 5, "legend.loc": "center", "hist.bins": 3,
}  # fmt: skip


def figures():
    """One of each kind: pictures, maps with and without signs, outlines, captions, dots, bars, lines, cells."""
    rng = np.random.default_rng(0)
    picture, heatmap = rng.integers(0, 255, (20, 30, 3), np.uint8), rng.random((7, 7))
    mask = np.zeros((20, 30), bool)
    mask[3:9, 5:20] = True
    table = pd.DataFrame({"value": [0.5, 0.6], "low": [0.4, 0.5], "high": [0.6, 0.7]}, index=["ours", "constant"])
    shares = pd.DataFrame({"mel": [0.2, 0.3], "nv": [0.8, 0.7]}, index=["a", "b"])
    yield plots.row({"a": picture, "map": heatmap, "signed": heatmap - 0.5}, "About.", [{"white": mask}], below="below")
    yield plots.cards([{"a": (picture, "A long caption of a lesion.")}], "note")
    yield plots.sheet({"row one": [picture, picture]}, "A sheet")
    yield plots.intervals({"recall": table}, {"recall": 0.3}, "chance", "About it")
    yield plots.stacked(shares, "share")
    yield plots.grouped({"mel": table, "nv": table}, "x", "y")
    yield maps.numbers({"a": heatmap[:2, :2] - 0.5}, "evidence")
    yield classifier.decision(rng.random(50), rng.random(50) > 0.5, 0.5, np.array([[1, 2], [3, 4]]))


def digests() -> list[str]:
    return [hashlib.sha256(plots.png(figure)).hexdigest() for figure, _ in figures()]


def test_nothing_that_a_user_sets_reaches_a_figure_and_no_setting_is_changed():
    expected = digests()
    with matplotlib.rc_context(HOSTILE):
        before = dict(matplotlib.rcParams)
        assert digests() == expected
        assert dict(matplotlib.rcParams) == before


def test_a_users_matplotlibrc_does_not_reach_a_figure(tmp_path):
    (tmp_path / "matplotlibrc").write_text("".join(f"{key}: {value}\n" for key, value in HOSTILE.items()))
    script = (
        f"import sys; sys.path.insert(0, {os.path.dirname(__file__)!r}); import test_common as t; print(*t.digests())"
    )
    environment = os.environ | {"MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert done.stdout.split() == digests(), done.stderr[-500:]


def test_a_users_settings_are_not_changed_by_the_import():
    script = "import matplotlib as m; a = dict(m.rcParams); import dermxai_helpers.plots; print(a == dict(m.rcParams))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "True", done.stderr[-500:]


@pytest.mark.parametrize("words", ["It costs $5 and $6", r"$\frac{", "$x_1^2$", r"\alpha", "100 % & #1 {~}"])
def test_a_dollar_is_a_dollar_wherever_words_enter_a_figure(words):
    picture = np.zeros((8, 12, 3), np.uint8)
    table = pd.DataFrame({"value": [0.5], "low": [0.4], "high": [0.6]}, index=[words])
    made = [
        plots.row({words: picture}, words, below=words),
        plots.cards([{words: (picture, words)}], words),
        plots.sheet({words: [picture]}, words),
        plots.intervals({words: table}, {words: 0.3}, words, words),
        plots.grouped({words: table}, words, words),
    ]
    for figure, _ in made:
        texts = figure.findobj(matplotlib.text.Text)
        assert any(words.split()[0] in text.get_text() for text in texts)
        assert not any(text.get_parse_math() or text.get_usetex() for text in texts if text.get_text())
        assert plots.png(figure).startswith(b"\x89PNG")  # drawing broken mathematics would raise


@pytest.mark.filterwarnings("error")
def test_a_map_without_a_finite_value_is_drawn_without_a_warning():
    assert plots.png(plots.row({"a": np.full((3, 3), np.nan)}, "About.")[0])
    assert maps.where(np.full((3, 3), np.nan)) == "nowhere (no positive evidence)"
    assert common.LOOK["text.parse_math"] is False
