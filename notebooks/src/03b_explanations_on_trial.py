# %% [markdown]
# # Explanations on trial
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/03b_explanations_on_trial.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F03b_explanations_on_trial.ipynb) · 40 minutes · CPU is enough (1.4 GB)
#
# **What you will do** – let six explanation methods compete with four maps that know no network, on two questions that
# must not be mixed; draw a network's weights anew and see which maps notice; plant a shortcut and see which maps tell.
#
# **What you will learn** – to keep *plausible* (a person would agree) apart from *faithful* (the network would agree), to
# read a difference instead of two numbers, and to test a heat-map where the truth is known exactly.
#
# **What you need** – unit 03 (what a heat-map is), unit 02b (intervals by lesion).
#
# > **Claim.** A map that lies on the lesion has shown where lesions are photographed, and nothing else yet.
# > **Control.** Four baselines in every table: the lesion's own mask, a Gaussian in the centre, the edges of the picture,
# > random cells. And an honest network beside the one that was taught to cheat.

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
judged = 24        # validation photographs on trial, 20 to 2000
rulers = 130       # drawn photographs from which the shortcut is learnt, 100 to 2000

# %% [markdown]
# ## 1. The court
#
# The classifier of unit 02, and validation photographs whose lesion masks are known. Of a drawn lesion more is known:
# where every network, veil and hair lies, and which of them speak *for* its class, because the class was drawn from
# those attributes with known chances.

# %%
from functools import partial

import numpy as np
import pandas as pd

from dermxai_helpers import course, data, gradcam, plots, training, trial
from dermxai_helpers.explanation import resize
from dermxai_helpers.plots import trial as figures

course.check_parameters("03b", globals())
folder = data.prepare(photographs, images, seed)
table = data.load(folder)
split = data.split(table, by="lesion", seed=seed)
classifier = training.train(table, split, backbone=backbone, rebalance="class weights", seed=seed, progress=False)
network, classes = classifier.model, classifier.classes

# %%
validation = table[(split == "val") & (table["mask_path"] != "")]
sample = validation.sample(min(judged, len(validation)), random_state=seed).reset_index(drop=True)
cases = trial.Cases.read(sample, folder)
print(f"{len(sample)} photographs of {sample['lesion_id'].nunique()} lesions, {cases.masks.mean():.1%} of the area is lesion")

# %% [markdown]
# Six methods from one family stand trial. They differ in what they do with the gradient of the layer's 1,280 maps:
#
# | method | weight of a map | |
# |---|---|---|
# | Grad-CAM | mean of its gradient | |
# | Grad-CAM++ | mean of its positive gradients, each with its own factor | |
# | HiResCAM | gradient cell by cell | on this network the same as Grad-CAM: why? |
# | LayerCAM | positive gradient cell by cell | |
# | Eigen-CAM | none: first principal component of the maps | knows no class |
# | random head | random numbers | a network that has learnt nothing at its end |

# %%
import copy

import torch

blind = copy.deepcopy(network)
with torch.random.fork_rng(devices=[]):
    torch.manual_seed(seed)
    torch.nn.init.normal_(blind.classifier[1].weight, std=0.01)

explainers = {
    "Grad-CAM": gradcam.explain,
    "Grad-CAM++": partial(gradcam.explain, method="gradcam++"),
    "HiResCAM": partial(gradcam.explain, method="hirescam"),
    "LayerCAM": partial(gradcam.explain, method="layercam"),
    "Eigen-CAM": partial(gradcam.explain, method="eigencam"),
    "random head": lambda _network, inputs, targets: gradcam.explain(blind, inputs, targets),
}

# %% [markdown]
# ## 2. Two questions
#
# **Plausible?** The map against the lesion's mask: *energy*, the share of its evidence inside; the *pointing game*, does
# the strongest pixel lie inside; *IoU*.
#
# **Faithful?** Erase the strongest pixels first and watch the probability of the predicted class: the sooner it falls,
# the more it hung on what the map marks (*deletion*, low is good). Or begin with an erased picture and give the
# strongest pixels back (*insertion*, high is good).
#
# A model small enough for the head: it adds up four pixels with these weights. **Which order of deletion has the smallest
# area, and which map would a person have drawn?**

# %% tags=["nbval-check-output"]
weights = np.array([4.0, 3.0, 2.0, 1.0])
for name, order in {"strongest first": [0, 1, 2, 3], "weakest first": [3, 2, 1, 0]}.items():
    left = [float(weights.sum() - weights[order[:erased]].sum()) for erased in range(5)]
    print(f"{name:15} {left} mean {np.mean(left)}")

