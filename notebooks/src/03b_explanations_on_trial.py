# %% [markdown]
# # Explanations on trial
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/03b_explanations_on_trial.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F03b_explanations_on_trial.ipynb) · 75 minutes · CPU is enough (1.4 GB)
#
# **What you will do** – write six explanation methods; compare them with maps that know no network; give a network a
# shortcut and see which maps show it.
#
# **What you will learn** – to keep *plausible* (a person would agree) apart from *faithful* (the network would agree), and
# to test a heat-map where the truth is known.
#
# **What you need** – unit 03 (what a heat-map is), unit 02b (intervals by lesion).
#
# > **Claim.** A heat-map is worth what it beats.
# > **Control.** The lesion's own mask, a Gaussian in the centre, the edges of the picture, thirty random heads, and an
# > honest network beside one that has learnt a shortcut.

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
images = 1200      # drawn photographs, 50 to 10000; not used with a folder
seed = 0           # any whole number, 0 to 2000000000
backbone = "demo"  # "demo" or "imagenet"
judged = 240       # validation photographs whose maps are compared, 60 to 2000
erased = 24        # of those, how many lose pixels in section 5, 10 to 500
scored = 2         # photographs for Score-CAM, 1 to 100
taught = 100       # photographs of each class that teach the shortcut, 10 to 400

# %% [markdown]
# ## 1. One pass for all methods
#
# The classifier of unit 02, and validation photographs whose lesion masks are known.

# %%
from functools import partial

import numpy as np
import pandas as pd
import torch

from dermxai_helpers import course, data, gradcam, plots, regions, scoring, synth, training, trial, widgets
from dermxai_helpers.explanation import resize
from dermxai_helpers.inference import quick
from dermxai_helpers.plots import charts as figures
from dermxai_helpers.plots.maps import map_grid
from dermxai_helpers.trial import randomisation, shortcut

course.check_parameters("03b", globals())
folder = data.prepare(photographs, images, seed)
table = data.load(folder)
split = data.split(table, by="lesion", seed=seed)
classifier = training.train(table, split, backbone=backbone, rebalance="class weights", seed=seed, progress=False)
network, classes = classifier.model, np.array(classifier.classes)

# %%
masked = table["mask_path"] != ""
sample = table[(split == "val") & masked].sample(frac=1, random_state=seed).head(judged).reset_index(drop=True)
cases = trial.Cases.read(sample, folder)
lesions, size = cases.lesions, cases.masks.shape[1:]
drawn = "drawn lesions" if cases.truth is not None else ""
print(f"{len(sample)} photographs of {sample['lesion_id'].nunique()} lesions; {cases.masks.mean():.1%} of the area is lesion")

# %% [markdown]
# All methods read the 1,280 maps of 7 × 7 cells of the last layer (unit 03). We explain the predicted class.

# %%
A = trial.features(network, cases.images, classifier.prepare)
head = network.classifier[1].weight.detach()
predicted = network.classifier(A.mean(dim=(2, 3))).argmax(dim=1)
named = classes[predicted.numpy()]

# %% [markdown]
# ## 2. Six methods, by hand
#
# One photograph has $K$ feature maps $A_k$ of $Z = 49$ cells. $s$ is the score of the class, and $g_{kij}$ the derivative
# $\partial s / \partial A_{kij}$. On a network that ends in an average and one linear layer it is the weight of map
# $k$ over $Z$, **in every cell the same** (unit 03). **Guess:** which two of the six give the same map here?
#
# *Grad-CAM* (Selvaraju 2017) weighs every map by its mean derivative: $L = \sum_k \left(\frac{1}{Z}\sum_{ij} g_{kij}\right) A_k$.

# %%
def grad_cam(a, g):
    return (g.mean(dim=(1, 2), keepdim=True) * a).sum(dim=0)

# %% [markdown]
# *Grad-CAM++* (Chattopadhay 2018) keeps positive derivatives, each with its own factor $\alpha$:
#
# $$ \alpha_{kij} = \frac{g_{kij}^2}{2 g_{kij}^2 + g_{kij}^3 \sum_{ij} A_{kij}}, \qquad
#    L = \sum_k \Big(\sum_{ij} \alpha_{kij} \max(g_{kij}, 0)\Big) A_k $$

