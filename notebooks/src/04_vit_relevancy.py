# %% [markdown]
# # Relevancy in a vision transformer
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/04_vit_relevancy.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F04_vit_relevancy.ipynb) · 75 minutes · CPU is enough (1.4 GB)
#
# **What you will do** – follow one class score backwards through a tiny transformer, then explain a real one.
#
# **What you will learn** – what attention maps can tell, how relevance passes through a block, and what relevancy buys.
#
# **What you need** – unit 03; matrix products and the chain rule.
#
# > **Claim.** The relevancy of Chefer, Gur and Wolf can be had from a stock timm model, without a fork, to nine digits.
# > **Control.** Raw attention, rollout and a dot in the centre (section 7); a CNN (section 8).

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
photographs = "demo"   # "demo" draws lesions; or a folder that holds HAM10000
images = 1200   # drawn photographs, 50 to 10000; not used with a folder
seed = 0        # any whole number, 0 to 2000000000
backbone = "demo"  # "demo" or "imagenet": what the CNN of section 8 is built on
learn = 80      # training photographs for fine-tuning, 50 to 7000
explained = 24  # validation photographs in the control table, 10 to 2000
tried = 16      # of those, how many are tested in section 8, 5 to 1000

# %% [markdown]
# ## 1. Patches become tokens
#
# A vision transformer cuts a picture into patches and turns each into a vector, a *token*. One more, the *class token*,
# starts without picture content and collects what the classifier will need. Here is a tiny one: 4 × 4 pixels, four
# patches, two blocks with two attention heads, three classes. Its weights are random, its arithmetic is that of the big ones.

# %%
import torch
from timm.models.vision_transformer import VisionTransformer

from dermxai_helpers import course

course.check_parameters("04", globals())
torch.manual_seed(32)  # always the same toy
tiny = VisionTransformer(img_size=4, patch_size=2, embed_dim=8, depth=2, num_heads=2, num_classes=3).double().eval()
for weight in tiny.parameters():
    torch.nn.init.normal_(weight, std=0.8)  # timm's own start values are so small that all attention is even
picture = torch.rand(1, 3, 4, 4, dtype=torch.float64)

# %% tags=["nbval-check-output"]
tokens = torch.cat([tiny.cls_token, tiny.patch_embed(picture)], dim=1) + tiny.pos_embed
tokens.shape  # (picture, class token and 4 patches, 8 numbers each)

# %% [markdown]
# ## 2. One block, by hand
#
# In a block, each of the $N$ tokens asks (*query* $Q$), answers (*key* $K$) and offers (*value* $V$), with $d$ numbers in
# each head. Attention is a table: row = who asks, column = who is asked, each row adds up to one.
#
# $$ A = \operatorname{softmax}\!\left(\frac{Q K^\top}{\sqrt d}\right) \quad (\text{heads}, N, N)
#    \qquad \text{context} = A V \quad (\text{heads}, N, d) $$
#
# Then the context goes through a linear layer (`proj`) and is *added* to the tokens; a small two-layer network (`mlp`)
# follows, and is added too. Each of the two starts with a normalisation (`norm1`, `norm2`).

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
# Only `final[0]`, the class token, reaches the head. Here are both attention tables of the last block. Row and column 0
# belong to the class token, the other four to the patches.

# %%
from dermxai_helpers import plots
from dermxai_helpers.plots import maps as figures

plots.show(figures.numbers({f"head {head}": last.attention[head].detach().numpy() for head in range(2)}, "attention"))

# %% [markdown]
# Row 0, averaged over the heads, is *raw attention*. Two things are missing. Attention says who was asked, not whether the
# answer spoke for a class. And in the last block a "patch" is a mixture of all.
#
# ## 3. First ingredient: the gradient
#
# How does the logit of one class change when one cell of the attention table changes?
#
# **Guess first:** which rows of the last table can have a gradient at all? Is it positive everywhere?

# %%
target = int(logits.argmax())
slope, = torch.autograd.grad(logits[target], last.attention, retain_graph=True)
plots.show(figures.numbers({f"gradient, head {head}": slope[head].numpy() for head in range(2)}, "logit for each unit of attention"))

# %% tags=["nbval-check-output"]
print(f"gradient beyond row 0: {bool(slope[:, 1:].any())}; in row 0: {(slope[:, 0] > 0).sum()} cells positive, "
      f"{(slope[:, 0] < 0).sum()} negative")

