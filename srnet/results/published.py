"""The tables of published numbers, beside which ours are drawn and judged."""

import numpy as np
import pandas as pd

from srnet.errors import UserError
from srnet.io.frames import read_table
from srnet.typing import StrPath

# By table: what names a row, and its numbers; further columns are kept as they are.
COLUMNS = {
    "published": (
        ("task",),
        (
            "runs",
            "fitness_min",
            "fitness_q1",
            "fitness_median",
            "fitness_q3",
            "fitness_max",
            "mean_minutes_per_run",
        ),
    ),
    "published_classification": (
        ("task", "method"),
        ("train_accuracy_percent", "train_std", "test_accuracy_percent", "test_std"),
    ),
}


def read_published(name: str, path: StrPath) -> pd.DataFrame:
    """A table of published numbers: a row per task (``published``), or per task and method
    (``published_classification``).

    Raises
    ------
    UserError
        If the file is missing or no CSV table, lacks one of ``COLUMNS``, names a row twice or not
        at all, or has a number that is none, not finite or below 0.
    """
    names, numbers = COLUMNS[name]
    table = read_table(path, (*names, *numbers))
    for column in names:
        if table[column].isna().any():
            raise UserError(
                f"{path}: line {_line(table[column].isna())}, column '{column}' is empty; every "
                f"row needs its {column}"
            )
        table[column] = table[column].astype(str)
    for column in numbers:
        values = pd.to_numeric(table[column].astype(str), errors="coerce")
        wrong = ~(values.abs() < np.inf) | (values < 0)
        if wrong.any():
            found = table[column][wrong].iloc[0]
            what = "empty" if pd.isna(found) else f"'{found}'"
            raise UserError(
                f"{path}: line {_line(wrong)}, column '{column}' is {what}; a finite number of at "
                f"least 0 is needed"
            )
    twice = table.duplicated(list(names))
    if twice.any():
        row = " ".join(table.loc[twice, list(names)].iloc[0])
        raise UserError(
            f"{path}: line {_line(twice)} names {row} a second time; a row for every "
            f"{' and '.join(names)} is allowed"
        )
    return table


def read_frame(name: str, path: StrPath) -> pd.DataFrame:
    """A tidy table, or one of published numbers if ``COLUMNS`` has its name."""
    return read_published(name, path) if name in COLUMNS else read_table(path)


def _line(rows: pd.Series) -> int:
    """The line of the first row that is True, after the header, where no cell goes over several
    lines."""
    return int(np.argmax(rows.to_numpy())) + 2
