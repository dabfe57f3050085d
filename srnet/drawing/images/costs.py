"""Quality of all methods by what they cost: network passes and seconds, mean over networks."""

import pandas as pd
from matplotlib.figure import Figure

from srnet.drawing.images.quality import (
    COSTS,
    draw_measures,
    mean_by_image,
    method_entries,
    title_measures,
)
from srnet.drawing.images.style import MEASURE_LABELS, network_label
from srnet.drawing.style import PAGE, add_legend, distinct_names, styled

LABELS = {"passes": "network passes (mean)", "seconds": "seconds on one core (mean)"}


@styled
def draw(images_runs: pd.DataFrame) -> Figure:
    """A row of panels per cost, a panel per measure.

    Points are means over networks, images, trainings and seeds, bars their 95 % intervals over the
    images. The networks are those that the most methods explain.

    Parameters
    ----------
    images_runs
        One row per explanation: network, images (named or test), image, method, passes, seconds,
        iou, insertion, deletion.
    """
    means = mean_by_image(images_runs)
    explained = means.groupby("network")["method"].transform("nunique")
    means = means[explained == explained.max()]
    networks = [network_label(name) for name in distinct_names(means["network"])]
    means = means.groupby(["kind", "method", "image"], sort=False, as_index=False)[
        [*COSTS, *MEASURE_LABELS]
    ].mean()
    figure = Figure(figsize=(PAGE, 4.4), layout="constrained")
    grid = figure.subplots(len(COSTS), len(MEASURE_LABELS), squeeze=False, sharey="col")
    for row, cost in zip(grid, COSTS, strict=True):
        draw_measures(row, means, cost)
        row[1].set_xlabel(LABELS[cost])
    title_measures(grid[0])
    figure.supylabel(f"mean over {', '.join(networks)}" if len(networks) > 1 else networks[0])
    add_legend(figure, method_entries(means["kind"]), columns=6)
    return figure
