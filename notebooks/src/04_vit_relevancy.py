# %% [markdown]
# # Relevancy in a vision transformer
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/04_vit_relevancy.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F04_vit_relevancy.ipynb) · 45 minutes · CPU is enough (1.4 GB)
#
# **What you will do** – follow one class score backwards through a transformer so small that every number fits on the
# screen, then explain a real one, and put its maps and those of a CNN before the same court.
#
# **What you will learn** – what attention maps can and cannot tell, how relevance passes through a block, why the model
# must be asked how to normalise a picture, and which of four maps hangs together with what the model says.
#
# **What you need** – unit 03; matrix products and the chain rule.
#
# > **Claim.** The relevancy of Chefer, Gur and Wolf can be had from a stock timm model, without a fork, to the last digit.
# > **Control.** Raw attention, rollout, an untrained model and a dot in the centre stand beside it (section 7); a CNN, the
# > lesion's own mask and the edges of the picture (section 8).

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
photographs = "demo"   # "demo" draws lesions; or a folder that holds HAM10000
images = 1200   # drawn photographs, 50 to 10000; not used with a folder
seed = 0        # any whole number, 0 to 2000000000
backbone = "demo"  # "demo" or "imagenet": what the CNN of section 8 is built on
learn = 100     # training photographs for fine-tuning, 50 to 7000
explained = 40  # validation photographs in the control table, 10 to 2000
tried = 16      # of those, how many stand trial in section 8, 5 to 1000

# %% [markdown]
# ## 1. Patches become tokens
#
# A vision transformer cuts a picture into patches and turns each into a vector, a *token*. One more token, the *class
# token*, starts without any picture content and collects what the classifier will need. Here is a transformer you can
# hold in your hand: 4 × 4 pixels, four patches, two blocks with two attention heads, three classes. Its weights are
# random, so its answers mean nothing. Its arithmetic is that of the big ones, in 64-bit numbers.

# %%
import torch
from timm.models.vision_transformer import VisionTransformer

from dermxai_helpers import course

course.check_parameters("04", globals())
torch.manual_seed(seed)
tiny = VisionTransformer(img_size=4, patch_size=2, embed_dim=8, depth=2, num_heads=2, num_classes=3).double().eval()
for weight in tiny.parameters():
    torch.nn.init.normal_(weight)  # timm's own start values are so small that all attention is even
picture = torch.rand(1, 3, 4, 4, dtype=torch.float64)

# %% tags=["nbval-check-output"]
patches = tiny.patch_embed(picture)
tokens = torch.cat([tiny.cls_token, patches], dim=1) + tiny.pos_embed
patches.shape, tokens.shape  # (picture, 4 patches, 8 numbers), and one token more

# %% [markdown]
# ## 2. One block, by hand
#
# In a block, each token asks (*query*), answers (*key*) and offers (*value*). Attention is a table: row = who asks,
# column = who is asked, each row adds up to one.
#
# $$ A = \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt d}\right) \quad (\text{heads}, N, N)
#    \qquad \text{context} = A V \quad (\text{heads}, N, d) $$
#
# Then the context is projected and *added* to the tokens; a small two-layer network follows, and is added too. We keep
# every intermediate result, because we shall walk the same way back.

# %%
from types import SimpleNamespace


def forward_block(block, entering):
    """One block for tokens (N, D); keeps all that the way back needs."""
    normed = block.norm1(entering)
    q, k, v = block.attn.qkv(normed).unflatten(-1, (3, block.attn.num_heads, -1)).permute(1, 2, 0, 3)
    attention = (q @ k.mT * block.attn.scale).softmax(dim=-1)
    context = (attention @ v).transpose(0, 1).flatten(1)
    attended = block.attn.proj(context)
    middle = entering + attended
    normed2 = block.norm2(middle)
    hidden = block.mlp.act(block.mlp.fc1(normed2))
    branch = block.mlp.fc2(hidden)
    leaving = middle + branch
    return SimpleNamespace(**{name: value for name, value in locals().items() if name != "block"})

