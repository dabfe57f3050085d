"""What one layer's formulas are fitted to: the network's values, centred, projected and summed."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from srnet.search.kernels.screen import Screen
from srnet.search.kernels.sums import CHUNK
from srnet.threads import single_thread
from srnet.typing import Floats

# Energy outside the kept singular vectors, as a share of the layer's: below the float32 rounding of
# the values themselves.
_NEGLIGIBLE = 1e-12


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
    train_rows, valid_rows
        How many.
    sum_h, sum_hh
        Of (train, valid): Σh by unit, and Σh² over all units with the energy that the basis leaves
        out.
    screen
        What tells losers apart.
    elements
        Rows × width: the sum of squares divided by it is the MSE.
    """

    values: Floats
    basis: Floats
    mean: Floats
    blocks: NDArray[np.int64]
    train_rows: int
    valid_rows: int
    sum_h: Floats
    sum_hh: Floats
    screen: Screen
    elements: int

    @property
    def rows(self) -> int:
        """Training and validation rows."""
        return int(self.values.shape[1])

    @classmethod
    def build(
        cls,
        train: NDArray[np.floating],
        valid: NDArray[np.floating],
        block_rows: int,
        projection: bool = True,
    ) -> "Target":
        """Prepare the values of one layer, train n × width and valid m × width."""
        # the last bits of a matrix product depend on BLAS's threads, and a result must not
        with single_thread():
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
            energy = np.square(h).sum(axis=1) + outside
            splits = slice(0, train_rows), slice(train_rows, h.shape[0])
            return cls(
                values=np.ascontiguousarray(h.T),
                basis=np.ascontiguousarray(basis),
                mean=mean,
                blocks=blocks,
                train_rows=train_rows,
                valid_rows=valid.shape[0],
                sum_h=np.array([_sum(h[split]) for split in splits]),
                sum_hh=np.array([_sum(energy[split]) for split in splits]),
                screen=Screen.build(h, outside, blocks),
                elements=h.shape[0] * width,
            )


def _row_space(h: Floats) -> Floats:
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


def _sum(values: Floats) -> Floats:
    """Over rows, chunk by chunk as the kernels sum."""
    total = np.zeros(values.shape[1:])
    for first in range(0, len(values), CHUNK):
        total += values[first : first + CHUNK].sum(axis=0)
    return total
