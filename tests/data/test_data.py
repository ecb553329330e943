"""The data room: good folders load, bad ones say everything that is wrong, splits keep lesions apart."""

import io
import os
import shutil
import struct
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image, ImageCms, ImageFile

from dermxai_helpers import data, files, synth
from dermxai_helpers.data import acquisition
from dermxai_helpers.data import checks as data_checks

HEADER = ["lesion_id", "image_id", "dx", "dx_type", "age", "sex", "localization"]
PATIENT = ["histo", "50.0", "male", "back"]
ROWS = [  # one lesion with two photographs, one image of each other class, and one class that the course leaves out
    ["L1", "I1", "nv", *PATIENT],
    ["L1", "I2", "nv", *PATIENT],
    ["L2", "I3", "mel", *PATIENT],
    ["L3", "I4", "bkl", *PATIENT],
    ["L4", "I5", "df", *PATIENT],
]


def jpeg(width: int = 16, height: int = 12, colour: object = (200, 120, 90), mode: str = "RGB", **options) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, (width, height), colour).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def photograph() -> bytes:
    """A JPEG with much to say: noise, so that its coded pixels are far longer than its header."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def bomb() -> bytes:
    """A small JPEG whose header claims 30,000 x 30,000 pixels (2.7 GB as RGB)."""
    content = jpeg()
    frame = content.index(b"\xff\xc0") + 5  # marker, length, precision; then height and width
    return content[:frame] + struct.pack(">HH", 30_000, 30_000) + content[frame + 4 :]


def write_table(folder: Path, rows: list[list[str]] = ROWS, header: list[str] = HEADER) -> None:
    pd.DataFrame(rows, columns=header).to_csv(folder / "HAM10000_metadata.csv", index=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A complete folder with five images in two parts and one mask."""
    write_table(tmp_path)
    for number in range(1, 6):
        part = tmp_path / f"HAM10000_images_part_{1 + number // 4}"
        part.mkdir(exist_ok=True)
        (part / f"I{number}.jpg").write_bytes(jpeg())
    masks = tmp_path / "HAM10000_segmentations_lesion_tschandl"
    masks.mkdir()
    Image.new("L", (16, 12), 255).save(masks / "I1_segmentation.png")
    return tmp_path


def problems(folder: Path, **options) -> tuple[str, ...]:
    with pytest.raises(files.DataError) as caught:
        data.load(folder, **options)
    assert all(problem in str(caught.value) for problem in caught.value.problems)
    return caught.value.problems


# --- good folders ---


def test_table_of_a_good_folder(folder):
    table = data.load(folder)
    assert list(table.columns) == [*HEADER, "image_path", "mask_path"]
    assert list(table.index) == [0, 1, 2, 3]
    assert table["dx"].tolist() == ["nv", "nv", "mel", "bkl"]
    assert table["age"].dtype == float
    assert all(Path(path).stem == name for path, name in zip(table["image_path"], table["image_id"], strict=True))
    assert table["mask_path"].map(bool).tolist() == [True, False, False, False]


def test_all_seven_classes_on_demand(folder):
    assert data.load(folder, classes=None)["dx"].tolist() == ["nv", "nv", "mel", "bkl", "df"]


def test_images_of_other_classes_may_be_absent_or_broken(folder):
    (folder / "HAM10000_images_part_2" / "I5.jpg").unlink()
    assert len(data.load(folder)) == 4
    assert "I5" in problems(folder, classes=None)[0]


@pytest.mark.parametrize("names", [("part1", "part2"), ("images", "images"), (".", "."), ("a/part_1", "b/part_2")])
def test_any_folder_of_images_will_do(folder, names):
    for number, name in enumerate(names, 1):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for image in (folder / f"HAM10000_images_part_{number}").iterdir():
            image.rename(folder / name / image.name.replace(".jpg", ".JPG"))
    assert len(data.load(folder)) == 4


def test_metadata_without_suffix_and_with_byte_order_mark(folder):
    path = folder / "HAM10000_metadata.csv"
    (folder / "HAM10000_metadata").write_text(path.read_text(), encoding="utf-8-sig")
    path.unlink()
    assert len(data.load(folder)) == 4


TABLES = {  # how spreadsheets and repositories write the same table
    "tab": {"sep": "\t"},
    "semicolons": {"sep": ";"},
    "UTF-16": {"encoding": "utf-16"},
    "UTF-16, other order": {"encoding": "utf-16", "sep": "\t", "lineterminator": "\r\n"},
    "byte-order mark and semicolons": {"encoding": "utf-8-sig", "sep": ";", "lineterminator": "\r\n"},
}


@pytest.mark.parametrize("form", TABLES)
@pytest.mark.parametrize("name", ["HAM10000_metadata.csv", "HAM10000_metadata.tab"])
def test_table_in_another_form_is_the_same_table(folder, form, name):
    expected = data.load(folder)
    (folder / "HAM10000_metadata.csv").unlink()
    pd.DataFrame(ROWS, columns=HEADER).to_csv(folder / name, index=False, **TABLES[form])
    if "other order" in form:
        text = (folder / name).read_bytes().decode("utf-16")
        (folder / name).write_bytes(b"\xfe\xff" + text.encode("utf-16-be"))
    pd.testing.assert_frame_equal(data.load(folder), expected)


@pytest.mark.parametrize("first", ["sep=;\n", "sep=;\r\n", '"sep=;"\n', "SEP=,\n", "sep=\t\n"])
def test_the_line_in_which_excel_names_its_separator_is_no_header(folder, first):
    expected = data.load(folder)
    path, separator = folder / "HAM10000_metadata.csv", first.strip('"\r\n')[-1]
    path.write_text(first + path.read_text().replace(",", separator), encoding="utf-8-sig")
    pd.testing.assert_frame_equal(data.load(folder), expected)
    path.write_text(path.read_text().replace("nv", "", 1))
    assert "'dx' (line 3 of" in problems(folder)[0]
    path.write_text(first)
    assert "not a table" in problems(folder)[0]


