# %% [markdown]
# # The data, and what a split can leak
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/01_data.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F01_data.ipynb) · 55 minutes · CPU is enough (0.8 GB)
#
# **What you will do** – read a table of skin lesions, split it in two ways, and count how many validation images show a
# lesion that training has already seen. Then look for everything else that gives the answer away: patients, columns,
# corners, colours, and one lesion under two numbers. At the end, bring your own pictures.
#
# **What you will learn** – to ask of any split *what is the unit that must not stand on both sides?*, to say what a share
# of right answers is worth, and to find what knows the answer without showing the disease.
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
# says what each one shows, and a hand-checked outline of every lesion. The demo folder holds *drawn* lesions in exactly the
# same layout, so every cell below also runs on the real photographs: you change the parameter `photographs` to a folder's name.

# %%
from dermxai_helpers import course, data, files, plots, scoring
from dermxai_helpers.plots import lesions as lesion_plots

course.check_parameters("01", globals())
folder = data.prepare(photographs, images, seed)
table = data.load(folder)
truth = data.truth(folder)

# %%
print("real photographs" if truth is None else "drawn lesions: they teach and test, they are not data about skin")
course.record("images", len(table), paper=8917)
print(course.record("lesions", table["lesion_id"].nunique()))
described = table.drop(columns=["image_path", "mask_path"])
described.head()

# %% [markdown]
# One row is one *photograph*. Read the columns slowly, because each of them comes back in this unit:
#
# - `lesion_id` – which spot of skin. **Several rows can share it.**
# - `dx` – the diagnosis: `mel` (melanoma), `nv` (nevus, a common mole), `bkl` (benign keratosis, a harmless growth).
# - `dx_type` – how the diagnosis was reached: under a microscope (`histo`), by watching the lesion, by agreement of experts.
# - `age`, `sex`, `localization` – the patient, and where on the body.
#
# Section 3.1 of the paper first speaks of 10,015 images of these three classes, then counts 6,705, 1,113 and 1,099, which
# makes 8,917. The larger number is all of HAM10000, which has seven classes; `load` keeps the three.
#
# ### A picture is an array, a file is a promise
#
# `open_image` gives RGB, one byte a channel, in the order height × width × channel, whatever the file held (grey, palette,
# 16 bits, turned sideways). A file can also be broken, cut off, or a few bytes that claim to be a gigabyte. Better to hear
# of that now, in one message, than in the middle of a training run:

# %%
image = data.open_image(table["image_path"][0])
print(image.shape, image.dtype, image.min(), image.max())
try:
    data.load("photographs_of_last_summer")
except files.DataError as error:
    print(error)

# %% [markdown]
# ## 2. Three classes, one of them large
#
# Before any model: how many images has each class?

# %%
import numpy as np
import pandas as pd

shares = table["dx"].value_counts(normalize=True)
print(shares.round(3).to_dict())
counts = table.groupby("dx")["lesion_id"].agg(images="size", lesions="nunique").loc[list(data.CLASSES)]
course.figure("classes", lesion_plots.classes(counts))

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
#
# By hand, and compared with the library:

# %%
from sklearn.metrics import accuracy_score, balanced_accuracy_score

recall = pd.Series({name: (always_nevus[labels == name] == name).mean() for name in data.CLASSES})
print(f"balanced accuracy of a constant: {recall.mean():.3f}", recall.to_dict())
print("accuracy equal:", np.isclose(accuracy, accuracy_score(labels, always_nevus)))
print("balanced accuracy equal:", np.isclose(recall.mean(), balanced_accuracy_score(labels, always_nevus)))
course.record("nevus_share", shares["nv"], paper=0.752, note="what 'always nevus' gets as accuracy on all images")

