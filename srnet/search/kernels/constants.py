"""The joint search fits the constants of a composite (Levenberg and Marquardt); its weights and
biases follow by least squares."""

import numpy as np

from srnet.cgp.compiling import borrowing, copy
from srnet.search.kernels.class_kernel import solve_positive
from srnet.search.kernels.composite_kernel import adopt, evaluate_from, identify_layer, remember
from srnet.search.kernels.normal_equations import list_constants, normal_equations


@borrowing()
def polish(iterations, problem, lineage, scratch):  # type: ignore[no-untyped-def]
    """Fit the active constants of the lineage's composite; all evaluations count, derivatives as
    ``DERIVATIVES``."""
    constants, fit = scratch.constants, scratch.fit
    count = list_constants(problem, lineage, scratch)
    if count == 0:
        return
    products, damped = (
        fit.products[: count * count].reshape(count, count),
        fit.damped[: count * count].reshape(count, count),
    )
    gradient, move = fit.gradient[:count], fit.move[:count]
    damping = 1e-2
    for _ in range(iterations):
        normal_equations(count, problem, lineage, scratch, products, gradient)
        trace = 0.0
        for k in range(count):
            # a constant by which the fitness has no derivative stays as it is
            if not (products[k, k] < np.inf and abs(gradient[k]) < np.inf):
                gradient[k] = 0.0
                for other in range(count):
                    products[k, other], products[other, k] = 0.0, 0.0
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
            finite = True
            for k in range(count):
                value = constants[fit.slots[k]] + move[k]
                finite &= abs(value) < 1e38
                # as the kernel reads it, so that formula and kernel share it
                constants[fit.slots[k]] = np.float64(np.float32(value))
            if not finite:
                return
            total = evaluate_from(
                fit.owners[0], lineage.genes, constants, problem, lineage, lineage.total[0], scratch
            )
            if total < lineage.total[0]:
                gain = lineage.total[0] - total
                for layer in range(problem.table.shape[0]):
                    identify_layer(layer, lineage.genes, constants, problem, scratch)
                adopt(total, lineage.genes, constants, lineage, scratch)
                improved = gain > 1e-4 * total
                damping *= 0.2
                break
            damping *= 10.0
        if not improved:
            break
    remember(lineage.counts.sum(), lineage.total[0], lineage.genes, lineage.constants, lineage)
