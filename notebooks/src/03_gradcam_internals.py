# %% [markdown]
# # Grad-CAM from the inside
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/03_gradcam_internals.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F03_gradcam_internals.ipynb) · 75 minutes · CPU is enough (1.3 GB)
#
# **What you will do** – build Grad-CAM from two tensors and three lines, run the same lines inside MobileNetV2, and mend
# four broken implementations.
#
# **What you will learn** – to compute a heat-map by hand, to say what one of its cells can and cannot show, and to ask of
# every heat-map: better than what?
#
# **What you need** – unit 02, `torch` tensors and the chain rule.
#
# > **Claim.** On a network that ends in global average pooling and one linear layer, Grad-CAM needs no gradient.
# > **Control.** One block earlier this must fail: there the gradient differs from cell to cell (section 4). And a map must
# > beat a blurred dot in the centre that has seen no picture (section 7).

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
explained = 96     # validation photographs in sections 5 to 7, 10 to 2000

# %% [markdown]
# ## 1. A feature map you can hold in your hand
#
# Before the real network, a tiny one. Its last layer gives two *feature maps* of 2 × 2 cells: map 0 is high at
# the top left, map 1 everywhere.

# %% tags=["nbval-check-output"]
import torch

from dermxai_helpers import course

course.check_parameters("03", globals())
tiny = torch.tensor([[[4.0, 0.0], [0.0, 0.0]],
                     [[1.0, 1.0], [1.0, 1.0]]], requires_grad=True)  # (maps K, height, width)

# %% [markdown]
# The score $s$ of a class, its logit, averages each map $A_k$ over its $Z = 4$ cells and weighs the averages by $w_k$. The
# last layers of MobileNetV2 do the same and add a bias. (Softmax would mix in the other classes.)
#
# $$ s = \sum_k w_k \, \frac{1}{Z} \sum_{i,j} A_{kij} $$

# %% tags=["nbval-check-output"]
class_weights = torch.tensor([2.0, -1.0])
score = (class_weights * tiny.mean(dim=(1, 2))).sum()

# %% [markdown]
# **Guess first:** what is the gradient of the score with respect to the top-left cell of map 0? And to its other cells?

# %% tags=["nbval-check-output"]
gradient, = torch.autograd.grad(score, tiny)
print(f"{gradient[0].tolist()}: the same in every cell, w_0 / Z = {class_weights[0] / 4}")

# %% [markdown]
# The gradient knows the *map*, not the *place*. The place comes from the map itself. Grad-CAM gives each map one weight,
# the mean of its gradient, and adds the weighted maps. *ReLU* then sets to zero what speaks against the class:
#
# $$ \alpha_k = \frac{1}{Z} \sum_{i,j} \frac{\partial s}{\partial A_{kij}} \qquad
#    L = \sum_k \alpha_k A_k \qquad L^{+} = \max(L, 0) $$

# %% [markdown]
# ### Exercise 3.1 – one weight for each map
# Difficulty ●○○ · importance ●●● · 4 minutes
#
# Write $\alpha$ for any number of maps of any size. **Expected:** for the two maps above, one weight of 0.5 and one of -0.25.
#
# <details><summary>Hint 1</summary>Which dimensions are the cells?</details>
# <details><summary>Hint 2</summary><code>mean</code> takes a tuple of dimensions.</details>

# %%
from dermxai_helpers import checks


# %% tags=["exercise"]
def map_weights(gradient):
    """The derivatives of a score by K maps, float (K, h, w) -> one weight for each map, (K,)."""
    ### BEGIN SOLUTION
    return gradient.mean(dim=(1, 2))
    ### END SOLUTION

# %% tags=["check"]
checks.map_weights(map_weights)

# %% [markdown] tags=["solution"]
# The cells are the last two dimensions. The mean leaves one number for each map.

# %% tags=["nbval-check-output"]
alpha = gradient.mean(dim=(1, 2))
raw = (alpha[:, None, None] * tiny).sum(dim=0).detach()
print(f"weights {alpha.tolist()}; {int((raw < 0).sum())} of {raw.numel()} cells speak against the class: ReLU sets them to 0")

# %%
from dermxai_helpers import plots
from dermxai_helpers.plots import maps as figures

