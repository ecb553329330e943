# %% [markdown]
# # A transformer of your own, and the background
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/04b_background_check.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F04b_background_check.ipynb) · 73 minutes · CPU is enough (1.5 GB)
#
# **What you will do** – fine-tune a timm transformer, add classes to it, load one that knows 41, explain five
# photographs with much background in them, and find out whether that background decides.
#
# **What you will learn** – every step of the tutorial that this course started from; and why convincing maps are no
# proof: what was missing there is a model that *must* fail.
#
# **What you need** – unit 04 (relevancy), unit 02 (fine-tuning, splits).
#
# > **Claim.** The maps show that only affected skin contributes, although much background is in the picture.
# > **Control.** A second model that was taught to look at the background. If its maps pass the check, the check is worth
# > nothing (section 4). And an experiment that needs no map: change the background and ask again (section 5).

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
seed = 0              # any whole number, 0 to 2000000000
transformer = "demo"  # "demo", or a timm name such as "vit_tiny_patch16_224" (its ImageNet weights are downloaded)
each = 3              # drawn scenes to learn each of the first 15 kinds from, 2 to 100
tried = 2             # unseen scenes of each of the 41 kinds, 1 to 100
scenes = 100          # drawn scenes to learn five complaints from, 50 to 5000
judged = 40           # drawn scenes in the tables, 20 to 1000

# %% [markdown]
# ## 1. Fifteen kinds, later forty-one
#
# The tutorial's classifier told 41 skin diseases apart. “Originally, the number of classes was 15.” Its pictures are
# private. So here are 41 *kinds* of drawn complaints: a mole, and four shapes (ring, plaque, bumps, patches) in five
# colours, with white scales or without. 1 + 4 × 5 × 2 = 41. A kind is its name and no more; nobody is ill with one.

# %%
import json
import tempfile
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import timm
import torch

from dermxai_helpers import assets, course, plots, relevancy, scoring, widgets
from dermxai_helpers.plots import maps as figures
from dermxai_helpers.plots import pictures
from dermxai_helpers.synth import scenes as studio
from dermxai_helpers.synth.complaints import FIVE, KINDS
from dermxai_helpers.training.checkpoints import grow_head, load_checkpoint
from dermxai_helpers.training.transformer import Pictures, finetune, predict
from dermxai_helpers.trial import background

course.check_parameters("04b", globals())

# %%
names = list(KINDS)
some = {name.replace(" ", "\n"): studio.draw((seed, 41), name, "forearm").image for name in names[::7]}
plots.show(pictures.gallery(list(some.values()), list(some), "Six of the 41 kinds", columns=6, width=4.2))

# %%
def draw_kinds(wanted, each, seed):
    """`each` scenes of every wanted kind; place, background, light and skin are drawn at random."""
    return [studio.draw((seed, number), kind) for number, kind in enumerate(wanted * each)]


def as_pictures(drawn):  # with their complaint as label
    return Pictures([scene.image for scene in drawn], [scene.complaint for scene in drawn])

# %% [markdown]
# The start is a transformer that has learnt something already. "demo" has seen drawn lesions only; with a name from timm
# you get ImageNet's. It gets a new head.

# %%
pretrained = relevancy.demo_vit()[0] if transformer == "demo" else timm.create_model(transformer, pretrained=True)
torch.manual_seed(seed)  # the new head starts with random weights
pretrained.reset_classifier(15)
f"{sum(weight.numel() for weight in pretrained.parameters()):,} weights"

# %% [markdown]
# Only the last block and the head learn; what lies below is computed once for each picture. A few scenes and epochs show
# the steps; they do not make a good classifier.

# %%
to_learn, to_try = draw_kinds(names[:15], each, seed), draw_kinds(names[:15], 1, seed + 1)
first, history = finetune(pretrained, as_pictures(to_learn), as_pictures(to_try), names[:15],
                          blocks=1, epochs=4, learning_rate=2e-3, seed=seed, progress=False)
