"""The examination of the demo captioner passes who tells the truth and nobody who does not look."""

import numpy as np
import pytest

from dermxai_helpers.assets import examination
from dermxai_helpers.lexicon.sentences import describe


@pytest.fixture(scope="module")
def lesions():
    return examination.exam_lesions(60)


class Witness:
    """Says the true sentence about a picture it knows, or the same one about everything."""

    def __init__(self, lesions, honest):
        self.known = {lesion.image.tobytes(): lesion.attributes for lesion in lesions}
        self.fallback, self.honest = lesions[0].attributes, honest

    def caption(self, images, prompt, progress=True):
        rng = np.random.default_rng(0)
        known = [self.known.get(image.tobytes()) if self.honest else None for image in images]
        return [describe(one or self.fallback, "focused", rng) for one in known]


def test_the_truth_passes_every_attribute_and_falls_when_shuffled(lesions):
    table = examination.sit(Witness(lesions, honest=True), lesions)
    assert (table["captions"] == 1).all() and (table["accuracy"] == 1).all() and table["passed"].all()
    assert (table["shuffled"] < 0.75).all() and (table["blank"] == table["constant"]).all()
    assert table.attrs["form"] == dict.fromkeys(
        ("answered", "one_sentence", "no_diagnosis", "on_topic", "no_echo"), 1.0
    )


def test_who_always_says_the_same_is_at_the_constant_and_passes_nothing(lesions):
    table = examination.sit(Witness(lesions, honest=False), lesions)
    assert np.allclose(table["captions"], table["constant"]) and not table["passed"].any()
    assert (table["accuracy"] <= table["majority"]).all()


def test_the_examination_is_the_same_every_time_and_its_attributes_are_even(lesions):
    again = examination.exam_lesions(3)
    assert all((one.image == other.image).all() for one, other in zip(again, lesions, strict=False))
    shares = [np.mean([lesion.attributes[name] for lesion in lesions]) for name in ("streaks", "veil", "milia")]
    assert all(0.3 < share < 0.7 for share in shares)
