# %% [markdown]
# # Captions for three views
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/05_vlm_captioning.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F05_vlm_captioning.ipynb) · 35 minutes · CPU is enough (1.4 GB)
#
# **What you will do** – take a vision-language model apart, write its caption word by word yourself, put the paper's
# three questions to three views of many lesions, and count how often the answers are true.
#
# **What you will learn** – how a picture enters a language model, why a fluent sentence is no evidence, and how to
# find out whether a caption depends on the picture at all.
#
# **What you need** – units 00 and 03 (heat-map, region); attention as a weighted mean.
#
# > **Claim.** The captions follow the picture: they state more true facts than their writer could guess.
# > **Control.** The same captions dealt out to other lesions, and captions of a blank picture, must fall to guessing.
# > Section 7 does both.

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
photographs = "demo"        # "demo" draws lesions; or a folder that holds HAM10000
images = 1200        # photographs to draw, 50 to 10000 (ignored for a folder)
seed = 0             # any whole number, 0 to 2000000000
backbone = "demo"    # "demo" or "imagenet": what the classifier is built on
checkpoint = "demo"  # "demo", a folder or a hub id with a T5 inside, such as "Salesforce/instructblip-flan-t5-xl"
captions = 200       # photographs to caption, 20 to 2000; the paper took 200

# %% [markdown]
# ## 1. From a photograph to three views
#
# The road so far: a classifier, a heat-map for the class it predicts, a box around the hot region. Nothing here is
# new; if it is, read unit 03 first.

# %%
from dermxai_helpers import course, data, files, gradcam, lexicon, plots, road, scoring, training
from dermxai_helpers.plots import language

course.check_parameters("05", globals())
folder = data.prepare(photographs, images=images, seed=seed)
table = data.load(folder)
parts = data.split(table, by="lesion", seed=seed)
classifier = training.train(table, parts, backbone=backbone, seed=seed, progress=False)

# %% [markdown]
# We caption photographs that the classifier has not trained on, drawn at random.

# %%
unseen = table[parts == "val"]
sample = unseen.sample(min(captions, len(unseen)), random_state=seed)
pictures = [data.open_image(path) for path in sample["image_path"]]
print(f"{len(sample)} photographs of {sample['lesion_id'].nunique()} lesions")
print(sample["dx"].value_counts().to_dict())

# %% [markdown]
# The paper cuts and dims every photograph by the heat-map. One function does it for all, eight at a time, because
# a network's inner activations for a hundred photographs would fill the memory.

# %%
views = road.views(classifier, pictures)  # cut where Grad-CAM found the evidence for the predicted class
{name: picture.shape for name, picture in views[0].items()}

# %% [markdown]
# Here is the whole road for the first photograph, the paper's Figure 3. Look at what connects its two halves. The
# classifier hands over **a box**: not a feature, not a score, not a reason. Whatever the captioner writes, it writes
# about a cut of the picture. Its sentence is a second opinion, not an explanation of the first.

# %%
from dermxai_helpers.captions import PROMPTS, VIEW_OF_PROMPT, Captioner

first = gradcam.explain(classifier.model, classifier.prepare(pictures[:1]))
overlay = first.overlay(pictures[0][None])[0]
shown = {"photograph": pictures[0], "heat-map": overlay, "region": views[0]["roi"]}
questions = {view: prompt for prompt, view in VIEW_OF_PROMPT.items()}
course.figure("figure_3", language.pipeline(shown, questions))

# %% [markdown]
# ## 2. How a picture enters a language model
#
# A language model reads vectors, one for each word. So a picture must become a few vectors that look like words.
# InstructBLIP does it with three networks in a row:
#
# 1. a **vision encoder** cuts the picture into patches and turns each into a vector, a *token*;
# 2. a **Q-Former** holds a fixed number of learnt questions, *queries*, that collect what they need from the tokens –
#    and it reads your prompt meanwhile, so that it collects what you asked for;
# 3. a **language model** receives the collected vectors in front of the prompt and writes on.
#
# The demo captioner has all three, from the same program as the large checkpoints, with a two-thousandth of the
# numbers. One call loads either.

