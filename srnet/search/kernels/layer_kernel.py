"""The compiled search of one layer: the offspring whose formula fits the layer with least squares.

Three phases. All offspring are decoded; those that tie are made equal
(:mod:`srnet.search.kernels.line`), and those that repeat the graph of an earlier one are dropped
(:mod:`srnet.search.kernels.population`). Of a graph that an earlier generation met, the loss or a
lower bound of it is known (:mod:`srnet.search.kernels.memory`); every other is evaluated on the
first block of rows, which gives a bound (:mod:`srnet.search.kernels.screen`). The best known loss
is a limit for all others. They are evaluated on the other blocks, the most promising first, so that
the limit is soon low: who cannot win stops there. Who can is summed again in float64, for all
units.

A block's rows are all training or all validation rows. Blocks hold whole chunks of rows that are
added in a fixed order, so the result does not depend on the block size.
"""

import math
from typing import Any, NamedTuple

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from srnet.cgp.compiling import borrowing
from srnet.search.kernels.line import replace_affine
from srnet.search.kernels.memory import is_known, name_graph, place_of, remember
from srnet.search.kernels.population import (
    decode_offspring,
    evaluate,
    forget_graphs,
    is_repeated,
    refuse_offspring,
)
from srnet.search.kernels.screen import bound_of_loss, bound_so_far
from srnet.search.kernels.sums import (
    CHUNK,
    IS_VALID,
    START,
    STOP,
    SUM_DD,
    accumulate,
    clear,
    solve,
)
from srnet.search.kernels.target import Target
from srnet.typing import Floats

# Squares of numbers between these are within the range of float32, and so are their sums.
_SMALL, _LARGE = 1e-10, 1e10


class Work(NamedTuple):
    """What one thread computes of its offspring.

    Attributes
    ----------
    bounds
        By offspring: a lower bound of its loss, infinite where it is out of the race.
    blocks, pivots, scales, screened
        By offspring: how many blocks of rows are summed, f[0], what deviations from it are
        multiplied by, and the float32 sums: 2 (train, valid) × (2 + components).
    f, sums, weights
        Of one offspring: its value at every row; the float64 sums, 2 × (2 + units); w of the units.
    scaled
        Scratch of a block: deviations that are multiplied.
    deviations, narrow
        Scratch of summing a chunk, float64 and float32.
    """

    bounds: Floats
    blocks: NDArray[np.int64]
    pivots: NDArray[np.float32]
    scales: NDArray[np.float32]
    screened: Floats
    f: NDArray[np.float32]
    sums: Floats
    weights: Floats
    scaled: NDArray[np.float32]
    deviations: Floats
    narrow: NDArray[np.float32]

    @classmethod
    def empty(cls, offspring: int, target: Target) -> "Work":
        """For so many offspring."""
        units, rows = target.values.shape
        return cls(
            np.zeros(offspring),
            np.zeros(offspring, np.int64),
            np.zeros(offspring, np.float32),
            np.zeros(offspring, np.float32),
            np.zeros((offspring, 2, 2 + len(target.screen.values))),
            np.zeros(rows, np.float32),
            np.zeros((2, 2 + units)),
            np.zeros(units),
            np.zeros((target.blocks[:, STOP] - target.blocks[:, START]).max(), np.float32),
            np.zeros(CHUNK),
            np.zeros(CHUNK, np.float32),
        )


