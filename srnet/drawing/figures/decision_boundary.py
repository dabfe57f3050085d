"""Decision boundaries of network, SRNet, LIME and MAPLE in a t-SNE plane, as in the paper."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from scipy.spatial import cKDTree

from srnet.drawing.methods import line_style
from srnet.drawing.style import PAGE, add_legend, class_colours, styled
from srnet.wording import method_name

PIXELS = 400
NOT_FINITE = -1
MARKERS = ("o", "s", "^", "D", "v")
MARGIN = 0.04
STAR: dict[str, Any] = {
    "linestyle": "",
    "marker": "*",
    "color": "white",
    "markeredgecolor": "black",
    "markersize": 9,
}


@styled
def draw(plane: pd.DataFrame, plane_lines: pd.DataFrame) -> Figure:
    """Four panels: the network's classes, SRNet's, and two zooms with the lines of LIME and MAPLE.

    The background shows the class of the nearest row.

    Parameters
    ----------
    plane
        One row per row of the task: u, v, network, srnet (class numbers; −1 if not finite), class
        (the name of the network's), zoom, explained.
    plane_lines
        One row per zoom and method: u, v, a, b, c of the line a (x − u) + b (y − v) + c = 0, and
        agreement.
    """
    figure = Figure(figsize=(PAGE, 0.31 * PAGE), layout="constrained")
    panels = figure.subplots(1, 4)
    colours = class_colours({*plane["network"], *plane["srnet"]} - {NOT_FINITE})
    whole = _bounding_box(plane)
    remark = ": one class" if plane["network"].nunique() == 1 else ""
    same = 100 * (plane["network"] == plane["srnet"]).mean()
    titles = {"network": f"MLP{remark}", "srnet": f"SRNet: {same:.1f} % as MLP"}
    for axes, (column, title) in zip(panels, titles.items(), strict=False):
        _draw_background(axes, plane, column, whole, colours)
        _draw_rows(axes, plane, colours, size=2)
        axes.set_title(title)
    for number, axes in enumerate(panels[2:], start=1):
        subset = plane[plane["zoom"] == number]
        if subset.empty:
            axes.remove()
            continue
        box = _zoom_box(subset)
        inside = plane["u"].between(*box[0]) & plane["v"].between(*box[1])
        _draw_background(axes, plane, "network", box, colours)
        _draw_rows(axes, plane[inside], colours, size=9)
        chosen = subset[subset["explained"].astype(bool)]
        axes.plot(chosen["u"], chosen["v"], zorder=4, **STAR)
        lines = plane_lines[plane_lines["zoom"] == number].to_dict("records")
        for row in lines:
            _draw_line(axes, row, box)
        letter = "ab"[number - 1]
        shares = [f"{method_name(row['method'])} {100 * row['agreement']:.0f} %" for row in lines]
        axes.set_title(f"{letter}: {', '.join(shares)}", fontsize=6)
        corner, size = (box[0][0], box[1][0]), (np.ptp(box[0]), np.ptp(box[1]))
        panels[0].add_patch(Rectangle(corner, *size, fill=False, linewidth=0.8, zorder=5))
        at = {"ha": "right", "va": "top", "fontweight": "bold", "zorder": 5}
        panels[0].text(box[0][0], box[1][1], f"{letter} ", **at)
    panels[0].set(xlim=whole[0], ylim=whole[1])  # the frame of a zoom may reach beyond
    for axes in figure.axes:
        axes.set(xticks=[], yticks=[], xlabel="", ylabel="")
        axes.grid(False)
        axes.spines[:].set_visible(True)
    panels[0].set(xlabel="t-SNE 1", ylabel="t-SNE 2")
    _add_legend(figure, plane, colours)
    return figure


Box = tuple[tuple[float, float], tuple[float, float]]


def _bounding_box(rows: pd.DataFrame) -> Box:
    sides = []
    for column in ("u", "v"):
        low, high = rows[column].min(), rows[column].max()
        margin = MARGIN * ((high - low) or 1.0)
        sides.append((float(low - margin), float(high + margin)))
    return sides[0], sides[1]


def _zoom_box(rows: pd.DataFrame) -> Box:
    """The smallest box, plus a margin, around the explained row that holds all rows of its zoom."""
    middle = rows.loc[rows["explained"].astype(bool), ["u", "v"]].iloc[0]
    half = {
        side: (1 + 2 * MARGIN) * float((rows[side] - middle[side]).abs().max()) or 1.0
        for side in ("u", "v")
    }
    u, v = (
        (float(middle[side] - half[side]), float(middle[side] + half[side])) for side in ("u", "v")
    )
    return u, v


def _draw_background(
    axes: Axes, plane: pd.DataFrame, column: str, box: Box, colours: dict[int, str]
) -> None:
    """Colour each place by the class of its nearest row, grey where SRNet is not finite."""
    x, y = (np.linspace(*side, PIXELS) for side in box)
    places = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    nearest = cKDTree(plane[["u", "v"]].to_numpy(float)).query(places)[1]
    classes = plane[column].to_numpy(int)[nearest].reshape(PIXELS, PIXELS)
    image = np.empty((*classes.shape, 3))
    for number in np.unique(classes):
        image[classes == number] = 1 - 0.3 * (1 - np.array(to_rgb(colours.get(number, "0.4"))))
        axes.contour(x, y, classes == number, levels=[0.5], colors="0.25", linewidths=0.5)
    extent = (*box[0], *box[1])
    axes.imshow(
        image, extent=extent, origin="lower", aspect="auto", interpolation="nearest", zorder=0
    )


def _draw_rows(axes: Axes, rows: pd.DataFrame, colours: dict[int, str], size: float) -> None:
    sns.scatterplot(
        rows,
        x="u",
        y="v",
        hue="network",
        style="network",
        palette=colours,
        markers=_markers(colours),
        s=size,
        linewidth=0,
        zorder=3,
        legend=False,
        rasterized=True,
        ax=axes,
    )


def _markers(classes: Iterable[int]) -> dict[int, str]:
    return {number: MARKERS[number % len(MARKERS)] for number in classes}


def _draw_line(axes: Axes, row: Mapping[Any, Any], box: Box) -> None:
    """Draw the decision boundary of an explanation, unless it lies outside the zoom."""
    x, y = (np.linspace(*side, 50) for side in box)
    value = row["a"] * (x[None, :] - row["u"]) + row["b"] * (y[:, None] - row["v"]) + row["c"]
    style = line_style(str(row["method"]))
    if value.min() < 0 < value.max():
        axes.contour(
            x,
            y,
            value,
            levels=[0],
            colors=[style["color"]],
            linewidths=1.8,
            linestyles=[style["linestyle"]],
            zorder=3.5,
        )


def _add_legend(figure: Figure, plane: pd.DataFrame, colours: dict[int, str]) -> None:
    names = plane.groupby("network")["class"].first()
    entries: dict[str, Any] = {
        f"MLP: class {names[number]}": Line2D(
            [], [], linestyle="", marker=marker, color=colours[number], markersize=3
        )
        for number, marker in _markers(names.index).items()
    }
    if (plane["srnet"] == NOT_FINITE).any():
        entries["SRNet not finite"] = Patch(color="0.75")
    entries["explained row"] = Line2D([], [], **(STAR | {"markersize": 7}))
    for method in ("lime", "maple"):
        style = line_style(method) | {"linewidth": 1.8}
        entries[f"{method_name(method)} changes its mind"] = Line2D([], [], **style)
    add_legend(figure, entries, columns=len(entries))
