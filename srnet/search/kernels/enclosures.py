"""What a formula of one scalar does on bins of that scalar: a lower bound of its loss for a
fraction of the rows' work.

All inputs of a layer after the first are affine functions of one scalar, the formula of the layer
before, and its rows are sorted into bins of that (:mod:`srnet.search.kernels.bins`). On a bin with
centre m and radius r a formula is enclosed as

    f(m + t) = c + s·t + e,   |e| ≤ ρ,   |t| ≤ r,

a Taylor model of first order: the primitives map (c, s, ρ) of their operands to their own, with
Taylor's remainder over the bin and float32's rounding in ρ. As the rest falls with the square of
the radius, the bins know f almost as well as the rows do. With the bins' moments Σ1, Σt, Σt², Σu,
Σut of every principal direction u, all sums follow for c + s·t; f is off from it by no more than ε
= √Σρ² in norm, and what that can do to the loss is bounded. Where a bin holds a pole, nothing is
known there: f then leaves at least what its own best fit leaves on the other bins. And where a
logarithm or a root is negative all over a bin, f is not finite.
"""

import math
from typing import Any

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import njit
from srnet.cgp.primitives import OPCODES
from srnet.cgp.vector_math import cosine, ln64, sine
from srnet.search.kernels.bins import COUNT, DOUBLE, ENERGY, FIRST, MOST_BINS, SECOND, U

# Where bins are put aside, so are those where ρ² is more than this share of the variance of f, in
# so many rounds.
_POOR, _ROUNDS = 1e-3, 3
# An enclosure is c, s and ρ by bin, one behind the other. The distance is a constant, or LLVM would
# not see that they do not overlap.
_SLOPE, _REST, _ENCLOSURE = MOST_BINS, 2 * MOST_BINS, 3 * MOST_BINS

# A primitive is right to 1.2 half-ulps of float32, and so is its value at the centre.
_ROUNDING = 2.0**-22
_TINY, _HUGE = 1e-38, 1e37
# Sines are promised up to this argument.
_LARGEST_ANGLE = 1e4
# Of sums in float64, and of u in float32
_SUM_ERROR, _HALF_ULP = 1e-9, 2.0**-24
# As long as this share of Σd² is left when the mean is taken off.
_LEFT_OVER = 1e-6

_ADD, _SUB, _MUL, _DIV = OPCODES["add"], OPCODES["sub"], OPCODES["mul"], OPCODES["div"]
_SQRT, _SQUARE, _LN = OPCODES["sqrt"], OPCODES["square"], OPCODES["ln"]
_SIN, _COS, _TAN = OPCODES["sin"], OPCODES["cos"], OPCODES["tan"]
_PDIV, _PSQRT, _PLN = OPCODES["pdiv"], OPCODES["psqrt"], OPCODES["pln"]


def room(constants: NDArray[np.float32], nodes: int) -> NDArray[np.float64]:
    """Room for one thread's enclosures, in one row: of two operands, the constants and the nodes,
    each c, s, ρ by bin."""
    table = np.zeros((2 + constants.size + nodes, 3, MOST_BINS))
    table[2 : 2 + constants.size, 0] = constants[:, None]
    return table.ravel()


# In sums, the order does not matter: nothing but bounds is made of them.
_SUMMING = njit(
    cache=True,
    nogil=True,
    forceinline=True,
    error_model="numpy",
    fastmath={"reassoc", "contract", "nsz"},
)
_ENCLOSING = njit(
    cache=True, nogil=True, forceinline=True, error_model="numpy", fastmath={"contract"}
)


@_ENCLOSING
def _operand(
    address: Any,
    side: Any,
    inputs: Any,
    table: Any,
    centres: Any,
    radii: Any,
    weights: Any,
    biases: Any,
    count: Any,
) -> Any:
    """Where an operand's enclosure lies in the table; an input's is made there."""
    if address >= inputs:
        return (address - inputs + 2) * _ENCLOSURE
    place = side * _ENCLOSURE
    enclosed = _at(table, place)
    weight, bias = weights[address], biases[address]
    for i in range(uint64(count)):
        product = weight * centres[i]
        value = product + bias
        enclosed[i] = value
        enclosed[_SLOPE + i] = weight
        # rounded to float32, and before in float64, where product and bias may cancel
        size = abs(value) + abs(weight) * radii[i]
        enclosed[_REST + i] = _ROUNDING * size + DOUBLE * (abs(product) + abs(bias)) + _TINY
    return place


