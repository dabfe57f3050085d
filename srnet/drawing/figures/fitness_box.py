"""Final fitness over the seeds beside the published runs, as in the paper's box plot."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from srnet.drawing.style import (
    PUBLISHED,
    add_legend,
    annotate,
    count_text,
    preset_colours,
    set_log_scale,
    styled,
    task_panels,
)


@styled
def draw(runs: pd.DataFrame, published: pd.DataFrame) -> Figure:
    """One panel per task: a box for each preset and for the published runs, and a point per run.

    Whiskers reach to minimum and maximum.

    Parameters
    ----------
    runs
        One row per run: task, preset, seed, fitness.
    published
        One row per task: task, runs, fitness_min, fitness_q1, fitness_median, fitness_q3,
        fitness_max. Tasks may be missing.
    """
    tasks = runs["task"].unique()
    figure, panels = task_panels(tasks, columns=min(6, len(tasks)), height=1.45)
    presets = preset_colours(runs["preset"])
    for task, axes in panels.items():
        subset = published[published["task"] == task]
        if len(subset):
            _draw_box(axes, 0, _published_statistics(subset.iloc[0]), PUBLISHED)
        for place, (preset, colour) in enumerate(presets.items(), start=1):
            _draw_preset(
                axes,
                place,
                runs.loc[(runs["task"] == task) & (runs["preset"] == preset), "fitness"],
                colour,
            )
        set_log_scale(axes)
        axes.set_xlim(-0.6, len(presets) + 0.6)
        axes.set_xticks([])
        own = runs[runs["task"] == task]
        annotate(
            axes,
            [
                f"{preset}: all 0"
                for preset in presets
                if (own.loc[own["preset"] == preset, "fitness"] == 0).all()
            ],
        )
    figure.supylabel("final fitness")
    seeds = count_text(runs.groupby(["task", "preset"], sort=False).size(), "seed")
    entries: dict[str, Any] = {}
    if len(drawn := published[published["task"].isin(tasks)]):
        entries[f"published: {count_text(drawn['runs'], 'run')}"] = Patch(
            color=PUBLISHED, alpha=0.4
        )
    for preset, colour in presets.items():
        entries[f"{preset}: {seeds}"] = Patch(color=colour, alpha=0.4)
    if not np.isfinite(runs["fitness"]).all():
        entries["n×∞: runs that are not finite"] = Patch(alpha=0)
    add_legend(figure, entries, columns=4)
    return figure


def _published_statistics(row: pd.Series) -> dict[str, float]:
    keys = {"whislo": "min", "q1": "q1", "med": "median", "q3": "q3", "whishi": "max"}
    return {key: float(row[f"fitness_{name}"]) for key, name in keys.items()}


def _draw_preset(axes: Axes, place: int, fitness: pd.Series, colour: str) -> None:
    finite = fitness[np.isfinite(fitness)]
    if len(finite):
        low, q1, median, q3, high = np.quantile(finite, [0, 0.25, 0.5, 0.75, 1])
        _draw_box(
            axes, place, {"whislo": low, "q1": q1, "med": median, "q3": q3, "whishi": high}, colour
        )
        spread = np.linspace(-0.18, 0.18, len(finite)) if len(finite) > 1 else np.zeros(1)
        axes.plot(
            place + spread, finite, ".", color=colour, markersize=2, alpha=0.8, linestyle="none"
        )
    if len(finite) < len(fitness):
        count = f"{len(fitness) - len(finite)}×∞"
        axes.text(
            place,
            1.01,
            count,
            transform=axes.get_xaxis_transform(),
            ha="center",
            va="bottom",
            fontsize=6,
            color=colour,
        )


def _draw_box(axes: Axes, place: int, statistics: dict[str, float], colour: str) -> None:
    line = {"color": colour, "linewidth": 0.8}
    axes.bxp(
        [statistics],
        positions=[place],
        widths=0.6,
        showfliers=False,
        patch_artist=True,
        boxprops={"facecolor": colour, "alpha": 0.4, "edgecolor": colour, "linewidth": 0.8},
        medianprops={"color": colour, "linewidth": 1.4},
        whiskerprops=line,
        capprops=line,
    )
