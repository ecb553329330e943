"""Exercises of unit 05: what one query collects, the echo of a prompt, captions that have seen another lesion."""

import numpy as np
import torch

from dermxai_helpers.checks.exercise import Exercise


def _attended(query, tokens, to_query, to_key, to_value, divisor=5**0.5, share=lambda scores: scores.softmax(dim=0)):
    return share(tokens @ to_key @ (query @ to_query) / divisor) @ (tokens @ to_value)


SHAPES = (3,), (7, 6), (3, 5), (6, 5), (6, 4)
one_query = Exercise("one_query", right=_attended,
    praise="A weighted mean: query and keys decide how much of each token, the values what is taken from it.",
    draw=lambda rng: tuple(torch.from_numpy(rng.normal(size=shape)).float() for shape in SHAPES), mistakes={
        "The scores are not divided by the root of d.": lambda *these: _attended(*these, divisor=1),
        "You divided by the root of the query's length. What is d?": lambda *these: _attended(*these, divisor=3**0.5),
        "The weights do not add up to one, so this is no mean.": lambda *these: _attended(*these, share=lambda s: s),
        "The tokens themselves are collected. What is not used?": lambda *these: _attended(*these[:4], torch.eye(6)),
    })  # fmt: skip

WORDS = "describe the border colour network of a lesion".split()
without_echo = Exercise("without_echo", as_found=lambda written, prompt: written[len(prompt) :],
    draw=lambda rng: (rng.permutation(WORDS)[:5].tolist(), rng.permutation(WORDS).tolist()),
    observe=lambda answer, prompt, caption: {case: answer(written, prompt) for case, written in {
        "an echo and a caption": [*prompt, *caption], "a caption alone": ["is", *caption], "an echo alone": [*prompt],
        "a caption that begins like the prompt": [*prompt[:-1], "is", *caption]}.items()},
    right=lambda written, prompt: written[len(prompt) :] if written[: len(prompt)] == prompt else written,
    praise="An echo is the whole prompt, in front. Everything else is what the model says.", mistakes={
        "The echo is still there: the prompt's words would count as the model's.": lambda written, prompt: written,
        "A caption may use the prompt's words: keep them.": lambda words, prompt: [w for w in words if w not in prompt],
        "The first word alone is no echo.": lambda said, prompt: said[len(prompt) :] if said[0] == prompt[0] else said,
    })  # fmt: skip


def photographs(rng):
    """What captions say of 30 photographs of 10 lesions, what is true, and the lesions."""
    values, lesion = np.array(["typical", "atypical", "absent"]), rng.permutation(30) % 10
    true = rng.choice(values, 10)[lesion]
    return np.where(rng.random(30) < 0.5, true, rng.choice(values, 30)), true, lesion


def _gained(said, true, group):
    fits = said[:, None] == true
    return np.diag(fits).mean() - fits[group[:, None] != group].mean()


beyond_shuffles = Exercise("beyond_shuffles", draw=photographs, right=_gained,
    praise="The writer's habits stay in the shuffles. What is left beyond them came from the picture.", mistakes={
        "Own photographs are no control.": lambda said, true, _: (said == true).mean() - (said[:, None] == true).mean(),
        "A caption also met photographs of its own lesion.": lambda said, true, _: _gained(said, true, np.arange(30)),
        "This is the share stated rightly. What do other captions get?": lambda said, true, _: (said == true).mean(),
    })  # fmt: skip