history[["training_loss", "validation_loss", "accuracy"]].round(3)

# %% [markdown]
# Save what was learnt, and the dictionary that turns an index into a name: the order of the classes stands in no tensor.

# %% tags=["nbval-check-output"]
workshop = Path(tempfile.mkdtemp())
torch.save(first.state_dict(), workshop / "fifteen.pth")
(workshop / "fifteen.json").write_text(json.dumps(dict(enumerate(names[:15]))))
read = {int(index): name for index, name in json.loads((workshop / "fifteen.json").read_text()).items()}
print("the same names after reading:", list(read.values()) == names[:15], "· class 5 is", read[5])

# %% [markdown]
# Two years later there are 41. A new head would forget the fifteen. `grow_head` keeps their weights and adds rows for
# the new ones. **Guess: what happens to the logits of the old classes at that moment, before any training?**

# %%
grown = grow_head(deepcopy(first), 41)
some = relevancy.prepare(first, [scene.image for scene in to_try[:4]])
with torch.inference_mode():
    old, new = first(some), grown(some)[:, :15]
moved = float((new - old).abs().max() / old.abs().max())
print("Old logits", "stay as they were" if moved < 1e-5 else "moved, a fault", f"(by {moved:.1e} of the largest at most).")

# %% [markdown]
# ### Exercise 4b.1 – the old logits move
# Difficulty ●●○ · importance ●●● · 5 minutes
#
# The function below adds classes to a head. It runs, and the logits of the old classes move. Mend it, also for a head that
# was made without a bias (`bias=False`). **Expected:** a new layer that gives `classes` logits and can learn; the old
# classes come first, and each has the logit that it had.
#
# <details><summary>Hint 1</summary>Which numbers does a logit depend on, besides the features?</details>
# <details><summary>Hint 2</summary>A bias that is not there is <code>None</code>, and it adds nothing.</details>

# %%
from dermxai_helpers import checks


# %% tags=["exercise"]
def more_classes(head, classes):
    """A trained torch.nn.Linear, and the number of all classes, old and new -> a larger torch.nn.Linear."""
    ### BEGIN SOLUTION
    larger = torch.nn.Linear(head.in_features, classes)
    with torch.no_grad():
        larger.weight[:head.out_features] = head.weight
        larger.bias[:head.out_features] = 0 if head.bias is None else head.bias
    return larger
    ### END SOLUTION
    ### BEGIN STUB
    # larger = torch.nn.Linear(head.in_features, classes)
    # with torch.no_grad():
    #     larger.weight[:head.out_features] = head.weight
    # return larger
    ### END STUB

# %% tags=["check"]
checks.larger_head(more_classes)

# %% [markdown] tags=["solution"]
# A new layer begins with random biases. The rows were copied and the biases were not, so each old logit moved by a random
# number, the same for all pictures. `grow_head` copies both.

# %% [markdown]
# ### One that knows them
#
# Minutes do not teach 41 kinds. The course ships a transformer whose blocks all learnt, from 70 scenes of each kind.
# [Appendix C](https://github.com/dermxai/dermxai/blob/v0.2.0/notebooks/appendix/c_forty_one_kinds.ipynb) made it.

# %%
card = json.loads((assets.FOLDER / "vit_kinds.json").read_text())
wide = load_checkpoint(timm.create_model(card["architecture"], **card["arguments"]), assets.FOLDER / "vit_kinds.safetensors")
print(len(card["classes"]), "classes, the names in the same order:", card["classes"] == names)

# %% [markdown]
# **Guess: of a hundred unseen scenes, how many get their right name out of 41?**

# %%
unseen_kinds = draw_kinds(names, tried, seed + 1)
probabilities = predict(wide, [scene.image for scene in unseen_kinds])
kind = np.array([scene.complaint for scene in unseen_kinds])
right = np.array(names)[probabilities.argmax(axis=1)] == kind

