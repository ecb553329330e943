# %% [markdown]
# # Counting words
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/06_lexicon_experiment.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F06_lexicon_experiment.ipynb) · 75 minutes · CPU is enough (1.4 GB)
#
# **What you will do** – repeat the paper's last experiment: let the words of 200 captions vote for a diagnosis, and ask
# what the result is worth.
#
# **What you will learn** – how counting letters differs from reading, how an unstated rule can make a result, and which
# two baselines any macro-F1 needs.
#
# **What you need** – unit 05 (captions); precision, recall and F1.
#
# > **Claim.** The paper's macro-F1 of .260 is below what "always nevus" gets.
# > **Control.** Blind voters: they see no caption but vote as often for each class. Captions that carry any diagnosis
# > must beat them.

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
images = 1200        # photographs to draw, 50 to 10000 (ignored for a folder)
seed = 0             # any whole number, 0 to 2000000000
backbone = "demo"    # "demo" or "imagenet": what the classifier is built on
checkpoint = "demo"  # "demo", a folder, or a hub id such as "Salesforce/instructblip-flan-t5-xl"
captions = 200       # photographs to caption, 20 to 2000; the paper took 200

# %% [markdown]
# ## 1. A vote by words
#
# The paper gives each class $c$ three keywords $K_c$ and counts how often they occur in a caption. The class with most
# hits, $\hat c$, wins:
#
# $$ \hat c = \arg\max_c \sum_{k \in K_c} \mathrm{count}(k, \mathrm{caption}) $$

# %% tags=["nbval-check-output"]
from dermxai_helpers import course, lexicon

course.check_parameters("06", globals())
keywords = lexicon.PAPER_KEYWORDS
keywords


# %% tags=["nbval-check-output"]
def count(sentence):
    """Hits of each class: how often its keywords occur, as runs of letters."""
    return {name: sum(sentence.lower().count(word) for word in words) for name, words in keywords.items()}

# %% [markdown]
# What if two classes have equally many hits, or none has any? The paper does not say. A rule can decide the result, so
# it has to be stated. Ours: **ties and zero hits go to the commonest class, nevus, and the vote says so.**

# %% tags=["nbval-check-output"]
def elected(hits):
    """The class with most hits; "nv" for a tie or no hit."""
    leaders = [name for name in hits if hits[name] == max(hits.values())]
    return leaders[0] if len(leaders) == 1 else "nv"


for sentence in ("Asymmetric, with multiple colors.", "A waxy, asymmetric lesion.", "A brown lesion."):
    helper, ours = lexicon.paper_vote(sentence), elected(count(sentence))
    print(sentence, count(sentence), "→", ours, f"(equal to the helper: {helper.label == ours})", helper.reason or "the words decided")

# %% [markdown]
# ## 2. Three traps before the first caption
#
# **The substring trap.** *Guess:* which class does this sentence describe, and which one wins?

# %% tags=["nbval-check-output"]
trap = "The lesion has an irregular border and uneven color."
print(count(trap), "→", elected(count(trap)))

# %% [markdown]
# It describes a melanoma, and the nevus wins: *regular border* is inside *irregular border*, *even color* inside *uneven
# color*.

# %% [markdown]
# ### Exercise 6.1 – whole words
# Difficulty ●●○ · importance ●●● · 5 minutes
#
# Write a count that is not misled. A hyphen is part of its word: in *non-uniform* there is no *uniform*. The case does not
# matter, and a keyword may consist of two words. **Expected:** 0 for *regular border* in the sentence above; 2 for *uniform*
# in *Uniform, non-uniform; UNIFORM.*
#
# <details><summary>Hint 1</summary>Two conditions: what must not stand before the keyword, and what must not come behind it.</details>
# <details><summary>Hint 2</summary><code>re.findall</code> with <code>(?&lt;!...)</code> before the keyword and
# <code>(?!...)</code> behind it; a set such as <code>[\w-]</code> names letters, digits and the hyphen.</details>

# %%
from dermxai_helpers import checks


