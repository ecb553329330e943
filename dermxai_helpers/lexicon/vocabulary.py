"""The words that state a fact about a lesion, for `lexicon.parse`: slot -> value -> surface forms.

A surface form is a regular expression on small letters that must stand as whole words, a hyphen being part of a word. A
group called `core` marks the words that carry the value where more has to be read to know what they are about: in "an
irregular, ill-defined border" the core is "irregular". The value "any" names a structure and leaves its kind open.
Source: the ABCD rule (Stolz 1994), the 7-point checklist (Argenziano 1998) and the words of the third consensus
(Kittler 2016); a few everyday synonyms are ours.
"""

import re

ADVERB = "(?:[a-z]+ly|very|quite|rather|somewhat|well|also|more)"
TO_BE = "(?:is|are|was|were|appears?|looks?|seems?|remains?|(?:may|might|could|can) (?:not )?be)"
VERB = f"(?:,? ?(?:that|which) )?{TO_BE}"
COPULA = rf"(?:{VERB}|[:(])"
LINK = "(?:,? and|,? or|,? nor|,? but|,| rather than)"

REGULAR = "regular|smooth|round|oval|even"
IRREGULAR = "irregular|notched|scalloped|jagged|ragged|uneven|ill-?shaped"
DEFINED = "(?:demarcated|defined|circumscribed|delineated|bordered)"
SHARP = f"(?:sharply|well|clearly)[ -]{DEFINED}|abrupt"
FADED = f"(?:ill|poorly|vaguely)[ -]?{DEFINED}|fading|faded|blurred|indistinct|gradual"
COLOURS = {  # the six of the ABCD rule, in the order of `synth.COLOURS`
    "white": "white|whitish", "red": "red|reddish|pink|pinkish", "light brown": "light[ -]brown|tan",
    "dark brown": "dark[ -]brown", "blue-gray": "(?:blue|bluish)[ -]gr[ae]y(?:ish)?|blue|bluish|gr[ae]y|gr[ae]yish",
    "black": "black|blackish"}  # fmt: skip
BROWN = "(?:(?:red|pink|yellow|gr[ae]y)(?:dish|ish)?[ -])?brown(?:ish)?"  # of unknown shade, so none of the six
COLOUR = "|".join([*COLOURS.values(), BROWN])
NUMBER = "single|multiple|one|two|distinct|different"
# What may stand between an adjective and its noun, or between a verb and the adjective in question.
FILLER = (
    rf"(?:not|non|no longer|far from|by no means|anything but|hardly|neither|either|both|to be|{ADVERB}|{REGULAR}"
    rf"|{IRREGULAR}|moth-eaten|sharp|{SHARP}|{FADED}|typical|atypical|{COLOUR}|{NUMBER}|visible)"
)


def quality(adjectives: str, noun: str) -> tuple[str, str]:
    """The two orders in which an adjective is said of a noun: "irregular brown dots" and "the dots are irregular"."""
    before = rf"(?P<core>{adjectives})(?:(?:{LINK}? |/){FILLER})* (?:{noun})"
    after = rf"(?:{noun})(?: of the lesion)? ?{COPULA}? ?(?:{FILLER}(?:{LINK}? |/))*(?P<core>{adjectives})"
    return before, after


def bare(adjective: str) -> str:
    """An adjective said of the lesion itself, or beside its symmetry: "neither symmetric nor regular"."""
    links = [f"symmetric{al} {link} " for al in ("", "al") for link in ("and", "nor", "or", "but", "but not")]
    links += [f"symmetric{al}, " for al in ("", "al")]
    links += [f"lesion {verb} " for verb in ("is", "is not", "appears", "looks")]
    return rf"(?:{'|'.join(f'(?<={link})' for link in links)}){adjective}(?= *(?:$|[.,;)]| and\b| but\b))"


