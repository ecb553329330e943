"""The planted shortcut: a sticker and nothing else is planted, and a head learns it or cannot."""

import numpy as np
import pytest
import torch

from dermxai_helpers import data
from dermxai_helpers.trial import shortcut

IMAGES = np.random.default_rng(0).integers(90, 200, (6, 224, 224, 3), dtype=np.uint8)
LESIONS = np.zeros((6, 224, 224), bool)
LESIONS[:, 30:190, 30:190] = True


def test_only_the_stickers_pixels_change_and_none_of_the_lesion():
    changed, places = shortcut.plant(IMAGES, LESIONS, seed=3)
    assert places.any(axis=(1, 2)).all() and not (places & LESIONS).any()
    assert (changed[~places] == IMAGES[~places]).all() and (changed[places] != IMAGES[places]).any(axis=1).all()
    again, _ = shortcut.plant(IMAGES, LESIONS, seed=3)
    np.testing.assert_array_equal(changed, again)
    assert not np.array_equal(changed, shortcut.plant(IMAGES, LESIONS, seed=4)[0])


@pytest.fixture(scope="module")
def lesson():
    """Number 0 tells the class (weakly), number 1 the sticker."""
    rng = np.random.default_rng(0)
    labels = np.repeat(data.CLASSES, 60)
    clean = rng.normal(size=(180, 5)).astype(np.float32)
    clean[:, 0] += np.repeat([2, 0, -2], 60)
    marked = clean.copy()
    marked[:, 1] += 6
    return torch.from_numpy(clean), torch.from_numpy(marked), labels


def test_who_is_taught_the_shortcut_uses_it_and_the_honest_one_does_not(lesson):
    clean, marked, labels = lesson
    mel = data.CLASSES.index("mel")
    drops = {}
    shares = {"shortcut": {"mel": 1.0, "nv": 0.0, "bkl": 0.0}, "honest": dict.fromkeys(data.CLASSES, 0.5)}
    for name, share in shares.items():
        head = shortcut.learn(clean, marked, labels, share)
        sure = [head(values[labels == "mel"]).softmax(dim=1)[:, mel] for values in (marked, clean)]
        drops[name] = (sure[0] - sure[1]).mean().item()
    assert drops["shortcut"] > 0.4 > 0.05 > abs(drops["honest"])


def test_the_linear_layer_answers_as_the_regression_of_standardised_values(lesson):
    clean, marked, labels = lesson
    head = shortcut.learn(clean, marked, labels, dict.fromkeys(data.CLASSES, 0.5))
    answers = np.array(data.CLASSES)[head(clean).argmax(dim=1).numpy()]
    assert (answers == labels).mean() > 0.7
