"""Which structures of a drawn lesion speak for a class, and where they lie; on photographs nobody knows."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from dermxai_helpers import data, synth
from dermxai_helpers.synth.attributes import posterior

ABSENT = {"network": "none", "dots": "none"}  # every other structure is there or not: True or False


@dataclass(frozen=True)
class Truth:
    """What is known of one drawn photograph.

    attributes : as `synth.Lesion.attributes`
    masks : bool (height, width) by name, of every structure and artefact that is present
    """

    attributes: Mapping[str, Any]
    masks: Mapping[str, np.ndarray]

    def where(self, names: Sequence[str], shape: tuple[int, int]) -> np.ndarray:
        """Where any of these structures or artefacts lies, bool (height, width)."""
        present = [self.masks[name] for name in names if name in self.masks]
        return np.logical_or.reduce(present) if present else np.zeros(shape, bool)


def causal_parts(attributes: Mapping[str, Any], label: str) -> list[str]:
    """Name the structures without which this lesion would be less likely to be a `label` (by Bayes, exactly)."""
    column = synth.LABELS.index(label)
    likely = posterior(dict(attributes))[column]
    found = []
    for name in synth.PARTS:
        absent = ABSENT.get(name, False)
        if attributes[name] != absent and posterior(dict(attributes) | {name: absent})[column] < likely:
            found.append(name)
    return found


def of_folder(folder: str | os.PathLike, image_ids: Sequence[str]) -> list[Truth] | None:
    """Read the truth of drawn photographs in a folder, in the order of `image_ids`; None for a folder of real ones."""
    known = data.truth(folder)
    if known is None:
        return None
    rows = known.set_index("image_id").loc[list(image_ids)].to_dict("index")
    return [
        Truth(row | {"pigments": tuple(row["pigments"].split("+"))}, synth.read_parts(folder, image_id))
        for image_id, row in rows.items()
    ]
