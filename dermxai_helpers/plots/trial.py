"""Figures of unit 03b and 04's end: what every method scored, what is left of a map, what a shortcut is worth."""

import pandas as pd
from matplotlib.figure import Figure

from dermxai_helpers.plots.common import BASELINE, MEASURED, bare, dots, draw_picture, outline, styled, told

SHOWN = {
    "plausibility": ("energy - area", "pointing game", "best Jaccard"),
    "faithfulness": ("insertion, blur", "deletion, blur"),
    "drawn": ("causal parts - area", "artefacts - area", "Jaccard, structures"),
}
QUESTIONS = {
    "plausibility": "Plausibility: does the map lie on the lesion?",
    "faithfulness": "Faithfulness: does the network lose its opinion when the marked pixels go?",
    "drawn": "Drawn lesions only: does the map lie on what made the class likely?",
}
LOWER_IS_BETTER = ("deletion", "artefacts")  # beginnings of measures' names


@styled
def verdict(table: pd.DataFrame) -> tuple[Figure, str]:
    """Draw every method's scores with 95 % intervals; one row of panels a question, baselines grey.

    table : index = method, columns (group, measure, "value" | "low" | "high"); of SHOWN, what is in it is drawn
    """
    there = {group: [name for name in names if (group, name) in table] for group, names in SHOWN.items()}
    there = {group: names for group, names in there.items() if names}
    figure = Figure(figsize=(9, (0.7 + 0.24 * len(table)) * len(there) + 0.3))
    said = []
    for part, (group, names) in zip(figure.subfigures(len(there), 1, squeeze=False)[:, 0], there.items(), strict=True):
        part.suptitle(QUESTIONS[group], x=0.01, ha="left")
        for axes, name in zip(part.subplots(1, len(names), sharey=True, squeeze=False)[0], names, strict=True):
            better = "lower" if name.startswith(LOWER_IS_BETTER) else "higher"
            dots(axes, table[group, name], reference=0 if table[group, name, "low"].min() < 0 else None)
            axes.set_title(f"{name}\n({better} is better)", fontsize=9)
            axes.locator_params(axis="x", nbins=5)
            said.append(f"{group}, {name} ({better} is better): {told(table[group, name])}")
    return figure, f"Scores as dots with 95 % intervals by lesion, one line a method. {'; '.join(said)}."


@styled
def randomisation(table: pd.DataFrame, measure: str = "rank correlation") -> tuple[Figure, str]:
    """Draw what is left of each method's maps while the network is drawn anew; dashed: another photograph's map.

    table : of `randomisation.cascade`
    """
    methods = table["method"].unique()
    figure = Figure(figsize=(9, 3.8))
    said = []
    panels = figure.subplots(1, len(methods), sharey=True, squeeze=False)[0]
    for axes, method in zip(panels, methods, strict=True):
        rows = table[table["method"] == method]
        steps, other = rows.iloc[:-1], rows[measure].iloc[-1]
        axes.axhline(other, color=BASELINE, linestyle="--", linewidth=1)
        axes.text(steps["step"].max(), other, "another photograph's map", ha="right", va="bottom", color=BASELINE)
        axes.fill_between(steps["step"], steps[f"{measure} low"], steps[f"{measure} high"], color=MEASURED, alpha=0.2)
        axes.plot(steps["step"], steps[measure], "o-", color=MEASURED, markersize=4)
        axes.set_xticks(steps["step"], steps["layer"], rotation=90)
        axes.set(ylim=(-1.05, 1.05), title=method)
        said.append(f"{method}: " + ", ".join(f"{row['layer']} {row[measure]:.2f}" for _, row in rows.iterrows()))
    panels[0].set_ylabel(measure)
    figure.supxlabel("layers drawn anew, from the head down")
    return figure, f"{measure} of maps with those before the network forgot, with 95 % intervals. {'. '.join(said)}."


@styled
def right_and_wrong(table: pd.DataFrame, measure: str) -> tuple[Figure, str]:
    """Draw each method's score where the model is right and where it is wrong, and the difference with its interval.

    table : columns right, wrong, difference, low, high; measure : the name of the score
    """
    figure = Figure(figsize=(8, 0.32 * len(table) + 1.2))
    scores, gaps = figure.subplots(1, 2, sharey=True)
    differences = table.rename(columns={"difference": "value"})
    dots(gaps, differences, reference=0)
    scores.hlines(table.index, table["wrong"], table["right"], color="#cccccc")
    scores.plot(table["right"], table.index, "o", color=MEASURED, label="right")
    scores.plot(table["wrong"], table.index, "o", color=MEASURED, markerfacecolor="white", label="wrong")
    scores.set(xlabel=measure, title="mean score where the model is right or wrong")
    scores.legend()
    gaps.set(xlabel=f"{measure}, right - wrong", title="difference with 95 % interval")
    means = [f"{name} right {row.right:.2f}, wrong {row.wrong:.2f}" for name, row in table.iterrows()]
    said = f"{'; '.join(means)}. Differences: {told(differences)}"
    return figure, f"{measure} of the maps of right and wrong predictions. {said}."


@styled
def shortcut(exposure, pairs, method: str, row: int = 0) -> tuple[Figure, str]:
    """Draw one lesion with its ruler and without, each model's map, and what the ruler is worth to model and map.

    exposure, pairs : of `shortcut.expose` and `shortcut.draw_pairs`
    """
    drops = exposure.drops.rename(columns={"drop": "value"})
    models = list(drops.index)
    shares = exposure.relevance.xs(method, level="method").loc[models]
    figure = Figure(figsize=(9, 9 / (2 + len(models)) + 0.4 * len(models) + 1.5))
    above, below = figure.subfigures(2, 1, height_ratios=[9 / (2 + len(models)) + 0.3, 0.4 * len(models) + 1.2])
    ruled, clean, *maps = above.subplots(1, 2 + len(models))
    draw_picture(ruled, pairs.ruled[row], "with ruler")
    draw_picture(clean, pairs.bare[row], "drawn without it")
    size = pairs.bands[row].shape
    for axes, model in zip(maps, models, strict=True):
        axes.imshow(exposure.maps[model, method][row].clip(min=0), vmin=0, extent=(0, size[1], size[0], 0))
        outline(axes, pairs.bands[row])
        bare(axes, f"{method},\n{model} model")
    left, right = below.subplots(1, 2)
    dots(left, drops, reference=0)
    left.set_title("probability of melanoma lost without the ruler", fontsize=9)
    dots(right, shares, reference=shares["area"].iloc[0])
    right.plot(shares["without"], range(len(models)), "D", color=MEASURED, markerfacecolor="white")
    right.set_title("share of the map on the ruler's place\n(open: no ruler there; dashed: area)", fontsize=9)
    without = ", ".join(f"{model} {share:.2f}" for model, share in shares["without"].items())
    return figure, (
        f"A lesion with a ruler, the same without it, and maps by {method}. Probability lost without the ruler: "
        f"{told(drops)}. Share of the map on the ruler's place: {told(shares)}; without the ruler: {without}."
    )
