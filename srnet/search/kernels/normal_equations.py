"""How the fitness of a composite changes with its constants: the Gauss–Newton approximation that
Levenberg and Marquardt need.

Variable projection (Golub & Pereyra 1973): the fitness is a function of the constants alone, since
w and b are those of least squares. Its derivatives are exact, through the response of w and b and
through all layers above. With φ a layer's formula minus its mean over the training rows, h the
centred target, S = Σφ² over the training rows, and g a derivative of φ,

    w = Σφh / S,    r = h − wφ,    dr = −(dw·φ + w·g),    dw = (Σgh − 2wΣφg) / S,

so that the equations of all units need no more than sums over rows of g with φ, h and each other.
The inputs of the next layer are wφ + b.
"""

import numpy as np
from numba import types, uint64
from numba.extending import overload

from srnet.cgp.compiling import borrowing, copy, owning
from srnet.cgp.derivatives import sweep
from srnet.search.kernels.class_kernel import inner
from srnet.search.kernels.composite_kernel import (
    active_constants,
    decode_layer,
    evaluate_layer,
    is_classes,
    is_used,
)
from srnet.search.kernels.composites import (
    BASIS_AT,
    CONSTANTS,
    CONSTANTS_AT,
    INPUTS,
    TARGET_AT,
    UNITS,
    WIDTH,
)
from srnet.search.kernels.sums import SUM_D, SUM_DD, SUM_DH, accumulate

# Evaluations that the derivatives of one layer count for; they take the time of about three
# (tests/benchmarks/derivatives.py).
DERIVATIVES = 4


@borrowing(inline="always")
def list_constants(layout, genes, graph, fit):  # type: ignore[no-untyped-def]
    """Write the active constants of a composite to ``fit``, layer after layer; how many."""
    count = 0
    for layer in range(layout.table.shape[0]):
        nodes, output = decode_layer(layer, layout, genes, graph)
        for k in range(active_constants(layer, nodes, output, layout, graph)):
            fit.owners[count], fit.slots[count] = layer, graph.slots[k]
            count += 1
    return count


@borrowing(error_model="numpy", fastmath={"contract"})
def normal_equations(problem, composite, scratch, products, gradient):  # type: ignore[no-untyped-def]
    """Write JᵀJ (count × count) and -Jᵀr of the composite's fitness by the constants listed in
    ``scratch.fit``."""
    fit, count = scratch.fit, gradient.size
    for k in range(count):
        gradient[k] = 0.0
        for other in range(count):
            products[k, other] = 0.0
    first = fit.owners[0]
    for layer in range(first, problem.layout.table.shape[0]):
        reached = take_derivatives(layer, first, count, problem, composite, scratch)
        if is_classes(layer, problem):
            labels = problem.targets[problem.layout.table[layer, TARGET_AT] :]
            add_classes(problem.points, layer, reached, labels, composite, fit, products, gradient)
        else:
            add_squares(layer, reached, problem, composite, scratch, products, gradient)
    for k in range(count):
        for other in range(k):
            products[other, k] = products[k, other]