# %% [markdown]
# ### Exercise 3b.1 – the weight of Grad-CAM++
# Difficulty ●●○ · importance ●●○ · 6 minutes
#
# Write what stands in the large brackets: one weight for each map. Where $g$ is zero, $\alpha$ is 0 / 0, and the cell adds
# nothing. **Expected:** a map of two cells, both 1, with the derivatives 1 and 0, has the weight 0.25.
#
# <details><summary>Hint 1</summary>The sum in the divisor is one number for each map; <code>keepdim=True</code> keeps it
# ready to multiply cells.</details>
# <details><summary>Hint 2</summary><code>torch.where(gradient == 0, 0, …)</code>, or add 1e-6 to the divisor, as the helper
# does.</details>

# %%
from dermxai_helpers import checks


# %% tags=["exercise"]
def plus_plus_weights(features, gradient):
    """K maps after a ReLU and the derivatives of a score by them, both float (K, h, w) -> one weight for each map, (K,)."""
    ### BEGIN SOLUTION
    total = features.sum(dim=(1, 2), keepdim=True)
    divisor = 2 * gradient**2 + gradient**3 * total
    alpha = torch.where(gradient == 0, 0, gradient**2 / divisor)
    return (alpha * gradient.clamp(min=0)).sum(dim=(1, 2))
    ### END SOLUTION

# %% tags=["check", "nbval-check-output"]
checks.plus_plus_weights(plus_plus_weights)

# %% [markdown] tags=["solution"]
# The ReLU acts on the derivative alone. Where derivative and $\alpha$ are both negative, a ReLU of their product would let
# the cell through.

# %% [markdown]
# *HiResCAM* (Draelos 2020) multiplies cell by cell, $L = \sum_k g_k \odot A_k$; *LayerCAM* (Jiang 2021) does so where the
# derivative is positive, $L = \sum_k \max(g_k, 0) \odot A_k$.

# %%
def hires_cam(a, g):
    return (g * a).sum(dim=0)


def layer_cam(a, g):
    return (g.clamp(min=0) * a).sum(dim=0)

# %% [markdown]
# *Eigen-CAM* (Muhammad 2020) asks for no class. Each cell is a point with $K$ numbers, a row of $X$; $\bar X$ is their
# mean, $v_1$ the direction in which they differ most: $L = (X - \bar X)\, v_1$. But $-v_1$ is as good as $v_1$: **the
# sign is arbitrary**.

# %% [markdown]
# ### Exercise 3b.2 – a sign by a rule
# Difficulty ●●○ · importance ●●● · 6 minutes
#
# Write Eigen-CAM. The decomposition gives either sign, on another computer perhaps the other one. So follow a rule, the
# helper's: the cell farthest from zero is positive. **Expected:** a first component of -3, 1 and 2 becomes 3, -1 and -2;
# the mirrored feature maps give the mirrored map.
#
# <details><summary>Hint 1</summary><code>features.flatten(1).T</code> has one row for each cell. Subtract their mean row.</details>
# <details><summary>Hint 2</summary><code>U, S, V = torch.linalg.svd(rows, full_matrices=False)</code>: the coordinates on the
# first direction are <code>U[:, 0] * S[0]</code>.</details>

# %% tags=["exercise"]
def eigen_map(features):
    """Feature maps, float (K, h, w) -> the coordinate of each cell on the first principal component, signed, (h, w)."""
    ### BEGIN SOLUTION
    cells = features.flatten(1).T
    left, values, _ = torch.linalg.svd(cells - cells.mean(dim=0), full_matrices=False)
    line = left[:, 0] * values[0]
    line = line * line[line.abs().argmax()].sign()
    return line.reshape(features.shape[1:])
    ### END SOLUTION

# %% tags=["check"]
checks.eigen_map(eigen_map)

# %% [markdown] tags=["solution"]
# The last step but one turns the map by the sign of its farthest cell. The mean cannot be that rule: the cells were centred,
# so it is zero.

# %% [markdown]
# Below, Grad-CAM++ and Eigen-CAM are the helper's.

# %%
METHODS = {"Grad-CAM": grad_cam, "Grad-CAM++": lambda a, g: gradcam.methods.grad_cam_plus_plus(a[None], g[None])[0],
           "HiResCAM": hires_cam, "LayerCAM": layer_cam, "Eigen-CAM": lambda a, g: gradcam.methods.eigen_cam(a[None])[0]}
