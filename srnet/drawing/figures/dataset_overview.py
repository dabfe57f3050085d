"""The tasks by rows, inputs and family, as in the paper's overview of its data sets."""

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from srnet.drawing.style import COLUMN, add_legend, styled
from srnet.wording import count_text


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
    counts = networks["family"].map(networks["family"].value_counts())
    families = networks["family"] + [f" ({count_text(n, 'task')})" for n in counts]
    sns.scatterplot(networks, x="inputs", y="rows", hue=families, style=families, s=36, ax=axes)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend().remove()
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
        at = (point["inputs"], point["rows"])
        axes.annotate(label, at, xytext=offset, textcoords="offset points", fontsize=6)
    low, high = networks["rows"].min(), networks["rows"].max()
    # Logarithmic because most tasks have few inputs and some have many; the margin on the right is
    # for the label of the last point.
    axes.set(xscale="log", yscale="log", ylim=(low / 3, high * 3))
    axes.set_xlim(0.8 * networks["inputs"].min(), 1.9 * networks["inputs"].max())
    axes.xaxis.set_major_locator(FixedLocator(sorted(networks["inputs"].unique()), nbins=12))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.set(xlabel="number of inputs", ylabel="number of rows")
    add_legend(figure, dict(zip(labels, handles, strict=True)))
    return figure