# %% tags=["exercise"]
def whole_words(sentence, keyword):
    """A sentence and a keyword in small letters, both str -> how often it stands there as words of its own, int."""
    import re

    ### BEGIN SOLUTION
    return len(re.findall(rf"(?<![\w-]){keyword}(?![\w-])", sentence.lower()))
    ### END SOLUTION

# %% tags=["check"]
checks.whole_words(whole_words)

# %% [markdown] tags=["solution"]
# `(?<!…)` and `(?!…)` look at the neighbours and do not use them up. `\b` would not do: it sees the end of a word before a
# hyphen.

# %% [markdown]
# The lexicon of this course has such a search. With it, the same vote:

# %% tags=["nbval-check-output"]
def count_words(sentence):
    """Hits of each class: how often its keywords stand there as whole words."""
    return {name: sum(len(lexicon.vocabulary.whole_words(word).findall(sentence.lower())) for word in words)
            for name, words in keywords.items()}


print(count_words(trap), count("non-uniform"), count_words("non-uniform"))

# %% [markdown]
# Whole words are still not reading: denials count like assertions. `lexicon.parse` reads *facts*, each with a slot, a
# value, and whether it is stated or denied:

# %% tags=["nbval-check-output"]
denial = "The lesion is not asymmetric and has no irregular border."
print(count_words(denial), lexicon.parse(denial), sep="\n")

# %% [markdown]
# ### Exercise 6.2 – how far does a *no* reach?
# Difficulty ●●○ · importance ●●● · 6 minutes
#
# The best known rule for denials (*NegEx*, Chapman et al. 2001) has *cues*; ours are *no*, *not* and *without*. A cue denies
# what comes behind it, up to the next *but* or full stop. A second cue on the way changes nothing. The function below breaks
# this rule in some captions. Find out in which, and mend it. **Expected:** of *no waxy surface but an asymmetric outline*,
# *asymmetric* is stated once, *waxy* never.
#
# <details><summary>Hint 1</summary>Which words are searched for a cue? Try a caption of two sentences.</details>
# <details><summary>Hint 2</summary>Go through the words with a variable that says whether they are denied just now. Some words
# switch it on, others off.</details>

# %% tags=["exercise"]
def times_stated(words, keyword):
    """A caption's words in small letters, a list in which a full stop is a word "."; and a keyword, one word
    -> how often the caption states the keyword and does not deny it, int."""
    ### BEGIN SOLUTION
    count, denied = 0, False
    for word in words:
        if word in ("no", "not", "without"):
            denied = True
        elif word in ("but", "."):
            denied = False
        elif word == keyword and not denied:
            count += 1
    return count
    ### END SOLUTION
    ### BEGIN STUB
    # places = [place for place, word in enumerate(words) if word == keyword]
    # return sum(not {"no", "not", "without"} & set(words[:place]) for place in places)
    ### END STUB

# %% tags=["check"]
checks.not_denied(times_stated)

# %% [markdown] tags=["solution"]
# A cue reached to the end of the caption, over *but* and over full stops. Now each clause begins without a denial. The
# lexicon of this course knows more cues, and some that stand behind (*streaks are absent*).

# %% [markdown]
# **The echo trap.** Some language models repeat the prompt before they answer. *Guess:* which prompt votes?

# %% tags=["nbval-check-output"]
from dermxai_helpers.captions import PROMPTS

for name, prompt in PROMPTS.items():
    print(f"{name:8} {count(prompt)}")

# %% [markdown]
# An echo of the GLOBAL prompt, which offers *symmetric/asymmetric*, would vote for melanoma before every caption. The
# course's captioner cuts an echo off.
#
# **The unreachable class.** Which keywords do the prompts ask for at all?

# %% tags=["nbval-check-output"]
asked = " ".join(PROMPTS.values()).lower()
for name, words in keywords.items():
    print(f"{name:4}", {word: all(part.rstrip("s") in asked for part in word.split()) for word in words})

# %% [markdown]
# Nobody asks for *waxy*, *demarcated* or *keratotic*. A captioner that only answers its prompt can never vote for benign
# keratosis, however well it sees.
#
# ## 3. The paper's own captions
#
# The paper prints six captions, three for each of two images. Only the two marked ones are of the kind that voted, the
# “ROI captions for 200 randomly sampled images”.

