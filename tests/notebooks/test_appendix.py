"""The appendix still runs: the trainings at a toy size that teaches nothing, and a messy folder becomes a table."""

import io
import json
import os
import struct
from pathlib import Path

import jupytext
import numpy as np
import pytest
from offline import REPOSITORY
from PIL import Image

from dermxai_helpers import data
from dermxai_helpers.data.checks import COLUMNS
from dermxai_helpers.files import DataError

SOURCES = REPOSITORY / "notebooks" / "src" / "appendix"
pytestmark = pytest.mark.timeout(300)


def executed(name, **parameters):
    """Run the code cells of a source in one namespace, with these values instead of the parameters cell's."""
    notebook = jupytext.read(SOURCES / f"{name}.py", fmt="py:percent")
    names = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(compile(cell.source, name, "exec"), names)
            if "parameters" in cell.metadata.get("tags", []):
                assert set(parameters) <= set(names), "a parameter that the notebook does not declare"
                names |= parameters
    return names


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return tmp_path_factory.mktemp("appendix")


@pytest.fixture(scope="module")
def eyes(workspace):
    sizes = {"lessons": 8, "viewed_lessons": 8, "held_out": 4}
    steps = {"vit_steps": 2, "mobilenet_steps": 2, "mobilenet_crops": 1, "captioner_eye_steps": 2}
    return executed("a_demo_eyes", workspace=str(workspace), **sizes, **steps)


@pytest.mark.road
def test_eyes_are_trained_and_kept(eyes, workspace):
    losses = (*eyes["vit_losses"], *eyes["mobilenet_losses"], *eyes["eye_losses"])
    assert len(losses) == 6 and np.isfinite(losses).all()
    assert eyes["gap"] < 1e-4, "a wider eye begins with the answers of the narrow one"
    kept = {path.name for path in workspace.glob("*.safetensors")}
    assert kept == {"mobilenetv2_demo.safetensors", "vit_demo.safetensors", "captioner_eye.safetensors"}


@pytest.mark.road
def test_a_stopped_training_goes_on_where_it_was(eyes, workspace):
    again = eyes["train_eye"](eyes["vit"], eyes["drawn"], 2, 0, 1e-3, 0, workspace / "vit.pt")
    assert again == []


@pytest.mark.road
def test_a_captioner_learns_to_speak_and_sits_its_examination(eyes, workspace):
    names = executed("b_demo_captioner", workspace=str(workspace), spoken_lesions=4, steps=30, examined=6)
    assert names["equal"], "the renamed weights are timm's eye"
    assert names["losses"][-1] < 0.9 * names["losses"][0]
    changed = {name for name, one in names["eye_before"].items() if not one.equal(names["eye_after"][name])}
    assert not changed
    assert sum(weight.numel() for weight in names["model"].parameters()) <= 2_600_000
    assert set(names["shipped"].index) == set(names["SLOTS"])
    for lesion in names["lesions"]:
        views, facts = names["views_and_facts"](lesion, np.random.default_rng(0))
        assert len(views) == len(facts) == 3 and facts[0]["ruler"] == lesion.attributes["ruler"]


@pytest.mark.road
def test_a_transformer_learns_41_kinds_and_is_kept_with_its_names(workspace):
    names = executed("c_forty_one_kinds", workspace=str(workspace), each=1, held_out=1, steps=3, halved=1, batch=4)
    assert len(names["losses"]) == 3 and np.isfinite(names["losses"]).all()
    assert names["train"](names["model"], workspace / "vit_kinds.pt") == [], "a stopped training goes on where it was"
    card = json.loads((workspace / "vit_kinds.json").read_text())
    assert len(card["classes"]) == card["arguments"]["num_classes"] == 41
    assert (workspace / "vit_kinds.safetensors").stat().st_size < 6_000_000


# --- your own photographs ---


@pytest.fixture(scope="module")
def own_photographs():
    return executed("own_photographs", photographs=60)


