"""What came out of a configuration, on one screen, in Markdown and in HTML for the report's front
page: the verdict on every claim with the reasons, what it cost, and where the rest is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from srnet.drawing.images.style import network_label
from srnet.drawing.methods import name_presets
from srnet.errors import UserError
from srnet.escaping import escape_html, escape_markdown
from srnet.io.files import writing
from srnet.io.frames import read_table
from srnet.results.provenance import (
    Provenance,
    describe_provenance,
    read_provenance,
    times_table,
)
from srnet.results.verdict import NOT_COMPARABLE, NOT_REPRODUCED, NOT_RUN, VERDICTS
from srnet.typing import StrPath
from srnet.wording import count_text, duration_text, method_name

FIRST = "paper"  # the published search comes before all others
MOST = 8  # lines of a list; the rest is counted
LEAST = 0.01  # share of all time that a rule of its own line takes
# By table, what is read of it.
COLUMNS = {
    "runs": ("task", "preset", "fitness"),
    "networks": ("task", "warnings"),
    "verdict": (
        *("claim", "kind", "task", "method", "preset", "published_low", "published_high"),
        *("ours", "ours_low", "ours_high", "verdict", "reason"),
    ),
}
POINTERS = (
    ("Every number with its reason", "figures/reproduction.png, tables/reproduction.html"),
    ("Fitness, and its convergence", "figures/fitness_box.png, figures/convergence_*.png"),
    (
        "SRNet beside LIME and MAPLE",
        "tables/rmse.html, tables/accuracy.html, tables/stability.html",
    ),
    ("Formulas", "tables/expressions.html, figures/expressions/, figures/layer_heatmap/"),
    ("Seconds of each method", "tables/runtime.html"),
)

Frames = Mapping[str, pd.DataFrame]


@dataclass(frozen=True)
class Table:
    """A table of texts."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A heading and what stands below it: paragraphs, lists and tables."""

    heading: str
    blocks: Sequence[str | list[str] | Table]


def summary(name: str, frames: Frames, provenance: Provenance) -> list[Section]:
    """The page.

    Parameters
    ----------
    name
        Of the configuration.
    frames
        The tidy tables runs, networks and verdict.
    provenance
        When, from what and with what it was made, and the times of the rules.
    """
    return [
        Section(f"{name}: what came out", [_size(frames)]),
        _verdict(frames["verdict"]),
        _cost(provenance),
        *_warnings(frames),
        Section("Where the rest is", [Table(("what", f"in results/{name}/"), POINTERS)]),
    ]


def write_summary(
    name: str,
    files: Mapping[str, StrPath],
    provenance: StrPath,
    out: StrPath,
    html: StrPath | None = None,
) -> None:
    """Write the page of tidy tables, which are CSV files by name, and of provenance.json (the
    command ``srnet summary``).

    Parameters
    ----------
    out, html
        The page in Markdown, and a part of an HTML page.

    Raises
    ------
    UserError
        If a table is missing or cannot be read.
    """
    for frame in COLUMNS:
        if frame not in files:
            raise UserError(f"summary: the table {frame} is missing; give it as --table")
    for frame in files:
        if frame not in COLUMNS:
            raise UserError(f"summary: there is no table {frame}; allowed are {', '.join(COLUMNS)}")
    frames = {frame: read_table(path, COLUMNS[frame]) for frame, path in files.items()}
    page = summary(name, frames, read_provenance(provenance))
    with writing(out) as file:
        file.write(to_markdown(page))
    if html is not None:
        with writing(html) as file:
            file.write(to_html(page))


# --- What is said ---------------------------------------------------------------------------------


def _size(frames: Frames) -> str:
    runs, networks = frames["runs"], frames["networks"]
    seeds = runs.groupby(["task", "preset"], sort=False).size()
    *others, last = _ordered(runs["preset"])
    presets = f"{', '.join(others)} and {last}" if others else last
    return (
        f"{count_text(networks['task'].nunique(), 'task')}, {count_text(len(runs), 'run')}: "
        f"preset{'s' * bool(others)} {presets}, "
        f"{count_text(seeds, 'seed')} per task and preset."
    )


