"""Fitness against complexity: the best composite of every size, over all runs of a task."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from srnet.drawing.style import colours, counted, legend, log_scale, styled, task_panels


@styled
def draw(pareto: pd.DataFrame) -> Figure:
    """One panel per task: a point per composite on the front of a run, and as a step the front of
    all runs of a preset.

    Parameters
    ----------
    pareto
        One row per composite: task, preset, seed, complexity, fitness (finite).
    """
    figure, panels = task_panels(pareto["task"])
    presets = colours(pareto["preset"])
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
            # a longer formula is never needed for a worse fitness: the front goes on to the right
            axes.step(
                [*best.index, points["complexity"].max()],
                [*best, best.iloc[-1]],
                where="post",
                color=colour,
            )
        log_scale(axes)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    figure.supxlabel("complexity (active nodes of all layers)")
    figure.supylabel("fitness")
    entries: dict[str, Any] = {}
    for preset, colour in presets.items():
        seeds = counted(
            pareto[pareto["preset"] == preset].groupby("task")["seed"].nunique(), "seed"
        )
        entries[f"{preset}: a point per composite on a run's front, {seeds}"] = Line2D(
            [], [], color=colour, marker=".", linestyle="none"
        )
        entries[f"{preset}: front of all its runs"] = Line2D([], [], color=colour)
    legend(figure, entries)
    return figure
