# %% [markdown]
# # Grad-CAM from the inside
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/03_gradcam_internals.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F03_gradcam_internals.ipynb) · 35 minutes · CPU is enough (1.4 GB)
#
# **What you will do** – build Grad-CAM from two tensors and three lines, run the same lines inside MobileNetV2, compare
# with two other implementations, and then let maps that know nothing compete with it.
#
# **What you will learn** – to compute a heat-map by hand, to say what one of its cells can and cannot show, and to ask
# of every heat-map: better than what?
#
# **What you need** – unit 02 (a trained classifier), `torch` tensors and the chain rule.
#
# > **Claim.** On a network that ends in global average pooling and one linear layer, Grad-CAM needs no gradient.
# > **Control.** One layer earlier the equality must fail (section 4). And a map is only worth something if it beats a
# > dot in the centre, a random map and a network that has learnt nothing (section 6).

# %% tags=["bootstrap"]
import importlib.util
import subprocess
import sys

if "google.colab" in sys.modules:  # everywhere else the course is installed already
    source = "git+https://github.com/dermxai/dermxai"
    needed = {"dermxai_helpers": source, "pytorch_grad_cam": "grad-cam", "ttach": "ttach"}
    missing = [package for name, package in needed.items() if importlib.util.find_spec(name) is None]
    if missing:  # without dependencies, so that Colab's own torch and numpy stay
        subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", *missing], check=True)

# %% tags=["parameters"]
data = "demo"      # "demo" draws lesions; or a folder that holds HAM10000
images = 1200      # drawn photographs, 50 to 10000; not used with a folder
seed = 0           # any whole number from 0
backbone = "demo"  # "demo" or "imagenet"
explained = 96     # validation photographs in the control table, 10 to 2000

# %% [markdown]
# ## 1. A feature map you can hold in your hand
#
# Before the real network, a tiny one. Its last layer gives two *feature maps* of 2 × 2 cells: map 0 fires at the top
# left, map 1 everywhere.

# %% tags=["nbval-check-output"]
import torch

tiny = torch.tensor([[[4.0, 0.0], [0.0, 0.0]],
                     [[1.0, 1.0], [1.0, 1.0]]], requires_grad=True)
tiny.shape  # (maps K, height, width)

# %% [markdown]
# The score of a class averages each map over its cells and weighs the averages. The last layers of MobileNetV2 do
# nothing else (apart from adding a bias).
#
# $$ s = \sum_k w_k \, \frac{1}{Z} \sum_{i,j} A_{kij} \qquad Z = 2 \times 2 $$

# %% tags=["nbval-check-output"]
class_weights = torch.tensor([2.0, -1.0])
score = (class_weights * tiny.mean(dim=(1, 2))).sum()
score.item()

# %% [markdown]
# **Before you run the next cell, write down the gradient of the score with respect to the top-left cell of map 0.**

# %% tags=["nbval-check-output"]
gradient, = torch.autograd.grad(score, tiny)
gradient[0]

# %% [markdown]
# The same number in every cell: $w_0 / Z = 0.5$. The gradient knows the *map*, not the *place*. The place comes from the
# map itself, two lines later. Grad-CAM gives each map one weight, the mean of its gradient, and adds the weighted maps:
#
# $$ \alpha_k = \frac{1}{Z} \sum_{i,j} \frac{\partial s}{\partial A_{kij}} \qquad
#    L = \sum_k \alpha_k A_k \qquad L^{+} = \max(L, 0) $$

# %% tags=["nbval-check-output"]
alpha = gradient.mean(dim=(1, 2))
raw = (alpha[:, None, None] * tiny).sum(dim=0).detach()
alpha, raw

# %%
import numpy as np

from dermxai_helpers import course, plots
from dermxai_helpers.plots import maps as figures

plots.show(figures.numbers({
    "map 0": tiny[0].detach().numpy(), "map 1": tiny[1].detach().numpy(),
    "weighted sum": raw.numpy(), "after ReLU": raw.clamp(min=0).numpy(),
}))

# %% [markdown]
# The last step, ReLU, sets the three negative cells to zero. They said "less of this class"; the picture you usually
# see does not show that anybody said so. Section 3 returns to this.
#
# ## 2. The same five steps on a real network
#
# The classifier is the one of unit 02: a frozen MobileNetV2 and a new last layer, trained on the lesions of one part
# of the table and judged on lesions it has never seen.