@_ENCLOSING
def _enclose(opcode: Any, a: Any, b: Any, out: Any, radii: Any, count: Any) -> None:
    """The enclosure ``out`` of a primitive of ``a`` and ``b``; an infinite rest where nothing is
    known."""
    n = uint64(count)
    if opcode in (_ADD, _SUB):
        sign = 1.0 if opcode == _ADD else -1.0
        for i in range(n):
            out[i] = a[i] + sign * b[i]
            out[_SLOPE + i] = a[_SLOPE + i] + sign * b[_SLOPE + i]
            out[_REST + i] = a[_REST + i] + b[_REST + i]
    elif opcode == _MUL:
        for i in range(n):
            x, y = a[i], b[i]
            reach, other = (
                abs(a[_SLOPE + i]) * radii[i] + a[_REST + i],
                abs(b[_SLOPE + i]) * radii[i] + b[_REST + i],
            )
            out[i] = x * y
            out[_SLOPE + i] = x * b[_SLOPE + i] + y * a[_SLOPE + i]
            out[_REST + i] = abs(x) * b[_REST + i] + abs(y) * a[_REST + i] + reach * other
    elif opcode in (_DIV, _PDIV):
        for i in range(n):
            x, y = a[i], b[i]
            reach, other = (
                abs(a[_SLOPE + i]) * radii[i] + a[_REST + i],
                abs(b[_SLOPE + i]) * radii[i] + b[_REST + i],
            )
            # 1/(y + d) = 1/y - d/y² + d²/(y²(y + d)), and no zero on the bin
            q = 1.0 / y
            slope, least = -q * q * b[_SLOPE + i], abs(y) - other
            rest = q * q * (b[_REST + i] + other * other / least) if least > 0.0 else np.inf
            out[i] = x * q
            out[_SLOPE + i] = x * slope + q * a[_SLOPE + i]
            out[_REST + i] = (
                abs(x) * rest + abs(q) * a[_REST + i] + reach * (abs(slope) * radii[i] + rest)
            )
    elif opcode == _SQUARE:
        for i in range(n):
            x, reach = a[i], abs(a[_SLOPE + i]) * radii[i] + a[_REST + i]
            out[i] = x * x
            out[_SLOPE + i] = 2.0 * x * a[_SLOPE + i]
            out[_REST + i] = 2.0 * abs(x) * a[_REST + i] + reach * reach
    elif opcode in (_SQRT, _PSQRT):
        for i in range(n):
            x, reach = a[i], abs(a[_SLOPE + i]) * radii[i] + a[_REST + i]
            size = abs(x) if opcode == _PSQRT else x
            least, root = size - reach, math.sqrt(size)
            derivative = 0.5 / root
            out[i] = root
            out[_SLOPE + i] = (derivative if x > 0.0 else -derivative) * a[_SLOPE + i]
            # |g''| ≤ 1/(4·least^1.5)
            known = derivative * a[_REST + i] + 0.125 * reach * reach / (least * math.sqrt(least))
            out[_REST + i] = known if least > 0.0 else np.inf
    elif opcode in (_LN, _PLN):
        for i in range(n):
            x, reach = a[i], abs(a[_SLOPE + i]) * radii[i] + a[_REST + i]
            size = abs(x) if opcode == _PLN else x
            least = size - reach
            out[i] = ln64(size)
            out[_SLOPE + i] = a[_SLOPE + i] / x
            out[_REST + i] = (
                a[_REST + i] / size + 0.5 * (reach / least) * (reach / least)
                if least > 0.0
                else np.inf
            )
    elif opcode in (_SIN, _COS):
        for i in range(n):
            x, reach = a[i], abs(a[_SLOPE + i]) * radii[i] + a[_REST + i]
            across, along = sine(x), cosine(x)
            value = across if opcode == _SIN else along
            derivative = along if opcode == _SIN else -across
            largest = abs(value) + reach
            curvature = largest if largest < 1.0 else 1.0
            out[i] = value
            out[_SLOPE + i] = derivative * a[_SLOPE + i]
            known = abs(derivative) * a[_REST + i] + 0.5 * curvature * reach * reach
            out[_REST + i] = known if abs(x) + reach < _LARGEST_ANGLE else np.inf
    elif opcode == _TAN:
        for i in range(n):
            x, reach = a[i], abs(a[_SLOPE + i]) * radii[i] + a[_REST + i]
            value = sine(x) / cosine(x)
            derivative = 1.0 + value * value
            # tan(|x| + r) = (T + tan r)/(1 - T·tan r), and tan r ≤ 1.1·r up to r = 0.5; the second
            # derivative is 2·tan·(1 + tan²)
            room = 1.0 - 1.1 * reach * abs(value)
            largest = (abs(value) + 1.1 * reach) / room
            out[i] = value
            out[_SLOPE + i] = derivative * a[_SLOPE + i]
            known = derivative * a[_REST + i] + largest * (1.0 + largest * largest) * reach * reach
            out[_REST + i] = (
                known if reach < 0.5 and room > 0.0 and abs(x) + reach < _LARGEST_ANGLE else np.inf
            )
    for i in range(n):
        size = abs(out[i]) + abs(out[_SLOPE + i]) * radii[i] + out[_REST + i]
        out[_REST + i] = out[_REST + i] + _ROUNDING * size + _TINY if size < _HUGE else np.inf