@borrowing()
def search_layer(
    layer: Any,
    target: Any,
    line: Any,
    share: Any,
    population: Any,
    nesting: Any,
    memory: Any,
    inputs: Any,
    work: Any,
    shortcuts: Any,
) -> Any:
    """The best of a share's offspring; ``inputs`` numbers the values that the layer reads.

    Returns
    -------
    best, loss
        The offspring's number and its sum of squares; (-1, inf) where none is finite and within the
        limit. Of equals the lowest number wins, so the answer does not depend on how the offspring
        are shared among threads. Without ``shortcuts`` every offspring is summed in float64.
    """
    size = share.last - share.first
    decode_offspring(layer, share, population)
    refuse_offspring(size, layer, population, nesting)
    replace_affine(layer, line, population, size)
    remembers = shortcuts and memory.bounds.size > 0
    screen_first_block(
        layer, target, size, population, nesting.refused, memory, inputs, work, shortcuts
    )
    best, best_loss = -1, share.limit
    if remembers:
        best, best_loss = best_known(memory, work.bounds, size, best_loss)
    while True:
        offspring = most_promising(work.bounds, size, best_loss, target.screen.total)
        if offspring < 0:
            break
        exact = False
        # no bound exceeds an infinite limit; where float32 could tell nothing it is not asked again
        if best_loss < np.inf and work.bounds[offspring] > -np.inf:
            screen_other_blocks(layer, target, population, offspring, work, best_loss)
        if not work.bounds[offspring] > best_loss:
            loss = sum_of_squares(layer, target, population, offspring, work)
            work.bounds[offspring], exact = loss, True
            if loss < best_loss or (
                loss == best_loss and loss < np.inf and (best < 0 or offspring < best)
            ):
                best, best_loss = offspring, loss
        if remembers:
            remember(memory, offspring, work.bounds[offspring], exact)
        work.bounds[offspring] = np.inf
    if best < 0:
        return -1, np.inf
    return share.first + best, best_loss


@borrowing()
def screen_first_block(
    layer: Any,
    target: Any,
    size: Any,
    population: Any,
    refused: Any,
    memory: Any,
    inputs: Any,
    work: Any,
    shortcuts: Any,
) -> None:
    """Bounds of all offspring, known or from the first block of rows; those that cannot win are
    infinite."""
    forget_graphs(population)
    remembers = memory.bounds.size > 0
    first = np.int64(0)  # for a literal, Numba would compile the block's kernel once more
    for offspring in range(size):
        work.bounds[offspring] = np.inf if refused[offspring] else -np.inf
        work.blocks[offspring] = 0
        if refused[offspring] or not shortcuts:
            continue
        # at best a tie, which the lower number wins
        if is_repeated(population, offspring):
            work.bounds[offspring] = np.inf
            continue
        clear(work.screened[offspring])
        if remembers:
            name_graph(memory, offspring, inputs, population)
            if is_known(memory, offspring):
                work.bounds[offspring] = memory.bounds[place_of(memory, offspring)]
                continue
        screen_block(layer, target, population, offspring, first, work)
        if remembers:
            remember(memory, offspring, work.bounds[offspring], False)


@borrowing()
def best_known(memory, bounds, size, limit):  # type: ignore[no-untyped-def]
    """The first of the best of those offspring whose loss is known, and its loss; (-1, limit) where
    none is within the limit. All these offspring leave the race."""
    best, best_loss = -1, limit
    for offspring in range(size):
        if not (bounds[offspring] < np.inf and is_known(memory, offspring)):
            continue
        if memory.exact[place_of(memory, offspring)]:
            loss = bounds[offspring]
            if loss < best_loss or (loss == best_loss and best < 0):
                best, best_loss = offspring, loss
            bounds[offspring] = np.inf
    return best, best_loss


@borrowing()
def screen_other_blocks(layer, target, population, offspring, work, limit):  # type: ignore[no-untyped-def]
    """Raise the bound of an offspring block by block, until it exceeds the limit or float32 cannot
    tell more."""
    for block in range(work.blocks[offspring], target.blocks.shape[0]):
        tells_more = screen_block(layer, target, population, offspring, block, work)
        if not tells_more or work.bounds[offspring] > limit:
            break


@borrowing()
def screen_block(layer, target, population, offspring, block, work):  # type: ignore[no-untyped-def]
    """Add a block to the float32 sums of an offspring and raise its bound; whether float32 may tell
    more after further blocks."""
    start, stop = target.blocks[block, START], target.blocks[block, STOP]
    split, sums = target.blocks[block, IS_VALID], work.screened[offspring]
    at = evaluate(layer, population, offspring, start, stop)
    if block == 0:
        work.pivots[offspring] = layer.values[at]
        work.scales[offspring] = scale_of(layer.values, at, stop - start, layer.values[at])
    work.blocks[offspring] = block + 1
    pivot, scale = work.pivots[offspring], work.scales[offspring]
    f, first, origin = layer.values, at, pivot
    if scale != 1.0:
        f, first, origin = work.scaled, uint64(0), pivot - pivot
        for i in range(uint64(stop - start)):
            f[i] = (layer.values[at + i] - pivot) * scale
    accumulate(f, first, origin, target.screen.values, start, stop, work.narrow, sums, split)
    if not sums[split, SUM_DD] < np.inf:
        if not all_finite(layer.values, at, stop - start):
            work.bounds[offspring] = np.inf
        return False
    constant = (
        sums[0, SUM_DD] + sums[1, SUM_DD] == 0.0
        # squares may be too small for float32
        and all_equal(layer.values, at, stop - start, pivot)
    )
    bound = bound_so_far(target.screen, sums, block, constant)
    if block + 1 == target.blocks.shape[0]:
        fitted = bound_of_loss(target.screen, sums, target.train_rows, target.valid_rows)
        bound = max(bound, fitted)
    work.bounds[offspring] = max(work.bounds[offspring], bound)
    return bound > -np.inf


