"""Lower bounds of a formula's sum of squares, from float32 sums over some of the rows.

Nearly all offspring lose, and the sums of d = f − f[0], d² and d·uⱼ, with the target's units uⱼ in
float32, are enough to say so.

What the rows so far leave under *their own* best fit, Σⱼ (Suⱼuⱼ − S²fuⱼ/Sff), cannot exceed what
the final weights leave on them. On the rows to come any f·w + b is a matrix of rank one about a
mean, so it leaves at least the energy outside their first principal component, whatever f is. The
sum of the two is a lower bound of the final sum of squares. After the last block the sum of squares
of the training rows' fit itself is known but for rounding. How far float32 sums can be off is part
of all bounds.

A wide layer has most of its energy in few directions. The uⱼ are its first principal components;
the others are not summed, for a matrix of rank one explains no more of them than the next
component.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from srnet.cgp.compiling import borrowing
from srnet.search.kernels.sums import CHUNK, SUM_D, SUM_DD, SUM_DH

# Up to so many units the eigenvalues are worth their time; beyond, all units and a floor of nothing
# are as true.
_FLOOR_UNITS = 500
# Principal components with at most this share of the energy are left out: a bound loses no more by
# it, and a formula that is worse than the best by more still stops at its bound.
_LEFT_OUT = 1e-3
# A bound is computed with rounding errors; it must exceed a loss by this share of the layer's total
# to count.
_SLACK = 1e-9
# A sum of CHUNK float32 terms is off by at most this share of the sum of their sizes, in whatever
# order it is taken ...
_SUM_ERROR = (CHUNK + 4) * 2.0**-24
# ... unless the terms are too small for float32.
_SMALLEST_SQUARE = 1e-30

SUM_U, SUM_UU = 0, 1


class Screen(NamedTuple):
    """What the bounds need of a target.

    Attributes
    ----------
    values
        uⱼ of every row, units × rows, float32: the first principal components of the target, on a
        scale on which their largest value is 1.
    rows, sums
        After each block, the rows so far, and by split (train, valid) their Σuⱼ and Σuⱼ².
    floors
        After each block, what any formula leaves of the rows to come: their energy outside the
        first principal component.
    scale
        Turns an energy of u into one of the target.
    outside
        The energy that no weights explain.
    total
        The energy of the whole target.
    """

    values: NDArray[np.float32]
    rows: NDArray[np.int64]
    sums: NDArray[np.float64]
    floors: NDArray[np.float64]
    scale: float
    outside: float
    total: float

    @classmethod
    def build(
        cls, h: NDArray[np.float64], outside: NDArray[np.float64], blocks: NDArray[np.int64]
    ) -> "Screen":
        """From the target (rows × units), each row's energy outside it, and the blocks."""
        u, unexplained = _principal_components(h)
        # float32 then holds the largest as 1, however small the layer's values are
        scale = float(np.abs(u).max()) or 1.0
        u /= scale
        rows = np.cumsum(blocks[:, 1] - blocks[:, 0])
        sums = np.zeros((len(blocks), 2, 2, u.shape[1]))
        for i, (start, stop, is_valid) in enumerate(blocks):
            part = u[start:stop]
            sums[i:, is_valid] += part.sum(axis=0), np.square(part).sum(axis=0)
        floors = np.zeros(len(blocks))
        if u.shape[1] <= _FLOOR_UNITS:
            total, gram = np.zeros(u.shape[1]), np.zeros((u.shape[1], u.shape[1]))
            for i in range(len(blocks) - 1, 0, -1):
                part, to_come = u[slice(*blocks[i, :2])], rows[-1] - rows[i - 1]
                total, gram = total + part.sum(axis=0), gram + part.T @ part
                energies = np.linalg.eigvalsh(gram - np.outer(total, total) / to_come)
                floors[i - 1] = max(energies[:-1].sum(), 0.0)
        return cls(
            values=np.ascontiguousarray(u.T, dtype=np.float32),
            rows=rows,
            sums=sums,
            floors=floors,
            scale=scale**2,
            outside=float(outside.sum()) + unexplained,
            total=float(np.square(h).sum() + outside.sum()),
        )


