# %% [markdown]
# # Captions for three views
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/v0.2.0/notebooks/05_vlm_captioning.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/v0.2.0?labpath=notebooks%2F05_vlm_captioning.ipynb) · 73 minutes · CPU is enough (1.4 GB)
#
# **What you will do** – take a vision-language model apart, write its caption word by word, put the paper's three
# questions to three views of many lesions, and count how often the answers are true.
#
# **What you will learn** – how a picture enters a language model, and how to find out whether a caption depends on the
# picture at all.
#
# **What you need** – units 00 and 03 (heat-map, region); attention as a weighted mean.
#
# > **Claim.** The captions follow the picture: they state more true facts than their writer could guess.
# > **Control.** The same captions shuffled among the photographs, the caption of a blank picture, and the commonest
# > value. None of them sees the lesion (section 6).

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
photographs = "demo"        # "demo" draws lesions; or a folder that holds HAM10000
images = 1200        # photographs to draw, 50 to 10000 (ignored for a folder)
seed = 0             # any whole number, 0 to 2000000000
backbone = "demo"    # "demo" or "imagenet": what the classifier is built on
checkpoint = "demo"  # "demo", a folder or a hub id with a T5 inside, such as "Salesforce/instructblip-flan-t5-xl"
captions = 200       # photographs to caption, 20 to 2000; the paper took 200

# %% [markdown]
# ## 1. From a photograph to three views
#
# The road so far: a classifier, a heat-map for the class it predicts, a region around the hottest part (unit 03).

# %%
from dermxai_helpers import course, data, files, lexicon, plots, road, scoring, training

course.check_parameters("05", globals())
folder = data.prepare(photographs, images=images, seed=seed)
table = data.load(folder)
parts = data.split(table, by="lesion", seed=seed)
classifier = training.train(table, parts, backbone=backbone, seed=seed, progress=False)

# %% [markdown]
# We caption photographs, drawn at random, that the classifier has not trained on.

# %%
unseen = table[parts == "val"]
sample = unseen.sample(min(captions, len(unseen)), random_state=seed)
pictures, lesions = [data.open_image(path) for path in sample["image_path"]], sample["lesion_id"]
print(f"{len(sample)} photographs of {lesions.nunique()} lesions: {sample['dx'].value_counts().to_dict()}")

# %% [markdown]
# **Guess first:** what does the classifier hand over to the captioner? A feature, a score, a reason?

# %%
views = road.views(classifier, pictures)  # cut and dimmed where Grad-CAM found evidence for the predicted class
{name: picture.shape for name, picture in views[0].items()}

# %% [markdown]
# Only a place: a box for the ROI view (`roi`), an outline for the FOCUSED view. The GLOBAL view (`original`) does not
# even have that. Whatever the captioner writes is a second opinion, not an explanation of the first. Here is the whole
# road, the paper's Figure 3.

# %%
from dermxai_helpers.captions import PROMPTS, VIEW_OF_PROMPT, Captioner
from dermxai_helpers.plots import captions as figures

captioner, kept = Captioner(checkpoint), files.cache_folder() / "captions.jsonl"  # the file survives a crash
said = {prompt: captioner.caption([one[view] for one in views], PROMPTS[prompt], file=kept)
        for prompt, view in VIEW_OF_PROMPT.items()}

# %%
shown = {"photograph": pictures[0], "heat-map": road.explain(classifier, pictures[:1]).overlay(pictures[0][None])[0],
         "region": views[0]["roi"], "captioner": views[0]["focused"]}
course.figure("figure_3", figures.pipeline(shown, {name: one[0] for name, one in said.items()}, captioner.note))

