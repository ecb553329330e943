"""Exercises of unit 05: what one query collects, the echo of a prompt, captions that have seen another lesion."""

from functools import partial
from os.path import commonprefix

import numpy as np
import torch

from dermxai_helpers.checks.exercise import Exercise


def attended(query, tokens, to_query, to_key, to_value, share=lambda scores: (scores / 5**0.5).softmax(dim=0)):
    return share((tokens @ to_key) @ (query @ to_query)) @ (tokens if to_value is None else tokens @ to_value)


SHAPES = (3,), (7, 6), (3, 5), (6, 5), (6, 4)
one_query = Exercise(
    "one_query",
    draw=lambda rng: tuple(torch.from_numpy(rng.normal(size=shape)).float() for shape in SHAPES),
    right=lambda query, tokens, to_query, to_key, to_value: torch.nn.functional.scaled_dot_product_attention(
        (query @ to_query)[None], tokens @ to_key, tokens @ to_value)[0],
    mistakes={
        "The scores are not divided by the root of d.": partial(attended, share=lambda scores: scores.softmax(dim=0)),
        "You divided by the root of the query's own length. What is d?": (
            partial(attended, share=lambda scores: (scores / 3**0.5).softmax(dim=0))),
        "You divided by d, not by its root.": partial(attended, share=lambda scores: (scores / 5).softmax(dim=0)),
        "These weights may be negative and do not add up to one, so this is no mean.": (
            partial(attended, share=lambda scores: scores / 5**0.5)),
        "Only one token is taken. Attention is a mean: every token gives something.": (
            partial(attended, share=lambda scores: (scores == scores.max()).float())),
        "The tokens themselves are collected. Which matrix is not used?": lambda *given: attended(*given[:4], None),
    },
    praise="A weighted mean: query and keys decide how much of each token, the values what is taken from it.",
)  # fmt: skip

WORDS = "describe the border colour network of a lesion irregular typical brown asymmetric".split()
without_echo = Exercise(
    "without_echo",
    draw=lambda rng: (rng.permutation(WORDS)[:5].tolist(), rng.permutation(WORDS).tolist()),
    observe=lambda answer, prompt, caption: {case: answer(written, prompt) for case, written in {
        "an echo and a caption": [*prompt, *caption], "a caption alone": ["is", *caption], "an echo alone": [*prompt],
        "a short caption": prompt[:1], "a caption that begins like the prompt": [*prompt[:-1], "is", *caption],
        "the prompt once more, later": [*prompt, "is", *prompt, *caption]}.items()},
    right=lambda written, prompt: written[len(prompt) :] if written[: len(prompt)] == prompt else written,
    as_found=lambda written, prompt: written[len(prompt) :],
    mistakes={
        "The echo is still there: the prompt's words would count as the model's.": lambda written, prompt: written,
        "Words of the caption are gone, because the prompt holds them, too.": (
            lambda written, prompt: [word for word in written if word not in prompt]),
        "What is longer than the prompt need not begin with it.": (
            lambda written, prompt: written[len(prompt) :] if len(written) >= len(prompt) else written),
        "A caption may begin with the prompt's first word, and be no echo.": (
            lambda written, prompt: written[len(prompt) :] if written[0] == prompt[0] else written),
        "A caption may begin like the prompt and go on otherwise: that is no echo.": (
            lambda written, prompt: written[len(commonprefix([written, prompt])) :]),
        "Only what stands in front is an echo. Later it is what the model says.": (
            lambda written, prompt: " ".join(written).replace(" ".join(prompt), "").split()),
    },
    praise="An echo is the whole prompt, in front. Everything else is what the model says.",
)  # fmt: skip


def gained(said: np.ndarray, true: np.ndarray, lesion: np.ndarray, blind=None) -> float:
    right = said[:, None] == true
    return np.diag(right).mean() - right[lesion[:, None] != lesion if blind is None else blind].mean()


def photographs(rng: np.random.Generator) -> tuple:
    """What captions say of 30 photographs of 10 lesions, what is true, and the lesions."""
    values, lesion = np.array(["typical", "atypical", "absent"]), rng.permutation(30) % 10
    true = values[rng.choice(3, 10, p=[0.2, 0.6, 0.2])][lesion]
    return np.where(rng.random(30) < 0.5, true, rng.choice(values, 30)), true, lesion


beyond_shuffles = Exercise(
    "beyond_shuffles", draw=photographs, right=gained,
    mistakes={
        "A caption also met its own photograph. A control must not see it.": (
            partial(gained, blind=np.ones((30, 30), bool))),
        "A caption also met other photographs of its own lesion: what it says is as true of them.": (
            partial(gained, blind=~np.eye(30, dtype=bool))),
        "This is the share stated rightly. How much of it would a caption of another lesion get?": (
            lambda said, true, lesion: (said == true).mean()),
        "That is what shuffles get. How much more often is a caption true of its own photograph?": (
            lambda said, true, lesion: (said == true).mean() - gained(said, true, lesion)),
        "Captions and truth were moved together, so each caption kept its lesion.": lambda *given: 0.0,
        "The commonest value is another control. This one keeps the captions and changes the lesion.": (
            lambda said, true, lesion: (said == true).mean() - max((true == value).mean() for value in set(true))),
    },
    praise="The writer's habits stay in the shuffles. What is left beyond them came from the picture.",
)  # fmt: skip