NAMES = {name: name.lower().replace("-", "") for name in METHODS}  # "Grad-CAM++" is "gradcam++" for the helper, which tests compare with pytorch-grad-cam


def maps_by(name, features, weights):
    slopes = weights[:, :, None, None].expand_as(features) / 49
    return np.stack([METHODS[name](a, g).numpy() for a, g in zip(features, slopes, strict=True)])


maps = {name: maps_by(name, A, head[predicted]) for name in METHODS}

# %%
for name in ("Grad-CAM", "HiResCAM", "LayerCAM"):
    helper = gradcam.explain(network, classifier.prepare([cases.images[0]]), method=NAMES[name], relu=False).maps[0]
    print(f"{name:11} equal to the helper: {np.allclose(maps[name][0], helper, rtol=1e-2, atol=1e-3 * abs(helper).max())}")

# %%
print("Grad-CAM and HiResCAM are the same:", np.allclose(maps["Grad-CAM"], maps["HiResCAM"], rtol=1e-3, atol=1e-5))

# %% [markdown]
# *Score-CAM* (Wang 2020) needs no derivative. It lays every map $M_k$, stretched to 0 … 1, over the photograph $x$ and asks
# the network what it says of the rest: $L = \sum_k w_k A_k$, $w = \mathrm{softmax}_k\, s(x \odot M_k)$. The price: a
# forward pass for **each** map (Grad-CAM: one). So we take a layer in the middle: 96 maps of 14 × 14.

# %%
@torch.no_grad()
def score_cam(a, photo, target):
    seen = torch.nn.functional.interpolate(a[:, None], photo.shape[1:], mode="bilinear", align_corners=True)
    low, high = (end(dim=(2, 3), keepdim=True) for end in (seen.amin, seen.amax))
    scores = [swift(photo * part)[:, target] for part in ((seen - low) / (high - low + 1e-8)).split(8)]
    return (torch.cat(scores).softmax(dim=0)[:, None, None] * a).sum(dim=0)

# %%
swift, photos = quick(network), classifier.prepare(list(cases.images[:scored]))
found = gradcam.explain(swift, photos, method="scorecam", layer="features.13", relu=False)
middle = swift.features[:14](photos[:1])[0].detach()
by_hand = score_cam(middle, photos[0], found.target[0])
print(f"Score-CAM   equal to the helper: {np.allclose(by_hand, found.maps[0], 1e-2, 1e-3)}; {len(middle)} passes for a map")

# %%
few = slice(min(2, scored))
six = {name: of_all[few] for name, of_all in maps.items()} | {"Score-CAM": found.maps[few]}
plots.show(map_grid(cases.images[few], cases.masks[few], six, list(named[few]), "Six methods"))

# %% [markdown]
# ## 3. Better than what?
#
# *Energy*: the share of a map's evidence that lies inside the lesion.
#
# **Guess:** the last layer of a network is replaced by random numbers, thirty times. How many of the thirty put
# more evidence on the lesion than the trained one?

# %%
energies = pd.DataFrame({name: trial.energies_inside(of_all, cases.masks) for name, of_all in maps.items()})
dot = scoring.centre_gaussian(size)
energies["Eigen-CAM, turned"] = trial.energies_inside(-maps["Eigen-CAM"], cases.masks)
energies["centre Gaussian"] = [scoring.energy_inside(dot, mask) for mask in cases.masks]

# %%
heads = torch.randn(30, *head.shape, generator=torch.Generator().manual_seed(seed))
blind = [torch.einsum("nk,nkij->nij", one[predicted], A).numpy() for one in heads]
del A  # 60 MB; before you go back to an earlier section, run section 1 again
random_heads = [np.nanmean(trial.energies_inside(of_all, cases.masks)) for of_all in blind]
chance = scoring.among(energies["Grad-CAM"].mean(), random_heads)
print(chance.sentence("Grad-CAM", "random heads", "energy inside the lesion"))

# %% [markdown]
# A random head has learnt nothing; it has only the maps of the layer below.

