# %% [markdown]
# # Training a MobileNetV2: which number would you believe?
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/02_mobilenetv2_training.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F02_mobilenetv2_training.ipynb) · 35 minutes · CPU is enough (1.3 GB)
#
# **What you will do** – check the arithmetic of a published result, train the same classifier with a loop of seven
# lines, and hold it against four rivals that should lose.
#
# **What you will learn** – why a frozen backbone has to run only once, what class weights change and what they do not,
# and how to put an honest interval around a score when one lesion has several photographs.
#
# **What you need** – unit 01 (the two splits), `torch` tensors, and the idea of gradient descent.
#
# > **Claim.** An accuracy of 74.7 % on this data is below "always nevus" (75.2 %); recall per class is what
# > rebalancing moves.
# > **Control.** The constant, a model that sees only age, sex and site, and the same network trained on shuffled
# > labels. Section 7 lines them up.

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
photographs = "demo"      # "demo" draws lesions; or a folder that holds HAM10000
images = 1200      # photographs to draw, 100 to 10000; a folder's own number counts otherwise
seed = 0           # any whole number, 0 to 2000000000
backbone = "demo"  # "demo" or "imagenet"

# %% [markdown]
# ## 1. Photographs, labels, two splits
#
# The table has one row for each photograph. Three diagnoses are kept, as in the paper: melanoma (`mel`), nevus (`nv`,
# the ordinary mole) and benign keratosis (`bkl`).

# %%
from dermxai_helpers import course
from dermxai_helpers.data import CLASSES, leak_report, load, open_image, prepare, split

course.check_parameters("02", globals())
table = load(prepare(photographs, images=images, seed=seed))
table["dx"].value_counts()

# %% [markdown]
# Unit 01 showed two ways to hold out a fifth of the photographs. The paper's way draws *photographs*; then the
# network may be asked about a lesion that it has seen in training. The stricter way draws *lesions*.

# %%
by_image = split(table, by="image", seed=seed)
by_lesion = split(table, by="lesion", seed=seed)
leak_report(table, by_image).round(3)

# %% [markdown]
# Sections 3 to 6 follow the paper and use the first split. Section 7 asks what that was worth.
#
# ## 2. Before any training: what must be beaten?
#
# **Write down a guess:** a program that never opens a photograph and always answers "nevus" – how often is it right?

# %%
truth = table.loc[by_image == "val", "dx"].to_numpy()
constant_accuracy = float((truth == "nv").mean())
print(f"{constant_accuracy:.3f} of {len(truth):,} photographs")

# %% [markdown]
# Now the published result. These numbers are all that the paper gives about its classifier: the number of photographs
# in each class, the size of the validation set, and the share found in each class (the **recall**).

# %%
paper_images = {"mel": 1113, "nv": 6705, "bkl": 1099}
paper_recall = {"mel": 0.812, "nv": 0.732, "bkl": 0.768}
paper_total = 1784

# %% [markdown]
# The split was stratified, so each class keeps its share. That gives the photographs of each class, and with the
# recall, the photographs answered correctly.
#
# $$ n_c = \text{round}\Big(1784 \cdot \frac{N_c}{\sum_k N_k}\Big) \qquad r_c = \text{round}(n_c \cdot \text{recall}_c) $$

# %% tags=["nbval-check-output"]
everything = sum(paper_images.values())
paper_n = {dx: round(paper_total * count / everything) for dx, count in paper_images.items()}
paper_right = {dx: round(paper_n[dx] * paper_recall[dx]) for dx in paper_n}
print(paper_n, sum(paper_n.values()))
print(paper_right, sum(paper_right.values()))

# %% [markdown]
# The sum divided by 1,784 should be the published 74.7 %. And the constant gets every nevus right and nothing else:

# %% tags=["nbval-check-output"]
paper_accuracy = sum(paper_right.values()) / paper_total
paper_constant = paper_n["nv"] / paper_total
print(f"paper {paper_accuracy:.3f}, constant {paper_constant:.3f}")
print("photographs that the constant is ahead by:", paper_n["nv"] - sum(paper_right.values()))

# %%
import pandas as pd

