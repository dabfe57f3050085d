"""Best fitness by generation over the seeds, as in the paper's convergence figures."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from srnet.drawing.style import (
    add_legend,
    annotate,
    band_legend,
    colours_of,
    mask_nonpositive,
    off_axis_remarks,
    plot_bands,
    set_log_scale,
    styled,
    task_panels,
)
from srnet.wording import count_text


@styled
def draw(history: pd.DataFrame) -> Figure:
    """One panel per task: a line (mean) and a band (minimum to maximum) for each preset.

    Parameters
    ----------
    history
        One row per task, preset and generation: runs, finite, min, mean, max.
    """
    figure, panels, entries = draw_history(history, "generation", "mean")
    for task, axes in panels.items():
        finish_panel(axes, history, task)
        # the same limits in all panels: a run may stop at its first generation
        axes.set_xlim(0, history["generation"].max())
    figure.supxlabel("generation")
    add_legend(figure, entries)
    return figure


def draw_history(
    history: pd.DataFrame, x: str, line: str
) -> tuple[Figure, dict[str, Axes], dict[str, Any]]:
    """One panel per task: a line and a band (minimum to maximum) for each preset.

    Where some seed is not finite, the line is dotted and has no band.

    Parameters
    ----------
    x, line
        Columns of ``history``: the coordinate, and the middle of the seeds.

    Returns
    -------
    The figure, its panels by task, and the entries of its legend.
    """
    figure, panels = task_panels(history["task"])
    figure.supylabel("best fitness so far")
    presets = colours_of(history["preset"])
    whole = history["finite"] == history["runs"]
    # the dotted line reaches the first point of the other
    after = whole.groupby([history["task"], history["preset"]]).shift(-1, fill_value=True)
    shown = history.assign(
        **{name: mask_nonpositive(history[name]).where(whole) for name in ("min", "max", line)},
        partial=mask_nonpositive(history[line]).where(~whole | ~after),
    )
    for task, axes in panels.items():
        part = shown[shown["task"] == task]
        plot_bands(axes, part, presets, "preset", x, ("min", "max"), line, "partial")
    entries: dict[str, Any] = {}
    for name, colour in presets.items():
        seeds = count_text(history.loc[history["preset"] == name, "runs"], "seed")
        entries[f"{name}: {line} of {seeds}, band minimum to maximum"] = band_legend(colour)
    if not whole.all():
        entries[f"{line} where not every seed is finite"] = Line2D([], [], color="0.3", ls=":")
    return figure, panels, entries


def finish_panel(axes: Axes, history: pd.DataFrame, task: str) -> None:
    """Make the y axis logarithmic, and say what it cannot show."""
    set_log_scale(axes)
    annotate(axes, off_axis_remarks(history[history["task"] == task]))
