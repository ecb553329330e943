"""Reads what a sentence states about a lesion, what it denies, and where it is in doubt."""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from dermxai_helpers.captions.prompts import PROMPTS
from dermxai_helpers.lexicon.negation import judge
from dermxai_helpers.lexicon.plain import SENTENCE, as_text, english_prose, spelt_out
from dermxai_helpers.lexicon.scope import not_shared, of_the_lesion
from dermxai_helpers.lexicon.vocabulary import ALWAYS_THERE, COLOURS, FLIPS, KINDS, PATTERNS, SEVERAL, SLOTS, UMBRELLA

Facts = dict[str, tuple[str, str]]  # slot -> (value, "present", "absent" or "uncertain"), without slots unstated
POLARITIES = ("present", "uncertain", "absent")  # which one counts when a caption says all three of a slot
ASKED = tuple(PROMPTS.values())
ECHO_WORDS = 6  # that many words in a row from a prompt are no coincidence


@dataclass(frozen=True)
class Mention:
    """One place where a sentence speaks of a slot."""

    slot: str
    value: str
    polarity: str
    start: int  # of the words that carry the value, as places in the text given to `mentions`
    end: int
    span: tuple[int, int]  # with the words that had to be read to know what they are about, in the plain sentence


def parse(sentence: str, prompts: tuple[str, ...] = ASKED) -> Facts:
    """Read the facts that a caption states: {slot: (value, "present", "absent" or "uncertain")}.

    prompts : what the captioner was asked; six words in a row from one of them are an echo and state nothing
    Slots and values are those of `vocabulary.SLOTS`; a structure without a quality has the value "any". Two values of a
    slot that excludes them, or one both stated and denied, are ("conflict", "uncertain"); elsewhere they are joined:
    ("white+red", "present"). Two colours named or more give `colour_count`, unless the caption counts them itself. A
    denial of a slot with two values (`vocabulary.FLIPS`) states the other; any other denial makes its value absent.
    Questions and offered alternatives ("symmetric/asymmetric") state nothing, nor does what is said of the skin around.
    What two lesions do not share is a conflict. Other languages, tables are noted: {"language": ("not English", ..)}.

    >>> parse("The lesion is not asymmetric and shows no streaks.")
    {'symmetry': ('symmetric', 'present'), 'streaks': ('any', 'absent')}
    """
    said: dict[str, list[Mention]] = {}
    for mention in mentions(as_text(sentence), prompts):
        said.setdefault(mention.slot, []).append(mention)
    facts = {slot: _merged(slot, said[slot]) for slot in SLOTS if slot in said}
    return _with_counted_colours(facts) if "colours" in facts else facts


@lru_cache(maxsize=4096)  # captions repeat themselves, and views and votes read the same ones
def mentions(text: str, prompts: tuple[str, ...] = ASKED) -> tuple[Mention, ...]:
    """Find every mention of a slot in a text, in order, each with its polarity; arguments as in `parse`."""
    plain, places = spelt_out(text)
    for word in echoed_words(plain, prompts):  # full stops in its place also keep what follows apart
        plain = plain[: word.start()] + "." * len(word.group()) + plain[word.end() :]
    plain, strange = english_prose(plain)
    found = [(Mention("language", what, "present", 0, 0, (0, 0)), *one.span()) for one, what in strange]
    for sentence in SENTENCE.finditer(plain):
        if not sentence.group().endswith("?"):
            begin = sentence.start()
            found += [(one, begin + one.start, begin + one.end) for one in _of_sentence(sentence.group())]
    apart = not_shared(plain, [(start, one.slot, one.value, one.polarity) for one, start, _ in found])
    placed = [replace(one, start=places[start], end=places[end - 1] + 1) for one, start, end in found]
    return tuple(replace(one, value="conflict", polarity="uncertain") if one.slot in apart else one for one in placed)


def echoed_words(text: str, prompts: tuple[str, ...] = ASKED) -> list[re.Match]:
    """Find the words of a text that belong to an echo: to a run of ECHO_WORDS words that a prompt has too."""
    asked = [f" {' '.join(re.findall('[a-z]+', prompt.lower()))} " for prompt in prompts]
    words, echoed = list(re.finditer("[a-z]+", text.lower())), set()
    for first in range(len(words) - ECHO_WORDS + 1):
        run = " ".join(word.group() for word in words[first : first + ECHO_WORDS])
        if any(f" {run} " in prompt for prompt in asked):
            echoed |= set(range(first, first + ECHO_WORDS))
    return [words[number] for number in sorted(echoed)]