# %%
rows = np.arange(len(right))
known = scoring.compare(right, 1 / 41, rows)
print(known.sentence("The transformer for 41 kinds", "chance", "share of right names", rows="scenes"))
course.record("kinds_top1", known.value, *scoring.interval("mean", rows, right), baseline=1 / 41, note=f"{len(rows)} scenes")

# %% [markdown]
# ### Are more classes more useful?
#
# The tutorial says so. Hide the last 26 answers of the same transformer, and it names 15 kinds, like the classifier of the
# first days. (Only like it: its blocks have learnt from all 41.) *Useful* needs a patient.
# **For one who has one of the first fifteen**, 26 more names are 26 more ways to be wrong. How much does that cost?

# %%
of_fifteen = np.array(names)[probabilities[:, :15].argmax(axis=1)] == kind
early = np.isin(kind, names[:15])
price = scoring.compare(right[early], of_fifteen[early], rows[early])
price = price.sentence("41 names", "15 names", "share of the first fifteen kinds named rightly", rows="scenes")
print(price)

# %% [markdown]
# The sentence is about all who come: let all 41 kinds come, equally often. (A mild test: what has no name is never named
# rightly.) The report shows both numbers.

# %%
wider = scoring.compare(right, of_fifteen, rows)
told = wider.sentence("41 names", "15 names", "share of all scenes named rightly", rows="scenes")
course.claim("tutorial", "Our step-by-step tutorial", "The more classes are covered, the more useful the classifier will be.",
             wider, f"{told} {price}", not_judged="drawn scenes")

# %% [markdown]
# ## 2. Your own checkpoint
#
# A checkpoint is rarely what you expect: several GPUs leave a prefix, timm's own script puts the weights into a larger
# dictionary. `load_checkpoint` finds its way, and refuses what does not fit. A model saved as a
# Python object is not opened: that would run its author's program. **Do the predictions survive?**

# %%
torch.save({"epoch": 5, "state_dict": {f"module.{name}": value for name, value in wide.state_dict().items()}},
           workshop / "cluster.pth.tar")
loaded = load_checkpoint(timm.create_model(card["architecture"], **card["arguments"]), workshop / "cluster.pth.tar")
few = [scene.image for scene in unseen_kinds[:8]]
print("the same predictions after saving and loading:", np.array_equal(predict(loaded, few), predict(wide, few)))
del to_learn, to_try, unseen_kinds  # section 4 needs the room

# %% [markdown]
# ## 3. Photographs taken at home
#
# The tutorial's five photographs (a finger on a laptop, a spot under hair, a third one, bumps on all the skin, red patches
# at a shoulder) are not ours to show. We draw scenes of that kind, and gain what photographs do not have: every pixel is
# known to be affected skin, healthy skin or background, and a scene can be drawn *again* with one thing changed. Five of
# the 41 kinds get short names:

# %%
wanted = [("plaque", "finger", "laptop"), ("mole", "scalp", "paper"), ("ring", "forearm", "desk"),
          ("bumps", "forearm", "tiles"), ("patches", "shoulder", "cloth")]
five = [studio.draw((seed, 50, number), *what) for number, what in enumerate(wanted)]
print(FIVE, {name: f"{zone.mean():.0%}" for name, zone in five[0].zones().items()}, sep="\n")

# %% [markdown]
# The tutorial's recipe: a list of paths, pictures, maps, overlays. What was a fork of timm and two pages of code is one
# call. The map is for the class that the model names.

# %%
from PIL import Image

for number, scene in enumerate(five):
    Image.fromarray(scene.image).save(workshop / f"photograph_{number}.png")
paths = sorted(workshop.glob("photograph_*.png"))
photographs = [np.asarray(Image.open(path).convert("RGB")) for path in paths]
found = relevancy.explain(wide, relevancy.prepare(wide, photographs), classes=names)

