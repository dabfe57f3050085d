"""The true function, the network, SRNet, LIME and MAPLE along lines through the test box (the
paper's figure of regressions)."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from srnet.drawing.methods import LABELS, LINES, by_method, line
from srnet.drawing.style import PAGE, names, styled

COLUMNS = 5  # panels of a row
HEIGHT = 1.12  # inches of a row
SURFACE = "surface"
MARGIN = 0.35  # how far lines may leave the range of the network, as a share of it


@styled
def draw(curves: pd.DataFrame) -> Figure:
    """The panels of every task in a row: one of a curve task, else one for every input, and a
    surface of two inputs.

    Parameters
    ----------
    curves
        One row per task, panel, position and method: x, z, preset, value, low, high.
    """
    tasks = names(curves["task"])
    groups = {task: curves[curves["task"] == task] for task in tasks}
    rows = _rows({task: names(group["panel"]) for task, group in groups.items()})
    figure = Figure(figsize=(PAGE, HEIGHT * len(rows) + 0.4), layout="constrained")
    grid = figure.add_gridspec(len(rows), COLUMNS)
    presets = names(curves.loc[curves["method"] == "srnet", "preset"])
    for i, row in enumerate(rows):
        for j, (task, panel) in enumerate(row):
            group = _standardised(groups[task])
            here = group[group["panel"] == panel]
            if panel == SURFACE:
                _surface(
                    figure.add_subplot(grid[i, j], projection="3d"), task, here, group, presets
                )
            else:
                axes = figure.add_subplot(grid[i, j])
                _curves(axes, here, presets)
                first = panel == names(group["panel"])[0]
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


def _rows(panels: dict[str, list[str]]) -> list[list[tuple[str, str]]]:
    """Panels in the order of the tasks; those of a task stay in one row where they fit into one."""
    rows: list[list[tuple[str, str]]] = [[]]
    for task, own in panels.items():
        for first in range(0, len(own), COLUMNS):
            part = [(task, panel) for panel in own[first : first + COLUMNS]]
            if len(rows[-1]) + len(part) > COLUMNS:
                rows.append([])
            rows[-1] += part
    return rows


def _standardised(group: pd.DataFrame) -> pd.DataFrame:
    """Outputs of a task less the network's mean, over its standard deviation, both within the
    training interval."""
    inside = group[
        (group["method"] == "network") & group["x"].between(group["low"], group["high"])
    ]["value"]
    return group.assign(value=(group["value"] - inside.mean()) / (inside.std(ddof=0) or 1.0))


def _range(group: pd.DataFrame) -> tuple[float, float]:
    """Of the axis: what the network says, and a margin; the function may have a pole, an
    explanation may be anywhere."""
    network = group.loc[group["method"] == "network", "value"]
    low, high = float(network.min()), float(network.max())
    margin = max(
        MARGIN * (high - low), (1 - (high - low)) / 2
    )  # at least a standard deviation is seen
    return low - margin, high + margin


def _curves(axes: Axes, here: pd.DataFrame, presets: list[str]) -> None:
    for found, curve in by_method(here):
        shade = presets.index(found["preset"]) if found["method"] == "srnet" else 0
        axes.plot(curve["x"], curve["value"], **line(found["method"], shade))
    for edge in (here["low"].iloc[0], here["high"].iloc[0]):
        axes.axvline(edge, color="0.35", linewidth=0.7, linestyle="-.", zorder=1)
    axes.set_ylim(*_range(here))
    axes.margins(x=0)
    axes.locator_params(nbins=4)


def _surface(
    axes: Any, task: str, here: pd.DataFrame, group: pd.DataFrame, presets: list[str]
) -> None:
    low, high = _range(here)
    for method in ("true", "network", "srnet"):
        shown = here[
            (here["method"] == method) & ((method != "srnet") | (here["preset"] == presets[0]))
        ]
        if shown.empty:
            continue
        table = shown.pivot(index="x", columns="z", values="value")
        x, z = np.meshgrid(table.index, table.columns, indexing="ij")
        look = {
            "color": LINES[method]["color"],
            "linewidth": 0.8 if method == "true" else 0.4,
            "rcount": 11,
            "ccount": 11,
        }
        values = table.to_numpy(float)
        axes.plot_wireframe(
            x, z, np.where((values >= low) & (values <= high), values, np.nan), **look
        )
    inputs = [panel for panel in names(group["panel"]) if panel != SURFACE]
    axes.set_xlabel(inputs[0], labelpad=-12)
    axes.set_ylabel(inputs[1], labelpad=-12)
    axes.set_zlim(low, high)
    axes.view_init(25, -130)
    axes.tick_params(labelsize=4, pad=-5)
    axes.locator_params(nbins=3)
    axes.set_box_aspect(None, zoom=1.25)


def _handles(curves: pd.DataFrame, presets: list[str]) -> list[Line2D]:
    handles = []
    for method in LABELS:
        if method in set(curves["method"]):
            for i, preset in enumerate(presets if method == "srnet" else [""]):
                label = LABELS[method] + (f" {preset}" if len(presets) > 1 and preset else "")
                handles.append(Line2D([], [], **line(method, i), label=label))
    return handles