# %% [markdown]
# In the last block only the class token's row can reach the head. The sign tells for or against the class. But was
# anything there to be passed on? That is the second ingredient.
#
# ## 4. Second ingredient: relevance
#
# *Layer-wise relevance propagation* starts with 1 at the class, and at each operation splits what the output holds among
# the inputs that made it. Four kinds of operations need a rule. All divide, so first a division that survives zero (the
# authors' own):

# %%
def divide(a, b):
    return a / (b + 1e-9) * (b != 0)

# %% [markdown]
# **A linear layer** $y = W x$: input $i$ gets from output $j$ its share of the *positive* products $w_{ji} x_i$
# ($^+$: zero if negative). An output without a positive product has nobody to give to: what it holds is lost.
#
# $$ R_i = \sum_j \frac{(w_{ji} x_i)^+}{\sum_{i'} (w_{ji'} x_{i'})^+} \, R_j $$

# %% [markdown]
# ### Exercise 4.1 – shares of what was positive
# Difficulty ●●○ · importance ●●● · 6 minutes
#
# Write this rule for $N$ tokens, from the table of all products, (N, out, in). **Expected:** products of 3, -10 and 1 share
# a relevance of 1 as 0.75, 0 and 0.25; an output without a positive product gives nothing, and no NaN.
#
# <details><summary>Hint 1</summary><code>x[:, None] * W</code> is the table of products.</details>
# <details><summary>Hint 2</summary>The shares of one output add up to one over its inputs. Where a sum is zero, divide by
# something else: zero it stays.</details>

# %%
from dermxai_helpers import checks


# %% tags=["exercise"]
def positive_shares(x, W, R):
    """Inputs x (N, in), weights W (out, in), relevance R (N, out) of x W^T, all float -> the inputs' relevance, (N, in)."""
    ### BEGIN SOLUTION
    products = (x[:, None] * W).clamp(min=0)
    sums = products.sum(dim=2, keepdim=True)
    shares = products / torch.where(sums == 0, 1, sums)
    return (shares * R[:, :, None]).sum(dim=1)
    ### END SOLUTION

# %% tags=["check"]
checks.positive_shares(positive_shares)

# %% [markdown] tags=["solution"]
# First the share of each input in each output, then the sum over the outputs. A dead output has shares of zero.

# %% [markdown]
# The same without the large table, in four matrix products:

# %%
def through_linear(x, W, R):
    """Relevance (N, out) of x W^T, handed to x (N, in)."""
    up, down = x.clamp(min=0), x.clamp(max=0)   # a product is positive if both factors are, or neither
    share = divide(R, up @ W.clamp(min=0).T + down @ W.clamp(max=0).T)
    return up * (share @ W.clamp(min=0)) + down * (share @ W.clamp(max=0))

# %% [markdown]
# **A sum** $a + b$ (the skip connections): each part in proportion, then rescaled, because terms that nearly cancel
# would otherwise blow up. **A copy**: what was used twice gets both. **A product** $A V$: half to each factor.

# %%
def through_sum(a, b, R):
    parts = [part * divide(R, a + b) for part in (a, b)]
    sizes = [part.sum().abs() for part in parts]
    return [part * divide(divide(size, sum(sizes)) * R.sum(), part.sum()) for part, size in zip(parts, sizes, strict=True)]

def through_copy(x, R1, R2):
    return x * (divide(R1, x) + divide(R2, x))

def through_product(A, V, R):
    share = divide(R, A @ V)
    return A * (share @ V.mT) / 2, V * (A.mT @ share) / 2

# %% [markdown]
# Relevance passes norms, the activation and softmax unchanged.
#
# ### The walk back: the head
#
# **Guess first:** of the 1 at the class, how much arrives in the attention tables?

# %%
with torch.no_grad():
    one_unit = torch.nn.functional.one_hot(torch.tensor([target]), 3).double()
    relevance = torch.zeros_like(final)
    relevance[:1] = through_linear(final[:1], tiny.head.weight, one_unit)

# %% [markdown]
# ### The small network and its skip connection

# %%
def through_mlp(block, kept, relevance):
    """Relevance (N, D) of a block's output -> of the tokens in its middle."""
    skip, branch = through_sum(kept.middle, kept.branch, relevance)
    branch = through_linear(kept.hidden, block.mlp.fc2.weight, branch)
    branch = through_linear(kept.normed2, block.mlp.fc1.weight, branch)
    return through_copy(kept.middle, skip, branch)