# %%
from dermxai_helpers import data as course_data
from dermxai_helpers import training

folder = course_data.prepare(data, images, seed)
table = course_data.load(folder)
split = course_data.split(table, by="lesion", seed=seed)
classifier = training.train(table, split, backbone=backbone, seed=seed, progress=False)
network, classes = classifier.model, classifier.classes
print(training.backbone(backbone).note)

# %% [markdown]
# From the validation part we take a sample, all photographs brought to 224 × 224 pixels, each with its lesion mask.

# %%
SIZE = (224, 224)
validation = table[(split == "val") & (table["mask_path"] != "")]
sample = validation.sample(min(explained, len(validation)), random_state=seed).reset_index(drop=True)
photographs = np.stack([course_data.open_image(path, SIZE) for path in sample["image_path"]])
masks = np.stack([course_data.open_mask(path, SIZE) for path in sample["mask_path"]])
print(f"{len(sample)} photographs of {sample['lesion_id'].nunique()} lesions, {masks.mean():.1%} of the area is lesion")

# %% [markdown]
# ### Hook
#
# We need the feature maps in the middle of a forward pass. A *forward hook* is a function that PyTorch calls when a
# layer has finished. Ours keeps the layer's output, cut off from everything before it. That makes it the starting
# point of a new, short graph: gradients are recorded from here to the logits, and only there. It does not matter that
# the layers below are frozen.

# %%
kept = {}

def keep_features(layer, inputs, output):
    kept["features"] = output.detach().requires_grad_()
    return kept["features"]

# %%
first = int((sample["dx"] == "mel").idxmax())  # a melanoma, or row 0 when the sample holds none
batch = classifier.prepare([photographs[first]])
handle = network.features.register_forward_hook(keep_features)
logits = network(batch)
handle.remove()
kept["features"].shape, logits.shape  # (image, maps K, 7, 7) and (image, classes)

# %% [markdown]
# ### Gradient, mean, sum, ReLU

# %%
target = int(logits.argmax())
gradient, = torch.autograd.grad(logits[0, target], kept["features"])
alpha = gradient.mean(dim=(2, 3), keepdim=True)
signed = (alpha * kept["features"]).sum(dim=1).detach()
heatmap = signed.clamp(min=0)
print(f"class {classes[target]}, {tuple(alpha.shape)} weights, {tuple(heatmap.shape)} map")

# %% [markdown]
# ### Resize and overlay
#
# Seven by seven cells have to cover 224 × 224 pixels: each stands for a square of 32 × 32 pixels. Bilinear resizing
# makes the map smooth. It does not make it finer.

# %%
strength = heatmap / heatmap.max().clamp(min=1e-12)
large = torch.nn.functional.interpolate(strength[None], SIZE, mode="bilinear", align_corners=False)[0, 0].numpy()
large.shape, float(large.max().round(3))

# %% [markdown]
# Colour is evidence in dermatology, so an overlay must not tint what the map does not mark. We blend each pixel by the
# strength of the map there: where the map is zero, the photograph stays exactly as it was.

# %%
from matplotlib import colormaps

colours = 255 * colormaps["viridis"](large)[..., :3]
opacity = 0.65 * large[..., None]
overlay = (photographs[first] * (1 - opacity) + colours * opacity).round().astype(np.uint8)

# %%
strongest = int((alpha * kept["features"]).abs().sum(dim=(2, 3)).argmax())  # the map that contributes most
plots.show(figures.steps({
    "photograph": photographs[first], f"map {strongest} of 1280": kept["features"][0, strongest].detach().numpy(),
    "weighted sum": signed[0].numpy(), "ReLU, resized": large, "overlay": overlay,
}, about=f"Grad-CAM step by step for a photograph labelled {sample['dx'][first]}, class {classes[target]}."))

# %% [markdown]
# ### Is it right?
#
# Two checks. The course's helper does the same in one call (and more: whole batches, any layer, the model left as it
# was). And `pytorch_grad_cam`, a library many people use, was written by others.

# %%
from dermxai_helpers import gradcam

helper = gradcam.explain(network, batch, target=target, classes=classes)
print("equal to the helper to 1e-5:", np.allclose(heatmap.numpy(), helper.maps, atol=1e-5))
print("layer that the helper chose:", helper.layer)

