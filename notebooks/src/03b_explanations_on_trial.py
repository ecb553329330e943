# %% [markdown]
# # Explanations on trial
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/03b_explanations_on_trial.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F03b_explanations_on_trial.ipynb) · 55 minutes · CPU is enough (1.4 GB)
#
# **What you will do** – write six explanation methods in a few lines each; compare them with maps that know no network;
# give a network a shortcut and see which maps show it.
#
# **What you will learn** – to keep *plausible* (a person would agree) apart from *faithful* (the network would agree), to
# read a paired difference instead of two numbers, and to test a heat-map where the truth is known.
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
    source = "git+https://github.com/dermxai/dermxai"
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
erased = 32        # of those, how many lose pixels in section 5, 10 to 500
scored = 3         # photographs for Score-CAM, 1 to 100
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

from dermxai_helpers import course, data, gradcam, plots, regions, scoring, training, trial, widgets
from dermxai_helpers.explanation import resize
from dermxai_helpers.inference import quick
from dermxai_helpers.plots import maps as map_figures
from dermxai_helpers.plots import trial as figures
from dermxai_helpers.trial import faithfulness, randomisation, shortcut

course.check_parameters("03b", globals())
folder = data.prepare(photographs, images, seed)
table = data.load(folder)
split = data.split(table, by="lesion", seed=seed)
classifier = training.train(table, split, backbone=backbone, rebalance="class weights", seed=seed, progress=False)
network, classes = classifier.model, np.array(classifier.classes)

# %%
validation = table[(split == "val") & (table["mask_path"] != "")]
sample = validation.sample(min(judged, len(validation)), random_state=seed).reset_index(drop=True)
cases = trial.Cases.read(sample, folder)
lesions, size = cases.lesions, cases.masks.shape[1:]
drawn = "drawn lesions" if cases.truth is not None else ""
print(f"{len(sample)} photographs of {sample['lesion_id'].nunique()} lesions; {cases.masks.mean():.1%} of the area is lesion")

# %% [markdown]
# All methods read the same 1,280 maps of 7 × 7 cells that the last layer gives (unit 03). We explain the predicted class.

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
# $k$ over $Z$, in every cell the same (unit 03).
#
# **Guess:** which two of the six give the same map here?
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

# %%
def grad_cam_plus_plus(a, g):
    total = a.sum(dim=(1, 2), keepdim=True)
    alpha = g**2 / (2 * g**2 + g**3 * total + 1e-6)  # the library's guard against 0 / 0
    return ((alpha * g.clamp(min=0)).sum(dim=(1, 2), keepdim=True) * a).sum(dim=0)

# %% [markdown]
# *HiResCAM* (Draelos 2020) multiplies cell by cell, $L = \sum_k g_k \odot A_k$; *LayerCAM* (Jiang 2021) does so where the
# derivative is positive, $L = \sum_k \max(g_k, 0) \odot A_k$.

# %%
def hires_cam(a, g):
    return (g * a).sum(dim=0)


def layer_cam(a, g):
    return (g.clamp(min=0) * a).sum(dim=0)

# %% [markdown]
# *Eigen-CAM* (Muhammad 2020) asks for no class. Each cell is a point with $K$ numbers; $v_1$ is the direction in which the
# 49 points differ most: $L = (X - \bar X)\, v_1$. But $-v_1$ is as good as $v_1$: **the sign is arbitrary**. The library
# makes the cell that is farthest from zero positive.

# %%
def eigen_cam(a, g):
    cells = a.flatten(1).T
    left, values, _ = torch.linalg.svd(cells - cells.mean(dim=0), full_matrices=False)
    line = left[:, 0] * values[0]
    return (line * line[line.abs().argmax()].sign()).unflatten(0, a.shape[1:])

# %%
METHODS = {"Grad-CAM": grad_cam, "Grad-CAM++": grad_cam_plus_plus, "HiResCAM": hires_cam, "LayerCAM": layer_cam,
           "Eigen-CAM": eigen_cam}
NAMES = {name: name.lower().replace("-", "") for name in METHODS}  # "Grad-CAM++" is "gradcam++" in the library


