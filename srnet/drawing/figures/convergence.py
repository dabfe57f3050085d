"""Best fitness by generation, over the seeds (the paper's convergence figures)."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from srnet.drawing.style import (
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
def draw(history: pd.DataFrame) -> Figure:
    """One panel per task: mean line and min–max band of each preset.

    Parameters
    ----------
    history
        One row per task, preset and generation: runs, finite, min, mean, max.
    """
    figure, panels = task_panels(history["task"])
    presets = colours(history["preset"])
    for task, axes in panels.items():
        here = history[history["task"] == task]
        for preset, colour in presets.items():
            curve = here[here["preset"] == preset]
            with_band(axes, curve["generation"], curve["mean"], curve, colour)
        log_scale(axes)
        # all panels the same, for a run may end at its first generation
        axes.set_xlim(0, history["generation"].max())
        note(axes, not_on_the_axis(here))
    figure.supxlabel("generation")
    figure.supylabel("best fitness so far")
    seeds = counted(history["runs"], "seed")
    entries: dict[str, Any] = {}
    for preset, colour in presets.items():
        entries[f"{preset}: mean of {seeds}, band minimum to maximum"] = band_legend(colour)
    if (history["finite"] < history["runs"]).any():
        entries["mean of the finite seeds only"] = Line2D([], [], color="0.3", linestyle=":")
    legend(figure, entries)
    return figure
