"""Best fitness of every preset by evaluations, beside the published final fitness."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from srnet.drawing.style import (
    BAND,
    PUBLISHED,
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
    figure, panels = task_panels(history["task"])
    presets = preset_colours(history["preset"])
    for task, axes in panels.items():
        for row in published[published["task"] == task].to_dict("records"):
            axes.axhspan(
                row["fitness_min"],
                row["fitness_max"],
                color=PUBLISHED,
                alpha=BAND,
                linewidth=0,
            )
            axes.axhline(row["fitness_median"], color=PUBLISHED, linestyle="--", linewidth=0.8)
        subset = history[history["task"] == task]
        for preset, colour in presets.items():
            curve = subset[subset["preset"] == preset]
            plot_with_band(axes, curve["evaluations"], curve["median"], curve, colour)
        axes.set_xscale("log")
        set_log_scale(axes)
        # the same limits in all panels: a run may stop at its first generation
        axes.set_xlim(history["evaluations"].min(), history["evaluations"].max())
        annotate(axes, off_axis_remarks(subset))
    figure.supxlabel("chromosome evaluations")
    figure.supylabel("best fitness so far")
    seeds = count_text(history["runs"], "seed")
    entries: dict[str, Any] = {}
    for preset, colour in presets.items():
        entries[f"{preset}: median of {seeds}, band minimum to maximum"] = band_legend(colour)
    if len(drawn := published[published["task"].isin(panels)]):
        line = Line2D([], [], color=PUBLISHED, linestyle="--", linewidth=0.8)
        label = f"published final fitness: median and range of {count_text(drawn['runs'], 'run')}"
        entries[label] = (Patch(color=PUBLISHED, alpha=BAND, linewidth=0), line)
    if (history["finite"] < history["runs"]).any():
        entries["not every seed is finite"] = Line2D([], [], color="0.3", linestyle=":")
    add_legend(figure, entries)
    return figure
