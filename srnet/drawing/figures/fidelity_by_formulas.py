"""Fidelity of every layer by the number of its formulas, beside its principal components."""

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from srnet.drawing.style import (
    add_legend,
    annotate,
    markers_of,
    set_log_scale,
    set_log_ticks,
    styled,
    task_panels,
)

COMPONENTS = "components"
OUTPUT = "output"
# A network has seven digits: what is below is drawn as nothing, at the lower edge.
LEAST = 1e-6
# A layer may be farther from its formulas than from its mean: what is above is at the upper edge.
MOST = 2.0
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
    last = layer_r2.groupby("task")["layer"].transform("max")
    names = ("hidden layer " + layer_r2["layer"].astype(str)).where(
        layer_r2["layer"] < last, OUTPUT
    )
    frame = layer_r2.assign(
        left=1 - layer_r2["r2"].fillna(layer_r2["agreement"]), name=names
    ).dropna(subset="left")
    markers = markers_of(layer_r2.loc[layer_r2["source"] != COMPONENTS, "source"])
    cycle = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"][:-1]
    hidden = sorted(set(names) - {OUTPUT}, key=lambda name: int(name.split()[-1]))
    colours = {name: cycle[i % len(cycle)] for i, name in enumerate(hidden)} | {OUTPUT: "black"}
    figure, panels = task_panels(layer_r2["task"])
    for task, axes in panels.items():
        part = frame[frame["task"] == task]
        floor = min([1.0, *part.loc[part["left"] > LEAST, "left"]]) / 3
        part = part.assign(left=part["left"].where(part["left"] > LEAST, floor))
        finite = part[np.isfinite(part["left"])]
        _draw_layers(axes, finite.assign(left=finite["left"].clip(upper=MOST)), colours, markers)
        _set_axes(axes, part, floor)
        broken = set(part.loc[np.isinf(part["left"]), "source"])
        annotate(axes, [f"{preset}: not finite" for preset in markers if preset in broken])
    figure.supxlabel("formulas of the layer, or principal components")
    figure.supylabel("unexplained share, 1 − R²")
    entries: dict[str, Any] = {name: Line2D([], [], color=colours[name]) for name in colours}
    entries["principal components"] = Line2D([], [], color="0.4", linestyle="--", linewidth=0.8)
    for preset, marker in markers.items():
        entries[preset] = Line2D([], [], color="0.4", marker=marker, linestyle="none")
    add_legend(figure, entries, columns=6)
    return figure


def _draw_layers(
    axes: Axes, values: pd.DataFrame, colours: dict[str, str], markers: dict[str, str]
) -> None:
    shared: dict[str, Any] = {"x": "formulas", "y": "left", "hue": "name", "palette": colours}
    shared |= {"legend": False, "ax": axes}
    bound = values[values["source"] == COMPONENTS]
    own = values[values["source"] != COMPONENTS]
    best = own.groupby(["name", "formulas"], sort=False, as_index=False)["left"].min()
    if len(bound):  # the output of a classification has none
        sns.lineplot(bound, **shared, estimator=None, linestyle="--", linewidth=0.8)
    sns.lineplot(best, **shared, estimator=None)
    sns.scatterplot(
        own, **shared, style="source", markers=markers, s=9, linewidth=0.3, clip_on=False, zorder=3
    )
    axes.set(xlabel="", ylabel="")


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
    axes.set_ylim(bottom=floor, top=min(axes.get_ylim()[1], MOST))
