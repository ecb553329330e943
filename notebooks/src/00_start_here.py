# %% [markdown]
# # Start here: the whole road with one lesion
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/00_start_here.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F00_start_here.ipynb) · 36 minutes · CPU is enough (1.3 GB)
#
# **What you will do** – draw a lesion, train a classifier, ask it where its evidence came from, cut that region out,
# let a second model describe it, and let the description vote for a diagnosis. Then send plain skin down the same road.
#
# **What you will learn** – which stations the road has, what each hands to the next, and why a result that looks finished
# is not yet right.
#
# **What you need** – some Python and `numpy`. Everything about neural networks is explained in the units that follow.
#
# > **Claim.** Every station answers, even where there is nothing to see.
# > **Control.** Plain skin, without a lesion, goes down the same road. If a station could say "there is nothing
# > here", this is where it would (section 8).

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
images = 300  # photographs to train on, 50 to 10000
seed = 0      # any whole number, 0 to 2000000000

# %% [markdown]
# ## 1. Is this computer ready?
#
# The doctor imports every package, compares the demo models byte by byte, and looks at memory and folders. A line that
# begins with `problem` also says what to do about it.

# %% tags=["nbval-ignore-output"]
from dermxai_helpers import course

course.check_parameters("00", globals())
print(course.doctor.table(course.doctor.examine()))

# %% [markdown]
# ## 2. A lesion with known causes
#
# Nobody knows for certain *why* a lesion looks as it does, so nobody can check an explanation of a photograph. This
# course therefore begins with **drawn lesions**: a program composes them from an outline, colours and structures that
# dermatologists name, and knows where it put what. So *methods* can be checked exactly. About *skin* they teach nothing:
# for that, the same notebooks run on HAM10000, a public collection of photographs.

# %%
import numpy as np

from dermxai_helpers import synth

lesion = synth.draw((seed, 2022), label="mel", hair=False)
image = lesion.image
image.shape, image.dtype  # (height, width, channels), 0 to 255

# %%
from dermxai_helpers import plots

about = f"A drawn lesion on skin with its true outline, {lesion.mask.mean():.0%} of the pixels."
course.figure("lesion", plots.row({"a lesion, outlined in blue": image}, about, outlines=[{plots.LESION: lesion.mask}]))

# %% [markdown]
# The drawing's recipe is a table of attributes. Some depend on the class, others – skin tone, hair, a ruler – do not. The
# words are dermatologists': a *network* of brown lines, a blue-white *veil*, white scars (*regression*), white cysts
# (*milia*), dark plugs (*comedo*). Every caption of section 6 will be checked against this table.

# %%
for name, value in lesion.attributes.items():
    print(f"{name:17} {value}")

# %% [markdown]
# ## 3. Image → class
#
# A classifier turns a picture into one number per class, the **logits**. They are not probabilities: they may be
# negative, and they need not add up to one. *Softmax* makes them probabilities. For logits $z_1, z_2, z_3$, one per class:
#
# $$ p_c = \frac{e^{z_c}}{\sum_k e^{z_k}} \qquad z, p \in \mathbb{R}^{3} $$
#
# **Guess first:** the logits are 2, 1 and −1. Which probability will be largest, and will the smallest be zero?

# %% tags=["nbval-check-output"]
logits = np.array([2.0, 1.0, -1.0])
by_hand = np.exp(logits) / np.exp(logits).sum()
print(by_hand.round(3), "- the largest logit stays the largest; the smallest is", "zero" if by_hand.min() == 0 else "not zero")

# %% [markdown]
# A library's softmax must agree. Such comparisons are a habit of this course.

# %% tags=["nbval-check-output"]
from scipy.special import softmax

print("equal to scipy:", np.allclose(by_hand, softmax(logits)))

# %% [markdown]
# Now a real classifier: MobileNetV2, a small convolutional network. Its body has seen drawn lesions before and stays
# as it is; only its last layer is trained, on lesions drawn now. The photographs of one lesion stay together, in
# training (`train`) or validation (`val`); unit 01 says why.

