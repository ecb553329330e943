"""Does a caption do as it was told, and does it refuse where a picture cannot answer?

Form is not knowledge: a captioner can be perfect here and see nothing. But a broken form tells at once that something
is wrong.
"""

import re
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from dermxai_helpers.captions.prompts import PROMPTS
from dermxai_helpers.lexicon.parsing import echoed_words, mentions

ABBREVIATIONS = re.compile(r"\b(?:e\.g|i\.e|approx|ca|vs|dr|fig)\.|(?<=\d)\.(?=\d)", re.IGNORECASE)
MEASURED = re.compile(r"\d ?(?:mm|cm|(?:milli|centi)met(?:er|re)s?)\b", re.IGNORECASE)
DECLINED = re.compile(
    r"\b(?:cannot|can't|can not|unable to|not able to) (?:\w+ ){0,2}?(?:describe|help|assist|provide|analy[sz]e|answer)"
    r"|\bi(?:'m| am) sorry\b|\bas an ai\b",
    re.IGNORECASE,
)


def compliance(sentence: str, prompts: Iterable[str] = PROMPTS.values()) -> dict[str, bool]:
    """What the prompts demand of every answer, demand by demand.

    answered : it says something and does not decline as a whole
    one_sentence : one sentence, ended by a full stop
    no_diagnosis : no disease or its denial; "no diagnosis" itself is harmless, though parroted
    on_topic : no person, animal or thing beside the lesion
    no_echo : no six words in a row from a prompt
    """
    said = [mention for mention in mentions(sentence, ()) if mention.slot == "off_topic"]
    plain = ABBREVIATIONS.sub("", sentence.strip())
    return {
        "answered": bool(plain.strip(" .")) and not DECLINED.search(sentence),
        "one_sentence": len(re.findall(r"[.!?]+", plain)) == 1 and plain.endswith("."),
        "no_diagnosis": all(mention.value != "diagnosis" for mention in said),
        "on_topic": all(mention.value != "scene" for mention in said),
        "no_echo": not echoed_words(sentence, prompts),
    }


def first_sentence(answer: str) -> str:
    """An answer up to its first full stop, question or exclamation mark; "2.5 mm" and "e.g." do not end a sentence."""
    hidden = ABBREVIATIONS.sub(lambda found: found[0].replace(".", "\0"), answer.strip())
    return re.split(r"(?<=[.!?])\s", hidden, maxsplit=1)[0].replace("\0", ".")


def compliance_table(captions: Mapping[str, Sequence[str]], prompts: Iterable[str] = PROMPTS.values()) -> pd.DataFrame:
    """Share of captions that comply with each demand, one row for each key of `captions`: a view, a prompt, a model."""
    prompts = tuple(prompts)
    rows = {name: pd.DataFrame([compliance(one, prompts) for one in said]).mean() for name, said in captions.items()}
    return pd.DataFrame(rows).T


def size_answer(sentence: str) -> str:
    """What a caption says about the diameter: "measured", "refused" or "silent".

    A number with a unit is a measurement, even beside an excuse. "No scale visible" and its like are a refusal.
    """
    if MEASURED.search(sentence):
        return "measured"
    said = mentions(sentence)
    without_ruler = any((mention.value, mention.polarity) == ("ruler", "absent") for mention in said)
    return "refused" if without_ruler or any(mention.slot == "refusal" for mention in said) else "silent"


def refusals(sentences: Sequence[str], scale_visible: Sequence[bool]) -> pd.DataFrame:
    """What captions that were asked for the diameter answer, with and without a scale in the picture.

    scale_visible : whether the captioned view shows a ruler, (n,)

    Columns captions, refused, measured, silent (shares) and right: a refusal without a scale, none beside one. A
    measurement without a scale is invented.
    """
    if len(sentences) != len(scale_visible):
        raise ValueError(f"{len(sentences)} captions but scale_visible has {len(scale_visible)} entries: give one each")
    answers, visible = np.array([size_answer(one) for one in sentences]), np.asarray(scale_visible, dtype=bool)
    rows = {}
    for name, chosen in (("no scale", ~visible), ("scale visible", visible)):
        given = answers[chosen]
        shares = {one: (given == one).mean() if len(given) else np.nan for one in ("refused", "measured", "silent")}
        right = shares["refused"] if name == "no scale" else 1 - shares["refused"]
        rows[name] = {"captions": len(given), **shares, "right": right}
    return pd.DataFrame(rows).T.astype({"captions": int})