# %%
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

network.requires_grad_(True)  # on a frozen network that library finds no gradient
with GradCAM(network, [network.features]) as library:
    theirs = library(batch, [ClassifierOutputTarget(target)])
network.requires_grad_(False).zero_grad(set_to_none=True)

# %% [markdown]
# The library stretches each map between its own minimum and maximum, before and after it resizes. We do the same to ours
# before we compare.

# %%
def stretch(one):
    return (one - one.min()) / (1e-7 + (one - one.min()).max())

ours = stretch(gradcam.resize(stretch(heatmap.numpy()), SIZE))
difference = float(np.abs(ours - theirs).max())
print("equal to pytorch_grad_cam to 1e-5:", difference < 1e-5)
course.record("gradcam_equals_library_max_difference", difference, note="of maps between 0 and 1; 1e-5 is allowed")

# %% [markdown]
# ## 3. What ReLU hides
#
# The same photograph, explained for each of the three classes, with and without ReLU. A map always answers the
# question "what speaks for *this* class?", whether or not the class is any good.

# %%
every = gradcam.explain(network, batch, target="all", relu=False, classes=classes)
for name, one, logit in zip(every.class_name, every.maps, every.logit, strict=True):
    print(f"{name:4} logit {logit:6.2f}   negative cells {np.mean(one < 0):4.0%}   "
          f"positive sum {one.clip(0).sum():6.2f}   negative sum {one.clip(max=0).sum():6.2f}")

# %%
plots.show(figures.steps(
    {"photograph": photographs[first]} | {f"for {name}": every.maps[row] for row, name in enumerate(classes)},
    about="Grad-CAM without ReLU for the three classes; orange cells speak for the class, purple ones against it.",
))

# %% [markdown]
# (Each map has its own scale of colours; the sums above tell how large it is.)
#
# A heat-map after ReLU shows the orange cells only. Two maps that look alike can belong to a class with much against it
# and to a class with nothing against it. Look at the raw map before you interpret a picture; `relu=False` gives it.
#
# ## 4. On this network, no gradient was needed
#
# You saw in section 1 that the gradient was the same in every cell, $w_k / Z$. Then $\alpha_k$ is $w_k / Z$ too, and
# Grad-CAM is
#
# $$ L = \frac{1}{Z} \sum_k w_k A_k $$
#
# which is *class activation mapping* (CAM), the method Grad-CAM generalises, divided by the number of cells. CAM needs
# one matrix product and no backward pass. That is the claim of this unit; it is checked like any other.

# %%
head = network.classifier[1]
with torch.inference_mode():
    cam = torch.einsum("k,bkij->bij", head.weight[target], network.features(batch)).numpy()
gap = float(np.abs(cam / 49 - signed.numpy()).max() / np.abs(signed.numpy()).max())
print("CAM / 49 equals Grad-CAM to 1e-5 of its maximum:", gap < 1e-5)
print(course.record("cam_equals_gradcam_max_difference", gap, note="as a share of the map's maximum; 1e-5 is allowed"))
mean_of_map = cam.mean() + head.bias[target].item()
print(f"mean of the CAM + bias = {mean_of_map:.3f}, logit = {logits[0, target].item():.3f}")

# %% [markdown]
# The last line is worth a thought: before ReLU, the map's cells *add up to the logit*. The map is a complete account of
# the last layer. It says nothing about how the layers below made the feature maps, and one cell of the last layer
# has seen far more of the picture than its 32 × 32 pixels.
#
# **The control: one block earlier, the claim must fail.** Between that block and the logits lies a convolution with a
# nonlinearity, so the gradient varies from cell to cell.

# %%
def spread_of_gradient(layer):
    """Largest standard deviation over cells of any map's gradient, relative to the largest gradient."""
    handle = layer.register_forward_hook(keep_features)
    output = network(batch)
    handle.remove()
    gradient, = torch.autograd.grad(output[0, target], kept["features"])
    return (gradient.std(dim=(2, 3)).max() / gradient.abs().max()).item()

# %%
print(f"last layer: {spread_of_gradient(network.features):.3f}")
print(f"one block earlier: {spread_of_gradient(network.features[17]):.3f}")

# %%
try:
    gradcam.explain(network, batch, target=target, method="cam", layer="features.17")
except ValueError as refusal:
    print(refusal)

