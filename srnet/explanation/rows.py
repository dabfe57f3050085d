"""The rows that a user hands in, as an array and the names of its columns."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.arrays import real_array
from srnet.errors import UserError
from srnet.model.names import check_columns, in_order


def as_rows(X: Any, what: str = "X") -> tuple[NDArray[Any], list[str] | None]:
    """X as an array of n × d numbers, and the names of its columns, None where it has none (or
    pandas numbers them); errors call it ``what``.

    Raises
    ------
    UserError
        If it is not rows × columns of finite numbers, or two columns have the same name.
    """
    if hasattr(X, "tocsr"):
        raise UserError(f"{what} is a sparse matrix; a dense one is needed ({what}.toarray())")
    columns = [str(name) for name in X.columns] if hasattr(X, "columns") else None
    if columns is not None:
        check_columns(columns, what)
    rows = real_array(X, what, "rows × columns of numbers are needed")
    if rows.ndim != 2 or not rows.shape[1]:
        raise UserError(f"{what} has the shape {rows.shape}; rows × columns are needed")
    # what torch takes: rows of float32 or float64 in this machine's order of bytes, one behind the
    # other
    rows = np.ascontiguousarray(
        rows,
        dtype=np.float32 if rows.dtype.kind == "f" and rows.dtype.itemsize == 4 else np.float64,
    )
    if not np.isfinite(rows).all():
        bad = np.argwhere(~np.isfinite(rows))[0]
        raise UserError(
            f"{what} has a value that is not finite in row {bad[0]}, column {bad[1]}; every value "
            f"must be finite"
        )
    return rows, None if columns == [str(i) for i in range(rows.shape[1])] else columns


def rows_of(X: Any, columns: Sequence[str] | None, what: str = "X") -> NDArray[Any]:
    """The same as an array alone, in the order of the columns of these names.

    Raises
    ------
    UserError
        Also if it has other columns.
    """
    rows, own = as_rows(X, what)
    try:
        return in_order(rows, own, columns)
    except UserError as error:
        raise UserError(f"{what}: {error}") from error
