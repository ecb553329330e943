# %% [markdown]
# # The data, and what a split can leak
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/01_data.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F01_data.ipynb) · 75 minutes · CPU is enough (1.0 GB)
#
# **What you will do** – read a table of skin lesions, split it in two ways, and count how many validation images show a
# lesion that training has already seen. Then look for what else gives the answer away.
#
# **What you will learn** – to ask of any split *what is the unit that must not stand on both sides?*, and to say what a
# share of right answers is worth.
#
# **What you need** – a little pandas, and the idea of training and validation data.
#
# > **Claim.** A random split of *images* puts photographs of one lesion on both sides, and melanomas are hit hardest.
# > **Control.** A split by *lesion* must bring that share to zero, and a "model" that only remembers lesion numbers must
# > know nothing then (sections 4 and 5).

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
photographs = "demo"  # "demo" draws lesions; or a folder that holds HAM10000
images = 1200  # how many photographs to draw, 60 to 10000 (a folder has its own number)
seed = 0  # 0 to 2000000000: which lesions are drawn, and how the table is split

# %% [markdown]
# ## 1. One folder, one table
#
# HAM10000 is the data set behind the paper: dermoscopic photographs (taken through a lens laid on the skin), a table that
# says what each shows, and an outline of every lesion. The demo folder holds *drawn* lesions in the same layout; for
# photographs, change the parameter `photographs` to a folder's name.

# %%
from dermxai_helpers import course, data, plots, scoring
from dermxai_helpers.plots import lesions as lesion_plots

course.check_parameters("01", globals())
folder = data.prepare(photographs, images, seed)
table = data.load(folder)
truth = data.truth(folder)
print("real photographs" if truth is None else "drawn lesions: they teach and test, they are not data about skin")

# %%
print(course.record("images", len(table), paper=8917))
print(course.record("lesions", table["lesion_id"].nunique()))
table.drop(columns=["image_path", "mask_path"]).head()

# %% [markdown]
# One row is one *photograph*:
#
# - `lesion_id` – which spot of skin. **Several rows can share it.**
# - `dx` – the diagnosis: `mel` (melanoma), `nv` (nevus, a common mole), `bkl` (benign keratosis, a harmless growth).
# - `dx_type` – how the diagnosis was reached: under a microscope (`histo`), by watching the lesion, by agreement of experts.
# - `age`, `sex`, `localization` – the patient, and where on the body.
#
# The paper (section 3.1) speaks of “10,015 dermatoscopic images labeled as melanoma (mel), melanocytic nevus (nv) or
# benign keratosis-like lesion (bkl)”, then counts 6,705, 1,113 and 1,099, which makes 8,917. The larger number is all of
# HAM10000, with seven classes; `load` keeps the three.
#
# ## 2. Three classes, one of them large

# %%
counts = table.groupby("dx")["lesion_id"].agg(images="size", lesions="nunique").loc[list(data.CLASSES)]
course.figure("classes", lesion_plots.classes(counts))

# %% [markdown]
# **Guess first:** a program answers `nv` to every picture. What share of its answers is right?

# %%
import numpy as np
import pandas as pd

labels, lesion_ids = table["dx"].to_numpy(), table["lesion_id"].to_numpy()
always_nevus = np.full(len(table), "nv")
course.record("nevus_share", (always_nevus == labels).mean(), paper=0.752, note="the accuracy of 'always nevus'")

# %% [markdown]
# The paper reports 74.7 % on validation images of which 75.2 % are nevi. A share of right answers means little until you
# know what a constant gets.
#
# A fairer measure asks each class on its own. The **recall** of class $c$ is the share of its $n_c$ images that are
# recognised ($y_i$ is the class of image $i$, $\hat y_i$ the answer, and $[\dots]$ is 1 where it is true, else 0); the
# **balanced accuracy** is the mean over the $C$ classes:
#
# $$ \text{recall}_c = \frac{1}{n_c} \sum_{i:\,y_i = c} [\hat y_i = c] \qquad
#    \text{balanced accuracy} = \frac{1}{C} \sum_{c} \text{recall}_c $$

