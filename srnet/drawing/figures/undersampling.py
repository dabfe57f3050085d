"""USDB on a toy with four classes: its rows and the points added near the decision boundary."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from srnet.drawing.style import COLUMN, add_legend, class_colours, styled

MARKERS = ["o", "s", "D", "^"]


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
    data, boundary, grid = (usdb[usdb["part"] == part] for part in ("data", "boundary", "grid"))
    classes = data["class"].astype(int)
    for axes in (left, right):
        _draw_regions(axes, grid)
        sns.scatterplot(
            data,
            x="x0",
            y="x1",
            hue=classes.rename("class"),
            style=classes,
            palette=class_colours(classes),
            markers=MARKERS,
            s=5,
            linewidth=0,
            legend="full" if axes is right else False,
            ax=axes,
        )
        axes.grid(False)
    sns.scatterplot(
        boundary,
        x="x0",
        y="x1",
        s=4,
        color="black",
        marker="x",
        label="added",
        linewidth=0.5,
        ax=right,
    )
    left.set_title(f"{len(data)} rows")
    right.set_title(f"and {len(boundary)} points added")
    handles, labels = right.get_legend_handles_labels()
    right.legend().remove()
    names = [label if label == "added" else f"class {label}" for label in labels]
    add_legend(figure, dict(zip(names, handles, strict=True)), columns=5)
    return figure


def _draw_regions(axes: Axes, grid: pd.DataFrame) -> None:
    table = grid.pivot(index="x1", columns="x0", values="class")
    x, y, classes = (
        table.columns.to_numpy(float),
        table.index.to_numpy(float),
        table.to_numpy(float),
    )
    colours = class_colours(range(int(np.nanmax(classes)) + 1))
    levels = np.arange(len(colours) + 1) - 0.5
    axes.contourf(x, y, classes, levels=levels, colors=list(colours.values()), alpha=0.15)
    for number in colours:
        axes.contour(x, y, classes == number, levels=[0.5], colors="0.3", linewidths=0.7)
    axes.set(xlim=(x.min(), x.max()), ylim=(y.min(), y.max()))
