# %% [markdown]
# # Captions on trial
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/06b_captions_on_trial.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F06b_captions_on_trial.ipynb) · 74 minutes · CPU is enough (1.5 GB)
#
# **What you will do** – change one thing in a picture and see whether its caption follows, compare shared words with
# shared facts, let the label cut the picture, and teach a captioner a new word.
#
# **What you will learn** – to tell a caption that depends on the picture from one that only sounds right, what a noise
# floor is, what BLEU cannot see, how low-rank adapters work, and what teaching costs.
#
# **What you need** – units 05 (captions and facts) and 06 (votes, macro-F1).
#
# > **Claim.** The captioner describes the picture it is shown.
# > **Control.** The same lesion drawn again with one attribute changed and every other random choice kept. A caption that
# > describes must follow, and in the other facts change no more than for a mirror image. Section 3 counts both.

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
checkpoint = "demo"  # "demo", a folder or a hub id with a T5 inside, such as "Salesforce/instructblip-flan-t5-xl"
examined = 60        # lesions drawn for sections 1, 2 and 6, 20 to 1000
pairs_each = 12      # pairs for each attribute in section 3, 2 to 100
guided = 60          # photographs for section 5, equally many of each class, 20 to 2000
steps = 60           # of teaching, 5 to 1000

# %% [markdown]
# ## 1. Which facts are right?
#
# To judge a caption we need the truth, so the lesions are **drawn** (only section 5 uses your photographs). Every
# attribute is drawn on its own: none helps to guess another, except for the number of colours.

# %%
import numpy as np
import pandas as pd
import torch

from dermxai_helpers import course, data, files, lexicon, plots, regions, road, scoring, synth, training
from dermxai_helpers.captions import PROMPTS, Captioner, lora
from dermxai_helpers.lexicon import counterfactual, facts
from dermxai_helpers.synth.attributes import sample_evenly

course.check_parameters("06b", globals())
rng = np.random.default_rng([seed, 606])
lesions = [synth.draw([seed, 606, i], **sample_evenly(rng)) for i in range(examined)]
true = [facts.true_facts(lesion.attributes) for lesion in lesions]

# %%
captioner = Captioner(checkpoint)
sentences = captioner.caption([lesion.image for lesion in lesions], PROMPTS["focused"])
print(captioner.note, sentences[0], sep="\n")

# %% [markdown]
# Nine facts are judged, each by the share of captions that are right about it. (Counted over all captions and values, precision
# and recall are this number, too, unless captions are silent.) The FOCUSED prompt does not ask for cysts and
# openings: silence about those two is read as a denial; other silence is not right.

# %%
slots = {"symmetry": "symmetry", "border_shape": "border", "colour_count": "number of colours", "network": "network",
         "dots_globules": "dots", "streaks": "streaks", "blue_white_veil": "blue-white veil", "milia": "cysts",
         "comedo": "openings"}


def read(captions):
    """The facts that each caption states."""
    unasked = {"milia": ("any", "absent"), "comedo": ("any", "absent")}
    return [unasked | lexicon.parse(caption) for caption in captions]


# %% [markdown]
# `facts.marks` has a row for each caption and a column for each fact: 1 stated rightly, 0 not.

# %%
seen = facts.marks(read(sentences), true, list(slots))
seen.rename(columns=slots).head(3)

# %% [markdown]
# ## 2. Better than no picture?
#
# Ask the same captioner about a blank grey picture: that caption knows nothing of any lesion. **Guess first:** for which
# of the nine facts is it as good as the captions of section 1?

# %%
blank = captioner.caption([np.full((224, 224, 3), 128, np.uint8)], PROMPTS["focused"], progress=False)
nothing = facts.marks(read(blank) * examined, true, list(slots))
low, high = scoring.mean_intervals(range(examined), seen, seed=seed).T
table = pd.DataFrame({"captions": seen.mean(), "low": low, "high": high, "caption of a blank picture": nothing.mean()})
course.figure("readers", plots.beside_controls(table.rename(slots), "share of captions that are right", f"{examined} drawn lesions, {captioner.note}"))