# %% [markdown]
# ## 5. The paper's Figure 2
#
# The paper shows photographs, heat-maps, overlays and class probabilities, and reads from them that the model focuses
# "on the body and boundary of the lesion and ignores the hair and background". Here are five rows, chosen by a rule and
# not by looks: the first photograph of each class that was predicted right, then the first two that were predicted
# wrong. The feature maps of the whole sample are computed once and kept; their averages give the probabilities.

# %%
def features_of(features):
    """Feature maps (n, K, 7, 7) of all sampled photographs, four at a time to spare memory."""
    with torch.inference_mode():
        parts = [features(classifier.prepare(list(photographs[start:start + 4]))) for start in range(0, len(sample), 4)]
    return torch.cat(parts).numpy()

learnt = features_of(network.features)

# %%
probabilities = classifier.predict_features(learnt.mean(axis=(2, 3)))
predicted = probabilities.argmax(axis=1)
right = np.array(classes)[predicted] == sample["dx"].to_numpy()
chosen = [row for name in classes for row in np.flatnonzero(right & (sample["dx"] == name))[:1]]
chosen += list(np.flatnonzero(~right)[:2])
print(f"{right.sum()} of {len(right)} photographs are predicted right")

# %%
shown = gradcam.explain(network, classifier.prepare(list(photographs[chosen])), classes=classes)
course.figure("figure_2", figures.explained_rows(
    photographs[chosen], shown, probabilities[chosen], sample["dx"][chosen].tolist(), classes,
    title="Grad-CAM of the predicted class" + (", drawn lesions" if data == "demo" else ""),
))

# %% [markdown]
# Such rows are persuasive, and they are five. Whether the model "focuses on the lesion" is a question with a number
# for an answer, and with a comparison that could turn out against it.
#
# ## 6. The control: what would a map score that knows nothing?
#
# **Energy inside** is the share of a map's positive evidence that lies on the lesion. For one map it is
# one division:

# %%
from dermxai_helpers import scoring

one, mask = gradcam.resize(heatmap.numpy(), SIZE)[0], masks[first]
print(f"by hand {one[mask].sum() / one.sum():.3f}, helper {scoring.energy_inside(one, mask):.3f}")
print(f"area share of the lesion {mask.mean():.3f}")

# %% [markdown]
# A flat map would get exactly the lesion's share of the area: chance. But chance is not the opponent to fear. Lesions
# are photographed in the middle, so a blurred dot in the centre, which has seen no picture at all, may do well. Nor is
# it enough to beat the dot: if a network whose *head*, or whose *every weight*, is random gives equally good maps, then
# the maps show what convolutional networks do with pictures, not what this one has learnt.
#
# Section 4 makes this cheap. The features are there; every head, trained or random, is then one product.

# %%
def cam_maps(features, weight):
    """Maps (n, 7, 7) after ReLU: `weight` (classes, K) of the class that the trained network predicts."""
    return np.einsum("nk,nkij->nij", weight[predicted], features).clip(min=0) / 49

# %%
from torchvision.models import mobilenet_v2

torch.manual_seed(seed)
untrained = mobilenet_v2(num_classes=3).eval().requires_grad_(False)
unlearnt = features_of(untrained.features)
rng = np.random.default_rng(seed)
heads = [rng.normal(size=head.weight.shape).astype(np.float32) for _ in range(4)]

# %%
contestants = {
    "Grad-CAM": [cam_maps(learnt, head.weight.detach().numpy())],
    "random head": [cam_maps(learnt, weight) for weight in heads],
    "random network": [cam_maps(unlearnt, untrained.classifier[1].weight.detach().numpy())],
    "random map": [np.stack([scoring.random_map((7, 7), rng) for _ in masks])],
    "centre Gaussian": [np.broadcast_to(scoring.centre_gaussian(SIZE), masks.shape)],
}

# %% [markdown]
# Three scores for each: energy inside; the *pointing game* (does the strongest pixel lie on the lesion?); *IoU*, the
# overlap of the lesion with the pixels above half of the maximum. Intervals resample lesions, because two photographs
# of one lesion are not two independent cases.

# %%
import pandas as pd


def enlarged(name):
    """A contestant's versions at the size of the photographs, one after the other to spare memory."""
    return (gradcam.resize(cells, SIZE) for cells in contestants[name])

