# %% [markdown]
# # Appendix – For instructors
#
# How to teach with this course: plans, goals, the mistakes that students make, a data set of your own, assignments. It is
# no unit. The tables are computed from the units and their checks; `python .ci/notebooks.py appendix` writes them anew. To
# run this page you need a clone of the repository.
#
# ## 1. The units
#
# The head of each unit says what it does, teaches and needs. A unit with a **b** tests what the unit before it has built; a
# first reading may skip it.

# %%
import re

from IPython.display import Markdown, display

from dermxai_helpers import checks, course
from dermxai_helpers.course import editions

units = {unit.name.split("_")[0]: unit for unit in course.units()}
texts = {number: unit.source.read_text(encoding="utf-8") for number, unit in units.items()}
links = {number: f"[{number} {unit.title}](../{unit.name}.ipynb)" for number, unit in units.items()}


# %%
def table(columns, rows):
    """Rows of words as a table that notebooks and web pages show."""
    lines = [" | ".join(map(str, row)) for row in [columns, ["---"] * len(columns), *rows]]
    return Markdown("\n".join(f"| {line} |" for line in lines))


# %% [markdown]
# *Minutes* are counted for a student who reads, runs and solves everything: 100 words a minute, a fifth of a minute for a
# line of code, and the minutes stated for each exercise. Students differ; the count is the same for all units.

# %%
minutes = {number: int(re.search(r"· (\d+) minutes ·", text)[1]) for number, text in texts.items()}
each = re.compile(r"^# Difficulty .* (\d+) minutes$", re.MULTILINE)
solving = {number: sum(map(int, each.findall(text))) for number, text in texts.items()}
table(["unit", "question", "minutes", "of these, exercises"],
      [[links[number], units[number].question, minutes[number], solving[number]] for number in units])

# %% [markdown]
# ## 2. Goals and prerequisites
#
# For the whole course: Python functions, loops and dictionaries; `numpy` arrays; a little `pandas`. From unit 02 on the idea
# of a gradient, from unit 04 on matrix products. Nobody needs to know any dermatology.

# %%
def stated(number, words):
    """What the head of a unit says after these words, in one line."""
    head = re.sub(r"^# ?", "", texts[number].split("\n# %%")[0], flags=re.MULTILINE)
    found = re.search(rf"\*\*{words}\*\* – (.*?)(?:\n\n|\Z)", head, re.DOTALL)
    return " ".join(found[1].split())


table(["unit", "students learn", "and need"],
      [[links[number], *(stated(number, f"What you {word}") for word in ("will learn", "need"))] for number in units])

# %% [markdown]
# ## 3. Three plans
#
# A star means: without the exercises.

# %%
PLANS = {
    "an afternoon": {"three hours": "00 01* 03"},
    "a week": {"Monday": "00 01", "Tuesday": "02 03", "Wednesday": "04 05", "Thursday": "06 03b*", "Friday": "07"},
    "six weeks": {"week 1": "00 01", "week 2": "02 02b", "week 3": "03 03b", "week 4": "04 04b", "week 5": "05 06", "week 6": "06b 07"},
}


# %%
def needed(words):
    """The minutes of units such as "00 01*"."""
    known = [word for word in words.split() if word.strip("*") in minutes]
    total = sum(minutes[word.strip("*")] - ("*" in word) * solving[word.strip("*")] for word in known)
    return total if len(known) == len(words.split()) else f"more than {total}"


table(["plan", "when", "units", "minutes"],
      [[plan, when, words, needed(words)] for plan, days in PLANS.items() for when, words in days.items()])

# %% [markdown]
# - **An afternoon** shows the road (00), one leak (01) and one heat-map from the inside (03). In 01 read the sections and
#   leave its exercises for later; in 03 solve 3.1, 3.5 and 3.6 first, they carry the unit. Keep ten minutes for the question
#   *what does this not show?*
# - **A week** leaves out 02b, 04b and 06b. Of 02b, tell on Tuesday what an interval by lesion is: 03b needs it, and the audit
#   of unit 07 builds on 03b. Leave the rest for those who want more.
# - **Six weeks** are two meetings a week, one unit each. Hand out the assignment on data and classifier after week 2, the
#   one on explanations after week 4, the one on captions and lexicon and the audit after week 6.
#
# Short of time inside a unit? Skip the comparison with a library and the widget, never the control and never *What this
# does not show*. Let students write down their guess before a cell marked **Guess first** runs.
#
# Before the first meeting: run `python -m dermxai_helpers doctor` on the computers of the class, and `make run` once, which
# fills the cache with drawn lesions. Nothing else needs a network. On Colab the first cell installs the course; on Binder
# there are 2 GB of memory, enough for one open unit: close the others.
#
# ## 4. What students get wrong
#
# Each check knows the common mistakes of its exercise by running them. The right column is what a student is told whose
# answer makes that mistake. Read a unit's table before you teach it.

# %%
def misconceptions(number):
    """A row for each mistake that a check of this unit knows."""
    rows, title = [], ""
    for cell in editions.exercises(texts[number]):
        heading, check = re.search(r"^# ### Exercise (.*)$", cell, re.MULTILINE), re.search(r"checks\.(\w+)\(", cell)
        title = heading[1] if heading else title
        for sentence in getattr(getattr(checks, check[1]), "mistakes", ()) if check else ():
            rows.append([title, sentence.replace("|", r"\|")])
            title = ""
    return rows


# %%
for number in units:
    display(Markdown(f"**{links[number]}**"), table(["exercise", "what is told"], misconceptions(number)))

# %% [markdown]
# ## 5. A data set of your own
#
# `write_folder` draws photographs with HAM10000's folders and table; the same seed gives the same bytes. Another seed gives a
# class that nobody has seen before. (On the command line: `python -m dermxai_helpers draw FOLDER --images 300 --seed 7`.)

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from dermxai_helpers import data, synth

