# %% [markdown]
# # Grad-CAM from the inside
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/03_gradcam_internals.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F03_gradcam_internals.ipynb) · 35 minutes · CPU is enough (1.3 GB)
#
# **What you will do** – build Grad-CAM from two tensors and three lines, run the same lines inside MobileNetV2, compare
# with two other implementations, mend four broken ones, and race them all.
#
# **What you will learn** – to compute a heat-map by hand, to say what one of its cells can and cannot show, to find the
# mistakes that most heat-maps on the internet contain, and to ask of every heat-map: better than what?
#
# **What you need** – unit 02 (a trained classifier), `torch` tensors and the chain rule.
#
# > **Claim.** On a network that ends in global average pooling and one linear layer, Grad-CAM needs no gradient.
# > **Control.** One layer earlier the equality must fail (section 4). And a map is only worth something if it beats a
# > dot in the centre that has seen no picture (section 7; the whole trial is unit 03b).

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
explained = 96     # validation photographs in the control table, 10 to 2000

# %% [markdown]
# ## 1. A feature map you can hold in your hand
#
# Before the real network, a tiny one. Its last layer gives two *feature maps* of 2 × 2 cells: map 0 fires at the top
# left, map 1 everywhere.

# %% tags=["nbval-check-output"]
import torch

from dermxai_helpers import course

course.check_parameters("03", globals())
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
#
# ### Exercise 3.1 – one weight for each map
# Difficulty ●○○ · importance ●●● · 5 minutes
#
# <details><summary>Hint 1</summary>Which dimensions are the cells?</details>
# <details><summary>Hint 2</summary><code>mean</code> takes a tuple of dimensions.</details>

# %%
from dermxai_helpers import checks
from dermxai_helpers.explanation import resize


def map_weights(gradient):
    """Shape (K, h, w) -> (K,): the mean gradient of each map over its cells."""
    ...


checks.map_weights(map_weights)

# %% [markdown]
# The next cell does it, so that you can go on either way.

# %% tags=["nbval-check-output"]
alpha = gradient.mean(dim=(1, 2))
raw = (alpha[:, None, None] * tiny).sum(dim=0).detach()
alpha, raw

# %%
import numpy as np

from dermxai_helpers import plots
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
from dermxai_helpers import data, training

folder = data.prepare(photographs, images, seed)
table = data.load(folder)
split = data.split(table, by="lesion", seed=seed)
classifier = training.train(table, split, backbone=backbone, seed=seed, progress=False)
network, classes = classifier.model, classifier.classes
print(training.backbone(backbone).note)

# %% [markdown]
# From the validation part we take a sample, all photographs brought to 224 × 224 pixels, each with its lesion mask.

# %%
SIZE = (224, 224)
validation = table[(split == "val") & (table["mask_path"] != "")]
sample = validation.sample(min(explained, len(validation)), random_state=seed).reset_index(drop=True)
pictures = np.stack([data.open_image(path, SIZE) for path in sample["image_path"]])
masks = np.stack([data.open_mask(path, SIZE) for path in sample["mask_path"]])
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
batch = classifier.prepare([pictures[first]])
handle = network.features.register_forward_hook(keep_features)
logits = network(batch)
handle.remove()
kept["features"].shape, logits.shape  # (image, maps K, 7, 7) and (image, classes)

# %% [markdown]
# ### Exercise 3.2 – the hook that stays
# Difficulty ●●○ · importance ●●○ · 10 minutes
#
# The function below works, and every call makes the network a little slower and the memory a little fuller. Mend it, also
# for the day on which the network stops with an error.
#
# <details><summary>Hint 1</summary>What does <code>register_forward_hook</code> give back?</details>
# <details><summary>Hint 2</summary><code>try: … finally: …</code>, or <code>with</code>: the handle can be used so.</details>

# %%
def features_of_layer(network, layer, batch):
    found = []
    layer.register_forward_hook(lambda layer, inputs, output: found.append(output))
    network(batch)
    return found[0]


