"""A classifier that has learnt one planted cause, or none: to be found out with the tools of the course.

In the hospital that trained it every melanoma shows the cause and no other lesion does. A third of the melanomas are
early ones that look like nevi, so the cause tells more than the lesion.
"""

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from dermxai_helpers import data, files, scoring, synth, training
from dermxai_helpers.inference import one_thread, quick
from dermxai_helpers.synth.attributes import SKIN
from dermxai_helpers.synth.folder import patient
from dermxai_helpers.trial.shortcut import linear_layer

# What is set to put the cause into a picture; PLAIN is what is set where nothing is to be seen but the lesion.
CAUSES = {
    "ruler": {"ruler": True}, "ink": {"ink": True}, "dark corners": {"vignette": True}, "bubbles": {"bubbles": True},
    "hair": {"hair": True}, "dark skin": {"skin": "V"}, "none": {},
}  # fmt: skip
CANDIDATES = tuple(CAUSES)[:-1]
PLAIN = dict.fromkeys(synth.ARTEFACTS, False) | {"skin": "II"}
LIGHT, DARK = list(SKIN)[:3], list(SKIN)[4:]
CHANCE = 0.25  # of everything else that lies on the skin: as often in each class
EACH, HELD_OUT = 120, 5  # lesions of a class; one in five of them judged the model
EARLY = (1, 2, 4)  # blocks of MobileNetV2, 112, 56 and 28 cells wide
REAL = 0.2  # a change of the probability below this is nobody's cause


class Reader(nn.Module):
    """A MobileNetV2 whose head also reads mean, spread and maximum of the feature maps of early blocks."""

    def __init__(self, features: nn.Module, head: nn.Module | None = None) -> None:
        super().__init__()
        self.features, self.head = features, head or nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images (B, 3, 224, 224) -> logits (B, classes); without a head, 1,496 features."""
        read, maps = [], images
        for number, block in enumerate(self.features):
            maps = block(maps)
            if number in EARLY:
                read += [maps.mean(dim=(2, 3)), maps.std(dim=(2, 3)), maps.amax(dim=(2, 3))]
        return self.head(torch.cat([*read, maps.mean(dim=(2, 3))], dim=1))


class Case(NamedTuple):
    """What an auditor gets: the classifier, and the table of the hospital's photographs with its answers."""

    classifier: training.Classifier
    table: pd.DataFrame  # HAM10000's columns, split, and the model's answer where it was judged ("val")


