"""The shipped demo models know something about drawn lesions they never saw. They know nothing about skin."""

import json

import numpy as np
import pytest

from dermxai_helpers import assets, captions, lexicon, synth
from dermxai_helpers.lexicon import facts
from dermxai_helpers.synth.attributes import sample_evenly

HELD_OUT = 999  # no training run draws from this seed
LESIONS = 150
BAR = 0.15  # above a constant: tried on 1,000 lesions in notebooks/appendix/b_demo_captioner.ipynb
CLEARLY = 0.08  # about two standard errors for so few lesions
SEEN = ("border_shape", "colour_count", "network", "streaks", "blue_white_veil", "milia", "comedo")


@pytest.fixture(scope="module")
def lesions():
    """Every attribute drawn evenly and on its own: none can be guessed from another."""
    rngs = (np.random.default_rng([HELD_OUT, number]) for number in range(LESIONS))
    return [synth.draw([HELD_OUT, number], **sample_evenly(rng)) for number, rng in enumerate(rngs)]


@pytest.fixture(scope="module")
def captioner():
    return captions.Captioner("demo", device="cpu")


def values(known, slot):
    """ "typical present", "any absent", ...; two colours are many, as the prompts have it; silence denies."""
    return np.array([" ".join(one.get(slot, ("any", "absent"))).replace("two", "many") for one in known])


def balanced(true, said):
    return np.mean([(said == true)[true == value].mean() for value in np.unique(true)])


def test_captions_state_what_can_be_seen_and_fall_to_chance_without_their_picture(captioner, lesions):
    sentences = captioner.caption([lesion.image for lesion in lesions], captions.PROMPTS["focused"], progress=False)
    assert np.mean([sentence.count(".") == 1 and sentence.endswith(".") for sentence in sentences]) > 0.99
    said = [lexicon.parse(sentence) for sentence in sentences]
    truth, dealt = [facts.true_facts(lesion.attributes) for lesion in lesions], facts.shuffled(said)
    for slot in SEEN:
        true = values(truth, slot)
        constant = 1 / len(np.unique(true))
        above = balanced(true, values(said, slot)) - constant
        print(f"{slot:16} {above:+.2f} above a constant")
        assert above > BAR - CLEARLY, slot
        assert abs(balanced(true, values(dealt, slot)) - constant) < 0.2, slot


def test_without_a_picture_every_answer_is_the_same(captioner):
    """The control: nothing is read out of the prompt."""
    grey = [np.full((224, 224, 3), value, np.uint8) for value in (90, 128, 170)]
    said = captioner.caption(grey, captions.PROMPTS["global"], progress=False)
    assert len({lexicon.parse(sentence).get("border_shape") for sentence in said}) == 1


def test_the_demo_vit_beats_always_guessing_one_class():
    import torch
    from timm.data import resolve_model_data_config

    from dermxai_helpers import relevancy

    drawn = [synth.draw([HELD_OUT, number], synth.LABELS[number % 3]) for number in range(120)]
    model, classes = relevancy.demo_vit()
    config = resolve_model_data_config(model)
    mean, std = (torch.tensor(config[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
    images = torch.from_numpy(np.stack([one.image for one in drawn])).permute(0, 3, 1, 2) / 255
    with torch.no_grad():
        predicted = model((images - mean) / std).argmax(dim=1).tolist()
    right = np.mean([classes[k] == one.attributes["label"] for k, one in zip(predicted, drawn, strict=True)])
    print(f"demo ViT: {right:.2f} of the classes are right, one class of three {1 / 3:.2f}")
    assert right > 0.5


def test_the_transformer_for_41_kinds_knows_them():
    """Top-1 on unseen scenes far above chance, and the card's names are the kinds in the order of the logits."""
    import timm

    from dermxai_helpers.synth import scenes
    from dermxai_helpers.synth.complaints import KINDS
    from dermxai_helpers.training.checkpoints import load_checkpoint
    from dermxai_helpers.training.transformer import predict

    card = json.loads((assets.FOLDER / "vit_kinds.json").read_text())
    assert card["classes"] == list(KINDS) and card["arguments"]["num_classes"] == len(KINDS) == 41
    model = timm.create_model(card["architecture"], **card["arguments"])
    model = load_checkpoint(model, assets.FOLDER / "vit_kinds.safetensors")
    drawn = [scenes.draw((HELD_OUT, number), kind) for number, kind in enumerate(KINDS)]
    predicted = predict(model, [one.image for one in drawn]).argmax(axis=1)
    right = np.mean([card["classes"][k] == one.complaint for k, one in zip(predicted, drawn, strict=True)])
    print(f"41 kinds: {right:.2f} named rightly, chance {1 / 41:.3f}")
    assert right > 0.35


def test_all_demo_files_together_stay_small():
    sizes = [path.stat().st_size for path in assets.FOLDER.rglob("*") if path.suffix in {".safetensors", ".json"}]
    assert max(sizes) <= 6_000_000 and sum(sizes) <= 15_000_000