shown = {"map 0": tiny[0].detach(), "map 1": tiny[1].detach(), "weighted sum": raw, "after ReLU": raw.clamp(min=0)}
plots.show(figures.numbers({title: cells.numpy() for title, cells in shown.items()}, "value of a cell"))

# %% [markdown]
# ## 2. The same steps on a real network
#
# The classifier of unit 02: a frozen MobileNetV2 and a new last layer. It is judged on lesions it has never seen.

# %%
import numpy as np

from dermxai_helpers import data, training, trial

folder = data.prepare(photographs, images, seed)
table = data.load(folder)
split = data.split(table, by="lesion", seed=seed)
classifier = training.train(table, split, backbone=backbone, seed=seed, progress=False)
network, classes = classifier.model.requires_grad_(False), classifier.classes  # from here on all of it is frozen
print(training.backbone(backbone).note)

# %% [markdown]
# A sample of the validation part, with the masks of the lesions:

# %%
validation = table[(split == "val") & (table["mask_path"] != "")]
sample = validation.sample(min(explained, len(validation)), random_state=seed).reset_index(drop=True)
cases = trial.Cases.read(sample, folder)
pictures, masks, lesion = cases.images, cases.masks, cases.lesions
drawn = "drawn lesions" if cases.truth else ""
print(f"{len(sample)} photographs of {len(set(lesion))} lesions, {masks.mean():.1%} of the area is lesion")

# %% [markdown]
# ### Hook
#
# A *forward hook* is a function that PyTorch calls when a layer has finished. Ours keeps the layer's output and cuts it
# off from everything before. Gradients are recorded from here to the logits only, even if the layers below are frozen.

# %%
kept = {}

def keep_features(layer, inputs, output):
    kept["features"] = output.detach().requires_grad_()
    return kept["features"]

# %%
first = int((sample["dx"] == "mel").idxmax())  # a melanoma, or row 0 when the sample holds none
batch = classifier.prepare([pictures[first]])
with network.features.register_forward_hook(keep_features):  # removed at the end, after an error, too
    logits = network(batch)
features = kept["features"]  # a name of its own: the next call of the hook writes into `kept` again
features.shape  # (image, maps K, 7, 7)

# %% [markdown]
# ### Exercise 3.2 – the hook that stays
# Difficulty ●●○ · importance ●●○ · 6 minutes
#
# The function below works, but every call makes the network a little slower and the memory a little fuller. Mend it, also
# for the day on which the network stops with an error. **Expected:** no hook is left on the layer, either way.
#
# <details><summary>Hint 1</summary>What does <code>register_forward_hook</code> give back?</details>
# <details><summary>Hint 2</summary><code>try: … finally: …</code>, or <code>with</code>, as above.</details>

# %% tags=["exercise"]
def features_of_layer(network, layer, batch):
    """The output of a layer, float (B, K, h, w), for a batch, float (B, 3, H, W); the layer stays as it was."""
    ### BEGIN SOLUTION
    found = []
    with layer.register_forward_hook(lambda layer, inputs, output: found.append(output)):
        network(batch)
    return found[0]
    ### END SOLUTION
    ### BEGIN STUB
    # found = []
    # layer.register_forward_hook(lambda layer, inputs, output: found.append(output))
    # network(batch)
    # return found[0]
    ### END STUB

# %% tags=["check"]
checks.features_without_a_trace(features_of_layer)

# %% [markdown] tags=["solution"]
# `with` removes the hook at its end, also when the network stops with an error inside it.

# %% [markdown]
# ### Gradient, mean, sum, ReLU

# %%
target = int(logits.argmax())
gradient, = torch.autograd.grad(logits[0, target], features)
alpha = gradient.mean(dim=(2, 3), keepdim=True)
signed = (alpha * features).sum(dim=1).detach()
heatmap = signed.clamp(min=0)  # (image, 7, 7)

# %% [markdown]
# ### Exercise 3.3 – the frozen backbone
# Difficulty ●●● · importance ●●● · 8 minutes
#
# On a network whose weights are all frozen, `torch.autograd.grad` stops: no weight wants a gradient, so no graph is recorded.
# Thawing helps, but the next training would then change the network. Where else can the graph begin? **Expected:** the
# gradient of one logit, in the shape of the layer's output; the network is frozen as before.
#
# <details><summary>Hint 1</summary>Look at <code>keep_features</code> above: two methods after <code>output</code>.</details>
# <details><summary>Hint 2</summary>A hook that returns something replaces the layer's output.</details>

