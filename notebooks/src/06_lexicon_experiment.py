# %% [markdown]
# # Counting words
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/06_lexicon_experiment.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F06_lexicon_experiment.ipynb) · 30 minutes · CPU is enough (1.4 GB)
#
# **What you will do** – repeat the paper's last experiment: let the words of 200 captions vote for a diagnosis. Then ask
# what the number it ends with is worth.
#
# **What you will learn** – how a count of letters differs from reading, how one missing rule can produce most of a
# result, and how to build the two baselines that any macro-F1 needs.
#
# **What you need** – unit 05 (captions); precision, recall and F1.
#
# > **Claim.** The paper's macro-F1 of .260 is below what "always nevus" gets.
# > **Control.** Voters that never see a caption but vote equally often for each class. If the captions carry any
# > diagnosis, they must beat those. Section 5 lets a thousand of them vote.

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
images = 1200        # photographs to draw, 50 to 10000 (ignored for a folder)
seed = 0             # any whole number, 0 to 2000000000
backbone = "demo"    # "demo" or "imagenet": what the classifier is built on
checkpoint = "demo"  # "demo", a folder, or a hub id such as "Salesforce/instructblip-flan-t5-xl"
captions = 200       # photographs to caption, 20 to 2000; the paper took 200

# %% [markdown]
# ## 1. A vote by words
#
# The paper gives each class three keywords, counts how often they occur in a caption, and lets the most frequent class
# win. A pocket version:

# %% tags=["nbval-check-output"]
from dermxai_helpers import course

course.check_parameters("06", globals())
keywords = {
    "mel": ["asymmetric", "irregular border", "multiple colors"],
    "bkl": ["waxy", "sharply demarcated", "keratotic"],
    "nv": ["uniform", "regular border", "even color"],
}


def count(sentence):
    """Occurrences of each class's keywords, as runs of letters."""
    return {name: sum(sentence.lower().count(word) for word in words) for name, words in keywords.items()}


count("A keratotic, sharply demarcated lesion.")

# %% [markdown]
# Two questions have no answer in the paper. What if two classes have equally many hits? What if there are none at all?
# An experiment needs a rule, and a rule can decide the result, so it has to be stated. Ours has no parameter: **ties and
# zero hits go to the commonest class, nevus, and the vote says that it was the rule and not the words.**

# %% tags=["nbval-check-output"]
def vote(sentence):
    """The class with most hits; "nv" for a tie or no hit."""
    hits = count(sentence)
    leaders = [name for name in hits if hits[name] == max(hits.values())]
    return leaders[0] if len(leaders) == 1 else "nv"


for sentence in ("Asymmetric, with multiple colors.", "A waxy, asymmetric lesion.", "A brown lesion."):
    print(f"{vote(sentence):4} {sentence}")

# %% tags=["nbval-check-output"]
from dermxai_helpers import files, lexicon

for sentence in ("Asymmetric, with multiple colors.", "A waxy, asymmetric lesion.", "A brown lesion."):
    helper = lexicon.paper_vote(sentence)
    print("equal to the helper:", helper.label == vote(sentence), "· reason:", helper.reason or "the words decided")

# %% [markdown]
# ## 2. Three traps before the first caption
#
# **The substring trap.** Before you run the next cell, count by eye: which class does this sentence describe, and which
# wins?

# %% tags=["nbval-check-output"]
trap = "The lesion has an irregular border and uneven color."
print(count(trap), "→", vote(trap))

# %% [markdown]
# `regular border` is inside `irregular border`, `even color` inside `uneven color`, `uniform` inside `non-uniform`. A
# description of a melanoma elects the nevus, two to one. Counting whole words mends this, and with a hyphen counted as
# part of its word, even `non-uniform`:

# %% tags=["nbval-check-output"]
import re


def count_words(sentence):
    """As `count`, but a keyword must stand alone."""
    pattern = r"(?<![\w-]){}(?![\w-])"
    return {name: sum(len(re.findall(pattern.format(word), sentence.lower())) for word in words)
            for name, words in keywords.items()}


print(count_words(trap))
print(count("non-uniform"), count_words("non-uniform"))

# %% [markdown]
# Whole words are still not reading. Denials count like assertions:

# %% tags=["nbval-check-output"]
denial = "The lesion is not asymmetric and has no irregular border."
print(count_words(denial))
print(lexicon.parse(denial))

# %% [markdown]
# **The echo trap.** Some language models repeat the prompt before they answer. The GLOBAL prompt names
# *symmetric/asymmetric* and *regular/irregular*. Left in front of a caption, it votes too, the same way for every lesion.

