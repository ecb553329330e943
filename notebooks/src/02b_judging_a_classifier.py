# %% [markdown]
# # Judging a classifier: what did rebalancing buy?
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/02b_judging_a_classifier.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F02b_judging_a_classifier.ipynb) · 75 minutes · CPU is enough (1.3 GB)
#
# **What you will do** – train the same head in five ways, four of them said to cure imbalance, and tune factors as a
# sixth. Then ask one of them how sure it is, at which threshold you would use it, and for whom it fails.
#
# **What you will learn** – what rebalancing moves and what it leaves; what a calibrated probability is and how to
# undo class weights; how to choose an operating point without peeking; how to read a small group.
#
# **What you need** – unit 02 (frozen backbone, cached features, recall, class weights, `scoring.compare`).
#
# > **Claim.** Rebalancing trades the recall of the common class for that of the rare ones; it does not *rank* melanomas
# > better above the rest.
# > **Control.** Tuning factors needs no training at all. A loss that does not beat it has shown no gain of its own.

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
photographs = "demo"        # "demo" draws lesions; or a folder that holds HAM10000
images = 1200        # photographs to draw, 200 to 10000; a folder's own number counts otherwise
seed = 0             # any whole number, 0 to 2000000000
backbone = "demo"    # "demo" or "imagenet"
split_by = "lesion"  # "lesion", or "image" to see what a leaking split flatters

# %% [markdown]
# ## 1. Three parts
#
# A factor, a temperature, a threshold: all of these are *fitted*, and what is fitted on the images that give the
# score makes the score too good. So three parts are needed: one to **train**, one to **tune**, one to **judge**. No
# lesion is in two of them, unless you set `split_by` to `"image"`, as the paper did.

# %%
import numpy as np
import pandas as pd

from dermxai_helpers import course, data, plots, scoring, training
from dermxai_helpers.plots import classifier as figures

course.check_parameters("02b", globals())
folder = data.prepare(photographs, images=images, seed=seed)
CLASSES, table = data.CLASSES, data.load(folder)
not_judged = "" if data.truth(folder) is None else "drawn lesions"

# %%
parts = data.split(table, by=split_by, seed=seed)
rest, judged = table[parts == "train"], table[parts == "val"]
inner = data.split(rest, by=split_by, val=0.25, seed=seed)  # "val" of this one is the part to tune on
taught, tuning = rest[inner == "train"], rest[inner == "val"]
three = {"train": taught, "tune": tuning, "judge": judged}
pd.concat({name: part.groupby("dx")["lesion_id"].agg(photographs="size", lesions="nunique") for name, part in three.items()}, axis=1)

# %%
source = training.backbone(backbone)
features = {name: training.cached_features(source, part["image_path"]) for name, part in three.items()}
index = {name: part["dx"].map(CLASSES.index).to_numpy() for name, part in three.items()}  # of the class: 0, 1 or 2
truth, owners = judged["dx"].to_numpy(), judged["lesion_id"].to_numpy()

# %% [markdown]
# ## 2. Five ways to train, one way to decide
#
# The mean loss over the images is dominated by nevi. `none` is this plain loss. `class weights` are known from unit 02:
# $w_c = n / (3 \, n_c)$, with $n_c$ of $n$ training images. **Oversampling** keeps the plain loss and draws each image with a chance in proportion to the weight of its class.

# %%
import torch

from dermxai_helpers.training import rebalancing

torch.manual_seed(seed)
known = torch.tensor(index["train"])
picked = torch.multinomial(rebalancing.class_weights(known)[known], len(known), replacement=True)
print("images of", CLASSES, "in the part", known.bincount().tolist(), "and in one epoch", known[picked].bincount().tolist())

# %% [markdown]
# **Focal loss** weighs the classes by $\alpha_c$ and counts an image less, the surer it is right already. With $p$
# the probability of its true class $y$,
#
# $$ L = -\alpha_y \, (1 - p)^\gamma \log p, \qquad \gamma = 2, \quad \alpha_c = w_c $$