# %% [markdown]
# Now for one photograph, one map and one share:

# %%
from dermxai_helpers.trial import faithfulness

inputs = classifier.prepare([cases.images[0]])
first = gradcam.explain(network, inputs, classes=classes)
large = first.resized(cases.masks.shape[1:])
without = faithfulness.replacement("blur", inputs, torch.zeros(3))
strongest = torch.from_numpy(large[0] >= np.quantile(large[0], 0.8))
with torch.inference_mode():
    before, after = (network(one).softmax(1)[0, first.target[0]].item() for one in (
        inputs, torch.where(strongest, without, inputs)))
print(f"probability of {first.class_name[0]}: {before:.3f}; with the strongest fifth blurred: {after:.3f}")

# %%
def visible(batch):
    """A normalised batch as pictures, uint8 (B, height, width, 3)."""
    mean, std = (torch.tensor(value).view(3, 1, 1) for value in (classifier.mean, classifier.std))
    return (255 * (batch * std + mean)).round().clamp(0, 255).byte().permute(0, 2, 3, 1).numpy()


erased = torch.where(strongest, without, inputs)
plots.show(plots.row({"photograph": cases.images[0], "heat-map": large[0], "strongest fifth blurred": visible(erased)[0]},
                         about="What deletion does to a photograph."))

# %% [markdown]
# What is put in place of the erased pixels decides much. Black is a colour no skin has: the network has never seen it,
# and what it says then is about black. So we blur; `measures` below also takes "deletion, black" and "deletion, mean":
# try whether the order of the methods survives. (ROAD, under further reading, fills the hole from its surroundings; it
# stands in pytorch-grad-cam.)
#
# Now everything at once. Each photograph is asked at other shares than the next, evenly spread over all of them: the
# mean is an estimate of the area under the curve, and costs one forward pass for each photograph, method and measure.

# %%
measures = ("insertion, blur", "deletion, blur")
found = trial.run(network, cases, explainers, classifier.prepare, measures, seed)
outcome = found.table(seed)
outcome["plausibility"].xs("value", axis=1, level="number").round(3)

# %%
outcome["faithfulness"].xs("value", axis=1, level="number").round(3)

# %%
course.figure("trial", figures.verdict(found.against("centre Gaussian", seed)))

# %% [markdown]
# The figure shows differences from the centre Gaussian, photograph by photograph, with intervals by lesion. Read the
# row of the lesion's own mask first. Nothing can be more plausible. Is it also the most faithful?
#
# ## 3. Where the truth is known
#
# For drawn lesions: the share of a map's evidence on the structures that make its class likely, and on artefacts.
# "− area" subtracts the share of the picture that those structures take, so 0 is chance.

# %%
known = [column for column in outcome.columns if column[0] == "drawn" and column[2] == "value"]
if not known:
    print("These are photographs: nobody knows which structure made the diagnosis, so this table needs drawn lesions.")
outcome[known].droplevel("number", axis=1).round(3) if known else None

# %%
energy = outcome.loc["Grad-CAM", ("plausibility", "energy")]
gaussian = outcome.loc["centre Gaussian", ("plausibility", "energy", "value")]
note = f"Grad-CAM, {len(sample)} validation photographs; the baseline is a Gaussian in the centre"
print(course.record("energy_inside", energy["value"], energy["low"], energy["high"], gaussian, note=note))
gap = found.against("centre Gaussian", seed).loc["Grad-CAM"]
for measure in ("insertion, blur", "deletion, blur"):
    row = gap["faithfulness", measure]
    name = f"{measure.split(',')[0]}_gain_over_gaussian"
    print(course.record(name, row["value"], row["low"], row["high"], 0.0, note="area under the curve, Grad-CAM minus dot"))

# %% [markdown]
# ## 4. "In misclassified cases, attention spreads to the background"
#
# The paper says so (4.2). If it is so, energy is higher where the prediction is right, and the interval of the difference
# lies above zero. Ask the centre Gaussian the same question: it knows nothing about right and wrong, so what it shows is
# only that right predictions have larger or better centred lesions.

# %%
right = np.array(classes)[found.predictions["predicted"]] == sample["dx"].to_numpy()
compared = found.right_and_wrong(right, seed=seed)
print(f"{right.sum()} right, {(~right).sum()} wrong")
compared.round(3)