@borrowing()
def scale_of(values, at, count, pivot):  # type: ignore[no-untyped-def]
    """The power of two that brings deviations from the pivot near 1, where float32 may not hold
    their squares; else 1."""
    largest = np.float32(0.0)
    for i in range(uint64(count)):
        largest = max(largest, abs(values[at + i] - pivot))
    if not (0.0 < largest < np.inf) or _SMALL < largest < _LARGE:
        return np.float32(1.0)
    exponent = min(max(math.frexp(largest)[1], -126), 126)
    return np.float32(math.ldexp(1.0, -exponent))


@borrowing()
def all_finite(values, at, count):  # type: ignore[no-untyped-def]
    """Whether so many values are finite."""
    wrong = 0
    for i in range(uint64(count)):
        wrong += not abs(values[at + i]) < np.inf
    return wrong == 0


@borrowing()
def all_equal(values, at, count, value):  # type: ignore[no-untyped-def]
    """Whether so many values are this one."""
    others = 0
    for i in range(uint64(count)):
        others += values[at + i] != value
    return others == 0


@borrowing()
def most_promising(bounds, size, limit, total):  # type: ignore[no-untyped-def]
    """The offspring with the least bound within the limit, -1 where there is none.

    Those of which nothing is known come as if they left the whole layer unexplained.
    """
    best, least = -1, np.inf
    for offspring in range(size):
        bound = bounds[offspring]
        if bound > limit:
            continue
        bound = total if bound == -np.inf else bound
        if bound < least:
            best, least = offspring, bound
    return best


@borrowing()
def sum_of_squares(layer, target, population, offspring, work):  # type: ignore[no-untyped-def]
    """The loss of one offspring, in float64 for all units; infinite where f is not finite.

    Leaves f, the sums and the weights in ``work``.
    """
    clear(work.sums)
    pivot = 0.0
    for block in range(target.blocks.shape[0]):
        start, stop = target.blocks[block, START], target.blocks[block, STOP]
        split, sums = target.blocks[block, IS_VALID], work.sums
        at = evaluate(layer, population, offspring, start, stop)
        if block == 0:
            pivot = np.float64(layer.values[at])
        accumulate(
            layer.values, at, pivot, target.values, start, stop, work.deviations, sums, split
        )
        f, values, to = work.f, layer.values, uint64(start)
        for i in range(uint64(stop - start)):
            f[to + i] = values[at + i]
        if not sums[split, SUM_DD] < np.inf:
            return np.inf
    return solve(
        target.train_rows, target.valid_rows, work.sums, target.sum_h, target.sum_hh, work.weights
    )


@borrowing(fastmath={"contract"})
def weights_of_units(weights, centre, target, w, b):  # type: ignore[no-untyped-def]
    """Write w and b of the layer's units, from the weights of the projected target and the mean of
    f over the training rows."""
    for unit in range(target.mean.size):
        w[unit] = 0.0
    for j in range(weights.size):
        for unit in range(target.mean.size):
            w[unit] += weights[j] * target.basis[j, unit]
    for unit in range(target.mean.size):
        b[unit] = target.mean[unit] - w[unit] * centre


@borrowing(fastmath={"contract"})
def spread(f, w, b, stride, values):  # type: ignore[no-untyped-def]
    """Write a layer's symbolic values w·f + b to the next layer's inputs, column after column with
    ``stride`` places each."""
    for unit in range(w.size):
        weight, bias = w[unit], b[unit]
        to = uint64(unit * stride)
        for i in range(uint64(f.size)):
            values[to + i] = np.float32(weight * np.float64(f[i]) + bias)