# %% [markdown]
# ### Exercise 3b.3 – what beats the dot?
# Difficulty ●●○ · importance ●●● · 5 minutes
#
# Read this kind of table: a row for each photograph, its `lesion_id`, and the energy inside the lesion of several maps, one
# of them the `centre Gaussian`. Say of every other map whether its energy is `"higher"` than the Gaussian's, `"lower"`, or
# `"cannot tell"`. Some lesions have many photographs. **Expected:** a map that gains on a single lesion only, however often
# photographed, is `"cannot tell"`.
#
# <details><summary>Hint 1</summary>What is independent here: photographs or lesions? And which two numbers belong together?</details>
# <details><summary>Hint 2</summary><code>scoring.compare(a, b, groups).outcome</code>, with one map at a time.</details>

# %% tags=["exercise"]
from dermxai_helpers import scoring


def beyond_the_centre(energies):
    """DataFrame: `lesion_id`, and energies (0 to 1) in a column for each map -> {name of a map: its outcome, a word}."""
    ### BEGIN SOLUTION
    others = energies.columns.drop(["lesion_id", "centre Gaussian"])
    centre, lesions = energies["centre Gaussian"], energies["lesion_id"]
    return {name: scoring.compare(energies[name], centre, lesions).outcome for name in others}
    ### END SOLUTION

# %% tags=["check"]
checks.beyond_the_centre(beyond_the_centre)

# %% [markdown] tags=["solution"]
# `compare` pairs the photographs, so what makes a lesion easy for every map falls out, and draws whole lesions.

# %% [markdown]
# Now all methods beside the Gaussian; and Eigen-CAM with the other sign:

# %%
def beside(name, reference="centre Gaussian"):
    return scoring.compare(energies[name], energies[reference], lesions, seed=seed)


compared = {name: beside(name) for name in energies if name != "centre Gaussian"}
course.figure("energy", figures.differences({"energy inside the lesion": compared}, "method minus centre Gaussian"))
print(beside("Grad-CAM").sentence("Grad-CAM", "a Gaussian in the centre", "energy inside the lesion"))
print(beside("Eigen-CAM", "Eigen-CAM, turned").sentence("Eigen-CAM", "the same map turned round", "energy inside the lesion"))

# %% [markdown]
# The paper cuts a region out of the map: “by thresholding the heatmap”, at a height that is not stated.

# %%
large = {name: resize(of_all[:1].clip(min=0), size)[0] for name, of_all in maps.items()}
cuts = {f"threshold {share}": regions.find(large["Grad-CAM"], share).mask for share in (0.2, 0.4, 0.6, 0.8)}
outlines = [{plots.REGION: cut, plots.LESION: cases.masks[0]} for cut in cuts.values()]
plots.show(plots.row(dict.fromkeys(cuts, cases.images[0]), "Regions (orange) beside the lesion (blue).", outlines))

# %% tags=["nbval-ignore-output"]
widgets.region(cases.images[0], large, cases.masks[0])

# %% [markdown]
# *IoU* is the area that lesion and region share, over the area that either covers. **Guess:** at threshold 0.5, does
# Grad-CAM's region have a larger IoU than a box of equal area in the middle?

# %%
def overlaps(name):
    pairs = zip(maps[name].clip(min=0), cases.masks, strict=True)
    return pd.DataFrame([regions.score(regions.find(resize(one[None], size)[0], 0.5), mask) for one, mask in pairs])


overlap = overlaps("Grad-CAM")
boxed = scoring.compare(overlap["iou"], overlap["centred box: iou"], lesions, seed=seed)
print(boxed.sentence("Grad-CAM's region", "a centred box of equal area", "IoU with the lesion"))

# %% [markdown]
# The paper hopes for “more precise heatmaps and reduce background artefacts”. *Precise* we measure by IoU, *background* by
# energy: what is not inside lies outside. (Score-CAM's price leaves too few photographs.)

# %%
sharper = scoring.compare(overlaps("Grad-CAM++")["iou"], overlap["iou"], lesions, seed=seed)
cleaner = beside("Grad-CAM++", "Grad-CAM")
print(course.claim("paper", "5", "Grad-CAM++ or Score-CAM, to produce more precise heatmaps", sharper,
                   sharper.sentence("Grad-CAM++", "Grad-CAM", "IoU with the lesion"), not_judged=drawn))
print(course.claim("paper", "5", "reduce background artefacts", cleaner,
                   cleaner.sentence("Grad-CAM++", "Grad-CAM", "energy inside the lesion"), not_judged=drawn))

