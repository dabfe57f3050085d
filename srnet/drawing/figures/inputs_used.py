"""The inputs that the formulas of each layer read, over the runs of every task."""

import itertools
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

from srnet.drawing.style import count_text, distinct_names, styled, task_panels

MAX_LABELLED = 8  # inputs of a layer whose shares fit into the cells as text


@styled
def draw(inputs_used: pd.DataFrame) -> Figure:
    """One panel per task: a strip per layer and preset with a cell per input.

    The colour of a cell is the share of the runs that read the input.

    Parameters
    ----------
    inputs_used
        One row per task, preset, layer and input: runs, and used, the number of runs that read it.
    """
    presets = distinct_names(inputs_used["preset"])
    deepest = int(inputs_used["layer"].max())
    tasks = distinct_names(inputs_used["task"])
    figure, panels = task_panels(
        tasks, height=0.35 + 0.14 * deepest * len(presets), columns=min(4, len(tasks))
    )
    for task, axes in panels.items():
        _draw_panel(axes, inputs_used[inputs_used["task"] == task], presets)
    # not every run has all inputs where a layer reads the formulas of the one before
    runs = inputs_used.groupby(["task", "preset"])["runs"].max()
    bar = figure.colorbar(
        ScalarMappable(cmap="cividis"),
        ax=list(panels.values()),
        location="right",
        shrink=0.8,
        aspect=30,
        pad=0.01,
    )
    bar.set_label("share of the runs")
    figure.supxlabel(
        f"inputs of the layer from the first (left) to the last (right)\n"
        f"their number in brackets; {count_text(runs, 'run')}",
        fontsize=6,
    )
    return figure


def _draw_panel(axes: Axes, part: pd.DataFrame, presets: list[str]) -> None:
    labels: list[Any] = []
    last = int(part["layer"].max())
    for layer, preset in itertools.product(sorted(part["layer"].unique()), presets):
        strip = part[(part["layer"] == layer) & (part["preset"] == preset)]
        if strip.empty:
            continue
        shares = (strip.sort_values("input")["used"] / strip["runs"]).to_numpy()
        row, count = len(labels), len(shares)
        axes.pcolormesh(
            np.linspace(0, 1, count + 1),
            [row - 0.45, row + 0.45],
            shares[None],
            vmin=0,
            vmax=1,
            cmap="cividis",
            rasterized=count > 20,
        )
        if count <= MAX_LABELLED:
            for i, share in enumerate(shares):
                colour = "white" if share < 0.5 else "black"
                axes.text(
                    (i + 0.5) / count,
                    row,
                    f"{share:.2g}",
                    ha="center",
                    va="center",
                    fontsize=4.5,
                    color=colour,
                )
        name = "output" if layer == last else f"layer {layer}"
        labels.append(f"{name} ({count})" if len(presets) == 1 else f"{name} ({count}) {preset}")
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlim(0, 1)
    axes.set_yticks(range(len(labels)), labels, fontsize=4.5 if len(presets) > 1 else 5.5)
    axes.set_xticks([])
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