# %%
from dermxai_helpers import data

folder = data.prepare("demo", images=images, seed=seed)
table = data.load(folder)
parts = data.split(table, by="lesion", seed=seed)
table["dx"].groupby(parts).value_counts().unstack()

# %% [markdown]
# Training makes a *loss* smaller, a number that says how wrong the probabilities are. Here rare classes weigh more in it,
# so that each class counts as much as the others. Twenty *epochs* (passes over the training images) are asked for, with
# larger steps than the paper's 0.0001.

# %%
from dermxai_helpers import training

classifier = training.train(table, parts, epochs=20, learning_rate=0.002, seed=seed, progress=False)
classifier.history[["training_loss", "validation_loss", "accuracy"]].tail(4).round(3)

# %% [markdown]
# **Were all twenty run?** Training stops when the validation loss has not fallen for three epochs, and keeps the epoch
# with the lowest. This is *early stopping*.

# %%
kept = classifier.history["validation_loss"].idxmin()
print(f"{len(classifier.history)} of 20 epochs were run; epoch {kept} had the lowest validation loss and is kept.")

# %% [markdown]
# Is the result good? Alone, a number says nothing. The first baseline of any classifier is the **constant**: always name
# the commonest class. It needs no picture at all.

# %%
from dermxai_helpers import scoring

judged = table[parts == "val"]
probabilities = classifier.predict_proba([data.open_image(path) for path in judged["image_path"]])
named = np.array(classifier.classes)[probabilities.argmax(axis=1)]
answer = scoring.compare(named, "nv", judged["lesion_id"], "accuracy", judged["dx"], seed=seed)
print(answer.sentence("The classifier", "always nevus", "accuracy"))

# %% [markdown]
# Few images give wide intervals. Accuracy lets the nevi decide; unit 01 has a fairer measure. And the epoch was chosen on
# these same images, which can flatter the classifier; unit 02b keeps others for that.

# %%
low, high = scoring.interval("accuracy", judged["lesion_id"], judged["dx"], named)
note = f"{answer.n} images of {answer.groups} lesions; always nevus"
course.record("accuracy", answer.value, low, high, baseline=answer.reference, note=note)

# %% [markdown]
# And our lesion? It was drawn apart from the training images, but it was **chosen**: a melanoma on which every station
# gives a presentable answer. Put another number for 2022 into section 2, run on, and see.

# %%
scores = dict(zip(classifier.classes, classifier.predict_proba([image])[0].tolist(), strict=True))
print({name: round(score, 2) for name, score in scores.items()}, "- drawn as", lesion.attributes["label"])

# %% [markdown]
# ## 4. Class → heat-map
#
# *Where* did the evidence for this class come from? **Grad-CAM** asks the last convolutional layer. There the picture
# of 224 × 224 pixels has become a grid of 7 × 7 cells, and in every cell 1,280 features $A_k$ report what they found.
# Each feature gets a weight $w_k$ for the class. The map $L$ is the weighted sum, in the cell of row $i$ and column $j$;
# ReLU makes what is negative zero:
#
# $$ L_{ij} = \operatorname{ReLU}\Big(\sum_k w_k A_{kij}\Big) \qquad A \in \mathbb{R}^{1280 \times 7 \times 7},\; L \in \mathbb{R}^{7 \times 7} $$
#
# Unit 03 builds it by hand. Here it is one call.

# %%
from dermxai_helpers import gradcam

explanation = gradcam.explain(classifier.model, classifier.prepare([image]), classes=classifier.classes)
print(explanation.class_name, explanation.maps.shape)

# %% [markdown]
# The map cannot point at anything smaller than a cell, 32 pixels wide, however smooth an overlay looks.
#
# The drawing knows its outline, so the map can be scored: what share of its evidence (*energy*) lies inside? A map that
# knows nothing, the same everywhere, is the baseline: it puts inside what the lesion has of the area.

