"""The loss of a layer's rows: what an error costs, and least-cost fits by iteratively reweighted
least squares (Holland and Welsch 1977)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from srnet.metrics import column_means, mean_over_rows, r_squared
from srnet.model.regression import back_substitute, coefficients, orthogonalise, weigh
from srnet.typing import Floats
from srnet.validation import Number

Solution = TypeVar("Solution")

# Losses of which a few rows far off do not decide.
ROBUST = ("huber", "l1")
DELTA = Number(above=0)
# A fit is reweighted so many times at most, and no more where that lowers the mean cost by less
# than this share of it.
_STEPS, _TOLERANCE = 50, 1e-6
# The absolute error has no derivative at 0: errors below this share of their median count as equal
# to it in the weights.
_LEAST = 0.01
# The median absolute deviation of a normal distribution of the standard deviation 1.
_NORMAL_MAD = 0.6745


@dataclass(frozen=True, eq=False)
class RowLoss:
    """What the errors of rows cost.

    The error e of a row is the root of its units' mean squared error. It costs e² with ``mse``; e
    with ``l1``; and with ``huber`` e² up to ``delta``, 2·delta·e − delta² beyond (twice Huber's
    function, 1964, and PySR's ``HuberLoss(delta)``, so that small errors cost what they do with
    ``mse``).

    Attributes
    ----------
    name
        ``mse``, ``huber`` or ``l1``.
    delta
        Of ``huber``.
    weights
        What each row counts in means, (n,); None where all count alike.
    scales
        By which the units' errors are divided first, (k,) or one number.
    """

    name: str = "mse"
    delta: float = 1.0
    weights: Floats | None = None
    scales: Floats | float = 1.0

    @property
    def is_mean_square(self) -> bool:
        """Whether the mean cost is the mean squared error."""
        return self.name == "mse" and self.weights is None

    @classmethod
    def from_settings(cls, settings: Mapping[str, Any], scales: Floats | float = 1.0) -> "RowLoss":
        """The loss of the output that settings name, in the form of RUN.json; the squared error
        where it is none of a row.

        Raises
        ------
        UserError
            If ``delta`` is no number above 0.
        """
        name = settings.get("loss")
        if name not in ROBUST:
            return cls(scales=scales)
        return cls(name, DELTA.check("delta", settings.get("delta", 1.0)), scales=scales)

    def component_loss(self, count: int, units: int) -> "RowLoss":
        """The same of so many principal components of units, which have the units' squares."""
        if self.name == "mse":
            return self
        return replace(self, scales=float(np.sqrt(units / count)))

    def mean(self, residuals: Floats) -> float:
        """The mean cost of errors by unit, n × k."""
        if self.name == "mse":
            return mean_over_rows(np.square(residuals / self.scales), self.weights)
        return float(
            np.average(self._costs(_row_errors(residuals / self.scales)), weights=self.weights)
        )

    def row_weights(self, residuals: Floats) -> Floats:
        """The weights of the rows with which least squares has the same derivatives as the cost of
        errors by unit, n × k; their mean is 1."""
        errors = _row_errors(residuals / self.scales)
        if self.name == "huber":
            weights = self.delta / np.maximum(errors, self.delta)
        elif self.name == "l1":
            middle = float(_median(errors, self.weights))
            least = max(_LEAST * middle, np.finfo(np.float64).tiny)
            weights = least / np.maximum(errors, least)
        else:
            weights = np.ones(len(errors))
        if self.weights is not None:
            weights = weights * self.weights
        return np.asarray(weights / weights.mean())

    def r_squared(self, cost: float, expected: NDArray[np.floating]) -> float | None:
        """The share of the squared typical error of the best constant that a mean cost explains: R²
        with ``mse``; None where the expected values, n × k, are constant.

        The typical error is the one that would cost as much in every row. It makes the share
        comparable to R², with the same limits, whatever the loss.
        """
        if self.name == "mse":
            return r_squared(cost, expected, self.weights)
        values = expected.astype(np.float64)
        most = self._typical(self.mean(fit_columns(np.ones((len(values), 1)), values, self)[1]))
        return 1.0 - (self._typical(cost) / most) ** 2 if most > 0 else None

    def typical_square(self, cost: float) -> float:
        """The mean squared error of rows that all have the typical error of a mean cost."""
        return self._typical(cost) ** 2

    def _costs(self, errors: Floats) -> Floats:
        if self.name == "l1":
            return errors
        # min and max, for the square of a large error may overflow
        within = np.minimum(errors, self.delta)
        return np.asarray(within * (within + 2 * (errors - within)))

    def _typical(self, cost: float) -> float:
        """The error that costs so much."""
        if self.name == "l1":
            return cost
        squared = float(np.sqrt(cost))
        if self.name == "huber" and squared > self.delta:  # whose square may overflow
            return (cost / self.delta + self.delta) / 2
        return squared


