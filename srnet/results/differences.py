"""Repeated runs, compared file by file: whether they are the same to the last bit but for their
times, or where and by how much they differ."""

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from srnet.errors import UserError
from srnet.escaping import printable
from srnet.io.files import check_readable
from srnet.results.archive import read_archive
from srnet.typing import StrPath

ENDINGS = (".json", ".csv", ".pt")
MOST = 20  # files that differ, in the text

# A file's content, read when it is compared.
Files = Mapping[str, Callable[[], bytes]]


def compare_folders(first: StrPath, second: StrPath) -> pd.DataFrame:
    """Compare the files that two folders both have.

    Parameters
    ----------
    first, second
        Folders of runs ({task}/network.json, {task}/srnet/{preset}/{seed}.json, …), or of archives
        of them as published.

    Returns
    -------
    A row per file: file, state (``equal``, ``differs``), key (where the two first differ) and
    relative (the largest relative difference of two numbers; NaN where others differ).

    Raises
    ------
    UserError
        If a folder is missing, an archive cannot be read, or they have no file in common.
    """
    ours, theirs = _files(Path(first)), _files(Path(second))
    common = sorted(ours.keys() & theirs.keys())
    if not common:
        raise UserError(
            f"{first} and {second} have no file in common; folders with "
            f"TASK/srnet/PRESET/SEED.json, or of archives of them, are needed"
        )
    rows = []
    for name in common:
        differences = list(_differences(name, ours[name](), theirs[name]()))
        sizes = [float("nan") if size is None else size for _, size in differences]
        rows.append(
            {
                "file": name,
                "state": "differs" if differences else "equal",
                "key": differences[0][0] if differences else "",
                "relative": float(np.max(sizes, initial=0.0)),
            }
        )
    return pd.DataFrame(rows)


def describe_differences(found: pd.DataFrame) -> str:
    """The comparison in lines: the count, and the files that differ, the largest first."""
    differing = found[found["state"] != "equal"].sort_values("relative", ascending=False)
    lines = [
        f"{len(found)} files compared: {len(found) - len(differing)} equal but for their times, "
        f"{len(differing)} differ"
    ]
    for row in differing.head(MOST).to_dict("records"):
        size = row["relative"]
        amount = "" if pd.isna(size) else f", numbers by at most {size:.2g} of their size"
        lines.append(f"  {printable(row['file'])}: first at {printable(row['key'])}{amount}")
    if len(differing) > MOST:
        lines.append(f"  and {len(differing) - MOST} more")
    return "\n".join(lines)


def _files(folder: Path) -> Files:
    if not folder.is_dir():
        raise UserError(f"{folder}: is no folder; a folder of runs is needed")
    archives = sorted(folder.glob("*.tar.xz"))
    if archives:
        packed = {name: content for path in archives for name, (content, _) in read_archive(path)}
        return {name: partial(bytes, content) for name, content in packed.items()}
    return {
        path.relative_to(folder).as_posix(): partial(_read, path)
        for path in folder.glob("*/**/*")
        if path.suffix in ENDINGS and path.is_file()
    }


def _read(path: Path) -> bytes:
    check_readable(path)
    return path.read_bytes()


def _differences(name: str, ours: bytes, theirs: bytes) -> Iterator[tuple[str, float | None]]:
    """Where two contents differ, and by how much if those are numbers."""
    if ours == theirs:
        return
    try:
        values = [_parse(name, content) for content in (ours, theirs)]
        found = list(_compare("", *values))
    except (ValueError, RecursionError, csv.Error) as error:
        raise UserError(f"{name}: is not what its name says ({error})") from error
    if name.endswith(".pt"):
        yield "its bytes", None
    yield from found


def _parse(name: str, content: bytes) -> Any:
    """A file's content as numbers and texts; None of weights, which are compared as bytes."""
    if name.endswith(".json"):
        return json.loads(content)
    if name.endswith(".csv"):
        rows = list(csv.DictReader(io.StringIO(content.decode())))
        return [{key: _number(cell) for key, cell in row.items()} for row in rows]
    return None


def _number(cell: str) -> float | str:
    try:
        return float(cell)
    except (TypeError, ValueError):
        return cell


def _compare(key: str, ours: Any, theirs: Any) -> Iterator[tuple[str, float | None]]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in dict.fromkeys([*ours, *theirs]):
            if not (name == "software" or "seconds" in str(name)):
                yield from _compare(f"{key}.{name}", ours.get(name), theirs.get(name))
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for i, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from _compare(f"{key}[{i}]", *pair)
    elif _is_number(ours) and _is_number(theirs):
        if ours != theirs and not (ours != ours and theirs != theirs):  # both NaN
            yield key.lstrip("."), _relative(ours, theirs)
    elif ours != theirs:
        yield key.lstrip("."), None


def _relative(ours: float, theirs: float) -> float | None:
    try:
        return abs(ours - theirs) / max(abs(ours), abs(theirs))
    except OverflowError:  # an integer beyond all floating-point numbers
        return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