# %%
course.figure("right_and_wrong", figures.right_and_wrong(compared, "energy inside"))

# %%
rows = compared.loc[["Grad-CAM", "centre Gaussian"]]
claim = "supported" if rows["low"].iloc[0] > 0 else "contradicted" if rows["high"].iloc[0] < 0 else "neither shown nor refuted"
print(f"the paper's sentence is {claim} here")
gains = rows["difference"]
print(f"difference of Grad-CAM {gains.iloc[0]:+.2f}, of the dot in the centre {gains.iloc[1]:+.2f}")
row = rows.iloc[0]
print(course.record("energy_right_minus_wrong", row["difference"], row["low"], row["high"], 0.0, note="Grad-CAM"))

# %% [markdown]
# ## 5. Does it show what was learnt?
#
# Draw the weights anew, from the head down, layer by layer. A map that stays as it was has never shown what the
# network knows. In float64, because in a network of random weights some maps are nothing but rounding.

# %%
from dermxai_helpers.trial import randomisation

few = classifier.prepare(list(cases.images[:3]))
tested = {name: partial(gradcam.explain, method=method, relu=False) for name, method in
          (("Grad-CAM", "gradcam"), ("Eigen-CAM", "eigencam"))}
blocks = randomisation.blocks(network)  # from the head down
stages = [blocks[0], blocks[1], sum(blocks[2:8], []), sum(blocks[8:], [])]
forgotten = randomisation.cascade(network, few, tested, sample["lesion_id"][:3], stages, seed)
course.figure("randomisation", figures.randomisation(forgotten))

# %% [markdown]
# Which method does not notice that the head is gone? It never asked the head. "Another photograph" is the floor: what two
# maps have in common only because they come from the same method.
#
# ## 6. A planted shortcut
#
# Now a crime is staged. In these drawn photographs nine of ten melanomas lie beside a ruler, and hardly any other lesion
# does. A model learns from them, and an honest one from photographs where rulers mean nothing. Then comes the experiment
# that real photographs do not allow: the *same* lesions drawn once with and once without the ruler.

# %%
from dermxai_helpers.trial import shortcut

taught = {"taught to cheat": shortcut.train(shortcut.PLANTED, rulers, seed=seed),
          "honest": shortcut.train(shortcut.HONEST, rulers, seed=seed)}
pairs = shortcut.draw_pairs(12, seed + 1)
suspects = {name: explainers[name] for name in ("Grad-CAM", "Grad-CAM++", "LayerCAM", "Eigen-CAM")}
exposed = shortcut.expose(taught, pairs, suspects, seed=seed)
exposed.drops.round(3)

# %%
course.figure("shortcut", figures.shortcut(exposed, pairs, "Grad-CAM"))
exposed.relevance[["value", "area", "without", "more", "more low", "more high"]].round(3)

# %%
lost = exposed.drops.loc["taught to cheat"]
print(course.record("shortcut_drop", lost["drop"], lost["low"], lost["high"], exposed.drops.loc["honest", "drop"],
                    note="probability of melanoma lost with the ruler; baseline: the honest model"))
share = exposed.relevance.loc[("taught to cheat", "Grad-CAM")]
print(course.record("shortcut_share_on_ruler", share["value"], share["low"], share["high"], share["area"],
                    note="Grad-CAM's evidence on the ruler; baseline: the ruler's share of the picture"))

# %% [markdown]
# Two columns matter. `drop` is the truth: how much of the probability of melanoma goes with the ruler. `more` is what a
# heat-map says: how much more evidence lies on that place when the ruler is there. A method exposes the cheat if `more`
# is far above zero for the model that cheats and about zero for the honest one. Look at both intervals before you
# convict anybody: a method that finds rulers in honest models, too, is a poor witness.
#
# ## 7. From a map to a region
#
# The paper cuts the picture at a threshold it does not name. Try some. The region is scored like the map: overlap with
# the lesion, beside a box of the same size in the middle of the picture.

# %%
from dermxai_helpers import regions

image, lesion, size = cases.images[0], cases.masks[0], cases.masks.shape[1:]
heatmaps = {name: explain(network, inputs, first.target).resized(size)[0] for name, explain in suspects.items()}
cuts = {threshold: regions.find(heatmaps["Grad-CAM"], threshold) for threshold in (0.2, 0.4, 0.6, 0.8)}
titles = [f"threshold {threshold}\nIoU {regions.score(cut, lesion)['iou']:.2f}" for threshold, cut in cuts.items()]
outlines = [{plots.REGION: cut.mask, plots.LESION: lesion} for cut in cuts.values()]
about = "The region (orange) at rising thresholds beside the lesion (blue)."
plots.show(plots.row(dict.fromkeys(titles, image), about, outlines))

