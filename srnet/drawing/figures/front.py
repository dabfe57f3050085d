"""The Pareto front of a run: complexity against error."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from srnet.drawing.style import PAGE, set_log_scale, styled


@styled
def draw(
    complexity: Sequence[int],
    error: Sequence[float],
    chosen: int | None,
    measure: str,
    links: Sequence[str],
) -> Figure:
    """A point for every model, filled that of the result, and a step between them.

    Parameters
    ----------
    complexity, error
        Of every model, simplest first; the error on a logarithmic axis where it is above 0.
    chosen
        The position of the result, or None.
    measure
        What the error is, for its axis.
    links
        The target of every point, where a format has links, as SVG.
    """
    figure = Figure(figsize=(0.7 * PAGE, 0.4 * PAGE), layout="constrained")
    axes = figure.subplots()
    axes.step(complexity, error, where="post", color="0.7", linewidth=0.8, zorder=1)
    colours = ["C0" if i == chosen else "white" for i in range(len(error))]
    points = axes.scatter(complexity, error, s=45, c=colours, edgecolors="C0", zorder=2)
    points.set_urls(list(links))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel="complexity", ylabel=measure)
    if np.min(error) > 0:
        set_log_scale(axes)
    return figure
