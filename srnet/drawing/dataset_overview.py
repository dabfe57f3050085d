"""Tasks as points, rows by inputs, by family (the paper's overview of its data sets)."""

import pandas as pd
from matplotlib.figure import Figure

from srnet.drawing.style import COLUMN, colours, styled

MARKERS = ("o", "s", "^", "D", "v", "P")


@styled
def draw(networks: pd.DataFrame) -> Figure:
    """One point per pair (inputs, rows), labelled with its tasks.

    Parameters
    ----------
    networks
        One row per task: task, family, rows, inputs.
    """
    figure = Figure(figsize=(COLUMN, 2.3), layout="constrained")
    axes = figure.subplots()
    families = colours(networks["family"])
    for (family, colour), marker in zip(families.items(), MARKERS * len(families), strict=False):
        points = networks[networks["family"] == family]
        label = f"{family} ({len(points)} task{'s' * (len(points) != 1)})"
        axes.scatter(points["inputs"], points["rows"], s=28, marker=marker, color=colour, label=label)
    for point in networks.drop_duplicates(["inputs", "rows"]).to_dict("records"):
        column = networks[networks["inputs"] == point["inputs"]]
        label = ", ".join(column.loc[column["rows"] == point["rows"], "task"])
        # below the point where another is just above it
        crowded = column["rows"].between(point["rows"], 2 * point["rows"], inclusive="neither").any()
        offset = (5, -9 if crowded else 4)
        axes.annotate(label, (point["inputs"], point["rows"]), xytext=offset, textcoords="offset points", fontsize=6)
    axes.set_yscale("log")
    low, high = networks["rows"].min(), networks["rows"].max()
    axes.set_ylim(low / 2, high * 3)
    axes.set_xticks(range(1, int(networks["inputs"].max()) + 1))
    axes.set_xlim(0.6, networks["inputs"].max() + 0.9)
    axes.set_xlabel("number of inputs")
    axes.set_ylabel("number of rows")
    axes.legend(loc="lower right")
    return figure