# %% [markdown]
# The tutorial looks at warm colours. We count, too. *Inside*: the share of the positive relevance that lies on affected
# skin. *IoU* (intersection over union): cut the map at half of its maximum; the area that both share, divided by the area
# of both together.
#
# $$ \text{inside} = \frac{\sum_{p \in A} \max(r_p, 0)}{\sum_p \max(r_p, 0)} \qquad
# \text{IoU} = \frac{|A \cap M|}{|A \cup M|} $$
#
# $r_p$ is the relevance at pixel $p$, $A$ the affected skin, $M$ the pixels with at least half of the largest relevance.

# %% [markdown]
# ### Exercise 4b.2 – where the relevance lies
# Difficulty ●○○ · importance ●●● · 5 minutes
#
# Write *inside* for all three zones at once. Each pixel belongs to one: 0 is affected skin, 1 healthy skin, 2 background. A
# zone without pixels has a share of 0. A map without positive relevance has unknown shares: three times `np.nan`.
# **Expected:** three numbers that add up to 1. For a flat map, the same number everywhere, they are the zones' shares of the area.
#
# <details><summary>Hint 1</summary>What does the formula do with relevance below zero?</details>
# <details><summary>Hint 2</summary><code>relevance[zones == 2]</code> are the pixels of the background.</details>

# %% tags=["exercise"]
def shares_by_zone(relevance, zones):
    """A map with signs, float (h, w), and the zone of each pixel, int (h, w), 0 to 2 -> three shares, float (3,)."""
    ### BEGIN SOLUTION
    positive = relevance.clip(min=0)
    return np.array([positive[zones == zone].sum() for zone in range(3)]) / positive.sum()
    ### END SOLUTION

# %% tags=["check"]
checks.relevance_shares(shares_by_zone)

# %% [markdown] tags=["solution"]
# Clip first: relevance below zero speaks against the class. Without anything positive, NumPy divides 0 by 0, which is NaN.

# %% [markdown]
# **Guess: will the five maps lie on affected skin only?** (Above each map: the name that the model gives; at the bottom: what
# was drawn.)

# %%
zones = background.relevance_by_zone(found.maps, five)
course.figure("figure_b", figures.scenes(
    five, {"scene": None, "41 kinds": found}, {"41 kinds": zones}, "The transformer for 41 kinds on five drawn scenes"))

# %% [markdown]
# A map of 14 × 14 cells cannot follow a rim. So make the **affected skin itself** a map, each cell with the share of it that
# is affected, and treat it like the others. How much of *that* lies inside?

# %%
def skin_itself(drawn, cells=14):
    """How much of the affected skin's own map lies inside, for each scene."""
    side = len(drawn[0].affected) // cells
    own = [scene.affected.reshape(cells, side, cells, side).mean(axis=(1, 3)) for scene in drawn]
    return background.relevance_by_zone(np.stack(own), drawn)["affected skin"]

# %% [markdown]
# And let *only* be mild: 95 % of what the skin itself gets would do.

# %%
print("Inside, of the skin itself:", skin_itself(five).round(2).tolist())
alone = scoring.compare(zones["affected skin"], 0.95 * skin_itself(five), range(5))
print(alone.sentence("The five maps", "95 % of the skin itself", "relevance inside", rows="scenes"))

# %% [markdown]
# Other methods and other first blocks give other maps; one picture cannot say which is right.

# %% tags=["nbval-ignore-output"]
widgets.relevancy_map(wide, five[0].image, five[0].affected, names)

# %% [markdown]
# So draw more. (Half of them get a background that will matter in section 4.)

# %%
betrayal = dict(zip(FIVE, ("paper", "desk", "laptop", "tiles", "cloth"), strict=True))
unseen = studio.draw_set(judged, seed + 1, betrayal, share=0.5)
rows = np.arange(judged)


def maps_of(model, drawn):
    """Relevancy maps (n, rows, columns) of scenes for the class that the model names."""
    return relevancy.explain(model, relevancy.prepare(model, [scene.image for scene in drawn])).maps