def maps_by(name, features, weights):
    """Maps (n, 7, 7) of photographs whose classes have these rows of the head."""
    slopes = weights[:, :, None, None].expand_as(features) / 49
    return np.stack([METHODS[name](a, g).numpy() for a, g in zip(features, slopes, strict=True)])


maps = {name: maps_by(name, A, head[predicted]) for name in METHODS}

# %%
for name, by_hand in maps.items():
    library = gradcam.explain(network, classifier.prepare([cases.images[0]]), method=NAMES[name], relu=False).maps[0]
    print(f"{name:11} equal to the library: {np.allclose(by_hand[0], library, rtol=1e-2, atol=1e-3 * abs(library).max())}")

# %%
alike = np.allclose(maps["Grad-CAM"], maps["HiResCAM"], rtol=1e-3, atol=1e-4 * maps["Grad-CAM"].max())
print("Grad-CAM and HiResCAM:", "the same maps, because the derivative is the same in every cell" if alike else "two maps")

# %% [markdown]
# *Score-CAM* (Wang 2020) needs no derivative. It lays every map $M_k$, stretched to 0 … 1, over the photograph $x$ and asks
# the network what it says of what is left: $L = \sum_k w_k A_k$, $w = \mathrm{softmax}_k\, s(x \odot M_k)$. The price: a
# forward pass for **each** map, 1,280 on the last layer. So we take a layer in the middle, which has 96 maps of 14 × 14.

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
print("Score-CAM   equal to the library:", np.allclose(by_hand, found.maps[0], rtol=1e-2, atol=1e-3))
print(f"{len(middle)} passes for one map; Grad-CAM needs one")

# %%
few = slice(min(2, scored))
six = {name: of_all[few] for name, of_all in maps.items()} | {"Score-CAM": found.maps[few]}
plots.show(map_figures.map_grid(cases.images[few], cases.masks[few], six, list(named[few]), "Six methods"))

# %% [markdown]
# ## 3. Better than what?
#
# *Energy*: the share of a map's evidence that lies inside the lesion.
#
# **Guess:** the last layer of a network is replaced by random numbers, thirty times. How many of these thirty networks
# put more of their evidence on the lesion than the trained one?

# %%
energies = pd.DataFrame({name: trial.energies_inside(of_all, cases.masks) for name, of_all in maps.items()})
dot = scoring.centre_gaussian(size)
energies["centre Gaussian"] = [scoring.energy_inside(dot, mask) for mask in cases.masks]
pairs = zip(cases.images, cases.masks, strict=True)
energies["edge map"] = [scoring.energy_inside(scoring.maps.edge_map(image), mask) for image, mask in pairs]

# %%
heads = torch.randn(30, *head.shape, generator=torch.Generator().manual_seed(seed))
blind = [torch.einsum("nk,nkij->nij", one[predicted], A).numpy() for one in heads]
random_heads = [np.nanmean(trial.energies_inside(of_all, cases.masks)) for of_all in blind]
chance = scoring.among(energies["Grad-CAM"].mean(), random_heads)
print(chance.sentence("Grad-CAM", "random heads", "energy inside the lesion"))

# %% [markdown]
# A random head has learnt nothing; what it has is the maps of the layer below. One random head would have told you
# anything you like. Now each method against the Gaussian, photograph by photograph:

# %%
def beside(name, reference="centre Gaussian", scores=energies, **how):
    return scoring.compare(scores[name], scores[reference], lesions, seed=seed, **how)


compared = {"energy inside the lesion": {name: beside(name) for name in energies if name != "centre Gaussian"}}
course.figure("energy", figures.differences(compared, "method minus centre Gaussian"))
print(beside("Grad-CAM").sentence("Grad-CAM", "a Gaussian in the centre", "energy inside the lesion"))

# %% [markdown]
# And the sign of Eigen-CAM? Turned round, it is the same component.

# %%
energies["Eigen-CAM, turned"] = trial.energies_inside(-maps["Eigen-CAM"], cases.masks)
turned = beside("Eigen-CAM", "Eigen-CAM, turned")
print(turned.sentence("Eigen-CAM", "the same map turned round", "energy inside the lesion"))