from dermxai_helpers import plots
from dermxai_helpers.plots import classifier as figures

rows = pd.DataFrame({"the paper's network": paper_right, "always nevus": {"mel": 0, "nv": paper_n["nv"], "bkl": 0}}).T
rows.index += [f": {right:,}" for right in rows.sum(axis=1)]
measure = f"validation images answered correctly, of {paper_total:,}"
course.figure("paper_arithmetic", plots.stacked(rows, measure, form=","))
course.record("constant_accuracy_paper_split", paper_constant, paper=0.747, note="under paper stands its network")

# %% [markdown]
# A network that does less well than a sentence. Yet look where its right answers lie: it finds four in five melanomas,
# the constant finds none. **Accuracy is the wrong question** when three photographs in four belong to one class. The
# mean of the three recalls, **balanced accuracy**, gives each class the same weight:

# %% tags=["nbval-check-output"]
paper_balanced = sum(paper_recall.values()) / 3
print(f"paper {paper_balanced:.3f}, any constant {1 / 3:.3f}")

# %% [markdown]
# One thing does not fit. The paper names plain cross-entropy and puts weak recalls down to imbalance. But its weakest
# class is the *commonest*. Keep that in mind for section 8.
#
# ## 3. A backbone that does not learn
#
# MobileNetV2 is a stack of convolutions, the **backbone**, with one linear layer on top, the **head**. The paper
# freezes the backbone as it came from ImageNet (photographs of dogs, cups and lorries) and trains only a new head.

# %%
from dermxai_helpers import training

source = training.backbone(backbone)
print(source.note)

# %% [markdown]
# One photograph goes in. It is resized to 224 × 224, whatever its shape was, and each colour channel is shifted and
# scaled to the mean and spread that the backbone was trained with.

# %%
from dermxai_helpers.inference import to_input

image = open_image(table["image_path"][0])
batch = to_input([image], source.size, source.mean, source.std)
print("file", image.shape, "network", tuple(batch.shape))  # the network's order: (photographs, channels, height, width)

# %%
import torch

with torch.no_grad():
    maps = source.features(batch)
tuple(maps.shape)  # (photographs, feature maps, cell rows, cell columns)

# %% [markdown]
# Each of the 1,280 **feature maps** says how strongly one pattern was found in each of 7 × 7 cells. The network then
# forgets where: it takes the mean over the cells.
#
# $$ f_k = \frac{1}{49} \sum_{i,j} A_{kij} \qquad A \in \mathbb{R}^{1280 \times 7 \times 7}, \; f \in \mathbb{R}^{1280} $$

# %%
by_hand = maps.mean(dim=(2, 3))
pooled = torch.nn.functional.adaptive_avg_pool2d(maps, 1).flatten(1)
print(tuple(by_hand.shape), "equal to torch:", torch.allclose(by_hand, pooled, atol=1e-5))
strongest = by_hand[0].argsort(descending=True)[:5].tolist()
shown = {"image": image} | {f"map {k}\nmean {by_hand[0, k]:.2f}": maps[0, k].numpy() for k in strongest}
about = "A lesion image and its five strongest feature maps of 7 × 7 cells, with equal colours for equal numbers."
course.figure("pooling", plots.row(shown, about, vmax=float(maps[0, strongest].max())))

# %% [markdown]
# How much is left to learn? Count the numbers in both parts.

# %%
frozen = sum(parameter.numel() for parameter in source.features.parameters())
learned = 1280 * len(CLASSES) + len(CLASSES)
print(f"frozen {frozen:,}, learned {learned:,}")

# %% [markdown]
# Here is the shortcut that makes this unit run on a laptop. A frozen backbone gives the same features for the same
# photograph in every epoch. So it runs **once** over all photographs, and ten epochs of training work on a table of
# 1,280 columns. The helper also keeps the table in a cache whose key is made from the weights, the resizing and the
# *content* of each file: change any of them, and the features are computed anew.

# %%
features = training.cached_features(source, table["image_path"])
print(features.shape, "row 0 equals ours:", torch.allclose(torch.from_numpy(features[:1]), by_hand, atol=1e-4))

