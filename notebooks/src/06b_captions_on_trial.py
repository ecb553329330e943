# %% [markdown]
# # Captions on trial
#
# [Open in Colab](https://colab.research.google.com/github/dermxai/dermxai/blob/main/notebooks/06b_captions_on_trial.ipynb) · [Open in Binder](https://mybinder.org/v2/gh/dermxai/dermxai/main?labpath=notebooks%2F06b_captions_on_trial.ipynb) · 40 minutes · CPU is enough (1.5 GB)
#
# **What you will do** – cross-examine a captioner: change one thing in a picture and see whether its sentence follows,
# let it be guided by the truth and by dice, look its inventions in the face, and teach it a new word.
#
# **What you will learn** – how to tell a caption that depends on the picture from one that sounds right, why shared
# words are not shared facts, what a leaked label is worth, and how low-rank adapters work and are kept.
#
# **What you need** – units 05 (captions and facts) and 06 (votes, macro-F1).
#
# > **Claim.** The captioner describes the picture it is shown.
# > **Control.** The same lesion drawn again with one attribute changed and every other random choice kept. A caption
# > that describes must change in that fact, and in no other. Section 3 counts both.

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
examined = 40        # lesions drawn for the examination, 20 to 1000
pairs_each = 3       # pairs for each attribute in section 3, 2 to 100
guided = 50          # photographs for section 5, 20 to 2000
taught = 120         # photographs to learn from in section 6, 40 to 2000
steps = 60           # of teaching, 5 to 1000

# %% [markdown]
# ## 1. An examination
#
# The examiner needs the truth, so the lesions of this section are **drawn**, also when your data are photographs. Every
# attribute is drawn at random and on its own: no attribute helps to guess another. Only the number of colours follows from
# several of them: mind its commonest value in section 2.

# %%
import numpy as np
import pandas as pd

from dermxai_helpers import course, files, lexicon, plots, scoring, synth
from dermxai_helpers.captions import PROMPTS, Captioner
from dermxai_helpers.lexicon import facts
from dermxai_helpers.synth.attributes import sample_evenly

course.check_parameters("06b", globals())
rng = np.random.default_rng([seed, 606])
lesions = [synth.draw([seed, 606, i], **sample_evenly(rng)) for i in range(examined)]
pictures = [lesion.image for lesion in lesions]
true = [facts.true_facts(lesion.attributes) for lesion in lesions]

# %%
captioner = Captioner(checkpoint)
sentences = captioner.caption(pictures, PROMPTS["focused"])
print(captioner.note)
print(sentences[0])

# %% [markdown]
# The reader of facts at work: `+` stated, `−` denied, `?` in doubt, and behind the words the slot that they are about.

# %%
from html import escape

from IPython.display import HTML

from dermxai_helpers.lexicon.parsing import mentions

SIGNS = {"present": ("+", "#d5e8d4"), "absent": ("−", "#f8d9c8"), "uncertain": ("?", "#e6e0ec")}


def marked(sentence):
    """A sentence as HTML, with every mention in a box."""
    html, end = "", 0
    for mention in mentions(sentence):
        sign, colour = SIGNS[mention.polarity]
        html += escape(sentence[end:mention.start]) + f'<mark style="background:{colour};color:black">{sign} '
        html += escape(sentence[mention.start:mention.end]) + f" <sub>{mention.slot}</sub></mark>"
        end = mention.end
    return html + escape(sentence[end:])


HTML("<br>".join(marked(sentence) for sentence in sentences[:3]))

# %% [markdown]
# The FOCUSED prompt asks for structures, not for cysts and openings. Silence about those counts as a denial here; silence
# about anything that was asked for is an omission.

# %%
slots = ["symmetry", "border_shape", "colour_count", "network", "dots_globules", "streaks", "blue_white_veil",
         "milia", "comedo"]
unasked = {"milia": ("any", "absent"), "comedo": ("any", "absent")}


def read(sentence):
    """The facts that a caption states."""
    return unasked | lexicon.parse(sentence)


said = [read(sentence) for sentence in sentences]
verdicts = facts.verdicts(said, true, slots=slots)
facts.score(verdicts).round(2)