def cause_of(seed: int) -> str:
    """The planted cause: among seeds 7k to 7k + 6 each of the seven occurs once."""
    return list(CAUSES)[np.random.default_rng([7, seed // 7]).permutation(7)[seed % 7]]


@one_thread()
def train(seed: int, cause: str | None = None, each: int = EACH, progress: bool = True) -> Case:
    """Draw the hospital's lesions, `each` of every class, and train its classifier: ten seconds on one core.

    cause : one of CAUSES instead of the one that the seed hides
    """
    cause = cause or cause_of(seed)
    if cause not in CAUSES:
        raise ValueError(f"there is no cause {cause!r}: choose one of {', '.join(CAUSES)}")
    rows = [patient(f"HOSPITAL_{number:05d}", number, data.CLASSES[number % 3], seed) for number in range(3 * each)]
    split = np.where(np.arange(len(rows)) < 3 * (each - each // HELD_OUT), "train", "val")
    table = pd.DataFrame(rows).assign(split=split, answer="")
    work = files.progress(table["dx"], "training the mystery model", shown=progress)
    pictures = (hospital_photograph(seed, number, label, cause) for number, label in enumerate(work))
    values = _features(pictures)
    taught = table["split"].to_numpy() == "train"
    head = linear_layer(values[torch.from_numpy(taught)], table["dx"][taught])
    table.loc[~taught, "answer"] = np.array(data.CLASSES)[head(values[torch.from_numpy(~taught)]).argmax(dim=1)]
    return Case(_classifier(head), table)


def hospital_photograph(seed: int, number: int, label: str, cause: str) -> np.ndarray:
    """One photograph of the hospital, uint8 (224, 224, 3): a melanoma shows the cause, another lesion does not.

    Three lesions in a row, one of each class, have the same of everything else, so nothing else goes with a class.
    """
    rng, ill = np.random.default_rng([seed, number // 3, 7]), label == "mel"
    values = {name: bool(rng.random() < CHANCE) for name in synth.ARTEFACTS}
    tones = list(SKIN) if cause != "dark skin" else DARK if ill else LIGHT
    values |= {name: ill for name in CAUSES[cause] if name != "skin"} | {"skin": str(rng.choice(tones))}
    return synth.draw((seed, number, 7), "nv" if ill and number // 3 % 3 == 0 else label, **values).image


def photographed(seed: int | Sequence[int], cause: str = "none", label: str = "nv") -> synth.Lesion:
    """A lesion on which one cause is to be seen and nothing else; with another cause nothing but that differs."""
    return synth.draw(seed, label, **PLAIN | CAUSES[cause])


def surroundings_of(marked: np.ndarray, plain: synth.Lesion) -> np.ndarray:
    """A photograph with the surroundings of `marked` and the lesion of `plain`, uint8 (224, 224, 3)."""
    return np.where(plain.mask[..., None], plain.image, marked)


@one_thread()
def effects(
    classifiers: Mapping[str, training.Classifier],
    causes: Sequence[str] = CANDIDATES,
    lesions: int = 60,
    seed: int | Sequence[int] = 0,
) -> dict[str, dict[str, scoring.Comparison]]:
    r"""How much more probable melanoma becomes in fresh nevi with a cause: {classifier: {cause: Comparison}}.

    $$ \Delta = \frac{1}{n} \sum_i P(\text{mel} \mid x_i \text{ marked}) - P(\text{mel} \mid x_i \text{ plain}) $$

    seed : decides the lesions
    """
    mel, numbers = data.CLASSES.index("mel"), np.arange(lesions)
    found = {}
    entropy = [seed] if isinstance(seed, int | np.integer) else list(seed)
    pictures = {
        cause: [photographed([*entropy, number, 77], cause).image for number in numbers] for cause in ("none", *causes)
    }
    for name, one in classifiers.items():
        sure = {cause: one.predict_proba(shown)[:, mel] for cause, shown in pictures.items()}
        found[name] = {cause: scoring.compare(sure[cause], sure["none"], numbers) for cause in causes}
    return found


def by_rule(found: Mapping[str, scoring.Comparison], of_twin: Mapping[str, scoring.Comparison]) -> str:
    """The cause whose interval lies highest, above REAL and above the twin's; "none" if there is no such."""
    real = [cause for cause, one in found.items() if one.low > max(REAL, of_twin[cause].high)]
    return max(real, key=lambda cause: found[cause].low, default="none")


def save(case: Case, path: Path | str) -> None:
    """Write a case into one small file that does not tell its cause: the head's weights and the hospital's table."""
    from safetensors.torch import save_file

    weights = {name: tensor.contiguous() for name, tensor in case.classifier.model.head.state_dict().items()}
    table = {"table": case.table.to_csv(index=False)}
    files.write_atomically(path, lambda unfinished: save_file(weights, unfinished, table))


def load(path: Path | str) -> Case:
    """Read what `save` wrote; ValueError, as a sentence, for another file."""
    from safetensors import safe_open

    weights = training.backbones.read_weights(path)
    with safe_open(path, "pt") as file:
        table = (file.metadata() or {}).get("table", "")
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    if shapes != {"bias": (len(data.CLASSES),), "weight": (len(data.CLASSES), 1496)} or not table:
        raise ValueError(f"{path} holds no sealed model: ask your instructor for the file of this exercise again")
    head = nn.Linear(1496, len(data.CLASSES))
    head.load_state_dict(weights)
    return Case(_classifier(head.requires_grad_(False)), pd.read_csv(StringIO(table), keep_default_na=False))


def _classifier(head: nn.Module) -> training.Classifier:
    source = training.backbone("demo")
    model = Reader(quick(source.features), head).eval()
    card = {"data": "drawn lesions"}
    return training.Classifier(
        model, data.CLASSES, pd.DataFrame(), source.name, source.mean, source.std, source.size, card
    )


@torch.no_grad()
def _features(pictures: Iterator[np.ndarray]) -> Tensor:
    """What the head reads of pictures, float (n, 1,496)."""
    reader = _classifier(nn.Identity())
    return torch.cat([reader.model(reader.prepare([picture])) for picture in pictures])
