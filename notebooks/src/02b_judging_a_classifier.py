# %% [markdown]
# # Judging a classifier: what did rebalancing buy?
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/02b_judging_a_classifier.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F02b_judging_a_classifier.ipynb) · 40 minutes · CPU is enough (1.3 GB)
#
# **What you will do** – train the same head in five ways that are said to cure imbalance, tune a threshold as a sixth,
# and put all of them into one table with their intervals and with rivals that see no picture. Then ask the winner how
# sure it is, at which threshold you would use it, for whom it fails, and what it says about things it never learned.
#
# **What you will learn** – that rebalancing moves along a curve and rarely lifts it; what a calibrated probability is;
# how to choose an operating point without peeking; how to read a subgroup that is too small.
#
# **What you need** – unit 02 (frozen backbone, cached features, recall, intervals by lesion).
#
# > **Claim.** Rebalancing trades the recall of one class for that of another; what the scores *know* about melanoma (the
# > area under the curve) hardly changes.
# > **Control.** Tuning a threshold needs no training at all. If it does what the losses do, the losses added nothing.

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
photographs = "demo"        # "demo" draws lesions; or a folder that holds HAM10000
images = 1200        # photographs to draw, 200 to 10000; a folder's own number counts otherwise
seed = 0             # any whole number, 0 to 2000000000
backbone = "demo"    # "demo" or "imagenet"
split_by = "lesion"  # "lesion", or "image" to see what a leaking split flatters
few = 150            # photographs on which augmentation is tried, 100 to 10000

# %% [markdown]
# ## 1. Three parts, all apart by lesion
#
# A threshold, a temperature, a choice among six methods: all of these are *fitted*, and what is fitted on the images
# that give the score makes the score too good. So three parts are needed: one to **train**, one to **tune**, one to
# **judge**. No lesion is in two of them – unless you set `split_by` to `"image"`, as the paper did: then every table
# below shows you the scores of a split that leaks.

# %%
import numpy as np
import pandas as pd

from dermxai_helpers import course, data, plots, scoring, training
from dermxai_helpers.plots import classifier as figures

course.check_parameters("02b", globals())
CLASSES = data.CLASSES
table = data.load(data.prepare(photographs, images=images, seed=seed))
parts = data.split(table, by=split_by, seed=seed)

# %%
rest, judged = table[parts == "train"], table[parts == "val"]
inner = data.split(rest, by=split_by, val=0.25, seed=seed)  # "val" of this one is the part to tune on
tuning = rest[inner == "val"]
lesions = {"train": rest[inner == "train"], "tune": tuning, "judge": judged}
pd.DataFrame({name: part["dx"].value_counts() for name, part in lesions.items()}).loc[list(CLASSES)]

# %%
shared = [set(a["lesion_id"]) & set(b["lesion_id"]) for a, b in ((rest, judged), (rest[inner == "train"], tuning))]
print("lesions in two parts:", sum(map(len, shared)))
source = training.backbone(backbone)
features = {name: training.cached_features(source, part["image_path"]) for name, part in lesions.items()}
features["judge"].shape

# %% [markdown]
# ## 2. Augmentation without a second wait
#
# The paper crops, flips and turns its training photographs at random, and unit 02 left that out: a cached feature cannot
# be turned. But a turned photograph can be cached. Compute a few random **views** of each photograph once, and let every
# epoch take one of them at random. With $K$ views and $E$ epochs the frozen network runs $K$ times over the training
# images instead of $E$ times.
#
# **Before you run the next cell:** ten epochs, two views, a fifth of the images for validation. How many times less work?

# %% tags=["nbval-check-output"]
epochs, views, validation_share = 10, 2, 0.2
naive = epochs * ((1 - validation_share) + validation_share)  # forward passes over all images, every epoch
cached = views * (1 - validation_share) + validation_share
print(f"naive {naive:.1f} passes, cached {cached:.1f} passes, ratio {naive / cached:.1f}")

