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


def told(lesion):
    return lexicon.parse(describe(lesion.attributes, "focused", np.random.default_rng(0)))


def test_a_true_describer_follows_the_picture_and_only_the_picture(pairs):
    before, after = [told(pair.before) for pair in pairs], [told(pair.after) for pair in pairs]
    table = counterfactual.follow(pairs, before, after)
    assert table["slot"].tolist() == [pair.slot for pair in pairs]
    assert table[["changed", "followed"]].all(axis=None) and (table["others"] == 0).all()


def test_blind_and_restless_captions_are_found_out(pairs):
    same = [lexicon.parse(REFERENCE)] * len(pairs)
    constant = counterfactual.follow(pairs, same, same)
    assert (constant[["changed", "followed", "others"]] == 0).all(axis=None)
    true = [[facts.true_facts(side.attributes) for side in (pair.before, pair.after)] for pair in pairs]
    wanders = [{**after, "border_sharpness": ("sharp", "uncertain")} for _, after in true]
    restless = counterfactual.follow(pairs, [before for before, _ in true], wanders)
    assert restless["followed"].all() and ((restless["others"] > 0) & (restless["others"] <= 0.1)).all()


def test_the_noise_floor_is_counted_by_the_same_rule(pairs):
    """A caption that changes though the picture did not would have passed as followed: noise, not sight."""
    before, after = [told(pair.before) for pair in pairs], [told(pair.after) for pair in pairs]
    changed = counterfactual.follow(pairs, before, after)
    steady = counterfactual.follow(pairs, before, before)  # a mirror that changes nothing in the caption
    flighty = counterfactual.follow(pairs, before, after)  # a mirror whose captions change at random, here always
    rows = range(len(pairs))
    assert scoring.compare(changed["followed"], steady["followed"], rows).difference == 1
    assert scoring.compare(changed["followed"], flighty["followed"], rows).outcome == "cannot tell"


def test_a_denial_may_be_silent(pairs):
    """Who says nothing of streaks before they are drawn, and names them after, has followed."""
    here = [pair for pair in pairs if pair.slot == "streaks" and not pair.before.attributes["streaks"]]
    silent = {slot: fact for slot, fact in told(here[0].before).items() if slot != "streaks"}
    (row,) = counterfactual.follow(here[:1], [silent], [told(here[0].after)]).to_dict("records")
    assert row == {"slot": "streaks", "changed": True, "followed": True, "others": 0}