@_ENCLOSING
def _at(table: Any, place: Any) -> Any:
    return table[place : place + _ENCLOSURE]


@_ENCLOSING
def enclose(
    program: Any, count: Any, output: Any, inputs: Any, terminals: Any, bins: Any, table: Any
) -> Any:
    """Where the enclosure of a program's output lies in the table; -1 where f is not finite on all
    rows."""
    centres, radii, size = bins.centres, bins.radii, bins.centres.size
    defined, protected = True, False
    for node in range(count):
        opcode = program[node, 0]
        a = _at(
            table,
            _operand(
                program[node, 1], 0, inputs, table, centres, radii, bins.weights, bins.biases, size
            ),
        )
        b = _at(
            table,
            _operand(
                program[node, 2], 1, inputs, table, centres, radii, bins.weights, bins.biases, size
            ),
        )
        if opcode in (_SQRT, _LN):
            defined = defined and not _is_negative(a, radii, size)
        protected = protected or opcode == _PDIV  # which may turn NaN into 1
        _enclose(
            opcode, a, b, _at(table, (terminals + node - inputs + 2) * _ENCLOSURE), radii, size
        )
    if not defined and not protected:
        return -1
    return _operand(output, 0, inputs, table, centres, radii, bins.weights, bins.biases, size)


@_ENCLOSING
def _is_negative(a: Any, radii: Any, count: Any) -> Any:
    """Whether all values of some bin are negative."""
    negative = 0
    for i in range(uint64(count)):
        negative += a[i] + abs(a[_SLOPE + i]) * radii[i] + a[_REST + i] < 0.0
    return negative > 0


@_SUMMING
def _deviation_sums(table: Any, at: Any, moments: Any, mean: Any, count: Any, sums: Any) -> None:
    """Of one split's rows in the bins where f is known: Σd, Σd² and Σρ², Σ1, Σ|u|² and, for every
    direction, Σu and Σdu of d = c + s·t - mean."""
    total, square, off, rows, energy = 0.0, 0.0, 0.0, 0.0, 0.0
    n, directions = uint64(count), (moments.shape[0] - U) // 2
    for i in range(n):
        known = table[at + _REST + i] < np.inf
        d, s = table[at + i] - mean if known else 0.0, table[at + _SLOPE + i] if known else 0.0
        rest, number = table[at + _REST + i] if known else 0.0, moments[COUNT, i] if known else 0.0
        first = moments[FIRST, i]
        total += d * number + s * first
        square += d * d * number + s * (2.0 * d * first + s * moments[SECOND, i])
        off += rest * rest * number
        rows += number
        energy += moments[ENERGY, i] if known else 0.0
    sums[0], sums[1], sums[2], sums[3], sums[4] = total, square, off, rows, energy
    for j in range(directions):
        level, shared = 0.0, 0.0
        for i in range(n):
            known = table[at + _REST + i] < np.inf
            d, s = table[at + i] - mean if known else 0.0, table[at + _SLOPE + i] if known else 0.0
            u = moments[U + j, i] if known else 0.0
            level += u
            shared += d * u + s * moments[U + directions + j, i]
        sums[5 + 2 * j], sums[6 + 2 * j] = level, shared


SUMS = 5  # and two for every direction


@_ENCLOSING
def loss_bound(
    table: Any, enclosed: Any, bins: Any, beyond_all: Any, lead_scale: Any, sums: Any
) -> Any:
    """What the training rows' fit leaves at least of all rows, and whether that is all but the
    loss; -inf where nothing is known.

    ``sums`` is room for 2 × (``SUMS`` + 2 · directions).
    """
    at, count, moments = uint64(enclosed), bins.centres.size, bins.moments
    all_rows = moments[0, COUNT].sum()
    # Next to a pole the rest is large, and would spoil what the other bins say. Without these bins
    # f varies less, so it is asked again.
    for _ in range(_ROUNDS):
        known, rows, mean = _put_poor_aside(table, at, moments, count)
        if known:
            break
    if not 2.0 * rows > all_rows:
        return -np.inf, False
    _deviation_sums(table, at, moments[0], mean, count, sums[0])
    _deviation_sums(table, at, moments[1], mean, count, sums[1])
    if known:
        left = beyond_all + lead_scale * _fitted_elsewhere(sums[0], sums[1])
        return left, left > -np.inf
    sums[0] += sums[1]
    return lead_scale * _fitted(sums[0]), False


