# %% [markdown]
# # Training a MobileNetV2: which number would you believe?
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/02_mobilenetv2_training.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F02_mobilenetv2_training.ipynb) · 75 minutes · CPU is enough (1.3 GB)
#
# **What you will do** – check the arithmetic of a published result, train the same classifier with a loop of seven
# lines, and hold it against rivals that should lose.
#
# **What you will learn** – why a frozen backbone runs only once, what class weights move, what a leak is worth, and
# how to put an honest interval around a score.
#
# **What you need** – unit 01 (the two splits), `torch` tensors, and the idea of gradient descent.
#
# > **Claim.** The paper's accuracy of 74.7 % cannot be told from that of "always nevus" (75.2 %), and its recalls are
# > nearer to those of a loss with class weights than to those of the plain loss that it names.
# > **Control.** The constant, a model that sees only age, sex and site, and thirty heads taught shuffled labels.

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
photographs = "demo"      # "demo" draws lesions; or a folder that holds HAM10000
images = 1200      # photographs to draw, 100 to 10000; a folder's own number counts otherwise
seed = 0           # any whole number, 0 to 2000000000
backbone = "demo"  # "demo" or "imagenet"

# %% [markdown]
# ## 1. Photographs, labels, two splits
#
# Three diagnoses are kept, as in the paper: melanoma (`mel`), nevus (`nv`,
# the ordinary mole) and benign keratosis (`bkl`).

# %%
from dermxai_helpers import course, data, scoring

course.check_parameters("02", globals())
folder = data.prepare(photographs, images=images, seed=seed)
CLASSES, table = data.CLASSES, data.load(folder)
table["dx"].value_counts()

# %% [markdown]
# The paper holds out a fifth of the *photographs*; the stricter way holds out *lesions* (unit 01). Sections 3 to 6 use the
# paper's split, section 7 asks what it was worth.

# %%
by_image = data.split(table, by="image", seed=seed)
by_lesion = data.split(table, by="lesion", seed=seed)
held_out = (by_image == "val").to_numpy(copy=True)
truth, lesions = table.loc[held_out, "dx"].to_numpy(), table.loc[held_out, "lesion_id"].to_numpy()

# %% [markdown]
# ## 2. Before any training: what must be beaten?
#
# **Guess first:** a program that never opens a photograph and always answers "nevus": how often is it right?

# %%
constant_accuracy = float((truth == "nv").mean())
course.record("constant_accuracy", constant_accuracy, paper=0.752, note=f"of {len(truth):,}; paper: from its own counts")

# %% [markdown]
# Now the published result: the photographs of each class, the size of the validation set, and the share found in each
# class, the **recall**.

# %%
paper_images = {"mel": 1113, "nv": 6705, "bkl": 1099}
paper_recall = {"mel": 0.812, "nv": 0.732, "bkl": 0.768}
paper_total = 1784

# %% [markdown]
# The split was stratified: class $c$, with $N_c$ photographs in all, keeps its share $N_c / \sum_k N_k$. That gives
# $n_c$, its validation photographs, and $a_c$, those of them answered correctly.
#
# $$ n_c = \text{round}\Big(1784 \cdot \frac{N_c}{\sum_k N_k}\Big) \qquad a_c = \text{round}(n_c \cdot \text{recall}_c) $$

# %% tags=["nbval-check-output"]
paper_n = {dx: round(paper_total * count / sum(paper_images.values())) for dx, count in paper_images.items()}
paper_right = {dx: round(paper_n[dx] * paper_recall[dx]) for dx in paper_n}
print(paper_n, paper_right)
print(f"accuracy {sum(paper_right.values()) / paper_total:.3f}, always nevus {paper_n['nv'] / paper_total:.3f}")

# %%
import pandas as pd

from dermxai_helpers import plots
from dermxai_helpers.plots import classifier as figures

rows = pd.DataFrame({"the paper's network": paper_right, "always nevus": {"mel": 0, "nv": paper_n["nv"], "bkl": 0}}).T
measure = f"validation images answered correctly, of {paper_total:,}"
course.figure("paper_arithmetic", plots.stacked(rows, measure, form=","))