SQUARED = RowLoss()


def reweight(
    fit: Callable[[Floats | None], tuple[Solution, Floats]], loss: RowLoss
) -> tuple[Solution, Floats]:
    """The solution of the least mean cost, and its errors by unit, n × k.

    ``fit`` gives both of least squares with weights of the rows, or with None. Each step solves
    least squares whose costs touch the loss from above at the errors before, so that the mean cost
    falls (Huber and Ronchetti 2009, section 7.8).
    """
    solution, residuals = fit(loss.weights)
    if loss.name == "mse":
        return solution, residuals
    cost = loss.mean(residuals)
    for _ in range(_STEPS):
        next_solution, next_residuals = fit(loss.row_weights(residuals))
        next_cost = loss.mean(next_residuals)
        if not next_cost < cost:
            break
        is_last = cost - next_cost < _TOLERANCE * cost
        solution, residuals, cost = next_solution, next_residuals, next_cost
        if is_last:
            break
    return solution, residuals


def fit_columns(columns: Floats, h: Floats, loss: RowLoss) -> tuple[Floats, Floats]:
    """The weights (m × k) of columns (n × m) of the least mean cost for units h (n × k), and the
    errors that they leave, n × k."""

    def fit(weights: Floats | None) -> tuple[Floats, Floats]:
        with np.errstate(all="ignore"):
            parts, squares, shares = orthogonalise(weigh(columns, weights))
            found = back_substitute(shares, coefficients(parts, squares, weigh(h, weights)))
            return found, h - np.einsum("nm,mk->nk", columns, found)

    return reweight(fit, loss)


def least_squares_weights(columns: Floats, h: Floats, loss: RowLoss) -> Floats | None:
    """The weights of the rows with which least squares by columns (n × m) for units h (n × k) is
    the fit of the least mean cost, their mean 1; None where all count alike."""
    if loss.is_mean_square:
        return None
    residuals = h if loss.name == "mse" else fit_columns(columns, h, loss)[1]
    return loss.row_weights(residuals)


def robust_moments(values: Floats, weights: Floats | None = None) -> tuple[Floats, Floats]:
    """The middle and the deviation of columns, n × k, that a few rows far off do not change: the
    median, and the median absolute deviation from it over that of a normal distribution of
    deviation 1; in the place of the latter, where more than half of a column is one value, the
    standard deviation."""
    median = _median(values, weights)
    deviation = _median(np.abs(values - median), weights) / _NORMAL_MAD
    squares = np.square(values - column_means(values, weights))
    return median, np.where(deviation > 0, deviation, np.sqrt(column_means(squares, weights)))


def clip_residuals(residuals: Floats, deviations: float, weights: Floats | None = None) -> Floats:
    """Errors by unit, n × k, those of rows far off made shorter: to so many deviations of a normal
    distribution that has the median error of a row, by the weights of the rows (Huber's modified
    residuals, Huber and Ronchetti 2009, section 7.8)."""
    errors = _row_errors(residuals)
    most = deviations * float(_median(errors, weights)) / _NORMAL_MAD
    far = errors > most if most > 0 else np.zeros(len(errors), dtype=bool)
    clipped = residuals.copy()
    clipped[far] *= (most / errors[far])[:, None]
    return clipped


def _row_errors(residuals: Floats) -> Floats:
    with np.errstate(all="ignore"):
        return np.asarray(np.sqrt(np.mean(np.square(residuals), axis=1)))


def _median(values: Floats, weights: Floats | None) -> Floats:
    # the method with weights, as if rows were repeated
    quantile = np.quantile(values, 0.5, axis=0, weights=weights, method="inverted_cdf")
    return np.asarray(quantile)