# %% tags=["nbval-check-output"]
published = {
    "image 1, GLOBAL": "The image shows a person has a lesion on their skin that is brown in color. The lesion is symmetrical, bordered, and has no diagnosis.",
    "image 1, ROI ←": "The image shows a close-up image of a lesion on a person's skin showing a pinkish-brown area with a white border.",
    "image 1, FOCUSED": "The image shows an image of a lesion on a person's skin is shown with a ruler in the background.",
    "image 6, GLOBAL": "The image shows a person's ear is covered in a brown, reddish-brown rash.",
    "image 6, ROI ←": "The image shows a close-up image of a pink lesion on a person's skin. The lesion is symmetrical, bordered, and has a blue color.",
    "image 6, FOCUSED": "The image shows a person's ear is covered in a brown, reddish-brown lesion.",
}
for name, sentence in published.items():
    print(f"{name:17} {count(sentence)} {lexicon.paper_vote(sentence).reason}")

# %% [markdown]
# No caption holds a keyword. Two ROI captions say little about 200. But where words do not decide, an unstated rule does,
# and a share of votes then measures the rule.
#
# ## 4. The experiment
#
# Classifier, heat-map, region and ROI caption come from the units before, the photographs from the validation part.

# %%
from dermxai_helpers import data, files, plots, road, scoring, training

folder = data.prepare(photographs, images=images, seed=seed)
table = data.load(folder)
parts = data.split(table, by="lesion", seed=seed)
classifier = training.train(table, parts, backbone=backbone, seed=seed, progress=False)

# %%
unseen = table[parts == "val"]
sample = unseen.sample(min(captions, len(unseen)), random_state=seed).sort_values("lesion_id", ignore_index=True)
pictures = [data.open_image(path) for path in sample["image_path"]]
labels, lesions = sample["dx"].to_numpy(), sample["lesion_id"].to_numpy()
sample.groupby("dx")["lesion_id"].agg(photographs="size", lesions="nunique")

# %% [markdown]
# The paper cuts the region by the heat-map for the **true** class, which a user of such a system does not know. We do the
# same, and beside it what a user could do: cut by the **predicted** class.

# %%
targets = {"true": [classifier.classes.index(label) for label in labels],
           "predicted": classifier.predict_proba(pictures).argmax(axis=1)}
crops = {name: [views["roi"] for views in road.views(classifier, pictures, target)] for name, target in targets.items()}

# %%
import numpy as np

from dermxai_helpers.captions import Captioner

captioner = Captioner(checkpoint)
said = {name: captioner.caption(cut, PROMPTS["roi"], file=files.cache_folder() / "captions.jsonl") for name, cut in crops.items()}
votes = np.array([elected(count(sentence)) for sentence in said["true"]])

# %%
for row in sample.groupby("dx").head(1).index:
    print(f"{labels[row]:4} votes {votes[row]:4} {count(said['true'][row])}\n     {said['true'][row]}")

# %% [markdown]
# The paper's Figure 5:

# %%
import pandas as pd

from dermxai_helpers.plots import captions as figures

note = f"{len(sample)} ROI captions of {len(set(lesions))} lesions, {captioner.note}"
report = scoring.classification_table(labels, votes, data.CLASSES)
confusion = pd.crosstab(labels, votes).reindex(index=data.CLASSES, columns=data.CLASSES, fill_value=0).to_numpy()
course.figure("figure_5", figures.vote_report(report, confusion, data.CLASSES, 0.260, note))

# %% [markdown]
# How many votes are for nevus? The interval draws whole lesions.

# %%
course.record("share_voting_nevus", (votes == "nv").mean(), *scoring.interval("mean", lesions, votes == "nv", seed=seed),
              baseline=(labels == "nv").mean(), paper=0.80, note=f"{note}; the baseline is the share of nevi")

# %% [markdown]
# Who decided, the words or the rule? And which keywords occurred at all?

# %%
print({word: " ".join(said["true"]).lower().count(word) for words in keywords.values() for word in words})
by_rule = np.array([lexicon.paper_vote(sentence).reason != "" for sentence in said["true"]])
course.record("share_decided_by_rule", by_rule.mean(), *scoring.interval("mean", lesions, by_rule, seed=seed),
              note=f"ties and captions without keyword; {note}")