checks.features_without_a_trace(features_of_layer)

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
# ### Exercise 3.3 – the frozen backbone
# Difficulty ●●○ · importance ●●● · 10 minutes
#
# This is how most tutorials ask for the gradient. On a frozen network it stops: no weight wants a gradient, so no graph
# is recorded. Thawing the network is the usual advice, and it leaves a network behind that the next training changes.
# There is a better place to begin the graph.
#
# <details><summary>Hint 1</summary>Look at <code>keep_features</code> above: two methods after <code>output</code>.</details>
# <details><summary>Hint 2</summary>A hook that returns something replaces the layer's output.</details>

# %%
def gradient_by_layer(network, layer, batch, target):
    found = []
    handle = layer.register_forward_hook(lambda layer, inputs, output: found.append(output))
    logits = network(batch)
    handle.remove()
    return torch.autograd.grad(logits[0, target], found[0])[0]


checks.gradient_of_a_frozen_network(gradient_by_layer)

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
overlay = (pictures[first] * (1 - opacity) + colours * opacity).round().astype(np.uint8)

# %%
strongest = int((alpha * kept["features"]).abs().sum(dim=(2, 3)).argmax())  # the map that contributes most
plots.show(plots.row({
    "photograph": pictures[first], f"map {strongest} of 1280": kept["features"][0, strongest].detach().numpy(),
    "weighted sum": signed[0].numpy(), "ReLU, resized": large, "overlay": overlay,
}, about=f"Grad-CAM step by step for a photograph labelled {sample['dx'][first]}, class {classes[target]}."))

# %% [markdown]
# ### Exercise 3.4 – two overlays from the internet
# Difficulty ●○○ · importance ●●● · 10 minutes
#
# Both functions below are in tutorials that thousands have copied. One swaps red and blue, which on skin turns brown into
# blue, a colour that means melanoma. The other divides zero by zero, or lights up a map without evidence. Mend both.
#
# <details><summary>Hint for the first</summary>OpenCV keeps blue first; everything else here keeps red first.</details>
# <details><summary>Hint for the second</summary>Evidence below zero is no evidence; then divide by the maximum, unless it
# is zero.</details>

# %%
def draw_over(image, heat):
    hot = np.stack([np.zeros_like(heat), heat, heat], axis=-1) * 255
    return (0.5 * hot + (1 - 0.5 * heat[..., None]) * image[..., ::-1]).clip(0, 255).astype(np.uint8)


def to_share(heatmap):
    with np.errstate(invalid="ignore"):
        return (heatmap - heatmap.min()) / (heatmap.max() - heatmap.min())


print(checks.overlay(draw_over))
print(checks.normalised(to_share))

# %% [markdown]
# ### Is it right?
#
# Three checks. The course's helper does the same in one call (and more: whole batches, any layer, the model left as it
# was). And two libraries that many people use were written by others.

# %%
from dermxai_helpers import gradcam

helper = gradcam.explain(network, batch, target=target, classes=classes)
print("equal to the helper to 1e-5:", np.allclose(heatmap.numpy(), helper.maps, atol=1e-5))
print("layer that the helper chose:", helper.layer)

# %%
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

last_block = network.features[18].requires_grad_(True)  # on a frozen network that library finds no gradient
with GradCAM(network, [network.features]) as library:
    theirs = library(batch, [ClassifierOutputTarget(target)])
last_block.requires_grad_(False).zero_grad(set_to_none=True)
del library  # it keeps what it has seen

# %% [markdown]
# The library stretches each map between its own minimum and maximum, before and after it resizes. We do the same to ours
# before we compare.

# %%
def stretch(one):
    return (one - one.min()) / (1e-7 + (one - one.min()).max())

ours = stretch(resize(stretch(heatmap.numpy()), SIZE))
difference = float(np.abs(ours - theirs).max())
print("equal to pytorch_grad_cam to 1e-5:", difference < 1e-5)
course.record("gradcam_equals_library_max_difference", difference, note="of maps between 0 and 1; 1e-5 is allowed")

# %% [markdown]
# A third opinion, from captum, PyTorch's own library of explanations. It gives raw maps, so nothing has to be stretched:

# %%
from captum.attr import LayerGradCam