# %% [markdown]
# The *differences* are judged, lesion by lesion:

# %%
def tell(a, b, subject, reference, quantity, rows="captions"):
    """Compare two values of each row, a lesion of its own; print the sentence and return the comparison."""
    found = scoring.compare(a, b, range(len(a)), seed=seed)
    print(found.sentence(subject, reference, quantity, rows))
    return found


blind = {slot: tell(seen[slot], nothing[slot], "Captions", "a blank picture", f"share right about the {word}")
         for slot, word in slots.items()}

# %%
def outcomes(found):
    """Which facts have which outcome, in words; and how many are called higher if none is."""
    named = {outcome: [slots[slot] for slot in found if found[slot].outcome == outcome] for outcome in ("higher", "lower", "cannot tell")}
    words = "; ".join(f"{outcome}: {', '.join(names) or 'none'}" for outcome, names in named.items())
    return f"{words} ({len(named['higher'])} of {len(found)} higher; if none were, chance alone would call about {0.025 * len(found):.1f} so)"


print("Against a blank picture,", outcomes(blind))

# %% [markdown]
# *Cannot tell* is not *no better*: these captions are too few. And nine comparisons are nine chances for a false alarm. A
# 95 % interval lies wholly above the truth about once in forty times, by chance. So read how *many* are higher; a single one
# of nine is weak.
#
# ## 3. Change one thing
#
# The strictest test compares a lesion with itself: the same random choices, one attribute switched.

# %%
pairs = counterfactual.draw_pairs(pairs_each, seed)
before = captioner.caption([pair.before.image for pair in pairs], PROMPTS["focused"])
after = captioner.caption([pair.after.image for pair in pairs], PROMPTS["focused"])
chosen = [i for i, pair in enumerate(pairs) if pair.slot in ("blue_white_veil", "symmetry")][::pairs_each]
rows = [{f"{slots[pairs[i].slot]}: before": (pairs[i].before.image, before[i]),
         f"{slots[pairs[i].slot]}: after": (pairs[i].after.image, after[i])} for i in chosen]
course.figure("pairs", plots.cards(rows, "each lesion drawn twice, with one attribute changed"))

# %% [markdown]
# A caption **followed** if it is right about that attribute before and after. But captions also change without a reason.
# So mirror the first picture: no attribute changes, and every change of the caption is **noise**. The *noise floor* is
# counted by the same rule: how many captions of the mirrored picture would have passed as *followed*?

# %% [markdown]
# ### Exercise 6b.1 – how many follow, and how many by noise
# Difficulty ●●○ · importance ●●● · 6 minutes
#
# Count both, for one attribute that a caption states or denies. **Expected:** if no caption ever changes, both shares are 0. If
# all captions are right before and after, the rate is 1; the floor is 0 only if no caption changes for the mirror.
#
# <details><summary>Hint 1</summary>A caption that is right once may be right by luck. Twice, one after the other, is asked.</details>
# <details><summary>Hint 2</summary>For the floor, put the mirrored picture's caption in the place of the caption after the change.
# Leave the rest as it is, the truth as well.</details>

# %%
from dermxai_helpers import checks


# %% tags=["exercise"]
def rate_and_floor(true, said):
    """Whether the attribute is there before and after the change, bool (pairs, 2); and whether the captions say so, of the
    pictures before, after and mirrored, bool (pairs, 3) -> share that follows and share by noise, float (2,)."""
    ### BEGIN SOLUTION
    right_before = said[:, 0] == true[:, 0]
    followed = right_before & (said[:, 1] == true[:, 1])
    by_noise = right_before & (said[:, 2] == true[:, 1])
    return np.array([followed.mean(), by_noise.mean()])
    ### END SOLUTION

# %% tags=["check"]
checks.follow_rate(rate_and_floor)

# %% [markdown] tags=["solution"]
# The floor takes the same rule, with the truth *after* the change: it counts captions that would look as if they followed,
# though nothing has changed.

# %% [markdown]
# **Guess first:** which changes does the captioner follow, and which not?