# %%
from sklearn.metrics import balanced_accuracy_score

recall = pd.Series({name: (always_nevus[labels == name] == name).mean() for name in data.CLASSES})
print(f"balanced accuracy of a constant: {recall.mean():.3f}", recall.to_dict())
print("equal to scikit-learn's:", np.isclose(recall.mean(), balanced_accuracy_score(labels, always_nevus)))

# %% [markdown]
# Any constant gets one class wholly right and the others wholly wrong: 1/3 with three classes. That is **chance** for
# balanced accuracy.
#
# ## 3. Who is in the pictures
#
# Each row is a class, each picture another lesion. What tells the rows apart? Does it belong to the *lesion* or to the
# *photograph*: hairs, a ruler's ticks, dark corners, ink (section 8)?

# %%
each = table.drop_duplicates("lesion_id").sample(frac=1, random_state=seed)
paths = {data.CLASS_NAMES[dx]: each.loc[each["dx"] == dx, "image_path"].head(6).tolist() for dx in data.CLASSES}
course.figure("contact_sheet", plots.sheet(paths, "Photographs in a row for each class, each of another lesion"))

# %% [markdown]
# And the patients?

# %%
plots.show(lesion_plots.patients(table))

# %% [markdown]
# **Are melanoma patients older than the others?** This course never answers by looking at two numbers. `scoring.compare`
# draws *lesions* again and again, with replacement, and asks how far the difference moves: its 95 % interval. It draws
# lesions, not images, because photographs of one lesion are no independent cases.

# %%
def gap(group, values):
    """The mean of the values inside a group minus the mean outside it. group : bool (n,), values : float (n,)"""
    return values[group].mean() - values[~group].mean()


older = scoring.compare(table["age"], 0.0, lesion_ids, gap, labels=labels == "mel", seed=seed)
print(older.sentence("Melanoma minus the other classes", "zero", "mean age in years"))

# %% [markdown]
# ## 4. Two splits, and a leak that you can count
#
# Five photographs of three lesions. A validation image is **leaked** when another photograph of its lesion,
# a *sister*, stands in training: the model may know *this very spot* and need not know what melanoma looks like.

# %% tags=["nbval-check-output"]
spots, parts = ["left arm", "left arm", "back", "chin", "chin"], ["train", "val", "train", "val", "val"]
toy = pd.DataFrame({"image": list("abcde"), "lesion": spots, "part": parts})
toy

# %% [markdown]
# **Guess first:** which of the three validation images are leaked?
#
# <details><summary>Answer</summary>Only <code>b</code>. The two photographs of the chin are sisters too, but they stand on
# the same side, and that is no leak.</details>
#
# ### The real thing
#
# The most photographed lesion of the folder: zoom, light and angle change, the spot does not.

# %%
most = table["lesion_id"].value_counts().index[0]
sisters = table.loc[table["lesion_id"] == most, "image_path"].tolist()[:6]
plots.show(plots.sheet({"one lesion": sisters}, "Photographs of the same lesion side by side"))

# %% [markdown]
# The paper says “A stratified train/validation split was utilized” and validates on 1,784 images. Split image by image,
# with a fifth for validation and each class in proportion, HAM10000 gives that number. Of sisters the paper says nothing.
#
# **Guess first:** what share of the validation images is leaked? And of the melanomas?

# %%
from sklearn.model_selection import train_test_split

train, validation = train_test_split(table, test_size=0.2, stratify=table["dx"], random_state=seed)
print(course.record("validation_images", len(validation), paper=1784))

# %%
leaked = validation["lesion_id"].isin(train["lesion_id"])
leaked_by_class = leaked.groupby(validation["dx"]).agg(["size", "sum", "mean"]).loc[list(data.CLASSES)]
print(f"{leaked.sum()} of {len(leaked)} images are leaked: {leaked.mean():.3f}")
leaked_by_class.round(3)

# %% [markdown]
# ### Why, in one line
#
# A validation image of a lesion with $k$ photographs escapes only if its $k - 1$ sisters all fell into validation too.
# With a validation share of $v$ that happens with probability $v^{k-1}$ (nearly: images are drawn without being put
# back), so
#
# $$ P(\text{leaked}) \approx 1 - v^{\,k-1} $$
#
# A single photograph cannot leak, three or more leak almost surely.

