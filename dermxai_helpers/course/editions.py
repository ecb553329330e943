"""One text source, several editions: what learners get, and what solves it.

An answer stands between `### BEGIN SOLUTION` and `### END SOLUTION`, as nbgrader wants it. A function that is handed
out with a fault to be found stands below, as comments between `### BEGIN STUB` and `### END STUB`. Cells that belong to
an exercise carry a tag: "exercise" (the answer), "check", and "solution" (text for those who have tried).
"""

import re
from collections.abc import Sequence
from textwrap import indent

ANSWER = re.compile(
    r"^(?P<margin> *)### BEGIN SOLUTION\n(?P<solution>.*?)^ *### END SOLUTION\n?"
    r"(?:^ *### BEGIN STUB\n(?P<stub>.*?)^ *### END STUB\n?)?",
    re.DOTALL | re.MULTILINE,
)
CELL = re.compile(r"^(?=# %%)", re.MULTILINE)
PRELUDE = "import numpy as np\nimport pandas as pd\nimport torch\n\nfrom dermxai_helpers import checks\n"


def learner(text: str) -> str:
    """A percent-format source as learners get it: stubs in place of answers, no solutions."""
    kept = [cell for cell in CELL.split(text) if "solution" not in tags(cell)]
    return ANSWER.sub(_stub, "".join(kept))


def solved(text: str) -> str:
    """A percent-format source with every answer filled in."""
    return ANSWER.sub(lambda found: found["solution"], text)


def exercises(text: str) -> list[str]:
    """The cells of a source's exercises alone: their texts, answers, checks and solutions, in order."""
    return [cell for cell in CELL.split(text) if is_exercise(cell)]


def solutions(text: str) -> str:
    """A source that holds a unit's exercises, solved, and nothing else; it runs on its own."""
    title = re.search(r"^# # (.*)$", text, re.MULTILINE)[1]
    above = f"# %% [markdown]\n# # Solutions: {title}\n#\n# Try before you look.\n\n# %%\n{PRELUDE}\n"
    return above + "".join(exercises(solved(text)))


def is_exercise(cell: str) -> bool:
    """Whether a cell of a source belongs to an exercise."""
    return bool({"exercise", "check", "solution"} & set(tags(cell))) or "\n# ### Exercise " in cell


def tags(cell: str) -> Sequence[str]:
    """The tags in the first line of a percent-format cell."""
    found = re.search(r"tags=\[(.*?)\]", cell.partition("\n")[0])
    return re.findall(r'"([^"]+)"', found[1]) if found else []


def _stub(found: re.Match) -> str:
    if found["stub"] is None:
        return f"{found['margin']}...\n"
    lines = (re.sub(r"^ *# ?", "", line) for line in found["stub"].splitlines())
    return indent("\n".join(lines), found["margin"]) + "\n"