def judged(score, versions):
    """Score (n,) of every photograph, averaged over a contestant's versions; NaN where no version has evidence."""
    scores = [[score(large[row], masks[row]) for row in range(len(masks))] for large in versions]
    return np.ma.masked_invalid(scores).mean(axis=0).filled(np.nan)

def summary(values):
    """Mean and interval by lesion; photographs whose map holds no evidence are left out."""
    there = np.isfinite(values)
    low, high = scoring.interval("mean", sample["lesion_id"][there], values[there], seed=seed)
    return {"value": values[there].mean(), "low": low, "high": high, "left out": int((~there).sum())}

# %%
energy = {name: judged(scoring.energy_inside, enlarged(name)) for name in contestants}
controls = pd.DataFrame({name: summary(values) for name, values in energy.items()}).T
controls["pointing game"] = [judged(scoring.pointing_game, enlarged(name)).mean() for name in contestants]
controls["IoU"] = [judged(scoring.intersection_over_union, enlarged(name)).mean() for name in contestants]
area = float(masks.mean())
controls.astype({"left out": int}).round(3)

# %% [markdown]
# ### Is a cell where we draw it?
#
# One doubt about the instrument first. We drew cell $(i, j)$ over its square of 32 × 32 pixels, as every library does.
# But every layer of stride 2 looks at every other pixel, beginning with the *first*; the centre of what a cell looks
# at drifts to the top left of its square. How far, the gradient tells: which pixels move the middle cell of the map?

# %%
def drift(features, weight):
    """Centre of the pixels (row, column) that move the middle cell of the map, minus the centre of its square."""
    strength = np.zeros(SIZE)
    for row in range(6):  # one photograph at a time: this gradient runs through the whole network and needs memory
        pixels = classifier.prepare([photographs[row]]).requires_grad_()
        cell = (weight[predicted[row]] * features(pixels)[0, :, 3, 3]).sum()
        seen, = torch.autograd.grad(cell, pixels)
        strength += (seen[0] ** 2).sum(dim=0).numpy()
    places = np.arange(SIZE[0])
    centre = [(strength.sum(axis=axis) * places).sum() / strength.sum() for axis in (1, 0)]
    return np.round(np.array(centre) - (SIZE[0] - 1) / 2).astype(int)

# %%
moved = {"Grad-CAM": drift(network.features, head.weight.detach())}
moved["random head"] = moved["Grad-CAM"]
moved["random network"] = drift(untrained.features, untrained.classifier[1].weight.detach())
print("pixels down and to the right:", {name: by.tolist() for name, by in moved.items()})

# %% [markdown]
# A negative number says that the cell looks further up (left) than where it is drawn. We put the maps back in place and
# score them once more. Both columns stay in the table: `value` is the map as it is always drawn, `in place` the map
# where its cells look.

# %%
def put_in_place(large, by):
    """Maps (n, 224, 224) moved by (rows, columns) pixels; the edge is repeated."""
    rows, columns = (np.clip(np.arange(length) - step, 0, length - 1) for length, step in zip(SIZE, by, strict=True))
    return large[:, rows][:, :, columns]

for name, by in moved.items():
    there = (put_in_place(large, by) for large in enlarged(name))
    energy[f"{name}, in place"] = judged(scoring.energy_inside, there)

# %%
controls["in place"] = pd.Series({name: np.nanmean(energy[f"{name}, in place"]) for name in moved})
course.figure("controls", figures.control_chart(
    controls, area, "energy inside the lesion", "Grad-CAM beside maps that know nothing", also="in place"
))

# %% [markdown]
# Read the chart from below. Which of the maps that know nothing about *this* classifier comes nearest to Grad-CAM? The
# honest comparison is photograph by photograph, and as drawn with as drawn, in place with in place:

# %%
def compare(name, other):
    """Print by how much one contestant's energy inside exceeds another's, with the interval by lesion."""
    gain = summary(energy[name] - energy[other])
    verdict = "more than" if gain["low"] > 0 else "less than" if gain["high"] < 0 else "not distinguishable from"
    print(f"{name}: {verdict} {other}: {gain['value']:+.3f} ({gain['low']:+.3f} to {gain['high']:+.3f})")

for name in ("random head", "random network", "random map", "centre Gaussian"):
    compare("Grad-CAM", name)
    compare("Grad-CAM, in place", f"{name}, in place" if name in moved else name)