# %% tags=["nbval-check-output"]
logits, labels = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.5, 1.0]]), torch.tensor([0, 2])
alpha, gamma = torch.tensor([2.7, 0.4, 2.7]), 2
p = logits.softmax(dim=1)[[0, 1], labels]
by_hand = (-alpha[labels] * (1 - p) ** gamma * p.log()).mean()
print(f"{by_hand:.3f}", "equal to the helper:", torch.isclose(by_hand, rebalancing.focal(logits, labels, alpha)).item())

# %% [markdown]
# **Logit adjustment** adds the logarithm of each class's share $\pi_c$ of the training part to the logits $z_c$, in
# the loss only:
#
# $$ L = -\log \frac{\pi_y e^{z_y}}{\sum_c \pi_c e^{z_c}} $$
#
# The network then need not learn what is common; its own logits answer as if all classes were equally common.

# %%
shares = known.bincount() / len(known)
by_hand = -((shares * logits.exp())[[0, 1], labels] / (shares * logits.exp()).sum(dim=1)).log().mean()
loss = rebalancing.loss_for("logit adjustment", known)
print(f"{by_hand:.3f}", "equal to the helper:", torch.isclose(by_hand, loss(logits, labels)).item())

# %% [markdown]
# Now train. The same images, features and seed. Losses of different kinds cannot be compared, so none of them may
# choose an epoch: all five train twenty epochs, and the last one is kept.

# %%
settings = {"epochs": 20, "learning_rate": 5e-4, "seed": seed, "progress": False, "keep": "last"}
trained = {way: training.train(rest, inner, source, way, **settings) for way in rebalancing.STRATEGIES}
given = {way: one.predict_features(features["judge"]) for way, one in trained.items()}
on_tuning = {way: one.predict_features(features["tune"]) for way, one in trained.items()}

# %% [markdown]
# The sixth way takes the network `none` and multiplies its finished probabilities $p(c)$ by a factor $g_c$ for each
# class, before the largest is taken. The factors are those with the best balanced accuracy on the tuning part. Beside
# them stands what would make all classes equally common, one divided by the class's share.
#
# $$ \hat y = \arg\max_c \; g_c \, p(c) $$

# %%
factors = rebalancing.tuned_factors(on_tuning["none"], index["tune"])
given["tuned factors"] = given["none"] * factors / (given["none"] @ factors)[:, None]
print("factors, nevus = 1:", (factors / factors[1]).round(2), "· 1 / share:", (shares[1] / shares).numpy().round(2))

# %% [markdown]
# ## 3. What did it buy?
#
# **Guess first:** which ways find more melanomas than `none`? And which *rank* them better? For the second question
# we take the **area under the ROC curve** (section 5 draws it): how often an image of a melanoma gets a higher score
# than another image, .5 by chance. The score is the probability of melanoma.

# %%
from sklearn.metrics import roc_auc_score

from dermxai_helpers.scoring.calibration import area_under_roc

ill = truth == "mel"
said = {way: np.array(CLASSES)[p.argmax(axis=1)] for way, p in given.items()}


def area(ill, scores):
    return area_under_roc(scores, ill)


print("equal to scikit-learn:", np.isclose(area(ill, given["none"][:, 0]), roc_auc_score(ill, given["none"][:, 0])))

# %%
columns = ["recall_mel", "recall_nv", "recall_bkl", "balanced_accuracy"]
scored = {way: scoring.scores_with_intervals(truth, words, owners, CLASSES) for way, words in said.items()}
panels = {name.replace("_", " "): pd.DataFrame({way: one.loc[name] for way, one in scored.items()}).T for name in columns}
panels["ROC area of mel"] = pd.DataFrame(
    {way: [area(ill, p[:, 0]), *scoring.interval(area, owners, ill, p[:, 0], repeats=200)] for way, p in given.items()},
    index=["value", "low", "high"]).T  # fmt: skip
