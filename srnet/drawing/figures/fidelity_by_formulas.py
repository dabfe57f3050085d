"""Fidelity of every layer by the number of its formulas, beside its principal components."""

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from srnet.drawing.style import (
    add_legend,
    annotate,
    distinct_names,
    set_log_scale,
    set_log_ticks,
    styled,
    task_panels,
)

COMPONENTS = "components"
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
# A network has seven digits: what is below is drawn as nothing, at the lower edge.
LEAST = 1e-6
# Of more formulas the axis is logarithmic.
LINEAR = 8


@styled
def draw(layer_r2: pd.DataFrame) -> Figure:
    """One panel per task: the share of each layer's variance that is not explained, by number of
    formulas; of the output of a classification the share of the rows of another class.

    A marker per preset, a line through the best of each number, and a dashed line for the layer's
    first principal components.

    Parameters
    ----------
    layer_r2
        One row per task, layer and source (a preset, or ``components``): formulas, r2, agreement.
    """
    frame = layer_r2.assign(left=1 - layer_r2["r2"].fillna(layer_r2["agreement"]))
    frame = frame[frame["left"].notna()]
    presets = [name for name in distinct_names(frame["source"]) if name != COMPONENTS]
    markers = {preset: MARKERS[i % len(MARKERS)] for i, preset in enumerate(presets)}
    figure, panels = task_panels(layer_r2["task"])
    deepest = int((layer_r2.groupby("task")["layer"].max() - 1).max())
    for task, axes in panels.items():
        part = frame[frame["task"] == task]
        last = layer_r2.loc[layer_r2["task"] == task, "layer"].max()
        floor = min([1.0, *part.loc[part["left"] > LEAST, "left"]]) / 3
        part = part.assign(left=part["left"].where(part["left"] > LEAST, floor))
        for layer in sorted(part["layer"].unique()):
            colour = _colour(layer if layer < last else 0)
            _draw_layer(axes, part[part["layer"] == layer], markers, colour)
        _set_axes(axes, part, floor)
        annotate(
            axes,
            [
                f"{preset}: not finite"
                for preset in presets
                if np.isinf(part.loc[part["source"] == preset, "left"]).any()
            ],
        )
    figure.supxlabel("formulas of the layer, or principal components")
    figure.supylabel("unexplained share, 1 − R²")
    entries: dict[str, Any] = {
        f"hidden layer {layer}": Line2D([], [], color=_colour(layer))
        for layer in range(1, deepest + 1)
    }
    entries["output"] = Line2D([], [], color=_colour(0))
    entries["principal components"] = Line2D([], [], color="0.4", linestyle="--", linewidth=0.8)
    for preset, marker in markers.items():
        entries[preset] = Line2D([], [], color="0.4", marker=marker, linestyle="none")
    add_legend(figure, entries, columns=6)
    return figure


def _colour(layer: int) -> str:
    """A hidden layer's, 1 …; the output's, 0, is black."""
    cycle = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    return to_hex(cycle[(layer - 1) % (len(cycle) - 1)]) if layer else "black"


def _draw_layer(axes: Axes, values: pd.DataFrame, markers: dict[str, str], colour: str) -> None:
    bound = values[values["source"] == COMPONENTS]
    axes.plot(bound["formulas"], bound["left"], color=colour, linestyle="--", linewidth=0.8)
    own = values[(values["source"] != COMPONENTS) & np.isfinite(values["left"])]
    best = own.groupby("formulas")["left"].min()
    axes.plot(best.index, best, color=colour)
    for preset, marker in markers.items():
        points = own[own["source"] == preset]
        if points.empty:  # a marker of nothing, not clipped, would take space
            continue
        axes.plot(
            points["formulas"],
            points["left"],
            marker,
            color=colour,
            markersize=3,
            markeredgecolor="white",
            markeredgewidth=0.3,
            clip_on=False,
            zorder=3,
        )


def _set_axes(axes: Axes, values: pd.DataFrame, floor: float) -> None:
    most = values["formulas"].max() if len(values) else 1
    if most > LINEAR:
        axes.set_xscale("log")
        axes.set_xlim(0.9, most * 1.1)
        set_log_ticks(axes, "x")
    else:
        axes.set_xlim(0.8, max(most, 2) + 0.2)
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    set_log_scale(axes)
    axes.set_ylim(bottom=floor)
