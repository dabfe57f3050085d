"""The joint search fits the constants of a composite (Levenberg and Marquardt); its weights and biases follow by least squares."""

import math

import numpy as np

from srnet.cgp.arrays import copy
from srnet.cgp.compiling import njit
from srnet.cgp.composites import (
    BASIS_AT,
    TARGET_AT,
    UNITS,
    WIDTH,
    active_constants,
    adopt,
    decode_layer,
    evaluate_from,
    identify_layer,
    is_classes,
    remember,
)
from srnet.cgp.logistic import inner, row_loss, solve_positive


@njit(cache=True, nogil=True)
def residuals(first, problem, lineage, scratch, out):  # type: ignore[no-untyped-def]
    """Write what the composite evaluated last leaves, weighted so that its sum of squares is the fitness; layers from ``first`` on.

    Of a classifier's output it is the square root of each row's cross-entropy.
    """
    table, rows = problem.table, problem.rows
    layers = table.shape[0]
    for layer in range(first, layers):
        at, units, width = table[layer, TARGET_AT], table[layer, UNITS], table[layer, WIDTH]
        side = 1 - lineage.side[layer] if scratch.fresh[layer] else lineage.side[layer]
        f = lineage.f[layer, side]
        if is_classes(layer, problem):
            free = problem.members.shape[1] - 1
            for i in range(rows):
                label = np.int64(problem.targets[at + i])
                nats = row_loss(f[i], label, lineage.weights[layer, side, :free], lineage.biases[layer, side, :free])
                out[at + i] = math.sqrt(nats / rows)
            continue
        scale = 1.0 / math.sqrt(float(rows * width * (max(layers - 1, 1) if layer + 1 < layers else 1)))
        centre = lineage.centres[layer, side]
        for unit in range(units):
            # the weight of the projected unit: basis rows are orthonormal
            weight = 0.0
            for j in range(width):
                weight += lineage.weights[layer, side, j] * problem.basis[table[layer, BASIS_AT] + unit * width + j]
            h, left = problem.targets[at + unit * rows :][:rows], out[at + unit * rows :][:rows]
            for i in range(rows):
                left[i] = scale * (h[i] - weight * (f[i] - centre))


@njit(cache=True, nogil=True)
def polish(iterations, problem, lineage, scratch):  # type: ignore[no-untyped-def]
    """Fit the active constants of the lineage's composite by Levenberg and Marquardt; w and b follow by least squares each time.

    Derivatives by forward differences: every column costs the evaluations of its constant's layer and of those above.
    """
    layers = problem.table.shape[0]
    constants = scratch.constants
    owners, slots = np.empty(constants.size, dtype=np.int64), np.empty(constants.size, dtype=np.int64)
    count = 0
    for layer in range(layers):
        nodes, output = decode_layer(layer, problem, lineage.genes, scratch)
        found = active_constants(layer, nodes, output, problem, scratch)
        for k in range(found):
            owners[count], slots[count] = layer, scratch.slots[k]
            count += 1
    if count == 0:
        return
    jacobian, base = scratch.jacobian, scratch.jacobian[count]
    products, damped = np.empty((count, count)), np.empty((count, count))
    gradient, move = np.empty(count), np.empty(count)
    damping = 1e-2
    for _ in range(iterations):
        scratch.fresh[:] = False
        residuals(0, problem, lineage, scratch, base)
        trace = 0.0
        for k in range(count):
            copy(lineage.constants, constants)
            value = constants[slots[k]]
            constants[slots[k]] = np.float64(np.float32(value + 1e-3 * max(abs(value), 0.1)))
            inverse = 1.0 / (constants[slots[k]] - value)
            # nothing changes in the layers below the constant's, and owners come in the order of layers
            column, before = jacobian[k, problem.table[owners[k], TARGET_AT] :], base[problem.table[owners[k], TARGET_AT] :]
            total = evaluate_from(owners[k], lineage.genes, constants, problem, lineage, np.inf, scratch)
            if total < np.inf:
                residuals(owners[k], problem, lineage, scratch, jacobian[k])
                for i in range(before.size):
                    column[i] = (column[i] - before[i]) * inverse
            else:
                column[:] = 0.0
            gradient[k] = -inner(column, before)
            for other in range(k + 1):
                products[k, other] = inner(column, jacobian[other, problem.table[owners[k], TARGET_AT] :])
                products[other, k] = products[k, other]
            trace += products[k, k]
        if not trace < np.inf:
            return
        improved = False
        for _ in range(3):
            copy(products, damped)
            copy(gradient, move)
            for k in range(count):
                damped[k, k] += damping * products[k, k] + 1e-30 + 1e-12 * trace
            if not solve_positive(damped, move):
                damping *= 10.0
                continue
            copy(lineage.constants, constants)
            for k in range(count):
                constants[slots[k]] = np.float64(np.float32(constants[slots[k]] + move[k]))
            if not np.isfinite(constants).all():
                return
            total = evaluate_from(0, lineage.genes, constants, problem, lineage, lineage.total[0], scratch)
            if total < lineage.total[0]:
                gain = lineage.total[0] - total
                for layer in range(layers):
                    identify_layer(layer, lineage.genes, constants, problem, scratch)
                adopt(total, lineage.genes, constants, lineage, scratch)
                improved = gain > 1e-4 * total
                damping *= 0.2
                break
            damping *= 10.0
        if not improved:
            break
    remember(lineage.counts.sum(), lineage.total[0], lineage.genes, lineage.constants, lineage)
