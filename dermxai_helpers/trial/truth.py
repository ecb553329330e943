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
    masks : bool (224, 224) by name, of every structure and artefact that is present
    """

    attributes: Mapping[str, Any]
    masks: Mapping[str, np.ndarray]

    def causes(self, label: str) -> np.ndarray:
        """Where the `causal_parts` of a label lie, bool (224, 224)."""
        places = [self.masks[name] for name in causal_parts(self.attributes, label) if name in self.masks]
        return np.logical_or.reduce([np.zeros((224, 224), bool), *places])


def causal_parts(attributes: Mapping[str, Any], label: str) -> list[str]:
    """Name the structures without which this lesion would be less likely to be a `label` (by Bayes, exactly)."""
    column = synth.LABELS.index(label)
    likely = posterior(attributes)[column]
    absent = {name: ABSENT.get(name, False) for name in synth.PARTS}
    there = [name for name in synth.PARTS if attributes[name] != absent[name]]
    return [name for name in there if posterior({**attributes, name: absent[name]})[column] < likely]


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