# %% [markdown]
# Any constant gets one class wholly right and the others wholly wrong: 1/3 with three classes. That is the line every later
# unit has to clear.
#
# ## 3. Who is in the pictures
#
# Each row below is a class, each picture another lesion. Look for what you would use to tell the rows apart, and whether it
# belongs to the *lesion* or to the *photograph*: hairs, a ruler's ticks, dark corners, ink. The second figure needs no
# picture at all, only patients, and yet the classes differ.

# %%
each = table.drop_duplicates("lesion_id").sample(frac=1, random_state=seed)
paths = {data.CLASS_NAMES[dx]: each.loc[each["dx"] == dx, "image_path"].head(8).tolist() for dx in data.CLASSES}
course.figure("contact_sheet", plots.sheet(paths, "Photographs in a row for each class, each of another lesion"))
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
lesions = ["left arm", "left arm", "back", "chin", "chin"]
parts = ["train", "val", "train", "val", "val"]
toy = pd.DataFrame({"image": list("abcde"), "lesion": lesions, "part": parts})
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
most = table["lesion_id"].value_counts().index[:2]
paths = {lesion.replace("_", " "): table.loc[table["lesion_id"] == lesion, "image_path"].tolist() for lesion in most}
plots.show(plots.sheet(paths, "Photographs of the same lesion side by side, a lesion a row"))
counts.assign(photographs_per_lesion=(counts["images"] / counts["lesions"]).round(2))

# %% [markdown]
# In HAM10000 melanomas have the most photographs each and nevi the fewest, as if what worries a doctor were photographed
# more often. The drawn folder imitates that. Keep it in mind.
#
# Now split as the paper did: image by image, a fifth for validation, each class in proportion. **Guess first:** what share
# of the validation images is leaked? And of the melanomas?

# %%
from sklearn.model_selection import train_test_split

train, validation = train_test_split(table, test_size=0.2, stratify=table["dx"], random_state=seed)
print(f"{len(train):,} images to train on, {len(validation):,} to validate on")
print(course.record("validation_images", len(validation), paper=1784))
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
print(course.record("leak_share_mel", leaked_by_class["mel"]))
course.record("leak_share", leaked.mean(), low, high, note="interval: 95 % of 50 random image splits")

# %% [markdown]
# ### The cure
#
# Make the *lesion* the thing that is drawn. `StratifiedGroupKFold` deals whole lesions into five piles and keeps the classes
# in proportion; one pile validates. The price is small: the classes come out in almost the same numbers.

# %%
from sklearn.model_selection import StratifiedGroupKFold

dealer = StratifiedGroupKFold(5, shuffle=True, random_state=seed)
piles = list(dealer.split(table, table["dx"], table["lesion_id"]))
train_rows, validation_rows = piles[0]
both_sides = set(table["lesion_id"][train_rows]) & set(table["lesion_id"][validation_rows])
print("lesions on both sides:", len(both_sides))
sizes = {"by image": validation["dx"].value_counts(), "by lesion": table["dx"][validation_rows].value_counts()}
pd.DataFrame(sizes).loc[list(data.CLASSES)]

# %% [markdown]
# From the next unit on, `data.split` and `data.leak_report` do both steps. They must say what you have just found by hand:

# %%
splits = {by: data.split(table, by=by, seed=seed) for by in ("image", "lesion")}
leaks = pd.DataFrame({f"by {by}": data.leak_report(table, split)["share"] for by, split in splits.items()})
print("same validation images:", set(table.index[splits["image"] == "val"]) == set(validation.index))
print("same leak:", np.allclose(leaks["by image"].drop("all"), leaked_by_class[list(data.CLASSES)]))
print(course.record("leak_share_lesion_split", leaks.loc["all", "by lesion"], baseline=leaked.mean()))
course.figure("leak", plots.moved(leaks.rename(data.CLASS_NAMES), "share of validation images with a sister in training"))

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
accuracies = memory["accuracy"]
note = "a model that remembers lesion numbers and sees no pixel; baseline: the same by lesion; paper: its network"
course.record("memory_accuracy_image_split", accuracies.iloc[0], baseline=accuracies.iloc[1], paper=0.747, note=note)
memory.round(3)

