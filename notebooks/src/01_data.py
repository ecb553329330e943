# %% [markdown]
# # The data, and what a split can leak
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/01_data.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F01_data.ipynb) · 35 minutes · CPU is enough (0.8 GB)
#
# **What you will do** – read a table of skin lesions, split it in two ways, and count by hand how many validation images
# show a lesion that training has already seen. Then score three models that never look at a picture.
#
# **What you will learn** – to ask of any split *what is the unit that must not stand on both sides?*, to say what a share
# of right answers is worth, and to find a column that knows the answer.
#
# **What you need** – a little pandas, and the idea of training and validation data. No neural network appears in this unit.
#
# > **Claim.** A random split of *images* puts photographs of one lesion on both sides, and the rarest, most dangerous
# > class is hit hardest.
# > **Control.** A split by *lesion* must bring that share to zero, and a "model" that only remembers lesion numbers must
# > lose everything it seemed to know. Sections 4 and 5 check both.

# %% tags=["bootstrap"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules:  # everywhere else the course is installed already
    source = "git+https://github.com/dermxai/dermxai"
    needed = {"dermxai_helpers": source, "pytorch_grad_cam": "grad-cam", "ttach": "ttach"}
    missing = [package for name, package in needed.items() if importlib.util.find_spec(name) is None]
    if missing:  # without dependencies, so that Colab's own torch and numpy stay
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *missing], check=True)

# %% tags=["parameters"]
data = "demo"  # "demo" draws lesions; or a folder that holds HAM10000
images = 1200  # how many photographs to draw: 60 to 10000 (a folder has its own number)
seed = 0  # any whole number: which lesions are drawn, and how the table is split

# %% [markdown]
# ## 1. One folder, one table
#
# HAM10000 is the data set behind the paper: dermoscopic photographs (taken through a lens laid on the skin), a table that
# says what each one shows, and a hand-checked outline of every lesion. The demo folder holds *drawn* lesions in exactly the
# same layout, so every cell below also runs on the real photographs: you change the parameter `data` to a folder's name.

# %%
from dermxai_helpers import course, plots, scoring
from dermxai_helpers import data as lesion_data
from dermxai_helpers.plots import lesions as lesion_plots

folder = lesion_data.prepare(data, images, seed)
table = lesion_data.load(folder)
truth = lesion_data.truth(folder)
print("real photographs" if truth is None else "drawn lesions: they teach and test, they are not data about skin")

# %%
described = table.drop(columns=["image_path", "mask_path"])
described.head()

# %% [markdown]
# One row is one *photograph*. Read the columns slowly, because each of them comes back in this unit:
#
# - `lesion_id` – which spot of skin. **Several rows can share it.**
# - `dx` – the diagnosis: `mel` (melanoma), `nv` (nevus, a common mole), `bkl` (benign keratosis, a harmless growth).
# - `dx_type` – how the diagnosis was reached: under a microscope (`histo`), by watching the lesion, by agreement of experts.
# - `age`, `sex`, `localization` – the patient, and where on the body.

# %%
print(f"{len(table):,} photographs of {table['lesion_id'].nunique():,} lesions")
course.record("lesions", table["lesion_id"].nunique())
course.record("images", len(table), paper=8917)

# %% [markdown]
# Section 3.1 of the paper first speaks of 10,015 images of these three classes, then counts 6,705, 1,113 and 1,099, which
# makes 8,917. The larger number is all of HAM10000, which has seven classes; `load` keeps the three.
#
# ### A picture is an array, a file is a promise
#
# `open_image` gives RGB, one byte a channel, in the order height × width × channel, whatever the file held (grey, palette,
# 16 bits, turned sideways). A file can also be broken, cut off, or a few bytes that claim to be a gigabyte. Better to hear
# of that now, in one message, than in the middle of a training run:

# %%
image = lesion_data.open_image(table["image_path"][0])
image.shape, image.dtype, int(image.min()), int(image.max())

# %%
try:
    lesion_data.load("photographs_of_last_summer")
except lesion_data.DataError as error:
    print(error)

# %% [markdown]
# ## 2. Three classes, one of them large
#
# Before any model: how many images has each class?

# %%
import numpy as np
import pandas as pd

counts = table["dx"].value_counts()
shares = counts / len(table)
pd.DataFrame({"images": counts, "share": shares.round(3)})

# %%
course.figure("classes", lesion_plots.classes(table))