last_block.requires_grad_(True)
third = LayerGradCam(network, network.features).attribute(batch, target=target, relu_attributions=True).detach()
last_block.requires_grad_(False)
print("equal to captum to 1e-5:", torch.allclose(third[0, 0], heatmap[0], atol=1e-5))

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
plots.show(plots.row(
    {"photograph": pictures[first]} | {f"for {name}": every.maps[row] for row, name in enumerate(classes)},
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
    """Feature maps (n, K, 7, 7) of all sampled photographs, two at a time to spare memory."""
    with torch.inference_mode():
        parts = [features(classifier.prepare(list(pictures[start:start + 2]))) for start in range(0, len(sample), 2)]
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
shown = gradcam.explain(network, classifier.prepare(list(pictures[chosen])), classes=classes)
course.figure("figure_2", figures.explained_rows(
    pictures[chosen], shown, probabilities[chosen], sample["dx"][chosen].tolist(), classes,
    title="Grad-CAM of the predicted class" + (", drawn lesions" if photographs == "demo" else ""),
))

# %% [markdown]
# Such rows are persuasive, and they are five. Whether the model "focuses on the lesion" is a question with a number
# for an answer (section 7), and with a comparison that could turn out against it.
#
# ## 6. What a cell looks at, and what that means for "border"
#
# A cell of the map is drawn over its square of 32 × 32 pixels. What it has *seen* is another matter. The gradient tells:
# which pixels move the middle cell?

# %%
def strength_at_pixels(features, weight):
    """Mean squared gradient (224, 224) of the middle cell's evidence by the pixels, over six photographs."""
    strength = np.zeros(SIZE)
    for row in range(min(6, len(sample))):  # one at a time: this gradient runs through the whole network
        pixels = classifier.prepare([pictures[row]]).requires_grad_()
        cell = (weight[predicted[row]] * features(pixels)[0, :, 3, 3]).sum()
        seen, = torch.autograd.grad(cell, pixels)
        strength += (seen[0] ** 2).sum(dim=0).numpy() / 6
    return strength


field = strength_at_pixels(network.features, head.weight.detach())

# %%
places = np.arange(SIZE[0])
centre = [float((field.sum(axis=axis) * places).sum() / field.sum()) for axis in (1, 0)]
drift = np.round(np.array(centre) - (SIZE[0] - 1) / 2, 1)
inside = field[96:128, 96:128].sum() / field.sum()
print(f"of all influence, {inside:.0%} comes from the square over which the cell is drawn")
print(f"its centre lies {drift[0]:+.1f} pixels down and {drift[1]:+.1f} to the right of the square's centre")

# %%
plots.show(plots.row({"what the middle cell sees": field ** 0.25, "where it is drawn": np.pad(
    np.ones((32, 32)), 96)}, about="Influence of pixels on the middle cell (fourth root), beside the square drawn."))

# %% [markdown]
# Two lessons. The cell has seen far beyond its square, so a hot cell *beside* the lesion may owe its heat to the lesion.
# And the centre of what it sees need not be the centre of its square: layers of stride 2 look at every other pixel,
# beginning with the first, and the trained weights do the rest. Every library draws the cell in its square.
#
# The border of a lesion, the B of the ABCD rule, is a line a few pixels wide. On this grid the whole lesion is two to
# four cells across. "The model looks at the border" is a sentence that a 7 × 7 map can neither support nor refute.
#
# ## 7. Better than what?
#
# **Energy inside** is the share of a map's positive evidence that lies on the lesion: one division. A flat map would get
# the lesion's share of the area. A blurred dot in the centre, which has seen no picture, gets more than that, because
# lesions are photographed in the middle.

# %%
from dermxai_helpers import scoring

weight = head.weight.detach().numpy()
maps = np.einsum("nk,nkij->nij", weight[predicted], learnt).clip(min=0)
large = resize(maps, SIZE)
print(f"by hand {large[0][masks[0]].sum() / large[0].sum():.3f}, helper {scoring.energy_inside(large[0], masks[0]):.3f}")

# %%
def mean_and_interval(values):
    """Mean, low, high over photographs, resampled by lesion; maps without evidence (NaN) are left out."""
    there = np.isfinite(values)
    return values[there].mean(), *scoring.interval("mean", sample["lesion_id"][there], values[there], seed=seed)


energy = np.array([scoring.energy_inside(one, mask) for one, mask in zip(large, masks, strict=True)])
dot = np.array([scoring.energy_inside(scoring.centre_gaussian(SIZE), mask) for mask in masks])
note = f"Grad-CAM, {np.isfinite(energy).sum()} validation photographs; the baseline is a Gaussian in the centre"
print(course.record("energy_inside", *mean_and_interval(energy), dot.mean(), note=note))
print(course.record("energy_inside_centre_gaussian", *mean_and_interval(dot), masks.mean(), note="baseline: area share"))

# %% [markdown]
# Does it beat the dot? If not, do not despair and do not hide it: unit 03b asks what *else* a map could be good for, and
# puts six methods on trial, beside four maps that know nothing.
#
# ## 8. A race
#
# Feature maps, one product, one resize: CAM should cost no more than the forward pass that it needs anyway. The median
# of five rounds, in turn, so that whatever else your machine does hits everybody alike. The picture is half as wide and
# half as high as before, for the sake of your memory.

# %%
import time

few = batch[..., ::2, ::2]  # one picture, every other pixel: the library keeps the output of every layer
network.requires_grad_(True)
quick_cam = gradcam.QuickCam(network, classes)


def with_the_library():
    with GradCAM(network, [network.features]) as library:
        return library(few, [ClassifierOutputTarget(0)] * len(few))


def forward_only():
    with torch.inference_mode():
        return network(few)

# %%
runners = {
    "a plain forward pass": forward_only,
    "the helper, one class": lambda: gradcam.explain(network, few).resized(SIZE),
    "QuickCam, all classes": lambda: quick_cam(few).resized(SIZE),
    "pytorch_grad_cam, one class": with_the_library,
}
times = {name: [] for name in runners}
for _ in range(6):
    for name, run in runners.items():
        start = time.perf_counter()
        run()
        times[name].append(1000 * (time.perf_counter() - start))
network.requires_grad_(False).zero_grad(set_to_none=True)

# %% tags=["nbval-ignore-output"]
floor = np.median(times["a plain forward pass"][1:])  # the first round warms up
for name, milliseconds in times.items():
    median = np.median(milliseconds[1:])
    print(f"{name:28} {median:6.0f} ms for one photograph, {median / floor:.2f} × the forward pass")

# %% [markdown]
# The library asks for the gradient of every layer down to the pixels, and uses one. The helper begins the graph at the
# layer. QuickCam asks for none, and its copy of the network has the batch normalisations multiplied into the
# convolutions: fewer steps, the same numbers.
#
# ## 9. What this does *not* show
#
# - **Not what a dermatologist would mark.** The mask says where the lesion is, not which part of it matters.
# - **Not that the evidence is good.** A map on the lesion can belong to a wrong answer; unit 03b counts such cases.
# - **Not what happens if you cover the marked region.** That is faithfulness, and needs experiments on the picture: unit 03b.
# - **Not the model's view of fine structures.** Network, dots and streaks are smaller than one cell.
# - **Nothing clinical.** Drawn lesions teach the method; on HAM10000 the same notebook gives other numbers.
#
# ## Further reading
#
# - Selvaraju et al., *Grad-CAM: Visual explanations from deep networks via gradient-based localization*, ICCV 2017,
#   [arXiv:1610.02391](https://arxiv.org/abs/1610.02391). The method, and the proof that it contains CAM.
# - Zhou et al., *Learning deep features for discriminative localization*, CVPR 2016,
#   [arXiv:1512.04150](https://arxiv.org/abs/1512.04150). CAM itself, in six pages.
# - Luo et al., *Understanding the effective receptive field*, NeurIPS 2016,
#   [arXiv:1701.04128](https://arxiv.org/abs/1701.04128). Why a cell looks mostly at the middle of what it sees.
# - Gildenblat et al., [pytorch-grad-cam](https://github.com/jacobgil/pytorch-grad-cam). The library we compared with.