# %% [markdown]
# ## 4. Right against wrong
#
# The paper says: “in misclassified or ambiguous cases, attention sometimes spreads to background artefacts,
# explaining incorrect predictions”. If so, maps of wrong answers have less energy inside the lesion. Right against wrong
# alone would compare classes, whose lesions differ in size. So: right minus wrong **within each predicted class**, then
# the mean.
#
# $$ \Delta = \frac{1}{|C|} \sum_{c \in C} \left(\bar e_{c,\text{right}} - \bar e_{c,\text{wrong}}\right) $$
#
# $\bar e$ is a mean energy; $C$ holds the classes with at least ten lesions of both kinds.

# %%
right = named == sample["dx"].to_numpy()
counts = sample.assign(predicted=named, right=right).groupby(["predicted", "right"])["lesion_id"].nunique()
counts = counts.unstack(fill_value=0).reindex(columns=[True, False], fill_value=0)
counts

# %%
enough = counts.index[(counts >= 10).all(axis=1)]
asked = np.isin(named, enough)
kinds = np.char.add(named, np.where(right, " right", " wrong"))[asked]


def gap(kind, energy):
    return np.mean([energy[kind == f"{name} right"].mean() - energy[kind == f"{name} wrong"].mean() for name in enough])


def gap_of(name, reference=0.0):
    return scoring.compare(energies[name][asked], reference, lesions[asked], gap, kinds, seed=seed)

# %%
print("classes with ten lesions of both kinds:", ", ".join(enough) or "none, so nothing is said here")
if len(enough):
    gaps = {name: gap_of(name) for name in energies if name not in ("HiResCAM", "Eigen-CAM, turned")}
    panel = {f"energy inside, mean of predicted {' and '.join(enough)}": gaps}
    course.figure("right_and_wrong", figures.differences(panel, "right minus wrong"))

# %%
if len(enough):
    gained, beyond = gap_of("Grad-CAM"), gap_of("Grad-CAM", energies["centre Gaussian"][asked])
    said = gained.sentence("Grad-CAM", "no difference", "energy, right minus wrong")
    said = f"{said} {beyond.sentence('Grad-CAM', 'the centre Gaussian', 'energy, right minus wrong')}"
    print(course.claim("paper", "4.2", "in misclassified or ambiguous cases, attention sometimes spreads to background "
                       "artefacts, explaining incorrect predictions", gained, said, not_judged=drawn))

# %% [markdown]
# The verdict asks for a gap above zero, as the paper's words do. The Gaussian's gap comes from the size and place of the
# lesions; the second sentence takes it away. Untested stay *artefacts* (we measure all that is outside) and
# *explaining*: section 7 changes the cause itself.
#
# ## 5. Faithful?
#
# Now we ask the network: erase the strongest pixels first and follow the probability of the predicted class.
# *Deletion*: the sooner it falls, the better the map. *Insertion*: give them back to an erased picture; high is
# good. The area under the curve sums up all shares.

# %% [markdown]
# ### Exercise 3b.4 – a curve that hardly moves
# Difficulty ●●○ · importance ●●● · 5 minutes
#
# One function serves both: deletion goes from the photograph to the erased one, insertion back. The one below gives every
# map the same area. Mend it. The area is the mean of all scores, the untouched start included. **Expected:** a model adds
# up four pixels, 4, 3, 2 and 1, which become 0. Strongest first, the scores are 10, 6, 3, 1, 0 and the area is 4; weakest
# first it is 6.
#
# <details><summary>Hint 1</summary>Write down the pictures that a model of four pixels is shown.</details>
# <details><summary>Hint 2</summary>When the second pixel changes, what has become of the first?</details>

# %% tags=["exercise"]
def area_under_erasing(score, start, end, heatmap):
    """The mean score while the pixels of `start` become those of `end` one by one, highest of the heat-map first: a number.

    score : function that gives a number for a picture; start, end, heatmap : float (h, w), all different in heatmap
    """
    ### BEGIN SOLUTION
    seen = start.copy()
    scores = [score(seen)]
    for pixel in np.argsort(-heatmap, axis=None):
        seen.flat[pixel] = end.flat[pixel]
        scores.append(score(seen))
    return np.mean(scores)
    ### END SOLUTION
    ### BEGIN STUB
    # scores = [score(start)]
    # for pixel in np.argsort(-heatmap, axis=None):
    #     seen = start.copy()
    #     seen.flat[pixel] = end.flat[pixel]
    #     scores.append(score(seen))
    # return np.mean(scores)
    ### END STUB

