"""The rows that a user hands in, as an array and the names of its columns."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.model.names import default_names, symbol_names


def as_rows(X: Any, what: str = "X") -> tuple[NDArray[Any], list[str]]:
    """X as an array of n × d numbers, and the names of its columns (x0, x1, … where it has none);
    errors call it ``what``.

    Raises
    ------
    UserError
        If it is not rows × columns of finite numbers.
    """
    if hasattr(X, "detach") and hasattr(X, "cpu"):
        X = X.detach().cpu()
        X = X.float() if "float16" in str(X.dtype) else X  # NumPy knows no bfloat16
    if hasattr(X, "tocsr"):
        raise UserError(f"{what} is a sparse matrix; a dense one is needed ({what}.toarray())")
    columns = [str(name) for name in X.columns] if hasattr(X, "columns") else None
    try:
        rows = np.asarray(X)
        if rows.dtype.kind == "O":
            rows = rows.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"{what} is not an array of numbers ({error}); rows × columns of numbers are needed"
        ) from error
    if rows.dtype.kind not in "fiub":
        raise UserError(f"{what} holds {rows.dtype}; real numbers are needed")
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
    return rows, symbol_names(columns) if columns else default_names(rows.shape[1])
