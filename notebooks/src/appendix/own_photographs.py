# %% [markdown]
# # Appendix – Your own photographs
#
# A folder of photographs becomes a table like the one of unit 01, and from there on every unit can use it. This notebook
# says which files can be used and why others cannot, and it looks for one photograph that was saved twice. It is no unit of
# the course.
#
# A photograph without a dermatoscope is not what any model of this course has seen. And **nothing here may inform a decision
# about a patient.**

# %% tags=["parameters"]
folder = ""         # your folder, with the sub-folders mel, nv and bkl; "" makes a messy one from drawn lesions
photographs = 100   # how many lesions are drawn for the test of section 4, 60 to 10000
seed = 0            # 0 to 2000000000: which lesions are drawn

# %% [markdown]
# ## 1. A messy folder
#
# The class of a photograph is the name of the folder that it lies in. Phones turn pictures and write HEIC, a picture is
# saved twice, and a copy stops half-way. Without a folder of your own, here is such a one:

# %%
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from dermxai_helpers import data

drawn = data.load(data.prepare("demo", photographs, seed))
drawer = TemporaryDirectory()
own = Path(folder or drawer.name)

# %%
if not folder:
    for label in data.CLASSES:
        (own / label).mkdir()
        shutil.copy(drawn["image_path"][drawn["dx"] == label].iloc[0], own / label / f"my {label}.jpg")
    shutil.copy(own / "nv" / "my nv.jpg", own / "nv" / "my nv, again.jpg")
    (own / "nv" / "cut off.jpg").write_bytes(Path(drawn["image_path"][0]).read_bytes()[:3000])
    (own / "nv" / "notes.txt").write_text("these are words")

# %% [markdown]
# ## 2. Which files can be used
#
# `files_below` lists the files of a folder; hidden ones are left out, and links are followed, but never in a circle.
# `file_problem` reads a file's header and its last bytes and says in a sentence what is wrong, or nothing: empty, cut off,
# not a JPEG or PNG, or a few bytes that claim to be a gigabyte. `open_image` decodes all of it.

# %%
import pandas as pd

from dermxai_helpers.data.checks import COLUMNS, file_problem
from dermxai_helpers.data.table import MASK_ENDING, existing_folder, files_below
from dermxai_helpers.files import DataError, counted, printable


def problem(path, mask=""):
    """Why a file is no usable photograph, or its lesion mask does not fit, or ""."""
    if path.stem.endswith(MASK_ENDING):
        return "a lesion mask, not a photograph"
    try:
        data.open_image(path, (64, 64))
    except DataError as error:
        return error.problems[0]
    return file_problem(path, mask or None)


# %% [markdown]
# ## 3. The table
#
# The columns are those of `data.load`. What nobody knows stays empty. A mask `a_segmentation.png` belongs to `a.jpg`.

# %%
def collect(folder):
    """The table of the usable photographs, and why the other files are left out (a Series, by file)."""
    folder = existing_folder(folder)
    files = [path for path in files_below(folder) if path.is_file()]
    masks = {path: str(mask) for path in files if (mask := path.with_name(f"{path.stem}{MASK_ENDING}.png")) in files}
    why = {path: problem(path, masks.get(path, "")) for path in files}
    left_out = pd.Series({printable(path.relative_to(folder)): reason for path, reason in why.items() if reason}, dtype=str)
    usable = [path for path in files if not why[path]]
    if not usable:
        raise DataError(folder, [f"no photograph can be used; {counted(len(left_out), 'file')} left out"])
    table = pd.DataFrame("", index=range(len(usable)), columns=[*COLUMNS, "image_path", "mask_path"]).assign(age=float("nan"))
    table["image_id"] = table["lesion_id"] = ["__".join(path.relative_to(folder).parts) for path in usable]
    table["dx"] = [path.parent.name if path.parent.name in data.CLASSES else "" for path in usable]
    table["image_path"], table["mask_path"] = list(map(str, usable)), [masks.get(path, "") for path in usable]
    return table, left_out


