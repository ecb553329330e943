# %% [markdown]
# # Appendix – Ethics, consent and skin tone
#
# Whose pictures are these, who is missing from them, and what follows for you? It is no unit of the course. No photograph of
# a person is shown here.
#
# ## 1. Whose pictures HAM10000 holds
#
# 10,015 photographs from two places: the dermatology department of the Medical University of Vienna, and a skin cancer
# practice in Queensland, Australia (Tschandl, Rosendahl, Kittler 2018,
# [doi:10.1038/sdata.2018.161](https://doi.org/10.1038/sdata.2018.161)). They were taken while people were examined, not for a
# course. The ISIC challenge of 2018, whose training set they were, calls them an anonymous historical sample and names the
# approval of both universities' ethics committees
# ([task 3](https://challenge2018.isic-archive.com/task3/training/)). We know of no statement that each person was asked.
#
# The licence is CC BY-NC 4.0 ([doi:10.7910/DVN/DBW86T](https://doi.org/10.7910/DVN/DBW86T)): name the authors, and use nothing
# commercially. Some copies on the web state another licence; the deposit decides. A figure with one of these photographs in
# it is a copy, too. This repository therefore holds none. If you run the units on the photographs, your notebook holds them:
# state the source before you pass it on.
#
# ## 2. Who and what is missing
#
# - **Skin tone.** The table has no such column. In 106,950 pictures of 21 public collections the skin type was stated for
#   2.1 % (Wen et al. 2022, [doi:10.1016/S2589-7500(21)00252-1](https://doi.org/10.1016/S2589-7500%2821%2900252-1)). A classifier
#   trained on HAM10000 ranked malignant above benign in other photographs with an area under the ROC curve of 0.72 on the
#   lightest two of six skin types, and 0.57 on the darkest two, where 0.5 is chance (Daneshjou et al. 2022,
#   [doi:10.1126/sciadv.abq6147](https://doi.org/10.1126/sciadv.abq6147)).
# - **Body sites.** 2,192 photographs show a back, 7 are filed under acral (palms and soles). In the USA such melanomas are 36 %
#   of the melanomas of Black people, the largest share of any group (Bradford et al. 2009,
#   [doi:10.1001/archdermatol.2008.609](https://doi.org/10.1001/archdermatol.2008.609)).
# - **People who never came.** Everybody in the table saw a specialist. And what was cut out and examined under a microscope
#   had worried somebody: that is all melanomas, but 37 % of the nevi.
# - **Diagnoses.** There are seven. The course keeps three, so its models have no answer for the rest, and give one.
#
# ## 3. What a model of this course must not be used for
#
# Nothing here is for clinical use: no diagnosis, no second opinion, no reassurance, for nobody, yourself included. Do not
# build an app on it. Do not guess from a photograph who somebody is, or where a person's family comes from. If a spot on your
# skin worries you, show it to a doctor.
#
# ## 4. Your own photographs
#
# - **Ask first**, in writing, and say what for: who will see the picture, where it is kept, and until when. Ask again before
#   you publish it. Consent can be taken back; keep a list, so that you know what to delete.
# - **Children and patients** need more than this page: ask your institution before you photograph.
# - **Faces, tattoos, jewellery, birthmarks** show who somebody is. Cut them off; do not blur them.
# - **The file says more than the picture.** A phone writes the place, the time and the device into it (EXIF).
#
# Saving the pixels alone leaves that behind:

# %%
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from dermxai_helpers import data, plots, synth

lesion, drawer = synth.draw(2022, label="nv"), TemporaryDirectory()
phone, clean = Path(drawer.name) / "phone.jpg", Path(drawer.name) / "clean.jpg"
exif = Image.Exif()
exif[0x0110], exif[0x8825] = "a phone", {1: "N", 2: (48.0, 12.0, 30.0)}  # its model, and a latitude
Image.fromarray(lesion.image).save(phone, exif=exif)

# %%
Image.fromarray(data.open_image(phone)).save(clean)  # turned upright, then only the pixels
for path in (phone, clean):
    said = Image.open(path).getexif()
    print(f"{path.name}: {len(said)} entries; its place: {said.get_ifd(0x8825) or 'not said'}")

# %% [markdown]
# ## 5. What drawn lesions can say about skin tone
#
# They have six tones, numbered I to VI. How often each occurs was chosen by us, and it is not even:

# %%
folder = synth.write_folder(Path(drawer.name) / "lesions", 300, seed=0, progress=False)
drawn = data.truth(folder).merge(data.load(folder)[["image_id", "lesion_id"]]).drop_duplicates("lesion_id")
drawn.groupby("skin").agg(lesions=("label", "size"), melanomas=("label", lambda labels: (labels == "mel").sum()))

# %% [markdown]
# Too few melanomas on dark tones to say anything about them. With drawings this can be mended, one call a lesion:
# `synth.draw(7, label="mel", skin="VI")`. With photographs it cannot: somebody would have to take them.
#
# The same lesion on three tones, everything else equal:

# %%
same = {tone: synth.draw(11, label="nv", pigments=("dark brown", "red"), ink=False, skin=tone) for tone in ("I", "IV", "VI")}
contrast = {tone: abs(one.image[one.mask].mean() - one.image[~one.mask].mean()) for tone, one in same.items()}
levels = ", ".join(f"{difference:.0f} (tone {tone})" for tone, difference in contrast.items())
about = f"One drawn lesion on three skin tones. Lesion and skin differ by {levels} of 255 grey levels."
plots.show(plots.row({f"tone {tone}": one.image for tone, one in same.items()}, about))
print(about)
drawer.cleanup()

# %% [markdown]
# - **They can show** that a method works less well where contrast is lower, and whether a model uses the tone: unit 07 has such
#   a cause.
# - **They cannot show** how disease looks. We draw a red that the skin's colour dims. In life redness on dark skin can look
#   violet or brown, and may be easier to feel than to see. A result that is equal on six drawn tones says nothing about
#   six people.
# - **A colour is no person.** What unit 01 measures, the individual typology angle, follows the lamp. Set against three
#   dermatologists it agreed with them less than they did with each other (Groh et al. 2022,
#   [arXiv:2207.02942](https://arxiv.org/abs/2207.02942)). Call it the colour of a photograph.
#
# ## 6. Before you publish a result
#
# Say which pictures, from where, and of whom; how many in each group you speak about; and what you could not check. "Too few
# to say" is a finding.