@pytest.mark.parametrize("blank", [" ", "\t", "\N{NO-BREAK SPACE}"])
def test_blanks_round_values_tear_no_lesion_apart(folder, blank):
    expected = data.load(folder)
    sides = [("", blank), (blank, "")]
    rows = [[sides[n % 2][0] + value + sides[n % 2][1] for value in row] for n, row in enumerate(ROWS)]
    write_table(folder, rows)
    pd.testing.assert_frame_equal(data.load(folder), expected)
    write_table(folder, [[blank, *ROWS[0][1:]], *ROWS[1:]])
    assert problems(folder) == ("1 row without a value in 'lesion_id' (line 2 of the metadata)",)


def test_commas_at_the_end_of_every_line_shift_nothing(folder):
    expected = data.load(folder)
    text = (folder / "HAM10000_metadata.csv").read_text()
    header, rows = text.split("\n", 1)
    (folder / "HAM10000_metadata.csv").write_text(header + "\n" + rows.replace("\n", ",\n"))
    pd.testing.assert_frame_equal(data.load(folder), expected)


def test_ids_may_end_as_the_files_do(folder):
    expected = data.load(folder)
    write_table(
        folder,
        [
            [row[0], row[1] + end, *row[2:]]
            for row, end in zip(ROWS, (".jpg", ".JPG", ".jpeg", "", ".png"), strict=True)
        ],
    )
    pd.testing.assert_frame_equal(data.load(folder), expected)
    write_table(folder, [*ROWS, ["L1", "I1.jpg", "nv", *PATIENT]])
    assert "listed more than once: I1" in problems(folder)[0]


def test_a_table_that_was_cut_says_how_much_does_not_match(drawn, tmp_path):
    for name in ("HAM10000_images_part_1", "HAM10000_segmentations_lesion_tschandl"):
        shutil.copytree(drawn / name, tmp_path / name)
    lines = (drawn / "HAM10000_metadata.csv").read_text().splitlines(keepends=True)
    (tmp_path / "HAM10000_metadata.csv").write_text("".join(lines[:50]))
    with pytest.warns(
        UserWarning, match="49 rows in the metadata, but 100 images in the folder; left out: DRAWN_.* and 46"
    ):
        assert len(data.load(tmp_path)) == 49
    (tmp_path / "HAM10000_metadata.csv").write_text("".join(lines))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(data.load(tmp_path)) == 100


def test_masks_of_another_size_but_not_of_other_proportions(folder):
    mask = folder / "HAM10000_segmentations_lesion_tschandl" / "I1_segmentation.png"
    for size, fits in (((32, 24), True), ((8, 6), True), ((31, 24), True), ((12, 16), False), ((16, 16), False)):
        Image.new("L", size, 255).save(mask)
        if fits:
            assert data.load(folder)["mask_path"][0] == str(mask)
        else:
            assert problems(folder) == ("1 image – its lesion mask has other proportions than the photograph: I1.jpg",)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (16, 12)).save(folder / "HAM10000_images_part_1" / "I1.jpg", exif=exif)  # shown as 12 x 16
    Image.new("L", (12, 16), 255).save(mask)
    assert len(data.load(folder)) == 4
    mask.write_bytes(mask.read_bytes()[:-20])
    assert "1 image – its lesion mask: cut off" in problems(folder)[0]


def test_an_image_that_an_archive_holds_twice(folder):
    expected = data.load(folder)
    shutil.copytree(folder / "HAM10000_images_part_1", folder / "zz_copies")
    (folder / "zz_copies" / "._I1.jpg").write_bytes(b"what another system notes of I1.jpg")
    pd.testing.assert_frame_equal(data.load(folder), expected)
    shutil.copytree(folder / "HAM10000_images_part_1", folder / "A_copies")
    assert [Path(path).parent.name for path in data.load(folder)["image_path"][:2]] == ["A_copies"] * 2


NAMESAKES = {  # another file of that name, and one of the folder's own
    "a mask of the photograph's name": ("annotations/I1.png", "HAM10000_images_part_1/I1.jpg"),
    "another photograph": ("a_clinic/I1.jpg", "HAM10000_images_part_1/I1.jpg"),
    "another suffix beside it": ("HAM10000_images_part_1/I1.png", "HAM10000_images_part_1/I1.jpg"),
    "empty": ("zz_copies/I1.jpg", "HAM10000_images_part_1/I1.jpg"),
    "a second mask": ("x/I1_segmentation.png", "HAM10000_segmentations_lesion_tschandl/I1_segmentation.png"),
}


@pytest.mark.parametrize(("other", "own"), NAMESAKES.values(), ids=NAMESAKES)
def test_two_different_files_of_one_name_are_refused(folder, other, own):
    (folder / other).parent.mkdir(exist_ok=True)
    if "zz" in other:
        (folder / other).touch()
    else:
        Image.new("L", (16, 12), 99).save(folder / other)
    (problem,) = problems(folder)
    assert problem.startswith("1 image – two different files of this name: keep one") and ": I1 (" in problem
    assert str(folder / other) in problem and str(folder / own) in problem


def test_namesakes_of_images_that_are_not_wanted_may_differ(folder):
    (folder / "I5.png").touch()
    assert len(data.load(folder)) == 4


LINKS = {  # where a folder that lies elsewhere is linked to, and a further link that leads round
    "one": ["HAM10000_images_part_1"],
    "twice": ["a", "b"],
    "deep": ["a/b/c"],
}