# %% [markdown]
# ## 5. What is this number worth?
#
# **Macro-F1** is the mean of the classes' F1, each class counting the same however rare:
#
# $$ F_c = \frac{2\, \mathrm{right}_c}{\mathrm{labelled}_c + \mathrm{voted}_c} \qquad
#    \text{macro-}F = \frac{1}{3}\sum_c F_c $$
#
# Of the captions, $\mathrm{labelled}_c$ have lesions of class $c$, $\mathrm{voted}_c$ vote for it, and for
# $\mathrm{right}_c$ both are true.

# %%
def macro_f1(labels, votes):
    """The mean over the three classes of F1; 0 for a class that is neither labelled nor voted for."""
    here = [(labels == name, votes == name) for name in data.CLASSES]
    return np.mean([2 * (labelled & voted).sum() / max(labelled.sum() + voted.sum(), 1) for labelled, voted in here])


print("equal to scikit-learn:", np.isclose(macro_f1(labels, votes), report.loc["macro average", "f1"]))

# %% [markdown]
# **Baseline 1: the constant**, always nevus.

# %% [markdown]
# ### Exercise 6.3 – predict what a constant gets
# Difficulty ●●○ · importance ●●● · 5 minutes
#
# If all votes are for one class, the equation above needs no votes: the numbers of photographs decide. Predict the macro-F1 for
# any numbers and any class that gets all votes. A class without photographs counts, with an F1 of 0. **Expected:** for the 1113,
# 6705 and 1099 photographs of HAM10000, *always nevus* gets a little above .28 and *always melanoma* about .07.
#
# <details><summary>Hint 1</summary>What is the F1 of a class that gets no vote?</details>
# <details><summary>Hint 2</summary>For the other class, how many votes are there, and how many of them are right?</details>

# %% tags=["exercise"]
def constant_macro_f1(numbers, voted):
    """Photographs of each class, int (classes,), and the number of the class that gets all votes -> macro-F1, float."""
    ### BEGIN SOLUTION
    f1 = 2 * numbers[voted] / (numbers[voted] + numbers.sum())
    return f1 / len(numbers)
    ### END SOLUTION

# %% tags=["check"]
checks.macro_f1_of_a_constant(constant_macro_f1)

# %% [markdown] tags=["solution"]
# Only one class has right votes. Its recall is 1 and its precision is its share, so its F1 is high where it is common; the
# other classes add 0.

# %% [markdown]
# The paper's .260 is less. By chance? Nobody knows which 200 images the paper took. So we draw 200 labels as frequent as in
# HAM10000, a thousand times:

# %% tags=["nbval-check-output"]
rng, constant = np.random.default_rng(seed), np.full(200, "nv")
shares = np.array([1113, 6705, 1099]) / 8917  # mel, nv, bkl: the paper, section 3.1
samples = [rng.choice(data.CLASSES, 200, p=shares) for _ in range(1000)]
paper_against_constant = scoring.among(0.260, [macro_f1(drawn, constant) for drawn in samples])
print(paper_against_constant.sentence("The paper", "voters that always say nevus", "macro-F1"))

# %% [markdown]
# *p* is the share of draws that are as low as the value (as high, where it says so). The value itself counts as a draw, so
# *p* is never 0. Next, voters that see nothing, but vote nevus as often as the paper's captions. How the paper's other votes
# were split it does not say, so here are three ways:

# %% tags=["nbval-check-output"]
for split in ([0.1, 0.8, 0.1], [0.2, 0.8, 0.0], [0.0, 0.8, 0.2]):  # mel, nv, bkl
    unseeing = [macro_f1(drawn, rng.choice(data.CLASSES, 200, p=split)) for drawn in samples]
    print(scoring.among(0.260, unseeing).sentence("The paper", f"voters that see nothing ({split})", "macro-F1"))

# %% [markdown]
# Our captions and the constant, on the same photographs:

