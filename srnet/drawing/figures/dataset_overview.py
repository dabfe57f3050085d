"""The tasks by rows, inputs and family, as in the paper's overview of its data sets."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from srnet.drawing.style import COLUMN, add_legend, preset_colours, styled

MARKERS = ("o", "s", "^", "D", "v", "P")


@styled
def draw(networks: pd.DataFrame) -> Figure:
    """One point per pair (inputs, rows), labelled with its tasks.

    Parameters
    ----------
    networks
        One row per task: task, family, rows, inputs.
    """
    figure = Figure(figsize=(COLUMN, 2.5), layout="constrained")
    axes = figure.subplots()
    families = preset_colours(networks["family"])
    shown = {}
    for (family, colour), marker in zip(families.items(), MARKERS * len(families), strict=False):
        points = networks[networks["family"] == family]
        label = f"{family} ({len(points)} task{'s' * (len(points) != 1)})"
        shown[label] = axes.scatter(
            points["inputs"], points["rows"], s=28, marker=marker, color=colour
        )
    for point in networks.drop_duplicates(["inputs", "rows"]).to_dict("records"):
        column = networks[networks["inputs"] == point["inputs"]]
        label = ", ".join(column.loc[column["rows"] == point["rows"], "task"])
        # below the point if another lies just above it or just to its right
        above = column["rows"].between(point["rows"], 2 * point["rows"], inclusive="neither")
        right = networks["inputs"].between(
            point["inputs"], 1.3 * point["inputs"], inclusive="neither"
        )
        beside = networks.loc[right, "rows"].between(point["rows"] / 2, 2 * point["rows"])
        offset = (5, -9 if above.any() or beside.any() else 4)
        axes.annotate(
            label,
            (point["inputs"], point["rows"]),
            xytext=offset,
            textcoords="offset points",
            fontsize=6,
        )
    axes.set_yscale("log")
    low, high = networks["rows"].min(), networks["rows"].max()
    axes.set_ylim(low / 3, high * 3)
    # Logarithmic because most tasks have few inputs and some have many; the margin on the right is
    # for the label of the last point.
    axes.set_xscale("log")
    axes.set_xlim(0.8 * networks["inputs"].min(), 1.9 * networks["inputs"].max())
    axes.xaxis.set_major_locator(FixedLocator(sorted(networks["inputs"].unique()), nbins=12))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set_xlabel("number of inputs")
    axes.set_ylabel("number of rows")
    add_legend(figure, shown)
    return figure