# %%
mirrored = captioner.caption([pair.before.image[:, ::-1] for pair in pairs], PROMPTS["focused"])
changed = counterfactual.follow(pairs, read(before), read(after))
noise = counterfactual.follow(pairs, read(before), read(mirrored))

# %%
follows, moves = {}, {}
for slot in slots:
    there, floor = (one[one["slot"] == slot] for one in (changed, noise))
    said = f"Changing the {slots[slot]}", "a mirror", "share of captions that follow", "pairs"
    follows[slot] = tell(there["followed"], floor["followed"], *said)
    moves[slot] = scoring.compare(there["others"], floor["others"], range(len(there)), seed=seed)
print("Following against a mirror,", outcomes(follows))

# %%
shown = {slots[slot]: [one.value, *scoring.wilson(round(one.value * one.n), one.n), one.reference] for slot, one in follows.items()}
shown = pd.DataFrame(shown, index=["one thing changed", "low", "high", "only mirrored"]).T
course.figure("followed", plots.beside_controls(shown, "share of captions that follow", f"{pairs_each} pairs each, {captioner.note}"))

# %% [markdown]
# A caption that tells what *usually goes with* the change moves other facts, too: more of them than noise moves. The first
# line pools all pairs; the second is a hint where to look.

# %%
rest = tell(changed["others"], noise["others"], "Changing one thing", "a mirror", "share of other facts told differently", "pairs")
print("Other facts against a mirror, when this was changed,", outcomes(moves))

# %% [markdown]
# The paper says it in half a sentence. Here it is tested, on drawings:

# %%
whole = scoring.compare(changed["followed"], noise["followed"], range(len(pairs)), seed=seed)
course.record("captions_follow", whole.value, *scoring.interval("mean", range(len(pairs)), changed["followed"], seed=seed), baseline=whole.reference, note=f"{whole.n} pairs; the baseline is mirrored")
course.claim("paper", "4.4", "despite being grounded in the image", whole,
             whole.sentence("Changing one thing", "a mirror", "share of captions that follow", "pairs"), not_judged="drawn lesions")

# %% [markdown]
# ## 4. Shared words are not shared facts
#
# Captions are often judged by the words they share with a reference. The best known measure is **BLEU** (Papineni and
# others 2002). Take the caption's runs of $n$ words (*n-grams*). The share that the reference holds, too, each counted at
# most as often as there, is the precision $p_n$:
#
# $$ \mathrm{BLEU} = 100 \cdot \min\left(1, e^{1 - r/c}\right) \cdot \left(p_1\, p_2\, p_3\, p_4\right)^{1/4} $$
#
# $c$ and $r$ are the numbers of words in caption and reference. The middle factor, the *brevity penalty*, punishes a
# caption that is shorter than its reference: else a single safe word would be perfect.

# %% [markdown]
# ### Exercise 6b.2 – the precision of single words
# Difficulty ●○○ · importance ●●○ · 4 minutes
#
# Write $p_1$. **Expected:** for *no dots no no* against *dots but no streaks* 0.5: of four words, one *no* and the *dots* are shared.
#
# <details><summary>Hint 1</summary>For each different word, two numbers: how often it is in the caption and in the reference.</details>
# <details><summary>Hint 2</summary><code>list.count</code>; or two <code>collections.Counter</code> joined by <code>&amp;</code>.</details>

# %% tags=["exercise"]
def word_precision(caption, reference):
    """The words of a caption and of its reference, two lists of str -> share of the caption's words, 0 to 1, that the
    reference holds, too, each word counted at most as often as there."""
    ### BEGIN SOLUTION
    shared = sum(min(caption.count(word), reference.count(word)) for word in set(caption))
    return shared / len(caption)
    ### END SOLUTION

# %% tags=["check"]
checks.clipped_precision(word_precision)

# %% [markdown] tags=["solution"]
# *Clipping* is the minimum: without it, one safe word, said ten times, would be perfect.