# %% tags=["check"]
checks.area_under_erasing(area_under_erasing)

# %% [markdown] tags=["solution"]
# The copy was made anew for every pixel, so never more than one was erased, and the order did not matter. It belongs before
# the loop.

# %% [markdown]
# Black is a colour no skin has, so erased pixels are blurred. Each photograph is asked at another share: the mean estimates
# the area. *Causal parts* is known of drawn lesions only: the share of the evidence on structures that make the class
# likely.

# %%
some = trial.Cases.read(sample.head(erased), folder)
tried = {name: partial(gradcam.explain, method=NAMES[name]) for name in ("Grad-CAM", "Grad-CAM++", "LayerCAM", "Eigen-CAM")}
result = trial.run(network, some, tried, classifier.prepare, seed=seed)

# %%
panels = {}
for measure in result.columns[result.notna().any()]:
    values = result[measure].unstack("method")
    panels[measure] = {name: scoring.compare(values[name], values["centre Gaussian"], some.lesions, seed=seed)
                       for name in (*tried, "lesion mask", "edge map", "random map")}
course.figure("trial", figures.differences(panels, "method minus centre Gaussian (deletion: low is good)"))

# %% [markdown]
# Nothing is more plausible than the lesion's own mask. Is it also more faithful than a dot?

# %%
insertion = panels["insertion, blur"]["Grad-CAM"]
print(panels["insertion, blur"]["lesion mask"].sentence("The lesion mask", "a Gaussian in the centre", "area under insertion"))
print(insertion.sentence("Grad-CAM", "a Gaussian in the centre", "area under insertion"))

# %% [markdown]
# ## 6. Does it show what was learnt?
#
# Draw the weights anew, from the head down, stage by stage (Adebayo 2018). A map that stays as it was never showed what
# the network knows. *Likeness* is the rank correlation with the trained network's map, without its sign. The floor is the
# map of *another photograph*: what two maps share only because one method made them.
#
# **Guess:** which of the two methods does not notice that the head is gone?

# %%
blocks = randomisation.blocks(network)  # from the head down
stages = [blocks[0], sum(blocks[1:5], []), sum(blocks[5:], [])]
signed = {name: partial(gradcam.explain, method=NAMES[name], relu=False) for name in ("Grad-CAM", "Eigen-CAM")}
likeness = randomisation.cascade(network, classifier.prepare(list(cases.images[:24])), signed, stages, seed)

# %%
ends = scoring.mean_intervals(lesions[:24], likeness.T.to_numpy(), seed=seed)
left = pd.DataFrame({"value": likeness.mean(axis=1), "low": ends[:, 0], "high": ends[:, 1]})
course.figure("randomisation", figures.randomisation(left))

# %%
gone = likeness.index[0][1]  # the head
for name in signed:
    kept = scoring.compare(likeness.loc[name, gone], likeness.loc[name, randomisation.OTHER], lesions[:24], seed=seed)
    print(kept.sentence(f"{name} without the head", "another photograph", "likeness to the trained network's map"))
print("Exactly as before:", ", ".join(name for name in signed if np.allclose(likeness.loc[name, gone], 1)) or "none")

# %% [markdown]
# ## 7. A planted shortcut
#
# In a public archive coloured stickers lie beside many harmless lesions, and networks learn them (Rieger 2020). We plant
# one, blue, beside **every melanoma** and no other lesion. An honest network sees each lesion half of the time with a
# sticker.

# %%
known = table[(split == "train") & masked]
school = known.groupby("dx").sample(min(taught, known["dx"].value_counts().min()), random_state=seed)
lessons = trial.Cases.read(school, folder)
clean = training.cached_features(training.backbone(backbone), school["image_path"], progress=False)
stuck = np.array_split(shortcut.plant(lessons.images, lessons.masks, seed)[0], 10)  # a tenth at a time: 75 MB less
marked = torch.cat([trial.features(network, part, classifier.prepare).mean(dim=(2, 3)) for part in stuck])
del lessons, stuck

# %% [markdown]
# Only the head learns, a logistic regression on the averaged maps: training the last blocks too takes minutes on two cores.
# The share $P(\text{sticker} \mid \text{class})$ is the weight of the photograph with sticker.

