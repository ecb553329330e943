"""Captions of many views beside the naive loop. Run: pytest tests/benchmarks/test_captions.py --benchmark-enable -s

200 drawn lesions, three views each. The naive loop prepares and generates one caption at a time; the captioner batches.
The two take turns, one view after the other; the sentences must be the same. A second table asks three questions about
the *same* picture: there the captioner also encodes each picture once.
"""

import time
from statistics import median

import pytest
import torch

from dermxai_helpers import captions, regions, synth
from dermxai_helpers.captions.captioner import MOST_NEW_TOKENS
from dermxai_helpers.captions.prompts import PROMPTS

LESIONS, ROUNDS = 200, 3


def naive(captioner, images, prompts):
    """One `generate` for each picture and prompt, as most scripts do it."""
    said = []
    for image, prompt in zip(images, prompts, strict=True):
        inputs = captioner.processor(images=image, text=prompt, return_tensors="pt")
        tokens = captioner.model.generate(**inputs, do_sample=False, max_new_tokens=MOST_NEW_TOKENS)
        said.append(captioner.processor.decode(tokens[0], skip_special_tokens=True).strip())
    return said


def views():
    """Three views of each lesion, cut around its mask."""
    drawn = [synth.draw((9, number)) for number in range(LESIONS)]
    return [regions.views(one.image, regions.find(one.mask.astype(float))) for one in drawn]


def table(name, times):
    loop, ours = (median(times[way]) for way in ("naive loop", "captioner"))
    print(f"\n{name}: naive loop {loop:.1f} s, captioner {ours:.1f} s for {LESIONS} captions (median), "
          f"{loop / ours:.1f} times as fast, {torch.get_num_threads()} threads")


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("same_picture", [False, True], ids=["three views", "one picture"])
def test_captions_against_a_loop(benchmark, same_picture):
    captioner, seen = captions.Captioner("demo", device="cpu"), views()
    pairs = {view: [(every["original" if same_picture else view], PROMPTS[prompt]) for every in seen]
             for prompt, view in captions.VIEW_OF_PROMPT.items()}
    together = [asked for of_view in zip(*pairs.values(), strict=True) for asked in of_view]
    thirds = [together[start::ROUNDS] for start in range(ROUNDS)] if not same_picture else [
        together[start:start + LESIONS] for start in range(0, len(together), LESIONS)]
    times = {"naive loop": [], "captioner": []}

    def all_rounds():
        for third in thirds:
            answers = []
            for way, write in (("naive loop", lambda *asked: naive(captioner, *asked)),
                               ("captioner", lambda *asked: captioner.caption(*asked, progress=False))):
                start = time.perf_counter()
                answers.append(write(*map(list, zip(*third, strict=True))))
                times[way].append(time.perf_counter() - start)
            assert answers[0] == answers[1]

    captioner.caption([seen[0]["roi"]], PROMPTS["roi"], progress=False)  # warm-up
    benchmark.pedantic(all_rounds, rounds=1)
    table("one picture, three prompts" if same_picture else "three views", times)
