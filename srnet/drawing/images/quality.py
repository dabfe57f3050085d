"""Quality by network passes on the test set: IoU with the object, insertion and deletion."""

from typing import Any

import pandas as pd
import seaborn as sns
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

MARKERS = {"published": "s", "sparse": "o", "lime": "X", "rise": "v"}


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
    runs = select_images(images_runs, "test")
    networks = distinct_names(runs["network"])
    means = runs.groupby(["network", "method", "image"], sort=False, as_index=False)[
        ["passes", *MEASURE_LABELS]
    ].mean()
    means = means.assign(
        kind=means["method"].map(method_kind),
        passes=means.groupby(["network", "method"])["passes"].transform("mean"),
    )
    kinds = [kind for kind in KIND_LABELS if kind in set(means["kind"])]
    colours = method_colours(kinds)
    figure = Figure(figsize=(PAGE, 1.5 * len(networks) + 0.6), layout="constrained")
    grid = figure.subplots(
        len(networks), len(MEASURE_LABELS), squeeze=False, sharex=True, sharey="col"
    )
    for row, name in zip(grid, networks, strict=True):
        part = means[means["network"] == name]
        # random needs no passes: a level, not a point
        random, points = part[part["kind"] == "random"], part[part["kind"] != "random"]
        for axes, (measure, title) in zip(row, MEASURE_LABELS.items(), strict=True):
            sns.lineplot(
                points,
                x="passes",
                y=measure,
                hue="kind",
                style="kind",
                palette=colours,
                markers=MARKERS,
                dashes=False,
                markeredgewidth=0,
                markersize=4,
                errorbar=("se", 1.96),
                err_style="bars",
                err_kws={"capsize": 1.5, "elinewidth": 0.6},
                legend=False,
                ax=axes,
            )
            if len(random):
                axes.axhline(random[measure].mean(), color=colours["random"], ls="--", lw=0.8)
            axes.set(xlabel="", ylabel=network_label(name) if axes is row[0] else "")
            if name == networks[0]:
                axes.set_title(f"{title} ({'low' if measure == 'deletion' else 'high'} is good)")
            set_passes_axis(axes)
    figure.supxlabel("network passes (mean)")
    entries: dict[str, Any] = {}
    for kind in kinds:
        style: dict[str, Any] = {"linestyle": "--"}
        if kind in MARKERS:
            style = {"marker": MARKERS[kind]}
        entries[KIND_LABELS[kind]] = Line2D([], [], color=colours[kind], **style)
    add_legend(figure, entries, columns=len(entries))
    return figure