# %% [markdown]
# ## 2. How a picture enters a language model
#
# A language model reads vectors, one for each word. So a picture must become a few vectors that look like words.
# InstructBLIP does it with three networks in a row:
#
# 1. a **vision encoder** turns each patch of the picture into a vector, a *token*;
# 2. a **Q-Former** holds a few learnt vectors, *queries*. They first meet the words of your prompt, then collect from
#    the tokens what the prompt asks for;
# 3. a **language model** receives the collected vectors in front of the prompt and writes on.
#
# Step 2 by hand: two queries, a prompt of two words, a picture of three tokens, and vectors of four numbers, *asked
# for*, *rim*, *dots*, *skin*.

# %%
import torch

queries = torch.tensor([[1, 0.5, 0.5, 0], [0, 0, 0, 1]])  # the first wants rim and dots alike, the second the skin
words = {"describe": [0, 1.0, 1, 0], "border": [1.0, 1, 0, 0], "dots": [1.0, 0, 1, 0]}
tokens = torch.tensor([[0, 1.0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])  # of the rim, the dots, the skin

# %% [markdown]
# **Layer norm** takes a vector's mean $\mu$ away and divides by its spread $\sigma$. **Attention** gives
# every row that asks a weighted mean of the rows that answer.
#
# $$ \operatorname{norm}(x) = \frac{x - \mu}{\sigma} \qquad
# \operatorname{attend}(Q, T) = \operatorname{softmax}\!\Big(\frac{(Q W_q)(T W_k)^\top}{\sqrt{d}}\Big)\, T W_v $$
#
# with asking rows $Q$, answering rows $T$, learnt matrices $W_q, W_k, W_v$, and $d$ numbers in each *head*, a part of
# the vector that attends on its own.

# %% [markdown]
# ### Exercise 5.1 – what one query collects
# Difficulty ●●○ · importance ●●● · 5 minutes
#
# Write *attend* for one row that asks and one head, so that $d$ is the length of $Q W_q$. **Expected:** one vector, a weighted
# mean of the rows of $T W_v$. It stays the same if the tokens come in another order.
#
# <details><summary>Hint 1</summary>First the scores: one number for each token.</details>
# <details><summary>Hint 2</summary>The softmax runs over the tokens.</details>

# %%
from dermxai_helpers import checks


# %% tags=["exercise"]
def collected_by(query, tokens, w_query, w_key, w_value):
    """A query, float tensor (a,), n tokens, (n, b), and matrices (a, d), (b, d), (b, v) -> what is collected, (v,)."""
    ### BEGIN SOLUTION
    asked, keys = query @ w_query, tokens @ w_key
    weights = (keys @ asked / len(asked) ** 0.5).softmax(dim=0)
    return weights @ (tokens @ w_value)
    ### END SOLUTION

# %% tags=["check"]
checks.one_query(collected_by)

# %% [markdown] tags=["solution"]
# Query and keys give one weight for each token; the values say what is taken from it.

# %%
def norm(rows):  # real layers then apply a learnt scale and shift
    return (rows - rows.mean(-1, keepdim=True)) / rows.std(-1, correction=0, keepdim=True)


def attend(asking, answering, query, key, value, heads=1):  # what is collected, and the weights of each head
    q, k, v = (linear(rows).unflatten(-1, (heads, -1)).transpose(-3, -2)
               for linear, rows in ((query, asking), (key, answering), (value, answering)))
    weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)
    return (weights @ v).transpose(-3, -2).flatten(-2), weights

# %% [markdown]
# One layer of a Q-Former: norm; *self-attention*, in which queries and words are one list, so that a query can take
# from a word; add and norm; *cross-attention*, in which only the queries go on and ask the picture. Our matrices change
# nothing, except that one makes the last step three times as sharp.

# %%
same = torch.nn.Identity()


def collect(prompt):  # the weights of both steps
    start = norm(torch.cat([queries, torch.tensor([words[word] for word in prompt.split()])]))
    taken, own = attend(start, start, same, same, same)
    _, cross = attend(3 * norm(start + taken)[:2], norm(tokens), same, same, same)
    return own[0, :2].numpy(), cross[0].numpy()

# %% [markdown]
# **Guess first:** we change one word of the prompt, "border" to "dots". The picture stays. Which query collects
# something else?