# %%
captioner = Captioner(checkpoint)
model, processor = captioner.model, captioner.processor
sizes = {name: sum(weight.numel() for weight in part.parameters()) for name, part in model.named_children()}
print(captioner.note)
sizes

# %%
import torch

inputs = processor(images=[views[0]["roi"]], text=[PROMPTS["roi"]], return_tensors="pt")
inputs = inputs.to(captioner.device, model.dtype)
{name: tuple(tensor.shape) for name, tensor in inputs.items()}

# %% [markdown]
# Two texts go in, from two tokenizers: one for the Q-Former, one for the language model. The second begins with
# placeholders, `<image>`, where the picture's vectors will be put.

# %%
print(processor.tokenizer.decode(inputs["input_ids"][0])[:130], "…")

# %% [markdown]
# **Step 1, the vision encoder.** One token for each patch of 16 × 16 pixels, and one for the whole.

# %%
with torch.no_grad():
    tokens = model.vision_model(pixel_values=inputs["pixel_values"]).last_hidden_state
tokens.shape  # (pictures, 1 + patches, width)

# %% [markdown]
# **Step 2, the queries collect.** Every query compares itself with every token and takes a weighted mean of them:
#
# $$ \mathrm{collected} = \operatorname{softmax}\!\Big(\frac{(Q W_q)(T W_k)^\top}{\sqrt{d}}\Big)\, T W_v
# \qquad Q \in \mathbb{R}^{q \times w},\; T \in \mathbb{R}^{t \times w'} $$
#
# with $q$ queries of width $w$, $t$ tokens of width $w'$, and $d$ numbers in each attention head. Five lines:

# %%
layer = model.qformer.encoder.layer[0].crossattention.attention
heads = (layer.num_attention_heads, layer.attention_head_size)
asked, keys, values = (
    linear(what).unflatten(-1, heads).transpose(1, 2)
    for linear, what in ((layer.query, model.query_tokens), (layer.key, tokens), (layer.value, tokens))
)
weights = (asked @ keys.transpose(-1, -2) / heads[1] ** 0.5).softmax(dim=-1)
collected = (weights @ values).transpose(1, 2).flatten(2)
collected.shape  # (pictures, queries, width)

# %%
library = layer(model.query_tokens, encoder_hidden_states=tokens)[0]
print("equal to the library's layer:", torch.allclose(collected, library, atol=1e-3))

# %% [markdown]
# The whole Q-Former repeats this, with the prompt's words beside the queries, and a last linear layer brings the result
# to the language model's width. What comes out stands in a sentence like words, but is no word of any vocabulary.

# %%
with torch.no_grad():
    queries = model.query_tokens.expand(1, -1, -1)
    everything = torch.ones(1, queries.shape[1] + inputs["qformer_input_ids"].shape[1], dtype=torch.long)
    answers = model.qformer(inputs["qformer_input_ids"], everything.to(captioner.device), query_embeds=queries,
                            encoder_hidden_states=tokens).last_hidden_state
    picture_words = model.language_projection(answers[:, : queries.shape[1]])
picture_words.shape

# %%
with torch.no_grad():
    names = ("pixel_values", "qformer_input_ids", "qformer_attention_mask")
    library = model.get_image_features(**{name: inputs[name] for name in names}).pooler_output
print("equal to the library:", torch.allclose(picture_words, library, atol=1e-3))

# %% [markdown]
# ## 3. One word at a time
#
# The language model gives every word of its vocabulary a probability of being next. *Greedy* writing takes the most
# probable, appends it, and asks again, until the end mark comes. That is all there is to it.

