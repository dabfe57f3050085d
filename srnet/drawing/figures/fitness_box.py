"""Final fitness over the seeds beside the published runs, as in the paper's box plot."""

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from srnet.drawing.style import (
    OUTLINES,
    PUBLISHED,
    add_legend,
    annotate,
    colours_of,
    set_log_scale,
    styled,
    task_panels,
)
from srnet.wording import count_text

NUMBERS = [f"fitness_{name}" for name in ("min", "q1", "median", "q3", "max")]


@styled
def draw(runs: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """One panel per task: a box for each preset and for the published runs, and a point per run.

    Whiskers reach to minimum and maximum.

    Parameters
    ----------
    runs
        One row per run: task, preset, seed, fitness.
    published
        One row per task: task, runs, fitness_min, fitness_q1, fitness_median, fitness_q3,
        fitness_max. Tasks may be missing.
    """
    tasks = runs["task"].unique()
    figure, panels = task_panels(tasks, columns=min(6, len(tasks)), height=1.45)
    figure.supylabel("final fitness")
    presets = colours_of(runs["preset"])
    published = published[published["task"].isin(tasks)]
    # the quartiles of five numbers are the numbers themselves
    five = published.melt("task", NUMBERS, value_name="fitness").assign(preset="published")
    for task, axes in panels.items():
        own = runs[runs["task"] == task]
        _draw_boxes(axes, five[five["task"] == task], own, presets)
        set_log_scale(axes)
        zero = own.groupby("preset", sort=False)["fitness"].apply(
            lambda values: (values == 0).all()
        )
        annotate(axes, [f"{preset}: all 0" for preset in zero.index[zero]])
    entries: dict[str, Any] = {}
    if len(published):
        label = f"published: {count_text(published['runs'], 'run')}"
        entries[label] = Patch(edgecolor=PUBLISHED, fill=False)
    for preset, colour in presets.items():
        seeds = count_text(runs.loc[runs["preset"] == preset, "task"].value_counts(), "seed")
        entries[f"{preset}: {seeds}"] = Patch(edgecolor=colour, fill=False)
    if not np.isfinite(runs["fitness"]).all():
        entries["n×∞: runs that are not finite"] = Patch(alpha=0)
    add_legend(figure, entries, columns=4)
    return figure


def _draw_boxes(
    axes: Axes, published: pd.DataFrame, runs: pd.DataFrame, presets: dict[str, str]
) -> None:
    colours = {"published": PUBLISHED} | presets
    finite = runs[np.isfinite(runs["fitness"])]
    places: dict[str, Any] = {"x": "preset", "y": "fitness", "hue": "preset", "ax": axes}
    places |= {"order": list(colours), "palette": colours, "legend": False}
    sns.boxplot(pd.concat([published, finite]), **places, **OUTLINES, width=0.6, whis=(0, 100))
    sns.stripplot(finite, **places, size=1.5, jitter=0.18, alpha=0.6)
    axes.set(xlabel="", ylabel="", xlim=(-0.6, len(presets) + 0.6), xticks=[])
    broken = (~np.isfinite(runs["fitness"])).groupby(runs["preset"]).sum()
    for place, (preset, colour) in enumerate(presets.items(), start=1):
        if broken.get(preset):
            axes.text(
                place,
                1.01,
                f"{broken[preset]}×∞",
                transform=axes.get_xaxis_transform(),
                ha="center",
                fontsize=6,
                color=colour,
            )
