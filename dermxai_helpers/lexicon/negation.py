"""Tells whether a sentence asserts, denies or doubts what it mentions: a cue ("no", "possible") reaches so far.

Source of the idea: Chapman et al. 2001, "A simple algorithm for identifying negated findings" (NegEx); the rules for
commas and lists are ours. Not understood: what is left out ("dots are seen, streaks are not" is doubt), an "and" that
changes the subject ("loss of symmetry and color variegation" denies both), and a subject that stands farther away ("the
streaks at the edge are irregular" is about the edge).
"""

import re

REACH = 200  # characters: no cue is about words farther away, and a caption gone wild stays quick to read
SEEN = "(?:seen|visible|present|identified|detected|observed|found|evident|noted|appreciated|recogni[sz]able|apparent"
SEEN += "|discernible|preserved|maintained)"
FINITE = "(?:is|are|was|were|has|do|does|did|shows|appears|looks|seems|covers|hides|obscures)"
UNSURE = r"(?:necessarily|certain(?:ly)?|sure|clear(?! of)|possible|allow|permit)\b"
TO_BE = "(?:is|are|was|were|appears?|seems?|remains?)"

DENIES = re.compile(rf"""(?x)\b(?:
        (?:no|without\ an?y?|without)\ (?:evidence|signs?|indications?|suggestions?|traces?)\ (?:of|for|that)
      | no(?!\ (?:doubt|question|diagnosis|longer\ {SEEN}|(?:less|fewer)\ than)) | zero
      | (?<!no\ )(?<!not\ )(?:less|fewer)\ than(?=\ $)
      | not(?!\ (?:only|just|merely|{SEEN}|clearly\ {SEEN}|be\ {SEEN}|excluded|ruled|{UNSURE}))
      | without(?!\ (?:a\ )?(?:doubt|question))
      | neither | nor | never | nothing | rather\ than | instead\ of
      | lack(?:s|ing|ed)? | (?:lack|loss|absence)\ of | los(?:t|es) | (?:free|clear|devoid|void)\ (?:of|from) | none\ of
      | negative\ for | anything\ but | by\ no\ means | far\ from(?!\ (?:the|its|it|any))
      | (?:hardly|scarcely)(?!\ {SEEN})
      | fail(?:s|ed)?\ to | cannot\ (?:see|find|identify|detect|make\ out)
    )\b | (?:^|(?<=with\ )|(?<=,\ )|(?<=has\ )|(?<=shows\ )|(?<=\ an\ ))absent\b | \bnon(?=\ )""")
DOUBTS = re.compile(rf"""(?x)\b(?:
        possibl[ey] | probabl[ey] | (?:un)?likely | potential(?:ly)? | perhaps | maybe | may | might
      | could(?!\ not\ be) | suggest\w*
      | suspicious | suspected | suspicion | question\ of | questionabl[ey] | presum\w+
      | equivocal | unclear | uncertain | unsure | doubtful | whether | if | not\ {UNSURE}
      | (?:cannot|could\ not)\ (?:exclude|rule\ out) | hard\ to | difficult\ to
      | minimal(?:ly)? | negligible | barely | (?<!a\ )little(?=\ (?:$|or|to|if|evidence|signs?))
      | less(?!\ than\ (?:\d|$)) | (?:at\ most|up\ to)(?=\ $)
    )\b""")

DENIED = re.compile(rf"""(?x)\s*(?:{TO_BE}\ |[:(]\ ?|-\ )?(?:both\ |all\ )?(?P<twice>not\ )?
        (?:absent|missing|lacking|lost(?!\ [a-z])|(?<=metry\ is\ )(?:lost|broken|disrupted)|none|ruled\ out|excluded)\b
      | (?:\ score|\ points?)?\s?[:(-]?\s?(?:no|0|0/\d|zero|nil|false|negative)(?=\s*(?:$|[,;)]|\.(?!\d)))
      | \s*:\ (?:no|0)\b | \s*\(-\) | \s*:?\ -(?=\s*(?:$|[.,;])) | \ (?:in|along|about)\ (?:0|no|neither)\ ax[ei]s\b
      | \s*(?:{TO_BE}\ |[:(]\ ?)?(?:both\ |all\ )?(?:not|no\ longer|never)\ (?:[a-z]+ly\ )?{SEEN}\b
      | \s*(?:cannot|can\ not|could\ not|may\ not)\ be\ {SEEN}\b""")