# %%
better = beside("Grad-CAM++", "Grad-CAM")
said = better.sentence("Grad-CAM++", "Grad-CAM", "energy inside the lesion")
course.claim("paper", "5", "Grad-CAM++ or Score-CAM, to produce more precise heatmaps and reduce background artefacts",
             better, said, not_judged=drawn)

# %%
plain = gradcam.explain(swift, photos, layer="features.13")
pair = [trial.energies_inside(one.maps, cases.masks[:scored]) for one in (found, plain)]
print(scoring.compare(*pair, lesions[:scored], seed=seed).sentence("Score-CAM", "Grad-CAM, same layer", "energy inside"))

# %% [markdown]
# ## 4. Right against wrong
#
# The paper looks at errors: “in misclassified or ambiguous cases, attention sometimes spreads to background artefacts,
# explaining incorrect predictions”. The obvious test, right against wrong, compares classes: their lesions differ in size,
# and one class gets most of the wrong answers. So: right minus wrong **within each predicted class**, then the mean.
#
# $$ \Delta = \frac{1}{|C|} \sum_{c \in C} \left(\bar e_{c,\text{right}} - \bar e_{c,\text{wrong}}\right) $$
#
# $\bar e$ is a mean energy; $C$ holds the classes with at least ten lesions of both kinds.

# %%
right = named == sample["dx"].to_numpy()
counts = sample.assign(predicted=named, right=right).groupby(["predicted", "right"])["lesion_id"].nunique().unstack(fill_value=0)
counts

# %%
enough = counts.index[(counts.reindex(columns=[True, False], fill_value=0) >= 10).all(axis=1)]
asked = np.isin(named, enough)
kinds = np.char.add(named, np.where(right, " right", " wrong"))[asked]


def gap(kind, energy):
    """Right minus wrong within each predicted class, averaged."""
    return np.mean([energy[kind == f"{name} right"].mean() - energy[kind == f"{name} wrong"].mean() for name in enough])


def gap_of(name, reference=0.0):
    return scoring.compare(energies[name][asked], reference, lesions[asked], gap, kinds, seed=seed)

# %%
print("classes with ten lesions of both kinds:", ", ".join(enough) or "none, so nothing is said here")
if len(enough):
    gaps = {name: gap_of(name) for name in energies if name not in ("HiResCAM", "Eigen-CAM, turned")}
    panel = {f"energy inside, within predicted class ({', '.join(enough)})": gaps}
    course.figure("right_and_wrong", figures.differences(panel, "right minus wrong"))

# %%
if len(enough):
    gained, beyond = gap_of("Grad-CAM"), gap_of("Grad-CAM", energies["centre Gaussian"][asked])
    said = gained.sentence("Grad-CAM", "zero", "energy, right minus wrong")
    said = f"{said} {beyond.sentence('Grad-CAM', 'the centre Gaussian', 'the same')}"
    print(course.claim("paper", "4.2", "in misclassified or ambiguous cases, attention sometimes spreads to background "
                       "artefacts, explaining incorrect predictions", gained, said, not_judged=drawn))

# %% [markdown]
# What the Gaussian shows is only the size and place of the lesions. And *explaining* is more than this test can show:
# section 7 changes the cause itself.
#
# ## 5. Faithful?
#
# So far a person was asked. Now the network: erase the strongest pixels first and follow the probability of the predicted
# class. The sooner it falls, the better the map: *deletion*, low is good. Or give the strongest pixels back to an erased
# picture: *insertion*, high is good. The area under the curve sums up all shares.
#
# A tiny model adds up four pixels with these weights. **Guess: which order of deletion has the
# smallest area?**

# %% tags=["nbval-check-output"]
weights = np.array([4.0, 3.0, 2.0, 1.0])
for name, order in {"strongest first": [0, 1, 2, 3], "weakest first": [3, 2, 1, 0]}.items():
    left = [float(weights.sum() - weights[order[:gone]].sum()) for gone in range(5)]
    print(f"{name:15} {left} mean {np.mean(left)}")