constant = scoring.scores_with_intervals(truth, np.full(len(truth), "nv"), owners, CLASSES)["value"]
references = {name.replace("_", " "): constant[name] for name in columns} | {"ROC area of mel": 0.5}
judged_on = f"{len(truth)} photographs of {judged['lesion_id'].nunique()} lesions"
course.figure("strategies", plots.intervals(panels, references, f"always nevus · {judged_on}", "Ways to treat imbalance"))

# %% [markdown]
# Do not compare the bars with each other: two ways answer the same photographs, so what counts is the **paired
# difference**.

# %%
from dermxai_helpers import checks

# %% [markdown]
# ### Exercise 2b.1 – an interval for a difference
# Difficulty ●●○ · importance ●●● · 7 minutes
#
# What `scoring.compare` does, by hand. Each row of `drawn` is one repeat: the numbers of lesions, drawn with replacement.
# Take the photographs of its lesions; a lesion drawn twice brings all its photographs twice. Note the mean of
# a − b over these photographs. **Expected:** the 2.5th and the 97.5th percentile of these means, by `np.percentile`; 0 and 0
# if both ways are right on the same photographs, however few they are.
#
# <details><summary>Hint 1</summary>First write the rows of one repeat: for each drawn lesion the rows that belong to it, one
# lesion after the other.</details>
# <details><summary>Hint 2</summary><code>np.concatenate</code> and <code>np.flatnonzero</code>.</details>

# %% tags=["exercise"]
def paired_interval(a, b, lesion, drawn):
    """Right (1) or wrong (0), float (n,), for two ways; lesion numbers, int (n,); drawn, int (repeats, lesions) -> (2,)."""
    ### BEGIN SOLUTION
    means = []
    for numbers in drawn:
        rows = np.concatenate([np.flatnonzero(lesion == one) for one in numbers])
        means.append((a[rows] - b[rows]).mean())
    return np.percentile(means, [2.5, 97.5])
    ### END SOLUTION

# %% tags=["check"]
checks.paired_interval(paired_interval)

# %% [markdown] tags=["solution"]
# Both ways are judged on the same drawn photographs, so a repeat with many hard lesions lowers both and leaves the
# difference alone. Two separate intervals do not know that.

# %% [markdown]
# Each way against `none`:

# %%
def against_none(way):
    pair = said[way], said["none"], owners
    areas = given[way][:, 0], given["none"][:, 0], owners
    return {name: scoring.compare(*pair, name, truth) for name in columns} | {"area": scoring.compare(*areas, area, ill, 500)}


found = pd.DataFrame({way: against_none(way) for way in given if way != "none"}).T
found.map(lambda change: f"{change.difference:+.2f} ({change.low:+.2f} to {change.high:+.2f})")

# %%
def in_words(changes):  # {way: comparison}
    kinds = pd.Series({way: change.outcome for way, change in changes.items()})
    return "; ".join(f"{kind}: {', '.join(ways)}" for kind, ways in kinds.groupby(kinds).groups.items())


for quantity in found:
    print(f"{quantity.replace('_', ' ')}, against none – {in_words(found[quantity])}")

# %% [markdown]
# The paper sees imbalance as a likely cause of *this variability*: its recalls are uneven, and that of nevus, the
# commonest class, is the lowest. If imbalance makes them so, a network trained with the plain loss finds nevi *less*
# often than the two rare classes. As in unit 02, one column counts only what was found of the first kind, the other
# only what was found of the rest.

# %%
def share(first, found):  # of its own kind: a column is zero on the other
    return found[first].sum() / max(first.sum(), 1) + found[~first].sum() / max((~first).sum(), 1)


def by_kind(first, found, groups):
    return scoring.compare(found * first, found * ~first, groups, share, first)


common = by_kind(truth == "nv", said["none"] == truth, owners)
shown = common.sentence("Nevus", "the two rare classes", "recall with the plain loss")
course.claim("paper", "4.1", "This variability may stem from inherent class imbalance in the dataset (nevus comprises most images)",
             common, shown, supports="lower", not_judged=not_judged)

# %% [markdown]
# Now the paper's hopes. It names focal loss and oversampling for melanoma:

