"""The same lesion drawn twice: captions that follow the picture, blind ones and restless ones."""

import numpy as np
import pytest

from dermxai_helpers import lexicon, scoring
from dermxai_helpers.lexicon import counterfactual, facts
from dermxai_helpers.lexicon.sentences import describe

REFERENCE = (
    "The lesion is symmetric, with a regular border, of a single brown color, a typical pigment network, "
    "and no blue-white veil."
)


@pytest.fixture(scope="module")
def pairs() -> list[counterfactual.Pair]:
    return counterfactual.draw_pairs(2, seed=4)


def test_pairs_differ_in_the_named_slot_and_only_in_what_follows_from_it(pairs):
    follows = {"blue_white_veil": {"colour_count"}}
    for pair in pairs:
        before, after = (facts.true_facts(one.attributes) for one in (pair.before, pair.after))
        differing = {slot for slot in before if before[slot] != after[slot]}
        assert pair.slot in differing <= {pair.slot} | follows.get(pair.slot, set())
        assert not np.array_equal(pair.before.image, pair.after.image)
        kept = {"label", "skin", "hair", "ruler", "ink"}
        assert all(pair.before.attributes[name] == pair.after.attributes[name] for name in kept)
    first = [facts.true_facts(pair.before.attributes)[pair.slot] for pair in pairs]
    assert first[0] != first[1]  # there and back


def test_a_true_describer_follows_the_picture_and_only_the_picture(pairs):
    def told(lesion):
        return lexicon.parse(describe(lesion.attributes, "focused", np.random.default_rng(0)))

    before, after = [told(pair.before) for pair in pairs], [told(pair.after) for pair in pairs]
    table = counterfactual.follow(pairs, before, after)
    assert (table[["changed", "followed", "only", "faithful"]] == 1).all(axis=None)
    assert table.loc["streaks", "pairs"] == 2 and table.loc["all", "pairs"] == len(pairs)
    assert table.loc["all", ["low", "high"]].tolist() == list(scoring.wilson(len(pairs), len(pairs)))


def test_blind_and_restless_captions_are_found_out(pairs):
    same = [lexicon.parse(REFERENCE)] * len(pairs)
    constant = counterfactual.follow(pairs, same, same)
    assert (constant[["changed", "followed", "faithful"]] == 0).all(axis=None) and (constant["only"] == 1).all()
    true = [[facts.true_facts(side.attributes) for side in (pair.before, pair.after)] for pair in pairs]
    wanders = [{**after, "border_sharpness": ("sharp", "uncertain")} for _, after in true]
    restless = counterfactual.follow(pairs, [before for before, _ in true], wanders)
    assert (restless["followed"] == 1).all() and (restless[["only", "faithful"]] == 0).all(axis=None)
