"""Fitness against complexity: the Pareto fronts of the runs of each task."""

from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from srnet.drawing.style import (
    add_legend,
    colours_of,
    markers_of,
    set_log_scale,
    styled,
    task_panels,
)
from srnet.wording import count_text


@styled
def draw(pareto: pd.DataFrame) -> Figure:
    """One panel per task: a point per composite on a run's front, and the front of each preset.

    The front of a preset, over all its runs, is a step.

    Parameters
    ----------
    pareto
        One row per composite: task, preset, seed, complexity, fitness (finite).
    """
    figure, panels = task_panels(pareto["task"])
    colours, markers = colours_of(pareto["preset"]), markers_of(pareto["preset"])
    points = pareto[pareto["fitness"] > 0]
    fronts = _fronts(points)
    for task, axes in panels.items():
        shared: dict[str, Any] = {"x": "complexity", "y": "fitness", "hue": "preset"}
        shared |= {"hue_order": list(colours), "palette": colours, "legend": False, "ax": axes}
        sns.scatterplot(
            points[points["task"] == task],
            **shared,
            style="preset",
            markers=markers,
            s=3,
            alpha=0.4,
            linewidth=0,
            rasterized=True,
        )
        sns.lineplot(
            fronts[fronts["task"] == task], **shared, estimator=None, drawstyle="steps-post"
        )
        axes.set(xlabel="", ylabel="")
        set_log_scale(axes)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    figure.supxlabel("complexity (active nodes of all layers)")
    figure.supylabel("fitness")
    entries: dict[str, Any] = {}
    for preset, runs in pareto.groupby("preset", sort=False):
        seeds = count_text(runs.groupby("task")["seed"].nunique(), "seed")
        style: dict[str, Any] = {"color": colours[str(preset)]}
        entries[f"{preset}: a point per composite on a run's front, {seeds}"] = Line2D(
            [], [], marker=markers[str(preset)], linestyle="none", **style
        )
        entries[f"{preset}: front of all its runs"] = Line2D([], [], **style)
    add_legend(figure, entries)
    return figure


def _fronts(points: pd.DataFrame) -> pd.DataFrame:
    """The best fitness of each task and preset up to every complexity."""
    groups = ["task", "preset"]
    best = points.groupby([*groups, "complexity"])["fitness"].min()
    return best.groupby(groups).cummin().reset_index()