# %%
@torch.no_grad()
def write(embeddings, longest=96):
    """Greedy writing: the token ids and the probability of each when it was chosen."""
    settings = model.config.text_config
    written, certainty = [settings.decoder_start_token_id], []
    while written[-1] != settings.eos_token_id and len(written) <= longest:
        so_far = torch.tensor([written], device=embeddings.device)
        logits = model.language_model(inputs_embeds=embeddings, decoder_input_ids=so_far).logits
        best = logits[0, -1].float().softmax(dim=-1).max(dim=-1)
        written.append(int(best.indices))
        certainty.append(float(best.values))
    return written[1:], certainty


# %%
embeddings = model.get_input_embeddings()(inputs["input_ids"]).detach()
embeddings[inputs["input_ids"] == model.config.image_token_index] = picture_words[0]
written, certainty = write(embeddings)
sentence = processor.tokenizer.decode(written, skip_special_tokens=True).strip()
sentence

# %%
said = captioner.caption([views[0]["roi"]], PROMPTS["roi"], progress=False)[0]
print("equal to the helper:", sentence == said)

# %% [markdown]
# (An encoder-decoder model such as T5 writes only its answer. A decoder-only one repeats your prompt first, and unit
# 06 shows what that does to a word count.)
#
# A printed sentence sounds equally sure of every word. The probabilities tell them apart: these are the words at which
# the writer hesitated.

# %%
for token, probability in zip(written, certainty, strict=True):
    if probability < 0.9:
        print(f"{processor.tokenizer.decode([token]).strip():12} {probability:.2f}")

# %% [markdown]
# **Before you read on:** which kinds of words are missing from this list, and which are on it? Grammar costs a language
# model nothing. Facts do, and greedy writing hides the doubt.
#
# ## 4. Three questions
#
# The paper's prompts, letter by letter:

# %%
import textwrap

for name, prompt in PROMPTS.items():
    print(f"{name.upper()}\n{textwrap.indent(textwrap.fill(prompt, 90), '   ')}")

# %% [markdown]
# Read them as an examiner reads exam questions. Can a photograph answer?
#
# | asked for | can it be seen? | what the demo captioner was taught |
# |---|---|---|
# | symmetry, border, colour | yes | to state it |
# | dots, streaks, network | yes, in dermoscopy | to state each, present or not |
# | flat or raised | no: one picture has no depth | never to state it |
# | scaly or smooth | rarely | "fissured" or "smooth", from one drawn structure |
# | diameter in millimetres | only beside a scale – and the crop cuts the scale off | to say that no scale is visible |
#
# A model that is asked for what it cannot see may refuse or invent. A large model trained to please tends to invent. So
# a refusal is counted as a good answer here, and the texture words are not scored at all: a drawing has no relief, and
# the truth behind them would be a convention.
#
# ## 5. Three views, three answers
#
# Each view goes with its own question. Finished captions are kept in a file, one line each, found again by a hash of
# picture, prompt and checkpoint: an hour of captioning on a GPU should survive a crash.

# %%
kept = files.cache_folder() / "captions.jsonl"
spoken = {}
for view, prompt in questions.items():
    columns = [{"image_id": name, "view": view} for name in sample["image_id"]]
    spoken[view] = captioner.caption([every[view] for every in views], PROMPTS[prompt], file=kept, about=columns)

# %% [markdown]
# The paper's Figure 4 shows captions of two images. Here are three lesions of yours, one of each class.

# %%
chosen = [sample["dx"].tolist().index(dx) for dx in data.CLASSES if dx in set(sample["dx"])]
named = sample["dx"].map(data.CLASS_NAMES).tolist()
rows = [{f"{named[i]} · {view}": (views[i][view], spoken[view][i]) for view in questions} for i in chosen]
course.figure("figure_4", plots.cards(rows, captioner.note))

# %% [markdown]
# What changes an answer, the view or the question? All nine pairs for one lesion: down a column only the picture
# changes, along a row only the prompt.