# %%
nevus = np.full(len(labels), "nv")
against_constant = scoring.compare(votes, "nv", lesions, "macro_f1", labels, seed=seed)
print(against_constant.sentence("The captions' words", "always nevus", "macro-F1"))
course.record("macro_f1", macro_f1(labels, votes), *scoring.interval("macro_f1", lesions, labels, votes, seed=seed),
              baseline=macro_f1(labels, nevus), paper=0.260, note=f"{note}; the baseline is always nevus")

# %% [markdown]
# **Baseline 2: blind voters** (captions shuffled). Each casts our captions' votes, but dealt to other lesions. Photographs of one
# lesion resemble each other and are dealt together. One blind voter is one draw; a thousand make a distribution.

# %%
sisters = list(sample.groupby("lesion_id").indices.values())  # the rows of each lesion
deals = [np.concatenate([sisters[i] for i in rng.permutation(len(sisters))]) for _ in range(1000)]


def blind_voters(votes):
    return np.array([macro_f1(labels, votes[deal]) for deal in deals])


# %%
blind = blind_voters(votes)
against_blind = scoring.among(macro_f1(labels, votes), blind)
do = {"higher": "do better than", "lower": "do worse than", "cannot tell": "cannot be told from"}
print(against_blind.sentence("The captions' words", "blind voters", "macro-F1"))
marks = {"captions": macro_f1(labels, votes), "always nevus": macro_f1(labels, nevus), "paper": 0.260}
course.figure("blind_voters", figures.blind_voters(blind, marks, note))

# %% [markdown]
# Inside the grey hill is what chance reaches with our votes; the paper's were others.
#
# **What did knowing the answer help?** The same photographs, cut by the true and by the predicted class:

# %%
votes_by_prediction = np.array([elected(count(sentence)) for sentence in said["predicted"]])
guidance = scoring.compare(votes, votes_by_prediction, lesions, "macro_f1", labels, seed=seed)
print(guidance.sentence("Crops by the true class", "crops by the predicted class", "macro-F1"))

# %% [markdown]
# ## 6. Captions without a mistake
#
# Suppose the captioner never erred. The drawings know every attribute, so we can write each lesion's true caption and let
# it vote. (Of photographs nobody knows the true caption; then the cell prints nothing.) *Guess:* how many benign keratoses
# are found?

# %%
from dermxai_helpers.lexicon.sentences import describe

truth = data.truth(folder)  # None for photographs: nobody knows their true captions
if truth is not None:
    drawn = truth.set_index("image_id").loc[sample["image_id"]]
    perfect = np.array([elected(count(describe(row, "roi", rng))) for _, row in drawn.iterrows()])
    print(f"benign keratoses found: {((perfect == 'bkl') & (labels == 'bkl')).sum()} of {(labels == 'bkl').sum()}")

# %% [markdown]
# No keyword of benign keratosis answers a prompt, so no better language model could help. This check belongs before the
# experiment.
#
# ## 7. A lexicon that reads
#
# A fact need not have one vote for one class. **Naive Bayes** turns facts into probabilities with three ideas:
#
# - The **prior** $P(c)$: how frequent class $c$ is before anything is read.
# - **Independence**, the naive part: within a class, one fact says nothing about the next, so their chances
#   $P(f_i \mid c)$ are multiplied.
# - The **sum** over all classes $k$, by which we divide, so that the results add up to 1.
#
# $$ P(c \mid f_1, \dots, f_n) = \frac{P(c) \prod_i P(f_i \mid c)}{\sum_k P(k) \prod_i P(f_i \mid k)} $$
#
# The left side is the **posterior**: the probability of $c$ after reading the facts $f_1$ to $f_n$. By hand: of four
# melanomas, three have streaks and two are asymmetric; of six nevi, one and two.

# %% tags=["nbval-check-output"]
prior = np.array([4 / 10, 6 / 10])  # mel, nv
streaks, asymmetric = np.array([3 / 4, 1 / 6]), np.array([2 / 4, 2 / 6])
product = prior * streaks * asymmetric
(product / product.sum()).round(3)

