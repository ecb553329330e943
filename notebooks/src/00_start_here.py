# %% [markdown]
# # Start here: the whole road with one lesion
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/00_start_here.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F00_start_here.ipynb) · 40 minutes · CPU is enough (1.3 GB)
#
# **What you will do** – draw a lesion, train a classifier, ask it where its evidence came from, cut that region out,
# let a second model describe it, and let the description vote for a diagnosis.
#
# **What you will learn** – which stations the road has, what each hands to the next, and why a result that looks finished
# is not yet right.
#
# **What you need** – some Python and `numpy`. The units that follow explain neural networks.
#
# > **Claim.** Every station answers, even where there is nothing to see.
# > **Control.** Plain skin, without a lesion, goes down the same road (section 8).

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
images = 300  # photographs to train on, 50 to 10000
seed = 0      # any whole number, 0 to 2000000000

# %% [markdown]
# ## 1. Is this computer ready?
#
# The doctor looks at packages, demo models, memory and folders. A line that begins with `problem` says what to do.

# %% tags=["nbval-ignore-output"]
from dermxai_helpers import course

course.check_parameters("00", globals())
print(course.doctor.table(course.doctor.examine()))

# %% [markdown]
# ## 2. A lesion with known causes
#
# Nobody knows for certain *why* a lesion looks as it does, so nobody can check an explanation of a photograph. This
# course therefore begins with **drawn lesions**: a program composes them from an outline, colours and structures that
# dermatologists name, and knows where it put what. So *methods* can be checked exactly. They teach nothing about *skin*:
# for that, the same notebooks run on HAM10000, a public collection of photographs.

# %%
import numpy as np

from dermxai_helpers import plots, synth

lesion = synth.draw((seed, 2022), label="mel", hair=False)
image = lesion.image
image.shape, image.dtype  # (height, width, channels), 0 to 255

# %%
about = f"A drawn lesion on skin with its true outline, {lesion.mask.mean():.0%} of the pixels."
course.figure("lesion", plots.row({"a lesion, outlined in blue": image}, about, outlines=[{plots.LESION: lesion.mask}]))

# %% [markdown]
# The drawing's recipe is a table of attributes, in dermatologists' words: a *network* of brown lines, a blue-white *veil*,
# white scars (*regression*), white cysts (*milia*), dark plugs (*comedo*). The captions of section 6 will be checked
# against it.

# %%
for name, value in lesion.attributes.items():
    print(f"{name:17} {value}")

# %% [markdown]
# ## 3. Image → class
#
# A classifier turns a picture into one number $z_c$ for each class $c$, its **logit**. *Softmax* makes them probabilities
# $p_c$, which add up to one:
#
# $$ p_c = \frac{e^{z_c}}{\sum_k e^{z_k}} \qquad z, p \in \mathbb{R}^{3} $$
#
# Ours is MobileNetV2, a small convolutional network (unit 02). Its body has seen drawn lesions before and stays as it is;
# only its last layer is trained, on lesions drawn now. It is judged on the *validation* part (`val`), on other lesions than
# those of training.

# %%
from dermxai_helpers import data, training

folder = data.prepare("demo", images=images, seed=seed)
table = data.load(folder)
parts = data.split(table, by="lesion", seed=seed)

# %%
classifier = training.train(table, parts, epochs=20, learning_rate=0.002, seed=seed, progress=False)  # see unit 02

# %% [markdown]
# Is the result good? Alone, a number says nothing. The first baseline of any classifier is the **constant**: always name
# the commonest class, here `nv` (nevus, a mole). It needs no picture at all. *Accuracy* is the share of right answers:

# %%
from dermxai_helpers import scoring

judged = table[parts == "val"]
probabilities = classifier.predict_proba([data.open_image(path) for path in judged["image_path"]])
named = np.array(classifier.classes)[probabilities.argmax(axis=1)]
answer = scoring.compare(named, "nv", judged["lesion_id"], "accuracy", judged["dx"], seed=seed)
print(answer.sentence("The classifier", "always nevus", "accuracy"))

# %% [markdown]
# Accuracy lets the commonest class decide; unit 01 has a fairer measure. And the end of training was chosen on these same
# images, which can flatter the classifier (unit 02b).

# %%
low, high = scoring.interval("accuracy", judged["lesion_id"], judged["dx"], named)
course.record("accuracy", answer.value, low, high, answer.reference, note=f"{answer.n} images; baseline: always nevus")

# %% [markdown]
# And our lesion? It was **chosen**: here every station gives a presentable answer. Put another number for 2022 into
# section 2, run on, and see.

