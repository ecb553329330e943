"""Brings a text to plain letters before anybody reads it, and finds the sentences that are not English prose."""

import re
import unicodedata
from functools import lru_cache

UNDER_NO = (  # a heading that denies what is listed under it
    r"[a-z *]*\b(?:no|none|negative|absent|missing|not (?:seen|present|visible|found|observed|detected))"
    r"(?: features| structures| findings| signs| criteria)?[ *]*:"
)
SENTENCE = re.compile(rf"{UNDER_NO} ?(?:\n[-+*\u2022 \d][^\n]*)+|[^.!?\n]+(?:[.](?=\d)[^.!?\n]*)*\??")
NOT_PROSE = re.compile(  # JSON, tables, key=value, ticks and crosses: a "false" in them is no word of a sentence
    r"[{}\[\]|=\u2705\u2610-\u2612\u2713-\u2718\u274c\u274e]|\u00d7(?! ?\d)|['\"] ?:|^\s*\"[\w -]{1,25}\",?\s*$"
    rf"|\w,(?:no|yes|true|false|absent|present)\b|^ ?{UNDER_NO}"
)
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
    "la el los las una uno unos con del por pero muy este esta presenta muestra es y se le les des est et une avec "
    "sur dans cette aux der das ein eine einen einer ist und mit auf von zum il lo gli "
    "di che della nel uma dos com het een jest nie yang dengan bir".split()
)
FOREIGN_NO = set(  # one of these is enough, beside whatever English: "pas de streaks"
    "pas sans aucun aucune absents absentes ohne kein keine keinen keiner nicht nein senza sono nessun nessuna sin "
    "ausente ausentes sem nao n\u00e3o nenhum geen niet zonder ikke nej ingen inte tidak bez brak yok".split()
)
ENGLISH = set(
    "the and with of is are was not without this that its has shows there an or which from border borders edge edges "
    "brown color colors colour colours skin surface shape spot symmetric asymmetric streaks dots network veil".split()
)
WORD = re.compile(r"[^\W\d_]+")


def as_text(caption: object) -> str:
    """The caption itself; ValueError for what is no text, such as the NaN of a table with an empty cell."""
    if isinstance(caption, str):
        return caption
    raise ValueError(f"a caption must be text, got {type(caption).__name__} {str(caption)[:40]!r}: leave such rows out")


def normalised(text: str) -> tuple[str, list[int]]:
    """A text with plain spaces, quotes, hyphens and letters, and each character's place in the text given.

    What has no width (soft hyphens, joiners ...) is left out, ligatures are spelt out, the case of letters stays.
    """
    if not as_text(text).isascii():
        text = HIDDEN_IN_A_WORD.sub("\\1\u00ad", text)
    text = text.translate(LETTERS)
    if text.isascii():
        return text, list(range(len(text)))
    parts = [_spelt(letter) for letter in text]
    return "".join(parts), [place for place, part in enumerate(parts) for _ in part]


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


def english_prose(text: str) -> tuple[str, list[tuple[re.Match, str]]]:
    """A text in small letters, full stops in place of sentences that are "not English" or "not prose", and those."""
    strange = [(sentence, what) for sentence in SENTENCE.finditer(text) if (what := _strange(sentence.group()))]
    for sentence, _ in strange:
        text = text[: sentence.start()] + "." * len(sentence.group()) + text[sentence.end() :]
    return text, strange


def _strange(sentence: str) -> str:
    """Why a sentence cannot be read, or ""; one word with an accent may be borrowed ("café-au-lait")."""
    if NOT_PROSE.search(sentence):
        return "not prose"
    words = set(WORD.findall(sentence))
    foreign = len(words & FOREIGN) + max(0, sum(not word.isascii() for word in words) - 1)
    other = words & FOREIGN_NO or any(letter > "\u03ff" for letter in "".join(words))
    return "not English" if other or foreign > len(words & ENGLISH) else ""