# %%
heatmap = explanation.resized(image.shape[:2])[0]
inside = float(scoring.energy_inside(heatmap, lesion.mask))
print(f"{inside:.0%} of the evidence lies inside the lesion, which has {lesion.mask.mean():.0%} of the area (one map, no verdict).")
course.record("energy_inside", inside, baseline=float(lesion.mask.mean()), note="one lesion; the baseline map is flat")

# %% [markdown]
# ## 5. Heat-map → region
#
# A language model wants a picture, not a map. So cut out what is hot: keep what lies above a share of the maximum, take
# the connected piece with most evidence, draw a box around it. The paper does not state its threshold; here it is one
# half.

# %%
from dermxai_helpers import regions

region = regions.find(heatmap, threshold=0.5)
region.box  # left, top, right, bottom, in pixels

# %%
overlay = explanation.overlay(image[None])[0]
shown = {"the map": explanation.normalised()[0], "over the picture": overlay}
below = "colour bar: share of the map's maximum · blue: lesion · orange: region"
about = f"A heat-map as cells and laid over the picture; the region has {region.mask.mean():.0%} of the pixels."
outlines = [{}, {plots.LESION: lesion.mask, plots.REGION: region.mask}]
course.figure("heat", plots.row(shown, about, outlines, below=below))

# %% [markdown]
# Three views go on: the whole picture (`original`), the box alone (`roi`, region of interest), and the picture with
# everything but the region dimmed (`focused`).

# %%
views = regions.views(image, region)
sizes = {f"{name}: {view.shape[0]} × {view.shape[1]}": view for name, view in views.items()}
course.figure("views", plots.row(sizes, "Three views of the same lesion, with their sizes in pixels."))

# %% [markdown]
# ## 6. Views → captions
#
# Each view has its own instruction, and the paper gives them word for word.

# %%
from dermxai_helpers import captions

prompt_of = {view: name for name, view in captions.VIEW_OF_PROMPT.items()}
print(captions.PROMPTS["roi"])

# %% [markdown]
# The paper asks InstructBLIP. The **demo captioner** has the same parts, far smaller, and has seen nothing but drawn
# lesions. It is loaded and asked by the same two lines as the large one.

# %%
captioner = captions.Captioner("demo")
prompts = [captions.PROMPTS[prompt_of[view]] for view in views]
sentences = dict(zip(views, captioner.caption(list(views.values()), prompts, progress=False), strict=True))

# %%
for view, sentence in sentences.items():
    print(f"{view:9} {sentence}")

# %% [markdown]
# **Guess first:** read the three sentences against the table of section 2. How many facts are wrong, and do the three
# agree? The lexicon (unit 06) reads every stated fact and compares it with the drawing's recipe. Its slots are named a
# little differently: `cerebriform` means fissures.

# %%
from dermxai_helpers.lexicon import facts, parse

known = lesion.attributes
truth = facts.true_facts(known) | {
    "colours": ("+".join(known["colours"]), "present"),
    "surface": ("fissured" if known["fissures"] else "smooth", "present"),
}

# %%
checked = facts.verdicts([parse(sentence) for sentence in sentences.values()], [truth] * 3, slots=list(truth))
marks = checked.pivot(index="slot", columns="caption", values="verdict").reindex(list(truth))
marks = marks.replace("silent", "not stated").fillna("open").set_axis(list(views), axis=1)
marks.insert(0, "drawn", [" ".join(fact) for fact in truth.values()])
marks

# %%
stated, wrong = (checked["verdict"] != "silent").sum(), (checked["verdict"] == "wrong").sum()
torn = [slot for slot, row in marks.iterrows() if {"right", "wrong"} <= set(row)]
print(f"{wrong} of {stated} stated facts are wrong. Right in one view, wrong in another: {', '.join(torn) or 'nothing'}.")

# %% [markdown]
# ## 7. Captions → votes
#
# The last station reads a diagnosis out of the words. The paper lists keywords for each class and counts how often
# they occur:

# %% tags=["nbval-check-output"]
from dermxai_helpers import lexicon