# %% tags=["nbval-check-output"]
first = forward_block(tiny.blocks[0], tokens[0])
last = forward_block(tiny.blocks[1], first.leaving)
final = tiny.norm(last.leaving)
logits = tiny.head(final[0])
print("equal to timm's forward pass:", torch.allclose(logits, tiny(picture)[0], atol=1e-12))

# %% [markdown]
# Only `final[0]`, the class token, reaches the head. Here are both attention tables of the last block. Row 0 belongs
# to the class token; the five columns are the class token itself and the four patches.

# %%
from dermxai_helpers import assets, plots
from dermxai_helpers.explanation import resize
from dermxai_helpers.plots import maps as figures

table_of = {f"head {head}": last.attention[head].detach().numpy() for head in range(2)}
plots.show(figures.numbers(table_of))

# %% [markdown]
# It is tempting to stop here and to draw row 0 as a heat-map. That is *raw attention*, and many figures are made of
# it. Two things are missing. Attention says who was asked, not whether the answer spoke for melanoma or against it. And
# it is the last of several blocks: what sits in a "patch" by then has been mixed with all the others.
#
# ## 3. First ingredient: the gradient
#
# How does the logit of one class change when one cell of the attention table changes? PyTorch knows:

# %%
target = int(logits.argmax())
slope, = torch.autograd.grad(logits[target], last.attention, retain_graph=True)
plots.show(figures.numbers({"attention, head 0": last.attention[0].detach().numpy(), "gradient, head 0": slope[0].numpy()}))

# %% [markdown]
# Only row 0 is not zero: in the last block the other rows cannot reach the head any more. The gradient has a sign, so it
# knows the class. A large gradient alone does not mean that anything was there to be passed on, though. That is the
# second ingredient.
#
# ## 4. Second ingredient: relevance
#
# *Layer-wise relevance propagation* hands out the class score. It starts with 1 at the class, and at each operation
# splits what the output holds among the inputs that made it. Four kinds of operations need a rule. All of them divide,
# so we first agree on a division that survives zero (the authors' own):

# %%
def divide(a, b):
    return a / (b + 1e-9) * (b != 0)

# %% [markdown]
# **A linear layer** $y = W x$: each input gets its share of the *positive* products $w_{ji} x_i$.
#
# $$ R_i = \sum_j \frac{(w_{ji} x_i)^+}{\sum_{i'} (w_{ji'} x_{i'})^+} \, R_j $$

# %%
def through_linear(x, W, R):
    """Relevance (N, out) of x W^T, handed to x (N, in)."""
    up, down = x.clamp(min=0), x.clamp(max=0)   # a product is positive if both factors are, or neither
    share = divide(R, up @ W.clamp(min=0).T + down @ W.clamp(max=0).T)
    return up * (share @ W.clamp(min=0)) + down * (share @ W.clamp(max=0))

# %% tags=["nbval-check-output"]
x, W = torch.tensor([[1.0, 2.0, -1.0]]), torch.tensor([[3.0, -5.0, -1.0]])
through_linear(x, W, torch.ones(1, 1)).round(decimals=3)  # products 3, -10 and 1: the relevance is split 3 : 0 : 1

# %% [markdown]
# And without any positive product there is nobody to give to. The relevance is lost; that is a property of the rule.

# %% tags=["nbval-check-output"]
through_linear(x, -x, torch.ones(1, 1))

# %% [markdown]
# **A sum** $a + b$ (the skip connections): each part in proportion, then rescaled, because terms that nearly cancel
# would otherwise blow up. **A copy**: what was used twice gets both. **A product** $A V$: half to each factor.

# %%
def through_sum(a, b, R):
    share = divide(R, a + b)
    sums = (a * share).sum(), (b * share).sum()
    sizes = sums[0].abs() + sums[1].abs()
    due = [divide(s.abs(), sizes) * R.sum() for s in sums]
    return a * share * divide(due[0], sums[0]), b * share * divide(due[1], sums[1])

def through_copy(x, R1, R2):
    return x * (divide(R1, x) + divide(R2, x))

def through_product(A, V, R):
    share = divide(R, A @ V)
    return A * (share @ V.mT) / 2, V * (A.mT @ share) / 2

