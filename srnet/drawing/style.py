"""What all figures share: the style file, widths, colours, and a grid with one panel per task."""

import functools
from collections.abc import Callable, Iterable
from importlib.resources import files
from typing import Any, Literal, ParamSpec

import matplotlib
import matplotlib.style
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

P = ParamSpec("P")

COLUMN, PAGE = 3.4, 7.0  # inches: one and two columns of a paper
LEGEND_LINE = 0.14  # inches
BAND = 0.25  # opacity
PUBLISHED = "0.45"  # grey: what the paper reports, beside our colours
STYLE = str(files("srnet.drawing") / "srnet.mplstyle")


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Draw in the style of the style file, whatever the caller's settings."""

    @functools.wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.style.context(["default", STYLE]):
            return draw(*args, **kwargs)

    return wrapped


def names(column: Iterable[Any]) -> list[str]:
    """The different names of a column in the order in which they first occur, which is the order of
    panels and legends."""
    return list(dict.fromkeys(str(name) for name in column))


def colours(presets: Iterable[str]) -> dict[str, str]:
    """A colour per preset."""
    cycle = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    return {preset: to_hex(cycle[i % len(cycle)]) for i, preset in enumerate(names(presets))}


def task_panels(
    tasks: Iterable[str], *, height: float = 1.25, columns: int = 4
) -> tuple[Figure, dict[str, Axes]]:
    """A figure with one panel per task, row by row, titled with the task's name.

    Parameters
    ----------
    height
        Of a row of panels, in inches; the legend above comes on top.
    """
    tasks = names(tasks)
    columns = min(columns, len(tasks))
    rows = -(-len(tasks) // columns)
    width = PAGE if columns > 2 else COLUMN
    figure = Figure(figsize=(width, max(rows * height, 1.7) + 0.45), layout="constrained")
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(tasks) :]:
        axes.remove()
    panels = dict(zip(tasks, grid.flat, strict=False))
    for task, axes in panels.items():
        axes.set_title(task)
        axes.locator_params(axis="x", nbins=4)
    return figure, panels


def counted(counts: pd.Series, what: str) -> str:
    """``1 seed``, ``30 seeds``, or ``28–30 seeds`` where the panels differ."""
    low, high = int(counts.min()), int(counts.max())
    number = str(low) if low == high else f"{low}–{high}"
    return f"{number} {what}{'s' * (high != 1)}"


def log_scale(axes: Axes) -> None:
    """A logarithmic y axis; call it when all is drawn. Without ticks where nothing is positive."""
    axes.set_yscale("log")
    if np.isfinite(axes.dataLim.minposy):
        log_ticks(axes, "y")
    else:
        axes.set_yticks([])
        axes.set_yticks([], minor=True)


def log_ticks(axes: Axes, which: Literal["x", "y"]) -> None:
    """A few plain labels on a logarithmic axis, whether it spans a tenth of a decade or ten; call
    it when all is drawn."""
    axis, (low, high) = (
        (axes.xaxis, axes.get_xlim()) if which == "x" else (axes.yaxis, axes.get_ylim())
    )
    decades = np.log10(high / low)
    if decades < 0.6:
        axis.set_major_locator(MaxNLocator(4))
    else:
        axis.set_major_locator(LogLocator(subs=(1,) if decades > 2 else (1, 2, 5), numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: number(value, 4)))
    axis.set_minor_formatter(NullFormatter())


def number(value: float, digits: int = 3) -> str:
    """A number for a figure: plain where that is short, else with a power of ten, for mathtext."""
    if not np.isfinite(value):
        return "∞" if value > 0 else "not finite"
    if 1e-3 <= abs(value) < 1e4 or value == 0:
        return f"{value:.{max(digits, 4)}g}" if abs(value) >= 1e3 else f"{value:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    factor = "" if float(mantissa) == 1 else rf"{float(mantissa):g}{{\times}}"
    return rf"${factor}10^{{{int(exponent)}}}$"


def note(axes: Axes, lines: Iterable[str], side: Literal["left", "right"] = "right") -> None:
    """Remarks at the top of a panel: what the reader must know and the curve does not show."""
    x = 0.97 if side == "right" else 0.03
    axes.text(
        x,
        0.95,
        "\n".join(lines),
        transform=axes.transAxes,
        ha=side,
        va="top",
        fontsize=5.5,
        color="#B00000",
    )


def positive(values: pd.Series) -> pd.Series:
    """The values that a logarithmic axis can show; the others become gaps."""
    return values.where(np.isfinite(values) & (values > 0))


def with_band(
    axes: Axes, x: pd.Series, middle: pd.Series, curve: pd.DataFrame, colour: str
) -> None:
    """A line and, behind it, the band from the minimum to the maximum over the seeds; only where
    every seed is finite.

    Parameters
    ----------
    middle
        The line's values.
    curve
        One preset of one task: runs, finite, min, max.
    """
    whole = curve["finite"] == curve["runs"]
    low, high, line = (
        positive(values).where(whole) for values in (curve["min"], curve["max"], middle)
    )
    axes.fill_between(x, low, high, color=colour, alpha=BAND, linewidth=0)
    axes.plot(x, line, color=colour)
    if not whole.all():
        axes.plot(
            x,
            positive(middle).where(~whole | ~whole.shift(-1, fill_value=True)),
            color=colour,
            linestyle=":",
        )


def band_legend(colour: str) -> tuple[Patch, Line2D]:
    """What the legend shows for a line with its band."""
    return Patch(color=colour, alpha=BAND, linewidth=0), Line2D([], [], color=colour)


def not_on_the_axis(history: pd.DataFrame) -> list[str]:
    """How many runs of each preset have no finite fitness at the end, or are all exact at once; one
    task's history."""
    last = history.groupby("preset", sort=False).tail(1).to_dict("records")
    failed = [(row["preset"], row["runs"] - row["finite"], row["runs"]) for row in last]
    exact = [
        str(preset)
        for preset, curve in history.groupby("preset", sort=False)
        if (curve["max"] <= 0).all()
    ]
    return [
        *(f"{preset}: {count} of {runs} not finite" for preset, count, runs in failed if count),
        *(f"{preset}: fitness 0 at once" for preset in exact),
    ]


def legend(figure: Figure, entries: dict[str, Any], columns: int = 2) -> None:
    """One legend above all panels, what is drawn by its label; in fewer columns, and a taller
    figure, where the figure is narrow."""
    renderer = FigureCanvasAgg(figure).get_renderer()
    for count in range(columns, 0, -1):
        drawn = figure.legend(
            list(entries.values()), list(entries), loc="outside upper center", ncols=count
        )
        if count == 1 or drawn.get_window_extent(renderer).width <= figure.bbox.width:
            lines = -(-len(entries) // count) - -(-len(entries) // columns)
            figure.set_figheight(figure.get_figheight() + LEGEND_LINE * lines)
            return
        drawn.remove()
