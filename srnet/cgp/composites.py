"""The compiled kernel of the joint search: score whole composites and climb from one (preset ``joint``).

A composite is one chromosome per layer with its own constants. All layers lie in flat arrays; ``table`` holds a row per layer with
the offsets and sizes named below. A layer's inputs are the affine images wⱼ·f + bⱼ of the layer before, so only f, w and b are kept
and the inputs that the active nodes read are made on the fly.

Everything is evaluated on one block of rows: training rows, then validation rows.
"""

import math

import numpy as np
from numba import uint64

from srnet.cgp.compiling import njit
from srnet.cgp.genome import ARITIES, GENES_PER_NODE, decode, draw
from srnet.cgp.kernels import CHUNK, SUM_D, accumulate, evaluate_block, solve

# Columns of ``table``.
GENES_AT, GENES, CONSTANTS_AT, CONSTANTS, INPUTS, TARGET_AT, UNITS, WIDTH, ROWS_OF_GRID = range(9)

# Fields of ``counters``: what a lineage carries besides its genes.
DRAWS, EVALUATIONS, IMPROVED = range(3)

_NO_MUTATION = uint64(0)


@njit(cache=True, nogil=True)
def uniform(key, counters):  # type: ignore[no-untyped-def]
    """The next draw from [0, 1)."""
    bits = draw(key, counters[DRAWS])
    counters[DRAWS] += 1
    return float(bits >> uint64(11)) / 9007199254740992.0


@njit(cache=True, nogil=True)
def below(n, key, counters):  # type: ignore[no-untyped-def]
    """The next draw from 0 … n-1."""
    bits = draw(key, counters[DRAWS])
    counters[DRAWS] += 1
    return np.int64(((bits >> uint64(32)) * uint64(n)) >> uint64(32))


@njit(cache=True, nogil=True)
def normal(key, counters):  # type: ignore[no-untyped-def]
    """The next draw from N(0, 1)."""
    u, v = uniform(key, counters), uniform(key, counters)
    return math.sqrt(-2.0 * math.log(1.0 - u)) * math.cos(2.0 * math.pi * v)


@njit(cache=True, nogil=True)
def decode_layer(layer, table, genes, alleles, opcodes, program, scratch):  # type: ignore[no-untyped-def]
    """The active nodes of one layer's chromosome."""
    at, size = table[layer, GENES_AT], table[layer, GENES]
    terminals = table[layer, INPUTS] + table[layer, CONSTANTS]
    return decode(genes[at : at + size], alleles[at : at + size], _NO_MUTATION, _NO_MUTATION, opcodes, terminals, program, scratch)


@njit(cache=True, nogil=True)
def is_used(address, program, count, output):  # type: ignore[no-untyped-def]
    """Whether an active node, or the output, reads a terminal."""
    if output == address:
        return True
    for node in range(count):
        if program[node, 1] == address or (program[node, 2] == address and ARITIES[program[node, 0]] == 2):
            return True
    return False


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def evaluate_layer(layer, table, program, count, output, constants, values, x, below_f, below_w, below_b, f, rows):  # type: ignore[no-untyped-def]
    """Write one layer's f to ``f``; its inputs are ``x`` in the first layer, below_w·below_f + below_b in the others."""
    inputs, eph = table[layer, INPUTS], table[layer, CONSTANTS]
    for j in range(inputs):
        if not is_used(j, program, count, output):
            continue
        to = uint64(j * rows)
        if layer == 0:
            for i in range(uint64(rows)):
                values[to + i] = x[to + i]
        else:
            w, b = below_w[j], below_b[j]
            for i in range(uint64(rows)):
                values[to + i] = np.float32(w * np.float64(below_f[i]) + b)
    for j in range(eph):
        if is_used(inputs + j, program, count, output):
            to = uint64((inputs + j) * rows)
            value = np.float32(constants[table[layer, CONSTANTS_AT] + j])
            for i in range(uint64(rows)):
                values[to + i] = value
    at = evaluate_block(program, count, output, values, inputs, inputs + eph, rows, 0, rows, inputs * rows, rows)
    for i in range(uint64(rows)):
        f[i] = values[at + i]


@njit(cache=True, nogil=True)
def fit_layer(layer, table, f, train_rows, rows, targets, sums_h, sums_hh, mean, basis, basis_at, width_at, deviations, sums, reduced, w, b):  # type: ignore[no-untyped-def]  # noqa: E501
    """Fit one layer's w and b; returns its MSE over all rows, infinite where f is not finite."""
    units, width = table[layer, UNITS], table[layer, WIDTH]
    target = targets[table[layer, TARGET_AT] : table[layer, TARGET_AT] + units * rows].reshape(units, rows)
    sums[:, : 2 + units] = 0.0
    pivot = np.float64(f[0])
    accumulate(f, uint64(0), pivot, target, 0, train_rows, deviations, sums[0])
    accumulate(f, uint64(train_rows), pivot, target, train_rows, rows, deviations, sums[1])
    if not (sums[0, 1] < np.inf and sums[1, 1] < np.inf):
        return np.inf
    total = solve(train_rows, rows - train_rows, sums, sums_h[layer], sums_hh[layer], reduced[:units])
    centre = pivot + sums[0, SUM_D] / train_rows
    for j in range(width):
        weight = 0.0
        for unit in range(units):
            weight += reduced[unit] * basis[basis_at[layer] + unit * width + j]
        w[j] = weight
        b[j] = mean[width_at[layer] + j] - weight * centre
    return total / (rows * width)