# %% [markdown]
# ### Exercise 1.1 – predict the leak
# Difficulty ●○○ · importance ●●○ · 4 minutes
#
# Before anything is split, predict what share of the validation *images* will be leaked. You know how many photographs each
# lesion has, and $v$. Use the formula. **Expected:** for two lesions with one photograph and one with three, and
# $v = 0.2$: 0.576.
#
# <details><summary>Hint 1</summary>Which lesion brings more images into validation?</details>
# <details><summary>Hint 2</summary><code>np.average</code> takes weights.</details>

# %%
from dermxai_helpers import checks


# %% tags=["exercise"]
def expected_leak(photographs, share):
    """Photographs of each lesion, whole numbers (lesions,), and the validation share -> expected share of leaked images."""
    ### BEGIN SOLUTION
    chance = 1 - share ** (photographs - 1)
    return np.average(chance, weights=photographs)
    ### END SOLUTION

# %% tags=["check"]
checks.expected_leak(expected_leak)

# %% [markdown] tags=["solution"]
# The formula gives the chance of one image. A lesion with three photographs has three of them, so it counts three times.

# %% [markdown]
# Here, with one entry of `k` for each image:

# %%
k = table.groupby("lesion_id")["image_id"].transform("size")
expected = (1 - 0.2 ** (k - 1)).to_numpy()
pd.Series(expected).groupby(labels).mean().round(3)

# %% [markdown]
# The formula knows nothing of diagnoses, only of the number of photographs. How much of the measured share is luck with
# this one split? Split fifty times.

# %%
def leaked_share(table, seed):
    """Share of validation images with a sister in training, for one random split of images."""
    train, validation = train_test_split(table, test_size=0.2, stratify=table["dx"], random_state=seed)
    return validation["lesion_id"].isin(train["lesion_id"]).mean()


fifty = [leaked_share(table[["lesion_id", "dx"]], other_seed) for other_seed in range(50)]
low, high = np.percentile(fifty, [2.5, 97.5])
print(f"The formula expects {expected.mean():.3f}; fifty splits have {np.mean(fifty):.3f} on average.")
print(course.record("leak_share_mel", leaked_by_class.loc["mel", "mean"]))
print(course.record("leak_share", leaked.mean(), low, high, note="interval: 95 % of 50 random image splits"))

# %% [markdown]
# **Which class is hit hardest?** Compare the chances of a leak, image by image.

# %%
hit = {}
for name in ("nv", "bkl"):
    pair = np.isin(labels, ["mel", name])
    hit[name] = scoring.compare(expected[pair], 0.0, lesion_ids[pair], gap, labels=labels[pair] == "mel", seed=seed)
    print(hit[name].sentence(f"Melanoma minus {data.CLASS_NAMES[name]}", "zero", "chance of a leak"))

# %% [markdown]
# The formula asks only how often each lesion was photographed:

# %%
print("photographs a lesion:", (counts["images"] / counts["lesions"]).round(2).to_dict())

# %% [markdown]
# ### The cure
#
# Make the *lesion* the thing that is drawn.

# %% [markdown]
# ### Exercise 1.2 – a split that looks careful
# Difficulty ●●○ · importance ●●● · 6 minutes
#
# This function draws lesions, and none of them is twice in validation. Still it leaks. Mend it; leave the classes aside.
# **Expected:** of 40 lesions and a share of 0.25, ten lesions are in validation with all their photographs, the other 30 in
# training. The same seed gives the same split, another seed another one.
#
# <details><summary>Hint 1</summary>A lesion with three photographs is drawn. Where do they go?</details>
# <details><summary>Hint 2</summary><code>np.isin</code> finds all rows of some lesions.</details>