@pytest.mark.parametrize("places", LINKS.values(), ids=LINKS)
@pytest.mark.parametrize("circle", ["", ".", "..", "../..", "HAM10000_images_part_2"])
def test_folders_that_are_links_are_followed_but_never_round(folder, tmp_path_factory, places, circle):
    expected = data.load(folder).drop(columns="image_path")
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "images"
    (folder / "HAM10000_images_part_1").rename(elsewhere)
    (tmp_path_factory.getbasetemp() / "I1.jpg").write_bytes(b"a file above the folder")
    for place in places:
        (folder / place).parent.mkdir(parents=True, exist_ok=True)
        (folder / place).symlink_to(elsewhere, target_is_directory=True)
    if circle:
        (folder / "HAM10000_images_part_2" / "round").symlink_to(folder / circle, target_is_directory=True)
    table = data.load(folder)
    pd.testing.assert_frame_equal(table.drop(columns="image_path"), expected)
    assert Path(table["image_path"][0]) == folder / places[0] / "I1.jpg"


def test_drawn_folder(drawn):
    table = data.load(drawn)
    assert len(table) == 100
    assert set(table["dx"]) == set(data.CLASSES)
    truth = data.truth(drawn).set_index("image_id")
    assert (truth.loc[table["image_id"], "label"].to_numpy() == table["dx"].to_numpy()).all()
    assert truth["hair"].dtype == bool and (truth["network"] == "none").any()
    for row in table.head(5).itertuples():
        mask = data.open_mask(row.mask_path)
        assert data.open_image(row.image_path).shape == (*mask.shape, 3)
        assert all(part.shape == mask.shape for part in synth.read_parts(drawn, row.image_id).values())


def test_a_real_folder_has_no_truth(folder):
    assert data.truth(folder) is None


@pytest.mark.real
def test_ham10000(ham10000):
    table = data.load(ham10000)
    assert table["dx"].value_counts().to_dict() == {"nv": 6705, "mel": 1113, "bkl": 1099}
    assert table["lesion_id"].nunique() == 6744
    assert table["mask_path"].map(bool).all()
    by_image = data.leak_report(table, data.split(table, by="image"))
    assert by_image["validation_images"].to_dict() == {"mel": 223, "nv": 1341, "bkl": 220, "all": 1784}
    assert by_image.loc["all", "share"] == pytest.approx(0.371, abs=0.03)  # 200 splits gave .344 to .399
    assert by_image.loc["mel", "share"] == pytest.approx(0.685, abs=0.08)
    by_lesion = data.leak_report(table, data.split(table, by="lesion"))
    assert by_lesion["sharing_a_lesion"].sum() == 0
    assert (by_lesion["validation_images"] - by_image["validation_images"]).abs().max() <= 2


# --- bad folders ---


def test_no_such_folder(tmp_path):
    assert "no such folder" in problems(tmp_path / "nowhere")[0]
    (tmp_path / "file").touch()
    assert "this is a file" in problems(tmp_path / "file")[0]


def test_no_metadata(tmp_path):
    assert "HAM10000_metadata.csv" in problems(tmp_path)[0]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b"dx,age\nnv,\xfc", b'a,b\n"1,2\n3,4,5,6\n'])
def test_metadata_that_is_no_table(tmp_path, content):
    (tmp_path / "HAM10000_metadata.csv").write_bytes(content)
    assert "comma" in problems(tmp_path)[0]


def test_renamed_and_missing_columns(folder):
    write_table(folder, header=["diagnosis" if name == "dx" else name for name in HEADER])
    (problem,) = problems(folder)
    assert "no column 'dx'" in problem and "its columns are lesion_id, image_id, diagnosis" in problem
    write_table(folder, [row[:-1] for row in ROWS], HEADER[:-1])
    (problem,) = problems(folder)
    assert "no column 'localization'" in problem


BAD_TABLES = {
    "unknown class": (["L9", "I1b", "Mel", *PATIENT], "unknown class 'Mel'", "the known ones are akiec"),
    "duplicate id": (["L1", "I1", "nv", *PATIENT], "listed more than once", "I1"),
    "two diagnoses": (["L2", "I4b", "bkl", *PATIENT], "more than one diagnosis", "L2 (bkl and mel)"),
    "no diagnosis": (["L9", "I1b", "", *PATIENT], "without a value in 'dx'", "line 7"),
    "no lesion": (["", "I3b", "mel", *PATIENT], "without a value in 'lesion_id'", "line 7"),
    "age in words": (["L9", "I3b", "mel", "histo", "fifty", "male", "back"], "column 'age'", "'fifty'"),
    "impossible age": (["L9", "I3b", "mel", "histo", "-3", "male", "back"], "column 'age'", "'-3'"),
    "endless age": (["L9", "I3b", "mel", "histo", "inf", "male", "back"], "column 'age'", "'inf'"),
    "too large an age": (["L9", "I3b", "mel", "histo", "1e400", "male", "back"], "column 'age'", "'1e400'"),
    "decimal comma": (["L9", "I3b", "mel", "histo", "50,0", "male", "back"], "column 'age'", "'50,0'"),
}


@pytest.mark.parametrize(("row", "finding", "detail"), BAD_TABLES.values(), ids=BAD_TABLES)
def test_bad_table(folder, row, finding, detail):
    write_table(folder, [*ROWS, row])
    (folder / "HAM10000_images_part_1" / f"{row[1]}.jpg").write_bytes(jpeg())
    (problem,) = problems(folder)
    assert finding in problem and detail in problem


def test_empty_class(folder):
    write_table(folder, [row for row in ROWS if row[2] != "mel"])
    assert problems(folder) == ("no image of class 'mel': nothing could be learnt or tested",)


def test_table_without_rows(folder):
    write_table(folder, [])
    assert len(problems(folder)) == 4
    assert "no rows" in problems(folder, classes=None)[0]