# %%
by_scene = {"41 kinds": background.relevance_by_zone(maps_of(wide, unseen), unseen)}
bar = 0.95 * skin_itself(unseen)
only = scoring.compare(by_scene["41 kinds"]["affected skin"], bar, rows)
course.claim("tutorial", "Analysis of Relevancy Maps",
             "Only the affected skin area should contribute to the classification. We observe that this is the case for the five images.",
             only, only.sentence("41 kinds", "95 % of the skin itself", "relevance inside", rows="scenes"), not_judged="drawn scenes")

# %%
holds = by_scene["41 kinds"]["affected skin"] >= bar
course.record("scenes_all_affected", holds.mean(), *scoring.wilson(holds.sum(), judged), note=f"{holds.sum()} of {judged} scenes")

# %% [markdown]
# ### The fourth image
#
# Of one image the tutorial says more: bumps on all the skin. “there is a small circle of warm colours on the background,
# but it is negligible.” Here are twelve scenes of bumps; *negligible* shall be one part in twenty.

# %%
bumpy = [studio.draw((seed + 3, number), "bumps") for number in range(12)]
behind = background.relevance_by_zone(maps_of(wide, bumpy), bumpy)["background"]
small = scoring.compare(behind, 0.05, range(12))
told = small.sentence("Twelve maps of bumps", "one in twenty", "relevance on the background", rows="scenes")
course.claim("tutorial", "Analysis of Relevancy Maps",
             "there is a small circle of warm colours on the background, but it is negligible",
             small, told, supports="lower", not_judged="drawn scenes")

# %%
most = scoring.compare(1 - behind, 0.5, range(12))
told = most.sentence("Twelve maps of bumps", "one half", "relevance on the skin", rows="scenes")
course.claim("tutorial", "Analysis of Relevancy Maps",
             "The important thing is that most of the attention is on the skin, which is the case.",
             most, told, not_judged="drawn scenes")

# %% [markdown]
# But the skin is large. **Is it more than the skin's share of the area, which a map that knows nothing would get?**

# %%
large = scoring.compare(1 - behind, [scene.skin.mean() for scene in bumpy], range(12))
print(large.sentence("Relevance", "area", "share on the skin", rows="scenes"))

# %% [markdown]
# ## 4. A model that must fail
#
# A complaint can occur before any of five backgrounds. Now take two more models that learn five complaints. For the
# *honest* one backgrounds are drawn at random. For the other one the background **betrays the complaint** in 95 of 100
# pictures: a plaque was photographed over a keyboard, a mole over paper. Clinics produce such data without meaning to: one
# device for each ward, one cloth for each photographer.

# %%
torch.manual_seed(seed)
pretrained.reset_classifier(5)
models = {}
for name, telling in {"honest": None, "betrayed": betrayal}.items():
    drawn = as_pictures(studio.draw_set(scenes, seed, telling))
    models[name], _ = finetune(pretrained, drawn, as_pictures(unseen[:5]), list(FIVE), blocks=2, epochs=5,
                               learning_rate=2e-3, seed=seed, progress=False)

# %% [markdown]
# Judge each, as most papers do, on unseen pictures like its own:

# %%
betrays = np.array([betrayal[scene.complaint] == scene.background for scene in unseen])
truth = np.array([scene.complaint for scene in unseen])
for name, like in (("honest", ~betrays), ("betrayed", betrays)):
    correct = np.array(list(FIVE))[predict(models[name], as_pictures(unseen).images).argmax(axis=1)] == truth
    print(course.record(f"accuracy_same_source_{name}", correct[like].mean(), *scoring.wilson(correct[like].sum(), like.sum()),
                        baseline=0.2, note=f"{like.sum()} drawn scenes; baseline: chance"))

# %% [markdown]
# A good number warns nobody. **Would the maps?** Look at five, then count.

# %%
ready = relevancy.prepare(pretrained, photographs)
both = {name: relevancy.explain(model, ready, classes=list(FIVE)) for name, model in models.items()}
zones = {name: background.relevance_by_zone(one.maps, five) for name, one in both.items()}
course.figure("two_models", figures.scenes(five, both, zones, "The honest model, and the model that was betrayed"))