# %% tags=["nbval-check-output"]
chances = {"streaks": {("any", "present"): streaks}, "symmetry": {("asymmetric", "present"): asymmetric}}
tiny = lexicon.voting.FactWeights(("mel", "nv"), prior, chances)
posterior = lexicon.vote("An asymmetric lesion with streaks.", tiny).posterior  # class -> probability
print(posterior, "equal to ours:", np.allclose(list(posterior.values()), product / product.sum()))

# %% [markdown]
# ### Exercise 6.4 – what a fact weighs
# Difficulty ●●○ · importance ●●● · 6 minutes
#
# Between two classes one number says for which of them a fact speaks, and how strongly: the **log-likelihood ratio**
# $\log \left(P(f \mid \text{class}) / P(f \mid \text{rival})\right)$. But a fact that a few lesions happen not to show would weigh
# infinitely much. So add a **pseudo-count**: to each class one lesion with the fact and one without it. Then give the ratio
# for the fact *stated* and for the fact *denied* (its probability is 1 minus the other). **Expected:** for the streaks
# above, 3 of 4 melanomas against 1 of 6 nevi, +0.98 stated and -0.81 denied.
#
# <details><summary>Hint 1</summary>By how many lesions does each class grow?</details>
# <details><summary>Hint 2</summary>First the two probabilities, as an array. <code>np.log</code> is the natural logarithm.</details>

# %% tags=["exercise"]
def fact_weights(having, sizes):
    """Lesions with a fact, and all lesions, of a class and of its rival, both int (2,)
    -> natural log-likelihood ratios of the fact stated and of the fact denied, float (2,)."""
    ### BEGIN SOLUTION
    ours, theirs = (having + 1) / (sizes + 2)
    return np.log([ours / theirs, (1 - ours) / (1 - theirs)])
    ### END SOLUTION

# %% tags=["check"]
checks.log_likelihood_ratio(fact_weights)

# %% [markdown] tags=["solution"]
# With one lesion more of each kind, no probability is 0 or 1. A denial has a weight of its own: that streaks are absent says
# little if they are rare in both classes.

# %% [markdown]
# For a whole lexicon, prior and chances come from 4,000 other *drawn* lesions; on skin they are unknown. The **weight** of
# a fact, $w_c(f) = \log \left(P(f \mid c) / P(f)\right)$, is above 0 where it speaks for the class:

# %%
weights = lexicon.voting.default_weights()
print(said["true"][0], pd.DataFrame(lexicon.vote(said["true"][0], weights).evidence).T.round(2), sep="\n")

# %% [markdown]
# ### Which part helps?
#
# From the paper's count to this lexicon, three things change: parser, weights and prior. We change one at a time. For
# the parser alone, the paper's keywords become facts with one vote each:

# %%
meaning = {"mel": [("symmetry", "asymmetric"), ("border_shape", "irregular"), ("colour_count", "many")],
           "bkl": [("surface", "waxy"), ("border_sharpness", "sharp"), ("surface", "keratotic")],
           "nv": [("border_shape", "regular"), ("colour_count", "one")]}  # "uniform" and "even color" are one fact


def count_facts(sentence):
    read = lexicon.parse(sentence)
    return {name: sum(read.get(slot) == (value, "present") for slot, value in facts) for name, facts in meaning.items()}


# %%
alike = lexicon.voting.FactWeights(weights.classes, np.full(3, 1 / 3), weights.chances)  # no prior: equal shares
reading = [lexicon.vote(sentence, weights, threshold=0) for sentence in said["true"]]
steps = {
    "letters": votes,
    "whole words": [elected(count_words(sentence)) for sentence in said["true"]],
    "read facts": [elected(count_facts(sentence)) for sentence in said["true"]],
    "weighted facts": [lexicon.vote(sentence, alike, threshold=0).label for sentence in said["true"]],
    "weights and a prior": [decision.label for decision in reading],
}
steps = {name: np.where(np.array(one) == "abstain", "nv", one) for name, one in steps.items()}  # silent captions

# %% [markdown]
# *Guess:* which step changes macro-F1 most?

# %%
from itertools import pairwise

changes = {}
for before, after in [*pairwise(steps), ("letters", "weights and a prior")]:
    changes[before, after] = scoring.compare(steps[after], steps[before], lesions, "macro_f1", labels, seed=seed)
    print(changes[before, after].sentence(after.capitalize(), before, "macro-F1"))