# %% [markdown]
# ### The attention

# %%
def through_attention(block, kept, relevance):
    """Relevance (N, D) in the middle of a block -> of its attention tables (heads, N, N) and of its input (N, D)."""
    skip, branch = through_sum(kept.entering, kept.attended, relevance)
    context = through_linear(kept.context, block.attn.proj.weight, branch)
    per_head = context.unflatten(-1, (block.attn.num_heads, -1)).transpose(0, 1)
    at_attention, at_v = through_product(kept.attention, kept.v, per_head)
    at_q, at_k = through_product(kept.q, kept.k.mT, at_attention)
    at_qkv = torch.stack([at_q, at_k.mT, at_v]).permute(2, 0, 1, 3).flatten(1)
    branch = through_linear(kept.normed, block.attn.qkv.weight, at_qkv)
    return at_attention, through_copy(kept.entering, skip, branch)

# %%
with torch.no_grad():
    middle = through_mlp(tiny.blocks[1], last, relevance)
    at_attention, below = through_attention(tiny.blocks[1], last, middle)
print(f"middle of the block {middle.sum():.3f}, its input {below.sum():.3f}: {(middle - below).sum():.3f} is lost")
print(f"The attention tables hold {at_attention.sum():.3f}. Most of the rest took the skip connections around them.")

# %% [markdown]
# ## 5. Through all blocks
#
# Multiply the two ingredients cell by cell ($\odot$), keep what is positive ($^+$), average over the $H$ heads. That is
# what a block $b$ holds. A row $r$ with one number for each token starts at the class token. Each block, from the last, $L$,
# to the first, passes on what it holds, and the skip connection keeps what was there.
#
# $$ \bar A_b = \frac{1}{H} \sum_{h=1}^{H} \left( \nabla A_h \odot R_{A_h} \right)^{+} \qquad r \leftarrow r + r \bar A_b \qquad b = L, \ldots, 1 \qquad r = (1, 0, \ldots, 0) \text{ at the start} $$
#
# At the end the numbers of the patches are the map.

# %% [markdown]
# ### Exercise 4.2 – who asks, and who is asked
# Difficulty ●●○ · importance ●●● · 5 minutes
#
# The function below gets the tables $\bar A_b$ and multiplies the steps of all blocks, for all tokens at once. The products
# are right, but its map is not that of $r$. Mend it. **Expected:** from one block, the map is row 0 of its table, without the
# class token's own number.
#
# <details><summary>Hint 1</summary>Row = who asks, column = who is asked. Which of them is the class token?</details>
# <details><summary>Hint 2</summary>$r$ starts as row 0 of the identity.</details>

# %% tags=["exercise"]
def class_token_map(tables, grid):
    """What each block holds, float (blocks, N, N), first block first; grid = (h, w), N = h w + 1 -> the map, (h, w)."""
    ### BEGIN SOLUTION
    total = torch.eye(tables.shape[1], dtype=tables.dtype)
    for table in tables:
        total = total + table @ total
    return total[0, 1:].reshape(grid)
    ### END SOLUTION
    ### BEGIN STUB
    # total = torch.eye(tables.shape[1], dtype=tables.dtype)
    # for table in tables:
    #     total = total + table @ total
    # return total[1:, 0].reshape(grid)
    ### END STUB

# %% tags=["check"]
checks.class_token_map(class_token_map)

# %% [markdown] tags=["solution"]
# Column 0 says what the patches got from the class token. The head reads the class token: its row says what it got.

# %% [markdown]
# One row is all that we need, so the walk back multiplies a row and not whole tables:

# %%
start = torch.tensor([1.0, 0, 0, 0, 0], dtype=torch.float64)
kept = [last, first]  # from the last block to the first
slopes = torch.autograd.grad(logits[target], [one.attention for one in kept])
row = start
with torch.no_grad():
    for block, one, slope in zip(tiny.blocks[::-1], kept, slopes, strict=True):
        at_attention, relevance = through_attention(block, one, through_mlp(block, one, relevance))
        row = row + row @ (slope * at_attention).clamp(min=0).mean(dim=0)
ours = {"chefer": row[1:]}

# %% [markdown]
# ### Three cheaper ways
#
# The same authors' shorter one: the *attention itself* stands in for its relevance, so no walk back is needed, only the
# gradient (Chefer, Gur and Wolf, ICCV 2021, equations 5 and 6):
#
# $$ \bar A_b = \frac{1}{H} \sum_h \left( \nabla A_h \odot A_h \right)^{+} $$

