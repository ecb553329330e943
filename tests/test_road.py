"""The whole road for a folder of pictures, on drawn lesions."""

import shutil

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermxai_helpers import captions, data, files, regions, road, training

CLASSES = {"mel", "nv", "bkl"}


@pytest.fixture(scope="module")
def classifier(drawn):
    table = data.load(drawn)
    return training.train(table, data.split(table, seed=0), backbone="demo", epochs=2, progress=False)


@pytest.fixture(scope="module")
def pictures(drawn):
    return [data.open_image(path) for path in data.load(drawn)["image_path"][:10]]


@pytest.fixture(scope="module")
def captioner():
    return captions.Captioner("demo")


def test_batches_explain_as_one_call_each_does(classifier, pictures):
    together = road.explain(classifier, pictures)
    assert together.maps.shape[0] == len(together.target) == len(together.prob) == len(together.class_name) == 10
    alone = road.explain(classifier, pictures[9:])
    assert np.allclose(together.maps[9], alone.maps[0], atol=1e-4 * np.abs(alone.maps).max())
    assert together.class_name[9] == alone.class_name[0] == classifier.classes[alone.target[0]]


def test_views_are_cut_at_the_region_of_the_wanted_class(classifier, pictures):
    targets = np.arange(10) % 3
    found, cut = road.find_regions(classifier, pictures, targets), road.views(classifier, pictures, targets)
    for picture, region, view in zip(pictures, found, cut, strict=True):
        left, top, right, bottom = region.box
        assert np.array_equal(view["roi"], picture[top:bottom, left:right])
        assert np.array_equal(view["focused"], regions.views(picture, region)["focused"])
    assert road.explain(classifier, pictures, targets).target == targets.tolist()


def test_a_folder_becomes_a_table_with_one_row_a_picture(classifier, captioner, drawn, tmp_path):
    folder = tmp_path / "photographs"
    folder.mkdir()
    for path in data.load(drawn)["image_path"][:5]:
        shutil.copy(path, folder)
    small = Image.open(next(folder.iterdir())).resize((90, 61))
    small.save(folder / "small.PNG")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 this is no photograph")
    (folder / "notes.txt").write_text("not a picture")
    table = road.explain_folder(folder, tmp_path / "out", classifier, captioner)
    assert len(table) == 7 and table["image"].is_unique
    rows = table.set_index("image")
    assert "not an image" in rows.loc["broken.jpg", "problem"] and pd.isna(rows.loc["broken.jpg", "class"])
    read = rows.drop("broken.jpg")
    assert (read["problem"] == "").all() and set(read["class"]) <= CLASSES
    assert np.allclose(read[[f"score_{name}" for name in classifier.classes]].sum(axis=1), 1)
    assert set(read["paper_vote"]) <= CLASSES and set(read["vote"]) <= CLASSES | {"abstain"}
    assert read[["caption_global", "caption_roi", "caption_focused"]].map(len).min(axis=None) > 10
    box = read.loc["small.PNG", ["left", "top", "right", "bottom"]]
    assert 0 <= box["left"] < box["right"] <= 90 and 0 <= box["top"] < box["bottom"] <= 61
    assert Image.open(tmp_path / "out" / read.loc["small.PNG", "overlay"]).size == (90, 61)
    assert np.load(tmp_path / "out" / read.loc["small.PNG", "map"]).shape == (7, 7)
    written = pd.read_csv(tmp_path / "out" / "road.csv", keep_default_na=False)
    assert written["image"].tolist() == table["image"].tolist()

    captions_then = (tmp_path / "out" / "captions.jsonl").read_text()
    again = road.explain_folder(folder, tmp_path / "out", classifier, captioner)
    pd.testing.assert_frame_equal(again, table)
    assert (tmp_path / "out" / "captions.jsonl").read_text() == captions_then  # nothing was captioned twice


@pytest.mark.parametrize("height", [1, 3, 4])
def test_where_the_channels_are_is_not_guessed(classifier, pictures, height):
    flat = pictures[0][:height, :50]
    explained = road.explain(classifier, [flat, flat.repeat(20, axis=0)])
    assert explained.maps.shape == (2, 7, 7) and road.views(classifier, [flat])[0]["original"].shape == flat.shape
    for wrong in (flat.transpose(2, 0, 1), flat[..., 0], flat / 255, np.zeros((height, 50, 4), np.uint8)):
        with pytest.raises(ValueError, match=r"expected pictures as uint8 \(height, width, 3\), colours last, got "):
            road.explain(classifier, [flat, wrong])
    with pytest.raises(ValueError, match="got none"):
        road.explain(classifier, [])


def test_a_name_that_is_not_utf_8_is_one_problem_and_the_rest_goes_on(classifier, drawn, tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(data.load(drawn)["image_path"][0], tmp_path / "in" / "a.jpg")
    try:
        shutil.copy(tmp_path / "in" / "a.jpg", tmp_path / "in" / "f\udcfcr.jpg")
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    table = road.explain_folder(tmp_path / "in", tmp_path / "out", classifier).set_index("image")
    assert table["problem"]["a.jpg"] == "" and "is not UTF-8" in table["problem"][r"f\udcfcr.jpg"]
    (tmp_path / "file").touch()
    with pytest.raises(files.DataError, match="cannot be written"):
        road.explain_folder(tmp_path / "in", tmp_path / "file" / "out", classifier)


def test_without_a_captioner_there_are_maps_and_boxes_only(classifier, drawn, tmp_path):
    (tmp_path / "in").mkdir()
    shutil.copy(data.load(drawn)["image_path"][0], tmp_path / "in")
    table = road.explain_folder(tmp_path / "in", tmp_path / "out", classifier)
    assert {"class", "left", "overlay"} <= set(table.columns) and "vote" not in table.columns
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"road.csv", table["map"][0], table["overlay"][0]}  # nothing unfinished is left


def test_folders_that_cannot_be_explained_say_why(classifier, tmp_path):
    with pytest.raises(files.DataError, match="holds no picture: a file must end in .jpg, .jpeg, .png"):
        road.explain_folder(tmp_path, tmp_path / "out", classifier)
    with pytest.raises(files.DataError, match="write to another one"):
        road.explain_folder(tmp_path, tmp_path, classifier)
