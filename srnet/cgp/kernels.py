"""The compiled population kernel: evaluate the offspring of one layer on blocks of rows, fit each, keep the best.

Layout. All float32 values lie in one flat array ``values``: the layer's input columns (``inputs`` × rows, each contiguous), then
per thread the constants and the nodes' values for one block of rows. Operands are offsets into it, so no array is ever made.

Images. Close to half of the time would go into sines and logarithms of the inputs themselves, the same ones in many offspring. The
unary primitives of the inputs are therefore kept as further columns, filled block by block when first asked for; a program that
uses one has a node less.

Sums. f is accumulated in float64 as d = f − f[0] in chunks of ``CHUNK`` rows that are added in a fixed order. Blocks hold whole
chunks, so the result does not depend on the block size. A block's rows are all training or all validation rows.

Bound. After some blocks, the residual of the rows seen so far under *their own* best fit, Σⱼ (Shⱼhⱼ − S²fhⱼ/Sff), cannot exceed what
the final weights leave on them. On the rows to come, any f·w + b is a matrix of rank one about a mean, so it leaves at least the
energy outside their first principal component, whatever f is. The sum of the two is a lower bound of the final sum of squares: a
chromosome whose bound exceeds the best of the layer cannot win and stops there.
"""

import math

import numpy as np
from numba import uint64

from srnet.cgp.compiling import njit
from srnet.cgp.elementary import cos32, ln32, sin32, tan32
from srnet.cgp.genome import decode, stream
from srnet.cgp.primitives import OPCODES

CHUNK = 256  # rows; the unit of summation, part of the definition of a result

# The bound is computed with rounding errors; it must exceed the best by this much of the layer's total to count.
_SLACK = 1e-9
# Sff below this share of Σd² is rounding noise: f counts as constant.
_NOISE = 1e-13

_ADD, _SUB, _MUL, _DIV = OPCODES["add"], OPCODES["sub"], OPCODES["mul"], OPCODES["div"]
_SQRT, _SQUARE, _LN = OPCODES["sqrt"], OPCODES["square"], OPCODES["ln"]
_SIN, _COS, _TAN = OPCODES["sin"], OPCODES["cos"], OPCODES["tan"]
_PDIV, _PSQRT, _PLN = OPCODES["pdiv"], OPCODES["psqrt"], OPCODES["pln"]

# Columns of a block table and of the sums, named once.
START, STOP, IS_VALID = 0, 1, 2
SUM_D, SUM_DD, SUM_DH = 0, 1, 2

_ZERO, _ONE = np.float32(0.0), np.float32(1.0)


# uint64 offsets: Numba then emits no wrap-around test for negative indices, and LLVM vectorises the loops.
@njit(cache=True, nogil=True, forceinline=True, error_model="numpy", fastmath={"contract"})
def apply_primitive(opcode, values, a, b, out, count):  # type: ignore[no-untyped-def]
    """values[out:out+count] = primitive(values[a:a+count], values[b:b+count])."""
    n = uint64(count)
    if opcode == _ADD:
        for i in range(n):
            values[out + i] = values[a + i] + values[b + i]
    elif opcode == _SUB:
        for i in range(n):
            values[out + i] = values[a + i] - values[b + i]
    elif opcode == _MUL:
        for i in range(n):
            values[out + i] = values[a + i] * values[b + i]
    elif opcode == _DIV:
        for i in range(n):
            values[out + i] = values[a + i] / values[b + i]
    elif opcode == _SQRT:
        for i in range(n):
            values[out + i] = math.sqrt(values[a + i])
    elif opcode == _SQUARE:
        for i in range(n):
            values[out + i] = values[a + i] * values[a + i]
    elif opcode == _LN:
        for i in range(n):
            values[out + i] = ln32(values[a + i])
    elif opcode == _SIN:
        for i in range(n):
            values[out + i] = sin32(values[a + i])
    elif opcode == _COS:
        for i in range(n):
            values[out + i] = cos32(values[a + i])
    elif opcode == _TAN:
        for i in range(n):
            values[out + i] = tan32(values[a + i])
    elif opcode == _PDIV:
        for i in range(n):
            quotient = values[a + i] / values[b + i]
            values[out + i] = quotient if values[b + i] != _ZERO else _ONE
    elif opcode == _PSQRT:
        for i in range(n):
            values[out + i] = math.sqrt(abs(values[a + i]))
    elif opcode == _PLN:
        for i in range(n):
            logarithm = ln32(abs(values[a + i]))
            values[out + i] = logarithm if values[a + i] != _ZERO else _ZERO


@njit(cache=True, nogil=True, inline="always")
def _offset(address, inputs, terminals, rows, start, constants_at, block_rows):  # type: ignore[no-untyped-def]
    """Where an operand's values for the block that begins at row ``start`` lie."""
    if address < inputs:
        return uint64(address * rows + start)
    # constants and nodes lie one behind the other in the thread's region
    return uint64(constants_at + (address - inputs) * block_rows)