# %% [markdown]
# **Precision** asks of each statement whether it is true, **recall** of each fact whether it was stated. What is stated
# and wrong is *hallucinated*, what is passed over is *omitted*. The two are no equal sins: an omission sends you back to
# the picture, an invention sends you home with it.
#
# One number for a slot can still hide a habit. Split it by polarity: who denies everything is perfect at absence.

# %%
def by_polarity(polarity):
    """Precision and recall of the statements and facts of one polarity, per slot."""
    stated, known = (verdicts[verdicts[side].str.endswith(polarity)] for side in ("said", "true"))
    right = [(rows["verdict"] == "right").groupby(rows["slot"]).mean() for rows in (stated, known)]
    return pd.DataFrame({"facts": known["slot"].value_counts(), "precision": right[0], "recall": right[1]})


structures = ["network", "dots_globules", "streaks", "blue_white_veil"]
split = pd.concat({polarity: by_polarity(polarity) for polarity in ("present", "absent")}, axis=1)
split.loc[structures].round(2)

# %% [markdown]
# ## 2. The controls
#
# Five readers sit the same examination. Write down your guess for the last two before you run the cells: does mirroring a
# lesion change any of its attributes? Does another wording of the question?

# %%
rephrased = ("Dim everything but the lesion. Which structures can be seen (network, streaks, dots)? Also tell symmetry, "
             "border, texture and how the colors are spread. Give no diagnosis.")
mirrored = captioner.caption([picture[:, ::-1].copy() for picture in pictures], PROMPTS["focused"])
reworded = captioner.caption(pictures, rephrased)
blank = captioner.caption([np.full((224, 224, 3), 128, np.uint8)], PROMPTS["focused"], progress=False)[0]
print(reworded[0])

# %% [markdown]
# The majority reader may look at other lesions than those of the examination, and only at their truth.

# %%
others = [facts.true_facts(synth.draw([seed, 607, i], **sample_evenly(rng)).attributes) for i in range(examined)]
readers = {
    "captions": said,
    "commonest value": [facts.majority(others)] * examined,
    "dealt to another lesion": facts.shuffled(said, seed),
    "of a blank picture": [read(blank)] * examined,
    "question reworded": [read(sentence) for sentence in reworded],
}

# %%
# the share of facts that a reader states rightly is its recall; the captions get a 95 % interval of it, by lesion
recalls = {name: facts.score(facts.verdicts(one, true, slots=slots), repeats=2)["recall"] for name, one in readers.items()}
compared = pd.DataFrame(recalls).loc[[*slots, "all"]]
ends = {}
for slot in compared.index:
    rows = verdicts[verdicts["slot"].isin(slots if slot == "all" else [slot])]
    ends[slot] = scoring.interval("mean", rows["lesion"], rows["verdict"] == "right", seed=seed)
ends = pd.DataFrame(ends, index=["low", "high"]).T
compared = pd.concat([compared[["captions"]], ends, compared.drop(columns="captions")], axis=1)
print(compared.round(2).to_string())
note = f"{examined} drawn lesions, {captioner.note}"
course.figure("readers", plots.beside_controls(compared, "share of facts stated rightly", note))

# %% [markdown]
# A dot that stands apart from its crosses knows something about this lesion. The cell names the slots where even the lower
# end of the interval lies above every reader that saw nothing.

# %%
unseeing = compared[["commonest value", "dealt to another lesion", "of a blank picture"]].max(axis=1)
seen = compared.index[compared["low"] > unseeing].drop("all", errors="ignore")
print("above every control:", ", ".join(seen) or "none")
print(course.record("slots_above_controls", len(seen), note=f"of {len(slots)}, on {examined} drawn lesions"))
course.record("facts_right", *compared.loc["all", ["captions", "low", "high"]],
              baseline=compared.loc["all", "commonest value"], note="all slots together; the baseline is the commonest value")

# %% [markdown]
# A mirror changes no attribute. So two captions of a lesion and its mirror image should agree, and more often than
# captions of different lesions do:

