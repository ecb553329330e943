"""Widgets without a browser: move a control, look at what is shown."""

import re

import ipywidgets
import numpy as np
import pytest
import timm
import torch
from matplotlib.figure import Figure

from dermxai_helpers import widgets


def parts(box: ipywidgets.VBox):
    *controls, picture, words = box.children
    return controls, picture, words


def test_a_moved_control_draws_figure_and_description_anew():
    def render(number):
        figure = Figure(figsize=(number, 1))
        return figure, f"a figure {number} inches wide"

    (control,), picture, words = parts(widgets.panel(render, number=widgets.slider("number", 1, 0, 9, 1)))
    before = picture.value
    assert bytes(before).startswith(b"\x89PNG") and words.value == "a figure 1.0 inches wide"
    control.value = 5
    assert picture.value != before and words.value == "a figure 5.0 inches wide"


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (ValueError("at most three"), "<b>at most three</b>"),
        (ValueError("<img src=x onerror=alert(1)>"), "<b>&lt;img src=x onerror=alert(1)&gt;</b>"),
        (KeyError("mel"), "<b>KeyError: &#x27;mel&#x27;</b>"),
        (RuntimeError("out of <memory>"), "<b>RuntimeError: out of &lt;memory&gt;</b>"),
        (ZeroDivisionError(), "<b>ZeroDivisionError: </b>"),
    ],
)
def test_whatever_is_raised_is_a_sentence_and_no_old_figure_is_seen(problem, said):
    def render(number):
        if number > 3:
            raise problem
        return Figure(figsize=(1, 1)), "an empty figure"

    (control,), picture, words = parts(widgets.panel(render, number=widgets.slider("number", 1, 0, 9, 1)))
    assert picture.layout.visibility == "visible"
    control.value = 5
    assert (words.value, picture.layout.visibility) == (said, "hidden")  # it keeps its place, so that nothing jumps
    control.value = 2
    assert words.value == "an empty figure" and picture.value and picture.layout.visibility == "visible"


def test_no_old_answer_stands_under_a_new_question_while_the_answer_is_made():
    seen = []

    def render(number):
        seen.append((picture.layout.visibility, words.value) if number else None)
        return Figure(figsize=(1, 1)), f"figure {number}"

    (control,), picture, words = parts(widgets.panel(render, number=widgets.slider("number", 0, 0, 9, 1)))
    control.value = 5
    assert seen == [None, ("hidden", "…")] and words.value == "figure 5.0"


HOSTILE = "<img src=x onerror=alert(1)> \"' & </div><script>$x_1$ \\frac{"


def assert_no_tag_survives(words):
    assert "&lt;img" in words.value and not re.search("<(?!/?b>)", words.value)  # the bold of a problem is ours
    assert {"tex2jax_ignore", "mathjax_ignore"} <= set(words._dom_classes)


def test_hostile_words_in_every_widget_stay_words():
    class Parrot:
        def caption(self, images, prompt, progress):
            return [prompt]

    photograph = np.zeros((8, 8, 3), np.uint8)
    box = widgets.playground(Parrot(), {HOSTILE: {HOSTILE: photograph}}, HOSTILE)
    assert_no_tag_survives(parts(box)[2])
    _, picture, words = parts(widgets.word_lists(["round"], ["nv"], {"nv": ["round"]}, HOSTILE))
    assert_no_tag_survives(words)
    torch.manual_seed(0)
    size = {"img_size": 32, "embed_dim": 24, "depth": 1, "num_heads": 2}
    model = timm.create_model("vit_tiny_patch16_224", num_classes=2, **size).eval()
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    names = [HOSTILE, HOSTILE + "2"]
    assert_no_tag_survives(parts(widgets.relevancy_map(model, image, image[..., 0] > 90, names))[2])
    _, _, words = parts(widgets.panel(lambda: (Figure(figsize=(1, 1)), HOSTILE)))
    assert_no_tag_survives(words)


def test_a_relevancy_map_follows_method_class_and_first_block():
    torch.manual_seed(0)
    size = {"img_size": 32, "embed_dim": 24, "depth": 2, "num_heads": 2}
    model = timm.create_model("vit_tiny_patch16_224", num_classes=2, **size).eval()
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    (method, target, first), picture, words = parts(widgets.relevancy_map(model, image, image[..., 0] > 90, ["a", "b"]))
    shown = [picture.value]
    for control, value in ((method, "rollout"), (first, 1), (target, "a" if target.value == "b" else "b")):
        control.value = value
        shown.append(picture.value)
    assert len(set(map(bytes, shown))) == 4
    assert f"rollout for {target.value}" in words.value and (first.min, first.max) == (0, 1)


