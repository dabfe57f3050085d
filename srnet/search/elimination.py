"""Backward elimination: the formulas of a layer made shorter node by node, at the least cost in
accuracy."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from srnet.cgp.costs import Costs, layer_complexity
from srnet.cgp.program import Program
from srnet.cgp.reduction import reductions
from srnet.metrics import column_means
from srnet.model.losses import SQUARED, RowLoss, fit_columns, least_squares_weights
from srnet.model.regression import back_substitute, coefficients, orthogonalise, project, weigh
from srnet.search.variable_projection import design, fit_constants
from srnet.typing import Floats

# Candidates of a step whose constants are fitted before one is taken, and the steps of that fit.
_TRIES, _STEPS = 4, 10


@dataclass(frozen=True)
class Fitted:
    """Formulas of a layer, the mean cost of their error, squared where the loss is none that is
    robust, with the best weights and biases, and the costs of operators that count in their
    complexity."""

    programs: tuple[Program, ...]
    error: float
    costs: Costs = ()

    @property
    def complexity(self) -> int:
        """What function nodes cost, and the additions that join the formulas."""
        return layer_complexity(self.programs, self.costs)


def measure(
    programs: Sequence[Program], x: Floats, h: Floats, costs: Costs = (), loss: RowLoss = SQUARED
) -> Fitted:
    """The error of formulas on rows x (n × inputs) and units h (n × k); infinite where a formula
    is not finite."""
    columns = design(programs, x)
    if not np.isfinite(columns).all():
        return Fitted(tuple(programs), np.inf, costs)
    with np.errstate(all="ignore"):
        if loss.is_mean_square:
            left = h - project(*orthogonalise(columns)[:2], h)
        else:
            left = fit_columns(columns, h, loss)[1]
        error = loss.mean(left)
    return Fitted(tuple(programs), error if np.isfinite(error) else np.inf, costs)


def eliminate(
    start: Fitted, x: Floats, h: Floats, loss: RowLoss = SQUARED, *, fewer: bool = True
) -> Iterator[Fitted]:
    """Simpler and simpler formulas, until nothing can be taken out.

    Each step takes out what raises the error least for the complexity that it saves: a formula, or
    a node of one. Candidates are compared by squares, with the constants and the weights of rows as
    they are; those of the best are fitted again.

    Parameters
    ----------
    fewer
        Whether whole formulas may be taken out.
    """
    current = start
    while current.complexity > 0:
        weights = least_squares_weights(design(current.programs, x), h, loss)
        candidates = _candidates(current, x, h, fewer, weights)
        if not any(program.constants for program in current.programs):
            candidates = candidates[:1]  # nothing can be fitted: the first is the best
        fitted = [
            measure(fit_constants(programs, x, h, _STEPS, loss), x, h, start.costs, loss)
            for programs in candidates[:_TRIES]
        ]
        fitted = [candidate for candidate in fitted if np.isfinite(candidate.error)]
        if not fitted:
            return
        current = min(fitted, key=lambda candidate: _price(current, candidate))
        yield current


def _price(before: Fitted, after: Fitted) -> float:
    """The rise of the error for a unit of complexity saved; where the error falls, it is the
    fall."""
    rise = after.error - before.error
    return rise / (before.complexity - after.complexity) if rise > 0 else rise


def _candidates(
    current: Fitted, x: Floats, h: Floats, fewer: bool, row_weights: Floats | None
) -> list[tuple[Program, ...]]:
    """The formulas with something taken out, the cheapest first."""
    programs = current.programs
    columns = design(programs, x)
    columns[:, 1:] -= column_means(columns[:, 1:], row_weights)
    columns[:, 1:] /= np.maximum(np.abs(columns[:, 1:]).max(axis=0), 1e-300)
    columns, h = weigh(columns, row_weights), weigh(h, row_weights)
    parts, squares, shares = orthogonalise(columns)
    lengths = np.sqrt(squares)
    basis = np.divide(parts, lengths, out=np.zeros_like(parts), where=lengths > 0)
    inverse = back_substitute(
        shares, np.diag(np.divide(1.0, lengths, where=lengths > 0, out=np.zeros_like(lengths)))
    )
    gram = np.einsum("ij,kj->ik", inverse, inverse)  # the inverse of the columns' Gram matrix
    weights = back_substitute(shares, coefficients(parts, squares, h))
    left = h - project(parts, squares, h)
    rss = float(np.sum(np.square(left)))
    found: list[tuple[float, tuple[Program, ...]]] = []
    for i, program in enumerate(programs):
        others = programs[:i] + programs[i + 1 :]
        own = gram[i + 1, i + 1]
        # the part of the column that the others do not have, and the residual without the column
        alone = np.einsum("nm,m->n", columns, gram[i + 1]) / own if own else np.zeros(len(x))
        rest = left + np.multiply.outer(alone, weights[i + 1])
        without = rss + float(np.sum(np.square(weights[i + 1]))) / own if own else rss
        if others and fewer:
            found.append((without, others))
        for shorter in reductions(program, current.costs):
            values = shorter(x)
            if not np.isfinite(values).all():
                continue
            values = values - np.average(values, weights=row_weights)
            values = values / max(np.abs(values).max(), 1e-300)
            if row_weights is not None:
                values = values * np.sqrt(row_weights)
            shares_of = np.einsum("nm,n->m", basis, values)
            space = float(np.einsum("m,m->", shares_of, shares_of))
            if own:  # the basis without the column's own direction
                direction = np.einsum("n,n->", alone, values) * np.sqrt(own)
                space -= direction * direction
            length = float(np.einsum("n,n->", values, values)) - space
            gain = 0.0
            if length > 1e-10 * len(x):
                gain = float(np.sum(np.square(np.einsum("nk,n->k", rest, values)))) / length
            found.append((without - gain, (*programs[:i], shorter, *programs[i + 1 :])))
    size = h.size

    def price(candidate: tuple[float, tuple[Program, ...]]) -> float:
        return _price(current, Fitted(candidate[1], candidate[0] / size, current.costs))

    return [programs for _, programs in sorted(found, key=price)]
