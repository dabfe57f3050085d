"""What one layer's formulas are fitted to: the network's values, centred, projected and summed by
blocks of rows."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from srnet.search.kernels.sums import CHUNK

# Energy outside the kept singular vectors, as a share of the layer's: below the float32 rounding of
# the values themselves.
_NEGLIGIBLE = 1e-12
# Up to so many units the floors are worth their eigenvalues; beyond, a floor of nothing is as true.
_FLOOR_UNITS = 500
# The leading directions hold all energy but this share, unless there would be more of them than ...
_LEFT_TO_OTHERS = 1e-4
_MOST_LEADS = 16
# Allowed for in differences of energies, as a share of them.
_ROUNDING = 1e-13


class Target(NamedTuple):
    """One layer's target for the kernel.

    Attributes
    ----------
    values
        units × rows, float64: training rows, then validation rows, less the mean of the training
        rows, projected on ``basis``.
    basis
        units × width: the singular vectors of the training rows (the identity where the layer is
        not projected). The sum of squares needs only ‖Hᵀf‖, which an orthonormal basis of the row
        space keeps, so a wide layer of low rank costs its rank.
    mean
        Mean of the layer's units over the training rows, (width,).
    blocks
        (start, stop, is validation) of every block of rows in the order of evaluation: the
        validation rows come first, for their wider box tells chromosomes apart soonest.
    seen_rows, seen_h, seen_hh
        After each block, for (train, valid, both): the rows, Σh by unit, and Σh² over all units
        with the energy that the basis leaves out.
    floors
        After each block, what no formula can explain of the rows to come: their energy outside one
        principal component.
    leads
        uⱼ of every row, leading directions × rows, float32: the principal directions with most
        energy, on one scale on which the largest value is 1.
    seen_u
        After each block, for (train, valid): Σuⱼ and Σuⱼ².
    beyond
        After each block, the energy of the rows seen less the largest energy of a direction that is
        not among the leading ones.
    beyond_all
        What is left of the other directions at least once the training rows are fitted.
    lead_scale
        Turns an energy on the scale of ``leads`` into one of ``values``.
    elements
        Rows × width: the sum of squares divided by it is the MSE.
    """

    values: NDArray[np.float64]
    basis: NDArray[np.float64]
    mean: NDArray[np.float64]
    blocks: NDArray[np.int64]
    seen_rows: NDArray[np.int64]
    seen_h: NDArray[np.float64]
    seen_hh: NDArray[np.float64]
    floors: NDArray[np.float64]
    leads: NDArray[np.float32]
    seen_u: NDArray[np.float64]
    beyond: NDArray[np.float64]
    beyond_all: float
    lead_scale: float
    elements: int

    @property
    def rows(self) -> int:
        """Training and validation rows."""
        return int(self.values.shape[1])

    @classmethod
    def of(
        cls,
        train: NDArray[np.floating],
        valid: NDArray[np.floating],
        block_rows: int,
        projection: bool = True,
    ) -> "Target":
        """Prepare the values of one layer, train n × width and valid m × width.

        One BLAS thread: the last bits of a matrix product depend on their number, and a result must
        not.
        """
        with threadpool_limits(1):
            return cls._of(train, valid, block_rows, projection)

    @classmethod
    def _of(
        cls,
        train: NDArray[np.floating],
        valid: NDArray[np.floating],
        block_rows: int,
        projection: bool,
    ) -> "Target":
        h = np.vstack([train, valid]).astype(np.float64)
        train_rows = train.shape[0]
        mean = h[:train_rows].mean(axis=0)
        h -= mean
        width = h.shape[1]
        basis = np.eye(width)
        outside = np.zeros(h.shape[0])
        if projection and width > 1:
            vectors = _row_space(h[:train_rows])
            if vectors.shape[0] < width:
                basis = vectors
                reduced = h @ basis.T
                # by subtraction of squares this would drown in rounding
                outside = np.square(h - reduced @ basis).sum(axis=1)
                h = reduced
        blocks = _blocks(train_rows, h.shape[0], block_rows)
        seen_rows, seen_h, seen_hh = _seen(h, outside, blocks)
        return cls(
            np.ascontiguousarray(h.T),
            np.ascontiguousarray(basis),
            mean,
            blocks,
            seen_rows,
            seen_h,
            seen_hh,
            _floors(h, outside, blocks),
            *_screen(h, outside, blocks, seen_rows, seen_h, seen_hh),
            h.shape[0] * width,
        )


def _row_space(h: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal rows that span the centred values but for a negligible share of their energy; at
    least one."""
    # The smaller Gram matrix; its eigenvalues are the energies, exact enough for a cut at 1e-12 of
    # their sum.
    by_unit = h.shape[1] <= h.shape[0]
    energies, vectors = np.linalg.eigh(h.T @ h if by_unit else h @ h.T)
    energies, vectors = np.maximum(energies[::-1], 0.0), vectors[:, ::-1]
    tail = energies.sum() - np.cumsum(energies)
    rank = int(np.argmax(tail <= _NEGLIGIBLE * energies.sum())) + 1
    if by_unit:
        return np.ascontiguousarray(vectors[:, :rank].T)
    return np.ascontiguousarray(np.linalg.qr(h.T @ vectors[:, :rank])[0].T)