# %% [markdown]
# The shortcut has a price. The paper also crops, flips and rotates its training photographs at random, which gives new
# features every time. Features from a cache cannot be rotated, so this unit trains without augmentation; unit 02b keeps
# the features of turned copies instead.
#
# ## 4. The head, by hand
#
# The head is a linear layer: one logit for each class.
#
# $$ z = W f + b \qquad W \in \mathbb{R}^{3 \times 1280}, \; b, z \in \mathbb{R}^{3} $$
#
# Softmax turns logits into shares, and the **cross-entropy** is the negative logarithm of the share that the true class
# received. With a weight $w_c$ for each class, PyTorch's mean over a batch is
#
# $$ L = \frac{\sum_i - w_{y_i} \log p_{i, y_i}}{\sum_i w_{y_i}} $$
#
# Two photographs are enough to check it. The first is a melanoma, the second a nevus.

# %% tags=["nbval-check-output"]
logits = torch.tensor([[1.0, 0.0, 0.0], [0.0, 3.0, 0.0]])
labels, weights = torch.tensor([0, 1]), torch.tensor([2.0, 0.5, 2.0])
shares = logits.exp() / logits.exp().sum(dim=1, keepdim=True)
losses = -shares[[0, 1], labels].log()
loss = (weights[labels] * losses).sum() / weights[labels].sum()
print(f"{loss:.3f}", "equal to torch:", torch.allclose(loss, torch.nn.functional.cross_entropy(logits, labels, weights)))

# %% [markdown]
# The melanoma counts four times as much as the nevus here. The usual choice makes every *class* count the same in
# sum: $w_c = n / (3 \, n_c)$ with $n_c$ training photographs of class $c$.

# %%
y = torch.tensor(table["dx"].map(CLASSES.index).to_numpy())
seen = torch.tensor((by_image == "train").to_numpy())
counts = torch.bincount(y[seen])
weights = seen.sum() / (3 * counts)
print({dx: round(weight, 2) for dx, weight in zip(CLASSES, weights.tolist(), strict=True)})

# %%
import numpy as np
from sklearn.utils.class_weight import compute_class_weight

expected = compute_class_weight("balanced", classes=np.arange(3), y=y[seen].numpy())
print("equal to scikit-learn:", np.allclose(weights, expected))

# %% [markdown]
# A fresh head, as torchvision makes it: **dropout** blanks a fifth of the features at random in each training step, so
# that no single one becomes indispensable; then the linear layer, starting near zero.

# %%
from torch import nn

torch.manual_seed(seed)
head = nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 3))
nn.init.normal_(head[1].weight, std=0.01)
nn.init.zeros_(head[1].bias)
optimiser = torch.optim.Adam(head.parameters(), lr=1e-4)

# %% [markdown]
# And the loop, with the paper's settings: ten epochs, batches of 32, Adam with a step size of 0.0001.

# %%
x_train, y_train, losses = torch.from_numpy(features)[seen], y[seen], []
for _ in range(10):  # epochs
    for chosen in torch.randperm(len(x_train)).split(32):
        loss = nn.functional.cross_entropy(head(x_train[chosen]), y_train[chosen], weights)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())

# %% [markdown]
# That is all of it. The helper `training.train` runs the same loop and adds three guards that the paper names without
# numbers, so ours are a choice:
#
# - **learning rate on plateau**: two epochs without a lower validation loss halve the step size;
# - **early stopping**: three epochs without a lower validation loss end the training;
# - **best checkpoint**: the epoch with the lowest validation loss is the one that is kept.

# %%
classifier = training.train(table, by_image, source, seed=seed)
epochs = int((classifier.history["learning_rate"] == 1e-4).sum())  # the guards change nothing before this
ours = np.reshape(losses, (10, -1)).mean(axis=1)[:epochs]
print("equal to the helper:", np.allclose(ours, classifier.history["training_loss"][:epochs], atol=1e-4))

# %%
course.figure("training_curves", figures.training_curves(classifier.history, constant_accuracy))

