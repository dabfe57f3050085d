"""Tables of rows: from the cells of a file, or a data set that comes with scikit-learn."""

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from srnet.errors import UserError
from srnet.io.csv_cells import as_number, cell_number, csv_cells
from srnet.typing import Floats, Kind

MINIMUM_ROWS = 10


@dataclass(frozen=True)
class Table:
    """Rows and what they are called.

    Attributes
    ----------
    x, y
        n × d, and n × 1: a number or the position of the row's class in ``classes``.
    dropped
        Rows that were left out because a cell was missing.
    """

    x: Floats
    y: Floats
    inputs: tuple[str, ...]
    classes: tuple[str, ...] = ()
    dropped: int = 0


def read_csv(path: Path, target: str, kind: Kind) -> Table:
    """Read a comma-separated table with a header line, UTF-8; UserError if it is missing or of no
    use as ``parse`` says."""
    header, rows = csv_cells(path)
    return parse(path, header, rows, target, kind)


def parse(
    path: Path,
    header: list[str],
    rows: list[tuple[int, list[str]]],
    target: str,
    kind: Kind,
    dropped: int = 0,
) -> Table:
    """The table in the cells of a file.

    Every column but the target is an input and holds numbers. The target holds numbers (regression)
    or names of classes (classification), whose order is numeric, or else alphabetic. A column that
    is the same in every row is kept.

    Parameters
    ----------
    path
        The file, for messages.
    rows
        The line number and the cells of every row.
    dropped
        Rows that were left out before.

    Raises
    ------
    UserError
        If a cell is missing or not a finite number (the file, line and column are named), if there
        is one column only, one without a name or two of one name, if there are fewer than 10 rows,
        a constant target or a class with one row.
    """
    left = f" after {dropped} with a missing cell were left out" if dropped else ""
    if len(header) < 2:
        raise UserError(
            f"{path}: has the one column '{header[0]}'; comma-separated columns are needed, at "
            f"least one input and the target"
        )
    for name, count in Counter(header).items():
        if count > 1 or not name:
            raise UserError(
                f"{path}: its header names the column '{name}' {count} time(s); every column "
                f"needs a name of its own"
            )
    if target not in header:
        raise UserError(
            f"{path}: has no column '{target}' for the target; its columns are {', '.join(header)}"
        )
    if len(rows) < MINIMUM_ROWS:
        raise UserError(
            f"{path}: has {len(rows)} row(s) of data{left}; at least {MINIMUM_ROWS} are needed"
        )
    position = header.index(target)
    inputs = tuple(name for name in header if name != target)
    for line, cells in rows:  # before there is room for as many numbers as a header claims
        if len(cells) != len(header):
            raise UserError(
                f"{path}: line {line} has {len(cells)} cells but the header has {len(header)}; "
                f"they must be equal"
            )
    x = np.empty((len(rows), len(inputs)))
    labels: list[str] = []
    y = np.empty(len(rows))
    for i, (line, cells) in enumerate(rows):
        numbers = [
            cell_number(path, line, name, cell, name != target or kind == "regression")
            for name, cell in zip(header, cells, strict=True)
        ]
        y[i] = numbers.pop(position)
        x[i] = numbers
        labels.append(cells[position])
    if len(set(labels)) == 1 or (kind == "regression" and np.ptp(y) == 0):
        raise UserError(
            f"{path}: the target '{target}' is {labels[0]} in every row{left}; at least two "
            f"different values are needed"
        )
    if kind == "regression":
        return Table(x, y[:, None], inputs, dropped=dropped)
    counts = Counter(labels)
    for label, count in counts.items():
        if count < 2:
            raise UserError(
                f"{path}: the class '{label}' of column '{target}' has 1 row{left}; every class "
                f"needs at least 2"
            )
    classes = tuple(sorted(counts, key=_class_order))
    position_of = {label: number for number, label in enumerate(classes)}
    return Table(
        x, np.array([[position_of[label]] for label in labels], float), inputs, classes, dropped
    )


def _class_order(label: str) -> tuple[float, str]:
    number = as_number(label)
    return (math.inf if number is None else number, label)


def load_sklearn(name: str) -> Table:
    """A data set that comes with scikit-learn (nothing is downloaded): diabetes, iris, wine or
    breast_cancer."""
    from sklearn import datasets

    bundle = getattr(datasets, f"load_{name}")()
    classes = () if name == "diabetes" else tuple(str(label) for label in bundle.target_names)
    inputs = tuple(str(label) for label in bundle.feature_names)
    return Table(
        np.asarray(bundle.data, float), np.asarray(bundle.target, float)[:, None], inputs, classes
    )