# %% [markdown]
# These counts rebuild the paper's answers, one row a photograph. The constant is right on every nevus and on nothing
# else, so the two can be compared **row by row**: `scoring.compare` draws the rows again a thousand times and looks at
# the difference. If the middle 95 % lie on one side of zero, it says so; otherwise nobody can tell. (Which of the
# paper's photographs show one lesion is not known. The true intervals are probably wider.)
#
# An *acceptable* accuracy should at least be higher than the constant's.

# %%
import numpy as np

kind = np.repeat(list(paper_n), list(paper_n.values()))
right = np.concatenate([np.arange(paper_n[dx]) < paper_right[dx] for dx in paper_n])
overall = scoring.compare(right, kind == "nv", np.arange(paper_total))
shown = overall.sentence("The paper's network", "always nevus", "accuracy", rows="published answers")
course.claim("paper", "5", "the MobileNetV2 classifier showed acceptable overall accuracy", overall, shown)

# %% [markdown]
# Yet the network finds four melanomas in five and the constant none. **Accuracy is the wrong question** when three
# photographs in four belong to one class. The mean of the three recalls, **balanced accuracy**, counts each class
# alike.

# %%
from dermxai_helpers import checks

# %% [markdown]
# ### Exercise 2.1 – balanced accuracy by hand
# Difficulty ●○○ · importance ●●● · 4 minutes
#
# Write it for any labels and answers. A class that none of the labels names has no recall: leave it out of the mean, even
# if an answer names it. **Expected:** one third for "always nevus", and 0.771 for the paper's network.
#
# <details><summary>Hint 1</summary>The recall of a class looks only at the photographs that have its label.</details>
# <details><summary>Hint 2</summary><code>np.unique(truth)</code> gives the classes. The mean of a comparison is a
# share.</details>

# %% tags=["exercise"]
def balanced_accuracy(truth, answers):
    """Names of the true classes and of the answers, arrays of words (n,) -> the mean recall of the classes, 0 to 1."""
    ### BEGIN SOLUTION
    recalls = [(answers[truth == dx] == dx).mean() for dx in np.unique(truth)]
    return np.mean(recalls)
    ### END SOLUTION

# %% tags=["check"]
checks.balanced_accuracy(balanced_accuracy)

# %% [markdown] tags=["solution"]
# First a share within each class, then a mean over the classes. Accuracy is one share of all photographs, so the class
# with the most photographs decides.

# %% [markdown]
# The paper finds its network good *beside its captions*, four in five of which say nevus (section 4.4); the constant
# stands for them.

# %%
names = np.where(right, kind, "another class")
balanced = scoring.compare(names, "nv", np.arange(paper_total), "balanced_accuracy", kind)
shown = balanced.sentence("The paper's network", "always nevus", "balanced accuracy", rows="published answers")
course.claim("paper", "abstract", "the classifier itself performed comparatively well", balanced, shown)

# %% [markdown]
# And was the recall of melanoma poor, because melanomas are rare? Hold it against that of nevus. `compare` wants two
# columns of the same rows: one counts only melanomas found, the other only nevi, and `share` divides each by the
# number of its own kind.

# %%
def share(is_mel, found):  # a column is zero on the other kind
    return found[is_mel].sum() / is_mel.sum() + found[~is_mel].sum() / (~is_mel).sum()


is_mel, found = (kind == "mel")[kind != "bkl"], right[kind != "bkl"]
gap = scoring.compare(found * is_mel, found * ~is_mel, np.arange(len(found)), share, is_mel)
shown = gap.sentence("Melanoma", "nevus", "the paper's recall", rows="published answers")
course.claim("paper", "5", "its recall for melanoma was poor, identifying a glaring weakness working with imbalanced datasets.",
             gap, shown, supports="lower")

