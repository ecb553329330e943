"""Your own images: a messy folder becomes a table, and every file that does not is named with its reason."""

import io
import os
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dermxai_helpers import data, synth
from dermxai_helpers.data import own_images
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


def with_exif(**tags) -> bytes:
    exif = Image.Exif()
    for number, value in tags.get("plain", {}).items():
        exif[number] = value
    if "place" in tags:
        exif.get_ifd(own_images.GPS).update(tags["place"])
    return photograph(99, exif=exif)


def fill(folder: Path, files: dict[str, bytes]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def reasons(collection: own_images.Collection) -> dict[str, str]:
    return dict(zip(collection.left_out["file"], collection.left_out["reason"], strict=True))


# --- which files ---


def test_plain_folder_without_labels(tmp_path):
    found = collect(fill(tmp_path, {"b.png": photograph(1, image_format="PNG"), "a.JPG": photograph(2)}))
    assert list(found.table.columns) == [*data.COLUMNS, "image_path", "mask_path"]
    assert found.table["image_id"].tolist() == ["a", "b"] and list(found.table.index) == [0, 1]
    assert (found.table["dx"] == "").all() and found.table["age"].isna().all() and (found.table["sex"] == "").all()
    assert found.left_out.empty and "2 without a label" in found.summary() and "no labels" in found.summary()
    assert "Left out" not in found.summary()
    assert all(data.open_image(path).shape == (30, 40, 3) for path in found.table["image_path"])


def test_content_counts_not_the_name(tmp_path):
    files = {"phone.heic": photograph(1), "real.jpg": HEIC, "web.jpeg": photograph(2, image_format="WEBP"),
             "no_ending": photograph(3), "later.txt": photograph(4, image_format="PNG")}  # fmt: skip
    found = collect(fill(tmp_path, files))
    assert found.table["image_id"].tolist() == ["later", "no_ending", "phone"]
    assert "export it as JPEG" in reasons(found)["real.jpg"]
    assert "not an image in a format that is read here" in reasons(found)["web.jpeg"]


def test_damaged_files_are_left_out_with_their_reasons(tmp_path):
    whole = photograph(5, (64, 64))
    frame = whole.index(b"\xff\xc0") + 5
    bomb = whole[:frame] + struct.pack(">HH", 30_000, 30_000) + whole[frame + 4 :]
    png = photograph(6, image_format="PNG")
    files = {"good.jpg": whole, "empty.jpg": b"", "cut.jpg": whole[: len(whole) // 2], "cut.png": png[: len(png) // 2],
             "bomb.jpg": bomb, "text.jpg": b"these are words"}  # fmt: skip
    found = collect(fill(tmp_path, files))
    assert found.table["image_id"].tolist() == ["good"]
    expected = {"empty.jpg": "zero bytes", "cut.jpg": "damaged", "cut.png": "damaged", "bomb.jpg": "refused without",
                "text.jpg": "not an image"}  # fmt: skip
    assert {name for name, words in expected.items() if words in reasons(found)[name]} == set(expected)
    assert "2 × damaged, it cannot be decoded" in found.summary()


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_unreadable_file(tmp_path):
    fill(tmp_path, {"a.jpg": photograph(1), "b.jpg": photograph(2)})
    (tmp_path / "b.jpg").chmod(0)
    assert "cannot be read" in reasons(collect(tmp_path))["b.jpg"]


def test_links_to_nowhere_and_pipes(tmp_path):
    fill(tmp_path, {"a.jpg": photograph(1)})
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    found = collect(tmp_path)
    assert list(reasons(found)) == ["gone.jpg"] and "1 × not an image" in found.summary()


def test_hidden_files_are_passed_over_and_others_counted(tmp_path):
    files = {"a.jpg": photograph(1), "._a.jpg": b"x", ".hidden/b.jpg": photograph(2), "__MACOSX/c.jpg": photograph(3),
             "notes.txt": b"notes", "film.mov": b"\0\0\0\x14ftypqt  "}  # fmt: skip
    found = collect(fill(tmp_path, files))
    assert len(found.table) == 1 and found.left_out.empty
    assert "Left out: 2 × not an image." in found.summary()


def test_copies_byte_for_byte(tmp_path):
    same = photograph(1)
    found = collect(fill(tmp_path, {"a.jpg": same, "b/c.jpg": same, "d.jpg": photograph(2)}))
    assert reasons(found) == {"b/c.jpg": "copy, byte for byte: of a.jpg"}
    assert found.table["image_id"].tolist() == ["a", "d"]


def test_one_picture_under_two_labels(tmp_path):
    """Which label is right nobody can say, so neither file counts; two folders of one class contradict nothing."""
    torn, same = photograph(1), photograph(3)
    files = {"mel/a.jpg": torn, "nv/b.jpg": torn, "mel/c.jpg": same, "melanoma/d.jpg": same, "nv/e.jpg": photograph(2)}
    found = collect(fill(tmp_path, files))
    both = "one picture under two labels: mel/a.jpg, nv/b.jpg"
    copy = "copy, byte for byte: of mel/c.jpg"
    assert reasons(found) == {"mel/a.jpg": both, "nv/b.jpg": both, "melanoma/d.jpg": copy}
    assert found.table["dx"].tolist() == ["mel", "nv"]


def test_names_with_spaces_umlauts_and_the_same_stem(tmp_path):
    decomposed = "mu\u0308tze.jpg"  # as a Mac writes it
    files = {"my mole 1.jpg": photograph(1), decomposed: photograph(2), "x/IMG_1.jpg": photograph(3),
             "y/IMG_1.jpg": photograph(4), "y/IMG_1.png": photograph(5, image_format="PNG")}  # fmt: skip
    table = collect(fill(tmp_path, files)).table
    assert set(table["image_id"]) == {"my mole 1", "mütze", "x__IMG_1.jpg", "y__IMG_1.jpg", "y__IMG_1.png"}
    assert all(Path(path).is_file() for path in table["image_path"])


def test_phone_photographs(tmp_path):
    """A picture stored sideways is opened upright, and a place that it tells of is counted."""
    files = {"turned.jpg": with_exif(plain={0x0112: 6}), "home.jpg": with_exif(place={1: "N", 2: (48.0, 12.0, 0.0)})}
    found = collect(fill(tmp_path, files))
    assert "1 file with the place where it was taken (GPS)" in found.summary()
    turned = found.table.set_index("image_id")["image_path"]["turned"]
    assert data.open_image(turned).shape == (40, 30, 3)


def test_no_place_no_warning(tmp_path):
    assert "GPS" not in collect(fill(tmp_path, {"a.jpg": photograph(1)})).summary()


def test_masks_belong_to_their_images(tmp_path):
    mask = io.BytesIO()
    Image.new("L", (40, 30), 255).save(mask, "PNG")
    table = collect(fill(tmp_path, {"a.jpg": photograph(1), "a_segmentation.png": mask.getvalue()})).table
    assert table["image_id"].tolist() == ["a"] and data.open_mask(table["mask_path"][0]).all()


@pytest.mark.parametrize("files", [{}, {"a.txt": b"words"}, {"a.jpg": b""}, {"wart/a.jpg": b"", "b.heic": HEIC}])
def test_nothing_usable_is_one_sentence(tmp_path, files):
    with pytest.raises(DataError, match="no photograph can be used") as caught:
        collect(fill(tmp_path, files))
    assert len(caught.value.problems) == 1


def test_no_such_folder(tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        collect(tmp_path / "nowhere")


# --- labels by folder ---


@pytest.mark.parametrize(
    ("words", "label"),
    [("Melanoma", "mel"), ("MEL", "mel"), ("naevi", "nv"), ("moles", "nv"), ("Seborrheic_Keratoses", "bkl"),
     ("benign keratosis-like lesions", "bkl"), ("bkl", "bkl"), ("wart", ""), ("", ""), ("not melanoma", "")],
)  # fmt: skip
def test_words_for_classes(words, label):
    assert own_images.label_of(words) == label


def test_labels_are_the_names_of_folders(tmp_path):
    files = {"melanoma/p1/a.jpg": photograph(1), "nevus/b.jpg": photograph(2), "holiday/c.jpg": photograph(3)}
    found = collect(fill(tmp_path, files))
    assert found.table.set_index("image_id")["dx"].to_dict() == {"a": "mel", "b": "nv", "c": ""}
    assert "1 melanoma, 1 nevus, 0 benign keratosis, 1 without a label" in found.summary()
    assert "images without a label in holiday." in found.summary()


def test_every_photograph_a_lesion_is_said_loudly(tmp_path):
    found = collect(fill(tmp_path, {"nv/a.jpg": photograph(1), "nv/b.jpg": photograph(2)}))
    assert found.table["lesion_id"].is_unique
    assert "2 photographs without a lesion number" in found.summary() and "SPLIT LEAKS" in found.summary()


# --- labels by table ---

THREE = {"one.jpg": photograph(1), "two/a b.jpg": photograph(2), "three.png": photograph(3, image_format="PNG")}


def labelled(folder: Path, text: str, encoding: str = "utf-8") -> own_images.Collection:
    fill(folder, {**THREE, "labels.csv": text.encode(encoding)})
    return collect(folder, "labels.csv")


def test_labels_from_a_table(tmp_path):
    rows = ["file,label,age,sex,site", "one.jpg,melanoma,60,male,back", "TWO\\A B.JPG,nv,,,", "three,mole,x,,"]
    found = labelled(tmp_path, "\n".join(rows))
    table = found.table.set_index("image_id")
    assert table["dx"].to_dict() == {"one": "mel", "a b": "nv", "three": "nv"}
    assert table.loc["one", ["age", "sex", "localization"]].tolist() == [60.0, "male", "back"]
    assert np.isnan(table.loc["three", "age"])
    assert "names 3 of 3 images" in found.summary()


def test_table_elsewhere_with_semicolons_and_windows_letters(tmp_path):
    content = "Image;Diagnosis\nMüller;Nävus\n".encode("cp1252")
    fill(tmp_path, {"pictures/müller.jpg": photograph(1), "elsewhere.csv": content})
    found = pytest.raises(DataError, collect, tmp_path / "pictures", tmp_path / "elsewhere.csv")
    assert "label that is no class here" in str(found.value)  # found the file, did not know the word
    (tmp_path / "elsewhere.csv").write_bytes("\ufeffImage;Diagnosis\nMüller;Nevus\n".encode())
    assert collect(tmp_path / "pictures", tmp_path / "elsewhere.csv").table["dx"].tolist() == ["nv"]


def test_unknown_label_unnamed_image_and_row_without_image(tmp_path):
    found = labelled(tmp_path, "image,label\none.jpg,wart\nthree.png,nv\nfour.jpg,nv\n")
    assert "'wart' is none of mel (melanoma)" in reasons(found)["one.jpg"]
    assert found.table.set_index("image_id")["dx"].to_dict() == {"three": "nv", "a b": ""}
    assert "names 2 of 3 images" in found.summary() and "1 row of it fit no usable image" in found.summary()


def test_ambiguous_name_is_not_guessed(tmp_path):
    content = b"file,label\na.jpg,nv\ny/a.jpg,mel\n"
    fill(tmp_path, {"x/a.jpg": photograph(1), "y/a.jpg": photograph(2), "labels.csv": content})
    found = collect(tmp_path, "labels.csv")
    assert sorted(found.table["dx"]) == ["", "mel"] and "or several: a.jpg" in found.summary()


def test_lesions_and_patients(tmp_path):
    """Lesion 1 of one patient is not lesion 1 of another."""
    found = labelled(tmp_path, "file,label,lesion,patient\none,nv,1,A\na b,nv,1,B\nthree,nv,1,A\n")
    lesions = found.table.set_index("image_id")["lesion_id"]
    assert lesions["one"] == lesions["three"] != lesions["a b"]
    assert "LEAKS" not in found.summary()


def test_patients_alone_are_kept_together(tmp_path):
    found = labelled(tmp_path, "file,label,patient\none,nv,A\na b,nv,A\n")
    assert found.table.set_index("image_id")["lesion_id"].to_dict() == {"one": "A", "a b": "A", "three": "three"}
    assert "1 photograph without a lesion number" in found.summary()


def test_lesion_with_two_labels_is_named(tmp_path):
    found = labelled(tmp_path, "file,label,lesion\none,nv,1\na b,mel,1\nthree,,1\n")
    assert "1 lesion with more than one diagnosis: 1 (mel and nv)" in found.summary()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name,label\none,nv\n", "has no column 'file'; its columns are name, label"),
        ("a,b\none,nv\n", "has no column 'file' and no column 'label'"),
        ("", "not a table"),
        ("file,label\none,nv\none,mel\n", "says different things about one.jpg"),
    ],
)
def test_unfit_tables(tmp_path, text, words):
    with pytest.raises(DataError, match=words):
        labelled(tmp_path, text)


def test_repeated_row_is_no_contradiction(tmp_path):
    assert (labelled(tmp_path, "file,label\none,nv\none,nv\n").table["dx"] == "nv").sum() == 1


def test_absent_table(tmp_path):
    with pytest.raises(DataError, match="there is no such CSV file"):
        collect(fill(tmp_path, THREE), "labels.csv")


# --- the table goes on along the road ---


def test_split_and_training_take_the_table(tmp_path):
    from dermxai_helpers import training

    for number in range(15):
        drawn = synth.draw(number, synth.LABELS[number % 3])
        (tmp_path / synth.LABELS[number % 3]).mkdir(exist_ok=True)
        Image.fromarray(drawn.image).save(tmp_path / synth.LABELS[number % 3] / f"{number}.png")
    table = collect(tmp_path).table
    split = data.split(table)
    assert data.leak_report(table, split).loc["all", "sharing_a_lesion"] == 0
    classifier = training.train(table, split, epochs=1)
    assert classifier.predict_proba([data.open_image(table["image_path"][0])]).shape == (1, 3)


def test_summary_is_a_line_for_each_remark(tmp_path):
    found = collect(fill(tmp_path, {"a.jpg": photograph(1)}))
    assert found.summary().splitlines() == list(found.remarks)
    assert isinstance(found.left_out, pd.DataFrame) and list(found.left_out.columns) == ["file", "reason"]