# %% [markdown]
# **Before you run the next cell:** a program answers `nv` to every picture. What share of its answers is right?

# %%
labels = table["dx"].to_numpy()
always_nevus = np.full(len(table), "nv")
accuracy = (always_nevus == labels).mean()
print(f"always nevus: {accuracy:.3f} of the answers are right")

# %% [markdown]
# So a share of right answers means little until you know what the constant gets. The paper reports 74.7 % on validation
# images of which 75.2 % are nevi: by this measure its classifier is *below* the program that never looks.
#
# A fairer measure asks each class on its own. The **recall** of class $c$ is the share of its $n_c$ images that are
# recognised; the **balanced accuracy** is the mean over the $C$ classes:
#
# $$ \text{recall}_c = \frac{1}{n_c} \sum_{i:\,y_i = c} [\hat y_i = c] \qquad
#    \text{balanced accuracy} = \frac{1}{C} \sum_{c} \text{recall}_c $$

# %%
recall = pd.Series({name: (always_nevus[labels == name] == name).mean() for name in lesion_data.CLASSES})
balanced_accuracy = recall.mean()
print(f"balanced accuracy of a constant: {balanced_accuracy:.3f}")
recall

# %% [markdown]
# Any constant gets one class wholly right and the others wholly wrong: 1/3 with three classes. That is the line every later
# unit has to clear. Compare the hand-made numbers with the library's:

# %%
from sklearn.metrics import accuracy_score, balanced_accuracy_score

print("accuracy equal:", np.isclose(accuracy, accuracy_score(labels, always_nevus)))
print("balanced accuracy equal:", np.isclose(balanced_accuracy, balanced_accuracy_score(labels, always_nevus)))
course.record("nevus_share", shares["nv"], paper=0.752, note="what 'always nevus' gets as accuracy on all images")

# %% [markdown]
# ## 3. Who is in the pictures
#
# Each row below is a class, each picture another lesion. Look for what you would use to tell the rows apart, and whether it
# belongs to the *lesion* or to the *photograph*: hairs, a ruler's ticks, dark corners, ink.

# %%
course.figure("contact_sheet", lesion_plots.contact_sheet(table, seed=seed))

# %% [markdown]
# And the patients? Nothing in the next figure needs a picture, and yet the classes differ.

# %%
plots.show(lesion_plots.patients(table))
print("rows without an age:", int(table["age"].isna().sum()))
table.groupby("dx")["age"].median()

# %% [markdown]
# ## 4. Two splits, and a leak that you can count
#
# ### A table you can hold in your head
#
# Five photographs of three lesions, split at random. A validation image is **leaked** when another photograph of its lesion
# stands in training: the model may know *this very spot* and need not know what melanoma looks like.
#
# **Before you run the cell below the next one:** which of the three validation images are leaked?

# %%
toy = pd.DataFrame(
    {
        "image": ["a", "b", "c", "d", "e"],
        "lesion": ["left arm", "left arm", "back", "chin", "chin"],
        "part": ["train", "val", "train", "val", "val"],
    }
)
toy

# %% tags=["nbval-check-output"]
seen = set(toy["lesion"][toy["part"] == "train"])
toy_validation = toy[toy["part"] == "val"]
toy_validation.assign(leaked=toy_validation["lesion"].isin(seen))

# %% [markdown]
# Only `b`. The two photographs of the chin are sisters too, but they stand on the same side, and that is no leak.
#
# ### The real thing
#
# Here are the most photographed lesions of the folder, one a row. Zoom, light and angle change; the spot does not.

# %%
plots.show(lesion_plots.sisters(table))

# %%
per_class = table.groupby("dx")["lesion_id"].agg(["size", "nunique"]).loc[list(lesion_data.CLASSES)]
per_class.columns = ["images", "lesions"]
per_class.assign(photographs_per_lesion=(per_class["images"] / per_class["lesions"]).round(2))

# %% [markdown]
# In HAM10000 melanomas have the most photographs each and nevi the fewest, as if what worries a doctor were photographed
# more often. The drawn folder imitates that. Keep it in mind.
#
# Now split as the paper did: image by image, a fifth for validation, each class in proportion.

# %%
from sklearn.model_selection import train_test_split

train, validation = train_test_split(table, test_size=0.2, stratify=table["dx"], random_state=seed)
print(f"{len(train):,} images to train on, {len(validation):,} to validate on")
course.record("validation_images", len(validation), paper=1784)

# %% [markdown]
# **Guess first:** what share of the validation images is leaked? And of the melanomas?

