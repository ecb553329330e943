"""Figures of unit 06b: drawn, and described with their numbers."""

import numpy as np
import pandas as pd

from dermxai_helpers import plots
from dermxai_helpers.lexicon import counterfactual, facts
from dermxai_helpers.plots import caption_trial


def described(figure_and_alt, *words):
    """The figure can be drawn, and its description holds these words."""
    figure, alt = figure_and_alt
    assert plots.png(figure).startswith(b"\x89PNG")
    for word in words:
        assert word in alt
    return figure


def test_readers_names_every_control():
    true = [{"streaks": ("any", "present")}, {"streaks": ("any", "absent")}] * 4
    readings = {"captions": true, "commonest value": [{"streaks": ("any", "present")}] * 8, "silent": [{}] * 8}
    table = facts.compare(readings, true, slots=["streaks"], repeats=50)
    words = "streaks 1.00 (commonest value 0.50, silent 0.00)", "eight lesions"
    figure = described(caption_trial.readers(table, "eight lesions"), *words)
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["commonest value", "silent", "captions, 95 % interval"]


def test_pair_cards_show_both_drawings_and_both_sentences():
    pairs = [pair for pair in counterfactual.draw_pairs(1) if pair.slot in ("streaks", "milia")]
    figure = described(
        caption_trial.pair_cards(pairs, ["No streaks.", "A."], ["Streaks.", "B."]),
        "2 drawn lesions", "streaks: before, No streaks. After, Streaks.", "milia: before, A. After, B.",
    )  # fmt: skip
    assert [axes.get_title() for axes in figure.axes][:2] == ["streaks: before", "streaks: after"]


def test_a_gallery_of_five_has_two_rows_and_one_of_none_says_so():
    card = {"picture": np.zeros((8, 8, 3), np.uint8), "said": "streaks any present", "true": "any absent"}
    figure = described(caption_trial.gallery([card] * 5, "n"), "5 wrong statements", "says streaks any present, is any")
    assert len(figure.axes) == 8 and sum(len(axes.images) for axes in figure.axes) == 5
    described(caption_trial.gallery([], "n"), "0 wrong statements", "none")


def test_guidance_marks_interval_blind_voters_and_the_paper():
    columns = ["macro_f1", "low", "high", "accuracy", "blind"]
    table = pd.DataFrame([[1, 1, 1, 1, 0.3], [1 / 6, 0.1, 0.2, 0.3, 0.2]], ["true", "random"], columns)
    words = "true 1.000 (1.000 to 1.000)", "random 0.167", "The paper: 0.260."
    described(caption_trial.guidance(table, 0.26, "n"), *words)


def test_taught_tells_before_and_after():
    table = pd.DataFrame({"before": [0.0, 0.5], "after": [0.8, 0.6], "chance": 0.5}, index=["border_sharpness", "all"])
    described(caption_trial.taught(table, "silver"), "border_sharpness 0.00 to 0.80; all 0.50 to 0.60", "(silver)")


def test_spoken_over_shows_the_chosen_view_and_the_strip():
    views = {"original": np.zeros((8, 8, 3), np.uint8), "roi": np.zeros((4, 4, 3), np.uint8)}
    figure = caption_trial.spoken_over(views["roi"], "lesion 1, roi", "A lesion.", views)
    assert [axes.get_title() for axes in figure.axes] == ["lesion 1, roi", "original", "roi"]
    assert figure.axes[0].get_xlabel() == "A lesion."