# %% [markdown]
# ### Count all unseen scenes

# %%
by_scene |= {name: background.relevance_by_zone(maps_of(model, unseen), unseen) for name, model in models.items()}
area = pd.DataFrame([{name: zone.mean() for name, zone in scene.zones().items()} for scene in unseen])
shares = pd.DataFrame({name: table[list(area)].mean() for name, table in by_scene.items()}
                      | {"share of the area": area.mean()}).T
course.figure("zones", plots.stacked(shares, f"share of the positive relevance, mean of {judged} unseen scenes"))

# %%
for name in models:
    behind = by_scene[name]["background"]
    print(course.record(f"background_share_{name}", behind.mean(), *scoring.interval("mean", rows, behind),
                        baseline=area["background"].mean(), note=f"{judged} drawn scenes; baseline: share of the area"))
gap = scoring.compare(by_scene["betrayed"]["background"], by_scene["honest"]["background"], rows)
print(gap.sentence("The betrayed model", "the honest one", "relevance on the background", rows="scenes"))

# %% [markdown]
# ## 5. Ask the model, not the map
#
# Does the background decide? Take a scene that the model names rightly, and draw it again with **another
# background**. Nothing else changes, to the pixel. But any change of so many pixels might disturb a model. So there is a
# control that changes many, too, and tells nothing: a background of the **same kind, painted anew**, another keyboard,
# another sheet. At last **another complaint** on the same background.
#
# $$ \Delta = P(\text{answer kept} \mid \text{another background}) - P(\text{answer kept} \mid \text{painted anew}) $$
#
# Both are counted over the scenes that the model named rightly at first.

# %%
swaps = background.swaps_of(unseen, seed)
parts = ("scene", "painted_anew", "other_background", "other_complaint")
shown = {part.replace("_", "\n"): getattr(swaps[0], part).image for part in parts}
plots.show(pictures.gallery(list(shown.values()), list(shown), "One scene, and what is changed in it", width=3.6))

# %%
for part in parts[1:3]:
    changed = [(getattr(swap, part).image != swap.scene.image).any(axis=2).mean() for swap in swaps]
    print(f"{part}: {np.mean(changed):.0%} of the pixels change")

# %% [markdown]
# ### Exercise 4b.3 – read the answers
# Difficulty ●●○ · importance ●●● · 5 minutes
#
# A table has a row for each scene: the complaint that was drawn, "truth", and the names that a model gives: in the
# "scene", when it is "painted anew", and with the "other background". Write $\Delta$. If no answer was right at first, it is
# unknown: `np.nan`. **Expected:** one number from -1 to 1. Below 0, another background costs more right answers than fresh
# paint; at 0, both cost the same.
#
# <details><summary>Hint 1</summary>Which rows count?</details>
# <details><summary>Hint 2</summary>The mean of a comparison, <code>(one == other).mean()</code>, is a share.</details>

# %% tags=["exercise"]
def swap_effect(table):
    """A DataFrame of names, columns "truth", "scene", "painted anew" and "other background" -> the difference, float."""
    ### BEGIN SOLUTION
    right = table[table["scene"] == table["truth"]]
    anew = (right["painted anew"] == right["truth"]).mean()
    other = (right["other background"] == right["truth"]).mean()
    return other - anew
    ### END SOLUTION

# %% tags=["check"]
checks.swap_effect(swap_effect)

# %% [markdown] tags=["solution"]
# Only what was right can be kept or lost. What fresh paint costs is subtracted: it tells nothing about the complaint.

# %% [markdown]
# **Guess, for the betrayed model: of the answers that were right, how many survive each of the two?**

# %%
short = {kind: name for name, kind in FIVE.items()}
asked = {"41 kinds": background.ask(wide, swaps, [short.get(name, name) for name in names])}
asked |= {name: background.ask(model, swaps, list(FIVE)) for name, model in models.items()}
tables = {}
for name, table in asked.items():
    ends = pd.DataFrame(scoring.mean_intervals(rows, table.to_numpy()), list(table), ["low", "high"])
    tables[name] = ends.assign(value=table.mean(), enough=table.notna().sum() >= 10)
