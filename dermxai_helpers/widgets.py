"""Sliders around pure functions, in an `ipywidgets.Image`: with `interact`, whatever executes notebooks may hang."""

import html
from collections.abc import Callable, Mapping, Sequence

import ipywidgets
import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits
from torch.nn import Module

from dermxai_helpers import data, lexicon, plots, regions, relevancy, scoring
from dermxai_helpers.lexicon.sentences import compliance, first_sentence
from dermxai_helpers.plots import captions as caption_plots
from dermxai_helpers.plots import classifier as classifier_plots


def panel(render: Callable[..., tuple[Figure, str]], **controls: ipywidgets.Widget) -> ipywidgets.VBox:
    """Put controls above a figure and its description. render : takes their values by name; what it raises is shown."""
    picture, words = ipywidgets.Image(format="png"), ipywidgets.HTML(layout={"min_height": "5em"})  # the page stays put
    words.add_class("tex2jax_ignore").add_class("mathjax_ignore")  # a dollar in a caption is a dollar

    def draw(_change: object = None) -> None:
        picture.layout.visibility, words.value = "hidden", "…"  # no old answer stands under a new question
        try:
            figure, alt = render(**{name: control.value for name, control in controls.items()})
            picture.value, words.value = plots.png(figure), html.escape(alt)
            picture.layout.visibility = "visible"
        except Exception as problem:  # a widget has no other place to say it
            kind = "" if isinstance(problem, ValueError) else f"{type(problem).__name__}: "
            words.value = f"<b>{html.escape(f'{kind}{problem}')}</b>"  # under a picture that keeps its place, hidden

    for control in controls.values():
        control.observe(draw, "value")
    draw()
    return ipywidgets.VBox([*controls.values(), picture, words])


def slider(description: str, value: float, low: float, high: float, step: float) -> ipywidgets.FloatSlider:
    """A slider that acts when it is released, so that a slow figure is not drawn for every value on the way."""
    looks = {"style": {"description_width": "initial"}, "layout": {"width": "28em"}, "continuous_update": False}
    return ipywidgets.FloatSlider(value=value, min=low, max=high, step=step, description=description, **looks)


def choice(description: str, options: Sequence[str], value: str | None = None) -> ipywidgets.Dropdown:
    """A list to choose one of."""
    return ipywidgets.Dropdown(options=list(options), value=value or list(options)[0], description=description)


def decision_at(scores: np.ndarray, positive: np.ndarray, threshold: float) -> tuple[Figure, str]:
    """Count and draw whom one threshold sends on. scores : of melanoma, (n,); positive : bool, (n,)"""
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(~positive, scores < threshold, labels=[False, True])  # first melanomas, first sent on
    return classifier_plots.decision(scores, positive, threshold, counts)


def region(image: np.ndarray, heatmaps: Mapping[str, np.ndarray], lesion: np.ndarray) -> ipywidgets.VBox:
    """Choose method and threshold. image : uint8 (h, w, 3); heatmaps : {method: raw (h, w)}; lesion : bool (h, w)"""

    def render(method: str, threshold: float) -> tuple[Figure, str]:
        found = regions.find(heatmaps[method], threshold)
        scores = regions.score(found, lesion)
        views = regions.views(image, found)
        pictures = {"heat-map": heatmaps[method].clip(min=0), "orange: region, blue: lesion": image}
        pictures |= {"crop": views["roi"], "dimmed": views["focused"]}
        said = f"IoU with the lesion {scores['iou']:.2f}, a centred box of equal area {scores['centred box: iou']:.2f}"
        said += f"; lesion kept {scores['lesion kept']:.2f}, centred box {scores['centred box: lesion kept']:.2f}"
        outlines = [{}, {plots.REGION: found.mask, plots.LESION: lesion}]
        return plots.row(pictures, f"{said}. {found.note}", outlines, below=said)

    return panel(render, method=choice("method", heatmaps), threshold=slider("threshold", 0.5, 0.05, 0.95, 0.05))


