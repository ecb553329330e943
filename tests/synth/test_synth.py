"""Drawn lesions: the truth that comes with them is exact, and one change changes one thing."""

import hashlib
import os
import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.ndimage import binary_dilation

from dermxai_helpers import synth
from dermxai_helpers.synth import attributes as table

SWITCHES = ("streaks", "veil", "regression", "milia", "comedo", "fissures")


def changed_outside(before: synth.Lesion, after: synth.Lesion, mask: np.ndarray, pixels: int = 4) -> int:
    """How many pixels differ outside the mask, widened by a few pixels."""
    near = binary_dilation(mask, iterations=pixels)
    return int(((before.image != after.image).any(axis=2) & ~near).sum())


@pytest.mark.parametrize("name", SWITCHES)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_structure_changes_only_its_own_place(name, seed):
    without, with_it = synth.draw(seed, **{name: False}), synth.draw(seed, **{name: True})
    assert name in with_it.parts and name not in without.parts
    mask = with_it.parts[name]
    assert (without.image[mask] != with_it.image[mask]).any(), "the structure is not visible"
    assert changed_outside(without, with_it, mask) == 0


@pytest.mark.parametrize(
    ("name", "value"), [("network", "typical"), ("network", "atypical"), ("dots", "regular"), ("dots", "irregular")]
)
def test_network_and_dots_change_only_their_own_place(name, value):
    without, with_it = synth.draw(5, **{name: "none"}), synth.draw(5, **{name: value})
    assert changed_outside(without, with_it, with_it.parts[name]) == 0
    assert with_it.parts[name].any()


@pytest.mark.parametrize("name", synth.ARTEFACTS)
def test_an_artefact_changes_only_its_own_place(name):
    without, with_it = synth.draw(7, **{name: False}), synth.draw(7, **{name: True})
    mask = with_it.artefacts[name]
    assert mask.any()
    assert changed_outside(without, with_it, mask, pixels=1) == 0


def test_the_artefact_masks_and_parts_lie_where_they_should():
    lesion = synth.draw(11, milia=True, veil=True, fissures=True, hair=True)
    for name in ("milia", "veil", "fissures"):
        assert lesion.parts[name][~binary_dilation(lesion.mask, iterations=8)].sum() == 0, name


def test_the_same_seed_gives_the_same_picture_and_another_seed_another():
    assert np.array_equal(synth.draw(3).image, synth.draw(3).image)
    assert not np.array_equal(synth.draw(3).image, synth.draw(4).image)


def test_photographs_of_one_lesion_share_its_attributes_but_not_its_pixels():
    first, second = synth.draw(9, photo=0), synth.draw(9, photo=1)
    shared = [name for name in first.attributes if name not in synth.ARTEFACTS]
    assert all(first.attributes[name] == second.attributes[name] for name in shared)
    assert (first.image != second.image).mean() > 0.5


def test_colours_follow_from_pigments_veil_and_regression():
    lesion = synth.draw(2, pigments=("light brown", "black"), veil=True, regression=True)
    assert lesion.attributes["colours"] == ("white", "light brown", "blue-gray", "black")
    assert lesion.attributes["colour_count"] == 4


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"vail": True}, "vail"),
        ({"network": "messy"}, "messy"),
        ({"colour_count": 3}, "pigments"),
        ({"pigments": ("black",)}, "start with"),
    ],
)
def test_an_impossible_attribute_is_named(changes, named):
    with pytest.raises(ValueError, match=named):
        synth.draw(0, **changes)


def test_measured_values_follow_the_intended_ones():
    """Folding the mask tells symmetric from asymmetric, compactness regular from irregular (area under the curve)."""
    from sklearn.metrics import roc_auc_score

    lesions = [synth.draw(seed, streaks=False) for seed in range(160)]
    measured = pd.DataFrame([lesion.measured for lesion in lesions])
    asymmetric = [lesion.attributes["symmetry"] == "asymmetric" for lesion in lesions]
    irregular = [lesion.attributes["border_shape"] == "irregular" for lesion in lesions]
    by_folding, by_compactness = (
        roc_auc_score(asymmetric, measured.asymmetry),
        roc_auc_score(irregular, -measured.compactness),
    )
    print(f"asymmetry by folding: AUC {by_folding:.2f}; irregular border by compactness: AUC {by_compactness:.2f}")
    assert by_folding > 0.85 and by_compactness > 0.85


def balanced_accuracy(rows: pd.DataFrame, columns: list[str]) -> float:
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import cross_val_predict

    codes = pd.get_dummies(rows[columns].astype(str))
    model = LogisticRegression(class_weight="balanced", max_iter=500)
    return balanced_accuracy_score(rows.label, cross_val_predict(model, codes, rows.label, cv=3))