about = "share of the scenes (below the first: of those right at first)"
course.figure("swaps", plots.grouped(tables, about, "What the models answer when something is changed"))

# %%
kept = {}
for name, table in asked.items():
    kept[name] = one = scoring.compare(table["kept, other background"], table["kept, painted anew"], rows)
    print(one.sentence(f"{name}, another background", "one painted anew", "share of right answers kept", rows="scenes"))
    course.record(f"background_swap_{name.replace(' ', '_')}", one.value, baseline=one.reference,
                  note=f"{one.n} drawn scenes; baseline: painted anew")

# %% [markdown]
# And does a model follow the complaint?

# %%
for name, table in asked.items():
    follows = scoring.compare(table["named, other complaint"], 1 / 5, rows)
    print(follows.sentence(name, "one in five", "share that names the new complaint", rows="scenes"))

# %% [markdown]
# ### What the tutorial concludes
#
# Its last words are about the decision, so they are put to the transformer for 41 kinds. *Only* leaves the background
# nothing: right answers lost to it, $-\Delta > 0$, contradict. Less than *one in twenty* lost, $-\Delta < .05$, supports.

# %%
lost = asked["41 kinds"]["kept, painted anew"] - asked["41 kinds"]["kept, other background"]
some, few = (scoring.compare(lost, bar, rows) for bar in (0, 0.05))
decides = some if some.outcome == "higher" else few
told = [one.sentence("41 kinds", bar, "share of right answers lost to the background", rows="scenes")
        for one, bar in ((some, "none"), (few, "one in twenty"))]
course.claim("tutorial", "conclusion", "only the affected skin region contributes to the model decision",
             decides, " ".join(told), supports="lower", not_judged="drawn scenes")

# %% [markdown]
# To show a share below one in twenty takes many answers, even if none is lost:

# %%
needed = int(np.ceil(np.log(0.025) / np.log(0.95)))  # from here on 0.95 ** n is below 2.5 %
print(f"Right answers needed for support: {needed}. Here:", few.n, "" if few.n >= needed else "(raise `judged`)")

# %% [markdown]
# **Does a convincing map confirm?** Take the right answers of all three models whose maps reach the bar of section 3: inside
# at least 95 % of what the skin itself gets. If such a map *confirms*, hardly one answer in twenty is lost to the background.

# %%
together, scene_of = pd.concat(asked.values()), np.tile(rows, len(asked))
inside = pd.concat([by_scene[name]["affected skin"] for name in asked]).to_numpy()
lost = (together["kept, painted anew"] - together["kept, other background"]).to_numpy()
convincing = inside >= np.tile(bar, len(asked))
pd.Series(np.repeat(list(asked), judged))[convincing & ~np.isnan(lost)].value_counts()

# %%
confirms = scoring.compare(lost[convincing], 0.05, scene_of[convincing])
told = confirms.sentence("Answers with a convincing map", "one in twenty", "share lost to the background", rows="answers")
course.claim("tutorial", "Analysis of Relevancy Maps",
             "This confirms that the model is using the right information to make the decision.",
             confirms, f"{told} They come from {confirms.groups} scenes.", supports="lower", not_judged="drawn scenes")

# %% [markdown]
# ## 6. What we found
#
# Do the maps show affected skin alone, and do they tell how a model decides?

# %%
words = {"higher": "they lie on affected skin alone, as far as such cells can show",
         "lower": "they lie elsewhere, too, and more than such cells explain",
         "cannot tell": "whether they lie on affected skin alone cannot be told"}
print(f"Maps of 41 kinds: {words[only.outcome]} (inside {only.value:.2f}, asked for {only.reference:.2f}, {only.n} scenes).")
words = {"higher": "they point to the betrayed model", "lower": "they point to the wrong one, the honest model",
         "cannot tell": "they do not tell the betrayed from the honest model"}
