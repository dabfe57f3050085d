"""Error of the best formulas by distance of the points from the training box."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from srnet.drawing.style import (
    BAND,
    add_legend,
    annotate,
    band_legend,
    count_text,
    mask_nonpositive,
    preset_colours,
    set_log_scale,
    styled,
    task_panels,
)


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
    presets = preset_colours(distance["preset"])
    distances = list(dict.fromkeys(distance["distance"]))
    for task, axes in panels.items():
        remarks = []
        for preset, colour in presets.items():
            curve = distance[(distance["task"] == task) & (distance["preset"] == preset)]
            if curve.empty:
                continue
            places = [distances.index(value) for value in curve["distance"]]
            axes.fill_between(
                places,
                mask_nonpositive(curve["q1"]),
                mask_nonpositive(curve["q3"]),
                color=colour,
                alpha=BAND,
                linewidth=0,
            )
            axes.plot(
                places, mask_nonpositive(curve["median"]), color=colour, marker=".", markersize=3
            )
            axes.plot(
                places, mask_nonpositive(curve["rms"]), color=colour, linestyle=":", linewidth=0.8
            )
            if (curve["nonfinite"] > 0).any():
                worst = (curve["nonfinite"] / curve["points"]).max()
                remarks.append(f"{preset}: {worst:.0%} ×")
        axes.axhline(1, color="0.6", linewidth=0.6)
        set_log_scale(axes)
        axes.set_xticks(
            range(len(distances)), [f"{value:g}" if value else "in" for value in distances]
        )
        annotate(axes, remarks, side="left")
    figure.supxlabel("distance from the training box (half-widths; in: inside)")
    figure.supylabel("error (std of the network)")
    points = count_text(distance["points"], "point")
    entries: dict[str, Any] = {
        f"{preset}: median of {points}, band quartiles": band_legend(colour)
        for preset, colour in presets.items()
    }
    entries["root mean square"] = Line2D([], [], color="0.3", linestyle=":", linewidth=0.8)
    entries["1: as far off as the network's mean is, inside"] = Line2D(
        [], [], color="0.6", linewidth=0.6
    )
    if (distance["nonfinite"] > 0).any():
        entries["n% ×: at most so many points not finite, left out"] = Line2D(
            [], [], linestyle="none"
        )
    add_legend(figure, entries)
    return figure
