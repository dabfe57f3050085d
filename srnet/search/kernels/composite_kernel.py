"""The compiled kernel that scores composites (preset ``joint``).

The inputs of a layer after the first are affine images of the formula before; those that its active
nodes read are made on the fly.

Here and in the modules above, functions of one caller, or of a few lines, are inlined: Numba would
otherwise pass each of the dozens of arrays, and compile again in each caller what that calls. It
saves a quarter of the time that the joint search takes to compile.
"""

import numpy as np
from numba import types, uint64
from numba.extending import overload

from srnet.cgp.compiling import borrowing, copy, owning
from srnet.cgp.evaluation import evaluate_block
from srnet.cgp.genome import decode
from srnet.cgp.graph import cost_of_graph
from srnet.cgp.primitives import ARITIES
from srnet.search.kernels.class_kernel import LogisticWork, cross_entropy
from srnet.search.kernels.composites import (
    BASIS_AT,
    CONSTANTS,
    CONSTANTS_AT,
    GENES,
    GENES_AT,
    INPUTS,
    MEAN_AT,
    TARGET_AT,
    UNITS,
    WIDTH,
)
from srnet.search.kernels.sums import SUM_D, SUM_DD, accumulate, solve

_NO_MUTATION = uint64(0)


@borrowing()
def decode_layer(layer, layout, genes, graph):  # type: ignore[no-untyped-def]
    """Decode one layer's chromosome to ``graph``; (active nodes, address of the output)."""
    at, size = layout.table[layer, GENES_AT], layout.table[layer, GENES]
    return decode(
        genes[at : at + size],
        layout.alleles[at : at + size],
        _NO_MUTATION,
        _NO_MUTATION,
        layout.opcodes,
        layout.table[layer, INPUTS] + layout.table[layer, CONSTANTS],
        graph.program,
        graph.nodes,
    )


@borrowing(inline="always")
def is_used(address, program, count, output):  # type: ignore[no-untyped-def]
    """Whether an active node, or the output, reads a terminal."""
    if output == address:
        return True
    for node in range(count):
        if program[node, 1] == address or (
            program[node, 2] == address and ARITIES[program[node, 0]] == 2
        ):
            return True
    return False


@borrowing()
def active_constants(layer, count, output, layout, graph):  # type: ignore[no-untyped-def]
    """Write the constants that the decoded graph reads to ``graph.slots``; how many."""
    found = 0
    for j in range(layout.table[layer, CONSTANTS]):
        if is_used(layout.table[layer, INPUTS] + j, graph.program, count, output):
            graph.slots[found] = layout.table[layer, CONSTANTS_AT] + j
            found += 1
    return found


@borrowing(error_model="numpy", fastmath={"contract"})
def evaluate_layer(  # type: ignore[no-untyped-def]
    layer, count, output, constants, layout, x, program, below_f, below_w, below_b, values, f
):
    """Write one layer's f; its inputs are x in the first layer, below_w·below_f + below_b in the
    others. ``values`` then holds those of all terminals and nodes."""
    inputs, eph, rows = layout.table[layer, INPUTS], layout.table[layer, CONSTANTS], f.size
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
            value = np.float32(constants[layout.table[layer, CONSTANTS_AT] + j])
            for i in range(uint64(rows)):
                values[to + i] = value
    at = evaluate_block(
        program, count, output, values, inputs, inputs + eph, rows, 0, rows, inputs * rows, rows
    )
    for i in range(uint64(rows)):
        f[i] = values[at + i]


@borrowing(inline="always")
def is_classes(layer, problem):  # type: ignore[no-untyped-def]
    """Whether a layer is the output layer of a classifier."""
    return problem.points is not None and layer + 1 == problem.layout.table.shape[0]


@owning()
def _fit_classes(points, f, w, b):  # type: ignore[no-untyped-def]
    rows = f.size
    for i in range(rows):
        if not abs(f[i]) < np.inf:
            return np.inf
    free = points.members.shape[1] - 1
    theta, none = np.empty(2 * free), np.empty(0)
    # rows are in no order in which neighbours were alike, so none are grouped
    work = LogisticWork(f, np.empty(rows), none, none, theta)
    loss, mean, deviation = cross_entropy(f, points, np.inf, work)
    for c in range(free):
        w[c] = theta[2 * c + 1] / deviation
        b[c] = theta[2 * c] - w[c] * mean
    return loss / rows


def fit_classes(points, f, w, b):  # type: ignore[no-untyped-def]
    """``fit_layer`` of a classifier's output layer: the mean cross-entropy."""
    return _fit_classes(points, f, w, b)


@overload(fit_classes, inline="always")
def _choose_fit(points, f, w, b):  # type: ignore[no-untyped-def]
    """Without classes there is nothing to compile; it would take a fifth of the time."""
    return (lambda points, f, w, b: np.inf) if points == types.none else fit_classes