# %%
from dermxai_helpers.data import augmentation

image = data.open_image(table["image_path"][0])
pictures = {"as it is": image} | {f"view {number}": augmentation.augmented(image, number) for number in range(1, 4)}
course.figure("views", plots.row(pictures, "One photograph and three random views of it."))

# %%
def judge(classifier, part="judge"):
    """Probabilities (n, 3) that a classifier gives the images of a part, from their cached features."""
    return classifier.predict_features(features[part])


def answers(probabilities):
    """The most probable class of each row, by name."""
    return np.array(CLASSES)[probabilities.argmax(axis=1)]


settings = {"backbone": source, "epochs": 20, "learning_rate": 5e-4, "seed": seed, "progress": False}
some = rest.sample(min(few, len(rest)), random_state=seed)  # new views have to be computed: a few hundred will do
augmented = training.train(some, inner[some.index], views=2, **settings)
plain = training.train(some, inner[some.index], **settings)

# %%
compared = {"as they are": plain, "two random views": augmented}
rows = {name: scoring.scores(judged["dx"], answers(judge(one)), CLASSES) for name, one in compared.items()}
gain = rows["two random views"]["balanced_accuracy"] - rows["as they are"]["balanced_accuracy"]
note = f"balanced accuracy by {split_by}, two cached views against none, {len(some)} photographs"
course.record("augmentation_gain", gain, note=note)
pd.DataFrame(rows).T[["accuracy", "balanced_accuracy"]].round(3)

# %% [markdown]
# A linear layer has a few thousand numbers and little to over-learn, so do not expect much of augmentation here. It
# matters when the backbone learns too.
#
# ## 3. Five ways to train, one way to decide
#
# All of them start from the same complaint: the mean loss over the images is dominated by nevi.
#
# - **class weights** count an image of class $c$ as $n / (3 n_c)$ images;
# - **oversampling** shows images of rare classes more often;
# - **focal loss** multiplies the loss of an image by $(1 - p)^2$, where $p$ is the probability of its true class;
# - **logit adjustment** adds the logarithm of each class's share to the logits while training, and leaves it away after;
# - **tuned factors** change nothing in training: they multiply the finished probabilities before the largest is taken.
#
# Focal loss, by hand. An image that is already right with $p = 0.9$ and one that is wrong with $p = 0.1$:

# %% tags=["nbval-check-output"]
p = np.array([0.9, 0.1])
cross_entropy = -np.log(p)
focal = (1 - p) ** 2 * cross_entropy
print("cross-entropy", cross_entropy.round(3), "- the second counts", round(cross_entropy[1] / cross_entropy[0]), "times")
print("focal        ", focal.round(3), "- the second counts", round(focal[1] / focal[0]), "times")

# %%
import torch

from dermxai_helpers.training import rebalancing

logits = torch.tensor(np.log([[0.9, 0.06, 0.04], [0.1, 0.6, 0.3]]), dtype=torch.float32)
labels = torch.tensor([0, 0])
print("equal to the helper:", np.isclose(rebalancing.focal(logits, labels).item(), focal.mean(), atol=1e-6))

# %% [markdown]
# Note what focal loss looks at: whether an image is *hard*. It does not know which class is rare. And logit adjustment,
# in one line: a network that has learned $\log p(c \mid x)$ for the shares $\pi_c$ of the training part answers, once
# $\log \pi_c$ is taken away, as if all classes were equally common.
#
# $$ z'_c = z_c - \log \pi_c \qquad \text{(Bayes: } p(c \mid x) \propto p(x \mid c)\,\pi_c \text{)} $$
#
# Now train. The same images, the same features, the same seed; only the loss or the order differs.

# %%
trained = {name: training.train(rest, inner, rebalance=name, **settings) for name in rebalancing.STRATEGIES}
given = {name: judge(one) for name, one in trained.items()}
on_tuning = {name: judge(one, "tune") for name, one in trained.items()}