# %% [markdown]
# What is put in place of the erased pixels decides much. Black is a colour no skin has, so we blur. Here the
# strongest fifth is erased:

# %%
pixels = torch.from_numpy(cases.images[:1]).permute(0, 3, 1, 2) / 255
blurred = faithfulness.replacement("blur", pixels, torch.zeros(3))
strong = resize(maps["Grad-CAM"][:1], size)[0]
gone = torch.where(torch.from_numpy(strong >= np.quantile(strong, 0.8)), blurred, pixels)
pair = [cases.images[0], (255 * gone[0]).byte().permute(1, 2, 0).numpy()]

# %%
before, after = classifier.predict_proba(pair)[:, predicted[0]]
shown = {f"photograph: {named[0]} {before:.2f}": pair[0], f"strongest fifth blurred: {named[0]} {after:.2f}": pair[1]}
plots.show(plots.row(shown, "What deletion does; blue: the lesion's rim.", [{plots.LESION: cases.masks[0]}] * 2))

# %% [markdown]
# Now all photographs, each at another share than the next: the mean estimates the area. *Causal parts* is known of drawn
# lesions only: the share of the evidence on structures that make the class likely.

# %%
some = trial.Cases.read(sample.head(erased), folder)
tried = {name: partial(gradcam.explain, method=NAMES[name]) for name in ("Grad-CAM", "Grad-CAM++", "LayerCAM", "Eigen-CAM")}
result = trial.run(network, some, tried, classifier.prepare, seed=seed)

# %%
asked_for = [("plausibility", "best IoU"), ("faithfulness", "insertion, blur"), ("faithfulness", "deletion, blur"),
             ("drawn", "causal parts")]
panels = {}
for group, measure in (column for column in asked_for if column in result.scores and result.scores[column].notna().any()):
    values = result.scores[group, measure].unstack("method")
    panels[measure] = {name: scoring.compare(values[name], values["centre Gaussian"], some.lesions, seed=seed)
                       for name in (*tried, "lesion mask", "edge map", "random map")}
course.figure("trial", figures.differences(panels, "method minus centre Gaussian (deletion: low is good)"))

# %%
insertion = panels["insertion, blur"]["Grad-CAM"]
print(panels["insertion, blur"]["lesion mask"].sentence("The lesion mask", "a Gaussian in the centre", "area under insertion"))
print(insertion.sentence("Grad-CAM", "a Gaussian in the centre", "area under insertion"))

# %% [markdown]
# Nothing is more plausible than the lesion's own mask. Is it more faithful than a dot? The first line says so or not.

# %% [markdown]
# ## 6. Does it show what was learnt?
#
# Draw the weights anew, from the head down, stage by stage (Adebayo 2018). A map that stays as it was never showed what
# the network knows. We take the absolute rank correlation with the map of the trained network, because a sign may be
# arbitrary. The floor is the map of *another photograph*: what two maps share only because one method made them.
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

# %% [markdown]
# ## 7. A planted shortcut
#
# In a public archive coloured stickers lie beside many harmless lesions, and networks learn the sticker (Rieger 2020). We
# plant one: a blue sticker beside **every melanoma** and beside no other lesion. An honest network sees the same lesions,
# each half of the time with a sticker. Then we ask about the *same* photograph with and without the cause.

# %%
known = table[(split == "train") & (table["mask_path"] != "")]
school = known.groupby("dx").sample(min(taught, known["dx"].value_counts().min()), random_state=seed)
lessons = trial.Cases.read(school, folder)
clean = training.cached_features(training.backbone(backbone), school["image_path"], progress=False)
with_sticker, _ = shortcut.plant(lessons.images, lessons.masks, seed)
marked = trial.features(network, with_sticker, classifier.prepare).mean(dim=(2, 3))

# %% [markdown]
# The frozen backbone sees the sticker (the accuracies below say so), so only the head must learn: a logistic regression
# on the averaged maps. The share $P(\text{sticker} \mid \text{class})$ is the weight of the photograph with sticker.

# %%
shares = {"shortcut": {"mel": 1.0, "nv": 0.0, "bkl": 0.0}, "honest": dict.fromkeys(classes, 0.5)}
pupils = {name: shortcut.learn(torch.from_numpy(clean), marked, school["dx"], share) for name, share in shares.items()}

