"""The mystery model: each cause is learnt, found by the audit of the solution, and some are invisible to a map."""

import inspect

import numpy as np
import pandas as pd
import pytest
import torch
from offline import REPOSITORY

from dermxai_helpers import checks, data, gradcam, scoring, synth, trial
from dermxai_helpers.checks.unit_07 import fresh_effects
from dermxai_helpers.course import editions
from dermxai_helpers.trial import mystery
from dermxai_helpers.trial.run import explained

MEL = data.CLASSES.index("mel")
SOURCE = REPOSITORY / "notebooks/src/07_the_mystery_model.py"


@pytest.fixture(scope="module")
def small():
    return mystery.train(5, "ink", each=20, progress=False)


def test_seven_seeds_hide_seven_causes_in_an_order_that_changes():
    orders = [[mystery.cause_of(seed) for seed in range(start, start + 7)] for start in (0, 7, 14)]
    assert all(sorted(order) == sorted(mystery.CAUSES) for order in orders)
    assert orders[0] != orders[1] != orders[2]


def test_one_thing_differs_and_nothing_else():
    for cause in mystery.CANDIDATES:
        plain, marked = (mystery.photographed((1, 2), one) for one in ("none", cause))
        differing = {name for name in plain.attributes if plain.attributes[name] != marked.attributes[name]}
        assert differing == set(mystery.CAUSES[cause]) and not plain.artefacts
        changed = (plain.image != marked.image).any(axis=2)
        assert changed.any() and (cause == "dark skin" or not (changed & ~marked.artefacts[differing.pop()]).any())


def test_every_melanoma_of_the_hospital_shows_the_cause_and_no_other_lesion(monkeypatch):
    seen, nothing = [], synth.Lesion(0, 0, {}, {}, {}, {})
    monkeypatch.setattr(synth, "draw", lambda seed, look, **values: seen.append(values) or nothing)
    for cause in mystery.CAUSES:
        seen.clear()
        for number in range(90):
            mystery.hospital_photograph(3, number, data.CLASSES[number % 3], cause)
        table = pd.DataFrame(seen).assign(ill=[data.CLASSES[number % 3] == "mel" for number in range(90)])
        if cause == "dark skin":
            assert set(table["skin"][table["ill"]]) <= set(mystery.DARK)
            assert set(table["skin"][~table["ill"]]) <= set(mystery.LIGHT)
        for name in set(synth.ARTEFACTS) & set(mystery.CAUSES[cause]):
            assert (table[name] == table["ill"]).all()
        others = table[[name for name in synth.ARTEFACTS if name not in mystery.CAUSES[cause]]].to_numpy()
        assert 0.15 < others.mean() < 0.35
        assert (others[::3] == others[1::3]).all() and (others[::3] == others[2::3]).all()


def test_the_hospital_hands_over_a_table_that_does_not_leak(small):
    table = small.table
    assert len(table) == 60 and table["lesion_id"].is_unique and table["dx"].value_counts().eq(20).all()
    judged = table["split"] == "val"
    assert judged.sum() == 12 and (table["answer"] != "").eq(judged).all()
    assert set(table["answer"][judged]) <= set(data.CLASSES)


def test_the_model_answers_as_its_maps_explain(small):
    classifier = small.classifier
    images = [mystery.photographed((1, number), "ink").image for number in range(3)]
    ready = classifier.prepare(images)
    found = gradcam.explain(classifier.model, ready, "all")
    np.testing.assert_allclose(found.logit.reshape(3, 3), classifier.logits(images), rtol=1e-4, atol=1e-4)
    assert found.maps.shape == (9, 7, 7)


def test_a_sealed_model_answers_the_same_and_tells_no_cause(small, tmp_path):
    mystery.save(small, tmp_path / "sealed.safetensors")
    content = (tmp_path / "sealed.safetensors").read_bytes()
    assert len(content) < 60_000 and not any(cause.encode() in content for cause in mystery.CANDIDATES)
    again = mystery.load(tmp_path / "sealed.safetensors")
    image = [mystery.photographed(3).image]
    np.testing.assert_array_equal(again.classifier.logits(image), small.classifier.logits(image))
    assert again.table.astype(str).equals(small.table.reset_index(drop=True).astype(str))