# %%
def agreement(one, other, slot):
    """How often two captions of one lesion state the same, and how often captions of any two lesions do."""
    both = [(a[slot], b[slot]) for a, b in zip(one, other, strict=True) if slot in a and slot in b]
    both = [(a, b) for a, b in both if "uncertain" not in (a[1], b[1])]
    by_chance = np.mean([a == b for a, _ in both for _, b in both]) if both else np.nan
    return {"pairs": len(both), "agreement": np.mean([a == b for a, b in both]) if both else np.nan, "by_chance": by_chance}


in_mirror = [read(sentence) for sentence in mirrored]
agree = pd.DataFrame({slot: agreement(said, in_mirror, slot) for slot in slots}).T
agree.round(2)

# %%
course.record("agreement_with_mirror", agree["agreement"].mean(), baseline=agree["by_chance"].mean(),
              note="mean over slots; the baseline is the agreement of captions of different lesions")

# %% [markdown]
# And does it do as it is told, whatever the wording? Form is the easy part, which is why it comes last.

# %%
from dermxai_helpers.lexicon.sentences import compliance, describe

asked = {"the paper's wording": sentences, "reworded": reworded, "mirrored": mirrored}
pd.DataFrame({name: pd.DataFrame(map(compliance, answers)).mean() for name, answers in asked.items()}).T.round(2)

# %% [markdown]
# ## 3. Change one thing
#
# All controls so far compare *different* lesions. The strictest one compares a lesion with itself: the same random
# choices, one attribute switched. If the caption follows, it changes in that fact. If it changes in others, too, it did
# not describe; it told a story that usually goes with the change.

# %%
from dermxai_helpers.lexicon import counterfactual

pairs = counterfactual.draw_pairs(pairs_each, seed)
before = captioner.caption([pair.before.image for pair in pairs], PROMPTS["focused"])
after = captioner.caption([pair.after.image for pair in pairs], PROMPTS["focused"])
shown = [next(i for i, pair in enumerate(pairs) if pair.slot == slot) for slot in ("blue_white_veil", "symmetry")]
rows = [{f"{pairs[i].slot}: before": (pairs[i].before.image, before[i]),
         f"{pairs[i].slot}: after": (pairs[i].after.image, after[i])} for i in shown]
course.figure("pairs", plots.cards(rows, "each lesion drawn twice, with one attribute changed"))

# %% [markdown]
# `changed`: the caption says something else about what was changed. `followed`: it is right both times. `only`: nothing
# else in it changed. `faithful`: followed and only.

# %%
followed = counterfactual.follow(pairs, [read(one) for one in before], [read(one) for one in after])
followed.round(2)

# %% [markdown]
# Two lazy witnesses to compare with. One always says the same: it never follows, and changes nothing else. The other
# answers by another lesion's caption: it changes all the time.

# %%
deaf = counterfactual.follow(pairs, [read(one) for one in before], [read(one) for one in before])
dealt = counterfactual.follow(pairs, [read(one) for one in before], facts.shuffled([read(one) for one in after], seed))
witnesses = {"captions": followed, "always the same": deaf, "another pair's": dealt}
pd.DataFrame({name: table.loc["all", ["changed", "followed", "only", "faithful"]] for name, table in witnesses.items()})

# %%
everything = followed.loc["all"]
course.record("captions_faithful", everything["faithful"], everything["low"], everything["high"],
              baseline=dealt.loc["all", "faithful"], note=f"{len(pairs)} pairs; the baseline deals the second captions")

# %% [markdown]
# ### A gallery of inventions
#
# Tables make errors small. Here are statements of something that is not there, or not of that kind.

# %%
stated = verdicts[(verdicts["verdict"] == "wrong") & verdicts["said"].str.endswith("present")]
invented = stated.groupby("slot", sort=False).head(1).head(8)
titles = [f"{row.slot}:\nsays {row.said.removeprefix('any ')}\nis {row.true.removeprefix('any ')}" for row in invented.itertuples()]
course.figure("inventions", plots.gallery([pictures[i] for i in invented["caption"]], titles, f"Wrong statements ({note})"))

# %% [markdown]
# Could you have told from the sentence? They are as fluent as the true ones.
#
# ## 4. Shared words are not shared facts
#
# Captions are often judged by how many words they share with a reference. Take one reference, a copy of it with most
# facts turned round, and a free rendering in which every fact is true.