# %% tags=["exercise"]
def gradient_by_layer(network, layer, batch, target):
    """The gradient of logit number `target` by the layer's output, float (1, K, h, w), for a batch of one photograph."""
    ### BEGIN SOLUTION
    found = []

    def begin_here(layer, inputs, output):
        found.append(output.detach().requires_grad_())
        return found[0]

    with layer.register_forward_hook(begin_here):
        logits = network(batch)
    return torch.autograd.grad(logits[0, target], found[0])[0]
    ### END SOLUTION

# %% tags=["check"]
checks.gradient_of_a_frozen_network(gradient_by_layer)

# %% [markdown] tags=["solution"]
# The hook cuts the graph, `detach`, and begins a new one, `requires_grad_`. What it returns goes on through the network.

# %% [markdown]
# ### Resize
#
# Seven by seven cells cover 224 × 224 pixels: each stands for a square of 32 × 32. Bilinear resizing makes the map
# smooth. It does not make it finer.

# %%
from dermxai_helpers.explanation import resize

SIZE = masks.shape[1:]  # 224 x 224
strongest = int((alpha * features).abs().sum(dim=(2, 3)).argmax())  # the map that contributes most, for or against
steps = {f"map {strongest}, weight {float(alpha[0, strongest]):+.4f}": features.detach()[:, strongest].numpy(),
         "weighted sum, ReLU": heatmap.numpy(), "resized": resize(heatmap.numpy(), SIZE)}
about = f"Grad-CAM step by step, class {classes[target]}"
plots.show(figures.map_grid(pictures[[first]], masks[[first]], steps, [f"labelled {sample['dx'][first]}"], about))

# %% [markdown]
# ### Exercise 3.4 – two overlays
# Difficulty ●○○ · importance ●●● · 6 minutes
#
# Colour is evidence in dermatology: an overlay must not tint what the map does not mark. Both functions below run, and both
# are wrong. One swaps red and blue: brown turns blue, and a blue veil, which dermatologists look for, turns brown. The
# other divides zero by zero, or lights up a map without evidence. Mend both. **Expected:** without evidence every pixel
# keeps its colour; a map of [[-1, 0], [1, 2]] becomes [[0, 0], [0.5, 1]].
#
# <details><summary>Hint for the first</summary>OpenCV keeps blue first; everything else here keeps red first.</details>
# <details><summary>Hint for the second</summary>Evidence below zero is no evidence; then divide by the maximum, unless it
# is zero.</details>

# %% tags=["exercise"]
def draw_over(image, heat):
    """A photograph, NumPy uint8 (h, w, 3), darkened where the map, float (h, w), 0 to 1, is high; uint8 (h, w, 3)."""
    ### BEGIN SOLUTION
    return ((1 - 0.5 * heat[..., None]) * image).round().astype(np.uint8)
    ### END SOLUTION
    ### BEGIN STUB
    # return ((1 - 0.5 * heat[..., None]) * image[..., ::-1]).round().astype(np.uint8)
    ### END STUB

# %% tags=["check"]
checks.overlay(draw_over)

# %% [markdown] tags=["solution"]
# `image[..., ::-1]` turned the order of the colours round. Write `image`.

# %% tags=["exercise"]
def to_share(heatmap):
    """A map with signs, NumPy float (h, w) -> its positive evidence as a share of the maximum, 0 to 1."""
    ### BEGIN SOLUTION
    evidence = heatmap.clip(min=0)
    return evidence / evidence.max() if evidence.max() > 0 else evidence
    ### END SOLUTION
    ### BEGIN STUB
    # with np.errstate(invalid="ignore"):
    #     return (heatmap - heatmap.min()) / (heatmap.max() - heatmap.min())
    ### END STUB

# %% tags=["check"]
checks.normalised(to_share)

# %% [markdown] tags=["solution"]
# Clip first: what speaks against the class is no evidence. Then a maximum of zero is the only case left to guard.

# %% [markdown]
# ### Is it right?
#
# The course's helper does the same in one call, for whole batches and any layer, and leaves the model as it was.

