"""Rebuilds the demo checkpoints from nothing: python -m dermxai_helpers.assets.build WORKSPACE

Takes about three hours on two CPU cores. A stopped build goes on where it was; the workspace (2 GB) may be deleted
afterwards. The models that ship were trained by this code in two legs, so a rebuild gives models like them, not the
same bytes.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
import typer

from dermxai_helpers import assets
from dermxai_helpers.assets import captioner, eyes, speech
from dermxai_helpers.assets.lessons import attributes_for, draw_lessons
from dermxai_helpers.synth import Lesion, draw

LESSONS, VIT_STEPS, MOBILENET_STEPS, MOBILENET_CROPS = 9000, 2200, 850, 570
SPOKEN_LESIONS, LANGUAGE_STEPS = 4000, 2500
SEED = 11


def vision(workspace: Path) -> eyes.VitEye:
    """Trains and saves both vision models; returns the ViT."""
    lessons = draw_lessons(workspace / "lessons", LESSONS, SEED)
    torch.manual_seed(SEED)
    mobilenet, vit = eyes.MobileNetEye(), eyes.VitEye()
    eyes.train_eye(vit, lessons, VIT_STEPS, 0, 1e-3, SEED, workspace / "vit.pt")
    eyes.save_vit(vit, assets.VIT, assets.VIT_CARD)
    eyes.train_eye(mobilenet, lessons, MOBILENET_STEPS, MOBILENET_CROPS, 2e-3, SEED, workspace / "mobilenet.pt")
    eyes.save_mobilenet(mobilenet, assets.MOBILENET)
    return vit


def language(vit: torch.nn.Module) -> None:
    """Gives the captioner the ViT's eyes, teaches it to speak and saves it."""
    processor = captioner.demo_processor(eyes.VIT_MEAN, eyes.VIT_STD)
    model = captioner.build(captioner.demo_config(processor), SEED)
    captioner.vision_from_timm(vit, model.vision_model)
    examples = speech.make_examples(model.eval(), processor, spoken_lesions(), SEED)
    speech.train_language(model, processor, examples, LANGUAGE_STEPS, seed=SEED)
    captioner.save(model, processor, assets.CAPTIONER)


def spoken_lesions() -> Iterator[Lesion]:
    """Lesions that the vision models were not trained on."""
    return (draw([SEED + 1, number], **attributes_for(number, SEED + 1)) for number in range(SPOKEN_LESIONS))


def main(workspace: Path) -> None:
    """Draws the lessons, trains the eyes, then the language."""
    workspace.mkdir(parents=True, exist_ok=True)
    language(vision(workspace).vit.eval())


if __name__ == "__main__":
    typer.run(main)