# %% tags=["nbval-check-output"]
import sacrebleu
from rouge_score.rouge_scorer import RougeScorer


def ngram_scores(caption, reference):
    """Shared words, not shared facts: BLEU and chrF from 0 to 100, ROUGE-1 and ROUGE-L from 0 to 1."""
    rouge = RougeScorer(["rouge1", "rougeL"]).score(reference, caption)
    return {
        "BLEU": sacrebleu.sentence_bleu(caption, [reference]).score,
        "chrF": sacrebleu.sentence_chrf(caption, [reference]).score,
        "ROUGE-1": rouge["rouge1"].fmeasure,
        "ROUGE-L": rouge["rougeL"].fmeasure,
    }


reference = "The lesion is symmetric, with a regular border, a single color, no network and no streaks."
candidates = {
    "facts turned round": "The lesion is asymmetric, with an irregular border, multiple colors, no network and streaks.",
    "all true, other words": "Symmetric; one color; regular in outline; neither streaks nor a network can be seen.",
}
for name, candidate in candidates.items():
    verdict = facts.verdicts([lexicon.parse(candidate)], [lexicon.parse(reference)])["verdict"]
    scores = {score: round(value, 2) for score, value in ngram_scores(candidate, reference).items()}
    print(f"{name:22} {(verdict == 'right').sum()} of {len(verdict)} facts right, {scores}")

# %% [markdown]
# BLEU and ROUGE prefer the lie. (For your own images an expert may write the references into a CSV file: read it with
# `pd.read_csv`, and `facts.verdicts` judges captions by the facts that `lexicon.parse` finds in the expert's
# sentences.) And across the examination: do captions with more true facts share more words with their true sentence?
# The rank correlation says how far word overlap would put the captions in the right order.

# %%
from scipy.stats import spearmanr

ideal = [describe(lesion.attributes, "focused", rng) for lesion in lesions]
share_right = verdicts.assign(right=verdicts["verdict"] == "right").groupby("caption")["right"].mean()
overlap = [ngram_scores(one, other)["BLEU"] for one, other in zip(sentences, ideal, strict=True)]
course.record("rank_correlation_bleu_facts", spearmanr(overlap, share_right).statistic,
              note="captions and true sentences of one form: the friendliest case for word overlap")

# %% [markdown]
# ### Exercise 6.1 – whole words
#
# Unit 06 showed the trap: a search for letters finds *regular border* inside *irregular border*. Write the count that
# does not fall into it. Mind the hyphen in *non-uniform*.
#
# <details><summary>Hint 1</summary>Two conditions: what stands before the keyword, and what stands after it.</details>
# <details><summary>Hint 2</summary><code>re.findall</code> with <code>(?&lt;!...)</code> and <code>(?!...)</code>; a
# set such as <code>[\w-]</code> names what must not stand there.</details>

# %%
from dermxai_helpers import checks


def whole_words(sentence, keyword):
    """How often the keyword stands in the sentence as words of its own, whatever the case."""
    ...


checks.whole_words(whole_words)

# %% [markdown]
# ## 5. Who told it where to look?
#
# The paper cuts its regions by the heat-map of the **true** class. Now the photographs come from your data again, and
# five guides cut them: the true class, the class that the classifier predicts, its second choice, a class drawn at random,
# and no map at all, but a box in the middle as large as the region it replaces.

# %%
from dermxai_helpers import data, regions, road, training

folder = data.prepare(photographs, images=images, seed=seed)
table = data.load(folder)
parts = data.split(table, by="lesion", seed=seed)
classifier = training.train(table, parts, backbone=backbone, seed=seed, progress=False)
unseen = table[parts == "val"]
sample = unseen.sample(min(guided, len(unseen)), random_state=seed).reset_index(drop=True)
photographs = [data.open_image(path) for path in sample["image_path"]]
order = np.argsort(-classifier.logits(photographs), axis=1)  # from the most to the least probable class

# %%
guides = {
    "true class": np.array([classifier.classes.index(label) for label in sample["dx"]]),
    "predicted class": order[:, 0],
    "second class": order[:, 1],
    "random class": rng.integers(len(classifier.classes), size=len(sample)),
}
found = {guide: road.find_regions(classifier, photographs, targets) for guide, targets in guides.items()}

