"""Error of the best formulas by distance of the points from the training box."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from srnet.drawing.style import (
    add_legend,
    annotate,
    band_legend,
    colours_of,
    mask_nonpositive,
    plot_bands,
    set_log_scale,
    styled,
    task_panels,
)
from srnet.wording import count_text


@styled
def draw(distance: pd.DataFrame) -> Figure:
    """One panel per task: median, quartiles and root mean square of the error of each preset.

    It is the absolute error of the preset's best formula.

    Parameters
    ----------
    distance
        One row per task, preset and distance: points, nonfinite, and q1, median, q3, rms of the
        error in standard deviations of the network's output over its rows.
    """
    figure, panels = task_panels(distance["task"])
    presets = colours_of(distance["preset"])
    distances = list(dict.fromkeys(distance["distance"]))
    shown = distance.assign(
        **{name: mask_nonpositive(distance[name]) for name in ("q1", "median", "q3", "rms")},
        place=distance["distance"].map(distances.index),
        lost=distance["nonfinite"] / distance["points"],
    )
    for task, axes in panels.items():
        part = shown[shown["task"] == task]
        plot_bands(axes, part, presets, "preset", "place", ("q1", "q3"), "median", "rms")
        axes.axhline(1, color="0.6", linewidth=0.6)
        set_log_scale(axes)
        axes.set_xticks(
            range(len(distances)), [f"{value:g}" if value else "in" for value in distances]
        )
        lost = part.groupby("preset", sort=False)["lost"].max()
        annotate(axes, [f"{name}: {lost[name]:.0%} ×" for name in lost.index[lost > 0]], "left")
    figure.supxlabel("distance from the training box (half-widths; in: inside)")
    figure.supylabel("error (std of the network)")
    points = count_text(distance["points"], "point")
    entries: dict[str, Any] = {
        f"{preset}: median of {points}, band quartiles": band_legend(colour)
        for preset, colour in presets.items()
    }
    entries["root mean square"] = Line2D([], [], color="0.3", linestyle=":")
    entries["1: as far off as the network's mean is, inside"] = Line2D(
        [], [], color="0.6", linewidth=0.6
    )
    if np.any(shown["lost"] > 0):
        entries["n% ×: at most so many points not finite, left out"] = Line2D([], [], ls="none")
    add_legend(figure, entries)
    return figure