BORDER = "borders?|edges?|margins?|outlines?|contours?|shape"
NETWORK = "(?:pigment(?:ed)? |reticular )?(?:network|reticulation)"
DOT = "(?:dots?|globules?|clods?)"
DOTS = rf"{DOT}(?:(?:,? and |,? or |/){DOT})?"
SPREAD = "distributed|spaced|arranged|sized|shaped"
EVENLY = f"(?:evenly|regularly|symmetrically) (?:{SPREAD})"
STREAKS = "(?:branched )?streaks?|radial (?:streaming|lines)|pseudopods?"
VESSELS = "vessels?|vascular (?:structures|pattern)"
TINT = "(?:colou?rs?|colou?ration|pigmentation|hues?|shades?|tones?)(?: distribution)?"
AMOUNT = "multiple|several|many|various|different|diverse|numerous|varied|varying|three|four|five|six|[3-6]"
MORE = "more than (?:one|two)|(?:two|three) or more|at least (?:two|three)|a variety of"
TOO = rf"one {TINT} (?:pre)?dominates,? (?:but|and|though|while) (?:several|many|multiple|others?)"
UNIFORM = "single|uniform|homogeneous|even|one|1|(?:fewer|less) than (?:two|2)"
NOUN_OF_SYMMETRY = r"(?<!state )(?<!stating )(?<!describe )symmetry(?! ?:| (?:is|appears|looks) a?-?symmetric)"
ALONG = "(?:in|along|about|around)"
SIZE = "diameter|size|dimensions?"

SLOTS: dict[str, dict[str, tuple[str, ...]]] = {
    "symmetry": {
        "symmetric": (rf"symmetric(?:al)?(?:ly)?(?: {ALONG} (?:two|both) axes)?", NOUN_OF_SYMMETRY, r"mirror(?:s|ed)?"),
        "asymmetric": (rf"a-?symmetr(?:y|ic(?:al(?:ly)?)?)(?: {ALONG} (?:one axis|(?:two|both) axes))?",
            "in two axes", rf"(?:symmetric(?:al)? )?{ALONG} (?:one|1) axis")},
    "border_shape": {
        "regular": (*quality(REGULAR, BORDER), rf"regular in (?:{BORDER})", "regularly shaped", bare("regular")),
        "irregular": (
            *quality(IRREGULAR, BORDER), rf"irregular in (?:{BORDER})", "irregularly shaped", bare("irregular"),
            "border irregularity", rf"irregularity of (?:the )?(?:{BORDER})"),
        "moth-eaten": ("moth-?eaten(?: borders?)?",)},
    "border_sharpness": {"sharp": (SHARP, *quality("sharp", BORDER)), "faded": (FADED,)},
    "colour_count": {
        "one": (*quality(UNIFORM, TINT), "monochrom(?:e|atic|ous)", "(?:uniform|even|homogeneous) in colou?r",
            rf"(?:uniform|even|homogeneous)ly (?:colou?red|pigmented|{COLOUR})"),
        "two": (*quality("two|2|dual", TINT), "two-tone", r"(?:bi|two-)colou?red"),
        "many": (*quality(f"{AMOUNT}|{MORE}", TINT), TOO, r"variegat\w+|multi-?colou?r(?:ed)?|polychrom(?:e|atic)")},
    "colours": {value: (form,) for value, form in COLOURS.items()} | {"brown": (BROWN,)},
    "network": {
        "typical": (*quality("typical|regular|delicate", NETWORK), "reticular (?:lines|pattern)"),
        "atypical": quality("atypical|irregular|broadened|prominent", NETWORK),
        "any": (NETWORK,)},
    "dots_globules": {
        "regular": (
            *quality(f"{EVENLY}|regular|symmetric", DOTS), "cobblestone(?: pattern)?", f"peripheral rim(?: of {DOTS})?",
        ),
        "irregular": quality(rf"irregularly (?:{SPREAD})|irregular|asymmetric", DOTS),
        "any": (DOTS,)},
    "streaks": {
        "regular": (*quality("regular|symmetric", STREAKS), "starburst(?: pattern)?"),
        "irregular": quality("irregular|asymmetric", STREAKS),
        "any": (STREAKS,)},
    "blue_white_veil": {
        "any": (r"(?:blu\w+[ -]?whit\w+|whit\w+[ -]?blu\w+)(?: (?:veil|structures?))?", "structureless blue", "veil")},
    "regression": {
        "any": (r"regression(?: structures?)?", "scar-?like", "peppering", "granularity", "gr[ae]y dots")},
    "blotch": {"any": (r"blotch(?:es)?", "structureless (?:black|dark brown) areas?", r"hyperpigment\w+ areas?")},
    "vessels": {
        **{kind: quality(kind, VESSELS) for kind in ("dotted", "linear irregular", "hairpin", "arborizing", "comma")},
        "any": (VESSELS,)},
    "milia": {"any": ("milia(?:[ -]?like)? cysts?", "milia", "white clods?")},
    "comedo": {"any": ("comedo(?:[ -]?like)? openings?", "comedon(?:es?)?", "crypts?", "plugs?")},
    "cerebriform": {"any": ("fissures?", "fissured", "ridges?", "gyri", "sulci", "cerebriform", "fat fingers")},
    "fingerprint": {"any": ("fingerprint-?like(?: structures?)?", "parallel (?:thin )?lines")},
    "surface": {
        "waxy": ("waxy",), "stuck-on": ("stuck[ -]on",), "verrucous": ("verrucous|warty",),
        "keratotic": ("(?:hyper)?keratotic",), "scaly": ("scaly",), "crusted": ("crusted|crusts?",),
        "smooth": ("smooth",)},
    "artefact": {
        "hair": ("hairs?",), "ruler": ("ruler|scale bar",), "gel bubble": ("(?:gel |air )?bubbles?",), "ink": ("ink",),
        "vignette": ("vignett(?:e|ing)|dark corners?",)},
    "refusal": {
        "no scale": ("(?:no|without an?y?) (?:visible )?(?:scale|reference)",),
        "cannot be measured": (
            rf"(?:{SIZE})[a-z ]* (?:cannot|could not) be (?:measured|determined|assessed|estimated|given|stated|seen)",
        ),
        "not visible": (rf"(?:{SIZE}|scale)[a-z ]* not (?:visible|available|shown|given|provided|stated)",)},
    "off_topic": {
        "diagnosis": (
            r"melanomas?|melanocytic|moles?|n[ae]?ev(?:us|i)|cancer(?:ous)?|carcinomas?|keratos[ie]s|malignan\w+|benign"
            r"|tumou?rs?",),
        "scene": (r"(?:person|people|man|woman|child|hands?|ears?|face|cars?|food|dogs?|cats?)(?!'s skin)",)},
    "language": {"not English": (), "not prose": ()},  # found by `plain`, in no words of a list
}  # fmt: skip