# %%
scores = dict(zip(classifier.classes, classifier.predict_proba([image])[0].tolist(), strict=True))
print({name: round(score, 2) for name, score in scores.items()}, "- drawn as", lesion.attributes["label"])

# %% [markdown]
# ## 4. Class → heat-map
#
# *Where* did the evidence for this class come from? **Grad-CAM** asks the last convolutional layer. There the picture
# of 224 × 224 pixels has become a grid of 7 × 7 cells, and in every cell 1,280 features $A_k$ report what they found. Each
# gets a weight $w_k$ for the class. The map $L$ adds them up, cell by cell, and what is negative becomes zero (unit 03):
#
# $$ L_{ij} = \max\Big(0, \sum_k w_k A_{kij}\Big) \qquad A \in \mathbb{R}^{1280 \times 7 \times 7},\; L \in \mathbb{R}^{7 \times 7} $$

# %%
from dermxai_helpers import gradcam

explanation = gradcam.explain(classifier.model, classifier.prepare([image]), classes=classifier.classes)
print(explanation.class_name, explanation.maps.shape)

# %% [markdown]
# The drawing knows its outline, so the map can be scored: what share of its evidence (*energy*) lies inside? The baseline
# is a flat map, the same everywhere: it puts inside what the lesion has of the area.

# %%
heatmap = explanation.resized(image.shape[:2])[0]
inside = float(scoring.energy_inside(heatmap, lesion.mask))
print(f"{inside:.0%} of the evidence lies inside the lesion, which has {lesion.mask.mean():.0%} of the area (one map, no verdict).")
course.record("energy_inside", inside, baseline=float(lesion.mask.mean()), note="one lesion; the baseline map is flat")

# %% [markdown]
# ## 5. Heat-map → region
#
# A language model wants a picture, not a map. So cut out what is hot: keep what reaches a share of the maximum, the
# *threshold*; take the connected piece with most evidence; draw a box around it. The paper does not state its threshold;
# here it is one half.

# %%
from dermxai_helpers import regions

region = regions.find(heatmap, threshold=0.5)
region.box  # left, top, right, bottom, in pixels; right and bottom are the first ones outside

# %% [markdown]
# ### Exercise 0.1 – the box of a toy map
# Difficulty ●○○ · importance ●●○ · 4 minutes
#
# Draw the box around all cells that reach the threshold, which is a share of the map's maximum. Leave the step with the
# connected piece aside. **Expected:** for the map [[0, 0, 0, 0], [0, 1, 4, 2], [0, 0, 3, 1]] and a share of 0.5, left 2,
# top 1, right 4, bottom 3.
#
# <details><summary>Hint 1</summary>The 2 in the example is half of the maximum: it reaches the threshold.</details>
# <details><summary>Hint 2</summary><code>np.nonzero</code> gives the row and the column of every cell that is kept.</details>

# %%
from dermxai_helpers import checks


# %% tags=["exercise"]
def box_of_map(heat, share):
    """A map without negative values, float (h, w), and a share between 0 and 1 -> (left, top, right, bottom), whole numbers."""
    ### BEGIN SOLUTION
    rows, columns = np.nonzero(heat >= share * heat.max())
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    ### END SOLUTION

# %% tags=["check"]
checks.box_of_map(box_of_map)

# %% [markdown] tags=["solution"]
# Left and right are columns, the second dimension of an array. With right and bottom outside, `heat[top:bottom, left:right]`
# is the crop, and right minus left its width.

# %%
overlay = explanation.overlay(image[None])[0]
shown = {"the map": explanation.normalised()[0], "over the picture": overlay}
below = "colour bar: share of the map's maximum · blue: lesion · orange: region"
about = f"A heat-map as cells and laid over the picture; the region has {region.mask.mean():.0%} of the pixels."
outlines = [{}, {plots.LESION: lesion.mask, plots.REGION: region.mask}]
course.figure("heat", plots.row(shown, about, outlines, below=below))

# %% [markdown]
# Three views go on: the whole picture (`original`), the box alone (`roi`, region of interest), and the picture with all
# but the region dimmed (`focused`).

# %%
views = regions.views(image, region)
sizes = {f"{name}: {view.shape[0]} × {view.shape[1]}": view for name, view in views.items()}
course.figure("views", plots.row(sizes, "Three views of the same lesion, with their sizes in pixels."))

# %% [markdown]
# ## 6. Views → captions
#
# Each view gets its own instruction from the paper, which asks InstructBLIP. The **demo captioner** has the same parts, far
# smaller, and has seen nothing but drawn lesions.

# %%
from dermxai_helpers import captions