def _principal_components(h: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """The first principal components of values, rows × components, and what any formula leaves of
    the others."""
    if not 1 < h.shape[1] <= _FLOOR_UNITS:
        return h.copy(), 0.0
    centred = h - h.mean(axis=0)
    energies, directions = np.linalg.eigh(centred.T @ centred)
    energies, directions = np.maximum(energies[::-1], 0.0), directions[:, ::-1]
    kept = max(int(np.count_nonzero(energies > _LEFT_OUT * energies.sum())), 1)
    return h @ directions[:, :kept], float(energies[kept + 1 :].sum())


@borrowing()
def bound_so_far(screen: Any, sums: Any, block: Any, constant: Any) -> Any:
    """No weights leave less than this of all rows, as the rows up to a block show; -inf where
    float32 cannot tell. ``constant``: whether f is the same on all of them."""
    rows = screen.rows[block]
    sum_d, sum_dd = sums[0, SUM_D] + sums[1, SUM_D], sums[0, SUM_DD] + sums[1, SUM_DD]
    square = sum_dd - sum_d * sum_d / rows
    # Σd is off by at most _SUM_ERROR·√(n·Σd²), and Σd·u likewise
    least = square - 4.0 * _SUM_ERROR * sum_dd
    if not (constant or (least > 0.0 and sum_dd > _SMALLEST_SQUARE)):
        return -np.inf
    energy, explained = screen.floors[block], 0.0
    for j in range(screen.values.shape[0]):
        sum_u = screen.sums[block, 0, SUM_U, j] + screen.sums[block, 1, SUM_U, j]
        sum_uu = screen.sums[block, 0, SUM_UU, j] + screen.sums[block, 1, SUM_UU, j]
        covariance = abs(sums[0, SUM_DH + j] + sums[1, SUM_DH + j] - sum_d * sum_u / rows)
        covariance += 4.0 * _SUM_ERROR * math.sqrt(sum_dd * sum_uu)
        energy += sum_uu - sum_u * sum_u / rows
        explained += covariance * covariance
    return _below(screen, energy if constant else energy - explained / least)


@borrowing()
def bound_of_loss(screen: Any, sums: Any, train_rows: Any, valid_rows: Any) -> Any:
    """The training rows' fit leaves no less than this of all rows; -inf where float32 cannot tell.

    With C = Σ(d - m)u over the training rows, V = Σ(d - m)², and P = Σ(d - m)u, Q = Σ(d - m)² over
    the validation rows, m the mean of the training rows, a direction's sum of squares is Σu² - C²/V
    - 2CP/V + C²Q/V². In interval arithmetic.
    """
    dd_train, dd_valid = sums[0, SUM_DD], sums[1, SUM_DD]
    mean = sums[0, SUM_D] / train_rows
    mean_error = 2.0 * _SUM_ERROR * math.sqrt(dd_train / train_rows)
    square, error = dd_train - sums[0, SUM_D] * mean, 4.0 * _SUM_ERROR * dd_train
    if not (square > error and dd_train > _SMALLEST_SQUARE):
        return -np.inf
    least, most = square - error, square + error
    valid_square = dd_valid - 2.0 * mean * sums[1, SUM_D] + valid_rows * mean * mean
    valid_error = _SMALLEST_SQUARE + 2.0 * _SUM_ERROR * (
        dd_valid + 2.0 * abs(mean) * math.sqrt(valid_rows * dd_valid)
    )
    valid_error += mean_error * (
        3.0 * (abs(sums[1, SUM_D]) + valid_rows * abs(mean)) + valid_rows * mean_error
    )
    energy, fitted, fitted_error, shared, shared_error = 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(screen.values.shape[0]):
        u_train, u_valid = screen.sums[-1, 0, SUM_U, j], screen.sums[-1, 1, SUM_U, j]
        uu_train, uu_valid = screen.sums[-1, 0, SUM_UU, j], screen.sums[-1, 1, SUM_UU, j]
        c = sums[0, SUM_DH + j] - mean * u_train
        c_error = 4.0 * _SUM_ERROR * math.sqrt(dd_train * uu_train) + mean_error * abs(u_train)
        p = sums[1, SUM_DH + j] - mean * u_valid
        p_error = 4.0 * _SUM_ERROR * math.sqrt(dd_valid * uu_valid) + mean_error * abs(u_valid)
        p_error += _SMALLEST_SQUARE
        energy += uu_train + uu_valid
        fitted += c * c
        fitted_error += c_error * (2.0 * abs(c) + c_error)
        shared += c * p
        shared_error += abs(c) * p_error + abs(p) * c_error + c_error * p_error
    shared += shared_error
    left = energy - (fitted + fitted_error) / least
    left -= 2.0 * shared / (least if shared > 0.0 else most)
    left += max(fitted - fitted_error, 0.0) * max(valid_square - valid_error, 0.0) / (most * most)
    return _below(screen, left)


@borrowing()
def _below(screen: Any, left: Any) -> Any:
    """A bound from what is left on the scale of the screen, rounding allowed for."""
    return (screen.outside + screen.scale * left) * (1.0 - _SLACK) - _SLACK * screen.total
