"""The methods of the comparison: how tables order them and how figures draw them."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

from srnet.drawing.style import MARKS

ORDER = ("true", "network", "srnet", "local", "lime", "maple", "linear", "constant")
# Wide pale lines below narrow ones, so that lines that coincide all remain visible.
LINES: dict[str, dict[str, Any]] = {
    "true": {"color": "0.78", "linewidth": 3.0, "zorder": 1.5},
    "network": {"color": "0.0", "linewidth": 1.5, "zorder": 2.0},
    "lime": {"linewidth": 1.0, "linestyle": (0, (1, 1)), "zorder": 2.4},
    "maple": {"linewidth": 0.9, "linestyle": (0, (4, 1.5)), "zorder": 2.2},
    "srnet": {"linewidth": 1.0, "zorder": 2.6},
}


def group_by_method(frame: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Yield the task, method and preset of each group of rows, and its rows.

    Tasks come in the order of the frame, methods in that of ``ORDER``. The preset of a method
    without presets is "".
    """
    plain = frame.assign(preset=frame["preset"].astype(object).where(frame["preset"].notna(), ""))
    groups = {
        tuple(map(str, names)): group
        for names, group in plain.groupby(["task", "method", "preset"], sort=False)
    }
    tasks = list(dict.fromkeys(task for task, _, _ in groups))
    for names in sorted(
        groups,
        key=lambda names: (
            tasks.index(names[0]),
            ORDER.index(names[1]) if names[1] in ORDER else 0,
        ),
    ):
        yield dict(zip(("task", "method", "preset"), names, strict=True)), groups[names]


def judgements_by_method(verdict: pd.DataFrame) -> dict[tuple[str, str, str], str]:
    """The verdict by task, method and preset, its reason after a colon; the preset of a method
    without presets is ""."""
    texts = verdict[["task", "method", "preset"]].astype(object).fillna("").astype(str)
    return dict(zip(texts.itertuples(index=False, name=None), judgements(verdict), strict=True))


def judgements(verdict: pd.DataFrame) -> list[str]:
    """Every verdict as a text, with its reason: ``not comparable: too few runs (3 of 30)``."""
    return [
        f"{verdict}: {reason}" if reason else str(verdict)
        for verdict, reason in zip(
            verdict["verdict"], verdict["reason"].astype(object).fillna(""), strict=True
        )
    ]


def name_presets(rows: pd.DataFrame, verdict: pd.DataFrame) -> str:
    """The presets of some rows of a verdict, each after a comma; nothing if all are among them."""
    names, known = (
        dict.fromkeys(name for name in frame["preset"].dropna() if name)
        for frame in (rows, verdict)
    )
    return "".join(f", {name}" for name in names) if len(names) < len(known) else ""


def line_style(method: str, preset: str = "") -> dict[str, Any]:
    """The matplotlib line options of a method, of SRNet with a preset."""
    colour = MARKS.get(preset or method)
    return ({"color": colour[0]} if colour else {}) | LINES[method]