# %%
both = {prompt: collect(prompt) for prompt in ("describe border", "describe dots")}
plots.show(figures.qformer(both, ["query 1", "query 2"], ["rim", "dots", "skin"]))

# %%
one, other = (cross for _, cross in both.values())
changes = abs(one - other).max(axis=1)
print(f"Query {changes.argmax() + 1} collects something else: the largest change of a weight is, by query, {changes.round(2)}.")

# %% [markdown]
# So the prompt decides what a query looks for in the same picture. This is what *Instruct* adds to BLIP-2, whose
# queries never see the prompt. Now the real layer: the same `attend`, with learnt matrices.

# %%
model, processor = captioner.model, captioner.processor
count = model.config.num_query_tokens
print(f"{count} queries here, 32 in InstructBLIP")
inputs = processor(images=[views[0]["roi"]], text=[PROMPTS["roi"]], return_tensors="pt")
inputs = inputs.to(captioner.device, model.dtype)

# %%
seen = model.vision_model(pixel_values=inputs["pixel_values"]).last_hidden_state  # (pictures, 1 + patches, width)
start = model.qformer.embeddings(inputs["qformer_input_ids"], query_embeds=model.query_tokens)  # normed
layer = model.qformer.encoder.layer[0]


# %%
def step(part, asking, answering):  # attention, one more linear layer, add what came in, norm
    at = part.attention
    taken, _ = attend(asking, answering, at.query, at.key, at.value, at.num_attention_heads)
    return part.output.LayerNorm(asking + part.output.dense(taken))


collected = step(layer.crossattention, step(layer.attention, start, start)[:, :count], seen)

# %%
library = layer.crossattention(layer.attention(start)[:, :count], encoder_hidden_states=seen)
print("equal to the library's layer:", torch.allclose(collected, library, atol=1e-3))

# %% [markdown]
# The Q-Former repeats this, with two further layers on each vector, and a linear layer brings the queries to the
# language model's width. What comes out stands in a sentence like words, but is no word of any vocabulary.

# %%
names = ("pixel_values", "qformer_input_ids", "qformer_attention_mask")
picture_words = model.get_image_features(**{name: inputs[name] for name in names}).pooler_output.detach()
picture_words.shape  # (pictures, queries, width of the language model)

# %% [markdown]
# ## 3. One word at a time
#
# The prompt begins with placeholders, `<image>`, for the picture's vectors. The language model gives every word of its
# vocabulary a probability of being next. *Greedy* writing takes the most probable, appends it, and asks again, until
# the end mark comes.

# %%
embeddings = model.get_input_embeddings()(inputs["input_ids"]).detach()
embeddings[inputs["input_ids"] == model.config.image_token_index] = picture_words[0]
settings = model.config.text_config
written = [settings.decoder_start_token_id]

# %%
while written[-1] != settings.eos_token_id and len(written) <= 96:
    so_far = torch.tensor([written], device=captioner.device)
    with torch.no_grad():
        logits = model.language_model(inputs_embeds=embeddings, decoder_input_ids=so_far).logits
    written.append(int(logits[0, -1].argmax()))

# %%
sentence = processor.tokenizer.decode(written, skip_special_tokens=True).strip()
print(f"equal to the helper: {sentence == said['roi'][0]}\n{sentence}")

# %% [markdown]
# ### Exercise 5.2 – the echo
# Difficulty ●○○ · importance ●●● · 5 minutes
#
# A T5 writes its answer and no more. A *decoder-only* model goes on where the prompt ends, and many programs give both back:
# the whole prompt in front, an *echo*, then the caption. The GLOBAL prompt names "asymmetric" and "irregular": an echo would
# be counted as facts. The function below serves one kind of model and spoils the captions of the other. Mend it.
# **Expected:** from an echo and a caption, the caption; a caption without an echo stays as it is, word for word.
#
# <details><summary>Hint 1</summary>How can you see that there is an echo?</details>
# <details><summary>Hint 2</summary>A part of a list, <code>written[:3]</code>, can be compared with a list.</details>