# %% tags=["nbval-check-output"]
from dermxai_helpers.captions import PROMPTS, without_echo

for name, prompt in PROMPTS.items():
    print(f"{name:8} {count(prompt)}")

# %% tags=["nbval-check-output"]
answer = "A lesion with a regular border."
print(count(answer), "→", vote(answer))
print(count(PROMPTS["global"] + " " + answer), "→", vote(PROMPTS["global"] + " " + answer))

# %% [markdown]
# (A tie, and the rule saves it; a second echo would not.) The helper removes the prompt where it was really repeated,
# token by token, and nothing else:

# %% tags=["nbval-check-output"]
import torch

prompt_tokens = torch.tensor([[5, 6, 7]])
print(without_echo(torch.tensor([[5, 6, 7, 1, 2]]), prompt_tokens).tolist(), "a model that repeats")
print(without_echo(torch.tensor([[1, 2]]), prompt_tokens).tolist(), "a model that does not")

# %% [markdown]
# **The unreachable class.** Which of the nine keywords do the prompts ask for at all?

# %% tags=["nbval-check-output"]
asked = " ".join(PROMPTS.values()).lower()
for name, words in keywords.items():
    print(f"{name:4}", {word: all(part.rstrip("s") in asked for part in word.split()) for word in words})

# %% [markdown]
# Nobody asks for *waxy*, *demarcated* or *keratotic*. A captioner that answers the question put to it can never vote
# for benign keratosis, however well it sees.
#
# ## 3. The paper's own captions
#
# The paper prints six captions. You do not need a network to run its experiment on them.

# %% tags=["nbval-check-output"]
published = [
    "The image shows a person has a lesion on their skin that is brown in color. "
    "The lesion is symmetrical, bordered, and has no diagnosis.",
    "The image shows a close-up image of a lesion on a person's skin showing a pinkish-brown area with a white border.",
    "The image shows an image of a lesion on a person's skin is shown with a ruler in the background.",
    "The image shows a person's ear is covered in a brown, reddish-brown rash.",
    "The image shows a close-up image of a pink lesion on a person's skin. "
    "The lesion is symmetrical, bordered, and has a blue color.",
    "The image shows a person's ear is covered in a brown, reddish-brown lesion.",
]
for sentence in published:
    print(count(sentence), lexicon.paper_vote(sentence).reason)

# %% [markdown]
# Not one keyword in six captions. Then what elected the nevus for 80 % of the paper's 200 images? The likeliest answer
# is a rule for the undecided that the paper does not mention. A share of votes can measure a default.
#
# ## 4. The experiment
#
# Classifier, heat-map, region, ROI caption: all from the units before. As in the paper, 200 photographs at random – here
# from the validation part, which the classifier has not trained on.

# %%
from dermxai_helpers import data, road, scoring, training
from dermxai_helpers.plots import language

folder = data.prepare(photographs, images=images, seed=seed)
table = data.load(folder)
parts = data.split(table, by="lesion", seed=seed)
classifier = training.train(table, parts, backbone=backbone, seed=seed, progress=False)

# %%
unseen = table[parts == "val"]
sample = unseen.sample(min(captions, len(unseen)), random_state=seed).reset_index(drop=True)
pictures = [data.open_image(path) for path in sample["image_path"]]
labels = sample["dx"].to_numpy()
print(sample["dx"].value_counts().to_dict())

# %% [markdown]
# One thing in the paper's setup deserves a pause. It cuts the region by the heat-map **for the true class**. Whoever uses
# such a system does not know the true class – it is what they want to find out. We do as the paper did, and beside it
# what one could really do: cut by the predicted class.

# %%
import numpy as np

true_class = [classifier.classes.index(label) for label in labels]
predicted_class = classifier.predict_proba(pictures).argmax(axis=1)
by_truth = [views["roi"] for views in road.views(classifier, pictures, true_class)]
by_prediction = [views["roi"] for views in road.views(classifier, pictures, predicted_class)]
agree = np.mean(true_class == predicted_class)
print(f"predicted class = true class for {agree:.1%} of the photographs: only there must the two crops agree")

# %%
from dermxai_helpers.captions import Captioner

captioner = Captioner(checkpoint)
kept = files.cache_folder() / "captions.jsonl"
sentences = captioner.caption(by_truth, PROMPTS["roi"], file=kept)
sentences_by_prediction = captioner.caption(by_prediction, PROMPTS["roi"], file=kept)
print(captioner.note)