# %% [markdown]
# Norms, the activation and softmax have no rule: relevance passes them unchanged.
#
# ### The walk back: head, class token
#
# One unit of relevance starts at the class. Watch its sum on the way: the rules split it, they should not make any.

# %%
with torch.no_grad():
    seed_of_one = torch.nn.functional.one_hot(torch.tensor([target]), 3).double()
    at_class_token = through_linear(final[:1], tiny.head.weight, seed_of_one)
    relevance = torch.zeros_like(final)
    relevance[:1] = final[:1] * divide(at_class_token, final[:1])
print(f"relevance at the last block's output: {relevance.sum():.3f}")

# %% [markdown]
# ### The small network and its skip connection

# %%
with torch.no_grad():
    skip, branch = through_sum(last.middle, last.branch, relevance)
    branch = through_linear(last.hidden, tiny.blocks[1].mlp.fc2.weight, branch)
    branch = through_linear(last.normed2, tiny.blocks[1].mlp.fc1.weight, branch)
    in_the_middle = through_copy(last.middle, skip, branch)
print(f"relevance in the middle of the block: {in_the_middle.sum():.3f}")

# %% [markdown]
# ### The attention

# %%
with torch.no_grad():
    skip, branch = through_sum(last.entering, last.attended, in_the_middle)
    context = through_linear(last.context, tiny.blocks[1].attn.proj.weight, branch)
    per_head = context.unflatten(-1, (2, -1)).transpose(0, 1)
    at_attention, at_values = through_product(last.attention, last.v, per_head)
print(f"skip connection {skip.sum():.3f}, attention tables {at_attention.sum():.3f}, values {at_values.sum():.3f}")

# %% [markdown]
# ### One head: gradient × relevance
#
# Now both ingredients are there. Multiply them cell by cell, keep what is positive, average over heads:
#
# $$ \bar A = \frac{1}{H} \sum_{h=1}^{H} \left( \nabla A_h \odot R_{A_h} \right)^{+} $$

# %%
plots.show(figures.numbers({
    "gradient, head 0": slope[0].numpy(), "relevance, head 0": at_attention[0].detach().numpy(),
    "product, positive part": (slope * at_attention)[0].clamp(min=0).detach().numpy(),
}))
weights_of_last = (slope * at_attention).clamp(min=0).mean(dim=0).detach()
weights_of_last[0, 1:]  # row of the class token, its four patches

# %% [markdown]
# ## 5. Through all blocks
#
# The block below is walked in the same way, with one more step to get there: relevance of queries, keys and values
# goes through the layer that made them. So we put the walk into one function.

# %%
def through_block(block, kept, slope, relevance):
    """From a block's output down: the attention weights (N, N) that count, and the relevance (N, D) of its input."""
    skip, branch = through_sum(kept.middle, kept.branch, relevance)
    branch = through_linear(kept.hidden, block.mlp.fc2.weight, branch)
    branch = through_linear(kept.normed2, block.mlp.fc1.weight, branch)
    relevance = through_copy(kept.middle, skip, branch)
    skip, branch = through_sum(kept.entering, kept.attended, relevance)
    context = through_linear(kept.context, block.attn.proj.weight, branch)
    per_head = context.unflatten(-1, (block.attn.num_heads, -1)).transpose(0, 1)
    at_attention, at_v = through_product(kept.attention, kept.v, per_head)
    at_q, at_k = through_product(kept.q, kept.k.mT, at_attention)
    at_qkv = torch.stack([at_q, at_k.mT, at_v]).permute(2, 0, 1, 3).flatten(1)
    branch = through_linear(kept.normed, block.attn.qkv.weight, at_qkv)
    weights = (slope * at_attention).clamp(min=0).mean(dim=0)
    return weights, through_copy(kept.entering, skip, branch)

# %% [markdown]
# The tables of all blocks are combined like this: start at the class token, and let each block, from the last to the
# first, pass on what it holds, while the skip connection keeps what was there.
#
# $$ r \leftarrow r + r \bar A_b \qquad b = L, \ldots, 1 \qquad r = (1, 0, \ldots, 0) \text{ at the start} $$