def count_verdicts(verdict: pd.DataFrame) -> Table:
    """How many numbers have which verdict, a row by claim and by preset or method; verdicts that
    nothing has are left out."""
    verdict = verdict.assign(who=_who(verdict))
    columns = [name for name in VERDICTS if (verdict["verdict"] == name).any()]
    rows = []
    for claim, part in verdict.groupby("claim", sort=False):
        for who in _ordered(part["who"]):
            found = part.loc[part["who"] == who, "verdict"]
            counts = [int((found == name).sum()) for name in columns]
            rows.append([str(claim), who, *(str(count) if count else "" for count in counts)])
    return Table(["claim", "of", *columns], rows)


def _verdict(verdict: pd.DataFrame) -> Section:
    """Counts by claim, and by preset or method, then the reasons."""
    verdict = verdict.assign(
        task=verdict["task"].map(network_label),
        who=_who(verdict),
        reason=verdict["reason"].astype(object).fillna(""),
    )
    known = verdict[verdict["verdict"] != NOT_RUN]
    blocks: list[str | list[str] | Table] = [count_verdicts(known)] if len(known) else []
    failed = known[known["verdict"] == NOT_REPRODUCED]
    if len(failed):
        what = "Not reproduced (ours, its interval, what it was compared with):"
        blocks += [what, _shortened(_failures(failed))]
    # all tasks together are not comparable because of their tasks
    apart = known[(known["verdict"] == NOT_COMPARABLE) & (known["task"] != "all")]
    if len(apart):
        reasons = [
            f"{reason}{name_presets(part, known)}: "
            f"{', '.join(dict.fromkeys(part['task'].astype(str)))}"
            for reason, part in apart.groupby("reason", sort=False)
        ]
        blocks += ["Not comparable:", _shortened(reasons)]
    absent = [
        claim for claim in dict.fromkeys(verdict["claim"]) if claim not in set(known["claim"])
    ]
    if absent:
        blocks.append(f"Not run in this configuration: {'; '.join(absent)}.")
    return Section("Verdict", blocks)


def _who(verdict: pd.DataFrame) -> list[str]:
    """Whose number is judged: a preset, or a method without presets."""
    pairs = verdict[["method", "preset"]].astype(object).fillna("").astype(str)
    methods = [method.partition(" against ")[0] for method in pairs["method"]]
    return [
        preset or method_name(method)
        for preset, method in zip(pairs["preset"], methods, strict=True)
    ]


def _failures(failed: pd.DataFrame) -> list[str]:
    """A line per claim and preset or method, with its tasks."""
    lines = []
    for claim, part in failed.groupby("claim", sort=False):
        for who in _ordered(part["who"]):
            numbers = [_number(row) for row in part[part["who"] == who].to_dict("records")]
            lines.append(f"{claim}, {who}: {'; '.join(_shortened(numbers))}")
    return lines


def _number(row: Mapping[str, object] | Mapping[object, object]) -> str:
    """A task, ours with its interval, what it was compared with, and the reason."""
    named: dict[str, object] = {str(key): value for key, value in row.items()}
    ours, low, high = (_cell(named[column]) for column in ("ours", "ours_low", "ours_high"))
    against = str(named["method"]).partition(" against ")[2]
    task = f"{named['task']} / {method_name(against)}" if against else str(named["task"])
    low_limit, limit = _cell(named["published_low"]), _cell(named["published_high"])
    bounds = {"mean": f"published {low_limit} to {limit}", "order": f"below {limit}"}
    bound = bounds.get(str(named["kind"]), f"at most {limit}")
    why = f", {named['reason']}" if named["reason"] else ""
    return f"{task} {ours} [{low}, {high}] ({bound}{why})"


