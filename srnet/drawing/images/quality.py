"""Quality by network passes on the test set, by network: IoU with the object, insertion and
deletion."""

from collections.abc import Iterable
from typing import Any

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from srnet.drawing.images.style import (
    KINDS,
    MEASURE_LABELS,
    kind_label,
    method_colours,
    method_kind,
    network_label,
    select_images,
    set_log_axis,
)
from srnet.drawing.style import PAGE, add_legend, distinct_names, styled

COSTS = ("passes", "seconds")


@styled
def draw(images_runs: pd.DataFrame) -> Figure:
    """A panel per network (row) and measure (column).

    Points are means over images, trainings and seeds, bars their 95 % intervals over the images.

    Parameters
    ----------
    images_runs
        One row per explanation: network, images (named or test), image, method, passes, seconds,
        iou, insertion, deletion.
    """
    means = mean_by_image(images_runs)
    networks = distinct_names(means["network"])
    figure = Figure(figsize=(PAGE, 1.5 * len(networks) + 0.6), layout="constrained")
    grid = figure.subplots(
        len(networks), len(MEASURE_LABELS), squeeze=False, sharex=True, sharey="col"
    )
    for row, name in zip(grid, networks, strict=True):
        draw_measures(row, means[means["network"] == name], "passes")
        row[0].set_ylabel(network_label(name))
    title_measures(grid[0])
    figure.supxlabel("network passes (mean)")
    add_legend(figure, method_entries(means["kind"]), columns=6)
    return figure


def mean_by_image(images_runs: pd.DataFrame) -> pd.DataFrame:
    """The test set's rows by network, method and image: the measures, means over trainings and
    seeds, the method's kind, and its mean passes and seconds over the images."""
    keys = ["network", "method", "image"]
    runs = select_images(images_runs, "test")
    means = runs.groupby(keys, sort=False, as_index=False)[[*COSTS, *MEASURE_LABELS]].mean()
    costs = means.groupby(keys[:2])[list(COSTS)].transform("mean")
    return means.assign(kind=means["method"].map(method_kind), **costs)


def draw_measures(row: Iterable[Axes], means: pd.DataFrame, cost: str) -> None:
    """Draw one panel per measure against a cost, a line per kind of methods; chance, which costs
    nothing, is a level."""
    colours = method_colours(means["kind"])
    chance, points = means[means["kind"] == "random"], means[means["kind"] != "random"]
    for axes, measure in zip(row, MEASURE_LABELS, strict=True):
        sns.lineplot(
            points,
            x=cost,
            y=measure,
            hue="kind",
            style="kind",
            palette=colours,
            markers={kind: KINDS[kind][2] if kind in KINDS else "." for kind in colours},
            dashes=False,
            markeredgewidth=0,
            markersize=4,
            errorbar=("se", 1.96),
            err_style="bars",
            err_kws={"capsize": 1.5, "elinewidth": 0.6},
            legend=False,
            ax=axes,
        )
        if len(chance):
            axes.axhline(chance[measure].mean(), color=colours["random"], ls="--", lw=0.8)
        axes.set(xlabel="", ylabel="")
        set_log_axis(axes)


def title_measures(row: Iterable[Axes]) -> None:
    """Title the panels with the measures and the direction that is good."""
    for axes, (measure, title) in zip(row, MEASURE_LABELS.items(), strict=True):
        axes.set_title(f"{title} ({'low' if measure == 'deletion' else 'high'} is good)")


def method_entries(kinds: Iterable[str]) -> dict[str, Any]:
    """The legend's entries of these kinds of methods, in the order of ``KINDS``."""
    colours = method_colours(kinds)
    found = [kind for kind in KINDS if kind in colours]
    found += [kind for kind in colours if kind not in KINDS]
    entries: dict[str, Any] = {}
    for kind in found:
        style: dict[str, Any] = {"marker": KINDS[kind][2] if kind in KINDS else "."}
        if kind == "random":
            style = {"linestyle": "--"}
        entries[kind_label(kind)] = Line2D([], [], color=colours[kind], **style)
    return entries
