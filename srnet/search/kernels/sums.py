"""Sums over rows in a fixed order, and the least-squares fit h ≈ f·w + b that they give."""

from numba import uint64

from srnet.cgp.compiling import borrowing, njit

CHUNK = 256  # rows; the unit of summation, part of the definition of a result


# Sff below this share of Σd² is rounding noise: f counts as constant.
_NOISE = 1e-13

# Columns of a block table, and of the sums.
START, STOP, IS_VALID = 0, 1, 2
SUM_D, SUM_DD, SUM_DH = 0, 1, 2


@njit(cache=True, nogil=True, forceinline=True, fastmath={"reassoc", "contract", "nsz"})
def accumulate(values, at, pivot, target, start, stop, deviations, sums, split):  # type: ignore[no-untyped-def]
    """Add Σd, Σd², Σd·hⱼ of one block to ``sums[split]``, chunk by chunk.

    ``deviations`` is scratch for a chunk; its type, which pivot and target have too, is that in
    which a chunk is summed.
    """
    number = deviations.dtype.type
    zero = number(0.0)
    units, rows = target.shape
    flat = target.reshape(target.size)
    for first in range(start, stop, CHUNK):
        n = uint64(min(CHUNK, stop - first))
        from_ = at + uint64(first - start)
        p = uint64(first)
        total, square, one = zero, zero, zero
        for i in range(n):
            d = number(values[from_ + i]) - pivot
            deviations[i] = d
            total += d
            square += d * d
            one += d * flat[p + i]
        sums[split, SUM_D] += total
        sums[split, SUM_DD] += square
        sums[split, SUM_DH] += one
        unit = 1
        while unit + 1 < units:
            p, q = uint64(unit * rows + first), uint64((unit + 1) * rows + first)
            one, two = zero, zero
            for i in range(n):
                one += deviations[i] * flat[p + i]
                two += deviations[i] * flat[q + i]
            sums[split, SUM_DH + unit] += one
            sums[split, SUM_DH + unit + 1] += two
            unit += 2
        if unit < units:
            p = uint64(unit * rows + first)
            one = zero
            for i in range(n):
                one += deviations[i] * flat[p + i]
            sums[split, SUM_DH + unit] += one


@borrowing()
def clear(sums):  # type: ignore[no-untyped-def]
    """Set sums of two splits to zero."""
    for split in range(sums.shape[0]):
        for column in range(sums.shape[1]):
            sums[split, column] = 0.0


@njit(cache=True, nogil=True, forceinline=True)
def solve(train_rows, valid_rows, sums, sum_h, sum_hh, weights):  # type: ignore[no-untyped-def]
    """Fit on the training rows, score on training and validation rows: the total sum of squares.

    ``sums`` is 2 × (2 + units) for train and valid; ``sum_h`` (2 × units) and ``sum_hh`` (2) are
    the target's own sums.
    Writes w to ``weights`` (relative to the centred target; b follows from the means).
    """
    units = weights.size
    mean_d = sums[0, SUM_D] / train_rows
    square = sums[0, SUM_DD] - sums[0, SUM_D] * mean_d
    constant = square <= _NOISE * sums[0, SUM_DD]
    valid_dd = sums[1, SUM_DD] - 2.0 * mean_d * sums[1, SUM_D] + valid_rows * mean_d * mean_d
    total = sum_hh[0] + sum_hh[1]
    for unit in range(units):
        mean_h = sum_h[0, unit] / train_rows
        covariance = sums[0, SUM_DH + unit] - mean_d * sum_h[0, unit]
        w = 0.0 if constant else covariance / square
        weights[unit] = w
        # training: Shh − S²fh/Sff; validation: Σ (h − mean_h − w·(d − mean_d))²
        total -= sum_h[0, unit] * mean_h + w * covariance
        valid_dh = (
            sums[1, SUM_DH + unit]
            - mean_d * sum_h[1, unit]
            - mean_h * (sums[1, SUM_D] - valid_rows * mean_d)
        )
        total += w * (w * valid_dd - 2.0 * valid_dh) + mean_h * (
            valid_rows * mean_h - 2.0 * sum_h[1, unit]
        )
    return max(total, 0.0)
