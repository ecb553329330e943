"""The whole road for many pictures: heat-maps, boxes, views, captions and votes."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from dermxai_helpers import captions, data, files, gradcam, lexicon, regions
from dermxai_helpers.data.table import IMAGE_SUFFIXES
from dermxai_helpers.explanation import Explanation, resize
from dermxai_helpers.regions import Region
from dermxai_helpers.training import Classifier

Pictures = Sequence[np.ndarray]  # uint8 (height, width, 3) RGB, of any size
BATCH = 4  # eight at once are slower on a CPU, and take more memory


def explain(classifier: Classifier, pictures: Pictures, targets: Sequence[int] | None = None) -> Explanation:
    """Explain many pictures, or ValueError, by Grad-CAM, four at a time. targets : class numbers, None: as predicted"""
    parts: list[Explanation] = []
    for start in range(0, max(len(pictures), 1), BATCH):  # `prepare` has the sentence for none, too
        batch = classifier.prepare(pictures[start : start + BATCH])
        chosen = None if targets is None else [int(target) for target in targets[start : start + BATCH]]
        layer = parts[0].layer if parts else None  # which is looked for once
        parts.append(gradcam.explain(classifier.model, batch, chosen, layer=layer, classes=classifier.classes))
    arrays = {name: np.concatenate([getattr(part, name) for part in parts]) for name in ("maps", "logit", "prob")}
    lists = {name: [one for part in parts for one in getattr(part, name)] for name in ("target", "class_name")}
    return replace(parts[0], **arrays, **lists)


def find_regions(classifier: Classifier, pictures: Pictures, targets: Sequence[int] | None = None) -> list[Region]:
    """Find where the evidence for the predicted (or a given) class is, in each picture's own pixels."""
    pairs = zip(explain(classifier, pictures, targets).maps, pictures, strict=True)
    return [regions.find(resize(heatmap[None], picture.shape[:2])[0]) for heatmap, picture in pairs]


def views(classifier: Classifier, pictures: Pictures, targets: Sequence[int] | None = None) -> list[dict]:
    """Cut three views of each picture where the evidence is: {"original", "roi", "focused"}, as `regions.views`."""
    found = find_regions(classifier, pictures, targets)  # all maps first: views kept between passes pin their memory
    return [regions.views(picture, region) for picture, region in zip(pictures, found, strict=True)]


def explain_folder(
    folder: str | Path, to: str | Path, classifier: Classifier, captioner: "captions.Captioner | None" = None
) -> pd.DataFrame:
    """Take every picture of a folder (JPEG, PNG) down the whole road: one row a picture.

    to : another folder, for maps (.npy), overlays (.png), captions.jsonl and the table, road.csv
    captioner : None leaves captions and votes out; the columns:
    image : file name; problem : why it could not be read, and then nothing else is known
    class, score_<class> : the prediction; left, top, right, bottom : the box in pixels; note : why it is a fallback
    map, overlay : files in `to`; caption_global, caption_roi, caption_focused; paper_vote, vote : of the ROI caption
    Each file is complete or not there. Captions are kept: after a crash the same call makes only what is missing.
    Raises DataError for a folder without pictures, the same folder twice, or one that cannot be written.
    """
    folder, to = Path(folder), Path(to)
    if folder.resolve() == to.resolve():
        raise files.DataError(to, ["is the folder of the pictures: write to another one, or overlays become pictures"])
    paths = sorted(path for path in folder.glob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    if not paths:
        raise files.DataError(folder, [f"holds no picture: a file must end in {', '.join(IMAGE_SUFFIXES)}"])
    with files.writing(to):
        to.mkdir(parents=True, exist_ok=True)
    bar = files.progress(paths, "pictures", shown=len(paths) > 1)
    table = pd.DataFrame([_row(path, to, classifier, captioner) for path in bar])
    files.write_atomically(to / "road.csv", lambda unfinished: table.to_csv(unfinished, index=False))
    return table


def _row(path: Path, to: Path, classifier: Classifier, captioner: "captions.Captioner | None") -> dict[str, object]:
    row: dict[str, object] = {"image": files.printable(path.name), "problem": ""}
    try:
        picture = data.open_image(path)
    except files.DataError as error:
        return row | {"problem": str(error)}
    explained, scores = explain(classifier, [picture]), classifier.predict_proba([picture])[0]
    region, overlay = regions.find(explained.resized(picture.shape[:2])[0]), explained.overlay(picture[None])[0]
    row |= {"class": explained.class_name[0]}
    row |= {f"score_{name}": score for name, score in zip(classifier.classes, scores, strict=True)}
    row |= dict(zip(("left", "top", "right", "bottom"), region.box, strict=True)) | {"note": region.note}
    row |= {"map": f"{path.name}.map.npy", "overlay": f"{path.name}.overlay.png"}
    files.write_atomically(to / row["map"], lambda unfinished: np.save(unfinished, explained.maps[0]))
    files.write_atomically(to / row["overlay"], Image.fromarray(overlay).save)
    if captioner is not None:
        views = regions.views(picture, region)
        asked = {name: (views[view], captions.PROMPTS[name]) for name, view in captions.VIEW_OF_PROMPT.items()}
        said = captioner.caption(*zip(*asked.values(), strict=True), to / "captions.jsonl", progress=False)
        row |= {f"caption_{name}": sentence for name, sentence in zip(asked, said, strict=True)}
        row |= {"paper_vote": lexicon.paper_vote(row["caption_roi"]).label}
        row |= {"vote": lexicon.vote(row["caption_roi"]).label}
    return row