captioner = captions.Captioner("demo")
prompt_of = {view: captions.PROMPTS[name] for name, view in captions.VIEW_OF_PROMPT.items()}
prompts = [prompt_of[view] for view in views]
sentences = dict(zip(views, captioner.caption(list(views.values()), prompts, progress=False), strict=True))
print(prompt_of["roi"])

# %%
for view, sentence in sentences.items():
    print(f"{view:9} {sentence}")

# %% [markdown]
# **Guess first:** read the sentences against the table of section 2. Each states some facts and is silent about others.
# How many are wrong?

# %% [markdown]
# ### Exercise 0.2 – grade a caption against the truth
# Difficulty ●○○ · importance ●●● · 5 minutes
#
# Each fact has a *slot*, which is what it is about, and a word. `recipe` has the true word for each slot; `stated` has the
# words of the caption for the slots it speaks of. Grade every slot of the recipe: "right", "wrong" or "silent". The caption
# may also speak of a slot that the recipe does not hold. Leave that out: nobody knows the truth. **Expected:** with the
# recipe veil "none", milia "none", network "atypical", a caption that states veil "none" and network "typical" is right
# about the veil, silent about milia, wrong about the network.
#
# <details><summary>Hint 1</summary>Go through the slots of the recipe, not through those of the caption.</details>
# <details><summary>Hint 2</summary>Ask first whether the slot is in <code>stated</code>, and only then compare.</details>

# %% tags=["exercise"]
def grade(stated, recipe):
    """What a caption states and what is true, both {slot: word} -> {slot of the recipe: "right", "wrong" or "silent"}."""
    ### BEGIN SOLUTION
    grades = {}
    for slot, true in recipe.items():
        if slot not in stated:
            grades[slot] = "silent"
        else:
            grades[slot] = "right" if stated[slot] == true else "wrong"
    return grades
    ### END SOLUTION

# %% tags=["check"]
checks.caption_grades(grade)

# %% [markdown] tags=["solution"]
# The recipe decides what is graded, the caption only how. Silence is kept apart from an error: the one says too little,
# the other something false.

# %% [markdown]
# The lexicon (unit 06) reads and grades every fact of our captions. It names some slots differently:
# `cerebriform` means fissures. *Open* is what the recipe cannot decide.

# %%
from dermxai_helpers.lexicon import facts, parse

known = lesion.attributes
truth = facts.true_facts(known)
truth["colours"] = "+".join(known["colours"]), "present"
truth["surface"] = "fissured" if known["fissures"] else "smooth", "present"

# %%
checked = facts.verdicts([parse(sentence) for sentence in sentences.values()], [truth] * 3, slots=list(truth))
marks = checked.pivot(index="slot", columns="caption", values="verdict").reindex(list(truth))
marks = marks.fillna("open").set_axis(list(views), axis=1)
marks.insert(0, "drawn", [" ".join(fact) for fact in truth.values()])
marks

# %%
stated, wrong = (checked["verdict"] != "silent").sum(), (checked["verdict"] == "wrong").sum()
print(f"{wrong} of {stated} stated facts are wrong.")

# %% [markdown]
# ## 7. Captions → votes
#
# The last station reads a diagnosis out of the words. The paper counts keywords of each class:

# %% tags=["nbval-check-output"]
from dermxai_helpers import lexicon

sentence = "An asymmetric lesion with an irregular border."
hits = {name: sum(sentence.lower().count(word) for word in words) for name, words in lexicon.PAPER_KEYWORDS.items()}
print(hits, "- equal to the helper's:", hits == lexicon.paper_vote(sentence).hits)

# %% [markdown]
# Look at `nv`. The sentence names nothing of a nevus, yet it scores: *regular border* is inside *ir**regular
# border***. Counting letters is not reading (unit 06).
#
# The paper has no rule for a tie or for no keyword at all. Here both go to the commonest class, `nv`.

# %%
votes = {view: lexicon.paper_vote(sentence) for view, sentence in sentences.items()}
for view, vote in votes.items():
    print(f"{view:9} {vote.label:4} {vote.hits} {vote.reason}")
agree = sum(vote.label == known["label"] for vote in votes.values())
print(f"{agree} of {len(votes)} captions vote for the class that was drawn.")

# %% [markdown]
# ## 8. The road, and a picture without a lesion
#
# All stations in one figure: the paper's Figure 3 for one lesion.

# %%
from dermxai_helpers.plots import lesions as figures

labels = {view: vote.label for view, vote in votes.items()}
course.figure("road", figures.road(image, overlay, region.box, scores, sentences, labels))

# %% [markdown]
# Now the control: a whole picture in the median colour of the skin. **Guess first:** which station will notice?

# %%
plain = np.full_like(image, np.median(image[~lesion.mask], axis=0))
plain_scores = dict(zip(classifier.classes, classifier.predict_proba([plain])[0].tolist(), strict=True))