def test_other_words_give_other_votes():
    sentences, labels = ["A waxy lesion.", "A round lesion.", "An odd lesion."], ["bkl", "nv", "mel"]
    words = {"mel": ["strange"], "nv": ["round"], "bkl": ["waxy"]}
    controls, picture, said = parts(widgets.word_lists(sentences, labels, words, "three captions"))
    before, picture_before = said.value, picture.value
    controls[0].value = "strange, odd"
    assert picture.value != picture_before and said.value != before
    assert "recall mel 1.00" in said.value or "mel 1.00" in said.value


def test_the_playground_asks_again_when_anything_is_changed():
    asked = []

    class Parrot:
        def caption(self, images, prompt, progress):
            asked.append((images[0].shape, prompt))
            return ["A symmetric lesion. It is a melanoma."]

    lesions = {name: {"original": np.zeros((8, 8, 3), np.uint8), "roi": np.zeros((4, 4, 3), np.uint8)} for name in "ab"}
    (lesion, view, question), picture, words = parts(widgets.playground(Parrot(), lesions, "What?"))
    assert picture.value and "A symmetric lesion. Facts read: symmetry: symmetric present" in words.value
    assert "Demands not met: one sentence, no diagnosis." in words.value
    view.value, question.value, lesion.value = "roi", "Why?", "b"
    assert asked == [((8, 8, 3), "What?"), ((4, 4, 3), "What?"), ((4, 4, 3), "Why?"), ((4, 4, 3), "Why?")]


def test_the_threshold_counts_the_four_groups():
    scores, ill = np.array([0.9, 0.6, 0.4, 0.2, 0.1]), np.array([1, 0, 1, 0, 0], bool)
    threshold = widgets.slider("threshold", 0.5, 0, 1, 0.01)
    (control,), _, words = parts(widgets.panel(lambda at: widgets.decision_at(scores, ill, at), at=threshold))
    assert "1 melanomas found, 1 missed, 1 false alarms, 2 others spared" in words.value
    control.value = 0.3
    assert "2 melanomas found, 0 missed, 1 false alarms, 2 others spared" in words.value
    assert "sensitivity 1.00, specificity 0.67" in words.value
    control.value = 1.0
    assert "0 melanomas found, 2 missed, 0 false alarms" in words.value


def test_the_region_follows_method_and_threshold():
    rows, columns = np.mgrid[:64, :64]
    lesion = (rows - 32) ** 2 + (columns - 32) ** 2 < 16**2
    on_it, beside_it = (np.exp(-((rows - 32) ** 2 + (columns - place) ** 2) / 200) for place in (32, 58))
    image = np.full((64, 64, 3), 120, np.uint8)
    (method, threshold), _, words = parts(widgets.region(image, {"a": on_it, "b": beside_it}, lesion))
    overlap = float(re.search(r"the lesion (\d\.\d+)", words.value)[1])
    threshold.value = 0.3
    assert float(re.search(r"the lesion (\d\.\d+)", words.value)[1]) > overlap  # a wider region holds more of it
    method.value = "b"
    assert float(re.search(r"the lesion (\d\.\d+)", words.value)[1]) < 0.1


@pytest.fixture
def clouds():
    """Three overlapping clouds of features, unequal in number, to train on and to judge on."""

    def cloud(seed):
        rng = np.random.default_rng(seed)
        labels = rng.choice(3, 600, p=[0.15, 0.7, 0.15])
        return (np.eye(3, 12)[labels] * 1.5 + rng.normal(0, 1, (600, 12))).astype(np.float32), labels

    return cloud(0), cloud(1)


def recall_of_melanoma(words: str) -> tuple[float, float]:
    """(without weights, with the slider's), read from the description."""
    first, second = re.findall(r"mel (\d\.\d+)", words)
    return float(first), float(second)


def test_the_weight_slider_trains_and_moves_recall(clouds):
    power = widgets.slider("power", 0, 0, 2, 0.25)
    (control,), _, words = parts(widgets.panel(lambda power: widgets.recalls_at(*clouds, power), power=power))
    without, same = recall_of_melanoma(words.value)
    assert without == same
    control.value = 1.0
    without, even = recall_of_melanoma(words.value)
    control.value = 2.0
    _, more = recall_of_melanoma(words.value)
    assert even > without + 0.1 and more >= even