# %% tags=["exercise"]
def split_by_lesion(lesion_ids, share, seed):
    """A lesion's number for each photograph, words (n,), share of *lesions* to validate on, seed -> "train" or "val", (n,)."""
    ### BEGIN SOLUTION
    lesions = np.unique(lesion_ids)
    drawn = np.random.default_rng(seed).choice(lesions, round(share * len(lesions)), replace=False)
    return np.where(np.isin(lesion_ids, drawn), "val", "train")
    ### END SOLUTION
    ### BEGIN STUB
    # lesions, first = np.unique(lesion_ids, return_index=True)  # and the row in which each lesion is met first
    # drawn = np.random.default_rng(seed).choice(first, round(share * len(lesions)), replace=False)
    # part = np.full(len(lesion_ids), "train")
    # part[drawn] = "val"
    # return part
    ### END STUB

# %% tags=["check"]
checks.split_by_lesion(split_by_lesion)

# %% [markdown] tags=["solution"]
# It moved one photograph of each drawn lesion and left its sisters in training. What is drawn must be the lesion's number,
# and all rows with that number must follow.

# %% [markdown]
# `StratifiedGroupKFold` deals whole lesions into five piles and keeps the classes nearly in proportion; one pile validates.

# %%
from sklearn.model_selection import StratifiedGroupKFold

dealer = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
piles = list(dealer.split(table, table["dx"], table["lesion_id"]))
both_sides = set(table["lesion_id"][piles[0][0]]) & set(table["lesion_id"][piles[0][1]])
print("lesions on both sides:", len(both_sides))

# %% [markdown]
# From now on, `data.split` and `data.leak_report` do both steps. They must say what you found by hand:

# %%
splits = {by: data.split(table, by=by, seed=seed) for by in ("image", "lesion")}
leaks = pd.DataFrame({f"by {by}": data.leak_report(table, split)["share"] for by, split in splits.items()})
print("same leak:", np.allclose(leaks["by image"].drop("all"), leaked_by_class["mean"]))
print(course.record("leak_share_lesion_split", leaks.loc["all", "by lesion"], baseline=leaked.mean()))
course.figure("leak", plots.moved(leaks.rename(data.CLASS_NAMES), "share of validation images with a sister in training"))

# %% [markdown]
# ### Exercise 1.3 – a split by lesion that leaks
# Difficulty ●●○ · importance ●●● · 6 minutes
#
# You are given a table with a row for each photograph, and told that it was split by lesion and is clean. Read it. One
# `patient` may have several lesions. One picture may stand under two lesion numbers; the column `picture` is a number
# computed from the pixels, the same for equal pictures. Count, for each of the three columns, the validation photographs
# whose value also stands in training. An unknown patient is NaN, and cannot be recognised. **Expected:** three counts; where
# the split is really by lesion, the one of `lesion` is 0.
#
# <details><summary>Hint 1</summary>The cell after "what share of the validation images is leaked?" asks it of one
# column.</details>
# <details><summary>Hint 2</summary>For pandas' <code>isin</code>, NaN equals NaN.</details>

# %% tags=["exercise"]
def leaked_photographs(table):
    """A table, columns picture, lesion, patient (numbers), part ("train", "val") -> {"picture": count, "lesion": …, "patient": …}."""
    ### BEGIN SOLUTION
    train, validation = table[table["part"] == "train"], table[table["part"] == "val"]
    counts = {}
    for unit in ("picture", "lesion", "patient"):
        known = validation[unit].dropna()
        counts[unit] = known.isin(train[unit]).sum()
    return counts
    ### END SOLUTION

# %% tags=["check"]
checks.leaked_photographs(leaked_photographs)

# %% [markdown] tags=["solution"]
# Only the column that is asked about may decide which rows are left out: a photograph of an unknown patient can still share
# its lesion or its picture.

# %% [markdown]
# The paper's best recall is that of melanoma, 81.2 %. Whether a leak helped it, the paper cannot tell; unit 02 trains on
# both splits.
#
# ## 5. The control: a model that only remembers
#
# How much *could* a leak be worth? An extreme case is a model without eyes that notes the diagnosis of every lesion in
# training. Asked about a lesion it knows, it repeats the note; asked about any other, it says `nv`.