# %% [markdown]
# Look at the dotted line, the epoch that is kept. If it stands at the end or nearly so, early stopping had nothing to
# do: ten epochs at this step size are a short training for a new layer.
#
# Then look at the right panel. Neighbouring epochs have almost the same loss and nearly the same balanced accuracy,
# and yet the recall of a single class can jump. The classes trade photographs near their borders. So a single recall,
# from a single epoch of a single run, is the least steady number of a report – and it is the one that papers discuss.
#
# ## 5. Figure 1
#
# The paper's first figure is a classification report and a confusion matrix. Three words, for a class such as melanoma:
# **recall** is the share of melanomas that are found; **precision** is the share of "melanoma" answers that are right;
# **F1** is their harmonic mean.

# %%
def names(probabilities):
    """The most probable class of each row of (n, 3) probabilities, as a name."""
    return np.array(CLASSES)[probabilities.argmax(axis=1)]


held_out = (by_image == "val").to_numpy()
predicted = names(classifier.predict_features(features[held_out]))
found = ((truth == "mel") & (predicted == "mel")).sum()
print(f"recall {found / (truth == 'mel').sum():.3f}, precision {found / max((predicted == 'mel').sum(), 1):.3f}")

# %%
from dermxai_helpers import scoring

report = scoring.classification_table(truth, predicted, CLASSES)
print("row mel equal to ours:", np.isclose(report.loc["mel", "recall"], found / (truth == "mel").sum()))
report.round(3)

# %% [markdown]
# The confusion matrix says where the missed ones went: one row for each true class, one column for each answer.

# %%
from sklearn.metrics import confusion_matrix

confusion = confusion_matrix(truth, predicted, labels=CLASSES)
paper = paper_recall | {"accuracy": 0.747, "balanced accuracy": paper_balanced}
constant = {"mel": 0.0, "nv": 1.0, "bkl": 0.0, "accuracy": constant_accuracy, "balanced accuracy": 1 / 3}
course.figure("figure_1", figures.report_and_confusion(report, confusion, paper, constant))

# %% [markdown]
# Read it in this order. First the two accuracies against their constants. Then the recalls, which say what is missed.
# Then the precision of melanoma, which the paper does not report: of the people who would be sent to a specialist, how
# many have a melanoma?
#
# ## 6. How sure is that?
#
# With other photographs in the validation set the numbers would differ. The **bootstrap** imitates that: draw as many
# photographs as there are, with replacement, score them, repeat a thousand times. But two photographs of one lesion
# are not two independent facts. So we draw whole **lesions**.

# %%
lesions = table.loc[held_out, "lesion_id"].to_numpy()
right = predicted == truth
per_lesion = table[held_out].assign(right=right).groupby("lesion_id")["right"].agg(["sum", "size"]).to_numpy()
per_lesion[:3]  # for each lesion: right answers, photographs

# %%
rng = np.random.default_rng(0)
repeats = []
for _ in range(1000):
    drawn = per_lesion[rng.integers(len(per_lesion), size=len(per_lesion))].sum(axis=0)
    repeats.append(drawn[0] / drawn[1])
low, high = np.percentile(repeats, [2.5, 97.5])
print(f"accuracy {right.mean():.3f}, 95 % interval {low:.3f} to {high:.3f}")

# %%
print("equal to the helper:", np.allclose((low, high), scoring.interval("accuracy", lesions, truth, predicted)))
low, high = scoring.wilson(right.sum(), len(right))
print(f"as if photographs were independent (Wilson): {low:.3f} to {high:.3f}")

# %% [markdown]
# The helper does the same for every score at once. Each is recorded with the constant and the paper beside it.

# %%
on_images = scoring.scores_with_intervals(truth, predicted, lesions, CLASSES)
nothing = scoring.scores(truth, np.full(len(truth), "nv"), CLASSES)
in_paper = {f"recall_{dx}": recall for dx, recall in paper_recall.items()}
in_paper |= {"accuracy": 0.747, "balanced_accuracy": paper_balanced}


def record(scores, ending, beside):
    """Keep each score under its name and `ending`, with the constant's score and the published one."""
    return [
        course.record(f"{name}_{ending}", row.value, row.low, row.high, nothing[name], beside.get(name))
        for name, row in scores.iterrows()
    ]