def _cost(provenance: Provenance) -> Section:
    """The rules that take most of the time by the clock, and the rest together."""
    times = times_table(provenance)
    blocks: list[str | list[str] | Table] = []
    if len(times):
        total = times["seconds"].sum()
        is_long = times["seconds"] >= LEAST * total
        rows = times[is_long].sort_values("seconds", ascending=False)[["rule", "jobs", "seconds"]]
        rest = times[~is_long]
        last = [
            [f"{count_text(len(rest), 'other rule')}", rest["jobs"].sum(), rest["seconds"].sum()]
        ]
        cells = [
            [str(rule), str(jobs), duration_text(seconds), f"{100 * seconds / total:.0f} %"]
            for rule, jobs, seconds in [*rows.itertuples(index=False), *last[: len(rest)]]
        ]
        blocks = [Table(["rule", "jobs", "by the clock", "share"], cells)]
    return Section("Cost", [*blocks, describe_provenance(provenance)])


def _warnings(frames: Frames) -> list[Section]:
    items = [
        f"{row['task']}: {row['warnings']}"
        for row in frames["networks"].to_dict("records")
        if isinstance(row["warnings"], str) and row["warnings"] != "none"
    ]
    for (task, preset), group in frames["runs"].groupby(["task", "preset"], sort=False):
        broken = int((~np.isfinite(group["fitness"])).sum())
        if broken:
            items.append(
                f"{task}, {preset}: {broken} of {count_text(len(group), 'run')} not finite"
            )
    return [Section("Warnings", [_shortened(items)])] if items else []


def _ordered(names: pd.Series) -> list[str]:
    """The distinct names in their order, but the published search first."""
    known = list(dict.fromkeys(map(str, names)))
    return sorted(known, key=lambda name: name != FIRST)


def _cell(value: object) -> str:
    number = float(str(value))
    return "–" if np.isnan(number) else "∞" if np.isinf(number) else f"{number:.4g}"


def _shortened(items: Sequence[str]) -> list[str]:
    left = len(items) - MOST
    return [*items[:MOST], *([f"and {left} more"] if left > 0 else [])]


# --- How it is written ----------------------------------------------------------------------------


def to_markdown(page: Sequence[Section]) -> str:
    """The page in Markdown."""
    parts = []
    for i, section in enumerate(page):
        parts.append(f"{'##' if i else '#'} {escape_markdown(section.heading)}")
        for block in section.blocks:
            match block:
                case Table():
                    parts.append(table_markdown(block))
                case str():
                    parts.append(escape_markdown(block))
                case _:
                    parts.append("\n".join(f"- {escape_markdown(item)}" for item in block))
    return "\n\n".join(parts) + "\n"


def table_markdown(table: Table) -> str:
    """A table in Markdown."""
    rows = [list(map(escape_markdown, row)) for row in (table.header, *table.rows)]
    rows.insert(1, ["---"] * len(table.header))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def to_html(page: Sequence[Section]) -> str:
    """The page as a part of an HTML page."""
    parts = []
    for i, section in enumerate(page):
        parts.append(f"<h{2 + bool(i)}>{escape_html(section.heading)}</h{2 + bool(i)}>")
        for block in section.blocks:
            match block:
                case Table():
                    rows = [
                        _html_row(block.header, "th"),
                        *(_html_row(row, "td") for row in block.rows),
                    ]
                    parts.append("<table>\n" + "\n".join(rows) + "\n</table>")
                case str():
                    parts.append(f"<p>{escape_html(block)}</p>")
                case _:
                    items = "".join(f"<li>{escape_html(item)}</li>" for item in block)
                    parts.append(f"<ul>{items}</ul>")
    return "\n".join(parts) + "\n"


def _html_row(cells: Sequence[str], kind: str) -> str:
    style = ' style="text-align: left; padding-right: 1em"'
    return (
        "<tr>" + "".join(f"<{kind}{style}>{escape_html(cell)}</{kind}>" for cell in cells) + "</tr>"
    )
