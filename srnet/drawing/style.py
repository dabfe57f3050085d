"""The common look of the figures: style file, widths, colours, axes, and a grid of task panels."""

import functools
from collections.abc import Callable, Collection, Iterable
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

from srnet.escaping import escape_figure
from srnet.io.frames import map_texts

P = ParamSpec("P")

COLUMN, PAGE = 3.4, 7.0  # inches: one and two columns of a paper
LEGEND_LINE = 0.14  # inches
BAND = 0.25  # opacity of a band
PUBLISHED = "0.45"  # grey: what the paper reports, beside our colours
STYLE = str(files("srnet.drawing") / "srnet.mplstyle")
# Column of a frame of formulas that holds the column `formula` in LaTeX.
LATEX = "latex"


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Make a ``draw`` function use the style file, whatever the caller's matplotlib settings, and
    show the names in its frames as they are."""

    @functools.wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Figure:
        shown: Any = {name: _escape(value) for name, value in kwargs.items()}
        with matplotlib.style.context(["default", STYLE]):
            return draw(*map(_escape, args), **shown)

    return wrapped


def _escape(value: Any) -> Any:
    """A frame whose texts matplotlib takes as they are; anything else unchanged."""
    if isinstance(value, pd.DataFrame):
        return map_texts(value, escape_figure, without=[LATEX])
    return value


def distinct_names(column: Iterable[Any]) -> list[str]:
    """The distinct names of a column in order of first occurrence, as panels and legends use."""
    return list(dict.fromkeys(str(name) for name in column))


def preset_colours(presets: Iterable[str]) -> dict[str, str]:
    """A colour for each preset, in order of first occurrence."""
    cycle = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    return {
        preset: to_hex(cycle[i % len(cycle)]) for i, preset in enumerate(distinct_names(presets))
    }


def task_panels(
    tasks: Iterable[str], *, height: float = 1.25, columns: int = 4
) -> tuple[Figure, dict[str, Axes]]:
    """A figure with one panel per task, row by row, titled with the task's name.

    Parameters
    ----------
    tasks
        Names of the tasks; duplicates are ignored.
    height
        Height of a row of panels in inches, without the legend above.
    columns
        The most panels in a row.
    """
    tasks = distinct_names(tasks)
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


def count_text(counts: Collection[int], unit: str) -> str:
    """Counts as text: ``1 seed``, ``30 seeds``, or ``28–30 seeds`` if they differ."""
    low, high = int(min(counts)), int(max(counts))
    numbers = str(low) if low == high else f"{low}–{high}"
    return f"{numbers} {unit}{'s' * (high != 1)}"


def set_log_scale(axes: Axes) -> None:
    """Make the y axis logarithmic, without ticks if no value is positive.

    Call it after plotting.
    """
    axes.set_yscale("log")
    if np.isfinite(axes.dataLim.minposy):
        set_log_ticks(axes, "y")
    else:
        axes.set_yticks([])
        axes.set_yticks([], minor=True)


def set_log_ticks(axes: Axes, which: Literal["x", "y"]) -> None:
    """Put a few plain labels on a logarithmic axis, however many decades it spans.

    Call it after plotting.
    """
    axis, (low, high) = (
        (axes.xaxis, axes.get_xlim()) if which == "x" else (axes.yaxis, axes.get_ylim())
    )
    decades = np.log10(high / low)
    if decades < 0.6:
        axis.set_major_locator(MaxNLocator(4))
    else:
        axis.set_major_locator(LogLocator(subs=(1,) if decades > 2 else (1, 2, 5), numticks=6))
    axis.set_major_formatter(FuncFormatter(lambda value, _: format_number(value, 4)))
    axis.set_minor_formatter(NullFormatter())


def format_number(value: float, digits: int = 3) -> str:
    """Format a number for mathtext: plain if that is short, else with a power of ten."""
    if not np.isfinite(value):
        return "∞" if value > 0 else "not finite"
    if 1e-3 <= abs(value) < 1e4 or value == 0:
        return f"{value:.{max(digits, 4)}g}" if abs(value) >= 1e3 else f"{value:.{digits}g}"
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    factor = "" if float(mantissa) == 1 else rf"{float(mantissa):g}{{\times}}"
    return rf"${factor}10^{{{int(exponent)}}}$"


def annotate(axes: Axes, lines: Iterable[str], side: Literal["left", "right"] = "right") -> None:
    """Write remarks in red at the top of a panel, such as how many runs are not finite."""
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


def mask_nonpositive(values: pd.Series) -> pd.Series:
    """Replace values that a logarithmic axis cannot show by NaN, which leaves a gap in the line."""
    return values.where(np.isfinite(values) & (values > 0))


def plot_with_band(
    axes: Axes, x: pd.Series, middle: pd.Series, curve: pd.DataFrame, colour: str
) -> None:
    """Plot a line over the band from the minimum to the maximum over the seeds.

    Where some seed is not finite, the line is dotted and has no band.

    Parameters
    ----------
    x, middle
        Coordinates of the line, such as generations and mean fitness.
    curve
        The rows of one preset and task: runs, finite, min, max.
    """
    all_finite = curve["finite"] == curve["runs"]
    low, high, line = (
        mask_nonpositive(values).where(all_finite)
        for values in (curve["min"], curve["max"], middle)
    )
    axes.fill_between(x, low, high, color=colour, alpha=BAND, linewidth=0)
    axes.plot(x, line, color=colour)
    if not all_finite.all():
        axes.plot(
            x,
            mask_nonpositive(middle).where(~all_finite | ~all_finite.shift(-1, fill_value=True)),
            color=colour,
            linestyle=":",
        )


def band_legend(colour: str) -> tuple[Patch, Line2D]:
    """The legend handles of a line with its band."""
    return Patch(color=colour, alpha=BAND, linewidth=0), Line2D([], [], color=colour)


def off_axis_remarks(history: pd.DataFrame) -> list[str]:
    """Remarks on runs that a logarithmic axis cannot show, from the history of one task.

    They say how many runs of a preset end without a finite fitness, and which presets have a
    fitness of 0 from the first generation on.
    """
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


def add_legend(figure: Figure, entries: dict[str, Any], columns: int = 2) -> None:
    """Add one legend above all panels, with fewer columns and a taller figure if it is too wide.

    Parameters
    ----------
    entries
        Legend handles by label.
    columns
        The most columns.
    """
    renderer = FigureCanvasAgg(figure).get_renderer()
    for count in range(columns, 0, -1):
        legend = figure.legend(
            list(entries.values()), list(entries), loc="outside upper center", ncols=count
        )
        if count == 1 or legend.get_window_extent(renderer).width <= figure.bbox.width:
            lines = -(-len(entries) // count) - -(-len(entries) // columns)
            figure.set_figheight(figure.get_figheight() + LEGEND_LINE * lines)
            return
        legend.remove()