# %% [markdown]
# Ten trainings later nobody remembers which was which. A log needs no service: one line of a plain table for each run,
# with its settings, the data it saw and what it reached. What was the same for all of them is left out below.

# %%
from pathlib import Path

runs = Path("runs.csv")
runs.unlink(missing_ok=True)  # begin a new table; leave this line away to let yours grow
for name, one in trained.items():
    row = pd.json_normalize({"name": name, **one.card})
    row.to_csv(runs, mode="a", header=not runs.exists(), index=False)

# %%
log = pd.read_csv(runs, index_col="name").sort_values("validation.balanced_accuracy", ascending=False)
log.loc[:, log.nunique() > 1].round(3)

# %% [markdown]
# These scores are those of the tuning part, on which the best epoch was chosen: good for comparing, too good to report.
#
# The sixth way takes the network that was *not* rebalanced, and looks for three factors on the tuning part.

# %%
classes_of = tuning["dx"].map(CLASSES.index).to_numpy()
factors = rebalancing.tuned_factors(on_tuning["none"], classes_of)
print("factors, nevus = 1:", (factors / factors[1]).round(2).tolist())
shares = rest["dx"][inner == "train"].value_counts(normalize=True).loc[list(CLASSES)].to_numpy()
print("1 / share of the class, nevus = 1:", (shares[1] / shares).round(2).tolist())

# %%
tuned = given["none"] * factors
given["tuned factors"] = tuned / tuned.sum(axis=1, keepdims=True)
tuned = on_tuning["none"] * factors
on_tuning["tuned factors"] = tuned / tuned.sum(axis=1, keepdims=True)

# %% [markdown]
# The rivals that see no picture, and a network whose training labels were shuffled:

# %%
blind = training.baseline_predictions(table, parts, seed=seed)
wrong = rest.assign(dx=np.random.default_rng(seed).permutation(rest["dx"]))
nonsense = training.train(wrong, inner, rebalance="class weights", **settings)
said = {name: answers(probabilities) for name, probabilities in given.items()}
said |= {"always nevus": blind["constant"], "metadata": blind["metadata"], "shuffled labels": answers(judge(nonsense))}

# %%
from dermxai_helpers.scoring import calibration

truth, owners = judged["dx"].to_numpy(), judged["lesion_id"].to_numpy()
scored = {name: scoring.scores_with_intervals(truth, names, owners, CLASSES) for name, names in said.items()}
known = {name: calibration.probability_scores(p, truth, owners, CLASSES, repeats=100) for name, p in given.items()}
overview = pd.DataFrame({name: found["value"] for name, found in scored.items()}).T
overview = overview.join(pd.DataFrame({name: found["value"] for name, found in known.items()}).T)
overview.round(3)

# %%
columns = ["recall_mel", "recall_nv", "recall_bkl", "balanced_accuracy", "macro_f1"]
constant = overview.loc["always nevus", columns]
panels = {name: pd.DataFrame({way: table.loc[name] for way, table in scored.items()}).T for name in columns}
course.figure("strategies", plots.intervals(panels, constant, "what always answering nevus gets", "Ways to train"))

# %% [markdown]
# Read each row against "none". Then look at the last columns of the table: the area under the curve of melanoma.

# %%
for name in given:
    row = scored[name].loc["balanced_accuracy"]
    area = known[name].loc["auc_mel"]
    print(f"{name:17} balanced {row.value:.3f} ({row.low:.3f}-{row.high:.3f})", end="   ")
    print(f"AUC mel {area.value:.3f} ({area.low:.3f}-{area.high:.3f})")

# %%
for name in given:
    row, key = scored[name].loc["balanced_accuracy"], name.replace(" ", "_")
    course.record(f"balanced_{key}", row.value, row.low, row.high, constant["balanced_accuracy"], 0.771)