# %%
drawn, in_place = controls.loc["Grad-CAM"], summary(energy["Grad-CAM, in place"])
gaussian = controls.loc["centre Gaussian", "value"]
note = f"Grad-CAM, {len(sample)} validation photographs; the baseline is a Gaussian in the centre"
print(course.record("energy_inside", drawn["value"], drawn["low"], drawn["high"], gaussian, note=note))
print(course.record("energy_inside_in_place", in_place["value"], in_place["low"], in_place["high"], gaussian,
                    note="the same maps, moved to where their cells look"))

# %%
print(course.record("lesion_area_share", area, note="what a flat map gets"))
for name, record in (("centre Gaussian", "energy_inside_centre_gaussian"), ("random map", "energy_inside_random_map"),
                     ("random head", "energy_inside_random_head"), ("random network", "energy_inside_random_network")):
    row = controls.loc[name]
    print(course.record(record, row["value"], row["low"], row["high"], baseline=area))

# %% [markdown]
# ### "In misclassified cases, attention spreads to the background"
#
# The paper says so of its own maps. The table lets you ask:

# %%
for name, group in (("right", right), ("wrong", ~right)):
    values = np.where(group, energy["Grad-CAM"], np.nan)
    found = summary(values)
    print(f"predicted {name}: n = {len(sample) - found['left out']}, energy inside {found['value']:.3f} "
          f"({found['low']:.3f} to {found['high']:.3f})")

# %% [markdown]
# ### "… and ignores the hair"
#
# For drawn lesions the mask of every hair is known, so this can be measured as well: the share of evidence on hair
# pixels, beside the share of hair in the area.

# %%
truth = course_data.truth(folder)
if truth is None:
    print("These are photographs: nobody has marked their hairs, so the claim cannot be checked here.")
else:
    hair = [course_data.parts(folder, name).get("hair", np.zeros(SIZE, bool)) for name in sample["image_id"]]
    hairy = np.flatnonzero([one.any() for one in hair])
    large = next(enlarged("Grad-CAM"))
    on_hair = [scoring.energy_inside(large[row], hair[row]) for row in hairy]
    print(f"{len(hairy)} photographs with hair: {np.nanmean(on_hair):.3f} of the evidence lies on hair pixels, "
          f"which are {np.mean([hair[row].mean() for row in hairy]):.3f} of the area")

# %% [markdown]
# Whatever the numbers say: a hair is a few pixels wide and a cell of the map is 32. A map of this grid *could not*
# draw its outline around a hair if the model hung on it with all its weight. "Ignores the hair" is a statement that
# this instrument cannot make.
#
# ## 7. What this does *not* show
#
# - **Not what a dermatologist would mark.** The mask says where the lesion is, not which part of it matters.
# - **Not that the evidence is good.** A map on the lesion can belong to a wrong answer; section 6 counted such cases.
# - **Not what happens if you cover the marked region.** That is faithfulness, and needs experiments on the picture.
# - **Not the model's view of fine structures.** Network, dots and streaks are smaller than one cell.
# - **Nothing clinical.** Drawn lesions teach the method; on HAM10000 the same notebook gives other numbers.
#
# ## Further reading
#
# - Selvaraju et al., *Grad-CAM: Visual explanations from deep networks via gradient-based localization*, ICCV 2017,
#   [arXiv:1610.02391](https://arxiv.org/abs/1610.02391). The method, and the proof that it contains CAM.
# - Zhou et al., *Learning deep features for discriminative localization*, CVPR 2016,
#   [arXiv:1512.04150](https://arxiv.org/abs/1512.04150). CAM itself, in six pages.
# - Adebayo et al., *Sanity checks for saliency maps*, NeurIPS 2018,
#   [arXiv:1810.03292](https://arxiv.org/abs/1810.03292). Why a randomised network belongs into the table.
# - Nunnari, Kadir and Sonntag, *On the overlap between Grad-CAM saliency maps and explainable visual features in skin
#   cancer images*, CD-MAKE 2021, [doi:10.1007/978-3-030-84060-0_16](https://doi.org/10.1007/978-3-030-84060-0_16).
#   The same question for the features that dermatologists name.
# - Gildenblat et al., [pytorch-grad-cam](https://github.com/jacobgil/pytorch-grad-cam). The library we compared with.
