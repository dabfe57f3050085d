"""The weights that a user gives rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

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
    """Weights of so many rows as an array, (n,) float64.

    Raises
    ------
    UserError
        If they are not as many numbers, finite and not negative, some above 0.
    """
    if hasattr(sample_weight, "detach"):
        sample_weight = sample_weight.detach().cpu()
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(
            f"'sample_weight' is not an array of numbers ({error}); a number for each row is needed"
        ) from error
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
    return weights


def select_weighted(
    rows: NDArray[Any], sample_weight: Any, validation_weight: Any = None
) -> tuple[NDArray[Any], Weights | None]:
    """The rows (n × d, or their numbers) whose weight is not 0, and the weights, divided by their
    mean; None where all are equal.

    Raises
    ------
    UserError
        If the weights are not as many numbers, finite and not negative, some above 0.
    """
    if sample_weight is None:
        return rows, None
    weights = check_weights(sample_weight, len(rows))
    rows, weights = rows[weights > 0], weights[weights > 0]
    if (weights == weights[0]).all():
        return rows, None
    mean = float(weights.mean())
    validation = None if validation_weight is None else validation_weight / mean
    return rows, Weights(weights / mean, validation)
