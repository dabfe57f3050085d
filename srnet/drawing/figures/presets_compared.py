"""Best fitness by chromosome evaluations, every preset, beside the published final fitness."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from srnet.drawing.style import (
    BAND,
    PUBLISHED,
    band_legend,
    colours,
    counted,
    legend,
    log_scale,
    not_on_the_axis,
    note,
    styled,
    task_panels,
    with_band,
)


@styled
def draw(history: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """One panel per task: median line and min–max band of each preset; behind, the range and median
    of the published runs.

    Parameters
    ----------
    history
        One row per task, preset and generation: evaluations, runs, finite, min, median, max.
    published
        One row per task: task, runs, fitness_min, fitness_median, fitness_max. Tasks may lack.
    """
    figure, panels = task_panels(history["task"])
    presets = colours(history["preset"])
    for task, axes in panels.items():
        for theirs in published[published["task"] == task].to_dict("records"):
            axes.axhspan(
                theirs["fitness_min"],
                theirs["fitness_max"],
                color=PUBLISHED,
                alpha=BAND,
                linewidth=0,
            )
            axes.axhline(theirs["fitness_median"], color=PUBLISHED, linestyle="--", linewidth=0.8)
        here = history[history["task"] == task]
        for preset, colour in presets.items():
            curve = here[here["preset"] == preset]
            with_band(axes, curve["evaluations"], curve["median"], curve, colour)
        axes.set_xscale("log")
        log_scale(axes)
        # all panels the same, for a run may end at its first generation
        axes.set_xlim(history["evaluations"].min(), history["evaluations"].max())
        note(axes, not_on_the_axis(here))
    figure.supxlabel("chromosome evaluations")
    figure.supylabel("best fitness so far")
    seeds = counted(history["runs"], "seed")
    entries: dict[str, Any] = {}
    for preset, colour in presets.items():
        entries[f"{preset}: median of {seeds}, band minimum to maximum"] = band_legend(colour)
    if len(drawn := published[published["task"].isin(panels)]):
        line = Line2D([], [], color=PUBLISHED, linestyle="--", linewidth=0.8)
        label = (
            f"published final fitness: median of {counted(drawn['runs'], 'run')}, band minimum to "
            f"maximum"
        )
        entries[label] = (Patch(color=PUBLISHED, alpha=BAND, linewidth=0), line)
    if (history["finite"] < history["runs"]).any():
        entries["not every seed is finite"] = Line2D([], [], color="0.3", linestyle=":")
    legend(figure, entries)
    return figure