# %%
table, left_out = collect(own)
print("left out:", *(f"{name}: {reason}" for name, reason in left_out.items()), sep="\n- ")
table[["image_id", "lesion_id", "dx"]]

# %% [markdown]
# Look at the column `lesion_id`: each photograph counts as a lesion of its own. If two show the same one, **a split leaks**,
# and `data.leak_report` cannot see it. Where you know more (lesions, ages, sites), write HAM10000's own table, the seven
# columns of unit 01, into `HAM10000_metadata.csv`, and `data.load` the folder.
#
# ## 4. One photograph, two names
#
# A **hash** turns a picture into a row of bits such that similar pictures have similar rows. Here: shrink the picture to
# 9 × 8 grey cells, and ask in each row whether a cell is brighter than its right neighbour. The number of bits that differ is
# the *Hamming distance* of two pictures (Zauner 2010, *Implementation and benchmarking of perceptual image hash functions*).

# %%
import numpy as np
from PIL import Image


def bits(image):
    """64 bits of a picture, uint8 (h, w, 3) RGB."""
    cells = np.asarray(Image.fromarray(image).convert("L").resize((9, 8), Image.Resampling.BOX), int)
    return (cells[:, :-1] > cells[:, 1:]).ravel()


def distances(a, b):
    """Hamming distances, (n, m), of rows of bits (n, 64) and (m, 64)."""
    return (a[:, None] != b[None]).sum(axis=2)


# %%
hashes = np.stack([bits(data.open_image(path)) for path in table["image_path"]])
apart = distances(hashes, hashes)
twice = np.argwhere(np.triu(apart <= 3, 1))
print("saved twice:", [(table["image_id"][a], table["image_id"][b]) for a, b in twice.tolist()] or "nothing found")

# %% [markdown]
# **What does this search find, and what not?** Plant copies whose fate is known: brighter and saved anew, and the same
# mirrored. And ask it for the pairs that are known to show one lesion, taken anew with another zoom and angle.

# %%
images = [data.open_image(path) for path in drawn["image_path"]]
hashes = np.stack([bits(image) for image in images])
LIMIT = 6  # bits


def saved_anew(image):
    """The picture a little brighter, through a JPEG file."""
    path = Path(drawer.name) / "copy.jpg"
    Image.fromarray((image * 1.05).clip(0, 255).astype(np.uint8)).save(path, quality=75)
    return data.open_image(path)


# %%
from dermxai_helpers import scoring


def found(changed, original, lesions=None):
    """How many rows of `changed` lie within LIMIT bits of the same row of `original`; their share with an interval by lesion."""
    near = (changed != original).sum(axis=1) <= LIMIT
    row = {"found": near.sum(), "of": len(near), "share": near.mean()}
    return row if lesions is None else row | dict(zip(("low", "high"), scoring.interval("mean", lesions, near), strict=True))


copies = np.stack([bits(saved_anew(image)) for image in images])
mirrored = np.stack([bits(saved_anew(image[:, ::-1])) for image in images])
ids = drawn["lesion_id"].to_numpy()
same = ids[:, None] == ids[None]

# %%
first, second = np.nonzero(np.triu(same, 1))
one, other = np.nonzero(np.triu(~same))
result = pd.DataFrame({
    "brighter, saved anew": found(copies, hashes, ids),
    "mirrored as well": found(mirrored, hashes, ids),
    "pairs of one lesion, taken anew": found(hashes[first], hashes[second], ids[first]),
    "pairs of two lesions (false alarms)": found(hashes[one], hashes[other]),
}).T
result.round(3)

# %% [markdown]
# Read the table as a list of limits. A copy is one thing, a second photograph another: where the share of known pairs is
# small, a search that finds nothing says *little* about lesions with two numbers. (The false alarms have no interval: their
# pairs share photographs and are not independent.) Abhishek, Jain and Hamarneh (2025,
# [doi:10.1038/s41597-025-04382-5](https://doi.org/10.1038/s41597-025-04382-5)) compared image embeddings of HAM10000 instead,
# looked at the nearest pairs by eye, and found 18 that show one lesion under two numbers.

# %%
drawer.cleanup()