drawer = TemporaryDirectory()
folder = synth.write_folder(Path(drawer.name) / "class", 40, seed=7, progress=False)
data.load(folder)[["image_id", "lesion_id", "dx", "age", "localization"]].head(3)

# %% [markdown]
# Give that folder's name as the parameter `photographs` of a unit. If you want a **planted cause**, draw the lesions one by
# one: every attribute can be set. Here all melanomas have a ruler, and nothing else has:

# %%
labels = ["mel", "nv", "bkl"] * 4
lesions = [synth.draw((7, number), label=label, ruler=label == "mel") for number, label in enumerate(labels)]
print(f"rulers: {[label for label, lesion in zip(labels, lesions, strict=True) if lesion.attributes['ruler']]}")
print(f"what can be set: {', '.join(sorted(lesions[0].attributes))}")

# %%
from PIL import Image

planted = Path(drawer.name) / "planted"
for number, lesion in enumerate(lesions):
    (planted / labels[number]).mkdir(parents=True, exist_ok=True)
    Image.fromarray(lesion.image).save(planted / labels[number] / f"{number}.png")
print({path.name: len(list(path.iterdir())) for path in sorted(planted.iterdir())})
drawer.cleanup()

# %% [markdown]
# Sub-folders with the names of classes become a table in [Your own photographs](own_photographs.ipynb).
#
# ## 6. Four assignments
#
# ```
# python -m dermxai_helpers assignments build FOLDER
# python -m dermxai_helpers assignments grade FOLDER
# ```
#
# The first command writes four assignments: *data and classifier*, *explanations*, *captions and lexicon*, and the *audit of
# the mystery model* (unit 07). Their code questions are exercises of the units; written questions come with a rubric.
#
# | folder | what it holds | who sees it |
# |---|---|---|
# | `FOLDER/source` | notebooks with solutions, hidden tests and points (a tree for nbgrader) | you |
# | `FOLDER/release` | the same without solutions and hidden tests | students: hand this out |
# | `FOLDER/instructor.json` | the seed, and which mystery model has which cause | you; keep it, and keep it to yourself |
# | `FOLDER/submitted/<student>/<assignment>/*.ipynb` | what you collect | you |
# | `FOLDER/grades.csv` | for each student and question: points, outcome, reason | you |
# | `FOLDER/feedback/<student>/<assignment>.html` | a page for each submission | that student |
#
# The second command reads `submitted` and writes the last two; it needs Linux, macOS or WSL. Outcomes are pass, wrong,
# time-out, crash, tampered, missing, and *by hand* for written answers, whose points you add. It does not run whole
# notebooks: each answer runs by itself, with the notebook's imports, functions and constants, but no results of other cells.
# Tell students so.
#
# nbgrader is optional: `make instructor` installs it, if you want its pages for grading by hand. Students need nothing but
# the course.
#
# ## 7. What stays sealed, and what does not
#
# - **Exercises are open.** Their solutions are public, in `notebooks/solutions`. They are for learning; give few points for
#   them, or none. `course.progress()` is a student's own list and no proof.
# - **Hidden tests** run an answer on inputs drawn from your seed, which is in no file that you hand out. Remembered numbers
#   fail. A correct function passes, whoever wrote it, and for code questions a correct one is public. So the code part of an
#   assignment shows that somebody handed in working code; ask two questions about it in class if it has to show more.
# - **The audit** cannot be copied from this repository. There are seven models; which has which cause, or none, is drawn from
#   your seed and stands only in `instructor.json` and `source`. A student's name decides which model is theirs. In a class
#   of more than seven some share one, and who compares notes with all others can exclude causes: give the points for the
#   evidence, not for the name of the cause alone.
# - **Written answers** are judged by a rubric. Two equal texts are visible to whoever reads them.
# - **The grader is no container.** It runs each answer in a process of its own with limits of time, memory and processes, and
#   an empty home; on Linux the system also refuses the network and other files. That stops mistakes and simple tricks, not
#   somebody who wants to break out. Where you do not trust a class, run the whole command in a container or on a machine that
#   holds nothing else.
#
# ## 8. Without nbgrader
#
# - **Moodle** or a similar platform: upload the notebook from `release` (for the audit, with its models). Students upload
#   theirs. Download all submissions at once, put each file into `submitted/<student>/<assignment>`, grade, and upload the
#   pages of feedback.
# - **Colab**: share the notebook as a copy. Students choose *File → Download → Download .ipynb* and hand that file in. The
#   grader's marks in a cell may get lost on the way; the grader then finds the answer by other signs, and says so.
# - **Plain folders**: one folder a student, on a shared drive or in a repository of theirs. The layout above is all that
#   `grade` asks for.
#
# Use the same name of a student everywhere: in the folder and, for the audit, in the notebook.
#
# ## 9. Grading words by hand
#
# `assignments build` writes a rubric for its own written questions. For questions of yours, and for any page of an audit, this
# one does. Each row gives 0, 1 or 2 points:
#
# | | 0 | 1 | 2 |
# |---|---|---|---|
# | the claim | none, or about another question | vague: "it works well" | one sentence that could turn out false |
# | the evidence | a picture or a single case | a number | a number with *n*, the number of lesions and an interval |
# | the comparison | none | with chance | with what should have failed: constant, shuffled, centre, twin |
# | the verdict | more than the numbers say | fits them | fits them, and says "cannot tell" where that is so |
# | the limits | none | general: "more data" | what this experiment cannot show, and which one could |
#
# A student who finds nothing, and shows that the search could have found something, has done the work. Give full points.