def relevancy_map(model: Module, image: np.ndarray, affected: np.ndarray, classes: Sequence[str]) -> ipywidgets.VBox:
    """Choose method, class and first block: where does a transformer's evidence lie?

    model : a timm transformer; image : uint8 RGB (h, w, 3); affected : bool (h, w); classes : names of its outputs
    """
    ready = relevancy.prepare(model, [image])

    def render(method: str, target: str, start_layer: int) -> tuple[Figure, str]:
        found = relevancy.explain(model, ready, list(classes).index(target), start_layer, method, classes)
        inside = scoring.energy_inside(found.resized(affected.shape)[0], affected)
        said = f"{inside:.0%} of the evidence on the affected skin, which is {affected.mean():.0%} of the picture"
        pictures = {"photograph": image, f"{method}, {found.layer}": found.normalised()[0]}
        pictures[f"evidence for {target}"] = found.overlay(image[None])[0]
        rim = {"white": affected}
        return plots.row(pictures, f"A map by {method} for {target}: {said}.", [rim, {}, rim], below=said)

    predicted = relevancy.explain(model, ready, method="attention", classes=classes).class_name[0]
    first = ipywidgets.IntSlider(value=0, min=0, max=len(model.blocks) - 1, description="first block")
    names, targets = choice("method", relevancy.METHODS), choice("class", classes, predicted)
    return panel(render, method=names, target=targets, start_layer=first)


def word_lists(sentences: Sequence[str], labels: Sequence[str], keywords: Mapping, note: str) -> ipywidgets.VBox:
    """Change the keywords, {class: words}, and see the votes. sentences : captions; labels : the true class of each"""
    from sklearn.metrics import confusion_matrix

    def render(**texts: str) -> tuple[Figure, str]:
        split = {name: text.lower().split(",") for name, text in texts.items()}
        chosen = {name: [word.strip() for word in words if word.strip()] for name, words in split.items()}
        votes = [lexicon.paper_vote(sentence, chosen).label for sentence in sentences]
        table = scoring.classification_table(labels, votes, data.CLASSES)
        confusion = confusion_matrix(labels, votes, labels=data.CLASSES)
        return caption_plots.vote_report(table, confusion, data.CLASSES, 0.260, note)  # the paper, section 4.4

    looks = {"continuous_update": False, "layout": {"width": "40em"}}
    boxes = {name: ipywidgets.Text(", ".join(words), description=name, **looks) for name, words in keywords.items()}
    return panel(render, **boxes)


def playground(captioner, lesions: Mapping[str, Mapping[str, np.ndarray]], prompt: str) -> ipywidgets.VBox:
    """Ask your own question about a view of a lesion; every view can be seen beside it.

    captioner : a `captions.Captioner`; lesions : name -> {view: uint8 (H, W, 3)}; prompt : the question to begin with
    """

    def render(lesion: str, view: str, question: str) -> tuple[Figure, str]:
        answer = captioner.caption([lesions[lesion][view]], question, progress=False)[0]
        kept = first_sentence(answer)
        broken = [name for name, kept_to in compliance(answer, (question,)).items() if not kept_to]
        card = {f"{lesion}, {view}": (lesions[lesion][view], kept)}
        card |= {name: (picture, "") for name, picture in lesions[lesion].items()}
        figure, _ = plots.cards([card], "the answer, and every view that can be asked about")
        facts = ", ".join(f"{slot}: {' '.join(fact)}" for slot, fact in lexicon.parse(kept, (question,)).items())
        said = f"Facts read: {facts or 'none'}. Demands not met: {', '.join(broken) or 'none'}."
        return figure, f"{kept} {said.replace('_', ' ')}"

    looks = {"continuous_update": False, "layout": {"width": "44em", "height": "5em"}}
    question = ipywidgets.Textarea(prompt, description="question", **looks)
    view = choice("view", next(iter(lesions.values())))
    return panel(render, lesion=choice("lesion", lesions), view=view, question=question)


def recalls_at(seen: tuple, unseen: tuple, exponent: float) -> tuple[Figure, str]:
    """Draw recalls of a linear head trained with loss weights (n / n_class) ** exponent, beside one without weights.

    seen, unseen : (features (n, width), class indices (n,)) to train on and to judge on
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    rarity = len(seen[1]) / np.bincount(seen[1], minlength=len(data.CLASSES)).clip(1)
    recalls = {}
    for name, power in {"without weights": 0.0, f"exponent {exponent:.2f}": exponent}.items():
        head = LogisticRegression(C=0.001, max_iter=1000, tol=0.01, class_weight=dict(enumerate(rarity**power)))
        with threadpool_limits(1):  # two threads would only wait for each other on so small a problem
            predicted = make_pipeline(StandardScaler(), head).fit(*seen).predict(unseen[0])
        right = [(predicted[unseen[1] == number] == number).mean() for number in range(len(data.CLASSES))]
        recalls[name] = pd.Series(right, index=data.CLASSES)
    return plots.moved(pd.DataFrame(recalls), "recall: share of the class's images that are found")
