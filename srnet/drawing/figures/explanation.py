"""An explanation at a glance: R² of each layer, the formulas' output against the network's, and the
importance of the inputs."""

from collections.abc import Sequence
from os.path import commonprefix

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from srnet.drawing.style import BAND, PAGE, styled
from srnet.escaping import escape_figure
from srnet.typing import Floats

MAX_POINTS = 2000
MAX_INPUTS, MAX_PAIRS = 10, 5  # of which the importance is shown
_LEAST_BARS = 4  # for which a panel has room
_LONGEST = 20  # letters of a name beside a panel


@styled
def draw(
    names: Sequence[str],
    r2: Sequence[float | None],
    network: Floats,
    formulas: Floats,
    inputs: pd.DataFrame | None = None,
    pairs: pd.DataFrame | None = None,
) -> Figure:
    """Three panels: R² by layer, the outputs, and the importance of inputs and pairs.

    Parameters
    ----------
    names, r2
        Name and R² of each layer; R² is None if the layer is constant.
    network, formulas
        Outputs, n × k; points that are not finite are left out, and at most 2000 are shown.
    inputs, pairs
        input, first_order, total_order; and first, second, interaction: the largest first. Without
        them there is no third panel.
    """
    figure = Figure(figsize=(PAGE, 0.36 * PAGE), layout="constrained")
    left, right, *third = figure.subplots(1, 2 if inputs is None else 3)
    shown = [0.0 if value is None else max(value, 0.0) for value in r2]
    places = list(map(str, range(len(names))))  # shortened names may be the same
    sns.barplot(x=shown, y=places, color="C0", saturation=1, ax=left)
    labels = _labels(names, _LONGEST)
    left.set_yticks(range(len(names)), [labels[name] for name in names])
    for i, value in enumerate(r2):
        left.text(
            0.02,
            i,
            "constant" if value is None else f"{value:.4f}",
            va="center",
            bbox={"color": "white", "alpha": 0.8, "pad": 1},
        )
    # of one layer the bar would fill the panel
    left.set(
        xlim=(0, 1), ylim=(max(len(names), _LEAST_BARS) - 0.5, -0.5), xlabel="R²", title="layers"
    )
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
    if inputs is not None and pairs is not None:
        _draw_importance(third[0], inputs[:MAX_INPUTS], pairs[:MAX_PAIRS])
    return figure


def _draw_importance(axes: Axes, inputs: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Bars of the shares of the variance, an input's first order filled."""
    names = [*inputs["input"], *pairs["first"], *pairs["second"]]
    labels, short = _labels(names, _LONGEST), _labels(names, _LONGEST // 2)
    together = [
        f"{short[first]}, {short[second]}"
        for first, second in zip(pairs["first"], pairs["second"], strict=True)
    ]
    places = np.arange(len(inputs) + len(pairs))
    axes.barh(
        places[: len(inputs)], inputs["total_order"], color="C0", alpha=BAND, label="total order"
    )
    axes.barh(places[: len(inputs)], inputs["first_order"], color="C0", label="first order")
    if len(pairs):
        axes.barh(places[len(inputs) :], pairs["interaction"], color="C1", label="interaction")
    axes.set_yticks(places, [*(labels[name] for name in inputs["input"]), *together])
    axes.invert_yaxis()
    axes.set(xlim=(0, 1), xlabel="share of the variance", title="importance")
    axes.legend()


def _labels(names: Sequence[str], longest: int) -> dict[str, str]:
    """Names as they stand beside a panel: of long ones the beginning and the end, or where these
    are the same, the place where the names begin to differ."""
    cut, half = [name for name in dict.fromkeys(names) if len(name) > longest], (longest - 1) // 2
    shown = [f"{name[:half]}…{name[-half:]}" for name in cut]
    if len(set(shown)) < len(shown):
        first = max(len(commonprefix(cut)) - 2, 0)
        shown = [f"…{name[first : first + longest - 2]}…" for name in cut]
    return {name: escape_figure(name) for name in names} | {
        name: escape_figure(text) for name, text in zip(cut, shown, strict=True)
    }