# %%
pairs = [(view, prompt) for view in questions for prompt in PROMPTS]
nine = captioner.caption([views[0][view] for view, _ in pairs], [PROMPTS[name] for _, name in pairs], progress=False)
for (view, prompt), answer in zip(pairs, nine, strict=True):
    print(f"{view:9} {prompt:8} {answer}")

# %% [markdown]
# The **form** follows the prompt. Is that understanding? The demo captioner knows three prompts and learnt one form for
# each; it would answer a fourth with one of the three. Form is easy to check and easy to learn, so check it and then
# stop being impressed by it: one sentence, no diagnosis, and a refusal where the ruler is gone.

# %%
every_sentence = [sentence for sentences in spoken.values() for sentence in sentences]
single = [sentence.count(".") == 1 and sentence.endswith(".") for sentence in every_sentence]
diagnosis = [any(word in sentence.lower() for word in ("melanoma", "nevus", "mole", "cancer", "keratosis"))
             for sentence in every_sentence]
course.record("share_in_form", sum(single) / len(single), note="captions of exactly one sentence")

# %%
course.record("share_with_diagnosis", sum(diagnosis) / len(diagnosis), note="the prompts forbid it")

# %%
refused = sum("no scale" in sentence for sentence in spoken["roi"]) / len(sample)
course.record("share_refusing_diameter", refused, note="of the ROI captions")

# %% [markdown]
# ## 6. Is it true?
#
# Now the facts. A caption's fact has a *slot* (network), a *value* (typical) and a *polarity* (present or absent).
# `lexicon.parse` reads them clause by clause; unit 06 compares that with counting words.

# %% tags=["nbval-check-output"]
for sentence in ("A symmetric lesion with an atypical network, no dots and a blue-white veil.", "A brown lesion."):
    print(lexicon.parse(sentence))

# %% [markdown]
# Symmetry, border and colours we read from the GLOBAL captions, whose picture is whole; the structures from the FOCUSED
# captions, whose prompt asks for them. Where a caption stays silent we count "none". The drawings know the true values.
# For photographs nobody wrote them down, and then this section can only say so.

# %%
import pandas as pd

truth = data.truth(folder)
shared = ["symmetry", "border_shape", "colour_count"]  # all three prompts ask for these
slots = [*shared, "network", "dots_globules", "streaks", "blue_white_veil", "regression", "milia", "comedo"]
if truth is None:
    print("These are photographs: no table of true attributes exists, so captions can be read but not marked.")

# %%
from dermxai_helpers.lexicon import facts


def slot_values(known):
    """One value for each slot; "none" for what is absent or not stated. Two colours are "many": so the prompts ask."""
    known = {slot: ("any", "absent") for slot in slots} | known
    there = {slot: known[slot][0] if known[slot][1] == "present" else "none" for slot in slots}
    return there | {"colour_count": "many" if there["colour_count"] == "two" else there["colour_count"]}


def stated(sentence):
    """What a sentence says."""
    return slot_values(lexicon.parse(sentence))


def true_values(row):
    """What the drawing has."""
    return slot_values(facts.true_facts(row))


# %%
readings = {view: pd.DataFrame([stated(sentence) for sentence in spoken[view]])[slots] for view in questions}
said = readings["focused"].assign(**readings["original"][shared])
if truth is not None:
    known = truth.set_index("image_id").loc[sample["image_id"]]
    known = pd.DataFrame([true_values(row) for _, row in known.iterrows()])[slots]
    right = said == known
    print(right.mean().round(3).to_string())

# %% [markdown]
# Impressive? Look at `comedo`. Most lesions have no comedo openings, so "none" is nearly always true, and a captioner
# that never mentions them is nearly always right. **A share of true statements means nothing before you know what
# guessing would give.**
#
# ## 7. The control: captions without eyes
#
# Three guessers, none of which sees the lesion it is marked on:
#
# - **majority**: for each slot the commonest value among the training lesions;
# - **shuffled**: the very same captions, dealt out at random to other lesions – same words, same frequencies;
# - **blank**: the caption of a plain grey picture, used for everybody.