# %%
emptiness = gradcam.explain(classifier.model, classifier.prepare([plain]), classes=classifier.classes)
plain_region = regions.find(emptiness.resized(plain.shape[:2])[0], threshold=0.5)

# %%
plain_views = regions.views(plain, plain_region)
plain_sentences = dict(zip(plain_views, captioner.caption(list(plain_views.values()), prompts, progress=False), strict=True))
plain_votes = {view: lexicon.paper_vote(sentence).label for view, sentence in plain_sentences.items()}

# %%
plain_overlay = emptiness.overlay(plain[None])[0]
course.figure("plain_skin", figures.road(plain, plain_overlay, plain_region.box, plain_scores, plain_sentences, plain_votes))

# %% [markdown]
# What counts as noticing? No score above one half, a note on the region, a sentence that says "no lesion".

# %%
noticed = {"classifier": max(plain_scores.values()) <= 0.5, "region": bool(plain_region.note)}
noticed |= {f"caption ({view})": "no lesion" in sentence.lower() for view, sentence in plain_sentences.items()}
course.record("answers_that_noticed_plain_skin", sum(noticed.values()), note="of 5 answers about plain skin")

# %% [markdown]
# Why refusing is hard: softmax shares out one in total, nearly every map has a largest cell, the demo captioner was
# trained on lesions only, and the vote has a rule for everything.
#
# ## 9. What we found

# %%
print(f"{sum(noticed.values())} of {len(noticed)} answers about plain skin noticed that there was no lesion.")
print(f"{wrong} of the {stated} facts stated about the lesion are wrong.")
print(answer.sentence("The classifier", "always nevus", "accuracy"))

# %% [markdown]
# ## 10. What this does *not* show
#
# - **Nothing about skin.** What carries over is the method, and the habit of checking it.
# - **Nothing about the model in general.** This was one lesion, and a chosen one.
# - **Not that the heat-map explains the decision.** A map without any model may score as well (unit 03).
# - **Not that the caption describes the picture.** Who knows the common sentences writes plausible ones without looking
#   (unit 05).
#
# From unit 01 on, a parameter `photographs` takes the path of HAM10000, and the same cells run on photographs.
#
# ## Quiz

# %% tags=["quiz"]
noticing = sum(noticed.values())
checks.Quiz({
    "Why does the course begin with drawn lesions?": {
        "No photographs are public.": (False, "HAM10000 is."),
        "Their causes are known, so methods can be checked.": (True, "About skin they teach nothing."),
        "They are easier to classify.": (False, "Nothing was said of that."),
    },
    "A classifier is right in 75 % of cases. Is it good?": {
        "That depends on what a constant gets.": (True, "If 75 % are nevi, always naming nevus gets as much."),
        "Yes, it beats 50 %.": (False, "Half is no baseline here: there are three classes."),
        "No, a quarter is wrong.": (False, "It may still beat everything simpler."),
    },
    "40 % of a map's evidence lies in a lesion with 10 % of the area. What is shown?": {
        "The lesion caused the decision.": (False, "Nothing was changed, so no cause was tested."),
        "The model reasons like a doctor.": (False, "Where is not why."),
        "Here, this map beats a flat one.": (True, "The flat one has 10 %."),
    },
    "Why does an irregular border count for the nevus?": {
        "The vote looks for letters, not words.": (True, "One phrase is inside the other."),
        "Nevi have irregular borders.": (False, "The paper lists a regular one for them."),
        "The captioner was wrong.": (False, "A true sentence counts in the same way."),
    },
    "In this run, how many answers noticed that plain skin has no lesion?": {
        "none": (noticing == 0, "No station was built to refuse."),
        "some": (0 < noticing < len(noticed), "Section 8 says which, and by what sign."),
        "all": (noticing == len(noticed), "Then every station gave its sign."),
    },
})

# %% [markdown]
# ## Further reading
#
# - Tschandl, Rosendahl, Kittler, *The HAM10000 dataset*, 2018,
#   [doi:10.1038/sdata.2018.161](https://doi.org/10.1038/sdata.2018.161). The photographs and their labels.
# - Selvaraju et al., *Grad-CAM*, 2017, [arXiv:1610.02391](https://arxiv.org/abs/1610.02391). The heat-map of section 4.
# - Dai et al., *InstructBLIP*, 2023, [arXiv:2305.06500](https://arxiv.org/abs/2305.06500). The paper's language model.
# - Adebayo et al., *Sanity checks for saliency maps*, 2018, [arXiv:1810.03292](https://arxiv.org/abs/1810.03292). Why a
#   plausible map is not enough.

