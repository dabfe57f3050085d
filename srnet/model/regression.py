"""Least squares by orthogonal columns: the same on any number of threads, for no BLAS shares the
sums."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from srnet.metrics import column_means
from srnet.typing import Floats

# A column is linear in those before where less than this share of its square is left beside them.
_INDEPENDENT = 1e-20


def weigh(values: Floats, weights: Floats | None) -> Floats:
    """Values, n × k, whose squares count by the weights of their rows, (n,): times their roots.

    Least squares of rows that are multiplied so is weighted least squares.
    """
    return values if weights is None else values * np.sqrt(weights)[:, None]


def orthogonalise(columns: Floats) -> tuple[Floats, Floats, Floats]:
    """Gram and Schmidt's method, twice against rounding.

    Parameters
    ----------
    columns
        n × m.

    Returns
    -------
    The part of each column that is orthogonal to those before (n × m); the squares of their
    lengths, 0 where a column is linear in those before; and the parts' shares in the columns,
    m × m with ones on the diagonal: columns = parts · shares.
    """
    parts = np.array(columns, dtype=np.float64, order="F")
    squares, shares = np.zeros(parts.shape[1]), np.eye(parts.shape[1])
    for i in range(parts.shape[1]):
        before = squares[:i] > 0
        length = np.einsum("i,i->", parts[:, i], parts[:, i])
        for _ in range(2 if before.any() else 0):
            share = np.zeros(i)
            share[before] = (
                np.einsum("nj,n->j", parts[:, :i], parts[:, i])[before] / squares[:i][before]
            )
            parts[:, i] -= np.einsum("nj,j->n", parts[:, :i], share)
            shares[:i, i] += share
        square = np.einsum("i,i->", parts[:, i], parts[:, i])
        if square <= _INDEPENDENT * length:
            parts[:, i] = 0.0
        else:  # NaN too: what overflows has no weights
            squares[i] = square
    return parts, squares, shares


def coefficients(parts: Floats, squares: Floats, h: NDArray[np.floating]) -> Floats:
    """The shares (m × k) of orthogonal parts in the best approximation of h (n × k); 0 of parts
    without a length."""
    seen = np.einsum("nm,nk->mk", parts, h)
    return np.divide(seen, squares[:, None], out=np.zeros_like(seen), where=squares[:, None] > 0)


def back_substitute(shares: Floats, wanted: Floats) -> Floats:
    """The weights (m × k) of columns whose parts have the coefficients ``wanted`` (m × k)."""
    weights = np.array(wanted)
    for i in reversed(range(len(shares) - 1)):
        weights[i] -= np.einsum("j,jk->k", shares[i, i + 1 :], weights[i + 1 :])
    return weights


def project(parts: Floats, squares: Floats, h: Floats) -> Floats:
    """What of h (n × k) lies in the space of orthogonal parts."""
    return np.einsum("nm,mk->nk", parts, coefficients(parts, squares, h))


def gains(
    scalars: Sequence[Floats], h: NDArray[np.floating], weights: Floats | None = None
) -> list[float]:
    """What each formula adds to R² beside those before; the values of each at n rows, and the
    units there (n × k). 0 each where the units are constant. ``weights`` are those of the rows."""
    columns = np.column_stack([np.ones(len(h)), *scalars])
    centred = h - column_means(h, weights)
    columns, centred = (weigh(values, weights) for values in (columns, centred))
    parts, squares, _ = orthogonalise(columns)
    total = float(np.sum(np.square(centred)))
    found = coefficients(parts, squares, centred)[1:]
    added = squares[1:] * np.sum(np.square(found), axis=1)
    return (added / total if total else np.zeros(len(added))).tolist()
