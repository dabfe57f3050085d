"""E-LIME's convergence: probability and size of the best explanation of each named image so far."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from srnet.drawing.images.style import method_colours, method_label, network_label, set_log_axis
from srnet.drawing.style import PAGE, add_legend, band_legend, distinct_names, plot_bands, styled
from srnet.wording import count_text


@styled
def draw(images_history: pd.DataFrame) -> Figure:
    """A panel per network (row) and image (column).

    The line is the median over the seeds, the band runs from minimum to maximum.

    Parameters
    ----------
    images_history
        One row per network, image, method and number of passes: passes, runs, share, and min,
        median, max of the probability.
    """
    networks, images = (distinct_names(images_history[key]) for key in ("network", "image"))
    colours = method_colours(images_history["method"])
    figure = Figure(figsize=(PAGE, 1.3 * len(networks) + 0.75), layout="constrained")
    grid = figure.subplots(len(networks), len(images), squeeze=False, sharex=True, sharey=True)
    for (network, image), curves in images_history.groupby(["network", "image"]):
        axes = grid[networks.index(str(network)), images.index(str(image))]
        plot_bands(axes, curves, colours, "method", "passes", ("min", "max"), "median", "share")
        axes.set(ylim=(-0.02, 1.02), title=f"{network_label(str(network))}, {image}")
        set_log_axis(axes)
    figure.supxlabel("network passes")
    figure.supylabel("probability; share of the pixels")
    seeds = count_text(images_history["runs"], "seed")
    entries: dict[str, Any] = {
        method_label(method): Patch(color=colour) for method, colour in colours.items()
    }
    entries[f"probability: median of {seeds}, band minimum to maximum"] = band_legend("0.3")
    entries["share of the pixels shown, median"] = Line2D([], [], color="0.3", linestyle=":")
    add_legend(figure, entries, columns=2)
    return figure
