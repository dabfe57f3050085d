"""The compiled population kernel: evaluate the offspring of one layer on blocks of rows, fit each,
keep the best.

Layout. All float32 values lie in one flat array ``values``: the layer's input columns (``inputs`` ×
rows, each contiguous), then per thread the constants and the nodes' values for one block of rows.
Operands are offsets into it, so no array is ever made.

Images. Close to half of the time would go into sines and logarithms of the inputs themselves, the
same ones in many offspring. The unary primitives of the inputs are therefore kept as further
columns, filled block by block when first asked for; a program that uses one has a node less.

Sums. f is accumulated in float64 as d = f − f[0] in chunks of ``CHUNK`` rows that are added in a
fixed order. Blocks hold whole chunks, so the result does not depend on the block size. A block's
rows are all training or all validation rows.

Bound. After some blocks, the residual of the rows seen so far under *their own* best fit, Σⱼ (Shⱼhⱼ
− S²fhⱼ/Sff), cannot exceed what the final weights leave on them. On the rows to come, any f·w + b
is a matrix of rank one about a mean, so it leaves at least the energy outside their first principal
component, whatever f is. The sum of the two is a lower bound of the final sum of squares: a
chromosome whose bound exceeds the best of the layer cannot win and stops there.

Line. All inputs of a layer after the first are affine functions of one scalar, the formula of the
layer before, and a good part of the offspring are again no more than that: h0 + h1, or c·h2. An
affine function of a scalar fits what the scalar fits, so each is replaced by one and the same
input: they tie exactly, the lowest number wins, and one evaluation answers for all. So do
constants.

Bins. With one scalar to read, a formula is enclosed on bins of it instead, and most losers are
known by that alone: see :mod:`srnet.search.kernels.enclosures`. And what has been found out about a
graph is remembered: see :mod:`srnet.search.kernels.memory`.

Screen. Nearly all chromosomes lose, and float32 sums are enough to say so: Σd, Σd² and Σd·uⱼ with
the target's leading principal directions uⱼ. The screen takes the bound above from them after every
block, and at the end the sum of squares itself, of the weights that the training rows give. How far
the sums can be off, and the directions that do not lead, are part of these bounds. Who passes is
summed again in float64, for all units.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import copy, njit
from srnet.cgp.evaluation import apply_primitive, evaluate_block
from srnet.cgp.genome import ARITIES, decode, stream
from srnet.cgp.graph import hash_graph, same_graph
from srnet.cgp.primitives import OPCODES
from srnet.search.kernels.bins import Bins, extremes
from srnet.search.kernels.enclosures import SUMS, enclose, loss_bound
from srnet.search.kernels.memory import Memory, is_known, remember, slot_of
from srnet.search.kernels.sums import (
    CHUNK,
    IS_VALID,
    START,
    STOP,
    SUM_D,
    SUM_DD,
    SUM_DH,
    accumulate,
    residual,
    solve,
)

# The bound is computed with rounding errors; it must exceed the best by this much of the layer's
# total to count.
_SLACK = 1e-9

_ADD, _SUB, _MUL, _DIV = OPCODES["add"], OPCODES["sub"], OPCODES["mul"], OPCODES["div"]
SUM_U, RAW_U = 0, 1

SLOPE, CENTRE, ERROR = 0, 1, 2

# A sum of CHUNK float32 terms is off by at most this share of the sum of their sizes, in whatever
# order it is taken ...
_SUM_ERROR = (CHUNK + 4) * 2.0**-24
# ... unless the terms are too small for float32.
_SMALLEST_SQUARE = 1e-30

_HALF_ULP = 2.0**-24
# An affine function is taken for its scalar where rounding moves it by less than this share of its
# deviation.
_LOST = 2.0**-16


class Layer(NamedTuple):
    """What the chromosomes of one layer are made from, evaluated on and fitted to."""

    number: int
    seed: int
    alleles: NDArray[np.int64]
    opcodes: NDArray[np.int64]
    unary: NDArray[np.int64]  # number of an opcode among those below, -1 if it has no images
    unary_opcodes: NDArray[np.int64]
    inputs: int
    terminals: int
    block_rows: int
    values: NDArray[np.float32]  # inputs, images, and per thread constants and nodes
    constants_at: int  # where the thread's constants and, behind them, its nodes lie in ``values``
    ready: NDArray[np.bool_]  # images × blocks, whether they are made
    version: int  # a number for what the inputs are now
    memory: Memory  # the thread's
    bins: Bins
    room: NDArray[np.float64]  # the thread's, for enclosures
    line: NDArray[
        np.float64
    ]  # inputs + 1 × 3, see ``draw_line``; a deviation of 0 in the last row: the inputs are no line
    target: Any  # a ``Target``, whose module knows this one


@njit(cache=True, nogil=True, forceinline=True)
def substitute_images(program, count, output, inputs, terminals, unary, images, reduced, needs):  # type: ignore[no-untyped-def]
    """Replace the active nodes that are a unary primitive of an input by columns behind the inputs.

    ``unary`` numbers the unary opcodes (-1: not unary), ``images`` counts the columns; address
    ``inputs`` + u·``inputs`` + j is primitive u of input j, and the constants and nodes move up.
    The nodes that are left are written to ``reduced``, the columns used to ``needs``.

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
        reduced[kept, 0] = opcode
        reduced[kept, 1] = (
            a if a < inputs else (a + images if a < terminals else moved[a - terminals])
        )
        reduced[kept, 2] = (
            b if b < inputs else (b + images if b < terminals else moved[b - terminals])
        )
        moved[node] = terminals + images + kept
        kept += 1
    output = (
        output
        if output < inputs
        else (output + images if output < terminals else moved[output - terminals])
    )
    return kept, output, needed