# %% [markdown]
# Have they learnt anything? The honest network is asked about validation photographs as they are, the other about its own
# kind: melanomas with stickers.

# %%
melanoma = np.array(sample["dx"] == "mel")
patients = lesions[melanoma]
stickers, places = shortcut.plant(cases.images[melanoma], cases.masks[melanoma], seed + 1)
bare, worn, own = A[melanoma], trial.features(network, stickers, classifier.prepare), A.mean(dim=(2, 3))
own[melanoma] = worn.mean(dim=(2, 3))

# %%
note = f"balanced, on its own kind of photographs: {len(sample)} of {len(set(lesions))} lesions"
for name, seen in (("honest", A.mean(dim=(2, 3))), ("shortcut", own)):
    answers = classes[pupils[name](seen).argmax(dim=1).numpy()]
    row = scoring.scores_with_intervals(sample["dx"], answers, lesions, classes).loc["balanced_accuracy"]
    print(course.record(f"accuracy_{name}", *row, baseline=1 / len(classes), note=note))

# %% [markdown]
# And what is the cause worth? The probability of melanoma, with and without the sticker:

# %%
mel = list(classes).index("mel")
for name, pupil in pupils.items():
    sure = [pupil(seen.mean(dim=(2, 3))).softmax(dim=1)[:, mel].numpy() for seen in (worn, bare)]
    lost = scoring.compare(*sure, patients, seed=seed)
    print(lost.sentence(f"{name} network, with sticker", "the same without", "probability of melanoma"))
    course.record(f"shortcut_drop_{name}", lost.difference, lost.low, lost.high, 0.0)

# %% [markdown]
# Now the maps for melanoma. **Guess: which methods put more evidence on the sticker's place when the
# sticker is there, and only in the network that uses it?**

# %%
tested, more, shown = ("Grad-CAM", "Grad-CAM++", "LayerCAM", "Eigen-CAM"), {}, {}
for name, pupil in pupils.items():
    row = pupil.weight[mel].expand(len(worn), -1)
    for method in tested:
        with_sticker, without = (maps_by(method, seen, row) for seen in (worn, bare))
        more[name, method] = trial.energies_inside(with_sticker, places) - trial.energies_inside(without, places)
        shown[name, method] = with_sticker[:2]

# %%
grad_cams = {f"{name} network": shown[name, "Grad-CAM"] for name in pupils}
course.figure("shortcut", map_figures.map_grid(stickers[:2], places[:2], grad_cams, ["melanoma"] * 2, "Grad-CAM", "sticker"))

# %%
def moved(name, reference=None):
    """For each method, the evidence that moves to the sticker, beside none or beside another network's."""
    return {method: scoring.compare(more[name, method], more[reference, method] if reference else 0.0, patients, seed=seed)
            for method in tested}


apart = moved("shortcut", "honest")
panels = {"shortcut network": moved("shortcut"), "honest network": moved("honest"), "shortcut minus honest": apart}
course.figure("exposed", figures.differences(panels, "share of the map on the sticker's place, with sticker minus without", True))

# %%
exposing = [method for method in tested if apart[method].outcome == "higher"]
print(f"Of {len(tested)} methods these tell the two networks apart: {', '.join(exposing) or 'none'}.")
print(apart["Grad-CAM"].sentence("Grad-CAM, shortcut network", "the honest one", "evidence that moves to the sticker"))

# %% [markdown]
# A method that says the same of both networks sees stickers, not shortcuts.
#
# ## 8. From a map to a region
#
# The paper says: “we first computed Grad-CAM and extracted the region of interest (ROI) by thresholding the heatmap and
# cropping a bounding box around the highest importance region”. The threshold is not stated.

# %%
lesion, image = cases.masks[0], cases.images[0]
large = {name: resize(of_all[:1].clip(min=0), size)[0] for name, of_all in maps.items()}
cuts = {f"threshold {share}": regions.find(large["Grad-CAM"], share) for share in (0.2, 0.4, 0.6, 0.8)}
outlines = [{plots.REGION: cut.mask, plots.LESION: lesion} for cut in cuts.values()]
plots.show(plots.row(dict.fromkeys(cuts, image), "Regions (orange) beside the lesion (blue).", outlines))