# %%
from dermxai_helpers import gradcam

helper = gradcam.explain(network, batch, target=target, classes=classes)
off = float(np.abs(helper.maps - heatmap.numpy()).max() / helper.maps.max())
print(f"layer {helper.layer}; equal to the helper to 1e-5 of the maximum:", off < 1e-5)

# %% [markdown]
# And captum is written by PyTorch's own team:

# %%
from captum.attr import LayerGradCam

last_block = network.features[18].requires_grad_(True)  # on a frozen network the library finds no gradient
theirs = LayerGradCam(network, network.features).attribute(batch, target=target, relu_attributions=True).detach()
last_block.requires_grad_(False).zero_grad(set_to_none=True)
difference = ((theirs[0, 0] - heatmap[0]).abs().max() / heatmap.max()).item()
print("equal to captum to 1e-5 of the maximum:", difference < 1e-5)
course.record("gradcam_equals_library_max_difference", difference, note="captum; as a share of the map's maximum")

# %% [markdown]
# ## 3. What ReLU hides
#
# The same photograph, explained for all three classes and without ReLU. Add up all cells of a map:
#
# $$ \sum_{i,j} L_{ij} = \sum_k \alpha_k \sum_{i,j} A_{kij} = \sum_k w_k \frac{1}{Z} \sum_{i,j} A_{kij} = \text{logit} - \text{bias} $$
#
# So the map is a complete account of the last layer: every bit of the logit, but for the bias, stands in one of its cells.
#
# **Guess first:** does a class that loses have cells that speak for it?

# %%
every = gradcam.explain(network, batch, target="all", relu=False, classes=classes)
bias = network.classifier[1].bias.detach().numpy()
for name, one, rest in zip(every.class_name, every.maps, every.logit - bias, strict=True):
    print(f"{name:4} cells for it {one.clip(0).sum():+6.2f}, against it {one.clip(max=0).sum():+6.2f}, "
          f"all {one.sum():+6.2f}; logit minus bias {rest:+6.2f}")

# %%
plots.show(figures.numbers({f"for {name}": every.maps[row] for row, name in enumerate(classes)}, "evidence of a cell"))

# %%
lost = [name for row, name in enumerate(classes) if row != target]
also = [name for name in lost if (every.maps[classes.index(name)] > 0).any()]
print(f"{len(also)} of {len(lost)} classes that lost have cells that speak for them. Such a class has a heat-map after ReLU.")

# %% [markdown]
# A map answers the question "what speaks for *this* class?", whether or not the class is any good. Look at the raw map
# before you interpret a picture; `relu=False` gives it.
#
# ## 4. On this network, no gradient was needed
#
# In section 1 the gradient was the same in every cell, $w_k / Z$. Then $\alpha_k$ is $w_k / Z$ too, and Grad-CAM is
#
# $$ L = \frac{1}{Z} \sum_k w_k A_k $$
#
# which is *class activation mapping* (CAM, Zhou et al. 2016), the method Grad-CAM generalises, divided by the number of
# cells. CAM needs one matrix product and no backward pass.

# %% [markdown]
# ### Exercise 3.5 – a map without a gradient
# Difficulty ●○○ · importance ●●○ · 4 minutes
#
# Write CAM, before its ReLU. **Expected:** 49 times Grad-CAM, on this network (the next cell computes it).
#
# <details><summary>Hint 1</summary>Each class has a row of weights.</details>
# <details><summary>Hint 2</summary><code>torch.einsum("k,kij->ij", …)</code>, or a sum over dimension 0.</details>

# %% tags=["exercise"]
def class_map(features, weight, target):
    """Feature maps, float (K, h, w), and weights of the last layer, float (classes, K) -> the map of one class, (h, w)."""
    ### BEGIN SOLUTION
    return torch.einsum("k,kij->ij", weight[target], features)
    ### END SOLUTION

# %% tags=["check"]
checks.class_map(class_map)

# %% [markdown] tags=["solution"]
# The weights of Grad-CAM are these divided by the number of cells: nothing else differs.

# %%
head = network.classifier[1]
with torch.inference_mode():
    cam = torch.einsum("k,bkij->bij", head.weight[target], network.features(batch)).numpy()
