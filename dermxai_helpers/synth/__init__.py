"""What does a lesion with known causes look like?

Drawn lesions: pictures that pass for dermoscopy at a glance and of which everything is known: the outline, every
structure, every artefact, and which of them the class depends on. They teach and they test; they are not data about
real skin.
"""

from dermxai_helpers.synth.attributes import ARTEFACTS, COLOURS, LABELS, PARTS
from dermxai_helpers.synth.drawing import Lesion, draw
from dermxai_helpers.synth.folder import read_parts, write_folder

__all__ = ["ARTEFACTS", "COLOURS", "LABELS", "PARTS", "Lesion", "draw", "read_parts", "write_folder"]