@pytest.fixture(scope="module")
def collect(own_photographs):
    return own_photographs["collect"]


def test_a_copy_is_found_and_what_the_search_misses_is_told(own_photographs):
    table, left_out, result = (own_photographs[name] for name in ("table", "left_out", "result"))
    assert set(left_out.index) == {str(Path("nv", "cut off.jpg")), str(Path("nv", "notes.txt"))}
    assert [set(table["image_id"][pair]) for pair in own_photographs["twice"].tolist()] == [
        {"nv__my nv.jpg", "nv__my nv, again.jpg"}
    ]
    assert result.loc["brighter, saved anew", "share"] > 0.9 and result.loc["brighter, saved anew", "of"] == 60
    sisters = result.loc["pairs of one lesion, taken anew"]
    strangers = result.loc["pairs of two lesions (false alarms)"]
    assert sisters["of"] >= 10 and sisters["low"] <= sisters["share"] <= sisters["high"] and sisters["high"] > 0
    assert strangers["share"] < 0.01 and np.isnan(strangers["low"])


def test_a_folder_of_your_own_is_read(tmp_path):
    names = executed("own_photographs", folder=str(fill(tmp_path, {"mel/a.jpg": photograph(1)})), photographs=60)
    assert names["table"]["image_id"].tolist() == ["mel__a.jpg"] and names["left_out"].empty
    assert [path.name for path in tmp_path.rglob("*")] == ["mel", "a.jpg"], "nothing is written into it"


def test_data_split_takes_the_table(collect, tmp_path):
    files = {f"{label}/{number}.png": photograph(number) for label in data.CLASSES for number in range(5)}
    table, _ = collect(fill(tmp_path, files))
    assert data.leak_report(table, data.split(table)).loc["all", "sharing_a_lesion"] == 0


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


def test_folder_of_classes(collect, tmp_path):
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


def test_folders_that_are_links_are_followed_but_never_round(collect, tmp_path):
    fill(tmp_path / "elsewhere", {"a.jpg": photograph(1), "b.jpg": photograph(2)})
    own = fill(tmp_path / "own", {"nv/c.jpg": photograph(3)})
    (own / "mel").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (tmp_path / "elsewhere" / "round").symlink_to(own, target_is_directory=True)
    (own / "up").symlink_to(tmp_path, target_is_directory=True)
    assert collect(own)[0].set_index("image_id")["dx"].to_dict() == {
        "mel__a.jpg": "mel", "mel__b.jpg": "mel", "nv__c.jpg": "nv",
    }  # fmt: skip


def test_what_cannot_be_used_is_left_out_with_its_reason(collect, tmp_path):
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
def test_links_to_nowhere_and_pipes(collect, tmp_path):
    fill(tmp_path, {"a.jpg": photograph(1)})
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nothing.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    table, left_out = collect(tmp_path)
    assert len(table) == 1 and left_out.empty


def test_masks_belong_to_their_photographs(collect, tmp_path):
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


def test_a_name_that_is_not_utf_8_is_left_out_with_its_reason(collect, tmp_path):
    fill(tmp_path, {"a.jpg": photograph(1)})
    try:
        (tmp_path / "f\udcfcr.jpg").write_bytes(photograph(2))
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    table, left_out = collect(tmp_path)
    table.to_csv(tmp_path / "table.csv")
    left_out.to_csv(tmp_path / "left_out.csv")
    assert table["image_id"].tolist() == ["a.jpg"] and "is not UTF-8" in left_out[r"f\udcfcr.jpg"]


def test_nothing_usable_is_one_sentence(collect, tmp_path):
    with pytest.raises(DataError, match="there is no such folder"):
        collect(tmp_path / "nowhere")
    with pytest.raises(DataError, match="no photograph can be used; 0 files left out"):
        collect(tmp_path)
    with pytest.raises(DataError, match="no photograph can be used; 1 file left out"):
        collect(fill(tmp_path, {"a.jpg": b""}))
