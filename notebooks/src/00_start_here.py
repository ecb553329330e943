# %% [markdown]
# # Start here: the whole road with one lesion
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/00_start_here.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F00_start_here.ipynb) · 15 minutes · CPU is enough (1.3 GB)
#
# **What you will do** – draw a lesion, train a classifier, ask it where its evidence came from, cut that region out,
# let a second model describe it, and let the description vote for a diagnosis. Then send a picture without any lesion
# down the same road.
#
# **What you will learn** – which stations the road has, which array each hands to the next, and why a result that
# looks finished is not yet a result that is right.
#
# **What you need** – some Python and `numpy`. Everything about neural networks is explained in the units that follow.
#
# > **Claim.** Every station answers, whatever it is given.
# > **Control.** Plain skin, without a lesion, goes down the same road. If a station could say "there is nothing
# > here", this is where it would. Section 8 looks.

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
# The doctor imports every package, compares the demo models byte by byte, and looks at memory and folders, which takes
# ten seconds. A line that begins with `problem` also says what to do about it. The demo needs 1.5 GB of memory and no GPU.

# %% tags=["nbval-ignore-output"]
from dermxai_helpers import course

course.check_parameters("00", globals())
print(course.doctor.table(course.doctor.examine()))

# %% [markdown]
# ## 2. A lesion with known causes
#
# Photographs of skin come with a label, and sometimes with an outline. Nobody can tell for certain *why* a lesion
# looks as it does, so nobody can check an explanation against the truth. This course therefore begins with **drawn
# lesions**: pictures that a program composes from an outline, colours and structures that dermatologists name. The
# program knows where it put what.
#
# Two things follow. What you learn here about *methods* can be checked exactly. And nothing you learn here is about
# *skin*: for that, the same notebooks run on HAM10000, a public collection of 10,015 photographs.

# %%
import numpy as np

from dermxai_helpers import synth

lesion = synth.draw((seed, 2022), label="mel", hair=False)
image = lesion.image
image.shape, image.dtype  # (height, width, channels), 0 to 255

# %%
from dermxai_helpers import plots

about = f"A drawn lesion on skin, twice; the second time with its outline, {lesion.mask.mean():.0%} of the pixels."
shown = {"the picture": image, "its true outline": image}
course.figure("lesion", plots.row(shown, about, outlines=[{}, {"white": lesion.mask}]))

# %% [markdown]
# The drawing's recipe is a table of attributes. Some of them decide the class, others – skin tone, hair, a ruler – do
# not.

# %%
for name in ("label", "symmetry", "border_shape", "colours", "network", "veil", "skin"):
    print(f"{name:13} {lesion.attributes[name]}")

# %% [markdown]
# ## 3. Image → class
#
# A classifier turns a picture into one number per class, the **logits**. They are not probabilities: they may be
# negative, and they do not add up to one. *Softmax* makes them so. For logits $z_1, z_2, z_3$, one per class:
#
# $$ p_c = \frac{e^{z_c}}{\sum_k e^{z_k}} \qquad z, p \in \mathbb{R}^{3} $$
#
# Before you run the next cell: which of the three numbers will be largest, and can the smallest be zero?

# %% tags=["nbval-check-output"]
logits = np.array([2.0, 1.0, -1.0])
by_hand = np.exp(logits) / np.exp(logits).sum()
by_hand.round(3).tolist()

# %% [markdown]
# A library's softmax must agree. Comparing what you wrote with what others wrote is a habit of this course.

# %% tags=["nbval-check-output"]
from scipy.special import softmax

print("equal to scipy:", np.allclose(by_hand, softmax(logits)))

# %% [markdown]
# Now a real classifier: MobileNetV2, a small convolutional network. Its body has seen drawn lesions before and stays
# as it is; only its last layer is trained, on lesions drawn now. The photographs of one lesion stay together, in
# training or in validation – unit 01 shows what happens otherwise.

# %%
from dermxai_helpers import data

folder = data.prepare("demo", images=images, seed=seed)
table = data.load(folder)
table[["lesion_id", "image_id", "dx", "age", "sex"]].head(3)

# %%
parts = data.split(table, by="lesion", seed=seed)
table["dx"].groupby(parts).value_counts().unstack()

# %% [markdown]
# The loss weighs rare classes more, so that a melanoma counts as much as six nevi. With so few images a larger step
# size than the paper's 0.0001 is needed.

# %%
from dermxai_helpers import training

classifier = training.train(table, parts, epochs=20, learning_rate=0.002, seed=seed, progress=False)
classifier.history[["training_loss", "validation_loss", "balanced_accuracy"]].tail(3).round(3)