# %%
import numpy as np

rng = np.random.default_rng(seed)
blank = np.full((224, 224, 3), 128, np.uint8)
blank_global, blank_focused = captioner.caption([blank] * 2, [PROMPTS["global"], PROMPTS["focused"]], progress=False)
blank_says = stated(blank_focused) | {slot: stated(blank_global)[slot] for slot in shared}
print(blank_global, blank_focused, sep="\n")

# %%
def guessers(known):
    """Share of true values that each blind guesser reaches, per slot."""
    training = truth[truth["image_id"].isin(table["image_id"][parts == "train"])]
    common = pd.DataFrame([true_values(row) for _, row in training.iterrows()])[slots].mode().iloc[0]
    deals = [(said.to_numpy()[rng.permutation(len(said))] == known.to_numpy()).mean(axis=0) for _ in range(200)]
    return {"majority": (known == common).mean(), "shuffled": np.mean(deals, axis=0),
            "blank": (known == blank_says).mean()}


# %%
if truth is not None:
    intervals = [scoring.interval("mean", sample["lesion_id"], right[slot].to_numpy(float), seed=seed) for slot in slots]
    scores = pd.DataFrame({"accuracy": right.mean()} | guessers(known), index=slots)
    scores[["low", "high"]] = intervals
    print(scores[["accuracy", "low", "high", "majority", "shuffled", "blank"]].round(3).to_string())

# %%
if truth is not None:
    note = f"{len(sample)} lesions, {captioner.note}"
    shown = scores[["accuracy", "low", "high", "majority", "shuffled", "blank"]].rename(columns={
        "accuracy": "captions", "majority": "always the commonest value", "shuffled": "captions shuffled",
        "blank": "caption of a blank picture"})
    course.figure("attribute_scores", plots.beside_controls(shown, "share of captions that state the true value", note))

# %% [markdown]
# Read the figure in pairs. A dot right of its crosses says that the captions know something about *this* lesion. A dot
# right of its black bar says that they know more than the class frequencies. An interval that covers the bar says
# neither. The intervals resample lesions, not photographs: two photographs of one lesion are not two witnesses.

# %%
if truth is not None:
    clear = scores.index[scores["low"] > scores["majority"]].tolist()
    print("clearly above the commonest value:", ", ".join(clear) or "none")
    print("not shown to be above it:", ", ".join(slot for slot in slots if slot not in clear) or "none")

# %%
records = []
if truth is not None:
    for slot, row in scores.iterrows():
        records.append(course.record(f"accuracy_{slot}", row["accuracy"], row["low"], row["high"], row["majority"]))
    records.append(course.record("attributes_above_majority", len(clear), note=f"of {len(slots)}"))
records

# %% [markdown]
# Rare facts hide in such shares. For each slot, take the mean of the shares *within* each true value: now silence about
# a rare structure earns nothing, and a guesser that always says the same gets one divided by the number of values.

# %%
def balanced(said):
    """Mean over a slot's true values of the share of true statements, per slot."""
    right = said == known[said.columns]
    return pd.Series({slot: right[slot].groupby(known[slot]).mean().mean() for slot in said.columns})


# %%
if truth is not None:
    print(pd.DataFrame({"balanced": balanced(said), "always the same": 1 / known.nunique()}).round(3).to_string())

# %% [markdown]
# ### Which view knows?
#
# All three prompts ask for symmetry, border and colours, each with its own picture. Before you run the cell: which of
# the three facts can a crop still show? Which can a picture show whose surroundings are dimmed?

# %%
if truth is not None:
    by_view = {view: balanced(readings[view][shared]) for view in questions}
    print(pd.DataFrame(by_view | {"always the same": 1 / known[shared].nunique()}).round(3).to_string())

