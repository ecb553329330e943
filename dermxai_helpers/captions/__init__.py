"""What does a vision-language model say about each view?"""

from dermxai_helpers.captions.captioner import (
    DEMO_FOLDER,
    MOST_NEW_TOKENS,
    VIEW_OF_PROMPT,
    Captioner,
    describe,
    without_echo,
)
from dermxai_helpers.captions.checkpoints import CheckpointMissing
from dermxai_helpers.captions.prompts import PROMPTS

__all__ = [
    "Captioner",
    "CheckpointMissing",
    "DEMO_FOLDER",
    "MOST_NEW_TOKENS",
    "PROMPTS",
    "VIEW_OF_PROMPT",
    "describe",
    "without_echo",
]