# %% [markdown]
# Is that good? Alone, a number says nothing. The first baseline of any classifier is the **constant**: always name
# the commonest class. It needs no picture at all. *Balanced* accuracy is the mean of the classes' recalls, and there
# a constant gets one third.

# %%
best = classifier.history["validation_loss"].idxmin()
accuracy = float(classifier.history["accuracy"][best])
constant = float((table["dx"][parts == "val"] == "nv").mean())
course.record("accuracy", accuracy, baseline=constant, note="the baseline always says nevus")

# %%
balanced = float(classifier.history["balanced_accuracy"][best])
course.record("balanced_accuracy", balanced, baseline=1 / 3, note="the baseline always says nevus")

# %% [markdown]
# And our lesion? It was drawn apart from the training images, but it was **chosen**: a melanoma on which every station
# gives a presentable answer. Most demonstrations are chosen like this; few say so. Put other numbers for 2022 into
# section 2, run on, and count how often the classifier names another class, and what the map does then.

# %%
scores = dict(zip(classifier.classes, classifier.predict_proba([image])[0].tolist(), strict=True))
print({name: round(score, 2) for name, score in scores.items()})

# %% [markdown]
# ## 4. Class → heat-map
#
# *Where* did the evidence for this class come from? **Grad-CAM** asks the last convolutional layer. There the picture
# of 224 × 224 pixels has become a grid of 7 × 7 cells, and in every cell 1,280 features $A_k$ report what they found.
# Each feature gets a weight $w_k$ for the class; the map is the weighted sum:
#
# $$ L_{ij} = \operatorname{ReLU}\Big(\sum_k w_k A_{kij}\Big) \qquad A \in \mathbb{R}^{1280 \times 7 \times 7},\; L \in \mathbb{R}^{7 \times 7} $$
#
# Unit 03 builds it by hand. Here it is one call.

# %%
from dermxai_helpers import gradcam

explanation = gradcam.explain(classifier.model, classifier.prepare([image]), classes=classifier.classes)
print(explanation.class_name, explanation.maps.shape)

# %% [markdown]
# The map has 49 cells. Whatever a smooth overlay suggests, it cannot point at anything smaller than a cell, 32 pixels
# wide.

# %%
grid = explanation.normalised()[0]
print((100 * grid).round().astype(int))

# %% [markdown]
# The drawing knows its outline, so the map can be scored: how much of its evidence lies inside the lesion? The
# baseline is a map that knows nothing, the same everywhere: it puts inside what the lesion has of the area.

# %%
from dermxai_helpers import scoring

heatmap = explanation.resized(image.shape[:2])[0]
inside = float(scoring.energy_inside(heatmap, lesion.mask))
course.record("energy_inside", inside, baseline=float(lesion.mask.mean()), note="one lesion; the baseline map is flat")

# %% [markdown]
# ## 5. Heat-map → region
#
# A language model wants a picture, not a map. The paper cuts out what is hot: keep the cells above a share of the
# maximum, take the largest connected piece, draw a box around it. The threshold is a choice, and the paper does not
# state its own; here it is one half.

# %% tags=["nbval-check-output"]
toy = np.array([[0.1, 0.2, 0.1], [0.2, 1.0, 0.6], [0.1, 0.4, 0.1]])
rows, columns = np.nonzero(toy >= 0.5 * toy.max())
box = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])  # left, top, right, bottom
box.tolist()

# %%
from dermxai_helpers import regions

print("the same by the helper:", regions.find(toy, threshold=0.5).box == tuple(box))
region = regions.find(heatmap, threshold=0.5)
region.box

# %%
overlay = explanation.overlay(image[None])[0]
left, top, right, bottom = region.box
inside_box = np.zeros(image.shape[:2], dtype=bool)
inside_box[top:bottom, left:right] = True
shown = {"the map, 0 dark to 1 bright": grid, "over the picture, with the region": overlay}
row, column = 1 + np.argwhere(grid == grid.max())[0]
about = (f"A heat-map, its cells and laid over the picture; the strongest cell is in row {row}, column {column}, and a box "
         f"of {right - left} by {bottom - top} pixels frames the region.")
course.figure("heat", plots.row(shown, about, outlines=[{}, {"white": inside_box}]))

# %% [markdown]
# Three views go on: the whole picture, the region alone, and the picture with everything but the region dimmed.

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
# The paper asks InstructBLIP, four billion numbers large. The **demo captioner** has the same parts at a
# two-thousandth of the size, and has seen nothing but drawn lesions. It is loaded and asked by the same two lines as
# the large one.

