"""What one layer's formulas are fitted to: the network's values, centred, projected and summed by blocks of rows."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from srnet.cgp.kernels import CHUNK

# Energy outside the kept singular vectors, as a share of the layer's: below the float32 rounding of the values themselves.
_NEGLIGIBLE = 1e-12
# Up to so many units the floors are worth their eigenvalues; beyond, a floor of nothing is as true.
_FLOOR_UNITS = 500


@dataclass(frozen=True)
class Target:
    """One layer's target for the kernel.

    Attributes
    ----------
    values
        units × rows, float64: training rows, then validation rows, less the mean of the training rows, projected on ``basis``.
    basis
        units × width: the singular vectors of the training rows (the identity where the layer is not projected). The sum of
        squares needs only ‖Hᵀf‖, which an orthonormal basis of the row space keeps, so a wide layer of low rank costs its rank.
    mean
        Mean of the layer's units over the training rows, (width,).
    blocks
        (start, stop, is validation) of every block of rows in the order of evaluation: the validation rows come first, for their
        wider box tells chromosomes apart soonest.
    seen_rows, seen_h, seen_hh
        After each block, for (train, valid, both): the rows, Σh by unit, and Σh² over all units with the energy that the basis
        leaves out.
    floors
        After each block, what no formula can explain of the rows to come: their energy outside one principal component.
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
    elements: int

    @property
    def rows(self) -> int:
        """Training and validation rows."""
        return int(self.values.shape[1])

    @classmethod
    def of(cls, train: NDArray[np.floating], valid: NDArray[np.floating], block_rows: int, projection: bool = True) -> "Target":
        """Prepare the values of one layer, train n × width and valid m × width.

        One BLAS thread: the last bits of a matrix product depend on their number, and a result must not.
        """
        with threadpool_limits(1):
            return cls._of(train, valid, block_rows, projection)

    @classmethod
    def _of(cls, train: NDArray[np.floating], valid: NDArray[np.floating], block_rows: int, projection: bool) -> "Target":
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
        return cls(
            np.ascontiguousarray(h.T),
            np.ascontiguousarray(basis),
            mean,
            blocks,
            *_seen(h, outside, blocks),
            _floors(h, outside, blocks),
            h.shape[0] * width,
        )


def _row_space(h: NDArray[np.float64]) -> NDArray[np.float64]:
    """Orthonormal rows that span the centred values but for a negligible share of their energy; at least one."""
    # The smaller Gram matrix; its eigenvalues are the energies, exact enough for a cut at 1e-12 of their sum.
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
    """Running sums after each block, added chunk by chunk so that the totals do not depend on the block size."""
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


def _floors(h: NDArray[np.float64], outside: NDArray[np.float64], blocks: NDArray[np.int64]) -> NDArray[np.float64]:
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
