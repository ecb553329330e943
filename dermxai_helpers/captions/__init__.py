"""What a vision-language model says about each view of a lesion."""

import importlib

from dermxai_helpers.captions.prompts import PROMPTS, VIEW_OF_PROMPT

__all__ = ["Captioner", "PROMPTS", "VIEW_OF_PROMPT", "without_echo"]


def __getattr__(name: str):
    """Load the captioner, which needs torch, the first time it is named."""
    if name in __all__:
        return getattr(importlib.import_module("dermxai_helpers.captions.captioner"), name)
    raise AttributeError(f"dermxai_helpers.captions has no name {name!r}; there are {', '.join(__all__)}")
