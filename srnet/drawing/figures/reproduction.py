"""Every published number beside ours, marked with its verdict."""

import textwrap
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from srnet.drawing.style import (
    BAND,
    PAGE,
    PUBLISHED,
    add_legend,
    distinct_names,
    set_log_ticks,
    styled,
)

# Colour and marker of each verdict; the markers alone tell the verdicts apart.
MARKS = {
    "reproduced": ("#0072B2", "o"),
    "better": ("#009E73", "^"),
    "not reproduced": ("#D55E00", "X"),
    "not comparable": ("0.55", "s"),
    "not run": ("0.55", ""),
}
LABELS = {
    "quantiles": "ours ÷ published median",
    "mean": "",
    "order": "ratio of medians; below {limit:g}: as claimed",
}
LINE = 0.115  # inches


@styled
def draw(verdict: pd.DataFrame) -> Figure:
    """A panel per claim, a line per number.

    The published number is grey; ours, with its interval, has the colour of the verdict. A claim
    without any run has no panel and is listed below. An infinite end is marked at the edge.

    Parameters
    ----------
    verdict
        One row per number and preset, as ``srnet.results.verdict.verdict`` returns them.
    """
    verdict = verdict.fillna({"task": "", "method": "", "preset": "", "unit": ""})
    claims = [
        claim
        for claim in distinct_names(verdict["claim"])
        if _has_panel(verdict[verdict["claim"] == claim])
    ]
    counts = [int((verdict["claim"] == claim).sum()) for claim in claims]
    columns = min(2, max(len(claims), 1))
    rows = [counts[i : i + columns] for i in range(0, len(counts), columns)] or [[1]]
    heights = [max(row) * LINE + 0.45 for row in rows]
    figure = Figure(figsize=(PAGE, sum(heights) + 0.75), layout="constrained")
    grid = figure.subplots(len(rows), columns, squeeze=False, height_ratios=heights)
    several_presets = verdict.loc[verdict["preset"] != "", "preset"].nunique() > 1
    for axes, claim in zip(grid.flat, claims, strict=False):
        part = verdict[verdict["claim"] == claim].reset_index(drop=True)
        _draw_panel(axes, part, several_presets)
        axes.set_title(claim)
    for axes in grid.flat[len(claims) :]:
        axes.remove()
    add_legend(figure, _legend_entries(verdict), columns=4)
    figure.supxlabel(textwrap.fill(_list_omitted(verdict, claims), 150), fontsize=6)
    return figure


def _list_omitted(verdict: pd.DataFrame, claims: list[str]) -> str:
    """List the claims without a panel: those without any run, and those only in the table."""
    omitted = {
        claim: verdict[verdict["claim"] == claim]
        for claim in distinct_names(verdict["claim"])
        if claim not in claims
    }
    absent = [
        f"{claim} ({len(part)})"
        for claim, part in omitted.items()
        if (part["verdict"] == "not run").all()
    ]
    others = [
        f"{claim} ({', '.join(part['verdict'])})"
        for claim, part in omitted.items()
        if not (part["verdict"] == "not run").all()
    ]
    parts = [f"not run in this configuration: {', '.join(absent)}"] if absent else []
    parts += [f"without a panel: {', '.join(others)}"] if others else []
    return "; ".join(parts)


def _has_panel(part: pd.DataFrame) -> bool:
    return part["kind"].iloc[0] in LABELS and set(part["verdict"]) != {"not run"}


