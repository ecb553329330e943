"""Brings a text to plain letters before anybody reads it, and finds the sentences that are not English."""

import re
import unicodedata
from functools import lru_cache

SENTENCE = re.compile(r"[^.!?\n]+(?:[.](?=\d)[^.!?\n]*)*\??")
LETTERS = str.maketrans(
    "\u2018\u2019\u201b\u02bc\u2032\u00b4\u2010\u2011\u2012\u2013\u2212\u2014\u2015\u3002\t\r\u200b\x0b\x0c\x85\u2028\u2029",
    "''''''-----;;.   \n\n\n\n\n",
)
HIDDEN_IN_A_WORD = re.compile(r"\b(ir|un|non|as|in)\u200b", re.IGNORECASE)  # else this space of no width parts words
MARKUP = "*_`#"
NOT_LAST = "no|not|without|an?|the|and|or|nor|neither|of|with|is|are|any"  # no line that is finished ends so
REWRITTEN = {
    r"<[^<>\s]{1,12}>|&nbsp;": " ",  # what a web page or a tokenizer left
    rf"(?<!: )\b({NOT_LAST}) ?\n+ ?(?!\w+:)": r"\1 ",  # a line that was only too long, not a row "dots: no"
    r" ?\n ?(?=(?:and|or|nor|of|with|not|is|are|was|were|has)\b)": " ",
    r"-\n ?": "-",
    r"\bir-(?=regular)": "ir",
    r"\bcan'?t\b": "cannot",
    r"(?<=\w)n't": " not",
    r"\b(is|are|was|were|do|does|did|has|have)nt\b": r"\1 not",
    r"\bun-?even": "non even",
    r"\bnon-?(?=uniform|homogeneous|symmetr|regular|smooth)": "non ",
}
TO_REWRITE = re.compile(r"[<&\n']|nt\b|ir-|non|un-?even")  # a text without any of these needs no look at all

# Words of the languages that captioners slip into, none of them English; and words that no such language shares.
FOREIGN = set(
    "la el los las una uno unos con del sin por pero muy este esta presenta muestra es y se le les des est et une avec "
    "sans pas sur dans cette aux der das ein eine einen einer ist und mit ohne nicht keine kein auf von zum il lo gli "
    "di che senza sono della nel uma sem nao dos com het een niet zonder jest nie ikke yang dengan tidak bir".split()
)
ENGLISH = set(
    "the and with of is are was not without this that its has shows there an or which from border borders edge edges "
    "brown color colors colour colours skin surface shape spot symmetric asymmetric streaks dots network veil".split()
)
WORD = re.compile(r"[^\W\d_]+")
TWO_ALPHABETS = re.compile(r"[a-z][\u0400-\u04ff]|[\u0400-\u04ff][a-z]")  # a Cyrillic letter that looks Latin


def as_text(caption: object) -> str:
    """The caption itself; ValueError for what is no text, such as the NaN of a table with an empty cell."""
    if not isinstance(caption, str):
        found = f"{type(caption).__name__} {str(caption)[:40]!r}"
        raise ValueError(f"a caption must be text, got {found}: leave such rows out")
    return caption


def normalised(text: str) -> tuple[str, list[int]]:
    """A text with plain spaces, quotes, hyphens and letters, and each character's place in the text given.

    What has no width (soft hyphens, joiners, combining marks) is left out; ligatures and full-width letters are spelt
    out. The case of letters stays.
    """
    if not as_text(text).isascii():
        text = HIDDEN_IN_A_WORD.sub("\\1\u00ad", text)
    text = text.translate(LETTERS)
    if text.isascii():
        return text, list(range(len(text)))
    spelt = [(part, place) for place, letter in enumerate(text) for part in _spelt(letter)]
    return "".join(part for part, _ in spelt), [place for _, place in spelt]


@lru_cache(maxsize=4096)
def _spelt(letter: str) -> str:
    kinds = [(part, unicodedata.category(part)) for part in unicodedata.normalize("NFKC", letter)]
    return "".join(" " if kind == "Zs" else part for part, kind in kinds if kind not in ("Cf", "Mn"))


def spelt_out(text: str) -> tuple[str, list[int]]:
    """A normalised text in small letters, without contractions, markup or double spaces; and its places in `text`."""
    letters, found = normalised(text)
    plain, places = "", []
    for letter, place in zip(letters, found, strict=True):
        if letter not in MARKUP and not (letter == " " and plain.endswith(" ")):
            plain += letter.lower()[0]
            places.append(place)
    for pattern, by in REWRITTEN.items() if TO_REWRITE.search(plain) else ():
        for match in reversed(list(re.finditer(pattern, plain))):
            start, end = match.span()
            new = match.expand(by)
            plain = plain[:start] + new + plain[end:]
            places[start:end] = [places[start]] * len(new)
    return plain, places


def without_foreign(text: str) -> tuple[str, list[re.Match]]:
    """A text in small letters with full stops in place of sentences that are not English, and those sentences."""
    foreign = [sentence for sentence in SENTENCE.finditer(text) if _is_foreign(sentence.group())]
    for sentence in foreign:
        text = text[: sentence.start()] + "." * len(sentence.group()) + text[sentence.end() :]
    return text, foreign


def _is_foreign(sentence: str) -> bool:
    """Whether most letters are not Latin, a word mixes alphabets, or more words are foreign than are English for sure.

    One word with an accent may be borrowed ("café-au-lait"), any further one counts as foreign.
    """
    words = set(WORD.findall(sentence))
    foreign = len(words & FOREIGN)
    if not sentence.isascii():
        letters = "".join(words)
        if 2 * sum(letter > "\u024f" for letter in letters) > len(letters) or TWO_ALPHABETS.search(sentence):
            return True
        foreign += max(0, sum(not word.isascii() for word in words) - 1)
    return foreign > len(words & ENGLISH)
