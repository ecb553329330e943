"""Which images, which labels, which split – and every file opened safely."""

from dermxai_helpers.data.checks import COLUMNS
from dermxai_helpers.data.images import open_image, open_mask
from dermxai_helpers.data.split import leak_report, split
from dermxai_helpers.data.table import CLASS_NAMES, CLASSES, load, parts, prepare, truth
from dermxai_helpers.files import DataError

__all__ = [
    "CLASSES",
    "CLASS_NAMES",
    "COLUMNS",
    "DataError",
    "leak_report",
    "load",
    "open_image",
    "open_mask",
    "parts",
    "prepare",
    "split",
    "truth",
]
