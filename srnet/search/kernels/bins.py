"""The rows of a layer sorted into bins of the one scalar that it reads, and what must be known of
each bin."""

from typing import Any, NamedTuple

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import njit

_CELLS = 2048  # of equal width; a bin is a run of them
_BINS_BY_ROWS, _BINS_BY_WIDTH = (
    64,
    64,
)  # a bin is closed when it holds this share of the rows, or of the range
MOST_BINS = _BINS_BY_ROWS + _BINS_BY_WIDTH + 1
# With fewer rows than that, the rows themselves are as fast.
LEAST_ROWS = 8 * MOST_BINS

# Fields of the moments.
COUNT, FIRST, SECOND, ENERGY, U = 0, 1, 2, 3, 4

DOUBLE = 2.0**-51  # what a product or sum in float64 is off by, and more


class Bins(NamedTuple):
    """The rows of a layer by its scalar; no bins where the layer has none.

    Attributes
    ----------
    centres, radii
        Of the bins, on the scale of the scalar.
    moments
        By split (train, valid), then Σ1, Σt, Σt², Σ|u|², Σuⱼ and Σuⱼt of every leading direction,
        then bins.
    weights, biases
        Of the inputs: weight·scalar + bias.
    """

    centres: NDArray[np.float64]
    radii: NDArray[np.float64]
    moments: NDArray[np.float64]
    weights: NDArray[np.float64]
    biases: NDArray[np.float64]

    @classmethod
    def none(cls) -> "Bins":
        """Of the first layer, whose inputs are several."""
        return cls(np.empty(0), np.empty(0), np.empty((2, 0, 0)), np.empty(0), np.empty(0))


@njit(cache=True, nogil=True)
def extremes(values: Any) -> Any:
    """The least and the largest of finite float32 values.

    As integers, whose order is that of the floats once the bits of the negative ones are turned
    round: LLVM vectorises no other.
    """
    bits, turned = values.view(np.int32), np.int32(2**31 - 1)
    least, largest = turned, ~turned
    for i in range(uint64(values.size)):
        ordered = np.int32(bits[i] ^ ((bits[i] >> 31) & turned))
        least, largest = min(least, ordered), max(largest, ordered)
    ends = np.empty(2, dtype=np.int32)
    ends[0], ends[1] = least ^ ((least >> 31) & turned), largest ^ ((largest >> 31) & turned)
    return np.float64(ends.view(np.float32)[0]), np.float64(ends.view(np.float32)[1])


@njit(cache=True, nogil=True, forceinline=True)
def _sort(bins: Any, first: Any, last: Any, order: Any, starts: Any) -> None:
    """Write the rows ``first`` … ``last`` to ``order`` bin by bin, and where each begins to
    ``starts``."""
    starts[:] = 0
    for i in range(uint64(first), uint64(last)):
        starts[uint64(bins[i]) + uint64(1)] += 1
    for at in range(1, starts.size):
        starts[at] += starts[at - 1]
    following = starts.copy()
    for i in range(uint64(first), uint64(last)):
        at = uint64(bins[i])
        order[uint64(following[at])] = i
        following[at] += 1


@njit(cache=True, nogil=True, forceinline=True, fastmath={"reassoc", "contract", "nsz"})
def _add_up(rows: Any, scalar: Any, centre: Any, leads: Any, moments: Any) -> None:
    """The moments of the rows of a bin."""
    first, second, energy, directions = 0.0, 0.0, 0.0, leads.shape[0]
    for k in range(uint64(rows.size)):
        t = np.float64(scalar[uint64(rows[k])]) - centre
        first += t
        second += t * t
    for j in range(directions):
        level, shared, at = 0.0, 0.0, leads[j]
        for k in range(uint64(rows.size)):
            row = uint64(rows[k])
            u = np.float64(at[row])
            level += u
            shared += u * (np.float64(scalar[row]) - centre)
            energy += u * u
        moments[U + j], moments[U + directions + j] = level, shared
    moments[COUNT], moments[FIRST], moments[SECOND], moments[ENERGY] = (
        rows.size,
        first,
        second,
        energy,
    )


@njit(cache=True, nogil=True)
def divide(scalar: Any, weights: Any, biases: Any, leads: Any, train_rows: Any) -> Any:
    """The rows in bins of their scalar; none where it is constant, or the rows are too few."""
    rows, directions = scalar.size, leads.shape[0]
    low, high = extremes(scalar)
    scale = (_CELLS - 0.5) / (high - low) if high > low else np.inf
    if rows < LEAST_ROWS or not scale < np.inf or not scale > 0.0:
        return Bins(np.empty(0), np.empty(0), np.empty((2, 0, 0)), weights, biases)
    cells = np.empty(rows, dtype=np.int32)  # and later, bins
    for i in range(uint64(rows)):
        cells[i] = np.int32((np.float64(scalar[i]) - low) * scale)
    sizes = np.zeros(_CELLS, dtype=np.int32)
    for i in range(uint64(rows)):
        sizes[uint64(cells[i])] += 1
    bin_of = np.empty(_CELLS, dtype=np.int32)
    centres, radii = np.empty(MOST_BINS), np.empty(MOST_BINS)
    count, inside, first = 0, rows, 0
    for cell in range(_CELLS):
        if sizes[cell] > 0:
            if inside * _BINS_BY_ROWS >= rows or (cell - first) * _BINS_BY_WIDTH >= _CELLS:
                count, inside, first = count + 1, 0, cell
            bin_of[cell] = count - 1
            inside += sizes[cell]
            # from the first cell's lower edge to the last one's upper edge, and what they are
            # rounded by
            centres[count - 1] = low + 0.5 * (first + cell + 1) / scale
            radii[count - 1] = 0.5 * (cell + 1 - first + 1e-9) / scale + 4.0 * DOUBLE * (
                abs(low) + abs(high)
            )
    for i in range(uint64(rows)):
        cells[i] = bin_of[uint64(cells[i])]
    moments = np.empty((2, U + 2 * directions, count))
    order, starts = np.empty(rows, dtype=np.int32), np.empty(count + 1, dtype=np.int64)
    for split in range(2):
        first, last = (train_rows, rows) if split else (0, train_rows)
        _sort(cells, first, last, order, starts)
        for at in range(count):
            _add_up(
                order[starts[at] : starts[at + 1]],
                scalar,
                centres[at],
                leads,
                moments[split, :, at],
            )
    return Bins(centres[:count].copy(), radii[:count].copy(), moments, weights, biases)