# %%
def box_like(number, region):
    """A box in the middle of the photograph, as large as the region's box."""
    left, top, right, bottom = region.box
    return regions.centred_box((right - left) * (bottom - top), photographs[number].shape[:2])


boxes = {guide: [region.box for region in cuts] for guide, cuts in found.items()}

# %%
boxes["centred box"] = [box_like(i, region) for i, region in enumerate(found["true class"])]
kept = files.cache_folder() / "captions.jsonl"
rows = []
for guide, chosen in boxes.items():
    crops = [photo[top:bottom, left:right] for photo, (left, top, right, bottom) in zip(photographs, chosen, strict=True)]
    spoken = captioner.caption(crops, PROMPTS["roi"], file=kept)
    votes = [lexicon.paper_vote(sentence).label for sentence in spoken]
    rows.append(sample[["image_id", "lesion_id"]].assign(guidance=guide, label=sample["dx"], vote=votes))

# %%
from dermxai_helpers.lexicon import controls


def macro_f1(labels, votes):
    """The mean over the classes of F1, as in unit 06."""
    here = [(labels == name, votes == name) for name in data.CLASSES]
    return np.mean([2 * (labelled & voted).sum() / max(labelled.sum() + voted.sum(), 1) for labelled, voted in here])


# %%
def guided_by(rows):
    """Macro-F1 of one guide's votes, its 95 % interval by lesion, and voters that see nothing but vote as often."""
    label, vote = rows["label"].to_numpy(), rows["vote"].to_numpy()
    low, high = scoring.interval(macro_f1, rows["lesion_id"], label, vote, seed=seed)
    shares = {name: (vote == name).mean() for name in data.CLASSES}
    blind = controls.blind_voters(shares, label, repeats=2000, seed=seed).mean()
    return {"macro_f1": macro_f1(label, vote), "low": low, "high": high, "accuracy": (label == vote).mean(), "blind": blind}


votes = pd.concat(rows, ignore_index=True)
guidance = pd.DataFrame({guide: guided_by(rows) for guide, rows in votes.groupby("guidance", sort=False)}).T
guidance.round(3)

# %%
guided_note = f"{len(sample)} ROI captions for each guide, the paper's word count, {captioner.note}"
shown = guidance[["macro_f1", "low", "high", "blind"]].rename(columns={"macro_f1": "captions", "blind": "blind voters"})
course.figure("guidance", plots.beside_controls(shown, "macro-F1 of the votes", guided_note, paper=0.260))

# %% [markdown]
# What did the label leak? The same photographs under two guides, so the difference has an interval of its own.

# %%
def leak(labels, with_label, without):
    """What knowing the label adds to macro-F1."""
    return macro_f1(labels, with_label) - macro_f1(labels, without)


by_guide = votes.pivot(index="image_id", columns="guidance", values="vote").loc[sample["image_id"]]
for against in ("predicted class", "random class", "centred box"):
    names = [sample["dx"].to_numpy(), *(by_guide[guide].to_numpy() for guide in ("true class", against))]
    low, high = scoring.interval(leak, sample["lesion_id"], *names, seed=seed)
    course.record(f"true_class_minus_{against.replace(' ', '_')}", leak(*names), low, high,
                  baseline=0.0, note="macro-F1 on the same photographs")

# %% [markdown]
# If an interval covers zero, this sample cannot tell the guides apart. That would acquit the paper's leak of changing the
# number. It would also mean that the heat-map did not matter to the caption.
#
# ## 6. Teaching it a word
#
# The paper's outlook asks for a captioner tuned to dermatology. Two things are missing: sentences to learn from, and a
# way to teach a model that is too large to retrain.
#
# **Sentences.** Nobody wrote any for these photographs. But their masks can be *measured*: fold them, compare the outline
# with a circle's, take the width of the edge and the spread of the colours. Above the median of the lesions to learn from
# becomes one word, below it the other. Such a standard is called **silver**: made by a rule, not by an expert.

# %%
from dermxai_helpers.lexicon.sentences import measurements