# %%
def remember(asked):
    """Balanced accuracy of memory. asked : bool (n,), the rows to answer for; the others are remembered."""
    notes = table[~asked].drop_duplicates("lesion_id").set_index("lesion_id")["dx"]
    return balanced_accuracy_score(labels[asked], table["lesion_id"][asked].map(notes).fillna("nv"))

# %% [markdown]
# Fifty times: once a fifth of the *images* is drawn, once a fifth of the *lesions*.

# %%
lesions = table.drop_duplicates("lesion_id")
memory = {"image": [], "lesion": []}
for number in range(50):
    for by, rows in {"image": table, "lesion": lesions}.items():
        drawn = train_test_split(rows, test_size=0.2, stratify=rows["dx"], random_state=number)[1]
        memory[by].append(remember(table[f"{by}_id"].isin(drawn[f"{by}_id"]).to_numpy()))

# %%
worth = scoring.compare(memory["image"], memory["lesion"], range(50), seed=seed)
print(worth.sentence("Memory, split by image", "memory, split by lesion", "balanced accuracy", rows="pairs of splits"))
course.record("memory_balanced_accuracy", worth.value, baseline=worth.reference, note="no pixel; baseline: by lesion")

# %% [markdown]
# By lesion, memory knows no lesion it is asked about: it *is* the constant. No network is as extreme, but every network
# can move some way towards it.
#
# ## 6. What can be said without looking?
#
# From here on the split is by lesion. What reaches a rule that knows only where on the body a lesion is? A network that
# sees pictures should do better, or its pictures have added nothing.

# %% [markdown]
# ### Exercise 1.4 – a rule without a picture
# Difficulty ●●● · importance ●●○ · 7 minutes
#
# The rule: for each site of the body, answer the class that is commonest there *in training*. For a site without a photograph
# in training, answer the class that is commonest in all of training. Predict the balanced accuracy in validation, from two
# tables of counts. **Expected:** training has 3 mel and 9 nv on the back, 5 mel and 2 nv on the face; validation has 1 mel and
# 4 nv on the back, 2 mel and 4 nv on the face. The recalls are 2/3 for mel and 1/2 for nv, so the answer is 0.583.
#
# <details><summary>Hint 1</summary><code>idxmax(axis=1)</code> names the column of the largest number in each row; in a row of
# zeros, the first.</details>
# <details><summary>Hint 2</summary>For each class: its validation photographs at the sites whose answer it is, divided by all of
# its validation photographs.</details>

# %% tags=["exercise"]
def balanced_accuracy_of_sites(train, validation):
    """Two DataFrames of photographs counted, rows sites, columns classes (the same in both) -> one number, 0 to 1."""
    ### BEGIN SOLUTION
    rule = train.idxmax(axis=1)
    rule[train.sum(axis=1) == 0] = train.sum().idxmax()
    recalls = [validation.loc[rule == name, name].sum() / validation[name].sum() for name in validation.columns]
    return np.mean(recalls)
    ### END SOLUTION

# %% tags=["check"]
checks.balanced_accuracy_of_sites(balanced_accuracy_of_sites)

# %% [markdown] tags=["solution"]
# The rule comes from training alone, what it is worth from validation alone. Each class has one recall, and each recall
# counts the same, however few photographs it has.

# %% [markdown]
# A logistic regression takes age and sex, too. It computes three scores $S$ for each of $n$ photographs from their $d$
# columns $X$ (age; one 0/1 column for each sex and each site; all scaled), with weights $W$ and $b$ that it learns:
#
# $$ \underset{(n,\,3)}{S} = \underset{(n,\,d)}{X}\;\underset{(d,\,3)}{W} + \underset{(3)}{b} $$
#
# `class_weight="balanced"` makes the images of a rare class count more.

# %%
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

regression = LogisticRegression(class_weight="balanced", max_iter=1000)
model = make_pipeline(SimpleImputer(), StandardScaler(), regression)  # an unknown age becomes the mean age
patients = pd.get_dummies(table[["sex", "localization"]], dtype=float).join(table["age"])

# %% [markdown]
# One pile of lesions is small, so take all five: each is judged by a model trained on the other four, which has never met
# its lesions. This is *cross-validation*.

# %%
from sklearn.model_selection import cross_val_predict


