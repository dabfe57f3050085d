"""The rows that a user hands in, as an array and the names of its columns."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.errors import UserError
from srnet.model.names import check_columns, in_order
from srnet.typing import Floats


def as_rows(X: Any, what: str = "X") -> tuple[NDArray[Any], list[str] | None]:
    """X as an array of n × d numbers, and the names of its columns, None where it has none (or
    pandas numbers them); errors call it ``what``.

    Raises
    ------
    UserError
        If it is not rows × columns of finite numbers, or two columns have the same name.
    """
    if hasattr(X, "detach") and hasattr(X, "cpu"):
        X = X.detach().cpu()
        X = X.float() if "float16" in str(X.dtype) else X  # NumPy knows no bfloat16
    if hasattr(X, "tocsr"):
        raise UserError(f"{what} is a sparse matrix; a dense one is needed ({what}.toarray())")
    columns = [str(name) for name in X.columns] if hasattr(X, "columns") else None
    if columns is not None:
        check_columns(columns, what)
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


@dataclass(frozen=True, eq=False)
class Weights:
    """What rows count in fits and losses.

    Attributes
    ----------
    rows
        Of the rows that are explained, (n,), above 0 and of the mean 1.
    validation
        Of the validation rows that are given; None where these count alike.
    """

    rows: Floats
    validation: Floats | None = None


def check_weights(sample_weight: Any, rows: int) -> Floats:
    """Weights of so many rows as an array, (n,) float64, times a power of 2 with which none is
    above 1 and no sum overflows.

    Raises
    ------
    UserError
        If they are not as many numbers, finite and not negative, some above 0.
    """
    if hasattr(sample_weight, "detach"):
        sample_weight = sample_weight.detach().cpu()
    try:
        weights = np.asarray(sample_weight)
        if weights.dtype.kind == "O":
            weights = weights.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"'sample_weight' is not an array of numbers ({error}); a number for each row is needed"
        ) from error
    if weights.dtype.kind not in "fiub":
        raise UserError(f"'sample_weight' holds {weights.dtype}; real numbers are needed")
    weights = weights.astype(np.float64)
    if weights.shape != (rows,):
        raise UserError(
            f"'sample_weight' has the shape {weights.shape}; ({rows},) is needed, a number for "
            f"each row of X"
        )
    bad = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if bad.size:
        raise UserError(
            f"'sample_weight' is {weights[bad[0]]} in row {bad[0]}; finite numbers of at least 0 "
            f"are needed"
        )
    if not weights.any():
        raise UserError("'sample_weight' is zero in every row; some weight above 0 is needed")
    return np.ldexp(weights, -np.frexp(weights.max())[1])


def weighted_rows(
    rows: NDArray[Any], sample_weight: Any, validation_weight: Any = None
) -> tuple[NDArray[Any], Weights | None]:
    """The rows, n × d, whose weight is not 0, and the weights, divided by their mean; None where
    all are equal. Those of validation rows are such that the mean row has 1.

    Raises
    ------
    UserError
        If the weights are not as many numbers, finite and not negative, some above 0.
    """
    if sample_weight is None:
        return rows, None
    weights = check_weights(sample_weight, len(rows))
    if len(rows) > 1 == np.count_nonzero(weights):
        raise UserError("'sample_weight' is above 0 in one row alone; at least 2 are needed")
    rows, weights = rows[weights > 0], weights[weights > 0]
    if (weights == weights[0]).all():
        return rows, None
    return rows, Weights(weights / weights.mean(), validation_weight)