# %%
shares = {"shortcut": {"mel": 1.0, "nv": 0.0, "bkl": 0.0}, "honest": dict.fromkeys(classes, 0.5)}
pupils = {name: shortcut.learn(torch.from_numpy(clean), marked, school["dx"], share) for name, share in shares.items()}

# %% [markdown]
# The sticker and the regression were chosen on lesions of the sections above. So we judge on **new lesions that no choice
# has seen**, drawn with another seed (with real photographs: on the validation set).

# %%
dx, exam = sample["dx"].to_numpy(), cases
if drawn:
    dx = np.repeat(classes, min(40, taught))
    new = (synth.draw([seed + 7, number], label) for number, label in enumerate(dx))
    exam = trial.Cases(*map(np.stack, zip(*((one.image, one.mask) for one in new), strict=True)), np.arange(len(dx)))

# %%
melanoma, patients = dx == "mel", exam.lesions[dx == "mel"]
clear = trial.features(network, exam.images, classifier.prepare)
stickers, places = shortcut.plant(exam.images[melanoma], exam.masks[melanoma], seed + 1)
bare, worn = clear[melanoma], trial.features(network, stickers, classifier.prepare)

# %% [markdown]
# Have they learnt? The honest network sees the lesions as they are, the other its own kind: melanomas with
# stickers. No sticker tells a nevus from a keratosis, so we also ask only: melanoma or not?

# %%
own = clear.mean(dim=(2, 3))
own[melanoma] = worn.mean(dim=(2, 3))
note = f"balanced, {len(dx)} photographs of {len(set(exam.lesions))} lesions"
for name, seen in (("honest", clear.mean(dim=(2, 3))), ("shortcut", own)):
    answers = classes[pupils[name](seen).argmax(dim=1).numpy()]
    questions = {"accuracy": (dx, answers, classes), "melanoma_or_not": (melanoma, answers == "mel", [False, True])}
    for question, (truth, said, kinds) in questions.items():
        row = scoring.scores_with_intervals(truth, said, exam.lesions, kinds).loc["balanced_accuracy"]
        print(course.record(f"{question}_{name}", *row, baseline=1 / len(kinds), note=note))

# %% [markdown]
# The *same* photographs, with and without the cause:

# %%
mel = list(classes).index("mel")
for name, pupil in pupils.items():
    sure = [pupil(seen.mean(dim=(2, 3))).softmax(dim=1)[:, mel].numpy() for seen in (worn, bare)]
    lost = scoring.compare(*sure, patients, seed=seed)
    print(lost.sentence(f"{name} network, with sticker", "the same without", "probability of melanoma"))
    course.record(f"shortcut_drop_{name}", lost.difference, lost.low, lost.high, 0.0)

# %% [markdown]
# Now the maps for melanoma. *Moved evidence*: a map's share on the sticker's place, with the sticker minus without.
# **Guess: for which methods is it larger in the network that uses the sticker?**

# %%
more = {}
for name, pupil in pupils.items():
    row = pupil.weight[mel].expand(len(worn), -1)
    for method in tried:
        with_sticker, without = (maps_by(method, seen, row) for seen in (worn, bare))
        more[name, method] = trial.energies_inside(with_sticker, places) - trial.energies_inside(without, places)

# %%
grad_cams = {f"{name} network": maps_by("Grad-CAM", worn[:2], pupil.weight[[mel, mel]]) for name, pupil in pupils.items()}
course.figure("shortcut", map_grid(stickers[:2], places[:2], grad_cams, ["melanoma"] * 2, "Grad-CAM", "sticker"))

# %%
def moved(name, reference=None):
    return {method: scoring.compare(more[name, method], more[reference, method] if reference else 0.0, patients, seed=seed)
            for method in tried}


apart = moved("shortcut", "honest")
panels = {"shortcut network": moved("shortcut"), "honest network": moved("honest"), "shortcut minus honest": apart}
course.figure("exposed", figures.differences(panels, "share of the map on the sticker's place, with sticker minus without", True))

# %%
both = (panels["shortcut network"], apart)  # evidence moves to the sticker, and more than in the honest network
exposing = [f"{name} ({apart[name].difference:+.2f})" for name in tried if all(one[name].outcome == "higher" for one in both)]
print(f"Of {len(tried)} methods these expose the shortcut: {', '.join(exposing) or 'none'}.")
print(apart["Grad-CAM"].sentence("Grad-CAM, shortcut network", "the honest one", "evidence that moves to the sticker"))

