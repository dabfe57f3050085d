"""Counts, durations and methods as texts, the same in figures, captions, tables and pages."""

import math
from collections.abc import Collection

METHODS = {
    "true": "True",
    "network": "MLP",
    "srnet": "SRNet",
    "local": "SRNet, local",
    "lime": "LIME",
    "lime-200": "LIME, 200 passes",
    "maple": "MAPLE",
    "elime": "E-LIME",
    "elime-published": "E-LIME, published",
}


def count_text(counts: int | Collection[int], unit: str) -> str:
    """A count as text: ``1 seed`` or ``30 seeds``; of several that differ, ``28–30 seeds``."""
    numbers = (counts,) if isinstance(counts, int) else counts
    low, high = int(min(numbers)), int(max(numbers))
    return f"{low if low == high else f'{low}–{high}'} {unit}{'s' * (high != 1)}"


def size_text(size: float) -> str:
    """A number of bytes as text: ``512 B``, ``1.5 MiB``."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024:
            return f"{size:.4g} {unit}"
        size /= 1024
    return f"{size:.4g} TiB"


def duration_text(seconds: float) -> str:
    """A duration as text, in hours, minutes or seconds; a dash where it is unknown (NaN)."""
    if math.isnan(seconds):
        return "–"
    for unit, length in (("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.1f} {unit}"
    return f"{seconds:.1f} s"


def method_name(method: str) -> str:
    """A method as it is printed: ``SRNet``; a baseline as it is called."""
    return METHODS.get(method, method)
