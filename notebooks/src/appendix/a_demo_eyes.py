# %% [markdown]
# # Appendix A – How the demo eyes were trained
#
# This notebook made three small vision models: a MobileNetV2 (unit 02), a vision transformer (unit 04), and the eye of the
# demo captioner (unit 05). All have seen **drawn lesions only**. It is no unit of the course and
# nobody needs it to follow one; read it if you want to know what the weights know, and why.
#
# With the numbers below it takes some hours on two CPU cores, and some GB of disk. A stopped training goes on where it
# was. A rebuild gives models *like* those that ship, not the same bytes.

# %% tags=["parameters"]
seed = 11                     # of lessons and training, any whole number from 0
lessons = 9000                # drawn lesions for the two vision models, 100 to 20000
vit_steps = 2200              # training steps of 32 lesions, 2 to 10000
mobilenet_steps = 850         # the same, for the MobileNetV2
mobilenet_crops = 570         # of these, how many first steps see cheap crops, 0 to mobilenet_steps
viewed_lessons = 20_000       # drawn lesions for the captioner's eye, 100 to 50000
captioner_eye_steps = 2600    # its training steps, 2 to 10000
held_out = 300                # lessons kept for the examination, 10 to half of the lessons
workspace = ""                # folder for lessons and weights; "" takes the course's cache

# %% [markdown]
# ## 1. Lessons
#
# A drawing knows everything about itself: the mask of every structure, the value of every attribute, and the exact chance
# of each class given the attributes. So a model can be taught far more than a label. Every second lesion has even,
# *independent* attributes; otherwise a model would learn to guess one attribute from another instead of looking.

# %%
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.nn import functional

from dermxai_helpers import files, regions
from dermxai_helpers.synth import ARTEFACTS, COLOURS, LABELS, PARTS, draw
from dermxai_helpers.synth import attributes as table

workspace = Path(workspace or files.cache_folder() / "appendix")
workspace.mkdir(parents=True, exist_ok=True)


def attributes_for(number, seed):
    """The attributes of one lesson: even and independent, or as they go together in a class."""
    rng = np.random.default_rng([seed, number])
    if number % 2:
        return table.sample_evenly(rng)
    return table.sample_lesion(LABELS[rng.integers(3)], rng)


# %% [markdown]
# The questions of the examination: each attribute, and each of the six colours. And the structures whose place is known,
# as the share of each patch of 16 x 16 pixels that they cover.

# %%
GRID = 14  # patches along a side
DENSE = ("lesion", *PARTS, *ARTEFACTS)
QUESTIONS = {**table.CHOICES, **{colour: (True, False) for colour in COLOURS}}
WIDEST = max(len(choices) for choices in QUESTIONS.values())


def whole_picture(lesion, rng):
    """The picture and the masks of all that is in it. (Section 6 looks at lesions in another way.)"""
    return lesion.image, {"lesion": lesion.mask, **lesion.parts, **lesion.artefacts}


def lesson(number, seed, look):
    """One lesson: the picture, the dense truth (kinds, 14, 14), the right answers, and P(class)."""
    lesion = draw([seed, number], **attributes_for(number, seed))
    image, masks = look(lesion, np.random.default_rng([seed, number, 1]))
    nothing = np.zeros_like(lesion.mask)
    dense = [masks.get(name, nothing).reshape(GRID, 16, GRID, 16).mean((1, 3)) for name in DENSE]
    seen = lesion.attributes | {colour: colour in lesion.attributes["colours"] for colour in COLOURS}
    answers = [choices.index(seen[name]) for name, choices in QUESTIONS.items()]
    return image, dense, answers, table.posterior(lesion.attributes)


# %% [markdown]
# Drawing takes longer than reading, so the lessons are kept on disk.

# %%
def draw_lessons(folder, count, seed, look=whole_picture):
    """(images, dense, answers, posteriors), drawn into `folder`, or opened where that was done before."""
    names = ("images", "dense", "answers", "posteriors")
    card = folder / "card.json"
    if not card.exists() or json.loads(card.read_text()) != [count, seed]:
        folder.mkdir(parents=True, exist_ok=True)
        shapes = ((224, 224, 3), (len(DENSE), GRID, GRID), (len(QUESTIONS),), (3,))
        kinds = (np.uint8, np.float16, np.int8, np.float32)
        arrays = [np.lib.format.open_memmap(folder / f"{name}.npy", "w+", kind, (count, *shape))
                  for name, kind, shape in zip(names, kinds, shapes, strict=True)]
        for number in files.progress(range(count), "drawing lessons", "lesson"):
            for array, part in zip(arrays, lesson(number, seed, look), strict=True):
                array[number] = part
        card.write_text(json.dumps([count, seed]))
    return tuple(np.load(folder / f"{name}.npy", mmap_mode="r") for name in names)