def test_attributes_tell_the_class_and_skin_and_artefacts_do_not():
    rng = np.random.default_rng(0)
    rows = []
    for _ in range(6000):
        lesion = table.completed(table.sample_lesion(table.sample_label(rng), rng))
        rows.append(lesion | {name: bool(rng.random() < table.ARTEFACT_CHANCES[name]) for name in table.ARTEFACTS})
    rows = pd.DataFrame(rows)
    skin = ["skin", *synth.ARTEFACTS]
    attributes = [name for name in rows if name not in (*skin, "label")]
    ceiling, chance = balanced_accuracy(rows, attributes), balanced_accuracy(rows, skin)
    print(f"balanced accuracy from attributes {ceiling:.3f}, from skin and artefacts {chance:.3f}")
    assert 0.81 < ceiling < 0.89
    assert abs(chance - 1 / 3) < 0.04


def test_the_posterior_is_the_ceiling():
    rng = np.random.default_rng(1)
    lesions = [table.completed(table.sample_lesion(label, rng)) for label in table.LABELS * 700]
    guessed = [table.LABELS[int(np.argmax(table.posterior(lesion)))] for lesion in lesions]
    accuracy = np.mean([lesion["label"] == guess for lesion, guess in zip(lesions, guessed, strict=True)])
    assert 0.81 < accuracy < 0.89


def digest(folder) -> str:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    whole = hashlib.sha256()
    for path in files:
        whole.update(str(path.relative_to(folder)).encode() + path.read_bytes())
    return whole.hexdigest()


def test_a_folder_has_the_layout_of_ham10000_and_the_same_seed_gives_the_same_bytes(tmp_path):
    first = synth.write_folder(tmp_path / "a", 24, seed=5, progress=False)
    second = synth.write_folder(tmp_path / "b", 24, seed=5, progress=False)
    assert digest(first) == digest(second)
    metadata = pd.read_csv(first / "HAM10000_metadata.csv")
    assert list(metadata) == ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
    assert len(list((first / "HAM10000_images_part_1").glob("*.jpg"))) == len(metadata) == 24
    assert len(list((first / "HAM10000_segmentations_lesion_tschandl").glob("*.png"))) == 24
    truth = pd.read_csv(first / "truth/attributes.csv").set_index("image_id")
    one = truth.index[truth.streaks][0] if truth.streaks.any() else truth.index[truth.hair][0]
    parts = synth.read_parts(first, one)
    assert set(parts) == {name for name in synth.PARTS if truth.loc[one].get(name) not in (False, "none")} | {
        name for name in synth.ARTEFACTS if truth.loc[one, name]
    }


def test_classes_and_photographs_a_lesion_come_in_ham10000s_ratio():
    from dermxai_helpers.synth.folder import _photographs

    rows = pd.DataFrame(list(_photographs(8917, seed=0)), columns=["lesion", "photo", "label"])
    assert (rows.label == "nv").mean() == pytest.approx(0.752, abs=0.001)
    assert len(rows) / rows.lesion.nunique() == pytest.approx(8917 / 6744, rel=0.03)
    assert rows.groupby("lesion").size().max() <= 6


def test_a_stopped_run_leaves_nothing(tmp_path, monkeypatch):
    from dermxai_helpers.synth import folder

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(folder, "_write", interrupted)
    with pytest.raises(KeyboardInterrupt):
        synth.write_folder(tmp_path / "x", 5, 0, progress=False)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_too_small_for_every_class_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least 3"):
        synth.write_folder(tmp_path / "x", 2, 0)


def test_a_folder_that_holds_something_is_not_overwritten(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="not an empty folder"):
        synth.write_folder(tmp_path, 5, 0, progress=False)


@pytest.mark.parametrize("name", ["HAM10000_images_part_1/*.jpg", "truth/parts/*.png", "truth/*.csv", "*.csv"])
def test_a_folder_knows_whether_it_is_complete(drawn, tmp_path, name):
    folder, count = shutil.copytree(drawn, tmp_path / "drawn"), len(pd.read_csv(drawn / "truth/attributes.csv"))
    (folder / "notes of somebody.txt").touch()
    assert synth.is_complete(folder, count) and not synth.is_complete(tmp_path, count)
    next(folder.glob(name)).unlink()
    assert not synth.is_complete(folder, count)


def test_what_a_killed_program_of_the_same_number_left_is_no_obstacle(tmp_path):
    (tmp_path / f".x-unfinished-{os.getpid()}" / synth.folder.IMAGES).mkdir(parents=True)
    assert synth.is_complete(synth.write_folder(tmp_path / "x", 3, 0, progress=False), 3)
