"""Charts of numbers in rows: what they draw, and what they say in words."""

import pandas as pd
from described import described
from matplotlib.colors import to_hex

from dermxai_helpers import plots
from dermxai_helpers.plots.common import BASELINE, CLASS_COLOURS, MEASURED, PAPER, SERIES


def marks(axes):
    """Colour, marker and whether it is filled, of each dot."""
    drawn = [line for line in axes.lines if line.get_marker() != "None"]
    return [(line.get_color(), line.get_marker(), line.get_markerfacecolor() != "none") for line in drawn]


TABLE = pd.DataFrame({"value": [0.7, 0.4], "low": [0.6, 0.3], "high": [0.8, 0.5]}, index=["network", "metadata"])


def test_intervals_draw_a_panel_a_measure_and_baselines_in_grey():
    panels, references = {"accuracy": TABLE, "macro-F1": TABLE}, {"accuracy": 0.75, "macro-F1": 0.28}
    found = plots.intervals(panels, references, "without an image", "Scores", values=True)
    figure = described(found, "network 0.700 (0.600 to 0.800)", "without an image 0.280")
    (intervals,) = figure.axes[0].collections
    assert [segment[:, 0].tolist() for segment in intervals.get_segments()] == [[0.6, 0.8], [0.3, 0.5]]
    assert marks(figure.axes[0]) == [(MEASURED, "o", True), (BASELINE, "^", True)]
    assert [text.get_text() for text in figure.axes[1].texts] == ["0.700", "0.400"]
    for axes in figure.axes:
        edge = axes.get_window_extent().x1
        assert all(text.get_window_extent().x0 >= edge for text in axes.texts), "no line crosses a number"
    assert figure.axes[0].get_ylim() == (1.6, -0.6), "the first row is on top"


def test_rows_with_too_few_to_say_are_open_and_without_a_bar_and_panels_may_differ():
    few = TABLE.assign(enough=[False, True]).set_axis(["one", "two"])
    found = plots.intervals({"age": few, "sex": TABLE}, {"age": 0.5, "sex": 0.5}, "all", "Recall")
    figure = described(found, "one too few to say, two 0.400")
    assert marks(figure.axes[0]) == [(BASELINE, "o", False), (MEASURED, "o", True)]
    drawn = [segment[:, 0].tolist() for segment in figure.axes[0].collections[0].get_segments() if len(segment)]
    assert drawn == [[0.3, 0.5]], "no interval that would look certain"
    assert [label.get_text() for label in figure.axes[1].get_yticklabels()] == list(TABLE.index)


def test_differences_are_drawn_on_one_axis_below_zero_too():
    worse = TABLE - 0.9
    figure = described(plots.intervals({"a": worse, "b": TABLE}, {"a": 0, "b": 0}, "none", "Gains"), "network -0.200")
    assert figure.axes[0].get_xlim() == figure.axes[1].get_xlim(), "equal lengths are equal differences"
    assert figure.axes[0].get_xlim()[0] < -0.6 and figure.axes[0].get_xlim()[1] > 0.8


def test_controls_stand_beside_the_values():
    table = TABLE.assign(**{"commonest value": 0.5, "silent": 0.0})
    figure = described(
        plots.beside_controls(table, "share of facts stated rightly", "eight lesions", paper=0.26),
        "network 0.7 (0.6 to 0.8; commonest value 0.5, silent 0.0)", "eight lesions", "the paper's 0.260",
    )  # fmt: skip
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["value, 95 % interval", "paper 0.260", "commonest value", "silent"]
    published = [line for line in figure.axes[0].lines if line.get_label() == "paper 0.260"]
    assert [line.get_color() for line in published] == [PAPER], "the paper has one colour in the whole course"


def test_groups_keep_their_colours_and_the_rows_their_order():
    groups = {"mel": TABLE, "other": TABLE}
    figure = described(
        plots.grouped(groups, "share", "Artefacts"), "mel: network 0.70 (0.60 to 0.80)", "other: network 0.70"
    )
    assert [colour for colour, *_ in marks(figure.axes[0])[::2]] == [CLASS_COLOURS["mel"], SERIES[1]]
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == list(TABLE.index)


def test_what_is_measured_never_looks_like_a_baseline_or_the_paper():
    assert not {BASELINE, PAPER} & set(SERIES) and len(set(SERIES) | set(CLASS_COLOURS.values())) == len(SERIES) + 3


def test_moved_joins_the_first_two_columns():
    table = pd.DataFrame({"before": [0.0, 0.5], "after": [0.8, 0.6], "chance": 0.5}, index=["border", "all"])
    figure = described(plots.moved(table, "share"), "before: border 0.000, all 0.500; after: border 0.800")
    lines = figure.axes[0].collections[0].get_segments()
    assert [segment[:, 0].tolist() for segment in lines] == [[0, 0.8], [0.5, 0.6]]


def test_stacked_bars_add_up():
    table = pd.DataFrame({"mel": [181, 0], "nv": [982, 1341], "bkl": [169, 0]}, index=["network", "constant"])
    found = plots.stacked(table, "images answered rightly", form=",")
    assert [to_hex(bar.get_facecolor()) for bar in found[0].axes[0].patches[::2]] == [
        colour.lower() for colour in CLASS_COLOURS.values()
    ]
    figure = described(found, "network: mel 181, nv 982, bkl 169; constant: nv 1,341")
    assert max(bar.get_x() + bar.get_width() for bar in figure.axes[0].patches) == 1341