sentence = "An asymmetric lesion with an irregular border."
hits = {name: sum(sentence.lower().count(word) for word in words) for name, words in lexicon.PAPER_KEYWORDS.items()}
print(hits)

# %% [markdown]
# Look at `nv`. The sentence names nothing of a nevus, yet it scores: *regular border* is inside *ir**regular
# border***. Counting letters is not reading (unit 06).

# %% tags=["nbval-check-output"]
vote = lexicon.paper_vote(sentence)
print("equal to the helper:", hits == vote.hits, "- votes for", vote.label)

# %% [markdown]
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
# All stations in one figure: this is the paper's Figure 3 for one lesion.

# %%
from dermxai_helpers.plots import lesions as figures

labels = {view: vote.label for view, vote in votes.items()}
course.figure("road", figures.road(image, overlay, region.box, scores, sentences, labels))

# %% [markdown]
# Now the control: a whole picture in the median colour of the skin around the lesion. Nothing is left to classify, to
# point at or to describe.
#
# **Guess first:** which station will notice?

# %%
skin = np.median(image[~lesion.mask], axis=0).astype(np.uint8)
plain = np.broadcast_to(skin, image.shape).copy()
plain_scores = dict(zip(classifier.classes, classifier.predict_proba([plain])[0].tolist(), strict=True))
print({name: round(score, 2) for name, score in plain_scores.items()})

# %%
emptiness = gradcam.explain(classifier.model, classifier.prepare([plain]), classes=classifier.classes)
plain_region = regions.find(emptiness.resized(plain.shape[:2])[0], threshold=0.5)
print("box:", plain_region.box, "· note:", plain_region.note or "none")

# %%
plain_views = regions.views(plain, plain_region)
plain_sentences = dict(zip(plain_views, captioner.caption(list(plain_views.values()), prompts, progress=False), strict=True))
plain_votes = {view: lexicon.paper_vote(sentence).label for view, sentence in plain_sentences.items()}

# %%
plain_overlay = emptiness.overlay(plain[None])[0]
course.figure("plain_skin", figures.road(plain, plain_overlay, plain_region.box, plain_scores, plain_sentences, plain_votes))

# %% [markdown]
# What counts as noticing? A highest score below one half, a note on the region, a sentence that says there is no lesion.

# %%
noticed = {"classifier": max(plain_scores.values()) < 0.5, "region": bool(plain_region.note)}
noticed |= {f"caption ({view})": "no lesion" in sentence.lower() for view, sentence in plain_sentences.items()}
print("noticed by:", ", ".join(name for name, yes in noticed.items() if yes) or "no station")
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
# - **Nothing about skin.** The lesions are drawn, the classifier's body and the captioner were trained on drawings.
#   What carries over to photographs is the method and the habit of checking it.
# - **Nothing about the model in general.** This was one lesion, and a chosen one. The units that follow score
#   many, with intervals.
# - **Not that the heat-map explains the decision.** A map of the lesion drawn without any model would score well too. Unit
#   03 puts such maps beside it.
# - **Not that the caption describes the picture.** A model that has learnt which sentences are common writes plausible ones
#   without using the picture.
#
# ## Where to go from here
#
# Unit 01: how many lesions stand on both sides of a random split? From there on, a parameter `photographs` says where the
# pictures are: give it the path of HAM10000, and the same cells run on photographs.
#
# **Further reading**
#
# - Tschandl, Rosendahl, Kittler (2018), *The HAM10000 dataset*, Scientific Data 5:180161, doi:10.1038/sdata.2018.161.
#   The photographs, and how their labels came to be.
# - Selvaraju et al. (2017), *Grad-CAM*, arXiv:1610.02391. The heat-map of section 4.
# - Dai et al. (2023), *InstructBLIP*, arXiv:2305.06500. The language model that the paper asks.
# - Adebayo et al. (2018), *Sanity checks for saliency maps*, arXiv:1810.03292. Why a plausible map is not enough.
# - Rudin (2019), *Stop explaining black box machine learning models*, doi:10.1038/s42256-019-0048-x. Use models that need no
#   explanation.
