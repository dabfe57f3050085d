"""Every published number beside ours, and whether it is reproduced, by the rules of
``config/verdict.yaml``.

The code knows kinds of rules and nothing of the paper: that file says which numbers are compared,
and how closely they must agree. A number of ours has a bootstrap interval over its runs; the
verdict depends on the interval, not on the number alone.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from srnet.errors import UserError
from srnet.io.files import read_yaml
from srnet.io.frames import write_table
from srnet.io.schema import check, package_schema
from srnet.typing import Floats, StrPath

REPRODUCED, BETTER, NOT_REPRODUCED = "reproduced", "better", "not reproduced"
NOT_COMPARABLE, NOT_RUN = "not comparable", "not run"
VERDICTS = (REPRODUCED, BETTER, NOT_REPRODUCED, NOT_COMPARABLE, NOT_RUN)

# Of a number that a reason tells, as tables print it.
DIGITS = 4

COLUMNS = [
    "claim",
    "kind",
    "task",
    "method",
    "preset",
    "published",
    "published_low",
    "published_high",
    "ours",
    "ours_low",
    "ours_high",
    "runs",
    "unit",
    "verdict",
    "reason",
]

Rule = Mapping[str, Any]
Frames = Mapping[str, pd.DataFrame]
Row = dict[str, Any]


def load_rules(path: StrPath) -> dict[str, Any]:
    """The rules of a YAML file.

    Raises
    ------
    UserError
        If the file cannot be read, or breaks ``srnet/schemas/verdict.schema.yaml``.
    """
    rules = read_yaml(path)
    check(rules, package_schema("verdict"), str(path))
    return dict(rules)


def verdict(rules: Rule, frames: Frames, presets: Sequence[str]) -> pd.DataFrame:
    """One row per published number and preset, with ``COLUMNS``.

    Of kind ``order`` there is a row per task and competitor, and one of all tasks together (task
    ``all``): the geometric mean of the ratios, its interval from resampled tasks.

    Parameters
    ----------
    rules
        Of ``load_rules``.
    frames
        By name: ``networks`` (task, and the columns of the conditions), the published tables, and
        those of ours that the configuration has. A published number without a run is *not run*; a
        rule about a network that its table lacks (column network) is left out.
    presets
        That the configuration runs; rows of methods without presets have an empty one.

    Raises
    ------
    UserError
        If a table lacks a column that a rule names.
    """
    conditions = _Conditions(rules, frames)
    rows: list[Row] = []
    for rule in rules["rules"]:
        if _network_is_missing(rule, frames):
            continue
        judged = KINDS[rule["kind"]](rule, rules["interval"], frames, presets, conditions)
        rows += [
            {"claim": rule["name"], "kind": rule["kind"], "unit": rule.get("unit", ""), **row}
            for row in judged
        ]
    return pd.DataFrame(rows, columns=COLUMNS)


def write_verdict(
    rules_file: StrPath,
    frames: Frames,
    presets: Sequence[str],
    out: StrPath,
    only: str | None = None,
) -> None:
    """Write the verdict as CSV (the command ``srnet verdict``).

    Parameters
    ----------
    frames, presets
        As of ``verdict``.
    only
        The table of ours whose rules alone are judged.
    """
    rules = load_rules(rules_file)
    if only is not None:
        rules["rules"] = [rule for rule in rules["rules"] if rule["ours"]["frame"] == only]
    write_table(verdict(rules, frames, presets), out)


def _network_is_missing(rule: Rule, frames: Frames) -> bool:
    frame = frames.get(rule["ours"]["frame"])
    network = rule["ours"].get("where", {}).get("network")
    return (
        frame is not None
        and network is not None
        and "network" in frame
        and network not in set(frame["network"])
    )


# --- Kinds of rules -------------------------------------------------------------------------------


class _Conditions:
    """What makes the numbers of a task, and of a preset on it, comparable."""

    def __init__(self, rules: Rule, frames: Frames) -> None:
        self._conditions = rules["comparable"]
        ours = {name: _frame(name, frames) for name in ("networks", "runs", "image_networks")}
        for name, frame in ours.items():
            if "task" not in frame:
                raise UserError(
                    f"verdict: the table {name} lacks the column 'task'; it has "
                    f"{', '.join(map(str, frame))}"
                )
        self._frames = {
            name: frame.assign(task=frame["task"].astype(str)) for name, frame in ours.items()
        }
        judged = [_frame(rule["ours"]["frame"], frames) for rule in rules["rules"]]
        self._tasks = set(self._frames["networks"]["task"]).union(
            *(frame["task"].astype(str) for frame in judged if "task" in frame)
        )

    def broken(self, task: str, preset: str) -> str:
        """Why the numbers of a task (of images a network) and preset are not comparable; empty
        where they are."""
        for condition in self._conditions:
            frame = self._frames[condition.get("frame", "networks")]
            rows = frame[frame["task"] == task]
            if "preset" in frame:
                rows = rows[rows["preset"].astype(str) == preset]
            bound = condition.get("at_least", condition.get("above"))
            value, limit = (
                rows[of].astype(float) if of in rows else pd.Series(np.nan, index=rows.index)
                for of in (condition["column"], bound)
            )
            if not isinstance(bound, str):
                limit = limit.fillna(bound)
            wrong = value < limit if "at_least" in condition else value <= limit
            if wrong.any():
                row = rows[wrong].iloc[int(value[wrong].argmin())]
                return _COLUMN.sub(partial(_fill_in, row), condition["otherwise"])
        return ""

    def knows(self, task: str) -> bool:
        """Whether the configuration has the task."""
        return task in self._tasks


# A column that a reason names, in braces.
_COLUMN = re.compile(r"\{(\w+)\}")


def _fill_in(row: pd.Series, column: re.Match[str]) -> str:
    """The value of a column, with the digits of a table."""
    value = float(row.get(column[1], np.nan))
    return "unknown" if np.isnan(value) else f"{value:.{DIGITS}g}" if value % 1 else f"{value:.0f}"


def _quantiles(
    rule: Rule, interval: Rule, frames: Frames, presets: Sequence[str], conditions: _Conditions
) -> list[Row]:
    published, rows = _frame(rule["published"]["frame"], frames), []
    prefix = rule["published"]["prefix"]
    for theirs in _records(
        published, [f"{prefix}{name}" for name in ("min", "q1", "median", "q3", "max")], rule
    ):
        low, high = theirs[prefix + rule["better_below"]], theirs[prefix + rule["reproduced_up_to"]]
        row = {
            "task": theirs["task"],
            "published": theirs[f"{prefix}median"],
            "published_low": low,
            "published_high": high,
        }
        for preset in presets:
            values = _ours(rule, frames, task=theirs["task"], preset=preset)
            rows.append(
                row
                | {"method": "srnet", "preset": preset}
                | _judged(
                    rule,
                    values,
                    np.median,
                    interval,
                    conditions,
                    ([theirs["task"]], preset),
                    partial(_below, low, high),
                )
            )
    return rows


def _mean(
    rule: Rule, interval: Rule, frames: Frames, presets: Sequence[str], conditions: _Conditions
) -> list[Row]:
    published, rows = _frame(rule["published"]["frame"], frames), []
    mean, std = rule["published"]["mean"], rule["published"]["std"]
    for theirs in _records(published, ["method", mean, std], rule):
        if theirs["method"] not in rule["methods"]:
            raise UserError(
                f"verdict, rule '{rule['name']}': the published method '{theirs['method']}' is "
                f"unknown; "
                f"known are {', '.join(rule['methods'])}"
            )
        method = rule["methods"][theirs["method"]]
        low = theirs[mean] - theirs[std] - rule["tolerance"]
        high = theirs[mean] + theirs[std] + rule["tolerance"]
        row = {
            "task": theirs["task"],
            "method": method,
            "published": theirs[mean],
            "published_low": theirs[mean] - theirs[std],
            "published_high": theirs[mean] + theirs[std],
        }
        for preset in presets if method == "srnet" else [""]:
            values = _ours(rule, frames, task=theirs["task"], method=method, preset=preset)
            rows.append(
                row
                | {"preset": preset}
                | _judged(
                    rule,
                    values,
                    np.mean,
                    interval,
                    conditions,
                    ([theirs["task"]], preset),
                    partial(_above, low, high),
                )
            )
    return rows


def _order(
    rule: Rule, interval: Rule, frames: Frames, presets: Sequence[str], conditions: _Conditions
) -> list[Row]:
    rows = []
    frame = frames.get(rule["ours"]["frame"])
    tasks = (
        []
        if frame is None or "task" not in frame
        else list(dict.fromkeys(frame["task"].astype(str)))
    )
    for preset in presets if rule["method"] == "srnet" else [""]:
        for other in rule["than"]:
            row = {
                "method": f"{rule['method']} against {other}",
                "preset": preset,
                "published_high": rule["ratio"],
            }
            judged: list[Row] = []
            for task in tasks:
                mine = _ours(rule, frames, task=task, method=rule["method"], preset=preset)
                theirs = _ours(rule, frames, task=task, method=other, preset="")
                runs = {rule["method"]: mine, other: theirs}
                judged.append(_judged_ratio(rule, runs, interval, conditions, ([task], preset)))
                rows.append(row | {"task": task} | judged[-1])
            rows.append(row | {"task": "all"} | _all_tasks(rule, judged, interval))
    return rows


def _bound(
    rule: Rule, interval: Rule, frames: Frames, presets: Sequence[str], conditions: _Conditions
) -> list[Row]:
    values = _ours(rule, frames)
    row = {
        "task": "all",
        "method": rule["ours"].get("where", {}).get("method", ""),
        "preset": "",
        "published_high": rule["at_most"],
    }

    def compare(low: float, high: float) -> str:
        return REPRODUCED if high <= rule["at_most"] else NOT_REPRODUCED

    frame = _select_rows(rule, frames)
    tasks = sorted(set(frame["task"].astype(str))) if "task" in frame else []
    judged = (tasks, "")
    return [row | _judged(rule, values, np.median, interval, conditions, judged, compare)]


KINDS: dict[str, Callable[..., list[Row]]] = {
    "quantiles": _quantiles,
    "mean": _mean,
    "order": _order,
    "bound": _bound,
}


def _below(better: float, limit: float, low: float, high: float) -> str:
    """Lower is better: the interval from low to high lies below the one, reaches the other, or
    neither."""
    return BETTER if high < better else REPRODUCED if low <= limit else NOT_REPRODUCED


def _above(limit: float, better: float, low: float, high: float) -> str:
    return BETTER if low > better else REPRODUCED if high >= limit else NOT_REPRODUCED


# --- Ours -----------------------------------------------------------------------------------------


def _frame(name: str, frames: Frames) -> pd.DataFrame:
    return frames.get(name, pd.DataFrame(columns=["task"]))


def _records(published: pd.DataFrame, columns: Sequence[str], rule: Rule) -> list[Row]:
    _need(
        published,
        ["task", *columns] if len(published) else ["task"],
        rule["published"]["frame"],
        rule,
    )
    return published.to_dict("records")  # type: ignore[return-value]


def _need(frame: pd.DataFrame, columns: Sequence[str], name: str, rule: Rule) -> None:
    for column in columns:
        if column not in frame:
            raise UserError(
                f"verdict, rule '{rule['name']}': the table {name} lacks the column '{column}'; "
                f"it has {', '.join(map(str, frame))}"
            )


def _ours(rule: Rule, frames: Frames, **wanted: str) -> pd.DataFrame:
    """The runs that a number of ours is made from: columns value and, where the table has it, rows.
    Not finite counts as infinite.

    A method without presets has an empty one; a run with points at which a formula is not finite
    (column nonfinite) is infinite.
    """
    ours = rule["ours"]
    if ours["frame"] not in frames:
        return pd.DataFrame({"value": []})
    frame = _select_rows(rule, frames, **wanted)
    values = frame[ours["column"]].astype(float) * ours.get("times", 1)
    broken = ~np.isfinite(values)
    if "nonfinite" in frame:
        broken |= frame["nonfinite"].astype(float) > 0
    table = pd.DataFrame({"value": values.mask(broken, np.inf)})
    return table.assign(rows=frame["rows"]) if "rows" in frame else table


def _select_rows(rule: Rule, frames: Frames, **wanted: str) -> pd.DataFrame:
    """The rows of the table of ours that a rule is about, and that have the values wanted."""
    ours = rule["ours"]
    frame = _frame(ours["frame"], frames)
    wanted = {**ours.get("where", {}), **wanted}
    if ours["frame"] == "runs":
        wanted.pop("method", None)
    if ours["frame"] in frames:
        _need(frame, [ours["column"], *wanted], ours["frame"], rule)
        for column, value in wanted.items():
            frame = frame[frame[column].astype(object).fillna("").astype(str) == value]
    return frame


def _judged(
    rule: Rule,
    runs: pd.DataFrame,
    statistic: Callable[..., Any],
    interval: Rule,
    conditions: _Conditions,
    judged: tuple[Sequence[str], str],
    compare: Callable[[float, float], str],
) -> Row:
    """Ours with its interval, and the verdict; ``judged`` are the tasks and the preset."""
    row = _excuse(rule, {"": runs}, conditions, judged)
    if not len(runs):
        return row
    values = runs["value"].to_numpy()
    ours, low, high = _with_interval(values, statistic, interval)
    row |= {"ours": ours, "ours_low": low, "ours_high": high}
    if not row["verdict"]:
        row["verdict"] = NOT_REPRODUCED if not np.isfinite(ours) else compare(low, high)
        row["reason"] = _infinite(values, "runs")
    return row


def _judged_ratio(
    rule: Rule,
    runs: Mapping[str, pd.DataFrame],
    interval: Rule,
    conditions: _Conditions,
    judged: tuple[Sequence[str], str],
) -> Row:
    """The ratio of the medians of two methods; the runs of both are resampled, each for itself."""
    row = _excuse(rule, runs, conditions, judged)
    a, b = (values["value"].to_numpy() for values in runs.values())
    if not (a.size and b.size):
        return row
    rng = np.random.default_rng(interval["seed"])
    ratios = _ratio(*(np.median(_resampled(values, rng, interval), axis=1) for values in (a, b)))
    ours = float(_ratio(np.median(a), np.median(b)))
    low, high = _ends(ratios, interval)
    row |= {"ours": ours, "ours_low": low, "ours_high": high}
    if not row["verdict"]:
        row["verdict"] = REPRODUCED if high < rule["ratio"] else NOT_REPRODUCED
        row["reason"] = _infinite(a, f"runs of {rule['method']}") or _open(low, high, rule["ratio"])
    return row


def _all_tasks(rule: Rule, judged: Sequence[Row], interval: Rule) -> Row:
    """The geometric mean of the ratios of the comparable ones of the tasks that were judged."""
    compared = [row for row in judged if row["verdict"] in (REPRODUCED, NOT_REPRODUCED)]
    ratios = np.array([row["ours"] for row in compared])
    if not judged:
        why = f"no table {rule['ours']['frame']} in this configuration"
        return {"runs": 0, "verdict": NOT_RUN, "reason": why}
    if all(row["verdict"] == NOT_RUN for row in judged):
        return {"runs": 0, "verdict": NOT_RUN, "reason": judged[0]["reason"]}
    if ratios.size < 2:
        why = f"too few comparable tasks ({ratios.size} of {len(judged)}; 2 are needed)"
        return {"runs": ratios.size, "verdict": NOT_COMPARABLE, "reason": why}
    ours, low, high = _with_interval(ratios, geometric_mean, interval)
    count = sum(row["verdict"] == REPRODUCED for row in compared)
    return {
        "ours": ours,
        "ours_low": low,
        "ours_high": high,
        "runs": ratios.size,
        "verdict": REPRODUCED if high < rule["ratio"] else NOT_REPRODUCED,
        "reason": f"reproduced on {count} of {ratios.size} comparable tasks",
    }


def geometric_mean(values: Floats, axis: int | None = None) -> Any:
    """The geometric mean of values that are not negative; NaN of none."""
    if not values.size:
        return np.nan
    with np.errstate(divide="ignore"):  # of a zero it is zero
        return np.exp(np.mean(np.log(values), axis=axis))


def _excuse(
    rule: Rule,
    runs: Mapping[str, pd.DataFrame],
    conditions: _Conditions,
    judged: tuple[Sequence[str], str],
) -> Row:
    """A row without a number: whether and why it has no verdict by comparison.

    ``runs`` are those of one method or of two that are compared, ours first, by its name as a
    reason tells it; ``judged`` are the tasks and the preset.
    """
    tasks, preset = judged
    row: Row = {"runs": len(next(iter(runs.values()))), "verdict": "", "reason": ""}
    method, fewest = min(runs.items(), key=lambda item: len(item[1]))
    if not len(fewest):
        if not tasks:
            why = f"no table {rule['ours']['frame']} in this configuration"
        elif all(map(conditions.knows, tasks)):
            why = "no run of it in this configuration"
        else:
            why = "the task is not in this configuration"
        return row | {"verdict": NOT_RUN, "reason": why}
    broken = next(filter(None, (conditions.broken(task, preset) for task in tasks)), "")
    rows = min((table["rows"].min() for table in runs.values() if "rows" in table), default=np.inf)
    if not broken and rows < rule.get("least_rows", 0):
        broken = f"too few rows ({int(rows)} of {rule['least_rows']})"
    if not broken and len(fewest) < rule["least_runs"]:
        of = f" of {method}" if method else ""
        broken = f"too few runs{of} ({len(fewest)} of {rule['least_runs']})"
    return row | ({"verdict": NOT_COMPARABLE, "reason": broken} if broken else {})


def _infinite(values: Floats, what: str) -> str:
    broken = int((~np.isfinite(values)).sum())
    return f"{broken} of {values.size} {what} not finite" if broken else ""


def _open(low: float, high: float, ratio: float) -> str:
    return f"open: the interval holds {ratio:g}" if low < ratio <= high else ""


def _ratio(a: Any, b: Any) -> Any:
    """a / b, infinite where a is, whatever b is: a formula that is not finite explains nothing."""
    with np.errstate(all="ignore"):
        return np.where(np.isinf(a), np.inf, np.divide(a, b))


def _with_interval(
    values: Floats, statistic: Callable[..., Any], interval: Rule
) -> tuple[float, float, float]:
    """A statistic of the values and its percentile bootstrap interval."""
    with np.errstate(invalid="ignore"):
        samples = statistic(
            _resampled(values, np.random.default_rng(interval["seed"]), interval), axis=1
        )
        return float(statistic(values)), *_ends(samples, interval)


def _resampled(values: Floats, rng: np.random.Generator, interval: Rule) -> Floats:
    # sorted: a verdict does not depend on the order of the runs
    return np.sort(values)[rng.integers(0, values.size, (interval["resamples"], values.size))]


def _ends(samples: Floats, interval: Rule) -> tuple[float, float]:
    tail = (1 - interval["level"]) / 2
    # values that occur, for nothing lies between a number and infinity
    low, high = np.quantile(samples, [tail, 1 - tail], method="inverted_cdf")
    return float(low), float(high)