@_ENCLOSING
def _put_poor_aside(table: Any, at: Any, moments: Any, count: Any) -> Any:
    """Make the rest infinite where it is large beside the deviation of f, if it is infinite
    somewhere.

    Returns
    -------
    known, rows, mean
        Whether the rest is finite everywhere; the training rows of the bins where it was, and the
        mean of f on them.
    """
    total, square, rows, known, n = 0.0, 0.0, 0.0, True, uint64(count)
    for i in range(n):
        number, c = moments[0, COUNT, i], table[at + i]
        if table[at + _REST + i] < np.inf:
            rows += number
            total += c * number + table[at + _SLOPE + i] * moments[0, FIRST, i]
            square += c * c * number
        else:
            known = False
    mean = total / rows
    if not known:
        most = _POOR * (square / rows - mean * mean)
        for i in range(n):
            if not table[at + _REST + i] * table[at + _REST + i] < most:
                table[at + _REST + i] = np.inf
    return known, rows, mean


@_ENCLOSING
def _fitted(sums: Any) -> Any:
    """What the best fit of some rows leaves on them at least: ‖U - PU‖², where P is the projection
    on the line through d.

    Where d is off by at most ε, P is off by the angle between the lines, at most ε/‖d‖.
    """
    rows, energy = sums[3], sums[4]
    square = sums[1] - sums[0] * sums[0] / rows
    norm, off = math.sqrt(max(square, 0.0)), math.sqrt(sums[2]) + _SUM_ERROR * math.sqrt(sums[1])
    # written so that NaN does not tell either
    if not (norm > 2.0 * off and square > _LEFT_OVER * sums[1]):
        return -np.inf
    left = energy * (1.0 - _SUM_ERROR)
    for j in range((sums.size - SUMS) // 2):
        level, shared = sums[SUMS + 2 * j], sums[SUMS + 1 + 2 * j]
        c = shared - sums[0] * level / rows
        left -= level * level / rows + c * c / square
    least = math.sqrt(max(left, 0.0)) - math.sqrt(energy) * (off / norm + 2.0 * _HALF_ULP)
    return least * least if least > 0.0 else 0.0


@_ENCLOSING
def _fitted_elsewhere(train: Any, valid: Any) -> Any:
    """What the training rows' fit leaves at least on training and validation rows.

    On the latter, with d centred on the training rows' mean and w = Uᵀd/‖d‖² of the training rows,
    it is ‖U - dwᵀ‖². Where d is off by at most ε on the training rows, w is off by at most
    ‖U‖·ε/(‖d‖(‖d‖ - ε)), for d/‖d‖² is an inversion, and the norm by what the product is.
    """
    rows, valid_rows = train[3], valid[3]
    square = train[1] - train[0] * train[0] / rows
    norm, off = math.sqrt(max(square, 0.0)), math.sqrt(train[2]) + _SUM_ERROR * math.sqrt(train[1])
    if not (norm > 2.0 * off and valid[2] < np.inf and valid[1] < np.inf):
        return -np.inf
    left, energy, fit = 0.0, 0.0, 0.0
    for j in range((train.size - SUMS) // 2):
        level = train[SUMS + 2 * j] / rows
        w = (train[SUMS + 1 + 2 * j] - train[0] * level) / square
        shared = valid[SUMS + 1 + 2 * j] - level * valid[0]
        fit += w * w
        energy += valid_rows * level * level - 2.0 * level * valid[SUMS + 2 * j]
        left -= w * (2.0 * shared - w * valid[1])
    energy += valid[4]
    left += energy
    fit, norm_valid = math.sqrt(fit), math.sqrt(valid[1])
    length, length_valid = math.sqrt(train[4]), math.sqrt(max(energy, 0.0))
    fit_off = length * (off / (norm * (norm - off)) + 2.0 * _HALF_ULP / norm)
    off_valid = math.sqrt(valid[2]) + math.sqrt(valid_rows / rows) * off + _SUM_ERROR * norm_valid
    off_left = (
        off_valid * (fit + fit_off) + norm_valid * fit_off + 2.0 * _HALF_ULP * math.sqrt(valid[4])
    )
    left -= _SUM_ERROR * (valid[4] + length_valid * length_valid + fit * fit * valid[1])
    least = math.sqrt(max(left, 0.0)) - off_left
    return _fitted(train) + (least * least if least > 0.0 else 0.0)