# %% tags=["exercise"]
def caption_alone(written, prompt):
    """What a model gives back, a list of words, and the prompt's words, a list -> the caption's words, a list."""
    ### BEGIN SOLUTION
    if written[:len(prompt)] == prompt:
        return written[len(prompt):]
    return written
    ### END SOLUTION
    ### BEGIN STUB
    # return written[len(prompt):]
    ### END STUB

# %% tags=["check"]
checks.without_echo(caption_alone)

# %% [markdown] tags=["solution"]
# Cut only what is the whole prompt. A caption that shares words with it, even the first ones, is no echo.

# %% [markdown]
# A printed sentence sounds equally sure of every word. To see the doubt, we read how probable the writer found each word
# of forty of its own captions.
#
# **Guess first:** is it less sure of words that state a fact than of the other words?

# %%
few, answers = [view["roi"] for view in views[:40]], said["roi"][:40]
asked = processor(images=few, text=[PROMPTS["roi"]] * len(few), return_tensors="pt").to(captioner.device, model.dtype)
given = processor.tokenizer(answers, padding=True, return_tensors="pt", return_offsets_mapping=True)
places, labels = given["offset_mapping"].tolist(), given["input_ids"].to(captioner.device)

# %%
with torch.no_grad():
    chances = model(**asked, labels=labels).logits.float().softmax(dim=-1).gather(-1, labels[..., None])[..., 0]

# %%
import pandas as pd

from dermxai_helpers.lexicon.parsing import mentions

rows = [(number, answer[start:end], chance, any(start < one.end and one.start < end for one in mentions(answer)))
        for number, (answer, place, row) in enumerate(zip(answers, places, chances.tolist(), strict=True))
        for (start, end), chance in zip(place, row, strict=True) if end > start]  # padding has no place
rows = pd.DataFrame(rows, columns=["photograph", "word", "chance", "fact"])
print(rows[(rows["photograph"] == 0) & (rows["chance"] < 0.9)].round(2).to_string(index=False))

# %%
sure = rows.pivot_table("chance", "photograph", "fact").reindex(range(len(few)))
answer = scoring.compare(sure[True], sure[False], lesions[:40], seed=seed)
print(answer.sentence("Words that state a fact", "the other words", "the writer's probability"))

# %% [markdown]
# Doubt can also sit one word before the fact: after "an" no "regular" can follow. Greedy writing hides it all.
#
# ## 4. Three questions
#
# The paper's prompts, letter by letter:

# %%
for name, prompt in PROMPTS.items():
    print(f"{name.upper()}: {prompt}\n")

# %% [markdown]
# Can a photograph answer them?
#
# | asked for | can it be seen? |
# |---|---|
# | symmetry, border, colour | yes |
# | dots, streaks, network | yes, in dermoscopy |
# | flat or raised | no: one picture has no depth |
# | scaly or smooth | rarely |
# | diameter in millimetres | only beside a scale, which the crop may cut off |
#
# Who is asked for what cannot be seen may refuse or invent. A refusal is a good answer here (the demo captioner was
# taught it for the diameter); texture is not scored.

# %% [markdown]
# ## 5. Is it true?
#
# A caption's fact has a *slot* (network), a *value* (typical) and a *polarity* (present or absent). `lexicon.parse`
# reads them clause by clause (unit 06).

# %% tags=["nbval-check-output"]
for sentence in ("A symmetric lesion with an atypical network, no dots and a blue-white veil.", "A brown lesion."):
    print(lexicon.parse(sentence))

# %% [markdown]
# The drawings know the true values. For photographs nobody wrote them down: then the cells below say so.

# %%
from dermxai_helpers.lexicon import facts

truth, true = data.truth(folder), [{}] * len(sample)
why = "These are photographs: no table of true attributes exists, so captions can be read but not marked."
if truth is not None:
    truth = truth.set_index("image_id")
    true = [facts.true_facts(truth.loc[name]) for name in sample["image_id"]]
