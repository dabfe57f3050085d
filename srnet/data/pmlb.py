"""Data sets of the Penn Machine Learning Benchmarks (PMLB), kept in a folder: downloaded once,
whole or not at all.

The folder has the layout of the ``pmlb`` package, ``DIR/NAME/NAME.tsv.gz``, so that one filled by
it serves here as well. The package itself only downloads: it writes its file in place, so that an
interrupted download would leave half a table which it then takes for the data set. Here it writes
into a folder of its own beside, and the whole file is renamed.
"""

import contextlib
import csv
import difflib
import errno
import gzip
import os
import shutil
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from srnet.data.tables import Table, parse
from srnet.errors import UserError
from srnet.io.csv_cells import Cells
from srnet.typing import Kind

VARIABLE = "SRNET_PMLB_CACHE"
DEFAULT = "resources/pmlb"
TARGET = "target"
DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
MISSING = frozenset({"", "na", "nan"})  # as pandas writes and reads them
# What is read of a file at most, for a few bytes unpack to any number: about twice PMLB's largest,
# mnist (55 million cells) and poker (1 million rows).
CHARACTERS = 2**28
LINES = 2**21


class Damaged(Exception):
    """What is wrong with a file that is no whole table."""


def cache_folder(chosen: str | os.PathLike[str] | None = None) -> Path:
    """The folder of the data sets: the chosen one, or that of the variable SRNET_PMLB_CACHE, or
    resources/pmlb."""
    return Path(chosen or os.environ.get(VARIABLE) or DEFAULT)


def read_pmlb(name: str, kind: Kind, cache: str | os.PathLike[str] | None = None) -> Table:
    """A data set of PMLB, from the cache or else downloaded into it; rows with a missing cell are
    dropped and counted.

    A file of the cache that is damaged (truncated, empty, no table) is named in a warning and
    downloaded again. The cache is written only if something is downloaded, and may be read-only
    otherwise. Two processes that download at once do not disturb each other.

    Parameters
    ----------
    name
        Of the data set, such as ``adult``.
    cache
        The folder, as ``cache_folder`` takes it.

    Raises
    ------
    UserError
        If the data set is not in the cache and cannot be fetched (no network, no such data set),
        the cache cannot be written, or the table is of no use as ``srnet.data.tables.parse`` says.
    """
    folder = cache_folder(cache)
    path = _path(name, folder)
    try:
        header, rows = _cells(path)
    except FileNotFoundError:
        header, rows = _fetched(name, path, folder, "is not there")
    except Damaged as damage:
        warnings.warn(f"{path}: is damaged ({damage}); it is fetched again", stacklevel=2)
        header, rows = _fetched(name, path, folder, f"is damaged ({damage})")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    whole = [
        (line, cells) for line, cells in rows if not any(cell.lower() in MISSING for cell in cells)
    ]
    return parse(path, header, whole, TARGET, kind, dropped=len(rows) - len(whole))


def look(name: str, folder: Path) -> str:
    """The state of a data set in the cache: ``whole``, ``absent``, or what is wrong with its file.
    Nothing is downloaded."""
    try:
        _cells(_path(name, folder))
    except FileNotFoundError:
        return "absent"
    except Damaged as damage:
        return f"damaged: {damage}"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return "whole"


def _path(name: str, folder: Path) -> Path:
    return folder / name / f"{name}.tsv.gz"


def _fetched(name: str, path: Path, folder: Path, found: str) -> Cells:
    """The data set, downloaded and put at ``path``; ``found`` says what there was, for the
    message."""
    try:
        with _folder_beside(folder) as beside:
            _download(name, beside, f"{path}: {found}")
            fresh = beside / name / path.name
            cells = _cells(fresh)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(fresh, path)
            return cells
    except Damaged as damage:
        raise UserError(
            f"{path}: {found}, and what was fetched for it is damaged ({damage}); try again later"
        ) from damage
    except OSError as error:
        raise UserError(
            f"{path}: {found}, and {folder} cannot be written ({error.strerror or error}); put "
            f"the file there or choose {_choices()}"
        ) from error


def _download(name: str, folder: Path, where: str) -> None:
    try:
        import pmlb
    except ImportError as error:
        raise UserError(
            f"{where}, and to fetch it needs the package pmlb; install it, or choose {_choices()}"
        ) from error
    if name not in pmlb.dataset_names:
        similar = difflib.get_close_matches(name, pmlb.dataset_names, 3)
        hint = f"; similar names are {', '.join(similar)}" if similar else ""
        raise UserError(f"{where}, and PMLB has no data set '{name}'{hint}")
    try:
        pmlb.fetch_data(name, local_cache_dir=str(folder), dropna=False)
    except (
        Exception
    ) as error:  # what a download may raise is up to pmlb, requests, urllib and pandas
        # requests and urllib raise an OSError with the whole address in its text
        connection = isinstance(error, OSError) and error.errno not in DISK
        reason = (
            f"no connection, {type(error).__name__}"
            if connection
            else " ".join(str(error).split())[:100]
        )
        raise UserError(
            f"{where}, and the data set '{name}' cannot be fetched from PMLB ({reason}); run "
            f"where there is a network, put the file "
            f"there, or choose {_choices()}"
        ) from error


def _choices() -> str:
    return (
        f"a cache that has it (option --pmlb-cache, variable {VARIABLE} or, in the workflow, key "
        f"pmlb_cache)"
    )


@contextlib.contextmanager
def _folder_beside(folder: Path) -> Iterator[Path]:
    """A folder for half-written files in the cache: on its disk, so that a file can be renamed into
    it."""
    folder.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=".fetching.", dir=folder))
    try:
        yield beside
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _cells(path: Path) -> Cells:
    """Header and rows of a data set's file; Damaged if it is not a whole table, OSError if it
    cannot be read."""
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.reader(_lines(file), delimiter="\t", strict=True)
            same: dict[str, str] = {}  # most cells of a large table are the same few texts
            rows = [
                (reader.line_num, [same.setdefault(cell, cell) for cell in map(str.strip, cells)])
                for cells in reader
                if cells
            ]
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise Damaged(str(error)) from error
    if not rows or TARGET not in rows[0][1]:
        raise Damaged(f"it has no column '{TARGET}'" if rows else "it is empty")
    (_, header), *rest = rows
    for line, cells in rest:
        if len(cells) != len(header):
            raise Damaged(f"line {line} has {len(cells)} cells, the header {len(header)}")
    return header, rest


def _lines(file: TextIO) -> Iterator[str]:
    """The lines of a file that unpacks to no more than what is read."""
    characters = lines = 0
    while line := file.readline(CHARACTERS - characters + 1):
        characters, lines = characters + len(line), lines + 1
        if characters > CHARACTERS or lines > LINES:
            raise Damaged(f"it unpacks to more than {CHARACTERS} characters or {LINES} lines")
        yield line
