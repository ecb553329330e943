"""Rebuilds the demo checkpoints from nothing: python -m dermxai_helpers.assets.build vision|captioner WORKSPACE

`vision` trains the MobileNetV2 and the ViT, about three hours on two CPU cores; `captioner` goes on from the ViT (and
trains it where the workspace has none), another hour and a quarter. A stopped training of eyes goes on where it was;
the workspace (5 GB) may be deleted afterwards. The vision models that ship were trained by this code in two legs, so a
rebuild gives models like them, not the same bytes. `examine` prints what a captioner sees.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
import typer

from dermxai_helpers import assets, captions
from dermxai_helpers.assets import captioner, examination, eyes, speech
from dermxai_helpers.assets.lessons import attributes_for, draw_lessons
from dermxai_helpers.assets.looks import in_a_view
from dermxai_helpers.synth import Lesion, draw

LESSONS, VIT_STEPS, MOBILENET_STEPS, MOBILENET_CROPS = 9000, 2200, 850, 570
VIEWED_LESSONS, CAPTIONER_EYE_STEPS = 20_000, 2600
SPOKEN_LESIONS, LANGUAGE_STEPS = 8000, 5000
SEED, VIEWED_SEED = 11, 21

app = typer.Typer(add_completion=False)


@app.command()
def vision(workspace: Path) -> None:
    """Trains and saves both vision models."""
    vit = taught_vit(workspace)
    eyes.save_vit(vit, assets.VIT, assets.VIT_CARD)
    torch.manual_seed(SEED)
    mobilenet = eyes.MobileNetEye()
    lessons = draw_lessons(workspace / "lessons", LESSONS, SEED)
    eyes.train_eye(mobilenet, lessons, MOBILENET_STEPS, MOBILENET_CROPS, 2e-3, SEED, workspace / "mobilenet.pt")
    eyes.save_mobilenet(mobilenet, assets.MOBILENET)


def taught_vit(workspace: Path) -> eyes.VitEye:
    """The ViT, taught on whole drawn lesions."""
    workspace.mkdir(parents=True, exist_ok=True)
    lessons = draw_lessons(workspace / "lessons", LESSONS, SEED)
    torch.manual_seed(SEED)
    vit = eyes.VitEye()
    eyes.train_eye(vit, lessons, VIT_STEPS, 0, 1e-3, SEED, workspace / "vit.pt")
    return vit


@app.command("captioner")
def build_captioner(workspace: Path) -> None:
    """Gives the captioner the ViT's eyes, widened and taught on three views, teaches it to speak and saves it."""
    vit = taught_vit(workspace)
    torch.manual_seed(VIEWED_SEED)
    eye = eyes.CaptionerEye(vit)
    lessons = draw_lessons(workspace / "viewed", VIEWED_LESSONS, VIEWED_SEED, in_a_view)
    eyes.train_eye(eye, lessons, CAPTIONER_EYE_STEPS, 0, 8e-4, VIEWED_SEED, workspace / "captioner_eye.pt")
    language(eye.vit.eval())


def language(vit: torch.nn.Module) -> None:
    """Teaches a captioner with these eyes to speak, and saves it."""
    processor = captioner.demo_processor(eyes.VIT_MEAN, eyes.VIT_STD)
    model = captioner.build(captioner.demo_config(processor), SEED)
    captioner.vision_from_timm(vit, model.vision_model)
    examples = speech.make_examples(model.eval(), processor, spoken_lesions(), SEED)
    speech.train_language(model, processor, examples, LANGUAGE_STEPS, seed=SEED)
    captioner.save(model, processor, assets.CAPTIONER)


def spoken_lesions() -> Iterator[Lesion]:
    """Lesions that the vision models were not trained on."""
    return (draw([SEED + 1, number], **attributes_for(number, SEED + 1)) for number in range(SPOKEN_LESIONS))


@app.command()
def examine(checkpoint: str = "demo") -> None:
    """Prints how a captioner does on a thousand lesions that it was not taught on, attribute by attribute."""
    table = examination.sit(captions.Captioner(checkpoint), examination.exam_lesions())
    print(table.round(3).to_string())
    print("form:", {demand: round(share, 3) for demand, share in table.attrs["form"].items()})


if __name__ == "__main__":
    app()
