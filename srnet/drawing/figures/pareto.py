"""Fitness against complexity: the Pareto fronts of the runs of each task."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from srnet.drawing.style import (
    add_legend,
    count_text,
    preset_colours,
    set_log_scale,
    styled,
    task_panels,
)


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
    presets = preset_colours(pareto["preset"])
    for task, axes in panels.items():
        for preset, colour in presets.items():
            points = pareto[
                (pareto["task"] == task) & (pareto["preset"] == preset) & (pareto["fitness"] > 0)
            ]
            if points.empty:
                continue
            axes.plot(
                points["complexity"],
                points["fitness"],
                ".",
                color=colour,
                markersize=1.8,
                alpha=0.4,
                rasterized=True,
            )
            best = points.groupby("complexity")["fitness"].min().cummin()
            # no larger composite is better than the best: the front continues to the right
            axes.step(
                [*best.index, points["complexity"].max()],
                [*best, best.iloc[-1]],
                where="post",
                color=colour,
            )
        set_log_scale(axes)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    figure.supxlabel("complexity (active nodes of all layers)")
    figure.supylabel("fitness")
    entries: dict[str, Any] = {}
    for preset, colour in presets.items():
        seeds = count_text(
            pareto[pareto["preset"] == preset].groupby("task")["seed"].nunique(), "seed"
        )
        entries[f"{preset}: a point per composite on a run's front, {seeds}"] = Line2D(
            [], [], color=colour, marker=".", linestyle="none"
        )
        entries[f"{preset}: front of all its runs"] = Line2D([], [], color=colour)
    add_legend(figure, entries)
    return figure