# %%
kept = [first, last]
slopes = torch.autograd.grad(logits[target], [one.attention for one in kept])
row = torch.tensor([1.0, 0, 0, 0, 0], dtype=torch.float64)
below = relevance
with torch.no_grad():
    for number in (1, 0):
        weights, below = through_block(tiny.blocks[number], kept[number], slopes[number], below)
        row = row + row @ weights
row[1:]  # the relevance of the four patches

# %% [markdown]
# ### Is it right?
#
# The course's helper does this on any stock timm `VisionTransformer`: it runs the model's own layers one after the other,
# a whole batch at a time, keeps the intermediate results, and leaves the model as it was.

# %%
import numpy as np

from dermxai_helpers import relevancy

helper = relevancy.explain(tiny, picture, target=target)
largest = float(np.abs(helper.maps.ravel() - row[1:].numpy()).max() / row[1:].max())
print("ours equals the helper's to 1e-9:", largest < 1e-9)
course.record("relevancy_by_hand_max_difference", largest, note="as a share of the map's maximum; 1e-9 is allowed")

# %% [markdown]
# And who says that the *helper* is right? The authors published a program, a copy of an early timm transformer in which
# every layer was rewritten. It takes one picture at a time, and most projects since have carried that copy along. It
# was run once on two small transformers; inputs, weights and results are kept as numbers in `tests/golden`. A test
# compares the helper with them: `pytest tests/relevancy` asks for agreement to nine digits.

# %% [markdown]
# ## 6. A real transformer, without a fork
#
# The second document behind this course trained a timm transformer, then moved its weights into the authors' copy of
# timm to explain it. That is not needed. timm itself loads a checkpoint of your own through `pretrained_cfg_overlay`:

# %%
import json

import timm

card = json.loads((assets.FOLDER / "vit_demo.json").read_text())
source = dict(file=str(assets.FOLDER / "vit_demo.safetensors"), num_classes=3, mean=card["mean"], std=card["std"],
              custom_load=False)  # not the format of Google's own files
arguments = {"num_classes": 3} | card["arguments"]
vit = timm.create_model(card["architecture"], pretrained=True, pretrained_cfg_overlay=source, **arguments).eval()
print(card["note"])
print(f"{sum(weight.numel() for weight in vit.parameters()):,} weights, patches {vit.patch_embed.grid_size}")

# %% [markdown]
# ### The trap in the doorway
#
# How must a picture be normalised? Not "as always": timm's own transformers expect values between −1 and 1 (mean and
# standard deviation 0.5), its DeiT family expects ImageNet's statistics. The second document used ImageNet's for a
# model of timm's. Nothing crashes if you get it wrong. Ask the model:

# %% tags=["nbval-check-output"]
from timm.data import resolve_model_data_config

for name in ("vit_tiny_patch16_224", "deit_tiny_patch16_224"):
    config = resolve_model_data_config(timm.create_model(name, depth=1))
    print(f"{name:22} mean {config['mean']} std {config['std']}")
config = resolve_model_data_config(vit)
print(f"{'our demo transformer':22} mean {config['mean']} std {config['std']}")

# %%
from dermxai_helpers import data

SIZE = (224, 224)
classes = card["classes"]
folder = data.prepare(photographs, images, seed)
table = data.load(folder)
split = data.split(table, by="lesion", seed=seed)
validation = table[(split == "val") & (table["mask_path"] != "")]
sample = validation.sample(min(explained, len(validation)), random_state=seed).reset_index(drop=True)
photos = np.stack([data.open_image(path, SIZE) for path in sample["image_path"]])
masks = np.stack([data.open_mask(path, SIZE) for path in sample["mask_path"]])

# %%
def normalised(pictures, mean, std):
    """uint8 (B, H, W, 3) -> float (B, 3, H, W)."""
    return torch.from_numpy((pictures / 255 - mean) / std).permute(0, 3, 1, 2).float()

with torch.no_grad():
    good = vit(normalised(photos, np.array(config["mean"]), np.array(config["std"]))).softmax(dim=1)
    bad = vit(normalised(photos, np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225]))).softmax(dim=1)

# %%
labels = sample["dx"].map(classes.index).to_numpy()
changed = (good.argmax(1) != bad.argmax(1)).float().mean().item()
for name, answer in (("as the model asks", good), ("ImageNet's", bad)):
    print(f"{name:18} right {np.mean(answer.argmax(1).numpy() == labels):.3f}")