DOUBTED = re.compile(rf"""(?x)
        \s*(?:cannot|can\ not|could\ not)\ be\ (?:excluded|ruled\ out|assessed|determined|evaluated|judged|confirmed)\b
      | \s*(?:{TO_BE}\ )?not\ (?:excluded|ruled\ out)\b
      | ,?\ if\ (?:any|present)\b | \s*(?:{TO_BE}\ |:\ ?)
        (?:minimal|negligible|low|n/a|null|unknown|not\ (?:applicable|assess\w+|determin\w+)
          |possible|probable|(?:un)?likely|questionable|unclear|uncertain|suspected|equivocal|doubtful)\b
      | \s*(?:may|might|could)\ (?:also\ )?be\ {SEEN}\b
      | \s*\(\?\) | \ (?:\w+ly\ )?(?:pre)?dominates\b | \ than\ (?:before|previously|earlier|last|in|on)\b
      | \s*{TO_BE}\ not(?=\s*(?:$|[.,;]))""")  # "dots are seen, streaks are not": left out is what they are not

NEW_CLAUSE = re.compile(rf"""(?x)[;:]
      | \b(?:but|however|although|though|while|whereas|yet|except|besides|which|because|since|then|nor)\b
      | \ -\ | \b(?:other\ than|apart\ from|aside\ from)\b | (?<=\w\ )with\b
      | \band\ (?:an?|the|its|no|not|without|with|there|also|some|multiple|several|one|two|lacks?|{FINITE})\b
      | \bor\ (?:no|not|without|lacks?)\b""")
NEW_CLAUSE_AFTER_NO = re.compile(rf"\b(?:{FINITE}|the|this|these|an?)\b")  # "no streaks are seen in this ..."
LIST_WITH_OR = re.compile(r"(?P<items>[^;:()]*?)\b(?:or|nor)\b[^,;:()]*")
LIST_WITH_AND = re.compile(r"(?P<items>[^;:()]*?)\b(?:and|or|nor)\b[^,;:()]*")
TAKES_A_LIST = re.compile(r"lack(?:s|ing|ed)?|(?!loss).* (?:of|for|from)")  # "free of dots, globules and a veil"
ADJECTIVE = re.compile(r"(?:ic|al|ar|ed|xy|ly|wn|ck|te|ue|nk|sh|an|gr[ae]y)$")  # "free of dots, brown and flat"
LAST_ITEM = re.compile(r"\band (?=(?:an?|any) $)")
ITEM = rf"(?: (?!(?:an?|the|in|on|at|of|and|or|but|with|{FINITE}|{SEEN})\b)[\w/-]+){{1,3}}"
OPEN_LIST = re.compile(rf"\b(?:no|without)(?:{ITEM},)+(?:{ITEM} and)? $")  # "no network, dots, streaks, veil"
A_VERB_FOLLOWS = re.compile(rf"[^,;:]*\b{FINITE}\b")
NOT_IN_A_LIST = re.compile(rf"\b(?:the|and|with|but|no|not|without|there|{FINITE}|{SEEN})\b|[;:()]")
NOT_IN_A_SUBJECT = re.compile(
    rf"(?<!and )(?<!or )\b(?:an?|the)\b|\b(?:with|but|no|not|without|there|{FINITE}|{SEEN}|absent)\b|[;:()]"
)