# %%
for label, sentence in list(zip(labels, sentences, strict=True))[:3]:
    print(f"{label:4} {vote(sentence):4} {count(sentence)}\n     {sentence}")

# %% [markdown]
# Now the paper's Figure 5.

# %%
from sklearn.metrics import confusion_matrix

votes = np.array([vote(sentence) for sentence in sentences])
report = scoring.classification_table(labels, votes, data.CLASSES)
confusion = confusion_matrix(labels, votes, labels=data.CLASSES)
note = f"{len(sample)} ROI captions, {captioner.note}"
course.figure("figure_5", language.vote_report(report, confusion, data.CLASSES, 0.260, note))

# %% [markdown]
# Who decided these votes, the words or the rule?

# %%
import pandas as pd

decided = pd.Series([lexicon.paper_vote(sentence).reason or "the words" for sentence in sentences])
decided.value_counts()

# %%
course.record("share_voting_nevus", (votes == "nv").mean(), *scoring.wilson(int((votes == "nv").sum()), len(votes)),
              baseline=(labels == "nv").mean(), paper=0.80, note="the baseline is the share of nevi")

# %%
course.record("share_decided_by_rule", (decided != "the words").mean(), note="ties and captions without keyword")

# %% [markdown]
# Which keywords occurred at all? A row of zeros is a keyword that never had a chance.

# %%
text = " ".join(sentences).lower()
found = {word: text.count(word) for words in keywords.values() for word in words}
print(pd.Series(found, name="occurrences").to_string())

# %% [markdown]
# ## 5. What is this number worth?
#
# **Macro-F1** is the mean of the classes' F1, each class counting the same however rare:
#
# $$ F_c = \frac{2\, \mathrm{right}_c}{\mathrm{labelled}_c + \mathrm{voted}_c} \qquad
#    \text{macro-}F = \frac{1}{3}\sum_c F_c $$

# %%
def macro_f1(labels, votes):
    """The mean over the three classes of F1; 0 for a class that is neither labelled nor voted for."""
    scores = []
    for name in data.CLASSES:
        labelled, voted = labels == name, votes == name
        scores.append(2 * (labelled & voted).sum() / max(labelled.sum() + voted.sum(), 1))
    return np.mean(scores)


library = scoring.scores(labels, votes, data.CLASSES)["macro_f1"]
print("equal to scikit-learn:", np.isclose(macro_f1(labels, votes), library))

# %% [markdown]
# **Baseline 1: the constant.** Always nevus. For HAM10000's shares it can be worked out on paper: F1 of the nevi is
# $2 \cdot .752 / (1 + .752) = .858$, the others are 0, so macro-F1 is .286. **That is more than the paper's .260.** The
# captions did worse than no captions. The cell also lets voters draw lots: 80 % for the nevus, as the paper's captions
# did, and 10 % for each of the others, which is our guess. How often do they do as badly?

# %% tags=["nbval-check-output"]
nevi = 6705 / 8917
print("always nevus, on HAM10000's three classes:", round(2 * nevi / (1 + nevi) / 3, 3))

from dermxai_helpers.lexicon import controls

lots = controls.blind_voters(seed=seed)  # 200 lesions, 80 % of the votes nv: the paper's shares, and dice
print(f"random voters: {lots.mean():.3f} on average, .260 or less in {(lots <= 0.260).mean():.1%} of 10,000 tries")

# %%
constant = macro_f1(labels, np.full(len(labels), "nv"))
course.record("constant_macro_f1", constant, note="always nevus, on this sample")

# %% [markdown]
# **Baseline 2: the label-blind voter.** It casts exactly as many votes for each class as the captions did, but on
# lesions drawn at random. It is what our captions would reach if they had nothing to do with their lesions. Shuffling the
# votes makes one; a thousand make a distribution.

# %%
rng = np.random.default_rng(seed)
blind = np.array([macro_f1(labels, rng.permutation(votes)) for _ in range(1000)])
blind_low, blind_high = np.percentile(blind, [2.5, 97.5])
course.record("blind_macro_f1", blind.mean(), blind_low, blind_high, note="range of 1,000 shuffled votes, not an interval of a mean")

# %% [markdown]
# And the captions, with an interval that resamples lesions:

# %%
interval = scoring.interval("macro_f1", sample["lesion_id"], labels, votes, seed=seed)
course.record("macro_f1", macro_f1(labels, votes), *interval, baseline=constant, paper=0.260,
              note=f"ROI captions cut by the true class; {captioner.note}; the baseline is the constant")

# %% [markdown]
# The same with crops that need no label. Whatever the first number has over this one came from knowing the answer.