# %%
leaked = validation["lesion_id"].isin(train["lesion_id"])
leaked_by_class = leaked.groupby(validation["dx"]).mean()
print(f"all classes: {leaked.mean():.3f}")
leaked_by_class.round(3)

# %% [markdown]
# ### Why, in one line
#
# A validation image of a lesion with $k$ photographs escapes the leak only if its $k - 1$ sisters all fell into validation
# too. With a validation share of $v$ that happens with probability $v^{k-1}$ (nearly: the images are drawn without being
# put back), so
#
# $$ P(\text{leaked}) \approx 1 - v^{\,k-1} $$
#
# A single photograph ($k = 1$) cannot leak, two leak with probability $1 - v$, three or more almost surely. `k` has one
# entry for each image:

# %%
k = table.groupby("lesion_id")["image_id"].transform("size")
expected = 1 - 0.2 ** (k - 1)
print(f"expected over all images: {expected.mean():.3f}")
expected.groupby(table["dx"]).mean().round(3)

# %% [markdown]
# The formula knows nothing of diagnoses: the classes differ in it only through the number of photographs. Is the measured
# share near it by luck of this seed? Split fifty times and see how far chance carries it.

# %%
def leaked_share(table, seed):
    """Share of validation images with a sister in training, for one random split of images."""
    train, validation = train_test_split(table, test_size=0.2, stratify=table["dx"], random_state=seed)
    return validation["lesion_id"].isin(train["lesion_id"]).mean()


fifty = [leaked_share(table[["lesion_id", "dx"]], other_seed) for other_seed in range(50)]
low, high = np.percentile(fifty, [2.5, 97.5])
print(f"mean of 50 splits {np.mean(fifty):.3f}, 95 % of them between {low:.3f} and {high:.3f}")

# %%
print(course.record("leak_share_mel", leaked_by_class["mel"]))
course.record("leak_share", leaked.mean(), low, high, note="interval: 95 % of 50 random image splits")

# %% [markdown]
# ### The cure
#
# Make the *lesion* the thing that is drawn. `StratifiedGroupKFold` deals whole lesions into five piles and keeps the classes
# in proportion; one pile validates.

# %%
from sklearn.model_selection import StratifiedGroupKFold

dealer = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
piles = list(dealer.split(table, table["dx"], table["lesion_id"]))
train_rows, validation_rows = piles[0]
both_sides = set(table["lesion_id"][train_rows]) & set(table["lesion_id"][validation_rows])
print("lesions on both sides:", len(both_sides))

# %% [markdown]
# The price is small: the classes come out in almost the same numbers.

# %%
sizes = {"by image": validation["dx"].value_counts(), "by lesion": table["dx"][validation_rows].value_counts()}
pd.DataFrame(sizes).loc[list(lesion_data.CLASSES)]

# %% [markdown]
# From the next unit on, `data.split` and `data.leak_report` do both steps. They must say what you have just found by hand:

# %%
splits = {by: lesion_data.split(table, by=by, seed=seed) for by in ("image", "lesion")}
reports = {by: lesion_data.leak_report(table, split) for by, split in splits.items()}
print("same validation images:", set(table.index[splits["image"] == "val"]) == set(validation.index))
print("same leak:", np.allclose(reports["image"]["share"].drop("all"), leaked_by_class[list(lesion_data.CLASSES)]))
course.record("leak_share_lesion_split", reports["lesion"].loc["all", "share"], baseline=leaked.mean())

# %%
course.figure("leak", lesion_plots.leak(reports))

# %% [markdown]
# This is the figure to take home from the unit. On HAM10000 the class with the largest leaked share is melanoma, and melanoma
# is also the class with the paper's best recall (81.2 %). That does not prove that the leak made the recall; it means that
# the number cannot tell.
#
# ## 5. The control: a model that only remembers
#
# How much *could* a leak be worth? Take the worst case: a model without eyes that writes down the diagnosis of every lesion
# in training. Asked about a lesion it knows, it repeats the note; asked about any other, it says `nv`.

# %%
def remember(train, validation):
    """Answers from a notebook of lesion numbers: no pixel, no patient, only memory."""
    notes = train.drop_duplicates("lesion_id").set_index("lesion_id")["dx"]
    return validation["lesion_id"].map(notes).fillna("nv").to_numpy()