areas = overview.loc[list(given), "auc_mel"]
course.record("auc_mel_spread", areas.max() - areas.min(), note="largest minus smallest area over the six ways")

# %% [markdown]
# The ways that know which class is rare gain the most balanced accuracy, and tuning three factors gains as much without
# touching the network. The area under the curve, which asks only whether melanomas are *ranked* above the rest, moves
# little, and its intervals overlap. That is the claim of this unit: rebalancing chooses a place on a curve.
#
# ### Turn the weight yourself
#
# The slider trains a new head each time you let go of it. Exponent 0 counts every image alike, 1 counts every class
# alike, 2 more than that.

# %%
from dermxai_helpers import widgets

numbers = {name: part["dx"].map(CLASSES.index).to_numpy() for name, part in lesions.items()}
seen, unseen = (features["train"], numbers["train"]), (features["tune"], numbers["tune"])

# %% tags=["nbval-ignore-output"]
widgets.panel(lambda exponent: widgets.recalls_at(seen, unseen, exponent),
              exponent=widgets.slider("0: every image counts alike · 1: every class", 1, 0, 2, 0.25))

# %% [markdown]
# Three places of the slider in words, for readers without a live kernel:

# %%
for exponent in (0.0, 1.0, 2.0):
    print(widgets.recalls_at(seen, unseen, exponent)[1].split(";")[-1].strip())

# %% [markdown]
# ## 4. How sure is it, and how sure may it be?
#
# Collect the images about which a network is about 80 % sure. If four in five of its answers are right, it is
# **calibrated** there. The **expected calibration error** is the mean gap between confidence and accuracy over such
# bins $B$, weighted by their size:
#
# $$ \text{ECE} = \sum_B \frac{|B|}{n} \,\bigl|\, \text{accuracy}(B) - \text{confidence}(B) \,\bigr| $$

# %% tags=["nbval-check-output"]
confidence = np.array([0.95, 0.95, 0.65, 0.65, 0.65])
right = np.array([1, 1, 1, 0, 0])
gaps = [abs(right[:2].mean() - 0.95), abs(right[2:].mean() - 0.65)]
by_hand = (2 * gaps[0] + 3 * gaps[1]) / 5
two = np.column_stack([confidence, 1 - confidence])
helper = calibration.expected_calibration_error(two, np.where(right == 1, 0, 1))
print(round(by_hand, 3), "equal to the helper:", np.isclose(by_hand, helper))

# %% [markdown]
# A network that was rebalanced is *meant* to be wrong about how common the classes are, so its probabilities are not
# those of the clinic. **Temperature scaling** divides all logits by one number, found on the tuning part. It can make a
# network less sure or surer, but it changes no answer.

# %%
weighted = "class weights"
heat = calibration.temperature(on_tuning[weighted], classes_of)
cooled = calibration.tempered(given[weighted], heat)
print(f"temperature {heat:.2f}; answers changed: {(answers(cooled) != answers(given[weighted])).sum()}")

# %%
indices = judged["dx"].map(CLASSES.index).to_numpy()
shown = {"none": given["none"], weighted: given[weighted], "with temperature": cooled}
tables = {name: calibration.reliability(p, indices) for name, p in shown.items()}
errors = {name: calibration.expected_calibration_error(p, indices) for name, p in shown.items()}
course.figure("reliability", figures.reliability(tables, errors))

# %%
for name, error in errors.items():
    low, high = scoring.interval(
        calibration.expected_calibration_error, owners, shown[name], indices, repeats=200, seed=seed
    )
    print(course.record(f"calibration_error_{name.replace(' ', '_')}", error, low, high))

# %% [markdown]
# ## 5. At which threshold would you use it?
#
# A dermatologist asks a different question: if nine in ten people *without* melanoma shall be spared, how many melanomas
# are found? Choose the threshold on the tuning part, then see whether it keeps its promise on the part that judges.

# %%
from sklearn.metrics import roc_auc_score, roc_curve