def _blocks(train_rows: int, rows: int, block_rows: int) -> NDArray[np.int64]:
    if block_rows < CHUNK or block_rows % CHUNK:
        raise ValueError(f"block_rows is {block_rows}; a positive multiple of {CHUNK} is needed")
    return np.array(
        [
            (start, min(start + block_rows, last), is_valid)
            for is_valid, first, last in ((1, train_rows, rows), (0, 0, train_rows))
            for start in range(first, last, block_rows)
        ],
        dtype=np.int64,
    )


def _seen(
    h: NDArray[np.float64], outside: NDArray[np.float64], blocks: NDArray[np.int64]
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    """Running sums after each block, added chunk by chunk so that the totals do not depend on the
    block size."""
    rows = np.zeros((len(blocks), 3), dtype=np.int64)
    sums = np.zeros((len(blocks), 3, h.shape[1]))
    squares = np.zeros((len(blocks), 3))
    energy = np.square(h).sum(axis=1) + outside
    for i, (start, stop, is_valid) in enumerate(blocks):
        if i:
            rows[i], sums[i], squares[i] = rows[i - 1], sums[i - 1], squares[i - 1]
        rows[i, is_valid] += stop - start
        for first in range(start, stop, CHUNK):
            chunk = slice(first, min(first + CHUNK, stop))
            sums[i, is_valid] += h[chunk].sum(axis=0)
            squares[i, is_valid] += energy[chunk].sum()
    rows[:, 2] = rows[:, 0] + rows[:, 1]
    sums[:, 2] = sums[:, 0] + sums[:, 1]
    squares[:, 2] = squares[:, 0] + squares[:, 1]
    return rows, sums, squares


def _floors(
    h: NDArray[np.float64], outside: NDArray[np.float64], blocks: NDArray[np.int64]
) -> NDArray[np.float64]:
    floors = np.zeros(len(blocks))
    units = h.shape[1]
    rows, total, left_out = 0, np.zeros(units), 0.0
    gram = np.zeros((units, units) if units <= _FLOOR_UNITS else (0, 0))
    for i in range(len(blocks) - 1, 0, -1):
        part = slice(*blocks[i, :2])
        rows += part.stop - part.start
        total += h[part].sum(axis=0)
        if units <= _FLOOR_UNITS:
            gram += h[part].T @ h[part]
        left_out += outside[part].sum()
        floors[i - 1] = left_out
        if units <= _FLOOR_UNITS:
            energies = np.linalg.eigvalsh(gram - np.outer(total, total) / rows)
            floors[i - 1] += max(energies[:-1].sum(), 0.0)
    return floors


def _screen(
    h: NDArray[np.float64],
    outside: NDArray[np.float64],
    blocks: NDArray[np.int64],
    rows: NDArray[np.int64],
    seen_h: NDArray[np.float64],
    seen_hh: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.float64], NDArray[np.float64], float, float]:
    directions, others = _leading_directions(h)
    u, rest = h @ directions, h @ others
    # float32 then holds the largest as 1, however small the layer's values are
    scale = float(np.abs(u).max()) or 1.0
    u /= scale
    seen_u = np.zeros((len(blocks), 2, 2, u.shape[1]))
    beyond = np.zeros(len(blocks))
    total, gram = np.zeros(others.shape[1]), np.zeros((others.shape[1], others.shape[1]))
    for i, (start, stop, is_valid) in enumerate(blocks):
        part = slice(start, stop)
        seen_u[i] = seen_u[max(i - 1, 0)]
        seen_u[i, is_valid] += u[part].sum(axis=0), np.square(u[part]).sum(axis=0)
        energy = float(seen_hh[i, 2] - seen_h[i, 2] @ seen_h[i, 2] / rows[i, 2])
        if others.size:
            total, gram = total + rest[part].sum(axis=0), gram + rest[part].T @ rest[part]
            largest = float(np.linalg.eigvalsh(gram - np.outer(total, total) / rows[i, 2])[-1])
        else:  # no other directions, or too many for eigenvalues: all their energy
            sums, squares = seen_u[i].sum(axis=0)
            largest = energy - scale**2 * float((squares - sums**2 / rows[i, 2]).sum())
        beyond[i] = energy - max(largest, 0.0) - _ROUNDING * float(seen_hh[i, 2])
    # The other directions after the fit of the training rows; of their validation rows nothing is
    # known.
    train = rest[: rows[-1, 0]]
    unexplained = float(np.linalg.eigvalsh(train.T @ train)[:-1].sum()) if others.size else 0.0
    beyond_all = max(unexplained, 0.0) + float(outside.sum()) - _ROUNDING * float(seen_hh[-1, 2])
    return np.ascontiguousarray(u.T, dtype=np.float32), seen_u, beyond, beyond_all, scale**2


def _leading_directions(h: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Orthonormal columns: the few principal directions that hold almost all energy, and the
    others, none where there are too many."""
    width = h.shape[1]
    if width > _FLOOR_UNITS:
        # any orthonormal columns make a true bound; those of a sketch of the rows make a good one
        sketch = h[:: -(-h.shape[0] // _FLOOR_UNITS)]
        return np.ascontiguousarray(
            np.linalg.svd(sketch, full_matrices=False)[2][:_MOST_LEADS].T
        ), np.empty((width, 0))
    energies, vectors = np.linalg.eigh(h.T @ h)
    energies, vectors = np.maximum(energies[::-1], 0.0), vectors[:, ::-1]
    left = energies.sum() - np.cumsum(energies)
    count = min(int(np.argmax(left <= _LEFT_TO_OTHERS * energies.sum())) + 1, _MOST_LEADS)
    return np.ascontiguousarray(vectors[:, :count]), np.ascontiguousarray(vectors[:, count:])
