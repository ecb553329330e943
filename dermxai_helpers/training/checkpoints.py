"""Your own checkpoint: whose weights are in this file, and do they fit this architecture?

Files are read as numbers only (safetensors, or `torch.load` with `weights_only=True`): nothing in them is executed.
"""

import argparse
import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from dermxai_helpers.inference import unwrapped
from dermxai_helpers.training.backbones import read_weights

ANCHOR = "patch_embed.proj.weight"  # a name that the weights of every vision transformer of timm hold
NAMED = 3  # names that an error message lists
SPREAD_OF_NEW_WEIGHTS = 0.02  # standard deviation, as timm initialises its heads


@dataclass(frozen=True)
class Loaded:
    """A model in evaluation mode and, as a sentence, which weights of the file it has taken."""

    model: nn.Module
    taken: str


@dataclass(frozen=True)
class Weights:
    """A state dict found in a checkpoint.

    place : where, as a part of a sentence
    is_average : whether it says of itself that it is the average over training (EMA) that many programs keep
    """

    place: str
    is_average: bool
    tensors: dict[str, Tensor]


def load_checkpoint(model: nn.Module | str, path: str | Path, num_classes: int | None = None) -> Loaded:
    """Weights that somebody fine-tuned with timm, in a model ready for `relevancy.explain`.

    model : a timm vision transformer, whose weights are replaced; or the name of its architecture, of which a new one
        is made with as many classes as the file has
    path : a .safetensors file, or what `torch.save` wrote: a state dict, or a dict with one somewhere inside. Prefixes
        such as `module.` are removed, and an average over training (EMA) is preferred to the last weights
    num_classes : the number of classes that you expect; None takes what the file has

    Raises FileNotFoundError, and ValueError as a sentence for files that are damaged, hold code, hold no or several
    sets of weights, or belong to another architecture or number of classes. The model is unchanged then.
    """
    path = Path(path)
    weights, others = _chosen(_contents(path), path)
    classes = _classes_in(weights.tensors)
    if num_classes is not None and classes != num_classes:
        raise ValueError(f"{path.name} has {_counted(classes)}, not the {num_classes} that were asked for")
    model = _made(model, classes) if isinstance(model, str) else unwrapped(model)
    _check_fit(model, weights.tensors, path)
    model.load_state_dict(weights.tensors)
    taken = f"the weights {weights.place} of {path.name}"
    if weights.is_average:
        taken += ", an average over training" + (f", rather than those {others[0].place}" if others else "")
    return Loaded(model.eval(), taken)


def grow_head(model: nn.Module, num_classes: int) -> nn.Module:
    """The same timm model with further classes after the old ones, whose weights and logits stay as they are.

    The model is changed and given back. New weights are drawn from torch's random numbers; they are trainable.
    Raises ValueError when the head is not linear or has more classes already.
    """
    before = _heads(model)
    for head in before:
        if not isinstance(head, nn.Linear):
            raise ValueError(f"the head is {type(head).__name__}, not one linear layer: there are no classes to keep")
        if head.out_features > num_classes:
            raise ValueError(f"the head has {head.out_features} classes: it cannot shrink to {num_classes}")
    model.reset_classifier(num_classes)
    with torch.no_grad():
        for old, new in zip(before, _heads(model), strict=True):
            nn.init.trunc_normal_(new.weight, std=SPREAD_OF_NEW_WEIGHTS)
            nn.init.zeros_(new.bias)
            new.weight[:old.out_features] = old.weight
            new.bias[:old.out_features] = old.bias
    return model


def _heads(model: nn.Module) -> list[nn.Module]:
    head = model.get_classifier()
    return list(head) if isinstance(head, tuple) else [head]


def _contents(path: Path) -> dict:
    """What the file holds, read without executing anything."""
    if not path.is_file():
        raise FileNotFoundError(f"{path} is not a file: give the path of a checkpoint")
    if path.suffix == ".safetensors":
        return read_weights(path)
    try:
        with torch.serialization.safe_globals([argparse.Namespace]):  # timm keeps the settings of a training in one
            contents = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch's reader stumbles over damaged files in many ways
        raise ValueError(f"{path.name} {_trouble(str(error))}") from error
    if not isinstance(contents, dict):
        raise ValueError(f"{path.name} holds {type(contents).__name__}, not a dict of weights: save model.state_dict()")
    return contents


