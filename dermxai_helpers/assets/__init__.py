"""Small demo checkpoints, trained on drawn lesions only by the notebooks in notebooks/appendix."""

from pathlib import Path

FOLDER = Path(__file__).parent
MOBILENET = FOLDER / "mobilenetv2_demo.safetensors"
VIT = FOLDER / "vit_demo.safetensors"
VIT_CARD = FOLDER / "vit_demo.json"
CAPTIONER = FOLDER / "captioner"