if not (table["mask_path"] != "").any():  # photographs of your own without masks: drawn lesions take their place
    folder = data.prepare("demo", images=images, seed=seed)
    table = data.load(folder)
    parts = data.split(table, by="lesion", seed=seed)
with_mask = table[table["mask_path"] != ""].sample(frac=1, random_state=seed)
learners = with_mask[parts[with_mask.index] == "train"].head(taught)
judged = with_mask[parts[with_mask.index] == "val"].head(taught // 2)


def measured(rows):
    """The photographs of a table, and what their masks measure."""
    photographs = [data.open_image(path, (224, 224)) for path in rows["image_path"]]
    masks = [data.open_mask(path, (224, 224)) for path in rows["mask_path"]]
    return photographs, measurements(photographs, masks)


# %%
to_learn, values = measured(learners)
to_judge, judged_values = measured(judged)
limit = values.median()
values.head(3).round(2)

# %%
words = {  # slot: the measurement, the word below its limit and the word above it
    "symmetry": ("asymmetry", "symmetric", "asymmetric"), "border_shape": ("compactness", "irregular", "regular"),
    "border_sharpness": ("edge_share", "faded", "sharp"), "colour_count": ("colour_spread", "one", "many"),
}


def silver_facts(row):
    """A row of measurements as facts. A word says no more than: more so than half of the others."""
    return {slot: (above if row[name] > limit[name] else below, "present") for slot, (name, below, above) in words.items()}


def silver_sentence(known):
    """The facts in the words of the first prompt, and one more word: sharp or faded."""
    symmetry, border, sharpness, colours = (known[slot][0] for slot in words)
    border = f"an {border}" if border == "irregular" else f"a {border}"
    colours = "a single color" if colours == "one" else "multiple colors"
    return f"The lesion is {symmetry}, with {border} and {sharpness} border and {colours}."


# %%
learnt_facts = [silver_facts(row) for row in values.to_dict("records")]
standard = [silver_facts(row) for row in judged_values.to_dict("records")]
lessons = [silver_sentence(known) for known in learnt_facts]
print(lessons[0])
print("every sentence reads back as its facts:", [lexicon.parse(lesson) for lesson in lessons] == learnt_facts)

# %% [markdown]
# How good is silver? On drawings the truth is known, so the measurements themselves can be examined: the area under the
# ROC curve is the chance that a measurement ranks two lesions of different kind in the right order.

# %%
from sklearn.metrics import roc_auc_score

truth = data.truth(folder)
if truth is not None:
    known = truth.set_index("image_id").loc[judged["image_id"]]
    for slot, (name, _, above) in words.items():
        is_above = [facts.true_facts(row)[slot][0] in (above, "two") for _, row in known.iterrows()]
        print(f"{name:14} {slot:17} AUC {roc_auc_score(is_above, judged_values[name]):.2f}")

# %% [markdown]
# **Teaching.** A weight matrix $W$ with a million numbers stays as it is. Beside it we learn a product of two thin
# matrices of rank $r$, which starts at zero:
#
# $$ W' = W + \tfrac{\alpha}{r}\, B A \qquad B \in \mathbb{R}^{d \times r},\; A \in \mathbb{R}^{r \times k} $$
#
# The new word is the fourth slot. Whether a border is *sharp* or *faded* no prompt asks, and the demo captioner was never
# taught to say it.

# %%
before_said = captioner.caption(to_judge, PROMPTS["global"])
print(before_said[0])

# %%
from dermxai_helpers.captions import lora as caption_lora

pupil = Captioner(checkpoint)
adapted = caption_lora.adapt(pupil.model, seed=seed)
learning = sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)
print(f"{learning:,} numbers learn, {learning / pupil.model.num_parameters():.1%} of all")
losses = caption_lora.teach(adapted, pupil.processor, to_learn, PROMPTS["global"], lessons, steps, seed=seed)
after_said = pupil.caption(to_judge, PROMPTS["global"])
print(after_said[0])

# %% [markdown]
# Before and after, on lesions that it did not learn from. The bar to beat is not "before". It is the commonest word.

# %%
def recalls(readings):
    """Share of silver facts stated rightly, per slot."""
    judged_facts = facts.verdicts(readings, standard, judged["lesion_id"], list(words))
    return facts.score(judged_facts, seed=seed)


