"""E-LIME's convergence on the named images: the probability of the best explanation so far, and its
share of the image."""

from typing import Any

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from srnet.drawing.images.style import colours, label, network, passes_axis
from srnet.drawing.style import BAND, PAGE, band_legend, counted, legend, names, styled


@styled
def draw(images_history: pd.DataFrame) -> Figure:
    """A row of panels per network, a panel per image; line and band: median, minimum and maximum
    over the seeds.

    Parameters
    ----------
    images_history
        One row per network, image, method and number of passes: passes, runs, min, median, max (of
        the probability), share.
    """
    networks, images, methods = (
        names(images_history[key]) for key in ("network", "image", "method")
    )
    colour = colours(methods)
    figure = Figure(figsize=(PAGE, 1.3 * len(networks) + 0.75), layout="constrained")
    grid = figure.subplots(len(networks), len(images), squeeze=False, sharex=True, sharey=True)
    for row, name in zip(grid, networks, strict=True):
        for axes, image in zip(row, images, strict=True):
            here = images_history[
                (images_history["network"] == name) & (images_history["image"] == image)
            ]
            for method in methods:
                curve = here[here["method"] == method]
                axes.fill_between(
                    curve["passes"],
                    curve["min"],
                    curve["max"],
                    color=colour[method],
                    alpha=BAND,
                    linewidth=0,
                )
                axes.plot(curve["passes"], curve["median"], color=colour[method])
                axes.plot(curve["passes"], curve["share"], color=colour[method], linestyle=":")
            axes.set(ylim=(-0.02, 1.02), title=f"{network(name)}, {image}")
            passes_axis(axes)
    figure.supxlabel("network passes")
    figure.supylabel("probability; share of the pixels")
    seeds = counted(images_history["runs"], "seed")
    entries: dict[str, Any] = {label(method): Patch(color=colour[method]) for method in methods}
    entries[f"probability: median of {seeds}, band minimum to maximum"] = band_legend("0.3")
    entries["share of the pixels shown, median"] = Line2D([], [], color="0.3", linestyle=":")
    legend(figure, entries, columns=2)
    return figure