print(why if truth is None else true[0])

# %% [markdown]
# The paper's Figure 4, with one lesion of each class, ✓ behind each true fact and ✗ behind each false one. What has no
# mark is not judged.

# %%
shared = ["symmetry", "border_shape", "colour_count"]  # all three prompts ask for these
slots = [*shared, "network", "dots_globules", "streaks", "blue_white_veil", "regression", "milia", "comedo"]

# %%
chosen = [sample["dx"].tolist().index(dx) for dx in data.CLASSES if dx in set(sample["dx"])]
cards = [{f"{sample['dx'].iloc[i]} · {prompt.upper()}": (views[i][view], facts.ticked(said[prompt][i], true[i], slots))
          for prompt, view in VIEW_OF_PROMPT.items()} for i in chosen]
marks_mean = "not marked: photographs" if truth is None else "✓ true and ✗ false of the drawing"
course.figure("figure_4", plots.cards(cards, f"{captioner.note}; {marks_mean}"))

# %% [markdown]
# Now all photographs: the FOCUSED caption, whose prompt asks for structures, and the GLOBAL caption, whose picture is
# whole and which counts where both speak. Silence about a structure that no prompt names counts as a denial.

# %%
unasked = {slot: ("any", "absent") for slot in ("blue_white_veil", "regression", "milia", "comedo")}


def read(caption, other=""):  # the facts that one or two captions state
    return unasked | lexicon.parse(caption) | lexicon.parse(other)

# %%
stated = [*map(read, said["focused"], said["global"])]
judged = slots if truth is not None else []
marks = {"captions": facts.marks(stated, true, slots)}  # 1.0 for a fact stated rightly, else 0.0
print(marks["captions"].mean().round(3).to_string() if judged else why)

# %% [markdown]
# Impressive? Look at `comedo`. Most lesions have no comedo openings, so who never mentions them is nearly always right.
# **A share of true statements means nothing before you know what guessing would give.**
#
# ## 6. The control: captions without eyes
#
# Three guessers, none of which sees the lesion it is marked on:
#
# - **always the commonest value** of each slot among the training photographs;
# - **captions shuffled**: the same captions, given thirty times at random to other photographs; the mean counts;
# - **caption of a blank picture**, plain grey, used for everybody.

# %% [markdown]
# ### Exercise 5.3 – a caption of another lesion
# Difficulty ●●○ · importance ●●● · 6 minutes
#
# One shuffle is luck; thirty are less so. For one slot, you can take all pairs: each caption with each photograph *of another
# lesion*. In what share of these pairs is it true? Write how much more often captions are true of their own photograph. True
# means: the two values are equal. **Expected:** one number from -1 to 1, without any random numbers; about 0 for a writer
# who always states the same.
#
# <details><summary>Hint 1</summary><code>said[:, None] == true</code> has a row for each caption and a column for each
# photograph.</details>
# <details><summary>Hint 2</summary>Several photographs may show one lesion. Which cells of this table may count?</details>

# %% tags=["exercise"]
def beyond_shuffles(said, true, lesion):
    """Stated and true value, and lesion, of n photographs, arrays (n,) -> share of true captions, minus that of pairs."""
    ### BEGIN SOLUTION
    fits = said[:, None] == true
    other = lesion[:, None] != lesion
    return (said == true).mean() - fits[other].mean()
    ### END SOLUTION

# %% tags=["check"]
checks.beyond_shuffles(beyond_shuffles)

# %% [markdown] tags=["solution"]
# Whatever a writer states out of habit is as often true of other lesions. So habits fall out of the difference.

# %%
import numpy as np

blank = [np.full((224, 224, 3), 128, np.uint8)] * 2
grey = captioner.caption(blank, [PROMPTS["focused"], PROMPTS["global"]], progress=False)
print(grey[1])
marks["caption of a blank picture"] = facts.marks([read(*grey)] * len(sample), true, slots)
marks["captions shuffled"] = sum(facts.marks(facts.shuffled(stated, seed + i), true, slots) for i in range(30)) / 30