BAD_FILES = {
    "absent": (None, "no such file"),
    "empty": (b"", "zero bytes"),
    "text": (b"<html>not found</html>", "not an image"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n", "pointer that Git LFS"),
    "another format": (b"GIF89a" + bytes(40), "not an image"),
    "cut off": (photograph()[:-200], "cut off"),
    "header only": (jpeg()[:20], "cannot be decoded|not an image"),
    "bomb": (bomb(), "exceeds limit"),
    "end of a PNG missing": (b"\x89PNG\r\n\x1a\n" + bytes(30), "cannot be decoded|not an image"),
}


@pytest.mark.parametrize(("content", "finding"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_file(folder, content, finding):
    path = folder / "HAM10000_images_part_1" / "I3.jpg"
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    (problem,) = problems(folder)
    assert any(words in problem for words in finding.split("|")) and "I3" in problem
    with pytest.raises(files.DataError, match="I3"):
        data.open_image(path)


def test_every_problem_is_in_one_message(folder):
    part = folder / "HAM10000_images_part_1"
    (part / "I1.jpg").unlink()
    (part / "I2.jpg").write_bytes(b"")
    (part / "I3.jpg").write_bytes(bomb())
    rows = [*ROWS[:3], ["L3", "I4", "blk", *PATIENT], ROWS[0], ["L1", "I6", "mel", *PATIENT]]
    write_table(folder, [row[:6] for row in rows], HEADER[:6])
    found = problems(folder)
    expected = ["'localization'", "more than once", "'blk'", "two|more than one diagnosis", "class 'bkl'"]
    expected += ["no such file: I1, I6", "zero bytes", "exceeds limit"]
    assert len(found) == len(expected)
    for words, problem in zip(expected, found, strict=True):
        assert any(word in problem for word in words.split("|")), (words, problem)


def test_a_long_list_is_counted_not_printed(folder):
    write_table(folder, ROWS + [[f"M{n}", f"X{n}", "nv", *PATIENT] for n in range(1000)])
    (problem,) = problems(folder)
    assert problem.startswith("1,000 images") and problem.endswith("and 995 more") and len(problem) < 200


def test_load_reads_headers_and_decodes_nothing(folder, monkeypatch):
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda picture: pytest.fail("a picture was decoded"))
    assert len(data.load(folder)) == 4


# --- opening ---


def save(picture: Image.Image, path: Path, **options) -> Path:
    picture.save(path, **options)
    return path


GREY_16 = Image.fromarray(np.full((12, 16), 40_000, np.uint16))
PALETTE = Image.new("RGB", (16, 12), (10, 200, 30)).quantize(4)
CONVERTED = {
    "grey": (Image.new("L", (16, 12), 90), "png", (90, 90, 90)),
    "one bit": (Image.new("1", (16, 12), 1), "png", (255, 255, 255)),
    "16 bits": (GREY_16, "png", (40_000 // 257,) * 3),
    "palette": (PALETTE, "png", (10, 200, 30)),
    "alpha": (Image.new("RGBA", (16, 12), (0, 0, 0, 0)), "png", (255, 255, 255)),
    "half alpha": (Image.new("RGBA", (16, 12), (200, 0, 0, 128)), "png", (227, 127, 127)),
    "grey with alpha": (Image.new("LA", (16, 12), (50, 255)), "png", (50, 50, 50)),
    "grey JPEG": (Image.new("L", (16, 12), 90), "jpg", (90, 90, 90)),
    "CMYK JPEG": (Image.new("CMYK", (16, 12), (0, 255, 255, 0)), "jpg", (255, 0, 0)),
}


@pytest.mark.parametrize(("picture", "suffix", "colour"), CONVERTED.values(), ids=CONVERTED)
def test_converted_not_refused(tmp_path, picture, suffix, colour):
    path = save(picture, tmp_path / f"picture.{suffix}")
    assert data_checks.file_problem(path) == ""
    image = data.open_image(path)
    assert image.shape == (12, 16, 3) and image.dtype == np.uint8
    assert np.abs(image.astype(int) - colour).max() <= 2


def test_transparent_palette_colour_becomes_white(tmp_path):
    path = save(Image.new("P", (4, 4), 0), tmp_path / "p.png", transparency=0)
    assert (data.open_image(path) == 255).all()


def test_order_of_channels(tmp_path):
    path = save(Image.new("RGB", (4, 4), (250, 120, 10)), tmp_path / "p.png")
    assert data.open_image(path)[0, 0].tolist() == [250, 120, 10]


def test_sideways_photograph_is_turned_upright(tmp_path):
    upright = np.zeros((12, 16, 3), np.uint8)
    upright[:, :8] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn by 90 degrees clockwise to see it upright"
    stored = Image.fromarray(upright).transpose(Image.Transpose.ROTATE_90)
    path = save(stored, tmp_path / "p.jpg", exif=exif, quality=95)
    assert np.abs(data.open_image(path).astype(int) - upright).max() < 30


@pytest.mark.parametrize("suffix", ["jpg", "png"])
@pytest.mark.parametrize(
    "fault", [b"garbage", b"II*\0\xff\xff\xff\xff", b"II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x02\0\0\0a" + bytes(7)]
)
@pytest.mark.filterwarnings("ignore:.*EXIF:UserWarning", "ignore:Truncated:UserWarning")
def test_a_damaged_exif_does_not_take_the_picture_away(tmp_path, suffix, fault):
    path = save(Image.new("RGB", (16, 12), (9, 9, 9)), tmp_path / f"p.{suffix}", exif=b"Exif\0\0" + fault)
    assert data.open_image(path).shape == (12, 16, 3) and data_checks.file_problem(path) == ""


# Display P3's primaries and sRGB's, as CIE XYZ under D50 (their ICC profiles); light is colour ** 2.2 in the test's P3
P3 = np.array([[0.51512, 0.29198, 0.15710], [0.24120, 0.69225, 0.06657], [-0.00105, 0.04189, 0.78407]])
SRGB = np.array([[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061], [0.01392, 0.09708, 0.71410]])


def profile(space: bytes, **tags: bytes) -> bytes:
    """An ICC profile of version 2 (ICC.1:2001-04): a header of 128 bytes, a table of tags, the tags."""
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name.encode() + struct.pack(">II", start + len(body), len(content))
        body += content + bytes(-len(content) % 4)
    fields = (start + len(body), 0x02400000, b"mntr", space, b"XYZ ", b"acsp")
    head = struct.pack(">I4xI4s4s4s12x4s", *fields).ljust(68, b"\0") + numbers(0.9642, 1, 0.8249)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def numbers(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))


def wide_gamut() -> bytes:
    columns = dict(
        zip(("rXYZ", "gXYZ", "bXYZ"), (b"XYZ " + bytes(4) + numbers(*column) for column in P3.T), strict=True)
    )
    curves = dict.fromkeys(("rTRC", "gTRC", "bTRC"), b"curv" + bytes(4) + struct.pack(">IH", 1, round(2.2 * 256)))
    return profile(b"RGB ", wtpt=b"XYZ " + bytes(4) + numbers(0.9642, 1, 0.8249), **columns, **curves)


def linear_grey() -> bytes:
    white, curve = b"XYZ " + bytes(4) + numbers(0.9642, 1, 0.8249), b"curv" + bytes(4) + struct.pack(">I", 0)
    return profile(b"GRAY", wtpt=white, kTRC=curve)


def encoded(light: np.ndarray) -> np.ndarray:
    """IEC 61966-2-1."""
    light = np.clip(light, 0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


@pytest.mark.parametrize("colour", [(200, 120, 90), (90, 40, 30), (255, 255, 255), (0, 0, 0)])
@pytest.mark.parametrize("form", ["png", "jpg", "alpha", "palette", "draft"])
def test_colours_of_another_profile_are_brought_to_srgb(tmp_path, monkeypatch, form, colour):
    picture = Image.new("RGB", (16, 12), colour)
    if form == "alpha":
        picture.putalpha(255)
    picture = picture.quantize(4) if form == "palette" else picture
    path = tmp_path / ("p.jpg" if form in ("jpg", "draft") else "p.png")
    picture.save(path, icc_profile=wide_gamut(), **({"quality": 98} if path.suffix == ".jpg" else {}))
    monkeypatch.setattr("dermxai_helpers.data.images.LARGE", 100)
    image = data.open_image(path, (3, 4) if form == "draft" else None)
    expected = encoded(np.linalg.inv(SRGB) @ P3 @ (np.array(colour) / 255) ** 2.2)
    assert np.abs(image[0, 0] - expected).max() <= 3


@pytest.mark.parametrize("mode", ["L", "LA", "I;16"])
def test_grey_of_another_profile_is_brought_to_srgb(tmp_path, mode):
    picture = GREY_16 if mode == "I;16" else Image.new("L", (16, 12), 155).convert(mode)
    path = save(picture, tmp_path / "p.png", icc_profile=linear_grey())
    assert np.abs(data.open_image(path)[0, 0] - encoded(np.array(155 / 255))).max() <= 2


@pytest.mark.parametrize("suffix", ["png", "jpg"])
@pytest.mark.parametrize("fault", ["garbage", "cut", "of another mode", "none", "sRGB"])
def test_a_profile_that_is_no_use_changes_nothing(tmp_path, suffix, fault):
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    faults = {"garbage": b"garbage", "cut": wide_gamut()[:200], "of another mode": linear_grey(), "sRGB": srgb}
    path = save(Image.new("RGB", (16, 12), (200, 120, 90)), tmp_path / f"p.{suffix}", icc_profile=faults.get(fault))
    assert np.abs(data.open_image(path)[0, 0] - np.array((200, 120, 90))).max() <= 1


def test_a_large_jpeg_that_is_wanted_small_is_decoded_small(tmp_path, monkeypatch):
    from dermxai_helpers.data import images

    pixels = np.add.outer(np.linspace(0, 200, 600), np.linspace(0, 50, 800)).astype(np.uint8)
    path = save(Image.fromarray(pixels).convert("RGB"), tmp_path / "p.jpg", quality=95)
    whole = data.open_image(path, (60, 80))
    decoded = []
    monkeypatch.setattr(images, "as_rgb", lambda picture: decoded.append(picture.size) or picture.convert("RGB"))
    monkeypatch.setattr(images, "LARGE", 100_000)
    small = data.open_image(path, (60, 80))
    assert decoded == [(100, 75)] and small.shape == whole.shape
    assert np.abs(small.astype(int) - whole).max() <= 3


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_a_png_that_would_fill_the_memory_is_refused(tmp_path, monkeypatch, mode):
    path = save(Image.new(mode, (6000, 6000)), tmp_path / "p.png")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda picture: pytest.fail("a bomb was decoded"))
    with pytest.raises(files.DataError, match=r"p\.png: claims 6,000 × 6,000 pixels \(limit 32,000,000\): refused"):
        data.open_image(path)
    assert "refused without decoding" in data_checks.file_problem(path)


@pytest.mark.parametrize("height", [1, 2, 3, 4])
def test_pictures_of_a_few_rows_or_columns_keep_their_form(tmp_path, height):
    """Nothing takes 1, 3 or 4 rows for channels."""
    for shape in ((height, 40), (40, height), (height, height)):
        pixels = np.random.default_rng(0).integers(0, 256, (*shape, 3), np.uint8)
        path = save(Image.fromarray(pixels), tmp_path / "p.png")
        assert np.array_equal(data.open_image(path), pixels)
        mask = pixels.max(axis=2) > 200
        assert np.array_equal(data.open_mask(save(Image.fromarray(mask), path)), mask)
        assert acquisition.augmented(pixels, 1).shape == pixels.shape


def test_size_is_height_and_width(tmp_path):
    path = save(Image.new("RGB", (40, 30), (9, 9, 9)), tmp_path / "p.png")
    assert data.open_image(path, (6, 8)).shape == (6, 8, 3)
    assert data.open_mask(path, (6, 8)).shape == (6, 8)


def test_making_smaller_is_antialiased(tmp_path):
    board = (np.indices((64, 64)).sum(0) % 2 * 255).astype(np.uint8)
    small = data.open_image(save(Image.fromarray(board), tmp_path / "p.png"), (8, 8))
    assert np.abs(small.astype(int) - 127).max() < 20


def test_damage_that_only_decoding_finds(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    path = save(Image.fromarray(noise), tmp_path / "noise.png")
    content = bytearray(path.read_bytes())
    content[600:900] = bytes(300)
    path.write_bytes(content)
    assert data_checks.file_problem(path) == ""
    with pytest.raises(files.DataError, match="noise.png: damaged"):
        data.open_image(path)


def test_trailing_bytes_are_no_damage(tmp_path):
    path = tmp_path / "p.jpg"
    path.write_bytes(jpeg() + bytes(100))
    assert data_checks.file_problem(path) == ""


@pytest.mark.parametrize("action", ["ignore", "error"])
@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (10_000, 10_000), (8_001, 8_000)])
def test_bomb_is_refused_from_its_header(tmp_path, monkeypatch, action, width, height):
    content = bomb().replace(struct.pack(">HH", 30_000, 30_000), struct.pack(">HH", height, width))
    path = tmp_path / "bomb.jpg"
    path.write_bytes(content)
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda picture: pytest.fail("a bomb was decoded"))
    with warnings.catch_warnings():
        warnings.simplefilter(action)
        with pytest.raises(files.DataError, match=r"bomb\.jpg: (claims .* refused without decoding|.*exceeds limit)"):
            data.open_image(path)


def test_masks_of_any_depth(tmp_path):
    lesion = np.zeros((12, 16), np.uint8)
    lesion[3:9, 4:12] = 1
    for name, top, dtype in (("one", 1, np.uint8), ("full", 255, np.uint8), ("deep", 65_535, np.uint16)):
        path = save(Image.fromarray(lesion.astype(dtype) * dtype(top)), tmp_path / f"{name}.png")
        mask = data.open_mask(path)
        assert mask.dtype == bool and (mask == lesion.astype(bool)).all()
    empty = save(Image.new("1", (16, 12), 0), tmp_path / "empty.png")
    assert not data.open_mask(empty).any()
    for absent in ("", None, np.nan):
        with pytest.raises(files.DataError, match="mask: this image has no lesion mask"):
            data.open_mask(absent)


@pytest.mark.parametrize("path", [None, np.nan, 3, b"p.png"])
def test_what_is_no_path_gets_a_sentence(path):
    with pytest.raises(files.DataError, match="no file's name"):
        data.open_image(path)
    assert "no file's name" in data_checks.file_problem(path)


LESION = np.zeros((12, 16), bool)
LESION[2:10, 4:8] = True  # a sixth


def drawn_in(lesion: object, skin: object, mode: str | None = None) -> Image.Image:
    """LESION in two values, or in two colours of a mode."""
    values = np.where(LESION[..., None] if mode else LESION, np.array(lesion), np.array(skin))
    return Image.fromarray(values if values.dtype == np.uint16 else values.astype(np.uint8))


def palette(lesion: tuple) -> Image.Image:
    picture = Image.fromarray(LESION.astype(np.uint8)).convert("P")
    picture.putpalette([0, 0, 0, *lesion])
    return picture


def rim() -> Image.Image:
    """Antialiased: more than eight levels."""
    large = Image.fromarray(LESION).convert("L").resize((1600, 1200), Image.Resampling.NEAREST)
    return large.rotate(3, Image.Resampling.BICUBIC).resize((160, 120), Image.Resampling.LANCZOS)


MASKS = {
    "16 bits, 0/1": drawn_in(np.uint16(1), np.uint16(0)),
    "16 bits, 0/255": drawn_in(np.uint16(255), np.uint16(0)),
    "16 bits, 0/65535": drawn_in(np.uint16(65_535), np.uint16(0)),
    "one bit": Image.fromarray(LESION),
    "white on transparent": drawn_in((255, 255, 255, 255), (255, 255, 255, 0), "RGBA"),
    "black on transparent": drawn_in((0, 0, 0, 255), (255, 255, 255, 0), "RGBA"),
    "red on transparent": drawn_in((255, 0, 0, 255), (0, 0, 0, 0), "RGBA"),
    "green on transparent": drawn_in((0, 255, 0, 255), (0, 0, 0, 0), "RGBA"),
    "grey on transparent": drawn_in((255, 200), (255, 0), "LA"),
    "opaque RGBA": drawn_in((255, 255, 255, 255), (0, 0, 0, 255), "RGBA"),
    "red": drawn_in((255, 0, 0), (0, 0, 0), "RGB"),
    "green": drawn_in((0, 255, 0), (0, 0, 0), "RGB"),
    "dark blue": drawn_in((0, 0, 90), (0, 0, 0), "RGB"),
    "palette, green": palette((0, 200, 0)),
    "palette, index 1 as 1": palette((1, 1, 1)),
}


@pytest.mark.parametrize("picture", MASKS.values(), ids=MASKS)
def test_a_mask_is_read_in_whatever_form_it_is_stored(tmp_path, picture):
    path = save(picture, tmp_path / "mask.png")
    assert (data.open_mask(path) == LESION).all()
    assert data.open_mask(path, (24, 32)).mean() == pytest.approx(1 / 6, abs=0.05)


def test_noise_and_rims_are_cut_at_half(tmp_path):
    for path in (save(rim(), tmp_path / "rim.png"), save(rim(), tmp_path / "noise.jpg", quality=60)):
        assert data.open_mask(path).mean() == pytest.approx(1 / 6, abs=0.01)
    cmyk = Image.merge("CMYK", [Image.fromarray(~LESION).convert("L")] * 3 + [Image.new("L", (16, 12))])
    assert data.open_mask(save(cmyk, tmp_path / "cmyk.jpg", quality=60)).shape == (12, 16)


@pytest.mark.parametrize("levels", [(0, 1, 2), (0, 127, 255), (0, 1, 255), tuple(range(8)), (3, 9, 40, 200)])
@pytest.mark.parametrize("mode", ["L", "I;16", "RGB", "P", "LA"])
def test_a_mask_of_classes_is_refused(tmp_path, levels, mode):
    values = np.resize(levels, (12, 16)).astype(np.uint16 if mode == "I;16" else np.uint8)
    picture = Image.fromarray(values)
    if mode == "LA":  # opacities
        picture = Image.merge("LA", [Image.new("L", (16, 12)), picture])
    path = save(picture if mode in ("I;16", "LA") else picture.convert(mode), tmp_path / "mask.png")
    with pytest.raises(files.DataError, match=f"mask.png: holds {len(levels)} classes .levels {levels[0]}, .*lesion"):
        data.open_mask(path)


def test_a_mask_of_which_pillow_reads_nothing_is_refused(tmp_path):
    """Sixteen bits a colour, written by hand: Pillow cannot, and reads only the upper eight."""
    import zlib

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    for value, read in ((65_535, True), (255, False)):
        rows = (LESION * value).astype(">u2").repeat(3, axis=1)
        pixels = b"".join(b"\0" + row.tobytes() for row in rows)
        header = chunk(b"IHDR", struct.pack(">IIBBBBB", 16, 12, 16, 2, 0, 0, 0))
        path = tmp_path / f"{value}.png"
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b""))
        if read:
            assert (data.open_mask(path) == LESION).all()
        else:
            with pytest.raises(files.DataError, match="255.png: holds 16 bits a colour"):
                data.open_mask(path)