course.record("constant_accuracy", constant_accuracy, paper=paper_constant, note="under paper: from its own counts")
record(on_images, "image_split", in_paper)

# %% [markdown]
# ## 7. The stricter split, and four rivals
#
# Now the same training with lesions kept apart. **Guess first:** which recall will change most?

# %%
def trained(table, parts, rebalance="class weights", seed=seed):
    """Class names that a freshly trained network gives the held-out photographs."""
    fresh = training.train(table, parts, source, rebalance, seed=seed)
    return names(fresh.predict_features(features[(parts == "val").to_numpy()]))


apart = table[by_lesion == "val"]
answers = {"lesion split": trained(table, by_lesion)}

# %% [markdown]
# Three rivals never open a photograph: the constant, a die loaded with the class shares, and a logistic regression on
# age, sex and body site. If the network does not clearly beat the last one, the photographs have taught it little.

# %%
import pandas as pd

blind = training.baseline_predictions(table, by_lesion, seed=seed)
answers["metadata only"] = blind["metadata"]
pd.DataFrame({name: scoring.scores(apart["dx"], guesses, CLASSES) for name, guesses in blind.items()}).T.round(3)

# %% [markdown]
# The last rival sees photographs, but the labels were shuffled before training, also those that choose the best epoch:
# nothing true can be learned. Scored against the *true* labels, its balanced accuracy must be one third *on average*.
# If it is not, something leaks.
#
# On average, because any nonsense, even the random start of the head, sorts the photographs *somehow*, and by luck
# that may agree with the truth for a hundred look-alikes at once. One shuffle proves little. Here are ten, each from
# its own random start.

# %%
def taught_nonsense(number):
    """Class names from a network trained on labels in a wrong order; `number` picks the order and the start."""
    wrong = np.random.default_rng((seed, number)).permutation(table["dx"])
    return trained(table.assign(dx=wrong), by_lesion, seed=seed + number)


nonsense = pd.DataFrame([scoring.scores(apart["dx"], taught_nonsense(number), CLASSES) for number in range(10)])
print("balanced accuracies:", nonsense["balanced_accuracy"].round(2).sort_values().tolist())

# %% [markdown]
# Look at their spread before you look at their mean. If the network with true labels were not above all ten, its score
# would be no evidence of anything; comparing it with such a cloud is called a **permutation test**. For the ten, the
# interval is that of their mean (Student's t).

# %%
from scipy import stats

scores = {"image split (the paper's)": on_images}
for name, answer in answers.items():
    scores[name] = scoring.scores_with_intervals(apart["dx"], answer, apart["lesion_id"], CLASSES)
mean, half = nonsense.mean(), stats.t.ppf(0.975, len(nonsense) - 1) * nonsense.sem()
scores["shuffled labels"] = pd.DataFrame({"value": mean, "low": mean - half, "high": mean + half})

shown = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro-F1"}
panels = {title: pd.DataFrame({name: found.loc[key] for name, found in scores.items()}).T for key, title in shown.items()}
nothing = scoring.scores(apart["dx"], blind["constant"], CLASSES)
references = {title: nothing[key] for key, title in shown.items()}
course.figure("controls", plots.intervals(panels, references, "without an image", "Scores", values=True))

# %%
for rival in ("metadata only", "shuffled labels"):
    row = scores[rival].loc["balanced_accuracy"]
    print(course.record(f"{rival.split()[0]}_balanced_accuracy", row.value, row.low, row.high, 1 / 3))
record(scores["lesion split"], "lesion_split", {})

# %% [markdown]
# The interval of the image split deserves a warning. It says how much the score would vary with *other photographs
# drawn in the same leaky way*. It does not contain the leak: a bias does not widen an interval. Inside that split you
# can look at the leak: are photographs of lesions that were seen in training answered better?

# %%
known = table.loc[held_out, "lesion_id"].isin(table.loc[~held_out, "lesion_id"]).to_numpy()
leak = pd.DataFrame({"class": truth, "lesion": np.where(known, "seen in training", "new"), "right": right})
leak.pivot_table(index="class", columns="lesion", values="right", aggfunc=["mean", "size"]).round(3)