# %% [markdown]
# A border is where the lesion ends. A box around the hottest part of a 7 × 7 map cuts through it, dimming blackens what
# lies outside, and yet both prompts ask for it. The paper runs its last experiment on the ROI captions.
#
# ### And a picture that shows no skin?
#
# The prompts ask *how* the lesion looks, never *whether* there is one. What comes back for noise, for a chessboard, for
# black?

# %%
chess = (np.indices((224, 224)) // 28).sum(axis=0) % 2 * 255
strange = {
    "noise": rng.integers(0, 256, (224, 224, 3), dtype=np.uint8),
    "chessboard": np.repeat(chess[..., None], 3, axis=2).astype(np.uint8),
    "black": np.zeros((224, 224, 3), np.uint8),
}
for name, sentence in zip(strange, captioner.caption(list(strange.values()), PROMPTS["roi"], progress=False), strict=True):
    print(f"{name:10} {sentence}")

# %% [markdown]
# The captioner has never seen a sentence that declines, so it has no way to decline. A fluent description of a
# chessboard's border is the clearest warning this unit has to offer.
#
# ## 8. Three witnesses
#
# Without truth, one check remains: do the three views of one lesion get the same facts? Agreement is no proof – three
# witnesses can repeat one prejudice – so it needs its own baseline: the agreement of captions dealt out at random.

# %%
witnesses = [readings[view][shared].to_numpy() for view in questions]


def agreement(one, two, three):
    """Share of lesions on which all three captions agree, per slot."""
    return ((one == two) & (two == three)).mean(axis=0)


# %%
deals = [agreement(*(rng.permutation(witness) for witness in witnesses)) for _ in range(200)]
agree = pd.DataFrame({"agree": agreement(*witnesses), "dealt at random": np.mean(deals, axis=0)}, index=shared)
agree.round(3)

# %%
course.record("agreement_of_views", agree["agree"].mean(), baseline=agree["dealt at random"].mean(),
              note="mean over symmetry, border and colours; the baseline shuffles lesions")

# %% [markdown]
# Note what lowers it: the three pictures differ. A crop may cut the border off, and then a different answer about the
# border is the better one.
#
# ## 9. What this does *not* show
#
# - **Nothing about InstructBLIP's own captions**, unless you set `checkpoint` to one of its ids. The demo captioner
#   shares its program, not its knowledge; it was trained on drawn lesions and knows no other word.
# - **Nothing about photographs when the demo captioner describes them.** Its sentences about HAM10000 keep their form.
#   Form is what section 5 told you not to trust.
# - **Not why the classifier decided.** Only a box passed from one to the other.
# - **Not that a true caption was read off the lesion.** Attributes go together: a captioner that sees a veil may *infer*
#   an irregular border. Changing one attribute in the drawing and nothing else tells the two apart: unit 06b does.
# - **Nothing about texture and depth**, which were asked for and are not in the picture.
#
# ## 10. Further reading
#
# - Dai et al. (2023), *InstructBLIP: Towards general-purpose vision-language models with instruction tuning*,
#   arXiv:2305.06500. The Q-Former that reads the prompt.
# - Li et al. (2023), *BLIP-2*, arXiv:2301.12597. Where queries in front of a frozen language model come from.
# - Rohrbach et al. (2018), *Object hallucination in image captioning*, arXiv:1809.02156. Counting what is said but not
#   there.
# - Kim et al. (2024), *Transparent medical image AI via an image-text foundation model grounded in medical literature*
#   (MONET), doi:10.1038/s41591-024-02887-x. Scores for concepts instead of free sentences.
# - Yu et al. (2023), *Evaluating progress in automatic chest X-ray radiology report generation*,
#   doi:10.1016/j.patter.2023.100802. Why word overlap is a poor judge of a report.