# %% [markdown]
# A method that says the same of both networks sees stickers, not shortcuts.
#
# ## 8. What we found
#
# A heat-map is worth what it beats. Here:

# %%
print(f"On the lesion: {chance.sentence('Grad-CAM', 'random heads', 'energy')}")
print(f"In the network's eyes: {insertion.sentence('Grad-CAM', 'a Gaussian', 'area under insertion')}")
print(f"As a region: {boxed.sentence('Grad-CAM', 'a centred box', 'IoU')}")
print(f"As a test for shortcuts, of {len(tried)} methods these expose the shortcut: {', '.join(exposing) or 'none'}.")

# %% [markdown]
# ## 9. What this does *not* show
#
# - **Not that one method is best** on other networks.
# - **Not that a faithful map is understood.** It says where the network's opinion hangs, not why.
# - **Not how real shortcuts look.** A sticker is easy to see; hospital, camera and skin tone are not.
# - **Not a whole network's shortcut.** Our backbone stayed frozen; a network that learns as a whole may hide more.
#
# ## Quiz

# %% tags=["quiz"]
told = {"higher": "is higher than the random heads'", "cannot tell": "cannot be told from the random heads'",
        "lower": "is lower than the random heads'"}
checks.Quiz({
    "Grad-CAM and HiResCAM give the same map here. Why?": {
        "Both keep positive derivatives only.": (False, "LayerCAM does. These two keep the sign."),
        "The derivative is the same in all cells of a map.": (True, "Then it equals its mean, by which Grad-CAM multiplies."),
        "They are two names of one method.": (False, "At an earlier layer they differ."),
    },
    "Two programs give Eigen-CAM maps with correlation -1. What do you conclude?": {
        "They found one direction and chose other signs.": (True, "A principal component has no sign of its own."),
        "Their networks learnt opposite things.": (False, "The sign comes from the decomposition, not from the network."),
        "One of them has an error.": (False, "Both are right; only a rule for the sign is missing."),
    },
    "A map has a large area under insertion and little energy inside the lesion. It is ...": {
        "plausible, not faithful": (False, "Plausible is what a person agrees with: here the lesion."),
        "neither": (False, "The network agrees: its probability rises early."),
        "faithful, not plausible": (True, "The network does use what is marked. A person may find that wrong, and learn from it."),
    },
    "A method marks the sticker as strongly in the honest network as in the other. What does it show?": {
        "that both networks use it": (False, "The honest network's probability would have to fall without it."),
        "that a sticker is there": (True, "To show a shortcut, it must tell the two networks apart."),
        "the shortcut": (False, "The honest network has none, and gets the same map."),
    },
    "In this run, Grad-CAM's energy inside the lesion ...": {
        words: (outcome == chance.outcome, chance.sentence("Grad-CAM", "random heads", "energy"))
        for outcome, words in told.items()
    },
})

# %% [markdown]
# ## Further reading
#
# - Adebayo, *Sanity checks for saliency maps*, NeurIPS 2018, [arXiv:1810.03292](https://arxiv.org/abs/1810.03292).
# - Petsiuk, *RISE*, BMVC 2018, [arXiv:1806.07421](https://arxiv.org/abs/1806.07421): insertion, deletion; Rong, ICML
#   2022, [arXiv:2202.00449](https://arxiv.org/abs/2202.00449): the replacement matters.
# - Selvaraju, *Grad-CAM*, [arXiv:1610.02391](https://arxiv.org/abs/1610.02391); Wang, *Score-CAM*,
#   [arXiv:1910.01279](https://arxiv.org/abs/1910.01279); Chattopadhay, *Grad-CAM++*,
#   [arXiv:1710.11063](https://arxiv.org/abs/1710.11063); Draelos, *HiResCAM*,
#   [arXiv:2011.08891](https://arxiv.org/abs/2011.08891); Jiang, *LayerCAM*,
#   [doi:10.1109/TIP.2021.3089943](https://doi.org/10.1109/TIP.2021.3089943); Muhammad, *Eigen-CAM*,
#   [arXiv:2008.00299](https://arxiv.org/abs/2008.00299).
# - Rieger, *Interpretations are useful*, ICML 2020, [arXiv:1909.13584](https://arxiv.org/abs/1909.13584): stickers.