# %% [markdown]
# One thing does not fit. The paper names a loss without weights. But its weakest class is the *commonest* (section 6).
#
# ## 3. A backbone that does not learn
#
# MobileNetV2 is a stack of convolutions, the **backbone**, with one linear layer on top, the **head**. The paper
# freezes the backbone as it came from ImageNet and trains only a new head. Each photograph is resized to 224 × 224,
# and its colour channels are scaled to what the backbone knows.

# %%
import torch

from dermxai_helpers import training
from dermxai_helpers.inference import to_input

source = training.backbone(backbone)
image = data.open_image(table["image_path"][0])
batch = to_input([image], source.size, source.mean, source.std)
print(source.note, "· file", image.shape, "· network", tuple(batch.shape))

# %% [markdown]
# Out come 1,280 **feature maps**. Each says how strongly one pattern was found in each of 7 × 7 cells. The network
# then forgets where: it takes the mean over the cells.
#
# $$ f_k = \frac{1}{49} \sum_{i,j} A_{kij} \qquad A \in \mathbb{R}^{1280 \times 7 \times 7}, \; f \in \mathbb{R}^{1280} $$

# %%
with torch.no_grad():
    maps = source.features(batch)
by_hand = maps.mean(dim=(2, 3))

# %% [markdown]
# A frozen backbone gives the same features in every epoch. So it runs **once**, and training works on a table of
# 1,280 columns.

# %%
features = training.cached_features(source, table["image_path"])
print(features.shape, "row 0 equal to ours:", torch.allclose(torch.from_numpy(features[:1]), by_hand, atol=1e-4))

# %% [markdown]
# The price: no random crops, flips and turns as in the paper. Cached features cannot be turned.
#
# ## 4. The head, by hand
#
# The head is a linear layer: one number for each class, its **logit**.
#
# $$ z = W f + b \qquad W \in \mathbb{R}^{3 \times 1280}, \; b, z \in \mathbb{R}^{3} $$
#
# **Softmax** turns the logits into shares $p_c$ that add up to one, and the **cross-entropy** is the negative
# logarithm of the share $p_{i,y_i}$ that the true class $y_i$ of photograph $i$ received. A class may count more than
# another, by a weight $w_c$:
#
# $$ p_c = \frac{e^{z_c}}{\sum_k e^{z_k}} \qquad L = \frac{\sum_i - w_{y_i} \log p_{i, y_i}}{\sum_i w_{y_i}} \qquad \text{plain: all } w_c = 1 $$

