"""Tells what a caption says of something else than the one lesion: of the skin around it, or of two lesions."""

import re

from dermxai_helpers.lexicon.negation import FINITE
from dermxai_helpers.lexicon.vocabulary import ADVERB, COLOUR

OF_THE_PICTURE = {"artefact", "refusal", "off_topic", "language"}  # slots that are not about a lesion
NEVER_OF_SKIN = OF_THE_PICTURE | {"symmetry", "border_shape", "border_sharpness"}

LESION = r"\b(?:lesions?|macules?|papules?|plaques?|nodules?|growths?|tumou?rs?|moles?|n[ae]?ev(?:us|i))\b"
BESIDE = f"(?:around|surrounding|beside|near|next to|outside|adjacent to)(?: (?:it|them|(?:the|this) {LESION}))?"
SKIN = (
    "(?:(?:surrounding|adjacent|neighbou?ring|nearby|perilesional|normal|healthy|unaffected)(?: [a-z-]+)?? "
    rf"(?:skin|tissue|area|region)|background(?: skin)?|surroundings|skin {BESIDE}|rest of the (?:skin|image))\b"
)
TINT = f"(?:{COLOUR}|{ADVERB}|pale|fair|light|dark|dry|scaly|crusted|waxy|warty)"
TINTED = f"(?:{TINT}(?:, | and | ))*{TINT}(?:-?toned|-?colou?red)? "
NO_VERB = rf"(?:(?!\b(?:{FINITE}|with)\b)[^;:])*?"
AROUND = re.compile(
    # what the skin is or shows, up to the next clause or the lesion
    rf"(?:^|[,;:]|\b(?:and|but|while|whereas|though)\b) ?(?:the |its )?(?:{SKIN}|skin(?= (?:is|appears|looks)\b)).*?"
    rf"(?=$|[;:]|\b(?:but|while|whereas|although|though|however)\b|(?:\band|,) (?:the|its|it|this)\b"
    rf"|\b(?:an?|one|single) (?:[\w-]+ ){{0,2}}?(?:(?:spot|patch|mark)\b|{LESION})|{LESION})"
    # what skin it is: "on pale, scaly skin", "a white halo around it", "it lies in a pink area"
    rf"|{TINTED}(?:skin|background)\b(?! ?(?:{LESION}|tags?|lines|markings|surface|cancer|spot)|-)"
    rf"|{TINTED}(?:halo|ring|rim|area|zone|redness) {BESIDE}\b"
    rf"|(?:\bit|{LESION}|which) (?:is |was )?(?:lies|sits|rests|located|situated|set|placed|embedded) (?:\w+ly )?"
    rf"(?:within|in|on|upon|against|amid) {NO_VERB}(?:area|skin|background|base|patch|field|zone|region)\b"
    rf"|(?:surrounded|encircled|ringed|framed) by {NO_VERB}(?:skin|tissue|halo|erythema|redness|rash)\b"
)
HEADS = re.compile("skin|ground|tissue|area|region|image|zone|field|patch|base|halo|r[iu]ng?|redness|erythema|rash")
ON_THE_SKIN = re.compile(rf"(?:on|in|over|across|through|throughout|within|along|near|of|covers?) (?:the )?{SKIN}")
BEFORE_IT = re.compile(r"[,;:]|\b(?:with|but|while|whereas|has|have|shows?|displays?)\b")

THING = rf"(?:{LESION}|\b(?:spots?|borders?|edges?|margins?)\b)"
ONE = re.compile(
    rf"\b(?:only )?one (?:{THING}|of (?:them|these|the (?:two|{THING})))|\bonly one (?:is|has|shows)\b"
    rf"|\bthe (?:first|left|upper|larger|bigger|darker|former) (?:{THING}|one\b)"
    rf"|\btwo {LESION}[^.]*?[:,;](?= the\b| one\b)"
)
OTHER = re.compile(
    r"\b(?:(?:the |an)other|the (?:second|right|lower|smaller|lighter|latter))\b"
    r"(?! (?:half|side|part|edge|end|axis|structures?|features?|colou?rs?|hand|area|region|arm|leg))"
)
TOGETHER = re.compile(r"\b(?:both|each|all|they)\b|$")


def of_the_lesion(sentence: str, found: list) -> list:
    """The mentions in a sentence (small letters) that are not about the skin around.

    "Sharply demarcated from the surrounding skin" speaks of the lesion: only what lies *on* that skin, or what that
    skin is or shows, is not the lesion's.
    """
    if not found or not HEADS.search(sentence):
        return found
    beside = [match.span() for match in AROUND.finditer(sentence)]
    for place in ON_THE_SKIN.finditer(sentence):
        begin = max((one.end() for one in BEFORE_IT.finditer(sentence, 0, place.start())), default=0)
        if not re.search(LESION, sentence[begin : place.start()]):
            beside.append((begin, place.end()))
    skins = [one for one in found if any(start <= one.start < end for start, end in beside)]
    return [one for one in found if one.slot in NEVER_OF_SKIN or one not in skins]


def not_shared(text: str, facts: list[tuple]) -> set[str]:
    """The slots in which a text that speaks of one lesion and "the other" does not say the same of both.

    facts : place in the text, slot, value and polarity of all that was read
    """
    one = ONE.search(text)
    other = OTHER.search(text, one.end()) if one else None
    if not other and not (one and one.group().startswith("only")):
        return set()
    middle = other.start() if other else len(text)
    end = TOGETHER.search(text, middle).start()
    first = {tuple(fact) for place, *fact in facts if one.end() <= place < middle}
    second = {tuple(fact) for place, *fact in facts if middle <= place < end}
    return {slot for slot, *_ in first ^ second} - OF_THE_PICTURE