drawn = draw_lessons(workspace / "lessons", lessons, seed)
[array.shape for array in drawn]

# %% [markdown]
# Some answers hold at a *place*: an irregular border shows where the border is. These become four more kinds of dense
# truth, "the edge, if it is irregular" and so on.

# %%
TYPED = (("edge", "border_shape", "irregular"), ("edge", "border_sharpness", "sharp"),
         ("network", "network", "atypical"), ("dots", "dots", "irregular"))


def with_typed(dense, answers):
    """Dense truth (B, kinds + 4, side, side): the place of a thing where it is of that type, else zero."""
    lesion = dense[:, DENSE.index("lesion")]
    places = {"edge": 4 * lesion * (1 - lesion)} | {name: dense[:, DENSE.index(name)] for name in ("network", "dots")}
    channels = []
    for place, question, answer in TYPED:
        chosen = answers[:, list(QUESTIONS).index(question)] == QUESTIONS[question].index(answer)
        channels.append(places[place] * chosen[:, None, None])
    return torch.cat([dense, torch.stack(channels, dim=1)], dim=1)


# %% [markdown]
# A batch is turned and mirrored, which changes no attribute. A crop of 8 x 8 patches costs a third; on it only the dense
# truth holds.

# %%
def batch_of(drawn, numbers, rng=None, patches=GRID):
    """Images (B, 3, 224, 224) in [0, 1], dense truth, answers (B, questions), P(class) (B, 3)."""
    images, dense, answers, posteriors = (torch.from_numpy(array[np.sort(numbers)]) for array in drawn)
    images, dense, answers = images.permute(0, 3, 1, 2), dense.float(), answers.long()
    if rng is not None:
        turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
        top, left = (2 * int(rng.integers((GRID - patches) // 2 + 1)) for _ in range(2))
        images, dense = (torch.rot90(one, turns, (2, 3)) for one in (images, dense))
        if mirror:
            images, dense = images.flip(3), dense.flip(3)
        dense = dense[:, :, top : top + patches, left : left + patches]
        images = images[:, :, 16 * top : 16 * (top + patches), 16 * left : 16 * (left + patches)]
    return images.float() / 255, with_typed(dense, answers), answers, posteriors


# %% [markdown]
# ## 2. Heads
#
# Linear heads on a model's tokens answer: which structure lies in which patch, which value each attribute has. They are
# thrown away afterwards. What stays is the eye.

# %%
class Heads(nn.Module):
    """Dense logits (B, kinds, patches) and answer logits (B, questions, WIDEST) from a model's tokens."""

    def __init__(self, width):
        super().__init__()
        self.dense = nn.Linear(width, len(DENSE) + len(TYPED))
        self.answers = nn.Linear(2 * width, len(QUESTIONS) * WIDEST)
        unused = torch.tensor([[k >= len(choices) for k in range(WIDEST)] for choices in QUESTIONS.values()])
        self.register_buffer("unused", unused)

    def forward(self, summary, patches):
        pooled = torch.cat([summary, patches.amax(1)], dim=1)  # a maximum finds what is small
        answers = self.answers(pooled).reshape(len(summary), len(QUESTIONS), WIDEST)
        return self.dense(patches).transpose(1, 2), answers.masked_fill(self.unused, -1e4)


# %%
from torchvision.models import mobilenet_v2


class MobileNetEye(nn.Module):
    """MobileNetV2 from random weights; its patches are the 7 x 7 cells of the last feature map."""

    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

    def __init__(self):
        super().__init__()
        self.features = mobilenet_v2(weights=None).features
        self.heads, self.class_head = Heads(1280), nn.Linear(1280, 3)

    def forward(self, images):
        cells = self.features(images).flatten(2).transpose(1, 2)
        return *self.heads(cells.mean(1), cells), self.class_head(cells.mean(1))


# %%
import timm

ARCHITECTURE = "vit_tiny_patch16_224"
ARGUMENTS = {"embed_dim": 128, "depth": 5, "num_heads": 4, "mlp_ratio": 2, "num_classes": 3}


class VitEye(nn.Module):
    """A small timm ViT; its patches are the 14 x 14 tokens, the summary is the class token."""

    mean = std = (0.5, 0.5, 0.5)

    def __init__(self):
        super().__init__()
        self.vit = timm.create_model(ARCHITECTURE, **ARGUMENTS)
        self.heads = Heads(ARGUMENTS["embed_dim"])

    def forward(self, images):
        tokens = self.vit.forward_features(images)
        return *self.heads(tokens[:, 0], tokens[:, 1:]), self.vit.forward_head(tokens)


# %% [markdown]
# ## 3. Loss
#
# The sum of three cross-entropies: dense truth (averaged down to the model's own grid), answers, and the class, whose
# target is the exact posterior, not a label drawn from it.

# %%
def loss_of(outputs, dense, answers, posterior):
    """The sum of the tasks' losses; on a crop only the dense task counts."""
    dense_logits, answer_logits, class_logits = outputs
    side = int(dense_logits.shape[-1] ** 0.5)
    truth = functional.adaptive_avg_pool2d(dense, side).flatten(2)
    loss = 6 * functional.binary_cross_entropy_with_logits(dense_logits, truth)
    if dense.shape[-1] == GRID:
        answers = answers.repeat(1, answer_logits.shape[1] // answers.shape[1])  # the same questions to every reader
        loss = loss + functional.cross_entropy(answer_logits.flatten(0, 1), answers.flatten())
        loss = loss + functional.cross_entropy(class_logits, posterior)
    return loss


# %% [markdown]
# ## 4. Training
#
# AdamW with a warm-up and a cosine. Every 100 steps the state goes to disk, from where a stopped run goes on.

# %%
def normalised(eye, images):
    """Images as the eye expects them."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (eye.mean, eye.std))
    return (images - mean) / std


def train_eye(eye, drawn, steps, crops, learning_rate, seed, state_file):
    """Train an eye in place; returns the loss of every step of this run."""
    rng, learners, losses = np.random.default_rng(seed), len(drawn[0]) - held_out, []
    optimiser = torch.optim.AdamW(eye.parameters(), lr=learning_rate, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, learning_rate, total_steps=steps, pct_start=0.08)
    kept, start = {"eye": eye, "optimiser": optimiser, "schedule": schedule}, 0
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        start = state.pop("step")
        for name, part in kept.items():
            part.load_state_dict(state[name])
    eye.train()
    for step in files.progress(range(start, steps), type(eye).__name__, "step", initial=start, total=steps):
        numbers = rng.choice(learners, min(32, learners), replace=False)
        images, *truth = batch_of(drawn, numbers, rng, patches=8 if step < crops else GRID)
        loss = loss_of(eye(normalised(eye, images)), *truth)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(eye.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % 100 == 0 or step + 1 == steps:
            state = {name: part.state_dict() for name, part in kept.items()} | {"step": step + 1}
            files.write_atomically(state_file, lambda unfinished, state=state: torch.save(state, unfinished))
    eye.eval()
    return losses


# %% [markdown]
# The examination: lessons that were kept back, each question beside "always the commonest answer".

# %%
import pandas as pd


@torch.no_grad()
def examine(eye, drawn):
    """Share of right answers per question, and of right classes, beside always giving the commonest answer."""
    given, right = [], []
    for part in np.array_split(np.arange(len(drawn[0]) - held_out, len(drawn[0])), max(1, held_out // 50)):
        images, _, answers, posterior = batch_of(drawn, part)
        _, answer_logits, class_logits = eye(normalised(eye, images))
        told = answer_logits[:, -len(QUESTIONS) :].argmax(-1)
        given.append(torch.cat([told, class_logits.argmax(-1)[:, None]], dim=1))
        right.append(torch.cat([answers, posterior.argmax(-1)[:, None]], dim=1))
    given, right = torch.cat(given), torch.cat(right)
    commonest = [column.bincount().max().item() / len(right) for column in right.T]
    share = (given == right).float().mean(dim=0)
    return pd.DataFrame({"right": share, "commonest": commonest}, index=[*QUESTIONS, "class"]).round(2)


# %% [markdown]
# ## 5. The two vision models

# %%
torch.manual_seed(seed)
vit = VitEye()
vit_losses = train_eye(vit, drawn, vit_steps, 0, 1e-3, seed, workspace / "vit.pt")
examine(vit, drawn)

# %%
torch.manual_seed(seed)
mobilenet = MobileNetEye()
mobilenet_losses = train_eye(mobilenet, drawn, mobilenet_steps, mobilenet_crops, 2e-3, seed, workspace / "mobilenet.pt")
examine(mobilenet, drawn)

# %% [markdown]
# Weights are kept in 16 bits, without the heads: the MobileNetV2 as torchvision names its tensors, the ViT as timm does,
# with its class head and a card that says how timm can make it. Copy the files into `dermxai_helpers/assets` to use them.

# %%
from safetensors.torch import save_file


def save_half(weights, path):
    """Write tensors in 16 bits; whole numbers stay as they are."""
    save_file({name: one.half().contiguous() if one.is_floating_point() else one for name, one in weights.items()}, path)


save_half({f"features.{name}": one for name, one in mobilenet.features.state_dict().items()},
          workspace / "mobilenetv2_demo.safetensors")
save_half(vit.vit.state_dict(), workspace / "vit_demo.safetensors")
card = {"architecture": ARCHITECTURE, "arguments": ARGUMENTS, "classes": list(LABELS), "mean": vit.mean, "std": vit.std,
        "note": "demo: trained on drawn lesions only; it has never seen skin"}
(workspace / "vit_demo.json").write_text(json.dumps(card, indent=1) + "\n")

# %% [markdown]
# ## 6. The captioner's eye
#
# A captioner is shown three views: the whole picture, a crop, and the picture with its background dimmed. Its eye learns
# from all three. The region comes from an *imitated* heat-map, the mask's share of each of 7 x 7 cells times noise, so
# that the crops are as rough as Grad-CAM's. A structure that the crop cuts away still counts in the answers, as it does
# in the sentence asked for.

# %%
def imitated_heatmap(mask, rng, cells=7):
    """A map as coarse and as uneven as Grad-CAM's, at the size of the mask."""
    share = functional.adaptive_avg_pool2d(torch.from_numpy(mask).float()[None, None], cells)
    uneven = share * torch.from_numpy(rng.uniform(0.3, 1.0, (cells, cells))).float()
    return functional.interpolate(uneven, mask.shape, mode="bilinear", align_corners=False)[0, 0].numpy()


def enlarged(picture, shape):
    """A picture, or a bool mask, at another size."""
    filter_ = Image.Resampling.BILINEAR if picture.ndim == 3 else Image.Resampling.NEAREST
    return np.asarray(Image.fromarray(picture).resize(shape[::-1], filter_))


def in_a_view(lesion, rng):
    """As `whole_picture`, in one of the three views by lot; a crop is enlarged, and its masks with it."""
    image, masks = whole_picture(lesion, rng)
    view = rng.choice(("original", "roi", "focused"), p=(0.5, 0.25, 0.25))
    if view == "original":
        return image, masks
    region = regions.find(imitated_heatmap(lesion.mask, rng))
    seen = regions.views(image, region)[view]
    if view == "roi":
        left, top, right, bottom = region.box
        seen = enlarged(seen, image.shape[:2])
        masks = {name: enlarged(mask[top:bottom, left:right], mask.shape) for name, mask in masks.items()}
    return seen, masks


# %% [markdown]
# It begins as the ViT of section 5 with feed-forward layers twice as wide. The new neurons have random inputs and no
# output yet, so the wider network computes at first what the narrow one does (Chen et al., *Net2Net*, arXiv:1511.05641).
# And its **class token alone** must answer every question, too: the captioner then need not search the patches for what
# is small. A first captioner without this knew less than its eye.

# %%
def widened(narrow, wide):
    """The weights `wide` of a wider network, changed so that it computes what the narrow one does."""
    grown = {}
    for name, tensor in narrow.items():
        grown[name] = wide[name].clone()
        if "mlp.fc2.weight" in name:
            grown[name][:] = 0
        grown[name][tuple(slice(size) for size in tensor.shape)] = tensor
    return grown


class CaptionerEye(nn.Module):
    """The ViT, wider, with a third reader: linear, on the class token alone."""

    mean = std = (0.5, 0.5, 0.5)

    def __init__(self, taught):
        super().__init__()
        self.vit = timm.create_model(ARCHITECTURE, **ARGUMENTS | {"mlp_ratio": 4})
        self.vit.load_state_dict(widened(taught.vit.state_dict(), self.vit.state_dict()))
        self.heads, self.told = taught.heads, nn.Linear(ARGUMENTS["embed_dim"], len(QUESTIONS) * WIDEST)

    def forward(self, images):
        tokens = self.vit.forward_features(images)
        dense, found = self.heads(tokens[:, 0], tokens[:, 1:])
        told = self.told(tokens[:, 0]).reshape_as(found).masked_fill(self.heads.unused, -1e4)
        return dense, torch.cat([found, told], dim=1), self.vit.forward_head(tokens)


# %%
viewed = draw_lessons(workspace / "viewed", viewed_lessons, seed + 10, in_a_view)
torch.manual_seed(seed + 10)
eye = CaptionerEye(vit).eval()
one_batch = normalised(eye, batch_of(viewed, np.arange(4))[0])
with torch.no_grad():
    gap = (eye.vit(one_batch) - vit.vit(one_batch)).abs().max() / vit.vit(one_batch).abs().max()
print(f"wider, and at first the same: largest difference {gap:.1e} of the largest logit")

# %%
eye_losses = train_eye(eye, viewed, captioner_eye_steps, 0, 8e-4, seed + 10, workspace / "captioner_eye.pt")
save_file(eye.vit.state_dict(), workspace / "captioner_eye.safetensors")
examine(eye, viewed)

# %% [markdown]
# Appendix B gives this eye a voice.