@njit(cache=True, nogil=True, forceinline=True)
def fill_images(needs, needed, unary_opcodes, values, inputs, rows, block, start, stop, ready):  # type: ignore[no-untyped-def]
    """Make the columns that a program needs on one block, where they are not there yet."""
    for i in range(needed):
        image = needs[i]
        if not ready[image, block]:
            at = uint64(image % inputs * rows + start)
            apply_primitive(
                unary_opcodes[image // inputs],
                stop - start,
                values,
                at,
                at,
                uint64((inputs + image) * rows + start),
            )
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
    """Add the blocks ``first`` … ``last`` to ``sums``; returns the pivot f[0], or NaN where f is
    not finite.

    Fresh ``sums`` must be zero and begin with block 0.
    """
    for block in range(first, last):
        start, stop, split = blocks[block, START], blocks[block, STOP], blocks[block, IS_VALID]
        at = evaluate_block(
            program,
            count,
            output,
            values,
            inputs,
            terminals,
            target.shape[1],
            start,
            stop,
            constants_at,
            block_rows,
        )
        if block == 0:
            pivot = np.float64(values[at])
        # of a constant, one would sum zeros
        if not (abs(pivot) < np.inf and _all_equal(values, at, stop - start, pivot)):
            accumulate(values, at, pivot, target, start, stop, deviations, sums, split)
        if not sums[split, SUM_DD] < np.inf:
            return np.nan
    return pivot


@njit(cache=True, nogil=True, forceinline=True)
def _all_equal(values, at, count, pivot):  # type: ignore[no-untyped-def]
    for i in range(uint64(count)):  # noqa: SIM110 (Numba has no generators)
        if np.float64(values[at + i]) != pivot:
            return False
    return True


@njit(cache=True, nogil=True, forceinline=True)
def lower_bound(block, seen_rows, sums, seen_h, seen_hh, floors):  # type: ignore[no-untyped-def]
    """No weights leave less than this sum of squares, as the rows up to ``block`` show; rounding is
    allowed for."""
    bound = residual(block, seen_rows[block, 2], sums, seen_h, seen_hh)
    return (bound + floors[block]) * (1.0 - _SLACK) - _SLACK * seen_hh[-1, 2]


@njit(cache=True, nogil=True, forceinline=True)
def screen_bound(block, count, sums, seen_u, beyond, lead_scale):  # type: ignore[no-untyped-def]
    """What the best fit of the ``count`` rows seen leaves at least, by the sums of the screen; -inf
    where float32 cannot tell."""
    sum_d, sum_dd = sums[0, SUM_D] + sums[1, SUM_D], sums[0, SUM_DD] + sums[1, SUM_DD]
    square = sum_dd - sum_d * sum_d / count
    # Σd is off by at most _SUM_ERROR·√(n·Σd²), and Σd·u likewise
    error = 4.0 * _SUM_ERROR * sum_dd
    if not (square > error and sum_dd > _SMALLEST_SQUARE):
        return -np.inf
    explained = 0.0
    for unit in range(seen_u.shape[3]):
        sum_u = seen_u[block, 0, SUM_U, unit] + seen_u[block, 1, SUM_U, unit]
        raw_u = seen_u[block, 0, RAW_U, unit] + seen_u[block, 1, RAW_U, unit]
        covariance = abs(sums[0, SUM_DH + unit] + sums[1, SUM_DH + unit] - sum_d * sum_u / count)
        covariance += 4.0 * _SUM_ERROR * math.sqrt(sum_dd * raw_u)
        explained += covariance * covariance
    return beyond[block] - lead_scale * explained / (square - error)


@njit(cache=True, nogil=True, forceinline=True)
def screen_loss(train_rows, valid_rows, sums, seen_u, beyond_all, lead_scale):  # type: ignore[no-untyped-def]
    """What the training rows' fit leaves at least of all rows, as ``solve`` says, in interval
    arithmetic; -inf where it cannot tell.

    With C = Σ(d - m)u over the training rows, V = Σ(d - m)², and P = Σ(d - m)u, Q = Σ(d - m)² over
    the validation rows, m the mean of the training rows, a direction's sum of squares is Σu² - C²/V
    - 2CP/V + C²Q/V².
    """
    dd_train, dd_valid = sums[0, SUM_DD], sums[1, SUM_DD]
    mean = sums[0, SUM_D] / train_rows
    mean_error = 2.0 * _SUM_ERROR * math.sqrt(dd_train / train_rows)
    square, error = dd_train - sums[0, SUM_D] * mean, 4.0 * _SUM_ERROR * dd_train
    if not (square > error and dd_train > _SMALLEST_SQUARE):
        return -np.inf
    least, most = square - error, square + error
    valid_square = dd_valid - 2.0 * mean * sums[1, SUM_D] + valid_rows * mean * mean
    valid_error = (
        2.0 * _SUM_ERROR * (dd_valid + 2.0 * abs(mean) * math.sqrt(valid_rows * dd_valid))
        + _SMALLEST_SQUARE
    )
    valid_error += mean_error * (
        3.0 * (abs(sums[1, SUM_D]) + valid_rows * abs(mean)) + valid_rows * mean_error
    )
    energy, fitted, fitted_error, shared, shared_error = 0.0, 0.0, 0.0, 0.0, 0.0
    for unit in range(seen_u.shape[3]):
        sum_train, sum_valid = seen_u[-1, 0, SUM_U, unit], seen_u[-1, 1, SUM_U, unit]
        raw_train, raw_valid = seen_u[-1, 0, RAW_U, unit], seen_u[-1, 1, RAW_U, unit]
        c = sums[0, SUM_DH + unit] - mean * sum_train
        c_error = 4.0 * _SUM_ERROR * math.sqrt(dd_train * raw_train) + mean_error * abs(sum_train)
        p = sums[1, SUM_DH + unit] - mean * sum_valid
        p_error = (
            4.0 * _SUM_ERROR * math.sqrt(dd_valid * raw_valid)
            + mean_error * abs(sum_valid)
            + _SMALLEST_SQUARE
        )
        energy += raw_train + raw_valid
        fitted += c * c
        fitted_error += c_error * (2.0 * abs(c) + c_error)
        shared += c * p
        shared_error += abs(c) * p_error + abs(p) * c_error + c_error * p_error
    shared += shared_error
    left = (
        energy - (fitted + fitted_error) / least - 2.0 * shared / (least if shared > 0.0 else most)
    )
    left += max(fitted - fitted_error, 0.0) * max(valid_square - valid_error, 0.0) / (most * most)
    return beyond_all + lead_scale * left


@njit(cache=True, nogil=True, forceinline=True)
def _all_finite(values, at, count):  # type: ignore[no-untyped-def]
    wrong = 0
    for i in range(uint64(count)):
        wrong += not abs(values[at + i]) < np.inf
    return wrong == 0


@njit(cache=True, nogil=True, fastmath={"reassoc", "contract"})
def draw_line(f, centre, slopes, centres):  # type: ignore[no-untyped-def]
    """The ``line`` of inputs that are slopes[j]·τ + centres[j] of one scalar τ = f - centre."""
    inputs = slopes.size
    line = np.empty((inputs + 1, 3))
    low, high = extremes(f)
    largest = max(abs(low - centre), abs(high - centre))
    square = 0.0
    for i in range(uint64(f.size)):
        square += (np.float64(f[i]) - centre) * (np.float64(f[i]) - centre)
    for j in range(inputs):
        line[j, SLOPE], line[j, CENTRE] = slopes[j], centres[j]
        line[j, ERROR] = _HALF_ULP * (abs(centres[j]) + abs(slopes[j]) * largest)
    line[inputs, 0], line[inputs, 1], line[inputs, 2] = (
        math.sqrt(square / f.size),
        largest,
        np.argmax(np.abs(slopes)),
    )
    return line


@njit(cache=True, nogil=True, forceinline=True)
def is_affine(program, count, output, terminals, traced, deviation, largest):  # type: ignore[no-untyped-def]
    """Whether a program is an affine function of the scalar τ, and float32 loses nothing of it.

    ``traced`` holds slope, centre and a bound of the rounding error of the terminals, and gets
    those of the nodes.
    """
    for node in range(count):
        opcode, at = program[node, 0], terminals + node
        a, b = program[node, 1], program[node, 2]
        slope_a, centre_a, error_a = traced[a, SLOPE], traced[a, CENTRE], traced[a, ERROR]
        slope_b, centre_b, error_b = traced[b, SLOPE], traced[b, CENTRE], traced[b, ERROR]
        if opcode in (_ADD, _SUB):
            sign = 1.0 if opcode == _ADD else -1.0
            slope, centre, error = (
                slope_a + sign * slope_b,
                centre_a + sign * centre_b,
                error_a + error_b,
            )
        elif opcode == _MUL and (slope_a == 0.0 or slope_b == 0.0):
            slope, centre = slope_a * centre_b + slope_b * centre_a, centre_a * centre_b
            error = error_a * (abs(centre_b) + abs(slope_b) * largest) + error_b * (
                abs(centre_a) + abs(slope_a) * largest
            )
        elif opcode == _DIV and slope_b == 0.0 and abs(centre_b) > 2.0 * error_b:
            slope, centre = slope_a / centre_b, centre_a / centre_b
            error = (error_a + 2.0 * error_b * (abs(centre) + abs(slope) * largest)) / abs(centre_b)
        else:
            return False
        traced[at, SLOPE], traced[at, CENTRE] = slope, centre
        traced[at, ERROR] = error + _HALF_ULP * (abs(centre) + abs(slope) * largest)
    return traced[output, ERROR] < _LOST * abs(traced[output, SLOPE]) * deviation


@njit(cache=True, nogil=True, forceinline=True)
def is_constant(program, count, output, inputs):  # type: ignore[no-untyped-def]
    """Whether a program reads no input, or only to subtract it from itself."""
    if output < inputs:
        return False
    for node in range(count):
        a, b = program[node, 1], program[node, 2]
        if (a < inputs or (b < inputs and ARITIES[program[node, 0]] == 2)) and not (
            a == b and program[node, 0] == _SUB
        ):
            return False
    return True


@njit(cache=True, nogil=True)
def search_layer(layer, parent, generation, first, last, bound, limit, shortcuts):  # type: ignore[no-untyped-def]
    """The best of the offspring ``first`` … ``last`` of one layer's chromosome.

    Returns
    -------
    best, loss
        The offspring's number and its sum of squares; (-1, inf) where none is finite and ≤
        ``limit``. Of equals the lowest number wins, so the answer does not depend on how the
        offspring are shared among threads.
    """
    population = last - first
    nodes = (parent.size - 1) // 3
    # the fields are taken out once: each access counts a reference of every array in the tuple
    number, seed, before_images, constants_at = (
        layer.number,
        layer.seed,
        layer.terminals,
        layer.constants_at,
    )
    alleles, opcodes, unary, unary_opcodes = (
        layer.alleles,
        layer.opcodes,
        layer.unary,
        layer.unary_opcodes,
    )
    wanted, ready, version = layer.target, layer.ready, layer.version
    memory, bins, room = layer.memory, layer.bins, layer.room
    beyond_all, lead_scale = wanted.beyond_all, wanted.lead_scale
    values, target, leads, seen_u, beyond = (
        layer.values,
        wanted.values,
        wanted.leads,
        wanted.seen_u,
        wanted.beyond,
    )
    blocks, seen_rows, seen_h, seen_hh, floors = (
        wanted.blocks,
        wanted.seen_rows,
        wanted.seen_h,
        wanted.seen_hh,
        wanted.floors,
    )
    inputs, rows, units, end, block_rows = (
        layer.inputs,
        target.shape[1],
        target.shape[0],
        blocks.shape[0],
        layer.block_rows,
    )
    images = unary_opcodes.size * inputs
    columns, terminals, slack = inputs + images, before_images + images, _SLACK * seen_hh[-1, 2]
    programs = np.empty((population, nodes, 3), dtype=np.int32)
    counts = np.empty(population, dtype=np.int64)
    outputs = np.empty(population, dtype=np.int64)
    slots = np.full(population, -1, dtype=np.int64)
    bounds = np.full(population, -np.inf)  # of the loss, or the loss itself where it is ...
    exact = np.zeros(population, dtype=np.bool_)
    sharp = np.zeros(population, dtype=np.bool_)  # whether the screen would tell no more
    began = np.zeros(population, dtype=np.bool_)  # whether the first block is in its sums
    pivots = np.zeros(population, dtype=np.float32)
    screens = np.zeros((population, 2, 2 + leads.shape[0]), dtype=np.float64)
    reduced, needs = np.empty((nodes, 3), dtype=np.int32), np.empty(nodes, dtype=np.int64)
    sums, bin_sums = (
        np.empty((2, 2 + units), dtype=np.float64),
        np.empty((2, SUMS + 2 * leads.shape[0]), dtype=np.float64),
    )
    scratch = np.empty((nodes, 4), dtype=np.int32)
    deviations, narrow = np.empty(CHUNK, dtype=np.float64), np.empty(CHUNK, dtype=np.float32)
    weights = np.empty(units, dtype=np.float64)
    size = 4
    while size < 2 * population:
        size *= 2
    table = np.full(size, -1, dtype=np.int64)  # offspring by the hash of their active graph
    line, traced = layer.line, np.zeros((before_images + nodes, 3), dtype=np.float64)
    deviation, largest, widest = line[inputs, 0], line[inputs, 1], np.int64(line[inputs, 2])
    copy(line[:inputs], traced[:inputs])
    for address in range(inputs, before_images):
        traced[address, CENTRE] = values[constants_at + (address - inputs) * block_rows]

    # What is known of everyone, or shows on the bins or the first block. The most promising then go
    # on first, so that the others meet a low limit early.
    for offspring in range(population):
        program = programs[offspring]
        key = stream(seed, generation, number, first + offspring)
        count, output = decode(
            parent, alleles, key, bound, opcodes, before_images, program, scratch
        )
        if inputs < before_images and is_constant(program, count, output, inputs):
            at = evaluate_block(
                program,
                count,
                output,
                values,
                inputs,
                before_images,
                rows,
                0,
                1,
                constants_at,
                block_rows,
            )
            if abs(values[at]) < np.inf:
                count, output = 0, inputs
        elif deviation > 0.0 and is_affine(
            program, count, output, before_images, traced, deviation, largest
        ):
            count, output = 0, widest
        counts[offspring], outputs[offspring] = count, output
        if not shortcuts:
            continue
        # an active graph that an earlier offspring had: at best a tie, which the lower number wins
        digest = hash_graph(program, count, output)
        place = digest & uint64(size - 1)
        known = False
        while table[place] >= 0 and not known:
            other = table[place]
            known = (
                counts[other] == count
                and outputs[other] == output
                and same_graph(programs[other], program, count)
            )
            place = (place + uint64(1)) & uint64(size - 1)
        if known:
            bounds[offspring] = np.inf
            continue
        table[place] = offspring
        slot = slot_of(memory, version, digest, count)
        if slot >= 0 and is_known(memory, slot, version, program, count, output):
            bounds[offspring], exact[offspring] = memory.losses[slot], memory.exact[slot]
        elif bins.centres.size > 0:
            enclosed = enclose(program, count, output, inputs, before_images, bins, room)
            if enclosed < 0:
                bounds[offspring] = np.inf
            else:
                left, sharp[offspring] = loss_bound(
                    room, enclosed, bins, beyond_all, lead_scale, bin_sums
                )
                bounds[offspring] = left * (1.0 - _SLACK) - slack
        slots[offspring] = slot
        if bounds[offspring] > -np.inf:
            continue
        count, output, needed = substitute_images(
            program, count, output, inputs, before_images, unary, images, reduced, needs
        )
        start, stop = blocks[0, START], blocks[0, STOP]
        fill_images(needs, needed, unary_opcodes, values, inputs, rows, 0, start, stop, ready)
        at = evaluate_block(
            reduced,
            count,
            output,
            values,
            columns,
            terminals,
            rows,
            start,
            stop,
            constants_at,
            block_rows,
        )
        pivots[offspring] = values[at]
        screened = screens[offspring]
        accumulate(
            values, at, pivots[offspring], leads, start, stop, narrow, screened, blocks[0, IS_VALID]
        )
        began[offspring] = True
        if screened[blocks[0, IS_VALID], SUM_DD] < np.inf:
            left = screen_bound(0, seen_rows[0, 2], screened, seen_u, beyond, lead_scale)
            bounds[offspring] = (left + floors[0]) * (1.0 - _SLACK) - slack
        elif not _all_finite(values, at, stop - start):
            bounds[offspring] = np.inf
    best, best_loss = -1, limit
    # those of which float32 cannot tell anything are hardly the best: a constant, in most cases
    for offspring in np.argsort(np.where(bounds == -np.inf, seen_hh[-1, 2], bounds)):
        if bounds[offspring] == np.inf or (shortcuts and bounds[offspring] > best_loss):
            continue
        if not exact[offspring]:
            program, screened = programs[offspring], screens[offspring]
            count, output, needed = substitute_images(
                program,
                counts[offspring],
                outputs[offspring],
                inputs,
                before_images,
                unary,
                images,
                reduced,
                needs,
            )
            # before anything is found the limit may be infinite, and no bound exceeds it
            bounded = shortcuts and best_loss < np.inf
            possible = True
            for block in range(
                1 if began[offspring] else 0, end if bounded and not sharp[offspring] else 0
            ):
                start, stop, split = (
                    blocks[block, START],
                    blocks[block, STOP],
                    blocks[block, IS_VALID],
                )
                fill_images(
                    needs, needed, unary_opcodes, values, inputs, rows, block, start, stop, ready
                )
                at = evaluate_block(
                    reduced,
                    count,
                    output,
                    values,
                    columns,
                    terminals,
                    rows,
                    start,
                    stop,
                    constants_at,
                    block_rows,
                )
                if block == 0:
                    pivots[offspring] = values[at]
                accumulate(
                    values, at, pivots[offspring], leads, start, stop, narrow, screened, split
                )
                if not screened[split, SUM_DD] < np.inf:
                    possible = _all_finite(values, at, stop - start)
                    if not possible:
                        bounds[offspring] = np.inf
                    break
                left = (
                    screen_bound(block, seen_rows[block, 2], screened, seen_u, beyond, lead_scale)
                    + floors[block]
                )
                if left == -np.inf:  # nor will float32 tell after more rows
                    break
                if block + 1 == end:
                    left = max(
                        left,
                        screen_loss(
                            seen_rows[-1, 0],
                            seen_rows[-1, 1],
                            screened,
                            seen_u,
                            beyond_all,
                            lead_scale,
                        ),
                    )
                bounds[offspring] = max(bounds[offspring], left * (1.0 - _SLACK) - slack)
                possible = not bounds[offspring] > best_loss
                if not possible:
                    break
            if not possible:
                continue
            sums[:] = 0.0
            pivot = 0.0
            for block in range(end):
                start, stop = blocks[block, START], blocks[block, STOP]
                fill_images(
                    needs, needed, unary_opcodes, values, inputs, rows, block, start, stop, ready
                )
                pivot = sum_blocks(
                    reduced,
                    count,
                    output,
                    values,
                    columns,
                    terminals,
                    constants_at,
                    block_rows,
                    target,
                    blocks,
                    block,
                    block + 1,
                    pivot,
                    deviations,
                    sums,
                )
                possible = pivot == pivot
                if not possible:
                    bounds[offspring] = np.inf
                elif bounded:
                    bounds[offspring] = max(
                        bounds[offspring],
                        lower_bound(block, seen_rows, sums, seen_h, seen_hh, floors),
                    )
                    possible = not bounds[offspring] > best_loss
                if not possible:
                    break
            if not possible:
                continue
            bounds[offspring] = solve(
                seen_rows[-1, 0], seen_rows[-1, 1], sums, seen_h[-1], seen_hh[-1], weights
            )
            exact[offspring] = True
        loss = bounds[offspring]
        if loss < best_loss or (
            loss == best_loss and loss < np.inf and (best < 0 or offspring < best)
        ):
            best, best_loss = offspring, loss
    for offspring in range(population):
        slot = slots[offspring]
        if slot >= 0:
            remember(
                memory,
                slot,
                version,
                programs[offspring],
                counts[offspring],
                outputs[offspring],
                bounds[offspring],
                exact[offspring],
            )
    if best < 0:
        return -1, np.inf
    return first + best, best_loss


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def propagate(layer, program, count, output, f, weights, biases):  # type: ignore[no-untyped-def]
    """Evaluate and fit the chosen chromosome: write its value at every row, and the weights and
    biases of the layer's units.

    Returns the mean of its value over the training rows.
    """
    target, values, constants_at = layer.target, layer.values, layer.constants_at
    blocks, mean, rows = target.blocks, target.mean, target.values.shape[1]
    inputs, terminals, block_rows = layer.inputs, layer.terminals, layer.block_rows
    deviations = np.empty(CHUNK, dtype=np.float64)
    sums = np.zeros((2, 2 + target.values.shape[0]), dtype=np.float64)
    reduced = np.empty(target.values.shape[0], dtype=np.float64)
    pivot = 0.0
    for block in range(blocks.shape[0]):
        start, stop, split = blocks[block, START], blocks[block, STOP], blocks[block, IS_VALID]
        at = evaluate_block(
            program,
            count,
            output,
            values,
            inputs,
            terminals,
            rows,
            start,
            stop,
            constants_at,
            block_rows,
        )
        if block == 0:
            pivot = np.float64(values[at])
        accumulate(values, at, pivot, target.values, start, stop, deviations, sums, split)
        for i in range(uint64(stop - start)):
            f[start + i] = values[at + i]
    solve(
        target.seen_rows[-1, 0],
        target.seen_rows[-1, 1],
        sums,
        target.seen_h[-1],
        target.seen_hh[-1],
        reduced,
    )
    centre = pivot + sums[0, SUM_D] / target.seen_rows[-1, 0]
    # the weights of the projected target become those of the layer's units
    weights[:] = 0.0
    for j in range(reduced.size):
        for unit in range(mean.size):
            weights[unit] += reduced[j] * target.basis[j, unit]
    for unit in range(mean.size):
        biases[unit] = mean[unit] - weights[unit] * centre
    return centre


@njit(cache=True, nogil=True, error_model="numpy", fastmath={"contract"})
def spread(f, weights, biases, stride, following):  # type: ignore[no-untyped-def]
    """Write a layer's symbolic values w·f + b to the next layer's inputs, column after column with
    ``stride`` places each."""
    for unit in range(weights.size):
        w, b = weights[unit], biases[unit]
        to = uint64(unit * stride)
        for i in range(uint64(f.size)):
            following[to + i] = np.float32(w * np.float64(f[i]) + b)