# %%
shown = found.loc["focal loss", "recall_mel"].sentence("Focal loss", "the plain loss", "recall of mel")
course.claim("paper", "5", "loss adjustments (e.g., focal loss, oversampling) to address the low melanoma recall.",
             found.loc["focal loss", "recall_mel"], shown, not_judged=not_judged)

# %%
shown = found.loc["oversampling", "recall_mel"].sentence("Oversampling", "the plain loss", "recall of mel")
course.claim("paper", "5", "Class re-balancing and loss adjustments (e.g., focal loss, oversampling)",
             found.loc["oversampling", "recall_mel"], shown, not_judged=not_judged)

# %% [markdown]
# And it hopes that class balancing and specialised losses *balance* the recalls. We take the **gap** between the
# classes, the largest recall minus the smallest: it should be lower. (Its third hope, augmentation, is
# not judged here.)

# %%
def gap(truth, names):
    return np.ptp([(names[truth == dx] == dx).mean() for dx in CLASSES])


closer = scoring.compare(said["class weights"], said["none"], owners, gap, truth)
shown = closer.sentence("Class weights", "the plain loss", "gap between the recalls")
course.claim("paper", "3.2", "class balancing can fill the remaining gap in performance between classes.", closer, shown,
             supports="lower", not_judged=not_judged)

# %%
closer = scoring.compare(said["focal loss"], said["none"], owners, gap, truth)
shown = closer.sentence("Focal loss", "the plain loss", "gap between the recalls")
course.claim("paper", "4.1", "specialized loss functions could help further balance recall across all categories.", closer, shown,
             supports="lower", not_judged=not_judged)

# %% [markdown]
# Last, the control: do the losses reach a higher balanced accuracy than factors that were tuned without training?

# %%
for way in given:
    row = scored[way].loc["balanced_accuracy"]
    course.record(f"balanced_{way.replace(' ', '_')}", row.value, row.low, row.high, 1 / 3, 0.771, judged_on)
beyond = {way: scoring.compare(said[way], said["tuned factors"], owners, "balanced_accuracy", truth) for way in rebalancing.STRATEGIES[1:]}
for way, change in beyond.items():
    print(change.sentence(way.capitalize(), "tuned factors", "balanced accuracy"))

# %% [markdown]
# **Turn the weight yourself.** The slider raises the class weights to a power: 0 counts every image alike, 1 every
# class. Each time you let go, a new head is trained and tried on the tuning part.

# %% tags=["nbval-ignore-output"]
from dermxai_helpers import widgets

seen, unseen = (features["train"], index["train"]), (features["tune"], index["tune"])
widgets.panel(lambda exponent: widgets.recalls_at(seen, unseen, exponent),
              exponent=widgets.slider("exponent", 1, 0, 2, 0.25))

# %%
for exponent in (0.0, 1.0, 2.0):
    print(widgets.recalls_at(seen, unseen, exponent)[1].split(";")[-1].strip())

# %% [markdown]
# ## 4. How sure is it, and how sure may it be?
#
# A network's **confidence** in an image is the largest of its probabilities. Collect the images of a confidence near
# 80 %. If four in five of its answers are right, it is **calibrated** there. The **expected calibration error** is the
# mean gap between confidence and accuracy over ten bins $B$ of confidence, weighted by their number of images $|B|$ of
# all $n$:
#
# $$ \text{ECE} = \sum_B \frac{|B|}{n} \,\bigl|\, \text{accuracy}(B) - \text{confidence}(B) \,\bigr| $$

# %% [markdown]
# ### Exercise 2b.2 – calibrated on average
# Difficulty ●●○ · importance ●●● · 5 minutes
#
# A network is 95 % sure of one half of the images and right on 85 % of them. Of the other half it is 55 % sure, and right on
# 65 %. The function below finds no error. Mend it. **Expected:** 0.10 for this network. A bin holds its upper edge.
#
# <details><summary>Hint 1</summary>Compute the two terms of the sum for this network by hand.</details>
# <details><summary>Hint 2</summary>Compare the code with the equation, sign by sign.</details>