def answers_of(columns, diagnoses):
    """One answer for each image, from a model trained on the four piles that do not hold its lesion."""
    return cross_val_predict(model, columns, diagnoses, cv=piles)


from_metadata = answers_of(patients, labels)
reached = balanced_accuracy_score(labels, from_metadata)

# %% [markdown]
# **Is that more than luck?** Deal the diagnoses out anew among the lesions, train and judge on the same five piles, thirty
# times. The value counts as a draw itself, so $p$ is never smaller than $1/31$:
#
# $$ p = \frac{1 + \text{shuffles that reach the value}}{1 + \text{shuffles}} $$

# %%
rng = np.random.default_rng(seed)
shuffled = []
for _ in range(30):
    dealt = pd.Series(rng.permutation(lesions["dx"]), index=lesions["lesion_id"])
    mixed = table["lesion_id"].map(dealt).to_numpy()
    shuffled.append(balanced_accuracy_score(mixed, answers_of(patients, mixed)))

# %%
luck = scoring.among(reached, shuffled)
print(luck.sentence(f"Metadata of {len(lesions)} lesions", "trainings on shuffled labels", "balanced accuracy"))

# %% [markdown]
# ## 7. A column that knows the answer
#
# One column was left out on purpose. How was each class diagnosed?

# %%
sources = pd.crosstab(table["dx"], table["dx_type"], normalize="index").loc[list(data.CLASSES)]
measure = "share of the class's images, by how the diagnosis was reached (dx_type)"
course.figure("dx_type", plots.stacked(sources.rename(data.CLASS_NAMES), measure))

# %% [markdown]
# A spot that worries nobody is watched; one that does is cut out and goes under the microscope. So `dx_type` is a trace of
# what a doctor had already concluded. When a new patient comes in it does not exist yet.
# **Guess:** what does it do to the score?

# %%
from_dx_type = answers_of(patients.join(pd.get_dummies(table["dx_type"], dtype=float)), labels)
leaky = scoring.compare(from_dx_type, from_metadata, lesion_ids, "balanced_accuracy", labels, seed=seed)
print(leaky.sentence("Metadata with dx_type", "metadata without it", "balanced accuracy"))
course.record("dx_type_balanced_accuracy", leaky.value, baseline=leaky.reference, note="baseline: without dx_type")

# %%
answers = {"metadata": from_metadata, "metadata and dx_type": from_dx_type}
scores = {name: scoring.scores_with_intervals(labels, one, lesion_ids, data.CLASSES) for name, one in answers.items()}
panel = pd.DataFrame({name: one.loc["balanced_accuracy"] for name, one in scores.items()}).T
course.record("metadata_balanced_accuracy", *panel.loc["metadata"], baseline=1 / 3, note="five piles of lesions")
panel.loc["metadata, shuffled labels"] = [np.mean(shuffled), *np.percentile(shuffled, [2.5, 97.5])]
dashed = f"chance, a constant ({len(table)} photographs of {len(lesions)} lesions; ×: 95 % of 30 shuffles)"
panels, about = {"balanced accuracy": panel.iloc[[2, 0, 1]]}, "Without a picture (shuffled labels: 95 % of 30 draws)"
course.figure("without_pixels", plots.intervals(panels, {"balanced accuracy": 1 / 3}, dashed, about))

# %% [markdown]
# ## 8. Things that belong to the photograph
#
# If hairs, rulers, dark corners, bubbles or ink were commoner in melanomas, a network could learn *them*. HAM10000 has no
# column for them; of drawn lesions they are known. The dark corners that a round lens leaves are easy to measure: how many
# pixels of the four corners are nearly black?

# %%
from dermxai_helpers.data import acquisition
from dermxai_helpers.synth import ARTEFACTS

table = table.join(acquisition.measured(table))
marked = {"dark corners": table["dark_corners"].to_numpy() >= acquisition.HAS_DARK_CORNERS}
if truth is not None:
    known = truth.set_index("image_id").loc[table["image_id"], list(ARTEFACTS)]
    marked |= {name: column.to_numpy() for name, column in known.drop(columns="vignette").items()}