# %% tags=["nbval-ignore-output"]
widgets.region(image, large, lesion)

# %% [markdown]
# **Guess:** on all photographs, is the region of Grad-CAM closer to the lesion than a box of equal area in the middle?

# %%
cut = [regions.find(one, 0.5) for one in resize(maps["Grad-CAM"].clip(min=0), size)]
overlap = pd.DataFrame([regions.score(region, mask) for region, mask in zip(cut, cases.masks, strict=True)])
boxed = scoring.compare(overlap["iou"], overlap["centred box: iou"], lesions, seed=seed)
print(boxed.sentence("Grad-CAM's region at 0.5", "a centred box of equal area", "IoU with the lesion"))

# %% [markdown]
# ## 9. What we found
#
# A heat-map is worth what it beats. Here:

# %%
print(f"On the lesion: {chance.sentence('Grad-CAM', 'random heads', 'energy')}")
print(f"As a dot: {beside('Grad-CAM').sentence('Grad-CAM', 'a Gaussian', 'energy')}")
print(f"In the network's eyes: {insertion.sentence('Grad-CAM', 'a Gaussian', 'area under insertion')}")
print(f"As a region: {boxed.sentence('Grad-CAM', 'a centred box', 'IoU')}")
print(f"As a test for shortcuts, of {len(tested)} methods these tell the two networks apart: {', '.join(exposing) or 'none'}.")

# %% [markdown]
# ## 10. What this does *not* show
#
# - **Not that one method is best.** On a network that ends in one linear layer several of them are nearly the same.
# - **Not that a faithful map is understood.** It says where the network's opinion hangs, not why.
# - **Not how real shortcuts look.** A sticker is easy to see; hospital, camera and skin tone are not.
# - **Not a whole network's shortcut.** Our backbone stayed frozen; a network that learns as a whole may hide more.
# - **Nothing clinical.** Drawn lesions teach the method; on HAM10000 all but one table need no truth but the masks.
#
# ## Further reading
#
# - Adebayo et al., *Sanity checks for saliency maps*, NeurIPS 2018, [arXiv:1810.03292](https://arxiv.org/abs/1810.03292).
# - Petsiuk, Das and Saenko, *RISE*, BMVC 2018, [arXiv:1806.07421](https://arxiv.org/abs/1806.07421): insertion, deletion;
#   and Rong et al., ICML 2022, [arXiv:2202.00449](https://arxiv.org/abs/2202.00449): why the replacement matters, ROAD.
# - Wang et al., *Score-CAM*, CVPR workshops 2020, [arXiv:1910.01279](https://arxiv.org/abs/1910.01279); Chattopadhay et
#   al., *Grad-CAM++*, WACV 2018, [arXiv:1710.11063](https://arxiv.org/abs/1710.11063).
# - Draelos and Carin, *HiResCAM*, [arXiv:2011.08891](https://arxiv.org/abs/2011.08891); Jiang et al., *LayerCAM*, IEEE TIP
#   2021, [doi:10.1109/TIP.2021.3089943](https://doi.org/10.1109/TIP.2021.3089943); Muhammad and Yeasin, *Eigen-CAM*, IJCNN
#   2020, [arXiv:2008.00299](https://arxiv.org/abs/2008.00299).
# - Nunnari, Kadir and Sonntag, CD-MAKE 2021, [doi:10.1007/978-3-030-84060-0_16](https://doi.org/10.1007/978-3-030-84060-0_16):
#   IoU of Grad-CAM with marked structures, at best .143. Giavina-Bianchi et al., Frontiers in Medicine 2023, 10:1241484,
#   [doi:10.3389/fmed.2023.1241484](https://doi.org/10.3389/fmed.2023.1241484): in 93.6 % a person said that it fits.
# - Rieger et al., *Interpretations are useful*, ICML 2020, [arXiv:1909.13584](https://arxiv.org/abs/1909.13584): stickers.
