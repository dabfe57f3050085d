"""Probability of the class for the explanations alone, beside the whole and the empty image."""

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from srnet.drawing.images.style import method_colours, method_label, network_label, select_images
from srnet.drawing.style import PAGE, add_legend, count_text, distinct_names, styled
from srnet.typing import Floats


@styled
def draw(images_runs: pd.DataFrame) -> Figure:
    """A panel per network; for each image and method a box over the seeds.

    Parameters
    ----------
    images_runs
        One row per explanation: network, images (named or test), image, method, seed, probability,
        whole, empty.
    """
    runs = select_images(images_runs, "named")
    networks, images, methods = (
        distinct_names(runs[key]) for key in ("network", "image", "method")
    )
    figure = Figure(figsize=(PAGE, 1.45 * len(networks) + 0.6), layout="constrained")
    grid = figure.subplots(len(networks), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    colour = method_colours(methods)
    width = 0.8 / len(methods)
    for axes, name in zip(grid, networks, strict=True):
        for place, image in enumerate(images):
            subset = runs[(runs["network"] == name) & (runs["image"] == image)]
            axes.hlines(
                subset["whole"].iloc[0], place - 0.45, place + 0.45, color="black", linewidth=0.8
            )
            axes.hlines(
                subset["empty"].iloc[0],
                place - 0.45,
                place + 0.45,
                color="black",
                linewidth=0.8,
                linestyle=":",
            )
            for i, method in enumerate(methods):
                values = subset.loc[subset["method"] == method, "probability"].to_numpy()
                if len(values):
                    _box(
                        axes,
                        place + (i - (len(methods) - 1) / 2) * width,
                        width,
                        values,
                        colour[method],
                    )
        axes.set(ylim=(-0.03, 1.03), title=network_label(name), xlim=(-0.55, len(images) - 0.45))
    grid[-1].set_xticks(range(len(images)), images)
    figure.supylabel("probability of the class")
    entries: dict[str, Any] = {}
    for method in methods:
        seeds = count_text(
            runs[runs["method"] == method].groupby(["network", "image"]).size(), "seed"
        )
        entries[f"{method_label(method)}: {seeds}"] = Patch(color=colour[method])
    entries["whole image"] = Line2D([], [], color="black", linewidth=0.8)
    entries["nothing shown"] = Line2D([], [], color="black", linewidth=0.8, linestyle=":")
    add_legend(figure, entries, columns=3)
    return figure


def _box(axes: Axes, place: float, width: float, values: Floats, colour: str) -> None:
    """Draw quartiles and whiskers at minimum and maximum, which is a line if all runs agree."""
    axes.boxplot(
        [values],
        positions=[place],
        widths=0.75 * width,
        whis=(0, 100),
        patch_artist=True,
        manage_ticks=False,
        boxprops={"facecolor": to_rgba(colour, 0.4), "edgecolor": colour, "linewidth": 0.8},
        medianprops={"color": colour, "linewidth": 1.8},
        whiskerprops={"color": colour, "linewidth": 0.8},
        capprops={"color": colour, "linewidth": 0.8},
    )
