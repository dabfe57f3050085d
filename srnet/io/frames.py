"""Tidy tables as CSV files."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import pandas as pd

from srnet.errors import UserError
from srnet.escaping import printable
from srnet.io.files import check_readable, writing
from srnet.typing import StrPath

T = TypeVar("T")


def read_all(paths: Sequence[StrPath], read: Callable[[StrPath], T], what: str) -> list[T]:
    """The contents of all files.

    Raises
    ------
    UserError
        Names every file that cannot be used; ``what`` is what one of them is called.
    """
    contents, failures = [], []
    for path in paths:
        try:
            contents.append(read(path))
        except UserError as error:
            failures.append(str(error))
    if failures:
        raise UserError(
            f"{len(failures)} of {len(paths)} {what}s cannot be used: {'; '.join(failures)}"
        )
    return contents


def write_table(table: pd.DataFrame, path: StrPath) -> None:
    """Write a table as CSV, whole or not at all; numbers keep every digit, infinity is ``inf``, and
    texts are printable: a row is a line."""
    with writing(path) as file:
        map_texts(table, printable).to_csv(file, index=False, lineterminator="\n")


def map_texts(
    table: pd.DataFrame, change: Callable[[str], str], without: Sequence[str] = ()
) -> pd.DataFrame:
    """A table with other texts in its cells, but for the columns ``without``; every distinct text
    is changed once."""
    columns = {}
    for name in table.select_dtypes(["object", "string"]).columns.difference(list(without)):
        texts = {text: change(text) for text in table[name].unique() if isinstance(text, str)}
        if any(text != changed for text, changed in texts.items()):
            columns[name] = [texts.get(cell, cell) for cell in table[name]]
    return table.assign(**columns)


def read_table(
    path: StrPath,
    columns: Sequence[str] = (),
    allow_empty: bool = False,
    texts: Iterable[str] = (),
) -> pd.DataFrame:
    """Read a table that ``write_table`` wrote.

    Parameters
    ----------
    columns
        Those that it must have.
    texts
        Those whose cells are texts whatever they look like, as 010.

    Raises
    ------
    UserError
        If the file is missing or no CSV, lacks one of ``columns``, or has no rows where these are
        needed.
    """
    check_readable(path)
    try:
        table = pd.read_csv(
            path, na_values=[""], keep_default_na=False, dtype=dict.fromkeys(texts, str)
        )
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except (ValueError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not a CSV table ({error})") from error
    for column in columns:
        if column not in table:
            raise UserError(
                f"{path}: lacks the column '{column}'; it has {', '.join(map(str, table))}"
            )
    if table.empty and not allow_empty:
        raise UserError(f"{path}: has no rows")
    return table


def join_tables(paths: Iterable[StrPath], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """Tidy tables under one another, in the order given: the columns that are named, or those of
    the first table.

    Raises
    ------
    UserError
        Names every file that cannot be used, and one that lacks a column or has another.
    """
    paths = list(paths)
    tables = read_all(paths, read_table, "table")
    names = list(tables[0]) if columns is None else list(columns)
    for path, table in zip(paths, tables, strict=True):
        if not set(names) <= set(table) or (columns is None and len(table.columns) != len(names)):
            raise UserError(
                f"{path}: has the columns {', '.join(map(str, table))}; "
                f"{', '.join(map(str, names))} are needed"
            )
    return pd.concat([table[names] for table in tables], ignore_index=True)
