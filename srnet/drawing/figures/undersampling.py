"""USDB on a toy with four classes: its rows and the points added near the decision boundary."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from srnet.drawing.style import COLUMN, add_legend, styled

MARKERS = "osD^"


@styled
def draw(usdb: pd.DataFrame) -> Figure:
    """Two panels over the network's classes: the rows, and the rows with the added points.

    Parameters
    ----------
    usdb
        One row per point: part (data, boundary or grid), x0, x1, class.
    """
    figure = Figure(figsize=(COLUMN, 0.62 * COLUMN), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    colours = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    parts = {part: usdb[usdb["part"] == part] for part in ("data", "boundary", "grid")}
    kinds = sorted(set(parts["data"]["class"].astype(int)))
    for axes in (left, right):
        _draw_regions(axes, parts["grid"], colours)
        for kind in kinds:
            rows = parts["data"][parts["data"]["class"] == kind]
            axes.scatter(
                rows["x0"],
                rows["x1"],
                s=5,
                marker=MARKERS[kind % 4],
                color=colours[kind],
                linewidth=0,
                zorder=2,
            )
        axes.set_xlabel("x0")
        axes.grid(False)
    right.scatter(
        parts["boundary"]["x0"],
        parts["boundary"]["x1"],
        s=4,
        color="black",
        marker="x",
        linewidth=0.5,
        zorder=3,
    )
    left.set_ylabel("x1")
    left.set_title(f"{len(parts['data'])} rows")
    right.set_title(f"and {len(parts['boundary'])} points added")
    entries = {
        f"class {kind}": Line2D(
            [], [], linestyle="", marker=MARKERS[kind % 4], color=colours[kind], markersize=3
        )
        for kind in kinds
    }
    entries["added"] = Line2D(
        [], [], linestyle="", marker="x", color="black", markersize=3, markeredgewidth=0.5
    )
    add_legend(figure, entries, columns=5)
    return figure


def _draw_regions(axes: Axes, grid: pd.DataFrame, colours: list[str]) -> None:
    table = grid.pivot(index="x1", columns="x0", values="class")
    x, y, classes = (
        table.columns.to_numpy(float),
        table.index.to_numpy(float),
        table.to_numpy(float),
    )
    count = int(np.nanmax(classes)) + 1
    levels = np.arange(count + 1) - 0.5
    axes.contourf(x, y, classes, levels=levels, colors=colours[:count], alpha=0.15)
    for kind in range(count):
        axes.contour(
            x, y, classes == kind, levels=[0.5], colors="0.3", linewidths=0.7, linestyles="-"
        )
    axes.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))
