"""With what a result was made: versions of what decides its numbers, and the processor."""

import importlib.metadata
import os
import platform
import warnings
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from srnet._version import __version__

UNKNOWN = "unknown software"  # of results of older versions, which do not say


def software(*packages: str) -> dict[str, str]:
    """Versions by name: srnet, python, the packages, the C library; and the processor's model.

    Two results with the same entries are made by the same instructions: NumPy, torch and the
    compiled search choose theirs by the processor, and Python's functions are the C library's.
    """
    libc = " ".join(platform.libc_ver()).strip()  # empty where it is not glibc
    return {
        "srnet": __version__,
        "python": platform.python_version(),
        **{package: version(package) for package in packages},
        "libc": libc or platform.system(),
        "processor": processor(),
    }


def version(package: str) -> str:
    """The version of an installed package; "unknown" where its files do not say."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


@cache
def processor() -> str:
    """The model of the processor, as the system names it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    entries: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(":")
        entries.setdefault(key.strip(), " ".join(value.split()))
    if "model name" not in entries:
        return " ".join((platform.processor() or platform.machine()).split())
    # virtual machines give several generations one name
    numbers = [f"{key} {entries[key]}" for key in ("cpu family", "model") if key in entries]
    return ", ".join([entries["model name"], *numbers])


def count_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe_software(content: Mapping[str, Any]) -> str:
    """The software of a result as one text, ``python 3.12.3; numpy 2.2.1; …``."""
    found = content.get("software", {})
    return "; ".join(f"{name} {version}" for name, version in found.items()) or UNKNOWN


def warn_of_mixture(described: Iterable[str], what: str) -> None:
    """Warn, where the results of a table are of different software, in one sentence: how many are
    of which, by what differs."""
    if sentence := describe_mixture(described, what):
        warnings.warn(sentence, stacklevel=3)


def describe_mixture(described: Iterable[str] | Mapping[str, int], what: str) -> str:
    """That sentence, of texts or of their counts; empty where all are of one software."""
    counts = Counter(described)
    if len(counts) < 2:
        return ""
    parts = {text: text.split("; ") for text in counts}
    common = set.intersection(*(set(parts[text]) for text in counts if text != UNKNOWN))
    groups = []
    for text, count in counts.most_common():
        differing = [part for part in parts[text] if part not in common] or parts[text]
        groups.append(f"{count} with {', '.join(differing)}")
    return (
        f"{what} of different software or processors stand in one table ({'; '.join(groups)}); "
        f"made again, they need not be the same"
    )