course.record("prediction_changed_by_wrong_normalisation", changed, note=f"{len(sample)} validation photographs")

# %% [markdown]
# ### From our drawings to your photographs
#
# The tutorial's first step was to fine-tune. Two blocks and the head learn; what lies below gives the same tokens in every
# epoch, so it is computed once. The answers are balanced by logit adjustment (unit 02b), and the last epoch is kept, so
# that the validation part chooses nothing.

# %%
from dermxai_helpers import scoring
from dermxai_helpers.training.transformer import Pictures, finetune, predict

training_part = table[split == "train"]
parts = {"learn": training_part.sample(min(learn, len(training_part)), random_state=seed), "judge": sample}
pictures = {name: Pictures([data.open_image(path) for path in rows["image_path"]], rows["dx"].tolist())
            for name, rows in parts.items()}
before = vit
vit, history = finetune(vit, pictures["learn"], pictures["judge"], classes, epochs=6, learning_rate=5e-4, seed=seed,
                        progress=False)

# %%
for name, model in (("before", before), ("after", vit)):
    answers = np.array(classes)[predict(model, pictures["judge"].images).argmax(axis=1)]
    reached = scoring.scores(sample["dx"], answers, classes)["balanced_accuracy"]
    interval = scoring.interval("balanced_accuracy", sample["lesion_id"], sample["dx"].to_numpy(), answers, seed=seed)
    print(course.record(f"vit_balanced_accuracy_{name}", reached, *interval, baseline=1 / 3,
                        note=f"demo transformer {name} fine-tuning on {len(parts['learn'])} photographs"))

# %% [markdown]
# ### Why the attention has vanished
#
# Programs of 2020 put a hook on the attention tables. In today's timm that hook stays silent: queries, keys and values go
# into one fused operation, and the table is never written down. timm has a switch for that, which moves the logits by no
# more than rounding does; running the block's own layers one by one leaves even the switch alone.

# %% tags=["nbval-check-output"]
heard = []
hook = vit.blocks[0].attn.attn_drop.register_forward_hook(lambda *_: heard.append("attention"))
with torch.no_grad():
    vit(relevancy.prepare(vit, list(photos[:1])))
hook.remove()
print("fused:", vit.blocks[0].attn.fused_attn, "| times the attention table was seen:", len(heard))

# %% [markdown]
# ## 7. Where is the relevance, and better than what?
#
# `relevancy.prepare` asks the model and normalises. Three methods, one call each:

# %%
def explain_all(model, pictures, **how):
    """Maps (n, 14, 14) of many pictures."""
    return relevancy.explain(model, relevancy.prepare(model, list(pictures)), **how).maps

# %%
predicted = predict(vit, photos).argmax(axis=1)
maps = {
    "relevancy": explain_all(vit, photos),
    "rollout": explain_all(vit, photos, method="rollout"),
    "raw attention": explain_all(vit, photos, method="attention"),
}

# %%
note = "demo transformer, fine-tuned on " + ("drawn lesions" if photographs == "demo" else "real photographs")
chosen = [int(row) for name in classes for row in np.flatnonzero(sample["dx"] == name)[:1]]
plots.show(figures.map_grid(
    photos[chosen], {name: of_all[chosen] for name, of_all in maps.items()},
    [f"{classes[labels[row]]}, predicted {classes[predicted[row]]}" for row in chosen], f"Three methods ({note})",
))

# %% [markdown]
# Colours run from zero to each map's maximum. A column of even colour is a map that is nearly flat; figures elsewhere
# often stretch a map between its minimum and its maximum, which makes a landscape of the smallest ripple.
#
# Two of the three columns would stay the same if you asked for another class. Attention and rollout do not know the
# question; relevancy does. How much its answer changes can be measured, as the correlation between the maps for two
# classes:

# %%
for_each = [explain_all(vit, photos[:8], target=number).reshape(8, -1) for number in range(3)]
pairs = [np.corrcoef(for_each[a][row], for_each[b][row])[0, 1] for a, b in ((0, 1), (0, 2), (1, 2)) for row in range(8)]
between = float(np.nanmean(pairs))
course.record("relevancy_correlation_between_classes", between, baseline=1.0, note="1 for rollout and raw attention")

