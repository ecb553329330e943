# %% [markdown]
# # Appendix C – How the transformer for 41 kinds was trained
#
# Unit 04b loads a transformer that tells 41 kinds of drawn complaints apart. This notebook made it from the demo
# transformer of appendix A. It is no unit of the course and nobody needs it to follow one; read it if you want to know
# what the weights know, and why. It has seen **drawn scenes only**.
#
# With the numbers below it takes about ten minutes on one free CPU core. A stopped training goes on where it was. A rebuild
# gives a model *like* the one that ships, not the same bytes.

# %% tags=["parameters"]
seed = 2_000_000_041   # of scenes and training; the units draw from seeds below
each = 70              # drawn scenes to learn each of the 41 kinds from, 1 to 1000
held_out = 5           # scenes of each kind for the examination, 1 to 100
steps = 600            # training steps, 2 to 10000
halved = 500           # of these, how many first steps see a random half of the patches, 0 to steps
batch = 32             # scenes in a step, 2 to 256
workspace = ""         # folder for scenes and weights; "" takes the course's cache

# %% [markdown]
# ## 1. Scenes
#
# A mole, and four shapes in five colours, with scales or without: 1 + 4 × 5 × 2 = 41 kinds. The part of the body, the
# background, the light and the tone of the skin are drawn at random and tell nothing about the kind. (Bumps alone need
# much skin: they occur on a forearm or a shoulder.)

# %%
import json
from pathlib import Path

import numpy as np
import torch
from timm.layers import PatchDropout
from torch import nn
from torch.nn import functional

from dermxai_helpers import assets, files, relevancy, scoring
from dermxai_helpers.synth import scenes
from dermxai_helpers.synth.complaints import KINDS
from dermxai_helpers.training.transformer import predict

workspace = Path(workspace or files.cache_folder() / "appendix")
workspace.mkdir(parents=True, exist_ok=True)
kinds = list(KINDS)


def scenes_of(each, seed):
    """`each` scenes of every kind, uint8 (n, 224, 224, 3), and the numbers of their kinds."""
    numbers = np.arange(each * len(kinds)) % len(kinds)
    path = workspace / f"scenes_{seed}_{len(numbers)}.npy"
    if not path.exists():
        drawn = [scenes.draw((seed, row), kinds[kind]).image
                 for row, kind in enumerate(files.progress(numbers, "drawing scenes", "scene"))]
        files.write_atomically(path, lambda unfinished: np.save(unfinished, np.stack(drawn)))
    return np.load(path, mmap_mode="r"), numbers


images, labels = scenes_of(each, seed)
images.shape

# %% [markdown]
# ## 2. The transformer
#
# All of the demo transformer learns, with a new head. In the first steps it sees a random half of the patches
# (*PatchDropout*, Liu et al. 2022, [arXiv:2208.07220](https://arxiv.org/abs/2208.07220)): a step costs half as much, and no
# patch can become indispensable.

# %%
torch.manual_seed(seed)
model, _ = relevancy.demo_vit()
model.reset_classifier(len(kinds))


def batch_of(rng, numbers):
    """Scenes of these numbers, turned and mirrored together: no kind depends on a direction. And their kinds."""
    pictures = np.rot90(images[np.sort(numbers)], int(rng.integers(4)), (1, 2))
    pictures = pictures[:, :, ::-1] if rng.integers(2) else pictures
    return relevancy.prepare(model, list(pictures)), torch.from_numpy(labels[np.sort(numbers)])


# %% [markdown]
# Every 50 steps the state goes to disk, from where a stopped run goes on.

# %%
def train(model, state_file):
    """Train in place; returns the loss of every step of this run."""
    optimiser = torch.optim.AdamW(model.parameters(), weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 1e-3, total_steps=steps, pct_start=0.1)
    kept, start, losses = {"model": model, "optimiser": optimiser, "schedule": schedule}, 0, []
    if state_file.exists():
        state = torch.load(state_file, weights_only=True)
        start = state.pop("step")
        for name, part in kept.items():
            part.load_state_dict(state[name])
    rng = np.random.default_rng([seed, start])
    model.train()
    for step in files.progress(range(start, steps), "learning", "step", initial=start, total=steps):
        model.patch_drop = PatchDropout(0.5) if step < halved else nn.Identity()
        pictures, answers = batch_of(rng, rng.choice(len(labels), min(batch, len(labels)), replace=False))
        loss = functional.cross_entropy(model(pictures), answers)
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        losses.append(loss.item())
        if (step + 1) % 50 == 0 or step + 1 == steps:
            state = {name: part.state_dict() for name, part in kept.items()} | {"step": step + 1}
            files.write_atomically(state_file, lambda unfinished, state=state: torch.save(state, unfinished))
    model.patch_drop = nn.Identity()
    model.eval()
    return losses


losses = train(model, workspace / "vit_kinds.pt")

# %% [markdown]
# ## 3. The examination
#
# Scenes of another seed, as many of each kind. Which part of the answer is wrong when it is wrong?

# %%
unseen, answers = scenes_of(held_out, seed + 1)
given = predict(model, list(unseen)).argmax(axis=1)
right = given == answers
low, high = scoring.interval("mean", range(len(right)), right)
print(f"top-1 {right.mean():.3f} ({low:.3f} to {high:.3f}; {len(right)} unseen scenes); chance {1 / len(kinds):.3f}")
for part, words in (("scales", ("scaly",)), ("colour", ("red", "brown", "violet", "yellow", "pale")),
                    ("shape", ("mole", "ring", "plaque", "bumps", "patches"))):
    told, true = ([[word in kinds[kind].split() for word in words] for kind in part_of] for part_of in (given, answers))
    print(f"{part}: {np.mean([a == b for a, b in zip(told, true, strict=True)]):.3f} right")

# %% [markdown]
# Weights are kept in 16 bits, with a card that says how timm can make the model and which kind each number is. Copy both
# into `dermxai_helpers/assets` to use them.

# %%
from safetensors.torch import save_file

save_file({name: one.half().contiguous() for name, one in model.state_dict().items()}, workspace / "vit_kinds.safetensors")
card = json.loads((assets.FOLDER / "vit_demo.json").read_text())
card["arguments"]["num_classes"] = len(kinds)
card |= {"classes": kinds, "note": "demo: trained on drawn scenes only; it has never seen skin"}
(workspace / "vit_kinds.json").write_text(json.dumps(card, indent=1) + "\n")