# %% tags=["exercise"]
def calibration_error(probabilities, labels):
    """Probabilities, float (n, classes), and true classes, int (n,) -> expected calibration error over ten bins."""
    ### BEGIN SOLUTION
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    error = 0
    for upper in range(1, 11):
        inside = np.ceil(10 * confidence) == upper
        if inside.any():
            error += inside.mean() * abs(right[inside].mean() - confidence[inside].mean())
    return error
    ### END SOLUTION
    ### BEGIN STUB
    # confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    # error = 0
    # for upper in range(1, 11):
    #     inside = np.ceil(10 * confidence) == upper
    #     if inside.any():
    #         error += inside.mean() * (right[inside].mean() - confidence[inside].mean())
    # return abs(error)
    ### END STUB

# %% tags=["check"]
checks.calibration_error(calibration_error)

# %% [markdown] tags=["solution"]
# The distance belongs inside the sum. Outside, too sure in one bin and not sure enough in another cancel, and what is
# left is mean accuracy minus mean confidence.

# %% [markdown]
# `scoring.compare` takes one number for each image: its confidence, with a minus where the answer is wrong.

# %%
from dermxai_helpers.scoring import calibration

weighted = given["class weights"]


def signed(probabilities):
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == index["judge"]
    return np.where(right, confidence, -confidence)


def ece(_, signed):  # in each bin: right answers minus confidences
    bins = np.ceil(np.abs(signed) * 10).astype(int)
    return np.abs(np.bincount(bins, (signed > 0) - np.abs(signed))).sum() / len(signed)


helper = calibration.expected_calibration_error(weighted, index["judge"])
print(f"{ece(None, signed(weighted)):.3f}", "equal to the helper:", np.isclose(ece(None, signed(weighted)), helper))

# %% [markdown]
# **Temperature scaling** divides all logits by one number: $p_T = \text{softmax}(z / T)$. That makes a network surer
# or less sure, and changes no answer. We take the $T$ under which the true classes of the tuning part are most probable.
#
# **Guess first:** a network was trained with class weights. Can one temperature undo what they did to its
# probabilities?

# %%
heat = calibration.temperature(on_tuning["class weights"], index["tune"])
cooled = calibration.tempered(weighted, heat)
print(f"T = {heat:.2f}; answers changed: {(cooled.argmax(axis=1) != weighted.argmax(axis=1)).sum()}")
warm = scoring.compare(signed(cooled), signed(weighted), owners, ece)
print(warm.sentence("Temperature", "no correction", "calibration error"))

# %% [markdown]
# The weights told the network that all classes are equally common, $\pi^w_c = 1/3$. That shift is different for each
# class, and one temperature is the same for all. What undoes it is the **prior correction**: give each class its true
# share back.
#
# $$ p'(c) = \frac{p(c) \, \pi_c / \pi^w_c}{\sum_k p(k) \, \pi_k / \pi^w_k} $$

# %%
corrected = weighted * shares.numpy() / (1 / 3)
corrected /= corrected.sum(axis=1, keepdims=True)
before, after = weighted.argmax(axis=1), corrected.argmax(axis=1)
print(f"answers changed: {(before != after).sum()} of {len(after)}; of {ill.sum()} images of melanomas, "
      f"{(before[ill] == 0).sum()} were found and {(after[ill] == 0).sum()} are found now")
prior = scoring.compare(signed(corrected), signed(weighted), owners, ece)
print(prior.sentence("Prior correction", "no correction", "calibration error"))

# %% [markdown]
# ### Exercise 2b.3 – the same network in another clinic
# Difficulty ●●○ · importance ●●○ · 4 minutes
#
# A network was trained where the classes have some shares, and will be used where they have others. Melanomas look the
# same in both places. Correct its probabilities. **Expected:** nothing changes if the shares are equal; a class that the
# clinic never sees gets 0.
#
# <details><summary>Hint 1</summary>In the equation above, which shares were the network's own, and which were wanted?</details>
# <details><summary>Hint 2</summary>One factor for each class; then each image adds up to one again:
# <code>keepdims=True</code>.</details>