# %% [markdown]
# ### Exercise 6b.3 – predict what a false caption gets
# Difficulty ●●○ · importance ●●● · 5 minutes
#
# A reference states some facts with one word each (*streaks*) and denies others with two words (*no dots*). It holds no other
# words. A caption turns every fact round: *no streaks*, *dots*. Predict its $p_1$ from how many facts the reference states and
# denies. **Expected:** 5/7 for 3 stated and 1 denied.
#
# <details><summary>Hint 1</summary>How many words has the caption? How many of them are <em>no</em>?</details>
# <details><summary>Hint 2</summary>All names of facts are shared. Of the word <em>no</em>, as many as the side with fewer holds:
# <code>np.minimum</code>.</details>

# %% tags=["exercise"]
def false_precision(stated, denied):
    """Facts that some references state (one at least) and deny, both int (captions,)
    -> clipped precision of single words, float (captions,), of captions in which each of these facts is turned round."""
    ### BEGIN SOLUTION
    names = stated + denied
    shared = names + np.minimum(stated, denied)  # a "no" in the caption for each stated fact, one in the reference for each denied
    return shared / (names + stated)
    ### END SOLUTION

# %% tags=["check"]
checks.precision_of_a_false_caption(false_precision)

# %% [markdown] tags=["solution"]
# With as many facts stated as denied it is 1: the same words, and not one true fact. Single words do not know what a *no*
# belongs to.

# %% [markdown]
# Longer runs of words see a little more. Two captions of one lesion: in one some facts are turned round, in the other all are
# true. **Guess first:** which one scores higher? (Where a precision is zero, the library adds a little, called *smoothing*.)

# %% tags=["nbval-check-output"]
import sacrebleu

reference = "The lesion is symmetric, with a regular border, a single color, no network, no dots and no streaks."
turned = "The lesion is asymmetric, with an irregular border, multiple colors, no network, no dots and streaks."
free = "Symmetric; one color; regular in outline; neither streaks, dots nor a network can be seen."
for caption in (turned, free):
    verdict = facts.verdicts([lexicon.parse(caption)], [lexicon.parse(reference)])["verdict"]
    bleu = sacrebleu.sentence_bleu(caption, [reference], tokenize="none")
    by_hand = bleu.bp * np.prod(bleu.precisions) ** (1 / 4)  # bp is the brevity penalty; precisions in percent
    print(f"{(verdict == 'right').sum()} of {len(verdict)} facts right, p_1 {bleu.precisions[0] / 100:.2f}, BLEU {bleu.score:.1f}, by hand {by_hand:.1f}")

# %% [markdown]
# BLEU prefers the false caption. That is its blind spot: a false fact needs only one other word. So this course counts
# facts. The paper's outlook hopes for “Structured caption evaluation against radiologist-written descriptions”. Nobody
# wrote any for these lesions: not testable here.

# %% [markdown]
# ## 5. Who told it where to look?
#
# The paper cut its pictures by “guiding Grad-CAM by the true class”: the region knows the label. Here are your
# photographs, equally many of each class, and four guides: the true, the predicted and the likeliest wrong class, and a box
# in the middle, as large as the true class's.