gap = float(np.abs(cam / 49 - signed.numpy()).max() / np.abs(signed.numpy()).max())
print("CAM / 49 equals Grad-CAM to 1e-5 of its maximum:", gap < 1e-5)
course.record("cam_equals_gradcam_max_difference", gap, note="as a share of the map's maximum; 1e-5 is allowed")

# %% [markdown]
# **The control: one block earlier, the claim must fail.** Between that block and the logits lies a convolution with a
# nonlinearity, so the gradient varies from cell to cell.

# %%
with network.features[17].register_forward_hook(keep_features):
    output = network(batch)
earlier, = torch.autograd.grad(output[0, target], kept["features"])
spread = [float(one.std(dim=(2, 3)).max() / one.abs().max()) for one in (gradient, earlier)]
print(f"spread over cells, as a share of the largest gradient: last layer {spread[0]:.3f}, one block earlier {spread[1]:.3f}")
print("One block earlier the gradient is", "needed." if spread[1] > 1e-5 else "not needed either: the control did not fail.")

# %% [markdown]
# ## 5. The paper's Figure 2
#
# The paper shows photographs, heat-maps, overlays and class probabilities. Here are rows chosen by a rule and not by
# looks: the first photograph of each class that was predicted right, then the first two that were predicted wrong. The
# feature maps of the whole sample are computed once; their averages give the probabilities.

# %%
with torch.inference_mode():  # two at a time: less memory
    parts = [network.features(classifier.prepare(list(pictures[start:start + 2]))) for start in range(0, len(sample), 2)]
learnt = torch.cat(parts).numpy()
probabilities = classifier.predict_features(learnt.mean(axis=(2, 3)))
predicted = probabilities.argmax(axis=1)

# %%
import pandas as pd

right = np.array(classes)[predicted] == sample["dx"].to_numpy()
chosen = [row for name in classes for row in np.flatnonzero(right & (sample["dx"] == name))[:1]]
chosen += list(np.flatnonzero(~right)[:2])
shown = gradcam.explain(network, classifier.prepare(list(pictures[chosen])), classes=classes)
labels = [f"{sample['dx'][row]}, predicted {classes[predicted[row]]}" for row in chosen]
course.figure("figure_2", figures.map_grid(
    pictures[chosen], masks[chosen], {"heat-map": shown.maps, "overlay": shown.overlay(pictures[chosen])}, labels,
    f"Grad-CAM of the predicted class, {drawn or 'photographs'}", probabilities=pd.DataFrame(probabilities[chosen], columns=classes)))

# %% [markdown]
# So few rows persuade, and prove nothing. Section 7 asks all photographs.
#
# ## 6. What a cell looks at
#
# A cell of the map is drawn over its square of 32 × 32 pixels. What it has *seen* is another matter. The gradient tells
# which pixels $x_p$ move the middle cell of the map $M$ (row 3, column 3, counted from 0): their influence is $\sum_{\text{colours}} (\partial M_{33} /
# \partial x_p)^2$ (the *effective receptive field*, Luo et al. 2016).
#
# **Guess first:** how much of the influence comes from the square over which the cell is drawn?

# %%
def influence(row):
    """Squared gradient (224, 224) of the middle cell's evidence by the pixels of a photograph."""
    pixels = classifier.prepare([pictures[row]]).requires_grad_()
    cell = (head.weight[predicted[row]].detach() * network.features(pixels)[0, :, 3, 3]).sum()
    seen, = torch.autograd.grad(cell, pixels)
    return (seen[0] ** 2).sum(dim=0).numpy()


some = np.arange(min(24, len(sample)))
fields = np.stack([influence(row) for row in some])

# %%
square = np.zeros(SIZE, bool)
square[96:128, 96:128] = True
plots.show(figures.map_grid(pictures[:1], square[None], {"influence, fourth root": fields.mean(axis=0)[None] ** 0.25},
                            ["one of them"], f"What the middle cell has seen, mean of {len(some)} photographs",
                            "square"))

# %%
from dermxai_helpers import scoring

own = scoring.compare([scoring.energy_inside(field, square) for field in fields], 0.5, lesion[some], seed=seed)
own_square = own.sentence("The square over which the middle cell is drawn", "one half", "share of the influence")
print(own_square)