# %%
learnt = table["image_id"][parts == "train"] if judged else []
common = facts.majority([facts.true_facts(truth.loc[name]) for name in learnt])
marks["always the commonest value"] = facts.marks([common] * len(sample), true, slots)

# %% [markdown]
# Each is compared with the captions photograph by photograph, and whole lesions are resampled. Many comparisons are
# made and luck wins some, so a slot counts only if it is higher than all three.

# %%
blind = [name for name in marks if name != "captions"]
against = {name: {slot: scoring.compare(marks["captions"][slot], marks[name][slot], lesions, seed=seed)
                  for slot in judged} for name in blind}
commonest = against["always the commonest value"]
print(pd.DataFrame(against).map(lambda one: f"{one.difference:+.3f} {one.outcome}").to_string() if judged else why)

# %%
clear = [slot for slot in judged if {against[name][slot].outcome for name in blind} == {"higher"}]
rest = ", ".join(slot for slot in slots if slot not in clear)
counted = f"({len(sample)} photographs of {lesions.nunique()} lesions)"
print(f"Higher than all three: {', '.join(clear) or 'none'}. Not shown: {rest or 'none'} {counted}." if judged else why)

# %% [markdown]
# ### Two ways to count
#
# Accuracy counts photographs, so the common kind decides. *Balanced accuracy* counts each of a slot's $K$ true values
# alike, with $r_k$ right ones among its $n_k$ photographs. Who always says the same gets $1 / K$.
#
# $$ \mathrm{accuracy} = \frac{\sum_k r_k}{\sum_k n_k} \qquad
# \mathrm{balanced\ accuracy} = \frac{1}{K} \sum_k \frac{r_k}{n_k} $$
#
# **Guess first:** can the captions be worse than the commonest value one way, and better the other way?

# %%
alike = {}
for slot in judged:
    kinds = np.array([" ".join(one[slot]).replace("two", "many") for one in true])  # "multiple" says both
    answers = [np.where(marks[name][slot] == 1, kinds, "wrong") for name in ("captions", blind[-1])]
    if len(set(kinds)) > 1:
        alike[slot] = scoring.compare(*answers, lesions, "balanced_accuracy", kinds, seed=seed)

# %%
from dermxai_helpers.plots import charts as differing

if alike:
    panels = {f"{name}\n{counted}": {slot.replace("_", " "): tests[slot] for slot in alike}
              for name, tests in {"accuracy": commonest, "balanced accuracy": alike}.items()}
    course.figure("attribute_scores", differing.differences(panels, f"{checkpoint} captioner minus the commonest value"))

# %%
turned = [slot for slot in alike if (commonest[slot].outcome, alike[slot].outcome) == ("lower", "higher")]
for slot in turned:
    print(commonest[slot].sentence(f"{slot}, captions", "the commonest value", "accuracy"))
    print(alike[slot].sentence(f"{slot}, captions", "the commonest value", "balanced accuracy"))
print(f"Lower one way and higher the other: {', '.join(turned) or 'no slot'}." if judged else why)

# %% [markdown]
# Both ways are right; they answer different questions. To be wrong as rarely as possible about a rare structure, never
# mention it. To find it, mention it, and pay with false alarms.

# %% [markdown]
# ## 7. Which view knows?
#
# View and prompt changed together, so their effects cannot be told apart. We cross them: three views with three prompts,
# nine captions a photograph.
#
# **Guess first:** what makes an answer more often true, another view or another prompt?

# %%
some, nine = min(80, len(sample)), {}
for view in VIEW_OF_PROMPT.values() if judged else ():
    for prompt in PROMPTS:
        answers = captioner.caption([one[view] for one in views[:some]], PROMPTS[prompt], file=kept, progress=False)
        nine[view, prompt] = facts.marks([*map(read, answers)], true[:some], shared).mean(axis=1)

