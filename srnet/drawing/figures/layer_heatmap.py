"""Hidden values of a network and of its formulas as heat maps, as in the paper."""

import numpy as np
import pandas as pd
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
    layers = list(dict.fromkeys(hidden_values["layer"]))
    units = [
        int(hidden_values.loc[hidden_values["layer"] == layer, "unit"].max()) + 1
        for layer in layers
    ]
    rows = int(hidden_values["row"].max()) + 1
    figure = Figure(
        figsize=(
            COLUMN if sum(units) <= NARROW else PAGE,
            len(sources) * (0.13 * rows + 0.12) + 0.85,
        ),
        layout="constrained",
    )
    # a narrow layer beside a wide one needs space for its title
    widths = [max(count, 0.25 * max(units)) for count in units]
    grid = figure.subplots(
        len(sources), len(layers), squeeze=False, sharey=True, width_ratios=widths
    )
    image = None
    for i, source in enumerate(sources):
        for j, layer in enumerate(layers):
            part = hidden_values[
                (hidden_values["source"] == source) & (hidden_values["layer"] == layer)
            ]
            values = part.pivot(index="row", columns="unit", values="normalised").to_numpy()
            axes = grid[i, j]
            image = _draw_heat_map(axes, values)
            axes.set_yticks(range(0, rows, 2), [str(row + 1) for row in range(0, rows, 2)])
            step = -(-values.shape[1] // 10)
            axes.set_xticks(
                range(0, values.shape[1], step),
                [str(unit + 1) for unit in range(0, values.shape[1], step)],
            )
            axes.tick_params(length=0, labelbottom=i + 1 == len(sources))
            if i == 0:
                axes.set_title(f"{task}: layer {layer}" if j == 0 else f"layer {layer}")
            if i + 1 == len(sources):
                axes.set_xlabel("unit")
            if j == 0:
                axes.set_ylabel("network" if source == "network" else f"SRNet, {source}")
    bar = figure.colorbar(
        image,  # type: ignore[arg-type]
        ax=grid,
        location="right",
        shrink=0.8,
        aspect=30,
        pad=0.02,
        extend="both",
    )
    bar.set_label("value; 0, 1: network's min, max")
    if not np.isfinite(hidden_values["normalised"]).all():
        figure.supxlabel("×: not finite", fontsize=6)
    return figure


def _draw_heat_map(axes: Axes, values: np.ndarray) -> object:
    finite = np.isfinite(values)
    image = axes.imshow(
        np.where(finite, values, np.nan),
        vmin=0,
        vmax=1,
        cmap="cividis",
        aspect="auto",
        interpolation="nearest",
    )
    axes.grid(visible=False)
    for row, unit in np.argwhere(~finite):
        axes.text(unit, row, "×", ha="center", va="center", color="#B00000", fontsize=6)
    if values.shape[1] <= MAX_LABELLED:
        for row, unit in np.argwhere(finite):
            value = values[row, unit]
            colour = "white" if value < 0.5 else "black"
            # + 0.0 turns −0 into 0
            shown = f"{round(value, 2) + 0.0:.2f}" if abs(value) < 10 else f"{value:.0e}"
            axes.text(unit, row, shown, ha="center", va="center", color=colour, fontsize=5)
    return image
