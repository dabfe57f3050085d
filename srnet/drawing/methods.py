"""How tables group methods, and how figures show them."""

from collections.abc import Iterator
from typing import Any

import pandas as pd

LABELS = {"true": "True", "network": "MLP", "srnet": "SRNet", "lime": "LIME", "maple": "MAPLE"}
# Wide and pale below, narrow above: where lines lie on one another, all of them are seen. Okabe and Ito's colours.
LINES: dict[str, dict[str, Any]] = {
    "true": {"color": "0.78", "linewidth": 3.0, "zorder": 1.5},
    "network": {"color": "0.0", "linewidth": 1.5, "zorder": 2.0},
    "lime": {"color": "#E69F00", "linewidth": 1.0, "linestyle": (0, (1, 1)), "zorder": 2.4},
    "maple": {"color": "#009E73", "linewidth": 0.9, "linestyle": (0, (4, 1.5)), "zorder": 2.2},
    "srnet": {"color": "#D55E00", "linewidth": 1.0, "zorder": 2.6},
}
FURTHER = ("#0072B2", "#CC79A7", "#56B4E9")  # of SRNet's presets after the first


def by_method(frame: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """The rows of every task, method and preset (empty for a method without), in the order of the table."""
    plain = frame.assign(preset=frame["preset"].astype(object).where(frame["preset"].notna(), ""))
    for names, group in plain.groupby(["task", "method", "preset"], sort=False):
        yield dict(zip(("task", "method", "preset"), map(str, names), strict=True)), group


def line(method: str, preset: int = 0) -> dict[str, Any]:
    """How the line of a method is drawn; of SRNet that of its first, second … preset."""
    look = LINES[method]
    return look if preset == 0 else look | {"color": FURTHER[(preset - 1) % len(FURTHER)]}
