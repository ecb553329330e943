# %% [markdown]
# # The mystery model
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/07_the_mystery_model.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F07_the_mystery_model.ipynb) · 74 minutes · CPU is enough (1.5 GB)
#
# **What you will do** – get a classifier that may have learnt the wrong thing, find out what it looks at, and write an
# audit of one page.
#
# **What you will learn** – to choose between five kinds of evidence, to see what each of them cannot show, and to say
# *none* when there is nothing.
#
# **What you need** – units 01 (leaks), 02b (intervals), 03 and 03b (maps and their controls), 04b (changed pictures).
#
# > **Claim.** An auditor with the tools of this course finds out what a model has really learnt.
# > **Control.** An honest twin, trained on the same lesions. And the planted cause is known, so your audit can be checked.

# %% tags=["bootstrap"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules:  # everywhere else the course is installed already
    source = "git+https://github.com/dermxai/dermxai@v0.2.0"
    needed = {"dermxai_helpers": source, "pytorch_grad_cam": "grad-cam", "ttach": "ttach",
              "captum": "captum"}
    missing = [package for name, package in needed.items() if importlib.util.find_spec(name) is None]
    if missing:  # without dependencies, so that Colab's own torch and numpy stay
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *missing], check=True)

# %% tags=["parameters"]
seed = 0         # which model you audit: any whole number, 0 to 2000000000; these pages show 0
sealed = "none"  # or the file of a sealed model, from your instructor
each = 120       # drawn lesions of each class that train a model, 20 to 1000
lesions = 50     # fresh lesions in each experiment, 20 to 1000

# %% [markdown]
# ## 1. A model with a good report
#
# A hospital hands you its classifier. In the hospital's photographs, something may lie beside the lesions that has nothing
# to do with the disease: a ruler, ink of a surgical pen, the dark corners of a lens, bubbles in the gel, hair. Or the
# patients with melanoma may have darker skin. **At most one of these six was planted:** then every melanoma of this
# hospital shows it, and no other lesion does. Everything else lies on one picture in four, whatever the class.
#
# You get the model and a table, not the hospital's pictures. All of them are drawn. **These pages show the model of seed
# 0.** When you have read them, put a number of your own into the cell above, run all cells again, and audit that model. Do
# not look into `mystery.py`.

# %%
import numpy as np
import pandas as pd

from dermxai_helpers import course, gradcam, plots, scoring, synth, trial, widgets
from dermxai_helpers.plots import charts, pictures
from dermxai_helpers.trial import mystery
from dermxai_helpers.trial.run import explained

course.check_parameters("07", globals())
case = mystery.train(seed, each=each, progress=False) if sealed == "none" else mystery.load(sealed)
classifier, table = case
planted = mystery.cause_of(seed) if sealed == "none" else None  # for the check of your audit; do not print it

# %% [markdown]
# One plain nevus, and the six things that may lie on it. Every photograph below is the same lesion.

# %%
shown = {"plain": "none"} | {cause: cause for cause in mystery.CANDIDATES}
shown = {name: mystery.photographed((seed, 1), cause).image for name, cause in shown.items()}
course.figure("seven", pictures.gallery(list(shown.values()), list(shown), "A nevus, plain and with each of six causes"))

# %% [markdown]
# The hospital judged its model with one in five of its own photographs, of other lesions than those of training. If
# something was planted, it lies on these, too. It reports *balanced accuracy*, the mean recall of the three classes.

# %%
val = table[table["split"] == "val"]
reported = scoring.scores_with_intervals(val["dx"], val["answer"], val["lesion_id"], classifier.classes)
note = f"{len(val)} drawn photographs, a third of them melanomas"
course.record("reported_balanced_accuracy", *reported.loc["balanced_accuracy"], baseline=1 / 3, note=note)

# %% [markdown]
# ## 2. What the table can show
#
# Look first where looking is cheap. Two questions of unit 01: does a lesion stand on both sides of the split? And do age,
# sex and place alone name the class?

# %% tags=["nbval-check-output"]
train = table[table["split"] == "train"]
print("Lesions on both sides:", len(set(train["lesion_id"]) & set(val["lesion_id"])))

# %%
from sklearn.ensemble import RandomForestClassifier

facts = pd.get_dummies(table[["sex", "localization"]]).assign(age=pd.to_numeric(table["age"]).fillna(50))
forest = RandomForestClassifier(300, min_samples_leaf=5, random_state=seed).fit(facts.loc[train.index], train["dx"])

