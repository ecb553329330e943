"""Your own images: a messy folder becomes a table, and every file that does not is named with its reason."""

import io
import os
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from dermxai_helpers import data, synth
from dermxai_helpers.data.checks import COLUMNS
from dermxai_helpers.data.own_images import collect
from dermxai_helpers.files import DataError

HEIC = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic"


def photograph(seed: int = 0, size: tuple[int, int] = (40, 30), image_format: str = "JPEG", **options) -> bytes:
    """A file's bytes; another seed gives other pixels."""
    width, height = size
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, image_format, **options)
    return buffer.getvalue()


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_folder_of_classes(tmp_path):
    files = {"mel/a.jpg": photograph(1), "nv/a.png": photograph(2, image_format="PNG"), "holiday/c": photograph(3),
             "d.JPG": photograph(4)}  # fmt: skip
    table, left_out = collect(fill(tmp_path, files))
    assert list(table.columns) == [*COLUMNS, "image_path", "mask_path"] and list(table.index) == [0, 1, 2, 3]
    assert table.set_index("image_id")["dx"].to_dict() == {
        "d.JPG": "", "holiday__c": "", "mel__a.jpg": "mel", "nv__a.png": "nv",
    }  # fmt: skip
    assert table["age"].isna().all() and (table["sex"] == "").all() and (table["mask_path"] == "").all()
    assert (table["lesion_id"] == table["image_id"]).all() and left_out.empty
    assert all(data.open_image(path).shape == (30, 40, 3) for path in table["image_path"])


def test_folders_that_are_links_are_followed_but_never_round(tmp_path):
    fill(tmp_path / "elsewhere", {"a.jpg": photograph(1), "b.jpg": photograph(2)})
    own = fill(tmp_path / "own", {"nv/c.jpg": photograph(3)})
    (own / "mel").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "elsewhere" / "round").symlink_to(own, target_is_directory=True)
    (own / "up").symlink_to(tmp_path, target_is_directory=True)
    assert collect(own)[0].set_index("image_id")["dx"].to_dict() == {
        "mel__a.jpg": "mel", "mel__b.jpg": "mel", "nv__c.jpg": "nv",
    }  # fmt: skip


def test_what_cannot_be_used_is_left_out_with_its_reason(tmp_path):
    whole = photograph(5, (64, 64))
    frame = whole.index(b"\xff\xc0") + 5
    bomb = whole[:frame] + struct.pack(">HH", 30_000, 30_000) + whole[frame + 4 :]
    png = photograph(6, image_format="PNG")
    pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"
    files = {"good.jpg": whole, "lfs.jpg": pointer,
             "empty.jpg": b"", "cut.jpg": whole[: len(whole) // 2], "cut.png": png[: len(png) // 2],
             "bomb.jpg": bomb, "notes.txt": b"these are words", "phone.jpg": HEIC, "._a.jpg": b"x",
             ".hidden/b.jpg": photograph(2)}  # fmt: skip
    table, left_out = collect(fill(tmp_path, files))
    assert table["image_id"].tolist() == ["good.jpg"]
    expected = {"empty.jpg": "zero bytes", "cut.jpg": "damaged", "cut.png": "damaged", "bomb.jpg": "too large",
                "notes.txt": "not an image", "phone.jpg": "export it", "lfs.jpg": "git lfs pull"}  # fmt: skip
    assert set(left_out.index) == set(expected)
    assert all(words in left_out[name] for name, words in expected.items())


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="Windows has no pipes among files")
def test_links_to_nowhere_and_pipes(tmp_path):
    fill(tmp_path, {"a.jpg": photograph(1)})
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    table, left_out = collect(tmp_path)
    assert len(table) == 1 and left_out.empty


def test_masks_belong_to_their_photographs(tmp_path):
    mask = photograph(2, (80, 60), "PNG")  # of another size, but the same proportions
    lying, photographs = photograph(5, (30, 40), "PNG"), {f"{name}.jpg": photograph(9) for name in ("nv/a", "nv/c")}
    masks = {"mel/a_segmentation.png": mask, "nv/a_segmentation.png": lying, "nv/c_segmentation.png": mask[:-40]}
    files = {"mel/a.jpg": photograph(1), "mel/b.jpg": photograph(3), **photographs, **masks}
    table, left_out = collect(fill(tmp_path, files))
    assert table["image_id"].tolist() == ["mel__a.jpg", "mel__b.jpg"]
    assert table["mask_path"].tolist() == [str(tmp_path / "mel/a_segmentation.png"), ""]
    assert data.open_mask(table["mask_path"][0], (30, 40)).shape == (30, 40)
    reasons = {Path(name).as_posix(): reason for name, reason in left_out.items()}
    assert reasons["nv/a.jpg"] == "its lesion mask has other proportions than the photograph"
    assert reasons["nv/c.jpg"].startswith("its lesion mask: cut off")
    assert {reasons[name] for name in masks} == {"a lesion mask, not a photograph"}


def test_a_name_that_is_not_utf_8_is_left_out_with_its_reason(tmp_path):
    fill(tmp_path, {"a.jpg": photograph(1)})
    try:
        (tmp_path / "f\udcfcr.jpg").write_bytes(photograph(2))
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    table, left_out = collect(tmp_path)
    table.to_csv(tmp_path / "table.csv")
    left_out.to_csv(tmp_path / "left_out.csv")
    assert table["image_id"].tolist() == ["a.jpg"] and "is not UTF-8" in left_out[r"f\udcfcr.jpg"]


def test_nothing_usable_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        collect(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no photograph can be used; 0 files left out"):
        collect(tmp_path)
    with pytest.raises(DataError, match="no photograph can be used; 1 file left out"):
        collect(fill(tmp_path, {"a.jpg": b""}))


def test_split_and_training_take_the_table(tmp_path):
    from dermxai_helpers import training

    for number in range(15):
        drawn = synth.draw(number, synth.LABELS[number % 3])
        (tmp_path / synth.LABELS[number % 3]).mkdir(exist_ok=True)
        Image.fromarray(drawn.image).save(tmp_path / synth.LABELS[number % 3] / f"{number}.png")
    table, _ = collect(tmp_path)
    split = data.split(table)
    assert data.leak_report(table, split).loc["all", "sharing_a_lesion"] == 0
    classifier = training.train(table, split, epochs=1)
    assert classifier.predict_proba([data.open_image(table["image_path"][0])]).shape == (1, 3)