# --- splits ---


def lesions(counts: dict[str, int], photographs: int = 2) -> pd.DataFrame:
    """A table with so many lesions of each class, each photographed so often, in random order and with an odd index."""
    rows = [(f"{dx}{n}", dx) for dx, count in counts.items() for n in range(count) for _ in range(photographs)]
    table = pd.DataFrame(rows, columns=["lesion_id", "dx"]).sample(frac=1, random_state=3)
    return table.set_index(pd.RangeIndex(100, 100 + 3 * len(table), 3))


TABLE = lesions({"nv": 60, "mel": 20, "bkl": 20})


@pytest.mark.parametrize("by", ["image", "lesion"])
@pytest.mark.parametrize("val", [0.01, 0.05, 0.1, 0.2, 0.25, 0.33, 0.4, 0.5, 0.7, 0.95])
def test_split_is_stratified_and_aligned(by, val):
    parts = data.split(TABLE, by=by, val=val)
    assert parts.index.equals(TABLE.index) and set(parts) == {"train", "val"}
    for dx, total in TABLE["dx"].value_counts().items():
        assert (TABLE["dx"][parts == "val"] == dx).sum() == pytest.approx(val * total, abs=2)


@pytest.mark.parametrize("val", [0.05, 0.1, 0.2, 0.33, 0.5, 0.7])
def test_split_gives_each_class_its_share_and_keeps_lesions_whole(val):
    """Lesions with 1 to 6 photographs, as often as in HAM10000; nine lesions of the rarest class."""
    rng = np.random.default_rng(1)
    rows = [(f"{dx}{n}", dx) for dx, count in {"nv": 200, "mel": 30, "bkl": 9}.items() for n in range(count)]
    table = pd.DataFrame([row for row in rows for _ in range(min(rng.geometric(0.6), 6))], columns=["lesion_id", "dx"])
    for seed in range(5):
        parts = data.split(table, val=val, seed=seed)
        assert parts.groupby(table["lesion_id"]).nunique().max() == 1
        shares = (parts == "val").groupby(table["dx"]).mean()
        assert shares.sub(val).abs().max() < 0.08, shares  # one of bkl's eleven images is 0.09
        assert abs(shares["nv"] - val) < 0.01