# %% [markdown]
# On the image split, pure memory beats the constant by far. On the lesion split it *is* the constant: the control holds.
# No network is this extreme, but every network can move some way towards it, and an image split would pay it for doing so.
#
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


def metadata_model(words, numbers=("age",)):
    """Logistic regression on columns of numbers and on columns of words; never on a pixel."""
    scaled = (make_pipeline(SimpleImputer(), StandardScaler()), list(numbers))
    encoded = (OneHotEncoder(handle_unknown="ignore"), words)
    return make_pipeline(
        make_column_transformer(scaled, encoded), LogisticRegression(class_weight="balanced", max_iter=1000)
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
for number, (_, rows) in enumerate(piles, 1):
    print(f"pile {number}: {balanced_accuracy_score(table['dx'][rows], from_metadata[rows]):.3f}")
pd.crosstab(table["dx"], from_metadata, rownames=["is"], colnames=["called"])

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
sources = pd.crosstab(table["dx"], table["dx_type"], normalize="index").loc[list(data.CLASSES)]
measure = "share of the class's images, by how the diagnosis was reached (dx_type)"
course.figure("dx_type", plots.stacked(sources.rename(data.CLASS_NAMES), measure))

# %% [markdown]
# This is how the labels were made. Every melanoma was confirmed under the microscope; many nevi were only watched, because nobody worried about them. So
# `dx_type` is not a fact about the lesion but a trace of what a doctor had already concluded. When a new patient comes in
# it does not exist yet. **Guess:** what does it do to the score?

# %%
from_dx_type = answers_of(metadata_model(["sex", "localization", "dx_type"]))
without = balanced_accuracy_score(table["dx"], from_metadata)
note = "metadata and the leaky column dx_type; baseline: metadata without it"
print(course.record("dx_type_balanced_accuracy", **score(from_dx_type), baseline=without, note=note))
scores = {
    "always nevus": score(always_nevus),
    "metadata, shuffled labels": {"value": np.mean(shuffled), "low": low, "high": high},
    "metadata": score(from_metadata),
    "metadata and dx_type": score(from_dx_type),
}
measure, about = "balanced accuracy", "Scores without looking at a picture"
course.figure("without_pixels", plots.intervals({measure: pd.DataFrame(scores).T}, {measure: 1 / 3}, "chance", about, values=True))

# %% [markdown]
# The first row sits at chance and the second scatters about it, as controls should. *Metadata* is the honest rival of every
# picture model in this course. The last row is what a leaky column looks like in a table: a number like any other.
#
# ## 8. Things that belong to the photograph
#
# Hairs, rulers, dark corners, bubbles and ink tell of the photograph, not of the lesion. If one of them were commoner in
# melanomas, a network could learn *it*. HAM10000 has no column for them; of drawn lesions they are known. One of them, the
# dark corners that a round lens leaves, is easy to measure: how many pixels of the four corners are nearly black?

# %%
from dermxai_helpers.data import acquisition
from dermxai_helpers.synth import ARTEFACTS

table = table.join(acquisition.measured(table))
table["has_dark_corners"] = table["dark_corners"] >= acquisition.HAS_DARK_CORNERS
marked = {"dark corners, measured": table["has_dark_corners"]}
if truth is None:
    print("Nobody has marked hairs, rulers, bubbles and ink in these photographs.")
else:
    marked |= {name: truth.set_index("image_id")[name].loc[table["image_id"]].to_numpy() for name in ARTEFACTS}
    print("measured as drawn in a share of", (table["has_dark_corners"] == marked["vignette"]).mean())

# %%
shares = {name: pd.DataFrame(index=marked, columns=["value", "low", "high"], dtype=float) for name in data.CLASSES}
for artefact, shown in marked.items():
    for name in data.CLASSES:
        own = labels == name
        low, high = scoring.interval("mean", table["lesion_id"][own], shown[own])
        shares[name].loc[artefact] = shown[own].mean(), low, high
course.figure("artefacts", plots.grouped(shares, "share of the class's images", "Share of images with each artefact"))

# %% [markdown]
# In drawn lesions the chance of an artefact is the same in each class, so differences within the intervals are luck (and of
# so many intervals of 95 %, one that misses is no surprise). In HAM10000 they are not: melanomas and keratoses have dark
# corners far more often than nevi. No one meant it so; more of them may have come from clinics with such a lens.
#
# ### An artefact that training adds itself
#
# A network is trained on photographs that are changed a little each time, in ways that do not change the diagnosis. The
# paper names "random crop, flip, small rotation", and no ranges. The course chose these:

# %%
from PIL import Image

from dermxai_helpers.data import augmentation

print("area kept by a crop:", augmentation.CROP_AREA, "· its proportions:", augmentation.CROP_RATIO)
print("degrees of a turn, at most:", augmentation.DEGREES, "· flips: left to right and top to bottom, half of the time")
rows = {}
for name, path in table.groupby("dx")["image_path"].first()[list(data.CLASSES)].items():
    picture = data.open_image(path)
    rows[data.CLASS_NAMES[name]] = [picture, *(augmentation.augmented(picture, number) for number in range(7))]
titles = ["as taken"] + [f"view {number}" for number in range(1, 8)]
about = "Photographs in rows, first as taken, then random views, turned a little, cropped and flipped"
course.figure("augmentations", plots.sheet(rows, about, titles))

# %% [markdown]
# Look at the corners. A turned picture uncovers them, and most programs fill them with black: the dark corners of a lens
# where there was none. The course mirrors the picture's rim instead. **Guess:** what share of turned photographs would the
# plain way mark with dark corners?

# %%
clear = [data.open_image(path) for path in table.loc[table["dark_corners"] == 0, "image_path"].head(50)]
turned = [np.asarray(Image.fromarray(picture).rotate(rng.uniform(-15, 15))) for picture in clear]
mirrored = [augmentation.augmented(picture, number) for number, picture in enumerate(clear)]
for way, pictures in {"filled with black": turned, "mirrored": mirrored}.items():
    found = [acquisition.dark_corners(picture) >= acquisition.HAS_DARK_CORNERS for picture in pictures]
    print(f"{way}: {np.mean(found):.2f} of {len(found)} photographs without dark corners now have them")

# %% [markdown]
# ## 9. The colour of the skin, as photographed
#
# Is dark skin in the data? HAM10000 does not say. What is often done instead: take the median colour of the skin round the
# lesion in CIELAB (lightness $L^*$, yellow against blue $b^*$) and its **individual typology angle**, in degrees:
#
# $$ \alpha = \frac{180}{\pi} \operatorname{atan2}(L^* - 50,\; b^*) $$
#
# Large angles are called light, small and negative ones dark. First, the control: one person's photograph, and a lamp
# that gets bluer. What should the angle do?

# %%
median = table["skin_angle"].median()  # not a number where there are no lesion masks: then nobody knows what is skin
for row in table.loc[table["skin_angle"].sub(median).abs().dropna().nsmallest(1).index].itertuples():
    picture, mask = data.open_image(row.image_path), data.open_mask(row.mask_path)
    for blue in (0.8, 0.9, 1.0, 1.1, 1.2):
        angle = acquisition.colour_of_skin((picture * [1, 1, blue]).clip(0, 255).astype("uint8"), mask)
        print(f"blue × {blue}: {angle:4.0f}°, called '{acquisition.angle_band(angle)}'")

# %% [markdown]
# It should stay, and it runs away. The angle was made for a meter with a lamp of its own, laid on the skin; a photograph
# adds lamp, white balance and exposure. So what follows is *colour in photographs*. It is nobody's
# skin type, and dermatologists agree with each other better than with it (Groh and others, below).

# %%
if table["skin_angle"].notna().any():
    course.figure("skin_colours", lesion_plots.skin_colours(table, acquisition.ANGLE_BANDS))
print(course.record("beyond_90_degrees", (table["skin_angle"].abs() > 90).mean(), note="bluish: no skin has that colour"))
plain = np.degrees(np.arctan(np.tan(np.radians(table["skin_angle"]))))  # what arctan gives in place of atan2
dark = {"atan2": table["skin_angle"].between(-90, 10).mean(), "arctan": (plain <= 10).mean()}
print(f"share called brown or dark: {dark['atan2']:.3f} by atan2, {dark['arctan']:.3f} by arctan")
if truth is not None:
    skin = truth.set_index("image_id")["skin"].loc[table["image_id"]].to_numpy()
    print("median angle of each drawn skin:", table.groupby(skin)["skin_angle"].median().round().to_dict())

# %% [markdown]
# Drawn skin, under drawn light that is nearly white, comes out in its right order. In HAM10000 a large part of the angles
# lies beyond 90 degrees, where no skin is, and *how* large a part depends on the class. So this colour tells more of camera
# and light than of people, and through them, it seems, of the diagnosis. And the formula is often written with arctan, which
# counts just these bluish photographs as brown or dark skin: look at the two shares.
#
# How much do corners and colour know, without the lesion? For drawn lesions it must be nothing, which is the control.

# %%
table["colour"] = table["skin_angle"].map(acquisition.angle_band)
from_photograph = answers_of(metadata_model(["colour"], numbers=["dark_corners"]))
note = "dark corners and the colour round the lesion; baseline: chance"
course.record("photograph_balanced_accuracy", **score(from_photograph), baseline=1 / 3, note=note)

# %% [markdown]
# ## 10. The other door: one lesion, two numbers
#
# A split by lesion trusts the lesion numbers. What if one lesion got two? Then it stands on both sides again, and no report
# on lesion numbers will say so. Only the pictures can. `near_duplicates` cuts each lesion out, shrinks it to a small square,
# takes out light and whatever all lesions have in common, and compares what is left (a vector $z$, one number a cell, of
# length 1) in all turns and flips $g$ of a square:
#
# $$ s(a, b) = \max_{g}\; \langle z_a,\, g z_b \rangle \qquad z_a = \text{row } a \text{ of } \underset{(n,\,1024)}{Z} $$
#
# Thousands of photographs make millions of pairs. So each $z$ gets a **hash** first, a row of bits (is a cell brighter than
# usual, or not?), and only pairs whose hashes differ in few bits are compared. Computers count such bits very fast:

# %% tags=["nbval-check-output"]
first, second = 0b1011_0010, 0b1001_0011
print(f"{first ^ second:08b} has {(first ^ second).bit_count()} bits that differ")

# %% [markdown]
# Does the search find anything? Plant copies whose fate is known: mirrored, a little brighter, saved anew, each under a new
# lesion number. They go into the same search as everything else.

# %%
from tempfile import TemporaryDirectory


def planted_copies(table, folder, count=40):
    """Rows for copies of photographs under new lesion numbers; pictures and masks are written into the folder."""
    copies = table.sample(count, random_state=seed)
    copies["lesion_id"], copies["image_id"] = "PLANTED_" + copies["lesion_id"], "COPY_" + copies["image_id"]
    for column in ("image_path", "mask_path"):
        for row, path in copies.loc[copies[column] != "", column].items():
            brighter = (data.open_image(path)[:, ::-1] * 1.05).clip(0, 255).astype("uint8")
            copies.loc[row, column] = f"{folder}/{row}_{column}.jpg"
            Image.fromarray(brighter).save(copies.loc[row, column], quality=75)
    return copies


drawer = TemporaryDirectory()
with_copies = pd.concat([table, planted_copies(table, drawer.name)], ignore_index=True)
pairs = acquisition.near_duplicates(with_copies)
count = len(with_copies)
print(f"{count:,} photographs, {count * (count - 1) // 2:,} pairs, hashes of {acquisition.HASH_GRID ** 2} bits;")
print(f"{len(pairs):,} pairs have a similarity of {acquisition.SIMILARITY} or more and count as one spot")

# %%
is_copy = pairs["image_id_b"] == "COPY_" + pairs["image_id_a"]
own_pairs = pairs[~pairs["image_id_b"].str.startswith("COPY_")]
hidden = own_pairs[~own_pairs["same_lesion"]]
low, high = scoring.wilson(int(is_copy.sum()), 40)
print(course.record("planted_copies_found", is_copy.sum() / 40, low, high, note="mirrored, brighter, saved anew"))
sisters_found = own_pairs["same_lesion"].sum() / ((k - 1).sum() / 2)
print(course.record("sister_pairs_found", sisters_found, note="pairs of photographs of one lesion number"))
course.record("hidden_pairs", len(hidden), note="pairs of photographs under two lesion numbers that look like one lesion")

# %% [markdown]
# Copies are found. Of the known sisters, which were taken anew with another zoom and at another angle, only a part is: so
# the number of hidden pairs is a lower bound. And are they really one lesion? The table can testify, for the search never
# saw it: one lesion has one age, one sex, one site. Compare with random pairs of photographs.

# %%
patient = table[["age", "sex", "localization"]].map(str).agg(" ".join, axis=1).set_axis(table["image_id"])
by_chance = rng.choice(table["image_id"], (2, 20_000))
print(f"same age, sex and site in random pairs: {(patient[by_chance[0]].array == patient[by_chance[1]].array).mean():.3f}")
if len(hidden):
    same = patient[hidden["image_id_a"]].array == patient[hidden["image_id_b"]].array
    print(course.record("hidden_pairs_same_patient", same.mean(), note="age, sex and site agree"))
shown = hidden if len(hidden) else pairs[is_copy]
path, dx = (with_copies.set_index("image_id")[column] for column in ("image_path", "dx"))
pictures, titles = [], []
for number, pair in enumerate(shown.head(8).itertuples(), 1):
    pictures += [path[pair.image_id_a], path[pair.image_id_b]]
    titles += [f"{number}: {pair.similarity:.2f}", dx[pair.image_id_b]]
about = f"The first of {len(shown)} pairs that show one spot of skin under two lesion numbers, with similarity and class"
course.figure("same_spots", plots.gallery(pictures, titles, about, columns=8, width=plots.SHEET))
drawer.cleanup()

# %% [markdown]
# (Where nothing is hidden, as among drawn lesions, the figure shows planted copies.) Look at the pairs and judge them: the
# search proposes, and a person decides. What do they do to the split by lesion? Join the numbers of each pair and count again:

# %%
number = table.set_index("image_id")["lesion_id"].copy()
for first, second in zip(hidden["image_id_a"], hidden["image_id_b"], strict=True):
    number[number == number[second]] = number[first]  # of all its photographs, so that joins are passed on
joined = table.assign(lesion_id=number.to_numpy())
again = data.leak_report(joined, splits["lesion"])
print(f"{table['lesion_id'].nunique() - joined['lesion_id'].nunique()} lesion numbers fewer")
course.record("leak_share_lesion_split_joined", again.loc["all", "share"], baseline=leaks.loc["all", "by image"])

# %% [markdown]
# In HAM10000 the other door is open by a crack: far less than the image split's leak, but not nothing, and it is a lower
# bound. Abhishek and others (below) found such pairs too. The cure costs one line: split `joined` instead of `table`.
#
# ## 11. Bring your own images
#
# A folder of photographs becomes a table with one call; the labels are the names of its sub-folders. Phones turn pictures
# and write HEIC, a picture is saved twice, and a copy stops half-way. Let us make such a folder:

# %%
import shutil
from pathlib import Path

from dermxai_helpers.data import own_images

drawer = TemporaryDirectory()
for label in data.CLASSES:
    (Path(drawer.name) / label).mkdir()
    shutil.copy(table["image_path"][table["dx"] == label].iloc[0], f"{drawer.name}/{label}/my {label}.jpg")
shutil.copy(f"{drawer.name}/nv/my nv.jpg", f"{drawer.name}/nv/my nv, again.jpg")
(Path(drawer.name) / "nv" / "cut off.jpg").write_bytes(Path(table["image_path"][0]).read_bytes()[:3000])

own, left_out = own_images.collect(drawer.name)
print("Left out:", *left_out.items())
print("Saved twice:", acquisition.near_duplicates(own).query("similarity > 0.99").to_string(), sep="\n")
drawer.cleanup()
own.drop(columns=["image_path", "mask_path", "dx_type"])

# %% [markdown]
# What `load` gives, `collect` gives: from here on `split`, `train` and every later unit go on with it. Look at the column
# `lesion_id`: each photograph counts as a lesion of its own, and if two show the same one, **the split leaks**, as you could
# have said yourself by now. Where you know more (lesions, ages, sites), write HAM10000's own table, the seven columns of
# section 1, and `load` the folder. And a photograph without dermoscope is not what any model of this course has seen.
#
# ## 12. What this does *not* show
#
# - **That the paper's recall comes from the leak.** It shows that the split could not have told. Unit 02 trains on both
#   splits and compares.
# - **That a split by lesion is enough.** HAM10000 does not say which lesions belong to one patient, and the search of
#   section 10 finds only some of the lesions with two numbers.
# - **Anything about other skin.** The photographs come from two clinics, in Austria and in Australia, mostly of light skin,
#   and section 9 cannot say whose. A clean split of a narrow collection is still narrow.
# - **That validation is a test.** The paper tuned and reported on the same images. A number that was used to choose is
#   no longer a number to report.
# - **Anything about real lesions, as long as `photographs = "demo"`.** Ages, sites and numbers of photographs are drawn to resemble
#   HAM10000; they prove that the method works, not what skin is like.
#
# ## Further reading
#
# - P. Tschandl, C. Rosendahl, H. Kittler (2018). *The HAM10000 dataset.* Scientific Data 5:180161.
#   [doi:10.1038/sdata.2018.161](https://doi.org/10.1038/sdata.2018.161) – the data, its licence (CC BY-NC) and how it was made.
# - K. Abhishek, A. Jain, G. Hamarneh (2025). *Investigating the Quality of DermaMNIST and Fitzpatrick17k Dermatological Image
#   Datasets.* Scientific Data 12:196. [doi:10.1038/s41597-025-04382-5](https://doi.org/10.1038/s41597-025-04382-5) – the same
#   leak in a benchmark made from HAM10000, and duplicates under different numbers.
# - M. Groh and others (2022). *Towards transparency in dermatology image datasets with skin tone annotations by experts,
#   crowds, and an algorithm.* [arXiv:2207.02942](https://arxiv.org/abs/2207.02942) – what the typology angle is worth.
# - S. Kapoor, A. Narayanan (2023). *Leakage and the reproducibility crisis in machine-learning-based science.* Patterns 4(9).
#   [doi:10.1016/j.patter.2023.100804](https://doi.org/10.1016/j.patter.2023.100804) – kinds of leaks, and what they cost.
# - K. H. Brodersen and others (2010). *The balanced accuracy and its posterior distribution.* ICPR.
#   [doi:10.1109/ICPR.2010.764](https://doi.org/10.1109/ICPR.2010.764) – why a mean over classes.
# - A. Bissoto and others (2019). *(De)Constructing Bias on Skin Lesion Datasets.*
#   [arXiv:1904.08818](https://arxiv.org/abs/1904.08818) – how well networks do when the lesion is cut out of the picture.