# %%
table = data.load(data.prepare(photographs, images=images, seed=seed))
parts = data.split(table, by="lesion", seed=seed)
classifier = training.train(table, parts, backbone=backbone, seed=seed, progress=False)
unseen = table[parts == "val"].sample(frac=1, random_state=seed)
sample = unseen.groupby("dx").head(guided // 3).reset_index(drop=True)
pictures = [data.open_image(path) for path in sample["image_path"]]

# %%
by_label = [classifier.classes.index(label) for label in sample["dx"]]
scores = classifier.logits(pictures).copy()
scores[range(len(sample)), by_label] = -np.inf
guides = {"true class": by_label, "predicted class": None, "wrong class": scores.argmax(axis=1)}
found = {guide: road.find_regions(classifier, pictures, targets) for guide, targets in guides.items()}

# %%
boxes = {guide: [region.box for region in cuts] for guide, cuts in found.items()}
sizes = [(x1 - x0) * (y1 - y0) for x0, y0, x1, y1 in boxes["true class"]]
boxes["centred box"] = [regions.centred_box(size, one.shape[:2]) for size, one in zip(sizes, pictures, strict=True)]
crops = {guide: [one[y0:y1, x0:x1] for one, (x0, y0, x1, y1) in zip(pictures, cuts, strict=True)] for guide, cuts in boxes.items()}
first = {"photograph": pictures[0]} | {guide: cut[0] for guide, cut in crops.items()}
course.figure("guides", plots.row(first, f"A photograph ({data.CLASS_NAMES[sample['dx'][0]]}) and what four guides cut."))

# %% [markdown]
# **Guess first:** how much macro-F1 of the paper's word count does the label add?

# %%
spoken = {guide: captioner.caption(cut, PROMPTS["roi"]) for guide, cut in crops.items()}
votes = {guide: [lexicon.paper_vote(one).label for one in captions] for guide, captions in spoken.items()}
label_leak = {}
for guide in ("predicted class", "wrong class", "centred box"):
    leak = scoring.compare(votes["true class"], votes[guide], sample["lesion_id"], "macro_f1", sample["dx"], seed=seed)
    print(leak.sentence("The true class's map", f"the {guide}", "macro-F1 of the votes"))
    course.record(f"true_class_minus_{guide.replace(' ', '_')}", leak.difference, leak.low, leak.high, baseline=0.0)
    label_leak[guide] = leak.outcome

# %% [markdown]
# The interval lists the differences that these photographs leave possible. *Cannot tell* does not mean that the guide did
# not matter.
#
# ## 6. Teaching it a word
#
# The paper's outlook asks for “curated lesion descriptions, encouraging the model to mention diagnostic attributes”. Nobody
# has written any. But masks can be *measured*: fold them, compare the outline with a circle's, take the width of the edge
# and the spread of the colours. Above the median becomes one word, below it the other. Such labels are called **silver**:
# made by a rule, not by an expert. The new word is *sharp* or *faded*: no prompt asks for it.

# %%
from dermxai_helpers.lexicon.sentences import edge_share

learners = [pair.before for pair in pairs]
values, judged_values = (pd.DataFrame([one.measured | {"edge_share": edge_share(one.image, one.mask)} for one in some])
                         for some in (learners, lesions))

# %%
rules = {  # slot: the measurement, the words below its median, the words above it
    "symmetry": ("asymmetry", "symmetry", "asymmetry"), "border_shape": ("compactness", "an irregular border", "a regular border"),
    "border_sharpness": ("edge_share", "a faded edge", "a sharp edge"), "colour_count": ("colour_spread", "a single color", "multiple colors")}


def silver(rows, wanted):
    """The sentence that the rules give each lesion."""
    above = rows > values.median()
    phrases = [[rules[slot][2 if one[rules[slot][0]] else 1] for slot in wanted] for _, one in above.iterrows()]
    return [f"The lesion shows {', '.join(one)}." for one in phrases]


# %% [markdown]
# How good is silver? On drawings the truth is known. Balanced accuracy (the mean of both words' recalls) is one half for a
# rule that knows nothing. **A rule that is not shown to be above one half must not teach.**

# %%
words, gate = slots | {"border_sharpness": "edge"}, {}
for slot in rules:
    known = ["many" if (value := facts.true_facts(one.attributes)[slot][0]) == "two" else value for one in learners]
    label = [lexicon.parse(sentence)[slot][0] for sentence in silver(values, [slot])]
    if len(set(known)) == 2:
        gate[slot] = scoring.compare(label, known[0], range(len(known)), "balanced_accuracy", known, seed=seed)
        print(gate[slot].sentence("Silver", "one word for all", f"balanced accuracy about the {words[slot]}", "lessons"))

# %%
passed = [slot for slot in gate if gate[slot].outcome == "higher"]
print("These teach:", ", ".join(words[slot] for slot in passed) or "none is shown to be good; the edge teaches for show")
passed = passed or ["border_sharpness"]
lessons = silver(values, passed)
print(lessons[0])

# %% [markdown]
# A weight matrix $W$ stays as it is. Beside it a product of two thin matrices of **rank** $r$ learns; the
# factor $\alpha$ sets its strength (*LoRA*, Hu and others 2021):
#
# $$ W' = W + \tfrac{\alpha}{r}\, B A \qquad B \in \mathbb{R}^{d \times r},\; A \in \mathbb{R}^{r \times k} $$
#
# So $r\,(d + k)$ numbers learn instead of $d\,k$. $B$ starts at zero: nothing changes before the first step.

# %% [markdown]
# ### Exercise 6b.4 – an adapter with three faults
# Difficulty ●●○ · importance ●●● · 7 minutes
#
# The layer below runs, and its loss falls. But it breaks each of the three rules above. Mend it; keep `A` and `B` as parameters
# of these shapes. **Expected:** for $d = 3$, $k = 4$, $r = 2$, 14 numbers learn; before the first step the output is $W x$.
#
# <details><summary>Hint 1</summary>Which numbers learn? What does the layer give before the first step? What happens to its
# strength if the rank doubles?</details>
# <details><summary>Hint 2</summary>A tensor that is no <code>Parameter</code>, or one with <code>requires_grad=False</code>, does
# not learn.</details>

# %% tags=["exercise"]
class Adapted(torch.nn.Module):
    """A frozen weight W, float (d, k), with an adapter of rank r and strength alpha: x, float (n, k) -> float (n, d)."""
    ### BEGIN SOLUTION

    def __init__(self, weight, rank, alpha):
        super().__init__()
        self.weight = torch.nn.Parameter(weight, requires_grad=False)
        self.A = torch.nn.Parameter(torch.randn(rank, weight.shape[1]))
        self.B = torch.nn.Parameter(torch.zeros(weight.shape[0], rank))
        self.strength = alpha / rank

    def forward(self, x):
        return x @ (self.weight + self.strength * self.B @ self.A).T
    ### END SOLUTION
    ### BEGIN STUB
    #
    # def __init__(self, weight, rank, alpha):
    #     super().__init__()
    #     self.weight = torch.nn.Parameter(weight)
    #     self.A = torch.nn.Parameter(torch.randn(rank, weight.shape[1]))
    #     self.B = torch.nn.Parameter(torch.randn(weight.shape[0], rank))
    #     self.strength = alpha
    #
    # def forward(self, x):
    #     return x @ (self.weight + self.strength * self.B @ self.A).T
    ### END STUB

# %% tags=["check"]
checks.low_rank_layer(Adapted)

# %% [markdown] tags=["solution"]
# $W$ is frozen, $B$ is zero and $\alpha$ is divided by the rank. `A` must not be zero as well: the gradient of each matrix is
# multiplied by the other.

# %% [markdown]
# The library *peft* has such a layer. With $d = 3$, $k = 4$, $r = 2$, $\alpha = 4$:

# %%
import peft

layer = torch.nn.Sequential(torch.nn.Linear(4, 3, bias=False))
W = layer[0].weight.detach().clone()
tiny = peft.get_peft_model(layer, peft.LoraConfig(r=2, lora_alpha=4, target_modules=["0"]))
A, B = layer[0].lora_A["default"].weight, layer[0].lora_B["default"].weight
print(f"A {tuple(A.shape)}, B {tuple(B.shape)}, B is zero: {not B.any()}")

# %%
torch.nn.init.normal_(B)  # as if it had learnt something
print("W' by hand as by peft:", torch.allclose(W + 4 / 2 * B @ A, tiny(torch.eye(4)).T, atol=1e-5))

# %% [markdown]
# The *pupil* is the captioner with such a pair beside queries and values of every attention of its T5 and Q-Former.

# %%
pupil = Captioner(checkpoint)
adapted = lora.adapt(pupil.model, rank=8, alpha=16, seed=seed)
learning = [weight for weight in adapted.parameters() if weight.requires_grad]
print(f"{len(learning)} matrices, {sum(map(torch.numel, learning)) / pupil.model.num_parameters():.1%} of all numbers, learn")

# %%
from matplotlib.figure import Figure

losses = lora.teach(adapted, pupil.processor, [one.image for one in learners], PROMPTS["global"], lessons, steps, seed=seed)
figure = Figure(figsize=(7, 2.4), layout="constrained")
figure.subplots(subplot_kw={"xlabel": "step", "ylabel": "cross-entropy per token"}).plot(losses, color=plots.common.MEASURED)
course.figure("loss", (figure, f"Loss of {steps} steps of teaching: from {losses[0]:.2f} to {losses[-1]:.2f}."))

# %% [markdown]
# This is the loss on the lessons; it says nothing about other lesions. **Guess first:** on the lesions of section 1, does
# the pupil beat the commonest word? Does it still answer the other two prompts?

# %%
shown = [lesion.image for lesion in lesions]
old = {name: captioner.caption(shown, prompt) for name, prompt in PROMPTS.items()}
new = {name: pupil.caption(shown, prompt) for name, prompt in PROMPTS.items()}
for name in PROMPTS:
    print(f"{name} before: {old[name][0]}\n{name} after:  {new[name][0]}")

# %%
standard = [lexicon.parse(sentence) for sentence in silver(judged_values, passed)]
parsed = {name: [lexicon.parse(one) for one in captions["global"]] for name, captions in (("pupil", new), ("untaught captioner", old))}
parsed["commonest word"] = [facts.majority([lexicon.parse(lesson) for lesson in lessons])] * examined

# %%
rated = {}
for kind, wanted in (("rule", standard), ("truth", true)):
    rated[kind] = {name: facts.marks(one, wanted, passed) for name, one in parsed.items()}
    for slot in passed:
        other = "commonest word" if slot == "border_sharpness" else "untaught captioner"
        tell(rated[kind]["pupil"][slot], rated[kind][other][slot], "The pupil", f"the {other}", f"share right about the {words[slot]} by the {kind}")

# %% [markdown]
# Silver is not truth: captions may come closer to the rule and further from the lesion. And what was forgotten? Count, for
# each prompt, the facts stated beside the taught ones.

# %%
def beside(captions):
    """How many facts each caption states that no lesson names."""
    return np.array([len(lexicon.parse(one).keys() - set(passed)) for one in captions], float)


lost = {name: tell(beside(new[name]), beside(old[name]), "The pupil", "the untaught captioner", f"number of other facts for the {name} prompt")
        for name in PROMPTS}

# %% [markdown]
# Is the pupil *right* about the attributes that the paper names, as far as they were taught?

# %%
named = [slot for slot in passed if slot != "border_sharpness"] or passed
sides = [rated["truth"][name][named].mean(axis=1) for name in ("pupil", "untaught captioner")]
hope = tell(*sides, "The pupil", "the untaught captioner", "share right about them by the truth")

# %% [markdown]
# The paper hopes only that the model *mentions* all three. Our lessons are neither “report corpora” nor “curated”, so
# its sentence is not judged; the number stands beside it.

# %%
spoken_of = [[len(one.keys() & {"symmetry", "border_shape", "colour_count"}) / 3 for one in parsed[name]] for name in ("pupil", "untaught captioner")]
mention = scoring.compare(*spoken_of, range(examined), seed=seed)
course.claim("paper", "5", "Domain-specific fine-tuning of the VLM using dermatology report corpora and curated lesion descriptions, encouraging the model to mention diagnostic attributes such as asymmetry, irregular borders and variegated pigmentation.",
             mention, mention.sentence("The pupil", "the untaught captioner", "share of the three attributes that are mentioned", "captions"),
             not_judged="silver lessons about drawn lesions")

# %% [markdown]
# The adapter is a small file. Loaded beside the checkpoint, it is added to the weights.

# %%
adapted.save_pretrained(files.cache_folder() / "adapter")
reloaded = Captioner(checkpoint, adapter=files.cache_folder() / "adapter")
print("the same sentences:", reloaded.caption(shown[:10], PROMPTS["global"], progress=False) == new["global"][:10])

# %% [markdown]
# ## 7. Ask it yourself
#
# Your question, one view, one lesion; demands that were not met stand below. Ask for a diagnosis, or about the weather.

# %% tags=["nbval-ignore-output"]
from dermxai_helpers import widgets

playing = {f"lesion {i + 1}, {data.CLASS_NAMES[sample['dx'][i]]}": regions.views(pictures[i], found["predicted class"][i]) for i in range(3)}
widgets.playground(captioner, playing, PROMPTS["focused"])

# %% [markdown]
# ## 8. What we found
#
# Does the captioner describe the picture?

# %%
say = {"higher": "more often than by noise", "lower": "less often than by noise", "cannot tell": "no differently from noise, as far as can be told"}
print(f"Captions follow a changed picture {say[whole.outcome]} ({whole.value:.2f} against {whole.reference:.2f} of {whole.n} pairs).")
print(f"Other facts change {say[rest.outcome]} ({rest.value:.3f} against {rest.reference:.3f} of them).")
print("Following against a mirror,", outcomes(follows))
print("Against a blank picture,", outcomes(blind))
print("What the label in the region adds to macro-F1:", "; ".join(f"against the {guide}, {outcome}" for guide, outcome in label_leak.items()))
print("The pupil against the untaught captioner, by the truth:", hope.outcome)
print("Fewer other facts for the prompts:", ", ".join(name for name in lost if lost[name].outcome == "lower") or "not shown")

# %% [markdown]
# ## 9. What this does *not* show
#
# - **Nothing about InstructBLIP's knowledge**, unless `checkpoint` names one (then give `teach` a hundredth of the
#   `learning_rate`). The demo captioner has learnt from drawings.
# - **Not that a caption that follows drawings follows skin.** Nobody can switch one attribute of a real lesion and leave
#   the rest.
# - **Not that a mirror is all the noise there is.** Another light or zoom may move a caption more.
# - **Nothing for clinical use.**
#
# ## Quiz

# %% tags=["quiz"]
checks.Quiz({
    "A caption says 'irregular border', and the border is irregular. Does it describe the picture?": {
        "yes, it is right": (False, "A caption that says so of every picture is right here, too."),
        "no, it repeats the prompt": (False, "It may, but being right does not show that."),
        "one caption cannot show it": (True, "Change the border, and see whether the caption follows more often than by noise."),
    },
    "What does the noise floor tell?": {
        "how often a caption passes as followed though nothing was changed": (True, "Without it, a captioner that talks at random seems to follow."),
        "how often captions are wrong": (False, "A caption that is always wrong in the same way has a floor of zero."),
        "what a good captioner must reach": (False, "It must be above; how far is another question."),
    },
    "Nine facts are compared, and one is called higher. What follows?": {
        "captions are better about this fact": (False, "Each comparison may be a false alarm, and there were nine."),
        "little: count how many chance would call so": (True, "A single one of nine is weak; look at it again with new lesions."),
        "captions are no better about the other eight": (False, "'Cannot tell' is not 'no better': there may be too few captions."),
    },
    "Caption A has a higher BLEU than caption B. What do you know?": {
        "A shares more runs of words with the reference": (True, "That is all that it counts."),
        "A states more true facts": (False, "A fact that is turned round costs a word or none."),
        "A is longer": (False, "A caption that is too short is punished, but length alone gains nothing."),
    },
    "In this run, how often do captions follow a changed picture?": {
        words: (outcome == whole.outcome, whole.sentence("Changing one thing", "a mirror", "share of captions that follow", "pairs")) for outcome, words in say.items()
    },
})

# %% [markdown]
# ## Further reading
#
# - Hu et al. (2021), *LoRA: Low-rank adaptation of large language models*, arXiv:2106.09685.
# - Papineni et al. (2002), *BLEU: a method for automatic evaluation of machine translation*, doi:10.3115/1073083.1073135.
# - Post (2018), *A call for clarity in reporting BLEU scores*, arXiv:1804.08771.
# - Hesse et al. (2023), *FunnyBirds*, arXiv:2308.06248.
