"""dermxai: a course you can run, from heat-maps to captions of skin lesions. Not for clinical use.

Each room answers one question. `import dermxai_helpers` is cheap: a room loads when it is first used.
"""

import importlib

__version__ = "0.2.0"

ROOMS = (
    "files inference synth scoring explanation regions data gradcam relevancy training captions lexicon road trial "
    "plots widgets checks course"
).split()
__all__ = ["ROOMS", "__version__", *ROOMS]


def __getattr__(name: str):
    """Load a room the first time it is named: `dermxai_helpers.synth`."""
    if name in ROOMS:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"dermxai_helpers has no room named {name!r}; there are {', '.join(ROOMS)}")


def __dir__() -> list:
    """The rooms, for completion in notebooks."""
    return sorted(__all__)