# %% [markdown]
# What comes from outside the square is the reason why a cell *beside* the lesion may report on the lesion.
#
# ## 7. Better than what?
#
# **Energy inside** is the share of a map's positive evidence that lies on the lesion. A flat map gets the lesion's share of
# the area. A blurred dot in the centre has seen no picture. It gets more wherever lesions are photographed in the middle.
#
# **Guess first:** does Grad-CAM beat the dot?

# %%
maps = np.einsum("nk,nkij->nij", head.weight.detach().numpy()[predicted], learnt).clip(min=0)
large = resize(maps, SIZE)
print(f"by hand {large[0][masks[0]].sum() / large[0].sum():.3f}, helper {scoring.energy_inside(large[0], masks[0]):.3f}")

# %%
energy = np.array([scoring.energy_inside(one, mask) for one, mask in zip(large, masks, strict=True)])
dot = np.array([scoring.energy_inside(scoring.centre_gaussian(SIZE), mask) for mask in masks])
beats_dot = scoring.compare(energy, dot, lesion, seed=seed)
answer = beats_dot.sentence("Grad-CAM", "the dot in the centre", "energy inside the lesion")
print(answer)

# %%
inside = scoring.compare(energy, 0, lesion, seed=seed)  # a difference from 0 is the value itself
note = f"Grad-CAM, {inside.n} photographs of {inside.groups} lesions; baseline: a Gaussian in the centre"
course.record("energy_inside", inside.value, inside.low, inside.high, beats_dot.reference, note=note)

# %% [markdown]
# ### “focuses on the lesion body and border” and “ignores the hair and background”
#
# To *focus* must mean at least that more than half of the evidence lies there, and more than a flat map puts there. To
# *ignore* the background is the other side of it. A cell reaches over its square (section 6), so half a cell around the
# lesion, 16 pixels, still counts as its border.

# %%
from scipy.ndimage import distance_transform_edt

with_border = np.stack([distance_transform_edt(~mask) <= 16 for mask in masks])
on_lesion = np.array([scoring.energy_inside(one, mask) for one, mask in zip(large, with_border, strict=True)])
least = np.maximum(0.5, with_border.mean(axis=(1, 2)))  # half, or a flat map's share
focus = scoring.compare(on_lesion, least, lesion, seed=seed)

# %%
said = focus.sentence("Grad-CAM", "the larger of one half and a flat map", "evidence on the lesion and its border")
course.claim("paper", "4.2", "the model focuses on the lesion body and border", focus, said, not_judged=drawn)

# %% [markdown]
# How wide the border is, is our choice, and we made it after a look at the maps. So here is the same without any border:

# %%
narrow = scoring.compare(energy, np.maximum(0.5, masks.mean(axis=(1, 2))), lesion, seed=seed)
print(narrow.sentence("Grad-CAM", "the larger of one half and a flat map", "evidence on the lesion alone"))

# %% [markdown]
# In real photographs nobody has marked the hairs. So there the background can contradict “ignores the hair and background”,
# and cannot support it.

# %%
background = scoring.compare(1 - on_lesion, 1 - least, lesion, seed=seed)
open_half = "hairs are not marked" if background.outcome == "lower" else ""
said = background.sentence("Grad-CAM", "the smaller of one half and a flat map", "evidence on the background")
course.claim("paper", "3.3", "ignores the hair and background", background, said, supports="lower",
             not_judged=drawn or open_half)

# %% [markdown]
# Of drawn lesions we know where the hairs are. They are thin, so they are compared with a flat map:

# %%
hairs = {row: known.masks["hair"] for row, known in enumerate(cases.truth or []) if "hair" in known.masks}
if hairs:
    on_hair = [scoring.energy_inside(large[row], hair) for row, hair in hairs.items()]
    flat = scoring.compare(on_hair, [hair.mean() for hair in hairs.values()], lesion[list(hairs)], seed=seed)
    print(flat.sentence("Grad-CAM", "a flat map", "evidence on hairs"))
else:
    print("Nobody has marked hairs in these photographs: not tested.")

# %% [markdown]
# ### “In correctly classified nevi, heatmaps concentrate on the symmetric central region”
#
# The central region is here the box of half the photograph's width and height, a quarter of its area. To *concentrate*
# there must mean at least that it holds more than half of the evidence.