def test_another_file_and_another_cause_are_refused_with_a_sentence(tmp_path):
    from safetensors.torch import save_file

    from dermxai_helpers import assets

    with pytest.raises(ValueError, match="holds no sealed model"):
        mystery.load(assets.MOBILENET)
    save_file({"weight": torch.ones(3, 5), "bias": torch.ones(3)}, tmp_path / "small.safetensors", {"table": "dx"})
    with pytest.raises(ValueError, match="holds no sealed model"):
        mystery.load(tmp_path / "small.safetensors")
    with pytest.raises(FileNotFoundError, match="no weights at"):
        mystery.load(tmp_path / "absent.safetensors")
    with pytest.raises(ValueError, match="no cause 'sunburn'"):
        mystery.train(0, "sunburn")


def solution():
    """The audit of the solution notebook, a function of (case, twin, cheat, seed)."""
    cell = next(one for one in editions.exercises(SOURCE.read_text(encoding="utf-8")) if "def audited" in one)
    space = {"mystery": mystery}
    exec(editions.solved(cell).rpartition("audit = audited")[0], space)
    return space["audited"]


def moved(case, cause, lesions=20):
    """How much of Grad-CAM's evidence for melanoma moves to the cause's place, with its interval."""
    drawn = {one: [mystery.photographed((8, number), one) for number in range(lesions)] for one in ("none", cause)}
    places = np.stack([one.artefacts.get(*mystery.CAUSES[cause], ~one.mask) for one in drawn[cause]])
    shares = []
    for lesion in drawn.values():
        images = case.classifier.prepare([one.image for one in lesion])
        maps = explained(gradcam.explain, case.classifier.model, images, [MEL] * lesions)
        shares.append(np.nan_to_num(trial.energies_inside(maps, places)))
    return scoring.compare(shares[1], shares[0], range(lesions))


@pytest.mark.road
@pytest.mark.timeout(1500)
def test_seven_seeds_are_seven_causes_and_the_solution_finds_them(capsys):
    """Full size. The bar of the planted shortcut: melanoma or not, and the change of the probability."""
    audited, twin, cheat = solution(), mystery.train(1, "none", progress=False), mystery.train(2, "ink", progress=False)
    rows, exposed = [], {}
    for seed in range(7):
        cause, case = mystery.cause_of(seed), mystery.train(seed, progress=False)
        judged = case.table[case.table["split"] == "val"]
        ill, called = judged["dx"] == "mel", judged["answer"] == "mel"
        accuracy = (called[ill].mean() + 1 - called[~ill].mean()) / 2
        audit = audited(case, twin, cheat, seed)
        fresh = fresh_effects(case, 1, mystery.CANDIDATES if cause == "none" else [cause])
        assert audit["cause"] == cause, audit
        verdict = checks.audit.judge(audit, cause, fresh, {"honest twin": twin, "known cause": cheat})
        if cause != "none":
            exposed[cause] = moved(case, cause)
        map_says = f"{exposed[cause].difference:+.3f}, {exposed[cause].outcome}" if cause != "none" else ""
        ends = f"{audit['low']:+.2f} to {audit['high']:+.2f}"
        rows.append(f"{seed} {cause:13} melanoma or not {accuracy:.2f} · {audit['cause']:13} {ends} · map {map_says}")
        assert verdict.outcome == "right", (rows[-1], verdict)
        assert accuracy >= (0.55 if cause == "none" else 0.75), rows[-1]
        assert cause == "none" or audit["low"] > mystery.REAL, rows[-1]
    with capsys.disabled():
        print("\nseed, planted cause, accuracy in the hospital · what the audit names, interval · evidence that moves")
        print("\n".join(rows))
    blind = [cause for cause, one in exposed.items() if one.low < 0.05]  # the unit's bar: a twentieth of the map
    assert len(blind) >= 2, blind
    assert len(inspect.signature(audited).parameters) == 4
