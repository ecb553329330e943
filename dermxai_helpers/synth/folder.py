"""A folder of drawn lesions in the layout of HAM10000, plus `truth/` for what only a drawing can know."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, cpu_count, delayed
from PIL import Image

from dermxai_helpers import files
from dermxai_helpers.synth.attributes import ARTEFACTS, LABELS, PARTS, PREVALENCE
from dermxai_helpers.synth.drawing import draw

IMAGES = "HAM10000_images_part_1"
MASKS = "HAM10000_segmentations_lesion_tschandl"
METADATA = "HAM10000_metadata.csv"
# Mean number of photographs of a lesion: HAM10000 has 1,113 of 614 melanomas, and so on.
PHOTOS_PER_LESION = {"mel": 1113 / 614, "nv": 6705 / 5403, "bkl": 1099 / 727}
MOST_PHOTOS = 6
BITS = (*PARTS, *ARTEFACTS)  # bit 0 of a file in truth/parts is the first of these, and so on

# Like HAM10000: melanomas and keratoses in older people, keratoses on the face, nevi on the trunk.
AGE = {"mel": (61, 15), "nv": (46, 15), "bkl": (64, 13)}
MALE = {"mel": 0.62, "nv": 0.51, "bkl": 0.57}
SITES = ("back", "lower extremity", "trunk", "upper extremity", "abdomen", "face", "chest")
SITE_CHANCES = {
    "mel": (0.30, 0.18, 0.12, 0.20, 0.05, 0.09, 0.06),
    "nv": (0.21, 0.23, 0.24, 0.10, 0.14, 0.02, 0.06),
    "bkl": (0.20, 0.13, 0.11, 0.13, 0.07, 0.29, 0.07),
}
DX_TYPE = {
    "mel": {"histo": 1.0},
    "nv": {"histo": 0.37, "follow_up": 0.55, "consensus": 0.08},
    "bkl": {"histo": 0.70, "consensus": 0.30},
}


def write_folder(path: str | Path, n: int, seed: int, progress: bool = True) -> Path:
    """Draws `n` photographs into the new folder `path`; the same seed gives the same bytes.

    The folder appears when it is complete. ValueError for n < 3, FileExistsError if the folder holds anything,
    DataError where it cannot be written.
    """
    path = Path(path)
    if n < len(LABELS):
        raise ValueError(f"{n} photographs cannot hold all {len(LABELS)} classes: ask for at least {len(LABELS)}")
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise FileExistsError(f"{path} exists and is not an empty folder: choose another name or remove it")
    with files.unfinished(path) as unfinished:
        for folder in (IMAGES, MASKS, "truth/parts"):
            (unfinished / folder).mkdir(parents=True)
        _fill(unfinished, list(_photographs(n, seed)), seed, progress)
        if path.exists():
            path.rmdir()
    return path


def is_complete(folder: str | Path, n: int) -> bool:
    """Whether every file that `write_folder` made of `n` photographs is there."""
    kinds = (f"{IMAGES}/*.jpg", f"{MASKS}/*.png", "truth/parts/*.png", "truth/attributes.csv", METADATA)
    return [len(list(Path(folder).glob(kind))) for kind in kinds] == [n, n, n, 1, 1]


def read_parts(folder: str | Path, image_id: str) -> dict[str, np.ndarray]:
    """The exact masks, bool (224, 224), of every structure and artefact present in one drawn photograph."""
    with Image.open(Path(folder) / "truth/parts" / f"{image_id}.png", formats=("PNG",)) as picture:
        bits = np.asarray(picture).astype(np.uint16)
    return {name: mask for k, name in enumerate(BITS) if (mask := (bits >> k & 1).astype(bool)).any()}


def _photographs(n: int, seed: int) -> Iterator[tuple[int, int, str]]:
    """(lesion, photo, label) for each photograph; classes as often as in HAM10000, lesions with 1 to 6 photographs."""
    rng = np.random.default_rng([seed, 2])
    counts = {label: max(1, round(n * PREVALENCE[label])) for label in ("mel", "bkl")}
    counts["nv"] = n - sum(counts.values())
    lesion = 0
    for label in LABELS:
        left = counts[label]
        while left:
            # Geometric with the mean wanted; the cap at 6 is reached by fewer than 1 lesion in 50.
            photos = min(int(rng.geometric(1 / PHOTOS_PER_LESION[label])), MOST_PHOTOS, left)
            yield from ((lesion, photo, label) for photo in range(photos))
            left -= photos
            lesion += 1


def _fill(folder: Path, photographs: list, seed: int, progress: bool) -> None:
    order = np.random.default_rng([seed, 3]).permutation(len(photographs))
    jobs = [(f"DRAWN_{number:07d}", *photographs[place]) for number, place in enumerate(order)]
    # a second process costs seconds to start and memory to keep: it pays from some hundred pictures on
    parallel = Parallel(n_jobs=min(cpu_count(), 1 + len(jobs) // 400), return_as="generator", idle_worker_timeout=2)
    work = parallel(delayed(_write)(folder, *job, seed) for job in jobs)
    rows = list(files.progress(work, "drawing lesions", shown=progress, total=len(jobs)))
    truth = pd.DataFrame([row for row, _ in rows])
    metadata = pd.DataFrame([row for _, row in rows])
    truth.to_csv(folder / "truth/attributes.csv", index=False, lineterminator="\n")
    metadata.to_csv(folder / METADATA, index=False, lineterminator="\n")


def _write(folder: Path, image_id: str, lesion: int, photo: int, label: str, seed: int) -> tuple[dict, dict]:
    """Draws and writes one photograph; returns its row of truth and its row of metadata."""
    drawn = draw([seed, lesion], label, photo)
    Image.fromarray(drawn.image).save(folder / IMAGES / f"{image_id}.jpg", quality=92, subsampling=0)
    Image.fromarray(drawn.mask).save(folder / MASKS / f"{image_id}_segmentation.png")
    bits = np.zeros(drawn.mask.shape, np.uint16)
    for name, mask in (drawn.parts | drawn.artefacts).items():
        bits |= mask.astype(np.uint16) << BITS.index(name)
    Image.fromarray(bits).save(folder / "truth/parts" / f"{image_id}.png", compress_level=1)
    measured = {f"measured_{name}": round(value, 4) for name, value in drawn.measured.items()}
    listed = {name: "+".join(value) if isinstance(value, tuple) else value for name, value in drawn.attributes.items()}
    return {"image_id": image_id, **listed, **measured}, patient(image_id, lesion, label, seed)


def patient(image_id: str, lesion: int, label: str, seed: int) -> dict[str, Any]:
    """The row of metadata that a photograph gets, drawn with the lesion: the same patient for all its photographs."""
    rng = np.random.default_rng([seed, 4, lesion])
    age = int(np.clip(round(rng.normal(*AGE[label]) / 5) * 5, 5, 85))
    kinds = DX_TYPE[label]
    return {
        "lesion_id": f"DRAWN_LESION_{lesion:06d}",
        "image_id": image_id,
        "dx": label,
        "dx_type": list(kinds)[rng.choice(len(kinds), p=list(kinds.values()))],
        "age": "" if rng.random() < 0.006 else age,
        "sex": "male" if rng.random() < MALE[label] else "female",
        "localization": SITES[rng.choice(len(SITES), p=SITE_CHANCES[label])],
    }
