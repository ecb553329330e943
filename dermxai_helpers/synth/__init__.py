"""Draws lesions of which everything is known, causes included. They teach and test; they are not data about skin."""

from dermxai_helpers.synth.attributes import ARTEFACTS, COLOURS, LABELS, PARTS
from dermxai_helpers.synth.drawing import Lesion, draw
from dermxai_helpers.synth.folder import is_complete, read_parts, write_folder