# %%
row = start
for one, slope in zip(kept, slopes, strict=True):
    row = row + row @ (slope * one.attention.detach()).clamp(min=0).mean(dim=0)
ours["generic"] = row[1:]

# %% [markdown]
# *Rollout* (Abnar and Zuidema, ACL 2020) uses no gradient: half of each token stays in place, half follows the attention,
# $r \leftarrow \frac{1}{2}(r + r A_b)$, with $A_b$ the mean over heads. Raw attention is row 0 of the last block.

# %% [markdown]
# ### Exercise 4.3 – one step of rollout
# Difficulty ●○○ · importance ●●○ · 4 minutes
#
# The paper goes forward, from the first block to the last, with a table for all tokens: row = a token, column = the start
# token of which it holds something. Before the first block the table is the identity. Write the step through one block:
# half of each token stays as it was, half is mixed by the mean attention. **Expected:** every row still adds up to one.
#
# <details><summary>Hint 1</summary>First the mean over the heads.</details>
# <details><summary>Hint 2</summary>A mixture of tokens is a mixture of their rows: attention stands on the left.</details>

# %% tags=["exercise"]
def rollout_step(below, attention):
    """The table before a block, float (N, N), and the block's attention, (heads, N, N) -> the table after it, (N, N)."""
    ### BEGIN SOLUTION
    mixed = attention.mean(dim=0) @ below
    return (below + mixed) / 2
    ### END SOLUTION

# %% tags=["check"]
checks.rollout_step(rollout_step)

# %% [markdown] tags=["solution"]
# This is $\frac{1}{2}(I + A)$ times the table. What stays in place is the row as it was, not the patch of the start.

# %% [markdown]
# For a map, again, one row and the way back are enough:

# %%
row = start
for one in kept:
    row = (row + row @ one.attention.detach().mean(dim=0)) / 2
ours |= {"rollout": row[1:], "attention": last.attention.detach().mean(dim=0)[0, 1:]}

# %% [markdown]
# ### Is it right?
#
# The course's helper runs the layers of a stock timm `VisionTransformer` one by one. So it sees the attention tables,
# which timm's fused operation never writes down, and leaves the model as it was.

# %%
import numpy as np

from dermxai_helpers import relevancy

off, found = {}, {}
for method, by_hand in ours.items():
    found[method] = relevancy.explain(tiny, picture, target=target, method=method)
    helper = found[method].maps.ravel()
    off[method] = float(np.abs(helper - by_hand.numpy()).max() / helper.max())
    print(f"{method:10} {by_hand.numpy().round(3)} equals the helper's to 1e-9: {off[method] < 1e-9}")
course.record("relevancy_by_hand_max_difference", off["chefer"], note="as a share of the map's maximum; 1e-9 is allowed")

# %% [markdown]
# Laid over the picture (yellow: strongest patch):

# %%
from dermxai_helpers.plots import pictures

grey = (255 * picture.mean(dim=1)).byte().numpy()[..., None].repeat(3, axis=-1)  # (1, 4, 4, 3)
laid = {"picture": grey[0]} | {method: one.overlay(grey)[0] for method, one in found.items()}
plots.show(pictures.row(laid, "A picture of 4 x 4 random pixels, and four maps of its 2 x 2 patches laid over it."))

# %% [markdown]
# And the *helper*? A test compares it, to nine digits, with the authors' own program on two small transformers
# (`tests/golden`).
#
# ## 6. A real transformer, without a fork
#
# The authors' program is a copy of an early timm with every layer rewritten. But timm itself loads your own checkpoint,
# `timm.create_model(name, pretrained=True, pretrained_cfg_overlay=dict(file=path, mean=…, std=…))`,
# and the helper explains it. So is our demo transformer loaded; it has learnt from drawn lesions:

# %%
vit, classes = relevancy.demo_vit()
vit.patch_embed.grid_size  # patches

# %% [markdown]
# ### How must a picture be normalised?
#
# The tutorial says: “Before feeding the images to the neural network, we normalize them using the mean and standard
# deviation of ImageNet-1k.” Whether that is right depends on the checkpoint, which it does not name. timm tells:

# %% tags=["nbval-check-output"]
import timm
from timm.data import resolve_model_data_config