# %% tags=["exercise"]
def in_clinic(probabilities, trained, clinic):
    """Probabilities, float (n, classes); shares of the classes in training, in the clinic, (classes,) -> array (n, classes)."""
    ### BEGIN SOLUTION
    corrected = probabilities * clinic / trained
    return corrected / corrected.sum(axis=1, keepdims=True)
    ### END SOLUTION

# %% tags=["check"]
checks.prior_correction(in_clinic)

# %% [markdown] tags=["solution"]
# A network that answers 0.5 where melanomas are one in three answers far less where they are one in fifty, and must. Without
# the division the shares of the training would count twice.

# %%
shown = {"class weights": weighted, "with temperature": cooled, "prior corrected": corrected}
errors = {name: calibration.expected_calibration_error(p, index["judge"]) for name, p in shown.items()}
course.figure("reliability", figures.reliability(
    {name: calibration.reliability(p, index["judge"]) for name, p in shown.items()}, errors))  # fmt: skip
for name, error in errors.items():
    course.record(f"calibration_error_{name.replace(' ', '_')}", error, note=f"{judged_on}; see the paired differences")

# %% [markdown]
# In bins of few images the error is noisy. The **log-loss**, $-\log p_y$ of the true class, judges each image:

# %%
rows = np.arange(len(truth)), index["judge"]
losses = {name: scoring.compare(-np.log(p[rows]), -np.log(weighted[rows]), owners)
          for name, p in (("Temperature", cooled), ("Prior correction", corrected))}  # fmt: skip
for name, change in losses.items():
    print(change.sentence(name, "no correction", "log-loss"))

# %% [markdown]
# Honest probabilities and many melanomas found are two wishes. The first needs the true shares, the second a threshold.
#
# ## 5. At which threshold would you use it?
#
# An image goes on to a doctor when its score reaches a threshold. **Sensitivity** is the share of melanomas that are
# sent on (their recall), **specificity** the share of the others that are spared; each threshold gives one pair, an
# **operating point**. If nine in ten of the others shall be spared, how many melanomas are found? Choose the threshold
# on the tuning part, then see whether it keeps its promise on the part that judges. **Guess first:** will it?

# %%
scores, tuning_ill = weighted[:, 0], index["tune"] == 0
point = calibration.operating_point(on_tuning["class weights"][:, 0], tuning_ill, specificity=0.9)
called = scores >= point["threshold"]
print(f"threshold {point['threshold']:.2f} promises sensitivity {point['sensitivity']:.2f}, specificity {point['specificity']:.2f}")

# %%
for name, kept, rows in (("sensitivity", called, ill), ("specificity", ~called, ~ill)):
    promise = scoring.compare(kept[rows], point[name], owners[rows])
    print(promise.sentence("What was kept", "what was promised", name))

# %% [markdown]
# Somebody who reports only the promise reports the luck of the tuning part. The **ROC curve** shows all operating
# points at once.

# %%
from sklearn.metrics import roc_curve

low, high = scoring.interval("mean", owners[ill], called[ill].astype(float))
note = f"{ill.sum()} photographs of {len(set(owners[ill]))} melanomas; baseline: scores without meaning"
course.record("sensitivity_at_90_specificity", called[ill].mean(), low, high, 0.1, note=note)
kept = {"specificity 90 % promised": {"sensitivity": called[ill].mean(), "specificity": (~called)[~ill].mean()}}
course.figure("operating_points", figures.operating_points(roc_curve(ill, scores), area(ill, scores), kept))

# %% [markdown]
# Move the threshold. Watch the two counts that cost something: melanomas sent home, and others sent on.

# %% tags=["nbval-ignore-output"]
widgets.panel(lambda threshold: widgets.decision_at(scores, ill, threshold),
              threshold=widgets.slider("threshold", 0.5, 0, 1, 0.01))

