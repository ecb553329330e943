"""Captions beside the sentence that an expert would have written.

For drawn lesions the reference follows from the truth; for your own images it comes from a CSV file. Both are compared
fact by fact. The n-gram scores stand beside as a warning: they reward shared words, and a fact is turned round by two
letters.
"""

import csv
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from dermxai_helpers.files import DataError
from dermxai_helpers.lexicon import facts
from dermxai_helpers.lexicon import parsing as reading
from dermxai_helpers.lexicon.sentences import describe

COLUMNS = ("image_id", "sentence")
DELIMITERS = ",;\t"


def of_truth(truth: pd.DataFrame, prompt: str, seed: int = 0) -> dict[str, str]:
    """{image_id: the true sentence} in the form that a prompt ("global", "roi", "focused") asks for.

    truth : rows of `truth/attributes.csv`
    """
    rng = np.random.default_rng(seed)
    return {row["image_id"]: describe(row, prompt, rng) for row in truth.to_dict("records")}


def read(path: str | Path) -> dict[str, str]:
    """{image_id: sentence} from a CSV file with these two columns; several sentences on one image are joined.

    The file is UTF-8; commas, semicolons or tabs may separate; further columns are passed over.
    Raises DataError, a ValueError, with every problem in one message.
    """
    path = Path(path)
    rows = _rows(path)
    heading = [name.strip().lower() for name in rows[0]] if rows else []
    missing = [name for name in COLUMNS if name not in heading]
    if missing:
        found = ", ".join(name or "an empty name" for name in heading) or "nothing"
        raise DataError(path, [f"its first line must name the columns image_id and sentence; it names {found}"])
    problems, sentences = [], {}
    for number, row in enumerate(rows[1:], 2):
        if any(cell.strip() for cell in row):
            problem = _problem(dict(zip(heading, row, strict=False)), row, heading)
            problems += [f"line {number}: {problem}"] if problem else []
            if not problem:
                image, sentence = (row[heading.index(name)].strip() for name in COLUMNS)
                sentences[image] = f"{sentences[image]} {sentence}" if image in sentences else sentence
    if not sentences and not problems:
        problems = ["it has a heading and no sentence: add a line for each image"]
    if problems:
        raise DataError(path, problems)
    return sentences


def _rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(path, ["there is no such file"]) from None
    except (UnicodeDecodeError, OSError) as reason:
        raise DataError(path, [f"it cannot be read as text ({reason}): save it as CSV, UTF-8"]) from None
    heading = text.partition("\n")[0]
    delimiter = max(DELIMITERS, key=heading.count)
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as reason:
        raise DataError(path, [f"it is no complete CSV file ({reason}): is a quotation mark left open?"]) from None


def _problem(cells: dict[str, str], row: list[str], heading: list[str]) -> str:
    """What is wrong with a row, or ""."""
    if len(row) > len(heading):
        return f"{len(row)} cells under {len(heading)} headings: put a sentence with commas in double quotes"
    empty = [name for name in COLUMNS if not cells.get(name, "").strip()]
    return f"{' and '.join(empty)} missing" if empty else ""


# --- comparison ---


def verdicts(
    captions: Mapping[str, str], references: Mapping[str, str], lesions: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """One row for each fact of the references, as `facts.verdicts`, with the image_id; `facts.score` sums it up.

    captions, references : image_id -> sentence; images with only one of the two are left out
    lesions : image_id -> lesion, for intervals

    Raises ValueError when the two have no image in common, or no reference states a fact.
    """
    images = [image for image in references if image in captions]
    if not images:
        raise ValueError(
            f"none of the {len(references)} references is about one of the {len(captions)} captioned images: "
            f"compare image_ids such as {next(iter(references), '(none)')!r} and {next(iter(captions), '(none)')!r}"
        )
    true = [reading.parse(references[image]) for image in images]
    said = [reading.parse(captions[image]) for image in images]
    table = facts.verdicts(said, true, [(lesions or {}).get(image, image) for image in images])
    if table.empty:
        raise ValueError(
            f"no fact was read in {len(images)} references; the first is {references[images[0]]!r}: "
            "name slots as in vocabulary.SLOTS, for example 'symmetric' or 'no streaks'"
        )
    return table.assign(image_id=[images[number] for number in table["caption"]])


def unread(references: Mapping[str, str]) -> dict[str, str]:
    """The references in which no fact was read: rewrite them, or they count for nothing."""
    return {image: sentence for image, sentence in references.items() if not reading.parse(sentence)}


def ngram_scores(caption: str, reference: str) -> dict[str, float]:
    """BLEU and chrF (0 to 100), ROUGE-1 and ROUGE-L (0 to 1): shared words, not shared facts.

    Source: sacrebleu (Post 2018) and rouge-score, at their defaults, for one sentence.
    """
    import sacrebleu
    from rouge_score.rouge_scorer import RougeScorer

    rouge = RougeScorer(["rouge1", "rougeL"]).score(reference, caption)
    return {
        "BLEU": sacrebleu.sentence_bleu(caption, [reference]).score,
        "chrF": sacrebleu.sentence_chrf(caption, [reference]).score,
        "ROUGE-1": rouge["rouge1"].fmeasure,
        "ROUGE-L": rouge["rougeL"].fmeasure,
    }


def beside_ngrams(captions: Mapping[str, str], reference: str) -> pd.DataFrame:
    """Facts right, wrong and silent beside the n-gram scores.

    captions : name -> caption, several of one lesion; reference : what should have been said about it
    """
    true = reading.parse(reference)
    rows = {}
    for name, caption in captions.items():
        counts = facts.verdicts([reading.parse(caption)], [true])["verdict"].value_counts()
        rows[name] = {**counts.reindex(["right", "wrong", "silent"], fill_value=0), **ngram_scores(caption, reference)}
    return pd.DataFrame(rows).T.astype({"right": int, "wrong": int, "silent": int})
