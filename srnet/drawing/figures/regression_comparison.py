"""Function, network, SRNet, LIME and MAPLE along lines through the test box, as in the paper."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from srnet.drawing.methods import ORDER, group_by_method, line_style
from srnet.drawing.style import PAGE, distinct_names, styled
from srnet.wording import method_name

COLUMNS = 5  # panels in a row
HEIGHT = 1.12  # of a row, in inches
SURFACE = "surface"
MARGIN = 0.35  # of an axis beyond the network's range, as a share of that range


@styled
def draw(curves: pd.DataFrame) -> Figure:
    """The panels of all tasks, in rows.

    A curve task has one panel, another task one for each input, and a surface if it has two inputs.

    Parameters
    ----------
    curves
        One row per task, panel, position and method: x, z, preset, value, and low, high, the
        training interval.
    """
    tasks = distinct_names(curves["task"])
    groups = {task: curves[curves["task"] == task] for task in tasks}
    rows = _arrange({task: distinct_names(group["panel"]) for task, group in groups.items()})
    figure = Figure(figsize=(PAGE, HEIGHT * len(rows) + 0.4), layout="constrained")
    grid = figure.add_gridspec(len(rows), COLUMNS)
    presets = distinct_names(curves.loc[curves["method"] == "srnet", "preset"])
    for i, row in enumerate(rows):
        for j, (task, panel) in enumerate(row):
            group = _standardise(groups[task])
            subset = group[group["panel"] == panel]
            if panel == SURFACE:
                _draw_surface(
                    figure.add_subplot(grid[i, j], projection="3d"), task, subset, group, presets
                )
            else:
                axes = figure.add_subplot(grid[i, j])
                _draw_curves(axes, subset)
                first = panel == distinct_names(group["panel"])[0]
                axes.set_title(task if first else "")
                axes.set_xlabel(panel)
                if j == 0:
                    axes.set_ylabel("output")
    figure.legend(
        handles=[
            *_handles(curves, presets),
            Line2D([], [], color="0.35", linewidth=0.7, linestyle="-.", label="training box"),
        ],
        loc="outside upper center",
        ncols=7,
    )
    return figure


def _arrange(panels: dict[str, list[str]]) -> list[list[tuple[str, str]]]:
    """Arrange panels in the order of the tasks; those of a task share a row if they fit."""
    rows: list[list[tuple[str, str]]] = [[]]
    for task, names in panels.items():
        for first in range(0, len(names), COLUMNS):
            part = [(task, panel) for panel in names[first : first + COLUMNS]]
            if len(rows[-1]) + len(part) > COLUMNS:
                rows.append([])
            rows[-1] += part
    return rows


def _standardise(group: pd.DataFrame) -> pd.DataFrame:
    """Standardise the outputs of a task.

    Mean and standard deviation are those of the network within the training interval.
    """
    inside = group[
        (group["method"] == "network") & group["x"].between(group["low"], group["high"])
    ]["value"]
    return group.assign(value=(group["value"] - inside.mean()) / (inside.std(ddof=0) or 1.0))


def _limits(group: pd.DataFrame) -> tuple[float, float]:
    """The limits of an output axis: the range of the network and a margin.

    Other methods do not count: the true function may have a pole, an explanation may be anywhere.
    """
    network = group.loc[group["method"] == "network", "value"]
    low, high = float(network.min()), float(network.max())
    # the axis spans at least one standard deviation
    margin = max(MARGIN * (high - low), (1 - (high - low)) / 2)
    return low - margin, high + margin


def _draw_curves(axes: Axes, subset: pd.DataFrame) -> None:
    for names, curve in group_by_method(subset):
        axes.plot(curve["x"], curve["value"], **line_style(names["method"], names["preset"]))
    for edge in (subset["low"].iloc[0], subset["high"].iloc[0]):
        axes.axvline(edge, color="0.35", linewidth=0.7, linestyle="-.", zorder=1)
    axes.set_ylim(*_limits(subset))
    axes.margins(x=0)
    axes.locator_params(nbins=4)


def _draw_surface(
    axes: Any, task: str, subset: pd.DataFrame, group: pd.DataFrame, presets: list[str]
) -> None:
    low, high = _limits(subset)
    for method in ("true", "network", "srnet"):
        shown = subset[
            (subset["method"] == method) & ((method != "srnet") | (subset["preset"] == presets[0]))
        ]
        if shown.empty:
            continue
        table = shown.pivot(index="x", columns="z", values="value")
        x, z = np.meshgrid(table.index, table.columns, indexing="ij")
        style = {
            "color": line_style(method, presets[0] if method == "srnet" else "")["color"],
            "linewidth": 0.8 if method == "true" else 0.4,
            "rcount": 11,
            "ccount": 11,
        }
        values = table.to_numpy(float)
        axes.plot_wireframe(
            x, z, np.where((values >= low) & (values <= high), values, np.nan), **style
        )
    inputs = [panel for panel in distinct_names(group["panel"]) if panel != SURFACE]
    axes.set_xlabel(inputs[0], labelpad=-12)
    axes.set_ylabel(inputs[1], labelpad=-12)
    axes.set_zlim(low, high)
    axes.view_init(25, -130)
    axes.tick_params(labelsize=4, pad=-5)
    axes.locator_params(nbins=3)
    axes.set_box_aspect(None, zoom=1.25)


def _handles(curves: pd.DataFrame, presets: list[str]) -> list[Line2D]:
    handles = []
    for method in ORDER:
        if method in set(curves["method"]):
            for preset in presets if method == "srnet" else [""]:
                label = method_name(method) + (f" {preset}" if len(presets) > 1 and preset else "")
                handles.append(Line2D([], [], **line_style(method, preset), label=label))
    return handles
