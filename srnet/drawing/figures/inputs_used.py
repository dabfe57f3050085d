"""The inputs that the formulas of each layer read, over the runs of every task."""

from itertools import product

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from srnet.drawing.style import distinct_names, styled, task_panels
from srnet.typing import Floats
from srnet.wording import count_text

LENGTH = 600  # cells of a strip
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
    height = 0.35 + 0.14 * int(inputs_used["layer"].max()) * len(presets)
    figure, panels = task_panels(inputs_used["task"], height=height)
    for task, axes in panels.items():
        _draw_panel(axes, inputs_used[inputs_used["task"] == task], presets)
    bar = figure.colorbar(
        next(iter(panels.values())).collections[0],
        ax=list(panels.values()),
        shrink=0.8,
        aspect=30,
        pad=0.01,
    )
    bar.set_label("share of the runs")
    # not every run has all inputs where a layer reads the formulas of the one before
    runs = inputs_used.groupby(["task", "preset"])["runs"].max()
    figure.supxlabel(
        f"inputs of the layer from the first (left) to the last (right)\n"
        f"their number in brackets; {count_text(runs, 'run')}",
        fontsize=6,
    )
    return figure


def _draw_panel(axes: Axes, part: pd.DataFrame, presets: list[str]) -> None:
    last = int(part["layer"].max())
    strips: dict[str, Floats] = {}
    for layer, preset in product(sorted(part["layer"].unique()), presets):
        strip = part[(part["layer"] == layer) & (part["preset"] == preset)].sort_values("input")
        if len(strip):
            label = f"{'output' if layer == last else f'layer {layer}'} ({len(strip)})"
            strips[label + f" {preset}" * (len(presets) > 1)] = (
                strip["used"] / strip["runs"]
            ).to_numpy()
    sns.heatmap(
        # strips of one length, though not of as many inputs
        [shares[np.arange(LENGTH) * len(shares) // LENGTH] for shares in strips.values()],
        vmin=0,
        vmax=1,
        cmap="cividis",
        cbar=False,
        xticklabels=False,
        yticklabels=list(strips),
        rasterized=True,
        ax=axes,
    )
    axes.hlines(range(1, len(strips)), 0, LENGTH, color="white", linewidth=1.5)
    for row, shares in enumerate(strips.values()):
        for i, share in enumerate(shares if len(shares) <= MAX_LABELLED else []):
            colour = "white" if share < 0.5 else "black"
            place = ((i + 0.5) * LENGTH / len(shares), row + 0.5)
            axes.text(*place, f"{share:.2g}", ha="center", va="center", size=4.5, color=colour)
    axes.tick_params(length=0, labelrotation=0, labelsize=4.5 if len(presets) > 1 else 5.5)
