"""The common look of the figures: style file, widths, colours and markers, axes, panels, bands."""

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
# Colour and marker of every preset and explainer, the same in all figures: Okabe and Ito's colours,
# and one of Tol's, which colour-blind readers tell apart.
MARKS = {
    "paper": ("#D55E00", "o"),
    "joint": ("#0072B2", "s"),
    "rank": ("#CC79A7", "^"),
    "rank2": ("#56B4E9", "D"),
    "rank3": ("#882255", "v"),
    "lime": ("#E69F00", "X"),
    "maple": ("#009E73", "P"),
    "linear": ("#737373", "p"),
    "constant": ("#a6a6a6", "h"),
}
STYLE = str(files("srnet.drawing") / "srnet.mplstyle")
# Column of a frame of formulas that holds the column `formula` in LaTeX.
LATEX = "latex"
# Options of seaborn's boxes: the line of the median is the thickest, for it is all that is left
# where all runs agree.
OUTLINES: dict[str, Any] = {"fill": False, "linewidth": 0.8, "medianprops": {"linewidth": 1.6}}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Make a ``draw`` function use the style file, whatever the caller's matplotlib settings, and
    show the names in its frames as they are. The same frames give the same figure."""

    @functools.wraps(draw)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> Figure:
        shown: Any = {name: _escape(value) for name, value in kwargs.items()}
        state = np.random.get_state()  # noqa: NPY002 (seaborn's jitter knows no other generator)
        np.random.seed(0)  # noqa: NPY002
        try:
            with matplotlib.style.context(["default", STYLE]):
                return draw(*map(_escape, args), **shown)
        finally:
            np.random.set_state(state)  # noqa: NPY002

    return wrapped


def _escape(value: Any) -> Any:
    """A frame whose texts matplotlib takes as they are; anything else unchanged."""
    if isinstance(value, pd.DataFrame):
        return map_texts(value, escape_figure, without=[LATEX])
    return value


def distinct_names(column: Iterable[Any]) -> list[str]:
    """The distinct names of a column in order of first occurrence, as panels and legends use."""
    return list(dict.fromkeys(str(name) for name in column))


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """The colour of each preset or explainer, in order of first occurrence."""
    return {name: MARKS[name][0] for name in distinct_names(names)}


def markers_of(names: Iterable[str]) -> dict[str, str]:
    """The marker of each preset or explainer, in order of first occurrence."""
    return {name: MARKS[name][1] for name in distinct_names(names)}


def class_colours(classes: Iterable[int]) -> dict[int, str]:
    """The colour of each class, by its number."""
    cycle = matplotlib.rcParams["axes.prop_cycle"].by_key()["color"]
    return {int(number): cycle[int(number) % len(cycle)] for number in sorted(set(classes))}


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


def plot_bands(
    axes: Axes,
    curves: pd.DataFrame,
    colours: dict[str, str],
    by: str,
    x: str,
    band: tuple[str, str],
    line: str,
    dotted: str,
) -> None:
    """Plot a band, a line and a dotted line for each preset or method.

    It is matplotlib's, because seaborn draws over the gaps at NaN.

    Parameters
    ----------
    curves
        The rows of one panel.
    colours
        By preset or method, the values of the column ``by``.
    x, band, line, dotted
        Columns: the coordinate, the ends of the band, the line, the dotted line.
    """
    for name, colour in colours.items():
        curve = curves[curves[by] == name]
        low, high = (curve[end] for end in band)
        axes.fill_between(curve[x], low, high, color=colour, alpha=BAND, linewidth=0)
        axes.plot(curve[x], curve[line], color=colour)
        axes.plot(curve[x], curve[dotted], color=colour, linestyle=":")


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