for name in ("vit_tiny_patch16_224", "deit_tiny_patch16_224"):
    print(f"{name:22} mean", resolve_model_data_config(timm.create_model(name, depth=1))["mean"])

# %% [markdown]
# ### Exercise 4.4 – one mean for all
# Difficulty ●○○ · importance ●●● · 5 minutes
#
# The function below runs for every model, and nothing crashes. Find its fault and mend it. **Expected:** for a checkpoint
# with mean 0.5 and standard deviation 0.5, black becomes -1 and white 1.
#
# <details><summary>Hint 1</summary>What in it depends on the model?</details>
# <details><summary>Hint 2</summary>timm's function above gives <code>"std"</code>, too.</details>

# %% tags=["exercise"]
from timm.data import resolve_model_data_config


def batch_for_model(model, photos):
    """A timm model and photographs of its size, uint8 (B, h, w, 3) -> the batch that it wants, float (B, 3, h, w)."""
    ### BEGIN SOLUTION
    config = resolve_model_data_config(model)
    mean, std = (torch.tensor(config[name]).view(3, 1, 1) for name in ("mean", "std"))
    pixels = torch.from_numpy(photos).permute(0, 3, 1, 2) / 255
    return (pixels - mean) / std
    ### END SOLUTION
    ### BEGIN STUB
    # mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    # std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    # pixels = torch.from_numpy(photos).permute(0, 3, 1, 2) / 255
    # return (pixels - mean) / std
    ### END STUB

# %% tags=["check"]
checks.batch_for_model(batch_for_model)

# %% [markdown] tags=["solution"]
# The numbers of ImageNet were written into the program. Mean *and* standard deviation belong to the checkpoint.

# %% [markdown]
# **Guess first:** how many answers change if you take the wrong ones?

# %%
from dermxai_helpers import data, scoring, trial

folder = data.prepare(photographs, images, seed)
table = data.load(folder)
split = data.split(table, by="lesion", seed=seed)
validation = table[(split == "val") & (table["mask_path"] != "")]
sample = validation.sample(min(explained, len(validation)), random_state=seed).reset_index(drop=True)
cases = trial.Cases.read(sample, folder)
photos, masks, lesion, SIZE = cases.images, cases.masks, cases.lesions, cases.masks.shape[1:]
drawn = "drawn lesions" if cases.truth else ""

# %%
from dermxai_helpers.inference import to_input