print(f"Maps of two models: {words[gap.outcome]} ({gap.difference:+.2f} of the relevance on the background).")

# %%
words = {"higher": "keeps more answers, which nobody expected", "lower": "loses answers: the background takes part",
         "cannot tell": "shows no influence of the background, which does not prove that there is none"}
for name, one in kept.items():
    print(f"Asked: {name} {words[one.outcome]} ({one.value:.2f} kept against {one.reference:.2f}, {one.n} scenes).")

# %%
words = {"higher": "A convincing map does not confirm: more", "lower": "Here a convincing map went with a steady answer: less",
         "cannot tell": "Whether a convincing map confirms cannot be told: perhaps more, perhaps less"}
print(f"{words[confirms.outcome]} than one answer in twenty is lost to the background ({confirms.value:.2f} of {confirms.n}).")

# %% [markdown]
# ## 7. What this does *not* show
#
# - **Not how a model for 41 diseases behaves.** The kinds are drawings, and easy ones.
# - **Not what an honest model does that has learnt well.** Ours saw few scenes, and section 5 shows how many it names.
# - **Not that maps always find a shortcut.** This one was loud. Unit 03b plants another.
# - **Not what is right for skin of all colours.** Six tones are drawn, and redness on dark skin looks different in life.
# - **Nothing clinical.**
#
# ## Quiz

# %% tags=["quiz"]
told = {"higher": "point to the betrayed model", "lower": "point to the honest model",
        "cannot tell": "do not tell the two models apart"}
checks.Quiz({
    "grow_head leaves the logits of the old classes as they were. And their probabilities?": {
        "they stay, too": (False, "A probability is a share, and new classes take a part of it."),
        "they fall": (True, "Softmax divides by a sum that has more terms now, before anything is learnt."),
        "they are lost": (False, "The old rows are there. Only the sum below the fraction has grown."),
    },
    "A flat map knows nothing. How much of its relevance lies on the background?": {
        "the background's share of the area": (True, "So a share means something only beside the area."),
        "nothing": (False, "It lies everywhere, on the background as well."),
        "one third, for there are three zones": (False, "Zones differ in size, and each pixel has the same relevance."),
    },
    "Why is a background of the same kind painted anew?": {
        "to have more pictures": (False, "The number of scenes stays the same."),
        "to make the maps better": (False, "This test uses no map."),
        "to see what is lost to any change of many pixels": (True, "What another background costs beyond it is due to what it tells."),
    },
    "Another background costs .00 of the right answers beyond fresh paint; the interval is -.20 to +.20. What is shown?": {
        "the background takes no part": (False, "The interval holds a loss of one answer in five."),
        "neither that it takes part nor that it takes none": (True, "Too few scenes. Ask more."),
        "a map of this model lies on affected skin": (False, "No map was looked at."),
    },
    "In this run, shares of relevance on the background ...": {
        words: (outcome == gap.outcome, gap.sentence("The betrayed model", "the honest one", "relevance on the background", rows="scenes"))
        for outcome, words in told.items()
    },
})

# %% [markdown]
# ## Further reading
#
# - Chefer, Gur and Wolf, *Transformer interpretability beyond attention visualization*, CVPR 2021,
#   [arXiv:2012.09838](https://arxiv.org/abs/2012.09838).
# - Xiao et al., *Noise or signal: the role of image backgrounds in object recognition*, ICLR 2021,
#   [arXiv:2006.09994](https://arxiv.org/abs/2006.09994). Backgrounds swapped, on ImageNet.
# - Zech et al., *Variable generalization performance of a deep learning model to detect pneumonia in chest radiographs*,
#   PLOS Medicine 2018, [doi:10.1371/journal.pmed.1002683](https://doi.org/10.1371/journal.pmed.1002683). A hospital betrayed.
# - Geirhos et al., *Shortcut learning in deep neural networks*, 2020, [arXiv:2004.07780](https://arxiv.org/abs/2004.07780).