def _of_sentence(sentence: str) -> list[Mention]:
    matches = ((slot, value, match) for slot, value, pattern in PATTERNS for match in pattern.finditer(sentence))
    found = [Mention(slot, value, "present", *match.span("core"), match.span()) for slot, value, match in matches]
    found = of_the_lesion(sentence, _without_alternatives(sentence, _longest(found)))
    judged = [_judged(sentence, mention) for mention in found]
    denied = [one for one in judged if one.slot == "umbrella" and one.polarity == "absent"]
    named = {one.slot for one in judged}  # "no structures except streaks"
    expanded = [replace(one, slot=slot) for one in denied[:1] for slot in UMBRELLA if slot not in named]
    return [one for one in judged if one.slot != "umbrella"] + expanded


def _longest(found: list[Mention]) -> list[Mention]:
    """Of mentions that share words the longest; "any" gives way to a quality of its slot said of the same words."""
    kept: list[Mention] = []
    for one in sorted(found, key=lambda one: (one.start - one.end, one.span[0] - one.span[1])):
        taken = any(one.start < other.end and other.start < one.end for other in kept)
        kinds = [other.span for other in found if other.slot == one.slot and other.value != "any"]
        general = one.value == "any" and any(start <= one.start and one.end <= end for start, end in kinds)
        if not taken and not general:
            kept.append(one)
    return sorted(kept, key=lambda one: one.start)


def _without_alternatives(sentence: str, found: list[Mention]) -> list[Mention]:
    """Without "symmetric/asymmetric" and "regular or irregular": two values offered, none of them stated."""
    offered = set()
    for one, other in zip(found, found[1:], strict=False):
        if one.slot == other.slot and one.value != other.value and one.slot not in SEVERAL:
            if re.fullmatch(r" ?(?:/|or|vs\.?) ?", sentence[one.end : other.start]):
                offered |= {one, other}
    return [one for one in found if one not in offered]


def _judged(sentence: str, mention: Mention) -> Mention:
    """The mention with its polarity, and with the other value where a denial states that."""
    lists, structure = mention.slot not in FLIPS, mention.slot not in ALWAYS_THERE
    denials, inside, doubted = judge(sentence, mention.span[0], mention.start, mention.span[1], lists, structure)
    if doubted:
        return replace(mention, polarity="uncertain")
    if denials % 2 == 0:
        return mention
    values = FLIPS.get(mention.slot, KINDS.get(mention.slot, ()) if inside else ())
    if mention.value in values:
        return replace(mention, value=values[1 - values.index(mention.value)])
    return replace(mention, polarity="absent")


def _merged(slot: str, said: list[Mention]) -> tuple[str, str]:
    if any(one.value == "conflict" for one in said):  # of two lesions
        return "conflict", "uncertain"
    values = {polarity: {one.value for one in said if one.polarity == polarity} for polarity in POLARITIES}
    stated, denied = values["present"], values["absent"]
    if slot not in SEVERAL and (stated & denied or (stated and "any" in denied)):
        return "conflict", "uncertain"
    polarity = next(polarity for polarity in POLARITIES if values[polarity])
    named = [value for value in SLOTS[slot] if value in values[polarity]]  # in the vocabulary's order
    kinds = [value for value in named if value != "any"] or named
    if slot in SEVERAL:
        return "+".join(kinds), polarity
    return ("conflict", "uncertain") if polarity == "present" and len(kinds) > 1 else (kinds[0], polarity)


def _with_counted_colours(facts: Facts) -> Facts:
    """With a colour count from two colours on, and without the brown of unknown shade, which is none of the six."""
    if facts["colours"][0] == "conflict":
        return facts
    value, polarity = facts.pop("colours")
    named = value.split("+")
    known = [name for name in named if name in COLOURS]
    another = "brown" in named and not {"light brown", "dark brown"} & set(known)
    number = len(known) + another
    if polarity == "present" and number > 1:
        facts.setdefault("colour_count", ("many" if number > 2 else "two", "present"))
    if known:
        facts["colours"] = ("+".join(known), polarity)
    return {slot: facts[slot] for slot in SLOTS if slot in facts}