# %% [markdown]
# Do not be surprised if "seen" is *worse* in a row. Only a lesion with several photographs can be seen, and in a clinic a
# mole may be photographed again just because it was doubtful. Two causes are mixed in this table, being known and being
# hard, and no interval takes them apart. The lesion split does.
#
# How much a leak is worth depends also on the learner. A linear layer with a few thousand numbers cannot memorise
# lesions; a network whose backbone is trained too has hundreds of times more room for that.
#
# ## 8. What rebalancing moves
#
# Back to the contradiction of section 2: the paper's weakest recall is that of its commonest class. Train once with
# class weights and once without, on the paper's split, and compare the recalls.

# %%
unweighted = trained(table, by_image, "none")
plain = scoring.scores(truth, unweighted, CLASSES)
compared = pd.DataFrame({"without weights": plain, "with weights": on_images["value"], "paper": in_paper})
recalls = compared.loc[[f"recall_{dx}" for dx in CLASSES]].set_axis(CLASSES)
course.figure("recalls", plots.moved(recalls, "recall: share of the class's images that are found"))

# %%
without_weights = scoring.scores_with_intervals(truth, unweighted, lesions, CLASSES)
record(without_weights, "without_weights", {})
compared.loc[list(shown)].round(3)

# %% [markdown]
# The photographs are the same, the features are the same, even the order of the batches is the same. Only the weights
# differ, and they move answers between the classes: what the rare ones gain in recall, the common one loses. Which of
# the two networks is *better* cannot be read from any one number. It depends on what a missed melanoma and a needless
# appointment cost, and that is not in the data.
#
# If your unweighted network finds the commonest class best, you have seen why the order of the published recalls is
# odd for plain cross-entropy on a frozen backbone. The paper's network was probably rebalanced in a way that the text
# leaves out.
#
# ## 9. What the file remembers
#
# A network without its history is a riddle. `save` writes the weights as *safetensors*, a format that can hold numbers
# but no program, and beside it a card: which photographs (as one hash), under which licence, with which settings.

# %%
card = classifier.card
for name in ("backbone_note", "rebalance", "batch_size", "best_epoch", "images", "data_licence"):
    print(f"{name:14} {card[name]}")

# %% [markdown]
# ## 10. What this does *not* show
#
# - **Not what the paper's network does.** It was trained with augmentation and perhaps with rebalancing; neither its
#   split nor its seed is known. Equal numbers would be luck, similar numbers are what can be asked.
# - **Not the performance on new patients.** The validation photographs chose the best epoch *and* gave the score, so
#   the score is a little too good even without leaking lesions. A test set, touched once, is missing here as in the
#   paper. HAM10000 comes from two clinics; a third may photograph differently.
# - **Not a risk.** Class weights push the softmax towards the rare classes. Its numbers are scores for ranking, not
#   probabilities of disease.
# - **Nothing about skin, in the demo.** The demo's lesions are drawn, and its backbone learned from drawings. Give the
#   parameter `data` a HAM10000 folder and `backbone` the value `"imagenet"`, and the same cells run on photographs.
# - **Not for clinical use.** Four diagnoses of HAM10000 were removed, two of them malignant or nearly so. The network
#   has to call them something else.
#
# ## Further reading
#
# - Sandler et al. (2018), *MobileNetV2: inverted residuals and linear bottlenecks*, arXiv:1801.04381. The backbone.
# - Tschandl, Rosendahl, Kittler (2018), *The HAM10000 dataset*, doi:10.1038/sdata.2018.161. How the labels came to be.
# - Kornblith, Shlens, Le (2019), *Do better ImageNet models transfer better?*, arXiv:1805.08974. What a linear layer on
#   frozen features can and cannot reach.
# - Zhang et al. (2017), *Understanding deep learning requires rethinking generalization*, arXiv:1611.03530. What
#   networks do with shuffled labels.
# - Field, Welsh (2007), *Bootstrapping clustered data*, doi:10.1111/j.1467-9868.2007.00593.x. Why lesions are drawn.
# - Maier-Hein et al. (2024), *Metrics reloaded*, doi:10.1038/s41592-023-02151-z. How to choose a score before training.