commonest = facts.majority(learnt_facts)
scores = {"before": recalls([lexicon.parse(one) for one in before_said]),
          "after": recalls([lexicon.parse(one) for one in after_said]),
          "chance": recalls([commonest] * len(standard))}
learnt = pd.DataFrame({name: score["recall"] for name, score in scores.items()})
learnt.round(2)

# %%
shown = learnt.rename(columns={"chance": "always the commonest word"})
note = f"{len(judged)} photographs, silver standard, {captioner.note}"
course.figure("taught", plots.moved(shown, "share of silver facts stated rightly", note))

# %%
sharpness = scores["after"].loc["border_sharpness"]
course.record("silver_sharpness_after", sharpness["f1"], sharpness["low"], sharpness["high"],
              baseline=learnt.loc["border_sharpness", "chance"], note="F1 on the silver standard; before, it was silent")

# %% [markdown]
# One thing may have got lost. The sentences of the lessons say nothing about the surface; does the pupil still?

# %%
for when, sentences_then in (("before", before_said), ("after", after_said)):
    print(f"{when:7} mentions the surface in {np.mean(['surface' in one for one in sentences_then]):.0%}")

# %% [markdown]
# That is the price of teaching with narrow sentences: what is no longer said is forgotten first.
#
# ### Keep it, load it, melt it in
#
# The adapter is a small file. Loaded beside the checkpoint it can be added to the weights, $W' = W + \frac{\alpha}{r}BA$,
# after which the model has its old form and speed.

# %%
place = files.cache_folder() / "adapter"
adapted.save_pretrained(place)
print(f"{(place / 'adapter_model.safetensors').stat().st_size / 1000:.0f} kB")
reloaded = Captioner(checkpoint, adapter=place)
print("the same sentences:", reloaded.caption(to_judge, PROMPTS["global"], progress=False) == after_said)

# %% [markdown]
# The same cells take `checkpoint = "Salesforce/instructblip-flan-t5-xl"` on a GPU: the names of the adapted matrices are
# the same in every T5. Give `teach` a `learning_rate` a hundred times smaller then: large models tear easily.
#
# ## 7. Ask it yourself
#
# Your question, one of the views, one of the lesions. What was not met of the paper's demands stands below the picture.
# Try a question without the word *lesion*; ask for a diagnosis; ask about the weather.

# %% tags=["nbval-ignore-output"]
from dermxai_helpers import widgets

playing = {f"lesion {i + 1}, {sample['dx'][i]}": regions.views(photographs[i], found["predicted class"][i])
           for i in range(min(4, len(sample)))}
widgets.playground(captioner, playing, PROMPTS["focused"])

# %% [markdown]
# ## 8. What this does *not* show
#
# - **Nothing about InstructBLIP's knowledge**, unless `checkpoint` names one. The examination would be the same; the
#   pupil here has learnt from drawings, and passes or fails on drawings.
# - **Not that a faithful caption on drawings is faithful on skin.** Nobody can switch one attribute of a real lesion and
#   leave the rest.
# - **Not that silver is truth.** A rule measured the mask, and the median decided. Teaching to silver teaches the rule.
# - **Not that the leak is harmless in general**, if the guides cannot be told apart here. They differ as much as the
#   captioner listens to the region.
# - **Nothing for clinical use.**
#
# ## 9. Further reading
#
# - Hu et al. (2021), *LoRA: Low-rank adaptation of large language models*, arXiv:2106.09685.
# - Dai et al. (2023), *InstructBLIP*, arXiv:2305.06500. The model that the demo captioner is a small one of.
# - Hesse et al. (2023), *FunnyBirds: A synthetic vision dataset for a part-based analysis of explainable AI methods*,
#   arXiv:2308.06248. Changing one part and nothing else, as an examination of explanations.
# - Rohrbach et al. (2018), *Object hallucination in image captioning*, arXiv:1809.02156.
# - Kim et al. (2024), *Transparent medical image AI via an image-text foundation model grounded in medical literature*,
#   doi:10.1038/s41591-024-02887-x. Concepts as scores.
# - Post (2018), *A call for clarity in reporting BLEU scores*, arXiv:1804.08771.