# %%
by_facts = forest.predict(facts.loc[val.index])
alone = scoring.compare(by_facts, "nv", val["lesion_id"], "balanced_accuracy", val["dx"])
beyond = scoring.compare(val["answer"], by_facts, val["lesion_id"], "balanced_accuracy", val["dx"])
print(alone.sentence("Age, sex and place alone", "always nevus", "balanced accuracy"))
print(beyond.sentence("The model", "age, sex and place alone", "balanced accuracy"))

# %% [markdown]
# Melanoma is commoner in older people, so the table may name some classes, as in life.
#
# **What this cannot show.** The model reads no table, it reads pixels. No lesion on both sides means that the split does not
# leak. It says nothing about what lies in the pictures.
#
# ## 3. What maps can show
#
# Unit 03b: put a thing into a picture; if the network uses it, a faithful map should move there. For each cause we take
# fresh nevi, plain and marked, and ask Grad-CAM for melanoma. *Moved evidence*: the map's share on the place of the cause,
# marked minus plain. Dark skin lies everywhere around the lesion.
#
# **Guess: a hair is two pixels wide, a cell of the map 32. Of the six, which could such a map show?**

# %%
MEL = classifier.classes.index("mel")
numbers = np.arange(lesions // 2)  # maps take longer than answers
plain = [mystery.photographed((seed, 2, number)) for number in numbers]
marked, places = {}, {}
for cause in mystery.CANDIDATES:
    drawn = [mystery.photographed((seed, 2, number), cause) for number in numbers]
    marked[cause] = [one.image for one in drawn]
    places[cause] = np.stack([one.artefacts.get(*mystery.CAUSES[cause], ~one.mask) for one in drawn])

# %%
def maps_of(model, images):
    return explained(gradcam.explain, model.model, model.prepare(images), [MEL] * len(images))


def moved(name, model):  # for each cause, the share on its place, marked minus plain, of each nevus
    before, found = maps_of(model, [one.image for one in plain]), {}
    print(f"{name}: {(before.max(axis=(1, 2)) <= 0).sum()} of {len(before)} plain nevi have a map without any evidence")
    for cause, images in marked.items():
        shares = (trial.energies_inside(maps, places[cause]) for maps in (maps_of(model, images), before))
        found[cause] = np.subtract(*map(np.nan_to_num, shares))  # a map without evidence has none on that place either
    return found

# %%
of_one = np.stack([plain[0].image, *(images[0] for images in marked.values())])
one_nevus = gradcam.explain(classifier.model, classifier.prepare(list(of_one)), MEL).overlay(of_one)
plots.show(pictures.gallery(list(one_nevus), ["plain", *marked], "Grad-CAM for melanoma over one nevus, plain and marked"))

# %% [markdown]
# And the control: an **honest twin**, trained in the same way on other lesions, where no cause goes with a class. What moves
# in *its* maps, too, tells nothing about a planted cause.

# %%
twin = mystery.train(seed + 1, "none", each, progress=False)
auditees = {"the mystery model": classifier, "its honest twin": twin.classifier}
shifts = {name: moved(name, model) for name, model in auditees.items()}
evidence = {name: {cause: scoring.compare(values, 0.0, numbers) for cause, values in of_all.items()}
            for name, of_all in shifts.items()}
course.figure("maps", charts.differences(evidence, "share of the map on the cause's place, marked minus plain", True))

# %% [markdown]
# A map exposes a cause if at least a twentieth of its evidence moves there, and more than in the twin.

# %%
beyond_twin = {cause: scoring.compare(shifts["the mystery model"][cause], shifts["its honest twin"][cause], numbers)
               for cause in mystery.CANDIDATES}
exposed = [f"{cause} ({one.value:+.2f}, the twin {one.reference:+.2f})" for cause, one in beyond_twin.items()
           if one.outcome == scoring.compare(shifts["the mystery model"][cause], 0.05, numbers).outcome == "higher"]
print("Exposed by the maps:", ", ".join(exposed) or "nothing")

# %% [markdown]
# **What this cannot show.** A map has 7 × 7 cells and comes from the last layer. This model's head also reads three early
# layers (their means, spreads and maxima), and what is thin or everywhere may count there alone. A map that moves is a hint.
# One that stays, or holds no evidence, is no proof.
#
# ## 4. What subgroups can show
#
# Photographs as they come: melanomas on which everything lies by chance, one in four. If a cause decides, melanomas *without*
# it are missed.

# %%
def as_it_comes(number):  # a melanoma, never seen by the hospital
    rng = np.random.default_rng([seed, 3, number])
    there = {name: bool(rng.random() < 0.25) for name in synth.ARTEFACTS}
    return synth.draw((seed, 3, number), "mel", **there, skin=str(rng.choice(["I", "II", "III", "V"])))


def asked(number):  # what is on the picture, and whether the model finds the melanoma
    drawn = as_it_comes(number)
    there = {cause: all(drawn.attributes[name] == value for name, value in mystery.CAUSES[cause].items())
             for cause in mystery.CANDIDATES}
    return there | {"found": classifier.predict_proba([drawn.image])[0].argmax() == MEL}


melanomas = pd.DataFrame([asked(number) for number in range(3 * lesions)])
melanomas.head(3)

# %% [markdown]
# ### Exercise 7.1 – a gap between groups
# Difficulty ●○○ · importance ●●○ · 5 minutes
#
# Write the difference of two recalls: of the melanomas with a thing on the picture, the share that was found, minus the
# same for those without it. If either group has fewer than 10, the gap is unknown: `np.nan`. **Expected:** one number from
# -1 to 1. Above 0, melanomas without the thing are missed.
#
# <details><summary>Hint 1</summary>Each group has a size of its own.</details>
# <details><summary>Hint 2</summary><code>found[there].mean()</code> is the share of the first group;
# <code>~there</code> are the others.</details>

# %%
from dermxai_helpers import checks


# %% tags=["exercise"]
def subgroup_gap(found, there):
    """Whether each melanoma was found, bool (n,), and whether the thing is on its picture, bool (n,) -> a number."""
    ### BEGIN SOLUTION
    if min(there.sum(), (~there).sum()) < 10:
        return np.nan
    return found[there].mean() - found[~there].mean()
    ### END SOLUTION

# %% tags=["check"]
checks.subgroup_gap(subgroup_gap)

# %% [markdown] tags=["solution"]
# Two means, each divided by the size of its own group. With nine cases a share can be anything, so the function says so.

# %%
groups = {"with it": {}, "without it": {}}
for cause in mystery.CANDIDATES:
    for name, part in (("with it", melanomas[melanomas[cause]]), ("without it", melanomas[~melanomas[cause]])):
        low, high = scoring.wilson(part["found"].sum(), len(part))
        groups[name][cause] = {"value": part["found"].mean(), "low": low, "high": high, "enough": len(part) >= 10}
panels = {name: pd.DataFrame(rows).T for name, rows in groups.items()}
course.figure("subgroups", plots.grouped(panels, f"recall of {len(melanomas)} melanomas", "Recall with and without each cause"))

# %% [markdown]
# **What this cannot show.** Here everything lies on the skin by chance. In a real archive rulers lie beside large lesions and
# hair on the arms of men, and a gap may come from those. A subgroup says *where* a model fails, not *why*.
#
# ## 5. What the same lesion can show, photographed twice
#
# Change one thing and nothing else; what changes in the answer, this thing has caused. With real patients that is hardly
# ever possible. With drawings it is.
#
# $$ \Delta = \frac{1}{n} \sum_{i=1}^{n} P(\text{mel} \mid x_i \text{ marked}) - P(\text{mel} \mid x_i \text{ plain}) $$
#
# $x_i$ is nevus $i$, $n$ the number of nevi, $P$ the model's probability of melanoma.

# %% [markdown]
# ### Exercise 7.2 – one thing and nothing else
# Difficulty ●●○ · importance ●●● · 6 minutes
#
# A lesion is drawn from a seed and settings; what is not set is left to chance (dark corners are called `vignette` there, skin
# has types from I, light, to VI). The function below should give the settings
# of the two photographs, plain and marked. It compares a picture of chance with another one. Mend it. **Expected:** two
# dictionaries, both with all the names of `plain`; they differ in the cause alone.
#
# <details><summary>Hint 1</summary>With <code>{}</code> as settings, may a hair lie on the plain photograph?</details>
# <details><summary>Hint 2</summary><code>first | second</code> is a new dictionary; where both have a name, the second
# wins.</details>

# %% tags=["exercise"]
def two_settings(added, plain):
    """The cause, {"ink": True}, and the settings of a plain photograph, {"ink": False, "hair": False, …} -> both settings."""
    ### BEGIN SOLUTION
    return dict(plain), plain | added
    ### END SOLUTION
    ### BEGIN STUB
    # return {}, dict(added)
    ### END STUB

# %% tags=["check"]
checks.two_settings(two_settings)

# %% [markdown] tags=["solution"]
# All that could differ by chance is set in both, and the cause is set last. `mystery.photographed` does the same.

# %% [markdown]
# `mystery.effects` photographs fresh nevi in this way and asks several models. **Guess: will only one of the six have an
# effect?**

# %%
compared = mystery.effects(auditees, lesions=lesions, seed=seed + 1)
course.figure("effects", charts.differences(compared, "probability of melanoma, marked minus plain", True))

# %%
changed = compared["the mystery model"]
for cause, one in changed.items():
    print(one.sentence(f"Nevi with {cause}", "the same plain", "probability of melanoma", rows="nevi"))

# %% [markdown]
# **What this cannot show.** Two causes that look alike to a network, such as thin dark lines, may both have an effect, although
# only one was planted. Compare sizes. And it shows nothing about a cause that you did not think of.
#
# ## 6. Lesion, or surroundings?
#
# Ruler and corners lie beside a lesion, hair across it, dark skin around it *and* through it. Keep the lesion's own pixels from
# the plain photograph, and take only its surroundings from the marked one. **Guess: for which of the six does this change
# anything, and how much of an effect is left?**

# %% [markdown]
# ### Exercise 7.3 – swap the surroundings
# Difficulty ●○○ · importance ●●○ · 5 minutes
#
# Write the swap. **Expected:** a new picture, uint8; equal to `plain` on the lesion and to `marked` elsewhere.
#
# <details><summary>Hint 1</summary><code>np.where(condition, this, that)</code> chooses for each pixel.</details>
# <details><summary>Hint 2</summary>A mask has no axis for colours. <code>lesion[..., None]</code> gives it one of length
# 1.</details>

# %% tags=["exercise"]
def surroundings_only(plain, marked, lesion):
    """Two photographs, uint8 (h, w, 3), and the lesion's mask, bool (h, w) -> a photograph, uint8 (h, w, 3)."""
    ### BEGIN SOLUTION
    return np.where(lesion[..., None], plain, marked)
    ### END SOLUTION

# %% tags=["check"]
checks.surroundings_only(surroundings_only)

# %% [markdown] tags=["solution"]
# The extra axis lets one decision hold for all three colours. Nothing is mixed, so no pixel has a value that no photograph had.

# %%
def probability(images):
    return classifier.predict_proba(images)[:, MEL]


before, both = probability([one.image for one in plain]), {"surroundings swapped": {}, "whole picture": {}}
for cause, images in marked.items():
    swapped = [mystery.surroundings_of(image, one) for image, one in zip(images, plain, strict=True)]
    for name, seen in zip(both, (swapped, images), strict=True):
        both[name][cause] = scoring.compare(probability(seen), before, numbers)
course.figure("swapped", charts.differences(both, "probability of melanoma, minus plain", True))

# %% [markdown]
# These are the nevi of section 3, so the second panel differs a little from section 5. What does not touch the lesion has the
# same effect in both.
#
# **What this cannot show.** The swap makes pictures that do not exist: a hair that ends at the lesion, a light lesion with a
# hard edge in dark skin. Such an edge can have an effect of its own, and more can be *left* than there was.
#
# ## 7. Which is it?
#
# Five looks, and now a rule. A cause is **real** if the lower end of its interval is above 0.20 (`mystery.REAL`): a smaller
# change decides few answers. It must also be above the upper end of the twin's interval, for what the honest twin does, too,
# is no sign of a planted cause. Of the real ones, the largest lower end names the cause; if there is none, it is `"none"`.

# %%
rows = {cause: (one.low, one.high, compared["its honest twin"][cause].low, compared["its honest twin"][cause].high)
        for cause, one in changed.items()}
ends = pd.DataFrame.from_dict(rows, orient="index", columns=["low", "high", "twin low", "twin high"])
ends.round(2)

# %% [markdown]
# ### Exercise 7.4 – name the cause
# Difficulty ●●○ · importance ●●● · 7 minutes
#
# Write the rule. **Expected:** a word. With the six lower ends 0.1, 0.5, 0.3, 0, 0, 0 and all upper ends of the twin at
# 0.1 it is the name of the second row; with the twin's second upper end at 0.6, that of the third.
#
# <details><summary>Hint 1</summary>First keep the rows that fulfil both conditions. Then see whether any is left.</details>
# <details><summary>Hint 2</summary><code>table[a &amp; b]</code> keeps rows; <code>real["low"].idxmax()</code> is the name of
# the largest; <code>real.empty</code> says whether it has no rows.</details>

# %% tags=["exercise"]
def named_cause(table, bar=0.2):
    """A DataFrame, one row a cause; columns "low", "high", "twin low", "twin high": intervals of effects -> a word."""
    ### BEGIN SOLUTION
    real = table[(table["low"] > bar) & (table["low"] > table["twin high"])]
    return "none" if real.empty else real["low"].idxmax()
    ### END SOLUTION

# %% tags=["check"]
checks.named_cause(named_cause)

# %% [markdown] tags=["solution"]
# The lower end is what the data grant at least. `"none"` is an answer like the others, and needs a control of its own.

# %% [markdown]
# And if the rule says *none*: could this method have found anything at all? A **known cause** answers: a model of a third of
# the size, in which ink was planted.

# %%
cheat = mystery.train(seed + 2, "ink", max(20, each // 3), progress=False)
controls = {"honest twin": twin, "known cause": cheat}
known = mystery.effects({"the cheat": cheat.classifier}, ["ink"], lesions, seed + 1)["the cheat"]["ink"]
print(known.sentence("Nevi with ink, in the model with a known cause", "the same plain", "probability of melanoma", rows="nevi"))

# %% [markdown]
# ## 8. Your audit
#
# Look with your own hands first: choose a cause and a nevus.

# %%
from ipywidgets import IntSlider


def desk(cause, nevus):
    images = [mystery.photographed((seed, 4, nevus), one).image for one in ("none", cause)]
    names = (f"{name}: {value:.2f}" for name, value in zip(("plain", cause), probability(images), strict=True))
    shown = dict(zip(names, images, strict=True))
    return plots.row(shown, f"Probability of melanoma of nevus {nevus}: {', '.join(shown)}.")


widgets.panel(desk, cause=widgets.choice("cause", mystery.CANDIDATES), nevus=IntSlider(1, 1, 30, continuous_update=False))

# %% [markdown]
# ### Exercise 7.5 – the audit
# Difficulty ●●● · importance ●●● · 12 minutes
#
# Fill in the form, with numbers from your own run. `low` and `high` are the interval of the effect of section 5; if the cause
# is `"none"`, that of the candidate with the largest increase. The control must be one that **could have refuted you**:
# `"honest twin"` or another of the six, with its own interval; for `"none"` it is `"known cause"`. `unknown` is a sentence:
# what did you not test? **Expected:** the check judges the cause, both intervals on fresh nevi, and whether the
# control stands apart. It takes some ten seconds.
#
# <details><summary>Hint 1</summary>Section 5 has the intervals of all six, for the model and for its twin.</details>
# <details><summary>Hint 2</summary>The twin's interval is <code>compared["its honest twin"]["hair"].low</code> (for hair),
# and <code>.high</code>.</details>

# %% tags=["solution"]
from dermxai_helpers.trial import mystery

seed, planted = 0, mystery.cause_of(0)
case, twin, cheat = (mystery.train(number, cause, progress=False) for number, cause in enumerate((None, "none", "ink")))
controls = {"honest twin": twin, "known cause": cheat}


# %% tags=["exercise"]
### BEGIN SOLUTION
def audited(case, twin, cheat, seed):
    """An audit by the rule of section 7, as a dictionary."""
    found = mystery.effects({"model": case.classifier, "twin": twin.classifier, "cheat": cheat.classifier}, seed=seed + 1)
    cause = mystery.by_rule(found["model"], found["twin"])
    planted = cause != "none"
    largest = cause if planted else max(found["model"], key=lambda name: found["model"][name].difference)
    shown, control = found["model"][largest], found["twin"][cause] if planted else found["cheat"]["ink"]
    return {"cause": cause, "low": shown.low, "high": shown.high,
            "control": "honest twin" if planted else "known cause", "control low": control.low, "control high": control.high,
            "unknown": "Causes that nobody thought of, two causes at once, and real skin."}


audit = audited(case, twin, cheat, seed)
### END SOLUTION
### BEGIN STUB
# audit = {
#     "cause": ...,         # one of the six, or "none"
#     "low": ...,           # the interval of its effect
#     "high": ...,
#     "control": ...,       # "honest twin", "known cause", or another of the six
#     "control low": ...,   # the interval of the control's effect
#     "control high": ...,
#     "unknown": ...,       # a sentence
# }
### END STUB

# %% tags=["check"]
checks.audit(audit, case, planted, controls)

# %% [markdown] tags=["solution"]
# The rule names the cause, the twin could have refuted it, and the interval holds on lesions that the audit has not seen.
# For *none*, the known cause shows that the method finds something where there is something.

# %% [markdown]
# ## 9. What we found
#
# Does an auditor find out what a model has really learnt? For this model:

# %%
ill, called = val["dx"] == "mel", val["answer"] == "mel"
print(f"Melanomas found: {called[ill].mean():.0%} in the hospital, {melanomas['found'].mean():.0%} where everything lies by chance.")
print("Exposed by the maps:", ", ".join(exposed) or "nothing")
real = [cause for cause, (low, _, _, other) in rows.items() if low > max(mystery.REAL, other)]
print("Real when one thing is changed:", ", ".join(real) or "none of the six")

# %%
named = mystery.by_rule(changed, compared["its honest twin"])
told = {True: "It is what was planted", False: "It is not what was planted"}
print(f"The rule names: {named}.", "The model is sealed." if planted is None else f"{told[named == planted]}.")
if planted:
    course.record("rule_names_what_was_planted", named == planted, baseline=1 / 7, note="one model; baseline: a guess")

# %% [markdown]
# The claim is about auditors, and this is one model: other seeds are other models. Look back. Which of the five kinds of
# evidence would have sufficed, and would the maps alone?
#
# ## 10. What this does *not* show
#
# - **Not that six candidates are enough.** In life nobody gives you the list.
# - **Not that real shortcuts are so clean.** Ours is on every melanoma and on nothing else.
# - **Not that you can photograph a patient twice.** With real pictures, section 5 needs a generative model that changes one
#   thing and nothing else, which must be shown first.
# - **Not that the twin is a good classifier.** Honest means: no planted cause.
# - **Nothing clinical.**
#
# ## Quiz

# %% tags=["quiz"]
checks.Quiz({
    "No lesion stands on both sides of the split. What is shown?": {
        "the model has learnt the lesion": (False, "The table knows nothing of rulers and hair."),
        "the split does not leak": (True, "Which is little, and worth its minute."),
        "the model reads no metadata": (False, "It never could: it gets pixels alone."),
    },
    "The map does not move when hair is added, but the probability of melanoma does. Then ...": {
        "hair is no cause": (False, "The probability moved, and nothing else was changed."),
        "the map does not show this cause": (True, "Hair is thinner than a cell, and early layers are not in the map."),
        "one of the two is a mistake of the program": (False, "Both can be right: they measure different things."),
    },
    "In some model, rulers and hair both have a real effect. At most one was planted. Why can that be?": {
        "both are thin dark lines": (True, "What detects the one answers to the other, too, but less."),
        "the intervals are wrong": (False, "An effect can be real and yet not be what was planted."),
        "rulers lie beside hairy lesions": (False, "Here everything lies on the pictures by chance."),
    },
    "Your audit says none. Which control could have refuted you?": {
        "an honest twin": (False, "It says none, too, with any method, even with one that sees nothing."),
        "more lesions": (False, "That makes the interval narrower. It does not show that the method can find something."),
        "a model whose cause is known": (True, "If your method finds nothing there, its none is worth nothing."),
    },
    "In this run, how many of the six effects are real by the rule of section 7?": {
        f"{count}": (count == len(real), f"Above {mystery.REAL:.2f} and above the twin: {', '.join(real) or 'none'}.")
        for count in sorted({0, 1, 2, len(real)})
    },
})

# %% [markdown]
# ## Further reading
#
# - Winkler et al., *Association between surgical skin markings in dermoscopic images and diagnostic performance of a deep
#   learning convolutional neural network*, JAMA Dermatology 2019,
#   [doi:10.1001/jamadermatol.2019.1735](https://doi.org/10.1001/jamadermatol.2019.1735). Ink, in life.
# - DeGrave, Janizek and Lee, *AI for radiographic COVID-19 detection selects shortcuts over signal*, Nature Machine
#   Intelligence 2021, [doi:10.1038/s42256-021-00338-7](https://doi.org/10.1038/s42256-021-00338-7).
# - DeGrave et al., *Auditing the inference processes of medical-image classifiers by leveraging generative AI and the
#   expertise of physicians*, Nature Biomedical Engineering 2023,
#   [doi:10.1038/s41551-023-01160-9](https://doi.org/10.1038/s41551-023-01160-9). Section 5 with real skin.
# - Adebayo et al., *Post hoc explanations may be ineffective for detecting unknown spurious correlation*, ICLR 2022,
#   [arXiv:2212.04629](https://arxiv.org/abs/2212.04629). Why a map alone does not suffice.
