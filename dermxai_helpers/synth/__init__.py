"""Draws lesions of which everything is known: outline, structures, artefacts, and what the class depends on.

They pass for dermoscopy at a glance. They teach and they test; they are not data about real skin.
"""

from dermxai_helpers.synth.attributes import ARTEFACTS, COLOURS, LABELS, PARTS
from dermxai_helpers.synth.drawing import Lesion, draw
from dermxai_helpers.synth.folder import is_complete, read_parts, write_folder