# %%
*single, whole = changes
before, after = largest = max(single, key=lambda pair: abs(changes[pair].difference))
summary = (f"In this sample the largest step is from {before} to {after}: its votes {do[changes[largest].outcome]} those before. "
           f"After all steps, votes {do[changes[whole].outcome]} those by letters.")
print(summary)

# %%
rows = {name: [macro_f1(labels, one), *scoring.interval("macro_f1", lesions, labels, one, seed=seed), macro_f1(labels, nevus),
               blind_voters(one).mean()] for name, one in steps.items()}
shown = pd.DataFrame(rows, index=["votes", "low", "high", "always nevus", "captions shuffled"]).T
course.figure("steps", plots.beside_controls(shown, "F1, mean of the three classes", note, paper=0.260))

# %% [markdown]
# ### May it abstain?
#
# If only the surest captions vote, are the votes better? The surest may just be captions of the commonest class. So
# *always nevus* stands beside, **on the same captions**, in accuracy and balanced accuracy (the mean recall of
# their classes).

# %%
best, sure = steps["weights and a prior"], np.array([decision.confidence for decision in reading])
bars = [bar for bar in np.unique(sure)[::-1] if len(set(lesions[sure >= bar])) >= 10]  # of fewer nothing can be said
rows = [{"answer": name, "coverage": np.mean(sure >= bar)} | scoring.scores(labels[sure >= bar], answer[sure >= bar], data.CLASSES)
        for name, answer in {"reading lexicon": best, "always nevus": nevus}.items() for bar in bars]
course.figure("coverage", figures.coverage(pd.DataFrame(rows).rename(columns=lambda name: name.replace("_", " ")), note))

# %%
half = sure >= np.median(sure)
on_half = scoring.compare(best[half], "nv", lesions[half], "accuracy", labels[half], seed=seed)
halves = [(labels[half[deal]] == "nv").mean() for deal in deals]
print(on_half.sentence("The surer half's votes", "always nevus on the same half", "accuracy"))
print(scoring.among((labels[half] == "nv").mean(), halves).sentence("The surer half", "halves drawn at random", "the share of nevi"))

# %%
balanced = scoring.compare(best, "nv", lesions, "balanced_accuracy", labels, seed=seed)
print("What is left?", balanced.sentence("All votes", "always nevus", "balanced accuracy"))

# %% [markdown]
# Where votes and *always nevus* cannot be told apart, a rising curve can only say which captions belong to nevi.
#
# ### Your words
#
# Find nine better words; leave a box to see the table. You are tuning on the test set.

# %% tags=["nbval-ignore-output"]
from dermxai_helpers import widgets

widgets.word_lists(said["true"], labels, keywords, note)

# %% [markdown]
# ## 8. The paper, word for word
#
# Its conclusion is *negative*: captions do **not** discriminate reliably. Votes below the constant support it: who reads
# nothing does better. Votes above the constant are set beside blind voters: above them, too, they contradict; below them,
# they support. All else is "cannot tell", which is no support: a small sample can never tell.

# %%
not_judged = "drawn lesions" if truth is not None else "demo captioner" if checkpoint == "demo" else ""
judge = against_blind if against_constant.outcome == "higher" else against_constant
shown = [against_constant.sentence("The votes", "always nevus", "macro-F1"), against_blind.sentence("The votes", "blind voters", "macro-F1")]
course.claim("paper", "4.4", "captions are not reliably class discriminative despite being grounded in the image",
             judge, " ".join(shown), supports="lower", not_judged=not_judged)

# %% [markdown]
# The 80 % of nevus votes stand beside ours in section 4. *Skewed* can be tested, against the share of nevi:

# %%
skew = scoring.compare(votes == "nv", labels == "nv", lesions, seed=seed)
course.claim("paper", "5", "skewed towards the majority class", skew,
             skew.sentence("The votes", "the true classes", "the share of nevi"), not_judged=not_judged)

