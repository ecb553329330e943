"""The shipped demo models know something about drawn lesions they never saw. They know nothing about skin."""

import numpy as np
import pytest

from dermxai_helpers import assets, captions, lexicon, synth
from dermxai_helpers.assets import examination
from dermxai_helpers.data.table import CLASSES

HELD_OUT = 999  # no training run draws from this seed
LESIONS = 120
CLEARLY = 0.08  # about two standard errors for 120 to 150 lesions


@pytest.fixture(scope="module")
def lesions():
    return [synth.draw([HELD_OUT, number], CLASSES[number % 3]) for number in range(LESIONS)]


@pytest.fixture(scope="module")
def captioner():
    return captions.Captioner("demo")


def stated(sentence: str, slot: str) -> str:
    """The value a sentence states for a slot, "none" when it denies it or is silent."""
    value, polarity = lexicon.parse(sentence).get(slot, ("none", "absent"))
    return value if polarity == "present" else "none"


def test_captions_state_what_can_be_seen_and_fall_to_chance_without_their_picture(captioner):
    """The bar itself is tried on 1,000 lesions (`assets.build examine`); here fewer, with a margin for chance."""
    table = examination.sit(captioner, examination.exam_lesions(150))
    print(table.round(2).to_string())
    seen = table.loc[["border_shape", "colour_count", "network", "streaks", "blue_white_veil", "milia", "comedo"]]
    assert (seen["above"] > examination.BAR - CLEARLY).all() and (seen["low"] > seen["constant"]).all()
    assert ((table["shuffled"] - table["constant"]).abs() < 0.2).all()
    assert np.allclose(table["blank"], table["constant"])
    assert min(table.attrs["form"].values()) > 0.99


def test_captions_do_not_know_it_from_a_blank_picture(captioner):
    """The control: without a picture every answer is the same, so nothing is read out of the prompt."""
    grey = [np.full((224, 224, 3), value, np.uint8) for value in (90, 128, 170)]
    said = captioner.caption(grey, captions.PROMPTS["global"], progress=False)
    assert len({stated(sentence, "border_shape") for sentence in said}) == 1


def test_the_demo_vit_beats_always_guessing_one_class(lesions):
    import torch
    from timm.data import resolve_model_data_config

    from dermxai_helpers import relevancy

    model, classes = relevancy.demo_vit()
    config = resolve_model_data_config(model)
    mean, std = (torch.tensor(config[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    images = torch.from_numpy(np.stack([one.image for one in lesions])).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        predicted = model((images - mean) / std).argmax(dim=1).tolist()
    right = np.mean([classes[k] == one.attributes["label"] for k, one in zip(predicted, lesions, strict=True)])
    print(f"demo ViT: {right:.2f} of the classes are right, one class of three {1 / 3:.2f}")
    assert right > 0.5


def test_all_demo_files_together_stay_small():
    sizes = [path.stat().st_size for path in assets.FOLDER.rglob("*") if path.suffix in {".safetensors", ".json"}]
    assert max(sizes) <= 6_000_000 and sum(sizes) <= 15_000_000
