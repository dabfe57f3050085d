"""All constants of a layer's formulas fitted together, with the weights and biases projected out
(Golub and Pereyra 1973; the Jacobian is Kaufman's, 1975)."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from srnet.cgp.program import Program
from srnet.model.losses import SQUARED, RowLoss, least_squares_weights
from srnet.model.regression import back_substitute, coefficients, orthogonalise, project, weigh
from srnet.search.levenberg_marquardt import minimise
from srnet.typing import Floats

# What a layer that is not finite costs: more than any start.
_REFUSED = 1e150
# The steps for a robust loss are shared by so many fits, each with the weights after the last.
_FITS = 2


def fit_constants(
    programs: Sequence[Program], x: Floats, h: Floats, steps: int, loss: RowLoss = SQUARED
) -> tuple[Program, ...]:
    """The formulas with the constants that, with the best weights and biases, lower the mean cost
    of the error of h ≈ z·W + b most, by Levenberg and Marquardt's method; for a robust loss by that
    of reweighted squares (:mod:`srnet.model.losses`).

    Parameters
    ----------
    x, h
        Rows that the formulas read (n × inputs) and the layer's units there (n × k).
    steps
        Most evaluations of the formulas.
    """
    if loss.name == "mse":
        return _fit_squares(programs, x, h, steps, loss.weights)
    fitted = tuple(programs)
    for _ in range(_FITS):
        columns = design(fitted, x)
        if not np.isfinite(columns).all():
            break
        weights = least_squares_weights(columns, h, loss)
        fitted = _fit_squares(fitted, x, h, max(steps // _FITS, 2), weights)
    return fitted


def _fit_squares(
    programs: Sequence[Program], x: Floats, h: Floats, steps: int, row_weights: Floats | None
) -> tuple[Program, ...]:
    """``fit_constants`` by least squares."""
    free = [program for program in programs if program.constants]
    fixed = [program for program in programs if not program.constants]
    sizes = [len(program.constants) for program in free]
    if not free or h.size < sum(sizes):
        return tuple(programs)
    constant = orthogonalise(weigh(design(fixed, x), row_weights))[:2]
    h = weigh(h, row_weights)
    target = h - project(*constant, h)

    def with_constants(constants: Floats) -> list[Program]:
        parts = np.split(constants, np.cumsum(sizes)[:-1])
        return [
            replace(program, constants=tuple(part.tolist()))
            for program, part in zip(free, parts, strict=True)
        ]

    def residuals(constants: Floats) -> Floats:
        columns = design(with_constants(constants), x)[:, 1:]
        if not np.isfinite(columns).all():
            return np.full(h.size, _REFUSED)
        columns = weigh(columns, row_weights)
        with np.errstate(all="ignore"):
            basis = orthogonalise(columns - project(*constant, columns))[:2]
            left = target - project(*basis, target)
        return left.ravel() if np.isfinite(left).all() else np.full(h.size, _REFUSED)

    def jacobian(constants: Floats) -> Floats:
        result = np.zeros((h.size, constants.size))
        pairs = [program.gradient(x) for program in with_constants(constants)]
        columns = weigh(np.column_stack([value for value, _ in pairs]), row_weights)
        with np.errstate(all="ignore"):
            parts, squares, shares = orthogonalise(columns - project(*constant, columns))
            weights = back_substitute(shares, coefficients(parts, squares, target))
            slopes = weigh(np.hstack([slope for _, slope in pairs]), row_weights)
            slopes = slopes - project(*constant, slopes)
            slopes = slopes - project(parts, squares, slopes)
            for c, i in enumerate(np.repeat(np.arange(len(free)), sizes)):
                result[:, c] = -np.multiply.outer(slopes[:, c], weights[i]).ravel()
        result[~np.isfinite(result)] = 0.0
        return result

    start = np.array([constant for program in free for constant in program.constants])
    found = minimise(residuals, jacobian, start, np.maximum(np.abs(start), 1e-3), steps)
    if np.array_equal(found, start):
        return tuple(programs)
    fitted = iter(with_constants(found))
    return tuple(next(fitted) if program.constants else program for program in programs)


def design(programs: Sequence[Program], x: Floats) -> Floats:
    """1 and the formulas' values, n × (1 + formulas)."""
    return np.column_stack([np.ones(len(x)), *(program(x) for program in programs)])
