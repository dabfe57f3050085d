"""Quality by network passes on the test set: IoU with the object, insertion and deletion."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from srnet.drawing.images.style import (
    KIND_LABELS,
    MEASURE_LABELS,
    method_colours,
    method_kind,
    network_label,
    select_images,
    set_passes_axis,
)
from srnet.drawing.style import PAGE, add_legend, distinct_names, styled

MARKERS = {"published": "s", "sparse": "o", "lime": "^", "rise": "v", "random": "D"}


@styled
def draw(images_runs: pd.DataFrame) -> Figure:
    """A panel per network (row) and measure (column).

    Points are means over images and seeds, bars their 95 % intervals over the images.

    Parameters
    ----------
    images_runs
        One row per explanation: network, images (named or test), image, method, passes, iou,
        insertion, deletion.
    """
    runs = select_images(images_runs, "test").assign(
        kind=lambda frame: frame["method"].map(method_kind)
    )
    networks, kinds = (
        distinct_names(runs["network"]),
        [kind for kind in KIND_LABELS if kind in set(runs["kind"])],
    )
    colour = method_colours(kinds)
    figure = Figure(figsize=(PAGE, 1.5 * len(networks) + 0.6), layout="constrained")
    grid = figure.subplots(
        len(networks), len(MEASURE_LABELS), squeeze=False, sharex=True, sharey="col"
    )
    for row, name in zip(grid, networks, strict=True):
        for axes, measure in zip(row, MEASURE_LABELS, strict=True):
            subset = runs[runs["network"] == name]
            for kind in kinds:
                points = _means(subset[subset["kind"] == kind], measure)
                if kind == "random":  # it needs no passes: a level, not a point
                    axes.axhline(
                        points["mean"].iloc[0], color=colour[kind], linestyle="--", linewidth=0.8
                    )
                    continue
                axes.errorbar(
                    points["passes"],
                    points["mean"],
                    points["half"],
                    color=colour[kind],
                    marker=MARKERS[kind],
                    capsize=1.5,
                    elinewidth=0.6,
                )
            set_passes_axis(axes)
        row[0].set_ylabel(network_label(name))
    for axes, (measure, title) in zip(grid[0], MEASURE_LABELS.items(), strict=True):
        axes.set_title(f"{title} ({'low' if measure == 'deletion' else 'high'} is good)")
    figure.supxlabel("network passes (mean)")
    entries: dict[str, Any] = {}
    for kind in kinds:
        style = {"linestyle": "--"} if kind == "random" else {"marker": MARKERS[kind]}
        entries[KIND_LABELS[kind]] = Line2D([], [], color=colour[kind], **style)  # type: ignore[arg-type]
    add_legend(figure, entries, columns=len(entries))
    return figure


def _means(runs: pd.DataFrame, measure: str) -> pd.DataFrame:
    """The mean passes of each method, and the mean of a measure with half its 95 % interval.

    The interval is that of a mean over the images.
    """
    rows = []
    for _, group in runs.groupby("method", sort=False):
        by_image = group.groupby("image")[measure].mean()
        half = 1.96 * by_image.std() / np.sqrt(len(by_image)) if len(by_image) > 1 else 0.0
        rows.append({"passes": group["passes"].mean(), "mean": by_image.mean(), "half": half})
    return pd.DataFrame(rows).sort_values("passes")