@borrowing(inline="always", error_model="numpy", fastmath={"contract"})
def take_derivatives(layer, first, count, problem, composite, scratch):  # type: ignore[no-untyped-def]
    """Turn the derivatives g of the layer below into the derivatives of this layer's formula; of
    how many constants there are some.

    Constants are in the order of their layers, the lowest of which is ``first``.
    """
    layout, graph, fit = problem.layout, scratch.graph, scratch.fit
    table, rows = layout.table, uint64(problem.rows)
    inputs, eph = table[layer, INPUTS], table[layer, CONSTANTS]
    side, beneath = composite.side[layer], layer - 1 if layer > 0 else 0
    source = composite.side[beneath]
    below, weights = composite.f[beneath, source], composite.weights[beneath, source]
    nodes, output = decode_layer(layer, layout, composite.genes, graph)
    evaluate_layer(
        layer,
        nodes,
        output,
        composite.constants,
        layout,
        problem.x,
        graph.program,
        below,
        weights,
        composite.biases[beneath, source],
        scratch.values,
        composite.f[layer, 1 - side],
    )
    scratch.evaluations[0] += DERIVATIVES
    wanted, adjoints = fit.wanted, fit.adjoints
    for address in range(inputs + eph):
        wanted[address] = (address >= inputs or layer > first) and is_used(
            address, graph.program, nodes, output
        )
    sweep(
        graph.program, nodes, output, inputs + eph, scratch.values, adjoints, wanted, problem.rows
    )
    along = fit.along
    if layer > first:
        centre = np.float32(composite.centres[beneath, source])
        for i in range(rows):
            along[i] = np.float32(0.0)
        for j in range(inputs):
            if wanted[j]:
                partial, weight = (
                    adjoints[j * problem.rows :][: problem.rows],
                    np.float32(weights[j]),
                )
                for i in range(rows):
                    along[i] += weight * partial[i]
                    # from here on times φ, for the weights' own change
                    partial[i] *= below[i] - centre
    reached = 0
    while reached < count and fit.owners[reached] <= layer:
        tangent = fit.tangents[reached]
        if fit.owners[reached] == layer:
            address = inputs + fit.slots[reached] - table[layer, CONSTANTS_AT]
            copy(adjoints[address * problem.rows :][: problem.rows], tangent)
        else:
            for i in range(rows):
                tangent[i] *= along[i]
            for j in range(inputs):
                if wanted[j]:
                    turn = 0.0
                    for unit in range(table[beneath, UNITS]):
                        turn += (
                            fit.slopes[reached, unit]
                            * problem.basis[table[beneath, BASIS_AT] + unit * inputs + j]
                        )
                    partial, change = adjoints[j * problem.rows :][: problem.rows], np.float32(turn)
                    for i in range(rows):
                        tangent[i] += change * partial[i]
        reached += 1
    return reached


@borrowing(inline="always", error_model="numpy", fastmath={"contract"})
def add_squares(layer, count, problem, composite, scratch, products, gradient):  # type: ignore[no-untyped-def]
    """Add one layer's squares to JᵀJ (lower triangle) and to -Jᵀr; its derivatives are centred and
    those of its weights noted."""
    table, fit = problem.layout.table, scratch.fit
    rows, train = problem.rows, problem.train_rows
    units, width, hidden = table[layer, UNITS], table[layer, WIDTH], layer + 1 < table.shape[0]
    side = composite.side[layer]
    f, centre = composite.f[layer, side], composite.centres[layer, side]
    target = problem.targets[
        table[layer, TARGET_AT] : table[layer, TARGET_AT] + units * rows
    ].reshape(units, rows)
    scale = 1.0 / float(rows * width * (max(table.shape[0] - 1, 1) if hidden else 1))
    sums, sum_h, deviations = scratch.sums, problem.sums_h[layer], scratch.deviations
    sums[:, : 2 + units] = 0.0
    accumulate(f, uint64(0), centre, target, 0, train, deviations, sums, 0)
    accumulate(f, uint64(train), centre, target, train, rows, deviations, sums, 1)
    square = sums[0, SUM_DD]
    whole = square + sums[1, SUM_DD]
    length = 0.0
    for unit in range(units):
        weight = 0.0
        for j in range(width):
            weight += (
                composite.weights[layer, side, j]
                * problem.basis[table[layer, BASIS_AT] + unit * width + j]
            )
        length += weight * weight
        fit.weights[unit] = weight
        fit.left[unit] = sums[0, SUM_DH + unit] + sums[1, SUM_DH + unit] - weight * whole
    phi, narrow = fit.along, np.float32(centre)
    for i in range(uint64(rows)):
        phi[i] = f[i] - narrow
    for k in range(count):
        tangent = fit.tangents[k]
        sums[:, : 2 + units] = 0.0
        accumulate(tangent, uint64(0), 0.0, target, 0, train, deviations, sums, 0)
        accumulate(tangent, uint64(train), 0.0, target, train, rows, deviations, sums, 1)
        mean = sums[0, SUM_D] / train
        narrow = np.float32(mean)
        for i in range(uint64(rows)):
            tangent[i] -= narrow
        trained = inner(phi[:train], tangent[:train])
        across, turned = trained + inner(phi[train:], tangent[train:]), 0.0
        for unit in range(units):
            weight = fit.weights[unit]
            there = sums[0, SUM_DH + unit] - mean * sum_h[0, unit]
            change = (there - 2.0 * weight * trained) / square if square > 0.0 else 0.0
            everywhere = there + sums[1, SUM_DH + unit] - mean * sum_h[1, unit]
            gradient[k] += scale * (
                change * fit.left[unit] + weight * (everywhere - weight * across)
            )
            fit.slopes[k, unit] = change
            turned += change * weight
        fit.across[k], fit.turned[k] = across, turned
        for other in range(k + 1):
            both = inner(fit.slopes[k, :units], fit.slopes[other, :units])
            products[k, other] += scale * (
                both * whole
                + turned * fit.across[other]
                + fit.turned[other] * across
                + length * inner(tangent, fit.tangents[other])
            )