scores, ill = given[weighted][:, 0], truth == "mel"
tuning_scores, tuning_ill = on_tuning[weighted][:, 0], (tuning["dx"] == "mel").to_numpy()
wishes = {f"specificity {rate:.0%}": {"specificity": rate} for rate in (0.90, 0.95)}
wishes |= {f"sensitivity {rate:.0%}": {"sensitivity": rate} for rate in (0.90, 0.95)}
promised = {name: calibration.operating_point(tuning_scores, tuning_ill, **wish) for name, wish in wishes.items()}

# %%
kept = {}
for name, point in promised.items():
    called = scores >= point["threshold"]
    kept[name] = {"sensitivity": called[ill].mean(), "specificity": (~called[~ill]).mean()}
pd.concat({"promised": pd.DataFrame(promised).T, "kept": pd.DataFrame(kept).T}, axis=1).round(3)

# %%
found = kept["specificity 90%"]["sensitivity"]
called = (scores >= promised["specificity 90%"]["threshold"])[ill]
low, high = scoring.interval("mean", owners[ill], called.astype(float))
curve, area = roc_curve(ill, scores), roc_auc_score(ill, scores)
course.figure("operating_points", figures.operating_points(curve, area, kept))
course.record("sensitivity_at_90_specificity", found, low, high, 0.10, note="baseline: scores without meaning")

# %% [markdown]
# What was promised and what was kept differ, and with a handful of melanomas to tune on they differ a lot. Somebody who
# reports only the first column reports the luck of the tuning part.
#
# Move the threshold. Watch the two counts that cost something: melanomas sent home, and others sent on.

# %% tags=["nbval-ignore-output"]
widgets.panel(lambda threshold: widgets.decision_at(scores, ill, threshold),
              threshold=widgets.slider("threshold", 0.5, 0, 1, 0.01))

# %%
for threshold in (0.2, 0.5, 0.8):
    print(widgets.decision_at(scores, ill, threshold)[1])

# %% [markdown]
# ## 6. For whom does it fail?
#
# One number for all people hides who pays. Recall of melanoma, group by group, with its interval. Grey: fewer than ten
# melanomas, nothing can be read there. A difference between groups is a question, not yet an answer: groups differ in
# age, site and how easy their lesions are.

# %%
from dermxai_helpers.scoring import subgroups

age = pd.cut(judged["age"], [0, 40, 60, np.inf], right=False, labels=["under 40", "40 to 59", "60 and over"])
questions = {"age": age.cat.add_categories("unknown").fillna("unknown"), "sex": judged["sex"].fillna("unknown")}
questions["site"] = judged["localization"].fillna("unknown")
by_group = {name: subgroups.rates_by_group(judged, said[weighted], group) for name, group in questions.items()}
overall = scored[weighted].loc["recall_mel", "value"]
panels = {}
for question, rates in by_group.items():
    named = rates.set_axis([f"{name} ({row.melanomas})" for name, row in rates.iterrows()])  # melanomas in brackets
    panels[question] = named.dropna().rename(columns={"recall": "value", "recall_low": "low", "recall_high": "high"})
dashed = "all images · grey: too few melanomas (in brackets)"
course.figure("subgroups", plots.intervals(panels, dict.fromkeys(panels, overall), dashed, "Recall of melanoma by group"))

# %%
readable = pd.concat(by_group.values())
readable = readable[readable["enough"].astype(bool)]
print(f"groups with enough melanomas to read: {len(readable)} of {sum(map(len, by_group.values()))}")
readable[["images", "melanomas", "recall", "recall_low", "recall_high"]].astype(float).round(2)

# %% [markdown]
# ## 7. The surest mistakes
#
# Wrong answers given with the greatest confidence. Look for what they share: hair, ink, a dark rim, a lesion that fills
# the picture – or a label you would doubt yourself. What you find is a guess; a count over all images would test it.