# %% [markdown]
# ### Share on the background
#
# Background is what lies outside the lesion's mask. A flat map would put exactly the background's share of the area
# there. Below that is better; but by how much better than maps that know nothing? An untrained transformer of the same
# shape joins the contest. One doubt first: the rules divide by sums that may nearly vanish. Are 32-bit numbers enough?
# The helper's parts compute in the model's own number type, the helper itself in 64 bits:

# %%
import copy

import pandas as pd

from dermxai_helpers import gradcam
from dermxai_helpers.relevancy.forward import run
from dermxai_helpers.relevancy.maps import patch_map

torch.manual_seed(seed)
untrained = timm.create_model(card["architecture"], **arguments).eval()


def off_in_32_bits(model, pictures):
    """How far each map is off when everything is computed in 32 bits, as a share of the map's maximum, (n,)."""
    ready, first_class = relevancy.prepare(model, list(pictures)), torch.zeros(len(pictures), dtype=torch.long)
    single = patch_map(run(model, ready, gradients=True, keep=True), "chefer", first_class).numpy()
    right = relevancy.explain(model, ready, target=0).maps.reshape(single.shape)
    return np.abs(single - right).max(axis=1) / right.max(axis=1)

# %%
for name, model in (("trained", vit), ("untrained", untrained)):
    off = np.concatenate([off_in_32_bits(model, photos[first : first + 4]) for first in range(0, 20, 4)])
    print(f"{name:9} largest difference {off.max():.2%} of the maximum; above 1 %: {(off > 0.01).sum()} of {len(off)} maps")

# %% [markdown]
# Where a map is off, a sum of two large numbers of opposite sign has lost its digits, and then something was divided by
# it. Nothing in such a map looks broken: it is a wrong answer that you would believe. So the helper computes these rules
# in 64 bits, in a copy of the model, which takes longer. For a model with 16-bit weights it also says so:

# %% tags=["nbval-check-output"]
half = relevancy.explain(copy.deepcopy(vit).bfloat16(), relevancy.prepare(vit, list(photos[:1])).bfloat16())
half.notes

# %%
rng = np.random.default_rng(seed)
maps["untrained relevancy"] = explain_all(untrained, photos, target=0)
maps["random map"] = np.stack([rng.random((14, 14)) for _ in masks])
maps["centre Gaussian"] = np.broadcast_to(scoring.centre_gaussian(SIZE), masks.shape)


def background_shares(of_all):
    """Share of each map's evidence outside the lesion, (n,); NaN where a map has no evidence."""
    large = resize(of_all, SIZE)
    return np.array([1 - scoring.energy_inside(large[row], masks[row]) for row in range(len(masks))])

def summary(values):
    """Mean and interval by lesion, without the photographs whose map holds no evidence."""
    there = np.isfinite(values)
    low, high = scoring.interval("mean", sample["lesion_id"][there], values[there], seed=seed)
    return {"value": values[there].mean(), "low": low, "high": high}

# %%
background = {name: background_shares(of_all) for name, of_all in maps.items()}
controls = pd.DataFrame({name: summary(values) for name, values in background.items()}).T
area = float(1 - masks.mean())
print(f"{len(sample)} photographs, background {area:.3f} of the area")
controls.round(3)

# %%
measure = "share of the evidence on the background (less is better)"
about = f"Relevancy beside its controls ({note})"
course.figure("controls", plots.intervals({measure: controls}, {measure: area}, "share of the area", about))

# %%
for name in list(background)[1:]:
    difference = summary(background["relevancy"] - background[name])
    verdict = "less than" if difference["high"] < 0 else "more than" if difference["low"] > 0 else "not told apart from"
    print(f"relevancy on the background: {verdict} {name}: {difference['value']:+.3f} "
          f"({difference['low']:+.3f} to {difference['high']:+.3f})")

# %%
for name, record in (("rollout", "background_share_rollout"), ("raw attention", "background_share_attention"),
                     ("untrained relevancy", "background_share_untrained"),
                     ("centre Gaussian", "background_share_centre_gaussian")):
    values = controls.loc[name]
    print(course.record(record, values["value"], values["low"], values["high"], baseline=area))