# %%
box = np.zeros(SIZE, bool)
box[56:168, 56:168] = True
nevi = np.flatnonzero(right & (sample["dx"] == "nv"))
if len(nevi):
    central = scoring.compare([scoring.energy_inside(large[row], box) for row in nevi], 0.5, lesion[nevi], seed=seed)
    said = central.sentence("Grad-CAM of nevi", "one half", "share of the evidence in the centre")
    print(course.claim("paper", "4.2", "In correctly classified nevi, heatmaps concentrate on the symmetric central region",
                       central, said, not_judged=drawn))
else:
    print("No nevus of the sample was classified correctly: not tested.")

# %% [markdown]
# ## 8. What we found

# %%
same = "is the same map as" if gap < 1e-5 else "differs from"
print(f"Without a gradient, CAM / 49 {same} Grad-CAM (largest difference {gap:.1e} of its maximum).")
print(f"The gradient's spread over cells is {spread[0]:.3f} of its maximum here, and {spread[1]:.3f} one block earlier.")
print(own_square)
print(answer)

# %% [markdown]
# Unit 03b asks what *else* a map could be good for, and puts more methods beside maps that know nothing.
#
# ## 9. What this does *not* show
#
# - **Not what a dermatologist would mark.** The mask says where the lesion is, not which part of it matters.
# - **Not that a map helps.** “This interpretability enables clinicians to verify whether the model attends relevant
#   regions”, says the paper (4.2). No clinician was asked, there or here.
# - **Not what happens if you cover the marked region.** That is faithfulness: unit 03b.
# - **Nothing clinical.**
#
# ## Quiz

# %% tags=["quiz"]
told = {"higher": "beats the dot", "lower": "loses to the dot", "cannot tell": "cannot be told from the dot"}
checks.Quiz({
    "Where does the place in a Grad-CAM map come from?": {
        "from the gradient": (False, "Averaged over the cells, it is one number for each map: the place is gone."),
        "from the feature maps": (True, "They have cells; the weights only say how much each map counts."),
        "from resizing": (False, "Resizing makes the 7 x 7 cells smooth. It adds nothing."),
    },
    "A class has lost. Can its map after ReLU still be bright?": {
        "no, nothing speaks for it": (False, "The sum of its cells is small, but single cells may be positive."),
        "yes": (True, "Cells for and against it add up to a low logit. ReLU hides those against it, and dividing by the maximum does the rest."),
    },
    "Why does Grad-CAM explain the logit, not the probability?": {
        "the probability has no gradient": (False, "It has one; it mixes in the other classes."),
        "softmax mixes in the other classes": (True, "A probability also rises when evidence for another class disappears."),
        "the logit lies between 0 and 1": (False, "It may be any number."),
    },
    "When is Grad-CAM the same map as CAM, up to a factor?": {
        "always, at the last layer": (False, "Behind the layer there must be nothing but an average and one linear layer."),
        "if the layer is followed by an average and one linear layer": (True, "Then the gradient is the same in every cell."),
        "if the network is frozen": (False, "Freezing changes no value of a gradient, only whether one is recorded."),
    },
    "In this run, Grad-CAM's energy inside the lesion ...": {
        words: (outcome == beats_dot.outcome, answer) for outcome, words in told.items()
    },
})

# %% [markdown]
# ## Further reading
#
# - Selvaraju et al., *Grad-CAM: Visual explanations from deep networks via gradient-based localization*, ICCV 2017,
#   [arXiv:1610.02391](https://arxiv.org/abs/1610.02391). The method, and the proof that it contains CAM.
# - Zhou et al., *Learning deep features for discriminative localization*, CVPR 2016,
#   [arXiv:1512.04150](https://arxiv.org/abs/1512.04150). CAM itself, in six pages.
# - Luo et al., *Understanding the effective receptive field*, NeurIPS 2016,
#   [arXiv:1701.04128](https://arxiv.org/abs/1701.04128). What a cell has seen.
# - Kokhlikyan et al., *Captum: A unified and generic model interpretability library for PyTorch*, 2020,
#   [arXiv:2009.07896](https://arxiv.org/abs/2009.07896). The library we compared with.