# %%
print(pd.DataFrame(nine).mean().unstack(sort=False).round(3) if judged else why)  # rows are views, columns prompts

# %%
def over(place, name):  # share of true facts over the three cells with this view (place 0) or prompt (1)
    return sum(marks for cell, marks in nine.items() if cell[place] == name) / 3


tests = {}
for place, what, whole in ((0, "view", "original"), (1, "prompt", "global")) if judged else ():
    for name in ("roi", "focused"):
        test = tests[what, name] = scoring.compare(over(place, whole), over(place, name), lesions[:some], seed=seed)
        print(test.sentence(f"The {whole} {what}", f"the {name} {what}", "the share of true facts"))

# %%
matters = {f"the {what}" for (what, _), test in tests.items() if test.outcome != "cannot tell"}
print(f"What is shown to matter: {' and '.join(sorted(matters)) or 'neither'}." if judged else why)

# %% [markdown]
# A border is where the lesion ends. The box may cut it off, dimming may darken it, and yet both prompts ask for it. The
# paper runs its last experiment on ROI captions.
#
# ### And a picture that shows no skin?
#
# The prompts ask *how* the lesion looks, never *whether* there is one. What comes back for a chessboard?

# %%
chess = (np.indices((224, 224)) // 28).sum(axis=0) % 2 * 255
about_chess = captioner.caption([np.dstack([chess] * 3).astype(np.uint8)], PROMPTS["roi"], progress=False)[0]
print(f"{about_chess}\n{len(lexicon.parse(about_chess))} facts are stated about the lesion on a chessboard.")

# %% [markdown]
# The demo captioner has never seen a sentence that says *no lesion*, so it has no way to say it. Facts about a lesion
# that is not there are this unit's clearest warning.
#
# ## 8. Without truth: do the views agree?
#
# Do the three captions of a photograph state the same? Agreement is no proof, for three answers can share one habit. So
# it needs its control: how often do captions agree that are shuffled among photographs?

# %%
once = ~lesions.duplicated().to_numpy()  # one photograph of each lesion, so that shuffles are fair
views_say = [np.array([[str(read(one).get(slot)) for slot in shared] for one in said[name]])[once] for name in PROMPTS]


def agreement(one, two, three):
    return ((one == two) & (two == three)).mean()  # over photographs and the shared facts


rng = np.random.default_rng(seed)
agree = scoring.among(agreement(*views_say), [agreement(*map(rng.permutation, views_say)) for _ in range(200)])
agreed = agree.sentence(f"Captions of {once.sum()} lesions", "shuffles", "the share of facts on which all three agree")
print(agreed)

# %% [markdown]
# The three pictures differ: where the crop cuts the border off, a different answer about it is the better one.
#
# ## 9. What the paper says of its captions
#
# Three statements can be tested once their words are fixed. *Capture* we read as more often right than captions
# shuffled, *often but rarely* as more than, *diagnostic detail* as network, dots and streaks, *frequently* as more than
# half. *Grounded* we read weakly, as: the views agree more than shuffled ones, be it about the background. Of
# photographs only what is stated can be counted.

# %%
unfit = "drawn lesions" if judged else "demo captioner" if checkpoint == "demo" else ""
no_truth = unfit or "the true attributes are not known"
spoken = pd.DataFrame([{slot: float(slot in one) for slot in slots} for one in stated])
told, word = (marks["captions"], "stated rightly") if judged else (spoken, "stated")

# %%
gain = told - (marks["captions shuffled"] if judged else 0)
basic, detail = (gain[group].mean(axis=1) for group in (["symmetry", "colour_count"], slots[3:6]))
test = scoring.compare(basic, detail, lesions, seed=seed)
shown = test.sentence("Colour and symmetry", "diagnostic detail", f"share {word}{' beyond shuffles' if judged else ''}")
course.claim("paper", "4.3", "they often capture basic visual features such as color and symmetry but rarely provide "
             "diagnostic detail", test, shown, not_judged=no_truth)

# %%
flawed = (told[slots[:6]] < 1).any(axis=1)  # of what the prompts ask for
test = scoring.compare(flawed, 0.5, lesions, seed=seed)
shown = test.sentence("Captions", "one half", f"share with something asked for and not {word}")
course.claim("paper", "abstract", "the VLM captions were frequently incomplete or misleading", test, shown,
             not_judged=no_truth)

# %%
course.claim("paper", "4.4", "despite being grounded in the image", agree, agreed, not_judged=unfit)

# %% [markdown]
# ## 10. What we found
#
# Do the captions state more true facts than their writer could guess?

# %%
for name in blind if judged else ():
    test = scoring.compare(marks["captions"].mean(axis=1), marks[name].mean(axis=1), lesions, seed=seed)
    print(test.sentence("Captions", name, f"share of true facts over {len(slots)} slots"))
print(f"Slot by slot, they are higher than all three in {len(clear)} of {len(slots)}." if judged else why)

# %%
course.record("agreement_of_views", agree.value, baseline=agree.draws.mean(), note="the baseline shuffles the captions")

# %% [markdown]
# ## 11. What this does *not* show
#
# - **Nothing about InstructBLIP's own captions**, unless you set `checkpoint` to one of its ids, **nor about
#   photographs**: the demo captioner was trained on drawn lesions.
# - **Not why the classifier decided.** Only a place passed from one to the other.
# - **Not that a true caption was read off the lesion.** Attributes go together: who sees a veil may *infer* an
#   irregular border. Changing one attribute tells the two apart: unit 06b does.
# - **Nothing about texture and depth**, which were asked for and are not in the picture.
#
# ## Quiz

# %% tags=["quiz"]
told_of = {"higher": "more often than shuffled ones", "lower": "more rarely than shuffled ones",
           "cannot tell": "about as often as shuffled ones, as far as can be told"}
checks.Quiz({
    "What does the classifier hand over to the captioner?": {
        "its features": (False, "The captioner has a vision encoder of its own."),
        "a place": (True, "A box or an outline, and for the GLOBAL view not even that."),
        "the class that it predicts": (False, "It decides which heat-map is drawn, and is not told."),
    },
    "Why does the same picture give other vectors when the prompt changes?": {
        "the vision encoder sees the prompt": (False, "It sees the picture only."),
        "the language model writes them anew": (False, "It receives them as they are."),
        "the queries meet the prompt's words first": (True, "Then they ask the picture for something else."),
    },
    "A writer denies comedo openings, and is right 95 times of 100. What does it show?": {
        "nothing, before you know what guessing gives": (True, "If 95 of 100 lesions have none, silence gets as much."),
        "that the writer sees comedo openings": (False, "A writer who never mentions them gets as much."),
        "that the other five were hard": (False, "Perhaps they are the only ones that have some."),
    },
    "Captions are shuffled among photographs. What is kept?": {
        "the link between a caption and its picture": (False, "This is what a shuffle breaks."),
        "how often the writer states each value": (True, "So shuffles get what habits are worth, and no more."),
        "nothing at all": (False, "The captions are the same, and so are the writer's habits."),
    },
    "In this run, the captions of the three views agree ...": {
        words: (outcome == agree.outcome, agreed) for outcome, words in told_of.items()
    },
})

# %% [markdown]
# ## 12. Further reading
#
# - Dai et al. (2023), *InstructBLIP*, arXiv:2305.06500. The Q-Former that reads the prompt.
# - Li et al. (2023), *BLIP-2*, arXiv:2301.12597. Queries in front of a frozen language model.
# - Rohrbach et al. (2018), *Object hallucination in image captioning*, arXiv:1809.02156. Counting what is said and not
#   there.
# - Kim et al. (2024), *Transparent medical image AI via an image-text foundation model* (MONET),
#   doi:10.1038/s41591-024-02887-x. Scores for concepts instead of sentences.
