"""How tables group methods, and how figures show them."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

ORDER = ("true", "network", "srnet", "lime", "maple", "linear", "constant")
LABELS = {"true": "True", "network": "MLP", "srnet": "SRNet", "lime": "LIME", "maple": "MAPLE"}
# Wide and pale below, narrow above: where lines lie on one another, all of them are seen. Okabe and
# Ito's colours.
LINES: dict[str, dict[str, Any]] = {
    "true": {"color": "0.78", "linewidth": 3.0, "zorder": 1.5},
    "network": {"color": "0.0", "linewidth": 1.5, "zorder": 2.0},
    "lime": {"color": "#E69F00", "linewidth": 1.0, "linestyle": (0, (1, 1)), "zorder": 2.4},
    "maple": {"color": "#009E73", "linewidth": 0.9, "linestyle": (0, (4, 1.5)), "zorder": 2.2},
    "srnet": {"color": "#D55E00", "linewidth": 1.0, "zorder": 2.6},
}
FURTHER = ("#0072B2", "#CC79A7", "#56B4E9")  # of SRNet's presets after the first


def by_method(frame: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """The rows of every task, method and preset (empty for a method without): tasks as in the
    table, the methods of each in one order."""
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


def line(method: str, preset: int = 0) -> dict[str, Any]:
    """How the line of a method is drawn; of SRNet that of its first, second … preset."""
    look = LINES[method]
    return look if preset == 0 else look | {"color": FURTHER[(preset - 1) % len(FURTHER)]}
