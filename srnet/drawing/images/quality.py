"""Quality against network passes on the test set: IoU with the object, insertion and deletion."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from srnet.drawing.images.style import KINDS, MEASURES, colours, kind, network, of, passes_axis
from srnet.drawing.style import PAGE, legend, names, styled

MARKERS = {"published": "s", "sparse": "o", "lime": "^", "rise": "v", "random": "D"}


@styled
def draw(images_runs: pd.DataFrame) -> Figure:
    """A row of panels per network, a panel per measure; mean over images and seeds, bars: its 95 %
    interval over the images.

    Parameters
    ----------
    images_runs
        One row per explanation: network, images, image, method, passes, iou, insertion, deletion.
    """
    runs = of(images_runs, "test").assign(kind=lambda frame: frame["method"].map(kind))
    networks, kinds = names(runs["network"]), [one for one in KINDS if one in set(runs["kind"])]
    colour = colours(kinds)
    figure = Figure(figsize=(PAGE, 1.5 * len(networks) + 0.6), layout="constrained")
    grid = figure.subplots(len(networks), len(MEASURES), squeeze=False, sharex=True, sharey="col")
    for row, name in zip(grid, networks, strict=True):
        for axes, measure in zip(row, MEASURES, strict=True):
            here = runs[runs["network"] == name]
            for one in kinds:
                points = _means(here[here["kind"] == one], measure)
                if one == "random":  # it spends no pass: a level, not a point
                    axes.axhline(
                        points["mean"].iloc[0], color=colour[one], linestyle="--", linewidth=0.8
                    )
                    continue
                axes.errorbar(
                    points["passes"],
                    points["mean"],
                    points["half"],
                    color=colour[one],
                    marker=MARKERS[one],
                    capsize=1.5,
                    elinewidth=0.6,
                )
            passes_axis(axes)
        row[0].set_ylabel(network(name))
    for axes, (measure, title) in zip(grid[0], MEASURES.items(), strict=True):
        axes.set_title(f"{title} ({'low' if measure == 'deletion' else 'high'} is good)")
    figure.supxlabel("network passes (mean)")
    entries: dict[str, Any] = {}
    for one in kinds:
        style = {"linestyle": "--"} if one == "random" else {"marker": MARKERS[one]}
        entries[KINDS[one]] = Line2D([], [], color=colour[one], **style)  # type: ignore[arg-type]
    legend(figure, entries, columns=len(entries))
    return figure


def _means(runs: pd.DataFrame, measure: str) -> pd.DataFrame:
    """Per method: mean passes, and the mean of the measure with half of its 95 % interval, images
    being the sample."""
    rows = []
    for _, group in runs.groupby("method", sort=False):
        by_image = group.groupby("image")[measure].mean()
        half = 1.96 * by_image.std() / np.sqrt(len(by_image)) if len(by_image) > 1 else 0.0
        rows.append({"passes": group["passes"].mean(), "mean": by_image.mean(), "half": half})
    return pd.DataFrame(rows).sort_values("passes")