wrong = to_input(list(photos), SIZE, (0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
with torch.no_grad():
    answers = [vit(batch).argmax(dim=1).numpy() for batch in (relevancy.prepare(vit, list(photos)), wrong)]
changed = scoring.compare(answers[0] != answers[1], 0.0, lesion, seed=seed)
course.record("prediction_changed_by_wrong_normalisation", changed.value, changed.low, changed.high,
              note=f"share of {changed.n} photographs of {changed.groups} lesions that our demo transformer calls otherwise")

# %% [markdown]
# ### From our drawings to your photographs
#
# The tutorial's first step was to fine-tune. Here two blocks and the head learn, and rare classes count as much as common
# ones.

# %%
from dermxai_helpers.training.transformer import Pictures, finetune, predict

training_part = table[split == "train"]
taught = training_part.sample(min(learn, len(training_part)), random_state=seed)
pictures = [Pictures([data.open_image(path) for path in rows["image_path"]], rows["dx"].tolist()) for rows in (taught, sample)]
before = vit
vit, _ = finetune(vit, *pictures, classes, epochs=6, learning_rate=5e-4, seed=seed, progress=False)

# %%
answered = [np.array(classes)[predict(model, photos).argmax(axis=1)] for model in (before, vit)]
learnt = scoring.compare(answered[1], answered[0], lesion, "accuracy", sample["dx"], seed=seed)
print(learnt.sentence(f"The transformer after {len(taught)} photographs", "before", "accuracy"))

# %% [markdown]
# ## 7. Where is the relevance, and better than what?
#
# `relevancy.prepare` asks the model and normalises. `target="all"` gives the maps of all classes from one pass:

# %%
inputs, predicted = relevancy.prepare(vit, list(photos)), predict(vit, photos).argmax(axis=1)
names = {"relevancy": "chefer", "gradient x attention": "generic", "rollout": "rollout", "raw attention": "attention"}
for_each = {name: relevancy.explain(vit, inputs, target="all", method=method).maps.reshape(len(photos), len(classes), 14, 14)
            for name, method in names.items()}
maps = {name: of_all[np.arange(len(photos)), predicted] for name, of_all in for_each.items()}

# %%
chosen = [int(row) for name in classes for row in np.flatnonzero(sample["dx"] == name)[:1]]
labels = [f"{sample['dx'][row]}, predicted {classes[predicted[row]]}" for row in chosen]
plots.show(figures.map_grid(photos[chosen], masks[chosen], {name: of_all[chosen] for name, of_all in maps.items()}, labels,
                            f"Four methods, {drawn or 'photographs'}"))

# %% [markdown]
# ### Does the map know the class?
#
# If it does, the maps for two classes differ: their correlation is below 1. **Guess first:** for which of the four?

# %%
same, pairs = {}, np.triu_indices(len(classes), 1)
for name, of_all in for_each.items():
    alike = [np.corrcoef(one.reshape(len(one), -1))[pairs].mean() for one in of_all]  # one number for each photograph
    same[name] = scoring.compare(np.round(alike, 9), 1.0, lesion, seed=seed)
    answer = same[name].sentence(name.capitalize(), "a map that knows no class", "correlation between the maps of two classes")
    print(answer if same[name].difference else f"{name.capitalize()}: the same map for every class.")

# %% [markdown]
# ### Share on the background
#
# Background is what lies outside the lesion's mask. A flat map puts the background's share of the area there. **Guess
# first:** does relevancy put less there than the other three, and than a dot in the centre, which has seen no picture?

# %%
maps["centre Gaussian"] = np.broadcast_to(scoring.centre_gaussian(SIZE), masks.shape)
background = {name: 1 - trial.energies_inside(of_all, masks) for name, of_all in maps.items()}

# %%
import pandas as pd

controls = {name: scoring.compare(values, 0, lesion, seed=seed) for name, values in background.items()}
area = float(1 - masks.mean())
measure = f"share of the evidence on the background ({len(sample)} photographs of {len(set(lesion))} lesions)"
rows = pd.DataFrame({name: vars(one) for name, one in controls.items()}).T
rows["enough"] = rows["fewest"] >= 10
course.figure("controls", plots.intervals({measure: rows}, {measure: area}, "share of the area", "Four methods and a dot in the centre"))

# %%
against = {}
for name in [*maps][1:]:
    against[name] = scoring.compare(background["relevancy"], background[name], lesion, seed=seed)
    print(against[name].sentence("Relevancy", name, "evidence on the background"))

# %%
one = controls["relevancy"]
note = f"outside the mask, {one.n} photographs of {one.groups} lesions; baseline: the area"
course.record("relevance_on_background", one.value, one.low, one.high, baseline=area, note=note)

# %% [markdown]
# ## 8. Two networks, and the tutorial's sentence
#
# Lying on the lesion is not being what the network used. So the strongest pixels are blurred first (*deletion*), or given
# back first to a blurred picture (*insertion*), while the probability of the predicted class is followed. Unit 03b explains
# both. Of insertion minus deletion, high is good.

# %%
from functools import partial

from dermxai_helpers import gradcam, training

few = trial.Cases(photos[:tried], masks[:tried], lesion[:tried])
explainers = {name: partial(relevancy.explain, method=method) for name, method in names.items()}
of_vit = trial.run(vit, few, explainers, partial(relevancy.prepare, vit), seed=seed)

# %% [markdown]
# And the CNN of unit 02, with Grad-CAM:

# %%
cnn = training.train(table, split, backbone=backbone, rebalance="class weights", seed=seed, progress=False)
of_cnn = trial.run(cnn.model, few, {"Grad-CAM": gradcam.explain}, cnn.prepare, seed=seed)

# %% [markdown]
# Two networks answer differently to a blurred picture. So each method is compared with the dot *on its own network*,
# photograph by photograph. **Guess first:** which methods beat it?

# %%
def beside(found, method, reference):
    faithful = found["insertion, blur"] - found["deletion, blur"]
    return scoring.compare(faithful.loc[method], faithful.loc[reference], few.lesions, seed=seed)


gains = {f"Transformer, {name}": beside(of_vit, name, "centre Gaussian") for name in names}
gains["CNN, Grad-CAM"] = beside(of_cnn, "Grad-CAM", "centre Gaussian")

# %%
from dermxai_helpers.plots import charts as differing

measure = f"insertion minus deletion ({len(few.images)} photographs, high is good)"
course.figure("two_networks", differing.differences({measure: gains}, "method minus centre Gaussian, on its own network"))

# %%
for name, one in gains.items():
    print(one.sentence(name, "the centre Gaussian", "insertion minus deletion"))

# %% [markdown]
# The tutorial says of relevancy: “Their approach yields state-of-the-art results compared to various methods”. Its authors
# measured that on ImageNet. Here it must beat rollout *and* raw attention: the rival with the lower interval decides.

# %%
rivals = {name: beside(of_vit, "relevancy", name) for name in ("rollout", "raw attention")}
worst = min(rivals, key=lambda name: rivals[name].low)
said = rivals[worst].sentence("Relevancy", worst, "insertion minus deletion")
course.claim("tutorial", "Proposed Approach", "Their approach yields state-of-the-art results compared to various methods",
             rivals[worst], said, not_judged=drawn)

# %% [markdown]
# ## 9. What we found

# %%
print("By hand and by the helper the maps are", "the same" if off["chefer"] < 1e-9 else "different", "to nine digits.")
told = f"{1 - controls['relevancy'].value:.0%} of the relevance and {1 - area:.0%} of the area"
print(f"The lesion has {told} ({len(sample)} photographs of {len(set(lesion))} lesions).")
print(against["raw attention"].sentence("Relevancy", "raw attention", "evidence on the background"))
print(same["relevancy"].sentence("Relevancy", "raw attention and rollout", "correlation between the maps of two classes"))
print(gains["Transformer, relevancy"].sentence("Relevancy", "the centre Gaussian", "insertion minus deletion"))

# %% [markdown]
# ## 10. What this does *not* show
#
# - **Not that the background is harmless.** A map does not tell what happens if you change what is there.
# - **Not that all relevance is accounted for.** Section 4 prints a loss.
# - **Nothing clinical.**
#
# ## Quiz

# %% tags=["quiz"]
told = {"lower": "puts less on the background", "higher": "puts more on the background",
        "cannot tell": "cannot be told from raw attention"}
checks.Quiz({
    "Why has only row 0 of the last attention table a gradient?": {
        "The other rows were not trained.": (False, "All rows come from the same trained weights."),
        "Softmax removes it from the others.": (False, "Softmax acts within each row alike."),
        "Only the class token reaches the head.": (True, "What the patches become after the last block is never read."),
    },
    "All products of an output are negative. What happens to its relevance?": {
        "It is lost.": (True, "Nobody has a positive share. So the relevance of a block does not always add up."),
        "It is split equally.": (False, "The rule knows positive shares only; here there are none."),
        "It becomes negative.": (False, "No share is negative in this rule."),
    },
    "Rollout gives the same map for every class. Why?": {
        "It takes the mean over the heads.": (False, "Relevancy does so too, and knows the class."),
        "It uses no gradient.": (True, "Attention is computed before any class is asked for."),
        "It starts at the class token.": (False, "All these methods do. The class token collects for all classes."),
    },
    "A checkpoint gets pictures with a wrong mean. How do you notice?": {
        "Its maps are empty.": (False, "Maps come out as ever, of a picture that it does not know."),
        "timm stops with an error.": (False, "Any three numbers will do for a subtraction."),
        "You ask the checkpoint.": (True, "Nothing else tells: answers and maps change, and no message comes."),
    },
    "In this run, relevancy ...": {
        words: (outcome == against["raw attention"].outcome,
                against["raw attention"].sentence("Relevancy", "raw attention", "evidence on the background"))
        for outcome, words in told.items()
    },
})

# %% [markdown]
# ## Further reading
#
# - Chefer, Gur and Wolf, *Transformer interpretability beyond attention visualization*, CVPR 2021,
#   [arXiv:2012.09838](https://arxiv.org/abs/2012.09838).
# - Chefer, Gur and Wolf, *Generic attention-model explainability for interpreting bi-modal and encoder-decoder
#   transformers*, ICCV 2021, [arXiv:2103.15679](https://arxiv.org/abs/2103.15679).
# - Abnar and Zuidema, *Quantifying attention flow in transformers*, ACL 2020,
#   [arXiv:2005.00928](https://arxiv.org/abs/2005.00928).
# - Dosovitskiy et al., *An image is worth 16x16 words*, ICLR 2021, [arXiv:2010.11929](https://arxiv.org/abs/2010.11929).
