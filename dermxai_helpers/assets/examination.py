"""Does the demo captioner see? Its captions of drawn lesions that nobody was taught on, beside captions without eyes.

The bar was set before the first run: balanced accuracy .15 above a reader that always says the same, on six of eight
attributes. Attributes are drawn evenly and independently, so that none can be guessed from another.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from dermxai_helpers import captions, lexicon, scoring
from dermxai_helpers.lexicon import facts, parsing
from dermxai_helpers.lexicon.sentences import compliance
from dermxai_helpers.synth import Lesion, draw
from dermxai_helpers.synth.attributes import sample_evenly

SLOTS = (
    "symmetry", "border_shape", "colour_count", "network", "dots_globules", "streaks", "blue_white_veil", "milia",
    "comedo",
)  # fmt: skip
BAR = 0.15
EXAM_SEED = 999  # neither the lessons' nor the spoken lesions'
UNASKED = {"milia": ("any", "absent"), "comedo": ("any", "absent")}  # no prompt asks for them: silence denies


def exam_lesions(n: int = 1000, seed: int = EXAM_SEED) -> list[Lesion]:
    """Drawn lesions with even, independent attributes."""
    return [draw([seed, number], **sample_evenly(np.random.default_rng([seed, number]))) for number in range(n)]


def sit(captioner: captions.Captioner, lesions: Sequence[Lesion], prompt: str = "focused") -> pd.DataFrame:
    """One row a slot: how captions of the whole pictures do, with 95 % intervals, and three readers that see nothing.

    captions, low, high, shuffled, blank : balanced accuracy; constant : 1 / number of values; accuracy, majority :
    shares of all lesions; above : captions - constant; passed : whether that reaches BAR
    """
    pictures = [lesion.image for lesion in lesions]
    sentences = captioner.caption(pictures, captions.PROMPTS[prompt])
    grey = captioner.caption([np.full_like(pictures[0], 128)], captions.PROMPTS[prompt], progress=False)
    readers = *_readings(sentences, grey * len(lesions)), [facts.true_facts(lesion.attributes) for lesion in lesions]
    table = pd.DataFrame({slot: _row(*(_values(reader, slot) for reader in readers)) for slot in SLOTS}).T
    table["above"] = table["captions"] - table["constant"]
    table["passed"] = table["above"] >= BAR
    table.attrs["form"] = pd.DataFrame(map(compliance, sentences)).mean().to_dict()
    return table


def _readings(sentences: Sequence[str], grey: Sequence[str]) -> tuple[list[parsing.Facts], ...]:
    said = [UNASKED | lexicon.parse(sentence) for sentence in sentences]
    return said, facts.shuffled(said), [UNASKED | lexicon.parse(sentence) for sentence in grey]


def _values(readings: Sequence[parsing.Facts], slot: str) -> np.ndarray:
    """ "typical present", "any absent", ... and "" for silence, (n,); two colours are many, as the prompts have it."""
    return np.array([" ".join(one.get(slot, ())).replace("two", "many") for one in readings])


def _row(said: np.ndarray, dealt: np.ndarray, grey: np.ndarray, true: np.ndarray) -> dict[str, float]:
    def balanced(true: np.ndarray, said: np.ndarray) -> float:
        return float(np.mean([(said == true)[true == value].mean() for value in np.unique(true)]))

    low, high = scoring.interval(balanced, np.arange(len(true)), true, said)
    return {
        "captions": balanced(true, said), "low": low, "high": high, "constant": 1 / len(np.unique(true)),
        "shuffled": balanced(true, dealt), "blank": balanced(true, grey),
        "accuracy": (said == true).mean(), "majority": np.unique(true, return_counts=True)[1].max() / len(true),
    }  # fmt: skip