@borrowing(inline="always")
def fit_layer(layer, problem, f, w, b, centres, scratch):  # type: ignore[no-untyped-def]
    """Fit one layer's w and b, and note f's mean in ``centres[0]``; returns the loss over all rows,
    infinite where f is not finite."""
    table, rows, train_rows = problem.layout.table, problem.rows, problem.train_rows
    if is_classes(layer, problem):
        return fit_classes(problem.points, f, w, b)
    units, width = table[layer, UNITS], table[layer, WIDTH]
    at = table[layer, TARGET_AT]
    target = problem.targets[at : at + units * rows].reshape(units, rows)
    sums, reduced = scratch.sums, scratch.reduced
    sums[:, : 2 + units] = 0.0
    pivot = np.float64(f[0])
    accumulate(f, uint64(0), pivot, target, 0, train_rows, scratch.deviations, sums, 0)
    accumulate(f, uint64(train_rows), pivot, target, train_rows, rows, scratch.deviations, sums, 1)
    if not (sums[0, SUM_DD] < np.inf and sums[1, SUM_DD] < np.inf):
        return np.inf
    total = solve(
        train_rows,
        rows - train_rows,
        sums,
        problem.sums_h[layer],
        problem.sums_hh[layer],
        reduced[:units],
    )
    centres[0] = centre = pivot + sums[0, SUM_D] / train_rows
    for j in range(width):
        weight = 0.0
        for unit in range(units):
            weight += reduced[unit] * problem.basis[table[layer, BASIS_AT] + unit * width + j]
        w[j] = weight
        b[j] = problem.mean[table[layer, MEAN_AT] + j] - weight * centre
    return total / (rows * width)


@borrowing()
def evaluate_from(first, genes, constants, problem, composite, limit, scratch):  # type: ignore[no-untyped-def]
    """Fitness of an offspring whose layers below ``first`` are those of the composite.

    The layers are written to the composite's other side and marked in ``scratch.fresh``, their
    complexities in ``scratch.complexities``. Stops with infinity as soon as the layers so far are
    worse than ``limit``; every layer evaluated counts.
    """
    layers = problem.layout.table.shape[0]
    hidden = max(layers - 1, 1)
    side, fresh, losses = composite.side, scratch.fresh, composite.losses
    total = 0.0
    for layer in range(layers):
        fresh[layer] = layer >= first
        if layer < first:
            scratch.complexities[layer] = composite.complexities[layer]
            total += losses[layer, side[layer]] / hidden
    for layer in range(first, layers):
        count, output = decode_layer(layer, problem.layout, genes, scratch.graph)
        scratch.complexities[layer] = cost_of_graph(scratch.graph.program, count, problem.costs)
        here, beneath = 1 - side[layer], max(layer - 1, 0)
        source = 1 - side[beneath] if layer > first else side[beneath]
        f = composite.f[layer, here]
        evaluate_layer(
            layer,
            count,
            output,
            constants,
            problem.layout,
            problem.x,
            scratch.graph.program,
            composite.f[beneath, source],
            composite.weights[beneath, source],
            composite.biases[beneath, source],
            scratch.values,
            f,
        )
        losses[layer, here] = fit_layer(
            layer,
            problem,
            f,
            composite.weights[layer, here],
            composite.biases[layer, here],
            composite.centres[layer, here:],
            scratch,
        )
        scratch.evaluations[0] += 1
        total += losses[layer, here] / (hidden if layer + 1 < layers else 1)
        if not total <= limit:
            return np.inf
    return total


@borrowing(inline="always")
def adopt(total, genes, constants, composite, scratch):  # type: ignore[no-untyped-def]
    """Make the offspring evaluated last the composite."""
    composite.total[0] = total
    copy(genes, composite.genes)
    copy(constants, composite.constants)
    copy(scratch.complexities, composite.complexities)
    for layer in range(composite.side.size):
        if scratch.fresh[layer]:
            composite.side[layer] = 1 - composite.side[layer]


@borrowing(inline="always")
def copy_composite(source, target):  # type: ignore[no-untyped-def]
    """Make one composite, with what has been computed of it, another."""
    copy(source.genes, target.genes)
    copy(source.constants, target.constants)
    copy(source.complexities, target.complexities)
    copy(source.total, target.total)
    copy(source.side, target.side)
    copy(source.f, target.f)
    copy(source.weights, target.weights)
    copy(source.biases, target.biases)
    copy(source.centres, target.centres)
    copy(source.losses, target.losses)


@borrowing(inline="always")
def entry_of(complexity, archive):  # type: ignore[no-untyped-def]
    """The archive's entry of a complexity."""
    return min(complexity, archive.totals.size - 1)


@borrowing(inline="always")
def remember(complexity, total, genes, constants, archive):  # type: ignore[no-untyped-def]
    """Put a composite in the archive if it is the best of its complexity."""
    entry = entry_of(complexity, archive)
    if total < archive.totals[entry]:
        archive.totals[entry] = total
        copy(genes, archive.genes[entry])
        copy(constants, archive.constants[entry])
