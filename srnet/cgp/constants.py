"""The joint search fits the constants of a composite (Levenberg and Marquardt); its weights and biases follow by least squares."""

import math

import numpy as np

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
from srnet.cgp.logistic import inner, row_loss


@njit(cache=True, nogil=True)
def residuals(first, problem, lineage, scratch, out):  # type: ignore[no-untyped-def]
    """Write what the composite evaluated last leaves, weighted so that its sum of squares is the fitness; layers from ``first`` on.

    Of a classifier's output it is the square root of each row's cross-entropy.
    """
    table, rows = problem.table, problem.rows
    layers = table.shape[0]
    at = 0
    for layer in range(layers):
        units, width = table[layer, UNITS], table[layer, WIDTH]
        if layer >= first and is_classes(layer, problem):
            side = 1 - lineage.side[layer] if scratch.fresh[layer] else lineage.side[layer]
            f, free = lineage.f[layer, side], problem.members.shape[1] - 1
            for i in range(rows):
                label = np.int64(problem.targets[at + i])
                nats = row_loss(f[i], label, lineage.weights[layer, side, :free], lineage.biases[layer, side, :free])
                out[at + i] = math.sqrt(nats / rows)
        elif layer >= first:
            side = 1 - lineage.side[layer] if scratch.fresh[layer] else lineage.side[layer]
            f = lineage.f[layer, side]
            scale = 1.0 / math.sqrt(float(rows * width * (max(layers - 1, 1) if layer + 1 < layers else 1)))
            mean = 0.0
            for i in range(problem.train_rows):
                mean += f[i]
            mean /= problem.train_rows
            for unit in range(units):
                # the weight of the projected unit: basis rows are orthonormal
                weight = 0.0
                for j in range(width):
                    weight += lineage.weights[layer, side, j] * problem.basis[table[layer, BASIS_AT] + unit * width + j]
                h = table[layer, TARGET_AT] + unit * rows
                for i in range(rows):
                    out[at + unit * rows + i] = scale * (problem.targets[h + i] - weight * (f[i] - mean))
        at += units * rows


@njit(cache=True, nogil=True)
def polish(iterations, problem, lineage, scratch):  # type: ignore[no-untyped-def]
    """Fit the active constants of the lineage's composite by Levenberg and Marquardt; w and b follow by least squares each time.

    Derivatives by forward differences: every column costs the evaluations of the layers above its constant.
    """
    layers = problem.table.shape[0]
    constants = scratch.constants
    owners = np.empty(constants.size, dtype=np.int64)
    slots = np.empty(constants.size, dtype=np.int64)
    count = 0
    for layer in range(layers):
        nodes, output = decode_layer(layer, problem, lineage.genes, scratch)
        found = active_constants(layer, nodes, output, problem, scratch)
        for k in range(found):
            owners[count], slots[count] = layer, scratch.slots[k]
            count += 1
    if count == 0:
        return
    base = np.empty(problem.targets.size, dtype=np.float64)
    moved = np.empty(problem.targets.size, dtype=np.float64)
    jacobian = np.empty((count, problem.targets.size), dtype=np.float64)
    damping = 1e-2
    for _ in range(iterations):
        scratch.fresh[:] = False
        residuals(0, problem, lineage, scratch, base)
        for k in range(count):
            constants[:] = lineage.constants
            value = constants[slots[k]]
            constants[slots[k]] = np.float64(np.float32(value + 1e-3 * max(abs(value), 0.1)))
            delta = constants[slots[k]] - value
            total = evaluate_from(owners[k], lineage.genes, constants, problem, lineage, np.inf, scratch)
            if total < np.inf:
                moved[:] = base
                residuals(owners[k], problem, lineage, scratch, moved)
                for i in range(base.size):
                    jacobian[k, i] = (moved[i] - base[i]) / delta
            else:
                jacobian[k] = 0.0
        normal_matrix = np.zeros((count, count))
        gradient = np.zeros(count)
        for k in range(count):
            gradient[k] = inner(jacobian[k], base)
            for other in range(k + 1):
                normal_matrix[k, other] = inner(jacobian[k], jacobian[other])
                normal_matrix[other, k] = normal_matrix[k, other]
        improved = False
        for _ in range(3):
            damped = normal_matrix.copy()
            for k in range(count):
                damped[k, k] += damping * normal_matrix[k, k] + 1e-30 + 1e-12 * np.trace(normal_matrix)
            if not np.isfinite(damped).all() or not np.isfinite(gradient).all():
                return
            move = np.linalg.solve(damped, -gradient)
            constants[:] = lineage.constants
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