rows = {}
for by, split in splits.items():
    asked = table[split == "val"]
    answers = remember(table[split == "train"], asked)
    rows[f"split by {by}"] = {
        "accuracy": accuracy_score(asked["dx"], answers),
        "balanced accuracy": balanced_accuracy_score(asked["dx"], answers),
    }
memory = pd.DataFrame(rows).T
memory.round(3)

# %% [markdown]
# On the image split, pure memory beats the constant by far. On the lesion split it *is* the constant: the control holds.
# No network is this extreme, but every network can move some way towards it, and an image split would pay it for doing so.

# %%
course.record(
    "memory_accuracy_image_split",
    memory.loc["split by image", "accuracy"],
    baseline=memory.loc["split by lesion", "accuracy"],
    paper=0.747,
    note="a model that remembers lesion numbers and sees no pixel; baseline: the same by lesion; paper: its network",
)

# %% [markdown]
# ## 6. What can be said without looking?
#
# From here on the split is by lesion. Age, sex and site differ between the classes (section 3). A logistic regression turns
# them into a diagnosis; a network that sees pictures should do better than this, or its pictures have added nothing.
#
# The regression sees a row vector $x$ (age, scaled; one 0/1 column for each sex and each site) and computes one score a class:
#
# $$ \underset{(n,\,3)}{S} = \underset{(n,\,d)}{X}\;\underset{(d,\,3)}{W} + \underset{(3)}{b} $$
#
# `class_weight="balanced"` makes a rare class's images count more, so that the model does not fall back on the constant.

# %%
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler


def metadata_model(words):
    """Logistic regression on age and on columns of words; never on a pixel."""
    age = (make_pipeline(SimpleImputer(), StandardScaler()), ["age"])
    encoded = (OneHotEncoder(handle_unknown="ignore"), words)
    return make_pipeline(
        make_column_transformer(age, encoded), LogisticRegression(class_weight="balanced", max_iter=1000)
    )


# %% [markdown]
# One pile of lesions is a small jury. So let all five sit: each pile is judged by a model trained on the other four, and every
# image gets one answer from a model that has never met its lesion.

# %%
from sklearn.model_selection import cross_val_predict


def answers_of(model):
    """One answer for each image, from a model trained on the four piles that do not hold its lesion."""
    return cross_val_predict(model, table, table["dx"], cv=piles)


from_metadata = answers_of(metadata_model(["sex", "localization"]))
pd.crosstab(table["dx"], from_metadata, rownames=["is"], colnames=["called"])

# %%
for number, (_, rows) in enumerate(piles, 1):
    print(f"pile {number}: {balanced_accuracy_score(table['dx'][rows], from_metadata[rows]):.3f}")

# %% [markdown]
# Same data, same model: five different numbers. Whoever reports one pile reports some luck with it, so a number needs an
# interval. This one draws *lesions* with replacement, not images: photographs of one lesion are right or wrong together, and
# counting them as independent would make the interval too narrow.

# %%
def score(predicted):
    """Balanced accuracy over all images with its 95 % interval, by lesions."""
    low, high = scoring.interval("balanced_accuracy", table["lesion_id"], table["dx"], predicted)
    return {"value": balanced_accuracy_score(table["dx"], predicted), "low": low, "high": high}


course.record("metadata_balanced_accuracy", **score(from_metadata), baseline=1 / 3, note="five piles of lesions")

# %% [markdown]
# Is that more than luck? Break the link between patient and diagnosis, train again, and do it twenty times: the scores must
# scatter about chance.

# %%
train, validation = table.loc[piles[0][0]], table.loc[piles[0][1]]
rng = np.random.default_rng(seed)
shuffled = []
for _ in range(20):
    model = metadata_model(["sex", "localization"]).fit(train, rng.permutation(train["dx"]))
    shuffled.append(balanced_accuracy_score(validation["dx"], model.predict(validation)))
low, high = np.percentile(shuffled, [2.5, 97.5])
print(f"20 trainings on shuffled labels: mean {np.mean(shuffled):.3f}, 95 % between {low:.3f} and {high:.3f}")

# %% [markdown]
# ## 7. A column that knows the answer
#
# One column was left out on purpose. How was each class diagnosed?

# %%
pd.crosstab(table["dx"], table["dx_type"], normalize="index").round(3)

# %% [markdown]
# Every melanoma was confirmed under the microscope; many nevi were only watched, because nobody worried about them. So
# `dx_type` is not a fact about the lesion but a trace of what a doctor had already concluded. When a new patient comes in
# it does not exist yet. **Guess:** what does it do to the score?