@njit(cache=True, nogil=True, forceinline=True)
def evaluate_block(program, count, output, values, inputs, terminals, rows, start, stop, constants_at, block_rows):  # type: ignore[no-untyped-def]
    """Evaluate the active nodes on the rows ``start`` … ``stop``; the offset of the output's values."""
    for node in range(count):
        a = _offset(program[node, 1], inputs, terminals, rows, start, constants_at, block_rows)
        b = _offset(program[node, 2], inputs, terminals, rows, start, constants_at, block_rows)
        out = _offset(terminals + node, inputs, terminals, rows, start, constants_at, block_rows)
        apply_primitive(program[node, 0], values, a, b, out, stop - start)
    return _offset(output, inputs, terminals, rows, start, constants_at, block_rows)


@njit(cache=True, nogil=True, forceinline=True, fastmath={"reassoc", "contract", "nsz"})
def accumulate(values, at, pivot, target, start, stop, deviations, sums, split):  # type: ignore[no-untyped-def]
    """Add Σd, Σd², Σd·hⱼ of one block to ``sums[split]``, chunk by chunk."""
    units, rows = target.shape
    flat = target.reshape(target.size)
    for first in range(start, stop, CHUNK):
        n = uint64(min(CHUNK, stop - first))
        from_ = at + uint64(first - start)
        p = uint64(first)
        total, square, one = 0.0, 0.0, 0.0
        for i in range(n):
            d = np.float64(values[from_ + i]) - pivot
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
            one, two = 0.0, 0.0
            for i in range(n):
                one += deviations[i] * flat[p + i]
                two += deviations[i] * flat[q + i]
            sums[split, SUM_DH + unit] += one
            sums[split, SUM_DH + unit + 1] += two
            unit += 2
        if unit < units:
            p = uint64(unit * rows + first)
            one = 0.0
            for i in range(n):
                one += deviations[i] * flat[p + i]
            sums[split, SUM_DH + unit] += one


@njit(cache=True, nogil=True, forceinline=True)
def residual(block, count, sums, seen_h, seen_hh):  # type: ignore[no-untyped-def]
    """Sum of squares that the best fit h ≈ d·w + b of the ``count`` rows up to ``block`` leaves, over all units."""
    sum_d, sum_dd = sums[0, SUM_D] + sums[1, SUM_D], sums[0, SUM_DD] + sums[1, SUM_DD]
    square = sum_dd - sum_d * sum_d / count
    constant = square <= _NOISE * sum_dd
    left = seen_hh[block, 2]
    for unit in range(seen_h.shape[2]):
        left -= seen_h[block, 2, unit] * seen_h[block, 2, unit] / count
        if not constant:
            covariance = sums[0, SUM_DH + unit] + sums[1, SUM_DH + unit] - sum_d * seen_h[block, 2, unit] / count
            left -= covariance * covariance / square
    return left


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
        valid_dh = sums[1, SUM_DH + unit] - mean_d * sum_h[1, unit] - mean_h * (sums[1, SUM_D] - valid_rows * mean_d)
        total += w * (w * valid_dd - 2.0 * valid_dh) + mean_h * (valid_rows * mean_h - 2.0 * sum_h[1, unit])
    return max(total, 0.0)


@njit(cache=True, nogil=True, forceinline=True)
def substitute_images(program, count, output, inputs, terminals, unary, images, needs):  # type: ignore[no-untyped-def]
    """Replace the active nodes that are a unary primitive of an input by columns behind the inputs.

    ``unary`` numbers the unary opcodes (-1: not unary), ``images`` counts the columns; address ``inputs`` + u·``inputs`` + j is
    primitive u of input j, and the constants and nodes move up. The columns used are written to ``needs``.

    Returns
    -------
    count, output, needed
    """
    moved = np.empty(count, dtype=np.int64)
    kept, needed = 0, 0
    for node in range(count):
        opcode, a, b = program[node, 0], np.int64(program[node, 1]), np.int64(program[node, 2])
        if unary[opcode] >= 0 and a < inputs:
            image = unary[opcode] * inputs + a
            moved[node] = inputs + image
            needs[needed] = image
            needed += 1
            continue
        program[kept, 0] = opcode
        program[kept, 1] = a if a < inputs else (a + images if a < terminals else moved[a - terminals])
        program[kept, 2] = b if b < inputs else (b + images if b < terminals else moved[b - terminals])
        moved[node] = terminals + images + kept
        kept += 1
    output = output if output < inputs else (output + images if output < terminals else moved[output - terminals])
    return kept, output, needed