# %%
answered = judged.assign(predicted=said[weighted], confidence=given[weighted].max(axis=1))
wrong = answered[answered["predicted"] != answered["dx"]].sort_values("confidence", ascending=False)
mistakes = wrong.drop_duplicates("lesion_id").head(8)  # one photograph of a lesion
lines = [f"{row.dx}, called {row.predicted}\nwith {row.confidence:.0%}" for row in mistakes.itertuples()]
course.figure("mistakes", plots.gallery(mistakes["image_path"].tolist(), lines, "The surest mistakes"))

# %%
sure = given[weighted].max(axis=1) > 0.9
wrong_and_sure = (said[weighted] != truth)[sure]
course.record("wrong_when_sure", float(wrong_and_sure.mean()), note=f"of {sure.sum()} images with confidence above .9")

# %% [markdown]
# ## 8. Things it has no word for
#
# Four diagnoses of HAM10000 were left out, one of them a common cancer. The network must call them something. A folder of
# drawn lesions has no other diagnoses, so there the strangers are pictures without a lesion: plain skin, in noise of
# several strengths. Is the network less sure of them?

# %%
def strange_pictures():
    """Pictures of things outside the three classes, and what each is called."""
    if photographs != "demo":
        every = data.load(photographs, classes=None)
        others = every[~every["dx"].isin(CLASSES)].groupby("dx").head(60)
        return [data.open_image(path) for path in others["image_path"]], others["dx"].tolist()
    rng, skin = np.random.default_rng(seed), np.median(image[:20].reshape(-1, 3), axis=0)
    noise = [rng.normal(skin, strength, image.shape) for strength in np.repeat([2, 10, 40], 20)]
    return [np.clip(picture, 0, 255).astype(np.uint8) for picture in noise], ["skin and noise"] * len(noise)


pictures, names = strange_pictures()
unknown = trained[weighted].predict_proba(pictures)
pd.crosstab(pd.Series(names, name="what it is"), answers(unknown), colnames=["called"], margins=True)

# %%
doubt = 1 - np.concatenate([given[weighted], unknown]).max(axis=1)
is_stranger = np.arange(len(doubt)) >= len(given[weighted])
course.record("strangers_told_apart", roc_auc_score(is_stranger, doubt), baseline=0.5,
              note="area under the curve of 1 - confidence")

# %% [markdown]
# A value of .5 means that its confidence does not notice the strangers at all; below .5 it is *surer* of them than of
# what it has learned. Softmax has no answer "none of these".
# Source: Hendrycks and Gimpel, "A baseline for detecting misclassified and out-of-distribution examples", ICLR 2017.
#
# ## 9. The paper's sentences, one by one
#
# The verdicts below are computed, not written: each compares numbers of this run and of the paper.

# %%
paper = {"mel": 0.812, "nv": 0.732, "bkl": 0.768}
by_image, by_lesion = (data.split(table, by=kind, seed=seed) for kind in ("image", "lesion"))
leaked = data.leak_report(table, by_image)["share"]

def like_the_paper(split):
    """Balanced accuracy, low, high of the paper's training on a split."""
    held_out, classifier = table[split == "val"], training.train(table, split, source, seed=seed, progress=False)
    names = answers(classifier.predict_features(training.cached_features(source, held_out["image_path"])))
    scores = scoring.scores_with_intervals(held_out["dx"], names, held_out["lesion_id"], CLASSES)
    return scores.loc["balanced_accuracy"]


leaky, strict = like_the_paper(by_image), like_the_paper(by_lesion)

# %%
from sklearn.metrics import balanced_accuracy_score

weakest = min(paper, key=paper.get)
commonest = table["dx"].value_counts().idxmax()
chosen = max(on_tuning, key=lambda name: balanced_accuracy_score(classes_of, on_tuning[name].argmax(axis=1)))
best = scored[chosen].loc["balanced_accuracy"]  # chosen on the tuning part, scored on the one that judges