def test_split_of_a_fifth_is_a_pile_of_stratified_group_k_fold_and_not_always_the_first():
    """As unit 01 deals it by hand."""
    from sklearn.model_selection import StratifiedGroupKFold

    places = set()
    for seed in range(8):
        dealer = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
        piles = [set(pile) for _, pile in dealer.split(TABLE, TABLE["dx"], TABLE["lesion_id"])]
        places.add(piles.index(set(np.flatnonzero(data.split(TABLE, seed=seed) == "val"))))
    assert len(places) > 1


def test_no_lesion_is_held_out_whatever_the_seed():
    """The first pile would get the lesion with most photographs every time."""
    table = pd.DataFrame([(f"{dx}{n}", dx) for dx in data.CLASSES for n in range(20)], columns=["lesion_id", "dx"])
    most = table.iloc[[0] * 6]
    table = pd.concat([table, most], ignore_index=True)
    held_out = [(data.split(table, seed=seed)[table["lesion_id"] == "mel0"] == "val").all() for seed in range(30)]
    assert 1 <= sum(held_out) <= 15


def test_split_by_lesion_shares_no_lesion_and_by_image_does():
    for seed in range(3):
        assert data.split(TABLE, seed=seed).groupby(TABLE["lesion_id"]).nunique().max() == 1
    assert data.leak_report(TABLE, data.split(TABLE, by="image")).loc["all", "share"] > 0.5


