"""An explanation at a glance: R² of each layer, and the formulas' output against the network's."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure

from srnet.drawing.style import PAGE, styled
from srnet.escaping import escape_figure
from srnet.typing import Floats

MAX_POINTS = 2000


@styled
def draw(
    names: Sequence[str], r2: Sequence[float | None], network: Floats, formulas: Floats
) -> Figure:
    """Two panels: R² by layer, and the outputs.

    Parameters
    ----------
    names, r2
        Name and R² of each layer; R² is None if the layer is constant.
    network, formulas
        Outputs, n × k; points that are not finite are left out, and at most 2000 are shown.
    """
    figure = Figure(figsize=(PAGE, 0.42 * PAGE), layout="constrained")
    left, right = figure.subplots(1, 2)
    shown = [0.0 if value is None else max(value, 0.0) for value in r2]
    sns.barplot(
        x=shown, y=[escape_figure(name) for name in names], color="C0", saturation=1, ax=left
    )
    for i, value in enumerate(r2):
        left.text(
            0.02,
            i,
            "constant" if value is None else f"{value:.4f}",
            va="center",
            bbox={"color": "white", "alpha": 0.8, "pad": 1},
        )
    left.set(xlim=(0, 1), xlabel="R²", title="layers")
    step, outputs = -(-len(network) // MAX_POINTS), network.shape[1]
    points = pd.DataFrame(
        {
            "network": network[::step].ravel(),
            "formulas": formulas[::step].ravel(),
            "output": np.tile([f"y{j}" for j in range(outputs)], len(network[::step])),
        }
    )
    points = points.replace([np.inf, -np.inf], np.nan).dropna()
    sns.scatterplot(
        points,
        x="network",
        y="formulas",
        hue="output",
        legend="full" if 1 < outputs <= 10 else False,
        s=3,
        linewidth=0,
        rasterized=True,
        ax=right,
    )
    low, high = float(network.min()), float(network.max())
    right.plot([low, high], [low, high], color="0.4", linewidth=0.8, zorder=0)
    right.set_title("output")
    return figure