ours = controls.loc["relevancy"]
print(course.record("relevance_on_background", ours["value"], ours["low"], ours["high"], baseline=area,
                    note=f"outside the mask of the lesion, {len(sample)} photographs; baseline: the area; {note}"))

# %% [markdown]
# ## 8. Two networks in one court
#
# The trial of unit 03b takes any explanation method, so it can take both networks: the CNN of unit 02 with Grad-CAM, and
# the transformer with four kinds of maps. Same photographs, same baselines, same two questions.

# %%
from functools import partial

from dermxai_helpers import training, trial
from dermxai_helpers.plots import trial as trial_figures

cases = trial.Cases(photos[:tried], masks[:tried], sample["lesion_id"][:tried])
attention_family = {"relevancy": relevancy.explain, "gradient x attention": partial(relevancy.explain, method="generic"),
                    "rollout": partial(relevancy.explain, method="rollout"),
                    "raw attention": partial(relevancy.explain, method="attention")}
of_vit = trial.run(vit, cases, attention_family, partial(relevancy.prepare, vit), seed=seed)
cnn = training.train(table, split, backbone=backbone, rebalance="class weights", seed=seed, progress=False)
of_cnn = trial.run(cnn.model, cases, {"Grad-CAM": gradcam.explain}, cnn.prepare, seed=seed)
side_by_side = pd.concat({"transformer": of_vit.table(seed), "CNN": of_cnn.table(seed)}).xs("value", axis=1, level="number")
side_by_side[["plausibility", "faithfulness"]].round(3)

# %%
course.figure("two_networks", trial_figures.verdict(of_vit.against("centre Gaussian", seed)))

# %%
gains = {name: verdict.against("centre Gaussian", seed).loc[method, ("faithfulness", "insertion, blur")]
         for name, method, verdict in (("relevancy", "relevancy", of_vit), ("gradcam", "Grad-CAM", of_cnn))}
for name, gain in gains.items():
    print(course.record(f"insertion_gain_{name}", gain["value"], gain["low"], gain["high"], 0.0,
                        note="area under the insertion curve minus that of the dot in the centre"))

# %% [markdown]
# Compare each network with its *own* baselines: a number from the one court means little in the other, because the two
# networks answer differently to a blurred picture. The lesion's mask is as plausible as a map can be, for both.
#
# Whether the *background* decides is a question of its own, and maps alone cannot settle it. Unit 04b draws scenes with
# much background and teaches a second model to look at it.
#
# ## 9. What this does *not* show
#
# - **Not that the background is harmless.** A map tells where relevance lies, not what happens if you change what is
#   there. Unit 04b changes it.
# - **Not a proof by conservation.** Rules lose relevance and clip signs; you saw it happen in section 4.
# - **Not a finished classifier.** The demo transformer learnt from drawings; what a few epochs of its last blocks on your
#   photographs made of it stands in section 6, with an interval.
# - **Nothing clinical.**
#
# ## Further reading
#
# - Chefer, Gur and Wolf, *Transformer interpretability beyond attention visualization*, CVPR 2021,
#   [arXiv:2012.09838](https://arxiv.org/abs/2012.09838). The method of this unit.
# - Abnar and Zuidema, *Quantifying attention flow in transformers*, ACL 2020,
#   [arXiv:2005.00928](https://arxiv.org/abs/2005.00928). Rollout.
# - Jain and Wallace, *Attention is not explanation*, NAACL 2019, [arXiv:1902.10186](https://arxiv.org/abs/1902.10186),
#   and Wiegreffe and Pinter, *Attention is not not explanation*, EMNLP 2019,
#   [arXiv:1908.04626](https://arxiv.org/abs/1908.04626). The quarrel about raw attention.
# - Dosovitskiy et al., *An image is worth 16x16 words*, ICLR 2021, [arXiv:2010.11929](https://arxiv.org/abs/2010.11929).
#   The vision transformer.
# - Wightman, [PyTorch image models (timm)](https://github.com/huggingface/pytorch-image-models). The library.