@pytest.mark.parametrize("by", ["image", "lesion"])
def test_split_depends_on_the_seed_only(by):
    first = data.split(TABLE, by=by, seed=1)
    assert first.equals(data.split(TABLE, by=by, seed=1))
    assert not first.equals(data.split(TABLE, by=by, seed=2))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"by": "patient"}, "'lesion' or 'image'"),
        *(({"val": val}, "share of the images") for val in (0, 1, 1.2, np.nan)),
    ],
)
def test_split_refuses(options, words):
    with pytest.raises(ValueError, match=words):
        data.split(TABLE, **options)


@pytest.mark.parametrize("by", ["image", "lesion"])
@pytest.mark.parametrize("val", [0.01, 0.1, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("few", [2, 3])
def test_split_puts_a_rare_class_on_both_sides(by, val, few):
    for counts in ({"nv": 60, "mel": few, "bkl": 20}, {"nv": few, "mel": few, "bkl": few}):
        table = lesions(counts, photographs=1)
        for seed in range(3):
            parts = data.split(table, by=by, val=val, seed=seed)
            assert all(set(table["dx"][parts == part]) == set(counts) for part in ("train", "val"))


def test_split_that_is_impossible_says_why():
    with pytest.raises(ValueError, match="class mel has 1 lesion: each class needs two lesions or more"):
        data.split(lesions({"nv": 60, "mel": 1, "bkl": 20}, photographs=6))
    with pytest.raises(ValueError, match="class mel has 1 image: each class needs two images or more"):
        data.split(lesions({"nv": 60, "mel": 1, "bkl": 20}, photographs=1), by="image")
    with pytest.raises(ValueError, match="the table has no rows"):
        data.split(TABLE[:0])
    torn = pd.DataFrame({"lesion_id": ["a", "a", "b", "b"], "dx": ["nv", "mel", "nv", "mel"]})  # patients, for example
    assert data.split(torn, val=0.5).groupby(torn["lesion_id"]).nunique().max() == 1


@pytest.mark.parametrize("nothing", [None, np.nan, ""])
@pytest.mark.parametrize("column", ["lesion_id", "dx"])
def test_rows_of_no_lesion_or_class_get_a_sentence(nothing, column):
    table = TABLE.copy()
    table.iloc[[3, 5], table.columns.get_loc(column)] = nothing
    with pytest.raises(ValueError, match=f"2 rows without a value in '{column}'"):
        data.split(table)
    if column == "lesion_id":
        assert len(data.split(table, by="image")) == len(table)  # which asks for no lesion
        with pytest.raises(ValueError, match="2 rows without a value in 'lesion_id'"):
            data.leak_report(table, data.split(TABLE))


def test_leak_report_counted_by_hand():
    table = pd.DataFrame({"lesion_id": list("AABBCDDE"), "dx": ["mel"] * 4 + ["nv"] * 4})
    parts = pd.Series(["train", "val", "val", "val", "val", "train", "val", "train"])
    report = data.leak_report(table, parts)
    assert report.index.tolist() == ["mel", "nv", "all"]
    assert report["validation_images"].tolist() == [3, 2, 5]
    assert report["sharing_a_lesion"].tolist() == [1, 1, 2]  # the second A and the second D
    assert report["share"].tolist() == pytest.approx([1 / 3, 1 / 2, 2 / 5])


# --- what the course writes ---


def test_prepare_draws_once(tmp_path, monkeypatch):
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path))
    folder = data.prepare("demo", images=50, seed=4)
    assert len(data.load(folder)) == 50 and folder.parent == tmp_path
    monkeypatch.setattr(synth, "write_folder", lambda *_, **__: pytest.fail("drawn twice"))
    assert data.prepare("demo", images=50, seed=4) == folder


