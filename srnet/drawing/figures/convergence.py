"""Best fitness by generation over the seeds, as in the paper's convergence figures."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from srnet.drawing.style import (
    add_legend,
    annotate,
    band_legend,
    count_text,
    off_axis_remarks,
    plot_with_band,
    preset_colours,
    set_log_scale,
    styled,
    task_panels,
)


@styled
def draw(history: pd.DataFrame) -> Figure:
    """One panel per task: a line (mean) and a band (minimum to maximum) for each preset.

    Parameters
    ----------
    history
        One row per task, preset and generation: runs, finite, min, mean, max.
    """
    figure, panels = task_panels(history["task"])
    presets = preset_colours(history["preset"])
    for task, axes in panels.items():
        subset = history[history["task"] == task]
        for preset, colour in presets.items():
            curve = subset[subset["preset"] == preset]
            plot_with_band(axes, curve["generation"], curve["mean"], curve, colour)
        set_log_scale(axes)
        # the same limits in all panels: a run may stop at its first generation
        axes.set_xlim(0, history["generation"].max())
        annotate(axes, off_axis_remarks(subset))
    figure.supxlabel("generation")
    figure.supylabel("best fitness so far")
    seeds = count_text(history["runs"], "seed")
    entries: dict[str, Any] = {}
    for preset, colour in presets.items():
        entries[f"{preset}: mean of {seeds}, band minimum to maximum"] = band_legend(colour)
    if (history["finite"] < history["runs"]).any():
        entries["mean of the finite seeds only"] = Line2D([], [], color="0.3", linestyle=":")
    add_legend(figure, entries)
    return figure