def _draw_panel(axes: Axes, part: pd.DataFrame, several_presets: bool) -> None:
    kind = part["kind"].iloc[0]
    scale = part["published"] if kind == "quantiles" else pd.Series(1.0, index=part.index)
    columns = ("published_low", "published_high", "ours", "ours_low", "ours_high")
    shown = pd.DataFrame({column: part[column] / scale for column in columns})
    # what ours is compared with: the published median, or the ratio that is claimed
    limit = float(part["published_high"].iloc[0]) if kind == "order" else 1.0
    low, high = _limits(shown, limit, logarithmic=kind != "mean")
    axes.set_ylim(len(part) - 0.4, -0.6)
    if kind != "mean":
        axes.set_xscale("log")
    axes.set_xlim(low, high)
    if kind != "mean":
        set_log_ticks(axes, "x")
        axes.axvline(
            limit, color=PUBLISHED, linewidth=0.6, linestyle="--" if kind == "quantiles" else "-"
        )
    for y, (row, verdict) in enumerate(zip(shown.to_dict("records"), part["verdict"], strict=True)):
        _draw_line(axes, y, row, verdict, kind)
    axes.set_yticks(
        range(len(part)), [_label(row, several_presets) for row in part.to_dict("records")]
    )
    axes.tick_params(axis="y", length=0, labelsize=5.5)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(
        LABELS[kind].format(limit=limit) or f"{part['unit'].iloc[0]} (the axis does not begin at 0)"
    )


def _draw_line(axes: Axes, y: int, row: Mapping[Hashable, float], verdict: str, kind: str) -> None:
    low, high = axes.get_xlim()
    if kind != "order":
        axes.barh(
            y,
            row["published_high"] - row["published_low"],
            left=row["published_low"],
            height=0.8,
            color=PUBLISHED,
            alpha=BAND,
        )
        if kind == "mean":  # keeps a published spread of 0 visible
            axes.plot(
                [(row["published_low"] + row["published_high"]) / 2] * 2,
                [y - 0.4, y + 0.4],
                color=PUBLISHED,
                linewidth=1,
            )
    colour, marker = MARKS[verdict]
    if np.isnan(row["ours"]):
        axes.annotate(
            verdict,
            (0.01, y),
            xycoords=("axes fraction", "data"),
            ha="left",
            va="center",
            fontsize=5,
            color=colour,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )
        return
    ends = np.clip([row["ours_low"], row["ours_high"]], low, high)
    axes.plot(ends, [y, y], color=colour, linewidth=0.9)
    if np.isinf(row["ours_high"]):
        axes.annotate(
            "∞",
            (1, y),
            xycoords=("axes fraction", "data"),
            ha="left",
            va="center",
            fontsize=6,
            color=colour,
        )
    if np.isfinite(row["ours"]):
        face = "white" if verdict == "not comparable" else colour
        axes.plot(
            row["ours"],
            y,
            marker,
            color=colour,
            markerfacecolor=face,
            markersize=3.2,
            markeredgewidth=0.7,
        )


def _limits(shown: pd.DataFrame, limit: float, *, logarithmic: bool) -> tuple[float, float]:
    values = shown.to_numpy(dtype=float)
    values = values[np.isfinite(values) & ((values > 0) | (not logarithmic))]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.5, 2.0)
    if logarithmic:
        return min(low, limit) / 1.3, max(high, limit) * 1.3
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _label(row: Mapping[Hashable, Any], several_presets: bool) -> str:
    parts = [row["task"]]
    if row["kind"] == "mean":
        parts.append({"srnet": "SRNet"}.get(row["method"], row["method"].upper()))
    if row["kind"] == "order":
        parts.append(f"/ {row['method'].split()[-1].upper()}")
    if several_presets and row["preset"]:
        parts.append(row["preset"])
    return " ".join(parts)


def _legend_entries(verdict: pd.DataFrame) -> dict[str, Any]:
    entries: dict[str, Any] = {
        "published: quartiles, or mean ± std": Patch(color=PUBLISHED, alpha=BAND)
    }
    for name, (colour, marker) in MARKS.items():
        count = int((verdict["verdict"] == name).sum())
        if count:
            face = "white" if name == "not comparable" else colour
            line = Line2D(
                [], [], color=colour, marker=marker or None, markerfacecolor=face, markersize=3.5
            )
            entries[f"{name}: {count}"] = line if marker else Patch(alpha=0)
    return entries