# %% [markdown]
# A class with fewer than ten lesions would get open dots: too few to say.

# %%
values, shares = np.column_stack(list(marked.values())).astype(float), {}
for name in data.CLASSES:
    own, number = labels == name, counts["lesions"][name]
    rows = np.column_stack([values[own].mean(axis=0), scoring.mean_intervals(lesion_ids[own], values[own])])
    shares[name] = pd.DataFrame(rows, list(marked), ["value", "low", "high"]).assign(enough=number >= 10)
measure = f"share of the class's images ({', '.join(f'{name} {counts.lesions[name]} lesions' for name in shares)})"
course.figure("artefacts", plots.grouped(shares, measure, "Share of images with each artefact"))

# %% [markdown]
# **Which of them differ between melanomas and the others?**

# %%
for name, column in zip(marked, values.T, strict=True):
    differs = scoring.compare(column, 0.0, lesion_ids, gap, labels=labels == "mel", seed=seed)
    print(differs.sentence(f"{name.capitalize()}, melanoma minus others", "zero", "share"))

# %% [markdown]
# In drawn lesions each artefact has the same chance in each class: whatever differs there is luck. Who asks many questions
# is told "higher" now and then, with nothing behind it.
#
# ### An artefact that training adds itself
#
# The paper's training pictures were changed by “random crops, horizontal flips and small rotations”, without ranges. A
# turned picture uncovers corners, and torchvision fills them with black unless told otherwise. The course mirrors the
# picture's rim instead. **Guess first:** what share of turned photographs gets dark corners in the plain way?

# %%
from PIL import Image

clear = table[table["dark_corners"] == 0].drop_duplicates("lesion_id").head(50)
taken = [data.open_image(path) for path in clear["image_path"]]
black = [np.asarray(Image.fromarray(picture).rotate(rng.uniform(-15, 15))) for picture in taken]
mirrored = [acquisition.augmented(picture, number) for number, picture in enumerate(taken)]

# %%
rows = {"as taken": taken[:4], "turned, filled with black": black[:4], "turned, cropped, mirrored": mirrored[:4]}
course.figure("augmentations", plots.sheet(rows, "Photographs in three rows"))

# %%
dark = [[acquisition.dark_corners(one) >= acquisition.HAS_DARK_CORNERS for one in way] for way in (black, mirrored)]
added = scoring.compare(*np.array(dark, dtype=float), clear["lesion_id"], seed=seed)
print(added.sentence("Filled with black", "mirrored", "share with new dark corners"))

# %% [markdown]
# ## 9. The colour of the skin, as photographed
#
# Is dark skin in the data? HAM10000 does not say. What is often done instead: take the median colour of the skin around
# the lesion in CIELAB (lightness $L^*$, yellow against blue $b^*$) and its **individual typology angle**. Large angles
# are called light, small and negative ones dark.
#
# $$ \alpha = \frac{180}{\pi} \operatorname{atan2}(L^* - 50,\; b^*) \quad \text{degrees} $$
#
# The control: one photograph of one person, under a lamp that gets bluer. **Guess:** what does the angle do?

# %%
angles = table["skin_angle"].dropna()  # empty without lesion masks: then nobody knows what is skin
print(f"beyond 90 degrees, so bluish that no skin has the colour: {(angles.abs() > 90).sum()} of {len(angles)} photographs")

# %%
for middle in angles.sub(angles.median()).abs().nsmallest(1).index:  # the photograph in the middle, if there is one
    picture, mask = data.open_image(table["image_path"][middle]), data.open_mask(table["mask_path"][middle])
    lamps = {blue: (picture * [1, 1, blue]).clip(0, 255).astype("uint8") for blue in (0.8, 1.0, 1.2)}
    found = {blue: acquisition.colour_of_skin(photograph, mask) for blue, photograph in lamps.items()}
    for blue, angle in found.items():
        print(f"blue × {blue}: {angle:4.0f}°, called '{acquisition.angle_band(angle)}'")
    print(f"The person stays the same, the angle moves by {max(found.values()) - min(found.values()):.0f}°.")