# %%
from_dx_type = answers_of(metadata_model(["sex", "localization", "dx_type"]))
course.record(
    "dx_type_balanced_accuracy",
    **score(from_dx_type),
    baseline=balanced_accuracy_score(table["dx"], from_metadata),
    note="metadata and the leaky column dx_type; baseline: metadata without it",
)

# %%
scores = {
    "always nevus": score(always_nevus),
    "metadata, shuffled labels": {"value": np.mean(shuffled), "low": low, "high": high},
    "metadata": score(from_metadata),
    "metadata and dx_type": score(from_dx_type),
}
course.figure("without_pixels", lesion_plots.without_pixels(pd.DataFrame(scores).T))

# %% [markdown]
# The first row sits at chance and the second scatters about it, as controls should. *Metadata* is the honest rival of every
# picture model in this course. The last row is what a leaky column looks like in a table: a number like any other.
#
# ## 8. Things on the skin that are not the lesion
#
# Hairs, rulers, dark corners, bubbles and ink belong to the photograph. If one of them were commoner in melanomas, a network
# could learn *it*. HAM10000 has no column for them. Drawn lesions do, because whoever draws knows.

# %%
from dermxai_helpers.synth import ARTEFACTS

rows = []
for artefact in [] if truth is None else ARTEFACTS:
    for name in lesion_data.CLASSES:
        shown = truth.loc[truth["label"] == name, artefact]
        low, high = scoring.wilson(int(shown.sum()), len(shown))
        rows.append({"artefact": artefact, "dx": name, "share": shown.mean(), "low": low, "high": high})
artefact_shares = pd.DataFrame(rows)

# %%
if truth is None:
    print("Nobody has marked the artefacts of these photographs, so their shares are not known.")
else:
    plots.show(lesion_plots.artefacts(artefact_shares))

# %% [markdown]
# In drawn lesions the chance of an artefact is the same in each class, so differences within the intervals are luck (and with
# fifteen intervals of 95 %, one that misses is no surprise). A later unit plants an artefact on purpose and asks whether a
# heat-map finds it out.
#
# ## 9. What this does *not* show
#
# - **That the paper's recall comes from the leak.** It shows that the split could not have told. Unit 02 trains on both
#   splits and compares.
# - **That a split by lesion is enough.** HAM10000 does not say which lesions belong to one patient, and some photographs of
#   one lesion are known to carry different numbers (Abhishek and others, below). A hidden leak remains.
# - **Anything about other skin.** The photographs come from two clinics, in Austria and in Australia, mostly of light skin.
#   A clean split of a narrow collection is still narrow.
# - **That validation is a test.** The paper tuned and reported on the same images. A number that was used to choose is
#   no longer a number to report.
# - **Anything about real lesions, as long as `data = "demo"`.** Ages, sites and numbers of photographs are drawn to resemble
#   HAM10000; they prove that the method works, not what skin is like.

# %% [markdown]
# ## Further reading
#
# - P. Tschandl, C. Rosendahl, H. Kittler (2018). *The HAM10000 dataset.* Scientific Data 5:180161.
#   [doi:10.1038/sdata.2018.161](https://doi.org/10.1038/sdata.2018.161) – the data, its licence (CC BY-NC) and how it was made.
# - K. Abhishek, A. Jain, G. Hamarneh (2025). *Investigating the Quality of DermaMNIST and Fitzpatrick17k Dermatological Image
#   Datasets.* Scientific Data 12:196. [doi:10.1038/s41597-025-04382-5](https://doi.org/10.1038/s41597-025-04382-5) – the same
#   leak in a benchmark made from HAM10000, and duplicates under different numbers.
# - S. Kapoor, A. Narayanan (2023). *Leakage and the reproducibility crisis in machine-learning-based science.* Patterns 4(9).
#   [doi:10.1016/j.patter.2023.100804](https://doi.org/10.1016/j.patter.2023.100804) – kinds of leaks, and what they cost.
# - K. H. Brodersen and others (2010). *The balanced accuracy and its posterior distribution.* ICPR.
#   [doi:10.1109/ICPR.2010.764](https://doi.org/10.1109/ICPR.2010.764) – why a mean over classes.
# - A. Bissoto and others (2019). *(De)Constructing Bias on Skin Lesion Datasets.*
#   [arXiv:1904.08818](https://arxiv.org/abs/1904.08818) – how well networks do when the lesion is cut out of the picture.