# %%
captioner = captions.Captioner("demo")
prompts = [captions.PROMPTS[prompt_of[view]] for view in views]
sentences = dict(zip(views, captioner.caption(list(views.values()), prompts, progress=False), strict=True))

# %%
for view, sentence in sentences.items():
    print(f"{view:9} {sentence}")

# %% [markdown]
# Read the three sentences against the table in section 2. Which facts are right? Do the three agree with each other?
# A fluent sentence is no measure of that; unit 05 counts.
#
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
# border***. Counting letters is not reading, and unit 06 is about the difference.

# %% tags=["nbval-check-output"]
vote = lexicon.paper_vote(sentence)
print("equal to the helper:", hits == vote.hits, "- votes for", vote.label)

# %%
votes = {view: lexicon.paper_vote(sentence) for view, sentence in sentences.items()}
for view, vote in votes.items():
    print(f"{view:9} {vote.label:4} {vote.hits} {vote.reason}")

# %% [markdown]
# ## 8. The road, and a picture without a lesion
#
# All stations in one figure: this is the paper's Figure 3 for one lesion.

# %%
from dermxai_helpers.plots import lesions as figures

labels = {view: vote.label for view, vote in votes.items()}
course.figure("road", figures.road(image, overlay, region.box, scores, sentences, labels))

# %% [markdown]
# Now the control. We paint the whole picture in the median colour of the skin around the lesion. There is nothing
# left to classify, to point at or to describe.
#
# **Before you run on:** which station will notice?

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
answers = captioner.caption(list(plain_views.values()), prompts, progress=False)
plain_sentences = dict(zip(plain_views, answers, strict=True))
plain_votes = {view: lexicon.paper_vote(sentence).label for view, sentence in plain_sentences.items()}

# %%
plain_overlay = emptiness.overlay(plain[None])[0]
course.figure("plain_skin", figures.road(plain, plain_overlay, plain_region.box, plain_scores, plain_sentences, plain_votes))

# %% [markdown]
# Count what was noticed: a score below one half, a note on the region, a sentence that says there is no lesion. No
# station was built to refuse. Softmax gives away one in total, nearly every map has a largest cell, the demo
# captioner was trained on lesions only, and the vote has a rule for everything.

# %%
answers_given = [max(plain_scores.values()) < 0.5, bool(plain_region.note)]
answers_given += ["no lesion" in sentence.lower() for sentence in plain_sentences.values()]
note = "of 5 answers about plain skin: score below .5, region with a note, three sentences"
course.record("answers_that_noticed_plain_skin", sum(answers_given), note=note)

# %% [markdown]
# A road of stations that all answer can produce something complete, fluent and well laid out about nothing at all. That
# is the reason for every baseline and every control in the units that follow.
#
# ## 9. What this does *not* show
#
# - **Nothing about skin.** The lesions are drawn, the classifier's body and the captioner were trained on drawings.
#   What carries over to photographs is the method and the habit of checking it.
# - **Nothing about the model in general.** This was one lesion. A single heat-map or caption, good or bad, is an
#   anecdote; the units that follow score hundreds, with intervals.
# - **Not that the heat-map explains the decision.** Evidence inside the lesion is what one hopes for, but a map of
#   the lesion drawn without any model would score well too. Unit 03 puts such maps beside it.
# - **Not that the caption describes the picture.** A model that has learnt which sentences are common writes
#   plausible ones without a glance at it.
#
# ## 10. Where to go from here
#
# | unit | its question |
# |---|---|
# | 01 | How many lesions stand on both sides of a random split? |
# | 02 | Is 74.7 % good when "always nevus" gets 75.2 %? |
# | 03 | Where did the CNN's evidence come from, and against what is that judged? |
# | 04 | Where did the transformer's evidence come from? |
# | 05 | Do captions follow the picture? |
# | 06 | Can a diagnosis be read out of captions? |
#
# Each takes its photographs from a folder: give the parameter `data` the path of HAM10000, and the same cells run on
# photographs.
#
# **Further reading**
#
# - Tschandl, Rosendahl, Kittler (2018), *The HAM10000 dataset*, Scientific Data 5:180161, doi:10.1038/sdata.2018.161.
#   The photographs, and how their labels came to be.
# - Selvaraju et al. (2017), *Grad-CAM*, arXiv:1610.02391. The heat-map of section 4.
# - Dai et al. (2023), *InstructBLIP*, arXiv:2305.06500. The language model that the paper asks.
# - Adebayo et al. (2018), *Sanity checks for saliency maps*, arXiv:1810.03292. Why a plausible map is not enough.
# - Rudin (2019), *Stop explaining black box machine learning models for high stakes decisions*,
#   doi:10.1038/s42256-019-0048-x. The opposing view: do without black boxes.