# %% [markdown]
# An angle that belonged to the person would stay. It was made for a meter with a lamp of its own, laid on the skin; a
# photograph adds lamp, white balance and exposure. Read it as *colour in photographs*, and as nobody's skin type.

# %% [markdown]
# ## 10. What we found

# %%
print(f"By image, {leaked.sum()} of {len(leaked)} validation images are leaked; by lesion, {len(both_sides)}.")
verdicts = [one.outcome for one in hit.values()]
harder, less, unsure = (verdicts.count(outcome) for outcome in ("higher", "lower", "cannot tell"))
print(f"Melanoma is hit harder than {harder} of the 2 other classes and less than {less}; {unsure} cannot be told.")
print(worth.sentence("Memory, split by image", "memory, split by lesion", "balanced accuracy", rows="pairs of splits"))
print(leaky.sentence("Metadata with dx_type", "metadata without it", "balanced accuracy"))

# %% [markdown]
# ## 11. What this does *not* show
#
# - **That the paper's recall comes from the leak.** It shows that the split could not have told.
# - **That a split by lesion is enough.** HAM10000 does not name the patients. And one lesion may have two numbers: Abhishek
#   and others found such pairs.
# - **Anything about other skin.** HAM10000 comes from two clinics, in Austria and in Australia.
# - **That validation is a test.** A number that was used to choose is no longer a number to report.
# - **Anything about real lesions, as long as `photographs = "demo"`.** Ages, sexes and numbers of photographs are drawn to
#   resemble HAM10000.
#
# Your own photographs? [appendix/own_photographs](appendix/own_photographs.ipynb) turns a folder of them into such a
# table, and looks for copies in it.
#
# ## Quiz

# %% tags=["quiz"]
told = {"higher": "beats it", "lower": "loses to it", "cannot tell": "cannot be told from it"}
checks.Quiz({
    "Five photographs show one lesion. All are in validation. How many are leaked?": {
        "five": (False, "Sisters on the same side give nothing away."),
        "none": (True, "Training has never met this lesion."),
        "four": (False, "The first is no exception: none of the five has a sister in training."),
    },
    "What makes the images of a class leak more often than others?": {
        "The class is rare.": (False, "The formula does not ask for it."),
        "The class is hard to tell from others.": (False, "A leak is counted before any model is trained."),
        "Its lesions were photographed more often.": (True, "Each further sister is one more that may land in training."),
    },
    "Age, sex and site reach the balanced accuracy of a network. What follows?": {
        "Nothing shows that the network needed its pictures.": (True, "It must beat what is known without them."),
        "The network has used the age.": (False, "It was given pixels only."),
        "Metadata leak and must be removed.": (False, "They are known when a patient comes in."),
    },
    "Why must a model not use dx_type?": {
        "It goes with the diagnosis.": (False, "Every useful input does."),
        "It has too few values.": (False, "Sex has fewer."),
        "It does not exist before the diagnosis.": (True, "For a new patient nobody could fill it in."),
    },
    "In this run, memory on a split by image, compared with memory on a split by lesion ...": {
        words: (outcome == worth.outcome, f"The difference is {worth.difference:+.3f}.") for outcome, words in told.items()
    },
})

# %% [markdown]
# ## Further reading
#
# - P. Tschandl, C. Rosendahl, H. Kittler (2018). *The HAM10000 dataset.*
#   [doi:10.1038/sdata.2018.161](https://doi.org/10.1038/sdata.2018.161) – the data.
# - K. Abhishek, A. Jain, G. Hamarneh (2025). *Investigating the Quality of DermaMNIST and Fitzpatrick17k.*
#   [doi:10.1038/s41597-025-04382-5](https://doi.org/10.1038/s41597-025-04382-5) – the same leak in a benchmark.
# - M. Groh and others (2022). *Towards transparency in dermatology image datasets.*
#   [arXiv:2207.02942](https://arxiv.org/abs/2207.02942) – what the typology angle is worth.
# - B. Phipson, G. Smyth (2010). *Permutation p-values should never be zero.*
#   [doi:10.2202/1544-6115.1585](https://doi.org/10.2202/1544-6115.1585) – why the value counts as a draw.