@njit(cache=True, nogil=True, forceinline=True)
def fill_images(needs, needed, unary_opcodes, values, inputs, rows, block, start, stop, ready):  # type: ignore[no-untyped-def]
    """Make the columns that a program needs on one block, where they are not there yet."""
    for i in range(needed):
        image = needs[i]
        if not ready[image, block]:
            at = uint64(image % inputs * rows + start)
            apply_primitive(unary_opcodes[image // inputs], values, at, at, uint64((inputs + image) * rows + start), stop - start)
            ready[image, block] = True


@njit(cache=True, nogil=True, forceinline=True)
def sum_blocks(  # type: ignore[no-untyped-def]
    program,
    count,
    output,
    values,
    inputs,
    terminals,
    constants_at,
    block_rows,
    target,
    blocks,
    first,
    last,
    pivot,
    deviations,
    sums,
):
    """Add the blocks ``first`` … ``last`` to ``sums``; returns the pivot f[0], or NaN where f is not finite.

    Fresh ``sums`` must be zero and begin with block 0.
    """
    for block in range(first, last):
        start, stop, split = blocks[block, START], blocks[block, STOP], blocks[block, IS_VALID]
        at = evaluate_block(
            program, count, output, values, inputs, terminals, target.shape[1], start, stop, constants_at, block_rows
        )
        if block == 0:
            pivot = np.float64(values[at])
        accumulate(values, at, pivot, target, start, stop, deviations, sums, split)
        if not sums[split, SUM_DD] < np.inf:
            return np.nan
    return pivot


@njit(cache=True, nogil=True, forceinline=True)
def lower_bound(block, seen_rows, sums, seen_h, seen_hh, floors):  # type: ignore[no-untyped-def]
    """No weights leave less than this sum of squares, as the rows up to ``block`` show; rounding is allowed for."""
    bound = residual(block, seen_rows[block, 2], sums, seen_h, seen_hh)
    return (bound + floors[block]) * (1.0 - _SLACK) - _SLACK * seen_hh[-1, 2]


@njit(cache=True, nogil=True, forceinline=True)
def _hash(program, count, output):  # type: ignore[no-untyped-def]
    """FNV-1a of an active graph."""
    state = uint64(0xCBF29CE484222325) ^ uint64(output)
    for node in range(count):
        for column in range(3):
            state = (state ^ uint64(program[node, column])) * uint64(0x100000001B3)
    return state ^ (state >> uint64(29))


@njit(cache=True, nogil=True, forceinline=True)
def _same(first, second, count):  # type: ignore[no-untyped-def]
    for node in range(count):
        for column in range(3):
            if first[node, column] != second[node, column]:
                return False
    return True


@njit(cache=True, nogil=True)
def search_layer(  # type: ignore[no-untyped-def]
    parent,
    alleles,
    opcodes,
    unary,
    unary_opcodes,
    seed,
    generation,
    layer,
    first,
    last,
    bound,
    values,
    inputs,
    terminals,
    constants_at,
    block_rows,
    target,
    blocks,
    seen_rows,
    seen_h,
    seen_hh,
    floors,
    limit,
    shortcuts,
):
    """The best of the offspring ``first`` … ``last`` of one layer's chromosome.

    Returns
    -------
    best, loss
        The offspring's number and its sum of squares; (-1, inf) where none is finite and ≤ ``limit``. Of equals the lowest number
        wins, so the answer does not depend on how the offspring are shared among threads.
    """
    population = last - first
    nodes = (parent.size - 1) // 3
    programs = np.empty((population, nodes, 3), dtype=np.int32)
    counts = np.empty(population, dtype=np.int64)
    outputs = np.empty(population, dtype=np.int64)
    pivots = np.empty(population, dtype=np.float64)
    bounds = np.empty(population, dtype=np.float64)
    sums = np.zeros((population, 2, 2 + target.shape[0]), dtype=np.float64)
    scratch = np.empty((nodes, 4), dtype=np.int32)
    deviations = np.empty(CHUNK, dtype=np.float64)
    weights = np.empty(target.shape[0], dtype=np.float64)
    size = 4
    while size < 2 * population:
        size *= 2
    table = np.full(size, -1, dtype=np.int64)  # offspring by the hash of their active graph
    end = blocks.shape[0]
    rows, images = target.shape[1], unary_opcodes.size * inputs
    needs = np.empty((population, nodes), dtype=np.int64)
    needed = np.empty(population, dtype=np.int64)
    ready = np.zeros((images, end), dtype=np.bool_)

    # The first block of everyone. The most promising then go on first, so that the others meet a low limit early.
    for offspring in range(population):
        program, need = programs[offspring], needs[offspring]
        key = stream(seed, generation, layer, first + offspring)
        count, output = decode(parent, alleles, key, bound, opcodes, terminals, program, scratch)
        count, output, needed[offspring] = substitute_images(program, count, output, inputs, terminals, unary, images, need)
        counts[offspring], outputs[offspring] = count, output
        bounds[offspring] = np.inf
        if shortcuts:
            # an active graph that an earlier offspring had: at best a tie, which the lower number wins
            slot = _hash(program, count, output) & uint64(size - 1)
            known = False
            while table[slot] >= 0 and not known:
                other = table[slot]
                known = counts[other] == count and outputs[other] == output and _same(programs[other], program, count)
                slot = (slot + uint64(1)) & uint64(size - 1)
            if known:
                continue
            table[slot] = offspring
        fill_images(need, needed[offspring], unary_opcodes, values, inputs, rows, 0, blocks[0, START], blocks[0, STOP], ready)
        pivots[offspring] = sum_blocks(
            program, count, output, values, inputs + images, terminals + images, constants_at, block_rows, target, blocks, 0, 1, 0.0,
            deviations, sums[offspring],
        )  # fmt: skip
        if pivots[offspring] == pivots[offspring]:
            bounds[offspring] = lower_bound(0, seen_rows, sums[offspring], seen_h, seen_hh, floors)
    best, best_loss = -1, limit
    for offspring in np.argsort(bounds):
        if not bounds[offspring] < np.inf or (shortcuts and bounds[offspring] > best_loss):
            break  # the bounds ascend
        program, own, need = programs[offspring], sums[offspring], needs[offspring]
        pivot = pivots[offspring]
        for block in range(1, end):
            fill_images(
                need, needed[offspring], unary_opcodes, values, inputs, rows, block, blocks[block, START],
                blocks[block, STOP], ready,
            )  # fmt: skip
            pivot = sum_blocks(
                program, counts[offspring], outputs[offspring], values, inputs + images, terminals + images, constants_at,
                block_rows, target, blocks, block, block + 1, pivot, deviations, own,
            )  # fmt: skip
            if pivot != pivot:
                break
            # before anything is found the limit may be infinite, and no bound exceeds it
            if shortcuts and best_loss < np.inf and lower_bound(block, seen_rows, own, seen_h, seen_hh, floors) > best_loss:
                pivot = np.nan
                break
        if pivot != pivot:
            continue
        loss = solve(seen_rows[-1, 0], seen_rows[-1, 1], own, seen_h[-1], seen_hh[-1], weights)
        if loss < best_loss or (loss == best_loss and loss < np.inf and (best < 0 or offspring < best)):
            best, best_loss = offspring, loss
    if best < 0:
        return -1, np.inf
    return first + best, best_loss


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def propagate(  # type: ignore[no-untyped-def]
    program,
    count,
    output,
    values,
    inputs,
    terminals,
    constants_at,
    block_rows,
    target,
    blocks,
    seen_rows,
    seen_h,
    seen_hh,
    mean_h,
    basis,
    f,
    weights,
    biases,
):
    """Evaluate and fit the chosen chromosome: write its value at every row, and the weights and biases of the layer's units.

    ``basis`` (units × width) turns the weights of the projected target back to those of the layer's units.
    """
    rows = target.shape[1]
    deviations = np.empty(CHUNK, dtype=np.float64)
    sums = np.zeros((2, 2 + target.shape[0]), dtype=np.float64)
    reduced = np.empty(target.shape[0], dtype=np.float64)
    pivot = sum_blocks(
        program, count, output, values, inputs, terminals, constants_at, block_rows, target, blocks, 0, blocks.shape[0], 0.0,
        deviations, sums,
    )  # fmt: skip
    solve(seen_rows[-1, 0], seen_rows[-1, 1], sums, seen_h[-1], seen_hh[-1], reduced)
    centre = pivot + sums[0, SUM_D] / seen_rows[-1, 0]
    weights[:] = 0.0
    for j in range(reduced.size):
        for unit in range(mean_h.size):
            weights[unit] += reduced[j] * basis[j, unit]
    for unit in range(mean_h.size):
        biases[unit] = mean_h[unit] - weights[unit] * centre
    for block in range(blocks.shape[0]):
        start, stop = blocks[block, START], blocks[block, STOP]
        at = evaluate_block(program, count, output, values, inputs, terminals, rows, start, stop, constants_at, block_rows)
        for i in range(uint64(stop - start)):
            f[start + i] = values[at + i]


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def spread(f, weights, biases, stride, following):  # type: ignore[no-untyped-def]
    """Write a layer's symbolic values w·f + b to the next layer's inputs, column after column with ``stride`` places each."""
    for unit in range(weights.size):
        w, b = weights[unit], biases[unit]
        to = uint64(unit * stride)
        for i in range(uint64(f.size)):
            following[to + i] = np.float32(w * np.float64(f[i]) + b)