# It makes arrays, of a few numbers per row; classifiers are few.
@owning(error_model="numpy", fastmath={"contract"})
def _add_classes(  # type: ignore[no-untyped-def]
    free, layer, count, labels, composite, fit, products, gradient
):
    side, rows = composite.side[layer], labels.size
    f = composite.f[layer, side]
    w, b = composite.weights[layer, side], composite.biases[layer, side]
    slope, curvature, shares = np.empty(rows), np.empty(rows), np.empty(free + 1)
    total, mean, square = 0.0, 0.0, 0.0
    for i in range(rows):
        top, norm, first, second = 0.0, 0.0, 0.0, 0.0
        for c in range(free):
            top = max(top, w[c] * f[i] + b[c])
        for c in range(free + 1):
            shares[c] = np.exp((w[c] * f[i] + b[c] if c < free else 0.0) - top)
            norm += shares[c]
        for c in range(free):
            first += shares[c] / norm * w[c]
            second += shares[c] / norm * w[c] * w[c]
        label = np.int64(labels[i])
        slope[i] = 0.5 * (first - (w[label] if label < free else 0.0)) / rows
        curvature[i] = 0.5 * max(second - first * first, 0.0) / rows
        total += curvature[i]
        mean += curvature[i] * f[i]
    mean = mean / total if total > 0.0 else 0.0
    for i in range(rows):
        square += curvature[i] * (f[i] - mean) ** 2
    for k in range(count):
        tangent = fit.tangents[k]
        level, tilt = 0.0, 0.0
        for i in range(rows):
            level += curvature[i] * tangent[i]
            tilt += curvature[i] * tangent[i] * (f[i] - mean)
        level, tilt = level / total if total > 0.0 else 0.0, tilt / square if square > 0.0 else 0.0
        for i in range(rows):
            tangent[i] -= np.float32(level + tilt * (f[i] - mean))
            gradient[k] -= slope[i] * tangent[i]
        for other in range(k + 1):
            for i in range(rows):
                products[k, other] += curvature[i] * tangent[i] * fit.tangents[other, i]


def add_classes(  # type: ignore[no-untyped-def]
    points, layer, count, labels, composite, fit, products, gradient
):
    """Add half of the cross-entropy's Gauss–Newton matrix, and of its descent, for a classifier's
    output layer.

    An affine change of f is undone by w and b: the derivatives are taken without their share of it.
    """
    free = points.members.shape[1] - 1
    _add_classes(free, layer, count, labels, composite, fit, products, gradient)


@overload(add_classes, inline="always")
def _choose_add(  # type: ignore[no-untyped-def]
    points, layer, count, labels, composite, fit, products, gradient
):
    """Without classes there is nothing to compile."""
    if points == types.none:
        return lambda points, layer, count, labels, composite, fit, products, gradient: None
    return add_classes