def test_prepare_draws_anew_when_the_program_changed(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(synth, "write_folder", lambda path, *_: calls.append(path))
    monkeypatch.setattr(synth, "__file__", str(tmp_path / "__init__.py"))
    for program in ("a", "b"):
        (tmp_path / "__init__.py").write_text(program)
        data.prepare("demo", images=60)
    data.prepare("demo", images=61)
    assert len(set(calls)) == 3


def test_prepare_that_is_stopped_leaves_nothing(tmp_path, monkeypatch):
    from dermxai_helpers.synth import folder as drawing

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path))
    monkeypatch.setattr(drawing, "patient", interrupted)
    with pytest.raises(KeyboardInterrupt):
        data.prepare("demo", images=50)
    assert list(tmp_path.iterdir()) == []


def test_two_programs_that_draw_the_same_folder_both_end_well(tmp_path):
    program = "from dermxai_helpers import data; print(len(data.load(data.prepare('demo', images=60, seed=9))))"
    environment = {**os.environ, "DERMXAI_CACHE": str(tmp_path)}
    command = [sys.executable, "-c", program]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, env=environment, **pipes) for _ in range(2)]
    said = [process.communicate(timeout=120) for process in both]
    assert [out for out, _ in said] == ["60\n", "60\n"], said
    assert [path.name[:5] for path in tmp_path.iterdir()] == ["drawn"]


def test_prepare_draws_again_when_a_file_has_been_purged(tmp_path, monkeypatch):
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path))
    folder = data.prepare("demo", images=50, seed=1)
    wanted = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    next(folder.rglob("*.jpg")).unlink()
    assert data.prepare("demo", images=50, seed=1) == folder
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == wanted


def test_prepare_where_nothing_can_be_written_says_so(tmp_path, monkeypatch):
    """A limit of 8,000 bytes a file stands for a full disk, and a file for a folder that may not be written to."""
    resource = pytest.importorskip("resource", reason="limits of a process are POSIX's")
    program = "from dermxai_helpers import data; data.prepare('demo', images=50)"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, "DERMXAI_CACHE": str(tmp_path)}, capture_output=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, 8_000)), text=True,
    )  # fmt: skip
    assert "DataError" in done.stderr and "cannot be written (File too large): free some room" in done.stderr
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    monkeypatch.setenv("DERMXAI_CACHE", str(tmp_path / "file"))
    with pytest.raises(files.DataError, match="set DERMXAI_CACHE to a folder that you may write to"):
        data.prepare("demo", images=50)
    with pytest.raises(files.DataError, match=r"cannot be written \(File exists: .*\): free some room, or name"):
        synth.write_folder(tmp_path / "file" / "x", 5, 0, progress=False)


def test_prepare_a_folder_of_ones_own(folder):
    assert data.prepare(str(folder)) == folder
    with pytest.raises(files.DataError, match="no such folder"):
        data.prepare(folder / "typo")
    with pytest.raises(ValueError, match="at least 50"):
        data.prepare("demo", images=10)


def test_importing_the_room_is_cheap():
    heavy = ("torch", "sklearn", "matplotlib")
    program = f"import sys, dermxai_helpers.data; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