# %%
for threshold in (0.2, 0.5, 0.8):
    print(widgets.decision_at(scores, ill, threshold)[1])

# %% [markdown]
# ### Exercise 2b.4 – a threshold for a cost
# Difficulty ●●○ · importance ●●● · 6 minutes
#
# A missed melanoma has a cost, and so has a needless visit: another image that is sent on. Find the threshold with the lowest
# cost of all images together. An image is sent on if its score is at least the threshold. The scores need not be
# calibrated. **Expected:** one threshold; if several cost the same, any of them. Where needless visits are dear, it may be
# one that sends no image on.
#
# <details><summary>Hint 1</summary>Only the scores themselves, and one threshold above them all, lead to different
# decisions.</details>
# <details><summary>Hint 2</summary>Two masks: melanomas below the threshold, others at or above it.</details>

# %% tags=["exercise"]
def cheapest_threshold(scores, ill, missed, needless):
    """Scores, float (n,), 0 to 1; melanoma or not, bool (n,); costs of one missed and one needless -> a threshold."""
    ### BEGIN SOLUTION
    best, lowest = None, np.inf
    for threshold in [*scores, np.inf]:
        sent = scores >= threshold
        cost = missed * (ill & ~sent).sum() + needless * (~ill & sent).sum()
        if cost < lowest:
            best, lowest = threshold, cost
    return best
    ### END SOLUTION

# %% tags=["check"]
checks.cheapest_threshold(cheapest_threshold)

# %% [markdown] tags=["solution"]
# Were the scores calibrated, no search would be needed: send on from needless / (missed + needless) upwards. At that
# probability both errors cost the same on average.

# %% [markdown]
# ## 6. For whom does it fail?
#
# One number for all people hides who pays. Three questions: sex, body site, colour of the skin. In the drawn folder
# the six skin tones are known. In a folder of photographs we measure the colour of the skin around the lesion
# (individual typology angle, unit 01). **A warning:** lamp and camera can move that colour further than people
# differ. It describes a photograph, nobody's skin type.

# %%
from dermxai_helpers.data import acquisition

drawn = data.truth(folder)
if drawn is None:
    tone = acquisition.measured(judged)["skin_angle"].map(acquisition.angle_band)
else:
    tone = "tone " + judged["image_id"].map(drawn.set_index("image_id")["skin"])
questions = {"sex": judged["sex"], "site": judged["localization"], "skin": tone}

# %%
groups = {name: scoring.recall_by_group(judged, said["class weights"], group) for name, group in questions.items()}
everyone = pd.concat(groups)
print(f"{everyone['enough'].sum()} of {len(everyone)} groups have melanomas of ten lesions or more; of the others nothing is said")
everyone[["images", "lesions", "enough"]].rename(columns={"images": "all images", "lesions": "lesions that are melanomas"})

# %%
panels = {name: rates.dropna().rename(lambda group, rates=rates: f"{group} ({rates['lesions'][group]})") for name, rates in groups.items()}
overall = dict.fromkeys(panels, scored["class weights"].loc["recall_mel", "value"])
dashed = "all images · open and grey: too few to say · in brackets: lesions that are melanomas"
course.figure("subgroups", plots.intervals(panels, overall, dashed, "Recall of melanoma by group"))

# %% [markdown]
# **Guess first:** are melanomas of men found as often as those of women? Of light skin as often as of darker skin?

# %%
men = judged["sex"].map({"male": True, "female": False})  # where it is not known: neither
light = tone.isin(["tone I", "tone II", "light", "very light"]).where(~tone.isin(["not measured", acquisition.NO_SKIN]))
for first, name, other in ((men, "Men", "women"), (light, "Light skin", "darker skin")):
    rows = ill & first.notna().to_numpy()
    hit, own = (said["class weights"] == truth)[rows], first[rows].to_numpy(bool)
    both = own.any() and not own.all()
    print(by_kind(own, hit, owners[rows]).sentence(name, other, "recall of mel") if both else f"{name} and {other}: one is not here")