# %% tags=["nbval-check-output"]
logits = torch.tensor([[1.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
labels, weights = torch.tensor([0, 1]), torch.tensor([2.0, 0.5, 2.0])
losses = -logits.softmax(dim=1)[[0, 1], labels].log()
loss = (weights[labels] * losses).sum() / weights[labels].sum()
print(f"{loss:.3f}", "equal to torch:", torch.allclose(loss, torch.nn.functional.cross_entropy(logits, labels, weights)))

# %% [markdown]
# **Dropout** blanks a fifth of the features at random in each step, so that no single one becomes indispensable. One
# **epoch** shows every training photograph once, in a random order, 32 at a time.

# %%
from dermxai_helpers.training.backbones import new_head  # dropout, then a linear layer

x, y = torch.from_numpy(features), torch.tensor([CLASSES.index(dx) for dx in table["dx"]])
x_train, y_train, x_val, y_val = x[~held_out], y[~held_out], x[held_out], y[held_out]


def epoch(head, optimiser):
    for chosen in torch.randperm(len(x_train)).split(32):
        loss = torch.nn.functional.cross_entropy(head(x_train[chosen]), y_train[chosen])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

# %% [markdown]
# The paper adds two guards without numbers; ours are a choice. **Plateau**: two epochs without a lower validation
# loss halve the step size. **Early stopping**: three end the training. The epoch with the lowest loss is kept.

# %%
def train_by_hand(rate, epochs):
    torch.manual_seed(seed)
    head, history = new_head(3), []
    optimiser = torch.optim.Adam(head.parameters(), lr=rate)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimiser, factor=0.5, patience=1)
    while len(history) < epochs and len(history) - np.argmin(history or [0]) <= 3:  # early stopping
        epoch(head.train(), optimiser)
        with torch.no_grad():
            history.append(torch.nn.functional.cross_entropy(head.eval()(x_val), y_val).item())
        plateau.step(history[-1])
    return history

# %% [markdown]
# The paper trains ten epochs with Adam (gradient descent that fits the step to each weight) and a step size of 0.0001.
# **Guess:** do the guards act there? At a hundred times that step? The helper `training.train` runs the same loop.

# %%
runs = {}
for rate, epochs in ((1e-4, 10), (1e-2, 30)):
    runs[rate] = training.train(table, by_image, source, "none", epochs, rate, seed).history
    ours, theirs = train_by_hand(rate, epochs), runs[rate]["validation_loss"]
    same = len(ours) == len(theirs) and np.allclose(ours, theirs, rtol=0.01)
    halved = int((runs[rate]["learning_rate"].diff() < 0).sum())
    print(f"step {rate}: {len(theirs)} of {epochs} epochs, halved {halved} times; equal to the helper: {same}")

# %%
course.figure("training_curves", figures.training_curves(runs[1e-4], constant_accuracy))

# %% [markdown]
# The dotted line marks the epoch that is kept. On the right: how steady, or not, a single recall is.

# %% [markdown]
# ### Exercise 2.2 – read a learning curve
# Difficulty ●●○ · importance ●●● · 6 minutes
#
# Which epoch is kept, which is the last one trained, and is it over-fitted? Epochs count from 1. Training ends with the
# third epoch in a row whose validation loss is not lower than the lowest before, or with the last epoch planned. It is
# *over-fitted* if from the epoch kept to the last one trained the training loss fell and the validation loss rose.
# **Expected:** for validation losses of 0.9, 0.7, 0.8, 0.7, 0.8, 0.6, epoch 2 is kept and epoch 5 is the last; the sixth
# is never trained.
#
# <details><summary>Hint 1</summary>Go through the epochs one by one and note where the lowest loss was.</details>
# <details><summary>Hint 2</summary>After how many epochs without a lower loss does the loop <code>break</code>? At the end
# compare two epochs, in both curves.</details>

# %% tags=["exercise"]
def read_curve(training, validation):
    """Losses of all epochs planned, float (epochs,) each -> {"kept": 2, "last": 5, "overfitted": True}, for example."""
    ### BEGIN SOLUTION
    kept = 0
    for last in range(len(validation)):
        if validation[last] < validation[kept]:
            kept = last
        if last - kept == 3:
            break
    overfitted = training[last] < training[kept] and validation[last] > validation[kept]
    return {"kept": kept + 1, "last": last + 1, "overfitted": overfitted}
    ### END SOLUTION

# %% tags=["check"]
checks.learning_curve(read_curve)

# %% [markdown] tags=["solution"]
# A gap between the two curves says little: dropout is off in validation, and photographs that were taught are easier.
# What counts is the direction in which each curve goes.

# %% [markdown]
# ## 5. Figure 1, and how sure it is
#
# The paper's first figure is a report and a **confusion matrix**: how often each true class (a row) got each answer (a
# column). **Precision** is the share of answers with a class's name that are right, **F1** the harmonic mean of
# precision and recall, **macro-F1** the mean of the three F1.

# %%
from sklearn.metrics import confusion_matrix


def answers(parts, rebalance="none"):
    trained = training.train(table, parts, source, rebalance, seed=seed)
    return np.array(CLASSES)[trained.predict_features(features[parts == "val"]).argmax(axis=1)]


predicted = answers(by_image)
report = scoring.classification_table(truth, predicted, CLASSES)
confusion = confusion_matrix(truth, predicted, labels=CLASSES)

# %%
paper = paper_recall | {"accuracy": 0.747, "balanced accuracy": 0.771}
constant = {"mel": 0.0, "nv": 1.0, "bkl": 0.0, "accuracy": constant_accuracy, "balanced accuracy": 1 / 3}
course.figure("figure_1", figures.report_and_confusion(report, confusion, paper, constant))

# %% [markdown]
# With other photographs the numbers would differ. The **bootstrap** imitates that: draw with replacement, score,
# repeat. Two photographs of one lesion are not two independent facts, so we draw whole **lesions**. The network stays
# as it is; how much another training would change is not in the interval.

# %%
per_lesion = pd.Series(predicted == truth).groupby(lesions).agg(["sum", "size"]).to_numpy()  # right, photographs
rng, n = np.random.default_rng(0), len(per_lesion)
drawn = [per_lesion[rng.integers(n, size=n)].sum(axis=0) for _ in range(1000)]
ends = np.percentile([right / photographs for right, photographs in drawn], [2.5, 97.5])
print(f"accuracy, 95 % interval {ends.round(3)}, {len(truth)} photographs of {n} lesions; equal to the helper:",
      np.allclose(ends, scoring.interval("accuracy", lesions, truth, predicted)))  # fmt: skip

# %%
def record(parts, predicted, ending):
    judged = table[parts == "val"]
    scores = scoring.scores_with_intervals(judged["dx"], predicted, judged["lesion_id"], CLASSES)
    for name, row in scores.iterrows():
        own = judged[judged["dx"] == name[7:]] if name.startswith("recall_") else judged
        note = f"{len(own)} photographs of {own['lesion_id'].nunique()} lesions"
        print(course.record(f"{name}_{ending}", row.value, row.low, row.high, None, in_paper.get(name), note))


in_paper = {"accuracy": 0.747, "balanced_accuracy": 0.771} | {f"recall_{dx}": paper_recall[dx] for dx in CLASSES}
record(by_image, predicted, "image_split")

# %% [markdown]
# ## 6. What class weights move
#
# The usual weights make every *class* count the same in sum: $w_c = n / (3 \, n_c)$ with $n_c$ of $n$ training
# photographs.

# %% [markdown]
# ### Exercise 2.3 – the wrong recall falls
# Difficulty ●●○ · importance ●●● · 5 minutes
#
# The function below knows the formula and runs without an error. But with its weights, a network whose outputs are melanoma,
# nevus, keratosis hardly finds any keratosis. Find out why, and mend it. **Expected:** the rarest class has the
# largest weight, and the mean of the weights over all photographs is 1.
#
# <details><summary>Hint 1</summary>Print what <code>np.unique</code> returns. In which order are its counts?</details>
# <details><summary>Hint 2</summary>Count each class by its name, in the order of <code>classes</code>.</details>

# %% tags=["exercise"]
def class_weights(names, classes):
    """Labels of the training part, an array of words (n,), and three classes in the network's order -> weights (3,)."""
    ### BEGIN SOLUTION
    counts = np.array([(names == one).sum() for one in classes])
    return len(names) / (len(classes) * counts)
    ### END SOLUTION
    ### BEGIN STUB
    # _, counts = np.unique(names, return_counts=True)
    # return len(names) / (len(classes) * counts)
    ### END STUB

# %% tags=["check"]
checks.class_weights(class_weights)

# %% [markdown] tags=["solution"]
# `np.unique` sorts by the alphabet, so the smallest weight, that of the nevi, went to another class. A network knows no
# names, only places.

# %% [markdown]
# **Guess first:** which recalls will rise, and which will fall?

# %%
weighted = answers(by_image, "class weights")
moved = {dx: scoring.compare(weighted, predicted, lesions, f"recall_{dx}", truth, seed=seed) for dx in CLASSES}
for dx in CLASSES:
    print(moved[dx].sentence("Class weights", "the plain loss", f"recall of {dx}"))

# %%
recalls = pd.DataFrame({"without weights": [change.reference for change in moved.values()],
                        "with weights": [change.value for change in moved.values()],
                        "paper": [paper_recall[dx] for dx in CLASSES]}, index=CLASSES)  # fmt: skip
course.figure("recalls", plots.moved(recalls, "recall: share of the class's images that are found"))

# %% [markdown]
# Which of the two runs do the published recalls look like? Take the mean distance of three recalls from the paper's.

# %%
def distance(truth, predicted):
    return np.mean([abs((predicted[truth == dx] == dx).mean() - paper_recall[dx]) for dx in CLASSES])


nearer = scoring.compare(weighted, predicted, lesions, distance, truth, repeats=300, seed=seed)
where = "on photographs" if data.truth(folder) is None else "on drawn lesions"
print(nearer.sentence(f"Class weights ({where})", "the plain loss", "distance from the published recalls"))

# %% [markdown]
# It does not tell what the author did: other ways to rebalance move recalls like this (unit 02b). And which of the
# two networks is *better* depends on what a missed melanoma and a needless appointment cost.
#
# ## 7. What is a leak worth?
#
# Can a linear layer *remember* lesions? Give each lesion a label at random, teach 960 photographs, and ask for held-out
# photographs of the *same* lesions: only memory helps. One set of random labels is one draw, so take thirty.
# scikit-learn fits the same model with a solver that keeps the weights small, and the less so, the larger $C$:
#
# $$ \min_{W, b} \; \tfrac12 \sum_{ck} W_{ck}^2 - C \sum_i \log p_{i, y_i} $$

# %%
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

scaled, labels = StandardScaler().fit_transform(features), table["dx"].to_numpy()


def solved(rows, taught, **options):
    with threadpool_limits(1):  # two threads would only wait for each other on so small a problem
        return LogisticRegression(C=0.001, max_iter=5000, tol=0.01, **options).fit(scaled[rows], taught[rows])

# %%
rng, lesion = np.random.default_rng(seed), pd.factorize(table["lesion_id"])[0]
taught = rng.permutation(np.flatnonzero(~held_out))[:960]
sisters = np.flatnonzero(held_out & np.isin(lesion, lesion[taught]))


def recognised():
    nonsense = rng.integers(3, size=lesion.max() + 1)[lesion]
    return solved(taught, nonsense).predict(scaled[sisters]) == nonsense[sisters]


remembered = scoring.compare(np.mean([recognised() for _ in range(30)], axis=0), 1 / 3, lesion[sisters])
print(remembered.sentence("Another photograph of a taught lesion", "chance", "share of its random labels recognised"))

# %% [markdown]
# Where lesions are remembered, a leak can pay. **Guess first:** how much balanced accuracy, and which recalls does it
# lift? One pair of splits is one draw, so take fifty.

# %%
from dataclasses import replace

from sklearn.model_selection import GroupShuffleSplit


def fifty_scores(units):  # what is held out whole: photographs or lesions
    splits = GroupShuffleSplit(50, test_size=0.2, random_state=seed).split(scaled, labels, units)
    answered = [(labels[val], solved(train, labels).predict(scaled[val])) for train, val in splits]
    return pd.DataFrame([scoring.scores(truth, said, CLASSES) for truth, said in answered])


leaking, strict = fifty_scores(np.arange(len(labels))), fifty_scores(lesion)

# %%
fewest = int(0.2 * table.groupby("dx")["lesion_id"].nunique().min())  # lesions of the rarest class in a held-out part
price = {name: replace(scoring.compare(leaking[name], strict[name], range(50)), fewest=fewest) for name in leaking}
leak = price["balanced_accuracy"]
price_of_leak = leak.sentence("Split by image", "split by lesion", "balanced accuracy", rows="pairs of splits")
print(price_of_leak)
course.record("leak_price", leak.difference, leak.low, leak.high, 0.0, note="balanced accuracy, 50 pairs of splits")

# %%
for dx in CLASSES:
    print(price[f"recall_{dx}"].sentence("Split by image", "split by lesion", f"recall of {dx}", rows="pairs of splits"))

# %% [markdown]
# The intervals speak of these photographs, split again and again, not of others. Last, the loop of section 4 on the
# stricter split: one draw.

# %%
plain = answers(by_lesion)
record(by_lesion, plain, "lesion_split")

# %% [markdown]
# ## 8. Rivals that should lose
#
# A logistic regression on age, sex and body site never opens a photograph. Both it and the network are trained with class
# weights. If the network does not lead, it shows no use of its photographs.

# %%
apart, labels_apart = (by_lesion == "val").to_numpy(), labels[by_lesion == "val"]
ids = table["lesion_id"][apart].to_numpy()
blind = training.baseline_predictions(table, by_lesion, seed=seed)["metadata"]
fair = answers(by_lesion, "class weights")
sight = scoring.compare(fair, blind, ids, "balanced_accuracy", labels_apart, seed=seed)
print(sight.sentence("The network", "age, sex and site alone", "balanced accuracy"))

# %% [markdown]
# The last rival sees photographs, but its labels were shuffled among the lesions. Thirty shuffles make a
# **permutation test**: $p = (1 + \text{shuffles that reach the real score}) / (1 + 30)$, never below 1/31.

# %% [markdown]
# ### Exercise 2.4 – a permutation test by lesion
# Difficulty ●●● · importance ●●● · 7 minutes
#
# Write the whole test. `score` teaches a head the labels that it is given, one for each photograph, and returns its balanced
# accuracy. Ask it once for the real labels and thirty times for shuffled ones. After a shuffle the photographs of a lesion
# still share one label, and every class still has as many lesions. A shuffle that equals the real score has reached it.
# **Expected:** 1/31 if no shuffle reaches the real score, and 1 for a head that always says nevus (why?).
#
# <details><summary>Hint 1</summary>Make a list of lesions with one label each, shuffle the labels, then look up the label of
# each photograph's lesion.</details>
# <details><summary>Hint 2</summary><code>pd.Series(labels).groupby(lesions).first()</code>, <code>rng.permutation</code>,
# and <code>map</code>.</details>

# %% tags=["exercise"]
def permutation_p(score, labels, lesions, rng):
    """score: labels (n,) -> number; real labels, words (n,); each one's lesion, int (n,); np.random.Generator -> p."""
    ### BEGIN SOLUTION
    real, reached = score(labels), 0
    own = pd.Series(labels).groupby(lesions).first()
    for _ in range(30):
        shuffled = pd.Series(rng.permutation(own), index=own.index)
        reached += score(shuffled[lesions].to_numpy()) >= real
    return (1 + reached) / (1 + 30)
    ### END SOLUTION

# %% tags=["check"]
checks.permutation_test(permutation_p)

# %% [markdown] tags=["solution"]
# The head that always says nevus scores one third on any labels: every shuffle reaches it. And photographs of one lesion
# are not independent, so they are shuffled together, as they are drawn together in the bootstrap.

# %%
kinds = table.groupby("lesion_id")["dx"].first()


def shuffled_labels():
    return table["lesion_id"].map(dict(zip(kinds.index, rng.permutation(kinds), strict=True))).to_numpy()


def weighted_scores(taught):
    guesses = solved(~apart, taught, class_weight="balanced").predict(scaled[apart])
    return scoring.scores(labels_apart, guesses, CLASSES)

# %%
draws = pd.DataFrame([weighted_scores(shuffled_labels()) for _ in range(30)])
shuffled = scoring.among(weighted_scores(labels)["balanced_accuracy"], draws["balanced_accuracy"])
print(shuffled.sentence("The head with true labels", "heads with shuffled labels", "balanced accuracy"))

# %% [markdown]
# All rivals in one picture. The bar of the shuffled labels holds 95 % of the draws; the others are intervals by lesion.

# %%
said = {"always nevus": np.full(len(ids), "nv"), "metadata": blind, "plain loss": plain, "class weights": fair}
scores = {name: scoring.scores_with_intervals(labels_apart, words, ids, CLASSES) for name, words in said.items()}
scores["shuffled labels"] = draws.quantile([0.5, 0.025, 0.975]).set_axis(["value", "low", "high"]).T  # of 30 draws
panels = {key.replace("_", " "): pd.DataFrame({name: one.loc[key] for name, one in scores.items()}).T
          for key in ("accuracy", "balanced_accuracy")}  # fmt: skip
references = {name: rows.loc["always nevus", "value"] for name, rows in panels.items()}
dashed = f"always nevus · {len(ids)} photographs of {len(set(ids))} lesions"
course.figure("controls", plots.intervals(panels, references, dashed, "Scores by lesion", values=True))

# %% [markdown]
# ## 9. What we found

# %%
print("1.", overall.sentence("The paper's network", "always nevus", "accuracy", rows="published answers"))
print("2.", nearer.sentence(f"Class weights ({where})", "the plain loss", "distance from the published recalls"))
print("3.", price_of_leak)
print("4.", shuffled.sentence("The head with true labels", "heads with shuffled labels", "balanced accuracy"))

# %% [markdown]
# ## 10. What this does *not* show
#
# - **Not what the paper's network does.** Its augmentation is missing here, its split and seed are not known, and its
#   answers were rebuilt from rounded recalls.
# - **Not the performance on new patients.** The validation photographs chose the best epoch *and* gave the score. A
#   test set, used once, is missing, as in the paper.
# - **Not a risk.** Class weights push the softmax towards the rare classes (unit 02b undoes it).
# - **Nothing about skin, in the demo.** Its lesions are drawn. Give `photographs` a HAM10000 folder and `backbone` the
#   value `"imagenet"`.
# - **Not for clinical use.** Four diagnoses of HAM10000 were removed, two of them malignant or nearly so.
#
# ## Quiz

# %% tags=["quiz"]
told = {"lower": "lower than by lesion", "higher": "higher than by lesion", "cannot tell": "not to be told from it"}
checks.Quiz({
    "75 % of the photographs are nevi, and a network is right on 75 %. How good is it?": {
        "good: three in four are right": (False, "\"Always nevus\" is right as often."),
        "as bad as the constant": (False, "Its errors may be others: many melanomas found, nevi missed."),
        "accuracy does not tell": (True, "Ask for the recall of each class."),
    },
    "What do class weights give a network?": {
        "other errors than before": (True, "More of the rare classes is found, less of the common one."),
        "more knowledge of melanomas": (False, "The photographs are the same."),
        "a higher accuracy": (False, "Accuracy mostly falls, because nevi are missed."),
    },
    "Many lesions have several photographs. An interval that draws photographs is, in general ...": {
        "too wide": (False, "It counts more independent facts than there are."),
        "too narrow": (True, "Photographs of one lesion are often right or wrong together."),
        "right, if there are many photographs": (False, "Many does not mean independent."),
    },
    "The validation part chooses the epoch and gives the score. The score is ...": {
        "a little too good": (True, "The epoch was chosen because it suits this part."),
        "fair: no weight was trained on it": (False, "It chose the epoch, and a choice is a fit, too."),
        "a little too low": (False, "Choosing the best raises a score."),
    },
    "In this run, the balanced accuracy of splits by image is ...": {
        words: (outcome == leak.outcome, price_of_leak) for outcome, words in told.items()
    },
})

# %% [markdown]
# ## Further reading
#
# - Sandler et al. (2018), *MobileNetV2: inverted residuals and linear bottlenecks*, arXiv:1801.04381.
# - Tschandl, Rosendahl, Kittler (2018), *The HAM10000 dataset*, doi:10.1038/sdata.2018.161.
# - Phipson, Smyth (2010), *Permutation p-values should never be zero*, doi:10.2202/1544-6115.1585.
# - Field, Welsh (2007), *Bootstrapping clustered data*, doi:10.1111/j.1467-9868.2007.00593.x. Why lesions are drawn.
# - Maier-Hein et al. (2024), *Metrics reloaded*, doi:10.1038/s41592-023-02151-z. Choosing a score.
