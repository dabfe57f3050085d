"""Every published number beside ours, marked with its verdict."""

import textwrap
from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from srnet.drawing.images.style import network_label
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
    "not run": ("0.55", "P"),
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
    without a number of ours has no panel and is listed below, and so is a preset of which nothing
    is comparable, beside others. An infinite end is marked at the edge.

    Parameters
    ----------
    verdict
        One row per number and preset, as ``srnet.results.verdict.verdict`` returns them.
    """
    whole = verdict.fillna({"task": "", "method": "", "preset": "", "unit": ""})
    verdict = _select_presets(whole)
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
    add_legend(figure, _legend_entries(whole), columns=4)
    remarks = _list_omissions(whole, claims, set(verdict["preset"]))
    figure.supxlabel(textwrap.fill(remarks, 150), fontsize=6)
    return figure


def _select_presets(verdict: pd.DataFrame) -> pd.DataFrame:
    """The rows of the presets of which something is comparable, or of all where nothing is, and
    those without a preset."""
    comparable = ~verdict["verdict"].isin(["not comparable", "not run"])
    presets = set(verdict.loc[comparable, "preset"]) - {""}
    return verdict[verdict["preset"].isin(presets | {""})] if presets else verdict


def _list_omissions(verdict: pd.DataFrame, claims: list[str], presets: set[str]) -> str:
    """List the presets without a row, and the claims without a panel: those without any run, and
    the others with their verdicts."""
    absent, others = [], []
    omitted = verdict[~verdict["claim"].isin(claims)]
    for claim, part in omitted.groupby("claim", sort=False):
        counts = part["verdict"].value_counts(sort=False)
        if set(counts.index) == {"not run"}:
            absent.append(f"{claim} ({len(part)})")
        else:
            verdicts = [f"{count} {name}" for name, count in counts.items()]
            others.append(f"{claim} ({', '.join(verdicts)})")
    short = [name for name in distinct_names(verdict["preset"]) if name not in presets]
    parts = [f"not comparable, in the table alone: {', '.join(short)}"] * bool(short)
    parts += [f"not run in this configuration: {', '.join(absent)}"] * bool(absent)
    parts += [f"in the table alone: {', '.join(others)}"] * bool(others)
    return "; ".join(parts)


def _has_panel(part: pd.DataFrame) -> bool:
    return part["kind"].iloc[0] in LABELS and bool(part["ours"].notna().any())


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
    _draw_published(axes, shown, kind)
    _draw_ours(axes, shown.assign(y=part.index, verdict=part["verdict"]))
    axes.set_yticks(part.index, [_label(row, several_presets) for row in part.to_dict("records")])
    axes.tick_params(axis="y", length=0, labelsize=5.5)
    axes.grid(axis="x")
    axes.grid(visible=False, axis="y")
    label = LABELS[kind].format(limit=limit)
    axes.set(xlabel=label or f"{part['unit'].iloc[0]} (the axis does not begin at 0)", ylabel="")


def _draw_published(axes: Axes, shown: pd.DataFrame, kind: str) -> None:
    low, high, y = shown["published_low"], shown["published_high"], shown.index.to_numpy()
    if kind != "order":
        axes.barh(y, high - low, left=low, height=0.8, color=PUBLISHED, alpha=BAND)
    if kind == "mean":  # keeps a published spread of 0 visible
        axes.vlines((low + high) / 2, y - 0.4, y + 0.4, color=PUBLISHED, linewidth=1)


def _draw_ours(axes: Axes, shown: pd.DataFrame) -> None:
    colours = {verdict: colour for verdict, (colour, _) in MARKS.items()}
    markers = {verdict: marker for verdict, (_, marker) in MARKS.items()}
    ends = shown[["ours_low", "ours_high"]].clip(*axes.get_xlim())
    axes.hlines(
        shown["y"],
        ends["ours_low"],
        ends["ours_high"],
        color=shown["verdict"].map(colours),
        linewidth=0.9,
    )
    sns.scatterplot(
        shown[np.isfinite(shown["ours"])],
        x="ours",
        y="y",
        hue="verdict",
        style="verdict",
        palette=colours,
        markers=markers,
        s=14,
        linewidth=0,
        legend=False,
        zorder=3,
        ax=axes,
    )
    text: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "va": "center", "ha": "left"}
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}
    for row in shown.to_dict("records"):
        text["color"] = colours[row["verdict"]]
        if np.isnan(row["ours"]):
            axes.annotate(row["verdict"], (0.01, row["y"]), fontsize=5, bbox=box, **text)
        elif np.isinf(row["ours_high"]):
            axes.annotate("∞", (1, row["y"]), fontsize=6, **text)


def _limits(shown: pd.DataFrame, limit: float, *, logarithmic: bool) -> tuple[float, float]:
    values = shown.to_numpy(dtype=float)
    values = values[np.isfinite(values) & ((values > 0) | (not logarithmic))]
    low, high = (float(values.min()), float(values.max())) if values.size else (0.5, 2.0)
    if logarithmic:
        return min(low, limit) / 1.3, max(high, limit) * 1.3
    margin = 0.05 * (high - low) or 1.0
    return low - margin, high + margin


def _label(row: Mapping[Hashable, Any], several_presets: bool) -> str:
    parts = [network_label(row["task"])]
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
        if count := int((verdict["verdict"] == name).sum()):
            line = Line2D([], [], color=colour, marker=marker, markersize=3.5)
            entries[f"{name}: {count}"] = line if name != "not run" else Patch(alpha=0)
    return entries
