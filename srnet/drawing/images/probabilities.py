"""Probability of the class for the explanations alone, beside the whole and the empty image."""

from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from srnet.drawing.images.style import method_colours, method_label, network_label, select_images
from srnet.drawing.style import OUTLINES, PAGE, add_legend, distinct_names, styled
from srnet.wording import count_text


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
    networks, images = distinct_names(runs["network"]), distinct_names(runs["image"])
    colours = method_colours(runs["method"])
    figure = Figure(figsize=(PAGE, 1.45 * len(networks) + 0.6), layout="constrained")
    grid = figure.subplots(len(networks), 1, squeeze=False, sharex=True, sharey=True)[:, 0]
    for axes, name in zip(grid, networks, strict=True):
        part = runs[runs["network"] == name]
        sns.boxplot(
            part,
            x="image",
            y="probability",
            hue="method",
            order=images,
            palette=colours,
            whis=(0, 100),
            gap=0.25,
            legend=False,
            **OUTLINES,
            ax=axes,
        )
        levels = part.groupby("image")[["whole", "empty"]].first().loc[images]
        places = np.arange(len(images))
        for level, style in (("whole", "-"), ("empty", ":")):
            axes.hlines(
                levels[level], places - 0.45, places + 0.45, color="black", lw=0.8, linestyle=style
            )
        axes.set(ylim=(-0.03, 1.03), title=network_label(name), xlabel="", ylabel="")
    figure.supylabel("probability of the class")
    entries: dict[str, Any] = {}
    for method, part in runs.groupby("method", sort=False):
        seeds = count_text(part.groupby(["network", "image"]).size(), "seed")
        entries[f"{method_label(str(method))}: {seeds}"] = Patch(
            edgecolor=colours[str(method)], fill=False
        )
    entries["whole image"] = Line2D([], [], color="black", linewidth=0.8)
    entries["nothing shown"] = Line2D([], [], color="black", linewidth=0.8, linestyle=":")
    add_legend(figure, entries, columns=3)
    return figure