def judge(sentence: str, start: int, core: int, end: int, lists: bool, structure: bool) -> tuple[int, bool, bool]:
    """Judge how a sentence speaks of its words start:end: (number of denials, one is inside them, they are in doubt).

    sentence : one sentence in small letters; core : where the words begin that a denial inside must precede, as in
    "border is not irregular". Two denials cancel out: "not without streaks".
    lists : whether a cue behind may also reach back over a list, as in "dots, streaks and network are absent"
    structure : whether it can be absent; a border cannot, so it is in doubt in "lacks symmetry, irregular borders and"
    The rule: a cue reaches to the next clause ("but", "with", "and the"), over a comma only in a list that "or" closes,
    or "and" behind a cue that asks for a list ("free of", "lacks"). In a list that nothing closes it leaves doubt.

    >>> sentence = "no dots, streaks or veil, but a network"
    >>> [judge(sentence, start, start, start + 4, True, True)[0] for start in (3, 9, 34)]
    [1, 1, 0]
    """
    denials, behind = _cues_before(DENIES, sentence, start, core, end), _behind(DENIED, sentence, end, lists)
    count = len(denials) + (0 if not behind else 2 if behind["twice"] else 1)  # "are not absent"
    inside = any(cue.start() >= start for cue in denials)
    doubts = _cues_before(DOUBTS, sentence, start, core, end)
    deniable = [cue for cue in doubts if cue.group().startswith(("suggest", "suspic"))]  # "nothing suggestive of"
    denied = [cue for cue in deniable if _cues_before(DENIES, sentence, cue.start(), cue.start(), cue.end())]
    far = [cue for cue in denials if not structure and "," in sentence[cue.end() : start]]
    unclear = [cue for cue in far if not _in_one_list(sentence, cue, start, LIST_WITH_OR)]
    if not count and (listed := OPEN_LIST.search(sentence, max(0, start - REACH), start)):
        if (structure or "metry" in listed.group()) and not re.search(r"\band (?:an?|no|the)\b", sentence[end:]):
            unclear = [listed]
    return count, inside, bool(len(doubts) > len(denied) or unclear or _behind(DOUBTED, sentence, end, lists))


def _cues_before(cues: re.Pattern, sentence: str, start: int, core: int, end: int) -> list[re.Match]:
    found = cues.finditer(sentence, max(0, core - REACH), core)
    return [cue for cue in found if _reaches(sentence, cue, start, core, end)]


def _reaches(sentence: str, cue: re.Match, start: int, core: int, end: int) -> bool:
    if cue.group() == "non":
        return sentence[cue.end() : core] == " "
    if cue.end() > start:
        return cue.end() <= core
    between = re.sub(r"\([^()]*\)", "", sentence[cue.end() : start])
    closing = LIST_WITH_OR
    if TAKES_A_LIST.fullmatch(cue.group()) and not ADJECTIVE.search(sentence[start:end]):
        closing = LIST_WITH_AND
        if not A_VERB_FOLLOWS.match(sentence, end):
            between = LAST_ITEM.sub("", between)
    if ")" in between or NEW_CLAUSE.search(between) or (cue.group() == "no" and NEW_CLAUSE_AFTER_NO.search(between)):
        return False
    outside = between.split("(")[0]  # inside a bracket, a list explains what stands before it: commas do not matter
    return "," not in outside or _in_one_list(sentence, cue, start, closing)


def _in_one_list(sentence: str, cue: re.Match, start: int, closing: re.Pattern) -> bool:
    """Whether "or" closes a list from the cue beyond `start`: "no dots, streaks or veil", not "no dots, streaks"."""
    closed = closing.match(sentence, cue.end(), cue.end() + REACH)
    return bool(closed) and closed.end() > start and not NOT_IN_A_LIST.search(closed["items"])


def _behind(cues: re.Pattern, sentence: str, end: int, lists: bool) -> re.Match | None:
    """The cue right behind position `end`, or behind the rest of a list that begins before it."""
    cue = cues.match(sentence, end)
    if cue or not lists:
        return cue
    cue = cues.search(sentence, end, end + REACH)
    between = sentence[end : cue.start()] if cue else ""
    last = between.rpartition(",")[2]
    closed = "," not in between or re.search(r"\b(?:and|or)\b", last)
    return cue if cue and closed and not NOT_IN_A_SUBJECT.search(between) else None
