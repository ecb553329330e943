"""Which structures of a drawn lesion speak for a class, and where do they lie?

The class of a drawn lesion acts on the picture only through attributes with known chances, so for each structure it can
be worked out whether the lesion without it would be less likely to belong to the class. On photographs nobody knows.
"""

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
    shape : (height, width)
    """

    attributes: Mapping[str, Any]
    masks: Mapping[str, np.ndarray]
    shape: tuple[int, int] = (224, 224)

    def causes(self, label: str) -> np.ndarray:
        """Where the structures lie that make `label` more likely, bool (height, width)."""
        return self._union(causal_parts(self.attributes, label))

    def structures(self) -> np.ndarray:
        """Where any structure lies, whatever it speaks for, bool (height, width)."""
        return self._union(synth.PARTS)

    def artefacts(self) -> np.ndarray:
        """Where hair, ruler, bubbles, ink or dark corners lie, bool (height, width)."""
        return self._union(synth.ARTEFACTS)

    def _union(self, names: Sequence[str]) -> np.ndarray:
        present = [self.masks[name] for name in names if name in self.masks]
        return np.logical_or.reduce(present) if present else np.zeros(self.shape, bool)


def causal_parts(attributes: Mapping[str, Any], label: str) -> list[str]:
    """Names of the structures without which this lesion would be less likely to be a `label` (by Bayes, exactly)."""
    column = synth.LABELS.index(label)
    likely = posterior(dict(attributes))[column]
    present = [name for name in synth.PARTS if attributes[name] != ABSENT.get(name, False)]
    without = {name: dict(attributes) | {name: ABSENT.get(name, False)} for name in present}
    return [name for name in present if posterior(without[name])[column] < likely]


def of_lesion(lesion: synth.Lesion) -> Truth:
    """The truth of a lesion just drawn."""
    return Truth(lesion.attributes, lesion.parts | lesion.artefacts, lesion.mask.shape)


def of_folder(folder: str | os.PathLike, image_ids: Sequence[str]) -> list[Truth] | None:
    """The truth of drawn photographs in a folder, in the order of `image_ids`; None for a folder of real ones."""
    known = data.truth(folder)
    if known is None:
        return None
    rows = known.set_index("image_id").loc[list(image_ids)].to_dict("index")
    return [
        Truth(row | {"pigments": tuple(row["pigments"].split("+"))}, data.parts(folder, image_id))
        for image_id, row in rows.items()
    ]