# %%
votes_by_prediction = np.array([vote(sentence) for sentence in sentences_by_prediction])
interval = scoring.interval("macro_f1", sample["lesion_id"], labels, votes_by_prediction, seed=seed)
course.record("macro_f1_predicted_class", macro_f1(labels, votes_by_prediction), *interval, baseline=constant,
              note="cut by the predicted class, as one could in use")

# %% [markdown]
# Does whole-word counting rescue the experiment?

# %%
def vote_words(sentence):
    """As `vote`, with whole words."""
    hits = count_words(sentence)
    leaders = [name for name in hits if hits[name] == max(hits.values())]
    return leaders[0] if len(leaders) == 1 else "nv"


whole_words = np.array([vote_words(sentence) for sentence in sentences])
interval = scoring.interval("macro_f1", sample["lesion_id"], labels, whole_words, seed=seed)
course.record("macro_f1_whole_words", macro_f1(labels, whole_words), *interval, baseline=constant)

# %%
marks = {"captions": macro_f1(labels, votes), "predicted class": macro_f1(labels, votes_by_prediction),
         "whole words": macro_f1(labels, whole_words), "always nevus": constant, "paper": 0.260}
course.figure("blind_voters", language.blind_voters(blind, marks, note))

# %% [markdown]
# Read the figure from the grey hill outwards. A line inside the hill is what chance reaches with these votes. A line
# right of it says that the votes know something about the lesions. (The whole-word votes have other shares and thus a
# hill of their own; the one drawn is for the paper's count. The paper's line stands there for orientation: its images
# were others.)

# %%
beaten = (blind < macro_f1(labels, votes)).mean()
course.record("share_of_blind_voters_beaten", beaten, baseline=0.5, note="1 would mean: better than all 1,000")

# %% [markdown]
# ### And the echo?
#
# The ROI prompt holds no keyword, so an unnoticed echo of it would have done no harm: luck, not care. These would be the
# votes with the GLOBAL prompt left in front:

# %%
echoed = np.array([vote(PROMPTS["global"] + " " + sentence) for sentence in sentences])
print("votes changed by the echo:", (echoed != votes).sum(), "of", len(votes))
course.record("macro_f1_with_echo", macro_f1(labels, echoed), note="the GLOBAL prompt left in front of each caption")

# %% [markdown]
# ## 6. Captions without a mistake
#
# Suppose the captioner never erred. What would the vote reach? The drawings know every attribute, so we can write the
# true caption of each lesion and let it vote. What is missing then is the lexicon's fault, not the captioner's. (It is no
# strict ceiling: a mistake may happen to favour the right class.)

# %%
truth = data.truth(folder)
if truth is None:
    print("These are photographs: nobody knows their true captions, so this section stays empty.")

# %%
if truth is not None:
    from dermxai_helpers.lexicon.sentences import describe

    facts = truth.set_index("image_id").loc[sample["image_id"]]
    perfect = [describe(row, "roi", rng) for _, row in facts.iterrows()]
    perfect_votes = np.array([vote(sentence) for sentence in perfect])
    print(perfect[0])

# %%
records = []
if truth is not None:
    interval = scoring.interval("macro_f1", sample["lesion_id"], labels, perfect_votes, seed=seed)
    records.append(course.record("perfect_captions_macro_f1", macro_f1(labels, perfect_votes), *interval, baseline=constant))
    print(scoring.classification_table(labels, perfect_votes, data.CLASSES).round(2).to_string())
records

# %% [markdown]
# The row to look at is benign keratosis. Even captions without a single error never elect it, because none of its three
# keywords answers any question in the prompts. **The experiment could not have found a single keratosis**, and no better
# language model would change that. Such a calculation takes a minute and belongs before the experiment.
#
# ## 7. A lexicon that reads
#
# Counting is not the only way to use words. `lexicon.parse` reads *facts*: a slot, a value, and whether it is stated or
# denied. And a fact need not vote for one class with one vote. Its weight can be the logarithm of how much more frequent
# it is in a class than among all lesions:
#
# $$ w_c(f) = \log \frac{P(f \mid c)}{P(f)} $$
#
# On drawings these chances are known. For skin they are not, so do not expect these weights to be right there.

# %%
reading = [lexicon.vote(sentence, threshold=0) for sentence in sentences]
first = reading[0]
print(sentences[0])
print(pd.DataFrame(first.evidence).T.round(2).to_string(), "\n→", first.label, {k: round(v, 2) for k, v in first.posterior.items()})
read_votes = np.array([decision.label if decision.label != "abstain" else "nv" for decision in reading])
interval = scoring.interval("macro_f1", sample["lesion_id"], labels, read_votes, seed=seed)
course.record("macro_f1_reading", macro_f1(labels, read_votes), *interval, baseline=constant,
              note="facts with weights instead of words with votes; silent captions go to nevus")