# What every lesion has, in one of two ways: to deny one is to state the other. And all that no lesion can be free of.
REGULARITY = ("regular", "irregular")
FLIPS = {"symmetry": ("symmetric", "asymmetric"), "border_shape": REGULARITY, "border_sharpness": ("sharp", "faded")}
ALWAYS_THERE = (*FLIPS, "colour_count", "colours", "surface")
# What a lesion need not have: "the network is not typical" states the other kind, "no typical network" states none.
KINDS = {"network": ("typical", "atypical"), "dots_globules": REGULARITY, "streaks": REGULARITY}
# Slots that can hold several values at once; everywhere else two values are a conflict.
SEVERAL = ("colours", "surface", "artefact", "off_topic", "refusal", "vessels", "language")
# What "no visible structures" denies at once. (That there *are* structures says nothing about any of them.)
UMBRELLA = ("network", "dots_globules", "streaks", "blue_white_veil", "regression")


def whole_words(form: str) -> re.Pattern:
    """A surface form that must stand as whole words; all of it is the core unless it marks one."""
    core = form if "(?P<core>" in form else f"(?P<core>{form})"
    return re.compile(rf"(?<![\w-])(?:{core})(?![\w-])")


READ = SLOTS | {"umbrella": {"any": ("structures?",)}}
LISTS = [(slot, value, forms) for slot, values in READ.items() for value, forms in values.items()]
PATTERNS = tuple((slot, value, whole_words(form)) for slot, value, forms in LISTS for form in forms)
