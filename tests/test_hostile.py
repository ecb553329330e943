"""Every reader is handed broken and hostile files. It answers, or a line of ours says in a sentence why not.

Never another exception, never a traceback of a library, never a file outside the folder that was given.
"""

import contextlib
import json
import struct
import traceback
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import tiny_captioner
import torch
from PIL import Image
from safetensors.torch import save_file

import dermxai_helpers
from dermxai_helpers import captions, data, lexicon, relevancy, road, training
from dermxai_helpers.captions import captioner as caption_file
from dermxai_helpers.data import fetch
from dermxai_helpers.training.checkpoints import load_checkpoint

PACKAGE = Path(dermxai_helpers.__file__).parent
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"
DEEP = b"[" * 100_000
JUNK = np.random.default_rng(0).integers(0, 256, 5_000, np.uint8).tobytes()

# What any file may turn out to be: name -> what its good bytes become
DAMAGE = {
    "empty": lambda good: b"",
    "half": lambda good: good[: len(good) // 2],
    "without its last byte": lambda good: good[:-1],
    "without its first byte": lambda good: good[1:],
    "junk": lambda good: JUNK,
    "zeros": lambda good: bytes(len(good)),
    "a pointer of git-lfs": lambda good: POINTER,
    "a web page": lambda good: b"<!doctype html><script>alert(1)</script>",
    "twice": lambda good: good + good,
    "one bit": lambda good: good[:40] + bytes([good[40] ^ 64]) + good[41:] if len(good) > 41 else good,
    "deep": lambda good: DEEP,
    "utf-16": lambda good: good.decode("latin-1").encode("utf-16"),
    "with a BOM": lambda good: b"\xef\xbb\xbf" + good,
    "with bad utf-8": lambda good: good[:20] + b"\xff\xfe\xfa" + good[20:],
    "null": lambda good: b"null",
    "a number": lambda good: b"17",
    "a list": lambda good: b'[{"a": null}, [], "x"]',
}


def answers_or_says_why(read, *names):
    """`read` returns, or a line of this package raises one sentence that names the file. Returns the sentence."""
    try:
        read()
    except Exception as problem:
        last, said = traceback.extract_tb(problem.__traceback__)[-1], str(problem)
        ours = last.filename.startswith(str(PACKAGE)) and last.line.startswith("raise ")
        assert ours, f"{type(problem).__name__} from {last.filename}, {last.line}: {said}"
        assert len(said.split()) >= 4 and "Traceback" not in said, f"no sentence: {said!r}"
        assert not names or any(name in said for name in names), f"none of {names} is named: {said!r}"
        assert "weights_only=False" not in said and "allow_pickle" not in said, said
        return said
    return ""


@contextlib.contextmanager
def nothing_beside(folder):
    """Nothing appears outside `folder` among its neighbours."""
    before = {path for path in folder.parent.rglob("*") if folder not in path.parents}
    yield
    assert {path for path in folder.parent.rglob("*") if folder not in path.parents} == before


# --- files that may be damaged ---


@pytest.fixture
def folder(tmp_path):
    """A folder that is given to a reader; it has no neighbour before."""
    (given := tmp_path / "given").mkdir()
    return given


def picture(folder):
    path = folder / "ISIC_0000001.jpg"
    Image.fromarray(np.full((60, 80, 3), 150, np.uint8)).save(path)
    return path, partial(data.open_image, path)


def mask(folder):
    path = folder / "mask.png"
    Image.fromarray(np.eye(40, dtype=np.uint8) * 255).save(path)
    return path, partial(data.open_mask, path)


def metadata(folder):
    names = [f"ISIC_{number:07d}" for number in range(9)]
    for name in names:
        Image.fromarray(np.full((20, 20, 3), 150, np.uint8)).save(folder / f"{name}.jpg")
    rows = [f"L{number},{name},{data.CLASSES[number % 3]},histo,50,male,back" for number, name in enumerate(names)]
    path = folder / "HAM10000_metadata.csv"
    path.write_text("\n".join(["lesion_id,image_id,dx,dx_type,age,sex,localization", *rows]) + "\n")
    return path, partial(data.load, folder)


def caption_lines(folder):
    path = folder / "captions.jsonl"
    caption_file.append(path, [{"key": f"k{number}", "caption": "A round lesion."} for number in range(5)])
    return path, partial(caption_file.read, path)


def classifier_weights(folder):
    network = training.backbones.new_network(3)
    path = folder / "classifier.safetensors"
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    path.with_suffix(".json").write_text(json.dumps({"classes": ["mel", "nv", "bkl"]}))
    return path, partial(training.Classifier.load, path)


def transformer_weights(folder):
    model = torch.nn.Linear(3, 2)
    path = folder / "model.safetensors"
    save_file(model.state_dict(), path)
    return path, partial(load_checkpoint, model, path)


def pickled_weights(folder):
    model = torch.nn.Linear(3, 2)
    path = folder / "model.pt"
    torch.save(model.state_dict(), path)
    return path, partial(load_checkpoint, model, path)


def archive(folder):
    path = folder / "photographs.zip"
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("ISIC_0000001.jpg", JUNK)
    return path, partial(fetch.unpack, path, folder / "out")


READERS = (
    picture, mask, metadata, caption_lines, classifier_weights, transformer_weights, pickled_weights, archive,
)  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("reader", READERS)
def test_a_damaged_file_is_read_or_named(reader, damage, folder):
    path, read = reader(folder)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    with nothing_beside(folder):
        answers_or_says_why(read, path.name, path.stem, path.parent.name)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    processor = tiny_captioner.processor()
    return tiny_captioner.save(tiny_captioner.model(processor), processor, tmp_path_factory.mktemp("checkpoint") / "t5")


@pytest.mark.parametrize("damage", [name for name in DAMAGE if name not in ("twice", "with a BOM")])
@pytest.mark.parametrize("name", ["config.json", "model.safetensors", "tokenizer.json", "processor_config.json"])
def test_a_damaged_checkpoint_is_read_or_named(checkpoint, name, damage, tmp_path):
    import shutil

    folder = shutil.copytree(checkpoint, tmp_path / "captioner")
    if not (folder / name).is_file():
        pytest.skip(f"this version of transformers writes no {name}")
    (folder / name).write_bytes(DAMAGE[damage]((folder / name).read_bytes()))
    with nothing_beside(folder):
        answers_or_says_why(partial(captions.Captioner, folder), str(folder), name)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_picture_is_a_row_of_the_road(damage, folder, tmp_path, backbone_free_classifier):
    path, _ = picture(folder)
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    Image.fromarray(np.full((60, 80, 3), 150, np.uint8)).save(folder / "good.png")
    found = road.explain_folder(folder, tmp_path / "out", backbone_free_classifier)
    assert list(found["image"]) == ["ISIC_0000001.jpg", "good.png"] and not found["problem"][1]
    assert not found["problem"][0] or "ISIC_0000001.jpg" in found["problem"][0]


@pytest.fixture(scope="module")
def backbone_free_classifier():
    torch.manual_seed(0)
    mean, std = (0.5, 0.5, 0.5), (0.5, 0.5, 0.5)
    network = training.backbones.new_network(3).eval()
    return training.Classifier(network, tuple(data.CLASSES), None, "random", mean, std, (64, 64), {})


# --- archives that want more than they may have ---

OUTSIDE = [
    "../outside.txt", "a/../../outside.txt", "/tmp/dermxai_outside.txt", "C:\\outside.txt", "..\\outside.txt",
    "x" * 300 + ".jpg", "a" + "/b" * 200, "con.txt", "name\x00.jpg", "", " ", ".", "..", "a//b", "ä\u202e.jpg",
]  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_an_archive_writes_only_into_its_folder(name, folder):
    path = folder / "photographs.zip"
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("good.jpg", b"1")
        entry = zipfile.ZipInfo("placeholder")
        entry.filename = name
        written.writestr(entry, b"2")
    with nothing_beside(folder):
        answers_or_says_why(partial(fetch.unpack, path, folder / "out"))
    assert not Path("/tmp/dermxai_outside.txt").exists()


def test_a_file_and_a_folder_of_one_name_are_refused_in_a_sentence(tmp_path):
    path = tmp_path / "photographs.zip"
    with zipfile.ZipFile(path, "w") as written:
        written.writestr("x", b"1")
        written.writestr("x/y", b"2")
    assert answers_or_says_why(partial(fetch.unpack, path, tmp_path / "out"))


def test_a_picture_that_would_fill_the_memory_is_named(tmp_path):
    path = tmp_path / "huge.png"
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    import zlib

    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    body = b"".join(struct.pack(">I", len(c)) + k + c + struct.pack(">I", zlib.crc32(k + c)) for k, c in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
    assert "huge.png" in answers_or_says_why(partial(data.open_image, path), "huge.png")


# --- sentences from anywhere ---

TEXTS = [
    "", " ", "\n", "\x00", "\ufeff", "\u202e", "." * 5000, "border " * 3000, "a" * 100_000, "no " * 2000 + "streaks",
    "((((((" * 500, "not " * 500, ", ".join(["irregular border"] * 500), "<img src=x onerror=alert(1)>", "${7*7}", "\\",
    "%s %d {0}", "'; drop table", "😀" * 500, "\ud800", "ﬁne network", "border\u00adregular", "1e999 mm", "-5 mm",
]  # fmt: skip


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("read", [lexicon.parse, lexicon.vote, lexicon.paper_vote])
def test_any_sentence_is_read(read, text):
    answers_or_says_why(partial(read, text))


@pytest.mark.parametrize("text", [None, 5, float("nan"), b"bytes", ["list"], np.array(["text"])])
@pytest.mark.parametrize("read", [lexicon.parse, lexicon.vote, lexicon.paper_vote])
def test_what_is_no_sentence_is_refused_in_one(read, text):
    assert "must be text" in answers_or_says_why(partial(read, text))


# --- pictures as tensors ---

TENSORS = {
    "none": None,
    "a list": [[1.0]],
    "integers": torch.zeros(1, 3, 24, 24, dtype=torch.int64),
    "pixels": torch.full((1, 3, 24, 24), 255.0),
    "channels last": torch.zeros(1, 24, 24, 3),
    "grey": torch.zeros(1, 1, 24, 24),
    "no batch": torch.zeros(3, 24, 24),
    "nothing": torch.zeros(0, 3, 24, 24),
    "no height": torch.zeros(1, 3, 0, 24),
    "not a number": torch.full((1, 3, 24, 24), torch.nan),
    "infinite": torch.full((1, 3, 24, 24), torch.inf),
    "complex": torch.zeros(1, 3, 24, 24, dtype=torch.complex64),
    "five dimensions": torch.zeros(1, 1, 3, 24, 24),
    "one pixel": torch.zeros(1, 3, 1, 1),
    "sparse": torch.zeros(1, 3, 24, 24).to_sparse(),
    "boolean": torch.zeros(1, 3, 24, 24, dtype=torch.bool),
    "numpy": np.zeros((1, 3, 24, 24), np.float32),
}


@pytest.mark.parametrize("name", TENSORS)
@pytest.mark.parametrize("kind", ["gradcam", "relevancy"])
def test_wrong_tensors_are_refused_in_a_sentence(kind, name):
    import small_transformers

    from dermxai_helpers import gradcam

    if kind == "relevancy":
        read = partial(relevancy.explain, small_transformers.small().float(), TENSORS[name])
    else:
        read = partial(gradcam.explain, training.backbones.new_network(3).eval(), TENSORS[name])
    answers_or_says_why(read)