# %% [markdown]
# A caption that says little can also *abstain*. Demand more certainty, and fewer captions vote, hopefully the better ones.
# If the curve does not rise to the left, its certainty is worth nothing.

# %%
best = np.array([max(decision.posterior, key=decision.posterior.get) for decision in reading])
certainty = pd.DataFrame({"confidence": [decision.confidence for decision in reading], "right": best == labels})
alike = certainty[certainty["confidence"] > 0].groupby("confidence")["right"].agg(["sum", "size"])
surer = alike.sort_index(ascending=False).cumsum()  # all captions that are at least as sure
curve = pd.DataFrame({"coverage": surer["size"] / len(reading), "accuracy": surer["sum"] / surer["size"]})
rules = {"always nevus": (labels == "nv").mean(), "the paper's count": (votes == labels).mean()}
course.figure("coverage", language.coverage(curve, rules, note))

# %% [markdown]
# ### Your words
#
# Find nine better words; leave a box to see the table. Then remember section 9: you have just tuned on the test set.

# %% tags=["nbval-ignore-output"]
from dermxai_helpers import widgets

widgets.word_lists(sentences, labels, keywords, note)

# %% [markdown]
# ## 8. The paper questioned

# %%
guided = {"true": macro_f1(labels, votes), "predicted": macro_f1(labels, votes_by_prediction)}
leak_low, leak_high = scoring.interval(lambda true, with_label, without: macro_f1(true, with_label) - macro_f1(true, without),
                                       sample["lesion_id"], labels, votes, votes_by_prediction, seed=seed)
claims = {
    "captions carry diagnostic information (macro-F1 .260)": (
        f"{guided['true']:.3f}, constant {constant:.3f}, blind voters up to {blind_high:.3f}", guided["true"] > blind_high),
    "most captions vote for nevus (80 %)": (f"{(votes == 'nv').mean():.0%}", (votes == "nv").mean() > 0.5),
    "the words decide the vote": (f"{(decided == 'the words').mean():.0%} of votes", (decided == "the words").mean() > 0.5),
    "regions may be cut by the true class": (
        f"gains {guided['true'] - guided['predicted']:+.3f} ({leak_low:+.3f} to {leak_high:+.3f})", leak_low <= 0)}
pd.DataFrame([{"the paper says": says, "this run": seen, "verdict": "not refuted here" if holds else "refuted here"}
              for says, (seen, holds) in claims.items()]).set_index("the paper says")

# %% [markdown]
# ## 9. What this does *not* show
#
# - **Not that captions are useless.** The experiment measures nine keywords and a rule for the undecided. What the
#   captions know beyond those words goes uncounted.
# - **Not that nine better keywords would do.** Keywords chosen after looking at these captions and judged on them would
#   look good and mean little. They need lesions that took no part in the choice.
# - **Not that this run does better than the paper**, even if its number is higher. In the drawings the class acts through
#   symmetry, border and colour, and the demo captioner was taught to answer in the prompts' own words, several of which
#   are keywords. Photographs promise neither.
# - **Nothing about InstructBLIP** when the demo captioner speaks: on HAM10000 its words are those it learnt from
#   drawings.
# - **Nothing about the paper's 200 images.** Which they were is not stated; its .260 has a wide interval that we cannot
#   compute.
# - **No diagnosis.** A vote of words is not a clinical opinion, and nothing here is for clinical use.
#
# ## 10. Further reading
#
# - Chapman et al. (2001), *A simple algorithm for identifying negated findings and diseases in discharge summaries*,
#   doi:10.1006/jbin.2001.1029. Why "no evidence of" must not count.
# - Jain et al. (2021), *RadGraph: Extracting clinical entities and relations from radiology reports*, arXiv:2106.14463.
#   Reading facts instead of counting words.
# - Opitz and Burst (2019), *Macro F1 and macro F1*, arXiv:1911.03347. Two formulas share the name.
# - Kapoor and Narayanan (2023), *Leakage and the reproducibility crisis in machine-learning-based science*,
#   doi:10.1016/j.patter.2023.100804. True-class guidance has many relatives.
# - Argenziano et al. (1998), *Epiluminescence microscopy for the diagnosis of doubtful melanocytic skin lesions*,
#   doi:10.1001/archderm.134.12.1563. A word list for melanoma that was tested on lesions before it was used.