# %% [markdown]
# The paper also found “non-discriminative clinical details”. That is not judged here: no sample shows that a detail tells
# *nothing*. The opposite can be shown. **Do all details together tell more than chance?** The lexicon that reads, with
# weights and prior, against its own votes dealt to other lesions:

# %%
details = scoring.among(macro_f1(labels, best), blind_voters(best))
print(details.sentence("All facts, with weights and prior", "blind voters", "macro-F1"))

# %% [markdown]
# “guiding Grad-CAM by the true class” is the paper's method, not a claim of benefit: section 5 compares it with the
# predicted class.
#
# ## 9. What we found

# %%
above = (paper_against_constant.draws > 0.260).mean()
print(f"The paper's votes {do[paper_against_constant.outcome]} always nevus: {above:.1%} of such voters are above .260.")
print(f"Our counted words {do[against_constant.outcome]} always nevus and {do[against_blind.outcome]} blind voters.")
print(f"The rule for the undecided made {by_rule.mean():.0%} of {len(votes)} votes.")
print(f"Crops by the true class {do[guidance.outcome]} crops by the predicted class. {summary}")

# %% [markdown]
# ## 10. What this does *not* show
#
# - **Not that captions are useless.** What they know beyond the lexicon's facts goes uncounted.
# - **Not that better keywords would do.** They need lesions that took no part in choosing them.
# - **Not that this run does better than the paper**, even if its number is higher. The demo captioner was taught the
#   prompts' own words, and the weights come from the same kind of drawings.
# - **Nothing about InstructBLIP** when the demo captioner speaks, nor about the paper's 200 images, which it does not name.
# - **No diagnosis.** Nothing here is for clinical use.
#
# ## Quiz

# %% tags=["quiz"]
told = {"higher": "do better than always nevus", "lower": "do worse than always nevus", "cannot tell": "cannot be told from always nevus"}
checks.Quiz({
    "Of 200 captions, 80 % vote for nevus. What does that say about the captions?": {
        "most of them describe a nevus": (False, "A denied keyword votes, too."),
        "the language model knows that nevi are common": (False, "Perhaps, but the votes come from a list of words."),
        "little, until you know how many votes the words decided": (True, "Ties and captions without keyword vote by a rule, and the rule may say nevus."),
    },
    "A macro-F1 of .40 for three classes: is it good?": {
        "it depends on a constant and on blind voters for the same photographs": (True, "Both see nothing, and how much they get depends on how frequent the classes are."),
        "yes, it is above one third": (False, "One third is no limit for voters that see nothing."),
        "no, it is below one half": (False, "One half is no limit either."),
    },
    "In a lexicon that was learnt from 20 nevi, none had streaks. What must not happen?": {
        "that streaks speak against nevus": (False, "They may. The question is how strongly."),
        "that a single mention of streaks outweighs all other facts": (True, "Without a pseudo-count its weight is infinite."),
        "that a denial of streaks speaks for nevus": (False, "It should, a little: nevi have them less often."),
    },
    "The surest captions vote better than all captions do. What must stand beside that?": {
        "the accuracy of the unsure captions": (False, "It is lower, then: nothing new."),
        "always nevus on all captions": (False, "The surest captions may hold more nevi than the others."),
        "always nevus on the same captions": (True, "If it is as accurate there, the lexicon has only found the nevi that any constant gets right."),
    },
    "In this run, the captions' counted words ...": {
        words: (outcome == against_constant.outcome, against_constant.sentence("The captions' words", "always nevus", "macro-F1")) for outcome, words in told.items()
    },
})

# %% [markdown]
# ## Further reading
#
# - Chapman et al. (2001), *A simple algorithm for identifying negated findings and diseases in discharge summaries*,
#   doi:10.1006/jbin.2001.1029. Why "no evidence of" must not count.
# - Opitz and Burst (2019), *Macro F1 and macro F1*, arXiv:1911.03347. Two formulas share the name.
# - Phipson and Smyth (2010), *Permutation p-values should never be zero*, doi:10.2202/1544-6115.1585.
# - Argenziano et al. (1998), *Epiluminescence microscopy for the diagnosis of doubtful melanocytic skin lesions*,
#   doi:10.1001/archderm.134.12.1563. A word list tested on lesions first.
