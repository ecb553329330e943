"""Small demo checkpoints, trained on drawn lesions only by the notebooks in notebooks/appendix."""

from pathlib import Path

FOLDER = Path(__file__).parent
MOBILENET = FOLDER / "mobilenetv2_demo.safetensors"
CAPTIONER = FOLDER / "captioner"
