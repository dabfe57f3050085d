"""The inputs that the formulas of each layer read, over the runs of every task."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from srnet.drawing.style import count_text, distinct_names, styled, task_panels

MAX_LABELLED = 8  # inputs of a layer whose shares fit into the cells as text


@styled
def draw(inputs_used: pd.DataFrame) -> Figure:
    """One panel per task: a row per layer and preset with a cell per input.

    The colour of a cell is the share of the runs that read the input.

    Parameters
    ----------
    inputs_used
        One row per task, preset, layer and input: runs, and used, the number of runs that read it.
    """
    presets = distinct_names(inputs_used["preset"])
    height = 0.4 + 0.14 * int(inputs_used["layer"].max()) * len(presets)
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
    figure.supxlabel(f"number of the layer's input, from 0; {count_text(runs, 'run')}", fontsize=6)
    return figure


def _draw_panel(axes: Axes, part: pd.DataFrame, presets: list[str]) -> None:
    shares = part.assign(share=part["used"] / part["runs"]).pivot(
        index=["layer", "preset"], columns="input", values="share"
    )
    shares = shares.sort_index(
        key=lambda keys: keys.map(presets.index) if keys.name == "preset" else keys
    )
    last = part["layer"].max()
    labels = [
        ("output" if layer == last else f"layer {layer}") + f" {preset}" * (len(presets) > 1)
        for layer, preset in shares.index
    ]
    few = shares.shape[1] <= MAX_LABELLED
    sns.heatmap(
        shares,
        vmin=0,
        vmax=1,
        cmap="cividis",
        cbar=False,
        annot=few,
        fmt=".2g",
        annot_kws={"fontsize": 4.5},
        linewidth=0.5 * few,
        xticklabels=-(-shares.shape[1] // 5),
        yticklabels=labels,
        rasterized=not few,
        ax=axes,
    )
    axes.hlines(range(1, len(labels)), 0, shares.shape[1], color="white", linewidth=1.5)
    axes.set(xlabel="", ylabel="")
    axes.grid(False)
    axes.tick_params(length=0, labelrotation=0, labelsize=4.5 if len(presets) > 1 else 5.5)
