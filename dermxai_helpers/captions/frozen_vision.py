"""Teaching an InstructBLIP to speak while its vision encoder stays as it is.

What does not change need not be computed twice: the tokens of each picture are made once, and a training step then
costs only language.
"""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import nn


@torch.no_grad()
def vision_tokens(model: nn.Module, processor, images: Sequence[np.ndarray]) -> torch.Tensor:
    """The frozen encoder's tokens, float16 (B, 1 + patches, width), of uint8 RGB images of any size."""
    pixels = processor.image_processor(list(images), return_tensors="pt")["pixel_values"]
    return model.vision_model(pixel_values=pixels).last_hidden_state.half()


class _TokensAsPixels(nn.Module):
    """Stands where the vision encoder stands and hands through tokens that were computed before."""

    def forward(self, pixel_values: torch.Tensor, **_):
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        return BaseModelOutputWithPooling(last_hidden_state=pixel_values, pooler_output=pixel_values[:, 0])


@contextlib.contextmanager
def precomputed_vision(model: nn.Module) -> Iterator[nn.Module]:
    """Inside, `pixel_values` are vision tokens (B, 1 + patches, width) and the vision encoder is not run."""
    encoder = model.vision_model
    model.vision_model = _TokensAsPixels()
    try:
        yield model
    finally:
        model.vision_model = encoder


def encode_question(processor, prompt: str) -> dict[str, torch.Tensor]:
    """A prompt as the model reads it, each (1, N): ids for T5 with places for image tokens, and for the Q-Former."""
    blank = np.zeros((8, 8, 3), np.uint8)
    encoded = processor(images=[blank], text=[prompt], return_tensors="pt")
    return {name: tensor for name, tensor in encoded.items() if name != "pixel_values"}