def recall_gain(cure):
    """How much more of the melanomas a cure finds than no cure, with its interval by lesion."""
    gained = (said[cure][ill] == "mel").astype(float) - (said["none"][ill] == "mel")
    return gained.mean(), *scoring.interval("mean", owners[ill], gained)

# %%
rows = []


def ask(says, measured, holds, yes, no):
    """One line of the table: the paper's sentence, what is measured, one of two verdicts."""
    rows.append({"the paper says": says, "measured": measured, "verdict": yes if holds else no})


ask("acceptable overall accuracy (.747)", "always nevus gets .752", 0.747 > 0.752, "above it", "below the constant")
ask("improvement in melanoma detection", f"recall {paper['mel']}", max(paper, key=paper.get) == "mel",
    "its best class", "not its best class")  # fmt: skip
ask("recall for melanoma was poor", f"recall {paper['mel']}", paper["mel"] < min(paper["nv"], paper["bkl"]),
    "fits its figure 1", "contradicts its figure 1")  # fmt: skip
ask("variation stems from imbalance", f"weakest {weakest}, commonest {commonest}", weakest != commonest,
    "fits", "does not fit: imbalance hurts rare classes")  # fmt: skip
for cure in ("focal loss", "oversampling"):
    gained, low, high = recall_gain(cure)
    ask(f"{cure} would help", f"recall of mel {gained:+.2f} ({low:+.2f} to {high:+.2f})", low > 0, "it moves recall",
        "cannot be told from no change")  # fmt: skip
ask("validated on held-out images", f"{leaked['mel']:.0%} of melanomas share a lesion", leaked["all"] < 0.01,
    "held out", "not held out")  # fmt: skip
ask("balanced accuracy .771", f"{chosen}, by {split_by}: {best.value:.3f} ({best.low:.3f} to {best.high:.3f})",
    best.value >= 0.771, "reached", "not reached with a frozen backbone")  # fmt: skip
ask("(worth of its split)", f"by image {leaky.value:.3f}, by lesion {strict.value:.3f}", leaky.low > strict.high,
    "higher with the leak", "intervals overlap: one split cannot tell")  # fmt: skip
pd.set_option("display.max_colwidth", None)
pd.DataFrame(rows)

# %%
note = f"{chosen}: the way chosen on the tuning part; frozen backbone, split by {split_by}"
course.record("best_balanced_accuracy", best.value, best.low, best.high, 1 / 3, 0.771, note)

# %% [markdown]
# ## 10. What this does *not* show
#
# - **Not that rebalancing is useless.** Where the backbone learns too, what counts in the loss also shapes the features.
# - **Not a risk.** A temperature found on this collection fits this collection: another clinic has other shares.
# - **Not fairness.** Few melanomas in a group give wide intervals; overlap of intervals is not proof of equal treatment,
#   and skin tone is not recorded at all.
# - **Not safety on strangers.** Low confidence on sixty pictures of one kind says nothing about the next kind.
# - **Nothing about skin, in the demo.** Give `data` a HAM10000 folder and `backbone` the value `"imagenet"`.
#
# ## Further reading
#
# - Menon et al. (2021), *Long-tail learning via logit adjustment*, arXiv:2007.07314. Why a shift of logits is enough.
# - Lin et al. (2017), *Focal loss for dense object detection*, arXiv:1708.02002. What it was made for.
# - Guo et al. (2017), *On calibration of modern neural networks*, arXiv:1706.04599. Reliability and temperature.
# - Daneshjou et al. (2022), *Disparities in dermatology AI*, doi:10.1126/sciadv.abq6147. Subgroups that did matter.
# - Hendrycks, Gimpel (2017), *A baseline for detecting misclassified and out-of-distribution examples*,
#   arXiv:1610.02136. Confidence as an alarm, and its limits.
# - Van Calster et al. (2019), *Calibration: the Achilles heel of predictive analytics*, doi:10.1186/s12916-019-1466-7.