# %% tags=["nbval-ignore-output"]
from dermxai_helpers import widgets

widgets.region(image, heatmaps, lesion)

# %% [markdown]
# One lesion proves nothing. All of them, at three thresholds and by Otsu's rule:

# %%
cells = np.concatenate([gradcam.explain(network, classifier.prepare(list(cases.images[start:start + 8]))).maps
                        for start in range(0, len(cases.images), 8)])
rules = {f"threshold {value}": (value, "maximum") for value in (0.3, 0.5, 0.7)} | {"otsu": (0.5, "otsu")}


def region_scores(threshold, rule):
    """Mean scores of the regions of all photographs."""
    found = (regions.find(resize(one[None], size)[0], threshold, rule) for one in cells)
    return pd.DataFrame([regions.score(region, mask) for region, mask in zip(found, cases.masks, strict=True)]).mean()


chosen = pd.DataFrame({name: region_scores(*rule) for name, rule in rules.items()}).T
chosen.round(3)

# %%
row = chosen.loc["threshold 0.5"]
print(course.record("region_iou", row["iou"], baseline=row["centred box: iou"], note="baseline: centred box, equal area"))

# %% [markdown]
# ## 8. Published numbers, and why they are not the same number
#
# Nunnari, Kadir and Sonntag (2021) threshold Grad-CAM maps and compare them with the *structures* that dermatologists
# marked (network, globules, streaks …): their best Jaccard index is .143. The table below has ours, for the lesion and,
# on drawn lesions, for the structures. Giavina-Bianchi and colleagues (2023) report agreement of 93.6, 88.0 and 84.6 %
# for Grad-CAM, Grad-CAM++ and Score-CAM: there a person looked at each map and said whether it fitted. A map that merely
# *touches* the lesion fits.

# %%
overlap = outcome.xs("value", axis=1, level="number")
wanted = [column for column in (("plausibility", "best Jaccard"), ("drawn", "Jaccard, structures"),
                                ("plausibility", "touches")) if column in overlap]
overlap[wanted].round(3)

# %% [markdown]
# Compare the three columns of one row. The same map, judged by the eye, by the lesion and by its structures.
#
# ## 9. What this does *not* show
#
# - **Not that one method is best.** On a network that ends in one linear layer most of them are nearly the same.
# - **Not that a faithful map is understood.** It says where the network's opinion hangs, not why.
# - **Not the fault of the map alone.** A wide lesion in the middle makes every map plausible.
# - **Not how real shortcuts look.** A ruler is easy to see; hospital, camera and skin tone are not.
# - **Nothing clinical.** Drawn lesions teach the method; on HAM10000 the tables need no truth but the masks.
#
# ## Further reading
#
# - Adebayo et al., *Sanity checks for saliency maps*, NeurIPS 2018, [arXiv:1810.03292](https://arxiv.org/abs/1810.03292).
# - Petsiuk, Das and Saenko, *RISE*, BMVC 2018, [arXiv:1806.07421](https://arxiv.org/abs/1806.07421). Insertion, deletion.
# - Rong et al., *A consistent and efficient evaluation strategy for attribution methods*, ICML 2022,
#   [arXiv:2202.00449](https://arxiv.org/abs/2202.00449). Why the replacement matters, and ROAD.
# - Nunnari, Kadir and Sonntag, *On the overlap between Grad-CAM saliency maps and explainable visual features in skin
#   cancer images*, CD-MAKE 2021, [doi:10.1007/978-3-030-84060-0_16](https://doi.org/10.1007/978-3-030-84060-0_16).
# - Giavina-Bianchi et al., *Explainability agreement between dermatologists and five visual explanations techniques in deep
#   neural networks for melanoma AI classification*, Frontiers in Medicine 10, 2023,
#   [doi:10.3389/fmed.2023.1241484](https://doi.org/10.3389/fmed.2023.1241484).
# - Jacovi and Goldberg, *Towards faithfully interpretable NLP systems*, ACL 2020,
#   [arXiv:2004.03685](https://arxiv.org/abs/2004.03685). Plausible and faithful, kept apart.
