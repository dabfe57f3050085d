"""A sample of rows that is like all of them."""

import numpy as np
from numpy.typing import NDArray

from srnet.typing import Floats


def representative(
    values: NDArray[np.floating], count: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Rows drawn one from each of ``count`` cells of equal numbers of neighbours, in ascending
    order.

    The cells are those of a k-d tree: the rows are halved along the column in which they spread
    most, in units of the column's deviation over all rows, and so on. Means over such a sample vary
    far less than those over rows drawn at random.

    Parameters
    ----------
    values
        Rows × columns, finite.
    count
        Rows to draw, up to the number of rows.
    """
    if count == 0:  # there may be no rows, and so no deviation
        return np.empty(0, dtype=np.int64)
    deviations = np.asarray(values, dtype=np.float64).std(axis=0)
    scaled = values[:, deviations > 0] / deviations[deviations > 0]
    chosen: list[int] = []
    cells = [(np.arange(values.shape[0]), count)]
    while cells:
        rows, wanted = cells.pop()
        if wanted == 1 or scaled.shape[1] == 0:
            chosen += rng.choice(rows, wanted, replace=False).tolist()
            continue
        column = int(np.argmax(scaled[rows].std(axis=0)))
        rows = rows[np.argsort(scaled[rows, column], kind="stable")]
        half = wanted // 2
        cut = max(half, rows.size * half // wanted)
        cells += [(rows[cut:], wanted - half), (rows[:cut], half)]
    return np.sort(np.array(chosen, dtype=np.int64))


def proportional_sample(weights: Floats, most: int) -> NDArray[np.int64]:
    """Numbers of rows in which each row is repeated in proportion to its weight.

    As often as its weight is the least one where all are whole multiples of that and the sum is at
    most ``most``; else systematically drawn (Madow and Madow 1944), ``most`` in all, which differs
    from the proportion by less than one.

    Parameters
    ----------
    weights
        Of the rows, (n,), above 0.
    """
    times = weights / weights.min()
    whole = np.rint(times)
    if times.sum() <= most and np.allclose(times, whole, rtol=1e-9, atol=0.0):
        return np.repeat(np.arange(len(weights)), whole.astype(np.int64))
    ends = np.cumsum(weights)
    places = (np.arange(most) + 0.5) * (ends[-1] / most)
    return np.searchsorted(ends, places).astype(np.int64)
