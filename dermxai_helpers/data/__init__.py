"""Which images, which labels, which split – and every file opened safely."""

from dermxai_helpers.data.images import open_image, open_mask
from dermxai_helpers.data.split import leak_report, split
from dermxai_helpers.data.table import CLASS_NAMES, CLASSES, load, prepare, truth
