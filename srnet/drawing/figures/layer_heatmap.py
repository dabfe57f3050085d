"""Hidden values of a network and of its formulas as heat maps, as in the paper."""

from itertools import product

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from srnet.drawing.style import COLUMN, PAGE, distinct_names, styled

MAX_LABELLED = 12  # units of a layer whose values fit into the cells as text
NARROW = 8  # units of all layers that fit into one column of a paper


@styled
def draw(hidden_values: pd.DataFrame) -> Figure:
    """A column of heat maps per hidden layer: the network, then the best formulas of each preset.

    Parameters
    ----------
    hidden_values
        The rows of one task: task, layer, source (``network`` or a preset; the network first), row,
        unit, normalised (0 and 1 are the smallest and largest value of the network's layer).
    """
    task = hidden_values["task"].iloc[0]
    sources = distinct_names(hidden_values["source"])
    units = hidden_values.groupby("layer", sort=False)["unit"].max() + 1
    size = (
        COLUMN if units.sum() <= NARROW else PAGE,
        len(sources) * (0.13 * (hidden_values["row"].max() + 1) + 0.12) + 0.85,
    )
    figure = Figure(figsize=size, layout="constrained")
    grid = figure.subplots(
        len(sources),
        len(units),
        squeeze=False,
        sharex="col",
        # a narrow layer beside a wide one needs space for its title
        width_ratios=np.maximum(units, 0.25 * units.max()).tolist(),
    )
    for (i, source), (j, layer) in product(enumerate(sources), enumerate(units.index)):
        axes = grid[i, j]
        part = hidden_values[
            (hidden_values["source"] == source) & (hidden_values["layer"] == layer)
        ]
        _draw_heat_map(axes, part.pivot(index="row", columns="unit", values="normalised"))
        axes.set_title((f"{task}: " * (j == 0) + f"layer {layer}") * (i == 0))
        axes.set_xlabel("unit" * (i + 1 == len(sources)))
        axes.set_ylabel(("network" if source == "network" else f"SRNet, {source}") * (j == 0))
    bar = figure.colorbar(
        grid[0, 0].collections[0], ax=grid, shrink=0.8, aspect=30, pad=0.02, extend="both"
    )
    bar.set_label("value; 0, 1: network's min, max")
    if not np.isfinite(hidden_values["normalised"]).all():
        figure.supxlabel("×: not finite", fontsize=6)
    return figure


def _draw_heat_map(axes: Axes, values: pd.DataFrame) -> None:
    # + 0.0 turns −0 into 0
    texts = values.map(lambda v: f"{round(v, 2) + 0.0:.2f}" if abs(v) < 10 else f"{v:.0e}")
    sns.heatmap(
        values.where(np.isfinite(values)),
        vmin=0,
        vmax=1,
        cmap="cividis",
        cbar=False,
        annot=texts if values.shape[1] <= MAX_LABELLED else None,
        fmt="",
        annot_kws={"fontsize": 5},
        xticklabels=-(-values.shape[1] // 10),
        yticklabels=False,
        rasterized=True,
        ax=axes,
    )
    for row, unit in np.argwhere(~np.isfinite(values.to_numpy())):
        axes.text(unit + 0.5, row + 0.5, "×", ha="center", va="center", color="#B00000", fontsize=6)
    axes.tick_params(length=0, labelrotation=0)
