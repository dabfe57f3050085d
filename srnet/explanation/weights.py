"""The weights that a user gives rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from srnet.arrays import real_array
from srnet.errors import UserError
from srnet.typing import Floats


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
    needed = "a number for each row is needed"
    weights = real_array(sample_weight, "'sample_weight'", needed).astype(np.float64)
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


def select_weighted(
    rows: NDArray[Any], sample_weight: Any, validation_weight: Any = None
) -> tuple[NDArray[Any], Weights | None]:
    """The rows (n × d, or their numbers) whose weight is not 0, and the weights, divided by their
    mean; None where all are equal. Those of validation rows are such that the mean row has 1.

    Raises
    ------
    UserError
        If the weights are not as many numbers, finite and not negative, two or more above 0.
    """
    if sample_weight is None:
        return rows, None
    weights = check_weights(sample_weight, len(rows))
    if np.count_nonzero(weights) == 1 < len(rows):
        raise UserError("'sample_weight' is above 0 in one row alone; at least 2 are needed")
    rows, weights = rows[weights > 0], weights[weights > 0]
    if (weights == weights[0]).all():
        return rows, None
    return rows, Weights(weights / weights.mean(), validation_weight)
