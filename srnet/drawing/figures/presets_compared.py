"""Best fitness of every preset by evaluations, beside the published final fitness."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from srnet.drawing.figures.convergence import draw_history, finish_panel
from srnet.drawing.style import BAND, PUBLISHED, add_legend, styled
from srnet.wording import count_text


@styled
def draw(history: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """One panel per task: a line (median) and a band (minimum to maximum) for each preset.

    Median and range of the published runs are drawn behind them in grey.

    Parameters
    ----------
    history
        One row per task, preset and generation: evaluations, runs, finite, min, median, max.
    published
        One row per task: task, runs, fitness_min, fitness_median, fitness_max. Tasks may be
        missing.
    """
    figure, panels, entries = draw_history(history, "evaluations", "median")
    published = published[published["task"].isin(panels)]
    grey: dict[str, Any] = {"color": PUBLISHED, "alpha": BAND, "linewidth": 0}
    dashes: dict[str, Any] = {"color": PUBLISHED, "linestyle": "--", "linewidth": 0.8}
    for row in published.to_dict("records"):
        axes = panels[row["task"]]
        axes.axhspan(row["fitness_min"], row["fitness_max"], zorder=0.6, **grey)
        axes.axhline(row["fitness_median"], zorder=0.7, **dashes)
    for task, axes in panels.items():
        axes.set_xscale("log")
        finish_panel(axes, history, task)
        # the same limits in all panels: a run may stop at its first generation
        axes.set_xlim(history["evaluations"].min(), history["evaluations"].max())
    figure.supxlabel("chromosome evaluations")
    if len(published):
        label = (
            f"published final fitness: median and range of {count_text(published['runs'], 'run')}"
        )
        entries[label] = (Patch(**grey), Line2D([], [], **dashes))
    add_legend(figure, entries)
    return figure
