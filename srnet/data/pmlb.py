"""Data sets of the Penn Machine Learning Benchmarks (PMLB), cached in a folder.

The folder has the layout of the ``pmlb`` package, ``DIR/NAME/NAME.tsv.gz``, so a cache of that
package works here too. The package writes files in place, so an interrupted download would leave
half a table, which it would later take for the data set. Here it downloads into a temporary folder
and the complete file is renamed: a data set appears whole or not at all.
"""

import contextlib
import csv
import difflib
import errno
import gzip
import hashlib
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
from srnet.typing import Kind, StrPath

VARIABLE = "SRNET_PMLB_CACHE"
DEFAULT = "resources/pmlb"
TARGET = "target"
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)
MISSING = frozenset({"", "na", "nan"})  # missing cells as pandas writes them
# Limits of an unpacked file, because a few bytes can unpack to any size: about twice PMLB's largest
# data sets, mnist (55 million cells) and poker (1 million rows).
MAX_CHARACTERS = 2**28
MAX_LINES = 2**21


class DamagedFile(Exception):
    """A file is not a complete table; the message says why."""


def cache_folder(folder: StrPath | None = None) -> Path:
    """The folder of the data sets: ``folder``, else $SRNET_PMLB_CACHE, else resources/pmlb."""
    return Path(folder or os.environ.get(VARIABLE) or DEFAULT)


def read_pmlb(
    name: str, kind: Kind, cache: StrPath | None = None, sha256: str | None = None
) -> Table:
    """Read a data set of PMLB from the cache, or download it into the cache first.

    Rows with missing cells are dropped and counted. A damaged file in the cache (truncated, empty,
    not a table) causes a warning and is downloaded again. The cache is written only by downloads
    and may be read-only otherwise. Processes can download the same data set at the same time.

    Parameters
    ----------
    name
        Name of the data set, such as ``adult``.
    kind
        ``regression`` or ``classification``.
    cache
        The folder, see ``cache_folder``.
    sha256
        Of the file's content, unpacked: how it is packed differs from one download to the next.

    Raises
    ------
    UserError
        If the data set is not in the cache and cannot be downloaded (no network, no such data set),
        the cache cannot be written, the content has another checksum, or
        ``srnet.data.tables.parse`` rejects the table.
    """
    folder = cache_folder(cache)
    path = _path(name, folder)
    try:
        header, rows = _read_cells(path)
    except FileNotFoundError:
        header, rows = _fetch(name, path, folder, "is not there")
    except DamagedFile as damage:
        warnings.warn(f"{path}: is damaged ({damage}); it is fetched again", stacklevel=2)
        header, rows = _fetch(name, path, folder, f"is damaged ({damage})")
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    if sha256 is not None and (found := _checksum(path)) != sha256:
        raise UserError(
            f"{path}: is another table than the task's, its content has the SHA-256 {found}; "
            f"{sha256} is needed (delete the file to download it again)"
        )
    complete = [
        (line, cells) for line, cells in rows if not any(cell.lower() in MISSING for cell in cells)
    ]
    return parse(path, header, complete, TARGET, kind, dropped=len(rows) - len(complete))


def check_cached(name: str, folder: Path) -> str:
    """The state of a data set in the cache: ``whole``, ``absent``, or what is wrong with its file.

    Nothing is downloaded.
    """
    try:
        _read_cells(_path(name, folder))
    except FileNotFoundError:
        return "absent"
    except DamagedFile as damage:
        return f"damaged: {damage}"
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    return "whole"


def _path(name: str, folder: Path) -> Path:
    return folder / name / f"{name}.tsv.gz"


def _fetch(name: str, path: Path, folder: Path, state: str) -> Cells:
    """Download a data set to ``path``; ``state`` says in errors what was there before."""
    try:
        with _temporary_folder(folder) as temporary:
            _download(name, temporary, f"{path}: {state}")
            downloaded = temporary / name / path.name
            cells = _read_cells(downloaded)
            path.parent.mkdir(parents=True, exist_ok=True)
            os.replace(downloaded, path)
            return cells
    except DamagedFile as damage:
        raise UserError(
            f"{path}: {state}, and the download is damaged ({damage}); try again later"
        ) from damage
    except OSError as error:
        raise UserError(
            f"{path}: {state}, and {folder} cannot be written ({error.strerror or error}); put "
            f"the file there or choose {_list_alternatives()}"
        ) from error


def _download(name: str, folder: Path, where: str) -> None:
    try:
        import pmlb
    except ImportError as error:
        raise UserError(
            f"{where}, and downloading it needs the package pmlb; install it, or choose "
            f"{_list_alternatives()}"
        ) from error
    if name not in pmlb.dataset_names:
        similar = difflib.get_close_matches(name, pmlb.dataset_names, 3)
        hint = f"; similar names are {', '.join(similar)}" if similar else ""
        raise UserError(f"{where}, and PMLB has no data set '{name}'{hint}")
    try:
        pmlb.fetch_data(name, local_cache_dir=str(folder), dropna=False)
    except Exception as error:  # pmlb, requests, urllib and pandas raise various exceptions
        # the message of an OSError of requests or urllib holds the whole address
        connection = isinstance(error, OSError) and error.errno not in DISK_ERRORS
        reason = (
            f"no connection, {type(error).__name__}"
            if connection
            else " ".join(str(error).split())[:100]
        )
        raise UserError(
            f"{where}, and the data set '{name}' cannot be fetched from PMLB ({reason}); "
            f"connect to a network, put the file there, or choose {_list_alternatives()}"
        ) from error


def _list_alternatives() -> str:
    return (
        f"a cache that has it (option --pmlb-cache, variable {VARIABLE} or, in the workflow, key "
        f"pmlb_cache)"
    )


@contextlib.contextmanager
def _temporary_folder(folder: Path) -> Iterator[Path]:
    """A temporary folder in the cache, on the same disk so that its files can be renamed."""
    folder.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=".fetching.", dir=folder))
    try:
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _read_cells(path: Path) -> Cells:
    """Read header and rows of a data set's file.

    Raises
    ------
    DamagedFile
        If it is not a complete table.
    OSError
        If it cannot be read.
    """
    try:
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            reader = csv.reader(_read_lines(file), delimiter="\t", strict=True)
            interned: dict[str, str] = {}  # saves memory: few cells of a large table are distinct
            rows = [
                (
                    reader.line_num,
                    [interned.setdefault(cell, cell) for cell in map(str.strip, cells)],
                )
                for cells in reader
                if cells
            ]
    except (EOFError, gzip.BadGzipFile, zlib.error, UnicodeDecodeError, csv.Error) as error:
        raise DamagedFile(str(error)) from error
    if not rows or TARGET not in rows[0][1]:
        raise DamagedFile(f"it has no column '{TARGET}'" if rows else "it is empty")
    (_, header), *rest = rows
    for line, cells in rest:
        if len(cells) != len(header):
            raise DamagedFile(f"line {line} has {len(cells)} cells, the header {len(header)}")
    return header, rest


def _checksum(path: Path) -> str:
    with gzip.open(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read_lines(file: TextIO) -> Iterator[str]:
    """Yield the lines of a file; DamagedFile if it unpacks to more than the limits."""
    characters = lines = 0
    while line := file.readline(MAX_CHARACTERS - characters + 1):
        characters, lines = characters + len(line), lines + 1
        if characters > MAX_CHARACTERS or lines > MAX_LINES:
            raise DamagedFile(
                f"it unpacks to more than {MAX_CHARACTERS} characters or {MAX_LINES} lines"
            )
        yield line
