"""What came out of a configuration, in Markdown that is read in two minutes: verdict, formulas,
fidelity, warnings."""

import re
from collections.abc import Hashable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from srnet.errors import UserError
from srnet.escaping import escape_markdown, printable
from srnet.io.files import writing
from srnet.io.frames import read_table
from srnet.results.provenance import describe, read_provenance
from srnet.results.verdict import NOT_REPRODUCED, NOT_RUN, VERDICTS
from srnet.typing import StrPath

LONGEST = 160  # characters of a formula that is written out here, its numbers rounded
MOST = 12  # lines of a list; the rest is counted
METHODS = ("srnet", "lime", "maple", "linear", "constant", "majority")
# By table, what is read of it.
COLUMNS = {
    "runs": ("task", "preset", "generations", "fitness"),
    "networks": ("task", "warnings"),
    "formulas": ("task", "preset", "layer", "formula", "fitness", "r2", "complexity"),
    "verdict": (
        *("claim", "kind", "task", "method", "preset", "published_low", "published_high"),
        *("ours", "ours_low", "ours_high", "verdict", "reason"),
    ),
    "fidelity": ("task", "method", "preset", "box", "points", "nonfinite", "rmse"),
    "agreement": ("task", "method", "preset", "split", "accuracy"),
}
OPTIONAL = ("fidelity", "agreement")  # where the configuration has such tasks

Frames = Mapping[str, pd.DataFrame]