def _trouble(error: str) -> str:
    """Why torch could not read a file, as the end of a sentence."""
    if refused := re.search(r"Unsupported \w+: GLOBAL (\S+)", error):
        return (
            f"holds Python objects ({refused[1]}), which could run any program on your computer, and is not opened: "
            "save the weights alone, torch.save(model.state_dict(), path)"
        )
    return "is damaged, cut short, or no checkpoint at all: compare its size with the original's, or save it again"


def _chosen(contents: dict, path: Path) -> tuple[Weights, list[Weights]]:
    """The set of weights to take, and the others that the file holds."""
    found = list(_sets_of_weights(contents))
    if not found:
        names = ", ".join(str(name) for name in list(contents)[:NAMED])
        raise ValueError(
            f"{path.name} holds no weights of a timm vision transformer (no '{ANCHOR}'); it begins with: {names}"
        )
    averages = [weights for weights in found if weights.is_average]
    chosen = averages or found
    if len(chosen) > 1:
        places = "; ".join(weights.place for weights in chosen)
        raise ValueError(f"{path.name} holds several sets of weights ({places}): save the one you want alone")
    return chosen[0], [weights for weights in found if weights is not chosen[0]]


def _sets_of_weights(contents: dict, keys: tuple[str, ...] = ()) -> Iterator[Weights]:
    """Every state dict of a vision transformer inside, its names freed from what stands before timm's."""
    for name, value in contents.items():
        if isinstance(value, dict):
            yield from _sets_of_weights(value, (*keys, str(name)))
        elif str(name).endswith(ANCHOR):
            yield _behind_prefix(contents, name.removesuffix(ANCHOR), keys)


def _behind_prefix(contents: dict, prefix: str, keys: tuple[str, ...]) -> Weights:
    """The tensors of a dict whose names begin with the prefix, without it; the dict was found under `keys`."""
    place = f"under '{'.'.join(keys)}'" if keys else "at the top"
    place += f" behind the prefix '{prefix}'" if prefix else ""
    words = set(re.split(r"[^a-z]+", ".".join((*keys, prefix)).lower()))
    is_average = "ema" in words or "n_averaged" in contents  # the latter by torch.optim.swa_utils.AveragedModel
    inside = {name: value for name, value in contents.items() if name.startswith(prefix) and isinstance(value, Tensor)}
    return Weights(place, is_average, {name.removeprefix(prefix): value for name, value in inside.items()})


def _classes_in(tensors: dict[str, Tensor]) -> int:
    return len(tensors["head.weight"]) if "head.weight" in tensors else 0


def _counted(classes: int) -> str:
    return f"{classes} classes" if classes else "no head"


def _made(architecture: str, classes: int) -> nn.Module:
    import timm

    if not timm.is_model(architecture):
        near = ", ".join(difflib.get_close_matches(architecture, timm.list_models())) or "see timm.list_models('vit_*')"
        raise ValueError(f"timm has no architecture '{architecture}'; near it: {near}")
    with torch.random.fork_rng(devices=[]):  # weights that are replaced at once must not cost the caller's seed
        return timm.create_model(architecture, num_classes=classes)


def _check_fit(model: nn.Module, tensors: dict[str, Tensor], path: Path) -> None:
    """ValueError, as a sentence, unless names and shapes are those of the model."""
    expected, classes = model.state_dict(), _classes_in(tensors)
    if (own := _classes_in(expected)) != classes:
        raise ValueError(
            f"{path.name} has {_counted(classes)}, the model {_counted(own)}: create the model with "
            f"num_classes={classes}, load it, and let grow_head add classes"
        )
    shapes = [
        f"{name} is {tuple(tensors[name].shape)} instead of {tuple(expected[name].shape)}"
        for name in expected if name in tensors and tensors[name].shape != expected[name].shape
    ]
    missing = [name for name in expected if name not in tensors]
    unknown = [name for name in tensors if name not in expected]
    differences = [
        *_listed("missing", missing), *_listed("unknown to the model", unknown), *_listed("of another shape", shapes)
    ]
    if not differences:
        return
    if len(shapes) == 1 and shapes[0].startswith("pos_embed") and not missing + unknown:
        hint = "the picture or patch size differs (timm.create_model(..., img_size=...))"
    else:
        hint = f"these are weights of another architecture than {type(model).__name__} of this size"
    raise ValueError(f"{path.name} does not fit the model: {hint}; {'; '.join(differences)}")


def _listed(what: str, names: list[str]) -> list[str]:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return [f"{what}: {', '.join(names[:NAMED])}{more}"] if names else []