# %% [markdown]
# A difference is a question, not an answer: groups differ in age, in site, and in how easy their lesions are. And no
# difference found is no proof of equal treatment when the groups are small.
#
# ## 7. What we found

# %%
trade = [way for way, one in found.iterrows() if (one["recall_mel"].outcome, one["recall_nv"].outcome) == ("higher", "lower")]
print(f"1. More melanomas found for fewer nevi ({judged_on}): shown for {len(trade)} of {len(found)} ways: {', '.join(trade) or 'none'}.")
print(f"2. Recall of mel, against the plain loss – {in_words(found['recall_mel'])}; of nv – {in_words(found['recall_nv'])}.")
print(f"3. ROC area of melanoma, against the plain loss – {in_words(found['area'])}.")
print(f"4. Balanced accuracy, against tuned factors – {in_words(beyond)}.")
promised = losses["Prior correction"].sentence("Prior correction", "no correction", "log-loss")
print("5.", promised)

# %% [markdown]
# ## 8. What this does *not* show
#
# - **Not that rebalancing is useless.** Where the backbone learns too, what counts in the loss also shapes the
#   features.
# - **Not another draw.** One split and one training of each way: the intervals hold both fixed. And *cannot tell* is
#   not *equal*.
# - **Not a risk.** Another clinic has other shares, and its melanomas may look different.
# - **Not fairness.** Groups of few melanomas cannot show a difference.
# - **Not how it treats strangers.** Whatever is shown, the three probabilities add up to one.
# - **Nothing about skin, in the demo.** Give `photographs` a HAM10000 folder and `backbone` the value `"imagenet"`.
#
# ## Quiz

# %% tags=["quiz"]
told = {"cannot tell": "cannot be told from that without it", "lower": "is lower than without it", "higher": "is higher than without it"}
checks.Quiz({
    "The intervals of two ways overlap. Which of them is better?": {
        "nobody can tell": (False, "Separate intervals do not know that both answered the same photographs."),
        "neither: they are equal": (False, "Not to find a difference is not to find equality."),
        "see the interval of their difference": (True, "It is paired, and often much narrower."),
    },
    "Class weights find more melanomas; the ROC area stays. What happened?": {
        "another point on the same curve": (True, "The ranking is the same, more images are called melanoma."),
        "the network knows melanomas better": (False, "Then it would rank them better."),
        "the area is wrong": (False, "It does not ask where the threshold lies."),
    },
    "A network is right in 80 % of all images and says 80 % on average. Is it calibrated?": {
        "yes": (False, "It may be too sure in one bin and not sure enough in another."),
        "not known yet": (True, "Calibrated means: in every bin of confidence."),
        "no, 80 % is too low": (False, "A calibrated network may be wrong often, if it says so."),
    },
    "Why is the threshold not chosen on the part that judges?": {
        "it would be too strict": (False, "It may be strict or not; the score would flatter it."),
        "that part holds too few melanomas": (False, "With many the promise is nearer to the truth, but still flatters."),
        "chosen there, it suits these images": (True, "The promise would hold by choice, and break on others."),
    },
    "In this run, the log-loss after prior correction ...": {
        words: (outcome == losses["Prior correction"].outcome, promised) for outcome, words in told.items()
    },
})

# %% [markdown]
# ## Further reading
#
# - Menon et al. (2021), *Long-tail learning via logit adjustment*, arXiv:2007.07314. Why a shift of logits is enough.
# - Lin et al. (2017), *Focal loss for dense object detection*, arXiv:1708.02002.
# - Guo et al. (2017), *On calibration of modern neural networks*, arXiv:1706.04599.
# - Saerens, Latinne, Decaestecker (2002), *Adjusting the outputs of a classifier to new a priori probabilities*,
#   doi:10.1162/089976602753284446. The prior correction.
# - Daneshjou et al. (2022), *Disparities in dermatology AI*, doi:10.1126/sciadv.abq6147.
# - Van Calster et al. (2019), *Calibration: the Achilles heel of predictive analytics*,
#   doi:10.1186/s12916-019-1466-7.