def summary(name: str, frames: Frames) -> str:
    """The text.

    Parameters
    ----------
    name
        Of the configuration.
    frames
        The tidy tables runs, networks, formulas and verdict; fidelity and agreement where the
        configuration has them.
    """
    sections = [
        f"# {escape_markdown(name)}: what came out",
        _size(frames),
        _verdict(frames["verdict"]),
        _warnings(frames),
        _formulas(frames["formulas"]),
        _fidelity(frames),
        "Everything behind this page: `figures/`, `tables/` (reproduction, expressions, presets "
        "…) and the report.",
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def write_summary(
    name: str, files: Mapping[str, StrPath], out: StrPath, provenance: StrPath
) -> None:
    """Write the page of tidy tables, which are CSV files by name, and of provenance.json (the
    command ``srnet summary``).

    Raises
    ------
    UserError
        If a table is missing or cannot be read.
    """
    for frame in COLUMNS:
        if frame not in (*files, *OPTIONAL):
            raise UserError(f"summary: the table {frame} is missing; give it as --table")
    for frame in files:
        if frame not in COLUMNS:
            raise UserError(f"summary: there is no table {frame}; allowed are {', '.join(COLUMNS)}")
    frames = {frame: read_table(path, COLUMNS[frame]) for frame, path in files.items()}
    text = f"{summary(name, frames)}\n{describe(read_provenance(provenance))}\n"
    with writing(out) as file:
        file.write(text)


def _size(frames: Frames) -> str:
    runs, networks = frames["runs"], frames["networks"]
    seeds = runs.groupby(["task", "preset"], sort=False).size()
    low, high = int(seeds.min()), int(seeds.max())
    *others, last = dict.fromkeys(runs["preset"])
    presets = escape_markdown(f"{', '.join(others)} and {last}" if others else last)
    generations = runs.groupby("preset", sort=False)["generations"].max()
    longest = escape_markdown(
        ", ".join(f"{preset} {count}" for preset, count in generations.items())
    )
    return (
        f"{_count(networks['task'].nunique(), 'task')}, {_count(len(runs), 'run')}: "
        f"preset{'s' * (runs['preset'].nunique() > 1)} {presets}, "
        f"{low if low == high else f'{low} to {high}'} seed{'s' * (high > 1)} per task and preset. "
        f"Most generations of a run: {longest} (the paper's budget is 5000)."
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"


def _verdict(verdict: pd.DataFrame) -> str:
    run = verdict.groupby("claim")["verdict"].agg(lambda column: set(column) != {NOT_RUN})
    claims = [claim for claim in dict.fromkeys(verdict["claim"]) if run[claim]]
    shown = verdict[verdict["claim"].isin(claims)]
    columns = [name for name in VERDICTS if (shown["verdict"] == name).any()]
    rows = [
        [
            claim,
            *(
                str(int(((shown["claim"] == claim) & (shown["verdict"] == name)).sum()))
                for name in columns
            ),
        ]
        for claim in claims
    ]
    lines = [_table(["claim", *columns], rows)] if claims else []
    absent = [f"{claim} ({(verdict['claim'] == claim).sum()})" for claim in run.index[~run]]
    if absent:
        lines.append(f"Nothing was run of: {escape_markdown('; '.join(absent))}.")
    failed = verdict[verdict["verdict"] == NOT_REPRODUCED].to_dict("records")
    items = []
    for row in failed:
        ours, low, high = (
            _cell(row[column], ".3g") for column in ("ours", "ours_low", "ours_high")
        )
        limit = _published(row)
        parts = [row["task"], row["method"], row["preset"]]
        why = f"; {row['reason']}" if isinstance(row["reason"], str) and row["reason"] else ""
        items.append(
            f"{row['claim']}, {' '.join(p for p in parts if isinstance(p, str) and p)}: ours "
            f"{ours} [{low}, {high}], {limit}{why}"
        )
    return "\n\n".join(
        ["## Verdict", *lines, *(["Not reproduced:", _list(items)] if items else [])]
    )


def _published(row: dict[Hashable, Any]) -> str:
    """What a number was compared with: a limit, or where higher is better the published range."""
    if not np.isfinite(row["published_high"]):
        return "published"
    if row["kind"] == "mean":
        return f"published {row['published_low']:.3g} to {row['published_high']:.3g}"
    return f"at most {row['published_high']:.3g}"


def _warnings(frames: Frames) -> str:
    items = []
    for row in frames["networks"].to_dict("records"):
        if row.get("predicted_classes") == 1:
            items.append(
                f"{row['task']}: constant network, one class for every row; agreement with it is "
                f"no evidence"
            )
        elif isinstance(row["warnings"], str) and row["warnings"] != "none":
            items.append(f"{row['task']}: {row['warnings']}")
    runs = frames["runs"]
    for (task, preset), group in runs.groupby(["task", "preset"], sort=False):
        broken = int((~np.isfinite(group["fitness"])).sum())
        if broken:
            items.append(
                f"{task}, {preset}: {broken} of {len(group)} runs without a finite fitness"
            )
        if len(group) == 1:
            items.append(f"{task}, {preset}: a single seed, no interval")
    if "fidelity" in frames:
        fidelity = frames["fidelity"]
        bad = (
            fidelity[fidelity["nonfinite"] > 0]
            .astype({"preset": object})
            .fillna({"preset": ""})
            .groupby(["task", "method", "preset", "box"], sort=False)
        )
        for (task, method, preset, box), group in bad:
            share = group["nonfinite"].sum() / group["points"].sum()
            who = " ".join(str(part) for part in (method, preset) if part)
            items.append(
                f"{task}, {who}: not finite on {share:.1%} of the points of the {box} box, in "
                f"{len(group)} run(s)"
            )
    return f"## Warnings\n\n{_list(items) if items else 'None.'}"


def _formulas(formulas: pd.DataFrame) -> str:
    networks = formulas[formulas["layer"] == "network"]
    rows = []
    for (task, preset), group in networks.groupby(["task", "preset"], sort=False):
        first = group.iloc[0]
        text = re.sub(
            r"\d+\.\d+(e[+-]?\d+)?", lambda number: f"{float(number[0]):.3g}", str(first["formula"])
        )
        if len(group) > 1:
            text = f"{len(group)} outputs"
        elif len(text) <= LONGEST and "`" not in text:
            text = _Code(text)
        else:
            text = f"{len(text)} characters"
        r2 = f"{first['r2']:.4f}" if np.isfinite(first["r2"]) else "–"
        rows.append(
            [str(task), str(preset), f"{first['fitness']:.4g}", r2, str(first["complexity"]), text]
        )
    note = "Numbers are rounded. Longer formulas are typeset in `figures/expressions/`."
    table = _table(["task", "preset", "fitness", "R²", "nodes", "formula"], rows)
    return f"## Best formulas\n\n{table}\n\n{note}"


def _fidelity(frames: Frames) -> str:
    parts = []
    if "fidelity" in frames:
        frame = frames["fidelity"]
        values = frame["rmse"].where(frame["nonfinite"] == 0, np.inf)
        parts.append(
            "Median RMSE against the network (∞: not finite somewhere), validation box / test "
            "box:\n\n"
            + _methods(frame.assign(value=values), "box", ["valid", "test"], "median", ".3g")
        )
    if "agreement" in frames:
        frame = frames["agreement"]
        text = _methods(
            frame.assign(value=100 * frame["accuracy"]), "split", ["train", "test"], "mean", ".1f"
        )
        parts.append(
            f"Rows with the network's class in percent, mean over the runs, train / test:\n\n{text}"
        )
    return "\n\n".join(["## Fidelity to the network", *parts]) if parts else ""


def _methods(
    frame: pd.DataFrame, split: str, splits: Sequence[str], statistic: str, form: str
) -> str:
    """A line per task, a column per method and preset."""
    who = (
        frame["method"]
        .str.cat(frame["preset"].astype(object).fillna("").astype(str), sep=" ")
        .str.strip()
    )
    known = [name for method in METHODS for name in dict.fromkeys(who) if name.split()[0] == method]
    values = (
        frame.assign(who=who).groupby(["task", "who", split], sort=False)["value"].agg(statistic)
    )
    rows = []
    for task in dict.fromkeys(frame["task"]):
        cells = [
            " / ".join(_cell(values.get((task, name, part)), form) for part in splits)
            for name in known
        ]
        rows.append([str(task), *cells])
    return _table(["task", *known], rows)


def _cell(value: float | None, form: str) -> str:
    return (
        "–" if value is None or np.isnan(value) else "∞" if np.isinf(value) else format(value, form)
    )


def _list(items: Sequence[str]) -> str:
    shown = [f"- {escape_markdown(item)}" for item in items[:MOST]]
    return "\n".join([*shown, *([f"- and {len(items) - MOST} more"] if len(items) > MOST else [])])


class _Code(str):
    """A cell without backticks that is shown as it is."""


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [[_table_cell(cell) for cell in row] for row in (header, *rows)]
    lines.insert(1, ["---"] * len(header))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _table_cell(text: str) -> str:
    return (
        f"`{printable(text)}`".replace("|", r"\|")
        if isinstance(text, _Code)
        else escape_markdown(text)
    )
